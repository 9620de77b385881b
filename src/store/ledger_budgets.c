/* ledger_budgets.c - see ledger_budgets.h. */
#include "store/ledger_budgets.h"

#include "store/ledger_internal.h"

static bool extra_run(struct ledger *ledger, const char *sql, const int64_t *numbers, size_t count) {
    struct statement *statement = statement_make(ledger_database(ledger), sql);
    if (statement) param_numbers(statement, 1, numbers, count);
    return statement_run_once(statement);
}

bool ledger_extra_keep(struct ledger *ledger, const struct ledger_extra *extra) {
    const int64_t numbers[] = {(int64_t)extra->budget, extra->kind, extra->nano_usd, extra->until_s};
    if (!extra->until_s)
        return extra_run(ledger, "DELETE FROM budget_extras WHERE budget = ?1 AND kind = ?2", numbers, 2);
    return extra_run(ledger,
                     "INSERT INTO budget_extras VALUES(?1, ?2, ?3, ?4) ON CONFLICT(budget, kind) DO UPDATE SET "
                     "nano_usd = excluded.nano_usd, until_s = excluded.until_s",
                     numbers, 4);
}

bool ledger_extras(struct ledger *ledger, void (*tell)(void *context, const struct ledger_extra *extra),
                   void *context) {
    struct statement *row =
        statement_make(ledger_database(ledger), "SELECT budget, kind, nano_usd, until_s FROM budget_extras");
    enum database_step step = database_failed;
    while (row && (step = statement_step(row)) == database_row)
        tell(context, &(struct ledger_extra){.budget = (uint64_t)row_number(row, 0),
                                             .kind = (unsigned)(int)row_number(row, 1),
                                             .nano_usd = row_number(row, 2),
                                             .until_s = row_number(row, 3)});
    statement_end(row);
    return step == database_done;
}

bool ledger_budget_forget(struct ledger *ledger, const struct record_charge *windows, const int64_t *nano_usd,
                          size_t count) {
    struct database *database = ledger_database(ledger);
    bool good = true;
    if (!database_begin(database)) return false;
    for (size_t i = 0; i < count && good; i++) {
        const int64_t numbers[] = {(int64_t)windows[i].budget, windows[i].window_s, -nano_usd[i]};
        good = extra_run(ledger, ledger_charge_sql, numbers, 3);
    }
    if (good && database_commit(database)) return true;
    database_undo(database);
    return false;
}
