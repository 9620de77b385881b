/* errand.h - an answer that another thread makes: a visit waits, busy, while its errand is run elsewhere (what waits
 * for the disk, on the control loop), and is answered on its own loop. */
#ifndef WEIR_GATEWAY_ERRAND_H
#define WEIR_GATEWAY_ERRAND_H

#include "gateway/visit.h"

/* Each gets what errand_new gave. */
struct errand_kind {
    size_t size;                /* of what begins with a struct errand */
    void (*run)(void *own);     /* may block; then, here or later and on any thread, errand_done */
    void (*answer)(void *own);  /* answers the visit, on its loop */
    void (*release)(void *own); /* what it holds beside itself; NULL: nothing */
};

struct errand {
    const struct errand_kind *kind;
    struct visit *visit; /* its body, its client and its deployment stay while it is busy; its path may not */
    struct gateway *gateway;
    struct loop *loop;     /* the visit's */
    struct letter *letter; /* of the answer, made before the run: what is done can be told */
    struct visit_who who;
};

/* All zero but for these. NULL: there is no memory, and the visit has been answered so. */
void *errand_new(struct visit *visit, const struct errand_kind *kind);
/* Runs it on this loop; where that has stopped the visit is answered so, and the errand is gone. */
void errand_start(void *own, struct loop *where);
/* It has been run: answers, and is gone. Any thread. */
void errand_done(void *own);
/* The same on the visit's own loop: at once. */
void errand_answer(void *own);
/* It is not run after all, and the visit is not busy any more: the caller answers it. */
void errand_drop(void *own);
/* The code that the library has named; error_internal: none of ours. */
enum error_code errand_code_of(const struct weir_error *error);

#endif
