/* flight_settle_test.c - ends: what an attempt cost is known once, and the flight's end is the last thing that is said.
 */
#include <stdio.h>

#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes: [{model: two, targets: [o/m, p/m], strategy: priority}]\n";

static void the_end_is_the_last_action(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(world.out.list[world.out.count - 1].kind, action_closed);
    assert_int_equal(flight_world_asked(&world, action_settled), 1);
    assert_int_equal(flight_world_asked(&world, action_closed), 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_was_sent_and_not_counted_is_charged_by_estimate(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_sent});
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_gone});
    assert_true(flight->attempts[0]->usage_estimated);
    assert_int_equal(flight->attempts[0]->usage.input_tokens, flight->prompt_tokens);
    assert_int_equal(flight->attempts[0]->usage.output_tokens, -1);
    flight_free(flight);
    flight_world_end(&world);
}

/* As vendors that know no stream_options do. */
static void a_stream_that_ends_well_without_a_word_of_usage_is_charged_what_was_delivered(void **state) {
    static const char *const usages[] = {"",
                                         ",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}"};
    (void)state;
    for (size_t told = 0; told < 2; told++) {
        struct flight_world world;
        char last[256];
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "true"));
        flight_world_tell(&world, flight, (struct event){.kind = event_sent});
        flight_world_head(&world, flight, 0, 200, "text/event-stream");
        for (unsigned i = 0; i < 5; i++)
            flight_world_body(&world, flight, 0,
                              "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ab\"}}]}\n\n");
        snprintf(last, sizeof last,
                 "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]%s}\n\ndata: [DONE]\n\n",
                 usages[told]);
        flight_world_body(&world, flight, 0, last);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        const struct attempt *attempt = flight->attempts[0];
        assert_int_equal(attempt->failure, failure_none);
        assert_int_equal(attempt->usage_estimated, !told);
        assert_int_equal(attempt->usage.input_tokens, told ? 3 : flight->prompt_tokens);
        if (told) assert_int_equal(attempt->usage.output_tokens, 1);
        if (!told) assert_true(attempt->usage.output_tokens >= 5 && attempt->usage.output_tokens <= 7);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void what_never_left_is_not(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_gone});
    assert_false(flight->attempts[0]->usage_estimated);
    assert_int_equal(flight->attempts[0]->usage.input_tokens, -1);
    assert_int_equal(flight->attempts[0]->failure, failure_caller_gone);
    assert_int_equal(flight_world_asked(&world, action_cancel), 1);
    flight_free(flight);
    flight_world_end(&world);
}

static void a_provider_that_refused_is_owed_nothing(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "false"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_false(flight->attempts[0]->usage_estimated);
    assert_int_equal(flight->attempts[0]->cost_nano_usd, -1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void an_event_of_a_call_that_is_over_changes_nothing(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("two", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_int_equal(flight->live->number, 1);
    unsigned moves = flight->transitions.count;
    flight_world_body(&world, flight, 0, "late");
    assert_int_equal(world.out.count, 0);
    assert_int_equal(flight->transitions.count, moves);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_is_the_last_action),
        cmocka_unit_test(what_was_sent_and_not_counted_is_charged_by_estimate),
        cmocka_unit_test(a_stream_that_ends_well_without_a_word_of_usage_is_charged_what_was_delivered),
        cmocka_unit_test(what_never_left_is_not),
        cmocka_unit_test(a_provider_that_refused_is_owed_nothing),
        cmocka_unit_test(an_event_of_a_call_that_is_over_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
