/* cached_share.h - which share of its input somebody has read from providers' prompt caches lately, beside its own
 * past, in one word:
 *
 *   63..48 answers, up to 65535 | 47..24 the share of the last ones, of 2^24 - 1 | 23..0 the same over many more
 *
 * Pure but for the words. All zero: nothing was counted. */
#ifndef WEIR_CORE_CACHED_SHARE_H
#define WEIR_CORE_CACHED_SHARE_H

#include "core/cell.h"

enum {
    cached_share_recent = 16, /* answers that the last ones are, about */
    cached_share_usual = 512, /* and its past */
    cached_share_least = 64,  /* answers before anything is said of it */
};

struct cached_share {
    uint32_t answers;
    double recent, usual; /* 0 to 1 */
};

/* An answer, of so many tokens of input; `cached` of them. */
void cached_share_note(struct cell *cell, int64_t cached, int64_t input);
struct cached_share cached_share_read(const struct cell *cell);
/* Has it fallen: below half of what it was, which was a fifth or more? What lasts becomes its past, and is not fallen.
 */
bool cached_share_fell(const struct cached_share *share);

#endif
