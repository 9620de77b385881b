/* batch_line_test.c - which lines of a batch are fit to be sent, which failures pass, when, and how many go at once. */
#include "runtime/batch_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LINE(more) "{\"custom_id\":\"a\",\"url\":\"/v1/chat/completions\"" more "}"

static void a_line_is_fit_or_it_is_said_why_not(void **state) {
    static const struct {
        const char *line, *problem, *body;
    } rows[] = {
        {LINE(",\"body\":{}"), NULL, "{}"},
        {LINE(",\"method\":\"POST\",\"body\":{\"stream\":false}"), NULL, "{\"stream\":false}"},
        {LINE(",\"body\" \t: {\"a\":[{\"b\":{}}]} "), NULL, "{\"a\":[{\"b\":{}}]}"},
        {LINE(",\"x\":{\"body\":{\"y\":1}},\"body\":{\"z\":2}"), NULL, "{\"z\":2}"},
        {LINE(",\"x\":\"\\\"body\\\":{}\",\"body\":{\"z\":\"}\\\\\"}"), NULL, "{\"z\":\"}\\\\\"}"},
        {LINE(",\"x\":\"body\",\"body\":{\"z\":2}"), NULL, "{\"z\":2}"},
        {LINE(",\"x\":[{}],\"body\":{\"body\":{}},\"y\":[1]"), NULL, "{\"body\":{}}"},
        {"[]", "it is not a JSON object", NULL},
        {"{\"url\":\"/v1\",\"body\":{}}", "it has no custom_id", NULL},
        {"{\"custom_id\":1,\"url\":\"/v1\",\"body\":{}}", "it has no custom_id", NULL},
        {LINE(",\"method\":\"GET\",\"body\":{}"), "its method is not POST", NULL},
        {"{\"custom_id\":\"a\",\"body\":{}}", "it has no url", NULL},
        {"{\"custom_id\":\"a\",\"url\":1,\"body\":{}}", "it has no url", NULL},
        {LINE(""), "its body is not a JSON object", NULL},
        {LINE(",\"body\":[]"), "its body is not a JSON object", NULL},
        {LINE(",\"body\":{\"stream\":true}"), "a batch does not stream: leave `stream` out", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *wrong;
        size_t at;
        struct str body = STR("");
        char *line = strdup(rows[i].line); /* its own memory, so that what is read beyond it is seen */
        struct json *json = json_parse(str_from(line), &wrong, &at);
        assert_non_null(json);
        const char *problem = batch_line_problem(json_root(json), str_from(line), &body);
        if (rows[i].problem && (!problem || strcmp(problem, rows[i].problem) != 0)) fail_msg("row %zu: %s", i, problem);
        if (!rows[i].problem && (problem || !str_eq(body, str_from(rows[i].body))))
            fail_msg("row %zu: %s, %.*s", i, problem, STR_ARG(body));
        json_free(json);
        free(line);
    }
}

static void what_passes_by_itself_is_tried_again(void **state) {
    static const struct {
        int status;
        const char *code;
        bool passes;
    } rows[] = {
        {400, "invalid_request", false},
        {401, "", false},
        {404, "", false},
        {407, "", false},
        {408, "", true},
        {409, "", false},
        {428, "", false},
        {429, "", true},
        {430, "", false},
        {499, "", false},
        {500, "", true},
        {501, "", true},
        {503, "", true},
        {529, "", true},
        {0, "rate_limited", true},
        {0, "too_many_in_flight", true},
        {0, "overloaded", true},
        {0, "no_provider_available", true},
        {0, "upstream_unreachable", true},
        {0, "upstream_timeout", true},
        {0, "out_of_memory", true},
        {0, "budget_exceeded", false},
        {0, "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (batch_may_pass(rows[i].status, str_from(rows[i].code)) != rows[i].passes) fail_msg("row %zu", i);
}

static void a_reply_that_says_when_is_believed_up_to_five_minutes(void **state) {
    static const struct {
        const char *reply;
        uint64_t told_ms;
    } rows[] = {
        {"{\"error\":{\"weir\":{\"retry_after_ms\":1}}}", 1},
        {"{\"error\":{\"weir\":{\"retry_after_ms\":300000}}}", 300000},
        {"{\"error\":{\"weir\":{\"retry_after_ms\":300001}}}", 0},
        {"{\"error\":{\"weir\":{\"retry_after_ms\":0}}}", 0},
        {"{\"error\":{\"weir\":{\"retry_after_ms\":-1}}}", 0},
        {"{\"error\":{\"weir\":{}}}", 0},
        {"{\"weir\":{\"retry_after_ms\":7}}", 0},
        {"no json", 0},
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (batch_told_ms(str_from(rows[i].reply)) != rows[i].told_ms) fail_msg("row %zu", i);
}

static void it_goes_up_slowly_and_down_by_half(void **state) {
    static const struct {
        double parallel;
        unsigned most;
        bool failed;
        int status;
        double next;
    } rows[] = {
        {4, 32, false, 200, 4.25}, {4.25, 32, true, 400, 4.25 + 1 / 4.25},
        {32, 32, false, 200, 32},  {31.99, 32, false, 200, 32},
        {4, 32, true, 429, 2},     {4, 32, true, 503, 2},
        {4, 32, true, 529, 2},     {4, 32, true, 500, 4.25},
        {4, 32, false, 429, 4.25}, {1, 32, true, 429, 1},
        {1.5, 32, true, 429, 1},   {1, 1, false, 200, 1},
        {3, 32, true, 503, 1.5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double next = batch_parallel_next(rows[i].parallel, rows[i].most, rows[i].failed, rows[i].status);
        if (next != rows[i].next) fail_msg("row %zu: %f", i, next);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_fit_or_it_is_said_why_not),
        cmocka_unit_test(what_passes_by_itself_is_tried_again),
        cmocka_unit_test(a_reply_that_says_when_is_believed_up_to_five_minutes),
        cmocka_unit_test(it_goes_up_slowly_and_down_by_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
