/* latency.c - averages that fade with time, a word each. Floating point lives between reading a word and writing it
 * only. */
#include "core/latency.h"

#include <math.h>

#include "base/check.h"
#include "core/average.h"

#define UNIT_NS 16000ull
#define TICK_NS 125000000ull

enum { when_bits = 24, when_mask = (1 << when_bits) - 1 };
#define VALUE_MAX ((1ull << 40) - 1)

static uint64_t value_of(uint64_t word) { return word >> when_bits; }
static uint64_t latency_word_of(uint64_t value, uint64_t now_ns) {
    return (value > VALUE_MAX ? VALUE_MAX : value) << when_bits | ((now_ns / TICK_NS) & when_mask);
}

/* Seconds since the word was written; the ticks come round after 24 days, and a clock that is behind counts as 0. */
static double age_s(uint64_t word, uint64_t now_ns) {
    uint64_t ticks = (now_ns / TICK_NS - (word & when_mask)) & when_mask;
    return ticks > when_mask / 2 ? 0 : (double)ticks * (double)TICK_NS / 1e9;
}

static uint64_t units_of(uint64_t sample_ns) {
    uint64_t units = (sample_ns + UNIT_NS - 1) / UNIT_NS;
    return units ? units : 1;
}

/* The new average: the sample weighs 1 - e^(-dt/tau), and at least `least`, as many samples come within one tick. */
static uint64_t averaged(uint64_t word, uint64_t sample, double tau_s, double least, uint64_t now_ns) {
    double age = age_s(word, now_ns), weight = age > 0 ? 1 - exp(-age / tau_s) : 0;
    if (weight < least) weight = least;
    CHECKF(weight > 0 && weight <= 1, "weight=%f", weight);
    double value = (double)value_of(word) * (1 - weight) + (double)sample * weight;
    return value < 1 ? 1 : (uint64_t)(value + 0.5);
}

void latency_peak(struct cell *cell, uint64_t sample_ns, uint64_t now_ns) {
    uint64_t sample = units_of(sample_ns), seen = cell_load(cell), next;
    do {
        bool at_once = seen == 0 || sample > value_of(seen);
        next = latency_word_of(at_once ? sample : averaged(seen, sample, 10, 0.05, now_ns), now_ns);
        CHECK(next != 0); /* that would be no sample at all */
    } while (next != seen && !cell_swap(cell, &seen, next));
}

uint64_t latency_read(const struct cell *cell, uint64_t tau_ns, uint64_t now_ns) {
    uint64_t word = cell_load(cell);
    if (word == 0) return 0;
    double value = (double)(value_of(word) * UNIT_NS);
    if (tau_ns) value *= exp(-age_s(word, now_ns) * 1e9 / (double)tau_ns);
    return value < 1 ? 1 : (uint64_t)value;
}

/* A step of 5% x share up, or 5% x (1 - share) down, towards the sample: they rest where so many of the samples are
 * below. permille: the share. */
static uint64_t stepped(uint64_t seen, uint64_t sample, unsigned permille) {
    uint64_t next = sample;
    if (seen && sample > seen)
        next = seen + seen / 20000 * permille + seen % 20000 * permille / 20000 + 1;
    else if (seen && sample < seen)
        next = seen - (seen / 20000 * (1000 - permille) + seen % 20000 * (1000 - permille) / 20000);
    if (seen && sample > seen && next > sample) next = sample;
    CHECKF(seen == 0 || (sample < seen ? next <= seen : next >= seen), "seen=%llu next=%llu", (unsigned long long)seen,
           (unsigned long long)next); /* a step goes towards its sample */
    return next;
}

void latency_p95(struct cell *cell, uint64_t sample_ns) {
    uint64_t sample = units_of(sample_ns) << 8, seen = cell_load(cell), next;
    do next = stepped(seen, sample, 950);
    while (next != seen && !cell_swap(cell, &seen, next));
}

uint64_t latency_p95_read(const struct cell *cell) { return (cell_load(cell) >> 8) * UNIT_NS; }

/* 63..7 the value, in units / 128 | 6..0 how many samples, up to 127. */
enum { p99_count = 127, p99_count_bits = 7, p99_enough = 100 };

void latency_p99(struct cell *cell, uint64_t sample_ns) {
    uint64_t units = units_of(sample_ns), seen = cell_load(cell), next;
    uint64_t sample = (units > VALUE_MAX ? VALUE_MAX : units) << p99_count_bits;
    do {
        uint64_t count = seen & p99_count;
        next = stepped(seen >> p99_count_bits, sample, 990) << p99_count_bits | (count < p99_count ? count + 1 : count);
    } while (next != seen && !cell_swap(cell, &seen, next));
}

uint64_t latency_p99_read(const struct cell *cell) {
    uint64_t word = cell_load(cell);
    return (word & p99_count) < p99_enough ? 0 : (word >> (2 * p99_count_bits)) * UNIT_NS;
}

/* The share of failures, so that a word of zeros says that all is well. */
static const struct average_rules of_failures = {.prior = 4, .least = 4, .most = 64, .tau_s = 30};

void success_report(struct cell *cell, bool good, uint64_t now_ns) {
    average_note(cell, &of_failures, good ? 0 : UINT32_MAX, now_ns);
}

double success_read(const struct cell *cell) {
    return 1 - (double)average_read(cell, &of_failures) / (double)UINT32_MAX;
}
