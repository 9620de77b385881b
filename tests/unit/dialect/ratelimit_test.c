/* ratelimit_test.c - heads as vendors send them, values in every form, and providers that lie. */
#include "dialect/ratelimit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* 2025-06-23T10:26:53Z */
static const int64_t now_ns = 1750674413000000000;
static const uint64_t day_ms = ratelimit_ms_max;

/* "name: value" lines, as on the wire. */
static struct ratelimit said(const char *text) {
    static struct http_header headers[64];
    size_t count = 0;
    struct str rest = str_from(text), line;
    while (str_split_next(&rest, '\n', &line)) {
        size_t colon = str_find_byte(line, ':');
        if (colon == SIZE_MAX) continue;
        headers[count++] =
            (struct http_header){str_slice(line, 0, colon), str_trim(str_slice(line, colon + 1, line.len))};
    }
    return ratelimit_read(headers, count, now_ns);
}

static uint64_t reset(const char *value) {
    char text[200];
    snprintf(text, sizeof text, "x-ratelimit-reset-requests: %s", value);
    return said(text).requests_reset_ms;
}

static int64_t retry_after(const char *value) {
    char text[200];
    snprintf(text, sizeof text, "Retry-After: %s", value);
    return said(text).retry_after_ms;
}

static int64_t left(const char *value) {
    char text[200];
    snprintf(text, sizeof text, "x-ratelimit-remaining-tokens: %s", value);
    return said(text).tokens_left;
}

static void nothing_said_is_nothing_known(void **state) {
    (void)state;
    struct ratelimit none = said("content-type: application/json\nx-ratelimit: false\nratelimit-policy: 5;w=1");
    assert_int_equal(none.requests_left, -1);
    assert_int_equal(none.requests_limit, -1);
    assert_int_equal(none.requests_reset_ms, 0);
    assert_int_equal(none.tokens_left, -1);
    assert_int_equal(none.tokens_limit, -1);
    assert_int_equal(none.tokens_reset_ms, 0);
    assert_int_equal(none.retry_after_ms, -1);
    assert_int_equal(ratelimit_read(NULL, 0, now_ns).retry_after_ms, -1);
}

static void openai_tells_all_six(void **state) {
    (void)state;
    struct ratelimit all = said("x-ratelimit-limit-requests: 10000\nX-RateLimit-Limit-Tokens: 200000\n"
                                "x-ratelimit-remaining-requests: 9999\nx-ratelimit-remaining-tokens: 199972\n"
                                "x-ratelimit-reset-requests: 8.64s\nx-ratelimit-reset-tokens: 6m0s\n"
                                "x-ratelimit-remaining-input-images: 0");
    assert_int_equal(all.requests_limit, 10000);
    assert_int_equal(all.tokens_limit, 200000);
    assert_int_equal(all.requests_left, 9999);
    assert_int_equal(all.tokens_left, 199972);
    assert_int_equal(all.requests_reset_ms, 8640);
    assert_int_equal(all.tokens_reset_ms, 360000);
}

static void anthropic_tells_times_and_the_tightest_of_its_tokens_counts(void **state) {
    (void)state;
    struct ratelimit all =
        said("anthropic-ratelimit-requests-limit: 4000\nanthropic-ratelimit-requests-remaining: 3999\n"
             "anthropic-ratelimit-requests-reset: 2025-06-23T10:26:54Z\n"
             "anthropic-ratelimit-tokens-limit: 2400000\nanthropic-ratelimit-tokens-remaining: 2399000\n"
             "anthropic-ratelimit-tokens-reset: 2025-06-23T10:27:53Z\n"
             "anthropic-ratelimit-output-tokens-limit: 400000\nanthropic-ratelimit-output-tokens-remaining: 12\n"
             "anthropic-ratelimit-output-tokens-reset: 2025-06-23T10:27:03Z\n"
             "anthropic-ratelimit-input-tokens-remaining: 1999000\nretry-after: 31");
    assert_int_equal(all.requests_left, 3999);
    assert_int_equal(all.requests_reset_ms, 1000);
    assert_int_equal(all.tokens_left, 12);
    assert_int_equal(all.tokens_limit, 400000);
    assert_int_equal(all.tokens_reset_ms, 10000);
    assert_int_equal(all.retry_after_ms, 31000);
}

static void other_vendors_words_are_understood(void **state) {
    (void)state;
    struct ratelimit mistral =
        said("x-ratelimit-limit-req-minute: 60\nx-ratelimit-remaining-req-minute: 58\n"
             "x-ratelimit-remaining-req-10-second: 59\nx-ratelimit-remaining-tokens-minute: 1499915\n"
             "x-ratelimit-remaining-tokens-month: 199999999445\nx-ratelimit-tokens-query-cost: 4");
    assert_int_equal(mistral.requests_left, 58);
    assert_int_equal(mistral.requests_limit, 60);
    assert_int_equal(mistral.tokens_left, 1499915);
    struct ratelimit mistral_before = said("ratelimitbysize-limit: 500000\nratelimitbysize-remaining: 307190\n"
                                           "ratelimitbysize-reset: 46\nratelimitbysize-query-cost: 32010");
    assert_int_equal(mistral_before.tokens_left, 307190);
    assert_int_equal(mistral_before.tokens_reset_ms, 46000);
    struct ratelimit together = said("x-ratelimit: false\nx-ratelimit-limit: 10\nx-ratelimit-remaining: 9\n"
                                     "x-ratelimit-reset: 2\nx-ratelimit-remaining-tokens: 166");
    assert_int_equal(together.requests_left, 9);
    assert_int_equal(together.requests_reset_ms, 2000);
    assert_int_equal(together.tokens_left, 166);
    struct ratelimit replicate = said("ratelimit-remaining: 599\nratelimit-reset: 1");
    assert_int_equal(replicate.requests_left, 599);
    assert_int_equal(replicate.requests_reset_ms, 1000);
    struct ratelimit openrouter =
        said("x-ratelimit-limit: 1\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1750674420000");
    assert_int_equal(openrouter.requests_left, 0);
    assert_int_equal(openrouter.requests_reset_ms, 7000);
}

static void a_limit_with_nothing_left_counts_with_its_own_reset(void **state) {
    (void)state;
    struct ratelimit tight =
        said("x-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 2s\n"
             "x-ratelimit-remaining-tokens-month: 5\nanthropic-ratelimit-input-tokens-reset: 2025-06-24T00:00:00Z");
    assert_int_equal(tight.tokens_left, 0);
    assert_int_equal(tight.tokens_reset_ms, 2000);
}

static void resets_are_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = {
        {"1s", 1000},
        {"0s", 0},
        {"6m0s", 360000},
        {"120ms", 120},
        {"2m59.56s", 179560},
        {"17.399999999s", 17400},
        {"1h2m3s", 3723000},
        {"1d", 86400000},
        {"850\xc2\xb5s", 1},
        {"100us", 1},
        {"1ns", 0},
        {"60", 60000},
        {"0.25", 250},
        {"1750674413", 0},
        {"1750674500", 87000},
        {"1750674413250", 250},
        {"1650674413250", 0}, /* gone */
        {"2025-06-23T10:27:53Z", 60000},
        {"2025-06-23T12:27:53+02:00", 60000},
        {"1999-06-23T10:27:53Z", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (reset(rows[i].text) != rows[i].ms)
            fail_msg("%s is %llu ms", rows[i].text, (unsigned long long)reset(rows[i].text));
}

static void a_lie_is_cut_to_a_day_or_not_heard(void **state) {
    (void)state;
    static const char *const huge[] = {
        "48h", "99999999999999999999999999d", "999999999", "9999-12-31T23:59:59Z", "1e14", "3000000000", "2e30"};
    static const char *const garbage[] = {"",    "soon", "-1",  "-1s", "1x", "s",   "1s2", "..s",
                                          "nan", "inf",  "1 s", "0x1", "--", "1s-", "+1s", "1e5s"};
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) assert_int_equal(reset(huge[i]), day_ms);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
        if (reset(garbage[i]) != 0) fail_msg("\"%s\" was heard", garbage[i]);
    assert_int_equal(left("-5"), -1);
    assert_int_equal(left("many"), -1);
    assert_int_equal(left("0"), 0);
    assert_int_equal(left("12.9"), 12);
    assert_int_equal(left("99999999999999999999999"), ratelimit_left_max);
}

static void retry_after_is_seconds_or_a_date_in_any_form(void **state) {
    (void)state;
    assert_int_equal(retry_after("0"), 0);
    assert_int_equal(retry_after("55"), 55000);
    assert_int_equal(retry_after("0.5"), 500);
    assert_int_equal(retry_after("Mon, 23 Jun 2025 10:27:23 GMT"), 30000);
    assert_int_equal(retry_after("Monday, 23-Jun-25 10:27:23 GMT"), 30000);
    assert_int_equal(retry_after("Mon Jun 23 10:27:23 2025"), 30000);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), 0); /* gone */
    assert_int_equal(retry_after("Sun, 06 Nov 2094 08:49:37 GMT"), day_ms);
    assert_int_equal(retry_after("1000000"), day_ms);
    assert_int_equal(retry_after("99999999999999999999999999999"), day_ms);
    assert_int_equal(retry_after("-1"), -1);
    assert_int_equal(retry_after("tomorrow"), -1);
    assert_int_equal(retry_after(""), -1);
}

static void milliseconds_go_before_seconds_when_they_can_be_read(void **state) {
    (void)state;
    assert_int_equal(said("retry-after: 2\nRetry-After-Ms: 1234").retry_after_ms, 1234);
    assert_int_equal(said("retry-after: 2\nretry-after-ms: 1234.5").retry_after_ms, 1234);
    assert_int_equal(said("retry-after: 2\nretry-after-ms: -1").retry_after_ms, 2000);
    assert_int_equal(said("retry-after: 2\nretry-after-ms: soon").retry_after_ms, 2000);
    assert_int_equal(said("retry-after-ms: 86400001").retry_after_ms, day_ms);
}

static void a_clock_before_1970_does_no_harm(void **state) {
    (void)state;
    struct http_header header = {STR("retry-after"), STR("Sun, 06 Nov 1994 08:49:37 GMT")};
    assert_int_equal(ratelimit_read(&header, 1, INT64_MIN).retry_after_ms, day_ms);
    assert_int_equal(ratelimit_read(&header, 1, INT64_MAX).retry_after_ms, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_nothing_known),
        cmocka_unit_test(openai_tells_all_six),
        cmocka_unit_test(anthropic_tells_times_and_the_tightest_of_its_tokens_counts),
        cmocka_unit_test(other_vendors_words_are_understood),
        cmocka_unit_test(a_limit_with_nothing_left_counts_with_its_own_reset),
        cmocka_unit_test(resets_are_read_in_every_form),
        cmocka_unit_test(a_lie_is_cut_to_a_day_or_not_heard),
        cmocka_unit_test(retry_after_is_seconds_or_a_date_in_any_form),
        cmocka_unit_test(milliseconds_go_before_seconds_when_they_can_be_read),
        cmocka_unit_test(a_clock_before_1970_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
