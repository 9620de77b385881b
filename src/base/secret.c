/* secret.c - libsodium's guarded allocations: locked, kept out of core dumps, wiped when given back. */
#include "base/secret.h"

#include <sodium.h>
#include <string.h>

bool secret_set(struct secret *secret, struct str from) {
    secret_wipe(secret);
    if (from.len == 0) return true;
    secret->bytes = sodium_malloc(from.len);
    if (!secret->bytes) return false;
    memcpy(secret->bytes, from.at, from.len);
    secret->len = from.len;
    return true;
}

void secret_wipe(struct secret *secret) {
    if (secret->bytes) sodium_free(secret->bytes);
    *secret = (struct secret){NULL, 0};
}
