/* company.c - the two clients of the word; the one served longer ago makes room for a third. */
#include "core/company.h"

#include "base/check.h"

static const uint64_t step_ns = 4000000000;
enum { set = 0x8000, moment = 0x7fff };

static uint32_t when_of(uint64_t now_ns) { return (uint32_t)(now_ns / step_ns & moment) | set; }
static uint32_t steps_since(uint32_t one, uint64_t now_ns) { return (when_of(now_ns) - one) & moment; }
static bool is_set(uint32_t one) { return one & set; }
static bool company_is_of(uint32_t one, uint16_t who) { return is_set(one) && one >> 16 == who; }

static uint64_t company_noted(uint64_t word, uint16_t who, uint64_t now_ns) {
    uint32_t one = (uint32_t)(word >> 32), other = (uint32_t)word, next = (uint32_t)who << 16 | when_of(now_ns);
    CHECKF(!is_set(one) || !company_is_of(other, (uint16_t)(one >> 16)), "one=%x other=%x", one,
           other); /* two, not one twice */
    if (company_is_of(one, who)) return (uint64_t)next << 32 | other;
    if (company_is_of(other, who)) return (uint64_t)one << 32 | next;
    CHECKF(is_set(next), "next=%x", next);
    bool first = !is_set(one) || (is_set(other) && steps_since(one, now_ns) > steps_since(other, now_ns));
    bool full = is_set(one) && is_set(other) && steps_since(one, now_ns) == 0 && steps_since(other, now_ns) == 0;
    if (full) return word; /* two were served this moment: there is company, whoever asks */
    return first ? (uint64_t)next << 32 | other : (uint64_t)one << 32 | next;
}

void company_note(struct cell *cell, uint64_t client, uint64_t now_ns) {
    uint64_t seen = cell_load(cell), next;
    do next = company_noted(seen, short_hash(client), now_ns);
    while (next != seen && !cell_swap(cell, &seen, next));
}

bool company_has_other(const struct cell *cell, uint64_t client, uint64_t window_ns, uint64_t now_ns) {
    uint64_t word = cell_load(cell);
    const uint32_t both[] = {(uint32_t)(word >> 32), (uint32_t)word};
    for (int i = 0; i < 2; i++)
        if (is_set(both[i]) && both[i] >> 16 != short_hash(client) &&
            steps_since(both[i], now_ns) * step_ns <= window_ns)
            return true;
    return false;
}
