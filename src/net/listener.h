/* listener.h - accepting connections of one address on one loop. */
#ifndef WEIR_NET_LISTENER_H
#define WEIR_NET_LISTENER_H

#include "net/server.h"

struct listener;

/* `accepted` gets each descriptor (non-blocking, owned by it from then on). */
struct listener *listener_new(struct loop *loop, struct listen_address *address,
                              void (*accepted)(void *context, struct listener *listener, int descriptor), void *context,
                              struct error *error);
bool listener_is_unix(const struct listener *listener);
/* Accepts what waits, then stops. */
void listener_drain(struct listener *listener);
void listener_close(struct listener *listener);

#endif
