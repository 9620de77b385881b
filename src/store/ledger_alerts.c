/* ledger_alerts.c - see ledger_alerts.h. */
#include "store/ledger_alerts.h"

#include "store/ledger_internal.h"

static bool alert_add(struct statement *add, const struct ledger_alert *alert) {
    const struct str texts[] = {alert->kind, alert->subject, alert->said};
    const int64_t numbers[] = {alert->permille, alert->window_s, alert->raised_ms};
    param_number(add, 1, (int64_t)alert->id);
    for (int i = 0; i < 3; i++) param_text(add, i + 2, texts[i]);
    param_numbers(add, 5, numbers, 3);
    if (alert->ended_ms)
        param_number(add, 8, alert->ended_ms);
    else
        param_null(add, 8);
    param_number(add, 9, alert->owed);
    param_numbers(add, 10, (const int64_t[]){alert->value_micro, alert->threshold_micro}, 2);
    return statement_run(add);
}

static const char add_words[] =
    "INSERT INTO alerts(id, kind, subject, said, permille, window_s, raised_ms, ended_ms, owed, value_micro, "
    "threshold_micro) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
    "ON CONFLICT(id) DO UPDATE SET ended_ms = ?8, owed = ?9, value_micro = ?10";

bool ledger_alerts_keep(struct ledger *ledger, const struct ledger_alert *alerts, size_t count) {
    struct database *database = ledger_database(ledger);
    if (!database_begin(database)) return false;
    struct statement *add = statement_make(database, add_words),
                     *forget =
                         statement_make(database, "DELETE FROM alerts WHERE id <= (SELECT max(id) FROM alerts) - ?1");
    bool good = add && forget;
    for (size_t i = 0; i < count && good; i++) good = alert_add(add, &alerts[i]);
    if (good) param_number(forget, 1, ledger_alerts_kept);
    good = good && statement_step(forget) == database_done;
    statement_end(add);
    statement_end(forget);
    if (good && database_commit(database)) return true;
    database_undo(database);
    return false;
}

bool ledger_alert_owes(struct ledger *ledger, uint64_t id, int64_t owed) {
    struct statement *owes = statement_make(ledger_database(ledger), "UPDATE alerts SET owed = ?2 WHERE id = ?1");
    if (owes) param_numbers(owes, 1, (const int64_t[]){(int64_t)id, owed}, 2);
    return statement_run_once(owes);
}

bool ledger_alerts(struct ledger *ledger, size_t most, void (*tell)(void *context, const struct ledger_alert *alert),
                   void *context) {
    enum database_step step = database_failed;
    struct statement *row =
        statement_make(ledger_database(ledger),
                       "SELECT id, kind, subject, said, permille, window_s, raised_ms, ended_ms, owed, value_micro, "
                       "threshold_micro FROM alerts "
                       "WHERE ended_ms IS NULL OR id > (SELECT max(id) FROM alerts) - ?1 ORDER BY id");
    if (row) {
        param_number(row, 1, (int64_t)most);
        while ((step = statement_step(row)) == database_row)
            tell(context, &(struct ledger_alert){.id = (uint64_t)row_number(row, 0),
                                                 .kind = row_text(row, 1),
                                                 .subject = row_text(row, 2),
                                                 .said = row_text(row, 3),
                                                 .permille = row_number(row, 4),
                                                 .window_s = row_number(row, 5),
                                                 .raised_ms = row_number(row, 6),
                                                 .ended_ms = row_number(row, 7),
                                                 .owed = row_number(row, 8),
                                                 .value_micro = row_number(row, 9),
                                                 .threshold_micro = row_number(row, 10)});
    }
    statement_end(row);
    return step == database_done;
}
