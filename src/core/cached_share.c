/* cached_share.c - two averages of different reach, side by side in a word. */
#include "core/cached_share.h"

#include "base/check.h"

enum { share_one = (1 << 24) - 1 };

static double share_moved(double share, double sample, uint32_t answers, uint32_t reach) {
    return share + (sample - share) / (answers < reach ? answers : reach);
}

struct cached_share cached_share_read(const struct cell *cell) {
    uint64_t word = cell_load(cell);
    return (struct cached_share){.answers = (uint32_t)(word >> 48),
                                 .recent = (double)(word >> 24 & share_one) / share_one,
                                 .usual = (double)(word & share_one) / share_one};
}

void cached_share_note(struct cell *cell, int64_t cached, int64_t input) {
    CHECKF(input > 0 && cached >= 0, "input=%lld", (long long)input);
    double sample = cached < input ? (double)cached / (double)input : 1;
    uint64_t seen = cell_load(cell), next;
    do {
        struct cell now = {seen};
        struct cached_share share = cached_share_read(&now);
        uint32_t answers = share.answers < UINT16_MAX ? share.answers + 1 : UINT16_MAX;
        double recent = share_moved(share.recent, sample, answers, cached_share_recent),
               usual = share_moved(share.usual, sample, answers, cached_share_usual);
        next =
            (uint64_t)answers << 48 | (uint64_t)(recent * share_one + 0.5) << 24 | (uint64_t)(usual * share_one + 0.5);
    } while (next != seen && !cell_swap(cell, &seen, next));
}

bool cached_share_fell(const struct cached_share *share) {
    return share->answers >= cached_share_least && share->usual >= 0.2 && share->recent < share->usual / 2;
}
