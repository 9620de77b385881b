/* flight_deliver.c - how a stream reaches the caller, whatever it is made of: what comes is held until the first good
 * token, from which on this attempt is the answer; then passed on. A stream that dies after its first token ends in an
 * error event and without its terminator, so that no caller takes half an answer for a whole one. */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"

/* Every choice has its finish reason. */
bool stream_is_finished(const struct flight *flight, const struct attempt *attempt) {
    int64_t wanted = attempt->one_of_several ? 1 : flight->request.n;
    return attempt->stream.finishes > 0 && attempt->stream.finishes >= wanted;
}

enum step stream_pass(struct flight *flight, struct attempt *attempt, struct str bytes, bool stays,
                      struct actions *out) {
    if (flight->steering.cost.at) {
        struct str told = cost_tell(flight, attempt, bytes);
        if (bytes.len && !told.at) return attempt_fails(attempt, failure_system);
        stays = stays || told.at != bytes.at;
        bytes = told;
    }
    if (attempt->state == attempt_delivering) {
        CHECK(!attempt->reply.held.len); /* what was held has gone before it */
        struct str raw = stays ? bytes : arena_copy(flight->host->scratch, bytes);
        if (!raw.at) return attempt_fails(attempt, failure_system);
        answer_bytes(flight, raw, out);
        return step_on;
    }
    if (attempt->reply.held.len + bytes.len > limit_held_stream) return attempt_fails(attempt, failure_too_large);
    return chunks_add(&attempt->reply.held, bytes) ? step_on : attempt_fails(attempt, failure_system);
}

enum step stream_pass_error(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                            struct actions *out) {
    struct str masked = masked_words(flight, attempt, event->raw);
    if (!masked.at) return attempt_fails(attempt, failure_system);
    return stream_pass(flight, attempt, masked, event->borrowed || masked.at != event->raw.at, out);
}

/* The first token: from here on this attempt is the answer. */
static void stream_deliver_begin(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    const bool goes_on = attempt->continuation || attempt->choice > 0;
    CHECK(flight->caller == (goes_on ? caller_headed : caller_waiting));
    attempt->first_token_ns = now.mono_ns;
    hold_good(flight, attempt, now);
    attempt_wins(flight, attempt, now, out);
    attempt_enter(flight, attempt, attempt_delivering, now);
    if (!attempt->way->continues) resume_drop(flight, now);
    if (goes_on) { /* the head has long been sent, and the held events say nothing new */
        chunks_free(&attempt->reply.held);
        if (flight->caller_is_full) attempt_read(attempt, false, out); /* since the attempt that broke off */
    } else {
        if (attempt->way->delivers) attempt->way->delivers(flight, attempt);
        flight_enter(flight, flight_answering, now);
        answer_head(flight, attempt, attempt->reply.status, -1, now, out);
        answer_held(flight, attempt, out);
    }
    if (attempt->body_sent && !resume_may(flight) &&
        !calls_more(flight, attempt)) { /* nothing can need the request any more */
        chunks_free(&flight->body.chunks);
        translate_release(flight);
        flight->body.whole = STR_NONE;
    }
    attempt->last_token_ns = now.mono_ns;
}

void stream_token(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    CHECKF(attempt->state == attempt_replying || attempt->state == attempt_delivering, "state=%d", (int)attempt->state);
    attempt->last_token_ns = now.mono_ns;
    if (attempt->state != attempt_delivering) stream_deliver_begin(flight, attempt, now, out);
}

/* The answer is complete. The provider's own end is awaited for a moment, so that its connection can be used again. */
enum step stream_complete(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    CHECK(flight->live == attempt && !flight->rival);
    attempt_settle(flight, attempt, failure_none, now, out);
    if (calls_more(flight, attempt)) {
        calls_count(flight, attempt, now);
        return step_over;
    }
    answer_end(flight, now, out);
    if (!attempt->call_over) flight->live = attempt;
    return step_over;
}

/* The end of an answer that is not whole. */
static void stream_end_broken(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                              struct actions *out) {
    CHECKF(failure != failure_none && attempt->state == attempt_delivering, "failure=%d", (int)failure);
    attempt_settle(flight, attempt, failure, now, out);
    flight->answer.error = failure_facts(failure)->error;
    if (attempt->reply.mode == reply_events) {
        answer_end(flight, now, out);
    } else { /* only a broken connection tells the caller of a body without events that it is not whole */
        answer_abort(flight, now, out);
    }
}

enum step stream_end_by_error(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    attempt_cancel(attempt, out);
    stream_end_broken(flight, attempt, failure_error_in_stream, now, out);
    return step_over;
}

enum failure stream_failure(enum failure said, int status) {
    if (said) return said;
    return status >= 400 && status < 600 ? failure_of_status(status) : failure_error_in_stream;
}

void stream_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                  struct actions *out) {
    if (attempt->reply.mode == reply_events) answer_error_event(flight, attempt, failure, STR(""), now, out);
    stream_end_broken(flight, attempt, failure, now, out);
}
