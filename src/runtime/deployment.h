/* deployment.h - a snapshot with what it takes to reach its providers: one origin each. Immutable, counted, swapped
 * whole. */
#ifndef WEIR_RUNTIME_DEPLOYMENT_H
#define WEIR_RUNTIME_DEPLOYMENT_H

#include "snapshot/snapshot.h"
#include "net/http_client.h"

struct deployment {
    _Atomic uint32_t holds;
    struct snapshot *snapshot;     /* held */
    struct origin *origins;        /* by provider index; their TLS contexts are held */
    struct tls_context *fetch_tls; /* for files that callers name by URL; NULL: nothing of this configuration fetches */
    _Atomic unsigned *live;        /* the owner's count of those not freed yet */
};

/* Takes over the caller's hold on the snapshot. Reads CA files, so on a thread that may block; but those that
 * `in_force` (NULL: none) has read already stay as they were. NULL: *error, and the hold is released. */
struct deployment *deployment_new(struct snapshot *snapshot, const struct deployment *in_force, _Atomic unsigned *live,
                                  struct error *error);
/* Has it read this CA file, and verifies by it? */
bool deployment_has_ca(const struct deployment *deployment, struct str ca_file);
void deployment_hold(struct deployment *deployment);
void deployment_release(struct deployment *deployment);

#endif
