/* known_keys.h - whose keys one loop has met lately, so that the next request with the same key costs no SHA-256.
 *
 *   presented key -> SipHash of 128 bits under the loop's own secret -> its place -> the same tag, the same snapshot?
 *
 * Keeps no key and no digest of one: a tag is worth nothing without the secret, and to be taken for another's it would
 * have to be forged in 128 bits. Only keys that were somebody's are kept, and only for the snapshot that said so. One
 * thread. */
#ifndef WEIR_SNAPSHOT_KNOWN_KEYS_H
#define WEIR_SNAPSHOT_KNOWN_KEYS_H

#include "snapshot/client_registry.h"

enum { known_keys_max = 64, known_keys_length_max = 512 };

struct known_key {
    struct hash_tag tag;
    uint64_t generation; /* of the snapshot */
    uint32_t number;     /* its client there; of one made at run time: in the registry */
    bool known;
    const struct client *client; /* of one made at run time: as long as the snapshot; else NULL */
    uint32_t version;            /* and as long as the registry has it in this one */
    int64_t until_s;             /* and until then */
};

struct known_keys {
    struct hash_secret secret;
    struct known_key
        places[known_keys_max]; /* by the tag's first bits; a later key takes the place of an earlier one */
};

void known_keys_init(struct known_keys *keys);
/* Whose key it is, the file's or one's that was made at run time, and may it come in now? *client is that of
 * client_known; else NULL. *problem: of client_unfit. */
enum client_answer known_keys_ask(struct known_keys *keys, struct snapshot *snapshot, struct str key, int64_t now_s,
                                  const struct client **client, const char **problem);
/* The same of one that was let in before and stays: it is not counted as another use. */
enum client_answer known_keys_look(struct known_keys *keys, struct snapshot *snapshot, struct str key, int64_t now_s,
                                   const struct client **client);

#endif
