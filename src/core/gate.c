/* gate.c - places and those who wait for one. Invariant: nobody is let past someone who waits. */
#include "core/gate.h"

#include "base/check.h"

static int32_t waiting_of(uint64_t word) { return (int32_t)(uint32_t)(word >> 32); }
static uint32_t in_use_of(uint64_t word) { return (uint32_t)word; }
static uint64_t gate_word_of(int32_t waiting, uint32_t in_use) { return (uint64_t)(uint32_t)waiting << 32 | in_use; }
static bool gate_has_room(uint64_t word, uint32_t max) { return max == 0 || in_use_of(word) < max; }

bool gate_would_enter(const struct cell *cell, uint32_t max) {
    uint64_t word = cell_load(cell);
    return gate_has_room(word, max) && waiting_of(word) <= 0;
}

bool gate_enter(struct cell *cell, uint32_t max) {
    uint64_t seen = cell_load(cell);
    do {
        CHECKF(in_use_of(seen) < UINT32_MAX, "waiting=%d", waiting_of(seen)); /* one more would be one who waits */
        if (!gate_has_room(seen, max) || waiting_of(seen) > 0) return false;
    } while (!cell_swap(cell, &seen, seen + 1));
    return true;
}

bool gate_wait(struct cell *cell, uint32_t max, uint32_t waiting_max, bool *entered) {
    uint64_t seen = cell_load(cell), next;
    CHECKF(waiting_max <= INT32_MAX, "waiting_max=%u", waiting_max);
    do {
        int32_t waiting = waiting_of(seen);
        *entered = gate_has_room(seen, max) && waiting <= 0;
        if (!*entered && waiting >= (int32_t)waiting_max) return false;
        next = *entered ? seen + 1 : gate_word_of(waiting + 1, in_use_of(seen));
    } while (!cell_swap(cell, &seen, next));
    return true;
}

bool gate_leave(struct cell *cell, uint32_t max) {
    uint64_t seen = cell_load(cell), next;
    bool handed;
    do {
        int32_t waiting = waiting_of(seen);
        uint32_t in_use = in_use_of(seen);
        CHECKF(in_use > 0, "waiting=%d", waiting); /* who leaves has entered */
        handed = waiting > 0 && (max == 0 || in_use <= max);
        next = handed ? gate_word_of(waiting - 1, in_use) : gate_word_of(waiting, in_use - 1);
    } while (!cell_swap(cell, &seen, next));
    return handed;
}

void gate_stop_waiting(struct cell *cell) {
    uint64_t seen = cell_load(cell);
    CHECKF(waiting_of(seen) > INT32_MIN, "in_use=%u", in_use_of(seen));
    while (!cell_swap(cell, &seen, gate_word_of(waiting_of(seen) - 1, in_use_of(seen)))) continue;
}

bool gate_unwanted(struct cell *cell) {
    uint64_t seen = cell_load(cell);
    do {
        CHECKF(in_use_of(seen) > 0, "waiting=%d", waiting_of(seen)); /* the place that arrived is in use */
        if (waiting_of(seen) >= 0) return true; /* who waits elsewhere gets it: one fewer on its way, one more */
    } while (!cell_swap(cell, &seen, gate_word_of(waiting_of(seen) + 1, in_use_of(seen) - 1)));
    return false;
}

uint32_t gate_in_use(const struct cell *cell) { return in_use_of(cell_load(cell)); }
int32_t gate_waiting(const struct cell *cell) { return waiting_of(cell_load(cell)); }
