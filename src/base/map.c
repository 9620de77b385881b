/* map.c - open addressing at most half full. */
#include "base/map.h"

#include "base/check.h"
#include "base/memory.h"

bool map_init(struct map *map, struct arena *arena, size_t count) {
    size_t size = 8, bytes;
    while (size < count * 2 + 1) size *= 2;
    *map = (struct map){.entries = NULL, .size = size, .count = 0};
    if (!size_mul(size, sizeof *map->entries, &bytes)) return false;
    map->entries = arena_take_zeroed(arena, bytes);
    return map->entries != NULL;
}

static struct map_entry *map_place_of(const struct map *map, struct str key) {
    size_t at = str_hash(key) & (map->size - 1);
    while (map->entries[at].value && !str_eq(map->entries[at].key, key)) at = (at + 1) & (map->size - 1);
    return &map->entries[at];
}

bool map_add(struct map *map, struct str key, void *value) {
    CHECKF(value && (map->size & (map->size - 1)) == 0, "size=%zu", map->size); /* a place without a value is free */
    if (map->count * 2 >= map->size) return false;
    struct map_entry *entry = map_place_of(map, key);
    if (entry->value) return false;
    *entry = (struct map_entry){key, value};
    map->count++;
    return true;
}

void *map_find(const struct map *map, struct str key) { return map->entries ? map_place_of(map, key)->value : NULL; }
