/* pages.h - whole pages for buffers that credentials pass through: kept out of core dumps where the system can.
 * Uninitialised, thread-safe. A take costs two system calls: for what lives long. */
#ifndef WEIR_BASE_PAGES_H
#define WEIR_BASE_PAGES_H

#include <stddef.h>

/* NULL: out of memory. */
void *pages_take(size_t size) __attribute__((warn_unused_result));
/* With the same size. NULL is fine. */
void pages_give(void *pages, size_t size);

#endif
