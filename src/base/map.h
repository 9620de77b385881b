/* map.h - names to pointers, built once and then only read (a snapshot's tables). Lives in an arena; not for hostile
 * keys without a bound. Reading is thread-safe once building has ended. */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include "base/arena.h"

struct map_entry {
    struct str key; /* borrowed */
    void *value;    /* never NULL */
};

struct map {
    struct map_entry *entries; /* open addressing, linear probing; a NULL value is a free place */
    size_t size;               /* power of two */
    size_t count;
};

/* Room for `count` keys. false: out of memory. */
bool map_init(struct map *map, struct arena *arena, size_t count) __attribute__((warn_unused_result));
/* false when the key is there already (its value stays) or the map is full. */
bool map_add(struct map *map, struct str key, void *value);
/* NULL when there is none. */
void *map_find(const struct map *map, struct str key);

#endif
