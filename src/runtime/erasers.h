/* erasers.h - purges and exports of a gateway that serves: one after the other on a thread of their own, which no
 * request and no question to the ledger waits for. A purge covers what the process itself remembers: the stories of
 * requests, alerts, answers of the cache. */
#ifndef WEIR_RUNTIME_ERASERS_H
#define WEIR_RUNTIME_ERASERS_H

#include "base/limits.h"
#include "net/loop.h"
#include "runtime/erasure.h"
#include "store/audit.h"

struct weir;
struct erasers;

enum { erasure_page_bytes = 256 * 1024, erasure_name_max = 256 };

/* What is wanted, and what came of it. An export's lines come in pages: `told` runs on the loop for each, and for the
 * next one erasure_job_next is called; the last has no lines. A purge is told of once. */
struct erasure_job {
    bool purges;
    char client[erasure_name_max], owner[erasure_name_max]; /* whose: one of the two */
    char actor[128], address[64], request_id[limit_request_id + 1];
    struct loop *loop;
    void (*told)(struct erasure_job *job);
    void *context;
    /* for `told` */
    struct text page; /* lines, or what a purge came to; empty: the end */
    bool failed;
    char problem[700];
    /* erasers.c's own */
    struct arena arena;
    struct letter *letter;
    struct weir *weir;
    bool wanted, dropped;
    int holds;
    struct erasure_job *next;
};

/* NULL: no memory. It ends with erasers_finish. */
struct erasers *erasers_new(struct weir *weir);
/* What is under way is broken off, where it is an export; while the loops still run. NULL is fine. */
void erasers_finish(struct erasers *erasers);
/* When nobody holds a job any more. NULL is fine. */
void erasers_free(struct erasers *erasers);

/* NULL: no memory. All is zero but for the holds; dropped by erasure_job_drop. */
struct erasure_job *erasure_job_new(void);
/* Takes its turn, the audit's row first. false: there are too many, or no memory or thread; nothing is told. */
bool erasers_ask(struct erasers *erasers, struct erasure_job *job);
/* On its loop, after `told`: the next page. false: no memory, and it is not told. */
bool erasure_job_next(struct erasers *erasers, struct erasure_job *job);
/* On its loop: nobody wants more of it. It is freed when the thread has let go of it too. */
void erasure_job_drop(struct erasers *erasers, struct erasure_job *job);

/* The same here and now, for the library: blocks. Writes what a purge came to. false: *error. */
bool erasure_alone(struct weir *weir, struct erasure *erasure, const struct audit_who *who, struct error *error);

#endif
