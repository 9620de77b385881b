/* What a refusal means: by status, code and type, whatever its sentence quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/codec.h"
#include "dialect/outbound.h"
#include "flight/refusals.h"

static enum failure of(enum dialect dialect, const char *vendor, int status, const char *body) {
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    struct message_error error = {.retry_after_ms = -1};
    codec_of(dialect)->read_error(str_from(body), &arena, &error);
    enum failure failure =
        refusal_failure(dialect, str_from(vendor),
                        &(struct provider_word){
                            .status = status, .code = error.said_code, .type = error.type, .message = error.message});
    arena_free(&arena);
    return failure;
}

static const struct {
    enum dialect dialect;
    const char *vendor;
    int status;
    enum failure failure;
    const char *body;
} said[] = {
    {dialect_openai, "openai", 401, failure_authentication,
     "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}"},
    {dialect_openai, "openai", 429, failure_quota_exhausted,
     "{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}"},
    {dialect_openai, "openai", 429, failure_quota_exhausted,
     "{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\",\"code\":\"credit_balance_exhausted\"}}"},
    {dialect_openai, "openai", 429, failure_quota_exhausted,
     "{\"error\":{\"message\":\"m\",\"type\":\"x\",\"code\":\"project_spend_limit_exceeded\"}}"},
    {dialect_responses, "openai", 400, failure_quota_exhausted,
     "{\"error\":{\"message\":\"m\",\"type\":\"x\",\"code\":\"billing_hard_limit_reached\"}}"},
    {dialect_openai, "openai", 429, failure_rate_limited,
     "{\"error\":{\"message\":\"insufficient_quota\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}"},
    {dialect_openai, "perplexity", 401, failure_authentication,
     "{\"error\":{\"message\":\"m\",\"type\":\"invalid_api_key\",\"code\":401}}"},
    {dialect_openai, "deepseek", 402, failure_quota_exhausted,
     "{\"error\":{\"message\":\"m\",\"type\":\"unknown_error\"}}"},
    {dialect_openai, "openrouter", 402, failure_payment, /* a caller's max_tokens may be all that is too dear */
     "{\"error\":{\"message\":\"fewer max_tokens\",\"code\":402}}"},
    {dialect_openai, "xai", 400, failure_bad_request,
     "{\"code\":\"invalid-argument\",\"error\":\"Incorrect API key\"}"},
    {dialect_openai, "xai", 400, failure_forbidden, /* its own sentence, to the last byte: as a 403 */
     "{\"code\":\"invalid-argument\",\"error\":\"Incorrect API key provided. You can obtain an API key from "
     "https://console.x.ai.\"}"},
    {dialect_openai, "openai", 400, failure_bad_request,
     "{\"error\":{\"message\":\"Invalid value: 'Incorrect API key provided. You can obtain an API key from "
     "https://console.x.ai.'\"}}"},
    {dialect_anthropic, "anthropic", 400, failure_payment,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low "
     "to "
     "access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.\"}}"},
    {dialect_anthropic, "anthropic", 401, failure_authentication,
     "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"m\"}}"},
    {dialect_anthropic, "anthropic", 402, failure_quota_exhausted,
     "{\"type\":\"error\",\"error\":{\"type\":\"billing_error\",\"message\":\"m\"}}"},
    {dialect_anthropic, "anthropic", 429, failure_quota_exhausted,
     "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\",\"details\":{\"error_code\":"
     "\"enforced_spend_limit_reached\"}}}"},
    {dialect_anthropic, "anthropic", 429, failure_quota_exhausted,
     "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\",\"error_code\":"
     "\"contract_spend_limit_reached\"}}"},
    {dialect_anthropic, "anthropic", 429, failure_rate_limited,
     "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\"}}"},
    {dialect_anthropic, "anthropic", 403, failure_forbidden,
     "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"m\"}}"},
    {dialect_gemini, "gemini", 400, failure_authentication,
     "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
     "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\"}]}}"},
    {dialect_gemini, "gemini", 400, failure_bad_request, /* a detail of another kind quotes who knows whom */
     "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
     "\"type.googleapis.com/google.rpc.BadRequest\",\"reason\":\"API_KEY_INVALID\"}]}}"},
    {dialect_gemini, "gemini", 403, failure_forbidden,
     "{\"error\":{\"code\":403,\"message\":\"m\",\"status\":\"PERMISSION_DENIED\"}}"},
    {dialect_cloudflare, "cloudflare-native", 401, failure_authentication,
     "{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"m\"}],\"result\":null}"},
    {dialect_cloudflare, "cloudflare-native", 429, failure_quota_exhausted,
     "{\"success\":false,\"errors\":[{\"code\":3036,\"message\":\"m\"}],\"result\":null}"},
    {dialect_cloudflare, "cloudflare-native", 429, failure_rate_limited,
     "{\"success\":false,\"errors\":[{\"code\":3040,\"message\":\"m\"}],\"result\":null}"},
    {dialect_ollama, "ollama-native", 401, failure_authentication, "{\"error\":\"m\"}"},
    {dialect_huggingface, "huggingface-native", 402, failure_payment, "{\"error\":\"m\"}"},
};

static void each_vendors_own_words_are_known(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        enum failure failure = of(said[i].dialect, said[i].vendor, said[i].status, said[i].body);
        if (failure != said[i].failure)
            fail_msg("%s: %.*s and not %.*s", said[i].body, STR_ARG(failure_facts(failure)->name),
                     STR_ARG(failure_facts(said[i].failure)->name));
    }
}

/* Every word that rests a key, as a caller would have it quoted. */
static void no_sentence_decides_anything(void **state) {
    static const char *const words[] = {"API key",
                                        "api key",
                                        "Incorrect API key provided",
                                        "invalid_api_key",
                                        "authentication_error",
                                        "insufficient_quota",
                                        "billing_error",
                                        "credit balance is too low",
                                        "API_KEY_INVALID",
                                        "10000",
                                        "rate limit",
                                        "content_filter"};
    static const struct {
        enum dialect dialect;
        const char *body;
    } bodies[] = {
        {dialect_openai, "{\"error\":{\"message\":\"Invalid value: '%s'\",\"type\":\"invalid_request_error\","
                         "\"param\":\"messages[0].role\",\"code\":\"invalid_value\"}}"},
        {dialect_openai,
         "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":\"%s\",\"code\":null}}"},
        {dialect_openai, "{\"detail\":[{\"loc\":[\"body\",\"%s\"],\"msg\":\"%s\",\"type\":\"missing\",\"input\":{"
                         "\"code\":\"%s\",\"type\":\"%s\"}}]}"},
        {dialect_openai, "{\"code\":\"invalid-argument\",\"error\":\"%s\"}"},
        {dialect_openai, "%s"},
        {dialect_anthropic, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"%s\"}}"},
        {dialect_gemini, "{\"error\":{\"code\":400,\"message\":\"%s\",\"status\":\"INVALID_ARGUMENT\"}}"},
        {dialect_cloudflare, "{\"success\":false,\"errors\":[{\"code\":5004,\"message\":\"%s\"}],\"result\":null}"},
        {dialect_huggingface, "{\"error\":[\"%s\"]}"},
        {dialect_ollama, "{\"error\":\"%s\"}"}};
    static const int statuses[] = {400, 403, 404, 409, 413, 422, 429, 500, 503};
    (void)state;
    for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++)
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++) {
                char body[512];
                struct text text = text_in_buffer(body, sizeof body - 1);
                struct str rest = str_from(bodies[b].body);
                for (size_t at; (at = str_find(rest, STR("%s"))) != SIZE_MAX;
                     rest = str_slice(rest, at + 2, rest.len)) {
                    text_put(&text, str_slice(rest, 0, at));
                    text_put(&text, str_from(words[w]));
                }
                text_put(&text, rest);
                assert_false(text.failed);
                body[text.len] = 0;
                enum failure failure = of(bodies[b].dialect, "openai", statuses[s], body);
                if (failure != failure_of_status(statuses[s]))
                    fail_msg("%d %s: %.*s", statuses[s], body, STR_ARG(failure_facts(failure)->name));
            }
}

static void inside_a_good_reply_only_the_codes_count(void **state) {
    (void)state;
    assert_int_equal(of(dialect_openai, "openai", 0, "{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}"),
                     failure_quota_exhausted);
    assert_int_equal(of(dialect_openai, "deepseek", 0, "{\"error\":{\"message\":\"m\",\"code\":402}}"), failure_none);
    assert_int_equal(of(dialect_openai, "openai", 0, "{\"error\":{\"message\":\"API key\"}}"), failure_none);
}

static void a_filter_is_known_by_its_code(void **state) {
    (void)state;
    assert_true(refusal_is_filter(&(struct provider_word){.code = STR("content_filter")}));
    assert_false(refusal_is_filter(&(struct provider_word){.code = STR("my content_filter")}));
    assert_false(refusal_is_filter(&(struct provider_word){.code = STR(""), .type = STR_NONE}));
}

static void a_context_that_is_too_small_has_its_words(void **state) {
    static const struct {
        int status;
        struct str code, type, message;
        bool is_context;
    } rows[] = {
        {400, STR("context_length_exceeded"), STR(""), STR(""), true},
        {0, STR("context_length_exceeded"), STR(""), STR(""), true}, /* inside a good reply */
        {413, STR(""), STR("context_length_exceeded"), STR(""), true},
        {400, STR(""), STR("invalid_request_error"), STR("prompt is too long: 200001 tokens > 200000 maximum"), true},
        {400, STR("INVALID_ARGUMENT"), STR(""), STR("The input token count (9) exceeds the maximum"), true},
        {400, STR(""), STR(""), STR("he said: prompt is too long: 3"), false}, /* quoted */
        {500, STR("context_length_exceeded"), STR(""), STR(""), false},
        {0, STR(""), STR(""), STR("prompt is too long: 3"), false},
        {400, STR("context_length"), STR(""), STR(""), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            refusal_is_context(&(struct provider_word){
                .status = rows[i].status, .code = rows[i].code, .type = rows[i].type, .message = rows[i].message}),
            rows[i].is_context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vendors_own_words_are_known),          cmocka_unit_test(no_sentence_decides_anything),
        cmocka_unit_test(inside_a_good_reply_only_the_codes_count),  cmocka_unit_test(a_filter_is_known_by_its_code),
        cmocka_unit_test(a_context_that_is_too_small_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
