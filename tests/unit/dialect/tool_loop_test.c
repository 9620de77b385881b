/* Tool calls that are made again and again, in each dialect; and what a person says ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/tool_loop.h"

#define USER "{\"role\":\"user\",\"content\":\"go\"}"
/* OpenAI's */
#define CALL(name, arguments)                                                                       \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\"," \
    "\"function\":{\"name\":\"" name "\",\"arguments\":\"" arguments "\"}}]},{\"role\":\"tool\",\"content\":\"x\"}"
/* Anthropic's */
#define USE(name, input)                                                                                               \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"tool_use\",\"id\":\"u\","     \
    "\"name\":\"" name "\",\"input\":" input "}]},"                                                                    \
    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"u\",\"content\":[{\"type\":\"text\"," \
    "\"text\":\"r\"}]},{\"type\":\"text\",\"text\":\"a reminder\"}]}"
/* Responses' */
#define ITEM(name, arguments)                                                                               \
    "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"" name "\",\"arguments\":\"" arguments "\"}," \
    "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"x\"}"
/* Gemini's */
#define PART(name, args)                                                                             \
    "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"" name "\",\"args\":" args "}}]}," \
    "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"" name "\",\"response\":{\"a\":1}}}]}"

static void the_newest_call_is_counted_with_those_like_it(void **state) {
    (void)state;
    static const struct {
        enum dialect dialect;
        const char *body;
        size_t calls;
    } rows[] = {
        {dialect_openai, "{\"messages\":[" USER "," CALL("ls", "{}") "," CALL("ls", "{}") "," CALL("ls", "{}") "]}", 3},
        {dialect_openai, "{\"messages\":[" CALL("ls", "{}") "," CALL("ls", "{1}") "," CALL("cat", "{}") "]}", 1},
        {dialect_openai, "{\"messages\":[" CALL("a", "") "," CALL("b", "") "," CALL("a", "") "," CALL("b", "") "]}", 2},
        {dialect_openai, "{\"messages\":[" CALL("ls", "{}") "," CALL("ls", "{}") "," USER "]}", 0},
        {dialect_openai, "{\"messages\":[" CALL("ls", "{}") "," USER "," CALL("ls", "{}") "]}", 2},
        {dialect_openai, "{\"messages\":[" USER "],\"tools\":[{\"function\":{\"name\":\"ls\",\"arguments\":1}}]}", 0},
        {dialect_openai,
         "{\"messages\":[{\"function_call\":{\"arguments\":\"1\",\"name\":\"f\"},\"role\":\"assistant\"},"
         "{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\",\"arguments\":\"1\"}}]}",
         2},
        {dialect_openai, /* arguments are words: of what else stands there only the beginning would be compared */
         "{\"messages\":[{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\",\"arguments\":{\"a\":1}}},"
         "{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\",\"arguments\":{\"a\":2}}}]}",
         0},
        {dialect_openai,
         "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"custom\":{\"name\":\"f\",\"input\":\"1\"}},"
         "{\"custom\":{\"name\":\"f\",\"input\":\"1\"}}]}]}",
         2},
        {dialect_anthropic,
         "{\"messages\":[" USE("ls", "{\"a\":{\"name\":\"x\",\"input\":{}}}") "," USE(
             "ls", "{\"a\":{\"name\":\"x\",\"input\":{}}}") "]}",
         2},
        {dialect_anthropic, "{\"messages\":[" USE("ls", "{}") "," USE("ls", "{}") "," USER "]}", 0},
        {dialect_anthropic, "{\"messages\":[" USE("ls", "{}") "," USE("ls", "[]") "]}", 1},
        {dialect_responses, "{\"input\":[" USER "," ITEM("ls", "{}") "," ITEM("ls", "{}") "]}", 2},
        {dialect_responses, "{\"input\":[" ITEM("ls", "{}") "," ITEM("ls", "{}") "," USER "]}", 0},
        {dialect_responses, "{\"input\":\"hi\"}", 0},
        {dialect_gemini, "{\"contents\":[" PART("ls", "{\"p\":[1]}") "," PART("ls", "{\"p\":[1]}") "]}", 2},
        {dialect_gemini,
         "{\"contents\":[" PART("ls", "{}") "," PART("ls", "{}") ",{\"role\":\"user\",\"parts\":[{\"text\":\"t\"}]}]}",
         0},
        {dialect_openai, "{\"messages\":[" CALL("ls", "{}") "," CALL("ls", "{}") ",", 2}, /* cut: what was read */
        {dialect_openai, "", 0},
        /* roles, results and names stand in their own places */
        {dialect_anthropic,
         "{\"messages\":[" USE("ls", "{}") "," USE("ls", "{}") ",{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                                                               "\"role\":\"assistant\"}]}]}",
         0},
        {dialect_anthropic,
         "{\"messages\":[" USE("ls", "{}") "," USE(
             "ls", "{}") ",{\"role\":\"user\",\"type\":\"tool_result\","
                         "\"content\":[{\"type\":\"text\",\"cache_control\":{\"type\":\"tool_result\"}}]}]}",
         0},
        {dialect_responses, "{\"input\":[{\"name\":7,\"arguments\":\"{}\"},{\"name\":7,\"arguments\":\"{}\"}]}", 0},
        {dialect_responses, "{\"input\":[{\"name\":\"f\"},{\"arguments\":\"{}\"}]}", 0}, /* half of one each */
        {dialect_anthropic, "[[[[[[[[[[{\"name\":\"a\",\"input\":1}]]]]]]]]]]", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tool_loop loop = tool_loop_find(str_from(rows[i].body), rows[i].dialect);
        if (loop.calls != rows[i].calls) fail_msg("row %zu: %zu calls", i, loop.calls);
        if (loop.calls) assert_true(loop.tool.len > 0 && loop.tool.at[0] != '"');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_newest_call_is_counted_with_those_like_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
