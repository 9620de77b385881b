/* secret.h - a credential. Held apart from str so that no format function can be handed one by mistake; wiped at its
 * end. The bytes are read only where a request's head is written. */
#ifndef WEIR_BASE_SECRET_H
#define WEIR_BASE_SECRET_H

#include "base/hash.h"
#include "base/str.h"

struct secret {
    char *bytes; /* owned; NULL when there is none */
    size_t len;
};

/* Copies into memory of its own (not dumped, locked where the system allows). false: out of memory. */
bool secret_set(struct secret *secret, struct str from) __attribute__((warn_unused_result));
void secret_wipe(struct secret *secret);
static inline bool secret_empty(const struct secret *secret) { return secret->len == 0; }
/* For the one place that writes it to a provider. */
static inline struct str secret_reveal(const struct secret *secret) { return str_make(secret->bytes, secret->len); }

#endif
