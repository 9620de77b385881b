/* explain.h - the stories of the last requests, found by request id: a ring of fixed places in memory, of one loop. The
 * oldest gives way to the newest. Owner's thread only; others ask the owner by mailbox. Never allocates after it is
 * made.
 *
 *   index: hash of id -> newest place -> older place -> ...        places: [0][1]...[next: the oldest]...[n-1]
 */
#ifndef WEIR_OBSERVE_EXPLAIN_H
#define WEIR_OBSERVE_EXPLAIN_H

#include "base/limits.h"
#include "base/str.h"

enum {
    explain_record_bytes = 2048,
    explain_process_bytes = 2 * 1024 * 1024, /* of all rings together: each loop makes one of its share */
};

struct explain_ring;

struct explain_counts {
    uint64_t put;      /* records taken */
    uint64_t replaced; /* of these, gone again */
    uint64_t refused;  /* too long, or without an id */
    size_t held, places;
};

/* All of it, index included, in at most `bytes` (at least one place). NULL: out of memory. */
struct explain_ring *explain_new(size_t bytes) __attribute__((warn_unused_result));
void explain_free(struct explain_ring *ring); /* NULL is fine */
/* Copies both. false: the record is longer than explain_record_bytes, or the id empty or longer than limit_request_id.
 */
bool explain_put(struct explain_ring *ring, struct str request_id, struct str json);
/* The same with the id that the caller chose (empty: none), which many requests may have, whose client it was (empty:
 * nobody's), and when it began. */
bool explain_put_story(struct explain_ring *ring, struct str request_id, struct str caller_id, struct str client,
                       int64_t time_ms, struct str json);
/* Of the requests of this client ({NULL,0}: of any) that chose this id: the newest, and how many there are. Looks at
 * each place. Until the next put. */
struct explain_called {
    struct str json; /* {NULL,0}: none */
    int64_t time_ms;
    size_t count;
};
struct explain_called explain_find_called(const struct explain_ring *ring, struct str caller_id, struct str client);
/* The newest record of that id, or {NULL,0}. Until the next put. */
struct str explain_find(const struct explain_ring *ring, struct str request_id);
/* The n-th newest (0: the newest), or {NULL,0}; *request_id may be NULL. Until the next put. */
struct str explain_latest(const struct explain_ring *ring, size_t n, struct str *request_id);
struct explain_counts explain_counts(const struct explain_ring *ring);

#endif
