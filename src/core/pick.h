/* pick.h - which target serves a request: every strategy, as a function of what is known of the candidates. Pure; the
 * only word it touches is round robin's pass, by the caller's hand. */
#ifndef WEIR_CORE_PICK_H
#define WEIR_CORE_PICK_H

#include "base/text.h"
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
    uint32_t max_concurrent; /* 0: no limit; no score looks at it: who is full is no candidate */
    uint64_t latency_ns;     /* time to first byte, faded; 0: not known, so it is tried */
    int64_t cost_nano_usd;   /* expected for this request; -1: not known */
    double health;           /* 0 to 1 */
    double quota_left;       /* 0 to 1; 1 without a quota */
    double ramp;             /* 0 to 1; see breaker_ramp */
    uint64_t pass;           /* round robin: see pick_pass_advance */
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

/* The best candidate's index. Ties go to the smaller priority, then to the earlier one (least_loaded: to a random one).
 * `scores`, when not NULL, gets each candidate's score (higher is better), for explain. A target in its ramp is passed
 * over with probability 1 - ramp while another is there. Equal inputs give equal answers.
 *
 *   priority, exclusive  -priority
 *   round_robin          the turn that must be over first, among those whose turn has begun; see pick_pass_advance
 *   least_loaded         -(in_flight + 1) / weight
 *   fastest_response     -latency x (in_flight + 1); one that is not known and idle comes first, busy it counts as the
 *                        fastest of the others, so that one request explores it and not a herd
 *   cost_optimal         -cost; one that is not known comes after all that are
 *   cost_optimized       0.5 x cheapest cost / its own + 0.25 x health + 0.25 x response, as adaptive's; the first term
 *                        is 0 for a cost that is not known, and 1 when none is
 *   weighted             random, by weight
 *   sticky               rendezvous of sticky_hash and name_hash, by weight: a target that goes moves its share only
 *   adaptive             pick_adaptive */
size_t pick(const struct pick_input *input, double *scores);

/* The adaptive score's parts, each 0 to 1: w.health x health + w.quota x quota_left + w.response_time x response, over
 * the sum of the weights; response = fastest latency among the candidates / its own (1 when not known). */
double pick_adaptive(const struct pick_candidate *candidate, uint64_t fastest_ns, const struct pick_weights *weights);

/* Smooth weighted round robin: each target has a pass, where its next turn begins on the time of all. A turn is
 * pick_stride_one / weight long; among those whose turn has begun (their pass is not past the weighted mean) the one
 * that must be over first is next (Stoica and Abdel-Wahab 1995: earliest eligible virtual deadline first). So after any
 * number of turns each has had its share, to within one; the least pass alone keeps that promise for equal weights
 * only. One word a target. Passes are compared by their distance, so they may wrap. */
#define pick_stride_one (1ull << 20)
/* Where the chosen one's turn begins: at its pass, or later when it was away: it is owed one turn, not all that it
 * missed. */
uint64_t pick_pass_floor(const struct pick_input *input, size_t chosen);
/* The turn is taken: the pass, or `least` (pick_pass_floor) when that is later, moves on by pick_stride_one / weight.
 */
void pick_pass_advance(struct cell *pass, uint64_t least, double weight);

/* "round_robin", ...; synonyms too. false: no such strategy. */
bool strategy_read(struct str name, enum strategy *strategy);
struct str strategy_name(enum strategy strategy);
/* Every word that strategy_read takes, from place 0; empty behind the last. */
struct str strategy_word(size_t place);
/* Their own names as a sentence lists them: "priority, round_robin, ... or exclusive". */
void strategy_names_put(struct text *text);

#endif
