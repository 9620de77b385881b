/* arena.c - a bump allocator over blocks. Invariant: `newest` is the only block with free space in use. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sanitized.h"
#include "base/secret.h"

struct arena_block {
    struct arena_block *older;
    size_t size; /* bytes of room[] */
    size_t used;
    size_t ordinary; /* 1 when size is the arena's block size; keeps room[] aligned to 16 */
    char room[];
};
_Static_assert(sizeof(struct arena_block) % 16 == 0, "room must be aligned");

/* Under the address sanitizer a gap stands behind each take, and what is not taken is nobody's: a read past the end of
 * one, or after a reset, is seen as it would be of malloc's. A take fails there as a call of malloc's does, where a
 * test says so, though its block has room: it may be any one's fate to need the next block. */
#if ADDRESS_SANITIZED
#include <sanitizer/asan_interface.h>
enum { gap = 16 };
static void room_close(struct arena_block *block) { __asan_poison_memory_region(block->room, block->size); }
static void room_open(void *at, size_t size) { __asan_unpoison_memory_region(at, size); }
static bool room_refused(void) { return memory_refuses(); }
#else
enum { gap = 0 };
static void room_close(struct arena_block *block) { (void)block; }
static void room_open(void *at, size_t size) { (void)at, (void)size; }
static bool room_refused(void) { return false; }
#endif

void arena_init(struct arena *arena, size_t block_size, size_t taken_max) {
    arena_init_spared(arena, block_size, taken_max, NULL);
}

void arena_init_spared(struct arena *arena, size_t block_size, size_t taken_max, struct spares *spares) {
    CHECK(block_size >= 64);
    *arena = (struct arena){.block_size = block_size, .taken_max = taken_max, .spares = spares};
}

void arena_init_secret(struct arena *arena, size_t block_size, size_t taken_max) {
    arena_init_spared(arena, block_size, taken_max, NULL);
    arena->secret = true;
}

void arena_hold_within(struct arena *arena, struct budget *budget) {
    CHECK(!arena->newest);
    arena->budget = budget;
}

void arena_init_beside(struct arena *arena, size_t block_size, const struct arena *other) {
    arena_init(arena, block_size, SIZE_MAX);
    arena->budget = other ? other->budget : NULL;
}

static struct arena_block *arena_block_take(struct arena *arena, size_t whole, bool ordinary) {
    return arena->secret ? secret_take(whole) : spares_take(ordinary ? arena->spares : NULL, whole);
}

static void arena_block_give(struct arena *arena, struct arena_block *block) {
    room_open(block->room, block->size);
    if (arena->secret)
        secret_give(block);
    else
        spares_give(block->ordinary ? arena->spares : NULL, block);
}

/* Whether what arenas take may be refused. */
enum taking { taking_within, taking_to_end };

static struct arena_block *arena_block_add(struct arena *arena, size_t size, enum taking taking) {
    bool ordinary = size <= arena->block_size - sizeof(struct arena_block);
    size_t room = ordinary ? arena->block_size - sizeof(struct arena_block) : size;
    size_t whole, total;
    if (!size_add(room, sizeof(struct arena_block), &whole) || !size_add(arena->taken, whole, &total)) return NULL;
    if (total > arena->taken_max) return NULL;
    if (taking == taking_to_end)
        budget_charge(arena->budget, whole);
    else if (!budget_take(arena->budget, whole))
        return NULL;
    struct arena_block *block = arena_block_take(arena, whole, ordinary);
    if (!block) {
        budget_give(arena->budget, whole);
        return NULL;
    }
    CHECKF(room >= size && total <= arena->taken_max, "room=%zu size=%zu total=%zu", room, size, total);
    *block = (struct arena_block){.older = arena->newest, .size = room, .used = 0, .ordinary = ordinary};
    room_close(block);
    arena->taken = total;
    if (!ordinary && arena->newest) { /* a block of its own goes behind, so that the newest keeps its free space */
        block->older = arena->newest->older;
        arena->newest->older = block;
    } else {
        arena->newest = block;
    }
    return block;
}

static void *arena_take_counted(struct arena *arena, size_t size, enum taking taking) {
    size_t rounded;
    if (!size_add(size, 15 + gap, &rounded) || (taking == taking_within && room_refused())) {
        arena->refused = true;
        return NULL;
    }
    rounded &= ~(size_t)15;
    struct arena_block *block = arena->newest;
    if (!block || block->size - block->used < rounded) block = arena_block_add(arena, rounded, taking);
    arena->refused |= !block;
    if (!block) return NULL;
    CHECKF(rounded <= block->size - block->used, "size=%zu used=%zu rounded=%zu", block->size, block->used, rounded);
    void *taken = block->room + block->used;
    block->used += rounded;
    room_open(taken, size);
    return taken;
}

void *arena_take(struct arena *arena, size_t size) { return arena_take_counted(arena, size, taking_within); }

void *arena_take_to_end(struct arena *arena, size_t size) { return arena_take_counted(arena, size, taking_to_end); }

void *arena_take_zeroed(struct arena *arena, size_t size) {
    void *taken = arena_take(arena, size);
    if (taken) memset(taken, 0, size);
    return taken;
}

struct str arena_copy(struct arena *arena, struct str s) {
    size_t size;
    char *copy = size_add(s.len, 1, &size) ? arena_take(arena, size) : NULL;
    if (!copy) return STR_NONE;
    if (s.len) memcpy(copy, s.at, s.len);
    copy[s.len] = 0;
    return str_make(copy, s.len);
}

struct str arena_join(struct arena *arena, struct str first, struct str second) {
    size_t len, size;
    char *both = size_add(first.len, second.len, &len) && size_add(len, 1, &size) ? arena_take(arena, size) : NULL;
    if (!both) return STR_NONE;
    if (first.len) memcpy(both, first.at, first.len);
    if (second.len) memcpy(both + first.len, second.at, second.len);
    both[len] = 0;
    return str_make(both, len);
}

struct str arena_printf(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = len < 0 ? NULL : arena_take(arena, (size_t)len + 1);
    if (!text) return STR_NONE;
    va_start(arguments, format);
    vsnprintf(text, (size_t)len + 1, format, arguments);
    va_end(arguments);
    return str_make(text, (size_t)len);
}

static void arena_blocks_give(struct arena *arena, struct arena_block *keep) {
    struct arena_block *block = arena->newest;
    while (block) {
        struct arena_block *older = block->older;
        if (block != keep) arena_block_give(arena, block);
        block = older;
    }
}

void arena_reset(struct arena *arena) {
    struct arena_block *keep = arena->newest;
    while (keep && !keep->ordinary) keep = keep->older;
    arena_blocks_give(arena, keep);
    arena->newest = keep;
    arena->refused = false;
    size_t kept = keep ? keep->size + sizeof(struct arena_block) : 0;
    CHECKF(kept <= arena->taken, "kept=%zu taken=%zu", kept, arena->taken);
    budget_give(arena->budget, arena->taken - kept);
    arena->taken = kept;
    if (!keep) return;
    keep->older = NULL;
    keep->used = 0;
    room_close(keep);
}

void arena_wipe(struct arena *arena) {
    for (struct arena_block *block = arena->newest; block; block = block->older) {
        room_open(block->room, block->used); /* the gaps too */
        memory_wipe(block->room, block->used);
    }
}

void arena_free(struct arena *arena) {
    arena_blocks_give(arena, NULL);
    budget_give(arena->budget, arena->taken);
    arena->newest = NULL;
    arena->taken = 0;
}
