/* notices_watch.h - what of providers and locks is another than it was at the last look, as events and in the history
 * of health. One thread. */
#ifndef WEIR_RUNTIME_NOTICES_WATCH_H
#define WEIR_RUNTIME_NOTICES_WATCH_H

#include "observe/notices.h"
#include "runtime/health_log.h"

struct watched_provider {
    uint64_t name;
    enum health_state health;
    enum breaker_state breaker;
    enum provider_state state;
};
struct watched_lock {
    uint64_t route;
    uint32_t holder, epoch;
};
/* All zero: nothing was looked at. */
struct notices_watch {
    struct watched_provider providers[limit_providers];
    size_t provider_count;
    struct watched_lock *locks;
    size_t lock_count, lock_room;
};

/* What was not there at the last look is only noted. */
struct notices_into {
    struct notices *notices;
    struct health_log *health; /* changes of breakers, states and locks go there too */
};
void notices_watch(struct notices_watch *watch, struct notices_into *into, const struct snapshot *snapshot,
                   struct now now);
void notices_watch_free(struct notices_watch *watch);

#endif
