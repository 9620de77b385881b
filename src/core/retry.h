/* retry.h - when to try again, and how often in all. Pure but for the words. */
#ifndef WEIR_CORE_RETRY_H
#define WEIR_CORE_RETRY_H

#include "core/cell.h"

/* Exponential backoff with full jitter (AWS Architecture Blog, 2015): uniform in 0..min(max, base x 2^tries) ms,
 * `tries` from 0; `random` is 64 random bits. */
uint64_t retry_backoff_ms(unsigned tries, uint64_t base_ms, uint64_t max_ms, uint64_t random);

/* Extra work as a share of requests, over a sliding window of two halves (10 s in all): retries, hedges, failovers. All
 * zero: new. */
struct share {
    struct cell now, before; /* 63..40 half-window's number | 39..20 requests | 19..0 taken */
};

#define share_window_ns (10ull * 1000000000ull)

void share_count(struct share *share, uint64_t now_ns); /* one request came */
/* One more retry or hedge: taken while those of the window stay within max(floor, requests x permille / 1000). */
bool share_take(struct share *share, unsigned permille, unsigned floor, uint64_t now_ns)
    __attribute__((warn_unused_result));
bool share_would_take(const struct share *share, unsigned permille, unsigned floor, uint64_t now_ns);
/* The same, where the requests are counted in another one, so that each request is counted once. */
bool share_take_of(struct share *share, const struct share *counted, unsigned permille, unsigned floor, uint64_t now_ns)
    __attribute__((warn_unused_result));
bool share_would_take_of(const struct share *share, const struct share *counted, unsigned permille, unsigned floor,
                         uint64_t now_ns);

#endif
