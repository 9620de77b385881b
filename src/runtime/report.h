/* report.h - what the outside learns of requests: the log, the metrics and the explain ring, fed from one place. */
#ifndef WEIR_RUNTIME_REPORT_H
#define WEIR_RUNTIME_REPORT_H

#include "dialect/turn.h"
#include "flight/flight.h"
#include "observe/explain.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/spans.h"

/* Of the process: shared by the workers. */
struct reports {
    struct log *log;
    struct metrics *metrics;
    struct spans *spans; /* NULL: no trace is told */
    unsigned workers;
};

/* Of one worker; its own thread only. */
struct reporter {
    struct reports *reports;
    struct log_writer *log;
    struct metrics_loop *metrics;
    struct explain_ring *explain;
    struct spans_ring *spans;
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

#endif
