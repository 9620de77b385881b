/* arena.h - memory that lives as long as its owner: many takes, one end. Not thread-safe; one owner.
 *
 *   arena -> block (newest) -> block -> block (first)      each: [header | used ... | free]
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/spares.h"
#include "base/str.h"

struct arena_block;
struct budget; /* base/budget.h */

struct arena {
    struct arena_block *newest;
    size_t block_size;     /* bytes of an ordinary block */
    size_t taken;          /* bytes of all blocks */
    size_t taken_max;      /* past it arena_take answers NULL */
    struct spares *spares; /* of ordinary blocks; NULL: none */
    struct budget *budget; /* what its blocks are counted in; NULL: nothing */
    bool secret;           /* its blocks are secret.h's */
    bool refused;          /* a take has found no memory since it was made, or reset */
};

/* Holds no memory until the first take. */
void arena_init(struct arena *arena, size_t block_size, size_t taken_max);
/* The same, with blocks from `spares`, which outlives it and serves one block size only. */
void arena_init_spared(struct arena *arena, size_t block_size, size_t taken_max, struct spares *spares);
/* For credentials: see secret.h. */
void arena_init_secret(struct arena *arena, size_t block_size, size_t taken_max);
/* From now on its blocks are counted in `budget`, which outlives it; without room there arena_take answers NULL. Before
 * the first take. */
void arena_hold_within(struct arena *arena, struct budget *budget);
/* For one call's intermediate work: counted where `other` is, which may be NULL. */
void arena_init_beside(struct arena *arena, size_t block_size, const struct arena *other);
/* Aligned to 16, uninitialised; NULL when out of memory, past taken_max or without room in the budget. */
void *arena_take(struct arena *arena, size_t size) __attribute__((warn_unused_result));
/* The same for the little without which what is under way could not be ended: it is counted, and never refused by the
 * budget. */
void *arena_take_to_end(struct arena *arena, size_t size) __attribute__((warn_unused_result));
void *arena_take_zeroed(struct arena *arena, size_t size) __attribute__((warn_unused_result));
/* A copy, NUL-ended after its len bytes; {NULL,0} when there is no memory. */
struct str arena_copy(struct arena *arena, struct str s) __attribute__((warn_unused_result));
/* One behind the other, as arena_copy. For secrets too: printf leaves what it writes on the stack. */
struct str arena_join(struct arena *arena, struct str first, struct str second) __attribute__((warn_unused_result));
struct str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
/* Gives back all but one ordinary block, which is used again. */
void arena_reset(struct arena *arena);
/* Overwrites all that was taken, for arenas that held credentials. Ranges into it then read as zeros. */
void arena_wipe(struct arena *arena);
void arena_free(struct arena *arena);

#endif
