/* memory.c - malloc behind four functions. The failure hook costs one relaxed load when it is off. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

static _Atomic uint64_t fail_at;
static _Atomic uint64_t calls;

bool memory_refuses(void) {
    if (__builtin_expect(atomic_load_explicit(&fail_at, memory_order_relaxed) == 0, 1)) return false;
    return atomic_fetch_add(&calls, 1) + 1 == atomic_load(&fail_at);
}

void *memory_take(size_t size) { return memory_refuses() ? NULL : malloc(size ? size : 1); }
void *memory_take_zeroed(size_t size) { return memory_refuses() ? NULL : calloc(1, size ? size : 1); }
void *memory_resize(void *old, size_t size) { return memory_refuses() ? NULL : realloc(old, size ? size : 1); }
void memory_give(void *memory) { free(memory); }

void memory_return_large(void) {
#if defined(__GLIBC__) /* which else raises the first limit to the largest that was ever given back */
    enum { large = 256 * 1024, kept_most = 2 * 1024 * 1024 };
    mallopt(M_MMAP_THRESHOLD, large);
    mallopt(M_TRIM_THRESHOLD, kept_most);
#endif
}

void memory_fail_at(uint64_t n) {
    atomic_store(&calls, 0);
    atomic_store(&fail_at, n);
}

uint64_t memory_calls(void) { return atomic_load(&calls); }
