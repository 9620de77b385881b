/* digest.h - SHA-256 of what comes in pieces. After hash_start(). */
#ifndef WEIR_BASE_DIGEST_H
#define WEIR_BASE_DIGEST_H

#include "base/hash.h"

struct digest {
    _Alignas(16) unsigned char state[128];
};

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, struct str bytes);
struct sha256 digest_end(struct digest *digest);

#endif
