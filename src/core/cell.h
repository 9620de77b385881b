/* cell.h - a machine word that threads share. A decision is a pure function from word and time to the next word; a
 * short compare-and-swap loop applies it:
 *
 *     uint64_t seen = cell_load(cell), next;
 *     do { if (!decide(seen, now, &next)) return false; } while (!cell_swap(cell, &seen, next));
 */
#ifndef WEIR_CORE_CELL_H
#define WEIR_CORE_CELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cell {
    _Atomic uint64_t word;
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(struct cell) == 8,
               "a cell is a word, and no lock stands behind it");

static inline uint64_t cell_load(const struct cell *cell) {
    return atomic_load_explicit(&cell->word, memory_order_acquire);
}

/* false: somebody was quicker (or nobody was: weak), and *seen is what stands there now. */
static inline bool cell_swap(struct cell *cell, uint64_t *seen, uint64_t next) {
    return atomic_compare_exchange_weak_explicit(&cell->word, seen, next, memory_order_acq_rel, memory_order_acquire);
}

static inline void cell_store(struct cell *cell, uint64_t word) {
    atomic_store_explicit(&cell->word, word, memory_order_release);
}

/* A hash's sixteen bits, for words that have no room for more. */
static inline uint16_t short_hash(uint64_t hash) { return (uint16_t)(hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48); }

#endif
