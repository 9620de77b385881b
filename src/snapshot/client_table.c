/* client_table.c - open addressing with linear probing. Invariant: a run of taken places ends in a free one. */
#include "snapshot/client_table.h"

#include "base/check.h"
#include "base/memory.h"

bool client_table_init(struct client_table *table, struct arena *arena, size_t count) {
    size_t size = 16, bytes;
    *table = (struct client_table){.size = 0};
    while (size < count * 2) size *= 2;
    if (!size_mul(size, sizeof *table->places, &bytes) || !(table->places = arena_take(arena, bytes))) return false;
    for (size_t i = 0; i < size; i++) table->places[i].number = client_table_none;
    CHECKF((size & (size - 1)) == 0 && size >= 2 * count, "size=%zu count=%zu", size, count); /* a mask finds places */
    CHECKF(size == 16 || size < 4 * count, "size=%zu count=%zu", size, count); /* at most twice too many */
    table->size = size;
    random_bytes(&table->secret, sizeof table->secret);
    return true;
}

static size_t first_place(const struct client_table *table, const struct sha256 *digest) {
    return hash_keyed(&table->secret, str_make((const char *)digest->bytes, sizeof digest->bytes)) & (table->size - 1);
}

uint32_t client_table_add(struct client_table *table, const struct sha256 *digest, uint32_t number) {
    CHECKF(table->count * 2 < table->size && number != client_table_none, "count=%zu", table->count);
    uint32_t known = client_table_find(table, digest);
    if (known != client_table_none) return known;
    size_t at = first_place(table, digest);
    while (table->places[at].number != client_table_none) at = (at + 1) & (table->size - 1);
    table->places[at] = (struct client_place){*digest, number};
    table->count++;
    return client_table_none;
}

uint32_t client_table_find(const struct client_table *table, const struct sha256 *digest) {
    uint32_t found = client_table_none;
    if (table->size == 0) return found;
    for (size_t at = first_place(table, digest); table->places[at].number != client_table_none;
         at = (at + 1) & (table->size - 1))
        if (hash_equal(&table->places[at].digest, digest)) found = table->places[at].number;
    return found;
}
