/* secret.h - memory for credentials: kept out of core dumps and swap where the system allows, between pages that cannot
 * be touched, overwritten when it is given back. A system that locks no (more) memory only says no to the locking. Each
 * take costs pages and several maps of the kernel's: take few, large ones (arena_init_secret). Thread-safe. */
#ifndef WEIR_BASE_SECRET_H
#define WEIR_BASE_SECRET_H

#include <stddef.h>

/* Aligned to 16 where size is a multiple of it. NULL: out of memory. */
void *secret_take(size_t size) __attribute__((warn_unused_result));
/* NULL is fine. */
void secret_give(void *memory);

#endif
