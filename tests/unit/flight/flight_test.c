/* flight_test.c - the spine: what each event leads to, and what follows when an attempt ends badly. */
#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "max_body_bytes: 1024\n"
    "retry: {max_retries: 1}\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], timeout_seconds: 10}\n"
    "  p: {type: openai, api_key: sk-other-other-other, models: [n]}\n"
    "  q: {type: openai, api_key: sk-third-third-third, models: [n]}\n"
    "routes:\n"
    "  - {model: both, targets: [o/m, p/n], strategy: priority}\n"
    "  - {model: hedged, targets: [o/m, p/n, q/n], strategy: priority, hedge: {after: 100ms, max_share: 1}}\n";

static struct flight *asked(struct flight_world *world, const char *body) {
    flight_world_begin(world, yaml);
    return flight_world_ask(world, body);
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void fails(struct flight_world *world, struct flight *flight, unsigned number, enum failure failure) {
    flight_world_tell(world, flight, (struct event){.kind = event_call_failed, .attempt = number, .failure = failure});
}

/* Two attempts beside each other. */
static struct flight *hedged(struct flight_world *world, const char *stream) {
    struct flight *flight =
        asked(world, strcmp(stream, "true") == 0 ? FLIGHT_CHAT("hedged", "true") : FLIGHT_CHAT("hedged", "false"));
    world->now.mono_ns += 100 * NS_PER_MS;
    flight_world_tell(world, flight, (struct event){.kind = event_timer});
    assert_non_null(flight->rival);
    return flight;
}

/* -- the process's end -- */

static void at_the_end_who_still_waits_is_told_so(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_new(&world, endpoint_chat); /* in the middle of its body */
    flight_world_tell(&world, flight, (struct event){.kind = event_shutdown});
    assert_int_equal(flight->answer.error, error_shutting_down);
    end(&world, flight);
    flight = hedged(&world, "false");
    flight_world_tell(&world, flight, (struct event){.kind = event_shutdown});
    assert_int_equal(flight_world_asked(&world, action_cancel), 2);
    assert_int_equal(flight->answer.status, 503);
    assert_int_equal(flight->answer.error, error_shutting_down);
    assert_true(flight->attempts[0]->failure == failure_shutdown && flight->attempts[1]->failure == failure_shutdown);
    end(&world, flight);
}

static void at_the_end_a_stream_is_broken_off_and_says_so(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("both", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    flight_world_tell(&world, flight, (struct event){.kind = event_shutdown});
    assert_true(flight_world_wrote(&world, "\"code\":\"shutting_down\""));
    assert_int_equal(flight_world_asked(&world, action_end), 1);
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
}

/* Between the attempt that broke off and the one that is to go on, which has no place yet. */
static void at_the_end_a_stream_that_waits_to_go_on_is_broken_off_too(void **state) {
    static const char resuming[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
        "  p: {type: openai, api_key: sk-other-other-other, models: [m], max_concurrent: 1, queue: {max: 9, wait_ms: "
        "9000}}\n"
        "routes: [{model: goes, targets: [o/m, p/m], strategy: priority, resume_streams: true}]\n";
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, resuming);
    struct flight *other = flight_world_ask(&world, FLIGHT_CHAT("p/m", "false"));
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("goes", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("Once upon a time", "null"));
    fails(&world, flight, 0, failure_cut);
    assert_int_not_equal(flight->waiting.why, waiting_none);
    assert_null(flight->live);
    flight_world_tell(&world, flight, (struct event){.kind = event_shutdown});
    assert_true(flight_world_wrote(&world, "\"code\":\"shutting_down\""));
    assert_int_equal(flight_world_asked(&world, action_end), 1);
    flight_world_drop(&world, other);
    end(&world, flight);
}

static void at_the_end_an_answer_that_is_whole_is_left_alone(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("both", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\"") "data: [DONE]\n\n");
    assert_int_equal(flight->state, flight_answered);
    flight_world_tell(&world, flight, (struct event){.kind = event_shutdown});
    assert_int_equal(flight->answer.error, error_none);
    assert_int_equal(flight_world_asked(&world, action_end), 0);
    end(&world, flight);
}

/* -- the caller -- */

static void a_body_is_taken_up_to_its_bound(void **state) {
    static char bytes[2000];
    (void)state;
    memset(bytes, ' ', sizeof bytes);
    for (size_t over = 0; over < 2; over++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_new(&world, endpoint_chat);
        flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = str_make(bytes, 600)});
        flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = str_make(bytes, 424 + over)});
        assert_int_equal(flight->answer.error, over ? error_body_too_large : error_none);
        if (over) assert_int_equal(flight->answer.status, 413);
        end(&world, flight);
    }
}

static void what_its_share_of_memory_cannot_hold_is_refused_in_time(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_new(&world, endpoint_chat);
    world.memory.limit = world.memory.taken;
    flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = STR("{")});
    assert_int_equal(flight->answer.error, error_overloaded);
    assert_int_equal(flight->answer.status, 503);
    end(&world, flight);
}

static void a_caller_that_goes_takes_its_attempts_with_it(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = hedged(&world, "true");
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_gone});
    assert_int_equal(flight_world_asked(&world, action_cancel), 2);
    assert_int_equal(flight_world_asked(&world, action_settled), 2);
    assert_int_equal(flight->attempts[0]->failure, failure_caller_gone);
    assert_int_equal(flight->attempts[1]->failure, failure_caller_gone);
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
}

static void a_slow_caller_slows_its_provider_and_is_not_taken_for_its_stall(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_full});
    assert_false(flight_world_action(&world, action_call_read)->wanted);
    world.now.mono_ns += 600 * NS_PER_S;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight->state, flight_answering);
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_writable});
    assert_true(flight_world_action(&world, action_call_read)->wanted);
    assert_true(flight_world_action(&world, action_timer)->deadline_ns > world.now.mono_ns);
    assert_int_equal(flight->live->last_token_ns, world.now.mono_ns);
    end(&world, flight);
}

/* Its answer had been handed over, and did not all leave. */
static void an_answer_that_was_lost_on_its_way_is_told_so(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_true(flight_is_handed_over(flight));
    flight_lost(flight, world.now);
    assert_true(flight_facts(flight).caller_gone);
    end(&world, flight);
}

/* -- failures -- */

static void a_failure_goes_on_at_the_next_target_and_the_last_ones_is_the_answer(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("both", "false"));
    fails(&world, flight, 0, failure_connect);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_int_equal(flight->live->number, 1);
    fails(&world, flight, 1, failure_connect);
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->answer.error, error_upstream_unreachable);
    end(&world, flight);
}

static void what_no_other_target_would_do_better_is_the_answer_at_once(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("both", "false"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempt_count, 1);
    assert_int_equal(flight->answer.status, 400);
    end(&world, flight);
}

static void an_event_of_a_dead_attempt_changes_nothing(void **state) {
    static const enum event_kind kinds[] = {event_sent, event_reply_head, event_reply_body, event_reply_end,
                                            event_call_failed};
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("both", "false"));
    fails(&world, flight, 0, failure_connect);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (unsigned number = 0; number < 3; number += 2) { /* over; never begun */
            flight_world_tell(
                &world, flight,
                (struct event){
                    .kind = kinds[i], .attempt = number, .status = 200, .failure = failure_reset, .bytes = STR("x")});
            assert_int_equal(world.out.count, 0);
            assert_int_equal(flight->live->state, attempt_connecting);
        }
    end(&world, flight);
}

static void of_two_attempts_the_other_may_still_do_it(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = hedged(&world, "true");
    fails(&world, flight, 0, failure_connect);
    assert_int_equal(flight_world_asked(&world, action_call), 0); /* no third one */
    assert_int_equal(flight->live->number, 1);
    assert_null(flight->rival);
    flight_world_head(&world, flight, 1, 200, "text/event-stream");
    flight_world_body(&world, flight, 1, FLIGHT_EVENT("hi", "null"));
    assert_int_equal(flight->state, flight_answering);
    end(&world, flight);
}

static void a_final_failure_of_one_of_two_ends_both(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = hedged(&world, "false");
    flight_world_head(&world, flight, 1, 400, "application/json");
    flight_world_body(&world, flight, 1, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 1});
    assert_int_equal(flight_world_action(&world, action_cancel)->attempt, 0);
    assert_int_equal(flight->attempts[0]->failure, failure_outpaced);
    assert_int_equal(flight->attempts[1]->failure, failure_bad_request);
    assert_int_equal(flight->answer.status, 400);
    end(&world, flight);
}

/* Neither of the two was too slow for itself. */
static void the_requests_deadline_ends_both_as_what_it_is(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = hedged(&world, "false");
    flight->times.deadline_ns = world.now.mono_ns += NS_PER_S;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight->attempts[0]->failure, failure_request_deadline);
    assert_int_equal(flight->attempts[1]->failure, failure_request_deadline);
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->answer.status, 504);
    end(&world, flight);
}

/* What could not be read for want of memory is not its provider's failure. */
static void want_of_memory_is_nobodys_fault_but_weirs(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, "{\"id\":");
    flight->arena.refused = true;
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->failure, failure_system);
    end(&world, flight);
}

/* What a provider says of itself is its own, whatever memory there is. */
static void with_no_memory_what_is_its_providers_fault_stays_that(void **state) {
    static const struct {
        int status;
        enum failure failure;
    } rows[] = {{503, failure_overloaded}, {429, failure_rate_limited}, {401, failure_authentication}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = asked(&world, FLIGHT_CHAT("m", "false"));
        flight_world_head(&world, flight, 0, rows[i].status, "application/json");
        flight->arena.refused = true;
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        assert_int_equal(flight->attempts[0]->failure, rows[i].failure);
        end(&world, flight);
    }
}

/* -- the clock -- */

static void the_timer_is_for_what_is_due_first(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("hedged", "true"));
    assert_int_equal(flight_world_action(&world, action_timer)->deadline_ns, world.now.mono_ns + 100 * NS_PER_MS);
    end(&world, flight);
    flight = asked(&world, FLIGHT_CHAT("m", "true"));
    assert_int_equal(flight_world_action(&world, action_timer)->deadline_ns, world.now.mono_ns + 10 * NS_PER_S);
    end(&world, flight);
}

static void a_timer_that_is_early_is_set_again(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "true"));
    uint64_t due_ns = world.now.mono_ns + 10 * NS_PER_S;
    world.now.mono_ns = due_ns - 1;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight_world_action(&world, action_timer)->deadline_ns, due_ns);
    assert_int_equal(flight->attempt_count, 1);
    assert_non_null(flight->live);
    world.now.mono_ns = due_ns;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight->attempts[0]->failure, failure_first_token_timeout);
    end(&world, flight);
}

/* -- its end -- */

static void what_comes_after_the_answer_is_of_no_use(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "\"stop\"") "data: [DONE]\n\n");
    assert_int_equal(flight->state, flight_answered);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("more", "null"));
    assert_int_equal(flight_world_written(&world).len, 0);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight_world_asked(&world, action_cancel), 0); /* its connection can be used again */
    end(&world, flight);
}

static void a_provider_that_breaks_after_the_answer_has_not_failed(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "\"stop\"") "data: [DONE]\n\n");
    fails(&world, flight, 0, failure_reset);
    assert_int_equal(flight->attempts[0]->failure, failure_none);
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
}

static void what_is_told_of_it_stays_when_its_memory_is_given_back(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    flight_shed(flight);
    assert_int_equal(flight_facts(flight).input_tokens, 7);
    assert_int_equal(flight->body.chunks.len, 0);
    end(&world, flight); /* which sheds it once more */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_the_end_who_still_waits_is_told_so),
        cmocka_unit_test(at_the_end_a_stream_is_broken_off_and_says_so),
        cmocka_unit_test(at_the_end_a_stream_that_waits_to_go_on_is_broken_off_too),
        cmocka_unit_test(at_the_end_an_answer_that_is_whole_is_left_alone),
        cmocka_unit_test(a_body_is_taken_up_to_its_bound),
        cmocka_unit_test(what_its_share_of_memory_cannot_hold_is_refused_in_time),
        cmocka_unit_test(a_caller_that_goes_takes_its_attempts_with_it),
        cmocka_unit_test(a_slow_caller_slows_its_provider_and_is_not_taken_for_its_stall),
        cmocka_unit_test(an_answer_that_was_lost_on_its_way_is_told_so),
        cmocka_unit_test(a_failure_goes_on_at_the_next_target_and_the_last_ones_is_the_answer),
        cmocka_unit_test(what_no_other_target_would_do_better_is_the_answer_at_once),
        cmocka_unit_test(an_event_of_a_dead_attempt_changes_nothing),
        cmocka_unit_test(of_two_attempts_the_other_may_still_do_it),
        cmocka_unit_test(a_final_failure_of_one_of_two_ends_both),
        cmocka_unit_test(the_requests_deadline_ends_both_as_what_it_is),
        cmocka_unit_test(want_of_memory_is_nobodys_fault_but_weirs),
        cmocka_unit_test(with_no_memory_what_is_its_providers_fault_stays_that),
        cmocka_unit_test(the_timer_is_for_what_is_due_first),
        cmocka_unit_test(a_timer_that_is_early_is_set_again),
        cmocka_unit_test(what_comes_after_the_answer_is_of_no_use),
        cmocka_unit_test(a_provider_that_breaks_after_the_answer_has_not_failed),
        cmocka_unit_test(what_is_told_of_it_stays_when_its_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
