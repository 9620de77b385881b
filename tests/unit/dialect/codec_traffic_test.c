/* codec_traffic_test.c - recorded exchanges with real providers, read by the dialects' code: what is said stays the
 * same through every dialect and back, streams wherever they are cut (short ones at every byte). The folder is named by
 * WEIR_TRAFFIC, or lies beside the project; else this is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "dialect/fields.h"
#include "dialect/lines.h"
#include "dialect/openai/openai.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"
#include "dialect/sse.h"

static char folder[512];
static struct arena arena;
static size_t requests, replies, streams, embeddings, completions, wrong;

/* All that is wrong is told before the test fails. */
#define TELL(...) (print_message(__VA_ARGS__), print_message("\n"), wrong++)

/* What a caller understands of an answer. */
struct facts {
    struct text text, reasoning, calls;
    enum message_finish finish;
    int64_t input, output;
};

static struct facts facts_new(void) {
    return (struct facts){.text = text_in_arena(&arena, 256),
                          .reasoning = text_in_arena(&arena, 256),
                          .calls = text_in_arena(&arena, 256),
                          .input = -1,
                          .output = -1};
}

/* Arguments as one JSON form, however they were written. */
static struct str normal(struct str arguments) {
    const char *problem;
    size_t at;
    const struct json_value *value = json_parse_in(&arena, arguments.len ? arguments : STR("{}"), &problem, &at);
    return value && json_kind(value) == json_object ? json_raw(value, &arena) : arguments;
}

static void call_add(struct facts *facts, struct str name, struct str arguments) {
    text_put(&facts->calls, name);
    text_put(&facts->calls, STR("("));
    text_put(&facts->calls, normal(arguments));
    text_put(&facts->calls, STR(")"));
}

static struct facts facts_of_reply(const struct message_reply *reply) {
    struct facts facts = facts_new();
    const struct message_choice *choice = reply->choice_count ? &reply->choices[0] : NULL;
    for (size_t i = 0; choice && i < choice->part_count; i++) {
        const struct message_part *part = &choice->parts[i];
        if (part->kind == part_text || part->kind == part_refusal) text_put(&facts.text, part->text);
        if (part->kind == part_reasoning) text_put(&facts.reasoning, part->text);
        if (part->kind == part_tool_call) call_add(&facts, part->name, part->arguments);
    }
    facts.finish = choice ? choice->finish : finish_none;
    facts.input = reply->usage.input_tokens;
    facts.output = reply->usage.output_tokens;
    return facts;
}

static bool same_text(const struct text *a, const struct text *b) { return str_eq(text_str(a), text_str(b)); }

/* A dialect that cannot tell them apart says stop for a stop sequence. */
static enum message_finish class_of(enum message_finish finish) {
    return finish == finish_stop_sequence || finish == finish_none || finish == finish_error ? finish_stop : finish;
}

static void facts_check(const char *name, const char *through, const struct facts *want, const struct facts *got) {
    if (!same_text(&want->text, &got->text))
        TELL("%s through %s: text `%.*s`, wanted `%.*s`", name, through, STR_ARG(text_str(&got->text)),
             STR_ARG(text_str(&want->text)));
    if (!same_text(&want->calls, &got->calls))
        TELL("%s through %s: calls `%.*s`, wanted `%.*s`", name, through, STR_ARG(text_str(&got->calls)),
             STR_ARG(text_str(&want->calls)));
    if (!same_text(&want->reasoning, &got->reasoning)) TELL("%s through %s: reasoning differs", name, through);
    if (class_of(want->finish) != class_of(got->finish))
        TELL("%s through %s: finish %d, wanted %d", name, through, (int)got->finish, (int)want->finish);
    if (want->input > 0 && want->input != got->input)
        TELL("%s through %s: input %lld, wanted %lld", name, through, (long long)got->input, (long long)want->input);
    if (want->output > 0 && want->output != got->output)
        TELL("%s through %s: output %lld, wanted %lld", name, through, (long long)got->output, (long long)want->output);
}

static const struct codec_caller caller = {{"m", 1}, {"req_1", 5}, 1700000000, true, true, false};

/* -- whole replies -- */

static void reply_check(const char *name, const struct codec *codec, const struct codec_quirks *quirks,
                        struct str body) {
    struct message_reply reply, back;
    bool error_inside = false;
    if (!codec->read_reply(body, &arena, quirks, &reply, &error_inside)) TELL("%s: not read", name);
    if (error_inside) return;
    struct facts want = facts_of_reply(&reply);
    if (want.text.len + want.calls.len + want.reasoning.len == 0 && want.finish == finish_none)
        TELL("%s: says nothing", name);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!other || !other->write_reply || !other->read_reply) continue;
        if (other->dialect == dialect_cloudflare || other->dialect == dialect_huggingface) continue; /* say less */
        struct text text = text_in_arena(&arena, 1024);
        other->write_reply(&reply, &caller, &text);
        assert_false(text.failed);
        if (!other->read_reply(text_str(&text), &arena, quirks_of(STR(""), STR("")), &back, &error_inside))
            TELL("%s through %s: not read: %.*s", name, other->name.at, STR_ARG(text_str(&text)));
        struct facts got = facts_of_reply(&back);
        if (other->dialect == dialect_ollama && want.finish == finish_content_filter) got.finish = want.finish;
        facts_check(name, other->name.at, &want, &got);
    }
    replies++;
}

/* -- streams -- */

/* Everything that one reader makes of a stream cut at these places: the sum of it. */
struct understood {
    struct facts facts;
    struct text names[64], arguments[64];
    unsigned tools;
    bool ended, failed;
};

static void event_add(struct understood *all, const struct message_event *event) {
    if (event->usage.input_tokens >= 0) all->facts.input = event->usage.input_tokens;
    if (event->usage.output_tokens >= 0) all->facts.output = event->usage.output_tokens;
    if (event->choice) return;
    switch (event->kind) {
    case message_event_text:
    case message_event_refusal: text_put(&all->facts.text, event->text); break;
    case message_event_reasoning: text_put(&all->facts.reasoning, event->text); break;
    case message_event_tool:
        assert_true(event->tool < 64 && event->tool == all->tools);
        all->names[all->tools] = text_in_arena(&arena, 32);
        all->arguments[all->tools] = text_in_arena(&arena, 64);
        text_put(&all->names[all->tools++], event->name);
        break;
    case message_event_arguments:
        assert_true(event->tool < all->tools);
        text_put(&all->arguments[event->tool], event->text);
        break;
    case message_event_finish: all->facts.finish = event->finish; break;
    case message_event_error: all->failed = true; break;
    case message_event_end: all->ended = true; break;
    default: break;
    }
}

static void understood_end(struct understood *all) {
    for (unsigned i = 0; i < all->tools; i++)
        call_add(&all->facts, text_str(&all->names[i]), text_str(&all->arguments[i]));
}

/* Reads a stream with one codec, writing each event with another where it is given. */
static struct understood stream_read(const struct codec *codec, const struct codec_quirks *quirks, struct str stream,
                                     size_t cut, const struct codec *other, struct text *written) {
    struct understood all = {.facts = facts_new()};
    void *reader = arena_take_zeroed(&arena, codec->reader_size + 1),
         *writer = other ? arena_take_zeroed(&arena, other->writer_size + 1) : NULL;
    struct sse sse;
    struct lines lines;
    struct sse_event event;
    bool wrote_end = false, by_line = codec->framing == framing_ndjson;
    sse_init(&sse);
    lines_init(&lines);
    struct str pieces[] = {str_slice(stream, 0, cut), str_slice(stream, cut, stream.len)};
    for (size_t p = 0; p < 2; p++) {
        if (!pieces[p].len) continue;
        sse_feed(&sse, pieces[p]);
        lines_feed(&lines, pieces[p]);
        while ((by_line ? lines_next(&lines, &event) : sse_next(&sse, &arena, &event)) == sse_got_event) {
            struct message_events events = {.arena = &arena};
            if (event.comment_only) continue;
            if (!codec->read_event(reader, event.event, event.data, &arena, quirks, &events))
                TELL("malformed: %.*s", STR_ARG(event.data));
            for (size_t i = 0; i < events.count; i++) {
                event_add(&all, &events.list[i]);
                if (other) other->write_event(writer, &events.list[i], &caller, &arena, written);
                wrote_end |= events.list[i].kind == message_event_end;
            }
        }
    }
    struct message_event end = {.kind = message_event_end, .usage = USAGE_NONE};
    if (other && !wrote_end) other->write_event(writer, &end, &caller, &arena, written);
    sse_free(&sse);
    lines_free(&lines);
    understood_end(&all);
    return all;
}

enum { cut_everywhere = 4096, cuts_drawn = 12 };

/* Every byte of a short stream, some of a long one: `at` is the next place, from 0. false: it was the last. */
static bool cut_next(struct prng *prng, size_t len, size_t *count, size_t *at) {
    if (*count >= (len < cut_everywhere ? len : cuts_drawn)) return false;
    *at = len < cut_everywhere ? *count : prng_below(prng, len);
    ++*count;
    return true;
}

static void cuts_check(const char *name, const struct codec *codec, const struct codec_quirks *quirks,
                       struct str stream, const struct understood *want) {
    struct prng prng;
    struct arena whole = arena; /* what one cut takes is given back before the next */
    prng_seed(&prng, 7);
    for (size_t count = 0, at; cut_next(&prng, stream.len, &count, &at);) {
        arena_init(&arena, 64 * 1024, SIZE_MAX);
        struct understood cut = stream_read(codec, quirks, stream, at, NULL, NULL);
        facts_check(name, "a cut", &want->facts, &cut.facts);
        if (cut.ended != want->ended) TELL("%s cut at %zu: its end", name, at);
        arena_free(&arena);
    }
    arena = whole;
}

static void stream_check(const char *name, const struct codec *codec, const struct codec_quirks *quirks,
                         struct str stream) {
    struct understood want = stream_read(codec, quirks, stream, 0, NULL, NULL);
    if (want.failed) return;
    if (want.facts.text.len + want.facts.calls.len + want.facts.reasoning.len == 0 && want.facts.finish == finish_none)
        TELL("%s: says nothing", name);
    cuts_check(name, codec, quirks, stream, &want);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!other || !other->write_event) continue;
        if (other->dialect == dialect_cloudflare || other->dialect == dialect_huggingface) continue;
        struct text text = text_in_arena(&arena, 4096);
        stream_read(codec, quirks, stream, 0, other, &text);
        assert_false(text.failed);
        struct understood got = stream_read(other, quirks_of(STR(""), STR("")), text_str(&text), 0, NULL, NULL);
        facts_check(name, other->name.at, &want.facts, &got.facts);
    }
    streams++;
}

/* -- requests -- */

static bool is_refused(const struct message_request *request, const struct codec *codec) {
    uint64_t asked = message_features(request, codec->dialect);
    for (unsigned f = 0; f < features; f++)
        if (asked >> f & 1 && codec->fates[f] == fate_refused) return true;
    return false;
}

/* Written and read back, a request says the same: its second writing is its first. */
static void request_check(const char *name, const struct codec *codec, const struct codec_quirks *quirks,
                          struct str body) {
    struct message_request request, back;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    struct codec_target target = {STR("m"), quirks, 8192, true, false};
    if (!codec->read_request(body, STR("m"), false, &arena, &request, &error, &param))
        TELL("%s: %s", name, error.message);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!other || !other->write_request || !other->read_request) continue;
        if (is_refused(&request, other)) continue;
        struct text first = text_in_arena(&arena, 1024), second = text_in_arena(&arena, 1024);
        target.quirks = other == codec ? quirks : quirks_of(STR(""), STR(""));
        other->write_request(&request, &target, &first);
        if (!other->read_request(text_str(&first), STR("m"), false, &arena, &back, &error, &param))
            TELL("%s through %s: %s: %.*s", name, other->name.at, error.message, STR_ARG(text_str(&first)));
        other->write_request(&back, &target, &second);
        struct str once = normal(text_str(&first)), twice = normal(text_str(&second));
        size_t same = 0;
        while (same < once.len && same < twice.len && once.at[same] == twice.at[same]) same++;
        if (same == once.len && same == twice.len) continue;
        size_t from = same < 40 ? 0 : same - 40;
        TELL("%s through %s: `%.*s`, then `%.*s`", name, other->name.at, STR_ARG(str_slice(once, from, same + 80)),
             STR_ARG(str_slice(twice, from, same + 80)));
    }
    requests++;
}

/* -- embeddings -- */

static bool embeds(const struct codec *codec) {
    return codec && codec->write_embed_request && codec->read_embed_request && codec->write_embed_reply &&
           codec->read_embed_reply;
}

/* Numbers, however they are written. */
static bool same_vector(struct str one, struct str other) {
    const char *problem;
    size_t at, place = 0, there = 0;
    const struct json_value *a = json_parse_in(&arena, one, &problem, &at),
                            *b = json_parse_in(&arena, other, &problem, &at), *x, *y;
    if (json_kind(a) != json_array || json_count(a) == 0 || json_count(a) != json_count(b)) return false;
    while ((x = json_each(a, &place, NULL)) && (y = json_each(b, &there, NULL))) {
        double difference = json_double(x, 9e9) - json_double(y, -9e9);
        if (difference > 1e-6 || difference < -1e-6) return false;
    }
    return true;
}

static void embed_reply_check(const char *name, const struct codec *codec, const struct embed_request *asked,
                              struct str body) {
    struct embed_reply reply, back;
    bool error_inside = false;
    if (!codec->read_embed_reply(body, &arena, &reply, &error_inside) || error_inside || reply.vector_count == 0) {
        TELL("%s: the vectors are not read", name);
        return;
    }
    if (asked->input_count && asked->input_count != reply.vector_count)
        TELL("%s: %zu vectors for %zu texts", name, reply.vector_count, asked->input_count);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!embeds(other)) continue;
        struct embed_request wants = *asked;
        wants.single = reply.vector_count == 1;
        wants.base64 = false;
        struct text text = text_in_arena(&arena, 1024);
        other->write_embed_reply(&reply, &wants, &caller, &text);
        if (text.failed || !other->read_embed_reply(text_str(&text), &arena, &back, &error_inside)) {
            TELL("%s through %s: the vectors are not read", name, other->name.at);
            continue;
        }
        bool same = back.vector_count == reply.vector_count;
        for (size_t i = 0; same && i < reply.vector_count; i++) same = same_vector(reply.vectors[i], back.vectors[i]);
        if (!same) TELL("%s through %s: the vectors differ", name, other->name.at);
    }
}

static void embed_check(const char *name, const struct codec *codec, struct str asked, struct str body) {
    struct embed_request request, back;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    struct codec_target target = {.model = STR("m"), .quirks = quirks_of(STR(""), STR("")), .output_tokens_max = -1};
    if (!codec->read_embed_request(asked, STR("m"), &arena, &request, &error, &param)) {
        TELL("%s: %s", name, error.message);
        return;
    }
    for (unsigned d = 0; d < dialects && request.input_count; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!embeds(other)) continue;
        struct text text = text_in_arena(&arena, 1024);
        other->write_embed_request(&request, &target, &text);
        if (text.failed || !other->read_embed_request(text_str(&text), STR("m"), &arena, &back, &error, &param)) {
            TELL("%s through %s: %s: %.*s", name, other->name.at, error.message, STR_ARG(text_str(&text)));
            continue;
        }
        bool same = back.input_count == request.input_count;
        for (size_t i = 0; same && i < back.input_count; i++) same = str_eq(back.inputs[i], request.inputs[i]);
        if (!same) TELL("%s through %s: other texts: %.*s", name, other->name.at, STR_ARG(text_str(&text)));
    }
    embed_reply_check(name, codec, &request, body);
    embeddings++;
}

/* -- completions -- */

/* What it says, said anew. */
static void completion_reply_check(const char *name, struct str body) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *root = json_parse_in(&arena, body, &problem, &at), *choice,
                            *choices = json_member(root, "choices"), *usage = json_member(root, "usage");
    struct message_reply reply = {.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    bool error_inside = false;
    if (!openai_skim_reply(body, &reply.usage, &error_inside) || error_inside) TELL("%s: not read", name);
    if (reply.usage.input_tokens != json_i64(json_member(usage, "prompt_tokens"), -1)) TELL("%s: its usage", name);
    reply.choices = arena_take_zeroed(&arena, (json_count(choices) + 1) * sizeof *reply.choices);
    assert_non_null(reply.choices);
    while ((choice = json_each(choices, &place, NULL))) {
        struct message_choice *said = &reply.choices[reply.choice_count++];
        said->finish = str_eq(json_member_str(choice, "finish_reason"), STR("length")) ? finish_length : finish_stop;
        said->parts = arena_take_zeroed(&arena, sizeof *said->parts);
        said->part_count = 1;
        assert_non_null(said->parts);
        *said->parts = (struct message_part){.kind = part_text, .text = json_member_str(choice, "text")};
    }
    struct text text = text_in_arena(&arena, 1024);
    codec_completions.write_reply(&reply, &caller, &text);
    const struct json_value *again = json_parse_in(&arena, text_str(&text), &problem, &at),
                            *anew = json_member(again, "choices"), *other;
    size_t there = 0;
    place = 0;
    if (json_count(anew) != json_count(choices) || !reply.choice_count) TELL("%s: %zu choices", name, json_count(anew));
    for (size_t c = 0; (choice = json_each(choices, &place, NULL)) && (other = json_each(anew, &there, NULL)); c++) {
        struct str finish =
            reply.choices[c].finish == finish_length ? STR("length") : STR("stop"); /* Together's "eos" */
        if (!str_eq(json_member_str(choice, "text"), json_member_str(other, "text")) ||
            !str_eq(finish, json_member_str(other, "finish_reason")))
            TELL("%s said anew: %.*s", name, STR_ARG(text_str(&text)));
    }
}

/* How many events of each kind, read with a cut there. */
struct kinds_seen {
    size_t of[openai_event_malformed + 1];
    struct usage usage;
};

static struct kinds_seen completion_stream_read(struct str stream, size_t cut) {
    struct kinds_seen seen = {.usage = USAGE_NONE};
    struct str pieces[] = {str_slice(stream, 0, cut), str_slice(stream, cut, stream.len)};
    struct openai_event_shape shape = {.before_len = 0};
    struct sse sse;
    struct sse_event event;
    sse_init(&sse);
    for (size_t p = 0; p < 2; p++) {
        sse_feed(&sse, pieces[p]);
        while (sse_next(&sse, &arena, &event) == sse_got_event)
            if (!event.comment_only) seen.of[openai_skim_event_alike(&shape, event.event, event.data, &seen.usage)]++;
    }
    sse_free(&sse);
    return seen;
}

static void completion_stream_check(const char *name, struct str stream) {
    struct kinds_seen want = completion_stream_read(stream, 0);
    struct prng prng;
    prng_seed(&prng, 7);
    if (!want.of[openai_event_token] || want.of[openai_event_done] != 1 || want.of[openai_event_malformed])
        TELL("%s: says nothing, or has no end", name);
    for (size_t count = 0, at; cut_next(&prng, stream.len, &count, &at);) {
        struct kinds_seen got = completion_stream_read(stream, at);
        if (memcmp(got.of, want.of, sizeof got.of) != 0 || got.usage.output_tokens != want.usage.output_tokens)
            TELL("%s: other events when cut at %zu", name, at);
    }
}

/* -- files -- */

enum what { chats, embeds_texts, completes };

/* Whose recordings are read, and how many of them at least: a vendor that is passed over shows. */
static struct {
    const char *prefix;
    enum dialect dialect;
    const char *type;
    size_t least;
    enum what what;
    size_t read;
} kinds[] = {
    {"openai-chat-", dialect_openai, "openai", 63, chats, 0},
    {"azure-chat-", dialect_openai, "azure", 12, chats, 0},
    {"groq-chat-", dialect_openai, "groq", 25, chats, 0},
    {"mistral-chat-", dialect_openai, "mistral", 16, chats, 0},
    {"deepseek-chat-", dialect_openai, "deepseek", 9, chats, 0},
    {"xai-chat-", dialect_openai, "xai", 9, chats, 0},
    {"together-chat-", dialect_openai, "together", 4, chats, 0},
    {"openrouter-chat-", dialect_openai, "openrouter", 22, chats, 0},
    {"cerebras-chat-", dialect_openai, "cerebras", 6, chats, 0},
    {"perplexity-chat-", dialect_openai, "perplexity", 3, chats, 0},
    {"zai-chat-", dialect_openai, "zai", 6, chats, 0},
    {"huggingface-chat-", dialect_openai, "huggingface", 11, chats, 0},
    {"gemini-chat-", dialect_openai, "openai", 2, chats, 0},
    {"vercel-chat-", dialect_openai, "openai", 4, chats, 0},
    {"anthropic-messages-", dialect_anthropic, "anthropic", 56, chats, 0},
    {"ollama-chat-", dialect_ollama, "ollama", 14, chats, 0},
    {"gemini-generate-", dialect_gemini, "gemini", 42, chats, 0},
    {"openai-responses-", dialect_responses, "openai", 48, chats, 0},
    {"azure-responses-", dialect_responses, "azure", 6, chats, 0},
    {"xai-responses-", dialect_responses, "xai", 8, chats, 0},
    {"openrouter-responses-", dialect_responses, "openrouter", 5, chats, 0},
    {"deepseek-responses-", dialect_responses, "deepseek", 6, chats, 0},
    {"openai-embed-", dialect_openai, "openai", 5, embeds_texts, 0},
    {"azure-embed-", dialect_openai, "azure", 2, embeds_texts, 0},
    {"mistral-embed-", dialect_openai, "mistral", 4, embeds_texts, 0},
    {"openrouter-embed-", dialect_openai, "openrouter", 1, embeds_texts, 0},
    {"voyage-embed-", dialect_openai, "voyage", 1, embeds_texts, 0},
    {"gemini-embed-", dialect_gemini, "gemini", 5, embeds_texts, 0},
    {"huggingface-embed-", dialect_huggingface, "huggingface", 1, embeds_texts, 0},
    {"openai-completions-", dialect_openai, "openai", 11, completes, 0},
    {"together-completions-", dialect_openai, "together", 1, completes, 0},
};
enum { kind_count = sizeof kinds / sizeof *kinds };

/* A stream that was recorded as one JSON array, as events. */
static struct str array_events(struct str body) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *array = json_parse_in(&arena, body, &problem, &at);
    struct text text = text_in_arena(&arena, body.len + 64);
    assert_non_null(array);
    for (const struct json_value *element; (element = json_each(array, &place, NULL));) {
        text_put(&text, STR("data: "));
        json_put(&text, element);
        text_put(&text, STR("\n\n"));
    }
    return text_str(&text);
}

static void good_check(const char *name, const struct codec *codec, size_t kind, const struct json_value *asked,
                       struct str body, bool stream) {
    const struct codec_quirks *quirks = quirks_of(str_from(kinds[kind].type), STR(""));
    bool has_request = json_kind(asked) == json_object;
    switch (kinds[kind].what) {
    case chats:
        if (has_request) request_check(name, codec, quirks, json_raw(asked, &arena));
        if (stream)
            stream_check(name, codec, quirks, body);
        else
            reply_check(name, codec, quirks, body);
        return;
    case embeds_texts: embed_check(name, codec, json_raw(asked, &arena), body); return;
    case completes:
        if (json_kind(json_member(asked, "prompt")) == json_string)
            request_check(name, &codec_completions, quirks, json_raw(asked, &arena));
        if (stream)
            completion_stream_check(name, body);
        else
            completion_reply_check(name, body);
        completions++;
        return;
    }
}

/* Every recording counts once it is read; one that asks for something else does not. */
static void file_check(const char *name, size_t kind) {
    char path[1024];
    const char *problem;
    const struct codec *codec = codec_of(kinds[kind].dialect);
    size_t at, size = 8 << 20;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(size);
    size_t len = fread(bytes, 1, size, file);
    fclose(file);
    struct json *json = json_parse(str_make(bytes, len), &problem, &at);
    assert_non_null(json);
    const struct json_value *response = json_member(json_root(json), "response"),
                            *request = json_member(json_root(json), "request"), *asked = json_member(request, "body");
    struct str url = json_str(json_member(request, "url"), STR("")),
               body = json_str(json_member(response, "body"), STR(""));
    if (str_ends(url, STR("/v1/chat/completions"))) codec = &codec_openai; /* Ollama speaks it too */
    bool stream = json_bool(json_member(response, "stream"), false);
    bool good = json_i64(json_member(response, "status"), 0) / 100 == 2;
    bool counts = str_ends(url, STR("/input_tokens")); /* it answers nothing */
    if (stream && good && str_eq(json_str(json_member(response, "framing"), STR("")), STR("json-array")))
        body = array_events(body);
    if (good && !counts) {
        good_check(name, codec, kind, asked, body, stream);
    } else if (!counts) {
        struct message_error error = {.retry_after_ms = -1};
        codec->read_error(body, &arena, &error);
        if (!error.message.len && str_trim(body).len) TELL("%s: the error says nothing", name);
    }
    kinds[kind].read += !counts;
    json_free(json);
    free(bytes);
}

static void what_is_said_stays_the_same(void **state) {
    (void)state;
    const char *said = getenv("WEIR_TRAFFIC"), *root = getenv("WEIR_SOURCE_ROOT");
    snprintf(folder, sizeof folder, "%s", said ? said : "");
    if (!said) snprintf(folder, sizeof folder, "%s/../shared/traffic", root ? root : ".");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("recorded traffic is not here (%s): skipped\n", folder);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        for (size_t i = 0; i < kind_count; i++) {
            if (strncmp(entry->d_name, kinds[i].prefix, strlen(kinds[i].prefix)) != 0) continue;
            arena_init(&arena, 1 << 20, SIZE_MAX);
            file_check(entry->d_name, i);
            arena_free(&arena);
        }
    closedir(dir);
    print_message("%zu requests, %zu replies, %zu streams, %zu embeddings, %zu completions\n", requests, replies,
                  streams, embeddings, completions);
    for (size_t i = 0; i < kind_count; i++)
        if (kinds[i].read < kinds[i].least)
            TELL("%s*: %zu read, %zu wanted", kinds[i].prefix, kinds[i].read, kinds[i].least);
    assert_int_equal(wrong, 0);
    assert_true(requests > 330 && replies > 200 && streams > 100 && embeddings > 15 && completions > 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_said_stays_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
