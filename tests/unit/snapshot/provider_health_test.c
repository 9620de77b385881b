/* provider_health_test.c - one state of a provider from many words: its worst breaker, its keys, who operates it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "snapshot/keys.h"
#include "snapshot/provider_health.h"

enum { keys = 4 };

/* A provider with two targets and four keys, and another provider's target beside them. */
struct world {
    struct provider_cells cells;
    struct target_cells target_cells[3];
    struct key_cells key_cells[keys], *key_list[keys];
    struct provider providers[2];
    struct target targets[3];
    struct snapshot snapshot;
};

static struct provider_health health_at(struct world *world, uint64_t now_ns) {
    return provider_health(&world->snapshot, &world->providers[0], now_ns);
}

static void begin(struct world *world) {
    *world = (struct world){.cells = {.served = {0}}};
    struct provider *provider = &world->providers[0];
    *provider =
        (struct provider){.cells = &world->cells,
                          .key_cells = world->key_list,
                          .key_count = keys,
                          .health = {.degraded_below = 0.8, .unhealthy_below = 0.4},
                          .breaker = {.failure_threshold = 1, .half_open_max_calls = 1, .success_threshold = 1}};
    for (size_t i = 0; i < keys; i++) world->key_list[i] = &world->key_cells[i];
    for (size_t i = 0; i < 3; i++)
        world->targets[i] = (struct target){.provider = &world->providers[i / 2], .cells = &world->target_cells[i]};
    world->snapshot.targets = world->targets;
    world->snapshot.target_count = 3;
}

static void opened_for(struct breaker *breaker, uint64_t now_ns, uint64_t open_ns) {
    const struct breaker_rules rules = {.failure_threshold = 1, .open_ns = open_ns};
    breaker_force(breaker, &rules, now_ns, true);
}

static void nothing_known_is_healthy(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    struct provider_health health = health_at(&world, NS_PER_S);
    assert_true(health.state == health_healthy && health.score == 1 && health.success == 1);
    assert_true(health.breaker == breaker_closed && health.breaker_until_ns == 0);
    assert_int_equal(health.keys_cooling + health.keys_refused + health.keys_quota_exhausted, 0);
}

static void the_worst_breaker_is_told_and_when_the_first_may_be_tried(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    opened_for(&world.target_cells[2].breaker, NS_PER_S, 90 * NS_PER_S); /* another provider's */
    assert_int_equal(health_at(&world, 2 * NS_PER_S).breaker, breaker_closed);
    opened_for(&world.target_cells[1].breaker, NS_PER_S, 30 * NS_PER_S);
    opened_for(&world.target_cells[0].breaker, NS_PER_S, 60 * NS_PER_S);
    struct provider_health health = health_at(&world, 2 * NS_PER_S);
    assert_true(health.breaker == breaker_open && health.breaker_until_ns == 31 * NS_PER_S);
    assert_true(health.state == health_unhealthy && health.score == 0);
    health = health_at(&world, 40 * NS_PER_S); /* one may be tried, and the other is open still */
    assert_true(health.breaker == breaker_open && health.breaker_until_ns == 61 * NS_PER_S);
    health = health_at(&world, 70 * NS_PER_S);
    assert_true(health.breaker == breaker_half_open && health.breaker_until_ns == 0 && health.score == 0.5);
    opened_for(&world.cells.breaker, 70 * NS_PER_S, 10 * NS_PER_S); /* the provider's own */
    health = health_at(&world, 71 * NS_PER_S);
    assert_true(health.breaker == breaker_open && health.breaker_until_ns == 80 * NS_PER_S);
}

static void resting_keys_are_counted_by_their_reason(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    key_rest_until(&world.providers[0], 0, key_rest_rate, 10 * NS_PER_S);
    key_rest_until(&world.providers[0], 1, key_rest_refused, 20 * NS_PER_S);
    key_rest_until(&world.providers[0], 3, key_rest_quota, 30 * NS_PER_S);
    struct provider_health health = health_at(&world, 10 * NS_PER_S - 1);
    assert_int_equal(health.keys_cooling, 3);
    assert_int_equal(health.keys_refused, 1);
    assert_int_equal(health.keys_quota_exhausted, 1);
    health = health_at(&world, 10 * NS_PER_S);
    assert_int_equal(health.keys_cooling, 2);
    health = health_at(&world, 20 * NS_PER_S); /* why they rested last is not why they rest */
    assert_true(health.keys_cooling == 1 && health.keys_refused == 0 && health.keys_quota_exhausted == 1);
    assert_int_equal(health_at(&world, 30 * NS_PER_S).keys_cooling, 0);
}

static void load_latency_and_success_are_shown_as_they_stand(void **state) {
    struct world world;
    struct cell *gate = &world.cells.gate;
    bool entered;
    (void)state;
    begin(&world);
    assert_true(gate_enter(gate, 1));
    assert_true(gate_wait(gate, 1, 5, &entered) && gate_wait(gate, 1, 5, &entered) && !entered);
    for (int i = 0; i < 200; i++) pace_slowness_note(&world.cells.slowness, 5 << 15, NS_PER_S); /* two and a half */
    latency_peak(&world.cells.latency, 250 * NS_PER_MS, NS_PER_S);
    success_report(&world.cells.success, false, NS_PER_S);
    probes_note(&world.cells.probes, probe_bad);
    assert_false(health_at(&world, NS_PER_S).demoted);
    probes_note(&world.cells.probes, probe_bad);
    struct provider_health health = health_at(&world, NS_PER_S);
    assert_true(health.in_flight == 1 && health.waiting == 2);
    assert_true(health.slowness > 2.45 && health.slowness < 2.55);
    assert_true(health.demoted && health.probes_failed == 2);
    assert_int_equal(health.latency_ns, 250 * NS_PER_MS);
    assert_true(health.success > 0.79 && health.success < 0.81);
    assert_true(health.score > 0.63 && health.score < 0.66 && health.state == health_degraded);
}

static void the_state_before_decides_which_edge_counts(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    success_report(&world.cells.success, false, NS_PER_S); /* 0.8 */
    assert_int_equal(health_at(&world, NS_PER_S).state, health_healthy);
    cell_store(&world.cells.health, health_degraded);
    assert_int_equal(health_at(&world, NS_PER_S).state, health_degraded);
}

static void who_is_taken_out_for_maintenance_is_nothing_else(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    world.providers[0].state = provider_maintenance;
    assert_int_equal(health_at(&world, NS_PER_S).state, health_maintenance);
    world.providers[0].state = provider_draining;
    assert_int_equal(health_at(&world, NS_PER_S).state, health_healthy);
}

static void breakers_and_rests_have_their_names(void **state) {
    (void)state;
    assert_true(str_eq(breaker_state_name(breaker_closed), STR("closed")));
    assert_true(str_eq(breaker_state_name(breaker_open), STR("open")));
    assert_true(str_eq(breaker_state_name(breaker_half_open), STR("half_open")));
    assert_true(str_eq(key_rest_name(key_rest_quota), STR("quota")));
    for (int why = key_rest_rate; why < key_rests; why++)
        assert_true(key_rest_name(why).len > 0 && key_rest_sentence(why).len > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_healthy),
        cmocka_unit_test(the_worst_breaker_is_told_and_when_the_first_may_be_tried),
        cmocka_unit_test(resting_keys_are_counted_by_their_reason),
        cmocka_unit_test(load_latency_and_success_are_shown_as_they_stand),
        cmocka_unit_test(the_state_before_decides_which_edge_counts),
        cmocka_unit_test(who_is_taken_out_for_maintenance_is_nothing_else),
        cmocka_unit_test(breakers_and_rests_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
