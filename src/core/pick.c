/* pick.c - each strategy gives every candidate a score, and the best one wins. Scans only: nothing is sorted, nothing
 * allocated; what scores are relative to (the cheapest, the fastest, the turn's mean) is found by a scan before. */
#include "core/pick.h"

#include <math.h>

#include "base/check.h"

static const struct {
    struct str name;
    enum strategy strategy;
} names[] = {
    /* a strategy's own name stands before its synonyms */
    {STR("priority"), strategy_priority},
    {STR("priority_based"), strategy_priority},
    {STR("round_robin"), strategy_round_robin},
    {STR("least_loaded"), strategy_least_loaded},
    {STR("least_load"), strategy_least_loaded},
    {STR("fastest_response"), strategy_fastest_response},
    {STR("cost_optimal"), strategy_cost_optimal},
    {STR("cost_optimized"), strategy_cost_optimized},
    {STR("weighted"), strategy_weighted},
    {STR("sticky"), strategy_sticky},
    {STR("adaptive"), strategy_adaptive},
    {STR("exclusive"), strategy_exclusive},
    {STR("lock"), strategy_exclusive},
};

enum { name_count = sizeof names / sizeof *names };

bool strategy_read(struct str name, enum strategy *strategy) {
    for (size_t i = 0; i < name_count; i++) {
        if (!str_eq(names[i].name, name)) continue;
        *strategy = names[i].strategy;
        return true;
    }
    return false;
}

struct str strategy_word(size_t place) {
    return place < name_count ? names[place].name : STR("");
}

struct str strategy_name(enum strategy strategy) {
    for (size_t i = 0; i < name_count; i++)
        if (names[i].strategy == strategy) return names[i].name;
    CHECKF(false, "strategy=%d", (int)strategy);
    return STR("");
}

void strategy_names_put(struct text *text) {
    for (int i = 0; i < strategies; i++) {
        if (i) text_put(text, i + 1 < strategies ? STR(", ") : STR(" or "));
        text_put(text, strategy_name((enum strategy)i));
    }
}

/* What the scores are relative to. Passes are distances from the first candidate's. */
struct field {
    uint64_t fastest_ns; /* among the known latencies; 0: none is */
    int64_t cheapest;    /* among the known costs; -1: none is */
    double latest_begun; /* round robin: the greatest pass at which a turn taken so far can have begun */
    double mean;         /* round robin: of the passes, by weight */
};

static double above_zero(double weight) { return weight > 1e-6 ? weight : 1e-6; }

static double stride_of(double weight) {
    double stride = (double)pick_stride_one / above_zero(weight);
    return stride < 1 ? 1 : stride;
}

static int64_t distance(uint64_t pass, uint64_t from) { return (int64_t)(pass - from); }

static double pass_of(const struct pick_input *input, size_t index) {
    return (double)distance(input->candidates[index].pass, input->candidates[0].pass);
}

static double latest_begun(const struct pick_input *input) {
    double latest = -stride_of(input->candidates[0].weight);
    for (size_t i = 1; i < input->count; i++) {
        double begun = pass_of(input, i) - stride_of(input->candidates[i].weight);
        if (begun > latest) latest = begun;
    }
    return latest;
}

/* Among targets that are all there, none lags more than a turn behind the turn that began last. One that was away is
 * owed that one turn, and not all that it missed. */
static double begin_of(const struct pick_input *input, double latest, size_t index) {
    double pass = pass_of(input, index), weight = input->candidates[index].weight;
    if (pass >= latest || (latest - pass) * weight <= (double)pick_stride_one) return pass; /* spares a division */
    return latest - stride_of(weight);
}

static double mean_begin(const struct pick_input *input, double latest) {
    double sum = 0, weights = 0;
    for (size_t i = 0; i < input->count; i++) {
        double weight = above_zero(input->candidates[i].weight);
        sum += begin_of(input, latest, i) * weight;
        weights += weight;
    }
    CHECKF(weights > 0, "count=%zu", input->count);
    return sum / weights;
}

static struct field field_of(const struct pick_input *input) {
    struct field field = {.cheapest = -1};
    if (input->strategy == strategy_round_robin) {
        field.latest_begun = latest_begun(input);
        field.mean = mean_begin(input, field.latest_begun);
    }
    if (input->strategy != strategy_adaptive && input->strategy != strategy_cost_optimized &&
        input->strategy != strategy_fastest_response)
        return field;
    for (size_t i = 0; i < input->count; i++) {
        const struct pick_candidate *candidate = &input->candidates[i];
        if (candidate->latency_ns && (field.fastest_ns == 0 || candidate->latency_ns < field.fastest_ns))
            field.fastest_ns = candidate->latency_ns;
        if (candidate->cost_nano_usd >= 0 && (field.cheapest < 0 || candidate->cost_nano_usd < field.cheapest))
            field.cheapest = candidate->cost_nano_usd;
    }
    return field;
}

/* In turns of weight 1, before the mean. Who has had more than its share waits behind all others. */
static double turn_score(const struct pick_input *input, const struct field *field, size_t index) {
    const double ahead = 2.0 * (1 << 20); /* more than the longest turn */
    double begin = begin_of(input, field->latest_begun, index);
    double over = begin + stride_of(input->candidates[index].weight);
    double score = (field->mean - over) / (double)pick_stride_one;
    return begin <= field->mean + 1 ? score : score - ahead; /* + 1: what rounding does */
}

static double speed_score(const struct pick_candidate *candidate, const struct field *field) {
    if (candidate->latency_ns == 0 && candidate->in_flight == 0) return 0;
    uint64_t known_ns = field->fastest_ns ? field->fastest_ns : 1;
    uint64_t latency_ns = candidate->latency_ns ? candidate->latency_ns : known_ns;
    return -(double)latency_ns * ((double)candidate->in_flight + 1);
}

static double response_of(const struct pick_candidate *candidate, uint64_t fastest_ns) {
    return candidate->latency_ns && fastest_ns ? (double)fastest_ns / (double)candidate->latency_ns : 1;
}

double pick_adaptive(const struct pick_candidate *candidate, uint64_t fastest_ns, const struct pick_weights *weights) {
    double sum = weights->health + weights->quota + weights->response_time;
    if (sum <= 0) return 0;
    return (weights->health * candidate->health + weights->quota * candidate->quota_left +
            weights->response_time * response_of(candidate, fastest_ns)) /
           sum;
}

/* 0 to 1: the cheapest is 1, what costs twice as much 0.5, what is not known 0. */
static double cheapness(const struct pick_candidate *candidate, int64_t cheapest) {
    if (cheapest < 0) return 1;
    if (candidate->cost_nano_usd < 0) return 0;
    return ((double)cheapest + 1) / ((double)candidate->cost_nano_usd + 1);
}

/* 64 random-looking bits of two (the finaliser of SplitMix64, Steele, Lea, Flood 2014). */
static uint64_t mixed(uint64_t a, uint64_t b) {
    uint64_t x = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* In (0, 1]. */
static double unit(uint64_t random) { return ((double)(random >> 11) + 1) / 9007199254740993.0; }

/* Weighted rendezvous: -weight / ln(hash), the greatest wins (Thaler and Ravishankar 1998; Schindelhauer and Schomaker
 * 2005 for weights). The same draw with random bits for the hash is a weighted choice. */
static double rendezvous(uint64_t key, const struct pick_candidate *candidate, uint64_t salt) {
    double u = unit(mixed(key, salt));
    CHECKF(u > 0 && u <= 1, "u=%f", u); /* of 0 there is no logarithm */
    return u >= 1 ? 1e300 : -candidate->weight / log(u);
}

static double score_of(const struct pick_input *input, const struct field *field, size_t index) {
    const struct pick_candidate *candidate = &input->candidates[index];
    switch (input->strategy) {
    case strategy_priority:
    case strategy_exclusive: return -(double)candidate->priority;
    case strategy_round_robin: return turn_score(input, field, index);
    case strategy_least_loaded: /* by weight, as a limit beside none says nothing */
        return -((double)candidate->in_flight + 1) / above_zero(candidate->weight);
    case strategy_fastest_response: return speed_score(candidate, field);
    case strategy_cost_optimal: return candidate->cost_nano_usd >= 0 ? -(double)candidate->cost_nano_usd : -1e300;
    case strategy_cost_optimized: /* money counts half, health and speed a quarter each */
        return 0.5 * cheapness(candidate, field->cheapest) + 0.25 * candidate->health +
               0.25 * response_of(candidate, field->fastest_ns);
    case strategy_weighted: return rendezvous(input->random, candidate, candidate->name_hash + index);
    case strategy_sticky: return rendezvous(input->sticky_hash, candidate, candidate->name_hash);
    case strategy_adaptive: return pick_adaptive(candidate, field->fastest_ns, &input->weights);
    case strategies: break;
    }
    CHECKF(false, "strategy=%d", (int)input->strategy);
    return 0;
}

/* A target that has just come back is passed over in part of its turns, while another is there. */
static bool passed_over(const struct pick_input *input, size_t index) {
    double ramp = input->candidates[index].ramp;
    return ramp < 1 && unit(mixed(input->random, index + 0x5bd1e995u)) > ramp;
}

size_t pick(const struct pick_input *input, double *scores) {
    CHECKF(input->count > 0, "count=%zu", input->count);
    struct field field = field_of(input);
    size_t best = 0;
    double best_score = 0;
    bool best_passed = false, random_ties = input->strategy == strategy_least_loaded;
    unsigned ties = 1;
    for (size_t i = 0; i < input->count; i++) {
        const struct pick_candidate *candidate = &input->candidates[i];
        double score = score_of(input, &field, i);
        bool passed = input->count > 1 && passed_over(input, i);
        CHECKF(score == score, "strategy=%d candidate=%zu", (int)input->strategy,
               i); /* no number wins or loses against one */
        if (scores) scores[i] = score;
        bool better = i == 0 || (best_passed && !passed), tie = false;
        if (i && passed == best_passed) {
            int64_t ahead = input->candidates[best].priority - candidate->priority;
            tie = score == best_score && (ahead == 0 || random_ties);
            better = score > best_score || (score == best_score && ahead > 0 && !random_ties);
        }
        if (tie && random_ties) better = mixed(input->random, i) % ++ties == 0;
        if (!better) continue;
        if (!tie) ties = 1;
        best = i;
        best_score = score;
        best_passed = passed;
    }
    CHECKF(best < input->count, "best=%zu count=%zu", best, input->count);
    return best;
}

static const double pass_most = 4e18; /* half of what an int64_t holds: distances stay told apart */

uint64_t pick_pass_floor(const struct pick_input *input, size_t chosen) {
    CHECKF(chosen < input->count, "chosen=%zu count=%zu", chosen, input->count);
    double begin = begin_of(input, latest_begun(input), chosen);
    if (begin < -pass_most || begin > pass_most)
        begin = begin < 0 ? -pass_most : pass_most; /* one of weight 0 alone for long */
    return input->candidates[0].pass + (uint64_t)(int64_t)begin;
}

void pick_pass_advance(struct cell *pass, uint64_t least, double weight) {
    uint64_t seen = cell_load(pass), from;
    do from = distance(seen, least) > 0 ? seen : least;
    while (!cell_swap(pass, &seen, from + (uint64_t)stride_of(weight)));
}
