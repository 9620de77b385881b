/* ledger_health.c - see ledger_health.h. Ids rise with time, so the newest are the last ones. */
#include "store/ledger_health.h"

#include "store/ledger_internal.h"

static const struct {
    struct str name, means;
    bool of_provider;
} health_event_rows[health_events] = {
#define X(name, of_provider, means) [health_event_##name] = {STR(#name), STR(means), of_provider},
    HEALTH_EVENT_TABLE(X)
#undef X
};

struct str health_event_name(enum health_event event) {
    return health_event_rows[event].name;
}
bool health_event_is_provider(enum health_event event) { return health_event_rows[event].of_provider; }

void health_events_put(struct text *text) {
    for (size_t i = 0; i < health_events; i++)
        text_printf(text, "| `%.*s` | %.*s |\n", STR_ARG(health_event_rows[i].name),
                    STR_ARG(health_event_rows[i].means));
}

static bool health_event_of(struct str name, enum health_event *event) {
    for (size_t i = 0; i < health_events; i++)
        if (str_eq(health_event_rows[i].name, name)) return *event = (enum health_event)i, true;
    return false; /* a later version's */
}

static void share_put(struct text *text, struct str name, int64_t permille) {
    text_json_key(text, name);
    text_printf(text, "%lld.%03lld", (long long)(permille / 1000), (long long)(permille % 1000));
}

void ledger_health_put(const struct ledger_health *row, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_i64(text, STR("time_ms"), row->time_ms);
    text_json_str(text, row->event == health_event_lock ? STR("route") : STR("provider"), row->subject);
    text_json_str(text, STR("event"), health_event_name(row->event));
    if (health_event_is_provider(row->event)) {
        text_json_str(text, STR("state"), row->state);
        share_put(text, STR("score"), row->score_permille);
        share_put(text, STR("success"), row->success_permille);
        text_json_i64(text, STR("latency_us"), row->latency_us);
    }
    if (row->event > health_event_probe) {
        text_json_str(text, STR("from"), row->from);
        text_json_str(text, STR("to"), row->to);
    }
    if (row->event == health_event_probe) {
        text_json_bool(text, STR("probe"), row->good);
        text_json_i64(text, STR("status"), row->status);
        text_json_i64(text, STR("took_us"), row->took_us);
        if (row->said.len) text_json_str(text, STR("said"), row->said);
    }
    text_put_byte(text, '}');
}

static bool health_row_add(struct statement *add, const struct ledger_health *row) {
    const struct str texts[] = {health_event_name(row->event), row->subject, row->from, row->to, row->said, row->state};
    const int64_t numbers[] = {row->score_permille, row->success_permille, row->latency_us,
                               row->good,           row->status,           row->took_us};
    param_number(add, 1, row->id);
    param_number(add, 2, row->time_ms);
    for (int i = 0; i < 6; i++) param_text(add, i + 3, texts[i]);
    param_numbers(add, 9, numbers, 6);
    return statement_run(add);
}

bool ledger_health_keep(struct ledger *ledger, const struct ledger_health *rows, size_t count) {
    struct database *database = ledger_database(ledger);
    if (!database_begin(database)) return false;
    struct statement *add =
        statement_make(database, "INSERT INTO health VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                                 "?12, ?13, ?14) ON CONFLICT(id) DO NOTHING");
    bool good = add != NULL;
    for (size_t i = 0; i < count && good; i++) good = health_row_add(add, &rows[i]);
    statement_end(add);
    if (good && database_commit(database)) return true;
    database_undo(database);
    return false;
}

bool ledger_health_is_empty(struct ledger *ledger, bool *empty) {
    struct statement *row = statement_make(ledger_database(ledger), "SELECT id FROM health LIMIT 1");
    enum database_step step = row ? statement_step(row) : database_failed;
    statement_end(row);
    *empty = step == database_done;
    return step != database_failed;
}

bool ledger_health_forget(struct ledger *ledger, int64_t before_ms, int64_t most, int64_t *gone) {
    const int64_t numbers[] = {before_ms, most, ledger_health_kept};
    struct statement *forget = statement_make(
        ledger_database(ledger),
        "DELETE FROM health WHERE id IN (SELECT id FROM (SELECT id, time_ms FROM health ORDER BY id LIMIT "
        "?2) AS oldest WHERE time_ms < ?1 OR id <= coalesce((SELECT id FROM health ORDER BY id DESC "
        "LIMIT 1 OFFSET ?3), -1))");
    if (forget) param_numbers(forget, 1, numbers, 3);
    bool good = forget && statement_step(forget) == database_done;
    *gone = good ? statement_changes(forget) : 0;
    statement_end(forget);
    return good;
}

bool ledger_health(struct ledger *ledger, const struct health_question *question,
                   void (*tell)(void *context, const struct ledger_health *row), void *context) {
    const int64_t numbers[] = {question->since_ms, question->until_ms ? question->until_ms : INT64_MAX,
                               question->below_id ? question->below_id : INT64_MAX,
                               question->most < ledger_health_most ? (int64_t)question->most : ledger_health_most};
    enum database_step step = database_failed;
    struct statement *row =
        statement_make(ledger_database(ledger),
                       question->subject.len
                           ? "SELECT * FROM (SELECT * FROM health WHERE time_ms >= ?1 AND time_ms < ?2 AND id < ?3 AND "
                             "subject = ?5 ORDER BY id DESC LIMIT ?4) AS piece ORDER BY id"
                           : "SELECT * FROM (SELECT * FROM health WHERE time_ms >= ?1 AND time_ms < ?2 AND id < ?3 "
                             "ORDER BY id DESC LIMIT ?4) AS piece ORDER BY id");
    if (row) param_numbers(row, 1, numbers, 4);
    if (row && question->subject.len) param_text(row, 5, question->subject);
    while (row && (step = statement_step(row)) == database_row) {
        struct ledger_health told = {.id = row_number(row, 0),
                                     .time_ms = row_number(row, 1),
                                     .subject = row_text(row, 3),
                                     .from = row_text(row, 4),
                                     .to = row_text(row, 5),
                                     .said = row_text(row, 6),
                                     .state = row_text(row, 7),
                                     .score_permille = row_number(row, 8),
                                     .success_permille = row_number(row, 9),
                                     .latency_us = row_number(row, 10),
                                     .good = row_number(row, 11) != 0,
                                     .status = row_number(row, 12),
                                     .took_us = row_number(row, 13)};
        if (health_event_of(row_text(row, 2), &told.event)) tell(context, &told);
    }
    statement_end(row);
    return step == database_done;
}
