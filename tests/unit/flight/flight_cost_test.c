/* flight_cost_test.c - what a stream cost is told in the usage at its end, and nowhere else. */
#include "flight/flight_internal.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_member_stands_in_the_usage_of_every_dialect_and_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
