/* pace_test.c - one slow answer in ten changes nothing, a target that has become slow is seen, a long answer is none.
 */
#include "core/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/prng.h"

#define S 1000000000ull
#define MS 1000000ull

static void nothing_known_is_as_usual(void **state) {
    struct pace pace = {.slowness = {0}};
    (void)state;
    assert_true(pace_slowness(&pace.slowness) == 1);
    assert_int_equal(pace_note(&pace, pace_stream, 800 * MS, S), 1 << 16);
    assert_true(pace_slowness(&pace.slowness) == 1);
}

/* Whatever the traffic, and however slow the one is: never slower than the twice that a score forgives. */
static void one_slow_answer_in_ten_changes_nothing(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct pace pace = {.slowness = {0}};
        uint64_t now = 1000 * S, gap = seed % 3 == 0 ? 10 * MS : seed % 3 == 1 ? S : 60 * S;
        prng_seed(&prng, seed);
        unsigned at = (unsigned)prng_below(&prng, 9) + 1; /* a first answer is what is usual */
        for (unsigned i = 0; i < 400; i++) {
            bool is_slow = i % 10 == at;
            pace_note(&pace, pace_1k, is_slow ? (2 + prng_below(&prng, 600)) * S : (900 + prng_below(&prng, 200)) * MS,
                      now += gap);
            if (pace_slowness(&pace.slowness) > 2) fail_msg("seed %llu, answer %u", (unsigned long long)seed, i);
        }
    }
}

static void who_has_become_slow_is_seen_and_so_is_that_it_is_over(void **state) {
    struct pace pace = {.slowness = {0}};
    uint64_t now = 1000 * S;
    (void)state;
    for (int i = 0; i < 300; i++) pace_note(&pace, pace_stream, 500 * MS, now += S);
    for (int i = 0; i < 20; i++) pace_note(&pace, pace_stream, 2500 * MS, now += S);
    assert_true(pace_slowness(&pace.slowness) > 2.5);
    for (int i = 0; i < 40; i++) pace_note(&pace, pace_stream, 500 * MS, now += S);
    assert_true(pace_slowness(&pace.slowness) < 1.5);
}

static void a_long_answer_is_no_slow_one(void **state) {
    struct pace pace = {.slowness = {0}};
    uint64_t now = 1000 * S;
    (void)state;
    for (int i = 0; i < 400; i++) {
        bool is_long = i >= 200;
        pace_note(&pace, pace_kind_of_bytes(is_long ? 50000 : 600), is_long ? 40 * S : 400 * MS, now += S);
        assert_true(pace_slowness(&pace.slowness) < 1.05);
    }
}

static void a_first_answer_that_was_quick_by_chance_makes_nobody_slow(void **state) {
    struct pace pace = {.slowness = {0}};
    uint64_t now = 1000 * S;
    (void)state;
    pace_note(&pace, pace_1k, 100 * MS, now);
    for (int i = 0; i < 100; i++) {
        pace_note(&pace, pace_1k, S, now += S);
        assert_true(pace_slowness(&pace.slowness) <= 2);
    }
}

static void kinds_go_by_bytes(void **state) {
    (void)state;
    assert_int_equal(pace_kind_of_bytes(0), pace_1k);
    assert_int_equal(pace_kind_of_bytes(1024), pace_1k);
    assert_int_equal(pace_kind_of_bytes(1025), pace_4k);
    assert_int_equal(pace_kind_of_bytes(16384), pace_16k);
    assert_int_equal(pace_kind_of_bytes(65536), pace_64k);
    assert_int_equal(pace_kind_of_bytes(SIZE_MAX), pace_longer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_as_usual),
        cmocka_unit_test(one_slow_answer_in_ten_changes_nothing),
        cmocka_unit_test(who_has_become_slow_is_seen_and_so_is_that_it_is_over),
        cmocka_unit_test(a_long_answer_is_no_slow_one),
        cmocka_unit_test(a_first_answer_that_was_quick_by_chance_makes_nobody_slow),
        cmocka_unit_test(kinds_go_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
