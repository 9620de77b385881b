/* flight_stream.c - a stream of events as it comes: cut into events, each taken by its dialect's code; and what its end
 * means. */
#include "base/check.h"
#include "flight/flight_internal.h"

enum step stream_reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                            struct actions *out) {
    struct sse_event event;
    CHECK(attempt->reply.mode == reply_events && attempt->state >= attempt_replying);
    const bool by_line = attempt->stream.by_line;
    if (by_line)
        lines_feed(&attempt->stream.lines, bytes);
    else
        sse_feed(&attempt->stream.sse, bytes);
    for (;;) {
        switch (by_line ? lines_next(&attempt->stream.lines, &event)
                        : sse_next(&attempt->stream.sse, flight->host->scratch, &event)) {
        case sse_more: return step_on;
        case sse_too_large: return attempt_fails(attempt, failure_too_large);
        case sse_no_memory: return attempt_fails(attempt, failure_system);
        case sse_got_event:
            if (attempt->way->event(flight, attempt, &event, now, out) != step_on) return step_over;
            if (extend_follow(flight, attempt, now, out) != step_on) return step_over;
        }
    }
}

/* Of dialects without a terminator the finish itself may come with each piece, and only a good end says that it was the
 * last one. */
bool stream_is_said(const struct flight *flight, const struct attempt *attempt, enum failure failure) {
    static const enum failure breaks[] = {failure_cut, failure_reset, failure_reset_reused, failure_malformed,
                                          failure_stall};
    bool broke = false;
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) broke |= failure == breaks[i];
    return broke && attempt->state == attempt_delivering && attempt->reply.mode == reply_events &&
           (attempt->dialect.codec->terminator.len || attempt->stream.saw_done) && stream_is_finished(flight, attempt);
}

enum step stream_said_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    CHECK(attempt->state == attempt_delivering && attempt->call_over);
    if (attempt->way->finish && attempt->way->finish(flight, attempt, now, out) != step_on) return step_over;
    return stream_complete(flight, attempt, now, out);
}

/* A provider that ends in good order after its finish reason has said all, [DONE] or not; image streams have neither.
 */
enum step stream_reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct sse_event last;
    CHECK(attempt->reply.mode == reply_events && attempt->call_over);
    if (lines_last(&attempt->stream.lines, &last) && attempt->way->event(flight, attempt, &last, now, out) != step_on)
        return step_over;
    bool bare = !attempt->stream.has_terminator && !attempt->reply.until_close;
    if (attempt->state != attempt_delivering) return attempt_fails(attempt, failure_empty_stream);
    if (!stream_is_finished(flight, attempt) && (!bare || sse_pending(&attempt->stream.sse) != 0))
        return attempt_fails(attempt, failure_cut);
    return stream_said_end(flight, attempt, now, out);
}
