/* taken.h - how many tokens a target's answers have taken lately: what nine in ten of them stay below, followed answer
 * by answer (frugal streaming, as latency.h), in one word:
 *
 *   63..8 tokens | 7..0 256ths of one; all zero: no answer yet
 *
 * It is what a rate of tokens reserves for the next one. Pure but for the word. Any thread. */
#ifndef WEIR_CORE_TAKEN_H
#define WEIR_CORE_TAKEN_H

#include "core/cell.h"

/* What is reserved before there was an answer. */
#define taken_guess 512

/* One more answer took so many; below 0: nothing. */
void taken_note(struct cell *cell, int64_t tokens);
/* What to reserve for an answer that may take `most`: never more than that. NULL: nothing is known. */
int64_t taken_reserve(const struct cell *cell, int64_t most);

#endif
