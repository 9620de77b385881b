/* renewal_test.c - when keys are fetched again, and when those that came last serve no more: all of it by a clock that
 * the test moves. */
#include "core/renewal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { period_s = 3600 };

static void is_due_at_once_and_then_after_its_period(void **state) {
    struct renewal renewal = renewal_new(100);
    (void)state;
    assert_true(renewal_until_s(&renewal) == INT64_MIN);
    assert_true(renewal_is_due(&renewal, 100));
    renewal_begin(&renewal);
    assert_false(renewal_is_due(&renewal, 200)); /* one at a time */
    renewal_came(&renewal, 200, -1, period_s);
    assert_false(renewal_is_due(&renewal, 200 + period_s - 1));
    assert_true(renewal_is_due(&renewal, 200 + period_s));
}

static void what_its_server_says_counts_between_a_minute_and_the_period(void **state) {
    static const struct {
        int64_t says_s, period_s, wait_s;
    } rows[] = {{-1, 3600, 3600}, {600, 3600, 600}, {7200, 3600, 3600}, {0, 3600, 60}, {59, 3600, 60},
                {0, 1, 1},        {600, 1, 1},      {-1, 30, 30},       {5, 30, 30}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct renewal renewal = renewal_new(0);
        renewal_begin(&renewal);
        renewal_came(&renewal, 1000, rows[i].says_s, rows[i].period_s);
        assert_false(renewal_is_due(&renewal, 1000 + rows[i].wait_s - 1));
        assert_true(renewal_is_due(&renewal, 1000 + rows[i].wait_s));
    }
}

static void what_came_last_serves_for_a_day_and_not_a_second_longer(void **state) {
    struct renewal renewal = renewal_new(0);
    (void)state;
    renewal_begin(&renewal);
    renewal_came(&renewal, 1000, -1, period_s);
    for (int64_t now_s = 1000 + period_s; now_s < 1000 + renewal_kept_s; now_s = renewal.next_s) {
        assert_true(renewal_is_due(&renewal, now_s));
        renewal_begin(&renewal);
        renewal_failed(&renewal, now_s, period_s);
        assert_true(renewal.next_s > now_s && renewal.next_s <= now_s + renewal_again_most_s);
        assert_true(renewal_until_s(&renewal) ==
                    1000 + renewal_kept_s); /* a failure makes it neither longer nor shorter */
    }
    renewal_begin(&renewal);
    renewal_came(&renewal, 200000, -1, period_s);
    assert_true(renewal_until_s(&renewal) == 200000 + renewal_kept_s);
}

static void failures_are_repeated_ever_later(void **state) {
    static const int64_t waits_s[] = {5, 10, 20, 40, 80, 160, 300, 300, 300};
    struct renewal renewal = renewal_new(0);
    int64_t now_s = 0;
    (void)state;
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        renewal_begin(&renewal);
        renewal_failed(&renewal, now_s, period_s);
        assert_int_equal(renewal.next_s - now_s, waits_s[i]);
        now_s = renewal.next_s;
    }
    renewal_begin(&renewal);
    renewal_came(&renewal, now_s, -1, period_s);
    renewal_begin(&renewal);
    renewal_failed(&renewal, now_s, period_s);
    assert_int_equal(renewal.next_s - now_s, waits_s[0]);
    renewal_failed(&renewal, now_s, 1); /* never later than its period */
    assert_int_equal(renewal.next_s - now_s, 1);
}

static void strangers_have_it_fetched_once_a_minute_at_most(void **state) {
    struct renewal renewal = renewal_new(0);
    unsigned fetches = 0;
    (void)state;
    renewal_begin(&renewal);
    renewal_came(&renewal, 0, -1, period_s);
    for (int64_t now_s = 10; now_s < 10 + 600; now_s++) /* ten minutes of a question a second */
        for (unsigned i = 0; i < 3; i++) {
            bool told = renewal_ask(&renewal, now_s);
            if (!renewal_is_due(&renewal, now_s)) {
                assert_false(told);
                continue;
            }
            assert_true(told);
            renewal_begin(&renewal);
            assert_true(renewal_ask(&renewal, now_s)); /* it is on its way */
            renewal_came(&renewal, now_s, -1, period_s);
            fetches++;
        }
    assert_int_equal(fetches, 10);
}

static void what_a_process_before_has_fetched_counts_from_then(void **state) {
    struct renewal renewal = renewal_new(50);
    (void)state;
    renewal_restore(&renewal, 50 - 80000); /* before this clock began */
    assert_true(renewal_is_due(&renewal, 50));
    assert_true(renewal_until_s(&renewal) == 50 - 80000 + renewal_kept_s);
}

static void headers_say_how_long_it_holds(void **state) {
    static const struct {
        const char *cache_control, *age;
        int64_t seconds;
    } rows[] = {{"", "", -1},
                {"max-age=600", "", 600},
                {"public, max-age=600, must-revalidate", "100", 500},
                {"Max-Age=600", "700", 0},
                {"max-age=\"30\"", "", 30},
                {"max-age=600", "soon", 600},
                {"max-age=600, no-cache", "", 0},
                {"no-store", "", 0},
                {"max-age=-5", "", -1},
                {"max-age=99999999999999999999", "", -1},
                {"max-age=18446744073709551615", "", INT32_MAX},
                {"s-maxage=7", "", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(renewal_max_age_s(str_from(rows[i].cache_control), str_from(rows[i].age)), rows[i].seconds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_due_at_once_and_then_after_its_period),
        cmocka_unit_test(what_its_server_says_counts_between_a_minute_and_the_period),
        cmocka_unit_test(what_came_last_serves_for_a_day_and_not_a_second_longer),
        cmocka_unit_test(failures_are_repeated_ever_later),
        cmocka_unit_test(strangers_have_it_fetched_once_a_minute_at_most),
        cmocka_unit_test(what_a_process_before_has_fetched_counts_from_then),
        cmocka_unit_test(headers_say_how_long_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
