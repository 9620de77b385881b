/* client_registry.h - clients that were made at run time: beside the snapshots, so that changing one copies no other.
 *
 *   presented key -> SHA-256 -> BLAKE2b under the state folder's key -> words: 32 bits of it and a number -> ... ->
 * free
 *                                                                            |
 *   slots:  number -> record (immutable, swapped whole) -> what it may do under one snapshot, made when it first asks
 *
 * What strangers choose decides neither where a digest falls nor how many words are looked at. A change is one store:
 * in force for the next request on every loop. Records and words that were replaced are given back when every loop has
 * turned since. What a client may do lives as long as the snapshot that it was read against.
 *
 * Loops read without a lock; but for the first request of a client after a change of it or of the configuration.
 * Changes are made by one thread at a time. */
#ifndef WEIR_SNAPSHOT_CLIENT_REGISTRY_H
#define WEIR_SNAPSHOT_CLIENT_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>

#include "snapshot/snapshot.h"

enum { client_id_bytes = 16, registry_chunk = 1024, registry_chunks = 4096, registry_none = UINT32_MAX };

/* What a client may do under one snapshot. */
struct client_bound {
    struct client_bound *next; /* of the same snapshot */
    uint32_t version;          /* of the record that it was made of */
    struct arena arena;
    const struct client *client; /* NULL: its settings do not fit that configuration */
    char problem[200];           /* why not */
};

/* Of one snapshot: the newest of each client by its number, and all of them, as requests may use older ones. */
struct client_bounds {
    struct client_bound *first;
    _Atomic uint32_t outdated; /* of them those that others have taken the place of */
    _Atomic(struct client_bound *) *_Atomic chunks[registry_chunks];
};

/* Immutable once others can see it. */
struct client_record {
    struct str name, settings; /* JSON; behind the record */
    unsigned char id[client_id_bytes];
    struct sha256 digest, previous; /* of its key; of the one before */
    int64_t previous_until_s;       /* so long that one is valid too; 0: there is none */
    int64_t made_s, changed_s, rotated_s;
    bool revoked;
    uint32_t version;
};

struct client_slot {
    _Atomic(struct client_record *) record;
    _Atomic uint32_t version; /* of the record */
    _Atomic int64_t used_s;   /* when it was last let in, since 1970; 0: not since the start */
    _Atomic uint64_t uses;    /* since the start */
};

/* Open addressing with linear probing, at most half full; a word: 63..32 bits of a digest, 31..0 the number + 1; 0:
 * free. */
struct client_words {
    size_t size, count;
    _Atomic uint64_t words[];
};

/* Makes what a client may do; under the registry's mutex, on any thread. false: *bound has the problem. */
typedef bool (*client_bind)(void *context, const struct snapshot *snapshot, const struct client_record *record,
                            struct client_bound *bound);

struct client_registry {
    pthread_mutex_t mutex; /* held while something is bound */
    struct hash_key key;
    client_bind bind;
    void *context;
    _Atomic(struct client_slot *) chunks[registry_chunks];
    _Atomic uint32_t count;                     /* of slots */
    _Atomic uint32_t live;                      /* of those whose client is not revoked */
    _Atomic(struct client_words *) keys, names; /* by digest; by name */
    struct hash_secret secret;                  /* of names */
    _Atomic uint64_t probes;                    /* words that were looked at, for tests and figures */
};

bool client_registry_init(struct client_registry *registry, client_bind bind, void *context)
    __attribute__((warn_unused_result));
void client_registry_free(struct client_registry *registry);

/* What is stored of a key whose SHA-256 this is. */
struct sha256 client_registry_digest(const struct client_registry *registry, const struct sha256 *key);

enum client_answer {
    client_unknown,
    client_known,
    client_is_disabled,
    client_is_expired,
    client_is_revoked,
    client_unfit
};
struct client_found {
    const struct client *client; /* of client_known; as long as the snapshot */
    uint32_t number, version;
    int64_t until_s;     /* so long the same key is the same client's, if neither snapshot nor version changes */
    const char *problem; /* of client_unfit; as long as the snapshot */
    bool former;         /* it is the key before its own, in its grace */
};
/* Whose key it is. On a loop's thread, or on the one that changes clients. */
enum client_answer client_registry_ask(struct client_registry *registry, struct snapshot *snapshot,
                                       const struct sha256 *key, int64_t now_s, struct client_found *found);
/* The same by a name, on any thread; revoked ones too. NULL: there is none, or its settings do not fit. */
const struct client *client_registry_named(struct client_registry *registry, struct snapshot *snapshot,
                                           struct str name);
/* Of each number below client_registry_count, on any thread that may block. NULL: it is revoked, its settings do not
 * fit, or they have no word of `has`. As long as the snapshot. */
const struct client *client_registry_at(struct client_registry *registry, struct snapshot *snapshot, uint32_t number,
                                        const struct str *has, size_t has_count);
/* The same of one whose key was let in since the start, whatever its settings say. NULL: it was not, or as above. */
const struct client *client_registry_used_at(struct client_registry *registry, struct snapshot *snapshot,
                                             uint32_t number);
static inline uint32_t client_registry_count(const struct client_registry *registry) {
    return atomic_load(&registry->count);
}
/* Its key was let in. */
void client_registry_used(struct client_registry *registry, uint32_t number, int64_t now_s);
struct client_slot *client_registry_slot(const struct client_registry *registry, uint32_t number);

/* -- changes: one thread at a time -- */

/* The number of the name; registry_none: there is none. */
uint32_t client_registry_number(const struct client_registry *registry, struct str name);
/* A record with its texts behind it; the rest is zeroed. NULL: no memory. */
struct client_record *client_record_new(struct str name, struct str settings);
/* What was replaced, to be given back (memory_give) when every loop has turned. */
struct client_replaced {
    void *memory[3];
};
/* Room for one more client and two more digests, so that what comes next cannot fail. false: no memory, or too many. */
bool client_registry_reserve(struct client_registry *registry, struct client_replaced *replaced)
    __attribute__((warn_unused_result));
/* Takes the record over. */
uint32_t client_registry_add(struct client_registry *registry, struct client_record *record);
/* The same in place of the one before. */
void client_registry_replace(struct client_registry *registry, uint32_t number, struct client_record *record,
                             struct client_replaced *replaced);
/* Gives back what was made for a snapshot; NULL is fine. */
void client_bounds_free(struct client_bounds *bounds);
/* How many of them only requests that began before a change may still use. Any thread. */
uint32_t client_bounds_outdated(const struct snapshot *snapshot);

#endif
