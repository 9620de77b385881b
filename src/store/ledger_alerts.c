/* ledger_alerts.c - see ledger_alerts.h. */
#include "store/ledger_alerts.h"

#include "store/ledger_internal.h"

static bool alerts_run(struct ledger *ledger, const char *statement) {
    return sqlite3_exec(ledger_sqlite(ledger), statement, NULL, NULL, NULL) == SQLITE_OK;
}

static bool alert_add(sqlite3_stmt *add, const struct ledger_alert *alert) {
    const struct str texts[] = {alert->kind, alert->subject, alert->said};
    const int64_t numbers[] = {alert->permille, alert->window_s, alert->raised_ms};
    sqlite3_bind_int64(add, 1, (int64_t)alert->id);
    for (int i = 0; i < 3; i++)
        sqlite3_bind_text(add, i + 2, texts[i].len ? texts[i].at : "", (int)texts[i].len, SQLITE_STATIC);
    for (int i = 0; i < 3; i++) sqlite3_bind_int64(add, i + 5, numbers[i]);
    if (alert->ended_ms)
        sqlite3_bind_int64(add, 8, alert->ended_ms);
    else
        sqlite3_bind_null(add, 8);
    sqlite3_bind_int64(add, 9, alert->owed);
    bool good = sqlite3_step(add) == SQLITE_DONE;
    sqlite3_reset(add);
    return good;
}

/* Which of them the webhook has had is ledger_alert_told's alone. */
static const char add_words[] =
    "INSERT INTO alerts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET ended_ms = ?8";

bool ledger_alerts_keep(struct ledger *ledger, const struct ledger_alert *alerts, size_t count) {
    sqlite3_stmt *add = NULL, *forget = NULL;
    if (!alerts_run(ledger, "BEGIN IMMEDIATE")) return false;
    bool good =
        sqlite3_prepare_v2(ledger_sqlite(ledger), add_words, -1, &add, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(ledger_sqlite(ledger), "DELETE FROM alerts WHERE id <= (SELECT max(id) FROM alerts) - ?1",
                           -1, &forget, NULL) == SQLITE_OK;
    for (size_t i = 0; i < count && good; i++) good = alert_add(add, &alerts[i]);
    if (good) sqlite3_bind_int64(forget, 1, ledger_alerts_kept);
    good = good && sqlite3_step(forget) == SQLITE_DONE;
    sqlite3_finalize(add);
    sqlite3_finalize(forget);
    if (good && alerts_run(ledger, "COMMIT")) return true;
    (void)alerts_run(ledger, "ROLLBACK");
    return false;
}

bool ledger_alert_told(struct ledger *ledger, uint64_t id) {
    sqlite3_stmt *told = NULL;
    bool good = sqlite3_prepare_v2(ledger_sqlite(ledger), "UPDATE alerts SET owed = 0 WHERE id = ?1", -1, &told,
                                   NULL) == SQLITE_OK;
    if (good) sqlite3_bind_int64(told, 1, (int64_t)id);
    good = good && sqlite3_step(told) == SQLITE_DONE;
    sqlite3_finalize(told);
    return good;
}

static struct str alerts_text(sqlite3_stmt *row, int column) {
    const unsigned char *text = sqlite3_column_text(row, column);
    return str_make((const char *)text, text ? (size_t)sqlite3_column_bytes(row, column) : 0);
}

bool ledger_alerts(struct ledger *ledger, size_t most, void (*tell)(void *context, const struct ledger_alert *alert),
                   void *context) {
    sqlite3_stmt *row = NULL;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(ledger_sqlite(ledger),
                           "SELECT id, kind, subject, said, permille, window_s, raised_ms, ended_ms, owed FROM alerts "
                           "WHERE ended_ms IS NULL OR id > (SELECT max(id) FROM alerts) - ?1 ORDER BY id",
                           -1, &row, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(row, 1, (int64_t)most);
        while ((step = sqlite3_step(row)) == SQLITE_ROW)
            tell(context, &(struct ledger_alert){.id = (uint64_t)sqlite3_column_int64(row, 0),
                                                 .kind = alerts_text(row, 1),
                                                 .subject = alerts_text(row, 2),
                                                 .said = alerts_text(row, 3),
                                                 .permille = sqlite3_column_int64(row, 4),
                                                 .window_s = sqlite3_column_int64(row, 5),
                                                 .raised_ms = sqlite3_column_int64(row, 6),
                                                 .ended_ms = sqlite3_column_int64(row, 7),
                                                 .owed = sqlite3_column_int64(row, 8) != 0});
    }
    sqlite3_finalize(row);
    return step == SQLITE_DONE;
}
