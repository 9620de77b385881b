/* false_share.c - two counts and a switch. */
#include "core/false_share.h"

enum { wrong_bits = 31 };
static const uint64_t wrong_most = (UINT64_C(1) << wrong_bits) - 1;

static struct false_share false_share_of(uint64_t word) {
    return (struct false_share){.compared = (uint32_t)(word << 1 >> (wrong_bits + 1)),
                                .wrong = (uint32_t)(word & wrong_most),
                                .off = word >> 63};
}

struct false_share false_share_read(const struct cell *cell) {
    return false_share_of(cell_load(cell));
}

void false_share_note(struct cell *cell, bool wrong, double most) {
    uint64_t seen = cell_load(cell), next;
    do {
        struct false_share share = false_share_of(seen);
        if (share.compared == wrong_most) {
            share.compared /= 2;
            share.wrong /= 2;
        }
        share.compared++;
        share.wrong += wrong;
        share.off |= share.compared >= false_share_least && (double)share.wrong > most * (double)share.compared;
        next = (uint64_t)share.off << 63 | (uint64_t)share.compared << wrong_bits | share.wrong;
    } while (!cell_swap(cell, &seen, next));
}

void false_share_reset(struct cell *cell) { cell_store(cell, 0); }
