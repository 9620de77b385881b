/* limiter.c - GCRA: a unit costs period / limit; what has been let through stands in the word as the moment at which it
 * is paid off. A request passes when that moment, its own cost included, is at most the burst's worth ahead of now. */
#include "core/limiter.h"

#include "base/check.h"

/* ceil(units x period / limit), saturated far below where sums wrap. */
static uint64_t cost_ns(const struct limiter_rules *rules, uint64_t units) {
    CHECKF(rules->limit > 0, "units=%llu", (unsigned long long)units); /* who has no limit is not asked */
    uint64_t product;
    if (units == rules->limit && rules->period_ns < UINT64_MAX / 4) return rules->period_ns; /* most bursts */
    if (!__builtin_mul_overflow(units, rules->period_ns, &product) && product < UINT64_MAX / 4)
        return product / rules->limit + (product % rules->limit > 0);
    unsigned __int128 cost = ((unsigned __int128)units * rules->period_ns + rules->limit - 1) / rules->limit;
    return cost > UINT64_MAX / 4 ? UINT64_MAX / 4 : (uint64_t)cost;
}

/* Half of all time ahead is for ever: from there on nothing is added, and no sum wraps. */
static uint64_t paid_off_at(uint64_t from_ns, uint64_t cost) {
    return from_ns > UINT64_MAX / 2 ? from_ns : from_ns + cost;
}

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* The word after taking; *wait_ns above 0: not yet. A request above the burst passes when nothing is owed. */
static uint64_t tat_after(uint64_t tat, const struct limiter_rules *rules, uint64_t units, uint64_t now_ns,
                          uint64_t *wait_ns) {
    uint64_t cost = cost_ns(rules, units), next = paid_off_at(later(tat, now_ns), cost);
    CHECKF(next >= now_ns, "tat=%llu cost=%llu", (unsigned long long)tat, (unsigned long long)cost);
    *wait_ns = 0;
    if (next - now_ns <= cost) return next; /* nothing is owed */
    uint64_t burst = cost_ns(rules, rules->burst ? rules->burst : 1), room = cost > burst ? cost : burst;
    if (next - now_ns > room) *wait_ns = next - now_ns - room;
    return next;
}

uint64_t limiter_wait_ns(const struct cell *cell, const struct limiter_rules *rules, uint64_t units, uint64_t now_ns) {
    uint64_t wait;
    if (rules->limit == 0) return 0;
    tat_after(cell_load(cell), rules, units, now_ns, &wait);
    return wait;
}

bool limiter_take(struct cell *cell, const struct limiter_rules *rules, uint64_t units, uint64_t now_ns,
                  struct limiter_ticket *ticket) {
    *ticket = (struct limiter_ticket){.units = 0};
    if (rules->limit == 0) return true;
    uint64_t seen = cell_load(cell), next, wait;
    do {
        next = tat_after(seen, rules, units, now_ns, &wait);
        if (wait) return false;
    } while (!cell_swap(cell, &seen, next));
    *ticket = (struct limiter_ticket){.tat_ns = next, .units = units};
    return true;
}

/* What time has drained already is gone: at most ticket tat - now is still there to be given back. */
static void give_back(struct cell *cell, struct limiter_ticket ticket, uint64_t ns, uint64_t now_ns) {
    uint64_t left = ticket.tat_ns > now_ns ? ticket.tat_ns - now_ns : 0;
    if (ns > left) ns = left;
    uint64_t seen = cell_load(cell), next;
    do {
        if (ns == 0 || seen <= now_ns) return;
        next = seen - (ns < seen - now_ns ? ns : seen - now_ns);
        CHECKF(next >= now_ns && next < seen, "seen=%llu next=%llu", (unsigned long long)seen,
               (unsigned long long)next); /* nothing is given twice */
    } while (!cell_swap(cell, &seen, next));
}

void limiter_refund(struct cell *cell, const struct limiter_rules *rules, struct limiter_ticket ticket,
                    uint64_t now_ns) {
    if (rules->limit == 0 || ticket.units == 0) return;
    CHECKF(ticket.tat_ns > 0, "units=%llu", (unsigned long long)ticket.units);
    give_back(cell, ticket, cost_ns(rules, ticket.units), now_ns);
}

void limiter_settle(struct cell *cell, const struct limiter_rules *rules, struct limiter_ticket ticket, uint64_t units,
                    uint64_t now_ns) {
    if (rules->limit == 0) return;
    uint64_t reserved = ticket.units ? cost_ns(rules, ticket.units) : 0, real = cost_ns(rules, units);
    if (real <= reserved) {
        give_back(cell, ticket, reserved - real, now_ns);
        return;
    }
    uint64_t seen = cell_load(cell);
    while (!cell_swap(cell, &seen, paid_off_at(later(seen, now_ns), real - reserved))) continue;
}

uint64_t limiter_left(const struct cell *cell, const struct limiter_rules *rules, uint64_t now_ns) {
    if (rules->limit == 0) return UINT64_MAX;
    uint64_t burst = cost_ns(rules, rules->burst ? rules->burst : 1), tat = cell_load(cell);
    uint64_t owed = tat > now_ns ? tat - now_ns : 0;
    if (owed >= burst || rules->period_ns == 0) return 0;
    uint64_t product; /* of a burst that is the limit: limit - ceil(owed x limit / period) */
    if (burst == rules->period_ns && !__builtin_mul_overflow(owed, rules->limit, &product))
        return rules->limit - product / rules->period_ns - (product % rules->period_ns > 0);
    return (uint64_t)((unsigned __int128)(burst - owed) * rules->limit / rules->period_ns);
}

void limiter_hold_until(struct cell *cell, const struct limiter_rules *rules, uint64_t until_ns) {
    if (rules->limit == 0) return;
    uint64_t tat = paid_off_at(until_ns, cost_ns(rules, rules->burst ? rules->burst : 1)), seen = cell_load(cell);
    while (seen < tat && !cell_swap(cell, &seen, tat)) continue;
}

void cooldown_set(struct cell *cell, uint64_t until_ns) {
    uint64_t seen = cell_load(cell);
    while (seen < until_ns && !cell_swap(cell, &seen, until_ns)) continue;
}

void cooldown_clear(struct cell *cell) { cell_store(cell, 0); }
