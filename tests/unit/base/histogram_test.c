/* histogram_test.c - quantiles against sorted values, merging, and reading while another thread writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "base/histogram.h"
#include "base/prng.h"

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void quantiles_are_exact_to_an_eighth(void **state) {
    (void)state;
    static struct histogram histogram;
    static uint64_t values[20000];
    struct prng prng;
    uint64_t sum = 0;
    prng_seed(&prng, 9);
    for (size_t i = 0; i < 20000; i++) {
        values[i] = prng_next(&prng) >> (24 + prng_below(&prng, 40));
        histogram_add(&histogram, values[i]);
        sum += values[i];
    }
    qsort(values, 20000, sizeof values[0], by_size);
    const double shares[] = {0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        size_t rank = (size_t)(shares[i] * 20000);
        uint64_t exact = values[rank < 20000 ? rank : 19999], said = histogram_quantile(&histogram, shares[i]);
        assert_true(said >= exact && (double)said <= (double)exact * 1.125 + 1);
    }
    assert_int_equal(histogram.count, 20000);
    assert_true(histogram.sum == sum);
}

static void small_values_are_exact(void **state) {
    (void)state;
    static struct histogram histogram;
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    for (uint64_t v = 0; v < 16; v++) histogram_add(&histogram, v);
    for (uint64_t v = 0; v < 16; v++) assert_int_equal(histogram_at_most(&histogram, v), v + 1);
}

static void huge_values_fall_into_the_last_bucket(void **state) {
    (void)state;
    static struct histogram histogram;
    histogram_add(&histogram, UINT64_MAX);
    histogram_add(&histogram, (uint64_t)1 << 50);
    assert_int_equal(histogram.count, 2);
    assert_int_equal(histogram.buckets[histogram_buckets - 1], 2);
    assert_true(histogram_quantile(&histogram, 1) >= (uint64_t)1 << 40);
}

static void merging_adds(void **state) {
    (void)state;
    static struct histogram a, b, both;
    for (uint64_t v = 0; v < 1000; v++) {
        histogram_add(v % 2 ? &a : &b, v * 17);
        histogram_add(&both, v * 17);
    }
    histogram_merge(&a, &b);
    assert_int_equal(a.count, both.count);
    assert_int_equal(a.sum, both.sum);
    for (size_t i = 0; i < histogram_buckets; i++) assert_int_equal(a.buckets[i], both.buckets[i]);
}

static void *write_many(void *argument) {
    for (uint64_t v = 0; v < 200000; v++) histogram_add(argument, v);
    return NULL;
}

static void a_reader_may_look_while_it_is_written(void **state) {
    (void)state;
    static struct histogram histogram;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_many, &histogram), 0);
    uint64_t last = 0;
    for (int i = 0; i < 200; i++) {
        uint64_t now = histogram_at_most(&histogram, UINT64_MAX);
        assert_true(now >= last);
        last = now;
        (void)histogram_quantile(&histogram, 0.9);
    }
    pthread_join(writer, NULL);
    assert_int_equal(histogram.count, 200000);
    assert_int_equal(histogram_at_most(&histogram, UINT64_MAX), 200000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_exact_to_an_eighth),      cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(huge_values_fall_into_the_last_bucket), cmocka_unit_test(merging_adds),
        cmocka_unit_test(a_reader_may_look_while_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
