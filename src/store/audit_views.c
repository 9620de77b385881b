/* audit_views.c - what is shown of the audit -- audit.h --: its rows, where it ends, and what became of checking it. */
#include "base/check.h"
#include "store/audit_internal.h"

static const struct str audit_word_names[audit_words] = {STR("actor"), STR("address"), STR("subject"), STR("detail")};

static void audit_hex_put(struct text *text, const struct sha256 *hash) {
    char hex[2 * sizeof *hash];
    hash_to_hex(hash->bytes, sizeof hash->bytes, hex);
    text_put(text, str_make(hex, sizeof hex));
}

static void audit_json_hex(struct text *text, struct str name, const struct sha256 *hash) {
    text_json_key(text, name);
    text_put_byte(text, '"');
    audit_hex_put(text, hash);
    text_put_byte(text, '"');
}

static struct str audit_word_of(struct statement *row, const struct audit_row *read, int word) {
    if (!read->has[word]) return STR("");
    int column = audit_columns + 2 * word + 1;
    return row_kind(row, column) == database_null ? STR("(erased)") : row_text(row, column);
}

static void audit_row_json(struct text *text, struct statement *row) {
    struct audit_row read;
    struct sha256 head;
    audit_row_read(row, &read);
    (void)audit_blob(row, audit_columns - 1, &head);
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_i64(text, STR("seq"), read.seq);
    text_json_str(text, STR("time"), row_text(row, audit_columns + 2 * audit_words));
    text_json_i64(text, STR("time_ms"), read.time_ms);
    text_json_str(text, STR("action"), read.action);
    text_json_str(text, STR("outcome"), read.outcome);
    for (int i = 0; i < audit_words; i++) text_json_str(text, audit_word_names[i], audit_word_of(row, &read, i));
    text_json_str(text, STR("request_id"), read.request_id);
    audit_json_hex(text, STR("head"), &head);
    text_put_byte(text, '}');
}

static void audit_row_csv(struct text *text, struct statement *row) {
    struct audit_row read;
    struct sha256 head;
    audit_row_read(row, &read);
    (void)audit_blob(row, audit_columns - 1, &head);
    text_put_i64(text, read.seq);
    const struct str fields[] = {row_text(row, audit_columns + 2 * audit_words),
                                 read.action,
                                 read.outcome,
                                 audit_word_of(row, &read, 0),
                                 audit_word_of(row, &read, 1),
                                 audit_word_of(row, &read, 2),
                                 audit_word_of(row, &read, 3),
                                 read.request_id};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        text_put_byte(text, ',');
        text_put_csv(text, fields[i]);
    }
    text_put_byte(text, ',');
    audit_hex_put(text, &head);
    text_put(text, STR("\r\n"));
}

/* Is there one before the oldest that is shown? */
static bool audit_more(struct ledger *ledger, const struct audit_question *question, int64_t oldest, bool *more) {
    struct statement *look = audit_prepare(ledger, "SELECT 1 FROM audit WHERE seq < ?1 AND time_ms >= ?2 LIMIT 1");
    if (!look) return false;
    param_number(look, 1, oldest);
    param_number(look, 2, question->since_ms);
    enum database_step step = statement_step(look);
    statement_end(look);
    *more = step == database_row;
    return step != database_failed;
}

bool audit_write(struct ledger *ledger, const struct audit_question *question, struct text *text) {
    static const char select[] =
        "SELECT *, time_text(time_ms) FROM (" AUDIT_SELECT
        " WHERE time_ms >= ?1 AND time_ms < ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4) AS newest ORDER BY seq";
    struct statement *rows = audit_prepare(ledger, select);
    enum database_step step = database_failed;
    int64_t oldest = 0;
    CHECKF(question->limit > 0 && question->limit <= audit_rows_most, "limit=%lld", (long long)question->limit);
    if (!rows) return false;
    param_number(rows, 1, question->since_ms);
    param_number(rows, 2, question->until_ms ? question->until_ms : INT64_MAX);
    param_number(rows, 3, question->before ? question->before : INT64_MAX);
    param_number(rows, 4, question->limit);
    text_put(text, question->csv ? STR("seq,time,action,outcome,actor,address,subject,detail,request_id,head\r\n")
                                 : STR("{\"rows\":["));
    while ((step = statement_step(rows)) == database_row) {
        if (!oldest) oldest = row_number(rows, 0);
        if (question->csv)
            audit_row_csv(text, rows);
        else
            audit_row_json(text, rows);
    }
    statement_end(rows);
    if (step != database_done) return false;
    if (!question->csv) {
        bool more = false;
        if (oldest && !audit_more(ledger, question, oldest, &more)) return false;
        text_put_byte(text, ']');
        text_json_bool(text, STR("more"), more);
        text_put_byte(text, '}');
    }
    return !text->failed;
}

bool audit_head_write(struct ledger *ledger, struct text *text) {
    struct audit_head head;
    if (!audit_head_read(ledger, &head)) return false;
    text_put_byte(text, '{');
    text_json_i64(text, STR("seq"), head.seq);
    audit_json_hex(text, STR("head"), &head.hash);
    text_put_byte(text, '}');
    return !text->failed;
}

void audit_verdict_write(const struct audit_verdict *verdict, struct text *text) {
    text_put_byte(text, '{');
    text_json_bool(text, STR("good"), verdict->good);
    text_json_i64(text, STR("rows"), verdict->rows);
    text_json_i64(text, STR("erased"), verdict->erased);
    if (verdict->wrong) text_json_i64(text, STR("wrong"), verdict->wrong);
    if (!verdict->good) text_json_str(text, STR("said"), str_from(verdict->said));
    if (verdict->of_head) text_json_i64(text, STR("head_of"), verdict->of_head);
    text_json_i64(text, STR("seq"), verdict->head.seq);
    audit_json_hex(text, STR("head"), &verdict->head.hash);
    text_put_byte(text, '}');
}
