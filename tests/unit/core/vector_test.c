/* Vectors in bytes: the wide sum is the plain one, at every length and place, and a cosine is what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/prng.h"
#include "core/vector.h"

enum { most = 600 };

static void the_wide_sum_is_the_plain_one(void **state) {
    static int8_t a[most + 16], b[most + 16];
    struct prng prng;
    (void)state;
    prng_seed(&prng, 7);
    for (size_t i = 0; i < most + 16; i++) {
        a[i] = (int8_t)((int)prng_below(&prng, 255) - 127);
        b[i] = (int8_t)((int)prng_below(&prng, 255) - 127);
    }
    for (size_t from = 0; from < 16; from++)
        for (size_t count = 0; count <= most; count += count < 70 ? 1 : 53)
            assert_int_equal(vector_dot(a + from, b + 15 - from, count),
                             vector_dot_plain(a + from, b + 15 - from, count));
}

static void the_largest_sums_fit(void **state) {
    static int8_t top[vector_dimensions_max], bottom[vector_dimensions_max];
    (void)state;
    for (size_t i = 0; i < vector_dimensions_max; i++) top[i] = 127, bottom[i] = -127;
    assert_int_equal(vector_dot(top, top, vector_dimensions_max), 127 * 127 * vector_dimensions_max);
    assert_int_equal(vector_dot(top, bottom, vector_dimensions_max), -127 * 127 * vector_dimensions_max);
}

static void a_cosine_stays_what_it_was(void **state) {
    enum { dimensions = 1536 };
    static double a[dimensions], b[dimensions];
    static int8_t packed_a[dimensions], packed_b[dimensions];
    struct prng prng;
    float step_a, step_b;
    (void)state;
    prng_seed(&prng, 3);
    for (unsigned round = 0; round < 20; round++) {
        double products = 0, square_a = 0, square_b = 0;
        for (size_t i = 0; i < dimensions; i++) {
            a[i] = (prng_unit(&prng) - 0.5) * 3;
            b[i] = a[i] * round + (prng_unit(&prng) - 0.5) * 10;
            products += a[i] * b[i];
            square_a += a[i] * a[i];
            square_b += b[i] * b[i];
        }
        assert_true(vector_pack(a, dimensions, packed_a, &step_a) && vector_pack(b, dimensions, packed_b, &step_b));
        double alike = (double)vector_dot(packed_a, packed_b, dimensions) * (double)step_a * (double)step_b;
        assert_true(fabs(alike - products / sqrt(square_a) / sqrt(square_b)) < 0.002);
    }
}

static void what_has_no_direction_is_none(void **state) {
    int8_t bytes[4];
    float step;
    (void)state;
    assert_false(vector_pack((const double[]){0, 0}, 2, bytes, &step));
    assert_false(vector_pack((const double[]){1, NAN}, 2, bytes, &step));
    assert_false(vector_pack((const double[]){1, INFINITY}, 2, bytes, &step));
    assert_false(vector_pack((const double[]){1e300, 1e300}, 2, bytes, &step));
    assert_false(vector_pack((const double[]){1}, 0, bytes, &step));
    assert_true(vector_pack((const double[]){-2, 0, 0}, 3, bytes, &step));
    assert_true(bytes[0] == -127 && bytes[1] == 0 && fabsf(step * 127 - 1) < 1e-6f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wide_sum_is_the_plain_one),
        cmocka_unit_test(the_largest_sums_fit),
        cmocka_unit_test(a_cosine_stays_what_it_was),
        cmocka_unit_test(what_has_no_direction_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
