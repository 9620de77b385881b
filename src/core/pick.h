/* pick.h - which target serves a request: every strategy, as a function of what is known of the candidates. Pure; the
 * only word it touches is round robin's pass, by the caller's hand. */
#ifndef WEIR_CORE_PICK_H
#define WEIR_CORE_PICK_H

#include "base/str.h"
#include "core/cell.h"

enum strategy {
    strategy_priority,
    strategy_round_robin,
    strategy_least_loaded,
    strategy_fastest_response,
    strategy_cost_optimal,
    strategy_cost_optimized,
    strategy_weighted,
    strategy_sticky,
    strategy_adaptive,
    strategy_exclusive, /* the lock decides; among the rest it is priority */
    strategies
};

struct pick_candidate {
    int64_t priority; /* 1 is tried first */
    double weight;    /* above 0 */
    uint32_t in_flight;
    uint32_t max_concurrent; /* 0: no limit */
    uint64_t latency_ns;     /* time to first byte, faded; 0: not known, so it is tried */
    int64_t cost_nano_usd;   /* expected for this request; -1: not known */
    double health;           /* 0 to 1 */
    double quota_left;       /* 0 to 1; 1 without a quota */
    double ramp;             /* 0 to 1; see breaker_ramp */
    uint64_t pass;           /* round robin: see pick_pass */
    uint64_t name_hash;      /* sticky: of the target's name */
};

struct pick_weights {
    double health, quota, response_time;
};

struct pick_input {
    enum strategy strategy;
    const struct pick_candidate *candidates;
    size_t count; /* 1 and more */
    struct pick_weights weights;
    uint64_t sticky_hash; /* of the session or the client */
    uint64_t random;
};

/* The best candidate's index. Ties go to the smaller priority, then to the earlier one. `scores`, when not NULL, gets
 * each candidate's score (higher is better), for explain. A target in its ramp is passed over with probability 1 - ramp
 * while another is there. */
size_t pick(const struct pick_input *input, double *scores);

/* The adaptive score's parts, each 0 to 1: w.health x health + w.quota x quota_left + w.response_time x response, over
 * the sum of the weights; response = fastest latency among the candidates / its own (1 when not known). */
double pick_adaptive(const struct pick_candidate *candidate, uint64_t fastest_ns, const struct pick_weights *weights);

/* Smooth weighted round robin as a stride (Waldspurger 1995): the least pass is next, and being chosen moves it on by
 * stride_one / weight. A target that comes back starts at the least pass of the others. One word a target. */
#define pick_stride_one (1ull << 20)
void pick_pass_advance(struct cell *pass, uint64_t least, double weight);

/* "round_robin", ...; synonyms too (least_load, cost_optimized, priority_based, lock). false: no such strategy. */
bool strategy_read(struct str name, enum strategy *strategy);
struct str strategy_name(enum strategy strategy);

#endif
