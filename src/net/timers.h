/* timers.h - a binary heap of the timers that are set, by deadline. Sans-IO: loop.c gives it the time. One thread. */
#ifndef WEIR_NET_TIMERS_H
#define WEIR_NET_TIMERS_H

#include "net/loop.h"

struct timers {
    struct timer **heap; /* heap[1] is the nearest; heap[0] is not used */
    size_t count, size;
};

/* false: out of memory, the timer is not set. */
bool timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns) __attribute__((warn_unused_result));
void timers_cancel(struct timers *timers, struct timer *timer);
/* The nearest deadline, or UINT64_MAX. */
uint64_t timers_next(const struct timers *timers);
/* Takes one that is due off the heap, or NULL. */
struct timer *timers_due(struct timers *timers, uint64_t now_ns);
void timers_free(struct timers *timers);

#endif
