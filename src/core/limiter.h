/* limiter.h - a rate limit in one word: GCRA (ITU-T I.371), the theoretical arrival time in monotonic ns.
 *
 * A unit takes period / limit; `burst` units may come at once. More units than the burst pass alone on a full bucket.
 * Products in 128 bits, cost = ceil(n x period / limit). Pure but for the word. Any thread. */
#ifndef WEIR_CORE_LIMITER_H
#define WEIR_CORE_LIMITER_H

#include "core/cell.h"

struct limiter_rules {
    uint64_t limit; /* units a period; 0: no limit, and nothing is ever taken */
    uint64_t period_ns;
    uint64_t burst; /* units at once; at least 1 */
};

/* What was taken. All zero: nothing. */
struct limiter_ticket {
    uint64_t tat_ns; /* the word right after the taking */
    uint64_t units;
};

/* How long until n units may pass, in ns; 0: now. A look; nothing is taken. */
uint64_t limiter_wait_ns(const struct cell *cell, const struct limiter_rules *rules, uint64_t units, uint64_t now_ns);
bool limiter_take(struct cell *cell, const struct limiter_rules *rules, uint64_t units, uint64_t now_ns,
                  struct limiter_ticket *ticket) __attribute__((warn_unused_result));
/* Gives all of it back: at most what time has not drained already, max(0, ticket tat - now). */
void limiter_refund(struct cell *cell, const struct limiter_rules *rules, struct limiter_ticket ticket,
                    uint64_t now_ns);
/* The truth is known: takes more without asking, or gives the difference back. */
void limiter_settle(struct cell *cell, const struct limiter_rules *rules, struct limiter_ticket ticket, uint64_t units,
                    uint64_t now_ns);
/* Units that could pass at once now. UINT64_MAX without a limit. */
uint64_t limiter_left(const struct cell *cell, const struct limiter_rules *rules, uint64_t now_ns);
/* Nothing passes before this moment (a provider said so); never makes it earlier. */
void limiter_hold_until(struct cell *cell, const struct limiter_rules *rules, uint64_t until_ns);

/* A moment that only moves later: a key's cool-down. 0: none. */
void cooldown_set(struct cell *cell, uint64_t until_ns);
void cooldown_clear(struct cell *cell);
static inline uint64_t cooldown_until_ns(const struct cell *cell) { return cell_load(cell); }

#endif
