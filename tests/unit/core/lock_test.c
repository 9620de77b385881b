/* The provider lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/lock.h"

static void it_is_taken_once_and_stays(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_int_equal(lock_hold(&cell, 7).holder, 7);
    assert_int_equal(lock_hold(&cell, 9).holder, 7);
    assert_int_equal(lock_view(&cell).epoch, 1);
}

static void the_third_failure_moves_it_and_success_clears_the_count(void **state) {
    struct cell cell = {0};
    uint32_t epoch = lock_hold(&cell, 7).epoch;
    (void)state;
    assert_int_equal(lock_failed(&cell, epoch, 3, 9), lock_counted);
    lock_succeeded(&cell, epoch);
    assert_int_equal(lock_view(&cell).failures, 0);
    assert_int_equal(lock_failed(&cell, epoch, 3, 9), lock_counted);
    assert_int_equal(lock_failed(&cell, epoch, 3, 9), lock_counted);
    lock_succeeded(&cell, epoch);
    assert_int_equal(lock_view(&cell).failures, 0);
    lock_failed(&cell, epoch, 3, 9);
    lock_failed(&cell, epoch, 3, 9);
    assert_int_equal(lock_failed(&cell, epoch, 3, 9), lock_moved);
    assert_int_equal(lock_view(&cell).holder, 9);
    assert_int_equal(lock_view(&cell).epoch, epoch + 1);
    assert_int_equal(lock_view(&cell).failures, 0);
}

static void two_hundred_that_fail_together_move_it_once(void **state) {
    struct cell cell = {0};
    uint32_t epoch = lock_hold(&cell, 1).epoch;
    unsigned moved = 0;
    (void)state;
    for (int i = 0; i < 200; i++) moved += lock_failed(&cell, epoch, 3, 2) == lock_moved;
    assert_int_equal(moved, 1);
    assert_int_equal(lock_view(&cell).holder, 2);
    assert_int_equal(lock_view(&cell).failures, 0);
}

static void with_nowhere_to_go_it_stays_and_counts_to_its_top(void **state) {
    struct cell cell = {0};
    uint32_t epoch = lock_hold(&cell, 1).epoch;
    (void)state;
    for (int i = 0; i < 1000; i++) assert_int_equal(lock_failed(&cell, epoch, 255, 0), lock_counted);
    assert_int_equal(lock_view(&cell).failures, 255);
    assert_int_equal(lock_failed(&cell, epoch, 255, 1), lock_counted);
    assert_int_equal(lock_failed(&cell, epoch, 255, 2), lock_moved);
}

static void a_move_by_hand_wants_the_epoch(void **state) {
    struct cell cell = {0};
    uint32_t epoch = lock_hold(&cell, 1).epoch;
    (void)state;
    assert_true(lock_move(&cell, epoch, 2));
    assert_false(lock_move(&cell, epoch, 3));
    assert_int_equal(lock_view(&cell).failures, 0);
    assert_int_equal(lock_view(&cell).holder, 2);
    lock_succeeded(&cell, epoch); /* stale: nothing */
    assert_int_equal(lock_failed(&cell, epoch, 1, 3), lock_unchanged);
}

static void fields_come_round_without_touching_each_other(void **state) {
    struct cell cell = {0};
    (void)state;
    lock_restore(&cell, 0xffffff, UINT32_MAX);
    assert_int_equal(lock_view(&cell).failures, 0);
    assert_int_equal(lock_view(&cell).holder, 0xffffff);
    assert_true(lock_move(&cell, UINT32_MAX, 5));
    assert_int_equal(lock_view(&cell).epoch, 0);
    assert_int_equal(lock_view(&cell).holder, 5);
}

static void the_count_is_shown_up_to_what_moves_it(void **state) {
    struct cell cell = {0};
    uint32_t epoch = lock_hold(&cell, 1).epoch;
    (void)state;
    for (unsigned i = 1; i < 10; i++) {
        assert_int_equal(lock_failed(&cell, epoch, 3, 1), lock_counted); /* nowhere to go but to itself */
        assert_int_equal(lock_view(&cell).failures, i < 3 ? i : 3);
    }
    lock_succeeded(&cell, epoch + 1); /* of another epoch */
    assert_int_equal(lock_view(&cell).failures, 3);
    lock_succeeded(&cell, epoch);
    assert_int_equal(lock_view(&cell).failures, 0);
    assert_int_equal(lock_view(&cell).holder, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_taken_once_and_stays),
        cmocka_unit_test(the_third_failure_moves_it_and_success_clears_the_count),
        cmocka_unit_test(two_hundred_that_fail_together_move_it_once),
        cmocka_unit_test(with_nowhere_to_go_it_stays_and_counts_to_its_top),
        cmocka_unit_test(a_move_by_hand_wants_the_epoch),
        cmocka_unit_test(fields_come_round_without_touching_each_other),
        cmocka_unit_test(the_count_is_shown_up_to_what_moves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
