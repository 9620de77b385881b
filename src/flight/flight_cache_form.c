/* flight_cache_form.c - an answer that was kept whole, told as a stream, and the other way; and a stream with or
 * without its usage. By the code of the caller's own dialect, in which it was kept: what that code knows of an answer
 * stays. */
#include "dialect/gather.h"
#include "dialect/sse.h"
#include "flight/flight_internal.h"

static const struct codec_quirks no_quirks = {.name = {NULL, 0}};

static struct codec_caller form_caller(const struct flight *flight, struct now now) {
    return (struct codec_caller){.model = flight->choice.model,
                                 .request_id = flight->request_id,
                                 .now_s = now.wall_ns / (int64_t)NS_PER_S,
                                 .include_usage = flight->request.include_usage,
                                 .show_reasoning = true,
                                 .json_array = flight->head.wants_array,
                                 .asked = &flight->canonical.asked};
}

/* What was kept of its usage, where its bytes do not say: of a stream whose caller did not ask. */
static void usage_of_facts(const struct cache_facts *facts, struct usage *usage) {
    if (usage->input_tokens < 0) usage->input_tokens = facts->input_tokens;
    if (usage->output_tokens < 0) usage->output_tokens = facts->output_tokens;
    if (usage->cached_input_tokens < 0) usage->cached_input_tokens = facts->cached_tokens;
}

/* The events of a stream, each as its codec reads it. */
static bool form_events(struct flight *flight, struct str body, struct message_events *events) {
    struct arena *scratch = flight->host->scratch;
    void *reader = arena_take_zeroed(scratch, flight->codec->reader_size + 1);
    struct sse sse;
    struct sse_event event;
    enum sse_result got = sse_more;
    if (!reader) return false;
    sse_init(&sse);
    sse_feed(&sse, body);
    while ((got = sse_next(&sse, scratch, &event)) == sse_got_event)
        if (!event.comment_only)
            flight->codec->read_event(reader, event.event, event.data, scratch, &no_quirks, events);
    sse_free(&sse);
    return got == sse_more && !events->failed;
}

static struct str form_written(struct flight *flight, struct message_events *events, struct now now) {
    struct codec_caller caller = form_caller(flight, now);
    struct text text = text_in_arena(flight->host->scratch, 4096);
    void *writer = arena_take_zeroed(flight->host->scratch, flight->codec->writer_size + 1);
    for (size_t i = 0; writer && i < events->count; i++)
        flight->codec->write_event(writer, &events->list[i], &caller, flight->host->scratch, &text);
    return !writer || text.failed ? STR_NONE : text_str(&text);
}

static bool form_reply(struct flight *flight, const struct cache_facts *facts, struct str body,
                       struct message_reply *reply) {
    struct message_events events = {.arena = flight->host->scratch};
    bool error = false;
    bool read = facts->stream
                    ? form_events(flight, body, &events) && message_gather(&events, flight->host->scratch, reply)
                    : flight->codec->read_reply(body, flight->host->scratch, &no_quirks, reply, &error);
    if (!read || error) return false;
    usage_of_facts(facts, &reply->usage);
    return true;
}

struct str cache_form_said(struct flight *flight, const struct cache_facts *facts, struct str body) {
    struct message_reply reply = {.choice_count = 0, .usage = USAGE_NONE};
    struct text text = text_in_arena(flight->host->scratch, 1024);
    if (!flight->codec->read_event || !form_reply(flight, facts, body, &reply) || !reply.choice_count) return STR_NONE;
    for (size_t i = 0; i < reply.choices[0].part_count; i++) {
        const struct message_part *part = &reply.choices[0].parts[i];
        if (part->kind == part_text) text_printf(&text, "%.*s ", STR_ARG(part->text));
        if (part->kind == part_tool_call)
            text_printf(&text, "%.*s %.*s ", STR_ARG(part->name), STR_ARG(part->arguments));
    }
    return text.failed ? STR_NONE : text_str(&text);
}

struct str cache_form_reply(struct flight *flight, const struct message_reply *reply, struct now now) {
    struct message_events events = {.arena = flight->host->scratch};
    struct codec_caller caller = form_caller(flight, now);
    struct text text = text_in_arena(flight->host->scratch, 4096);
    if (flight->request.stream) {
        message_reply_events(reply, &events);
        return events.failed ? STR_NONE : form_written(flight, &events, now);
    }
    flight->codec->write_reply(reply, &caller, &text);
    return text.failed ? STR_NONE : text_str(&text);
}

struct str cache_form(struct flight *flight, const struct cache_facts *facts, struct str body, struct now now) {
    const bool stream = flight->request.stream;
    struct message_reply reply = {.choice_count = 0, .usage = USAGE_NONE};
    if (facts->stream == stream && (!stream || facts->include_usage == flight->request.include_usage)) return body;
    if (endpoint_facts(flight->endpoint)->operation != operation_chat || !flight->codec->read_event) return STR_NONE;
    if (!form_reply(flight, facts, body, &reply)) return STR_NONE;
    return cache_form_reply(flight, &reply, now);
}
