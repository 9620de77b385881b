/* taken.c - steps of 18% up and 2% down rest where one answer in ten is above; up by a token at least, so that it
 * leaves nought. Invariant: a word that has had an answer is never 0. */
#include "core/taken.h"

#include "base/check.h"

enum { fraction_bits = 8, one_token = 1 << fraction_bits };
static const int64_t tokens_most = 1000000000000;

void taken_note(struct cell *cell, int64_t tokens) {
    if (tokens < 0) return;
    if (tokens > tokens_most) tokens = tokens_most;
    uint64_t sample = ((uint64_t)tokens << fraction_bits) + 1, seen = cell_load(cell), next;
    do {
        next = seen;
        if (seen == 0)
            next = sample;
        else if (sample > seen)
            next = seen + seen * 18 / 100 + one_token;
        else if (sample < seen)
            next = seen - seen * 2 / 100;
        if (seen && sample > seen && next > sample) next = sample;
        CHECKF(next > 0 && (seen == 0 || sample > seen ? next >= seen : next <= seen), "seen=%llu next=%llu",
               (unsigned long long)seen, (unsigned long long)next);
    } while (next != seen && !cell_swap(cell, &seen, next));
}

int64_t taken_reserve(const struct cell *cell, int64_t most) {
    CHECKF(most >= 0, "most=%lld", (long long)most);
    uint64_t word = cell ? cell_load(cell) : 0;
    int64_t high = word ? (int64_t)(word >> fraction_bits) : taken_guess;
    return high < most ? high : most;
}
