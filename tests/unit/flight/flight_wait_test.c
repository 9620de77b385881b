/* flight_wait_test.c - waiting: what entering takes is given back however it ends. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_concurrent: 1,\n"
                           "      queue: {max: 1, wait_ms: 1000}, max_retries: 1}\n";

static struct cell *gate_of(const struct flight *flight) {
    return &flight->choice.candidates[0].target->provider->cells->gate;
}

/* One that has the only place, and one that waits for it. */
static void two_begin(struct flight_world *world, struct flight **first, struct flight **second) {
    flight_world_begin(world, yaml);
    *first = flight_world_ask(world, FLIGHT_CHAT("m", "false"));
    assert_non_null((*first)->live);
    *second = flight_world_ask(world, FLIGHT_CHAT("m", "false"));
    assert_int_equal((*second)->waiting.why, waiting_line);
    assert_int_equal(flight_world_asked(world, action_wait), 1);
    assert_int_equal(gate_waiting(gate_of(*second)), 1);
}

static void who_finds_no_place_stands_in_line_and_is_served_in_its_turn(void **state) {
    struct flight_world world;
    struct flight *first, *second;
    (void)state;
    two_begin(&world, &first, &second);
    flight_world_tell(&world, first, (struct event){.kind = event_caller_gone});
    assert_int_equal(flight_world_asked(&world, action_handover), 1);
    flight_world_tell(&world, second, (struct event){.kind = event_turn});
    assert_int_equal(second->waiting.why, waiting_none);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_int_equal(flight_world_asked(&world, action_unwait), 0);
    assert_int_equal(gate_in_use(gate_of(second)), 1);
    flight_free(first);
    flight_world_drop(&world, second);
    flight_world_end(&world);
}

static void who_hangs_up_in_line_leaves_it(void **state) {
    struct flight_world world;
    struct flight *first, *second;
    (void)state;
    two_begin(&world, &first, &second);
    flight_world_tell(&world, second, (struct event){.kind = event_caller_gone});
    assert_int_equal(flight_world_asked(&world, action_unwait), 1);
    assert_int_equal(gate_waiting(gate_of(first)), 0);
    flight_free(second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void who_waited_too_long_is_told_so_and_leaves_the_line(void **state) {
    struct flight_world world;
    struct flight *first, *second;
    (void)state;
    two_begin(&world, &first, &second);
    world.now.mono_ns += NS_PER_S - 1;
    flight_world_tell(&world, second, (struct event){.kind = event_timer});
    assert_int_equal(second->waiting.why, waiting_line);
    world.now.mono_ns += 1;
    flight_world_tell(&world, second, (struct event){.kind = event_timer});
    assert_int_equal(second->answer.status, 429);
    assert_int_equal(second->answer.error, error_too_many_in_flight);
    assert_int_equal(flight_world_asked(&world, action_unwait), 1);
    assert_int_equal(gate_waiting(gate_of(first)), 0);
    flight_free(second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void a_full_line_takes_nobody(void **state) {
    struct flight_world world;
    struct flight *first, *second;
    (void)state;
    two_begin(&world, &first, &second);
    struct flight *third = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(third->answer.status, 429);
    assert_int_equal(third->waiting.why, waiting_none);
    assert_int_equal(gate_waiting(gate_of(first)), 1);
    flight_free(third);
    flight_world_drop(&world, second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void a_pause_is_kept_to_and_then_the_same_target_is_asked_again(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 500, "application/json");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->waiting.why, waiting_backoff);
    uint64_t until_ns = flight->waiting.until_ns;
    assert_true(until_ns >= world.now.mono_ns && flight->times.timer_ns <= until_ns);
    world.now.mono_ns = until_ns;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight->waiting.why, waiting_none);
    assert_int_equal(flight->attempt_count, 2);
    assert_ptr_equal(flight->attempts[0]->target, flight->attempts[1]->target);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_the_host_was_asked_for_is_called_off(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_new(&world, endpoint_chat);
    actions_begin(&world.out, &world.scratch);
    wait_for_response(flight, STR(""), STR("resp_1"), world.now, &world.out);
    assert_int_equal(flight_world_asked(&world, action_recall), 1);
    wait_give_up(flight, world.now, &world.out);
    assert_int_equal(flight_world_asked(&world, action_unrecall), 1);
    wait_for_file(flight, STR("https://a/b"), world.now, &world.out);
    wait_give_up(flight, world.now, &world.out);
    assert_int_equal(flight_world_asked(&world, action_unfetch), 1);
    wait_give_up(flight, world.now, &world.out); /* of nothing: nothing */
    assert_int_equal(flight->waiting.why, waiting_none);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_finds_no_place_stands_in_line_and_is_served_in_its_turn),
        cmocka_unit_test(who_hangs_up_in_line_leaves_it),
        cmocka_unit_test(who_waited_too_long_is_told_so_and_leaves_the_line),
        cmocka_unit_test(a_full_line_takes_nobody),
        cmocka_unit_test(a_pause_is_kept_to_and_then_the_same_target_is_asked_again),
        cmocka_unit_test(what_the_host_was_asked_for_is_called_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
