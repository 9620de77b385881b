/* entry_store_test.c - changes of entries as rows: read again in the order in which they were made last, one for each
 * kind and name; a ledger of an earlier form has none. */
#include "store/entry_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger_folder.h"
#include "store/ledger_internal.h"

struct rows_told {
    char names[256];
};

static bool row_tell(void *context, const struct stored_entry *entry) {
    struct rows_told *told = context;
    size_t len = strlen(told->names);
    snprintf(told->names + len, sizeof told->names - len, "%.*s/%.*s %.*s %.*s %lld;", STR_ARG(entry->kind),
             STR_ARG(entry->name), STR_ARG(entry->how), STR_ARG(entry->settings), (long long)entry->changed_s);
    return true;
}

static void the_last_change_of_each_is_kept_in_the_order_of_changes(void **state) {
    (void)state;
    char problem[300] = "";
    struct rows_told told = {""};
    ledger_close(opened());
    struct entry_store *store = entry_store_open(path, problem, sizeof problem);
    assert_non_null(store);
    struct stored_entry one = {STR("routes"), STR("fast"), STR("over"), STR("{\"a\":1}"), 7},
                        two = {STR("rules"), STR("fast"), STR("added"), STR("{}"), 8};
    assert_true(entry_store_put(store, &one) && entry_store_put(store, &two));
    one.settings = STR("{\"a\":2}");
    one.changed_s = 9;
    assert_true(entry_store_put(store, &one));
    assert_true(entry_store_each(store, row_tell, &told));
    assert_string_equal(told.names, "rules/fast added {} 8;routes/fast over {\"a\":2} 9;");
    assert_true(entry_store_remove(store, STR("rules"), STR("fast")));
    assert_true(entry_store_remove(store, STR("rules"), STR("nobody")));
    entry_store_close(store);
    told.names[0] = 0;
    assert_non_null(store = entry_store_open(path, problem, sizeof problem));
    assert_true(entry_store_each(store, row_tell, &told));
    assert_string_equal(told.names, "routes/fast over {\"a\":2} 9;");
    entry_store_close(store);
}

static void a_ledger_of_an_earlier_form_has_none(void **state) {
    (void)state;
    char problem[300] = "";
    struct rows_told told = {""};
    struct ledger *ledger = opened();
    assert_true(database_run(ledger_database(ledger), "DROP TABLE entries"));
    ledger_close(ledger);
    struct entry_store *store = entry_store_open(path, problem, sizeof problem);
    assert_non_null(store);
    assert_true(entry_store_each(store, row_tell, &told));
    assert_string_equal(told.names, "");
    const struct stored_entry one = {STR("routes"), STR("fast"), STR("over"), STR("{}"), 7};
    assert_false(entry_store_put(store, &one));
    assert_non_null(strstr(entry_store_problem(store), "entries"));
    entry_store_close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_change_of_each_is_kept_in_the_order_of_changes, begin, end),
        cmocka_unit_test_setup_teardown(a_ledger_of_an_earlier_form_has_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
