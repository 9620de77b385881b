/* flight_translate.c - between dialects: the caller's request read once into the canonical message, written for each
 * target in its own words; a whole reply and an error the other way. Streams: flight_events.c.
 *
 * Must never: change silently what a dialect cannot say: it is named in x-weir-dropped, or the target is not asked. */
#include <string.h>

#include "base/check.h"
#include "dialect/anthropic/anthropic_version.h"
#include "dialect/fit.h"
#include "dialect/params.h"
#include "dialect/quirks.h"
#include "dialect/skim.h"
#include "flight/flight_internal.h"
#include "flight/flight_mark.h"

static const int64_t tokens_max = 1000000000000;
enum { translated_body_max = 32 * 1024 * 1024, message_arena_max = 256 * 1024 * 1024 };

/* -- requests -- */

static bool message_has(const struct message_request *message, enum part_kind kind) {
    for (size_t m = 0; m < message->message_count; m++)
        for (size_t p = 0; p < message->messages[m].part_count; p++) {
            const struct message_part *part = &message->messages[m].parts[p];
            if (part->kind == kind) return true;
            for (size_t i = 0; i < part->part_count; i++)
                if (part->parts[i].kind == kind) return true;
        }
    return false;
}

bool translate_read(struct flight *flight, struct error *error, struct str *param) {
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    struct arena *arena = &flight->canonical.arena;
    if (flight->canonical.state == canonical_read) return true;
    if (flight->canonical.state == canonical_impossible) return false; /* *error says why since the first time */
    flight->canonical.state = canonical_impossible;
    if (flight->body.whole.len > translated_body_max)
        return error_set(error, error_body_too_large,
                         "A request for a provider of another dialect is at most 32 MB long.");
    arena_init(arena, 16 * 1024, message_arena_max);
    arena_hold_within(arena, flight->budget);
    if (endpoint->operation == operation_embed) {
        struct embed_request *embed = arena_take_zeroed(arena, sizeof *embed);
        if (!embed) return error_set(error, error_out_of_memory, "%s", "");
        if (!flight->codec->read_embed_request(flight->body.whole, flight->head.path_model, arena, embed, error, param))
            return false;
        if (arena->refused) return error_set(error, error_out_of_memory, "%s", "");
        flight->canonical.embed = embed;
        flight->canonical.state = canonical_read;
        return true;
    }
    if (endpoint->operation == operation_forecast) {
        struct forecast *forecast = arena_take_zeroed(arena, sizeof *forecast);
        if (!forecast) return error_set(error, error_out_of_memory, "%s", "");
        if (!forecast_read(flight->body.whole, arena, forecast, error, param)) return false;
        if (arena->refused) return error_set(error, error_out_of_memory, "%s", "");
        flight->canonical.forecast = forecast;
        flight->canonical.state = canonical_read;
        return true;
    }
    struct message_request *message = arena_take_zeroed(arena, sizeof *message);
    struct message_seen *seen = arena_take_zeroed(arena, sizeof *seen);
    if (!message || !seen) return error_set(error, error_out_of_memory, "%s", "");
    bool stream = flight->endpoint == endpoint_generate_stream;
    if (!flight->codec->read_request(flight->body.whole, flight->head.path_model, stream, arena, message, error, param))
        return false;
    if (arena->refused) return error_set(error, error_out_of_memory, "%s", ""); /* something is missing in it */
    message->seen = seen; /* there may be a thousand targets to fit, and as many messages as a body holds */
    flight->canonical.message = message;
    flight->canonical.state = canonical_read;
    return true;
}

/* Keys that weir reads, and whose double, or whose spelling in other cases, a provider may read in their place: who may
 * use this model or go on from this response could be asked for another one. */
static bool key_is_plain(struct str raw, uint32_t *seen, struct error *error, struct str *param) {
    static const struct str known[] = {
        STR("model"),        STR("stream"),     STR("messages"),          STR("input"),
        STR("tools"),        STR("max_tokens"), STR("max_output_tokens"), STR("previous_response_id"),
        STR("conversation"), STR("store"),      STR("background")};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (raw.len < known[i].len || !skim_is_nocase(raw, known[i])) continue; /* escapes only make it longer */
        *param = known[i];
        if (!skim_is(raw, known[i]))
            return error_set(error, error_invalid_request, "A key is spelt like `%.*s` but for upper and lower case.",
                             STR_ARG(known[i]));
        if (*seen >> i & 1)
            return error_set(error, error_invalid_request, "The key `%.*s` stands twice.", STR_ARG(known[i]));
        *param = STR_NONE;
        *seen |= 1u << i;
        return true;
    }
    return true;
}

/* Where `model` stands in a body whose JSON is good already. */
static bool translate_keys_read(struct str body, struct openai_request *request, struct error *error,
                                struct str *param) {
    struct skim skim;
    uint32_t seen = 0;
    skim_begin(&skim, body, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end && token.kind != skim_error;) {
        if (token.kind == skim_object && token.depth == 0) request->members_at = skim.at;
        if (token.depth != 1 || !token.key.at) continue;
        if (!key_is_plain(token.key, &seen, error, param)) return false;
        if (token.kind != skim_string || !skim_is(token.key, STR("model"))) continue;
        request->model_from = (size_t)(token.value.at - body.at);
        request->model_to = request->model_from + token.value.len;
    }
    return true;
}

bool translate_admit(struct flight *flight, struct error *error, struct str *param) {
    struct openai_request *request = &flight->request;
    if (!translate_read(flight, error, param)) return false;
    *request = (struct openai_request){.max_tokens = -1, .n = 1, .names_more = true};
    request->model = flight->canonical.message ? flight->canonical.message->model : flight->canonical.embed->model;
    if (!translate_keys_read(flight->body.whole, request, error, param)) return false;
    const struct message_request *message = flight->canonical.message;
    if (!message) return true;
    request->stream = message->stream;
    request->include_usage = message->include_usage;
    if (message->max_tokens != MESSAGE_NO_INT && message->max_tokens >= 0) request->max_tokens = message->max_tokens;
    if (message->n > 0) request->n = message->n;
    request->has_image = message_has(message, part_image);
    request->has_audio = message_has(message, part_audio);
    request->has_tools = message->tool_count > 0;
    request->wants_json = message->format >= format_json;
    request->wants_schema = message->format == format_schema;
    request->members = message_features(message, message->from) &
                       (FEATURE_BIT(json_schema) | FEATURE_BIT(tool_choice) | FEATURE_BIT(n));
    return true;
}

bool translate_needed(const struct flight *flight, const struct target *target) {
    enum dialect asked = endpoint_facts(flight->endpoint)->dialect;
    bool responses = api_is_responses(flight, target);
    if (emulation_wanted(flight, target) || calls_has(flight)) return true;
    if (asked == dialect_responses) return !responses;
    if (flight->endpoint == endpoint_forecasts) return true;
    return responses || asked != target->provider->dialect || flight->head.wants_array ||
           flight->endpoint == endpoint_completions;
}

enum dialect translate_towards(const struct flight *flight, const struct target *target) {
    return api_is_responses(flight, target) ? dialect_responses : target->provider->dialect;
}

bool translate_asks_alike(const struct flight *flight, const struct target *target) {
    if (resume_has(flight) || calls_has(flight)) return false; /* what it goes on from is said too; one is asked for */
    return !translate_needed(flight, target) ||
           (flight->head.wants_array && endpoint_facts(flight->endpoint)->dialect == target->provider->dialect &&
            !emulation_wanted(flight, target));
}

static bool embed_fits(const struct flight *flight, const struct codec *codec, struct error *error) {
    uint32_t lacks = embed_asked(flight->canonical.embed) & ~codec->embed_takes;
    if (!codec->write_embed_request) return false;
    for (unsigned f = embed_tokens; f <= embed_dimensions; f++)
        if (lacks >> f & 1)
            return error_set(error, error_unsupported, "No provider of this model can be asked for `%.*s`.",
                             STR_ARG(embed_feature_name((enum embed_feature)f)));
    return true;
}

static bool native_missing(struct flight *flight, struct error *error) {
    flight->choice.unfit_param = flight->canonical.message->native_only;
    if (str_eq(flight->choice.unfit_param, STR("previous_response_id")))
        return error_set(error, error_invalid_request,
                         "There is no stored response `%.*s`: send the whole conversation as `input`.",
                         STR_ARG(flight->stored.previous));
    return error_set(error, error_unsupported, "No provider of this model knows `%.*s`: leave it out.",
                     STR_ARG(flight->choice.unfit_param));
}

/* In the caller's own dialect: what the model refuses and means something. */
static bool alike_fits(struct flight *flight, const struct target *target, struct error *error) {
    const struct message_request *message = flight->canonical.message;
    const uint64_t known = FEATURE_BIT(prefill) | FEATURE_BIT(tool_choice) | FEATURE_BIT(temperature) |
                           FEATURE_BIT(top_p) | FEATURE_BIT(top_k) | FEATURE_BIT(reasoning_effort);
    uint64_t refuses = target->facts ? target->facts->takes.refuses & known : 0;
    if (!message || !refuses) return true;
    return losses_fit(flight, target, message_features(message, message->from) & refuses, error);
}

static bool too_many_calls(struct flight *flight, struct error *error) {
    flight->choice.unfit_param = feature_name(feature_n);
    return error_set(
        error, error_unsupported,
        "`n` is at most %d where each answer is a call of its own, as it is at the providers of this model: "
        "ask for fewer, or for a model of a provider that makes several at once.",
        limit_calls);
}

bool translate_fits(struct flight *flight, const struct target *target, struct error *error) {
    const struct provider *provider = target->provider;
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    char scrap[1024];
    struct text path = text_in_buffer(scrap, sizeof scrap);
    const enum dialect towards = translate_towards(flight, target);
    bool same = !translate_needed(flight, target);
    bool listed = endpoint->operation == operation_chat ? provider->endpoints & 1u << endpoint_chat
                                                        : provider->endpoints & 1u << endpoint_embeddings;
    if (towards == dialect_openai && !same && !listed) return false;
    bool counts = endpoint->operation == operation_count_tokens;
    if (counts && !same && flight->canonical.message && flight->canonical.message->native_only.len)
        return native_missing(flight, error); /* an estimate would leave out what lies there */
    if (!outbound_path(towards, endpoint->operation, STR("m"), false, false, &path)) return false;
    if (!outbound_model_fits(towards, endpoint->operation, target->model)) {
        flight->choice.unfit_param = STR("model");
        return error_set(error, error_invalid_request,
                         "The model's name becomes part of a path there, and must not hold `.`, `..` or empty "
                         "segments, backslashes, blanks, `?`, `#` or escapes of them.");
    }
    if (!version_fits(flight, provider, error)) return false;
    if (translate_asks_alike(flight, target)) return alike_fits(flight, target, error);
    if (!translate_read(flight, error, &flight->choice.unfit_param)) return false;
    if (flight->canonical.forecast) return true;
    if (flight->canonical.embed) return embed_fits(flight, codec_of(provider->dialect), error);
    if (flight->canonical.message->native_only.len) return native_missing(flight, error);
    struct message_request fitted;
    struct fit fit;
    struct codec_target there = params_plain_target(flight, target);
    struct message_request *message = flight->canonical.message;
    if (message->format == format_schema || message->tool_choice >= tools_required) emulate_look(message);
    fit_request(flight->canonical.message, codec_of(towards), &there, flight_unsupported(flight, target), &fitted,
                &fit);
    if (flight_unsupported(flight, target) == unsupported_refuse) fit.refused |= mark_lost(flight, target);
    if (flight->snapshot->fetch.on) fit.fetched = 0; /* weir gets it (flight_fetch.c) */
    if (fit.refused & FEATURE_BIT(n)) return too_many_calls(flight, error);
    for (unsigned f = 0; f < features; f++) {
        struct str name = feature_name((enum feature)f);
        if (fit.fetched >> f & 1)
            return error_set(error, error_unsupported,
                             "The provider of this model takes no URLs (%.*s): send the bytes as base64.",
                             STR_ARG(name));
        if (fit.refused >> f & 1)
            return error_set(error, error_unsupported, "No provider of this model can be asked for `%.*s`.",
                             STR_ARG(name));
    }
    flight->choice.emulates = fit.emulated;
    return true;
}

/* Google's embeddings name their model in the body too, each request of a batch its own, and must agree with the path.
 */
static bool models_replace(struct flight *flight, struct str model, struct openai_splice *splice) {
    enum { depth_of_requests = 3 };
    struct str body = flight->body.whole;
    struct text text = text_in_arena(&flight->canonical.arena, body.len + 512);
    struct skim skim;
    size_t from = 0;
    skim_begin(&skim, body, depth_of_requests);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end && token.kind != skim_error;) {
        bool inside = token.depth == 1 || token.depth == depth_of_requests;
        if (token.kind != skim_string || !inside || !skim_is(token.key, STR("model"))) continue;
        size_t at = (size_t)(token.value.at - body.at);
        CHECKF(at >= from && at + token.value.len <= body.len, "at=%zu from=%zu len=%zu", at, from, body.len);
        text_put(&text, str_slice(body, from, at));
        text_put(&text, STR("\"models/"));
        text_put_json_inside(&text, model);
        text_put_byte(&text, '"');
        from = at + token.value.len;
    }
    text_put(&text, str_slice(body, from, body.len));
    *splice = (struct openai_splice){.ranges = {text_str(&text)}, .count = 1, .len = text.len};
    return !text.failed;
}

/* The caller's body, but for the model and what its provider's version has no more. */
static bool body_keep_strict(struct flight *flight, struct attempt *attempt, struct str body) {
    struct text text = text_in_arena(&flight->canonical.arena, body.len + 64);
    struct fit fit = {.dropped = anthropic_version_drops(flight->canonical.message)};
    if (!anthropic_version_body(body, attempt->target->model, &flight->canonical.arena, &text)) return false;
    losses_tell(flight, attempt, &fit);
    attempt->request.body = (struct openai_splice){.ranges = {text_str(&text)}, .count = 1, .len = text.len};
    return true;
}

/* The caller's body, but for the model. */
static bool body_keep(struct flight *flight, struct attempt *attempt) {
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    struct str body = flight->body.whole, model = attempt->target->model;
    struct openai_request request = flight->request;
    struct error error;
    struct str param;
    if (!edit_alike(flight, attempt, &body) || !edit_cap(flight, attempt, &body)) return false;
    if (version_differs(flight, attempt->target->provider)) return body_keep_strict(flight, attempt, body);
    if (body.at != flight->body.whole.at && endpoint->dialect != dialect_gemini) { /* its places are others then */
        if (!translate_keys_read(body, &request, &error, &param)) return false;
    }
    if (endpoint->dialect == dialect_gemini && endpoint->operation == operation_embed)
        return models_replace(flight, model, &attempt->request.body);
    attempt->request.body = (struct openai_splice){.ranges = {body}, .count = 1, .len = body.len};
    return endpoint->dialect == dialect_gemini ||
           openai_splice(body, &request, false, model, false, &flight->arena, &attempt->request.body);
}

static struct str embed_feature_at(unsigned f) { return embed_feature_name((enum embed_feature)f); }

static bool body_write(struct flight *flight, struct attempt *attempt) {
    struct text body = text_in_arena(&flight->canonical.arena, flight->body.whole.len + 512);
    struct codec_target target = params_target(flight, attempt->candidate);
    CHECK(flight->canonical.state == canonical_read && attempt->way->writes_anew);
    CHECK((flight->canonical.message != NULL) + (flight->canonical.embed != NULL) +
              (flight->canonical.forecast != NULL) ==
          1); /* what the arena holds */
    if (flight->canonical.message) {
        struct message_request asked = *flight->canonical.message, fitted;
        struct fit fit;
        asked.seen = NULL; /* what is said may be more, and other, than was asked */
        if (attempt->holds.money.output_cap >= 0) asked.max_tokens = attempt->holds.money.output_cap;
        if (attempt->one_of_several) asked.n = MESSAGE_NO_INT;
        if (attempt->way->goes_on && !resume_say(flight, attempt, &asked)) return false;
        uint64_t gone = reasoning_recall(flight, attempt);
        params_fit(flight, attempt, &target, flight_unsupported(flight, attempt->target), 0, &asked, &fitted, &fit);
        if (!emulate_request(&fitted, fit.emulated & ~FEATURE_BIT(n), &flight->canonical.arena, &flight->arena,
                             &attempt->dialect.emulation))
            return false;
        if (!fit_schemas(&fitted, attempt->dialect.codec, &target, &flight->canonical.arena, &fit)) return false;
        struct prompt_marks marks;
        if (!target.counts) target.marks = mark_prompt(flight, attempt, &fitted, &marks, &fit);
        attempt->dialect.codec->write_request(&fitted, &target, &body);
        fit.dropped |= gone;
        if (attempt->one_of_several) fit.emulated |= FEATURE_BIT(n);
        if (!target.counts) losses_tell(flight, attempt, &fit);
    } else if (flight->canonical.embed) {
        attempt->dialect.codec->write_embed_request(flight->canonical.embed, &target, &body);
        uint32_t lacks = embed_asked(flight->canonical.embed) & ~attempt->dialect.codec->embed_takes;
        attempt->dialect.dropped = names_join(flight, lacks, embed_feature_at);
    } else {
        forecast_put(flight->canonical.forecast, &body);
    }
    attempt->request.body = (struct openai_splice){.ranges = {text_str(&body)}, .count = 1, .len = body.len};
    return !body.failed;
}

/* What the answer says again of the request outlives the message. */
static bool asked_keep(struct flight *flight) {
    struct message_asked *kept = &flight->canonical.asked;
    if (!flight->canonical.message || kept->members.at || kept->custom) return true;
    const struct message_asked *asked = &flight->canonical.message->asked;
    if (!asked->members.len && !asked->custom_count) return true;
    struct str *names = asked->custom_count ? arena_take(&flight->arena, asked->custom_count * sizeof *names) : NULL;
    *kept = (struct message_asked){.members = arena_copy(&flight->arena, asked->members), .custom = names};
    for (size_t i = 0; names && i < asked->custom_count; i++)
        kept->custom[kept->custom_count++] = arena_copy(&flight->arena, asked->custom[i]);
    return kept->members.at && (names || !asked->custom_count);
}

/* What writes the reply in the caller's words. */
static bool writer_make(struct flight *flight, struct attempt *attempt) {
    if (!asked_keep(flight)) return false;
    attempt->dialect.writer = flight->calls.writer;
    if (!attempt->dialect.writer)
        attempt->dialect.writer =
            flight->codec->writer_size ? arena_take_zeroed(&flight->arena, flight->codec->writer_size) : "";
    if (flight->request.stream && attempt->dialect.codec->mixes && !flight->codec->mixes) {
        attempt->dialect.order = arena_take_zeroed(&flight->arena, sizeof *attempt->dialect.order);
        if (!attempt->dialect.order) return false;
    }
    return attempt->dialect.writer != NULL;
}

bool translate_request(struct flight *flight, struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    enum operation operation = endpoint_facts(flight->endpoint)->operation;
    enum dialect towards = translate_towards(flight, attempt->target);
    bool alike = translate_asks_alike(flight, attempt->target);
    bool many = alike ? flight->endpoint == endpoint_generate_embed_batch
                      : flight->canonical.embed && flight->canonical.embed->input_count != 1;
    attempt->dialect.codec = codec_of(towards);
    attempt->dialect.quirks = quirks_of(provider->row->quirks, attempt->target->model);
    attempt->stream.by_line = attempt->dialect.codec->framing == framing_ndjson;
    attempt->stream.has_terminator = true;
    struct text path = text_in_arena(&flight->arena, 128);
    text_put(&path, provider->base.path);
    if (!outbound_path(towards, operation, attempt->target->model, flight->request.stream, many, &path) || path.failed)
        return false;
    attempt->request.path = text_str(&path);
    attempt->dialect.reader = attempt->dialect.codec->reader_size
                                  ? arena_take_zeroed(&flight->arena, attempt->dialect.codec->reader_size)
                                  : "";
    bool writes = attempt->way->writes_anew && !attempt->way->goes_on;
    if (!attempt->dialect.reader || (writes && !writer_make(flight, attempt))) return false;
    return alike ? body_keep(flight, attempt) : body_write(flight, attempt);
}

static void canonical_release(struct canonical *canonical) {
    if (!canonical->arena.newest) return;
    canonical->message = NULL;
    canonical->embed = NULL;
    canonical->forecast = NULL;
    arena_free(&canonical->arena);
    canonical->arena.newest = NULL;
    canonical->state = canonical_not_read;
}

void translate_release(struct flight *flight) {
    canonical_release(&flight->canonical);
    canonical_release(&flight->inputs.other);
}

void translate_turn(struct flight *flight, struct canonical *other) {
    const struct canonical former = flight->canonical;
    flight->canonical = *other;
    *other = former;
    flight->canonical.shows_reasoning = former.shows_reasoning;
    flight->canonical.asked = former.asked;
}

/* -- replies -- */

bool translate_usage(const struct flight *flight, uint64_t said_bytes, struct usage *usage) {
    enum { token_bytes = 4 };
    bool input = usage->input_tokens < 0, output = usage->output_tokens < 0;
    if (!flight->codec->wants_usage || (!input && !output)) return false;
    if (input) usage->input_tokens = flight->prompt_tokens > 0 ? flight->prompt_tokens : 0;
    if (output) usage->output_tokens = (int64_t)((said_bytes + token_bytes - 1) / token_bytes);
    return true;
}

static uint64_t bytes_said(const struct message_reply *reply) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < reply->choice_count; i++)
        for (size_t p = 0; p < reply->choices[i].part_count; p++)
            bytes += reply->choices[i].parts[p].text.len + reply->choices[i].parts[p].arguments.len;
    return bytes;
}

struct codec_caller translate_caller(const struct flight *flight, const struct attempt *attempt, struct now now) {
    return (struct codec_caller){.model = attempt ? attempt->target->model : flight->choice.model,
                                 .request_id = flight->request_id,
                                 .now_s = now.wall_ns / (int64_t)NS_PER_S,
                                 .include_usage = flight->request.include_usage || cost_is_wanted(flight),
                                 .show_reasoning = flight->canonical.shows_reasoning,
                                 .json_array = flight->head.wants_array,
                                 .previous_response = flight->stored.previous,
                                 .stores = flight->stored.state == storing_wanted,
                                 .asked = &flight->canonical.asked};
}

/* A caller who wants a stream gets one of what came whole. */
static void written_whole(struct flight *flight, struct attempt *attempt, const struct message_reply *reply,
                          const struct codec_caller *caller, struct text *text) {
    struct message_events events = {.arena = flight->host->scratch};
    if (!reply_is_told_as_stream(flight, attempt)) {
        flight->codec->write_reply(reply, caller, text);
        return;
    }
    message_reply_events(reply, &events);
    text->failed |= events.failed;
    for (size_t i = 0; i < events.count && !events.failed; i++)
        flight->codec->write_event(attempt->dialect.writer, &events.list[i], caller, &flight->arena, text);
}

/* What it says, as it is told; its usage is the attempt's. */
static enum failure translate_reply(struct flight *flight, struct attempt *attempt, struct str body, struct now now,
                                    struct message_reply *reply) {
    bool error_inside = false;
    if (!attempt->dialect.codec->read_reply(body, flight->host->scratch, attempt->dialect.quirks, reply, &error_inside))
        return failure_invalid_json;
    if (error_inside) return failure_error_in_reply;
    if (attempt->one_of_several && reply->choice_count == 0) return failure_invalid_json;
    usage_take(&attempt->usage, &reply->usage);
    iterations_take(flight, attempt, reply->iterations);
    if (!attempt->way->writes_anew) return failure_none;
    reply->usage = attempt->usage;
    reasoning_of_reply(flight, attempt, reply, now);
    return emulate_reply(&attempt->dialect.emulation, reply, flight->host->scratch) ? failure_none : failure_system;
}

static enum failure chat_whole(struct flight *flight, struct attempt *attempt, struct str body,
                               const struct codec_caller *caller, struct now now, struct text *text) {
    struct message_reply reply = {.choice_count = 0, .usage = USAGE_NONE};
    enum failure failure = translate_reply(flight, attempt, body, now, &reply);
    if (failure != failure_none || !attempt->way->writes_anew) return failure;
    if (calls_more(flight, attempt)) return failure_none; /* written with the last one */
    if (attempt->one_of_several && !calls_gather(flight, attempt, &reply)) return failure_system;
    attempt->dialect.usage_told = translate_usage(flight, bytes_said(&reply), &reply.usage);
    written_whole(flight, attempt, &reply, caller, text);
    return failure_none;
}

enum failure translate_part(struct flight *flight, struct attempt *attempt, struct str body, struct now now,
                            struct message_events *events) {
    struct message_reply reply = {.choice_count = 0, .usage = USAGE_NONE};
    enum failure failure = translate_reply(flight, attempt, body, now, &reply);
    if (failure != failure_none) return failure;
    message_reply_events(&reply, events);
    return events->failed ? failure_system : failure_none;
}

static enum failure embed_whole(struct flight *flight, struct attempt *attempt, struct str body,
                                const struct codec_caller *caller, struct text *text) {
    struct embed_reply reply = {.vector_count = 0, .usage = USAGE_NONE};
    bool error_inside = false;
    if (!attempt->dialect.codec->read_embed_reply(body, flight->host->scratch, &reply, &error_inside))
        return failure_invalid_json;
    if (error_inside) return failure_error_in_reply;
    if (reply.usage.input_tokens > tokens_max) reply.usage.input_tokens = -1; /* nonsense, and sums would overflow */
    usage_take(&attempt->usage, &reply.usage);
    if (attempt->way->writes_anew) flight->codec->write_embed_reply(&reply, flight->canonical.embed, caller, text);
    return failure_none;
}

/* Counting costs nothing. */
static enum failure count_whole(struct flight *flight, struct attempt *attempt, struct str body, struct text *text) {
    int64_t tokens = attempt->dialect.codec->read_count(body, flight->host->scratch);
    if (tokens < 0) return failure_invalid_json;
    attempt->usage.input_tokens = attempt->usage.output_tokens = 0;
    if (attempt->way->writes_anew) flight->codec->write_count(tokens, text);
    return failure_none;
}

static enum failure forecast_whole(struct flight *flight, struct attempt *attempt, struct str body,
                                   const struct codec_caller *caller, struct text *text) {
    bool error_inside = false;
    if (!forecast_reply_put(body, caller->model, caller->now_s, flight->host->scratch, text, &error_inside))
        return failure_invalid_json;
    attempt->usage.input_tokens = attempt->usage.output_tokens = 0; /* nothing is counted in tokens */
    return error_inside ? failure_error_in_reply : failure_none;
}

enum failure translate_whole(struct flight *flight, struct attempt *attempt, struct now now, struct str *body) {
    struct codec_caller caller = translate_caller(flight, attempt, now);
    struct text text = text_in_arena(flight->host->scratch, attempt->way->writes_anew ? body->len + 512 : 16);
    enum operation operation = endpoint_facts(flight->endpoint)->operation;
    bool chats = operation == operation_chat || operation == operation_compact; /* that is a reply's output and usage */
    enum failure failure = chats                          ? chat_whole(flight, attempt, *body, &caller, now, &text)
                           : operation == operation_embed ? embed_whole(flight, attempt, *body, &caller, &text)
                           : operation == operation_count_tokens ? count_whole(flight, attempt, *body, &text)
                           : operation == operation_forecast ? forecast_whole(flight, attempt, *body, &caller, &text)
                                                             : failure_none;
    if (failure != failure_none) return failure;
    if (flight_starved(flight)) return failure_system; /* something may be missing in what was read */
    if (!attempt->way->writes_anew) {
        *body = stored_told(flight, *body);
        return body->at ? failure_none : failure_system;
    }
    *body = calls_masked(flight, attempt, masked_text(flight, attempt, text_str(&text)));
    return text.failed || (text.len > 0 && !body->at) ? failure_system : failure_none;
}

/* -- errors -- */

/* Statuses that mean the same, as each dialect's SDK knows them. */
int translate_status(const struct flight *flight, int status) {
    bool anthropic = flight->codec->dialect == dialect_anthropic;
    if (status == 529 && !anthropic) return 503;
    if (status == 503 && anthropic) return 529;
    return status;
}

/* By weir's table: a word of another vendor means nothing to the caller's SDK, or something else. */
void translate_error(const struct flight *flight, struct message_event *error, enum failure failure) {
    const struct error_facts *facts = error_facts(failure_facts(failure)->error);
    bool passing = error->status == 408 || error->status == 429 || (error->status >= 500 && error->status < 600);
    error->code = failure_facts(failure)->error;
    error->status = translate_status(flight, passing ? error->status : facts->status);
    error->name = error->type = STR_NONE;
}

/* The same in the caller's dialect, with the status that its SDK knows it by. */
bool translate_error_tell(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                          struct actions *out) {
    struct message_error error = {.retry_after_ms = -1};
    last->dialect.codec->read_error(body, flight->host->scratch, &error);
    const struct failure_facts *failure = failure_facts(last->failure);
    error.code = last->failure == failure_bad_request ? error_invalid_request
                 : last->failure == failure_not_found ? error_model_not_found
                                                      : failure->error;
    error.status = translate_status(flight, last->reply.status);
    if (!error.message.len) error.message = failure->sentence;
    error.request_id = flight->request_id;
    error.retry_after_ms = last->reply.retry_after_ms;
    error.attempts = flight->attempt_count;
    flight->answer.error = failure->error;
    struct text text = text_in_arena(flight->host->scratch, 512);
    flight->codec->write_error(&error, &text);
    struct str masked = masked_words(flight, last, text_str(&text));
    text.failed |= !masked.at;
    struct str words = answer_words(flight, &text, &error.status);
    answer_json(flight, error.status, text.failed ? words : masked, error.retry_after_ms, last, now, out);
    return true;
}

bool translate_error_pass(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                          struct actions *out) {
    struct message_error error = {.retry_after_ms = -1};
    last->dialect.codec->read_error(body, flight->host->scratch, &error);
    if (!error.message.len) return false;
    answer_providers_word(flight, last, body, now, out);
    return true;
}

void translate_write_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                           struct now now, struct text *text) {
    struct message_event error = {.kind = message_event_error, .usage = USAGE_NONE};
    struct codec_caller caller = translate_caller(flight, attempt, now);
    void *writer = attempt ? attempt->dialect.writer : NULL; /* NULL: what it has was another's */
    translate_error(flight, &error, failure);
    error.text = message;
    error.sequence = attempt ? attempt->dialect.next_sequence : 0;
    if (!writer) writer = flight->resume.writer;
    if (!writer) writer = flight->calls.writer;
    if (!writer) writer = arena_take_zeroed(flight->host->scratch, flight->codec->writer_size + 1);
    if (writer) flight->codec->write_event(writer, &error, &caller, &flight->arena, text);
}
