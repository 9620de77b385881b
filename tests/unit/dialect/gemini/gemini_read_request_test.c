/* gemini_read_request_test.c - what a caller of Gemini's dialect says, in each of the ways Google's servers take it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "dialect/codec.h"
#include "dialect/gemini/gemini.h"
#include "dialect/quirks.h"

static struct arena arena;

/* As it goes on to a provider of the same dialect. */
static struct str written_again(const char *body) {
    struct message_request request;
    struct error error;
    struct str param;
    struct codec_target target = {STR("m"), quirks_of(STR(""), STR("")), 8192, true, false};
    struct text text = text_in_arena(&arena, 1024);
    if (!gemini_read_request(str_from(body), STR("m"), false, &arena, &request, &error, &param))
        fail_msg("%s: %s", body, error.message);
    codec_gemini.write_request(&request, &target, &text);
    assert_false(text.failed);
    return text_str(&text);
}

/* Protocol buffers' JSON: lowerCamelCase, or the field's own name. */
static void names_may_be_written_with_underscores(void **state) {
    static const char *const pairs[][2] = {
        {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]}}",
         "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"system_instruction\":{\"parts\":[{\"text\":\"s\"}]}}"},
        {"{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA==\"}}]}]}",
         "{\"contents\":[{\"parts\":[{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"AA==\"}}]}]}"},
        {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generationConfig\":{\"maxOutputTokens\":5,"
         "\"stopSequences\":[\"x\"],\"thinkingConfig\":{\"thinkingBudget\":9}}}",
         "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generation_config\":{\"max_output_tokens\":5,"
         "\"stop_sequences\":[\"x\"],\"thinking_config\":{\"thinking_budget\":9}}}"},
        {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],"
         "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]}}}",
         "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"tools\":[{\"function_declarations\":[{\"name\":\"f\"}]}],"
         "\"tool_config\":{\"function_calling_config\":{\"mode\":\"ANY\",\"allowed_function_names\":[\"f\"]}}}"},
    };
    static const char plain[] = "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}";
    (void)state;
    arena_init(&arena, 4096, 1 << 22);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct str camel = written_again(pairs[i][0]), snake = written_again(pairs[i][1]);
        if (!str_eq(camel, snake)) fail_msg("%.*s\nbecomes\n%.*s", STR_ARG(camel), STR_ARG(snake));
        assert_false(str_eq(camel, written_again(plain)));
    }
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_may_be_written_with_underscores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
