/* Measures of latency and success, each in a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/prng.h"
#include "core/latency.h"

#define S 1000000000ull
#define MS 1000000ull

static bool about(uint64_t value, uint64_t wanted) { return value >= wanted * 8 / 10 && value <= wanted * 12 / 10; }

/* 19/20 of a twentieth up, and one; 1/20 of a twentieth down, whole units only. Words have 8 bits behind the unit. */
static void a_step_of_the_p95_is_what_it_was(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 20261123);
    for (int i = 0; i < 2000; i++) {
        const uint64_t seen = 1 + prng_below(&prng, i % 2 ? UINT64_C(1) << 40 : 100000);
        struct cell up = {seen}, down = {seen}, beside = {seen};
        latency_p95(&up, UINT64_C(1) << 50);
        assert_int_equal(cell_load(&up), seen + seen * 19 / 400 + 1);
        latency_p95(&beside, latency_p95_read(&beside) + 1);
        assert_in_range(cell_load(&beside), seen, seen + 512);
        if (seen < 256) continue;
        latency_p95(&down, 1);
        assert_int_equal(cell_load(&down), seen == 256 ? seen : seen - seen / 400);
    }
}

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
    for (int i = 0; i < 1000; i++) success_report(&cell, false, now);
    assert_true(success_read(&cell) < 0.01);
    for (int i = 0; i < 1000; i++) success_report(&cell, true, now);
    assert_true(success_read(&cell) > 0.99);
}

/* -- averages over time: what holds for all of them -- */

static uint64_t latency_now(const struct cell *cell) { return latency_read(cell, 0, 0); }

/* Each average, with its time constant and the least that a sample weighs, as latency.h has them. */
static const struct average {
    void (*report)(struct cell *cell, uint64_t sample_ns, uint64_t now_ns);
    uint64_t (*read)(const struct cell *cell);
    uint64_t low, high; /* two samples; what they lead to in the end */
    uint64_t to_low, to_high;
    double tau_s, least;
} averages[] = {
    {latency_peak, latency_now, 100 * MS, 900 * MS, 100 * MS, 900 * MS, 10, 0.05},
};
enum { average_count = sizeof averages / sizeof *averages };

/* What `sample` makes of an average that stood at `high` (or at `low`) `age_ns` ago. */
static uint64_t after(const struct average *average, bool high, uint64_t sample, uint64_t age_ns) {
    struct cell cell = {0};
    for (int i = 0; i < 400; i++) average->report(&cell, high ? average->high : average->low, 1000 * S + i * 3600 * S);
    average->report(&cell, sample, 1000 * S + 399 * 3600 * S + age_ns);
    return average->read(&cell);
}

static void an_average_lies_between_what_it_was_and_the_sample(void **state) {
    (void)state;
    for (int i = 0; i < average_count; i++)
        for (uint64_t age = 0; age < 3000 * S; age = age * 2 + S / 8) {
            uint64_t down = after(&averages[i], true, averages[i].low, age);
            uint64_t up = after(&averages[i], false, averages[i].high, age);
            assert_in_range(down, averages[i].to_low, averages[i].to_high - 1);
            assert_in_range(up, averages[i].to_low + 1, averages[i].to_high);
        }
}

static void the_older_it_is_the_more_the_sample_weighs(void **state) {
    (void)state;
    for (int i = 0; i < average_count; i++) {
        uint64_t down = UINT64_MAX, up = 0;
        for (uint64_t age = 0; age < 3000 * S; age += 7 * S) {
            uint64_t now_down = after(&averages[i], true, averages[i].low, age);
            uint64_t now_up = after(&averages[i], false, averages[i].high, age);
            assert_true(now_down <= down && now_up >= up);
            down = now_down;
            up = now_up;
        }
    }
}

static void a_sample_weighs_by_the_time_constant_and_never_less_than_its_least(void **state) {
    (void)state;
    for (int i = 0; i < average_count; i++)
        for (uint64_t age = 0; age < 3000 * S; age = age * 2 + S / 8) {
            const struct average *average = &averages[i];
            double weight = 1 - exp(-(double)age / 1e9 / average->tau_s);
            if (weight < average->least) weight = average->least;
            double range = (double)(average->to_high - average->to_low);
            double wanted = (double)average->to_high - weight * range;
            double down = (double)after(average, true, average->low, age);
            if (fabs(down - wanted) > 0.0002 * range) fail_msg("%d: age %f: %f, not %f", i, (double)age, down, wanted);
        }
}

static void a_clock_that_is_behind_counts_as_the_same_moment(void **state) {
    (void)state;
    for (int i = 0; i < average_count; i++)
        assert_int_equal(after(&averages[i], true, averages[i].low, 0), after(&averages[i], true, averages[i].low, -S));
}

static void ages_go_on_where_the_ticks_come_round(void **state) {
    const uint64_t round = (1ull << 24) * (S / 8);
    (void)state;
    for (int i = 0; i < average_count; i++) {
        struct cell before = {0}, across = {0};
        averages[i].report(&before, averages[i].high, 100 * S);
        averages[i].report(&before, averages[i].low, 120 * S);
        averages[i].report(&across, averages[i].high, round - 10 * S);
        averages[i].report(&across, averages[i].low, round + 10 * S);
        assert_int_equal(averages[i].read(&before), averages[i].read(&across));
    }
}

static void what_is_not_seen_fades_by_its_time_constant(void **state) {
    struct cell cell = {0};
    (void)state;
    latency_peak(&cell, 800 * MS, 10 * S);
    for (uint64_t age = 0; age < 600 * S; age += 5 * S) {
        double wanted = 800e6 * exp(-(double)age / 60e9);
        double read = (double)latency_read(&cell, 60 * S, 10 * S + age);
        if (fabs(read - wanted) > 20000) fail_msg("after %f: %f, not %f", (double)age, read, wanted);
    }
}

static void the_least_and_the_longest_latency_have_their_place(void **state) {
    struct cell least = {0}, longest = {0}, p95 = {0};
    (void)state;
    latency_peak(&least, 0, S);
    assert_int_equal(latency_read(&least, 0, S), 16000);
    assert_true(latency_read(&least, 1, 3000 * S) == 1);
    latency_peak(&longest, UINT64_MAX / 2, S);
    assert_int_equal(latency_read(&longest, 0, S), ((1ull << 40) - 1) * 16000);
    latency_p95(&p95, 0);
    assert_int_equal(latency_p95_read(&p95), 16000);
}

/* A step is 4.75% up and 0.25% down, and up it never passes the sample. */
static void the_p95_steps_towards_each_sample(void **state) {
    struct cell cell = {0};
    uint64_t was = 400 * MS;
    (void)state;
    latency_p95(&cell, was);
    assert_int_equal(latency_p95_read(&cell), was);
    latency_p95(&cell, was);
    assert_int_equal(latency_p95_read(&cell), was);
    latency_p95(&cell, 900 * MS);
    assert_in_range(latency_p95_read(&cell), was * 10474 / 10000, was * 10476 / 10000);
    was = latency_p95_read(&cell);
    latency_p95(&cell, MS);
    assert_in_range(latency_p95_read(&cell), was * 9974 / 10000, was * 9976 / 10000);
    was = latency_p95_read(&cell);
    latency_p95(&cell, was + 960000);
    assert_int_equal(latency_p95_read(&cell), was + 960000);
}

static void the_p99_says_nothing_of_few_and_then_one_in_a_hundred_is_slower(void **state) {
    struct prng prng;
    struct cell cell = {0};
    unsigned slower = 0, count = 40000;
    (void)state;
    prng_seed(&prng, 5);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(latency_p99_read(&cell), 0);
        latency_p99(&cell, (1 + prng_below(&prng, 1000)) * MS);
    }
    assert_true(latency_p99_read(&cell) > 0);
    for (unsigned i = 0; i < 20000; i++) latency_p99(&cell, (1 + prng_below(&prng, 1000)) * MS);
    for (unsigned i = 0; i < count; i++) {
        uint64_t sample = (1 + prng_below(&prng, 1000)) * MS;
        slower += sample > latency_p99_read(&cell);
        latency_p99(&cell, sample);
    }
    if (slower < count / 250 || slower > count / 25) fail_msg("%u of %u", slower, count);
    for (unsigned i = 0; i < 20000; i++) latency_p99(&cell, UINT64_MAX / 2); /* its top, and no further */
    assert_int_equal(latency_p99_read(&cell), ((1ull << 40) - 1) * 16000);
}

static void success_stays_within_0_and_1(void **state) {
    struct prng prng;
    struct cell cell = {0};
    uint64_t now = S;
    (void)state;
    prng_seed(&prng, 7);
    for (int i = 0; i < 20000; i++) {
        double was = success_read(&cell);
        bool good = prng_below(&prng, i % 700 < 350 ? 50 : 2) == 0;
        success_report(&cell, good, now += prng_below(&prng, 3 * S));
        double is = success_read(&cell);
        assert_true(is >= 0 && is <= 1 && (good ? is >= was : is < was || is < 1e-9));
    }
}

/* The first four answers are taken for granted, so that one failure is not all that is known. */
static void four_failures_of_four_are_not_healthy_and_one_is(void **state) {
    struct cell cell = {0};
    (void)state;
    success_report(&cell, false, 100000 * S);
    assert_in_range((uint64_t)(success_read(&cell) * 1000 + 0.5), 800, 801);
    for (int i = 0; i < 3; i++) success_report(&cell, false, 100000 * S);
    assert_in_range((uint64_t)(success_read(&cell) * 1000 + 0.5), 499, 501);
}

static void eight_failed_probes_a_minute_apart_are_seen(void **state) {
    struct cell cell = {0};
    (void)state;
    for (uint64_t i = 0; i < 8; i++) success_report(&cell, false, (1000 + i * 60) * S);
    assert_true(success_read(&cell) < 0.2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_of_the_p95_is_what_it_was),
        cmocka_unit_test(a_slower_sample_counts_at_once_a_faster_one_with_time),
        cmocka_unit_test(what_is_not_seen_fades),
        cmocka_unit_test(one_in_twenty_is_slower_than_the_p95),
        cmocka_unit_test(success_begins_at_one_and_follows),
        cmocka_unit_test(an_average_lies_between_what_it_was_and_the_sample),
        cmocka_unit_test(the_older_it_is_the_more_the_sample_weighs),
        cmocka_unit_test(a_sample_weighs_by_the_time_constant_and_never_less_than_its_least),
        cmocka_unit_test(a_clock_that_is_behind_counts_as_the_same_moment),
        cmocka_unit_test(ages_go_on_where_the_ticks_come_round),
        cmocka_unit_test(what_is_not_seen_fades_by_its_time_constant),
        cmocka_unit_test(the_least_and_the_longest_latency_have_their_place),
        cmocka_unit_test(the_p95_steps_towards_each_sample),
        cmocka_unit_test(the_p99_says_nothing_of_few_and_then_one_in_a_hundred_is_slower),
        cmocka_unit_test(success_stays_within_0_and_1),
        cmocka_unit_test(four_failures_of_four_are_not_healthy_and_one_is),
        cmocka_unit_test(eight_failed_probes_a_minute_apart_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
