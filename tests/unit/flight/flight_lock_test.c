/* flight_lock_test.c - exclusive routes: who holds the lock serves, being busy does not lose it, failing does. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_concurrent: 2}\n"
                           "  b: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes: [{model: m, targets: [a/m, b/m], strategy: exclusive, failover_after: 2}]\n";

static struct lock_view lock_of(const struct flight *flight) { return lock_view(&flight->choice.route->cells->lock); }

static bool holds(const struct flight *flight, const char *name) {
    for (size_t i = 0; i < flight->choice.count; i++)
        if (flight->choice.candidates[i].target->id == lock_of(flight).holder)
            return str_eq(flight->choice.candidates[i].target->name, str_from(name));
    return false;
}

static void the_first_target_of_the_route_holds_it(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_true(holds(flight, "a/m"));
    assert_true(str_eq(flight->live->target->name, STR("a/m")));
    assert_int_equal(flight->live->lock_epoch, lock_of(flight).epoch);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void being_busy_does_not_lose_it(void **state) {
    struct flight_world world;
    struct flight *flights[3];
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < 3; i++) flights[i] = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(flights[2]->answer.status, 429);
    assert_true(holds(flights[2], "a/m"));
    assert_int_equal(flights[2]->attempt_count, 0); /* nor is another asked */
    for (size_t i = 0; i < 3; i++) flight_world_drop(&world, flights[i]);
    flight_world_end(&world);
}

static void failing_again_and_again_moves_it_and_the_same_request_is_served(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    uint32_t epoch = lock_of(flight).epoch;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(str_eq(flight->live->target->name, STR("a/m")));
        flight_world_tell(&world, flight,
                          (struct event){.kind = event_call_failed, .attempt = i, .failure = failure_connect});
    }
    assert_true(holds(flight, "b/m"));
    assert_true(lock_of(flight).epoch != epoch);
    assert_true(str_eq(flight->live->target->name, STR("b/m")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Failures in a row: one that goes well begins another row, of the lock's own count and of who is to blame. */
static void one_that_goes_well_forgets_the_failures_before(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (unsigned i = 0; i < 3; i++) { /* more of them than failover_after, and never two in a row */
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        const struct route_cells *cells = flight->choice.route->cells;
        assert_int_equal(cell_load(&cells->row), 0);
        flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
        assert_int_equal(blame_total(cell_load(&cells->row)), 1);
        assert_int_equal(lock_of(flight).failures, 1);
        assert_true(holds(flight, "a/m"));
        flight_world_head(&world, flight, 1, 200, "application/json");
        flight_world_body(&world, flight, 1, FLIGHT_WHOLE);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 1});
        assert_int_equal(cell_load(&cells->row), 0);
        assert_int_equal(lock_of(flight).failures, 0);
        assert_true(holds(flight, "a/m"));
        flight_free(flight);
    }
    flight_world_end(&world);
}

static void what_the_caller_did_wrong_moves_nothing(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (unsigned i = 0; i < 4; i++) {
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        flight_world_head(&world, flight, 0, 400, "application/json");
        flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        assert_true(holds(flight, "a/m"));
        flight_free(flight);
    }
    flight_world_end(&world);
}

/* The one that may be asked again first says when to come back, wherever it stands. */
static void where_none_can_serve_the_earliest_says_when_to_come_back(void **state) {
    static const int open_s[][3] = {{30, 10, 20}, {10, 30, 20}, {20, 30, 10}, {30, 20, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof open_s / sizeof *open_s; i++) {
        struct flight_world world;
        char text[1024];
        snprintf(text, sizeof text,
                 "state_dir: ./state\nretry: {max_retries: 0}\nproviders:\n"
                 "  a: {type: openai, api_key: sk-a, models: [m], circuit_breaker: {failure_threshold: 1, "
                 "timeout_seconds: %d}}\n"
                 "  b: {type: openai, api_key: sk-b, models: [m], circuit_breaker: {failure_threshold: 1, "
                 "timeout_seconds: %d}}\n"
                 "  c: {type: openai, api_key: sk-c, models: [m], circuit_breaker: {failure_threshold: 1, "
                 "timeout_seconds: %d}}\n"
                 "routes: [{model: m, targets: [a/m, b/m, c/m], strategy: exclusive, failover_after: 1}]\n",
                 open_s[i][0], open_s[i][1], open_s[i][2]);
        flight_world_begin(&world, text);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        for (unsigned a = 0; flight->live; a++)
            flight_world_tell(&world, flight,
                              (struct event){.kind = event_call_failed, .attempt = a, .failure = failure_connect});
        assert_int_equal(flight->attempt_count, 3);
        flight_world_drop(&world, flight);
        flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        assert_int_equal(flight->attempt_count, 0);
        assert_str_equal(flight_world_said(&world, "retry-after"), "10");
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* It serves while a budget is nearly spent, and is no target of the route: the lock passes it by. */
static void who_serves_for_a_budgets_sake_gets_no_lock(void **state) {
    static const char spending[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: k, models: [m], bill: false}\n"
        "  b: {type: openai, api_key: k, models: [m], prices: {m: {input: 100, output: 100}}}\n"
        "  s: {type: openai, api_key: k, models: [small], prices: {small: {input: 1, output: 1}}}\n"
        "routes: [{model: m, targets: [a/m, b/m], strategy: exclusive, failover_after: 1}]\n"
        "clients: [{name: one, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef,\n"
        "           budgets: [{usd: 10, window: day, over: downgrade, at: 0.5, to: [s/small]}]}]\n";
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, spending);
    const struct money_budget *budget = world.config.snapshot->budgets[0];
    uint64_t start = (uint64_t)money_budget_window(budget, world.now.wall_ns).start_s;
    spend_settle(budget->spend, spend_enter(budget->spend, start), 0, 6000000000);
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_chat, .client = &world.config.snapshot->clients[0]},
        FLIGHT_CHAT("m", "false"));
    assert_int_equal(flight->choice.count, 3);
    assert_str_equal(flight->live->target->name, "a/m"); /* it spends nothing */
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_int_equal(flight->choice.candidates[1].refusal, refusal_downgraded);
    assert_true(holds(flight, "a/m"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

#define HOME                                                                                                       \
    "state_dir: ./state\n"                                                                                         \
    "providers:\n"                                                                                                 \
    "  a: {type: openai, api_key: k, models: [m], max_concurrent: 1}\n"                                            \
    "  b: {type: openai, api_key: k, models: [m]}\n"                                                               \
    "routes: [{model: m, targets: [a/m, b/m], strategy: exclusive, failover_after: 1, return_to_primary_seconds: " \
    "10}]\n"

/* Asks, says who is asked, and lets it end well. */
static const char *served_by(struct flight_world *world) {
    struct flight *flight = flight_world_ask(world, FLIGHT_CHAT("m", "false"));
    const char *name = !flight->live ? "nobody" : str_eq(flight->live->target->name, STR("a/m")) ? "a" : "b";
    if (flight->live) {
        flight_world_head(world, flight, 0, 200, "application/json");
        flight_world_body(world, flight, 0, FLIGHT_WHOLE);
        flight_world_tell(world, flight, (struct event){.kind = event_reply_end});
    }
    flight_world_drop(world, flight);
    return name;
}

static void the_lock_goes_home_when_its_first_has_been_well_for_long_enough(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, HOME);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_tell(&world, first, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_true(holds(first, "b/m"));
    const struct cell *well_since = &first->choice.route->cells->healthy_since_ns;
    const struct provider *a = first->choice.candidates[0].target->provider;
    flight_world_drop(&world, first);
    const uint64_t began_ns = world.now.mono_ns;
    assert_string_equal(served_by(&world), "b");
    assert_int_equal(cell_load(well_since), began_ns); /* it has been well from the first look on */
    world.now.mono_ns = began_ns + 10 * NS_PER_S - 1;
    assert_string_equal(served_by(&world), "b");
    for (unsigned i = 0; i < 2; i++) probes_note(&a->cells->probes, probe_bad);
    assert_string_equal(served_by(&world), "b");
    assert_int_equal(cell_load(well_since), 0); /* its row is broken */
    world.now.mono_ns = began_ns + 60 * NS_PER_S;
    assert_string_equal(served_by(&world), "b");
    for (unsigned i = 0; i < 2; i++) probes_note(&a->cells->probes, probe_good);
    assert_string_equal(served_by(&world), "b");
    world.now.mono_ns += 10 * NS_PER_S - 1;
    assert_string_equal(served_by(&world), "b");
    world.now.mono_ns++;
    struct flight *home = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_true(holds(home, "a/m"));
    assert_str_equal(home->live->target->name, "a/m");
    assert_string_equal(flight_facts(home).lock_why, "primary_is_back");
    assert_str_equal(flight_facts(home).lock_from, "b/m");
    assert_str_equal(flight_facts(home).lock_to, "a/m");
    assert_string_equal(served_by(&world), "nobody"); /* it is busy now, and keeps it */
    flight_world_drop(&world, home);
    flight_world_end(&world);
}

/* To be busy, or too small for one request, is not to be ill: how long it has been well runs on. */
static void what_stands_against_one_request_does_not_break_its_row(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, HOME);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_tell(&world, first, (struct event){.kind = event_call_failed, .failure = failure_connect});
    const uint64_t began_ns = world.now.mono_ns;
    struct cell *well_since = &first->choice.route->cells->healthy_since_ns;
    assert_int_equal(cell_load(well_since), began_ns);
    world.now.mono_ns += NS_PER_S;
    struct flight *busy = flight_world_ask(&world, FLIGHT_CHAT("a/m", "false"));
    assert_string_equal(served_by(&world), "b");
    assert_int_equal(cell_load(well_since), began_ns);
    cell_store(well_since, 0);
    assert_string_equal(served_by(&world), "b");
    assert_int_equal(cell_load(well_since), 0); /* nor does it begin unseen */
    cell_store(well_since, began_ns);
    flight_world_drop(&world, busy);
    struct catalog_model small = {.context_tokens = 1};
    struct target *a = (struct target *)(uintptr_t)flight_world_target(&world, "a");
    const struct catalog_model *facts = a->facts;
    struct flight *large = flight_world_new(&world, endpoint_chat);
    flight_world_tell(&world, large, (struct event){.kind = event_body, .bytes = str_from(FLIGHT_CHAT("m", "false"))});
    large->choice.context_least = 1;
    a->facts = &small;
    flight_world_tell(&world, large, (struct event){.kind = event_body_end});
    assert_str_equal(large->live->target->name, "b/m");
    assert_int_equal(cell_load(well_since), began_ns);
    a->facts = facts;
    flight_world_drop(&world, large);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void whose_probes_fail_hands_it_to_one_whose_do_not(void **state) {
    static const struct {
        bool first, second;
        const char *served;
    } rows[] = {{false, false, "a"}, {true, false, "b"}, {false, true, "a"}, {true, true, "a"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, HOME);
        for (unsigned n = 0; n < 2; n++) {
            if (rows[i].first) probes_note(&flight_world_target(&world, "a")->provider->cells->probes, probe_bad);
            if (rows[i].second) probes_note(&flight_world_target(&world, "b")->provider->cells->probes, probe_bad);
        }
        for (unsigned n = 0; n < 2; n++)
            if (strcmp(served_by(&world), rows[i].served) != 0) fail_msg("row %zu", i);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_target_of_the_route_holds_it),
        cmocka_unit_test(who_serves_for_a_budgets_sake_gets_no_lock),
        cmocka_unit_test(the_lock_goes_home_when_its_first_has_been_well_for_long_enough),
        cmocka_unit_test(what_stands_against_one_request_does_not_break_its_row),
        cmocka_unit_test(whose_probes_fail_hands_it_to_one_whose_do_not),
        cmocka_unit_test(being_busy_does_not_lose_it),
        cmocka_unit_test(failing_again_and_again_moves_it_and_the_same_request_is_served),
        cmocka_unit_test(where_none_can_serve_the_earliest_says_when_to_come_back),
        cmocka_unit_test(one_that_goes_well_forgets_the_failures_before),
        cmocka_unit_test(what_the_caller_did_wrong_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
