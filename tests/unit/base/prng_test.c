/* prng_test.c - the published sequences, and evenness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"

static void it_is_xoshiro256starstar(void **state) {
    (void)state;
    struct prng prng = {{1, 2, 3, 4}};
    const uint64_t wanted[] = {
        11520, 0, 1509978240, 1215971899390074240ull, 1216172134540287360ull, 607988272756665600ull};
    for (size_t i = 0; i < 6; i++) assert_true(prng_next(&prng) == wanted[i]);
}

static void it_is_seeded_by_splitmix64(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 1234567);
    const uint64_t wanted[] = {6457827717110365317ull, 3203168211198807973ull, 9817491932198370423ull,
                               4593380528125082431ull};
    for (size_t i = 0; i < 4; i++) assert_true(prng.state[i] == wanted[i]);
}

static void the_same_seed_gives_the_same_numbers(void **state) {
    (void)state;
    struct prng a, b, c;
    prng_seed(&a, 0);
    prng_seed(&b, 0);
    prng_seed(&c, 1);
    int differ = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t from_a = prng_next(&a);
        assert_true(from_a == prng_next(&b));
        differ += from_a != prng_next(&c);
    }
    assert_int_equal(differ, 100);
}

static void below_is_even_and_below(void **state) {
    (void)state;
    struct prng prng;
    unsigned counts[10] = {0};
    prng_seed(&prng, 2);
    assert_int_equal(prng_below(&prng, 0), 0);
    assert_int_equal(prng_below(&prng, 1), 0);
    for (int i = 0; i < 100000; i++) counts[prng_below(&prng, 10)]++;
    for (int i = 0; i < 10; i++) assert_in_range(counts[i], 9500, 10500);
    for (int i = 0; i < 1000; i++) assert_true(prng_below(&prng, UINT64_MAX) < UINT64_MAX);
}

static void units_lie_in_zero_to_one(void **state) {
    (void)state;
    struct prng prng;
    double sum = 0;
    prng_seed(&prng, 4);
    for (int i = 0; i < 100000; i++) {
        double unit = prng_unit(&prng);
        assert_true(unit >= 0 && unit < 1);
        sum += unit;
    }
    assert_true(sum > 49500 && sum < 50500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_xoshiro256starstar),
        cmocka_unit_test(it_is_seeded_by_splitmix64),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(below_is_even_and_below),
        cmocka_unit_test(units_lie_in_zero_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
