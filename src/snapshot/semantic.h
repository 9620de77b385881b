/* semantic.h - the vectors of prompts whose answers are kept, to find the nearest of those that differ in the words of
 * their last message alone. All loops share one; an entry stands in it for as long as its answer is in the cache
 * (cache.h puts it in and takes it out), or until it makes room for another.
 *
 *   places: [ group's hash | entry ] [ group's hash | entry ] ...          entry: group, answer's key, words, vector
 *
 * A search is exact: it goes through all places, and looks at the vectors of its own group alone. It holds the lock for
 * reading, a block of places at a time, so that who puts one in waits for a block at most. Any thread.
 *
 * Where there is no more room, one that was not found since it was passed the last time makes it (second chance); of a
 * client that has more than half of all, one of its own. Clients are told apart by a part of a hash. */
#ifndef WEIR_SNAPSHOT_SEMANTIC_H
#define WEIR_SNAPSHOT_SEMANTIC_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/str.h"

enum { semantic_client_slots = 64, semantic_nearest_most = 8, semantic_words_max = 4096 };

/* As the configuration says, of a route. */
struct semantic_rules {
    struct str model; /* that embeds */
    double threshold; /* of the cosine */
    double shadow;    /* share of the hits that are asked all the same; 0: none */
    double false_max; /* share of those that may be false */
    uint64_t timeout_ns;
};

struct semantic_entry {
    _Atomic uint32_t holds;
    _Atomic bool used;   /* found since it was passed the last time */
    struct sha256 group; /* what the request means but for those words; with whom, and by which model it is embedded */
    struct sha256 key;   /* of its answer */
    uint64_t client;     /* a hash of whose it is */
    float step;          /* as vector.h has it */
    uint32_t dimensions;
    uint32_t place;   /* in the index; semantic_nowhere */
    size_t size;      /* all of it */
    struct str words; /* of the last message */
    const int8_t *vector;
    char memory[];
};
#define semantic_nowhere UINT32_MAX

struct semantic_index {
    pthread_rwlock_t lock;
    struct semantic_entry **entries; /* `most` of them; NULL: free */
    uint64_t *groups;
    size_t most, count, hand;
    size_t client_counts[semantic_client_slots];
};

/* false: no memory. Keeps nothing yet. */
bool semantic_init(struct semantic_index *index);
void semantic_free(struct semantic_index *index);
/* From now on at most so many; where it was another number, all that were in it are gone. false: no memory; as before.
 */
bool semantic_resize(struct semantic_index *index, size_t most);
size_t semantic_count(struct semantic_index *index);

/* Held once; words and vector are copied. NULL: no memory. */
struct semantic_entry *semantic_entry_new(const struct sha256 *group, const struct sha256 *key, uint64_t client,
                                          struct str words, const int8_t *vector, size_t dimensions, float step);
/* NULL is fine. */
void semantic_release(struct semantic_entry *entry);
/* It is held beside the caller's own hold, once; it must be in no index. */
void semantic_add(struct semantic_index *index, struct semantic_entry *entry);
/* Also of one that is in it no more. */
void semantic_remove(struct semantic_index *index, struct semantic_entry *entry);

struct semantic_near {
    struct semantic_entry *entry; /* held */
    double alike;                 /* the cosine */
};
/* Those of the group that are alike by `threshold` or more, at most semantic_nearest_most, the nearest first. */
size_t semantic_find(struct semantic_index *index, const struct sha256 *group, const int8_t *vector, size_t dimensions,
                     float step, double threshold, struct semantic_near *near);

#endif
