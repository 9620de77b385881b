/* breaker.c - the breaker's two words taken apart and put together. Every function is a loop of read, decide, swap; a
 * decision sees one word only, and the window merely adds its counts beside it. */
#include "core/breaker.h"

#define TICK_NS (10ull * 1000 * 1000)

enum { field_8 = 0xff, field_16 = 0xffff, deadline_bits = 30, deadline_mask = (1 << deadline_bits) - 1 };

struct decision {
    enum breaker_state state;
    uint16_t round;
    unsigned calls_out, successes;
    uint32_t deadline; /* ticks, modulo 2^30: open: may be tried from then; half-open: its places expire;
                          closed: when it closed, 0 if it never opened */
};

static struct decision decision_of(uint64_t word) {
    return (struct decision){.state = (enum breaker_state)(word >> 62),
                             .round = (uint16_t)(word >> 46),
                             .calls_out = (unsigned)(word >> 38) & field_8,
                             .successes = (unsigned)(word >> 30) & field_8,
                             .deadline = (uint32_t)word & deadline_mask};
}

static uint64_t breaker_word_of(const struct decision *decision) {
    return (uint64_t)decision->state << 62 | (uint64_t)decision->round << 46 | (uint64_t)decision->calls_out << 38 |
           (uint64_t)decision->successes << 30 | decision->deadline;
}

/* Rounded up, so that nothing is tried too soon; never 0, which means never. */
static uint32_t ticks_of(uint64_t ns) {
    uint32_t ticks = (uint32_t)((ns + TICK_NS - 1) / TICK_NS) & deadline_mask;
    return ticks ? ticks : 1;
}

/* Ticks from now to the deadline; negative: it has passed. Good for 62 days either way. */
static int32_t ticks_left(uint32_t deadline, uint64_t now_ns) {
    uint32_t now = (uint32_t)(now_ns / TICK_NS) & deadline_mask;
    return (int32_t)((deadline - now) << (32 - deadline_bits)) >> (32 - deadline_bits);
}

/* An open breaker past its deadline begins to be tried; places that were never given back are free again in a new
 * round. */
static void decision_age(struct decision *decision, const struct breaker_rules *rules, uint64_t now_ns) {
    if (decision->state == breaker_closed || ticks_left(decision->deadline, now_ns) > 0) return;
    if (decision->state == breaker_half_open && decision->calls_out < rules->half_open_max_calls) return;
    if (decision->state == breaker_half_open) decision->round++;
    decision->state = breaker_half_open;
    decision->calls_out = decision->successes = 0;
}

static bool decision_admit(struct decision *decision, const struct breaker_rules *rules, uint64_t now_ns) {
    decision_age(decision, rules, now_ns);
    if (decision->state == breaker_closed) return true;
    if (decision->state == breaker_open || decision->calls_out >= rules->half_open_max_calls) return false;
    decision->calls_out++;
    decision->deadline = ticks_of(now_ns + rules->open_ns); /* places expire so long after the last was taken */
    return true;
}

bool breaker_would_admit(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns) {
    struct decision decision = decision_of(cell_load(&breaker->decision));
    return decision_admit(&decision, rules, now_ns);
}

bool breaker_admit(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns,
                   struct breaker_ticket *ticket) {
    uint64_t seen = cell_load(&breaker->decision), next;
    do {
        struct decision decision = decision_of(seen);
        if (!decision_admit(&decision, rules, now_ns)) return false;
        *ticket = (struct breaker_ticket){.round = decision.round, .probe = decision.state == breaker_half_open};
        next = breaker_word_of(&decision);
    } while (next != seen && !cell_swap(&breaker->decision, &seen, next));
    return true;
}

/* A deadline is only moved later. */
static void decision_open(struct decision *decision, const struct breaker_rules *rules, uint64_t now_ns,
                          uint64_t not_before_ns) {
    uint64_t until = now_ns + rules->open_ns;
    decision->state = breaker_open;
    decision->round++;
    decision->calls_out = decision->successes = 0;
    decision->deadline = ticks_of(until > not_before_ns ? until : not_before_ns);
}

static bool breaker_is_of(struct breaker_ticket ticket, const struct decision *decision) {
    return ticket.round == decision->round && decision->state == (ticket.probe ? breaker_half_open : breaker_closed);
}

static enum breaker_change probe_report(struct decision *decision, const struct breaker_rules *rules, uint64_t now_ns,
                                        bool good, uint64_t not_before_ns) {
    if (!good) {
        decision_open(decision, rules, now_ns, not_before_ns);
        return breaker_opened;
    }
    if (decision->calls_out) decision->calls_out--;
    if (++decision->successes < rules->success_threshold) return breaker_unchanged;
    decision->state = breaker_closed;
    decision->round++;
    decision->calls_out = decision->successes = 0;
    decision->deadline = ticks_of(now_ns);
    return breaker_closed_again;
}

/* -- the window -------------------------------------------------------------------------------------------------------
 */

struct window {
    unsigned in_a_row, failures, calls;
    uint16_t number;
};

static unsigned breaker_counted(unsigned count) { return count < field_16 ? count + 1 : count; }

/* One more call of a closed breaker. true: it is enough to open it, and the counts begin anew. */
static bool window_count(struct cell *cell, const struct breaker_rules *rules, uint64_t now_ns, bool good) {
    uint64_t seen = cell_load(cell), next;
    bool opens;
    do {
        struct window window = {.in_a_row = (unsigned)(seen >> 48),
                                .failures = (unsigned)(seen >> 32) & field_16,
                                .calls = (unsigned)(seen >> 16) & field_16,
                                .number = (uint16_t)seen};
        uint64_t windows = rules->window_ns ? now_ns / rules->window_ns : 0;
        uint16_t number = (uint16_t)windows;
        if (number != window.number) window = (struct window){.in_a_row = window.in_a_row, .number = number};
        window.in_a_row = good ? 0 : breaker_counted(window.in_a_row);
        window.calls = breaker_counted(window.calls);
        if (!good) window.failures = breaker_counted(window.failures);
        opens = !good && window.in_a_row >= rules->failure_threshold;
        if (!good && rules->failure_share && window.calls >= rules->window_calls_min)
            opens |= (uint64_t)window.failures * 100 >= (uint64_t)window.calls * rules->failure_share;
        if (opens) window = (struct window){.number = number};
        next = (uint64_t)window.in_a_row << 48 | (uint64_t)window.failures << 32 | (uint64_t)window.calls << 16 |
               window.number;
    } while (next != seen && !cell_swap(cell, &seen, next));
    return opens;
}

enum breaker_change breaker_report(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns,
                                   struct breaker_ticket ticket, bool good, uint64_t not_before_ns) {
    uint64_t seen = cell_load(&breaker->decision), next;
    struct decision decision = decision_of(seen);
    enum breaker_change change;
    if (!breaker_is_of(ticket, &decision)) return breaker_unchanged;
    if (!ticket.probe && !window_count(&breaker->window, rules, now_ns, good)) return breaker_unchanged;
    do {
        decision = decision_of(seen);
        if (!breaker_is_of(ticket, &decision)) return breaker_unchanged;
        change = breaker_opened;
        if (ticket.probe)
            change = probe_report(&decision, rules, now_ns, good, not_before_ns);
        else
            decision_open(&decision, rules, now_ns, not_before_ns);
        next = breaker_word_of(&decision);
    } while (!cell_swap(&breaker->decision, &seen, next));
    if (change == breaker_closed_again) cell_store(&breaker->window, 0);
    return change;
}

void breaker_release(struct breaker *breaker, struct breaker_ticket ticket) {
    if (!ticket.probe) return;
    uint64_t seen = cell_load(&breaker->decision), next;
    do {
        struct decision decision = decision_of(seen);
        if (!breaker_is_of(ticket, &decision) || decision.calls_out == 0) return;
        decision.calls_out--;
        next = breaker_word_of(&decision);
    } while (!cell_swap(&breaker->decision, &seen, next));
}

void breaker_force(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns, bool open) {
    uint64_t seen = cell_load(&breaker->decision), next;
    do {
        struct decision decision = decision_of(seen);
        decision_open(&decision, rules, now_ns, 0);
        if (!open) {
            decision.state = breaker_closed;
            decision.deadline = 0;
        }
        next = breaker_word_of(&decision);
    } while (!cell_swap(&breaker->decision, &seen, next));
    cell_store(&breaker->window, 0);
}

struct breaker_view breaker_view(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns) {
    struct decision decision = decision_of(cell_load(&breaker->decision));
    int32_t left = decision.state == breaker_open ? ticks_left(decision.deadline, now_ns) : 0;
    decision_age(&decision, rules, now_ns);
    return (struct breaker_view){.state = decision.state,
                                 .round = decision.round,
                                 .calls_out = decision.calls_out,
                                 .successes = decision.successes,
                                 .failures_in_row = (unsigned)(cell_load(&breaker->window) >> 48),
                                 .until_ns = left > 0 ? now_ns + (uint64_t)left * TICK_NS : 0};
}

double breaker_ramp(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns) {
    struct decision decision = decision_of(cell_load(&breaker->decision));
    if (decision.state != breaker_closed || decision.deadline == 0 || rules->ramp_ns == 0) return 1;
    int32_t since = -ticks_left(decision.deadline, now_ns);
    uint64_t since_ns = since > 0 ? (uint64_t)since * TICK_NS : 0;
    if (since < -1 || since_ns >= rules->ramp_ns) return 1; /* long ago: the ticks have come round */
    double share = (double)since_ns / (double)rules->ramp_ns;
    return share < 0.1 ? 0.1 : share;
}
