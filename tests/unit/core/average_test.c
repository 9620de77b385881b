/* average_test.c - what one sample weighs: first, among many, after a silence. */
#include "core/average.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/prng.h"

#define S 1000000000ull

static const struct average_rules plain = {.least = 10, .most = 40, .tau_s = 30},
                                  trusting = {.first = 1000, .prior = 4, .least = 4, .most = 64, .tau_s = 30},
                                  slow = {.least = 10, .most = 600, .tau_s = 600, .one_a_second = true};

static void the_first_samples_weigh_alike(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_false(average_is_known(&cell));
    assert_int_equal(average_read(&cell, &plain), 0);
    for (uint32_t i = 1; i <= 10; i++) {
        average_note(&cell, &plain, i * 1000, 5 * S);
        assert_in_range(average_read(&cell, &plain), (i + 1) * 500 - i, (i + 1) * 500 + i);
    }
    assert_true(average_is_known(&cell));
}

static void an_average_is_kept_to_the_nearest(void **state) {
    (void)state;
    for (uint32_t sample = 1; sample < 1000; sample += 7) {
        struct cell cell = {0};
        for (unsigned i = 0; i < 50; i++) {
            average_note(&cell, &plain, sample, 5 * S);
            assert_int_equal(average_read(&cell, &plain), sample);
        }
    }
}

static void what_is_believed_before_counts_for_its_number_of_samples(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_int_equal(average_read(&cell, &trusting), 1000);
    for (uint32_t i = 1; i <= 12; i++) {
        average_note(&cell, &trusting, 0, 5 * S);
        assert_in_range(average_read(&cell, &trusting), 4000 / (4 + i) - i, 4000 / (4 + i) + i);
    }
}

static void after_any_silence_one_sample_never_decides(void **state) {
    (void)state;
    for (uint64_t age = 0; age < 524288; age = age * 2 + 1) { /* six days: longer ones are a clock that is behind */
        struct cell cell = {0};
        for (int i = 0; i < 200; i++) average_note(&cell, &plain, 1000, 5 * S);
        average_note(&cell, &plain, 101000, (5 + age) * S);
        double weight = 1 - exp(-(double)age / 30);
        if (weight < 1.0 / 41) weight = 1.0 / 41;
        if (weight > 1.0 / 11) weight = 1.0 / 11;
        double wanted = 1000 + weight * 100000;
        assert_in_range(average_read(&cell, &plain), (uint32_t)(wanted * 0.97), (uint32_t)(wanted * 1.03));
    }
}

static void a_slow_one_takes_one_sample_a_second_whatever_the_traffic(void **state) {
    struct cell quiet = {0}, busy = {0};
    (void)state;
    for (uint64_t i = 0; i < 600; i++) average_note(&quiet, &slow, 1000, i * S);
    busy = quiet;
    for (uint64_t i = 600; i < 610; i++) {
        average_note(&quiet, &slow, 9000, i * S);
        for (int n = 0; n < 500; n++) average_note(&busy, &slow, 9000, i * S + (uint64_t)n);
    }
    assert_int_equal(average_read(&quiet, &slow), average_read(&busy, &slow));
    assert_in_range(average_read(&quiet, &slow), 1050, 1250);
}

static void it_lies_between_what_it_was_and_the_sample_whatever_comes(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct cell cell = {0};
        uint64_t now = seed * 1000000 * S;
        prng_seed(&prng, seed);
        for (int i = 0; i < 300; i++) {
            const struct average_rules *rules = seed % 3 ? seed % 3 == 1 ? &plain : &trusting : &slow;
            uint32_t was = average_read(&cell, rules), sample = (uint32_t)prng_next(&prng);
            bool known = average_is_known(&cell) || rules->prior;
            now += prng_below(&prng, 3) ? 0 : prng_below(&prng, 2000 * S);
            average_note(&cell, rules, sample, now);
            uint32_t is = average_read(&cell, rules), low = was < sample ? was : sample,
                     high = was < sample ? sample : was;
            if (!known) assert_in_range(is, sample - 1, UINT32_MAX);
            if (known && (is < low || is > high)) fail_msg("%u, %u: %u", was, sample, is);
        }
    }
}

static void a_clock_that_is_behind_counts_as_the_same_moment(void **state) {
    struct cell behind = {0}, level = {0};
    (void)state;
    for (int i = 0; i < 100; i++) average_note(&behind, &plain, 1000, 5000 * S);
    level = behind;
    average_note(&behind, &plain, 9000, 4990 * S);
    average_note(&level, &plain, 9000, 5000 * S);
    assert_int_equal(average_read(&behind, &plain), average_read(&level, &plain));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_average_is_kept_to_the_nearest),
        cmocka_unit_test(the_first_samples_weigh_alike),
        cmocka_unit_test(what_is_believed_before_counts_for_its_number_of_samples),
        cmocka_unit_test(after_any_silence_one_sample_never_decides),
        cmocka_unit_test(a_slow_one_takes_one_sample_a_second_whatever_the_traffic),
        cmocka_unit_test(it_lies_between_what_it_was_and_the_sample_whatever_comes),
        cmocka_unit_test(a_clock_that_is_behind_counts_as_the_same_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
