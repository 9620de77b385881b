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
        }
    }
}

/* A provider that ends in good order after its finish reason has said all, [DONE] or not; image streams have neither.
 */
enum step stream_reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct sse_event last;
    if (lines_last(&attempt->stream.lines, &last) && attempt->way->event(flight, attempt, &last, now, out) != step_on)
        return step_over;
    bool complete = attempt->stream.saw_finish || (!attempt->stream.has_terminator && !attempt->reply.until_close);
    if (attempt->state != attempt_delivering) return attempt_fails(attempt, failure_empty_stream);
    if (!complete || sse_pending(&attempt->stream.sse) != 0) return attempt_fails(attempt, failure_cut);
    if (attempt->way->finish && attempt->way->finish(flight, attempt, now, out) != step_on) return step_over;
    return stream_complete(flight, attempt, now, out);
}
