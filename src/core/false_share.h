/* false_share.h - of hits that were asked of a provider all the same: how many said something else, in one word:
 *
 *   63 off | 62..31 compared | 30..0 of these false
 *
 * Off: above what may be false, from then on until it is reset. Where no more can be counted both are halved, so that
 * the share stays. Pure but for the word. All zero: nothing was compared. */
#ifndef WEIR_CORE_FALSE_SHARE_H
#define WEIR_CORE_FALSE_SHARE_H

#include "core/cell.h"

enum { false_share_least = 20 }; /* that are compared before anything is turned off */

struct false_share {
    uint32_t compared, wrong;
    bool off;
};

/* One more has been compared; `most`: the share that may be false. */
void false_share_note(struct cell *cell, bool wrong, double most);
struct false_share false_share_read(const struct cell *cell);
/* Nothing was compared, and it is on. */
void false_share_reset(struct cell *cell);

#endif
