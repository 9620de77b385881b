/* ledger_budgets.c - see ledger_budgets.h. */
#include "store/ledger_budgets.h"

#include "store/ledger_internal.h"

static bool extra_run(struct ledger *ledger, const char *sql, const int64_t *numbers, int count) {
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_prepare_v2(ledger_sqlite(ledger), sql, -1, &statement, NULL) == SQLITE_OK;
    for (int i = 0; i < count && good; i++) sqlite3_bind_int64(statement, i + 1, numbers[i]);
    good = good && sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return good;
}

bool ledger_extra_keep(struct ledger *ledger, const struct ledger_extra *extra) {
    const int64_t numbers[] = {(int64_t)extra->budget, extra->kind, extra->nano_usd, extra->until_s};
    if (!extra->until_s)
        return extra_run(ledger, "DELETE FROM budget_extras WHERE budget = ?1 AND kind = ?2", numbers, 2);
    return extra_run(ledger, "INSERT OR REPLACE INTO budget_extras VALUES(?1, ?2, ?3, ?4)", numbers, 4);
}

bool ledger_extras(struct ledger *ledger, void (*tell)(void *context, const struct ledger_extra *extra),
                   void *context) {
    sqlite3_stmt *row = NULL;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(ledger_sqlite(ledger), "SELECT budget, kind, nano_usd, until_s FROM budget_extras", -1, &row,
                           NULL) == SQLITE_OK)
        while ((step = sqlite3_step(row)) == SQLITE_ROW)
            tell(context, &(struct ledger_extra){.budget = (uint64_t)sqlite3_column_int64(row, 0),
                                                 .kind = (unsigned)sqlite3_column_int(row, 1),
                                                 .nano_usd = sqlite3_column_int64(row, 2),
                                                 .until_s = sqlite3_column_int64(row, 3)});
    sqlite3_finalize(row);
    return step == SQLITE_DONE;
}

bool ledger_budget_forget(struct ledger *ledger, const struct record_charge *windows, const int64_t *nano_usd,
                          size_t count) {
    bool good = extra_run(ledger, "BEGIN IMMEDIATE", NULL, 0);
    if (!good) return false;
    for (size_t i = 0; i < count && good; i++) {
        const int64_t numbers[] = {(int64_t)windows[i].budget, windows[i].window_s, -nano_usd[i]};
        good = extra_run(ledger,
                         "INSERT INTO budgets VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET nano_usd = "
                         "numbers_both(nano_usd, excluded.nano_usd)",
                         numbers, 3);
    }
    if (good && extra_run(ledger, "COMMIT", NULL, 0)) return true;
    (void)extra_run(ledger, "ROLLBACK", NULL, 0);
    return false;
}
