/* flight_events.c - streams of other dialects than OpenAI's, and streams that are translated: each event is read by the
 * provider's code into canonical ones; passed on as it came where the caller speaks the same dialect, else written in
 * the caller's. When it may be passed on, and how it ends, is flight_stream.c's as for every stream. */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"

struct seen {
    bool token, end;
    uint32_t finishes;
    struct message_event *error;
};

/* All that the model may have said in them: at least as many bytes as tokens. Of what has no event here, all that came.
 */
static void events_measure(struct attempt *attempt, const struct message_events *events, struct str data) {
    uint64_t bytes = events->unread;
    for (size_t i = 0; i < events->count; i++) {
        const struct message_event *event = &events->list[i];
        bytes += event->text.len + event->data.len + event->signature.len;
        if (event->kind == message_event_tool) bytes += event->id.len + event->name.len;
    }
    extend_saw(attempt, events->progress ? bytes + data.len : bytes);
}

static struct seen events_look(struct flight *flight, struct attempt *attempt, const struct message_events *events) {
    struct seen seen = {.token = events->progress};
    for (size_t i = 0; i < events->count; i++) {
        struct message_event *event = &events->list[i];
        usage_merge(&attempt->usage, &event->usage);
        if (event->iterations.len) iterations_take(flight, attempt, event->iterations);
        switch (event->kind) {
        case message_event_text:
        case message_event_refusal:
        case message_event_reasoning:
        case message_event_signature:
        case message_event_tool:
        case message_event_arguments:
            seen.token = true;
            attempt->dialect.said_bytes += event->text.len;
            break;
        case message_event_finish: seen.finishes++; break;
        case message_event_error: seen.error = event; break;
        case message_event_end: seen.end = true; break;
        default: break;
        }
    }
    return seen;
}

enum step events_write(struct flight *flight, struct attempt *attempt, const struct message_event *list, size_t count,
                       struct now now, struct actions *out) {
    struct codec_caller caller = translate_caller(flight, attempt, now);
    CHECK(attempt->way->writes_anew && attempt->dialect.writer);
    struct text text = text_in_arena(flight->host->scratch, 512);
    struct message_events ordered = {.arena = flight->host->scratch}, told = {.arena = flight->host->scratch};
    struct emulation *emulation = &attempt->dialect.emulation;
    bool failed = false, over = false;
    for (size_t i = 0; emulation->kind && i < count; i++)
        failed |= !emulate_event(emulation, &list[i], &flight->arena, &told);
    if (emulation->kind) list = told.list;
    if (emulation->kind) count = told.count;
    for (size_t i = 0; attempt->dialect.order && i < count; i++)
        failed |= !order_take(attempt->dialect.order, &list[i], &flight->arena, &ordered);
    if (attempt->dialect.order) list = ordered.list;
    if (attempt->dialect.order) count = ordered.count;
    for (size_t i = 0; i < count; i++) {
        const struct message_event *event = &list[i];
        struct message_event end;
        if (event->kind == message_event_end) {
            end = *event;
            end.usage = attempt->usage;
            translate_usage(flight, attempt->dialect.said_bytes, &end.usage);
            event = &end;
            over = true;
        }
        if (attempt->one_of_several) {
            end = *event;
            event = &end;
            if (!calls_event(flight, attempt, &end)) continue;
        }
        flight->codec->write_event(attempt->dialect.writer, event, &caller, &flight->arena, &text);
    }
    struct str written = masked_text(flight, attempt, text_str(&text));
    if (failed || text.failed || (text.len > 0 && !written.at) || flight_starved(flight))
        return attempt_fails(attempt, failure_system);
    if (over) stored_keep_frames(flight, written, out);
    return written.len ? stream_pass(flight, attempt, written, true, out) : step_on;
}

/* The provider's own error in its stream: the attempt is over. */
static enum step error_take(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                            struct message_events *events, struct message_event *error, struct now now,
                            struct actions *out) {
    struct str type = error->type.len ? error->type : error->name;
    attempt_said(flight, attempt, error->text, true);
    attempt_said_code(flight, attempt, error->name, STR(""));
    error->text = masked_words(flight, attempt, error->text);
    enum failure said = attempt_refusal(attempt, &(struct provider_word){.code = error->name, .type = type});
    enum failure told = stream_failure(said, error->status);
    bool delivers = attempt->state == attempt_delivering;
    if (!delivers || resume_may(flight))
        return attempt_fails(attempt, said && !delivers ? said : failure_error_in_stream);
    enum step passed = step_on;
    if (attempt->way->writes_anew) {
        translate_error(flight, error, told);
        passed = events_write(flight, attempt, events->list, events->count, now, out);
    } else if (said) { /* about weir's own key: none of the caller's business */
        answer_error_event(flight, attempt, told, error->text, now, out);
    } else { /* the same dialect: in the provider's own words */
        passed = stream_pass_error(flight, attempt, event, out);
    }
    return passed == step_on ? stream_end_by_error(flight, attempt, now, out) : passed;
}

/* The provider's event as it came; but a stored conversation's is told by what its caller knows it by. */
static enum step event_pass(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                            struct actions *out) {
    struct str raw = flight->stored.expanded ? stored_told_event(flight, event) : event->raw;
    if (!raw.at) return attempt_fails(attempt, failure_system);
    return stream_pass(flight, attempt, raw, event->borrowed || raw.at != event->raw.at, out);
}

enum step events_take(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                      struct actions *out) {
    struct message_events events = {.arena = flight->host->scratch};
    CHECK(attempt->dialect.reader); /* made with the request: what a codec remembers from event to event */
    if (attempt->stream.saw_done) return step_on; /* the answer after it is awaited */
    attempt->stream.events++;
    if (event->comment_only)
        return attempt->way->writes_anew ? step_on : stream_pass(flight, attempt, event->raw, event->borrowed, out);
    bool read = attempt->dialect.codec->read_event(attempt->dialect.reader, event->event, event->data, &flight->arena,
                                                   attempt->dialect.quirks, &events);
    if (!read && !flight_starved(flight)) {
        attempt->stream.events_dropped++;
        extend_saw(attempt, event->data.len);
        return step_on;
    }
    if (events.failed || flight_starved(flight)) return attempt_fails(attempt, failure_system);
    struct seen seen = events_look(flight, attempt, &events);
    if (extent_is_open(&attempt->holds.money.extent)) events_measure(attempt, &events, event->data);
    reasoning_of_events(flight, attempt, &events, now);
    if (seen.error) return error_take(flight, attempt, event, &events, seen.error, now, out);
    if (events.next_sequence && !attempt->way->writes_anew) attempt->dialect.next_sequence = events.next_sequence;
    if (!attempt->way->writes_anew) {
        const struct str told = stored_told(flight, event->data);
        if (!extend_note(flight, attempt, told)) return attempt_fails(attempt, failure_system);
        stored_keep_event(flight, event->event, told, out);
    }
    attempt->stream.finishes += seen.finishes;
    if (seen.token || seen.finishes) stream_token(flight, attempt, now, out);
    if (seen.end && attempt->state != attempt_delivering) return attempt_fails(attempt, failure_empty_stream);
    attempt->stream.saw_done |= seen.end;
    if (resume_may(flight) && attempt->way->writes_anew && resume_take(flight, attempt, &events, now) != step_on)
        return step_over;
    enum step step = attempt->way->writes_anew ? events_write(flight, attempt, events.list, events.count, now, out)
                                               : event_pass(flight, attempt, event, out);
    bool more = calls_more(flight, attempt); /* its call's end is awaited before the next one is made */
    return step == step_on && seen.end && !more ? stream_complete(flight, attempt, now, out) : step;
}

enum failure events_part(struct flight *flight, struct attempt *attempt, struct str body, struct now now,
                         struct actions *out) {
    struct message_events events = {.arena = flight->host->scratch};
    body = arena_copy(flight->host->scratch, body); /* what is held would be taken for the stream's beginning */
    enum failure failure = body.at ? translate_part(flight, attempt, body, now, &events) : failure_system;
    if (failure != failure_none) return failure;
    chunks_free(&attempt->reply.held);
    attempt->reply.mode = reply_events;
    attempt->stream.finishes = 1;
    attempt->stream.saw_done = true;
    stream_token(flight, attempt, now, out);
    if (events_write(flight, attempt, events.list, events.count, now, out) != step_on) return failure_none; /* said */
    return stream_complete(flight, attempt, now, out) == step_over ? failure_none : failure_system;
}

enum step events_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct message_event end = {.kind = message_event_end, .usage = USAGE_NONE};
    CHECKF(attempt->state == attempt_delivering, "state=%d", (int)attempt->state); /* an empty stream has failed */
    if (attempt->stream.saw_done) return step_on;
    if (attempt->way->writes_anew) return events_write(flight, attempt, &end, 1, now, out);
    struct str terminator = attempt->dialect.codec->terminator;
    return terminator.len ? stream_pass(flight, attempt, terminator, true, out) : step_on;
}

enum step events_cut(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    const struct message_event end[] = {{.kind = message_event_finish, .finish = finish_length, .usage = USAGE_NONE},
                                        {.kind = message_event_end, .usage = USAGE_NONE}};
    return events_write(flight, attempt, end, sizeof end / sizeof *end, now, out);
}
