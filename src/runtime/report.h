/* report.h - what the outside learns of requests: the log, the metrics, the explain ring and those who watch, fed from
 * one place. */
#ifndef WEIR_RUNTIME_REPORT_H
#define WEIR_RUNTIME_REPORT_H

#include "dialect/turn.h"
#include "flight/flight.h"
#include "observe/explain.h"
#include "observe/live.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/spans.h"

/* Of the process: shared by the workers. */
struct reports {
    struct log *log;
    struct metrics *metrics;
    struct spans *spans; /* NULL: no trace is told */
    struct live *live;   /* NULL: nobody can watch */
    unsigned workers;
};

/* Of one worker; its own thread only. */
struct reporter {
    struct reports *reports;
    struct log_writer *log;
    struct metrics_loop *metrics;
    struct explain_ring *explain;
    struct spans_ring *spans;
    struct log_writer *live;
};

bool reporter_init(struct reporter *reporter, struct reports *reports, unsigned index);
void reporter_free(struct reporter *reporter);
void reporter_in_flight(struct reporter *reporter, size_t count);
void reporter_streams_open(struct reporter *reporter, size_t count);
/* An attempt has been settled. */
void report_attempt(struct reporter *reporter, const struct flight *flight, unsigned number, struct now now);
/* A key rests from now on: an error, as somebody must act, unless its rate limit is all there is to it. */
void report_key_rests(struct reporter *reporter, const struct provider *provider, size_t key, struct str said,
                      struct now now);
/* report_trace.c: a request is over that is to be traced. */
void report_trace(struct reporter *reporter, const struct flight *flight, const struct flight_facts *facts,
                  const struct turn_said *said, uint64_t overhead_ns, struct now now);
/* A request is over. said: what is told of it, borrowed; NULL: nothing. */
void report_request(struct reporter *reporter, const struct flight *flight, const struct turn_said *said,
                    uint64_t overhead_ns, struct now now);

/* report_live.c: the same for those who watch, and what has begun; nothing, and next to no work, where nobody does.
 * *telling: the request's. */
bool report_is_watched(const struct reporter *reporter);
/* An attempt is about to be sent. */
void report_live_begun(struct reporter *reporter, enum live_telling *telling, const struct flight *flight,
                       unsigned number, struct now now);
/* It has been settled. */
void report_live_attempt(struct reporter *reporter, enum live_telling *telling, const struct flight *flight,
                         unsigned number, struct now now);
void report_live_request(struct reporter *reporter, enum live_telling *telling, const struct flight *flight,
                         struct now now);

#endif
