/* flight_facts_test.c - what is told of a request and of its attempts. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes: [{model: m, targets: [o/m, p/m], strategy: priority}]\n";

static void a_request_that_failed_over_tells_of_both_and_of_who_answered(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    struct flight_facts facts = flight_facts(flight);
    assert_int_equal(facts.status, 0);
    assert_true(str_eq(facts.model, STR("m")) && !facts.caller_gone && facts.cost_nano_usd == -1);
    flight_world_tell(&world, flight,
                      (struct event){.kind = event_call_failed, .failure = failure_connect, .text = STR("refused")});
    world.now.mono_ns += 3 * NS_PER_MS;
    flight_world_head(&world, flight, 1, 200, "application/json");
    flight_world_body(&world, flight, 1, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 1});
    facts = flight_facts(flight);
    assert_int_equal(facts.status, 200);
    assert_int_equal(facts.attempts, 2);
    assert_true(str_eq(facts.provider->name, STR("p")));
    assert_true(facts.input_tokens == 7 && facts.output_tokens == 2);
    struct attempt_facts first = attempt_facts(flight, 0), second = attempt_facts(flight, 1);
    assert_int_equal(first.failure, failure_connect);
    assert_true(str_eq(first.said, STR("refused")) && !first.failover);
    assert_int_equal(second.failure, failure_none);
    assert_true(second.failover && second.duration_us == 3000 && second.usage.input_tokens == 7);
    assert_true(flight_is_handed_over(flight) && !flight_is_streaming(flight));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* What is not known of one is no reason to tell nothing of the others. */
static void a_request_costs_what_its_attempts_cost_together(void **state) {
    static const struct {
        int64_t first, second, together;
    } rows[] = {{3, 4, 7}, {-1, 4, 4}, {3, -1, 3}, {0, -1, 0}, {-1, -1, -1}};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_int_equal(flight->attempt_count, 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        flight->attempts[0]->cost_nano_usd = rows[i].first;
        flight->attempts[1]->cost_nano_usd = rows[i].second;
        assert_int_equal(flight_facts(flight).cost_nano_usd, rows[i].together);
    }
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_providers_own_words_are_not_told(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 500, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"your prompt was: hi\",\"code\":\"oops\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    struct attempt_facts facts = attempt_facts(flight, 0);
    assert_null(facts.said.at);
    assert_true(str_eq(facts.code, STR("oops")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_caller_that_went_before_all_had_left_is_told_of(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, "no JSON");
    assert_int_equal(flight->state, flight_closed);
    assert_true(flight_is_handed_over(flight) && !flight_facts(flight).caller_gone);
    flight_shed(flight);
    flight_lost(flight, world.now);
    assert_true(flight_facts(flight).caller_gone);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_streaming_flight_says_so_while_it_does(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
    assert_false(flight_is_streaming(flight));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    assert_true(flight_is_streaming(flight));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_failed_over_tells_of_both_and_of_who_answered),
        cmocka_unit_test(a_request_costs_what_its_attempts_cost_together),
        cmocka_unit_test(a_providers_own_words_are_not_told),
        cmocka_unit_test(a_caller_that_went_before_all_had_left_is_told_of),
        cmocka_unit_test(a_streaming_flight_says_so_while_it_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
