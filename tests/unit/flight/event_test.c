/* event_test.c - a step's actions: as many as it takes, in order, every byte, and what happens without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "flight/event.h"

static struct arena scratch;
static struct actions actions;

static int setup(void **state) {
    (void)state;
    arena_init(&scratch, 4096, 64 << 20);
    actions_begin(&actions, &scratch);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free(&scratch);
    return 0;
}

/* Pieces with a gap between each two, as when what stands between them is left out. */
static void writes_of(size_t count, size_t len, bool others_between) {
    char *bytes = malloc(count * (len + 1)), *got = malloc(count * len);
    size_t at = 0;
    for (size_t i = 0; i < count * (len + 1); i++) bytes[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < count; i++) {
        actions_write(&actions, str_make(bytes + i * (len + 1), len));
        if (others_between) actions_add(&actions, action_timer)->deadline_ns = i;
    }
    assert_false(actions.starved);
    for (size_t i = 0; i < actions.count; i++)
        for (size_t r = 0; actions.list[i].kind == action_write && r < actions.list[i].write.count; r++) {
            struct str range = actions.list[i].write.ranges[r];
            assert_true(range.len > 0 && at + range.len <= count * len);
            memcpy(got + at, range.at, range.len);
            at += range.len;
        }
    assert_int_equal(at, count * len);
    for (size_t i = 0; i < count; i++) assert_memory_equal(got + i * len, bytes + i * (len + 1), len);
    free(bytes);
    free(got);
}

static void any_number_of_pieces_is_written_in_order(void **state) {
    static const size_t counts[] = {1, 3, 4, 5, 24, 63, 64, 65, 1000, 10000}, sizes[] = {1, 40, 4096, 5000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            for (int between = 0; between < 2; between++) {
                writes_of(counts[c], sizes[s], between);
                assert_int_equal(actions.count, between ? 2 * counts[c] : 1);
                arena_reset(&scratch);
                actions_begin(&actions, &scratch);
            }
        }
    (void)state;
}

static void neighbours_are_one_range_and_many_small_pieces_few(void **state) {
    char bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++) actions_write(&actions, str_make(bytes + i, 1));
    assert_int_equal(actions.count, 1);
    assert_int_equal(actions.list[0].write.count, 1);
    actions_begin(&actions, &scratch);
    for (size_t i = 0; i < sizeof bytes; i += 2) actions_write(&actions, str_make(bytes + i, 1));
    assert_in_range(actions.list[0].write.count, 1, 8);
    (void)state;
}

static void nothing_is_written_of_nothing(void **state) {
    actions_write(&actions, STR(""));
    assert_int_equal(actions.count, 0);
    (void)state;
}

static void bytes_that_no_memory_is_left_for_are_told_of(void **state) {
    static char big[3][5000];
    struct arena small;
    arena_init(&small, 64, 640);
    actions_begin(&actions, &small);
    for (size_t i = 0; i < 100; i++) actions_write(&actions, str_make(big[i % 3], sizeof big[0]));
    assert_true(actions.starved);
    assert_int_equal(actions.count, 1);
    arena_free(&small);
    actions_begin(&actions, &scratch);
    assert_false(actions.starved);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_number_of_pieces_is_written_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(neighbours_are_one_range_and_many_small_pieces_few, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_written_of_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_that_no_memory_is_left_for_are_told_of, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
