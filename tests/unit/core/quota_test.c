/* Quotas against plain counts: with what is in flight, over their windows, in the order of a drawn crowd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/quota.h"

static struct quota quota_of(struct spend *spend, enum quota_unit unit, int64_t limit, enum window_kind kind) {
    return (struct quota){.unit = unit, .limit = limit, .window = {.kind = kind}, .spend = spend};
}

static void no_more_requests_are_sent_than_it_has(void **state) {
    (void)state;
    struct spend spend = {0};
    struct quota quota = quota_of(&spend, quota_requests, 3, window_day);
    uint64_t window_s;
    for (int i = 0; i < 3; i++) assert_int_equal(quota_take(&quota, 100, 1, &window_s), 1);
    assert_int_equal(quota_take(&quota, 100, 1, &window_s), -1);
    assert_int_equal(quota_settle(&quota, window_s, 1, 0), 0); /* it was never sent */
    assert_int_equal(quota_settle(&quota, window_s, 1, 1), 1);
    struct quota_view view = quota_look(&quota, 200);
    assert_int_equal(view.counted, 1);
    assert_int_equal(view.reserved, 1);
    assert_true(view.left > 0.33 && view.left < 0.34);
    assert_int_equal(quota_take(&quota, 100, 1, &window_s), 1);
    assert_int_equal(quota_take(&quota, 100, 1, &window_s), -1);
    assert_true(quota_look(&quota, 100).left == 0);
    assert_int_equal(quota_take(&quota, 86400, 1, &window_s), 1); /* the next day */
    assert_int_equal(window_s, 86400);
    assert_int_equal(quota_look(&quota, 86400).span.end_s, 2 * 86400);
}

static void what_is_left_is_enough_for_one_more_and_what_it_takes_counts(void **state) {
    (void)state;
    struct spend spend = {0};
    struct quota quota = quota_of(&spend, quota_tokens, 1000, window_hour);
    uint64_t window_s, other_s;
    assert_int_equal(quota_take(&quota, 0, 990, &window_s), 990);
    assert_int_equal(quota_take(&quota, 0, 500, &other_s), 10);
    assert_int_equal(quota_take(&quota, 0, 0, &other_s), -1); /* what is in flight has the rest */
    assert_int_equal(quota_settle(&quota, window_s, 990, 200), 200);
    assert_int_equal(quota_settle(&quota, other_s, 10, 5000), 5000);
    struct quota_view view = quota_look(&quota, 0);
    assert_int_equal(view.counted, 5200);
    assert_true(view.left == 0);
    assert_int_equal(quota_settle(&quota, other_s, 0, INT64_MAX), quota_amount_most); /* a provider that lies */
}

static void what_is_late_counts_in_the_window_that_it_was_sent_in(void **state) {
    (void)state;
    struct spend spend = {0};
    struct quota quota = quota_of(&spend, quota_characters, 100, window_month);
    uint64_t january_s, february_s;
    const int64_t february = 31 * 86400;
    assert_int_equal(quota_take(&quota, february - 1, 100, &january_s), 100);
    assert_int_equal(quota_take(&quota, february, 40, &february_s), 40);
    quota_settle(&quota, january_s, 100, 90);
    assert_int_equal(quota_look(&quota, february).counted, 0);
    assert_int_equal(quota_look(&quota, february).reserved, 40);
}

static void a_crowd_is_counted_as_plain_numbers_count_it(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 7);
    for (int run = 0; run < 200; run++) {
        struct spend spend = {0};
        int64_t limit = 1 + (int64_t)prng_below(&prng, 500), counted = 0, reserved = 0, held[16] = {0};
        bool live[16] = {false};
        struct quota quota = quota_of(&spend, quota_tokens, limit, window_lifetime);
        for (int step = 0; step < 300; step++) {
            size_t i = prng_below(&prng, 16);
            uint64_t window_s = 0;
            if (live[i]) {
                int64_t used = (int64_t)prng_below(&prng, 60);
                quota_settle(&quota, window_s, held[i], used);
                reserved -= held[i];
                counted += used;
                live[i] = false;
            } else {
                int64_t want = (int64_t)prng_below(&prng, 60), rest = limit - counted - reserved;
                held[i] = quota_take(&quota, 1, want, &window_s);
                assert_int_equal(held[i], rest <= 0 ? -1 : want < rest ? want : rest);
                live[i] = held[i] >= 0;
                if (live[i]) reserved += held[i];
            }
            struct quota_view view = quota_look(&quota, 1);
            assert_int_equal(view.counted, counted);
            assert_int_equal(view.reserved, reserved);
        }
    }
}

static void units_have_their_words(void **state) {
    (void)state;
    assert_true(str_eq(quota_unit_word(quota_requests), STR("requests")));
    assert_true(str_eq(quota_unit_word(quota_characters), STR("characters")));
    assert_true(str_empty(quota_unit_word(quota_units)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_requests_are_sent_than_it_has),
        cmocka_unit_test(what_is_left_is_enough_for_one_more_and_what_it_takes_counts),
        cmocka_unit_test(what_is_late_counts_in_the_window_that_it_was_sent_in),
        cmocka_unit_test(a_crowd_is_counted_as_plain_numbers_count_it),
        cmocka_unit_test(units_have_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
