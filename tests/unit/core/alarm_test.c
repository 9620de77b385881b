/* alarm_test.c - when a number is told of, over a drawn day. */
#include "core/alarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { minute_s = 60, window_s = 300, day_s = 86400 };

static const uint64_t most_us[trend_buckets - 1] = {
    500,     1000,    2500,    5000,     10000,    25000,    50000,     100000,    250000,    500000,
    1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 120000000, 300000000, 600000000, UINT64_MAX};

static void it_begins_at_its_threshold_and_ends_a_fifth_below(void **state) {
    static const struct {
        double value;
        uint64_t count;
        bool lasts, young, holds;
    } rows[] = {
        {0.19, 100, false, false, false}, {0.20, 100, false, false, true}, {0.17, 100, true, false, true},
        {0.15, 100, true, false, false},  {0.90, 19, false, false, false}, {0.90, 19, true, false, false},
        {0.00, 0, true, true, true},      {0.00, 0, false, true, false},   {0.00, 20, true, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct alarm alarm = {rows[i].value, 0.2, rows[i].count, 20, rows[i].lasts, rows[i].young};
        if (alarm_holds(&alarm) != rows[i].holds) fail_msg("row %zu", i);
    }
    assert_false(alarm_holds(&(struct alarm){.value = 1, .count = 100, .least = 1})); /* no threshold: never */
}

/* A day of one answer a second; of the two hours from noon on half of them fail. */
static void a_bad_hour_is_told_once_and_over_within_a_window(void **state) {
    struct trend trend;
    struct trend_counts counts = {.good = 0};
    bool lasts = false;
    uint64_t begun_s = 0, ended_s = 0;
    unsigned changes = 0;
    (void)state;
    memset(&trend, 0, sizeof trend);
    for (uint64_t now_s = 0; now_s < day_s; now_s++) {
        struct trend_window window;
        bool bad = now_s >= day_s / 2 && now_s < day_s / 2 + 7200 && now_s % 2;
        *(bad ? &counts.bad : &counts.good) += 1;
        trend_look(&trend, &counts, now_s, window_s, &window);
        uint64_t all = window.within.good + window.within.bad;
        const struct alarm alarm = {.value = all ? (double)window.within.bad / (double)all : 0,
                                    .threshold = 0.2,
                                    .count = all,
                                    .least = 20,
                                    .lasts = lasts,
                                    .young = window.young};
        bool holds = alarm_holds(&alarm);
        changes += holds != lasts;
        if (holds && !lasts) begun_s = now_s;
        if (!holds && lasts) ended_s = now_s;
        lasts = holds;
        if (now_s > 2 * window_s) assert_true(all >= window_s && all <= window_s + window_s / 5);
    }
    assert_int_equal(changes, 2);
    assert_in_range(begun_s, day_s / 2, day_s / 2 + window_s / 2);
    assert_in_range(ended_s, day_s / 2 + 7200, day_s / 2 + 7200 + window_s + minute_s);
}

static void a_quantile_lies_within_its_bucket(void **state) {
    struct trend_counts counts = {.good = 0};
    (void)state;
    assert_int_equal(trend_quantile(&counts, most_us, 0.95), 0);
    counts.buckets[7] = 95; /* up to 100 ms */
    counts.buckets[11] = 5; /* up to 2.5 s */
    assert_int_equal(trend_answers(&counts), 100);
    assert_int_equal(trend_quantile(&counts, most_us, 0.95), 100000);
    assert_in_range(trend_quantile(&counts, most_us, 0.96), 1000001, 2500000);
    assert_in_range(trend_quantile(&counts, most_us, 0.5), 50000, 100000);
}

static void what_came_before_the_window_is_its_past(void **state) {
    struct trend trend;
    struct trend_window window;
    struct trend_counts counts = {.good = 10};
    (void)state;
    memset(&trend, 0, sizeof trend);
    trend_look(&trend, &counts, 1000, window_s, &window);
    assert_true(window.young && window.within.good == 0 && window.before.good == 10);
    counts.good = 30;
    trend_look(&trend, &counts, 1100, window_s, &window);
    assert_true(window.young && window.within.good == 20);
    trend_look(&trend, &counts, 1300, window_s, &window);
    assert_true(!window.young && window.before.good == 10);
    trend_look(&trend, &counts, 1400, window_s, &window);
    assert_true(window.before.good == 30 && window.within.good == 0);
    counts.good = 5; /* another process's */
    trend_look(&trend, &counts, 1401, window_s, &window);
    assert_int_equal(window.within.good, 0);
}

static void an_usual_hour_wants_a_day_of_them(void **state) {
    int64_t hours[168] = {0};
    (void)state;
    for (size_t i = 0; i < 23; i++) hours[i * 2] = 100;
    assert_int_equal(spend_usual(hours, 168), 0);
    for (size_t i = 0; i < 168; i++) hours[i] = i < 100 ? (int64_t)(i + 1) : 0;
    assert_int_equal(spend_usual(hours, 168), 90);
    for (size_t i = 0; i < 24; i++) hours[i] = 7;
    assert_int_equal(spend_usual(hours, 24), 7);
}

static void a_budget_burns_when_enough_of_its_window_is_over(void **state) {
    (void)state;
    assert_false(spend_burns(0, 1000, 99, 100, 500));
    assert_true(spend_burns(0, 1000, 100, 100, 500));
    assert_false(spend_burns(0, 1000, 100, 100, 1000)); /* at the very end of it */
    assert_false(spend_burns(0, 1000, 900, 0, 500));    /* off */
    assert_false(spend_burns(0, INT64_MAX, 900, 100, 500));
    assert_false(spend_burns(10000, 11000, 10099, 100, 10500)); /* since it began, and not since ever */
    assert_true(spend_burns(10000, 11000, 10100, 100, 10500));
    assert_false(spend_burns(10000, 11000, 10100, 100, 11000));
    assert_true(spend_burns(10000, 11000, 10100, 100, 10999));
    assert_false(spend_burns(1000, 1000, 1000, 100, 500)); /* no window */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_at_its_threshold_and_ends_a_fifth_below),
        cmocka_unit_test(a_bad_hour_is_told_once_and_over_within_a_window),
        cmocka_unit_test(a_quantile_lies_within_its_bucket),
        cmocka_unit_test(what_came_before_the_window_is_its_past),
        cmocka_unit_test(an_usual_hour_wants_a_day_of_them),
        cmocka_unit_test(a_budget_burns_when_enough_of_its_window_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
