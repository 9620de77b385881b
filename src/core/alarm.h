/* alarm.h - when a number is to be told of: a share or a quantile of the last minutes against a threshold, against its
 * own past, what is spent in an hour against the hours before. Pure; the clock is an argument. */
#ifndef WEIR_CORE_ALARM_H
#define WEIR_CORE_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does it hold? What lasts goes on until its value is a fifth below the threshold that it began with, so that it does
 * not flutter. Of too few answers nothing new is said; what lasted (over a restart, too) goes on until a whole window
 * is known. */
struct alarm {
    double value, threshold;
    uint64_t count, least; /* of answers; and how many are to be judged by */
    bool lasts;            /* it has begun, and `threshold` is what it began with */
    bool young;            /* less than a window is known */
};
bool alarm_holds(const struct alarm *alarm);

/* -- counts that only grow, looked at again and again -- */

enum { trend_buckets = 21, trend_samples = 12 };

struct trend_counts {
    uint64_t good, bad;              /* answers, and what failed by its own fault */
    uint64_t buckets[trend_buckets]; /* of times */
};
/* All zero: nothing is known. */
struct trend {
    struct trend_counts samples[trend_samples]; /* a ring */
    uint64_t at_s[trend_samples];
    size_t next, count;
};
struct trend_window {
    struct trend_counts within, before; /* in the window; and up to its beginning */
    bool young;                         /* less than the window is known */
};
/* What was counted up to now_s (any clock that only grows). Notes it, where the last note is a tenth of the window ago,
 * and tells the window that ends now. */
void trend_look(struct trend *trend, const struct trend_counts *counts, uint64_t now_s, uint64_t window_s,
                struct trend_window *window);

uint64_t trend_answers(const struct trend_counts *counts); /* that have a time */
/* The time below which this share of them is, between its bucket's bounds; `most` are the upper ones, rising, one less
 * than there are buckets. 0: there are none. */
uint64_t trend_quantile(const struct trend_counts *counts, const uint64_t most[trend_buckets - 1], double share);

/* -- spending -- */

enum { spend_hours_least = 24 };
/* What is much in an hour, of hours that have gone: the 90th percentile of those in which anything was spent; reorders
 * them. 0: of fewer than spend_hours_least nothing is said. */
int64_t spend_usual(int64_t *hours, size_t count);

/* Is a budget empty before its window ends, if it goes on as it did? `after_permille` of the window must be over. */
bool spend_burns(int64_t start_s, int64_t end_s, int64_t now_s, uint32_t after_permille, int64_t reached_s);

#endif
