/* waiters.c - the sketch's two rows, each by other bits of the hash. */
#include "core/waiters.h"

static _Atomic uint32_t *count_of(struct waiters *waiters, unsigned row, uint64_t client) {
    const uint64_t odd = 0x9e3779b97f4a7c15; /* spreads it over the upper bits, of which each row takes its own */
    return &waiters->counts[row][(client * odd) >> (row ? 48 : 58) & (waiters_columns - 1)];
}

void waiters_leave(struct waiters *waiters, uint64_t client) {
    for (unsigned row = 0; row < waiters_rows; row++)
        atomic_fetch_sub_explicit(count_of(waiters, row, client), 1, memory_order_acq_rel);
}

bool waiters_join(struct waiters *waiters, uint64_t client, uint32_t free) {
    uint32_t least = UINT32_MAX;
    for (unsigned row = 0; row < waiters_rows; row++) {
        uint32_t before = atomic_fetch_add_explicit(count_of(waiters, row, client), 1, memory_order_acq_rel);
        if (before < least) least = before;
    }
    if (least < free) return true;
    waiters_leave(waiters, client);
    return false;
}
