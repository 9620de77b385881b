/* latency.h - how long a target takes, each measure in one word. Pure but for the words. Any thread.
 *
 *   63..24 value, us / 16 | 23..0 when, in 1/8 s ticks */
#ifndef WEIR_CORE_LATENCY_H
#define WEIR_CORE_LATENCY_H

#include "core/cell.h"

/* Peak-EWMA (Finagle's PeakEwma): a slower sample counts at once, a faster one with weight 1 - e^(-dt/10 s). */
void latency_peak(struct cell *cell, uint64_t sample_ns, uint64_t now_ns);
/* The measure as it stands, fading to nothing with e^(-dt/tau), so that a target that was slow once and gets no traffic
 * is tried again. tau_ns 0: no fading. 0: no sample yet. */
uint64_t latency_read(const struct cell *cell, uint64_t tau_ns, uint64_t now_ns);
/* The 95th percentile, followed sample by sample (frugal streaming, Ma, Muthukrishnan, Sandler 2013, on a logarithmic
 * scale). 0: no sample yet. */
void latency_p95(struct cell *cell, uint64_t sample_ns);
uint64_t latency_p95_read(const struct cell *cell);
/* The 99th percentile in the same way. 0: of fewer than a hundred samples nothing is said. */
void latency_p99(struct cell *cell, uint64_t sample_ns);
uint64_t latency_p99_read(const struct cell *cell);
/* A share of successes, 0 to 1, over the last half minute or so and up to 64 answers; 1 before the first report, which
 * counts for four answers. */
void success_report(struct cell *cell, bool good, uint64_t now_ns);
double success_read(const struct cell *cell);

#endif
