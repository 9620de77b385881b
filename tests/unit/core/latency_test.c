/* Measures of latency and success, each in a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/latency.h"

#define S 1000000000ull
#define MS 1000000ull

static bool about(uint64_t value, uint64_t wanted) { return value >= wanted * 8 / 10 && value <= wanted * 12 / 10; }

static void a_slower_sample_counts_at_once_a_faster_one_with_time(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_int_equal(latency_read(&cell, 0, S), 0);
    latency_peak(&cell, 100 * MS, 10 * S);
    latency_peak(&cell, 900 * MS, 10 * S);
    assert_true(about(latency_read(&cell, 0, 10 * S), 900 * MS));
    latency_peak(&cell, 100 * MS, 10 * S);
    assert_true(latency_read(&cell, 0, 10 * S) > 800 * MS);
    latency_peak(&cell, 100 * MS, 60 * S);
    assert_true(about(latency_read(&cell, 0, 60 * S), 105 * MS));
}

static void what_is_not_seen_fades(void **state) {
    struct cell cell = {0};
    (void)state;
    latency_peak(&cell, 800 * MS, 10 * S);
    assert_true(about(latency_read(&cell, 60 * S, 70 * S), 294 * MS));
    assert_true(latency_read(&cell, 60 * S, 1000 * S) < MS);
    assert_true(latency_read(&cell, 60 * S, 1000 * S) > 0);
}

static void the_baseline_is_slow(void **state) {
    struct cell cell = {0};
    uint64_t now = 10 * S;
    (void)state;
    latency_baseline(&cell, 100 * MS, now);
    for (int i = 0; i < 30; i++) latency_baseline(&cell, 1000 * MS, now += S);
    assert_true(latency_read(&cell, 0, now) < 200 * MS);
}

static void one_in_twenty_is_slower_than_the_p95(void **state) {
    struct prng prng;
    struct cell cell = {0};
    unsigned slower = 0, count = 20000;
    (void)state;
    prng_seed(&prng, 3);
    for (unsigned i = 0; i < 5000; i++) latency_p95(&cell, (1 + prng_below(&prng, 1000)) * MS);
    for (unsigned i = 0; i < count; i++) {
        uint64_t sample = (1 + prng_below(&prng, 1000)) * MS;
        slower += sample > latency_p95_read(&cell);
        latency_p95(&cell, sample);
    }
    if (slower < count / 40 || slower > count / 10) fail_msg("%u of %u", slower, count);
}

static void success_begins_at_one_and_follows(void **state) {
    struct cell cell = {0};
    uint64_t now = 10 * S;
    (void)state;
    assert_true(success_read(&cell) == 1);
    for (int i = 0; i < 100; i++) success_report(&cell, false, now);
    assert_true(success_read(&cell) < 0.01);
    for (int i = 0; i < 100; i++) success_report(&cell, true, now);
    assert_true(success_read(&cell) > 0.99);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slower_sample_counts_at_once_a_faster_one_with_time),
        cmocka_unit_test(what_is_not_seen_fades),
        cmocka_unit_test(the_baseline_is_slow),
        cmocka_unit_test(one_in_twenty_is_slower_than_the_p95),
        cmocka_unit_test(success_begins_at_one_and_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
