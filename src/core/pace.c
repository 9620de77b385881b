/* pace.c - baselines by kind, and the average of answers over their baseline. */
#include "core/pace.h"

#include "base/check.h"

#define PACE_UNIT_NS 16000ull
enum { as_usual = 1 << 16, slowest = 5 * as_usual };

static const struct average_rules of_kind = {.least = 32, .most = 600, .tau_s = 600, .one_a_second = true};
static const struct average_rules of_all = {.first = as_usual, .prior = 8, .least = 8, .most = 32, .tau_s = 30};

enum pace_kind pace_kind_of_bytes(size_t bytes) {
    static const size_t edges[] = {1024, 4096, 16384, 65536};
    size_t at = 0;
    while (at < sizeof edges / sizeof *edges && bytes > edges[at]) at++;
    return (enum pace_kind)(pace_1k + at);
}

uint32_t pace_note(struct pace *pace, enum pace_kind kind, uint64_t took_ns, uint64_t now_ns) {
    CHECKF((unsigned)kind < pace_kinds, "kind=%d", (int)kind);
    struct cell *usual = &pace->usual[kind];
    uint64_t units = took_ns / PACE_UNIT_NS + 1, was = as_usual;
    if (units > UINT32_MAX) units = UINT32_MAX;
    if (average_is_known(usual)) {
        uint64_t baseline = average_read(usual, &of_kind);
        was = units * as_usual / (baseline ? baseline : 1);
    }
    if (was > slowest) was = slowest;
    average_note(usual, &of_kind, (uint32_t)units, now_ns);
    pace_slowness_note(&pace->slowness, (uint32_t)was, now_ns);
    return (uint32_t)was;
}

void pace_slowness_note(struct cell *slowness, uint32_t was, uint64_t now_ns) {
    average_note(slowness, &of_all, was, now_ns);
}

double pace_slowness(const struct cell *slowness) { return (double)average_read(slowness, &of_all) / as_usual; }
