/* late_ledger.h - a ledger that could not be read at the start (`on_ledger_failure: serve`) and can be now: all that a
 * start takes from it counts from then on, while requests are served. What was spent comes on top of what was spent
 * since; what was changed at run time is in force. On a thread of its own, as it takes `control` and asks the disk. */
#ifndef WEIR_RUNTIME_LATE_LEDGER_H
#define WEIR_RUNTIME_LATE_LEDGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct weir;
struct ledger_value;

struct late_ledger {
    struct weir *weir;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct ledger_value *rows; /* what was spent, as it was read; its own until it counts */
    size_t count;
    bool made, running, came, ends;
    bool spent; /* what was spent counts: at the start already, or by now; the thread's own */
};

/* Before the books are opened. */
void late_ledger_make(struct late_ledger *late, struct weir *weir);
/* books_options' spent_late; the context is the weir. */
void late_ledger_came(void *context, struct ledger_value *rows, size_t count);
/* When all loops run; where the books are late, or (spent_comes false) only clients could not be read. false: there is
 * no thread for it. */
bool late_ledger_wait(struct late_ledger *late, bool spent_comes) __attribute__((warn_unused_result));
/* Nothing of it goes on. */
void late_ledger_end(struct late_ledger *late);
/* When the books are closed. */
void late_ledger_free(struct late_ledger *late);

#endif
