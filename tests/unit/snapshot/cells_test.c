/* cells_test.c - words by durable names: the same name has the same words for as long as the table stands. */
#include "snapshot/cells.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"

static void a_name_has_its_own_words_and_keeps_them(void **state) {
    enum { most = 1000, size = 40 };
    static const char *const kinds[] = {"provider ", "provider", "key "};
    static void *found[3][most];
    struct cells cells = {.chains = NULL};
    char name[16];
    (void)state;
    for (size_t kind = 0; kind < 3; kind++)
        for (unsigned i = 0; i < most; i++) {
            snprintf(name, sizeof name, i ? "%u" : "", i);
            uint64_t *words = found[kind][i] = cells_find(&cells, NULL, kinds[kind], str_from(name), size);
            assert_non_null(words);
            assert_int_equal((uintptr_t)words % 16, 0);
            for (size_t word = 0; word < size / sizeof *words; word++) assert_int_equal(words[word], 0);
            memset(words, (int)kind + 1, size);
        }
    assert_int_equal(cells.count, 3 * most);
    for (size_t kind = 0; kind < 3; kind++)
        for (unsigned i = 0; i < most; i++) {
            snprintf(name, sizeof name, i ? "%u" : "", i);
            unsigned char *bytes = cells_find(&cells, NULL, kinds[kind], str_from(name), size);
            assert_ptr_equal(bytes, found[kind][i]);
            for (size_t at = 0; at < size; at++) assert_int_equal(bytes[at], kind + 1);
        }
    assert_int_equal(cells.count, 3 * most);
    assert_true(cells.chain_count >= cells.count); /* few in each chain */
    cells_free(&cells);
    assert_int_equal(cells.count, 0);
}

/* Two names may have one hash: their bytes decide. */
static void names_of_one_hash_are_told_apart(void **state) {
    struct cells cells = {.chains = NULL};
    (void)state;
    void *first = cells_find(&cells, NULL, "k", STR("a"), 8), *second = cells_find(&cells, NULL, "k", STR("b"), 8);
    assert_ptr_not_equal(first, second);
    assert_ptr_not_equal(cells_find(&cells, NULL, "k", STR("ab"), 8), cells_find(&cells, NULL, "ka", STR("b"), 8));
    assert_ptr_equal(cells_find(&cells, NULL, "k", STR("a"), 8), first);
    cells_free(&cells);
}

static void without_a_table_the_words_are_the_arenas(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena, 1024, 4096);
    uint64_t *one = cells_find(NULL, &arena, "k", STR("a"), 8), *other = cells_find(NULL, &arena, "k", STR("a"), 8);
    assert_true(one && other && one != other && *one == 0 && *other == 0);
    arena_free(&arena);
}

static int sodium_begin(void **state) { return (void)state, hash_start() ? 0 : -1; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_its_own_words_and_keeps_them),
        cmocka_unit_test(names_of_one_hash_are_told_apart),
        cmocka_unit_test(without_a_table_the_words_are_the_arenas),
    };
    return cmocka_run_group_tests(tests, sodium_begin, NULL);
}
