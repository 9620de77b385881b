/* making.h - answers that are being made: what one flight is given, as it comes, for others that asked for the same
 * while it was under way, and for the cache when it is whole. One flight makes it (the first), any number follow it,
 * on any loop.
 *
 *   makings -> 64 buckets: lock | making -> making      making: [head] | piece -> piece -> ...      a follower: cursor
 *
 * Only the maker writes, and what it has written stays where it is until nobody holds the making: followers read
 * without a lock, and no lock is held while bytes are copied. Who follows is counted under its lock, so that a maker
 * whose caller has gone knows whether somebody still wants it. */
#ifndef WEIR_SNAPSHOT_MAKING_H
#define WEIR_SNAPSHOT_MAKING_H

#include "base/budget.h"
#include "base/error.h"
#include "snapshot/cache.h"

enum making_state {
    making_open,
    making_whole,  /* all of a good answer stands in it */
    making_broken, /* a stream that began and broke: its end stands in it */
    making_failed, /* nothing came of it, at any provider: so it is for all */
    making_left,   /* its maker could not go on, for a reason of its own: no end stands in it */
};

struct making_piece {
    struct making_piece *_Atomic next;
    _Atomic size_t len;
    size_t size;
    char bytes[];
};

struct making {
    _Atomic uint32_t holds;
    struct making *next; /* in its bucket, under that lock */
    bool listed;         /* the same */
    struct sha256 key;
    unsigned form;
    _Atomic int state; /* enum making_state; the last that is written */
    _Atomic bool headed;
    _Atomic uint64_t told;    /* a bit for each loop that a letter is under way to: its host's */
    struct cache_facts facts; /* once headed: texts in its own memory; of the end once it has a state */
    char *texts;
    enum error_code error; /* making_broken, making_failed */
    int status;            /* the same */
    bool outage;           /* making_failed: nobody could be had; else a request's own affair. As status */
    bool alone; /* making_left: what cannot be kept or followed; others need not make it in turn. As status */
    struct making_piece *_Atomic first;
    struct making_piece *last;
    size_t len;
    pthread_mutex_t lock; /* of all below: */
    struct budget *budget;
    size_t taken;
    unsigned followers;
    uint64_t loops; /* a bit for each that has followers */
    unsigned maker_loop;
    bool orphan; /* its maker's caller has gone */
};

/* Where a follower has got to. All zero: at the beginning. */
struct making_cursor {
    struct making_piece *piece;
    size_t at;
};

enum { making_buckets = 64 };
struct makings {
    struct {
        pthread_mutex_t lock;
        struct making *first;
    } buckets[making_buckets];
    struct budget *whole; /* what a making is counted in when its maker has gone; may be NULL */
};

/* From now on nobody finds any of those that are being made: what is asked for from now on is made anew. */
void makings_hide(struct makings *makings);
bool makings_init(struct makings *makings, struct budget *whole);
/* Nobody holds any. */
void makings_free(struct makings *makings);

/* Of this key, in this form (any number): one that is made, to be followed (*follows, counted from this loop), or a new
 * one to be made, whose bytes are counted in `budget` while its maker is there. Held once. NULL: no memory. */
struct making *making_join(struct makings *makings, const struct sha256 *key, unsigned form, unsigned loop,
                           struct budget *budget, bool *follows);
/* One that nobody finds. */
struct making *making_alone(const struct sha256 *key, unsigned loop, struct budget *budget);
/* NULL is fine. */
void making_release(struct making *making);

/* -- the maker -- */
/* Its head, once. false: no memory. */
bool making_head(struct making *making, const struct cache_facts *facts);
/* false: no memory or room for it. */
bool making_add(struct making *making, struct str bytes);
/* The loops that have followers: a bit for each. */
uint64_t making_followed(struct making *making);
/* From now on nobody finds it. */
void making_unlist(struct makings *makings, struct making *making);
/* The same, and true, if nobody follows it: nobody will. */
bool making_unlist_unfollowed(struct makings *makings, struct making *making);
/* The last of a maker. */
void making_end(struct makings *makings, struct making *making, enum making_state state, enum error_code error,
                int status);
/* Its caller has gone. false: nobody follows it, and nobody will. */
bool making_orphan(struct makings *makings, struct making *making);

/* -- a follower -- */
/* What has come since, as ranges that stay for as long as the making is held; at most `most` of them, of `bytes` bytes
 * in all. *state is as it was before these were looked at. */
size_t making_take_more(const struct making *making, struct making_cursor *cursor, size_t bytes, struct str *ranges,
                        size_t most, enum making_state *state);
/* It wants no more. true: its maker goes on for nobody, and is to be told, on *maker_loop. */
bool making_leave(struct making *making, unsigned *maker_loop);

#endif
