/* When a refusal is a fact about the key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/suspicion.h"

static const uint64_t s = 1000000000, window = 60 * s;
enum { alice = 0x1111, bob = 0x2222, carol = 0x3333, small = 0x4444, large = 0x5555 };

static void one_caller_never_shows_that_a_key_is_bad(void **state) {
    struct cell cell = {0};
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) assert_false(suspicion_note(&cell, alice, small + i, window, i * s / 100));
    assert_true(suspicion_stands(&cell, window, 10 * s));
}

static void one_model_never_shows_that_a_key_is_bad(void **state) {
    struct cell cell = {0};
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) assert_false(suspicion_note(&cell, alice + i, small, window, i * s / 100));
}

static void several_callers_and_models_do_in_any_order(void **state) {
    static const struct {
        uint64_t client, model;
    } ways[][3] = {{{alice, small}, {bob, large}},
                   {{alice, small}, {alice, large}, {bob, small}},
                   {{alice, small}, {bob, small}, {alice, large}},
                   {{alice, small}, {bob, small}, {carol, large}}};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct cell cell = {0};
        unsigned told = 0;
        for (size_t k = 0; k < 3 && ways[i][k].client; k++)
            told += suspicion_note(&cell, ways[i][k].client, ways[i][k].model, window, s);
        assert_int_equal(told, 1);
        assert_int_equal(cell_load(&cell), 0); /* and it begins anew */
    }
}

static void an_answer_in_between_clears_the_key(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_false(suspicion_note(&cell, alice, small, window, s));
    suspicion_clear(&cell);
    assert_false(suspicion_stands(&cell, window, s));
    assert_false(suspicion_note(&cell, bob, large, window, s));
}

static void what_was_refused_long_ago_does_not_count(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_false(suspicion_note(&cell, alice, small, window, 5 * s));
    assert_true(suspicion_stands(&cell, window, 65 * s));
    assert_false(suspicion_stands(&cell, window, 67 * s));
    assert_false(suspicion_note(&cell, bob, large, window, 67 * s));
    assert_true(suspicion_note(&cell, alice, small, window, 68 * s));
}

static void the_clock_may_begin_at_zero_and_callers_may_be_unknown(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_false(suspicion_note(&cell, 0, 0, window, 0));
    assert_true(suspicion_stands(&cell, window, 0));
    assert_false(suspicion_note(&cell, 0, 1, window, 0));
    assert_true(suspicion_note(&cell, 1, 0, window, 0));
}

/* Two clients, or two models, that differ in one bit of their hashes are two. */
static void every_bit_of_a_hash_tells_callers_and_models_apart(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct cell cell = {0};
        assert_false(suspicion_note(&cell, alice, small, window, s));
        assert_false(suspicion_note(&cell, alice ^ 1ull << bit, small, window, s));
        assert_true(suspicion_note(&cell, alice, small ^ 1ull << bit, window, s));
    }
}

static void of_models_alone_two_within_the_window_are_believed(void **state) {
    struct cell cell = {0};
    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        assert_false(suspicion_note_model(&cell, 40, 60 * 1000000000ull, i * 1000000000ull));
    assert_true(suspicion_note_model(&cell, 41, 60 * 1000000000ull, 100 * 1000000000ull));
    assert_int_equal(cell_load(&cell), 0); /* one of many threads is told */
    assert_false(suspicion_note_model(&cell, 41, 60 * 1000000000ull, 100 * 1000000000ull));
    assert_false(suspicion_note_model(&cell, 40, 60 * 1000000000ull, 162 * 1000000000ull)); /* long ago */
    suspicion_clear(&cell);
    assert_false(suspicion_note_model(&cell, 41, 60 * 1000000000ull, 163 * 1000000000ull));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_caller_never_shows_that_a_key_is_bad),
        cmocka_unit_test(one_model_never_shows_that_a_key_is_bad),
        cmocka_unit_test(several_callers_and_models_do_in_any_order),
        cmocka_unit_test(an_answer_in_between_clears_the_key),
        cmocka_unit_test(what_was_refused_long_ago_does_not_count),
        cmocka_unit_test(the_clock_may_begin_at_zero_and_callers_may_be_unknown),
        cmocka_unit_test(every_bit_of_a_hash_tells_callers_and_models_apart),
        cmocka_unit_test(of_models_alone_two_within_the_window_are_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
