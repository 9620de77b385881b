/* taken_test.c - what is reserved for an answer: a guess, then what most answers have taken, and never more than may
 * be. */
#include "core/taken.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/prng.h"

static void a_guess_stands_until_there_is_an_answer(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_int_equal(taken_reserve(NULL, 4096), taken_guess);
    assert_int_equal(taken_reserve(&cell, 4096), taken_guess);
    assert_int_equal(taken_reserve(&cell, 100), 100);
    taken_note(&cell, -1);
    assert_int_equal(taken_reserve(&cell, 4096), taken_guess);
    taken_note(&cell, 20);
    assert_int_equal(taken_reserve(&cell, 4096), 20);
    assert_int_equal(taken_reserve(&cell, 0), 0);
}

static void nine_answers_in_ten_stay_below_it(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct cell cell = {0};
        unsigned above = 0, count = 20000;
        uint64_t span = seed * 100;
        prng_seed(&prng, seed);
        for (unsigned i = 0; i < 2000; i++) taken_note(&cell, (int64_t)prng_below(&prng, span));
        for (unsigned i = 0; i < count; i++) {
            int64_t tokens = (int64_t)prng_below(&prng, span) * (prng_below(&prng, 5) == 0 ? 4 : 1);
            above += tokens > taken_reserve(&cell, INT64_MAX);
            taken_note(&cell, tokens);
        }
        if (above < count / 20 || above > count / 5)
            fail_msg("seed %llu: %u of %u", (unsigned long long)seed, above, count);
    }
}

static void it_follows_answers_that_grow_and_never_leaves_its_bounds(void **state) {
    struct prng prng;
    (void)state;
    struct cell cell = {0};
    for (int i = 0; i < 100; i++) taken_note(&cell, 0);
    assert_int_equal(taken_reserve(&cell, 4096), 0);
    for (int i = 0; i < 60; i++) taken_note(&cell, 3000);
    assert_int_equal(taken_reserve(&cell, 4096), 3000);
    prng_seed(&prng, 9);
    for (int i = 0; i < 20000; i++) {
        int64_t was = taken_reserve(&cell, INT64_MAX),
                tokens = (int64_t)(prng_next(&prng) >> prng_below(&prng, 64) >> 1);
        taken_note(&cell, tokens);
        int64_t is = taken_reserve(&cell, INT64_MAX);
        assert_true(tokens >= was ? is >= was && (is <= tokens || is == was) : is <= was);
        assert_true(taken_reserve(&cell, 1000) <= 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guess_stands_until_there_is_an_answer),
        cmocka_unit_test(nine_answers_in_ten_stay_below_it),
        cmocka_unit_test(it_follows_answers_that_grow_and_never_leaves_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
