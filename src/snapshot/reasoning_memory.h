/* reasoning_memory.h - reasoning that a provider sealed and a caller's dialect has no place for, kept until the results
 * of the calls that it led to come back: by client, provider and tool call, for an hour, in memory alone.
 *
 * Bounded: all of it, each client's share, each entry; the oldest go first, a client's own before others'. Any thread;
 * a lock is held for as long as a copy takes. */
#ifndef WEIR_SNAPSHOT_REASONING_MEMORY_H
#define WEIR_SNAPSHOT_REASONING_MEMORY_H

#include <pthread.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/list.h"

enum {
    reasoning_bytes_max = 32 * 1024 * 1024,
    reasoning_client_bytes_max = 8 * 1024 * 1024,
    reasoning_entry_max = 256 * 1024,
    reasoning_keep_s = 3600,
    reasoning_buckets = 1024,
    reasoning_clients = 256
};

struct reasoning_key {
    uint64_t client; /* of its name; 0: callers without a key */
    uint64_t origin; /* of the provider: what one has sealed no other can read */
    struct str call; /* the tool call's id */
};

struct reasoning_entry;
struct reasoning_memory {
    pthread_mutex_t lock;
    struct budget *budget;
    struct list by_age; /* the oldest first */
    struct reasoning_entry *buckets[reasoning_buckets];
    size_t bytes, clients[reasoning_clients]; /* of all; of each client, of whom some share a place */
    size_t count;
};

/* What it holds is counted in `budget`. */
void reasoning_memory_init(struct reasoning_memory *memory, struct budget *budget);
void reasoning_memory_free(struct reasoning_memory *memory);
/* Keeps a copy, in the place of an earlier one; none where it is too long or there is no room: then it will be missed.
 * Empty items are kept too: there was nothing to keep. */
void reasoning_keep(struct reasoning_memory *memory, const struct reasoning_key *key, struct str items,
                    uint64_t now_ns);
/* A copy in the arena. false: it is gone, or was never here. */
bool reasoning_find(struct reasoning_memory *memory, const struct reasoning_key *key, uint64_t now_ns,
                    struct arena *arena, struct str *items);

#endif
