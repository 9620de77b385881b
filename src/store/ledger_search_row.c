/* ledger_search_row.c - see ledger_search_row.h. One table says what is told of an attempt: as a member of JSON and as
 * a column. */
#include "store/ledger_search_row.h"

const char search_rows_sql[] =
    "SELECT id, time_ms, status, flags, cost_nano_usd, client, provider, model, route, asked, "
    "session, outcome FROM attempts WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3";
const char search_by_id_sql[] =
    "SELECT id FROM attempts WHERE substr(request_id, 5, 8) = substr(?1, 5, 8) AND coalesce(request_id, '') = ?1 "
    "UNION SELECT id FROM attempts WHERE caller_id = ?1 ORDER BY id";

void search_row_read(struct statement *row, struct search_row *read) {
    int column = 0;
    read->id = row_number(row, column++);
    for (int i = 0; i < search_row_numbers; i++, column++)
        read->numbers[i] = row_kind(row, column) == database_null ? -1 : row_number(row, column);
    for (int i = 0; i < search_names; i++) read->names[i] = row_number(row, column++);
}

enum told_as { told_text, told_number, told_money, told_flag };
#define NAME_OF(column) "(SELECT name FROM names WHERE id = " column ")"
#define WORD_OF(column) "(SELECT word FROM words WHERE id = " column ")"
#define FLAG_OF(bit) "flags & " bit
/* X(member, how, what it is in SQL) */
#define TOLD_TABLE(X)                                          \
    X(time_ms, told_number, "time_ms")                         \
    X(id, told_text, "request_id")                             \
    X(caller_id, told_text, "caller_id")                       \
    X(attempt, told_number, "attempt")                         \
    X(client, told_text, NAME_OF("client"))                    \
    X(asked, told_text, WORD_OF("asked"))                      \
    X(route, told_text, NAME_OF("route"))                      \
    X(provider, told_text, NAME_OF("provider"))                \
    X(model, told_text, NAME_OF("model"))                      \
    X(endpoint, told_text, NAME_OF("endpoint"))                \
    X(outcome, told_text, NAME_OF("outcome"))                  \
    X(status, told_number, "status")                           \
    X(duration_us, told_number, "duration_us")                 \
    X(first_token_us, told_number, "first_token_us")           \
    X(input_tokens, told_number, "input_tokens")               \
    X(output_tokens, told_number, "output_tokens")             \
    X(cached_tokens, told_number, "cached_tokens")             \
    X(cache_write_tokens, told_number, "cache_write_tokens")   \
    X(cache_missed_tokens, told_number, "cache_missed_tokens") \
    X(cost_usd, told_money, "cost_nano_usd")                   \
    X(session, told_text, WORD_OF("session"))                  \
    X(tags, told_text, WORD_OF("tags"))                        \
    X(streamed, told_flag, FLAG_OF("1"))                       \
    X(hedge, told_flag, FLAG_OF("2"))                          \
    X(failover, told_flag, FLAG_OF("4"))                       \
    X(estimated, told_flag, FLAG_OF("8"))                      \
    X(lost, told_flag, FLAG_OF("16"))

static const struct {
    struct str member;
    enum told_as as;
} tolds[] = {
#define X(member, as, sql) {STR(#member), as},
    TOLD_TABLE(X)
#undef X
};
enum { told_count = sizeof tolds / sizeof *tolds };

static const char told_sql[] = "SELECT "
#define X(member, as, sql) sql ", "
    TOLD_TABLE(X)
#undef X
        "0 FROM attempts WHERE id = ?1";

_Static_assert(record_stream == 1 && record_hedge == 2 && record_failover == 4 && record_estimated == 8 &&
                   record_lost == 16,
               "the flags that the table says");

void search_head_put(bool csv, struct text *text) {
    if (!csv) {
        text_put(text, STR("{\"rows\":["));
        return;
    }
    for (size_t i = 0; i < told_count; i++) {
        if (i) text_put_byte(text, ',');
        text_put(text, tolds[i].member);
    }
    text_put(text, STR("\r\n"));
}

static void told_json(struct text *text, struct statement *row, size_t i) {
    const int column = (int)i;
    if (row_kind(row, column) == database_null) return;
    switch (tolds[i].as) {
    case told_text:
        if (row_text(row, column).len) text_json_str(text, tolds[i].member, row_text(row, column));
        break;
    case told_number: text_json_i64(text, tolds[i].member, row_number(row, column)); break;
    case told_money: text_json_money(text, tolds[i].member, row_number(row, column)); break;
    case told_flag:
        if (row_number(row, column)) text_json_bool(text, tolds[i].member, true);
        break;
    }
}

static void told_csv(struct text *text, struct statement *row, size_t i) {
    const int column = (int)i;
    if (i) text_put_byte(text, ',');
    if (row_kind(row, column) == database_null) return;
    switch (tolds[i].as) {
    case told_text: text_put_csv(text, row_text(row, column)); break;
    case told_number: text_put_i64(text, row_number(row, column)); break;
    case told_money: text_put_money(text, row_number(row, column)); break;
    case told_flag: text_put_byte(text, row_number(row, column) ? '1' : '0'); break;
    }
}

bool search_row_tell(struct ledger *ledger, int64_t id, bool csv, struct text *text) {
    struct statement *row = statement_make(ledger_database(ledger), told_sql);
    if (!row) return false;
    param_number(row, 1, id);
    enum database_step step = statement_step(row);
    if (step == database_row && !csv) {
        text_json_comma(text);
        text_put_byte(text, '{');
    }
    for (size_t i = 0; i < told_count && step == database_row; i++)
        if (csv)
            told_csv(text, row, i);
        else
            told_json(text, row, i);
    if (step == database_row) text_put(text, csv ? STR("\r\n") : STR("}"));
    statement_end(row);
    return step != database_failed;
}
