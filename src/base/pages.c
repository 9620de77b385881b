/* pages.c - anonymous maps. */
#include "base/pages.h"

#include <sys/mman.h>

void *pages_take(size_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
#ifdef MADV_DONTDUMP
    madvise(pages, size, MADV_DONTDUMP);
#endif
    return pages;
}

void pages_give(void *pages, size_t size) {
    if (pages) munmap(pages, size);
}
