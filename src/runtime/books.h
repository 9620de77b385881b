/* books.h - what every attempt took and cost, kept: each is in the journal before its answer's last byte leaves, and in
 * the ledger within a second, by a thread of its own; another one answers what is asked of the ledger. What a process
 * left that was killed is found at the next start, attempts that it had sent and not ended too. */
#ifndef WEIR_RUNTIME_BOOKS_H
#define WEIR_RUNTIME_BOOKS_H

#include "flight/flight.h"
#include "net/loop.h"
#include "observe/log.h"
#include "store/ledger_values.h"

struct books;

struct books_options {
    struct str state_dir;
    const char *ledger; /* where it lies (ledger_place_of) */
    unsigned workers;
    size_t journal_bytes_max; /* that may wait for the ledger */
    int64_t keep_days;        /* attempts older than that are forgotten, their sums kept; 0: never */
    bool refuses;             /* what cannot be kept is not begun; else it is served, and counted as not kept */
    struct log *log;          /* NULL: nothing is logged */
    /* Told what was spent of each budget, before books_open returns; NULL: nobody asks. */
    void (*spent)(void *context, const struct record_charge *of, const struct hash_tag *value, int64_t nano_usd);
    /* The same, all of it at once and once, where the ledger could be read only later: on a thread of the books', while
     * requests are served, and as it was before anything of this process was in the ledger. The rows are the callee's
     * (memory_give). */
    void (*spent_late)(void *context, struct ledger_value *rows, size_t count);
    struct hash_secret *value_secret; /* drawn; the ledger's own, or its copy in state_dir where the ledger could not be
                                       * opened, takes its place before books_open returns */
    void *context;
};

/* Blocks: reads what is left in the journal. NULL: *error, which says what to do; with !refuses a ledger that cannot be
 * opened is tried again and again. */
struct books *books_open(const struct books_options *options, struct error *error);
/* The ledger could not be read when they were opened: spent_late tells what is in it. */
bool books_are_late(const struct books *books);
/* Answers what was asked, and takes no question any more; while the loops still run. NULL is fine. */
void books_finish(struct books *books);
/* When no worker runs any more: the rest goes into the ledger. NULL is fine. */
void books_close(struct books *books);

/* What was settled before now is in the ledger after this, if it can be. Blocks; not on the writer's thread. */
void books_flush(struct books *books);

/* -- on a worker's own thread; NULL books do nothing -- */

/* false: a request that begins now could not be kept, and is to be refused. */
bool books_may_begin(struct books *books, unsigned worker);
/* The attempt is about to be sent. */
void books_sent(struct books *books, unsigned worker, struct flight *flight, unsigned attempt);
/* More of it may have been delivered. */
void books_delivered(struct books *books, struct flight *flight, unsigned attempt);
/* It is settled: it is written before this returns. */
void books_settled(struct books *books, unsigned worker, struct flight *flight, unsigned attempt);
/* Its flight is given an answer without a provider, or a part of one: the same. */
void books_given(struct books *books, unsigned worker, const struct flight *flight, struct now now);

/* -- any thread -- */

struct books_state {
    uint64_t not_kept;     /* attempts, and answers without one, that found no room, since the start */
    bool failing;          /* the ledger cannot be written */
    uint64_t caught_up_ns; /* when it last had all that was settled by then, by the monotonic clock; 0: there is none */
};
struct books_state books_state(const struct books *books); /* NULL: all is well */

/* Lives until `done` has run on its loop; whoever asked frees it then, by books_asked_free. When the loop has ended it
 * is not told, and is freed. */
struct books_asked {
    struct usage_question question;
    /* What else is asked of the ledger; NULL: the question. false: ledger_problem() says why. */
    bool (*answer)(struct books_asked *asked, struct ledger *ledger);
    struct usage_request request; /* its id is not empty: this is asked for, instead */
    uint64_t by;                  /* whose key asks: each has a share of the places; 0: an operator's */
    bool found;                   /* and there is one */
    struct loop *loop;
    void (*done)(struct books_asked *asked);
    void *context;
    bool good;
    char problem[256]; /* where it is not */
    struct arena arena;
    struct text text; /* the answer */
    struct letter *letter;
    struct books_asked *next;
};
/* Everything that was settled before is in the answer. false: too many are asked, by all or by that client, or there is
 * no memory. */
bool books_ask(struct books *books, struct books_asked *asked);
void books_asked_free(struct books_asked *asked);

#endif
