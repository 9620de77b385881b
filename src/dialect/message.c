/* message.c - what is common to all dialects of the canonical message. */
#include "dialect/message.h"

#include <math.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/text.h"

struct str feature_name(enum feature feature) {
    static const struct str names[features] = {
#define X(name) STR(#name),
        FEATURE_TABLE(X)
#undef X
    };
    CHECKF((unsigned)feature < features, "feature=%d", (int)feature);
    return names[feature];
}

void message_request_init(struct message_request *request, enum dialect from) {
    *request = (struct message_request){
        .from = from,
        .temperature = NAN,
        .top_p = NAN,
        .min_p = NAN,
        .frequency_penalty = NAN,
        .presence_penalty = NAN,
        .repetition_penalty = NAN,
        .max_tokens = MESSAGE_NO_INT,
        .top_k = MESSAGE_NO_INT,
        .seed = MESSAGE_NO_INT,
        .n = MESSAGE_NO_INT,
        .top_logprobs = MESSAGE_NO_INT,
        .reasoning_tokens = MESSAGE_NO_INT,
    };
}

struct message_event *message_event_add(struct message_events *events, enum message_event_kind kind) {
    static _Thread_local struct message_event scrap;
    if (events->count == events->size && !events->failed) {
        size_t size = events->size ? 2 * events->size : 8;
        struct message_event *bigger = arena_take(events->arena, size * sizeof *bigger);
        events->failed = !bigger;
        if (bigger && events->count) memcpy(bigger, events->list, events->count * sizeof *bigger);
        if (bigger) events->list = bigger;
        if (bigger) events->size = size;
    }
    CHECKF((unsigned)kind < message_event_kinds && (events->failed || events->count < events->size),
           "kind=%d count=%zu", (int)kind, (size_t)events->count);
    struct message_event *event = events->failed ? &scrap : &events->list[events->count++];
    *event = (struct message_event){
        .kind = kind, .usage = USAGE_NONE, .citation = {.start = MESSAGE_NO_INT, .end = MESSAGE_NO_INT}};
    return event;
}

static void part_events(const struct message_part *part, unsigned choice, unsigned *tools,
                        struct message_events *events) {
    static const enum message_event_kind kinds[part_kinds] = {[part_text] = message_event_text,
                                                              [part_refusal] = message_event_refusal,
                                                              [part_reasoning] = message_event_reasoning,
                                                              [part_tool_call] = message_event_tool};
    enum message_event_kind kind = kinds[part->kind];
    struct message_event *event;
    if (!kind) return; /* media and what only its own dialect knows has no event */
    if (part->kind == part_tool_call || part->text.len) {
        event = message_event_add(events, kind);
        event->choice = choice;
        event->of = part->of;
        event->tool = kind == message_event_tool ? *tools : 0;
        event->id = part->id;
        event->name = part->name;
        event->text = part->text;
        if (kind == message_event_tool) event->signature = part->signature;
    }
    if (kind == message_event_tool) {
        event = message_event_add(events, message_event_arguments);
        event->choice = choice;
        event->tool = (*tools)++;
        event->text = part->arguments;
    }
    if (kind == message_event_reasoning && (part->signature.len || part->data.len)) {
        event = message_event_add(events, message_event_signature);
        event->choice = choice;
        event->of = part->of;
        event->text = part->signature;
        event->data = part->data;
    }
    for (size_t i = 0; i < part->citation_count; i++) {
        event = message_event_add(events, message_event_citation);
        event->choice = choice;
        event->of = part->of;
        event->citation = part->citations[i];
    }
}

void message_reply_events(const struct message_reply *reply, struct message_events *events) {
    struct message_event *event = message_event_add(events, message_event_begin);
    event->id = reply->id;
    event->model = reply->model;
    event->usage = reply->usage;
    for (size_t c = 0; c < reply->choice_count; c++) {
        const struct message_choice *choice = &reply->choices[c];
        unsigned tools = 0;
        for (size_t p = 0; p < choice->part_count; p++) part_events(&choice->parts[p], (unsigned)c, &tools, events);
        event = message_event_add(events, message_event_finish);
        event->choice = (unsigned)c;
        event->finish = choice->finish;
        event->stop_sequence = choice->stop_sequence;
    }
    message_event_add(events, message_event_usage)->usage = reply->usage;
    message_event_add(events, message_event_end)->usage = reply->usage;
}

/* -- features -- */

static uint64_t when(bool said, uint64_t bit) { return said ? bit : 0; }

/* The id of a file is known where it was uploaded only; chat and Responses are one vendor's, but chat's images have
 * none. */
static bool knows_file(enum dialect from, enum dialect to, enum part_kind kind) {
    bool one_vendor =
        (from == dialect_responses && to == dialect_openai) || (from == dialect_openai && to == dialect_responses);
    return from == to || (one_vendor && kind == part_document);
}

static uint64_t media_features(const struct message_part *part, enum dialect from, enum dialect to, uint64_t url_bit) {
    const struct message_media *media = &part->media;
    bool web = !str_starts_nocase(media->url, STR("gs://"));
    bool own = from == to || to == dialect_gemini; /* gs:// is Google's, whoever says it */
    return when(media->url.len > 0 && (web || own), url_bit) |
           when(media->url.len > 0 && !web && !own, FEATURE_BIT(file_id)) |
           when(media->file_id.len > 0 && !knows_file(from, to, part->kind), FEATURE_BIT(file_id));
}

static uint64_t part_features(const struct message_part *part, enum dialect from, enum dialect to) {
    uint64_t bits = when(part->cache_mark, FEATURE_BIT(cache_control)) |
                    when(part->wants_citations, FEATURE_BIT(citations)) |
                    when(part->says_more && part->of != to, FEATURE_BIT(extra)) |
                    when(part->media.detail.len > 0, FEATURE_BIT(detail)) |
                    when(part->kind == part_document && part->title.len > 0, FEATURE_BIT(document_title));
    switch (part->kind) {
    case part_image: return bits | FEATURE_BIT(image) | media_features(part, from, to, FEATURE_BIT(image_url));
    case part_audio: return bits | FEATURE_BIT(audio) | media_features(part, from, to, 0);
    case part_document:
        if (str_starts_nocase(part->media.mime, STR("video/")))
            return bits | FEATURE_BIT(video) | media_features(part, from, to, 0);
        return bits | FEATURE_BIT(document) | media_features(part, from, to, FEATURE_BIT(document_url));
    case part_reasoning: return bits | FEATURE_BIT(reasoning_history);
    case part_foreign: return bits | when(part->of != to, FEATURE_BIT(foreign));
    case part_tool_result: bits |= when(part->is_error, FEATURE_BIT(tool_result_error)); break;
    case part_text:
    case part_refusal:
    case part_tool_call:
    case part_kinds: return bits;
    }
    for (size_t i = 0; i < part->part_count; i++) /* results hold no results */
        if (part->parts[i].kind != part_text && part->parts[i].kind != part_tool_result)
            bits |= part_features(&part->parts[i], from, to) | FEATURE_BIT(tool_result_media);
    return bits;
}

static uint64_t tool_features(const struct message_request *request, enum dialect to) {
    uint64_t bits = when(request->tool_choice >= tools_required, FEATURE_BIT(tool_choice)) |
                    when(request->parallel_tool_calls == flag_false, FEATURE_BIT(parallel_tool_calls));
    for (size_t i = 0; i < request->tool_count; i++) {
        const struct message_tool *tool = &request->tools[i];
        bits |= when(tool->strict == flag_true, FEATURE_BIT(strict)) | when(!tool->raw.len, FEATURE_BIT(tools)) |
                when(tool->cache_mark, FEATURE_BIT(cache_control)) |
                when(tool->raw.len && tool->of != to, FEATURE_BIT(server_tools));
    }
    return bits;
}

/* A last message of the assistant's is gone on with in Anthropic's API; elsewhere it is a turn like others. */
static bool asks_prefill(const struct message_request *request, enum dialect to) {
    const struct message *last = request->message_count ? &request->messages[request->message_count - 1] : NULL;
    if (!last || last->role != message_assistant || request->completes) return false;
    for (size_t i = 0; i < last->part_count; i++)
        if (last->parts[i].kind == part_tool_call || last->parts[i].kind == part_foreign) return false;
    return request->from == dialect_anthropic || to == dialect_anthropic;
}

static uint64_t features_look(const struct message_request *request, enum dialect to) {
    bool reasons = request->effort != effort_unset || request->reasoning_tokens != MESSAGE_NO_INT;
    uint64_t bits =
        when(!isnan(request->temperature), FEATURE_BIT(temperature)) |
        when(!isnan(request->top_p), FEATURE_BIT(top_p)) | when(!isnan(request->min_p), FEATURE_BIT(min_p)) |
        when(!isnan(request->frequency_penalty), FEATURE_BIT(frequency_penalty)) |
        when(!isnan(request->presence_penalty), FEATURE_BIT(presence_penalty)) |
        when(!isnan(request->repetition_penalty), FEATURE_BIT(repetition_penalty)) |
        when(request->top_k != MESSAGE_NO_INT, FEATURE_BIT(top_k)) |
        when(request->seed != MESSAGE_NO_INT, FEATURE_BIT(seed)) | when(request->n > 1, FEATURE_BIT(n)) |
        when(request->stop_count > 0, FEATURE_BIT(stop)) | when(request->logprobs == flag_true, FEATURE_BIT(logprobs)) |
        when(request->logit_bias.len > 0, FEATURE_BIT(logit_bias)) |
        when(request->format == format_json, FEATURE_BIT(json_object)) |
        when(request->format == format_schema, FEATURE_BIT(json_schema)) |
        when(reasons, FEATURE_BIT(reasoning_effort)) |
        when(request->prompt_cache_key.len > 0, FEATURE_BIT(prompt_cache_key)) |
        when(request->prompt_cache_retention.len > 0 || request->prompt_cache_options.len > 0,
             FEATURE_BIT(prompt_cache_retention)) |
        when(request->user.len > 0, FEATURE_BIT(user)) | when(request->metadata.len > 0, FEATURE_BIT(metadata)) |
        when(request->service_tier.len > 0, FEATURE_BIT(service_tier)) |
        when(request->verbosity.len > 0, FEATURE_BIT(verbosity)) |
        when(request->store == flag_true, FEATURE_BIT(store)) |
        when(request->modalities.len > 0 || request->audio.len > 0, FEATURE_BIT(modalities)) |
        when(request->prediction.len > 0, FEATURE_BIT(prediction)) |
        when(request->safety.len > 0, FEATURE_BIT(safety_settings)) | when(request->echo, FEATURE_BIT(echo)) |
        when(request->suffix.len > 0, FEATURE_BIT(suffix)) | when(asks_prefill(request, to), FEATURE_BIT(prefill)) |
        when(request->cached_content.len > 0 && request->from != to, FEATURE_BIT(cached_content)) |
        when((request->extra_count > 0 || request->says_more) && request->from != to, FEATURE_BIT(extra)) |
        tool_features(request, to);
    for (size_t i = 0; i < request->message_count; i++) {
        const struct message *message = &request->messages[i];
        bits |= when(message->name.len > 0, FEATURE_BIT(message_name));
        for (size_t p = 0; p < message->part_count; p++) bits |= part_features(&message->parts[p], request->from, to);
    }
    return bits;
}

uint64_t message_features(const struct message_request *request, enum dialect to) {
    struct message_seen *seen = request->seen;
    if (seen && seen->looked >> to & 1) return seen->features_of[to];
    uint64_t bits = features_look(request, to);
    if (!seen) return bits;
    seen->looked |= UINT64_C(1) << to;
    seen->features_of[to] = bits;
    return bits;
}

size_t message_leading_system(const struct message_request *request) {
    size_t count = 0;
    while (count < request->message_count && request->messages[count].role <= message_developer) count++;
    return count;
}

bool message_is_of_system_alone(const struct message_request *request) {
    bool says = false;
    for (size_t m = 0; m < request->message_count; m++) {
        const struct message *message = &request->messages[m];
        bool system = message->role == message_system || message->role == message_developer;
        for (size_t p = 0; p < message->part_count; p++) {
            const struct message_part *part = &message->parts[p];
            bool empty =
                (part->kind == part_text || part->kind == part_refusal) && !part->text.len && !part->signature.at;
            if (!system && !empty) return false;
            says |= system && !empty;
        }
    }
    return says;
}

static int64_t parts_bytes(const struct message_part *parts, size_t count) {
    enum { part_overhead = 4, image_bytes = 4000 };
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct message_part *part = &parts[i];
        bytes += part_overhead + (int64_t)(part->text.len + part->arguments.len + part->name.len + part->title.len);
        if (part->kind == part_image) bytes += image_bytes;
        if (part->kind == part_document || part->kind == part_audio) bytes += (int64_t)(part->media.data.len / 2);
        if (part->kind == part_tool_result) bytes += parts_bytes(part->parts, part->part_count); /* holds no results */
    }
    return bytes;
}

int64_t message_tokens(const struct message_request *request) {
    enum { bytes_a_token = 4, message_overhead = 12 };
    int64_t bytes = (int64_t)request->schema.len;
    for (size_t i = 0; i < request->message_count; i++)
        bytes += message_overhead + parts_bytes(request->messages[i].parts, request->messages[i].part_count);
    for (size_t i = 0; i < request->tool_count; i++) {
        const struct message_tool *tool = &request->tools[i];
        bytes += (int64_t)(tool->name.len + tool->description.len + tool->parameters.len + tool->raw.len);
    }
    return (bytes + bytes_a_token - 1) / bytes_a_token;
}

uint32_t embed_asked(const struct embed_request *request) {
    return (request->raw_inputs.at ? 1u << embed_tokens : 0) |
           (request->dimensions != MESSAGE_NO_INT ? 1u << embed_dimensions : 0) |
           (request->task.len || request->title.len ? 1u << embed_task : 0) |
           (request->user.len ? 1u << embed_user : 0);
}

struct str embed_feature_name(enum embed_feature feature) {
    static const struct str names[embed_features] = {
        [embed_tokens] = STR("tokens as input"),
        [embed_dimensions] = STR("dimensions"),
        [embed_task] = STR("task_type"),
        [embed_user] = STR("user"),
    };
    return names[feature];
}

/* -- small things -- */

struct str message_make_id(struct arena *arena, struct str prefix, uint64_t seed) {
    enum { letters = 24 };
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    struct prng prng;
    struct text text = text_in_arena(arena, prefix.len + letters);
    prng_seed(&prng, seed);
    text_put(&text, prefix);
    for (unsigned i = 0; i < letters; i++) text_put_byte(&text, alphabet[prng_below(&prng, sizeof alphabet - 1)]);
    return text.failed ? STR_NONE : text_str(&text);
}

bool message_data_uri(struct str url, struct message_media *media) {
    if (!str_starts_nocase(url, STR("data:"))) return false;
    struct str rest = str_slice(url, 5, url.len);
    size_t comma = str_find_byte(rest, ',');
    if (comma == SIZE_MAX) return false;
    struct str head = str_slice(rest, 0, comma);
    if (!str_ends(head, STR(";base64"))) return false;
    size_t end = str_find_byte(head, ';');
    media->mime = str_slice(head, 0, end);
    media->data = str_slice(rest, comma + 1, rest.len);
    return true;
}

bool message_is_custom(const struct message_asked *asked, struct str name) {
    for (size_t i = 0; asked && i < asked->custom_count; i++)
        if (str_eq(asked->custom[i], name)) return true;
    return false;
}

const struct error_facts *message_event_error_facts(const struct message_event *event) {
    return error_facts(event->code ? event->code : error_provider_error);
}
