/* Each client's share of a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/str.h"
#include "core/waiters.h"

enum { line = 100 };

static unsigned fill(struct waiters *waiters, uint64_t client, unsigned taken) {
    unsigned own = 0;
    while (taken + own < line && waiters_join(waiters, client, line - taken - own)) own++;
    return own;
}

static void one_takes_half_and_the_next_ones_find_room(void **state) {
    struct waiters waiters = {0};
    unsigned taken = 0;
    (void)state;
    taken += fill(&waiters, 1, taken);
    assert_int_equal(taken, 50);
    for (uint64_t client = 2; client < 6; client++) {
        unsigned own = fill(&waiters, client, taken);
        assert_true(own > 0 && own <= line - taken);
        taken += own;
    }
    assert_true(taken < line);
}

static void several_that_take_turns_have_equal_shares(void **state) {
    struct waiters waiters = {0};
    unsigned own[3] = {0}, taken = 0;
    (void)state;
    for (int i = 0; i < 300; i++)
        if (waiters_join(&waiters, (uint64_t)(i % 3), line - taken)) own[i % 3]++, taken++;
    for (int i = 0; i < 3; i++) assert_in_range(own[i], 24, 26);
}

static void what_is_given_back_can_be_taken_again(void **state) {
    struct waiters waiters = {0};
    (void)state;
    for (int round = 0; round < 3; round++) {
        unsigned own = fill(&waiters, 7, 0);
        assert_int_equal(own, 50);
        while (own--) waiters_leave(&waiters, 7);
    }
    assert_false(waiters_join(&waiters, 7, 0));
    assert_int_equal(fill(&waiters, 7, 0), 50); /* a refusal counts nothing */
}

/* By names as clients have them: one that fills its share is mistaken for hardly any other. */
static void hardly_anybody_pays_for_another(void **state) {
    struct waiters waiters = {0};
    char name[16];
    unsigned refused = 0;
    (void)state;
    fill(&waiters, str_hash(STR("evil")), 0);
    for (int i = 0; i < 10000; i++) {
        struct str who = str_make(name, (size_t)snprintf(name, sizeof name, "client-%d", i));
        if (waiters_join(&waiters, str_hash(who), 50))
            waiters_leave(&waiters, str_hash(who));
        else
            refused++;
    }
    assert_true(refused <= 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_takes_half_and_the_next_ones_find_room),
        cmocka_unit_test(several_that_take_turns_have_equal_shares),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(hardly_anybody_pays_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
