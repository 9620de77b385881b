/* issuers.h - those who sign tokens for callers, and their keys: read at the start and again and again, on a loop of
 * their own, so that a server that is slow or gone holds up nobody. What was read last is used until something newer
 * comes, for a day; then nobody of that issuer is let in. The last keys of each are kept in the state folder.
 *
 *   token -> its issuer, by `iss` -> its keys, counted -> the one key of that kind and kid -> the signature
 *                                      ^ swapped whole by the loop "weir-issuers"
 *
 * An issuer outlives the configurations that name it. */
#ifndef WEIR_RUNTIME_ISSUERS_H
#define WEIR_RUNTIME_ISSUERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/renewal.h"
#include "snapshot/jwt.h"
#include "snapshot/snapshot.h"

struct weir;
struct issuers;
struct issuer_keys;
struct issuer_fetch;

struct issuer {
    struct issuer *next;
    struct issuers *of;
    char *name, *jwks, *ca_file, *path; /* path: where its keys are kept; empty: nowhere */
    _Atomic uint64_t epoch;             /* another one: other keys */
    _Atomic int64_t until_s;            /* up to then they are used, monotonic; INT64_MIN: there are none */
    pthread_mutex_t mutex;              /* guards what follows */
    struct issuer_keys *keys;           /* counted; NULL: none were read yet */
    struct renewal renewal;
    int64_t refresh_s;
    bool named;        /* by the configuration of the moment */
    char failure[200]; /* why they could not be read; empty: they were */
    /* the loop's alone */
    struct issuer_fetch *fetch;
    bool gone_told;
    /* by the mutex of the identities */
    struct list identities; /* the one that was looked at first is the first */
    size_t identity_count;
};

/* NULL: no memory. */
struct issuers *issuers_new(struct weir *weir);
/* Under `control`, before others see the snapshot: its issuers get the keys that are there. `fresh`: they are to be
 * read again. One without memory has none, and lets nobody in. */
void issuers_register(struct issuers *issuers, struct snapshot *snapshot, bool fresh);
/* The same, when it is in force: what is due is read. The first issuers begin the thread. */
void issuers_read(struct issuers *issuers);
/* The thread ends; what it was reading is given up. */
void issuers_close(struct issuers *issuers);
void issuers_free(struct issuers *issuers); /* NULL is fine */

/* Has this issuer (NULL: one without keys) signed it? jwt_good; else why not. On any thread; an unknown key has the
 * keys read again, at most once a minute, and waits for nothing. */
enum jwt_answer issuer_verify(struct issuer *issuer, const struct jwt *jwt, struct now now);
/* Is what was verified under this epoch still so? */
static inline bool issuer_stands(const struct issuer *issuer, uint64_t epoch, struct now now) {
    return atomic_load_explicit(&issuer->epoch, memory_order_acquire) == epoch &&
           (int64_t)(now.mono_ns / NS_PER_S) < atomic_load_explicit(&issuer->until_s, memory_order_relaxed);
}
/* How its keys stand: not read yet; read; they could not be read again, and the last ones serve; none serve. */
enum issuer_state { issuer_awaited, issuer_good, issuer_on_last_keys, issuer_closed };
enum issuer_state issuer_state(struct issuer *issuer, struct now now);
/* A member of an object: "identity", a list with each issuer of the configuration. */
void issuers_put(struct issuers *issuers, struct now now, struct text *text);

#endif
