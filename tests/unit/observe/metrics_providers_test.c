/* metrics_providers_test.c - attempts counted by provider: of all its models and of all threads together, and nothing
 * of who was never asked. */
#include "observe/metrics_providers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct str kinds[] = {STR("none"), STR("connect"), STR("stall")};

enum { threads = 2 };

struct counting {
    struct metrics *metrics;
    struct metrics_loop *loops[threads];
};

/* The targets' numbers are their places. Nobody asks `idle`. */
static void counting_begin(struct counting *counting) {
    static const struct str targets[][2] = {{STR("a"), STR("m")},
                                            {STR("idle"), STR("m")},
                                            {STR("a"), STR("n")},
                                            {STR("b"), STR("m")},
                                            {STR("late"), STR("m")}};
    const struct metrics_options options = {.failure_names = kinds, .failure_count = 3, .version = STR("1")};
    counting->metrics = metrics_open(&options);
    assert_non_null(counting->metrics);
    for (uint32_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_true(metrics_target_register(counting->metrics, i, targets[i][0], targets[i][1]));
    for (size_t i = 0; i < threads; i++) assert_non_null(counting->loops[i] = metrics_loop_open(counting->metrics));
}

static void attempts(struct counting *counting, size_t thread, uint32_t target, unsigned failure, uint64_t first_us,
                     unsigned count) {
    for (unsigned i = 0; i < count; i++)
        metrics_attempt(counting->loops[thread],
                        &(struct metrics_attempt_facts){.target_id = target,
                                                        .outcome = failure ? metrics_failed : metrics_succeeded,
                                                        .failure = failure,
                                                        .first_token_us = first_us,
                                                        .cost_nano_usd = -1});
}

/* "a 3 +connect 1 @0 2" for each: what succeeded, each failure, and each bucket of the time to the first token. */
static void assert_counts(const struct counting *counting, size_t most, const char *wanted) {
    struct metrics_provider_counts list[8];
    char told[1024];
    struct text text = text_in_buffer(told, sizeof told - 1);
    memset(list, 0xff, sizeof list);
    const size_t count = metrics_providers_count(counting->metrics, list, most);
    for (size_t i = 0; i < count; i++) {
        text_printf(&text, "%.*s %llu", STR_ARG(list[i].provider), (unsigned long long)list[i].succeeded);
        for (size_t k = 0; k < metrics_failures_max; k++)
            if (list[i].failures[k]) text_printf(&text, " +%zu %llu", k, (unsigned long long)list[i].failures[k]);
        for (size_t k = 0; k < metrics_provider_times; k++)
            if (list[i].times[k]) text_printf(&text, " @%zu %llu", k, (unsigned long long)list[i].times[k]);
        text_put_byte(&text, '\n');
    }
    told[text.len] = 0;
    assert_string_equal(told, wanted);
}

static void a_provider_is_all_its_models_on_all_threads(void **state) {
    struct counting counting;
    (void)state;
    counting_begin(&counting);
    assert_counts(&counting, 8, "");
    attempts(&counting, 1, 4, 0, 0, 1); /* the second thread first */
    attempts(&counting, 0, 3, 2, 0, 5);
    assert_counts(&counting, 8, "b 0 +2 5\nlate 1\n");
    attempts(&counting, 0, 0, 0, metrics_provider_most_us[0], 2);
    attempts(&counting, 1, 0, 0, metrics_provider_most_us[0] + 1, 3);
    attempts(&counting, 1, 2, 1, 0, 4);
    attempts(&counting, 1, 2, 0, UINT64_C(601000000), 1);
    assert_counts(&counting, 8, "a 6 +1 4 @0 2 @1 3 @19 1\nb 0 +2 5\nlate 1\n");
    metrics_close(counting.metrics);
}

/* The last that there is room for is told whole; those behind it are not. */
static void no_more_are_told_than_there_is_room_for(void **state) {
    struct counting counting;
    (void)state;
    counting_begin(&counting);
    attempts(&counting, 0, 0, 0, 0, 1);
    attempts(&counting, 0, 3, 0, 0, 1);
    attempts(&counting, 0, 2, 0, 0, 1);
    attempts(&counting, 1, 2, 0, 0, 1);
    assert_counts(&counting, 0, "");
    assert_counts(&counting, 1, "a 3\n");
    assert_counts(&counting, 2, "a 3\nb 1\n");
    metrics_close(counting.metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_is_all_its_models_on_all_threads),
        cmocka_unit_test(no_more_are_told_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
