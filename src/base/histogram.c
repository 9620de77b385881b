/* histogram.c - bucket(v) = 8 x exponent + next three bits (as HdrHistogram with three significant bits). */
#include "base/histogram.h"

#include "base/check.h"

static size_t bucket_of(uint64_t value) {
    if (value < 8) return (size_t)value;
    unsigned exponent = 63u - (unsigned)__builtin_clzll(value);
    size_t bucket = (size_t)(exponent - 2) * 8 + ((value >> (exponent - 3)) & 7);
    return bucket < histogram_buckets ? bucket : histogram_buckets - 1;
}

/* The largest value that falls in the bucket. */
static uint64_t bucket_top(size_t bucket) {
    CHECKF(bucket < histogram_buckets, "bucket=%zu", bucket);
    if (bucket < 8) return bucket;
    unsigned exponent = (unsigned)(bucket / 8) + 2;
    return ((8 + bucket % 8 + 1) << (exponent - 3)) - 1;
}

/* One writer: load and store are enough, and cheaper than a locked add. */
#define BUMP(word, by) \
    atomic_store_explicit(&(word), atomic_load_explicit(&(word), memory_order_relaxed) + (by), memory_order_relaxed)

void histogram_add(struct histogram *histogram, uint64_t value) {
    BUMP(histogram->buckets[bucket_of(value)], 1);
    BUMP(histogram->sum, value);
    BUMP(histogram->count, 1);
}

uint64_t histogram_quantile(const struct histogram *histogram, double share) {
    uint64_t count = 0, seen = 0;
    CHECKF(share >= 0 && share <= 1, "share=%f", share);
    for (size_t i = 0; i < histogram_buckets; i++)
        count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    if (count == 0) return 0;
    uint64_t rank = (uint64_t)(share * (double)count);
    if (rank >= count) rank = count - 1;
    for (size_t i = 0; i < histogram_buckets; i++) {
        seen += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        if (seen > rank) return bucket_top(i);
    }
    return bucket_top(histogram_buckets - 1);
}

uint64_t histogram_at_most(const struct histogram *histogram, uint64_t value) {
    uint64_t seen = 0;
    for (size_t i = 0; i < histogram_buckets && bucket_top(i) <= value; i++)
        seen += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    return seen;
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    for (size_t i = 0; i < histogram_buckets; i++)
        BUMP(into->buckets[i], atomic_load_explicit(&from->buckets[i], memory_order_relaxed));
    BUMP(into->sum, atomic_load_explicit(&from->sum, memory_order_relaxed));
    BUMP(into->count, atomic_load_explicit(&from->count, memory_order_relaxed));
}
