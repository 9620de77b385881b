/* erasure.h - all that is kept of a client, or of an owner's clients, in a state folder: given to whom it is about, or
 * taken from the name. Whether a gateway serves with the folder or not: the databases keep writers apart. Blocks, for
 * long where there is much; on a thread that may. */
#ifndef WEIR_RUNTIME_ERASURE_H
#define WEIR_RUNTIME_ERASURE_H

#include "store/ledger_erase.h"

struct erasure {
    const char *state_dir, *place;                /* the folder, and where its ledger lies */
    struct str client, owner;                     /* whose: one of the two; the other is empty */
    bool purges;                                  /* else it tells: */
    bool (*put)(void *context, struct str lines); /* false ends it */
    /* For each client whose records are purged. false: what the process keeps of it is not gone. NULL: nobody asks */
    bool (*purged)(void *context, struct str client, const struct erased_told *told);
    void *context;
    /* what came of it */
    struct erased_told told; /* of all; the tombstone of the last */
    int64_t stored;          /* responses and turns that are gone */
    size_t client_count, left_count;
    struct text left; /* clients of the owner's that had others, and are left as they are: JSON strings */
    bool any;         /* something was kept */
    struct arena arena;
    struct str *clients;
    size_t room;
    char problem[700];
};

/* false: erasure->problem says why; what was done by then is done, and it may be begun again. erasure_free in any case.
 */
bool erasure_run(struct erasure *erasure);
void erasure_free(struct erasure *erasure);
/* {"tombstone":"(erased 5f2a...)","attempts":3,...} of a purge. */
void erasure_tell(const struct erasure *erasure, struct text *text);

#endif
