/* ledger_usage.c - what was spent, by whom and on what: read from the sums of each hour, never from attempts one by
 * one, so that years of them answer at once. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "store/ledger_internal.h"

/* How a key is read, and what its rows are put together by. */
static const struct usage_column {
    struct str name;
    const char *shown, *grouped;
} columns[usage_keys] = {
    [usage_by_provider] = {STR("provider"), "(SELECT name FROM names WHERE id = provider)", "provider"},
    [usage_by_model] = {STR("model"), "(SELECT name FROM names WHERE id = model)", "model"},
    [usage_by_client] = {STR("client"), "(SELECT name FROM names WHERE id = client)", "client"},
    [usage_by_route] = {STR("route"), "(SELECT name FROM names WHERE id = route)", "route"},
    [usage_by_day] = {STR("day"), "strftime('%Y-%m-%d', hour * 3600, 'unixepoch')", "hour / 24"},
    [usage_by_hour] = {STR("hour"), "strftime('%Y-%m-%dT%H:00Z', hour * 3600, 'unixepoch')", "hour"},
};

static const struct str sum_names[usage_sums] = {
#define X(name) STR(#name),
    USAGE_SUMS(X)
#undef X
};

static const struct {
    struct str name;
    double share;
} quantiles[] = {{STR("p50"), 0.5}, {STR("p95"), 0.95}, {STR("p99"), 0.99}};
enum { quantile_count = sizeof quantiles / sizeof *quantiles };

struct str usage_key_name(enum usage_key key) {
    CHECKF(key < usage_keys, "key=%d", (int)key);
    return columns[key].name;
}

bool usage_key_of(struct str name, enum usage_key *key) {
    for (int i = 0; i < usage_keys; i++)
        if (str_eq(columns[i].name, name)) {
            *key = (enum usage_key)i;
            return true;
        }
    return false;
}

/* -- asking -- */

static void usage_select(struct text *sql, const struct usage_question *question, bool total) {
    size_t count = total ? 0 : question->by_count;
    text_put(sql, STR("SELECT "));
    for (size_t i = 0; i < count; i++) text_printf(sql, "%s, ", columns[question->by[i]].shown);
    for (size_t i = 0; i < usage_sums; i++) text_printf(sql, "numbers_all(%.*s), ", STR_ARG(sum_names[i]));
    text_put(sql,
             STR("durations_all(durations), durations_all(first_tokens) FROM usage WHERE hour >= ?1 AND hour < ?2"));
    for (int i = 0; i < usage_keys; i++)
        if (question->only[i][0]) text_printf(sql, " AND %s = ?%d", columns[i].shown, i + 3);
    for (size_t i = 0; i < count; i++)
        text_printf(sql, "%s%s", i ? ", " : " GROUP BY ", columns[question->by[i]].grouped);
    if (!count) return;
    const enum usage_key first = question->by[0];
    if (first == usage_by_day || first == usage_by_hour)
        text_printf(sql, " ORDER BY %s", columns[first].grouped);
    else
        text_put(sql, STR(" ORDER BY numbers_all(cost_nano_usd) DESC, numbers_all(attempts) DESC"));
}

static sqlite3_stmt *usage_ask(struct ledger *ledger, const struct usage_question *question, bool total) {
    enum { ms_per_hour = 3600 * 1000 };
    char sql[4096];
    sqlite3_stmt *statement = NULL;
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    usage_select(&text, question, total);
    CHECKF(!text.failed, "by=%zu", question->by_count);
    sql[text.len] = 0;
    if (sqlite3_prepare_v2(ledger_sqlite(ledger), sql, -1, &statement, NULL) != SQLITE_OK) return NULL;
    sqlite3_bind_int64(statement, 1, question->since_ms / ms_per_hour);
    sqlite3_bind_int64(statement, 2, question->until_ms ? question->until_ms / ms_per_hour : INT64_MAX);
    for (int i = 0; i < usage_keys; i++)
        if (question->only[i][0]) sqlite3_bind_text(statement, i + 3, question->only[i], -1, SQLITE_STATIC);
    return statement;
}

/* -- telling -- */

static void durations_put_json(struct text *text, struct str name, sqlite3_stmt *row, int column) {
    struct histogram histogram;
    memset(&histogram, 0, sizeof histogram);
    durations_add(&histogram, sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
    text_json_key(text, name);
    text_put_byte(text, '{');
    for (size_t i = 0; i < quantile_count; i++) {
        text_json_key(text, quantiles[i].name);
        text_printf(text, "%.3f", (double)histogram_quantile(&histogram, quantiles[i].share) / 1000);
    }
    text_put_byte(text, '}');
}

static void usage_row_json(struct text *text, const struct usage_question *question, sqlite3_stmt *row, size_t keys) {
    int at = 0;
    text_json_comma(text);
    text_put_byte(text, '{');
    for (size_t i = 0; i < keys; i++, at++)
        text_json_str(text, columns[question->by[i]].name, str_from((const char *)sqlite3_column_text(row, at)));
    for (size_t i = 0; i < usage_sums; i++, at++) {
        if (i == usage_cost_nano_usd)
            text_json_money(text, STR("cost_usd"), sqlite3_column_int64(row, at));
        else
            text_json_i64(text, sum_names[i], sqlite3_column_int64(row, at));
    }
    durations_put_json(text, STR("latency_ms"), row, at);
    durations_put_json(text, STR("first_token_ms"), row, at + 1);
    text_put_byte(text, '}');
}

static void usage_head_csv(struct text *text, const struct usage_question *question) {
    for (size_t i = 0; i < question->by_count; i++) text_printf(text, "%.*s,", STR_ARG(columns[question->by[i]].name));
    for (size_t i = 0; i < usage_sums; i++) {
        struct str name = i == usage_cost_nano_usd ? STR("cost_usd") : sum_names[i];
        text_printf(text, "%s%.*s", i ? "," : "", STR_ARG(name));
    }
    text_put(text, STR("\r\n"));
}

static void usage_row_csv(struct text *text, const struct usage_question *question, sqlite3_stmt *row) {
    int at = 0;
    for (size_t i = 0; i < question->by_count; i++, at++) {
        text_put_csv(text, str_from((const char *)sqlite3_column_text(row, at)));
        text_put_byte(text, ',');
    }
    for (size_t i = 0; i < usage_sums; i++, at++) {
        if (i) text_put_byte(text, ',');
        if (i == usage_cost_nano_usd)
            text_put_money(text, sqlite3_column_int64(row, at));
        else
            text_put_i64(text, sqlite3_column_int64(row, at));
    }
    text_put(text, STR("\r\n"));
}

static bool usage_rows(struct ledger *ledger, const struct usage_question *question, bool total, struct text *text) {
    sqlite3_stmt *statement = usage_ask(ledger, question, total);
    int step = SQLITE_ERROR;
    while (statement && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        if (question->form == usage_as_csv)
            usage_row_csv(text, question, statement);
        else
            usage_row_json(text, question, statement, total ? 0 : question->by_count);
    }
    sqlite3_finalize(statement);
    return step == SQLITE_DONE && !text->failed;
}

bool ledger_usage(struct ledger *ledger, const struct usage_question *question, struct text *text) {
    CHECKF(question->by_count <= usage_keys, "by=%zu", question->by_count);
    if (question->form == usage_as_csv) {
        usage_head_csv(text, question);
        return usage_rows(ledger, question, false, text);
    }
    text_put_byte(text, '{');
    text_json_i64(text, STR("since_ms"), question->since_ms);
    text_json_key(text, STR("rows"));
    text_put_byte(text, '[');
    bool good = !question->by_count || usage_rows(ledger, question, false, text);
    text_put_byte(text, ']');
    text_json_key(text, STR("total"));
    good = good && usage_rows(ledger, question, true, text);
    text_put_byte(text, '}');
    return good;
}
