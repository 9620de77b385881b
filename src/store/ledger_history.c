/* ledger_history.c - see ledger_history.h. */
#include "store/ledger_history.h"

#include "store/ledger_internal.h"

enum { past_client, past_owner, past_provider, past_model, past_route, past_asked, past_window, past_cost };

#define PAST_NAMES                                                                                                    \
    " LEFT JOIN names c ON c.id = f.client LEFT JOIN names o ON o.id = f.owner LEFT JOIN names p ON p.id = "          \
    "f.provider LEFT JOIN names m ON m.id = f.model LEFT JOIN names r ON r.id = f.route LEFT JOIN words w ON w.id = " \
    "f.asked "
#define PAST_KEYS "c.name, o.name, p.name, m.name, r.name, w.word"

static bool past_tell(struct ledger *ledger, const char *sql, const int64_t *numbers, size_t count, int64_t since_s,
                      void (*tell)(void *context, const struct ledger_past *past), void *context) {
    struct statement *row = statement_make(ledger_database(ledger), sql);
    enum database_step step = database_failed;
    if (row) param_numbers(row, 1, numbers, count);
    while (row && (step = statement_step(row)) == database_row) {
        const struct ledger_past past = {.client = row_text(row, past_client),
                                         .owner = row_text(row, past_owner),
                                         .provider = row_text(row, past_provider),
                                         .model = row_text(row, past_model),
                                         .route = row_text(row, past_route),
                                         .asked = row_text(row, past_asked),
                                         .window_s = since_s < 0 ? row_number(row, past_window) : since_s,
                                         .nano_usd = row_number(row, past_cost)};
        if (past.nano_usd > 0) tell(context, &past);
    }
    statement_end(row);
    return step == database_done;
}

bool ledger_history(struct ledger *ledger, int64_t since_s, uint64_t bucket_s,
                    void (*tell)(void *context, const struct ledger_past *past), void *context) {
    const int64_t hour_s = 3600, ms = 1000, whole = (since_s + hour_s - 1) / hour_s;
    if (bucket_s) {
        const int64_t numbers[] = {since_s * ms, (int64_t)bucket_s * ms, (int64_t)bucket_s};
        return past_tell(ledger,
                         "SELECT " PAST_KEYS
                         ", f.time_ms / ?2 * ?3, numbers_all(f.cost_nano_usd) FROM attempts f" PAST_NAMES
                         "WHERE f.time_ms >= ?1 AND f.cost_nano_usd > 0 GROUP BY " PAST_KEYS ", f.time_ms / ?2 * ?3",
                         numbers, 3, -1, tell, context);
    }
    const int64_t hours[] = {whole, usage_of_hours}, part[] = {since_s * ms, whole * hour_s * ms};
    return past_tell(ledger,
                     "SELECT " PAST_KEYS ", 0, numbers_all(f.cost_nano_usd) FROM usage f" PAST_NAMES
                     "WHERE f.grain = ?2 AND f.at >= ?1 GROUP BY " PAST_KEYS,
                     hours, 2, since_s, tell, context) &&
           (whole * hour_s == since_s ||
            past_tell(ledger,
                      "SELECT " PAST_KEYS ", 0, numbers_all(f.cost_nano_usd) FROM attempts f" PAST_NAMES
                      "WHERE f.time_ms >= ?1 AND f.time_ms < ?2 AND f.cost_nano_usd > 0 GROUP BY " PAST_KEYS,
                      part, 2, since_s, tell, context));
}

bool ledger_budget_is_known(struct ledger *ledger, uint64_t budget, bool *known) {
    const int64_t number = (int64_t)budget;
    struct statement *row =
        statement_make(ledger_database(ledger), "SELECT 1 FROM budget_starts WHERE budget = ?1 UNION ALL "
                                                "SELECT 1 FROM budgets WHERE budget = ?1");
    if (row) param_numbers(row, 1, &number, 1);
    enum database_step step = row ? statement_step(row) : database_failed;
    statement_end(row);
    *known = step == database_row;
    return step != database_failed;
}

static bool history_run(struct ledger *ledger, const char *sql, const int64_t *numbers, size_t count) {
    struct statement *statement = statement_make(ledger_database(ledger), sql);
    if (statement) param_numbers(statement, 1, numbers, count);
    return statement_run_once(statement);
}

bool ledger_history_give(struct ledger *ledger, const struct record_charge *windows, const int64_t *nano_usd,
                         size_t count, const uint64_t *budgets, size_t budget_count) {
    struct database *database = ledger_database(ledger);
    bool good = true;
    if (!database_begin(database)) return false;
    for (size_t i = 0; i < budget_count && good; i++) {
        const int64_t number = (int64_t)budgets[i];
        good = history_run(ledger, "INSERT INTO budget_starts VALUES(?1)", &number, 1);
    }
    for (size_t i = 0; i < count && good; i++) {
        const int64_t numbers[] = {(int64_t)windows[i].budget, windows[i].window_s, nano_usd[i]};
        good = history_run(ledger, ledger_charge_sql, numbers, 3);
    }
    if (good && database_commit(database)) return true;
    database_undo(database);
    return false;
}
