/* timers.h - the timers that are set, the nearest first: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan, 1986)
 * whose links lie in the timers, so that setting one needs no memory and cannot fail. Sans-IO: loop.c gives it the
 * time. One thread.
 *
 *   root -> [10]                 each is due no later than its children, which are a list
 *            |
 *           [12] -- [10] -- [40]      setting: as one more child; taking the nearest: its children join in pairs
 *            |
 *           [17] */
#ifndef WEIR_NET_TIMERS_H
#define WEIR_NET_TIMERS_H

#include "net/loop.h"

/* All zero: none. */
struct timers {
    struct timer *root; /* the nearest */
    size_t count;
};

void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns);
void timers_cancel(struct timers *timers, struct timer *timer); /* fine on one that is not set */
/* The nearest deadline, or UINT64_MAX. */
uint64_t timers_next(const struct timers *timers);
/* Takes one that is due off the heap, or NULL. */
struct timer *timers_due(struct timers *timers, uint64_t now_ns);

#endif
