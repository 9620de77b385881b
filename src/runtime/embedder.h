/* embedder.h - a request's last words, embedded for the response cache by a request of its own: of the same client,
 * under the same configuration, paid and told of as any other. On one worker's thread. */
#ifndef WEIR_RUNTIME_EMBEDDER_H
#define WEIR_RUNTIME_EMBEDDER_H

#include "runtime/request.h"

struct embedder;

/* Whom it tells, once, in a turn of the loop's own: the body of an embeddings reply; {NULL,0}: it failed. */
typedef void (*embedder_done)(struct request *owner, struct str body);

/* What action_embed asks for. NULL: no memory. */
struct embedder *embedder_start(struct request *owner, const struct action *action, embedder_done done);
/* Nobody is told any more; what has been asked of a provider goes on to its end, as it is paid for. */
void embedder_leave(struct embedder *embedder);

#endif
