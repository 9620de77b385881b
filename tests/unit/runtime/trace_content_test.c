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

#define TRACE_CALL(id) "{\"id\":\"" id "\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"
#define TRACE_ASKED                                                                  \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"be "       \
    "kind\"},{\"role\":\"system\",\"content\":"                                      \
    "[{\"type\":\"text\",\"text\":\"and "                                            \
    "short\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}," \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"                   \
    "png;base64,aa\"}}]},{\"role\":\"assistant\",\"content\":"                       \
    "null,\"tool_calls\":[" TRACE_CALL("c1") "," TRACE_CALL(                         \
        "c2") "]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":"           \
              "\"it is\"}]}"
#define TRACE_ANSWERED                                                                                     \
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{" \
    "\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" TRACE_CALL("c3") "]},\"finish_reason\":"    \
                                                                                "\"tool_calls\"}]}"
#define TRACE_CALLED(id) "{\"type\":\"tool_call\",\"id\":\"" id "\",\"name\":\"f\",\"arguments\":\"{}\"}"

static void calls_and_what_they_came_to_are_parts(void **state) {
    (void)state;
    assert_true(told(TRACE_ASKED, TRACE_ANSWERED));
    SAYS(content.instructions,
         "[{\"type\":\"text\",\"content\":\"be kind\"},{\"type\":\"text\",\"content\":\"and short\"}]");
    SAYS(content.input,
         "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\"},{\"type\":\"image_url\"}]},"
         "{\"role\":\"assistant\",\"parts\":[" TRACE_CALLED("c1") "," TRACE_CALLED(
             "c2") "]},{\"role\":\"tool\","
                   "\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c1\",\"response\":[{\"type\":\"text\","
                   "\"content\":"
                   "\"it is\"}]}]}]");
    SAYS(content.output,
         "[{\"role\":\"assistant\",\"parts\":[" TRACE_CALLED("c3") "],\"finish_reason\":\"tool_call\"}]");
}

/* With each arena that is a little larger than the one before: all of it, or a refusal. Each of the three texts
 * outgrows the room that it begins with. */
static void without_memory_for_all_nothing_is_told(void **state) {
    static char body[8192], answer[8192];
    struct text asked = text_in_buffer(body, sizeof body - 1), answered = text_in_buffer(answer, sizeof answer - 1);
    struct arena small;
    struct trace_content part;
    size_t told_whole = 0, refused = 0;
    (void)state;
    text_put(&asked, STR("{\"model\":\"m\",\"messages\":["));
    for (int i = 0; i < 12; i++)
        text_printf(&asked, "{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\"},");
    text_put(&asked, STR("{\"role\":\"user\",\"content\":\"last\"}]}"));
    text_put(&answered, STR("{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,"
                            "\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["));
    for (int i = 0; i < 12; i++) text_printf(&answered, "%s" TRACE_CALL("c"), i ? "," : "");
    text_put(&answered, STR("]},\"finish_reason\":\"tool_calls\"}]}"));
    assert_false(asked.failed || answered.failed);
    assert_true(told(body, answer));
    assert_true(content.instructions.len > 256 && content.input.len > asked.len / 2 && content.output.len > 256);
    const struct turn_said said = {.endpoint = endpoint_chat, .body = text_str(&asked), .answer = text_str(&answered)};
    for (size_t most = 64; most < 128 * 1024; most += 64) {
        arena_init(&small, 64, most);
        const bool good = trace_content_read(&said, NULL, &small, &part);
        told_whole += good, refused += !good;
        if (good)
            assert_true(str_eq(part.instructions, content.instructions) && str_eq(part.input, content.input) &&
                        str_eq(part.output, content.output));
        arena_free(&small);
    }
    assert_true(told_whole > 20 && refused > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_are_parts_and_credentials_are_hidden, arena_begin, arena_end),
        cmocka_unit_test_setup_teardown(what_has_no_answer_has_no_output, arena_begin, arena_end),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_told, arena_begin, arena_end),
        cmocka_unit_test_setup_teardown(calls_and_what_they_came_to_are_parts, arena_begin, arena_end),
        cmocka_unit_test_setup_teardown(without_memory_for_all_nothing_is_told, arena_begin, arena_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
