/* clock.h - a moment, passed by value. Only net/loop.c makes one from the system's clocks; everything else is given it.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

struct now {
    uint64_t mono_ns; /* CLOCK_MONOTONIC: for deadlines and durations */
    int64_t wall_ns;  /* CLOCK_REALTIME, since 1970: for people and for what is persisted */
};

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

#endif
