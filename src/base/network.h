/* network.h - addresses by their bytes: which are anybody's on the internet, and which lie in a network. Pure. */
#ifndef WEIR_BASE_NETWORK_H
#define WEIR_BASE_NETWORK_H

#include "base/str.h"

/* 4 bytes or 16, network order. */
struct network {
    unsigned char bytes[16];
    unsigned len; /* 4 or 16 */
    unsigned bits;
};

/* "10.0.0.0/8", "fd00::/8", "192.0.2.1". */
bool network_parse(struct str text, struct network *network);
bool network_holds(const struct network *network, const unsigned char *address, unsigned len);
/* Reachable by all: neither loopback, private, link-local, shared, multicast, nor any other range that the IANA
 * special-purpose registries (RFC 6890) keep for something else; an IPv4 address inside an IPv6 one counts as what it
 * is, and what is translated on the way (NAT64, 6to4, Teredo) never is. */
bool network_is_public(const unsigned char *address, unsigned len);

#endif
