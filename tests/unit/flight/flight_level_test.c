/* flight_level_test.c - routes that are targets of routes: each is one target outside and keeps its strategy and lock;
 * retries and hedges are the outermost's. */
#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
    "  b: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
    "  c: {type: openai, api_key: sk-third-third-third, models: [m]}\n"
    "  d: {type: openai, api_key: sk-fourth-fourth, models: [m]}\n"
    "routes:\n"
    "  - {model: pair, strategy: round_robin, targets: [b/m, c/m]}\n"
    "  - {model: locked, strategy: exclusive, failover_after: 2, targets: [b/m, c/m]}\n"
    "  - {model: alias, targets: [{route: pair}], strategy: priority}\n"
    "  - {model: first, targets: [{route: pair}, a/m], strategy: priority, retry: {max_retries: 0}}\n"
    "  - {model: turns, targets: [a/m, {route: pair}], strategy: round_robin}\n"
    "  - {model: heavy, targets: [a/m, {route: pair, weight: 2}], strategy: round_robin}\n"
    "  - {model: safe, targets: [{route: locked}, a/m], strategy: priority, retry: {max_retries: 0}}\n"
    "  - {model: twice, targets: [{route: pair}, b/m, d/m], strategy: priority, retry: {max_retries: 0}}\n"
    "  - {model: ends, targets: [b/m, d/m], strategy: priority}\n"
    "  - {model: both, targets: [{route: ends}, {route: locked}], strategy: priority, retry: {max_retries: 0}}\n"
    "  - {model: deep, targets: [{route: first}, d/m], strategy: priority, retry: {max_retries: 0}}\n"
    "rules: [{name: tools, when: {has_tools: true}, targets: [d/m, {route: pair}], strategy: priority}]\n";

static bool asked(const struct flight *flight, const char *name) {
    return flight->live && str_eq(flight->live->target->name, str_from(name));
}

static void fails(struct flight_world *world, struct flight *flight, const char *name) {
    if (!asked(flight, name)) fail_msg("asked %.*s, not %s", STR_ARG(flight->live->target->name), name);
    flight_world_tell(
        world, flight,
        (struct event){.kind = event_call_failed, .attempt = flight->live->number, .failure = failure_connect});
}

/* The targets of so many requests that nobody answers, a letter each. */
static void turns_of(struct flight_world *world, const char *body, char *turns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct flight *flight = flight_world_ask(world, body);
        turns[i] = flight->live->target->name.at[0];
        flight_world_drop(world, flight);
    }
    turns[count] = 0;
}

static void an_alias_does_as_its_route_does(void **state) {
    struct flight_world world;
    char turns[8];
    (void)state;
    flight_world_begin(&world, yaml);
    turns_of(&world, FLIGHT_CHAT("alias", "false"), turns, 2);
    assert_string_equal(turns, "bc");
    turns_of(&world, FLIGHT_CHAT("pair", "false"), turns, 1); /* its turns are the same ones */
    assert_string_equal(turns, "b");
    turns_of(&world, FLIGHT_CHAT("alias", "false"), turns, 1);
    assert_string_equal(turns, "c");
    flight_world_end(&world);
}

static void an_inner_route_is_one_target_outside(void **state) {
    struct flight_world world;
    char turns[16];
    (void)state;
    flight_world_begin(&world, yaml);
    turns_of(&world, FLIGHT_CHAT("turns", "false"), turns, 8);
    assert_string_equal(turns, "abacabac");
    turns_of(&world, FLIGHT_CHAT("heavy", "false"), turns, 12);
    unsigned outside = 0;
    for (size_t i = 0; turns[i]; i++) outside += turns[i] == 'a';
    assert_int_equal(outside, 4);
    flight_world_end(&world);
}

static void it_has_failed_when_all_its_targets_have(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("deep", "false"));
    fails(&world, flight, "b/m");
    fails(&world, flight, "c/m");
    fails(&world, flight, "a/m");
    fails(&world, flight, "d/m");
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->attempt_count, 4);
    flight_world_drop(&world, flight);
    flight = flight_world_ask(&world, FLIGHT_CHAT("turns", "false"));
    fails(&world, flight, "a/m");
    fails(&world, flight, "b/m"); /* the inner route is gone on with, whosever turn it is */
    assert_true(asked(flight, "c/m"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void whose_probes_fail_is_asked_after_those_of_other_routes(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    const struct provider *c = flight_world_target(&world, "c")->provider;
    for (unsigned i = 0; i < 2; i++) probes_note(&c->cells->probes, probe_bad);
    assert_true(probes_demote(&c->cells->probes));
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("first", "false"));
    fails(&world, flight, "b/m");
    fails(&world, flight, "a/m");
    assert_true(asked(flight, "c/m"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_target_that_two_routes_name_is_asked_once(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("twice", "false"));
    assert_int_equal(flight->choice.count, 4);
    fails(&world, flight, "b/m");
    fails(&world, flight, "c/m");
    fails(&world, flight, "d/m");
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->attempt_count, 3);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void an_inner_lock_says_who_serves_and_moves(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    const struct route *locked = map_find(&world.config.snapshot->exact_routes, STR("locked"));
    struct flight *flights[2];
    for (size_t i = 0; i < 2; i++) {
        flights[i] = flight_world_ask(&world, FLIGHT_CHAT("safe", "false"));
        assert_true(asked(flights[i], "b/m"));
        assert_int_equal(flights[i]->live->lock_epoch, lock_view(&locked->cells->lock).epoch);
    }
    fails(&world, flights[0], "b/m");
    fails(&world, flights[1], "b/m"); /* the second moves it */
    assert_true(str_eq(flights[1]->lock_moved.route, STR("locked")));
    assert_true(str_eq(flights[1]->lock_moved.to->name, STR("c/m")));
    assert_int_equal(lock_view(&locked->cells->lock).holder, locked->targets[1]->id);
    assert_true(asked(flights[1], "c/m"));
    for (size_t i = 0; i < 2; i++) flight_world_drop(&world, flights[i]);
    struct flight *outside = flight_world_ask(&world, FLIGHT_CHAT("locked", "false")); /* it is the same lock */
    assert_true(asked(outside, "c/m"));
    flight_world_drop(&world, outside);
    flight_world_end(&world);
}

static void a_holder_that_another_route_asked_has_had_its_turn(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("both", "false"));
    fails(&world, flight, "b/m");
    fails(&world, flight, "d/m");
    assert_true(asked(flight, "c/m"));
    assert_int_equal(flight->live->lock_epoch, 0); /* as a guest */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void when_its_holder_cannot_the_route_around_goes_on(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("safe", "false"));
    unsigned inside = 0;
    while (flight->state != flight_closed && !asked(flight, "a/m")) {
        inside++;
        assert_true(inside < 10);
        flight_world_tell(
            &world, flight,
            (struct event){.kind = event_call_failed, .attempt = flight->live->number, .failure = failure_connect});
    }
    assert_true(asked(flight, "a/m")); /* after both of the inner ones, by its lock's own repeats */
    assert_true(inside >= 2);
    assert_int_equal(flight->choice.repeats, 0); /* which are none of the outermost's retries */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_caller_cannot_ask_for_a_lock_among_routes(void **state) {
    struct flight_world world;
    static struct http_header headers[] = {{STR("content-type"), STR("application/json")},
                                           {STR("x-weir-strategy"), STR("exclusive")}};
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight_request request = {.endpoint = endpoint_chat,
                                     .request_id = STR("req_1"),
                                     .content_length = -1,
                                     .headers = headers,
                                     .header_count = 2};
    struct flight *flight = flight_world_ask_of(&world, request, FLIGHT_CHAT("first", "false"));
    assert_int_equal(flight->answer.status, 400);
    assert_true(flight_world_wrote(&world, "has no lock"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_rule_may_lead_to_a_route(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(
        &world, "{\"model\":\"first\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":"
                "\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}]}");
    fails(&world, flight, "d/m");
    fails(&world, flight, "b/m");
    assert_true(asked(flight, "c/m"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void explain_names_the_inner_route(void **state) {
    struct flight_world world;
    static char json[4096];
    struct text text = text_in_buffer(json, sizeof json);
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("deep", "false"));
    flight_world_explain(flight, &text);
    assert_true(str_find(text_str(&text), STR("\"route\":\"deep\"")) != SIZE_MAX);
    assert_true(str_find(text_str(&text), STR("{\"target\":\"b/m\",\"route\":\"pair\"")) != SIZE_MAX);
    assert_true(str_find(text_str(&text), STR("{\"target\":\"a/m\",\"route\":\"first\"")) != SIZE_MAX);
    assert_true(str_find(text_str(&text), STR("{\"target\":\"d/m\"")) != SIZE_MAX);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alias_does_as_its_route_does),
        cmocka_unit_test(an_inner_route_is_one_target_outside),
        cmocka_unit_test(it_has_failed_when_all_its_targets_have),
        cmocka_unit_test(whose_probes_fail_is_asked_after_those_of_other_routes),
        cmocka_unit_test(a_target_that_two_routes_name_is_asked_once),
        cmocka_unit_test(an_inner_lock_says_who_serves_and_moves),
        cmocka_unit_test(a_holder_that_another_route_asked_has_had_its_turn),
        cmocka_unit_test(when_its_holder_cannot_the_route_around_goes_on),
        cmocka_unit_test(a_caller_cannot_ask_for_a_lock_among_routes),
        cmocka_unit_test(a_rule_may_lead_to_a_route),
        cmocka_unit_test(explain_names_the_inner_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
