/* The words of a chat's last message: found where they are the user's and the one text, in each dialect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dialect/last_words.h"

static void last_words_are_found(void **state) {
    static const struct {
        enum dialect dialect;
        const char *body, *words; /* NULL: none */
    } rows[] = {
        {dialect_openai, "{\"messages\":[{\"role\":\"user\",\"content\":\"w\"}]}", "w"},
        {dialect_openai,
         "{\"messages\":[{\"role\":\"user\",\"content\":\"w\"},{\"role\":\"assistant\",\"content\":\"x\"}]}", NULL},
        {dialect_openai, "{\"messages\":[{\"role\":\"system\",\"content\":\"w\"}]}", NULL},
        {dialect_openai, "{\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"t\",\"content\":\"w\"}]}", NULL},
        {dialect_openai, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"w\"}]}]}", "w"},
        {dialect_openai,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}},{\"type\":\"text\","
         "\"text\":\"w\"}]}]}",
         "w"},
        {dialect_openai,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"v\"},{\"type\":\"text\","
         "\"text\":"
         "\"w\"}]}]}",
         NULL},
        {dialect_openai,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"new\"},{\"type\":\"text\",\"text\":\"w\"}]}]}",
         NULL},
        {dialect_openai, "{\"messages\":[]}", NULL},
        {dialect_openai, "{\"messages\":\"w\"}", NULL},
        {dialect_openai, "{\"messages\":[7]}", NULL},
        {dialect_openai, "{\"messages\":[{\"role\":\"user\",\"content\":7}]}", NULL},
        {dialect_openai, "{\"prompt\":\"w\"}", NULL},
        {dialect_openai, "[]", NULL},
        {dialect_anthropic,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\"},{\"type\":\"text\",\"text\":\"w\"}]}]"
         "}",
         "w"},
        {dialect_anthropic,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\"},{\"type\":"
         "\"text\",\"text\":\"w\"}]}]}",
         NULL},
        {dialect_responses, "{\"input\":\"w\"}", "w"},
        {dialect_responses, "{\"input\":[{\"role\":\"user\",\"content\":\"w\"}]}", "w"},
        {dialect_responses,
         "{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"w\"}]}]"
         "}",
         "w"},
        {dialect_responses, "{\"input\":[{\"type\":\"function_call_output\",\"role\":\"user\",\"content\":\"w\"}]}",
         NULL},
        {dialect_gemini, "{\"contents\":[{\"parts\":[{\"text\":\"w\"}]}]}", "w"},
        {dialect_gemini, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{}},{\"text\":\"w\"}]}]}", "w"},
        {dialect_gemini, "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"w\"}]}]}", NULL},
        {dialect_gemini, "{\"contents\":[{\"parts\":[{\"functionResponse\":{}},{\"text\":\"w\"}]}]}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *problem;
        size_t at;
        struct json *json = json_parse(str_from(rows[i].body), &problem, &at);
        assert_non_null(json);
        struct str words = json_str(last_words(rows[i].dialect, json_root(json)), STR_NONE);
        if (words.at ? !rows[i].words || !str_eq(words, str_from(rows[i].words)) : rows[i].words != NULL)
            fail_msg("%s: %.*s", rows[i].body, (int)words.len, words.at ? words.at : "");
        json_free(json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(last_words_are_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
