/* flight_events.c - streams of other dialects than OpenAI's, and streams that are translated: each event is read by the
 * provider's code into canonical ones; passed on as it came where the caller speaks the same dialect, else written in
 * the caller's. When it may be passed on, and how it ends, is flight_stream.c's as for every stream. */
#include <string.h>

#include "engine/flight.h"

struct seen {
    bool token, finish, end;
    struct message_event *error;
};

static struct seen look(struct attempt *attempt, const struct message_events *events) {
    struct seen seen = {.token = false};
    for (size_t i = 0; i < events->count; i++) {
        struct message_event *event = &events->list[i];
        usage_merge(&attempt->usage, &event->usage);
        switch (event->kind) {
        case message_event_text:
        case message_event_refusal:
        case message_event_reasoning:
        case message_event_signature:
        case message_event_tool:
        case message_event_arguments: seen.token = true; break;
        case message_event_finish: seen.finish = true; break;
        case message_event_error: seen.error = event; break;
        case message_event_end: seen.end = true; break;
        default: break;
        }
    }
    return seen;
}

static bool written_pass(struct flight *flight, struct attempt *attempt, const struct message_event *list, size_t count,
                         struct now now, struct actions *out) {
    struct codec_caller caller = translate_caller(flight, attempt, now);
    struct text text = text_in_arena(flight->host->scratch, 512);
    struct message_events ordered = {.arena = flight->host->scratch};
    bool failed = false, over = false;
    for (size_t i = 0; attempt->order && i < count; i++)
        failed |= !order_take(attempt->order, &list[i], &flight->arena, &ordered);
    if (attempt->order) list = ordered.list;
    if (attempt->order) count = ordered.count;
    for (size_t i = 0; i < count; i++) {
        flight->codec->write_event(attempt->writer, &list[i], &caller, &flight->arena, &text);
        over |= list[i].kind == message_event_end;
    }
    if (failed || text.failed) {
        attempt_fail(flight, attempt, failure_system, now, out);
        return false;
    }
    if (over) stored_keep_frames(flight, text_str(&text), out);
    return text.len == 0 || stream_pass(flight, attempt, text_str(&text), true, now, out);
}

bool events_take(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                 struct actions *out) {
    struct message_events events = {.arena = flight->host->scratch};
    attempt->events++;
    if (event->comment_only)
        return attempt->translates || stream_pass(flight, attempt, event->raw, event->borrowed, now, out);
    if (!attempt->codec->read_event(attempt->reader, event->event, event->data, &flight->arena, attempt->quirks,
                                    &events)) {
        attempt->events_dropped++;
        return true;
    }
    if (events.failed) {
        attempt_fail(flight, attempt, failure_system, now, out);
        return false;
    }
    struct seen seen = look(attempt, &events);
    if (seen.error) {
        attempt_said(flight, attempt, seen.error->text, true);
        attempt_said_code(flight, attempt, seen.error->name, STR(""));
        seen.error->text = masked_words(flight, attempt, seen.error->text);
        enum failure said =
            attempt_refusal(attempt, &(struct provider_word){.code = seen.error->name, .type = seen.error->name});
        if (attempt->state != attempt_delivering)
            attempt_fail(flight, attempt, said ? said : failure_error_in_stream, now, out);
        else if (attempt->translates ? written_pass(flight, attempt, events.list, events.count, now, out)
                                     : stream_pass_error(flight, attempt, event, now, out))
            stream_end_by_error(flight, attempt, now, out);
        return false;
    }
    if (!attempt->translates) stored_keep_event(flight, event->event, event->data, out);
    attempt->saw_finish |= seen.finish;
    if (seen.token || seen.finish) stream_token(flight, attempt, now, out);
    if (seen.end && attempt->state != attempt_delivering) {
        attempt_fail(flight, attempt, failure_empty_stream, now, out);
        return false;
    }
    attempt->saw_done |= seen.end;
    if (attempt->translates ? !written_pass(flight, attempt, events.list, events.count, now, out)
                            : !stream_pass(flight, attempt, event->raw, event->borrowed, now, out))
        return false;
    if (seen.end) stream_complete(flight, attempt, now, out);
    return !seen.end;
}

void events_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct message_event end = {.kind = message_event_end, .usage = USAGE_NONE};
    if (attempt->translates && !attempt->saw_done) written_pass(flight, attempt, &end, 1, now, out);
}

void events_error(struct flight *flight, enum failure failure, struct str message, struct now now,
                  struct actions *out) {
    const struct error_facts *facts = error_facts(failure_facts(failure)->error);
    struct message_event error = {.kind = message_event_error, .usage = USAGE_NONE};
    struct attempt *last = flight->attempts[flight->attempt_count - 1];
    struct codec_caller caller = translate_caller(flight, last, now);
    struct text text = text_in_arena(flight->host->scratch, 512);
    void *writer = last->writer;
    error.text = message;
    error.name = facts->openai_type;
    error.status = translate_status(flight, facts->status);
    if (!writer) writer = arena_take_zeroed(flight->host->scratch, flight->codec->writer_size + 1);
    if (!writer) return;
    flight->codec->write_event(writer, &error, &caller, &flight->arena, &text);
    if (!text.failed) answer_bytes(flight, text_str(&text), out);
}
