/* key_places.c - see key_places.h. */
#include "store/key_places.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { key_places_begin = 1024 };

static const int64_t *row_keys(struct keyed_rows rows, size_t row) {
    return (const void *)((const char *)rows.keys + row * rows.stride);
}

static uint64_t keys_hash(const int64_t *keys, size_t count) {
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ (uint64_t)keys[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

static void key_place_take(struct key_place *places, size_t count, struct keyed_rows rows, size_t row) {
    const uint64_t hash = keys_hash(row_keys(rows, row), rows.key_count);
    size_t at = hash & (count - 1);
    while (places[at].row) at = (at + 1) & (count - 1);
    places[at] = (struct key_place){(uint32_t)row + 1, (uint32_t)(hash >> 32)};
}

bool key_places_fit(struct key_places *table, struct keyed_rows rows) {
    if (rows.count * 2 < table->count) return true;
    CHECKF(rows.count < UINT32_MAX, "rows=%zu", rows.count);
    size_t count = table->count ? table->count : key_places_begin;
    while (rows.count * 2 >= count) count *= 2;
    struct key_place *places = memory_take_zeroed(count * sizeof *places);
    if (!places) return false;
    for (size_t row = 0; row < rows.count; row++) key_place_take(places, count, rows, row);
    memory_give(table->places);
    *table = (struct key_places){places, count};
    return true;
}

size_t key_places_find(const struct key_places *table, struct keyed_rows rows, const int64_t *keys) {
    CHECKF(rows.count * 2 < table->count, "rows=%zu places=%zu", rows.count, table->count);
    const uint64_t hash = keys_hash(keys, rows.key_count);
    const size_t last = table->count - 1;
    for (size_t at = hash & last; table->places[at].row; at = (at + 1) & last) {
        const size_t row = table->places[at].row - 1;
        if (table->places[at].tag == (uint32_t)(hash >> 32) &&
            memcmp(row_keys(rows, row), keys, rows.key_count * sizeof *keys) == 0)
            return row;
    }
    return SIZE_MAX;
}

void key_places_note(struct key_places *table, struct keyed_rows rows) {
    CHECKF(rows.count > 0 && rows.count * 2 <= table->count, "rows=%zu places=%zu", rows.count, table->count);
    key_place_take(table->places, table->count, rows, rows.count - 1);
}

void key_places_free(struct key_places *table) {
    memory_give(table->places);
    *table = (struct key_places){NULL, 0};
}
