/* live.h - requests as they happen, for who watches: a log of its own (log.h) whose lines are events, in a ring of its
 * own (notices.h), so that they push out no alert and no line of the log. What its loops put in is as raw as a line of
 * the log; the log's thread makes the events.
 *
 *   loops -> [ raw entries ] -> thread -> [ the last 1,024 events ] -> listeners, each by a place of its own
 *
 * While nobody watches, a loop pays one look at a word, and the thread sleeps. While somebody does, at most live_rate
 * requests a second are begun to be told, each of those to its end, and as many that end without an attempt: who is
 * refused a thousand times a second hides nobody who is served. The others are counted. Nobody waits for anybody.
 */
#ifndef WEIR_OBSERVE_LIVE_H
#define WEIR_OBSERVE_LIVE_H

#include "observe/log.h"
#include "observe/notices.h"

enum { live_rate = 100 };

struct live;

/* own: hidden in all strings; outlives this; NULL: nothing. NULL: no memory or no thread. */
struct live *live_open(const struct pattern *own, int64_t now_s) __attribute__((warn_unused_result));
/* When no loop runs any more and nobody watches. NULL is fine. */
void live_close(struct live *live);

/* -- loops -- */

/* Of one loop, which alone may use it; lives as long as live. NULL: no memory, or too many. */
struct log_writer *live_writer_open(struct live *live) __attribute__((warn_unused_result));
/* An event of NOTICE_TABLE, its members as fields of a line. */
#define live_put(writer, now, event, ...) LOG_AT(writer, now, log_level_info, event, ##__VA_ARGS__)
/* What has become of a request for those who watch; nothing, at its begin. */
enum live_telling { live_undecided, live_told, live_left_out };
enum live_kind { live_served, live_unserved, live_kinds }; /* it has had an attempt; it ends without one */
/* Is this request told? Decided when it is asked first. Any thread. */
bool live_tells(struct live *live, enum live_telling *telling, enum live_kind kind, struct now now);

/* How many were begun to be told in which second. Pure. *word is the next one; false: there were enough. A second that
 * is over counts as the one that is there. */
bool live_admit(uint64_t *word, uint64_t second, uint32_t most);

/* -- who watches; any thread; NULL live tells nothing -- */

/* From now on. Whoever watches owes live_leave. */
void live_watch(struct live *live);
void live_leave(struct live *live);
uint64_t live_last(struct live *live);
/* As notices_next. */
bool live_next(struct live *live, uint64_t after, struct notice *notice, uint64_t *missed);
/* Since the start: requests that were too many, and events for which the loops had no room. */
struct live_left {
    uint64_t requests, events;
};
struct live_left live_left(const struct live *live);

/* What was put before has become events. Not on a loop. */
void live_settle(struct live *live);
/* And none of those so far is held any more; nor on a loop. */
void live_forget(struct live *live);

#endif
