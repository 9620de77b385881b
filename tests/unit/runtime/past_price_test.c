/* past_price_test.c - what an attempt of before costs by other prices: each part of what others had a part in counts
 * once, at what they cost. */
#include "runtime/past_price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* A USD a million tokens of input, ten of output, 0.1 cached, 1.25 written. */
static const struct price_list prices = {
    .input = 1000000000, .output = 10000000000, .cached_input = 100000000, .cache_write = 1250000000, .request = -1};

static struct past_attempt attempt_of(int64_t input, int64_t output, int64_t cached, int64_t written) {
    struct past_attempt attempt = {.metered_known = true, .recosted_nano_usd = -1};
    for (size_t i = 0; i < record_numbers; i++) attempt.numbers[i] = -1;
    attempt.numbers[record_time_ms] = INT64_C(1794268800000);
    attempt.numbers[record_input_tokens] = input;
    attempt.numbers[record_output_tokens] = output;
    attempt.numbers[record_cached_tokens] = cached;
    attempt.numbers[record_cache_write_tokens] = written;
    return attempt;
}

static int64_t cost_of(const struct past_attempt *attempt, bool elsewhere) {
    const struct past_target target = {.has_provider = true, .prices = prices};
    int64_t nano_usd = -1;
    assert_int_equal(past_price(&target, attempt, elsewhere, &nano_usd), past_priced);
    return nano_usd;
}

static void each_kind_of_token_has_its_price(void **state) {
    (void)state;
    const struct past_attempt attempt = attempt_of(1000, 100, 300, 200);
    assert_int_equal(cost_of(&attempt, false), 500 * 1000 + 100 * 10000 + 300 * 100 + 200 * 1250);
}

/* Another model made a part of it, of each kind: that part is taken out, and costs what it did. */
static void what_others_had_a_part_in_is_taken_out_of_each_kind(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct past_attempt attempt = attempt_of(10000, 1000, 3000, 2000);
        struct metered_others *others = &attempt.metered.others;
        const int64_t part = 70, of_each[] = {1000, 10000, 100 - 1000, 1250 - 1000};
        int64_t *parts[] = {&others->input, &others->output, &others->cached_input, &others->cache_write};
        const int64_t whole = cost_of(&attempt, false);
        *parts[kind] = part;
        others->nano_usd = 123;
        assert_int_equal(cost_of(&attempt, false), whole - part * of_each[kind] + 123);
        assert_int_equal(cost_of(&attempt, true), whole); /* elsewhere one model would have made it all */
    }
}

/* What is not known of an attempt, and whose word is taken then. */
static void what_is_not_known_has_its_reason(void **state) {
    static const struct {
        int64_t input, output, tools, fees, provider;
        bool metered_known, has_provider, priced;
        enum past_why why;
        int64_t nano_usd; /* -1: none */
    } rows[] = {
        {-1, -1, -1, -1, -1, true, true, true, past_uncounted, -1},
        {0, -1, -1, -1, -1, true, true, true, past_priced, 0},
        {-1, 0, -1, -1, -1, true, true, true, past_priced, 0},
        {1, 0, 0, 0, -1, false, true, true, past_priced, 1000},
        {1, 0, 1, 0, -1, false, true, true, past_unmetered, -1},
        {1, 0, 0, 1, -1, false, true, true, past_unmetered, -1},
        {1, 0, 1, 1, -1, true, true, true, past_priced, 1000},
        {1, 0, 1, 1, 0, false, true, true, past_priced, 1000},
        {1, 0, 0, 0, -1, true, true, false, past_no_price, -1},
        {1, 0, 0, 0, -1, true, false, false, past_no_provider, -1},
        {1, 0, 0, 0, 7, true, true, false, past_priced, 7},
        {1, 0, 0, 0, 0, true, false, false, past_priced, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct past_attempt attempt = attempt_of(rows[i].input, rows[i].output, -1, -1);
        const struct past_target target = {.has_provider = rows[i].has_provider,
                                           .prices = rows[i].priced ? prices : PRICES_UNKNOWN};
        int64_t nano_usd = -1;
        attempt.metered_known = rows[i].metered_known;
        attempt.numbers[record_tools_nano_usd] = rows[i].tools;
        attempt.numbers[record_fees_nano_usd] = rows[i].fees;
        attempt.numbers[record_provider_nano_usd] = rows[i].provider;
        enum past_why why = past_price(&target, &attempt, false, &nano_usd);
        if (why != rows[i].why || nano_usd != rows[i].nano_usd)
            fail_msg("row %zu: %.*s, %lld", i, STR_ARG(past_why_name(why)), (long long)nano_usd);
    }
}

/* What a provider said of its cost is of that provider. */
static void elsewhere_the_providers_word_is_none(void **state) {
    const struct past_target target = {.has_provider = true, .prices = PRICES_UNKNOWN};
    struct past_attempt attempt = attempt_of(1, 0, -1, -1);
    int64_t nano_usd = -1;
    (void)state;
    attempt.numbers[record_provider_nano_usd] = 7;
    assert_int_equal(past_price(&target, &attempt, true, &nano_usd), past_no_price);
    assert_int_equal(nano_usd, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_token_has_its_price),
        cmocka_unit_test(what_others_had_a_part_in_is_taken_out_of_each_kind),
        cmocka_unit_test(what_is_not_known_has_its_reason),
        cmocka_unit_test(elsewhere_the_providers_word_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
