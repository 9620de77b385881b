/* flight_stream_test.c - streams as they come, whatever the cuts, and what their end means. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  l: {type: ollama-native, base_url: \"http://127.0.0.1:9\", models: [k]}\n";

static struct flight *streaming(struct flight_world *world, bool until_close) {
    struct http_header header = {STR("content-type"), STR("text/event-stream")};
    flight_world_begin(world, yaml);
    struct flight *flight = flight_world_ask(world, FLIGHT_CHAT("m", "true"));
    flight_world_tell(world, flight, (struct event){.kind = event_sent});
    flight_world_tell(world, flight,
                      (struct event){.kind = event_reply_head,
                                     .status = 200,
                                     .headers = &header,
                                     .header_count = 1,
                                     .content_length = -1,
                                     .until_close = until_close,
                                     .body_sent = true});
    return flight;
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

/* What the attempt failed of, after this body and its end. */
static void assert_ends(const char *body, bool until_close, enum failure failure) {
    struct flight_world world;
    struct flight *flight = streaming(&world, until_close);
    flight_world_body(&world, flight, 0, body);
    if (flight->live) flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->attempts[0]->failure, failure);
    end(&world, flight);
}

static void after_its_finish_reason_a_stream_may_end_without_its_terminator(void **state) {
    (void)state;
    assert_ends(FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\""), false, failure_none);
    assert_ends(FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\""), true, failure_none);
    assert_ends(FLIGHT_EVENT("hi", "null"), false, failure_cut);
    assert_ends(FLIGHT_EVENT("hi", "null"), true, failure_cut);
}

static void half_an_event_at_the_end_is_a_cut_unless_all_has_been_said(void **state) {
    (void)state;
    assert_ends(FLIGHT_EVENT("hi", "null") "data: {\"id\"", false, failure_cut);
    assert_ends(FLIGHT_EVENT("hi", "null") FLIGHT_EVENT("", "\"stop\"") "data: {\"id\"", false, failure_none);
}

static void a_stream_without_a_token_is_empty(void **state) {
    (void)state;
    assert_ends("", false, failure_empty_stream);
    assert_ends(": wait\n\n", false, failure_empty_stream);
    assert_ends("data: [DONE]\n\n", false, failure_empty_stream);
}

static void an_event_is_passed_on_when_it_is_whole_and_not_before(void **state) {
    static const char event[] = FLIGHT_EVENT("hi", "null");
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, false);
    flight_world_body(&world, flight, 0, event);
    for (size_t i = 0; i + 1 < sizeof event; i++) {
        const char byte[] = {event[i], '\0'};
        flight_world_body(&world, flight, 0, byte);
        assert_int_equal(flight_world_written(&world).len, i + 2 < sizeof event ? 0 : sizeof event - 1);
    }
    end(&world, flight);
}

static void an_event_that_is_too_large_is_no_answer(void **state) {
    static char bytes[64 * 1024 + 1];
    struct flight_world world;
    (void)state;
    memset(bytes, 'x', sizeof bytes - 1);
    struct flight *flight = streaming(&world, false);
    flight_world_body(&world, flight, 0, "data: ");
    for (size_t sent = 0; flight->live && sent <= limit_sse_event; sent += sizeof bytes - 1)
        flight_world_body(&world, flight, 0, bytes);
    assert_int_equal(flight->attempts[0]->failure, failure_too_large);
    assert_int_equal(flight->answer.status, 502);
    end(&world, flight);
}

static void where_a_line_is_an_event_the_last_one_needs_no_end_of_line(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("k", "true"));
    flight_world_head(&world, flight, 0, 200, "application/x-ndjson");
    assert_true(flight->live->stream.by_line);
    flight_world_body(&world, flight, 0,
                      "{\"model\":\"k\",\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"done\":false}\n"
                      "{\"model\":\"k\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,"
                      "\"done_reason\":\"stop\",\"prompt_eval_count\":7,\"eval_count\":2}");
    assert_int_equal(flight->state, flight_answering);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->attempts[0]->failure, failure_none);
    assert_int_equal(flight->attempts[0]->usage.output_tokens, 2);
    assert_true(flight_world_wrote(&world, "data: [DONE]\n\n"));
    end(&world, flight);
}

static void and_where_that_line_is_an_error_the_stream_has_failed(void **state) {
    static const char *const before[] = {
        "{\"model\":\"k\",\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"done\":false}\n", ""};
    (void)state;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("k", "true"));
        flight_world_head(&world, flight, 0, 200, "application/x-ndjson");
        flight_world_body(&world, flight, 0, before[i]);
        flight_world_body(&world, flight, 0, "{\"error\":\"the model broke\"}");
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        assert_int_equal(flight->state, flight_closed);
        assert_int_equal(flight->attempts[0]->failure, failure_error_in_stream);
        assert_int_equal(flight->answer.status, *before[i] ? 200 : 502);
        assert_false(flight_world_wrote(&world, "data: [DONE]\n\n"));
        end(&world, flight);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_its_finish_reason_a_stream_may_end_without_its_terminator),
        cmocka_unit_test(half_an_event_at_the_end_is_a_cut_unless_all_has_been_said),
        cmocka_unit_test(a_stream_without_a_token_is_empty),
        cmocka_unit_test(an_event_is_passed_on_when_it_is_whole_and_not_before),
        cmocka_unit_test(an_event_that_is_too_large_is_no_answer),
        cmocka_unit_test(where_a_line_is_an_event_the_last_one_needs_no_end_of_line),
        cmocka_unit_test(and_where_that_line_is_an_error_the_stream_has_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
