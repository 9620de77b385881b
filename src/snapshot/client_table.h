/* client_table.h - from a key that somebody presents to whose it is, in the same time for ten clients and for a
 * million.
 *
 *   presented key -> SHA-256 -> SipHash under a secret of this table -> first place -> ... -> a free place
 *
 * The places that are looked at depend on the secret alone, every full digest on the way is compared in constant time,
 * and a match ends nothing: how long it takes tells nothing of any key. At most half full. Knows digests and numbers
 * only, and nothing of a snapshot: clients that are kept elsewhere can have one of their own. Built by one thread, then
 * read by any. */
#ifndef WEIR_SNAPSHOT_CLIENT_TABLE_H
#define WEIR_SNAPSHOT_CLIENT_TABLE_H

#include "base/arena.h"
#include "base/hash.h"

enum { client_table_none = UINT32_MAX };

struct client_place {
    struct sha256 digest;
    uint32_t number; /* client_table_none: free */
};

struct client_table {
    struct hash_secret secret;
    struct client_place *places;
    size_t size, count; /* size: a power of two, or 0 */
};

/* Room for `count` clients, in the arena. false: no memory. */
bool client_table_init(struct client_table *table, struct arena *arena, size_t count)
    __attribute__((warn_unused_result));
/* Answers the number that has the digest already, which stays, or client_table_none: it was added. There must be room.
 */
uint32_t client_table_add(struct client_table *table, const struct sha256 *digest, uint32_t number);
/* client_table_none: nobody's. */
uint32_t client_table_find(const struct client_table *table, const struct sha256 *digest);

#endif
