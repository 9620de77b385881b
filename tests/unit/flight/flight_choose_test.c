/* flight_choose_test.c - which target is next, and what is said when none is. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 2}\n"
                           "providers:\n"
                           "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m], priority: 2}\n"
                           "  b: {type: openai, api_key: sk-other-other-other, models: [m], priority: 1,\n"
                           "      max_concurrent: 1}\n"
                           "routes: [{model: m, targets: [a/m, b/m], strategy: priority}]\n";

static struct str asked(const struct flight *flight) { return flight->live->target->name; }

static const struct candidate *candidate_of(const struct flight *flight, const char *name) {
    for (size_t i = 0; i < flight->choice.count; i++)
        if (str_eq(flight->choice.candidates[i].target->name, str_from(name))) return &flight->choice.candidates[i];
    fail_msg("%s is no candidate", name);
    return NULL;
}

static void the_strategy_says_who_is_first(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_true(str_eq(asked(flight), STR("b/m")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void who_is_full_is_passed_over_and_why_is_kept(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("m", "false")),
                  *second = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_true(str_eq(asked(second), STR("a/m")));
    assert_int_equal(candidate_of(second, "b/m")->refusal, refusal_too_many_in_flight);
    flight_world_drop(&world, second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void who_failed_is_not_asked_again_while_another_is_left(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_true(str_eq(asked(flight), STR("a/m")));
    assert_int_equal(candidate_of(flight, "b/m")->refusal, refusal_tried);
    assert_int_equal(candidate_of(flight, "b/m")->failure, failure_connect);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void an_error_of_the_callers_is_not_tried_elsewhere(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempt_count, 1);
    assert_int_equal(flight->answer.status, 400);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void past_the_deadline_nobody_is_asked(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    world.now.mono_ns = flight->times.deadline_ns;
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_int_equal(flight->attempt_count, 1);
    assert_int_equal(flight->state, flight_closed);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void no_more_attempts_than_the_route_allows(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    for (unsigned i = 0; i < 20 && flight->state != flight_closed; i++) {
        if (flight->live) {
            flight_world_head(&world, flight, flight->live->number, 500, "application/json");
            flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = flight->live->number});
        } else {
            world.now.mono_ns = flight->waiting.until_ns;
            flight_world_tell(&world, flight, (struct event){.kind = event_timer});
        }
    }
    assert_int_equal(flight->state, flight_closed);
    assert_true(flight->attempt_count <= flight->choice.route->retry.max_attempts);
    assert_int_equal(flight->answer.status, 500);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strategy_says_who_is_first),
        cmocka_unit_test(who_is_full_is_passed_over_and_why_is_kept),
        cmocka_unit_test(who_failed_is_not_asked_again_while_another_is_left),
        cmocka_unit_test(an_error_of_the_callers_is_not_tried_elsewhere),
        cmocka_unit_test(past_the_deadline_nobody_is_asked),
        cmocka_unit_test(no_more_attempts_than_the_route_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
