/* cache.h - answers that are kept to be given again, in memory: of all loops, for as long as the process lives. What
 * is kept is an answer as its caller got it, whole and good; who may be given it is the flight's to decide
 * (flight_cache.c): a key holds all that a request means, and whose it is.
 *
 *   cache -> 16 shards, by the key: lock | buckets -> answer -> answer | queues and ghosts (core/s3fifo.h)
 *
 * Bounded by bytes of its own (`cache.max_bytes`), a sixteenth in each shard, beside max_memory_bytes. A shard's lock
 * is held for a look or a link, never while bytes are copied: an answer is counted by those who hold it, and is made
 * before it is linked and freed after it is not. Any thread.
 *
 * Where there is no more room, who has more than half of a shard makes room by its own answers: no client pushes out
 * all others'. Clients are told apart by a part of a hash: two may be taken for one. */
#ifndef WEIR_SNAPSHOT_CACHE_H
#define WEIR_SNAPSHOT_CACHE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "core/s3fifo.h"
#include "dialect/endpoint.h"
#include "snapshot/semantic.h"

/* Who is given the same answers. */
enum cache_scope { cache_scope_client, cache_scope_owner, cache_scope_all };

/* As the configuration says, of a route. */
struct cache_rules {
    bool on;
    bool all;    /* mode: all; else deterministic */
    bool shares; /* identical requests in flight are one */
    enum cache_scope scope;
    int64_t ttl_s, ttl_max_s;
    int64_t stale_s; /* how much older than that one may be that is given in an outage; 0: none is */
    const struct semantic_rules *semantic; /* of the snapshot; NULL: the same words alone find an answer */
};

/* What is known of an answer beside its bytes; their names are what it is purged by. */
#define CACHE_TEXTS(X)                                                  \
    X(client) /* who asked for it; empty: without a key */              \
    X(route)                                                            \
    X(model)   /* asked for */                                          \
    X(target)  /* that made it: "provider/model" */                     \
    X(tags)    /* of the request and its client: "k=v,..." */           \
    X(key)     /* the caller's x-weir-cache-key; empty: it sent none */ \
    X(type)    /* of its content */                                     \
    X(dropped) /* as x-weir-dropped tells */                            \
    X(changed)
enum cache_text {
#define X(name) cache_text_##name,
    CACHE_TEXTS(X)
#undef X
        cache_texts
};
struct str cache_text_name(unsigned text); /* empty behind the last */

struct cache_facts {
    enum endpoint endpoint;
    bool stream, include_usage, estimated;              /* its form; its usage is an estimate */
    int64_t made_s, expires_s;                          /* since 1970 */
    int64_t stale_s;                                    /* it is kept so long after that, for an outage */
    int64_t input_tokens, output_tokens, cached_tokens; /* -1: not known */
    int64_t cost_nano_usd;                              /* what it took, and saves whoever gets it; -1: not known */
    struct str texts[cache_texts];
};

struct cache_answer {
    _Atomic uint32_t holds;
    struct sha256 key;
    struct cache_facts facts;
    struct str body;
    size_t size;                     /* all of it, the next too: */
    struct semantic_entry *semantic; /* its prompt's vector, held: in the index while this is kept; NULL: it has none */
    uint64_t round;                  /* of purges, that it was begun in; UINT64_MAX: it may be kept in any */
    struct s3fifo_node node;
    struct cache_answer *next; /* of its bucket */
    char memory[];
};

enum { cache_shards = 16, cache_client_slots = 64 };
struct cache_shard {
    pthread_mutex_t lock;
    struct semantic_index *semantic; /* the cache's, whose lock is taken under this one */
    struct s3fifo queues;
    struct s3fifo_ghost *ghosts;
    struct cache_answer **buckets;
    size_t bucket_count, count;
    size_t client_bytes[cache_client_slots];
    uint64_t found, missed, stale, kept, evicted, expired, purged;
};
struct cache {
    struct cache_shard shards[cache_shards];
    struct semantic_index semantic; /* the vectors of answers that have one */
    _Atomic size_t bytes_max;       /* 0: it keeps nothing */
    _Atomic uint64_t round;         /* one more with each purge: what was begun before it is not kept after it */
};

struct cache_stats {
    uint64_t answers, bytes, bytes_max;
    uint64_t found, missed, stale, kept, evicted, expired, purged; /* since the start */
};

/* false: out of memory. Keeps nothing yet. */
bool cache_init(struct cache *cache);
void cache_free(struct cache *cache);
/* From now on at most so many bytes; 0: nothing is kept. false: no memory; as before. One thread at a time. */
bool cache_resize(struct cache *cache, size_t bytes_max);
/* The longest answer that is kept, with all that is known of it. */
size_t cache_answer_max(const struct cache *cache);

/* The answer, held; NULL: there is none that is fresh. */
struct cache_answer *cache_find(struct cache *cache, const struct sha256 *key, int64_t now_s);
/* The same, for whoever has just missed it: who looks twice is counted once. */
struct cache_answer *cache_find_again(struct cache *cache, const struct sha256 *key, int64_t now_s);
/* The same; also one that is no more fresh, by at most so many seconds, and is kept still. */
struct cache_answer *cache_find_stale(struct cache *cache, const struct sha256 *key, int64_t now_s, int64_t stale_s);
void cache_hold(struct cache_answer *answer);
/* NULL is fine. */
void cache_release(struct cache_answer *answer);
/* One to be filled: `len` bytes of body at (char *)answer->body.at. Held once. NULL: no memory. */
struct cache_answer *cache_answer_new(const struct sha256 *key, const struct cache_facts *facts, size_t len);
/* It has this vector from now on, which is found as long as it is kept; the hold goes with it. Before it is kept. */
void cache_answer_near(struct cache_answer *answer, struct semantic_entry *entry);
/* May it still be kept, or has there been a purge since it was begun? */
bool cache_is_of_now(const struct cache *cache, const struct cache_answer *answer);
/* In the place of an earlier one; not where it is too long. It is held beside the caller's own hold. */
void cache_keep(struct cache *cache, struct cache_answer *answer);

/* Which answers: all where `by` is cache_texts. A tag is "k=v"; a client is one by its whole name; a target also by its
 * provider, a key also by its hash in hexadecimal. */
struct cache_choice {
    enum cache_text by;
    struct str value;
};
bool cache_chooses(const struct cache_choice *choice, const struct sha256 *key, const struct cache_facts *facts);
/* Takes them out; what is being made keeps out. Answers how many. */
size_t cache_purge(struct cache *cache, const struct cache_choice *choice);
struct cache_stats cache_look(struct cache *cache);

#endif
