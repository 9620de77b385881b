/* histogram.h - counts of durations in logarithmic buckets: 8 to each power of two, so that any quantile is exact
 * to 12.5%. One writer; other threads may read while it writes (relaxed atomics) and merge. */
#ifndef WEIR_BASE_HISTOGRAM_H
#define WEIR_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { histogram_buckets = 8 * 40 };

struct histogram {
    _Atomic uint64_t sum;
    _Atomic uint64_t count;
    _Atomic uint32_t buckets[histogram_buckets];
};

/* `value` in any unit; microseconds by custom here. Values past 2^40 count as 2^40. */
void histogram_add(struct histogram *histogram, uint64_t value);
/* The value below which `share` (0..1) of the values lie; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);
/* How many values are <= value, by buckets. */
uint64_t histogram_at_most(const struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

#endif
