/* memory.h - the only place that asks the C library for memory, so that it can be counted, limited and made to fail.
 * Thread-safe. All sizes in bytes. */
#ifndef WEIR_BASE_MEMORY_H
#define WEIR_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Uninitialised memory, or NULL when there is none. */
void *memory_take(size_t size) __attribute__((warn_unused_result, malloc));
/* Zeroed memory, or NULL. */
void *memory_take_zeroed(size_t size) __attribute__((warn_unused_result, malloc));
/* As realloc: NULL leaves `old` as it was. */
void *memory_resize(void *old, size_t size) __attribute__((warn_unused_result));
/* For a process that is ours alone, before it has threads: what is large goes back to the system when it is given back,
 * and does not stay in the C library for the next time. Else its pages would stand beside every bound. */
void memory_return_large(void);
/* NULL is fine. */
void memory_give(void *memory);

/* false when the sum or product does not fit. */
static inline bool size_add(size_t a, size_t b, size_t *sum) { return !__builtin_add_overflow(a, b, sum); }
static inline bool size_mul(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }

/* For tests: the n-th call from now (1 = the next) fails once; 0 turns it off. Process-wide. */
void memory_fail_at(uint64_t n);
/* For allocators that stand on these: is what they are asked for now the n-th call, and fails? */
bool memory_refuses(void);
/* Calls of these, memory_take, memory_take_zeroed and memory_resize so far, while memory_fail_at was ever used. */
uint64_t memory_calls(void);

#endif
