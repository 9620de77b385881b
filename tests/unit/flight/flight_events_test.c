/* flight_events_test.c - streams that are read by their dialect's code: what of an event counts, what is passed on of
 * it, and how an error in one ends the stream. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [n]}\n"
                           "  g: {type: gemini, api_key: sk-secret-secret-secret, models: [k]}\n";

#define BEGIN                                                                                                          \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"type\":\"message\",\"role\":" \
    "\"assistant\",\"model\":\"n\",\"content\":[],\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n"            \
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"     \
    "\"text\",\"text\":\"\"}}\n\n"
#define TEXT(text)                                                                     \
    "event: content_block_delta\ndata: "                                               \
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"" \
    ",\"text\":\"" text "\"}}\n\n"
#define FINISH                                                                                                     \
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"                           \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{" \
    "\"output_tokens\":2}}\n\n"
#define STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define ERROR(type) \
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"so they say\"}}\n\n"

#define MESSAGES \
    "{\"model\":\"n\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* Anthropic's stream for a caller of OpenAI's dialect, or of its own. */
static struct flight *streaming(struct flight_world *world, bool alike) {
    flight_world_begin(world, yaml);
    struct flight *flight =
        flight_world_ask_of(world, (struct flight_request){.endpoint = alike ? endpoint_messages : endpoint_chat},
                            alike ? MESSAGES : FLIGHT_CHAT("n", "true"));
    assert_ptr_equal(flight->live->way, alike ? &way_alike : &way_translate);
    flight_world_head(world, flight, 0, 200, "text/event-stream");
    return flight;
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void what_comes_before_the_first_token_waits_for_it(void **state) {
    (void)state;
    for (int alike = 0; alike < 2; alike++) {
        struct flight_world world;
        struct flight *flight = streaming(&world, alike);
        flight_world_body(&world, flight, 0, BEGIN);
        assert_int_equal(flight->caller, caller_waiting);
        assert_int_equal(flight->live->state, attempt_replying);
        flight_world_body(&world, flight, 0, TEXT("hi"));
        assert_int_equal(flight->live->state, attempt_delivering);
        assert_int_equal(flight_world_asked(&world, action_respond), 1);
        if (alike) assert_str_equal(flight_world_written(&world), BEGIN TEXT("hi"));
        assert_true(flight_world_wrote(&world, alike ? "message_start" : "\"role\":\"assistant\""));
        assert_int_equal(flight->live->dialect.said_bytes, 2);
        end(&world, flight);
    }
}

static void usage_is_gathered_from_all_events(void **state) {
    (void)state;
    for (int alike = 0; alike < 2; alike++) {
        struct flight_world world;
        struct flight *flight = streaming(&world, alike);
        flight_world_body(&world, flight, 0, BEGIN TEXT("hi") FINISH STOP);
        assert_int_equal(flight->attempts[0]->usage.input_tokens, 7);
        assert_int_equal(flight->attempts[0]->usage.output_tokens, 2);
        assert_int_equal(flight->attempts[0]->stream.events, 6);
        assert_int_equal(flight->attempts[0]->failure, failure_none);
        assert_int_equal(flight->state, flight_answered);
        end(&world, flight);
    }
}

static void an_event_that_cannot_be_read_is_left_out_and_counted(void **state) {
    (void)state;
    for (int alike = 0; alike < 2; alike++) {
        struct flight_world world;
        struct flight *flight = streaming(&world, alike);
        flight_world_body(&world, flight, 0, BEGIN TEXT("hi"));
        flight_world_body(&world, flight, 0, "event: content_block_delta\ndata: {\"type\":\n\n");
        assert_int_equal(flight_world_written(&world).len, 0);
        assert_int_equal(flight->live->stream.events_dropped, 1);
        end(&world, flight);
    }
}

/* It keeps a connection open that the caller does not have. */
static void a_comment_passes_to_a_caller_of_the_same_dialect_alone(void **state) {
    (void)state;
    for (int alike = 0; alike < 2; alike++) {
        struct flight_world world;
        struct flight *flight = streaming(&world, alike);
        flight_world_body(&world, flight, 0, BEGIN TEXT("hi"));
        flight_world_body(&world, flight, 0, ": still here\n\n");
        assert_str_equal(flight_world_written(&world), alike ? ": still here\n\n" : "");
        end(&world, flight);
    }
}

static void an_end_without_a_token_is_no_answer(void **state) {
    (void)state;
    for (int alike = 0; alike < 2; alike++) {
        struct flight_world world;
        struct flight *flight = streaming(&world, alike);
        flight_world_body(&world, flight, 0, STOP);
        assert_int_equal(flight->attempts[0]->failure, failure_empty_stream);
        assert_int_equal(flight->answer.status, 502);
        end(&world, flight);
    }
}

static void an_error_before_the_first_token_fails_as_what_it_stands_for(void **state) {
    static const struct {
        const char *event;
        enum failure failure;
    } rows[] = {{ERROR("overloaded_error"), failure_error_in_stream},
                {ERROR("authentication_error"), failure_authentication},
                {ERROR("billing_error"), failure_quota_exhausted}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int alike = 0; alike < 2; alike++) {
            struct flight_world world;
            struct flight *flight = streaming(&world, alike);
            flight_world_body(&world, flight, 0, BEGIN);
            flight_world_body(&world, flight, 0, rows[i].event);
            assert_int_equal(flight->attempts[0]->failure, rows[i].failure);
            assert_string_equal(flight->attempts[0]->word.text.at, "so they say");
            assert_true(flight->attempts[0]->word.is_providers);
            end(&world, flight);
        }
}

static void after_it_the_error_is_the_streams_end_in_the_callers_words(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, true);
    flight_world_body(&world, flight, 0, BEGIN TEXT("hi"));
    flight_world_body(&world, flight, 0, ERROR("overloaded_error"));
    assert_str_equal(flight_world_written(&world), ERROR("overloaded_error")); /* the vendor's are its own */
    assert_int_equal(flight->attempts[0]->failure, failure_error_in_stream);
    assert_int_equal(flight->answer.error, error_provider_error);
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
    flight = streaming(&world, false);
    flight_world_body(&world, flight, 0, BEGIN TEXT("hi"));
    flight_world_body(&world, flight, 0, ERROR("overloaded_error"));
    assert_true(flight_world_wrote(&world, "so they say"));
    assert_false(flight_world_wrote(&world, "event: error"));
    assert_false(flight_world_wrote(&world, "[DONE]"));
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
}

static void one_about_weirs_own_key_is_none_of_the_callers_business(void **state) {
    (void)state;
    for (int alike = 0; alike < 2; alike++) {
        struct flight_world world;
        struct flight *flight = streaming(&world, alike);
        flight_world_body(&world, flight, 0, BEGIN TEXT("hi"));
        flight_world_body(&world, flight, 0, ERROR("authentication_error"));
        assert_false(flight_world_wrote(&world, "authentication_error"));
        assert_int_equal(flight_world_asked(&world, action_end), 1);
        assert_int_equal(flight->state, flight_closed);
        end(&world, flight);
    }
}

#define GEMINI(text, finish)                                                                                 \
    "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"" text "\"}" \
    "]}" finish "}]}\n\n"

static void a_caller_gets_its_dialects_terminator_where_the_provider_has_none(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("k", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, GEMINI("hi", ",\"finishReason\":\"STOP\""));
    assert_false(flight_world_wrote(&world, "[DONE]"));
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_true(flight_world_wrote(&world, "data: [DONE]\n\n"));
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
    flight_world_begin(&world, yaml);
    flight = flight_world_ask_of(&world,
                                 (struct flight_request){.endpoint = endpoint_generate_stream, .path_model = STR("k")},
                                 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}");
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, GEMINI("hi", ",\"finishReason\":\"STOP\""));
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight_world_written(&world).len, 0); /* it has none either */
    assert_int_equal(flight->attempts[0]->failure, failure_none);
    end(&world, flight);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_before_the_first_token_waits_for_it),
        cmocka_unit_test(usage_is_gathered_from_all_events),
        cmocka_unit_test(an_event_that_cannot_be_read_is_left_out_and_counted),
        cmocka_unit_test(a_comment_passes_to_a_caller_of_the_same_dialect_alone),
        cmocka_unit_test(an_end_without_a_token_is_no_answer),
        cmocka_unit_test(an_error_before_the_first_token_fails_as_what_it_stands_for),
        cmocka_unit_test(after_it_the_error_is_the_streams_end_in_the_callers_words),
        cmocka_unit_test(one_about_weirs_own_key_is_none_of_the_callers_business),
        cmocka_unit_test(a_caller_gets_its_dialects_terminator_where_the_provider_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
