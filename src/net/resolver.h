/* resolver.h - names to addresses, off the loop: a few threads of our own (libuv's pool belongs to the host process), a
 * small cache, and one lookup a name however many wait. One resolver a loop; its own thread only. */
#ifndef WEIR_NET_RESOLVER_H
#define WEIR_NET_RESOLVER_H

#include <sys/socket.h>

#include "base/list.h"
#include "net/loop.h"

enum { resolver_addresses_max = 8 };

struct addresses {
    size_t count; /* 0: the name does not resolve */
    struct sockaddr_storage list[resolver_addresses_max];
    char failure[96]; /* why there are none */
};

/* One who waits; inside its owner, zeroed before its first use. */
struct resolver_wait {
    struct list node;
    void (*found)(void *context, const struct addresses *addresses); /* borrowed; never from inside resolver_ask */
    void *context;
};

struct resolver *resolver_new(struct loop *loop); /* starts no thread before it is asked */
void resolver_free(struct resolver *resolver);    /* waits for a lookup that runs */
/* Addresses known now (literal ones, or cached), or NULL. Borrowed until the next call. */
const struct addresses *resolver_known(struct resolver *resolver, struct str host);
/* false: no memory, or too many lookups wait. */
bool resolver_ask(struct resolver *resolver, struct str host, struct resolver_wait *wait);
void resolver_forget(struct resolver_wait *wait);
void address_set_port(struct sockaddr_storage *address, uint16_t port);

#endif
