/* ledger_values.c - see ledger_values.h. */
#include "store/ledger_values.h"

#include <string.h>

#include "store/ledger_internal.h"

static bool values_run(struct ledger *ledger, const char *sql, const int64_t *numbers, size_t count) {
    struct statement *statement = statement_make(ledger_database(ledger), sql);
    if (statement) param_numbers(statement, 1, numbers, count);
    return statement_run_once(statement);
}

bool ledger_value_secret(struct ledger *ledger, struct hash_secret *secret) {
    int64_t parts[2];
    _Static_assert(sizeof parts == sizeof *secret, "it is of two numbers");
    struct statement *row = statement_make(ledger_database(ledger), "SELECT part_1, part_2 FROM value_secret");
    enum database_step step = row ? statement_step(row) : database_failed;
    for (int i = 0; i < 2 && step == database_row; i++) parts[i] = row_number(row, i);
    statement_end(row);
    if (step == database_failed) return false;
    if (step == database_done) memcpy(parts, secret, sizeof parts);
    memcpy(secret, parts, sizeof parts);
    return step == database_row || values_run(ledger, "INSERT INTO value_secret VALUES(?1, ?2)", parts, 2);
}

bool ledger_values(struct ledger *ledger, void (*tell)(void *context, const struct ledger_value *value),
                   void *context) {
    struct statement *row =
        statement_make(ledger_database(ledger),
                       "SELECT budget, value_1, value_2, window_s, nano_usd FROM budget_values ORDER BY window_s");
    enum database_step step = database_failed;
    while (row && (step = statement_step(row)) == database_row)
        tell(context, &(struct ledger_value){.of = {(uint64_t)row_number(row, 0), row_number(row, 3)},
                                             .value = {{(uint64_t)row_number(row, 1), (uint64_t)row_number(row, 2)}},
                                             .nano_usd = row_number(row, 4)});
    statement_end(row);
    return step == database_done;
}

bool ledger_values_take_off(struct ledger *ledger, const struct ledger_value *values, size_t count) {
    struct database *database = ledger_database(ledger);
    bool good = true;
    if (!database_begin(database)) return false;
    for (size_t i = 0; i < count && good; i++) {
        const int64_t numbers[] = {(int64_t)values[i].of.budget, (int64_t)values[i].value.words[0],
                                   (int64_t)values[i].value.words[1], values[i].of.window_s, -values[i].nano_usd};
        good = values_run(ledger, ledger_charge_value_sql, numbers, 5);
    }
    if (good && database_commit(database)) return true;
    database_undo(database);
    return false;
}

bool ledger_values_forget(struct ledger *ledger, int64_t before_s) {
    return values_run(ledger, "DELETE FROM budget_values WHERE window_s > 0 AND window_s < ?1", &before_s, 1);
}
