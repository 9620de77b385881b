/* redact_test.c - what is hidden, and what a reader still gets to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"
#include "base/prng.h"
#include "base/redact.h"

/* What lies behind it is nobody's. */
static void check(const char *said, const char *shown) {
    char bytes[512], *own = malloc(strlen(said) + !*said);
    struct text text = text_in_buffer(bytes, sizeof bytes);
    assert_non_null(own);
    memcpy(own, said, strlen(said));
    redact_put(&text, str_make(own, strlen(said)));
    free(own);
    assert_false(text.failed);
    bytes[text.len] = 0;
    assert_string_equal(bytes, shown);
}

static void words_that_look_like_keys_are_hidden(void **state) {
    (void)state;
    check("Incorrect API key provided: sk-abc12345678.", "Incorrect API key provided: sk-***");
    check("used gsk_abcdefghijkl and xai-abcdefghijkl", "used gsk_*** and xai-***");
    check("AIzaSyA1234567890abc", "AIza***");
    check("hf_short", "hf_short");
}

static void values_named_like_a_credential_are_hidden(void **state) {
    (void)state;
    check("/v1beta/models?key=abc&alt=sse", "/v1beta/models?key=***&alt=sse");
    check("?api_key=abc", "?api_key=***");
    check("{\"api_key\": \"abc\", \"model\": \"m\"}", "{\"api_key\": \"***\", \"model\": \"m\"}");
    check("{\\\"apiKey\\\":\\\"abc\\\"}", "{\\\"apiKey\\\":\\\"***\"}");
    check("Authorization: Bearer abc def", "Authorization: Bearer *** def");
    check("access_token=abc;x", "access_token=***;x");
    check("password: hunter2", "password: ***");
    check("https://user:pass@host/path", "https://***@host/path");
    check("Basic dXNlcjpwYXNz", "Basic ***");
}

static void addresses_and_card_numbers_are_hidden(void **state) {
    (void)state;
    check("Invalid: 'mail jane.doe+x@mail.example.org, please'", "Invalid: 'mail ***, please'");
    check("card 4111 1111 1111 1111.", "card ***.");
    check("card 4111-1111-1111-1111, 378282246310005", "card ***, ***");
    check("card 4111 1111 1111 1112", "card 4111 1111 1111 1112"); /* a wrong check digit */
    check("at 1741570283121 and 20260101", "at 1741570283121 and 20260101");
    check("user@host a@b.", "user@host a@b.");
    check("user@host.", "user@host.");
    check("user@a.b", "***");
}

static void telephone_numbers_are_hidden(void **state) {
    (void)state;
    check("call +49 30 901820 or +1 (555) 123-4567.", "call *** or ***.");
    check("tel:+442079460018;x", "tel:***;x");
    check("(555) 123-4567, 555-123-4567 and 555.123.4567!", "***, *** and ***!");
    check("{\"phone\":\"+49 (0)30 901820-12\"}", "{\"phone\":\"***\"}");
    static const char *const plain[] = {"2026-11-22T10:00:00Z", "+1 is more than 0",  "1+12345678x",
                                        "127.0.0.1:8080",       "555-1234-567",       "a555-123-4567",
                                        "155-123-4567",         "a limit of 1000000", "(123) 456-789",
                                        "555 123 4567",         "0.555.123.4567"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) check(plain[i], plain[i]);
}

static void what_an_operator_names_is_hidden_beside_it(void **state) {
    (void)state;
    static const struct str own[] = {STR("KD-\\d{4,}"), STR("(?i)project [a-z]+")};
    static char bytes[4 * redact_looked_most], long_one[2 * redact_looked_most];
    size_t bad;
    const char *problem;
    struct pattern *pattern = pattern_new(own, 2, &bad, &problem);
    struct text text = text_in_buffer(bytes, sizeof bytes);
    redact_put_by(pattern, &text, STR("KD-12345 of Project Falcon, me@home.org: KD-12"));
    bytes[text.len] = 0;
    assert_string_equal(bytes, "*** of ***, ***: KD-12");
    memset(long_one, 'x', sizeof long_one);
    memcpy(long_one + sizeof long_one - 7, "KD-1234", 7);
    text = text_in_buffer(bytes, sizeof bytes);
    redact_put_by(pattern, &text, str_make(long_one, sizeof long_one));
    assert_false(text.failed);
    assert_int_equal(text.len, redact_looked_most + 3); /* what is not looked at is not shown */
    text = text_in_buffer(bytes, sizeof bytes);
    redact_put_by(NULL, &text, STR("KD-12345"));
    assert_true(str_eq(text_str(&text), STR("KD-12345")));
    pattern_free(pattern);
}

static void plain_words_stay(void **state) {
    (void)state;
    check("", "");
    check("max_tokens=5 is too large", "max_tokens=5 is too large");
    check("Rate limit reached for gpt-4o: 60 requests", "Rate limit reached for gpt-4o: 60 requests");
    check("the key", "the key");
    check("key=", "key=");
    check("bearer", "bearer");
    check("http://host:80/x", "http://host:80/x");
}

static void header_names_that_carry_credentials(void **state) {
    (void)state;
    const char *hidden[] = {
        "Authorization", "proxy-authorization", "X-API-Key",    "api-key",         "x-goog-api-key",
        "Cookie",        "set-cookie",          "x-auth-token", "x-amz-signature", "x-client-secret"};
    const char *shown[] = {
        "host", "content-type", "user-agent", "x-weir-session-hint", "x-ratelimit-limit-tokens", "openai-organization"};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) assert_true(redact_header_name(str_from(hidden[i])));
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) assert_false(redact_header_name(str_from(shown[i])));
}

static void any_bytes_are_read_to_their_end(void **state) {
    (void)state;
    static const char alphabet[] = "key=:\"' /@?&sk-AIzaBearer token\\\n\0\xff{}";
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < 20000; round++) {
        char bytes[64], out[256];
        size_t len = (size_t)prng_below(&prng, sizeof bytes);
        for (size_t i = 0; i < len; i++) bytes[i] = alphabet[prng_below(&prng, sizeof alphabet)];
        struct text text = text_in_buffer(out, sizeof out);
        char *exact = malloc(len ? len : 1); /* so that the sanitizer sees a read past the end */
        memcpy(exact, bytes, len);
        redact_put(&text, str_make(exact, len));
        free(exact);
        assert_false(text.failed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_look_like_keys_are_hidden),
        cmocka_unit_test(values_named_like_a_credential_are_hidden),
        cmocka_unit_test(addresses_and_card_numbers_are_hidden),
        cmocka_unit_test(telephone_numbers_are_hidden),
        cmocka_unit_test(what_an_operator_names_is_hidden_beside_it),
        cmocka_unit_test(plain_words_stay),
        cmocka_unit_test(header_names_that_carry_credentials),
        cmocka_unit_test(any_bytes_are_read_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
