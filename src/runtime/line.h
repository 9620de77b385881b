/* line.h - requests that stand in line for a place at a provider: within a loop the clients in turn, each first come,
 * first served (base/turns.h); the loops in turn. The places themselves are counted by core/gate.h. */
#ifndef WEIR_RUNTIME_LINE_H
#define WEIR_RUNTIME_LINE_H

#include "runtime/request.h"

/* Three performers of actions, on the request's own loop. */
void line_join(struct request *request, const struct provider *provider);
void line_leave(struct request *request);
/* A place is free: the next in line gets event_turn in a later turn of its loop. Without anyone the place is given
 * up. */
void line_advance(struct worker *worker, const struct provider *provider);

#endif
