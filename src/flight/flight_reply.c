/* flight_reply.c - replies that are not event streams: held whole and read; or, past the limit, passed on as they come;
 * or an error, held to be classified. Nothing reaches the caller before the reply is known to be good, but for opaque
 * ones. */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"

bool reply_is_told_as_stream(const struct flight *flight, const struct attempt *attempt) {
    return attempt->reply.mode == reply_whole && flight->request.stream && attempt->way->writes_anew &&
           !attempt->way->goes_on && endpoint_facts(flight->endpoint)->operation == operation_chat;
}

static void reply_deliver_begin(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    CHECKF(attempt->reply.mode == reply_opaque, "mode=%d", (int)attempt->reply.mode); /* others are read first */
    attempt_wins(flight, attempt, now, out);
    attempt_enter(flight, attempt, attempt_delivering, now);
    flight_enter(flight, flight_answering, now);
    answer_head(flight, attempt, attempt->reply.status, attempt->reply.content_length, now, out);
    answer_held(flight, attempt, out);
}

/* The last bytes, for the usage that stands there. */
static void tail_keep(struct attempt *attempt, struct str bytes) {
    size_t size = attempt_tail_size;
    if (!attempt->reply.tail) return;
    if (bytes.len >= size) {
        memcpy(attempt->reply.tail, bytes.at + bytes.len - size, size);
        attempt->reply.tail_len = size;
        return;
    }
    size_t keep = attempt->reply.tail_len + bytes.len > size ? size - bytes.len : attempt->reply.tail_len;
    memmove(attempt->reply.tail, attempt->reply.tail + attempt->reply.tail_len - keep, keep);
    memcpy(attempt->reply.tail + keep, bytes.at, bytes.len);
    attempt->reply.tail_len = keep + bytes.len;
    CHECKF(attempt->reply.tail_len <= size, "len=%zu", attempt->reply.tail_len);
}

static enum step opaque_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                             struct actions *out) {
    if (attempt->state == attempt_replying) {
        attempt->first_token_ns = now.mono_ns;
        attempt->reply.tail = arena_take(&flight->arena, attempt_tail_size);
        if (attempt->reply.status < 300) hold_good(flight, attempt, now);
        reply_deliver_begin(flight, attempt, now, out);
    }
    attempt->last_token_ns = now.mono_ns;
    tail_keep(attempt, bytes);
    answer_bytes(flight, bytes, out);
    return step_on;
}

enum step reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                     struct actions *out) {
    size_t len = attempt->reply.held.len + bytes.len;
    CHECK(attempt->reply.mode != reply_events && attempt->state >= attempt_replying);
    if (attempt->reply.mode == reply_opaque) return opaque_body(flight, attempt, bytes, now, out);
    if (attempt->reply.mode == reply_error && len > limit_held_stream) attempt->reply.error_cut = true;
    if (attempt->reply.error_cut) return step_on; /* enough to classify by, and nothing of it is passed on */
    if (attempt->way->writes_anew && len > limit_held_translated) return attempt_fails(attempt, failure_too_large);
    if (!attempt->way->writes_anew && len > stored_held_max(flight) && len > inputs_held_max(flight, attempt)) {
        if (attempt->asks_rest) return attempt_fails(attempt, failure_too_large); /* by itself it is no answer */
        stored_give_up(flight);
        attempt->reply.mode = reply_opaque;
        return opaque_body(flight, attempt, bytes, now, out);
    }
    return chunks_add(&attempt->reply.held, bytes) ? step_on : attempt_fails(attempt, failure_system);
}

/* What the provider's error says, for the log; and what it means, by code and type. */
static enum failure error_failure(struct flight *flight, struct attempt *attempt, struct str body, int status) {
    struct message_error error = {.retry_after_ms = -1};
    way_read_error(attempt, body, flight->host->scratch, &error);
    attempt_said(flight, attempt, error.message, true);
    attempt_said_code(flight, attempt, error.said_code, error.type);
    if (error.retry_after_ms >= 0 && attempt->reply.retry_after_ms < 0)
        attempt->reply.retry_after_ms = error.retry_after_ms;
    return attempt_refusal(
        attempt, &(struct provider_word){
                     .status = status, .code = error.said_code, .type = error.type, .message = error.message});
}

static enum step whole_end(struct flight *flight, struct attempt *attempt, struct str body, struct now now,
                           struct actions *out) {
    struct str said = body;
    bool part = attempt->one_of_several && reply_is_told_as_stream(flight, attempt);
    enum failure failure =
        part ? attempt->way->part(flight, attempt, body, now, out) : attempt->way->whole(flight, attempt, now, &body);
    if (failure != failure_none) {
        enum failure inside =
            failure == failure_error_in_reply ? error_failure(flight, attempt, said, 0) : failure_none;
        return attempt_fails(attempt, inside ? inside : failure);
    }
    if (part) return step_over;
    failure = inputs_join(flight, attempt, now, &body);
    if (failure != failure_none) return attempt_fails(attempt, failure);
    attempt->first_token_ns = now.mono_ns;
    attempt_wins(flight, attempt, now, out);
    if (calls_more(flight, attempt)) { /* held until the last one has come */
        attempt_settle(flight, attempt, failure_none, now, out);
        calls_count(flight, attempt, now);
        return step_over;
    }
    attempt_enter(flight, attempt, attempt_delivering, now);
    flight_enter(flight, flight_answering, now);
    attempt_settle(flight, attempt, failure_none, now, out);
    inputs_keep(flight, attempt, now, out);
    if (reply_is_told_as_stream(flight, attempt)) /* before its caller can ask for it */
        stored_keep_frames(flight, body, out);
    else
        stored_keep(flight, body, out);
    answer_head(flight, attempt, attempt->reply.status, (int64_t)body.len, now, out);
    answer_bytes(flight, body, out);
    answer_end(flight, now, out);
    return step_over;
}

static enum step opaque_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    if (attempt->state == attempt_replying) reply_deliver_begin(flight, attempt, now, out); /* an empty body */
    bool failed = attempt->reply.status >= 400; /* which only its caller can read */
    attempt->way->usage(flight, attempt);
    attempt_settle(flight, attempt, failed ? failure_of_status(attempt->reply.status) : failure_none, now, out);
    answer_end(flight, now, out);
    return step_over;
}

enum step reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    CHECK(attempt->reply.mode != reply_events && attempt->call_over);
    if (attempt->reply.mode == reply_opaque) return opaque_end(flight, attempt, now, out);
    struct str body = chunks_whole(&attempt->reply.held);
    if (!body.at) return attempt_fails(attempt, failure_system);
    if (attempt->reply.mode == reply_error)
        return attempt_fails(attempt, error_failure(flight, attempt, body, attempt->reply.status));
    return whole_end(flight, attempt, body, now, out);
}
