/* cells.c - names to words, chained; entries never move and are never given up before the end. */
#include "snapshot/cells.h"

#include <sched.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

struct cells_entry {
    struct cells_entry *next;
    uint64_t hash;
    size_t size, name_len;
    char *name;               /* behind the cells */
    void (*end)(void *words); /* NULL: nothing is to be done */
    char cells[];
};

_Static_assert(offsetof(struct cells_entry, cells) % 16 == 0, "cells stand aligned");

static uint64_t hash_of(const char *kind, struct str name) { return str_hash(name) * 31 + str_hash(str_from(kind)); }

static bool grow(struct cells *cells) {
    size_t count = cells->chain_count ? cells->chain_count * 2 : 64, bytes;
    struct cells_entry **chains = size_mul(count, sizeof *chains, &bytes) ? memory_take_zeroed(bytes) : NULL;
    if (!chains) return false;
    for (size_t i = 0; i < cells->chain_count; i++)
        for (struct cells_entry *entry = cells->chains[i], *next; entry; entry = next) {
            next = entry->next;
            entry->next = chains[entry->hash % count];
            chains[entry->hash % count] = entry;
        }
    memory_give(cells->chains);
    cells->chains = chains;
    cells->chain_count = count;
    return true;
}

static bool cells_is_named(const struct cells_entry *entry, const char *kind, struct str name) {
    size_t kind_len = strlen(kind);
    return entry->name_len == kind_len + name.len && memcmp(entry->name, kind, kind_len) == 0 &&
           (name.len == 0 || memcmp(entry->name + kind_len, name.at, name.len) == 0);
}

static void *find_or_add(struct cells *cells, const char *kind, struct str name, size_t size) {
    uint64_t hash = hash_of(kind, name);
    for (struct cells_entry *entry = cells->chain_count ? cells->chains[hash % cells->chain_count] : NULL; entry;
         entry = entry->next)
        if (entry->hash == hash && cells_is_named(entry, kind, name)) {
            CHECKF(entry->size == size, "kind=%s size=%zu", kind, size);
            return entry->cells;
        }
    if (cells->count >= cells->chain_count && !grow(cells)) return NULL;
    size_t kind_len = strlen(kind), rounded = (size + cache_line - 1) / cache_line * cache_line;
    struct cells_entry *entry = memory_take_zeroed(sizeof *entry + rounded + kind_len + name.len);
    if (!entry) return NULL;
    CHECKF(rounded >= size && rounded % cache_line == 0, "rounded=%zu size=%zu", rounded, size);
    entry->hash = hash;
    entry->size = size;
    entry->name = entry->cells + rounded;
    entry->name_len = kind_len + name.len;
    memcpy(entry->name, kind, kind_len);
    if (name.len) memcpy(entry->name + kind_len, name.at, name.len);
    entry->next = cells->chains[hash % cells->chain_count];
    cells->chains[hash % cells->chain_count] = entry;
    cells->count++;
    return entry->cells;
}

void *cells_find(struct cells *cells, struct arena *arena, const char *kind, struct str name, size_t size) {
    return cells_find_ending(cells, arena, kind, name, size, NULL);
}

void *cells_find_ending(struct cells *cells, struct arena *arena, const char *kind, struct str name, size_t size,
                        void (*end)(void *words)) {
    if (!cells) return arena_take_zeroed(arena, size);
    while (atomic_flag_test_and_set_explicit(&cells->busy, memory_order_acquire)) sched_yield();
    void *found = find_or_add(cells, kind, name, size);
    if (found && end) ((struct cells_entry *)(void *)((char *)found - offsetof(struct cells_entry, cells)))->end = end;
    atomic_flag_clear_explicit(&cells->busy, memory_order_release);
    return found;
}

void cells_free(struct cells *cells) {
    size_t given = 0;
    for (size_t i = 0; i < cells->chain_count; i++)
        for (struct cells_entry *entry = cells->chains[i], *next; entry; entry = next, given++) {
            next = entry->next;
            if (entry->end) entry->end(entry->cells);
            memory_give(entry);
        }
    CHECKF(given == cells->count, "given=%zu of %zu", given, cells->count);
    memory_give(cells->chains);
    *cells = (struct cells){.chains = NULL};
}
