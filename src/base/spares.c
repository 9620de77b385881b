/* spares.c - a stack through the blocks themselves. */
#include "base/spares.h"

#include "base/memory.h"
#include "base/sanitized.h"

enum { spares_most = ADDRESS_SANITIZED ? 0 : 64 };

void *spares_take(struct spares *spares, size_t size) {
    struct spare *spare = spares ? spares->first : NULL;
    if (!spare) return memory_take(size < sizeof *spare ? sizeof *spare : size);
    spares->first = spare->next;
    spares->count--;
    return spare;
}

void spares_give(struct spares *spares, void *block) {
    if (!spares || !block || spares->count + 1 > spares_most) {
        memory_give(block);
        return;
    }
    struct spare *spare = block;
    spare->next = spares->first;
    spares->first = spare;
    spares->count++;
}

void spares_free(struct spares *spares) {
    for (struct spare *spare = spares->first, *next; spare; spare = next) {
        next = spare->next;
        memory_give(spare);
    }
    *spares = (struct spares){.first = NULL};
}
