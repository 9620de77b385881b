/* flight_cost_test.c - what a stream cost is told in the usage at its end, and nowhere else. */
#include "flight_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void the_member_stands_in_the_usage_of_every_dialect_and_nowhere_else(void **state) {
    static const struct {
        const char *bytes, *told;
    } rows[] = {
        {"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n",
         "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"c\":1}}\n\n"},
        {"event: message_delta\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: "
         "{}\n\n",
         "event: message_delta\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":2,\"c\":1}}\n\nevent: "
         "message_stop\ndata: {}\n\n"},
        {"data: {\"response\":{\"output\":[],\"usage\":{\"a\":{\"b\":1}}},\"n\":1}\n\n",
         "data: {\"response\":{\"output\":[],\"usage\":{\"a\":{\"b\":1},\"c\":1}},\"n\":1}\n\n"},
        {"data: {\"usageMetadata\":{}}\r\n\r\n", "data: {\"usageMetadata\":{\"c\":1}}\r\n\r\n"},
        {"[{\"usageMetadata\":{\"x\":1}}", "[{\"usageMetadata\":{\"x\":1,\"c\":1}}"},
        {"data: {\"message\":{\"usage\":{\"a\":1}}}\n\n", NULL},
        {"data: {\"choices\":[{\"usage\":{\"a\":1}}]}\n\n", NULL},
        {"data: {\"usage\":null}\n\n", NULL},
        {"data: {\"text\":\"\\\"usage\\\":{}\"}\n\n", NULL},
        {"data: {\"usage\":{\"a\":1", NULL},
        {": {\"usage\n\n", NULL},
        {"data: [DONE]\n\n", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        arena_init(&arena, 4096, 1 << 20);
        struct str told = cost_put(str_from(rows[i].bytes), STR("\"c\":1"), &arena);
        const char *expected = rows[i].told ? rows[i].told : rows[i].bytes;
        if (!str_eq(told, str_from(expected))) fail_msg("%.*s is not %s", STR_ARG(told), expected);
        arena_free(&arena);
    }
}

#define COST_FILE(prices)                                                                                    \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m]" prices "},\n" \
    "  g: {type: gemini, base_url: 'http://127.0.0.1:9/v1beta', api_key: k, models: [k], prices: {k: {input: 3}}}}\n"
#define COST_USAGE                                                                                               \
    "data: "                                                                                                     \
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9,\"prompt_tokens_" \
    "details\":{"                                                                                                \
    "\"cached_tokens\":3}}}\n\n"

/* What the last piece of a stream is for a caller that says this of its cost. */
static bool tells(const char *file, const char *asks, const char *member) {
    struct flight_world world;
    const struct http_header header = {STR("x-weir-cost"), str_from(asks)};
    flight_world_begin(&world, file);
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_chat, .headers = &header, .header_count = 1},
        "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":\"user\","
        "\"content\":\"hi\"}]}");
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("a", "\"stop\""));
    assert_false(flight_world_wrote(&world, "weir_cost")); /* that is no usage */
    flight_world_body(&world, flight, 0, COST_USAGE "data: [DONE]\n\n");
    assert_true(flight_world_wrote(&world, "\"total_tokens\":9"));
    bool told = flight_world_wrote(&world, "weir_cost");
    if (told && !flight_world_wrote(&world, member)) fail_msg("%.*s", STR_ARG(flight_world_written(&world)));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
    return told;
}

static void a_stream_tells_what_it_cost_to_who_asks(void **state) {
    static const char priced[] = COST_FILE(", prices: {m: {input: 1, cached_input: 0.1, output: 10}}"),
                      free[] = COST_FILE("");
    /* 4 of the input at 1 USD a million, 3 at 0.1, 2 of the output at 10: 4,000 + 300 + 20,000 nano-dollars */
    static const char member[] =
        "\"weir_cost\":{\"cost_usd\":\"0.000024300\",\"input_usd\":\"0.000004000\",\"output_usd\":"
        "\"0.000020000\",\"cached_usd\":\"0.000000300\"}}";
    (void)state;
    assert_true(tells(priced, "true", member));
    assert_true(tells(priced, " TRUE ", member));
    assert_false(tells(priced, "yes", member));
    assert_false(tells(free, "true", member)); /* it is not known */
}

/* Gemini says its usage in every event: what it cost stands in the last. */
static void a_usage_that_is_not_the_last_is_left_alone(void **state) {
    struct flight_world world;
    const struct http_header header = {STR("x-weir-cost"), STR("true")};
    (void)state;
    flight_world_begin(&world, COST_FILE(""));
    struct flight *flight = flight_world_ask_of(
        &world,
        (struct flight_request){
            .endpoint = endpoint_generate_stream, .path_model = STR("k"), .headers = &header, .header_count = 1},
        "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}");
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0,
                      "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"a\"}]}}],"
                      "\"usageMetadata\":{\"promptTokenCount\":5}}\n\n");
    assert_true(flight_world_wrote(&world, "promptTokenCount") && !flight_world_wrote(&world, "weir_cost"));
    flight_world_body(
        &world, flight, 0,
        "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"b\"}]},\"finishReason\":"
        "\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":2}}\n\n");
    assert_true(flight_world_wrote(&world, "\"candidatesTokenCount\":2,\"weir_cost\":{\"cost_usd\":\"0.000015000\""));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_member_stands_in_the_usage_of_every_dialect_and_nowhere_else),
        cmocka_unit_test(a_stream_tells_what_it_cost_to_who_asks),
        cmocka_unit_test(a_usage_that_is_not_the_last_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
