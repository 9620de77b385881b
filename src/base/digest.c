/* digest.c - see digest.h. */
#include "base/digest.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct digest), "the state has room");

void digest_begin(struct digest *digest) { crypto_hash_sha256_init((crypto_hash_sha256_state *)digest->state); }

void digest_add(struct digest *digest, struct str bytes) {
    if (bytes.len)
        crypto_hash_sha256_update((crypto_hash_sha256_state *)digest->state, (const unsigned char *)bytes.at,
                                  bytes.len);
}

struct sha256 digest_end(struct digest *digest) {
    struct sha256 hash;
    crypto_hash_sha256_final((crypto_hash_sha256_state *)digest->state, hash.bytes);
    return hash;
}
