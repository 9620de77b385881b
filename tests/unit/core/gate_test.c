/* Places and who waits for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/gate.h"

static void places_are_taken_up_to_the_limit_and_come_back(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_true(gate_enter(&cell, 2) && gate_enter(&cell, 2));
    assert_false(gate_enter(&cell, 2));
    assert_false(gate_leave(&cell, 2));
    assert_true(gate_enter(&cell, 2));
    assert_int_equal(gate_in_use(&cell), 2);
}

static void without_a_limit_it_only_counts(void **state) {
    struct cell cell = {0};
    (void)state;
    for (int i = 0; i < 1000; i++) assert_true(gate_enter(&cell, 0));
    assert_int_equal(gate_in_use(&cell), 1000);
}

static void nobody_passes_one_who_waits_and_a_place_is_handed_over(void **state) {
    struct cell cell = {0};
    bool entered;
    (void)state;
    assert_true(gate_enter(&cell, 1));
    assert_true(gate_wait(&cell, 1, 2, &entered) && !entered);
    assert_true(gate_wait(&cell, 1, 2, &entered) && !entered);
    assert_false(gate_wait(&cell, 1, 2, &entered));
    assert_true(gate_leave(&cell, 1)); /* to the first who waits */
    assert_int_equal(gate_in_use(&cell), 1);
    assert_int_equal(gate_waiting(&cell), 1);
    assert_false(gate_enter(&cell, 1));
    assert_true(gate_leave(&cell, 1));
    assert_false(gate_leave(&cell, 1));
    assert_int_equal(cell_load(&cell), 0);
}

static void a_place_that_came_free_meanwhile_is_taken_at_once(void **state) {
    struct cell cell = {0};
    bool entered = false;
    (void)state;
    assert_true(gate_wait(&cell, 1, 0, &entered) && entered);
}

static void one_who_gives_up_while_a_place_is_on_its_way(void **state) {
    struct cell cell = {0};
    bool entered;
    (void)state;
    assert_true(gate_enter(&cell, 1));
    assert_true(gate_wait(&cell, 1, 9, &entered));
    assert_true(gate_leave(&cell, 1)); /* on its way */
    gate_stop_waiting(&cell);          /* too late for the one it was meant for */
    assert_int_equal(gate_waiting(&cell), -1);
    assert_true(gate_wait(&cell, 1, 9, &entered) && !entered); /* another one comes, and gets it */
    assert_int_equal(gate_waiting(&cell), 0);
    assert_false(gate_leave(&cell, 1));
    assert_int_equal(cell_load(&cell), 0);
    assert_true(gate_enter(&cell, 1));
    assert_true(gate_wait(&cell, 1, 9, &entered));
    assert_true(gate_leave(&cell, 1));
    gate_stop_waiting(&cell);
    assert_false(gate_unwanted(&cell)); /* nobody at all: the place is free */
    assert_int_equal(cell_load(&cell), 0);
}

static void a_place_goes_where_somebody_waits(void **state) {
    struct cell cell = {0};
    bool entered;
    (void)state;
    assert_true(gate_enter(&cell, 1));
    assert_true(gate_wait(&cell, 1, 9, &entered));
    assert_true(gate_wait(&cell, 1, 9, &entered));
    assert_true(gate_leave(&cell, 1));
    gate_stop_waiting(&cell);          /* the one it was meant for */
    assert_true(gate_unwanted(&cell)); /* the other one gets it */
    assert_int_equal(gate_in_use(&cell), 1);
    assert_int_equal(gate_waiting(&cell), 0);
}

static void a_lowered_limit_lets_places_go_until_it_fits(void **state) {
    struct cell cell = {0};
    bool entered;
    (void)state;
    for (int i = 0; i < 3; i++) assert_true(gate_enter(&cell, 3));
    assert_true(gate_wait(&cell, 1, 9, &entered) && !entered);
    assert_false(gate_leave(&cell, 1));
    assert_false(gate_leave(&cell, 1));
    assert_true(gate_leave(&cell, 1));
    assert_int_equal(gate_in_use(&cell), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_taken_up_to_the_limit_and_come_back),
        cmocka_unit_test(without_a_limit_it_only_counts),
        cmocka_unit_test(nobody_passes_one_who_waits_and_a_place_is_handed_over),
        cmocka_unit_test(a_place_that_came_free_meanwhile_is_taken_at_once),
        cmocka_unit_test(one_who_gives_up_while_a_place_is_on_its_way),
        cmocka_unit_test(a_place_goes_where_somebody_waits),
        cmocka_unit_test(a_lowered_limit_lets_places_go_until_it_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
