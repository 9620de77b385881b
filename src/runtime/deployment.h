/* deployment.h - a snapshot with what it takes to reach its providers: one origin each. Immutable, counted, swapped
 * whole. */
#ifndef WEIR_RUNTIME_DEPLOYMENT_H
#define WEIR_RUNTIME_DEPLOYMENT_H

#include "engine/snapshot.h"
#include "net/client.h"

struct deployment {
    _Atomic uint32_t holds;
    struct snapshot *snapshot; /* held */
    struct origin *origins;    /* by provider index */
    _Atomic unsigned *live;    /* the owner's count of those not freed yet */
};

/* Takes over the caller's hold on the snapshot. NULL: out of memory (the hold is released). */
struct deployment *deployment_new(struct snapshot *snapshot, _Atomic unsigned *live);
void deployment_hold(struct deployment *deployment);
void deployment_release(struct deployment *deployment);

#endif
