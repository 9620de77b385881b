/* Whose failures they are, as one word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/blame.h"

static const uint64_t alice = 11, bob = 22, carol = 33;

static uint64_t noted(const char *who) {
    uint64_t word = blame_tagged(7);
    for (; *who; who++)
        word = blame_noted(word, *who == 'a' ? alice : *who == 'b' ? bob : *who == 'c' ? carol : blame_nobody);
    assert_int_equal(blame_tag(word), 7);
    return word;
}

static void one_clients_failures_are_its_own_and_several_clients_everybodys(void **state) {
    static const struct {
        const char *who;
        unsigned for_all, alices;
    } cases[] = {{"", 0, 0},      {"a", 0, 1},     {"aaaaa", 0, 5}, {"b", 0, 0},      {"ab", 2, 0},    {"abc", 3, 0},
                 {"abca", 4, 0},  {"aaab", 3, 2},  {"aaabb", 5, 1}, {"baaa", 3, 2},   {"n", 1, 0},     {"nnnnn", 5, 0},
                 {"naaaa", 2, 4}, {"aaaan", 2, 4}, {"ababa", 5, 1}, {"aabbcc", 5, 0}, {"aaaabc", 5, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t word = noted(cases[i].who);
        assert_int_equal(blame_for_all(word), cases[i].for_all);
        assert_int_equal(blame_surplus(word, alice), cases[i].alices);
        assert_int_equal(blame_total(word), strlen(cases[i].who));
    }
}

static void callers_without_a_key_are_one_client(void **state) {
    uint64_t word = 0;
    (void)state;
    for (int i = 0; i < 3; i++) word = blame_noted(word, 0);
    assert_int_equal(blame_surplus(word, 0), 3);
    assert_int_equal(blame_for_all(word), 0);
    assert_int_equal(blame_surplus(word, blame_nobody), 0);
}

static void counts_stop_at_their_top(void **state) {
    uint64_t one = 0, both = 0, none = 0;
    (void)state;
    for (int i = 0; i < 140000; i++) {
        one = blame_noted(one, alice);
        both = blame_noted(both, i % 2 ? alice : bob);
        none = blame_noted(none, blame_nobody);
    }
    assert_int_equal(blame_surplus(one, alice), UINT16_MAX);
    assert_int_equal(blame_for_all(one), 0);
    assert_int_equal(blame_for_all(both), UINT16_MAX);
    assert_int_equal(blame_for_all(none), UINT16_MAX);
    assert_int_equal(blame_tag(one) + blame_tag(both) + blame_tag(none), 0);
}

/* However they come: what is counted one after the other is what the word says in the end, for each window alone. */
static void what_counts_for_all_is_counted_once(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct cell cell = {0};
        unsigned counted = 0;
        uint16_t window = 7;
        prng_seed(&prng, seed);
        for (int i = 0; i < 100; i++) {
            if (prng_below(&prng, 40) == 0) {
                window++;
                counted = 0;
            }
            uint64_t client = prng_below(&prng, 20) == 0 ? blame_nobody : prng_below(&prng, seed % 4 + 1);
            counted += blame_count(&cell, window, client);
            assert_int_equal(counted, blame_for_all(cell_load(&cell)));
            assert_int_equal(blame_tag(cell_load(&cell)), window);
        }
        if (seed % 4 == 0) assert_true(counted <= 100);
    }
}

static void one_clients_failures_count_for_nobody_until_another_has_one(void **state) {
    struct cell cell = {0};
    (void)state;
    for (int i = 0; i < 9; i++) assert_int_equal(blame_count(&cell, 1, 5), 0);
    assert_int_equal(blame_count(&cell, 1, 6), 3);
    assert_int_equal(blame_count(&cell, 1, blame_nobody), 1);
    assert_int_equal(blame_count(&cell, 2, 5), 0); /* a window of its own */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_clients_failures_are_its_own_and_several_clients_everybodys),
        cmocka_unit_test(callers_without_a_key_are_one_client),
        cmocka_unit_test(counts_stop_at_their_top),
        cmocka_unit_test(what_counts_for_all_is_counted_once),
        cmocka_unit_test(one_clients_failures_count_for_nobody_until_another_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
