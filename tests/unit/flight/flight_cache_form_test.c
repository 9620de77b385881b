/* flight_cache_form_test.c - a whole answer as a stream, a stream as a whole answer: what is said stays. */
#include "flight_cache_world.h"

static const struct flight_request chat = {.endpoint = endpoint_chat};

static void a_stream_becomes_a_whole_reply_with_its_calls_and_usage(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "true"));
    cache_world_head(&of, first, 200, "text/event-stream");
    cache_world_body(&of, first, FLIGHT_EVENT("a \\\"word\\\"", "null"));
    cache_world_body(
        &of, first,
        "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
        "\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}}]},"
        "\"finish_reason\":null}]}\n\n"
        "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
        "\"function\":{\"arguments\":\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
        "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
        "\"completion_tokens\":2,\"total_tokens\":9}}\n\ndata: [DONE]\n\n");
    cache_world_ended(&of, first);
    struct flight *second = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "false"));
    assert_str_equal(flight_world_said(&of.world, "x-weir-cache"), "hit");
    assert_str_equal(flight_world_said(&of.world, "content-type"), "application/json");
    assert_true(flight_world_wrote(&of.world, "\"content\":\"a \\\"word\\\"\""));
    assert_true(flight_world_wrote(&of.world, "call_1"));
    assert_true(flight_world_wrote(&of.world, "{\\\"a\\\":1}"));
    assert_true(flight_world_wrote(&of.world, "\"finish_reason\":\"tool_calls\""));
    assert_true(flight_world_wrote(&of.world, "\"prompt_tokens\":7"));
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

static void a_whole_reply_becomes_a_stream_with_its_end(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "false"));
    cache_world_answer(&of, first);
    struct flight *second = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "true"));
    assert_str_equal(flight_world_said(&of.world, "x-weir-cache"), "hit");
    assert_true(str_starts(flight_world_said(&of.world, "content-type"), STR("text/event-stream")));
    assert_true(flight_world_wrote(&of.world, "\"content\":\"hi\"") && flight_world_wrote(&of.world, "data: [DONE]"));
    assert_false(flight_world_wrote(&of.world, "prompt_tokens")); /* nobody asked for it */
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_becomes_a_whole_reply_with_its_calls_and_usage),
        cmocka_unit_test(a_whole_reply_becomes_a_stream_with_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
