/* flight_splice_test.c - OpenAI's words on both sides: what is left out of a stream, and what is not touched. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n";

#define USAGE                                                                                                          \
    "data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":" \
    "{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n"

static struct flight *streaming(struct flight_world *world, const char *body) {
    flight_world_begin(world, yaml);
    struct flight *flight = flight_world_ask(world, body);
    flight_world_head(world, flight, 0, 200, "text/event-stream");
    return flight;
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void the_model_alone_is_replaced_in_the_body(void **state) {
    struct flight_world world;
    char sent[512];
    size_t len = 0;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "false"));
    const struct openai_splice *body = &flight->live->request.body;
    for (size_t i = 0; i < body->count; i++) {
        memcpy(sent + len, body->ranges[i].at, body->ranges[i].len);
        len += body->ranges[i].len;
    }
    assert_true(str_eq(str_make(sent, len), STR(FLIGHT_CHAT("m", "false"))));
    end(&world, flight);
}

static void a_usage_chunk_that_weir_asked_for_is_read_and_left_out(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, FLIGHT_CHAT("m", "true"));
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    uint64_t before = flight->answer.bytes;
    flight_world_body(&world, flight, 0, USAGE);
    assert_int_equal(flight->answer.bytes, before);
    assert_int_equal(flight->live->usage.input_tokens, 7);
    end(&world, flight);
}

static void one_that_the_caller_asked_for_passes(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":"
                                              "true},\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    uint64_t before = flight->answer.bytes;
    flight_world_body(&world, flight, 0, USAGE);
    assert_int_equal(flight->answer.bytes, before + sizeof USAGE - 1);
    end(&world, flight);
}

static void what_is_no_json_is_left_out_and_counted(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, FLIGHT_CHAT("m", "true"));
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null") "data: {\"id\":\n\n");
    assert_int_equal(flight->answer.bytes, sizeof FLIGHT_EVENT("hi", "null") - 1);
    assert_int_equal(flight->live->stream.events_dropped, 1);
    end(&world, flight);
}

static void an_error_before_the_first_token_is_a_failure_and_after_it_the_end(void **state) {
    static const char error[] = "data: {\"error\":{\"message\":\"oops\",\"type\":\"server_error\"}}\n\n";
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, FLIGHT_CHAT("m", "true"));
    flight_world_body(&world, flight, 0, error);
    assert_int_equal(flight->attempts[0]->failure, failure_error_in_stream);
    assert_true(flight->caller != caller_headed); /* nothing of the stream has reached it */
    end(&world, flight);
    flight = streaming(&world, FLIGHT_CHAT("m", "true"));
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    uint64_t before = flight->answer.bytes;
    flight_world_body(&world, flight, 0, error);
    assert_int_equal(flight->answer.bytes, before + sizeof error - 1); /* in the provider's own words */
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->answer.error, error_provider_error);
    end(&world, flight);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_alone_is_replaced_in_the_body),
        cmocka_unit_test(a_usage_chunk_that_weir_asked_for_is_read_and_left_out),
        cmocka_unit_test(one_that_the_caller_asked_for_passes),
        cmocka_unit_test(what_is_no_json_is_left_out_and_counted),
        cmocka_unit_test(an_error_before_the_first_token_is_a_failure_and_after_it_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
