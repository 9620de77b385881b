/* average.c - the weight of a sample, and the word. Invariant: a word that has had a sample is never 0. Floating point
 * lives between reading a word and writing it only. */
#include "core/average.h"

#include <math.h>

#include "base/check.h"

enum { when_bits = 20, when_most = (1 << when_bits) - 1, count_bits = 12, count_most = (1 << count_bits) - 1 };
static const double quarter = 0.25;
static const uint64_t average_tick_ns = 1000000000;

struct average {
    double value, count;
    uint64_t age_s;
};

static struct average average_of(uint64_t word, const struct average_rules *rules, uint64_t now_ns) {
    if (word == 0) return (struct average){.value = rules->first, .count = rules->prior};
    uint64_t age = (now_ns / average_tick_ns - word) & when_most;
    return (struct average){.value = (double)(word >> 32),
                            .count = (double)(word >> when_bits & count_most) * quarter,
                            .age_s = age > when_most / 2 ? 0 : age}; /* a clock that is behind */
}

static double average_weight(const struct average *average, const struct average_rules *rules) {
    double alone = 1 / (average->count + 1), top = 1 / ((double)rules->least + 1);
    double faded = 1 - exp(-(double)average->age_s / rules->tau_s);
    if (faded > top) faded = top;
    return alone > faded ? alone : faded;
}

static uint64_t average_word(double value, double count, uint64_t now_ns) {
    CHECKF(value >= 0 && value < 4294967296.0 && count >= quarter, "value=%f count=%f", value, count);
    uint64_t quarters = (uint64_t)(count / quarter + 0.5);
    return (uint64_t)value << 32 | (quarters < count_most ? quarters : count_most) << when_bits |
           (now_ns / average_tick_ns & when_most);
}

void average_note(struct cell *cell, const struct average_rules *rules, uint32_t sample, uint64_t now_ns) {
    CHECKF(rules->most >= 1 && rules->least <= rules->most && rules->tau_s > 0, "most=%u", rules->most);
    uint64_t seen = cell_load(cell), next;
    do {
        struct average average = average_of(seen, rules, now_ns);
        if (rules->one_a_second && seen && average.age_s == 0 && average.count >= rules->least) return;
        double weight = average_weight(&average, rules), count = 1 / weight;
        if (count > rules->most) count = rules->most;
        double value = average.value * (1 - weight) + (double)sample * weight;
        next = average_word(value + 0.5 < 4294967295.0 ? value + 0.5 : 4294967295.0, count, now_ns);
    } while (next != seen && !cell_swap(cell, &seen, next));
}

uint32_t average_read(const struct cell *cell, const struct average_rules *rules) {
    uint64_t word = cell_load(cell);
    return word ? (uint32_t)(word >> 32) : rules->first;
}
