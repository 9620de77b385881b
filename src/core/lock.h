/* lock.h - the provider lock of an exclusive route, in one word.
 *
 *   63..40 holder (a target's id; 0: nobody yet) | 39..32 failures in a row | 31..0 epoch
 *
 * Each move is an epoch of its own, and a report against another epoch changes nothing: 200 requests that fail together
 * move it once. Any thread. */
#ifndef WEIR_CORE_LOCK_H
#define WEIR_CORE_LOCK_H

#include "core/cell.h"

struct lock_view {
    uint32_t holder; /* 24 bits */
    unsigned failures;
    uint32_t epoch;
};

enum lock_change { lock_unchanged, lock_counted, lock_moved };

struct lock_view lock_view(const struct cell *cell);
/* Takes it for `first` when nobody holds it, and says who holds it now. */
struct lock_view lock_hold(struct cell *cell, uint32_t first);
void lock_succeeded(struct cell *cell, uint32_t epoch);
/* One more failure of this epoch's holder; the failover_after-th (1 to 255) moves the lock to `next`. next 0, or the
 * holder itself: there is nowhere to go; the count stays at its top. */
enum lock_change lock_failed(struct cell *cell, uint32_t epoch, unsigned failover_after, uint32_t next);
/* Moves it at once: the holder can't serve, the primary is well again, or an operator wants it. false: the epoch is
 * another one already. */
bool lock_move(struct cell *cell, uint32_t epoch, uint32_t next);
/* As it was when the state was written down; only before anyone uses it. */
void lock_restore(struct cell *cell, uint32_t holder, uint32_t epoch);

#endif
