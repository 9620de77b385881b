/* explain.h - the stories of the last requests, found by request id: a ring of bytes in memory, of one loop. The oldest
 * give way to the newest. A story is bytes: what they mean is its writer's and its reader's. Owner's thread only;
 * others ask the owner by mailbox. Never allocates after it is made.
 *
 *   index: hash of id -> newest of that hash -> older -> ...      ring: [ ....oldest | ... | ... | newest.... ]
 */
#ifndef WEIR_OBSERVE_EXPLAIN_H
#define WEIR_OBSERVE_EXPLAIN_H

#include "base/limits.h"
#include "base/str.h"

enum {
    explain_record_bytes = 24 * 1024,        /* of the longest story that is taken; most are a hundredth of it */
    explain_text_bytes = 2048,               /* of one that is told */
    explain_process_bytes = 2 * 1024 * 1024, /* of all rings together: each loop makes one of its share */
};

struct explain_ring;

struct explain_counts {
    uint64_t put;      /* records taken */
    uint64_t replaced; /* of these, gone again */
    uint64_t refused;  /* too long, or without an id */
    size_t held;
};

/* All of it, index included, in at most `bytes` (at least room for one of the longest). NULL: out of memory. */
struct explain_ring *explain_new(size_t bytes) __attribute__((warn_unused_result));
void explain_free(struct explain_ring *ring); /* NULL is fine */
/* What a story is found by. */
struct explain_key {
    struct str request_id; /* weir's own */
    struct str caller_id;  /* that the caller chose, which many requests may have; empty: none */
    struct str client;     /* whose it was; empty: nobody's */
    int64_t time_ms;       /* when it began */
};
/* Copies both. false: the record is longer than explain_record_bytes, or the id empty or longer than limit_request_id.
 */
bool explain_put(struct explain_ring *ring, const struct explain_key *key, struct str story);
/* All of this client's are gone, and nothing of them stays in memory; their places are free when their turn comes. */
void explain_forget(struct explain_ring *ring, struct str client);
/* Of the requests of this client ({NULL,0}: of any) that chose this id: the newest, and how many there are. Looks at
 * each. Until the next put. */
struct explain_called {
    struct str story; /* {NULL,0}: none */
    int64_t time_ms;
    size_t count;
};
struct explain_called explain_find_called(const struct explain_ring *ring, struct str caller_id, struct str client);
/* The newest record of that id, or {NULL,0}. Until the next put. */
struct str explain_find(const struct explain_ring *ring, struct str request_id);
struct explain_counts explain_counts(const struct explain_ring *ring);

#endif
