/* average.h - an average over many samples, in one word:
 *
 *   63..32 value | 31..20 how many samples it stands for, in quarters | 19..0 when, in seconds
 *
 * Each sample weighs as one among those that the average stands for, or more once time has passed, but never so much
 * that one or two of them decide: it stands for `least` samples even after a long silence. Pure but for the word. Any
 * thread. */
#ifndef WEIR_CORE_AVERAGE_H
#define WEIR_CORE_AVERAGE_H

#include "core/cell.h"

struct average_rules {
    uint32_t first;       /* the value before there is a sample */
    unsigned prior;       /* for how many samples that counts */
    unsigned least, most; /* for how many it stands: once it has had so many; at the most (up to 1023) */
    unsigned tau_s;       /* how fast old samples fade */
    bool one_a_second;    /* once it has had `least`: so that its pace is time's, and not the traffic's */
};

void average_note(struct cell *cell, const struct average_rules *rules, uint32_t sample, uint64_t now_ns);
uint32_t average_read(const struct cell *cell, const struct average_rules *rules);
/* Has it had a sample? */
static inline bool average_is_known(const struct cell *cell) { return cell_load(cell) != 0; }

#endif
