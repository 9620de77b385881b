/* openai_completions_test.c - legacy completions towards providers that have none: what is read of them, and which
 * prompts they cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/text.h"
#include "dialect/codec.h"

static struct arena arena;
static struct message_request request;
static struct error error;
static struct str param;

static int test_begin(void **state) { return (void)state, arena_init(&arena, 4096, 4 << 20), 0; }
static int test_end(void **state) { return (void)state, arena_free(&arena), 0; }

static bool request_read(const char *body) {
    error = (struct error){.code = error_none};
    return codec_completions.read_request(str_from(body), STR(""), false, &arena, &request, &error, &param);
}

static void a_prompt_is_what_a_user_says(void **state) {
    (void)state;
    static const char *const bodies[] = {"{\"model\":\"m\",\"prompt\":\"a\\nb\"}",
                                         "{\"prompt\":[\"a\\nb\"],\"model\":\"m\"}"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(request_read(bodies[i]));
        assert_int_equal(request.message_count, 1);
        assert_int_equal(request.messages[0].role, message_user);
        assert_true(str_eq(request.messages[0].parts[0].text, STR("a\nb")) && str_eq(request.model, STR("m")));
        assert_true(request.completes && !request.echo && !request.suffix.len && request.max_tokens == 16);
    }
    assert_true(
        request_read("{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":5,\"echo\":true,\"suffix\":\"z\",\"logprobs\":3,"
                     "\"best_of\":1,\"temperature\":0.5}"));
    assert_true(request.max_tokens == 5 && request.echo && str_eq(request.suffix, STR("z")));
    assert_true(request.logprobs == flag_true && request.top_logprobs == 3 && request.temperature == 0.5);
    assert_true(request_read("{\"model\":\"m\",\"prompt\":\"a\",\"logprobs\":0}"));
    assert_int_equal(request.logprobs, flag_unset);
}

static void other_prompts_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *body;
        enum error_code code;
        const char *says, *param;
    } rows[] = {
        {"{\"model\":\"m\",\"prompt\":[\"a\",\"b\"]}", error_unsupported, "one prompt at a time", "prompt"},
        {"{\"model\":\"m\",\"prompt\":[1,2]}", error_unsupported, "text and no tokens", "prompt"},
        {"{\"model\":\"m\",\"prompt\":[[1,2],[3]]}", error_unsupported, "text and no tokens", "prompt"},
        {"{\"model\":\"m\",\"prompt\":7}", error_unsupported, "text and no tokens", "prompt"},
        {"{\"model\":\"m\",\"prompt\":{}}", error_invalid_request, "must be a string", "prompt"},
        {"{\"model\":\"m\"}", error_invalid_request, "must be a string", "prompt"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"best_of\":2}", error_unsupported, "best_of", ""},
        {"{\"model\":\"m\",\"prompt\":\"a\"", error_invalid_request, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(request_read(rows[i].body));
        if (error.code != rows[i].code || str_find(str_from(error.message), str_from(rows[i].says)) == SIZE_MAX ||
            !str_eq(param, str_from(rows[i].param)))
            fail_msg("%s: %s (%.*s)", rows[i].body, error.message, STR_ARG(param));
    }
}

static void errors_are_those_of_chat(void **state) {
    (void)state;
    struct message_error read = {.code = error_none};
    codec_completions.read_error(STR("{\"error\":{\"message\":\"too long\",\"code\":\"c\",\"type\":\"t\"}}"), &arena,
                                 &read);
    assert_true(str_eq(read.message, STR("too long")) && str_eq(read.said_code, STR("c")) &&
                str_eq(read.type, STR("t")));
    struct text one = text_in_arena(&arena, 256), other = text_in_arena(&arena, 256);
    const struct message_error said = {.code = error_invalid_request, .message = STR("too long"), .retry_after_ms = -1};
    codec_completions.write_error(&said, &one);
    codec_openai.write_error(&said, &other);
    assert_true(one.len > 20 && str_eq(text_str(&one), text_str(&other)));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)
    const struct CMUnitTest tests[] = {
        TEST(a_prompt_is_what_a_user_says),
        TEST(other_prompts_are_refused_by_name),
        TEST(errors_are_those_of_chat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
