/* twins.h - requests that follow what another one makes (flight_cache.c), on whatever loop that is: told by letters
 * that there is more. On a worker's own thread. */
#ifndef WEIR_RUNTIME_TWINS_H
#define WEIR_RUNTIME_TWINS_H

#include "runtime/request.h"

/* It follows this from now on, and is told in a turn of its own what there is already. */
void twins_join(struct request *request, struct making *making);
/* Its caller has gone, and it makes for others: it is told when nobody follows any more. */
void twins_orphan(struct request *request);
void twins_leave(struct request *request);
/* On each of these loops every request that follows the making is told, in a turn of its own. */
void twins_tell(struct worker *worker, struct making *making, uint64_t loops);

#endif
