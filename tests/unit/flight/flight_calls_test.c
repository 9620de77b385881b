/* flight_calls_test.c - several answers by a call each: one after the other, each settled by itself, gathered into one
 * reply, or told as they come; what one takes is given back before the next is made. */
#include <stdio.h>

#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "retry: {max_attempts: 2, base_ms: 1, max_ms: 1}\n"
    "providers:\n"
    "  a: {type: groq, api_key: sk-secret-secret-secret, models: [m], priority: 1, max_concurrent: 1, max_retries: 1}\n"
    "  b: {type: anthropic, api_key: sk-other-other-other, models: [m], priority: 2}\n"
    "routes:\n"
    "  - {model: r, strategy: round_robin, targets: [a/m, b/m]}\n"
    "  - {model: locked, strategy: exclusive, targets: [a/m, b/m]}\n";

#define ASK(model, stream, n)                                  \
    "{\"model\":\"" model "\",\"stream\":" stream ",\"n\":" #n \
    ",\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define ASK_WHOLE(model, n) \
    "{\"model\":\"" model "\",\"n\":" #n ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define USAGE "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n"
#define ERROR "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":null}}"

static struct event ended(unsigned number) { return (struct event){.kind = event_reply_end, .attempt = number}; }

static void whole(struct flight_world *world, struct flight *flight, unsigned number, int status, const char *body) {
    flight_world_head(world, flight, number, status, "application/json");
    flight_world_body(world, flight, number, body);
    flight_world_tell(world, flight, ended(number));
}

static uint32_t in_use(const struct flight_world *world, const char *provider) {
    return gate_in_use(&flight_world_target(world, provider)->provider->cells->gate);
}

/* What one call took is not taken of the next one's time, but where the caller said how long it may take. */
static void each_call_has_the_time_of_a_request(void **state) {
    (void)state;
    for (int given = 0; given < 2; given++) {
        struct flight_world world;
        struct http_header header = {STR("x-weir-timeout-ms"), STR("50000")};
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask_of(
            &world,
            (struct flight_request){.endpoint = endpoint_chat, .headers = &header, .header_count = (size_t)given},
            ASK_WHOLE("a/m", 3));
        uint64_t deadline_ns = flight->times.deadline_ns;
        for (unsigned i = 0; i < 2; i++) {
            world.now.mono_ns += 7 * NS_PER_S;
            whole(&world, flight, i, 200, FLIGHT_WHOLE);
            if (!given) deadline_ns += 7 * NS_PER_S;
            assert_int_equal(flight->times.deadline_ns, deadline_ns);
        }
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void whole_answers_are_held_until_the_last_has_come(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, ASK_WHOLE("a/m", 3));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(flight->live && flight->live->number == i && flight->live->choice == i);
        assert_true(str_find(flight->live->request.body.ranges[0], STR("\"n\"")) == SIZE_MAX);
        assert_int_equal(in_use(&world, "a"), 1); /* one at a time, each with a place of its own */
        whole(&world, flight, i, 200, FLIGHT_WHOLE);
        assert_int_equal(flight_world_asked(&world, action_settled), 1);
        assert_int_equal(flight_world_asked(&world, action_call), i < 2);
        assert_int_equal(flight_world_asked(&world, action_respond), i == 2);
    }
    assert_str_equal(flight_world_said(&world, "x-weir-changed"), "n=calls");
    assert_true(flight_world_wrote(&world, "\"index\":2"));
    assert_true(flight_world_wrote(&world, "\"prompt_tokens\":21,\"completion_tokens\":6,\"total_tokens\":27"));
    assert_int_equal(in_use(&world, "a"), 0);
    struct flight_facts facts = flight_facts(flight);
    assert_true(facts.input_tokens == 21 && facts.output_tokens == 6 && facts.attempts == 3);
    assert_true(!flight->choice.failovers && !flight->choice.repeats);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void answer_stream(struct flight_world *world, struct flight *flight, unsigned number) {
    flight_world_head(world, flight, number, 200, "text/event-stream");
    flight_world_body(world, flight, number,
                      FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\"") USAGE "data: [DONE]\n\n");
}

static void streams_follow_one_another_as_one(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, ASK("a/m", "true", 2));
    answer_stream(&world, flight, 0);
    assert_true(flight_world_wrote(&world, "\"index\":0") && !flight_world_wrote(&world, "[DONE]"));
    assert_false(flight_world_wrote(&world, "prompt_tokens"));
    assert_true(flight->live->number == 0); /* its end is awaited: the connection is used again */
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("late", "null"));
    assert_int_equal(flight_world_asked(&world, action_write), 0);
    flight_world_tell(&world, flight, ended(0));
    assert_true(flight->live->number == 1 && flight->state == flight_answering);
    answer_stream(&world, flight, 1);
    assert_true(flight_world_wrote(&world, "\"index\":1") && flight_world_wrote(&world, "data: [DONE]"));
    assert_true(flight_world_wrote(&world, "\"prompt_tokens\":14,\"completion_tokens\":4,\"total_tokens\":18"));
    flight_world_tell(&world, flight, ended(1));
    assert_int_equal(flight->state, flight_closed);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* A provider that says all and does not end is not waited for long. */
static void an_end_that_does_not_come_is_broken_off(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, ASK("a/m", "true", 2));
    answer_stream(&world, flight, 0);
    assert_non_null(flight_world_action(&world, action_timer));
    for (unsigned i = 0; i < 200 && flight->live->number == 0; i++) {
        world.now.mono_ns += NS_PER_S / 10;
        flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    }
    assert_true(flight->live->number == 1 && flight->attempts[0]->failure == failure_none);
    assert_int_equal(flight_world_asked(&world, action_cancel), 1);
    assert_true(world.now.mono_ns <= (1000 + 3) * NS_PER_S);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* The one who has made an answer makes the next, whatever the strategy; its calls are no retries. */
static void who_made_one_makes_the_next(void **state) {
    (void)state;
    static const char *const models[] = {ASK_WHOLE("r", 4), ASK_WHOLE("locked", 4)};
    for (size_t m = 0; m < 2; m++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, models[m]);
        for (unsigned i = 0; i < 4; i++) {
            assert_str_equal(flight->live->target->name, "a/m");
            whole(&world, flight, i, 200, FLIGHT_WHOLE);
        }
        assert_int_equal(flight->answer.status, 200); /* though a request has two attempts at most */
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void one_that_fails_is_followed_by_another_target_and_the_answers_stay(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, ASK_WHOLE("r", 3));
    whole(&world, flight, 0, 200, FLIGHT_WHOLE);
    whole(&world, flight, 1, 500, ERROR);
    assert_str_equal(flight->live->target->name, "b/m");
    assert_int_equal(flight->live->choice, 1);
    static const char said[] = "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
                               "\"other\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,"
                               "\"output_tokens\":1}}";
    whole(&world, flight, 2, 200, said);
    assert_str_equal(flight->live->target->name, "b/m");
    whole(&world, flight, 3, 200, said);
    assert_int_equal(flight->answer.status, 200);
    assert_true(flight_world_wrote(&world, "\"content\":\"hi\"") && flight_world_wrote(&world, "\"index\":2"));
    assert_true(flight_world_wrote(&world, "\"prompt_tokens\":9"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_stream_whose_next_call_fails_ends_in_an_error_and_not_as_if_it_were_whole(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, ASK("a/m", "true", 2));
    answer_stream(&world, flight, 0);
    flight_world_tell(&world, flight, ended(0));
    whole(&world, flight, 1, 400, ERROR);
    assert_true(flight_world_wrote(&world, "\"error\"") && !flight_world_wrote(&world, "[DONE]"));
    assert_int_equal(flight->answer.error, error_provider_error);
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(in_use(&world, "a"), 0);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_caller_who_goes_ends_them_all(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    for (unsigned at = 0; at < 4; at++) {
        struct flight *flight = flight_world_ask(&world, ASK("a/m", "true", 3));
        if (at > 0) answer_stream(&world, flight, 0);
        if (at > 1) flight_world_tell(&world, flight, ended(0));
        if (at > 2) answer_stream(&world, flight, 1);
        flight_world_tell(&world, flight, (struct event){.kind = event_caller_gone});
        assert_int_equal(flight->state, flight_closed);
        assert_int_equal(flight_world_asked(&world, action_call), 0);
        assert_int_equal(in_use(&world, "a"), 0);
        flight_free(flight);
    }
    flight_world_end(&world);
}

static void no_more_than_a_few_are_made_so(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, ASK_WHOLE("a/m", 9));
    assert_int_equal(flight->answer.status, 400);
    assert_true(flight_world_wrote(&world, "`n` is at most 8") && flight_world_wrote(&world, "\"param\":\"n\""));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_has_the_time_of_a_request),
        cmocka_unit_test(whole_answers_are_held_until_the_last_has_come),
        cmocka_unit_test(streams_follow_one_another_as_one),
        cmocka_unit_test(an_end_that_does_not_come_is_broken_off),
        cmocka_unit_test(who_made_one_makes_the_next),
        cmocka_unit_test(one_that_fails_is_followed_by_another_target_and_the_answers_stay),
        cmocka_unit_test(a_stream_whose_next_call_fails_ends_in_an_error_and_not_as_if_it_were_whole),
        cmocka_unit_test(a_caller_who_goes_ends_them_all),
        cmocka_unit_test(no_more_than_a_few_are_made_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
