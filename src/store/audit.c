/* audit.c - see audit.h. What is shown of it is audit_views.c. */
#include "store/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "store/audit_internal.h"

static const struct audit_facts facts[audit_actions] = {
#define X(name, word, subject, sentence) [audit_##name] = {STR(word), STR(subject), STR(sentence)},
    AUDIT_ACTIONS(X)
#undef X
};

const struct audit_facts *audit_facts(enum audit_action action) {
    CHECKF(action < audit_actions, "action=%d", (int)action);
    return &facts[action];
}

struct sha256 audit_hash_two(const void *first, size_t first_len, struct str second) {
    char bytes[audit_canonical_most + sizeof(struct sha256)];
    CHECKF(first_len <= sizeof(struct sha256) && second.len <= audit_canonical_most, "len=%zu", second.len);
    memcpy(bytes, first, first_len);
    if (second.len) memcpy(bytes + first_len, second.at, second.len);
    return hash_sha256(str_make(bytes, first_len + second.len));
}

struct sha256 audit_row_hash(const struct audit_row *row, const struct sha256 *before) {
    char bytes[audit_canonical_most];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    text_printf(&text, "[\"weir audit 1\",%lld,%lld,", (long long)row->seq, (long long)row->time_ms);
    text_put_json(&text, row->action);
    text_put_byte(&text, ',');
    text_put_json(&text, row->outcome);
    for (size_t i = 0; i < audit_words; i++) {
        char hex[2 * sizeof(struct sha256)];
        hash_to_hex(row->words[i].bytes, sizeof row->words[i].bytes, hex);
        text_put(&text, STR(",\""));
        if (row->has[i]) text_put(&text, str_make(hex, sizeof hex));
        text_put_byte(&text, '"');
    }
    text_put_byte(&text, ',');
    text_put_json(&text, row->request_id);
    text_put_byte(&text, ']');
    /* An edited row may hold anything: what is too long to be one of ours has another hash. */
    return audit_hash_two(before->bytes, sizeof before->bytes, text.failed ? STR("") : text_str(&text));
}

sqlite3_stmt *audit_prepare(struct ledger *ledger, const char *sql) {
    sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v2(ledger_sqlite(ledger), sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

bool audit_blob(sqlite3_stmt *statement, int column, struct sha256 *hash) {
    const void *bytes = sqlite3_column_blob(statement, column);
    bool good = bytes && sqlite3_column_bytes(statement, column) == (int)sizeof hash->bytes;
    memset(hash, 0, sizeof *hash);
    if (good) memcpy(hash->bytes, bytes, sizeof hash->bytes);
    return good;
}

struct str audit_text(sqlite3_stmt *statement, int column) {
    const char *at = (const char *)sqlite3_column_text(statement, column);
    return at ? str_make(at, (size_t)sqlite3_column_bytes(statement, column)) : STR("");
}

static void audit_bind_text(sqlite3_stmt *statement, int place, struct str text) {
    sqlite3_bind_text(statement, place, text.len ? text.at : "", (int)text.len, SQLITE_STATIC);
}

/* Ends the statement. */
static bool audit_done(sqlite3_stmt *statement) {
    bool good = statement && sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return good;
}

static bool audit_run(struct ledger *ledger, const char *sql) {
    return sqlite3_exec(ledger_sqlite(ledger), sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* -- adding -- */

/* The hash that stands for it: the one that it has, or one with a new salt. */
static bool audit_word_add(struct ledger *ledger, struct str word, struct sha256 *hash) {
    unsigned char salt[16];
    sqlite3_stmt *find = audit_prepare(ledger, "SELECT hash FROM audit_words WHERE word = ?1");
    if (!find) return false;
    audit_bind_text(find, 1, word);
    int found = sqlite3_step(find);
    bool known = found == SQLITE_ROW && audit_blob(find, 0, hash);
    sqlite3_finalize(find);
    if (known || found != SQLITE_DONE) return known;
    random_bytes(salt, sizeof salt);
    *hash = audit_hash_two(salt, sizeof salt, word);
    sqlite3_stmt *add = audit_prepare(ledger, "INSERT INTO audit_words(hash, salt, word) VALUES(?1, ?2, ?3)");
    if (!add) return false;
    sqlite3_bind_blob(add, 1, hash->bytes, sizeof hash->bytes, SQLITE_STATIC);
    sqlite3_bind_blob(add, 2, salt, sizeof salt, SQLITE_STATIC);
    audit_bind_text(add, 3, word);
    return audit_done(add);
}

bool audit_head_read(struct ledger *ledger, struct audit_head *head) {
    sqlite3_stmt *last = audit_prepare(ledger, "SELECT seq, head FROM audit ORDER BY seq DESC LIMIT 1");
    *head = (struct audit_head){.seq = 0};
    int step = last ? sqlite3_step(last) : SQLITE_ERROR;
    if (step == SQLITE_ROW) {
        head->seq = sqlite3_column_int64(last, 0);
        (void)audit_blob(last, 1, &head->hash); /* one that is no hash is told by audit_verify */
    }
    sqlite3_finalize(last);
    return step == SQLITE_ROW || step == SQLITE_DONE;
}

/* The last number that was ever given, also where its row is gone: a row that follows shows the gap. */
static bool audit_last(struct ledger *ledger, int64_t *seq) {
    sqlite3_stmt *statement = audit_prepare(ledger, "SELECT max(seq) FROM sqlite_sequence WHERE name = 'audit'");
    bool good = statement && sqlite3_step(statement) == SQLITE_ROW;
    *seq = good ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return good;
}

static bool audit_row_add(struct ledger *ledger, const struct audit_row *row, const struct sha256 *hash) {
    sqlite3_stmt *add = audit_prepare(ledger, "INSERT INTO audit(seq, time_ms, action, outcome, actor, address, "
                                              "subject, detail, request_id, head) "
                                              "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    if (!add) return false;
    sqlite3_bind_int64(add, 1, row->seq);
    sqlite3_bind_int64(add, 2, row->time_ms);
    audit_bind_text(add, 3, row->action);
    audit_bind_text(add, 4, row->outcome);
    for (int i = 0; i < audit_words; i++)
        if (row->has[i]) sqlite3_bind_blob(add, i + 5, row->words[i].bytes, sizeof row->words[i].bytes, SQLITE_STATIC);
    audit_bind_text(add, audit_words + 5, row->request_id);
    sqlite3_bind_blob(add, audit_words + 6, hash->bytes, sizeof hash->bytes, SQLITE_STATIC);
    return audit_done(add);
}

static bool audit_add_inside(struct ledger *ledger, const struct audit_entry *entry, struct audit_head *head) {
    const struct str words[audit_words] = {entry->who.actor, entry->who.address, entry->subject, entry->detail};
    struct audit_row row = {.time_ms = entry->time_ms,
                            .action = audit_facts(entry->action)->word,
                            .outcome = entry->failed ? STR("failed") : STR("ok"),
                            .request_id = str_slice(entry->who.request_id, 0, audit_request_most)};
    struct audit_head before;
    int64_t last;
    if (!audit_head_read(ledger, &before) || !audit_last(ledger, &last)) return false;
    row.seq = (last > before.seq ? last : before.seq) + 1;
    for (size_t i = 0; i < audit_words; i++) {
        struct str word = str_slice(words[i], 0, audit_word_most);
        row.has[i] = word.len > 0;
        if (row.has[i] && !audit_word_add(ledger, word, &row.words[i])) return false;
    }
    *head = (struct audit_head){row.seq, audit_row_hash(&row, &before.hash)};
    return audit_row_add(ledger, &row, &head->hash);
}

bool audit_add(struct ledger *ledger, const struct audit_entry *entry, struct audit_head *head, char *problem,
               size_t size) {
    bool begun = audit_run(ledger, "BEGIN IMMEDIATE"); /* nobody else adds between the head and the row */
    if (begun && audit_add_inside(ledger, entry, head) && audit_run(ledger, "COMMIT")) return true;
    snprintf(problem, size, "%s", ledger_problem(ledger));
    if (begun) (void)audit_run(ledger, "ROLLBACK");
    return false;
}

/* -- checking -- */

static void audit_wrong(struct audit_verdict *verdict, int64_t seq, const char *why) {
    if (!verdict->good) return;
    verdict->good = false;
    verdict->wrong = seq;
    snprintf(verdict->said, sizeof verdict->said, "row %lld %s", (long long)seq, why);
}

/* What the words of a row say of themselves: their salts and they give the hash. */
static void audit_words_look(sqlite3_stmt *statement, const struct audit_row *row, struct audit_verdict *verdict) {
    for (int i = 0; i < audit_words; i++) {
        int column = audit_columns + 2 * i;
        if (!row->has[i]) continue;
        if (sqlite3_column_type(statement, column) == SQLITE_NULL) {
            verdict->erased++;
            continue;
        }
        struct str word = audit_text(statement, column + 1);
        int salt_len = sqlite3_column_bytes(statement, column);
        bool fits = salt_len <= (int)sizeof(struct sha256) && word.len <= audit_canonical_most;
        struct sha256 hash = {{0}};
        if (fits) hash = audit_hash_two(sqlite3_column_blob(statement, column), (size_t)salt_len, word);
        if (!fits || !hash_equal(&hash, &row->words[i]))
            audit_wrong(verdict, row->seq, "has a name that was edited: it is not the one that was written");
    }
}

void audit_row_read(sqlite3_stmt *statement, struct audit_row *row) {
    *row = (struct audit_row){.seq = sqlite3_column_int64(statement, 0),
                              .time_ms = sqlite3_column_int64(statement, 1),
                              .action = audit_text(statement, 2),
                              .outcome = audit_text(statement, 3),
                              .request_id = audit_text(statement, audit_words + 4)};
    for (int i = 0; i < audit_words; i++) row->has[i] = audit_blob(statement, i + 4, &row->words[i]);
}

/* A row with the one before it, which ended in `before`. */
static void audit_row_look(sqlite3_stmt *statement, const struct audit_head *before, const struct sha256 *wanted,
                           struct audit_verdict *verdict) {
    struct audit_row row;
    struct sha256 head;
    audit_row_read(statement, &row);
    bool whole = audit_blob(statement, audit_columns - 1, &head);
    struct sha256 hash = audit_row_hash(&row, &before->hash);
    if (row.seq != before->seq + 1)
        audit_wrong(verdict, before->seq + 1, "is missing");
    else if (!whole || !hash_equal(&hash, &head))
        audit_wrong(verdict, row.seq, "is not what was written, or does not follow the one before it");
    audit_words_look(statement, &row, verdict);
    if (wanted && whole && hash_equal(&head, wanted)) verdict->of_head = row.seq;
    verdict->rows++;
    verdict->head = (struct audit_head){row.seq, head};
}

bool audit_verify(struct ledger *ledger, const struct sha256 *wanted, struct audit_verdict *verdict) {
    int step = SQLITE_ERROR;
    int64_t last = 0;
    *verdict = (struct audit_verdict){.good = true};
    if (!audit_last(ledger, &last)) return false; /* first: rows that come meanwhile are only more */
    sqlite3_stmt *rows = audit_prepare(ledger, AUDIT_SELECT " ORDER BY seq");
    while (rows && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        const struct audit_head before = verdict->head;
        audit_row_look(rows, &before, wanted, verdict);
    }
    sqlite3_finalize(rows);
    if (step != SQLITE_DONE) return false;
    if (last > verdict->head.seq) audit_wrong(verdict, verdict->head.seq + 1, "is missing: the end was cut off");
    if (wanted && !verdict->of_head && verdict->good) {
        verdict->good = false;
        snprintf(verdict->said, sizeof verdict->said,
                 "no row has that head: the end was cut off, or all of it was written anew");
    }
    return true;
}

int64_t audit_erase(struct ledger *ledger, struct str word) {
    sqlite3_stmt *erase = audit_prepare(ledger, "DELETE FROM audit_words WHERE word = ?1 OR word = 'client ' || ?1 OR "
                                                "substr(word, 1, length(?1) + 9) = 'client ' || ?1 || ': '");
    if (!erase) return -1;
    audit_bind_text(erase, 1, word);
    return audit_done(erase) ? sqlite3_changes(ledger_sqlite(ledger)) : -1;
}
