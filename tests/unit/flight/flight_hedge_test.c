/* flight_hedge_test.c - the second attempt beside a late first one: when, whether, and which of the two is the answer.
 */
#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
    "  p: {type: openai, api_key: sk-other-other-other, models: [m, only]}\n"
    "routes:\n"
    "  - {model: m, targets: [o/m, p/m], strategy: priority, hedge: {after: 200ms, max_share: 1}}\n"
    "  - {model: alone, targets: [p/only], hedge: {after: 200ms, max_share: 1}}\n"
    "  - {model: plain, targets: [o/m, p/m], strategy: priority}\n";

static void later(struct flight_world *world, struct flight *flight, uint64_t ms) {
    world->now.mono_ns += ms * NS_PER_MS;
    flight_world_tell(world, flight, (struct event){.kind = event_timer});
}

static void a_second_attempt_begins_when_the_first_is_late_and_once_only(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(hedge_due_ns(flight), world.now.mono_ns + 200 * NS_PER_MS);
    later(&world, flight, 199);
    assert_int_equal(flight->attempt_count, 1);
    later(&world, flight, 1);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_true(flight->rival && flight->rival->hedge);
    assert_int_equal(flight->hedge, hedge_running);
    assert_true(flight->rival->target != flight->live->target);
    assert_true(hedge_due_ns(flight) == UINT64_MAX);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void the_first_good_answer_wins_and_the_other_is_broken_off(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    later(&world, flight, 200);
    flight_world_head(&world, flight, 1, 200, "application/json");
    flight_world_body(&world, flight, 1, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 1});
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight_world_asked(&world, action_cancel), 1);
    assert_int_equal(flight_world_asked(&world, action_settled), 2);
    assert_int_equal(flight->attempts[0]->failure, failure_outpaced);
    assert_ptr_equal(flight->winner, flight->attempts[1]);
    assert_int_equal(flight->hedge, hedge_over);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void one_that_fails_leaves_the_other_to_answer(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    later(&world, flight, 200);
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_int_equal(flight_world_asked(&world, action_call), 0);
    assert_int_equal(flight->live->number, 1);
    assert_int_equal(flight->hedge, hedge_over);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void with_no_other_target_it_is_refused_for_good(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("alone", "false"));
    later(&world, flight, 200);
    assert_int_equal(flight->attempt_count, 1);
    assert_int_equal(flight->hedge, hedge_refused);
    assert_true(hedge_due_ns(flight) == UINT64_MAX);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_route_without_one_never_hedges(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("plain", "false"));
    assert_true(hedge_due_ns(flight) == UINT64_MAX);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_attempt_begins_when_the_first_is_late_and_once_only),
        cmocka_unit_test(the_first_good_answer_wins_and_the_other_is_broken_off),
        cmocka_unit_test(one_that_fails_leaves_the_other_to_answer),
        cmocka_unit_test(with_no_other_target_it_is_refused_for_good),
        cmocka_unit_test(a_route_without_one_never_hedges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
