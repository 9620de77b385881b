/* health_test.c - the score's terms, the states' edges, and that they do not flutter. */
#include "core/health.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/prng.h"

static const struct health_rules usual = {.degraded_below = 0.8, .unhealthy_below = 0.4};

static void near(double score, double wanted) {
    if (fabs(score - wanted) > 1e-9) fail_msg("%.12f, not %.12f", score, wanted);
}

static void the_score_is_the_product_of_its_terms(void **state) {
    (void)state;
    static const struct {
        struct health_input input;
        double score;
    } rows[] = {
        {{.success = 1}, 1},
        {{.success = 0.25}, 0.25},
        {{.success = -3}, 0},
        {{.success = 7}, 1},
        {{.success = 1, .slowness = 1}, 1},
        {{.success = 1, .slowness = 2}, 1}, /* up to twice is as usual */
        {{.success = 1, .slowness = 2.5}, 0.8},
        {{.success = 1, .slowness = 4}, 0.5},
        {{.success = 1, .slowness = 1000}, 0.5}, /* slow alone is never unhealthy */
        {{.success = 1, .slowness = (double)NAN}, 1},
        {{.success = 1, .breaker = breaker_half_open}, 0.5},
        {{.success = 1, .breaker = breaker_open}, 0},
        {{.success = 0.9, .slowness = 2.5, .breaker = breaker_half_open}, 0.36},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) near(health_score(&rows[i].input), rows[i].score);
    near(health_score(&(struct health_input){.success = (double)NAN}), 0);
}

static void a_worse_state_begins_at_its_edge_and_a_better_one_above_it(void **state) {
    (void)state;
    static const struct {
        double score;
        enum health_state before, after;
    } rows[] = {
        {1, health_healthy, health_healthy},         {0.8, health_healthy, health_healthy},
        {0.79, health_healthy, health_degraded},     {0.39, health_healthy, health_unhealthy},
        {0.84, health_degraded, health_degraded},    {0.86, health_degraded, health_healthy},
        {0.4, health_degraded, health_degraded},     {0.39, health_degraded, health_unhealthy},
        {0.44, health_unhealthy, health_unhealthy},  {0.46, health_unhealthy, health_degraded},
        {0.84, health_unhealthy, health_degraded},   {0.86, health_unhealthy, health_healthy},
        {0.9, health_maintenance, health_healthy},   {0.5, health_maintenance, health_degraded},
        {0.0, health_maintenance, health_unhealthy},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(health_state_of(rows[i].score, &usual, rows[i].before), rows[i].after);
}

static void full_health_is_always_enough(void **state) {
    (void)state;
    static const struct health_rules strict = {.degraded_below = 1, .unhealthy_below = 1};
    for (int before = health_healthy; before < health_states; before++)
        assert_int_equal(health_state_of(1, &strict, before), health_healthy);
    for (int before = health_healthy; before < health_states; before++)
        assert_int_equal(health_state_of(0.999, &strict, before), health_unhealthy);
}

static void a_score_that_trembles_at_an_edge_does_not_flutter(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        double edge = seed % 2 ? usual.degraded_below : usual.unhealthy_below;
        enum health_state now = health_healthy;
        unsigned changes = 0;
        prng_seed(&prng, seed);
        for (int i = 0; i < 1000; i++) {
            double score = edge + (prng_unit(&prng) - 0.5) * 0.08;
            enum health_state next = health_state_of(score, &usual, now);
            changes += next != now;
            now = next;
        }
        if (changes > 2) fail_msg("seed=%llu changes=%u", (unsigned long long)seed, changes);
    }
}

static void a_higher_score_is_never_a_worse_state(void **state) {
    (void)state;
    for (int before = health_healthy; before < health_states; before++) {
        enum health_state last = health_unhealthy;
        for (int i = 0; i <= 1000; i++) {
            enum health_state next = health_state_of(i / 1000.0, &usual, before);
            assert_true(next <= last);
            last = next;
        }
        assert_int_equal(last, health_healthy);
    }
}

static void states_have_names(void **state) {
    (void)state;
    assert_true(str_eq(health_state_name(health_healthy), STR("healthy")));
    assert_true(str_eq(health_state_name(health_degraded), STR("degraded")));
    assert_true(str_eq(health_state_name(health_unhealthy), STR("unhealthy")));
    assert_true(str_eq(health_state_name(health_maintenance), STR("maintenance")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_score_is_the_product_of_its_terms),
        cmocka_unit_test(a_worse_state_begins_at_its_edge_and_a_better_one_above_it),
        cmocka_unit_test(full_health_is_always_enough),
        cmocka_unit_test(a_score_that_trembles_at_an_edge_does_not_flutter),
        cmocka_unit_test(a_higher_score_is_never_a_worse_state),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
