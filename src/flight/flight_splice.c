/* flight_splice.c - OpenAI's own words on both sides: events are skimmed and pass byte for byte as each is complete.
 * Left out are only the usage chunk that weir asked for and events that are not JSON. */
#include "flight/flight_internal.h"

/* Before the first token another target may do better; after it the provider's own error event is the stream's end. */
static enum step splice_error(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                              struct now now, struct actions *out) {
    struct openai_error error;
    openai_skim_error(event->data, flight->host->scratch, &error);
    attempt_said(flight, attempt, error.message, true);
    attempt_said_code(flight, attempt, error.code, error.type);
    enum failure said = attempt_refusal(attempt, &(struct provider_word){.code = error.code, .type = error.type});
    bool delivers = attempt->state == attempt_delivering;
    if (!delivers || flight->resumes) return attempt_fails(attempt, said && !delivers ? said : failure_error_in_stream);
    if (said) /* about weir's own key: none of the caller's business */
        stream_error_event(flight, attempt, said, masked_words(flight, attempt, error.message), now, out);
    else if (stream_pass_error(flight, attempt, event, out) != step_on)
        return step_over;
    return stream_end_by_error(flight, attempt, now, out);
}

static enum step splice_done(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                             struct now now, struct actions *out) {
    if (attempt->state != attempt_delivering) return attempt_fails(attempt, failure_empty_stream);
    attempt->saw_done = true;
    if (resume_event(flight, attempt, event, openai_event_done, out) == resume_no_memory)
        return attempt_fails(attempt, failure_system);
    if (stream_pass(flight, attempt, event->raw, event->borrowed, out) != step_on) return step_over;
    return stream_complete(flight, attempt, now, out);
}

enum step splice_event(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out) {
    enum openai_event_kind kind =
        event->comment_only ? openai_event_empty
                            : openai_skim_event_alike(attempt->shape, event->event, event->data, &attempt->usage);
    attempt->events++;
    switch (kind) {
    case openai_event_malformed: attempt->events_dropped++; return step_on;
    case openai_event_error: return splice_error(flight, attempt, event, now, out);
    case openai_event_done: return splice_done(flight, attempt, event, now, out);
    case openai_event_usage:
        if (attempt->asked_usage) return step_on;
        break;
    case openai_event_finish: attempt->saw_finish = true; /* fall through */
    case openai_event_token: stream_token(flight, attempt, now, out); break;
    case openai_event_empty: break;
    }
    switch (resume_event(flight, attempt, event, kind, out)) {
    case resume_passed: return step_on;
    case resume_no_memory: return attempt_fails(attempt, failure_system);
    case resume_not_ours: break;
    }
    return stream_pass(flight, attempt, event->raw, event->borrowed, out);
}
