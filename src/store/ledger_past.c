/* ledger_past.c - see ledger_past.h. */
#include "store/ledger_past.h"

#include <string.h>

#include "base/check.h"
#include "store/ledger_internal.h"

static void past_text_put(struct text *sql, enum record_text text, bool whole) {
    struct str name = record_text_name(text);
    if (text != record_provider && text != record_model && text != record_metered && !whole)
        text_put(sql, STR(", NULL"));
    else if (record_text_is_name(text))
        text_printf(sql, ", (SELECT name FROM names WHERE id = %.*s)", STR_ARG(name));
    else
        text_printf(sql, ", %.*s", STR_ARG(name));
}

static struct statement *past_prepare(struct ledger *ledger, bool whole) {
    char sql[2048];
    struct text text = TEXT_IN_STRING(sql);
    text_put(&text, STR("SELECT id"));
    for (int i = 0; i < record_numbers; i++)
        text_printf(&text, ", %.*s", STR_ARG(record_number_name((enum record_number)i)));
    for (int i = 0; i < record_texts; i++) past_text_put(&text, (enum record_text)i, whole);
    for (int i = 0; i < record_words; i++) {
        if (whole)
            text_printf(&text, ", (SELECT word FROM words WHERE id = %.*s)",
                        STR_ARG(record_word_name((enum record_word)i)));
        else
            text_put(&text, STR(", NULL"));
    }
    text_put(&text, STR(", (SELECT nano_usd FROM recosted WHERE attempt = attempts.id) FROM attempts WHERE id > ?1 AND "
                        "id <= ?2 AND time_ms >= ?3 AND time_ms < ?4 ORDER BY id"));
    CHECK(!text.failed);
    sql[text.len] = 0;
    return statement_make(ledger_database(ledger), sql);
}

static void past_read(struct statement *row, struct past_attempt *attempt) {
    int column = 0;
    attempt->id = row_number(row, column++);
    for (int i = 0; i < record_numbers; i++, column++)
        attempt->numbers[i] = row_kind(row, column) == database_null ? -1 : row_number(row, column);
    for (int i = 0; i < record_texts; i++, column++) {
        if (i == record_metered) attempt->metered_known = row_kind(row, column) != database_null;
        attempt->texts[i] = i == record_metered ? row_bytes(row, column) : row_text(row, column);
    }
    for (int i = 0; i < record_words; i++, column++) attempt->words[i] = row_text(row, column);
    attempt->recosted_nano_usd = row_kind(row, column) == database_null ? -1 : row_number(row, column);
    if (!metered_read(attempt->texts[record_metered], &attempt->metered)) attempt->metered_known = false;
}

/* The last of the next piece behind `from`; 0: there is none. */
static bool past_piece_end(struct statement *ends, int64_t from, int64_t *end) {
    param_number(ends, 1, from);
    bool good = statement_step(ends) == database_row;
    *end = good ? row_number(ends, 0) : 0;
    statement_reset(ends);
    return good;
}

bool ledger_past(struct ledger *ledger, const struct past_question *question,
                 bool (*tell)(void *context, const struct past_attempt *attempt), bool (*pause)(void *context),
                 void *context) {
    struct statement *rows = past_prepare(ledger, question->whole),
                     *ends =
                         statement_make(ledger_database(ledger), "SELECT max(id) FROM (SELECT id FROM attempts WHERE "
                                                                 "id > ?1 ORDER BY id LIMIT ?2) AS piece");
    bool good = rows && ends;
    if (good) param_number(ends, 2, past_piece);
    if (good) param_number(rows, 3, question->since_ms);
    if (good) param_number(rows, 4, question->until_ms ? question->until_ms : INT64_MAX);
    for (int64_t from = -1, end; good && (good = past_piece_end(ends, from, &end)) && end; from = end) {
        struct past_attempt attempt;
        enum database_step step;
        param_number(rows, 1, from);
        param_number(rows, 2, end);
        while (good && (step = statement_step(rows)) != database_done) {
            good = step == database_row;
            if (good) past_read(rows, &attempt);
            good = good && tell(context, &attempt);
        }
        statement_reset(rows);
        good = good && (!pause || pause(context));
    }
    statement_end(rows);
    statement_end(ends);
    return good;
}
