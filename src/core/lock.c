/* lock.c - who holds an exclusive route. Invariant: the holder changes only together with the epoch. */
#include "core/lock.h"

#include "base/check.h"

enum { holder_mask = 0xffffff, failures_max = 0xff };

static struct lock_view lock_view_of(uint64_t word) {
    return (struct lock_view){.holder = (uint32_t)(word >> 40) & holder_mask,
                              .failures = (unsigned)(word >> 32) & failures_max,
                              .epoch = (uint32_t)word};
}

static uint64_t lock_word_of(uint32_t holder, unsigned failures, uint32_t epoch) {
    CHECKF(failures <= failures_max, "failures=%u", failures);
    return (uint64_t)(holder & holder_mask) << 40 | (uint64_t)failures << 32 | epoch;
}

struct lock_view lock_view(const struct cell *cell) {
    return lock_view_of(cell_load(cell));
}

struct lock_view lock_hold(struct cell *cell, uint32_t first) {
    uint64_t seen = cell_load(cell), next;
    do {
        if (lock_view_of(seen).holder) return lock_view_of(seen);
        next = lock_word_of(first, 0, lock_view_of(seen).epoch + 1);
    } while (!cell_swap(cell, &seen, next));
    return lock_view_of(next);
}

void lock_succeeded(struct cell *cell, uint32_t epoch) {
    uint64_t seen = cell_load(cell);
    struct lock_view view;
    do {
        view = lock_view_of(seen);
        if (view.epoch != epoch || view.failures == 0) return;
    } while (!cell_swap(cell, &seen, lock_word_of(view.holder, 0, epoch)));
}

enum lock_change lock_failed(struct cell *cell, uint32_t epoch, unsigned failover_after, uint32_t next) {
    uint64_t seen = cell_load(cell), word;
    bool moves;
    CHECKF(failover_after >= 1 && failover_after <= failures_max, "failover_after=%u", failover_after);
    do {
        struct lock_view view = lock_view_of(seen);
        if (view.epoch != epoch) return lock_unchanged;
        unsigned failures = view.failures < failures_max ? view.failures + 1 : failures_max;
        moves = failures >= failover_after && next && next != view.holder;
        CHECKF(!moves || next != 0, "holder=%u", view.holder); /* a lock that was held is never nobody's again */
        if (failures > failover_after) failures = failover_after;
        word = moves ? lock_word_of(next, 0, epoch + 1) : lock_word_of(view.holder, failures, epoch);
    } while (!cell_swap(cell, &seen, word));
    return moves ? lock_moved : lock_counted;
}

bool lock_move(struct cell *cell, uint32_t epoch, uint32_t next) {
    uint64_t seen = cell_load(cell);
    do {
        if (lock_view_of(seen).epoch != epoch) return false;
    } while (!cell_swap(cell, &seen, lock_word_of(next, 0, epoch + 1)));
    return true;
}

void lock_restore(struct cell *cell, uint32_t holder, uint32_t epoch) {
    cell_store(cell, lock_word_of(holder, 0, epoch));
}
