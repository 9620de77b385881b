/* Who else was served lately. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/company.h"

#define S 1000000000ull
static const uint64_t window = 60 * S, alice = 11, bob = 22, carol = 33;

static void who_is_served_alone_has_no_company(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_false(company_has_other(&cell, alice, window, 0));
    for (uint64_t i = 0; i < 1000; i++) company_note(&cell, alice, i * S);
    assert_false(company_has_other(&cell, alice, window, 999 * S));
    assert_true(company_has_other(&cell, bob, window, 999 * S));
}

static void company_lasts_for_the_window(void **state) {
    struct cell cell = {0};
    (void)state;
    company_note(&cell, bob, 100 * S);
    for (uint64_t i = 100; i < 200; i++) company_note(&cell, alice, i * S);
    assert_true(company_has_other(&cell, alice, window, 160 * S));
    assert_false(company_has_other(&cell, alice, window, 169 * S));
    assert_true(company_has_other(&cell, bob, window, 199 * S));
}

static void of_three_the_last_two_are_known(void **state) {
    struct cell cell = {0};
    (void)state;
    company_note(&cell, alice, 10 * S);
    company_note(&cell, bob, 20 * S);
    company_note(&cell, carol, 70 * S);
    assert_true(company_has_other(&cell, carol, window, 76 * S)); /* bob */
    assert_false(company_has_other(&cell, carol, window, 90 * S));
    assert_true(company_has_other(&cell, bob, window, 90 * S)); /* carol */
}

static void many_that_are_served_at_once_write_it_no_more_than_twice(void **state) {
    struct cell cell = {0};
    (void)state;
    company_note(&cell, alice, S);
    company_note(&cell, bob, S);
    uint64_t word = cell_load(&cell);
    for (uint64_t who = 0; who < 100; who++) company_note(&cell, who, S);
    assert_true(cell_load(&cell) == word);
}

static void the_clock_comes_round(void **state) {
    const uint64_t round = (1ull << 15) * 4 * S;
    struct cell cell = {0};
    (void)state;
    company_note(&cell, alice, round - 2 * S);
    assert_true(company_has_other(&cell, bob, window, round + 30 * S));
    assert_false(company_has_other(&cell, bob, window, round + 90 * S));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_served_alone_has_no_company),
        cmocka_unit_test(company_lasts_for_the_window),
        cmocka_unit_test(of_three_the_last_two_are_known),
        cmocka_unit_test(many_that_are_served_at_once_write_it_no_more_than_twice),
        cmocka_unit_test(the_clock_comes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
