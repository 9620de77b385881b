/* breaker.c - the breaker's words taken apart and put together. Every function is a loop of read, decide, swap; a
 * decision sees one word only, and the counts merely stand beside it. */
#include "core/breaker.h"

#include "base/check.h"

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

/* What holds of every word that stands in a cell. */
static void decision_check(const struct decision *decision) {
    CHECKF(decision->state <= breaker_half_open, "state=%d", (int)decision->state);
    CHECKF(decision->state == breaker_half_open || (decision->calls_out | decision->successes) == 0,
           "state=%d calls_out=%u successes=%u", (int)decision->state, decision->calls_out, decision->successes);
    CHECKF(decision->calls_out <= field_8 && decision->successes <= field_8 && decision->deadline <= deadline_mask,
           "calls_out=%u successes=%u deadline=%u", decision->calls_out, decision->successes, decision->deadline);
    CHECK(decision->state == breaker_closed || decision->deadline != 0); /* else nothing would ever try it again */
}

static uint64_t breaker_word_of(const struct decision *decision) {
    decision_check(decision);
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
    CHECKF(rules->half_open_max_calls >= 1 && rules->half_open_max_calls <= field_8, "half_open_max_calls=%u",
           rules->half_open_max_calls);
    if (decision->state == breaker_closed) return true;
    if (decision->state == breaker_open || decision->calls_out >= rules->half_open_max_calls) return false;
    decision->calls_out++;
    decision->deadline = ticks_of(now_ns + rules->open_ns); /* places expire so long after the last was taken */
    return true;
}

static bool word_admit(struct cell *cell, const struct breaker_rules *rules, uint64_t now_ns,
                       struct breaker_pass *pass) {
    uint64_t seen = cell_load(cell), next;
    do {
        struct decision decision = decision_of(seen);
        if (!decision_admit(&decision, rules, now_ns)) return false;
        *pass = (struct breaker_pass){.round = decision.round, .probe = decision.state == breaker_half_open};
        next = breaker_word_of(&decision);
    } while (next != seen && !cell_swap(cell, &seen, next));
    CHECK(!pass->probe || decision_of(next).calls_out > 0); /* a probe has its place, and owes it */
    return true;
}

static bool is_owner(const struct breaker *breaker, uint64_t client) {
    return client != blame_nobody && cell_load(&breaker->owner) == client;
}

bool breaker_would_admit(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t client,
                         uint64_t now_ns) {
    struct decision all = decision_of(cell_load(&breaker->all)), own = decision_of(cell_load(&breaker->own));
    return decision_admit(&all, rules, now_ns) && (!is_owner(breaker, client) || decision_admit(&own, rules, now_ns));
}

static bool breaker_is_of(struct breaker_pass pass, const struct decision *decision) {
    return pass.round == decision->round && decision->state == (pass.probe ? breaker_half_open : breaker_closed);
}

static void word_release(struct cell *cell, struct breaker_pass pass) {
    if (!pass.probe) return;
    uint64_t seen = cell_load(cell), next;
    do {
        struct decision decision = decision_of(seen);
        if (!breaker_is_of(pass, &decision) || decision.calls_out == 0) return;
        decision.calls_out--;
        next = breaker_word_of(&decision);
    } while (!cell_swap(cell, &seen, next));
}

bool breaker_admit(struct breaker *breaker, const struct breaker_rules *rules, uint64_t client, uint64_t now_ns,
                   struct breaker_ticket *ticket) {
    *ticket = (struct breaker_ticket){.client = client};
    if (!word_admit(&breaker->all, rules, now_ns, &ticket->all)) return false;
    if (!is_owner(breaker, client)) { /* it may become one before it reports: then its ticket is of an older round */
        ticket->own.round = decision_of(cell_load(&breaker->own)).round;
        return true;
    }
    if (word_admit(&breaker->own, rules, now_ns, &ticket->own)) return true;
    word_release(&breaker->all, ticket->all);
    return false;
}

void breaker_release(struct breaker *breaker, struct breaker_ticket ticket) {
    word_release(&breaker->all, ticket.all);
    if (is_owner(breaker, ticket.client)) word_release(&breaker->own, ticket.own);
}

/* A deadline is only moved later. */
static void decision_open(struct decision *decision, const struct breaker_rules *rules, uint64_t now_ns,
                          uint64_t not_before_ns) {
    uint64_t until = now_ns + rules->open_ns;
    CHECKF(until >= now_ns, "open_ns=%llu", (unsigned long long)rules->open_ns);
    decision->state = breaker_open;
    decision->round++;
    decision->calls_out = decision->successes = 0;
    decision->deadline = ticks_of(until > not_before_ns ? until : not_before_ns);
}

static enum breaker_change probe_report(struct decision *decision, const struct breaker_rules *rules, uint64_t now_ns,
                                        bool good, uint64_t not_before_ns) {
    CHECKF(decision->state == breaker_half_open, "state=%d", (int)decision->state);
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

/* A probe's verdict, or a failure that opens. */
static enum breaker_change word_report(struct cell *cell, const struct breaker_rules *rules, uint64_t now_ns,
                                       struct breaker_pass pass, bool good, uint64_t not_before_ns) {
    uint64_t seen = cell_load(cell), next;
    enum breaker_change change;
    do {
        struct decision decision = decision_of(seen);
        if (!breaker_is_of(pass, &decision)) return breaker_unchanged;
        change = breaker_opened;
        if (pass.probe)
            change = probe_report(&decision, rules, now_ns, good, not_before_ns);
        else
            decision_open(&decision, rules, now_ns, not_before_ns);
        next = breaker_word_of(&decision);
    } while (!cell_swap(cell, &seen, next));
    return change;
}

/* -- counting -- */

enum verdict { verdict_closed, verdict_open_for_one, verdict_open_for_all };

static void counts_clear(struct breaker *breaker) {
    cell_store(&breaker->row, 0);
    cell_store(&breaker->failed, 0);
    cell_store(&breaker->calls, 0);
}

static uint16_t window_number(const struct breaker_rules *rules, uint64_t now_ns) {
    return (uint16_t)(rules->window_ns ? now_ns / rules->window_ns : 0);
}

/* One more call of the window: how many there are. */
static uint32_t calls_count(struct cell *cell, uint16_t number) {
    uint64_t seen = cell_load(cell), next;
    uint32_t calls;
    do {
        calls = (uint16_t)(seen >> 48) == number ? (uint32_t)seen : 0;
        if (calls < UINT32_MAX) calls++;
        next = (uint64_t)number << 48 | calls;
    } while (!cell_swap(cell, &seen, next));
    return calls;
}

static bool share_is_reached(const struct breaker_rules *rules, int64_t failures, int64_t calls) {
    return failures && calls >= rules->window_calls_min && failures * 100 >= calls * rules->failure_share;
}

/* The window's verdict on one more call that failed: what does not count for all is left out, as a failure and as a
 * call. */
static enum verdict share_judge(struct breaker *breaker, const struct breaker_rules *rules, uint64_t client,
                                uint64_t now_ns) {
    uint16_t number = window_number(rules, now_ns);
    uint32_t calls = calls_count(&breaker->calls, number);
    uint64_t seen = cell_load(&breaker->failed), next;
    do next = blame_noted(blame_tag(seen) == number ? seen : blame_tagged(number), client);
    while (!cell_swap(&breaker->failed, &seen, next));
    unsigned failures = blame_total(next), for_all = blame_for_all(next);
    CHECKF(failures > 0 && blame_tag(next) == number, "failures=%u tag=%u", failures, blame_tag(next));
    int64_t without = (int64_t)calls - (failures - for_all); /* below zero: others count at the same time */
    if (share_is_reached(rules, for_all, without)) return verdict_open_for_all;
    bool one = blame_surplus(next, client) && share_is_reached(rules, failures, calls);
    return one ? verdict_open_for_one : verdict_closed;
}

static enum verdict row_judge(struct breaker *breaker, const struct breaker_rules *rules, uint64_t client, bool probe) {
    uint64_t seen = cell_load(&breaker->row), next;
    do next = blame_noted(seen, client);
    while (!cell_swap(&breaker->row, &seen, next));
    CHECKF(rules->failure_threshold > 0, "failure_threshold=%u", rules->failure_threshold);
    if (blame_for_all(next) >= (probe ? 1 : rules->failure_threshold)) return verdict_open_for_all;
    return probe || blame_surplus(next, client) >= rules->failure_threshold ? verdict_open_for_one : verdict_closed;
}

/* Its owner first: who is let out in between is the other one, for an instant. */
static enum breaker_change own_open(struct breaker *breaker, const struct breaker_rules *rules, uint64_t client,
                                    uint64_t now_ns, uint64_t not_before_ns) {
    CHECK(client != blame_nobody); /* a failure of nobody's counts for all, and opens for all or not at all */
    cell_store(&breaker->owner, client);
    uint64_t seen = cell_load(&breaker->own), next;
    do {
        struct decision decision = decision_of(seen);
        decision_open(&decision, rules, now_ns, not_before_ns);
        next = breaker_word_of(&decision);
    } while (!cell_swap(&breaker->own, &seen, next));
    return breaker_opened_for_one;
}

static enum breaker_change good_report(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns,
                                       struct breaker_ticket ticket) {
    if (cell_load(&breaker->row)) cell_store(&breaker->row, 0);
    if (ticket.all.probe) return word_report(&breaker->all, rules, now_ns, ticket.all, true, 0);
    if (rules->failure_share && !ticket.own.probe) calls_count(&breaker->calls, window_number(rules, now_ns));
    return breaker_unchanged;
}

static enum breaker_change bad_report(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns,
                                      struct breaker_ticket ticket, uint64_t not_before_ns) {
    enum verdict verdict = row_judge(breaker, rules, ticket.client, ticket.all.probe);
    if (rules->failure_share && !ticket.all.probe) {
        enum verdict share = share_judge(breaker, rules, ticket.client, now_ns);
        if (share > verdict) verdict = share;
    }
    if (verdict == verdict_open_for_all) {
        counts_clear(breaker);
        return word_report(&breaker->all, rules, now_ns, ticket.all, false, not_before_ns);
    }
    if (!ticket.told) word_release(&breaker->all, ticket.all);
    if (verdict == verdict_closed || ticket.own.probe) return breaker_unchanged; /* its own has judged already */
    return own_open(breaker, rules, ticket.client, now_ns, not_before_ns);
}

enum breaker_change breaker_report(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns,
                                   struct breaker_ticket ticket, bool good, uint64_t not_before_ns) {
    struct decision all = decision_of(cell_load(&breaker->all)), own = decision_of(cell_load(&breaker->own));
    enum breaker_change change = breaker_unchanged, of_own = breaker_unchanged;
    bool mine = is_owner(breaker, ticket.client);
    if (mine && !breaker_is_of(ticket.own, &own)) {
        if (!ticket.told) word_release(&breaker->all, ticket.all);
        return breaker_unchanged;
    }
    ticket.own.probe &= mine;
    if (ticket.own.probe) of_own = word_report(&breaker->own, rules, now_ns, ticket.own, good, not_before_ns);
    if (of_own == breaker_opened) of_own = breaker_opened_for_one;
    if (breaker_is_of(ticket.all, &all))
        change = good ? good_report(breaker, rules, now_ns, ticket)
                      : bad_report(breaker, rules, now_ns, ticket, not_before_ns);
    if (change == breaker_unchanged) change = of_own;
    if (change == breaker_closed_again) counts_clear(breaker);
    return change;
}

/* -- by hand, and to be seen -- */

static void word_force(struct cell *cell, const struct breaker_rules *rules, uint64_t now_ns, bool open) {
    uint64_t seen = cell_load(cell), next;
    do {
        struct decision decision = decision_of(seen);
        decision_open(&decision, rules, now_ns, 0);
        if (!open) {
            decision.state = breaker_closed;
            decision.deadline = 0;
        }
        next = breaker_word_of(&decision);
    } while (!cell_swap(cell, &seen, next));
}

void breaker_force(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns, bool open) {
    word_force(&breaker->all, rules, now_ns, open);
    word_force(&breaker->own, rules, now_ns, false);
    counts_clear(breaker);
}

static struct breaker_view word_view(const struct cell *cell, const struct breaker_rules *rules, uint64_t now_ns) {
    struct decision decision = decision_of(cell_load(cell));
    CHECKF(decision.state <= breaker_half_open, "state=%d", (int)decision.state);
    int32_t left = decision.state == breaker_open ? ticks_left(decision.deadline, now_ns) : 0;
    decision_age(&decision, rules, now_ns);
    return (struct breaker_view){.state = decision.state,
                                 .round = decision.round,
                                 .calls_out = decision.calls_out,
                                 .successes = decision.successes,
                                 .until_ns = left > 0 ? now_ns + (uint64_t)left * TICK_NS : 0};
}

struct breaker_view breaker_view(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t client,
                                 uint64_t now_ns) {
    struct breaker_view view = word_view(&breaker->all, rules, now_ns), own = word_view(&breaker->own, rules, now_ns);
    bool worse = own.state == breaker_open ? own.until_ns >= view.until_ns
                                           : own.state == breaker_half_open && view.state == breaker_closed;
    if (worse && is_owner(breaker, client)) view = own;
    view.failures_in_row = blame_total(cell_load(&breaker->row));
    return view;
}

uint64_t breaker_owner(const struct breaker *breaker) { return cell_load(&breaker->owner); }

static double word_ramp(const struct cell *cell, const struct breaker_rules *rules, uint64_t now_ns) {
    struct decision decision = decision_of(cell_load(cell));
    if (decision.state != breaker_closed || decision.deadline == 0 || rules->ramp_ns == 0) return 1;
    int32_t since = -ticks_left(decision.deadline, now_ns);
    uint64_t since_ns = since > 0 ? (uint64_t)since * TICK_NS : 0;
    if (since < -1 || since_ns >= rules->ramp_ns) return 1; /* long ago: the ticks have come round */
    double share = (double)since_ns / (double)rules->ramp_ns;
    return share < 0.1 ? 0.1 : share;
}

double breaker_ramp(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t client,
                    uint64_t now_ns) {
    double all = word_ramp(&breaker->all, rules, now_ns);
    double own = is_owner(breaker, client) ? word_ramp(&breaker->own, rules, now_ns) : 1;
    return own < all ? own : all;
}
