/* prefix_memory.h - where the beginnings of prompts lie, for all loops: which target has each in its provider's prompt
 * cache, until when, and how many tokens of it. In memory alone: a restart begins anew.
 *
 * Bounded: prefix_buckets x prefix_bucket_places; a bucket that is full gives up what is over first, of whoever has
 * most in it. Looking takes no lock; who writes in a bucket waits for who does the same there, less than a
 * microsecond, and gives up where it takes longer: it is a hint, not a fact. Any thread. */
#ifndef WEIR_SNAPSHOT_PREFIX_MEMORY_H
#define WEIR_SNAPSHOT_PREFIX_MEMORY_H

#include "base/hash.h"
#include "core/prefix.h"

enum { prefix_buckets = 8192, prefix_bucket_places = 8 };

struct prefix_bucket {
    struct prefix_place places[prefix_bucket_places];
    atomic_flag busy;
};
struct prefix_memory {
    struct prefix_bucket *buckets; /* touched as they are used */
    struct hash_secret secret;     /* of its keys: callers choose what they are made of */
};

/* false: no memory. */
bool prefix_memory_init(struct prefix_memory *memory) __attribute__((warn_unused_result));
void prefix_memory_free(struct prefix_memory *memory);

/* Where a prompt stands that is known by these words, one of which says whose it is: not 0, and nobody can find words
 * of his own that come to another's. */
enum { prefix_key_words = 4 };
uint64_t prefix_memory_key(const struct prefix_memory *memory, const uint64_t words[prefix_key_words]);
/* `key` is not 0. */
bool prefix_memory_find(const struct prefix_memory *memory, uint64_t key, struct prefix_known *known);
void prefix_memory_keep(struct prefix_memory *memory, uint64_t key, const struct prefix_known *known, uint32_t now_s);

#endif
