/* What was said, as the conventions want it on a span; what cannot be read is not told in part. */
#include "runtime/trace_content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct arena arena;
static struct trace_content content;

static bool told(const char *body, const char *answer) {
    const struct turn_said said = {.endpoint = endpoint_chat, .body = str_from(body), .answer = str_from(answer)};
    return trace_content_read(&said, NULL, &arena, &content);
}

static int arena_begin(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    return 0;
}
static int arena_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

#define SAYS(text, words) assert_true(str_eq(text, str_from(words)))

static void messages_are_parts_and_credentials_are_hidden(void **state) {
    (void)state;
    assert_true(
        told("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\","
             "\"content\":\"I am ada@example.com, \\\"you\\\"?\"}]}",
             "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
             "{\"role\":\"assistant\",\"content\":\"weir\"},\"finish_reason\":\"stop\"}]}"));
    SAYS(content.instructions, "[{\"type\":\"text\",\"content\":\"be kind\"}]");
    SAYS(content.input, "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"I am ***, \\\"you\\\"?\"}]}]");
    SAYS(content.output, "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"weir\"}],"
                         "\"finish_reason\":\"stop\"}]");
}

static void what_has_no_answer_has_no_output(void **state) {
    (void)state;
    assert_true(told("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", ""));
    assert_true(content.input.len && !content.output.len && !content.instructions.len);
}

static void what_cannot_be_read_is_not_told(void **state) {
    (void)state;
    assert_false(told("{\"model\":\"m\",\"messages\":[{\"role\":", ""));
    assert_false(content.input.len || content.output.len || content.instructions.len);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_are_parts_and_credentials_are_hidden, arena_begin, arena_end),
        cmocka_unit_test_setup_teardown(what_has_no_answer_has_no_output, arena_begin, arena_end),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_told, arena_begin, arena_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
