/* prefix_memory.c - a table of buckets by a key's bits; what stands in them is core/prefix.h's. */
#include "snapshot/prefix_memory.h"

#include "base/check.h"
#include "base/memory.h"

bool prefix_memory_init(struct prefix_memory *memory) {
    random_bytes(&memory->secret, sizeof memory->secret);
    memory->buckets = memory_take_zeroed(prefix_buckets * sizeof *memory->buckets);
    return memory->buckets != NULL;
}

void prefix_memory_free(struct prefix_memory *memory) {
    memory_give(memory->buckets);
    memory->buckets = NULL;
}

uint64_t prefix_memory_key(const struct prefix_memory *memory, const uint64_t words[prefix_key_words]) {
    uint64_t key = hash_keyed(&memory->secret, str_make((const char *)words, prefix_key_words * sizeof *words));
    return key ? key : 1;
}

static struct prefix_bucket *bucket_at(const struct prefix_memory *memory, uint64_t key) {
    return &memory->buckets[(key ^ key >> 32) % prefix_buckets];
}

bool prefix_memory_find(const struct prefix_memory *memory, uint64_t key, struct prefix_known *known) {
    const struct prefix_bucket *bucket = bucket_at(memory, key);
    for (size_t i = 0; i < prefix_bucket_places; i++)
        if (prefix_read(&bucket->places[i], key, known)) return true;
    return false;
}

static bool prefix_bucket_enter(struct prefix_bucket *bucket) {
    enum { turns_most = 100000 };
    for (unsigned turn = 0; atomic_flag_test_and_set_explicit(&bucket->busy, memory_order_acquire); turn++)
        if (turn == turns_most) return false;
    return true;
}

void prefix_memory_keep(struct prefix_memory *memory, uint64_t key, const struct prefix_known *known, uint32_t now_s) {
    struct prefix_bucket *bucket = bucket_at(memory, key);
    if (!prefix_bucket_enter(bucket)) return;
    size_t place = prefix_place_for(bucket->places, prefix_bucket_places, key, known->whose, now_s);
    prefix_write(&bucket->places[place], key, known);
    atomic_flag_clear_explicit(&bucket->busy, memory_order_release);
}
