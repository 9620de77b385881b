/* dial.h - from an origin to a connected stream: name, addresses in turn, proxy, TLS, within one deadline. */
#ifndef WEIR_NET_DIAL_H
#define WEIR_NET_DIAL_H

#include "net/http_client.h"
#include "net/resolver.h"
#include "net/stream.h"

struct dial;

/* `done` comes once, never from inside dial_start: with a stream (whose handler is then to be set), or with NULL and
 * why. */
struct dial *dial_start(struct loop *loop, struct resolver *resolver, const struct origin *origin, uint64_t deadline_ns,
                        void (*done)(void *owner, struct stream *stream, enum call_failure failure, struct str text),
                        void *owner);
/* `done` does not come any more. */
void dial_cancel(struct dial *dial);

/* "Proxy-Authorization: Basic ...\r\n" when the proxy's URL holds a user; nothing otherwise. */
struct text;
void dial_proxy_credential_put(struct text *text, struct str proxy);

#endif
