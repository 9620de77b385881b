/* known_keys.h - whose keys one loop has met lately, so that the next request with the same key costs no SHA-256.
 *
 *   presented key -> SipHash of 128 bits under the loop's own secret -> its place -> the same tag, the same snapshot?
 *
 * Keeps no key and no digest of one: a tag is worth nothing without the secret, and to be taken for another's it would
 * have to be forged in 128 bits. Only keys that were somebody's are kept, and only for the snapshot that said so. One
 * thread. */
#ifndef WEIR_SNAPSHOT_KNOWN_KEYS_H
#define WEIR_SNAPSHOT_KNOWN_KEYS_H

#include "snapshot/snapshot.h"

enum { known_keys_max = 64 };

struct known_key {
    struct hash_tag tag;
    uint64_t generation; /* of the snapshot */
    uint32_t number;     /* its client there */
    bool known;
};

struct known_keys {
    struct hash_secret secret;
    struct known_key
        places[known_keys_max]; /* by the tag's first bits; a later key takes the place of an earlier one */
};

void known_keys_init(struct known_keys *keys);
/* As snapshot_client. NULL: nobody's. */
const struct client *known_keys_client(struct known_keys *keys, const struct snapshot *snapshot, struct str key);

#endif
