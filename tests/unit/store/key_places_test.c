/* key_places_test.c - each row is found by its keys alone, however many there are, in whatever form they lie. */
#include "store/key_places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { rows_most = 5000 };
struct row {
    int64_t sum, keys[3], more;
};

static struct row rows[rows_most];
static struct keyed_rows some(size_t count, size_t key_count) {
    return (struct keyed_rows){rows->keys, sizeof *rows, count, key_count};
}

/* Numbers one behind the other, as the ledger has them; the second key parts those of the same first one. */
static void each_row_is_found_and_no_other(void **state) {
    struct key_places table = {NULL, 0};
    (void)state;
    for (size_t i = 0; i < rows_most; i++) {
        const int64_t keys[] = {(int64_t)(i / 7), (int64_t)(i % 7), -1};
        assert_true(key_places_fit(&table, some(i, 2)));
        assert_true(table.count > 2 * i && (table.count & (table.count - 1)) == 0);
        assert_true(key_places_find(&table, some(i, 2), keys) == SIZE_MAX);
        memcpy(rows[i].keys, keys, sizeof keys);
        key_places_note(&table, some(i + 1, 2));
        assert_true(key_places_fit(&table, some(i + 1, 2)));
        assert_int_equal(key_places_find(&table, some(i + 1, 2), keys), i);
    }
    for (size_t i = 0; i < rows_most; i++)
        assert_int_equal(key_places_find(&table, some(rows_most, 2), rows[i].keys), i);
    key_places_free(&table);
    assert_true(key_places_fit(&table, some(rows_most, 2))); /* all at once, where they stand now */
    for (size_t i = 0; i < rows_most; i++)
        assert_int_equal(key_places_find(&table, some(rows_most, 2), rows[i].keys), i);
    key_places_free(&table);
    key_places_free(&table);
}

static void nothing_is_found_where_nothing_is(void **state) {
    struct key_places table = {NULL, 0};
    const int64_t keys[] = {0, 0, 0};
    (void)state;
    assert_true(key_places_fit(&table, (struct keyed_rows){NULL, sizeof *rows, 0, 3}));
    assert_true(key_places_find(&table, (struct keyed_rows){NULL, sizeof *rows, 0, 3}, keys) == SIZE_MAX);
    key_places_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_is_found_and_no_other),
                                       cmocka_unit_test(nothing_is_found_where_nothing_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
