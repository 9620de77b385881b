/* pick_test.c - what each strategy promises: turns to within one, shares by weight, sessions that stay, slow targets
 * that get another chance. Properties run over seeds; a failure prints its own. */
#include "core/pick.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/latency.h"

enum { many = 12 };

static struct pick_candidate plain(void) {
    return (struct pick_candidate){
        .priority = 1, .weight = 1, .cost_nano_usd = -1, .health = 1, .quota_left = 1, .ramp = 1};
}

static size_t picked(enum strategy strategy, const struct pick_candidate *candidates, size_t count, uint64_t random) {
    struct pick_input input = {.strategy = strategy,
                               .candidates = candidates,
                               .count = count,
                               .weights = {0.4, 0.3, 0.3},
                               .sticky_hash = random,
                               .random = random};
    return pick(&input, NULL);
}

/* -- all of them -- */

static void names_are_read_synonyms_too(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum strategy strategy;
    } rows[] = {{"round_robin", strategy_round_robin},
                {"least_loaded", strategy_least_loaded},
                {"least_load", strategy_least_loaded},
                {"fastest_response", strategy_fastest_response},
                {"cost_optimal", strategy_cost_optimal},
                {"cost_optimized", strategy_cost_optimized},
                {"priority", strategy_priority},
                {"priority_based", strategy_priority},
                {"adaptive", strategy_adaptive},
                {"weighted", strategy_weighted},
                {"sticky", strategy_sticky},
                {"exclusive", strategy_exclusive},
                {"lock", strategy_exclusive}};
    enum strategy strategy;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(strategy_read(str_from(rows[i].name), &strategy));
        assert_int_equal(strategy, rows[i].strategy);
    }
    for (int i = 0; i < strategies; i++) {
        assert_true(strategy_read(strategy_name(i), &strategy));
        assert_int_equal(strategy, i);
    }
    assert_false(strategy_read(STR("Priority"), &strategy));
    assert_false(strategy_read(STR(""), &strategy));
}

static void one_candidate_is_chosen_whatever_stands_against_it(void **state) {
    (void)state;
    struct pick_candidate only = {
        .weight = 1e-9, .in_flight = UINT32_MAX, .latency_ns = UINT64_MAX, .pass = UINT64_MAX};
    for (int strategy = 0; strategy < strategies; strategy++) assert_int_equal(picked(strategy, &only, 1, 7), 0);
}

static void draw_candidates(struct prng *prng, struct pick_candidate *candidates, size_t count) {
    for (size_t i = 0; i < count; i++)
        candidates[i] = (struct pick_candidate){.priority = 1 + (int64_t)prng_below(prng, 3),
                                                .weight = 0.1 + 10 * prng_unit(prng),
                                                .in_flight = (uint32_t)prng_below(prng, 20),
                                                .latency_ns = prng_below(prng, 2) ? prng_below(prng, 1000000) : 0,
                                                .cost_nano_usd = (int64_t)prng_below(prng, 1000) - 1,
                                                .health = prng_unit(prng),
                                                .quota_left = prng_unit(prng),
                                                .ramp = 1,
                                                .pass = prng_below(prng, 1ull << 24),
                                                .name_hash = prng_next(prng)};
}

static void equal_inputs_give_equal_answers_and_the_best_score_wins(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct pick_candidate candidates[many];
        double scores[many];
        prng_seed(&prng, seed);
        size_t count = 1 + prng_below(&prng, many);
        draw_candidates(&prng, candidates, count);
        struct pick_input input = {.strategy = (enum strategy)prng_below(&prng, strategies),
                                   .candidates = candidates,
                                   .count = count,
                                   .weights = {prng_unit(&prng), prng_unit(&prng), prng_unit(&prng)},
                                   .sticky_hash = prng_next(&prng),
                                   .random = prng_next(&prng)};
        size_t best = pick(&input, scores);
        bool right = best < count && pick(&input, NULL) == best;
        for (size_t i = 0; right && i < count; i++) {
            right = isfinite(scores[i]) && scores[i] <= scores[best];
            bool tie = scores[i] == scores[best] && input.strategy != strategy_least_loaded;
            if (tie && candidates[i].priority < candidates[best].priority) right = false;
        }
        if (!right) fail_msg("seed=%llu strategy=%d", (unsigned long long)seed, (int)input.strategy);
    }
}

static void ties_go_to_the_smaller_priority_then_to_the_earlier_one(void **state) {
    (void)state;
    for (int strategy = 0; strategy < strategies; strategy++) {
        struct pick_candidate candidates[4] = {plain(), plain(), plain(), plain()};
        if (strategy == strategy_weighted || strategy == strategy_sticky) continue; /* have none */
        candidates[0].priority = 2;
        candidates[2].priority = 2;
        candidates[3].priority = 2;
        if (strategy == strategy_least_loaded) continue; /* they are drawn */
        assert_int_equal(picked(strategy, candidates, 4, 1), 1);
        candidates[1].priority = 2;
        assert_int_equal(picked(strategy, candidates, 4, 1), 0);
    }
}

static void a_target_in_its_ramp_gets_that_part_of_its_turns(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 5);
    struct pick_candidate candidates[2] = {plain(), plain()};
    candidates[1].priority = 2;
    for (int tenths = 0; tenths <= 10; tenths++) {
        unsigned first = 0;
        candidates[0].ramp = tenths / 10.0;
        for (int i = 0; i < 20000; i++) first += picked(strategy_priority, candidates, 2, prng_next(&prng)) == 0;
        assert_true(fabs(first / 20000.0 - tenths / 10.0) < 0.015);
    }
}

static void when_all_are_in_their_ramp_the_best_of_them_serves(void **state) {
    (void)state;
    struct pick_candidate candidates[3] = {plain(), plain(), plain()};
    for (int i = 0; i < 3; i++) candidates[i].ramp = 0;
    candidates[1].priority = 0;
    for (uint64_t random = 0; random < 100; random++)
        assert_int_equal(picked(strategy_priority, candidates, 3, random), 1);
}

/* -- round robin -- */

struct rounds {
    struct cell passes[many];
    double weights[many];
    bool away[many];
    size_t count;
    uint64_t turns, taken[many];
};

/* One turn among those who are not away. */
static size_t turn(struct rounds *rounds) {
    struct pick_candidate candidates[many];
    size_t who[many], count = 0;
    for (size_t i = 0; i < rounds->count; i++) {
        if (rounds->away[i]) continue;
        who[count] = i;
        candidates[count] = plain();
        candidates[count].weight = rounds->weights[i];
        candidates[count++].pass = cell_load(&rounds->passes[i]);
    }
    struct pick_input input = {.strategy = strategy_round_robin, .candidates = candidates, .count = count};
    size_t best = pick(&input, NULL), chosen = who[best];
    pick_pass_advance(&rounds->passes[chosen], pick_pass_floor(&input, best), rounds->weights[chosen]);
    rounds->turns++;
    rounds->taken[chosen]++;
    return chosen;
}

/* How far the worst one's turns are from its share. */
static double unfairness(const struct rounds *rounds) {
    double weights = 0, worst = 0;
    for (size_t i = 0; i < rounds->count; i++) weights += rounds->away[i] ? 0 : rounds->weights[i];
    for (size_t i = 0; i < rounds->count; i++) {
        if (rounds->away[i]) continue;
        double share = (double)rounds->turns * rounds->weights[i] / weights;
        double off = fabs((double)rounds->taken[i] - share);
        if (off > worst) worst = off;
    }
    return worst;
}

static void begin_counting(struct rounds *rounds) {
    rounds->turns = 0;
    memset(rounds->taken, 0, sizeof rounds->taken);
}

static void equal_targets_take_turns(void **state) {
    (void)state;
    struct rounds rounds = {.count = 3, .weights = {1, 1, 1}};
    for (size_t i = 0; i < 3000; i++) assert_int_equal(turn(&rounds), i % 3);
}

static void a_heavy_target_is_not_served_in_one_lump(void **state) {
    (void)state;
    struct rounds rounds = {.count = 3, .weights = {5, 1, 1}};
    char order[15] = {0};
    for (size_t i = 0; i < 14; i++) order[i] = (char)('a' + turn(&rounds));
    assert_null(strstr(order, "aaaaa"));
    for (size_t i = 0; i < 3; i++) assert_int_equal(rounds.taken[i], i ? 2 : 10);
}

static void every_prefix_is_fair_to_within_one(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rounds rounds = {0};
        prng_seed(&prng, seed);
        rounds.count = 1 + prng_below(&prng, many);
        for (size_t i = 0; i < rounds.count; i++)
            rounds.weights[i] = seed % 2 ? (double)(1 + prng_below(&prng, 100)) : 0.01 + prng_unit(&prng);
        for (int i = 0; i < 3000; i++) {
            turn(&rounds);
            if (unfairness(&rounds) > 1.01)
                fail_msg("seed=%llu turn=%d off by %f", (unsigned long long)seed, i, unfairness(&rounds));
        }
    }
}

static void a_target_that_comes_back_is_not_flooded(void **state) {
    (void)state;
    struct rounds rounds = {.count = 4, .weights = {1, 1, 1, 1}, .away = {[1] = true, [2] = true}};
    for (int i = 0; i < 100000; i++) turn(&rounds);
    rounds.away[1] = rounds.away[2] = false;
    begin_counting(&rounds);
    for (int i = 0; i < 1000; i++) {
        turn(&rounds);
        assert_true(unfairness(&rounds) <= 2.01); /* the one it is owed, and its share to within one */
    }
}

/* Whoever comes and goes: since the last change each is off by less than three turns, its share having changed. */
static void targets_may_come_and_go_in_any_order(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rounds rounds = {0};
        double worst = 0;
        prng_seed(&prng, seed);
        rounds.count = 2 + prng_below(&prng, many - 1);
        for (size_t i = 0; i < rounds.count; i++) rounds.weights[i] = (double)(1 + prng_below(&prng, 10));
        for (int i = 0; i < 5000; i++) {
            if (prng_below(&prng, 50) == 0) {
                size_t who = prng_below(&prng, rounds.count), there = 0;
                rounds.away[who] = !rounds.away[who];
                for (size_t k = 0; k < rounds.count; k++) there += !rounds.away[k];
                if (there == 0) rounds.away[who] = false;
                begin_counting(&rounds);
            }
            turn(&rounds);
            if (unfairness(&rounds) > worst) worst = unfairness(&rounds);
        }
        if (worst > 3) fail_msg("seed=%llu off by %f", (unsigned long long)seed, worst);
    }
}

static void passes_may_wrap(void **state) {
    (void)state;
    struct rounds rounds = {.count = 3, .weights = {1, 2, 3}};
    for (size_t i = 0; i < 3; i++) cell_store(&rounds.passes[i], UINT64_MAX - 5 * pick_stride_one);
    for (int i = 0; i < 600; i++) {
        turn(&rounds);
        assert_true(unfairness(&rounds) <= 1.01);
    }
}

static struct cell shared_pass;

static void *advance_often(void *unused) {
    for (int i = 0; i < 20000; i++) pick_pass_advance(&shared_pass, 0, 2);
    return unused;
}

static void no_turn_is_lost_between_threads(void **state) {
    (void)state;
    pthread_t threads[8];
    cell_store(&shared_pass, 0);
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, advance_often, NULL), 0);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    assert_true(cell_load(&shared_pass) == 8 * 20000 * (pick_stride_one / 2));
}

/* -- load and speed -- */

static void load_is_relative_to_weight(void **state) {
    (void)state;
    struct pick_candidate candidates[2] = {plain(), plain()};
    unsigned served[2] = {0, 0};
    candidates[1].weight = 3;
    candidates[0].max_concurrent = 1000; /* a limit beside none says nothing */
    for (int i = 0; i < 400; i++) {
        size_t best = picked(strategy_least_loaded, candidates, 2, (uint64_t)i);
        candidates[best].in_flight++;
        served[best]++;
    }
    assert_int_equal(served[0], 100);
    assert_int_equal(served[1], 300);
}

static void equal_loads_are_drawn_evenly(void **state) {
    (void)state;
    struct prng prng;
    struct pick_candidate candidates[6] = {plain(), plain(), plain(), plain(), plain(), plain()};
    unsigned served[6] = {0};
    prng_seed(&prng, 11);
    candidates[0].in_flight = candidates[1].in_flight = 1; /* they tie too, before a better one comes */
    for (int i = 0; i < 40000; i++) served[picked(strategy_least_loaded, candidates, 6, prng_next(&prng))]++;
    assert_int_equal(served[0] + served[1], 0);
    for (int i = 2; i < 6; i++) assert_true(served[i] > 9500 && served[i] < 10500);
}

static void the_fastest_serves_until_its_load_makes_it_slower(void **state) {
    (void)state;
    struct pick_candidate candidates[2] = {plain(), plain()};
    candidates[0].latency_ns = 300;
    candidates[1].latency_ns = 100;
    assert_int_equal(picked(strategy_fastest_response, candidates, 2, 1), 1);
    candidates[1].in_flight = 1; /* 200 */
    assert_int_equal(picked(strategy_fastest_response, candidates, 2, 1), 1);
    candidates[1].in_flight = 3; /* 400 */
    assert_int_equal(picked(strategy_fastest_response, candidates, 2, 1), 0);
}

static void an_unknown_target_is_explored_by_one_request_and_not_by_a_herd(void **state) {
    (void)state;
    struct pick_candidate candidates[3] = {plain(), plain(), plain()};
    unsigned served[3] = {0};
    candidates[0].latency_ns = 100;
    candidates[1].latency_ns = 100;
    for (int i = 0; i < 300; i++) {
        size_t best = picked(strategy_fastest_response, candidates, 3, (uint64_t)i);
        if (i == 0) assert_int_equal(best, 2);
        candidates[best].in_flight++;
        served[best]++;
    }
    for (int i = 0; i < 3; i++) assert_true(served[i] >= 99 && served[i] <= 101);
}

static void a_target_that_was_slow_once_gets_another_chance(void **state) {
    (void)state;
    const uint64_t second = 1000000000ull, fading = 60 * second;
    struct cell slow = {0}, fast = {0};
    uint64_t now = 1000 * second, waited;
    latency_peak(&slow, 20 * second, now);
    for (waited = 0; waited < 3600; waited++, now += second) {
        struct pick_candidate candidates[2] = {plain(), plain()};
        latency_peak(&fast, second / 5, now);
        candidates[0].latency_ns = latency_read(&slow, fading, now);
        candidates[1].latency_ns = latency_read(&fast, fading, now);
        if (picked(strategy_fastest_response, candidates, 2, 1) == 0) break;
    }
    assert_true(waited > 60 && waited < 600);
}

/* -- cost -- */

static void the_cheapest_is_first_and_the_unknown_last(void **state) {
    (void)state;
    struct pick_candidate candidates[4] = {plain(), plain(), plain(), plain()};
    candidates[1].cost_nano_usd = INT64_MAX;
    candidates[2].cost_nano_usd = 10;
    candidates[3].cost_nano_usd = 0; /* free is the cheapest */
    assert_int_equal(picked(strategy_cost_optimal, candidates, 4, 1), 3);
    assert_int_equal(picked(strategy_cost_optimal, candidates, 3, 1), 2);
    assert_int_equal(picked(strategy_cost_optimal, candidates, 2, 1), 1);
    candidates[3] = plain();
    candidates[3].priority = 0;
    assert_int_equal(picked(strategy_cost_optimal, (struct pick_candidate[]){candidates[0], candidates[3]}, 2, 1), 1);
}

static void cost_is_weighed_with_health_and_speed(void **state) {
    (void)state;
    struct pick_candidate candidates[2] = {plain(), plain()};
    candidates[0].cost_nano_usd = 1000;
    candidates[1].cost_nano_usd = 2000;
    candidates[0].latency_ns = candidates[1].latency_ns = 100;
    assert_int_equal(picked(strategy_cost_optimized, candidates, 2, 1), 0);
    candidates[0].latency_ns = 1000; /* 0.775 against 0.75: money is half of it */
    assert_int_equal(picked(strategy_cost_optimized, candidates, 2, 1), 0);
    candidates[0].health = 0.8;
    assert_int_equal(picked(strategy_cost_optimized, candidates, 2, 1), 1);
    assert_int_equal(picked(strategy_cost_optimal, candidates, 2, 1), 0);
    candidates[1].cost_nano_usd = -1;
    assert_int_equal(picked(strategy_cost_optimized, candidates, 2, 1), 0);
}

static void scores_are_what_pick_h_says(void **state) {
    (void)state;
    struct pick_candidate candidates[3] = {plain(), plain(), plain()};
    double scores[3];
    candidates[0].priority = 3, candidates[1].priority = -2;
    candidates[0].weight = 4, candidates[0].in_flight = 7, candidates[1].in_flight = 1;
    candidates[0].latency_ns = 50, candidates[1].latency_ns = 20; /* the third is not known, and idle */
    candidates[0].cost_nano_usd = 9, candidates[1].cost_nano_usd = 0;
    static const struct {
        enum strategy strategy;
        double scores[3];
    } rows[] = {{strategy_priority, {-3, 2, -1}},
                {strategy_exclusive, {-3, 2, -1}},
                {strategy_least_loaded, {-2, -2, -1}},
                {strategy_fastest_response, {-400, -40, 0}},
                {strategy_cost_optimal, {-9, 0, -1e300}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pick_input input = {.strategy = rows[i].strategy, .candidates = candidates, .count = 3};
        pick(&input, scores);
        for (size_t k = 0; k < 3; k++) assert_true(scores[k] == rows[i].scores[k]);
    }
    candidates[2].in_flight = 4; /* busy, it counts as the fastest of the others */
    struct pick_input input = {.strategy = strategy_fastest_response, .candidates = candidates, .count = 3};
    pick(&input, scores);
    assert_true(scores[2] == -100);
    candidates[0].latency_ns = candidates[1].latency_ns = 0; /* nobody is known */
    pick(&input, scores);
    assert_true(scores[0] == -8 && scores[1] == -2 && scores[2] == -5);
}

/* Each part is a share: the cheapest and the fastest have it whole, and nobody has more. */
static void the_weighed_scores_are_shares(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 5);
    for (int round = 0; round < 2000; round++) {
        struct pick_candidate candidates[4];
        double scores[4];
        int64_t cheapest = INT64_MAX;
        uint64_t fastest = UINT64_MAX;
        for (size_t i = 0; i < 4; i++) {
            candidates[i] = plain();
            candidates[i].cost_nano_usd = ((int64_t)prng_below(&prng, 5) - 1) * 1000; /* some are free, some unknown */
            candidates[i].latency_ns = 1 + prng_below(&prng, 1000);
            if (candidates[i].cost_nano_usd >= 0 && candidates[i].cost_nano_usd < cheapest)
                cheapest = candidates[i].cost_nano_usd;
            if (candidates[i].latency_ns < fastest) fastest = candidates[i].latency_ns;
        }
        struct pick_input input = {.strategy = strategy_cost_optimized, .candidates = candidates, .count = 4};
        pick(&input, scores);
        for (size_t i = 0; i < 4; i++) {
            bool is_known = candidates[i].cost_nano_usd >= 0;
            double cost = is_known ? ((double)cheapest + 1) / ((double)candidates[i].cost_nano_usd + 1) : 0;
            if (cheapest == INT64_MAX) cost = 1; /* none is known */
            double wanted = 0.5 * cost + 0.25 + 0.25 * (double)fastest / (double)candidates[i].latency_ns;
            assert_true(fabs(scores[i] - wanted) < 1e-12 && scores[i] <= 1);
        }
    }
}

/* -- by chance and by hash -- */

static void shares_come_near_the_weights(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct pick_candidate candidates[many];
        double weights = 0;
        unsigned served[many] = {0};
        enum { draws = 40000 };
        prng_seed(&prng, seed);
        size_t count = 2 + prng_below(&prng, many - 1);
        draw_candidates(&prng, candidates, count);
        for (size_t i = 0; i < count; i++) weights += candidates[i].weight;
        enum strategy strategy = seed % 2 ? strategy_weighted : strategy_sticky;
        for (int i = 0; i < draws; i++) served[picked(strategy, candidates, count, prng_next(&prng))]++;
        for (size_t i = 0; i < count; i++) {
            double share = candidates[i].weight / weights, deviation = sqrt(share * (1 - share) / draws);
            if (fabs(served[i] / (double)draws - share) > 5 * deviation)
                fail_msg("seed=%llu target=%zu share=%f served=%u", (unsigned long long)seed, i, share, served[i]);
        }
    }
}

static void sessions_stay_and_only_a_removed_targets_own_move(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct pick_candidate candidates[many], rest[many];
        prng_seed(&prng, seed);
        size_t count = 2 + prng_below(&prng, many - 1), removed = prng_below(&prng, count), left = 0;
        draw_candidates(&prng, candidates, count);
        for (size_t i = 0; i < count; i++)
            if (i != removed) rest[left++] = candidates[i];
        for (int session = 0; session < 500; session++) {
            uint64_t hash = prng_next(&prng);
            size_t before = picked(strategy_sticky, candidates, count, hash);
            size_t after = picked(strategy_sticky, rest, left, hash);
            if (before != removed && rest[after].name_hash != candidates[before].name_hash)
                fail_msg("seed=%llu session=%d moved", (unsigned long long)seed, session);
        }
    }
}

static void where_a_session_goes_does_not_depend_on_the_order(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 3);
    for (int session = 0; session < 1000; session++) {
        struct pick_candidate candidates[many], turned[many];
        uint64_t hash = prng_next(&prng);
        draw_candidates(&prng, candidates, many);
        for (size_t i = 0; i < many; i++) turned[i] = candidates[many - 1 - i];
        assert_int_equal(picked(strategy_sticky, candidates, many, hash),
                         many - 1 - picked(strategy_sticky, turned, many, hash));
    }
}

/* -- adaptive -- */

static void the_adaptive_score_is_what_the_page_says(void **state) {
    (void)state;
    const struct pick_weights usual = {0.4, 0.3, 0.3}, doubled = {0.8, 0.6, 0.6}, none = {0, 0, 0};
    struct pick_candidate candidate = plain();
    candidate.health = 0.5;
    candidate.quota_left = 0.2;
    candidate.latency_ns = 400;
    assert_true(fabs(pick_adaptive(&candidate, 100, &usual) - (0.2 + 0.06 + 0.075)) < 1e-12);
    assert_true(fabs(pick_adaptive(&candidate, 100, &doubled) - (0.2 + 0.06 + 0.075)) < 1e-12);
    assert_true(pick_adaptive(&candidate, 100, &none) <= 0);
    candidate.latency_ns = 0; /* not known: as the fastest */
    assert_true(fabs(pick_adaptive(&candidate, 100, &usual) - (0.2 + 0.06 + 0.3)) < 1e-12);
    candidate.latency_ns = 100;
    assert_true(fabs(pick_adaptive(&candidate, 100, &usual) - (0.2 + 0.06 + 0.3)) < 1e-12);
}

static void adaptive_turns_away_from_what_is_ill_or_used_up(void **state) {
    (void)state;
    struct pick_candidate candidates[3] = {plain(), plain(), plain()};
    for (int i = 0; i < 3; i++) candidates[i].latency_ns = 100;
    candidates[0].health = 0.5;
    candidates[1].quota_left = 0.5;
    assert_int_equal(picked(strategy_adaptive, candidates, 3, 1), 2);
    candidates[2].latency_ns = 1000;
    assert_int_equal(picked(strategy_adaptive, candidates, 3, 1), 1);
    candidates[1].quota_left = 0;
    assert_int_equal(picked(strategy_adaptive, candidates, 3, 1), 0);
}

/* A target of weight 0 makes steps of 10^12, and may have had its route for itself for millions of requests. */
static void passes_that_lie_far_apart_do_no_harm(void **state) {
    const uint64_t far[] = {0,         1, 4000000000000000000, 9100000000000000000, INT64_MAX, (uint64_t)INT64_MAX + 1,
                            UINT64_MAX};
    (void)state;
    for (size_t a = 0; a < sizeof far / sizeof *far; a++)
        for (size_t b = 0; b < sizeof far / sizeof *far; b++) {
            struct pick_candidate candidates[2] = {{.pass = far[a], .weight = 1}, {.pass = far[b], .weight = 0}};
            struct pick_input input = {.strategy = strategy_round_robin, .candidates = candidates, .count = 2};
            for (size_t chosen = 0; chosen < 2; chosen++) pick_pass_floor(&input, chosen);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_that_lie_far_apart_do_no_harm),
        cmocka_unit_test(names_are_read_synonyms_too),
        cmocka_unit_test(one_candidate_is_chosen_whatever_stands_against_it),
        cmocka_unit_test(equal_inputs_give_equal_answers_and_the_best_score_wins),
        cmocka_unit_test(ties_go_to_the_smaller_priority_then_to_the_earlier_one),
        cmocka_unit_test(a_target_in_its_ramp_gets_that_part_of_its_turns),
        cmocka_unit_test(when_all_are_in_their_ramp_the_best_of_them_serves),
        cmocka_unit_test(equal_targets_take_turns),
        cmocka_unit_test(a_heavy_target_is_not_served_in_one_lump),
        cmocka_unit_test(every_prefix_is_fair_to_within_one),
        cmocka_unit_test(a_target_that_comes_back_is_not_flooded),
        cmocka_unit_test(targets_may_come_and_go_in_any_order),
        cmocka_unit_test(passes_may_wrap),
        cmocka_unit_test(no_turn_is_lost_between_threads),
        cmocka_unit_test(load_is_relative_to_weight),
        cmocka_unit_test(equal_loads_are_drawn_evenly),
        cmocka_unit_test(the_fastest_serves_until_its_load_makes_it_slower),
        cmocka_unit_test(an_unknown_target_is_explored_by_one_request_and_not_by_a_herd),
        cmocka_unit_test(a_target_that_was_slow_once_gets_another_chance),
        cmocka_unit_test(the_cheapest_is_first_and_the_unknown_last),
        cmocka_unit_test(cost_is_weighed_with_health_and_speed),
        cmocka_unit_test(scores_are_what_pick_h_says),
        cmocka_unit_test(the_weighed_scores_are_shares),
        cmocka_unit_test(shares_come_near_the_weights),
        cmocka_unit_test(sessions_stay_and_only_a_removed_targets_own_move),
        cmocka_unit_test(where_a_session_goes_does_not_depend_on_the_order),
        cmocka_unit_test(the_adaptive_score_is_what_the_page_says),
        cmocka_unit_test(adaptive_turns_away_from_what_is_ill_or_used_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
