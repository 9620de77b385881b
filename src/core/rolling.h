/* rolling.h - money against a limit over a time that ends now, exact to one bucket of thirty.
 *
 *   total     nano-dollars committed in all buckets that count: the one word that is decided on
 *   buckets   31 that count (the one of now, and the thirty before it), each as a window of spend.h
 *
 * A reservation is added to the total first, where it must fit, and to its bucket then. A bucket that counts no more is
 * emptied by one swap, and whoever made it takes what stood there off the total: once. What is settled late finds its
 * own bucket or none. So the total is at no moment less than the sum of the buckets that count, and any stretch of the
 * window's length has at most the limit. Pure but for the words. Any thread. All zero: nothing was spent. */
#ifndef WEIR_CORE_ROLLING_H
#define WEIR_CORE_ROLLING_H

#include "core/spend.h"

enum { rolling_parts = 30, rolling_buckets = 32 };

struct rolling {
    struct cell total;
    struct cell swept; /* the last bucket at whose beginning all were looked through */
    struct spend_window buckets[rolling_buckets];
};

/* Seconds of one bucket, for a window of so many. */
static inline uint64_t rolling_bucket_s(uint64_t window_s) {
    return window_s < rolling_parts ? 1 : (window_s + rolling_parts - 1) / rolling_parts;
}

/* What counts now; start_s: of the first bucket that does. */
struct spend_view rolling_look(const struct rolling *rolling, uint64_t bucket_s, uint64_t now_s);
/* true: it is committed, in the bucket that began at *start_s, where the caller owes one rolling_settle. */
bool rolling_reserve(struct rolling *rolling, uint64_t bucket_s, uint64_t now_s, int64_t nano_usd, int64_t limit,
                     uint64_t *start_s) __attribute__((warn_unused_result));
/* So much more for what was reserved in the bucket that began at start_s; in one that is gone it counts nowhere. */
bool rolling_reserve_more(struct rolling *rolling, uint64_t bucket_s, uint64_t now_s, uint64_t start_s,
                          int64_t nano_usd, int64_t limit) __attribute__((warn_unused_result));
/* The bucket in which something that reserves nothing will be settled. */
uint64_t rolling_enter(struct rolling *rolling, uint64_t bucket_s, uint64_t now_s);
/* What was reserved there becomes what was spent; in a bucket that is gone it changes nothing. */
void rolling_settle(struct rolling *rolling, uint64_t start_s, int64_t reserved, int64_t spent);
/* So much of what was spent in that bucket counts no more; what is reserved stays. One thread at a time. */
void rolling_forget(struct rolling *rolling, uint64_t start_s, int64_t spent);
/* A bucket as it was written down; only before anybody uses it. */
void rolling_restore(struct rolling *rolling, uint64_t bucket_s, uint64_t start_s, int64_t spent);
/* The same on top of what was spent meanwhile: any thread, at any time. */
void rolling_restore_late(struct rolling *rolling, uint64_t bucket_s, uint64_t start_s, int64_t spent);
/* What was spent in the n-th place, and when it began. false: nothing. */
bool rolling_bucket(const struct rolling *rolling, unsigned place, uint64_t *start_s, int64_t *spent);

#endif
