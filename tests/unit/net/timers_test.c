/* timers_test.c - the heap of timers: who is due, in which order, whatever was set, moved and taken out before. */
#include "net/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

enum { many = 300 };

static void nobody_is_due_where_nothing_is_set(void **state) {
    struct timers timers = {0};
    (void)state;
    assert_null(timers_due(&timers, UINT64_MAX - 1));
    assert_true(timers_next(&timers) == UINT64_MAX);
    assert_int_equal(timers.count, 0);
}

static void they_come_by_deadline_and_not_before_it(void **state) {
    struct timers timers = {0};
    struct timer late = {0}, early = {0}, between = {0};
    (void)state;
    timers_set(&timers, &late, 300);
    timers_set(&timers, &early, 100);
    timers_set(&timers, &between, 200);
    assert_int_equal(timers_next(&timers), 100);
    assert_null(timers_due(&timers, 99));
    assert_ptr_equal(timers_due(&timers, 100), &early);
    assert_null(timers_due(&timers, 100));
    assert_ptr_equal(timers_due(&timers, 1000), &between);
    assert_ptr_equal(timers_due(&timers, 1000), &late);
    assert_null(timers_due(&timers, 1000));
    assert_int_equal(timers.count, 0);
}

static void one_that_is_set_again_moves_both_ways(void **state) {
    struct timers timers = {0};
    struct timer one = {0}, other = {0};
    (void)state;
    timers_set(&timers, &one, 100);
    timers_set(&timers, &other, 200);
    timers_set(&timers, &one, 300);
    assert_int_equal(timers.count, 2);
    assert_int_equal(timers_next(&timers), 200);
    timers_set(&timers, &one, 50);
    assert_ptr_equal(timers_due(&timers, 50), &one);
    assert_ptr_equal(timers_due(&timers, 200), &other);
    assert_int_equal(timers.count, 0);
}

static void one_that_is_taken_out_may_be_taken_out_again_and_set_again(void **state) {
    struct timers timers = {0};
    struct timer one = {0};
    (void)state;
    timers_set(&timers, &one, 100);
    timers_cancel(&timers, &one);
    timers_cancel(&timers, &one);
    assert_false(one.set);
    assert_null(timers_due(&timers, 1000));
    timers_set(&timers, &one, 100);
    assert_ptr_equal(timers_due(&timers, 100), &one);
    assert_false(one.set);
    assert_int_equal(timers.count, 0);
}

/* Against a plain array that is searched from end to end. */
static void after_any_order_of_settings_moves_and_ends_the_nearest_is_next(void **state) {
    struct timers timers = {0};
    struct timer set_of[many];
    uint64_t deadlines[many], now_ns = 0;
    struct prng prng;
    (void)state;
    memset(set_of, 0, sizeof set_of);
    memset(deadlines, 0, sizeof deadlines);
    prng_seed(&prng, 7);
    for (int step = 0; step < 20000; step++) {
        size_t at = prng_below(&prng, many);
        switch (prng_below(&prng, 4)) {
        case 0:
            timers_cancel(&timers, &set_of[at]);
            deadlines[at] = 0;
            break;
        case 1: now_ns += prng_below(&prng, 50); break;
        default: deadlines[at] = now_ns + 1 + prng_below(&prng, 1000); timers_set(&timers, &set_of[at], deadlines[at]);
        }
        for (struct timer *due; (due = timers_due(&timers, now_ns));) {
            size_t which = (size_t)(due - set_of);
            assert_true(deadlines[which] != 0 && deadlines[which] <= now_ns);
            deadlines[which] = 0;
        }
        uint64_t nearest = UINT64_MAX;
        for (size_t i = 0; i < many; i++)
            if (deadlines[i] && deadlines[i] < nearest) nearest = deadlines[i];
        assert_true(timers_next(&timers) == nearest);
    }
    for (size_t i = 0; i < many; i++) timers_cancel(&timers, &set_of[i]);
    assert_int_equal(timers.count, 0);
}

/* As many as a busy loop has, at once and in the worst orders for a tree. */
static void a_hundred_thousand_in_a_row_are_no_deep_pile(void **state) {
    enum { most = 100000 };
    static struct timer rising[most];
    struct timers timers = {0};
    (void)state;
    for (int falls = 0; falls < 2; falls++) {
        for (size_t i = 0; i < most; i++) timers_set(&timers, &rising[i], falls ? most - i : i + 1);
        for (uint64_t at = 1; at <= most; at++) {
            struct timer *due = timers_due(&timers, at);
            assert_true(due && due->deadline_ns == at && !timers_due(&timers, at));
        }
    }
    assert_int_equal(timers.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_due_where_nothing_is_set),
        cmocka_unit_test(they_come_by_deadline_and_not_before_it),
        cmocka_unit_test(one_that_is_set_again_moves_both_ways),
        cmocka_unit_test(one_that_is_taken_out_may_be_taken_out_again_and_set_again),
        cmocka_unit_test(a_hundred_thousand_in_a_row_are_no_deep_pile),
        cmocka_unit_test(after_any_order_of_settings_moves_and_ends_the_nearest_is_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
