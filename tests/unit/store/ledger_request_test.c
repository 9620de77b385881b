/* ledger_request_test.c - a request is found by its id without looking at all others. */
#include "store/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger_folder.h"
#include "store/ledger_internal.h"

static void it_is_found_by_the_index(void **state) {
    char sql[512], plan[512] = "";
    sqlite3 *sqlite;
    sqlite3_stmt *rows;
    (void)state;
    ledger_close(opened());
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN SELECT status FROM attempts WHERE client = ?1 AND %s",
             ledger_request_by_own);
    assert_int_equal(sqlite3_prepare_v2(sqlite, sql, -1, &rows, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
    snprintf(plan, sizeof plan, "%s", (const char *)sqlite3_column_text(rows, 3));
    sqlite3_finalize(rows);
    sqlite3_close(sqlite);
    if (!strstr(plan, "attempts_request_id")) fail_msg("%s", plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(it_is_found_by_the_index, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
