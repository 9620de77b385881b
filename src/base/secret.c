/* secret.c - libsodium's guarded allocations. */
#include "base/secret.h"

#include <sodium.h>

void *secret_take(size_t size) { return sodium_malloc(size); }

void secret_give(void *memory) {
    if (memory) sodium_free(memory);
}
