/* budget.h - the bytes that are held for strangers, counted in one word for the process; and shares of it, a word each:
 * one for every client, one for all who have shown no key. What a share may hold depends on what is left for others:
 *
 *   something begins (a connection, a request, more of its body)   while its share holds at most  7 times what is free
 *   something goes on (an answer under way)                        while its share holds at most 15 times what is free
 *
 * so that one alone may begin with 7/8 of the whole and two with 7/15 each. A share that holds more than its part when
 * others come gets nothing new until it is back at it, and an answer that has begun still finds room when new requests
 * are refused. These are the dynamic thresholds of switches with shared memory (Choudhury and Hahne, 1998). The whole
 * itself, taken from without a share, is full at its limit alone.
 *
 * Thread-safe, without a lock. A NULL budget takes everything. */
#ifndef WEIR_BASE_BUDGET_H
#define WEIR_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
    _Atomic size_t taken;
    size_t limit;                    /* of the whole; a share has none of its own */
    struct budget *_Atomic within;   /* of a share: the whole; NULL: it is none */
    _Atomic uint64_t fail_at, calls; /* of the whole; for tests: see budget_fail_at */
};

/* Makes it a share of `whole`, once: again changes nothing. All zero before. */
void budget_share(struct budget *share, struct budget *whole);
/* false: there is no room, and nothing was taken. For what goes on. */
bool budget_take(struct budget *budget, size_t size) __attribute__((warn_unused_result));
/* The same for what begins. */
bool budget_take_to_begin(struct budget *budget, size_t size) __attribute__((warn_unused_result));
/* Would budget_take_to_begin have room? Takes nothing. */
bool budget_admits(struct budget *budget, size_t size);
/* Takes it even past the end: for the little without which what is under way could not be ended. */
void budget_charge(struct budget *budget, size_t size);
void budget_give(struct budget *budget, size_t size);

/* memory_resize whose memory is counted: of `old_size` bytes before (0: none), `size` after. NULL: no room or no
 * memory; `old` is as it was. */
void *budget_resize(struct budget *budget, void *old, size_t old_size, size_t size) __attribute__((warn_unused_result));
/* Gives such memory back. NULL is fine, with size 0. */
void budget_free(struct budget *budget, void *memory, size_t size);

/* For tests: the n-th take of this whole from now (1 = the next) fails once; 0 turns it off. */
void budget_fail_at(struct budget *whole, uint64_t n);
/* Takes so far, while budget_fail_at was on. */
uint64_t budget_calls(struct budget *whole);

#endif
