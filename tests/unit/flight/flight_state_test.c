/* flight_state_test.c - the machines of a flight: each move is noted, and one that may not be is told with those before
 * it. */
#include "flight_world.h"

#include "base/check.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes: [{model: m, targets: [o/m, p/m], strategy: priority}]\n";

static struct str moves_of(const struct flight *flight) {
    static char story[2048];
    struct text text = text_in_buffer(story, sizeof story);
    transitions_put(flight, &text);
    assert_false(text.failed);
    return text_str(&text);
}

static bool says(const struct flight *flight, const char *words) {
    return str_find(moves_of(flight), str_from(words)) != SIZE_MAX;
}

static void each_move_is_noted_with_its_time(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    world.now.mono_ns += 25 * NS_PER_MS;
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_true(str_eq(moves_of(flight), STR("0 ms flight receiving > trying, 25 ms attempt 0 connecting > sent, "
                                             "25 ms attempt 0 sent > replying, 25 ms attempt 0 replying > delivering, "
                                             "25 ms flight trying > answering, 25 ms attempt 0 delivering > settled, "
                                             "25 ms caller waiting > headed, 25 ms caller headed > ended, "
                                             "25 ms flight answering > answered, 25 ms flight answered > closed")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void of_many_moves_the_last_are_kept(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_new(&world, endpoint_responses);
    actions_begin(&world.out, &world.scratch);
    flight_enter(flight, flight_trying, world.now);
    for (unsigned i = 0; i < 2 * transitions_kept; i++) {
        wait_for_response(flight, STR(""), STR("resp_1"), world.now, &world.out);
        wait_over(flight, world.now);
    }
    assert_int_equal(flight->transitions.count, 1 + 4 * transitions_kept);
    assert_false(says(flight, "receiving > trying"));
    assert_true(says(flight, "waits none > recall") && says(flight, "waits recall > none"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static jmp_buf told;
static char report[2048];

static void on_report(const char *text) {
    str_copy(report, sizeof report, str_from(text));
    longjmp(told, 1);
}

static void enter_what_may_not_be(struct flight *flight, struct now now) {
    check_report = on_report;
    if (setjmp(told) == 0) {
        flight_enter(flight, flight_receiving, now);
        fail_msg("it went back");
    }
    check_report = NULL;
}

static void a_move_that_may_not_be_is_told_with_those_before_it(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    enter_what_may_not_be(flight, world.now);
    assert_true(str_find(str_from(report), STR("must not go from trying to receiving")) != SIZE_MAX);
    assert_true(str_find(str_from(report), STR("0 ms flight receiving > trying")) != SIZE_MAX);
    assert_int_equal(flight->state, flight_trying);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_failure_is_said_once_and_ends_the_attempt_when_all_have_returned(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    struct attempt *attempt = flight->live;
    assert_int_equal(attempt_fails(attempt, failure_cut), step_over);
    assert_int_equal(attempt->state, attempt_connecting);
    assert_int_equal(attempt->failing, failure_cut);
    attempt->failing = failure_none;
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void the_end_of_one_of_two_leaves_the_other_live(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    struct holds holds;
    actions_begin(&world.out, &world.scratch);
    struct candidate *other = flight_choose_other(flight, world.now, &holds, &world.out);
    assert_non_null(other);
    assert_true(attempt_begin(flight, other, &holds, 0, world.now, &world.out));
    assert_true(flight->rival && flight->rival->hedge && flight->hedge == hedge_running);
    struct attempt *first = flight->live, *second = flight->rival;
    attempt_cancel(first, &world.out);
    attempt_settle(flight, first, failure_outpaced, world.now, &world.out);
    assert_ptr_equal(flight->live, second);
    assert_null(flight->rival);
    assert_int_equal(flight->hedge, hedge_over);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_move_is_noted_with_its_time),
        cmocka_unit_test(of_many_moves_the_last_are_kept),
        cmocka_unit_test(a_move_that_may_not_be_is_told_with_those_before_it),
        cmocka_unit_test(a_failure_is_said_once_and_ends_the_attempt_when_all_have_returned),
        cmocka_unit_test(the_end_of_one_of_two_leaves_the_other_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
