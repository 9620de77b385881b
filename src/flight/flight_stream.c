/* flight_stream.c - a stream of events: held until the first good token, then passed on byte for byte as each event is
 * complete. Left out are only the usage chunk that weir asked for and events that are not JSON. A stream that dies
 * after its first token ends in an error event and without its terminator, so that no caller takes half an answer for a
 * whole one. */
#include <string.h>

#include "flight/flight_internal.h"

bool stream_pass(struct flight *flight, struct attempt *attempt, struct str bytes, bool stays, struct now now,
                 struct actions *out) {
    if (attempt->state == attempt_delivering) {
        struct str raw = stays ? bytes : arena_copy(flight->host->scratch, bytes);
        if (!raw.at) {
            attempt_fail(flight, attempt, failure_system, now, out);
            return false;
        }
        answer_bytes(flight, raw, out);
        return true;
    }
    enum failure failure = attempt->held.len + bytes.len > limit_held_stream ? failure_too_large
                           : !chunks_add(&attempt->held, bytes)              ? failure_system
                                                                             : failure_none;
    if (failure != failure_none) attempt_fail(flight, attempt, failure, now, out);
    return failure == failure_none;
}

static bool event_pass(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out) {
    return stream_pass(flight, attempt, event->raw, event->borrowed, now, out);
}

bool stream_pass_error(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out) {
    struct str masked = masked_words(flight, attempt, event->raw);
    if (masked.at) return stream_pass(flight, attempt, masked, event->borrowed || masked.at != event->raw.at, now, out);
    attempt_fail(flight, attempt, failure_system, now, out);
    return false;
}

/* The first token: from here on this attempt is the answer. */
static void stream_deliver_begin(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    attempt->first_token_ns = now.mono_ns;
    hold_good(flight, attempt, now);
    hedge_won(flight, attempt, now, out);
    attempt_enter(attempt, attempt_delivering);
    if (attempt->codec) flight->resumes = false; /* it is continued in OpenAI's dialect only */
    if (attempt->continues) {                    /* the head has long been sent, and the held events say nothing new */
        chunks_free(&attempt->held);
        if (flight->caller_is_full) attempt_read(attempt, false, out); /* since the attempt that broke off */
    } else {
        attempt->shape =
            flight->resumes || attempt->codec ? NULL : arena_take_zeroed(&flight->arena, sizeof *attempt->shape);
        flight_enter(flight, flight_answering);
        answer_head(flight, attempt, attempt->status, -1, now, out);
        answer_held(flight, attempt, out);
    }
    if (attempt->body_sent && !flight->resumes) { /* nothing can need the request any more */
        chunks_free(&flight->body);
        translate_release(flight);
        flight->whole_body = STR_NONE;
    }
    attempt->last_token_ns = now.mono_ns;
    flight_arm_next(flight, out);
}

void stream_token(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    attempt->last_token_ns = now.mono_ns;
    if (attempt->state != attempt_delivering) stream_deliver_begin(flight, attempt, now, out);
}

/* The answer is complete. The provider's own end is awaited for a moment, so that its connection can be used again. */
void stream_complete(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    if (attempt->codec) events_end(flight, attempt, now, out);
    attempt_settle(flight, attempt, failure_none, now, out);
    answer_end(flight, out);
    flight_enter(flight, flight_answered);
    if (attempt->call_over) {
        flight_close(flight, now, out);
        return;
    }
    flight->live = attempt;
    flight_arm_next(flight, out);
}

/* The end of an answer that is not whole. */
static void stream_end_broken(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                              struct actions *out) {
    attempt_settle(flight, attempt, failure, now, out);
    flight->error = failure_facts(failure)->error;
    if (attempt->mode == reply_events) {
        answer_end(flight, out);
    } else { /* only a broken connection tells the caller of a body without events that it is not whole */
        actions_add(out, action_abort);
        caller_enter(flight, caller_ended);
    }
    flight_enter(flight, flight_answered);
    flight_close(flight, now, out);
}

void stream_end_by_error(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    attempt_cancel(attempt, out);
    stream_end_broken(flight, attempt, failure_error_in_stream, now, out);
}

enum failure stream_failure(enum failure said, int status) {
    if (said) return said;
    return status >= 400 && status < 600 ? failure_of_status(status) : failure_error_in_stream;
}

/* Before the first token another target may do better; after it the provider's own error event is the stream's end. */
static bool event_error(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                        struct actions *out) {
    struct openai_error error;
    openai_skim_error(event->data, flight->host->scratch, &error);
    attempt_said(flight, attempt, error.message, true);
    attempt_said_code(flight, attempt, error.code, error.type);
    enum failure said = attempt_refusal(attempt, &(struct provider_word){.code = error.code, .type = error.type});
    bool delivers = attempt->state == attempt_delivering;
    if (!delivers || (flight->resumes && attempt->mode == reply_events)) {
        attempt_fail(flight, attempt, said && !delivers ? said : failure_error_in_stream, now, out);
    } else if (attempt->mode == reply_events && said) { /* about weir's own key: none of the caller's business */
        stream_error_event(flight, attempt, said, masked_words(flight, attempt, error.message), now, out);
        stream_end_by_error(flight, attempt, now, out);
    } else if (stream_pass_error(flight, attempt, event, now, out)) {
        stream_end_by_error(flight, attempt, now, out);
    }
    return false;
}

static bool event_done(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out) {
    if (attempt->state != attempt_delivering) {
        attempt_fail(flight, attempt, failure_empty_stream, now, out);
        return false;
    }
    attempt->saw_done = true;
    if (resume_event(flight, attempt, event, openai_event_done, out) == resume_no_memory) {
        attempt_fail(flight, attempt, failure_system, now, out);
        return false;
    }
    if (event_pass(flight, attempt, event, now, out)) stream_complete(flight, attempt, now, out);
    return false;
}

/* false: the attempt is over. */
static bool stream_event(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                         struct actions *out) {
    if (attempt->codec) return events_take(flight, attempt, event, now, out);
    enum openai_event_kind kind =
        event->comment_only ? openai_event_empty
                            : openai_skim_event_alike(attempt->shape, event->event, event->data, &attempt->usage);
    attempt->events++;
    switch (kind) {
    case openai_event_malformed: attempt->events_dropped++; return true;
    case openai_event_error: return event_error(flight, attempt, event, now, out);
    case openai_event_done: return event_done(flight, attempt, event, now, out);
    case openai_event_usage:
        if (attempt->asked_usage) return true;
        break;
    case openai_event_finish: attempt->saw_finish = true; /* fall through */
    case openai_event_token: stream_token(flight, attempt, now, out); break;
    case openai_event_empty: break;
    }
    switch (resume_event(flight, attempt, event, kind, out)) {
    case resume_passed: return true;
    case resume_no_memory: attempt_fail(flight, attempt, failure_system, now, out); return false;
    case resume_not_ours: break;
    }
    return event_pass(flight, attempt, event, now, out);
}

void stream_reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                       struct actions *out) {
    struct sse_event event;
    bool by_line = attempt->codec && attempt->codec->framing == framing_ndjson;
    if (by_line)
        lines_feed(&attempt->lines, bytes);
    else
        sse_feed(&attempt->sse, bytes);
    for (;;) {
        switch (by_line ? lines_next(&attempt->lines, &event)
                        : sse_next(&attempt->sse, flight->host->scratch, &event)) {
        case sse_more: return;
        case sse_too_large: attempt_fail(flight, attempt, failure_too_large, now, out); return;
        case sse_no_memory: attempt_fail(flight, attempt, failure_system, now, out); return;
        case sse_got_event:
            if (!stream_event(flight, attempt, &event, now, out)) return;
        }
    }
}

/* A provider that ends in good order after its finish reason has said all, [DONE] or not; image streams have neither.
 */
void stream_reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct sse_event last;
    if (lines_last(&attempt->lines, &last) && (!stream_event(flight, attempt, &last, now, out) || attempt->saw_done))
        return;
    bool has_terminator =
        flight->endpoint == endpoint_chat || flight->endpoint == endpoint_completions || attempt->codec;
    bool complete = attempt->saw_finish || (!has_terminator && !attempt->until_close);
    if (attempt->state != attempt_delivering)
        attempt_fail(flight, attempt, failure_empty_stream, now, out);
    else if (complete && sse_pending(&attempt->sse) == 0)
        stream_complete(flight, attempt, now, out);
    else
        attempt_fail(flight, attempt, failure_cut, now, out);
}

void stream_error_event(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct actions *out) {
    struct text text = text_in_arena(flight->host->scratch, 1024);
    if (!message.len)
        message = arena_printf(flight->host->scratch, "The stream broke before its end: %.*s. What came is not whole.",
                               STR_ARG(failure_facts(failure)->sentence));
    if (endpoint_facts(flight->endpoint)->dialect != dialect_openai) {
        events_error(flight, attempt, failure, message, now, out);
        return;
    }
    text_put(&text, STR("data: "));
    openai_write_error(&text, &(struct message_error){.code = failure_facts(failure)->error,
                                                      .message = message,
                                                      .request_id = flight->request_id,
                                                      .retry_after_ms = -1,
                                                      .attempts = flight->attempt_count});
    text_put(&text, STR("\n\n"));
    if (!text.failed) answer_bytes(flight, text_str(&text), out);
}

void stream_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                  struct actions *out) {
    if (resume_try(flight, attempt, failure, now, out)) return;
    if (attempt->mode == reply_events) stream_error_event(flight, attempt, failure, STR(""), now, out);
    stream_end_broken(flight, attempt, failure, now, out);
}
