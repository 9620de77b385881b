/* spares.h - blocks of one size that were given back, kept for who takes the next one: what a request is made of costs
 * no malloc. All zero: none is kept yet. As many owners as use it, all on one thread. */
#ifndef WEIR_BASE_SPARES_H
#define WEIR_BASE_SPARES_H

#include <stddef.h>

struct spare {
    struct spare *next;
};
struct spares {
    struct spare *first;
    unsigned count;
};

/* A block of `size` bytes, uninitialised, always the same size of one `spares` (NULL: memory_take's). NULL: no memory.
 */
void *spares_take(struct spares *spares, size_t size) __attribute__((warn_unused_result));
/* One that spares_take gave. Under the address sanitizer it is given back at once: what is used after its end is to be
 * seen. */
void spares_give(struct spares *spares, void *block);
/* All that are kept. */
void spares_free(struct spares *spares);

#endif
