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

/* What two answers are compared by: of whole ones and of streams alike, texts and calls in their order. */
static void what_an_answer_says_is_its_texts_and_its_calls(void **state) {
#define CALL                                                                                                         \
    "\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{" \
    "\\\"a\\\":1}\"}}]"
#define SAID_WHOLE(message)                                                                \
    "{\"id\":\"i\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," message \
    "},\"finish_reason\":\"stop\"}]}"
#define SAID_PIECE(delta, finish) \
    "data: {\"id\":\"i\",\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish "}]}\n\n"
    static const struct {
        bool stream;
        const char *body, *said; /* NULL: it cannot be read */
    } rows[] = {
        {false, SAID_WHOLE("\"content\":\"two words\""), "two words "},
        {false, SAID_WHOLE("\"content\":null," CALL), "f {\"a\":1} "},
        {false, SAID_WHOLE("\"reasoning_content\":\"hm\",\"content\":\"hi\"," CALL), "hi f {\"a\":1} "},
        {true, SAID_PIECE("\"content\":\"two \"", "null") SAID_PIECE("\"content\":\"words\"," CALL, "\"tool_calls\""),
         "two words f {\"a\":1} "},
        {false, "{\"id\":\"i\",\"choices\":[]}", NULL},
        {false, "no JSON", NULL},
        {false, "{\"error\":{\"message\":\"no\"}}", NULL},
    };
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *flight = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "false"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct cache_facts facts = {.stream = rows[i].stream};
        struct str said = cache_form_said(flight, &facts, str_from(rows[i].body));
        if (!rows[i].said ? said.at != NULL : !str_eq(said, str_from(rows[i].said)))
            fail_msg("row %zu: %.*s", i, STR_ARG(said));
    }
    cache_world_drop(&of, flight);
    cache_world_end(&of);
#undef CALL
#undef SAID_WHOLE
#undef SAID_PIECE
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_becomes_a_whole_reply_with_its_calls_and_usage),
        cmocka_unit_test(a_whole_reply_becomes_a_stream_with_its_end),
        cmocka_unit_test(what_an_answer_says_is_its_texts_and_its_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
