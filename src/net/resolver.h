/* resolver.h - names to addresses, off the loop: a few threads of our own (libuv's pool belongs to the host process), a
 * small cache, and one lookup a name however many wait. One resolver a loop; its own thread only.
 *
 * Two shares, which have nothing in common: names that the configuration says, and names in URLs that callers choose.
 *
 *                  threads   names kept   lookups under way       an old answer
 *   configuration  2         512          as many as names        is good while it is asked for anew, and in an outage
 *   callers        2         64           64; 8 and one thread    is none
 *                                         for each caller
 *
 * A lookup that waits for its thread and that nobody waits for any more is dropped at once. */
#ifndef WEIR_NET_RESOLVER_H
#define WEIR_NET_RESOLVER_H

#include <sys/socket.h>

#include "base/list.h"
#include "net/loop.h"

enum { resolver_addresses_max = 8 };

struct addresses {
    size_t count; /* 0: the name does not resolve */
    struct sockaddr_storage list[resolver_addresses_max];
    bool passing;     /* none now, but that may be the resolver's own trouble */
    char failure[96]; /* why there are none */
};

/* One who waits; inside its owner, zeroed before its first use. */
struct resolver_wait {
    struct list node;
    void (*found)(void *context, const struct addresses *addresses); /* borrowed; never from inside resolver_ask */
    void *context;
    struct resolver *resolver; /* the resolver's own */
    struct resolver_entry *entry;
};

/* Blocks; on threads of the resolver's. Fills all of *addresses but what is zero already. */
typedef void resolver_lookup(const char *host, struct addresses *addresses);

struct resolver *resolver_new(struct loop *loop); /* starts no thread before it is asked */
/* How long what is known is good. */
struct resolver_times {
    uint64_t good_ns, bad_ns; /* an answer, a failure */
    uint64_t stale_ns;        /* a provider's address beyond that, while it is asked for anew */
    uint64_t outage_ns;       /* and from when it was learnt, where asking fails for a moment */
};
/* Other ways and times: for tests. */
struct resolver *resolver_new_with(struct loop *loop, resolver_lookup *lookup, const struct resolver_times *times);
void resolver_free(struct resolver *resolver); /* waits for lookups that run */
/* Whose name it is goes with each question: 0 is the configuration; any other number stands for a caller that chose
 * it. */
/* Addresses known now (literal ones, or kept), or NULL. Borrowed until the next call. May begin to ask anew. */
const struct addresses *resolver_known(struct resolver *resolver, uint64_t caller, struct str host);
/* false: no memory, or too many lookups wait. */
bool resolver_ask(struct resolver *resolver, uint64_t caller, struct str host, struct resolver_wait *wait);
void resolver_forget(struct resolver_wait *wait);
void address_set_port(struct sockaddr_storage *address, uint16_t port);

#endif
