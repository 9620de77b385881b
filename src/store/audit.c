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

struct statement *audit_prepare(struct ledger *ledger, const char *sql) {
    return statement_make(ledger_database(ledger), sql);
}

bool audit_blob(struct statement *statement, int column, struct sha256 *hash) {
    const struct str bytes = row_bytes(statement, column);
    bool good = bytes.len == sizeof hash->bytes;
    memset(hash, 0, sizeof *hash);
    if (good) memcpy(hash->bytes, bytes.at, sizeof hash->bytes);
    return good;
}

/* -- adding -- */

/* The hash that stands for it: the one that it has, or one with a new salt. */
static bool audit_word_add(struct ledger *ledger, struct str word, struct sha256 *hash) {
    unsigned char salt[16];
    struct statement *find = audit_prepare(ledger, "SELECT hash FROM audit_words WHERE word = ?1");
    if (!find) return false;
    param_text(find, 1, word);
    int found = statement_step(find);
    bool known = found == database_row && audit_blob(find, 0, hash);
    statement_end(find);
    if (known || found != database_done) return known;
    random_bytes(salt, sizeof salt);
    *hash = audit_hash_two(salt, sizeof salt, word);
    struct statement *add = audit_prepare(ledger, "INSERT INTO audit_words(hash, salt, word) VALUES(?1, ?2, ?3)");
    if (!add) return false;
    param_bytes(add, 1, hash->bytes, sizeof hash->bytes);
    param_bytes(add, 2, salt, sizeof salt);
    param_text(add, 3, word);
    return statement_run_once(add);
}

bool audit_head_read(struct ledger *ledger, struct audit_head *head) {
    struct statement *last = audit_prepare(ledger, "SELECT seq, head FROM audit ORDER BY seq DESC LIMIT 1");
    *head = (struct audit_head){.seq = 0};
    int step = last ? statement_step(last) : database_failed;
    if (step == database_row) {
        head->seq = row_number(last, 0);
        (void)audit_blob(last, 1, &head->hash); /* one that is no hash is told by audit_verify */
    }
    statement_end(last);
    return step == database_row || step == database_done;
}

/* The last number that was ever given, also where its row is gone: a row that follows shows the gap. */
static bool audit_last(struct ledger *ledger, int64_t *seq) {
    return database_last_number(ledger_database(ledger), "audit", seq);
}

static bool audit_row_add(struct ledger *ledger, const struct audit_row *row, const struct sha256 *hash) {
    struct statement *add = audit_prepare(ledger, "INSERT INTO audit(seq, time_ms, action, outcome, actor, address, "
                                                  "subject, detail, request_id, head) "
                                                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    if (!add) return false;
    param_number(add, 1, row->seq);
    param_number(add, 2, row->time_ms);
    param_text(add, 3, row->action);
    param_text(add, 4, row->outcome);
    for (int i = 0; i < audit_words; i++)
        if (row->has[i]) param_bytes(add, i + 5, row->words[i].bytes, sizeof row->words[i].bytes);
    param_text(add, audit_words + 5, row->request_id);
    param_bytes(add, audit_words + 6, hash->bytes, sizeof hash->bytes);
    return statement_run_once(add);
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
        char kept[audit_word_most];
        struct str word = str_slice(words[i], 0, audit_word_most);
        if (word.len) memcpy(kept, word.at, word.len);
        database_text_mend(ledger_database(ledger), kept, word.len); /* its hash is of what is read again */
        word.at = kept;
        row.has[i] = word.len > 0;
        if (row.has[i] && !audit_word_add(ledger, word, &row.words[i])) return false;
    }
    *head = (struct audit_head){row.seq, audit_row_hash(&row, &before.hash)};
    return audit_row_add(ledger, &row, &head->hash) && database_number_given(ledger_database(ledger), "audit", row.seq);
}

bool audit_add(struct ledger *ledger, const struct audit_entry *entry, struct audit_head *head, char *problem,
               size_t size) {
    struct database *database = ledger_database(ledger);
    /* nobody else adds between the head and the row */
    if (database_begin(database) && audit_add_inside(ledger, entry, head) && database_commit(database)) return true;
    snprintf(problem, size, "%s", ledger_problem(ledger));
    database_undo(database);
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
static void audit_words_look(struct statement *statement, const struct audit_row *row, struct audit_verdict *verdict) {
    for (int i = 0; i < audit_words; i++) {
        int column = audit_columns + 2 * i;
        if (!row->has[i]) continue;
        if (row_kind(statement, column) == database_null) {
            verdict->erased++;
            continue;
        }
        struct str word = row_text(statement, column + 1);
        struct str salt = row_bytes(statement, column);
        bool fits = salt.len <= sizeof(struct sha256) && word.len <= audit_canonical_most;
        struct sha256 hash = {{0}};
        if (fits) hash = audit_hash_two(salt.at, salt.len, word);
        if (!fits || !hash_equal(&hash, &row->words[i]))
            audit_wrong(verdict, row->seq, "has a name that was edited: it is not the one that was written");
    }
}

void audit_row_read(struct statement *statement, struct audit_row *row) {
    *row = (struct audit_row){.seq = row_number(statement, 0),
                              .time_ms = row_number(statement, 1),
                              .action = row_text(statement, 2),
                              .outcome = row_text(statement, 3),
                              .request_id = row_text(statement, audit_words + 4)};
    for (int i = 0; i < audit_words; i++) row->has[i] = audit_blob(statement, i + 4, &row->words[i]);
}

/* A row with the one before it, which ended in `before`. */
static void audit_row_look(struct statement *statement, const struct audit_head *before, const struct sha256 *wanted,
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
    enum database_step step = database_failed;
    int64_t last = 0;
    *verdict = (struct audit_verdict){.good = true};
    if (!audit_last(ledger, &last)) return false; /* first: rows that come meanwhile are only more */
    struct statement *rows = audit_prepare(ledger, AUDIT_SELECT " ORDER BY seq");
    while (rows && (step = statement_step(rows)) == database_row) {
        const struct audit_head before = verdict->head;
        audit_row_look(rows, &before, wanted, verdict);
    }
    statement_end(rows);
    if (step != database_done) return false;
    if (last > verdict->head.seq) audit_wrong(verdict, verdict->head.seq + 1, "is missing: the end was cut off");
    if (wanted && !verdict->of_head && verdict->good) {
        verdict->good = false;
        snprintf(verdict->said, sizeof verdict->said,
                 "no row has that head: the end was cut off, or all of it was written anew");
    }
    return true;
}

int64_t audit_erase(struct ledger *ledger, struct str word) {
    struct statement *erase =
        audit_prepare(ledger, "DELETE FROM audit_words WHERE word = ?1 OR word = 'client ' || ?1 OR "
                              "substr(word, 1, length(?1) + 9) = 'client ' || ?1 || ': '");
    if (!erase) return -1;
    param_text(erase, 1, word);
    int64_t gone = statement_step(erase) == database_done ? statement_changes(erase) : -1;
    statement_end(erase);
    return gone;
}
