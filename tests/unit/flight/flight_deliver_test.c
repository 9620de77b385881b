/* flight_deliver_test.c - a stream on its way to the caller: nothing before the first good token, all of it from then
 * on, and an end that says whether it is whole. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes: [{model: m, targets: [o/m, p/m], strategy: priority}]\n";

static const char resuming[] = "state_dir: ./state\n"
                               "providers:\n"
                               "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                               "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                               "routes: [{model: m, targets: [o/m, p/m], resume_streams: true}]\n";

#define ROLE                                                                                                          \
    "data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":" \
    "0,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n"

static struct flight *streaming(struct flight_world *world) {
    flight_world_begin(world, yaml);
    struct flight *flight = flight_world_ask(world, FLIGHT_CHAT("m", "true"));
    flight_world_head(world, flight, 0, 200, "text/event-stream");
    return flight;
}

static void what_comes_before_the_first_token_is_held(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world);
    flight_world_body(&world, flight, 0, ROLE);
    assert_int_equal(world.out.count, 0);
    assert_int_equal(flight->live->reply.held.len, sizeof ROLE - 1);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    assert_int_equal(flight_world_asked(&world, action_respond), 1);
    assert_int_equal(flight->live->reply.held.len, 0);
    assert_int_equal(flight->answer.bytes, sizeof ROLE - 1 + sizeof FLIGHT_EVENT("hi", "null") - 1);
    assert_int_equal(flight->caller, caller_headed);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* A stream may last for long; its request is not held for all that time, but where another could need it. */
static void at_its_first_token_the_request_is_given_back(void **state) {
    (void)state;
    for (int resumes = 0; resumes < 2; resumes++) {
        struct flight_world world;
        flight_world_begin(&world, resumes ? resuming : yaml);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
        flight_world_head(&world, flight, 0, 200, "text/event-stream");
        flight_world_body(&world, flight, 0, ROLE);
        assert_true(flight->body.chunks.len > 0 && flight->body.whole.len > 0);
        flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
        assert_int_equal(flight->body.chunks.len > 0, resumes);
        assert_int_equal(flight->body.whole.len > 0, resumes);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* What a provider says of an error in a stream goes before the status that it gives it. */
static void an_error_in_a_stream_is_what_it_says_or_its_status(void **state) {
    static const struct {
        enum failure said;
        int status;
        enum failure failure;
    } rows[] = {
        {failure_none, 0, failure_error_in_stream},      {failure_none, 200, failure_error_in_stream},
        {failure_none, 399, failure_error_in_stream},    {failure_none, 429, failure_rate_limited},
        {failure_none, 400, failure_bad_request},        {failure_none, 503, failure_overloaded},
        {failure_none, 600, failure_error_in_stream},    {failure_rate_limited, 500, failure_rate_limited},
        {failure_rate_limited, 0, failure_rate_limited},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (stream_failure(rows[i].said, rows[i].status) != rows[i].failure) fail_msg("row %zu", i);
}

static void before_it_another_target_serves_and_nobody_notices(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world);
    flight_world_body(&world, flight, 0, ROLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_cut});
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_int_equal(flight->caller, caller_waiting);
    flight_world_head(&world, flight, 1, 200, "text/event-stream");
    flight_world_body(&world, flight, 1, FLIGHT_EVENT("hi", "null"));
    assert_int_equal(flight->answer.bytes, sizeof FLIGHT_EVENT("hi", "null") - 1); /* nothing of the first */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_whole_stream_waits_a_moment_for_its_providers_end(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\"") "data: [DONE]\n\n");
    assert_int_equal(flight_world_asked(&world, action_end), 1);
    assert_int_equal(flight_world_asked(&world, action_settled), 1);
    assert_int_equal(flight_world_asked(&world, action_closed), 0);
    assert_int_equal(flight->state, flight_answered);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight_world_asked(&world, action_closed), 1);
    assert_int_equal(flight_world_asked(&world, action_cancel), 0); /* its connection is good */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void an_end_that_does_not_come_is_not_waited_for(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\"") "data: [DONE]\n\n");
    assert_int_equal(flight->times.timer_ns, world.now.mono_ns + NS_PER_S);
    world.now.mono_ns += NS_PER_S;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight_world_asked(&world, action_cancel), 1);
    assert_int_equal(flight_world_asked(&world, action_closed), 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_stream_without_its_finish_is_not_taken_for_a_whole_one(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->failure, failure_cut);
    assert_int_equal(flight->answer.error, error_provider_error);
    assert_int_equal(flight->state, flight_closed);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void one_that_ends_in_good_order_behind_its_finish_is_whole(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\""));
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->failure, failure_none);
    assert_int_equal(flight->answer.error, error_none);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_caller_that_reads_too_slowly_holds_its_provider_up(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_full});
    assert_int_equal(flight_world_asked(&world, action_call_read), 1);
    assert_false(world.out.list[0].wanted);
    world.now.mono_ns += 3600 * NS_PER_S; /* that is no stall of the provider's */
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight->state, flight_answering);
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_writable});
    assert_true(world.out.list[0].kind == action_call_read && world.out.list[0].wanted);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_before_the_first_token_is_held),
        cmocka_unit_test(at_its_first_token_the_request_is_given_back),
        cmocka_unit_test(an_error_in_a_stream_is_what_it_says_or_its_status),
        cmocka_unit_test(before_it_another_target_serves_and_nobody_notices),
        cmocka_unit_test(a_whole_stream_waits_a_moment_for_its_providers_end),
        cmocka_unit_test(an_end_that_does_not_come_is_not_waited_for),
        cmocka_unit_test(a_stream_without_its_finish_is_not_taken_for_a_whole_one),
        cmocka_unit_test(one_that_ends_in_good_order_behind_its_finish_is_whole),
        cmocka_unit_test(a_caller_that_reads_too_slowly_holds_its_provider_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
