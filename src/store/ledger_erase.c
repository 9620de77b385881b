/* ledger_erase.c - see ledger_erase.h. */
#include "store/ledger_erase.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { erase_batch = 20000, erasures_most = 100000 };

static sqlite3_stmt *erase_prepare(sqlite3 *sqlite, const char *sql) {
    sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static bool erase_run(sqlite3 *sqlite, const char *sql) {
    return sqlite3_exec(sqlite, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void erase_bind(sqlite3_stmt *statement, int place, struct str text) {
    sqlite3_bind_text(statement, place, text.len ? text.at : "", (int)text.len, SQLITE_STATIC);
}

static struct sha256 erased_hash(const unsigned char salt[16], struct str client) {
    char bytes[16 + record_text_most];
    client = str_slice(client, 0, record_text_most);
    memcpy(bytes, salt, 16);
    if (client.len) memcpy(bytes + 16, client.at, client.len);
    return hash_sha256(str_make(bytes, 16 + client.len));
}

/* -- for who writes -- */

static bool erasure_read(sqlite3_stmt *row, struct ledger_erasures *erasures) {
    struct ledger_erasure *more =
        erasures->count < erasures_most ? memory_resize(erasures->list, (erasures->count + 1) * sizeof *more) : NULL;
    if (!more) return false;
    erasures->list = more;
    struct ledger_erasure *erasure = &more[erasures->count];
    if (sqlite3_column_bytes(row, 0) != sizeof erasure->salt || sqlite3_column_bytes(row, 1) != sizeof erasure->hash)
        return true; /* edited: it is nobody's */
    memcpy(erasure->salt, sqlite3_column_blob(row, 0), sizeof erasure->salt);
    memcpy(erasure->hash.bytes, sqlite3_column_blob(row, 1), sizeof erasure->hash);
    erasure->until_ms = sqlite3_column_int64(row, 2);
    str_copy(erasure->tombstone, sizeof erasure->tombstone, str_from((const char *)sqlite3_column_text(row, 3)));
    if (erasure->until_ms > erasures->until_ms) erasures->until_ms = erasure->until_ms;
    erasures->count++;
    return true;
}

bool erasures_read(sqlite3 *sqlite, struct ledger_erasures *erasures) {
    sqlite3_stmt *rows = erase_prepare(sqlite, "SELECT salt, hash, until_ms, tombstone FROM erased");
    int step = SQLITE_ERROR;
    erasures_free(erasures);
    while (rows && (step = sqlite3_step(rows)) == SQLITE_ROW)
        if (!erasure_read(rows, erasures)) break;
    sqlite3_finalize(rows);
    return step == SQLITE_DONE;
}

struct str erasures_name(const struct ledger_erasures *erasures, struct str client, int64_t time_ms) {
    if (!client.len || !erasures->count || time_ms > erasures->until_ms) return STR("");
    for (size_t i = erasures->count; i-- > 0;) {
        const struct ledger_erasure *erasure = &erasures->list[i];
        if (time_ms > erasure->until_ms) continue;
        struct sha256 hash = erased_hash(erasure->salt, client);
        if (hash_equal(&hash, &erasure->hash)) return str_from(erasure->tombstone);
    }
    return STR("");
}

void erasures_free(struct ledger_erasures *erasures) {
    memory_give(erasures->list);
    *erasures = (struct ledger_erasures){NULL, 0, 0};
}

/* -- purging -- */

/* -1: there is none, or a failure. */
static int64_t erase_name_id(sqlite3 *sqlite, struct str name) {
    sqlite3_stmt *find = erase_prepare(sqlite, "SELECT id FROM names WHERE name = ?1");
    int64_t id = -1;
    if (!find) return -1;
    erase_bind(find, 1, name);
    if (sqlite3_step(find) == SQLITE_ROW) id = sqlite3_column_int64(find, 0);
    sqlite3_finalize(find);
    return id;
}

/* Its tombstone, and what tells what comes late that it is its. */
static int64_t tombstone_make(sqlite3 *sqlite, struct str client, int64_t until_ms, struct erased_told *told) {
    unsigned char random[8], salt[16];
    char hex[2 * sizeof random];
    random_bytes(random, sizeof random);
    random_bytes(salt, sizeof salt);
    hash_to_hex(random, sizeof random, hex);
    snprintf(told->tombstone, sizeof told->tombstone, "(erased %.*s)", (int)sizeof hex, hex);
    const struct sha256 hash = erased_hash(salt, client);
    sqlite3_stmt *name = erase_prepare(sqlite, "INSERT INTO names(name) VALUES(?1)"),
                 *mark = erase_prepare(sqlite, "INSERT INTO erased(salt, hash, until_ms, tombstone) "
                                               "VALUES(?1, ?2, ?3, ?4)");
    bool good = name && mark && erase_run(sqlite, "BEGIN IMMEDIATE");
    if (good) {
        erase_bind(name, 1, str_from(told->tombstone));
        sqlite3_bind_blob(mark, 1, salt, sizeof salt, SQLITE_STATIC);
        sqlite3_bind_blob(mark, 2, hash.bytes, sizeof hash.bytes, SQLITE_STATIC);
        sqlite3_bind_int64(mark, 3, until_ms);
        erase_bind(mark, 4, str_from(told->tombstone));
        good = sqlite3_step(name) == SQLITE_DONE && sqlite3_step(mark) == SQLITE_DONE;
    }
    sqlite3_finalize(name);
    sqlite3_finalize(mark);
    if (good && erase_run(sqlite, "COMMIT")) return erase_name_id(sqlite, str_from(told->tombstone));
    (void)erase_run(sqlite, "ROLLBACK");
    return -1;
}

/* The last of the next ones behind `from`; 0: there is none. */
static bool erase_batch_end(sqlite3 *sqlite, int64_t client, int64_t until_ms, int64_t from, int64_t *end) {
    sqlite3_stmt *look = erase_prepare(sqlite, "SELECT max(id) FROM (SELECT id FROM attempts WHERE id > ?1 AND "
                                               "client = ?2 AND time_ms <= ?3 ORDER BY id LIMIT ?4)");
    if (!look) return false;
    sqlite3_bind_int64(look, 1, from);
    sqlite3_bind_int64(look, 2, client);
    sqlite3_bind_int64(look, 3, until_ms);
    sqlite3_bind_int64(look, 4, erase_batch);
    bool good = sqlite3_step(look) == SQLITE_ROW;
    *end = good ? sqlite3_column_int64(look, 0) : 0;
    sqlite3_finalize(look);
    return good;
}

/* A transaction for so many, so that the ledger's writer is not held up. */
static bool erase_attempts(sqlite3 *sqlite, int64_t client, int64_t tombstone, int64_t until_ms, int64_t *count) {
    bool good = true;
    for (int64_t from = -1, end; good && (good = erase_batch_end(sqlite, client, until_ms, from, &end)) && end;
         from = end) {
        sqlite3_stmt *update = erase_prepare(sqlite, "UPDATE attempts SET client = ?1, request_id = '', "
                                                     "caller_id = NULL, asked = NULL, session = NULL, tags = NULL "
                                                     "WHERE id > ?2 AND id <= ?3 AND client = ?4 AND time_ms <= ?5");
        if (!update) return false;
        sqlite3_bind_int64(update, 1, tombstone);
        sqlite3_bind_int64(update, 2, from);
        sqlite3_bind_int64(update, 3, end);
        sqlite3_bind_int64(update, 4, client);
        sqlite3_bind_int64(update, 5, until_ms);
        good = sqlite3_step(update) == SQLITE_DONE;
        *count += sqlite3_changes64(sqlite);
        sqlite3_finalize(update);
    }
    return good;
}

/* The same sums stand by the hour and in others: those are counted once. */
static bool erase_sums(sqlite3 *sqlite, int64_t client, int64_t tombstone, int64_t *count) {
    static const char *const updates[] = {"UPDATE usage SET client = ?1 WHERE client = ?2 AND grain <> 0",
                                          "UPDATE usage SET client = ?1 WHERE client = ?2 AND grain = 0"};
    bool good = true;
    for (size_t i = 0; i < sizeof updates / sizeof *updates && good; i++) {
        sqlite3_stmt *update = erase_prepare(sqlite, updates[i]);
        if (!update) return false;
        sqlite3_bind_int64(update, 1, tombstone);
        sqlite3_bind_int64(update, 2, client);
        good = sqlite3_step(update) == SQLITE_DONE;
        *count = sqlite3_changes64(sqlite);
        sqlite3_finalize(update);
    }
    return good;
}

/* What it alone said becomes a tombstone each: its sums keep what they are told apart by. */
static bool erase_words(sqlite3 *sqlite, int64_t client) {
    sqlite3_stmt *update = erase_prepare(
        sqlite, "WITH own AS (SELECT asked AS word FROM usage WHERE client = ?1 UNION SELECT tags FROM usage WHERE "
                "client = ?1 UNION SELECT session FROM usage WHERE client = ?1 UNION SELECT part FROM tag_parts WHERE "
                "whole IN (SELECT tags FROM usage WHERE client = ?1)), "
                "others AS (SELECT asked AS word FROM usage WHERE client <> ?1 UNION SELECT tags FROM usage WHERE "
                "client <> ?1 UNION SELECT session FROM usage WHERE client <> ?1 UNION SELECT part FROM tag_parts "
                "WHERE whole IN (SELECT tags FROM usage WHERE client <> ?1)) "
                "UPDATE words SET word = '(erased ' || id || ')' WHERE id IN (SELECT word FROM own EXCEPT SELECT word "
                "FROM others)");
    if (!update) return false;
    sqlite3_bind_int64(update, 1, client);
    bool good = sqlite3_step(update) == SQLITE_DONE;
    sqlite3_finalize(update);
    return good;
}

/* Those of its budgets: "client app budget day". */
static bool erase_alerts(sqlite3 *sqlite, struct str client, const char *tombstone) {
    sqlite3_stmt *update = erase_prepare(sqlite, "UPDATE alerts SET subject = ?2 || substr(subject, length(?1) + 8) "
                                                 "WHERE substr(subject, 1, length(?1) + 8) = 'client ' || ?1 || ' '");
    if (!update) return false;
    erase_bind(update, 1, client);
    erase_bind(update, 2, str_from(tombstone));
    bool good = sqlite3_step(update) == SQLITE_DONE;
    sqlite3_finalize(update);
    return good;
}

/* The name itself goes, unless something else has it: a provider of that name, or what the client did since. */
static bool erase_name(sqlite3 *sqlite, int64_t client) {
    char sql[2048];
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    text_put(&text,
             STR("DELETE FROM names WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM usage WHERE provider = ?1 OR "
                 "model = ?1 OR client = ?1 OR route = ?1 OR owner = ?1 OR rule = ?1) AND NOT EXISTS(SELECT 1 FROM "
                 "owner_parts WHERE part = ?1) AND NOT EXISTS(SELECT 1 FROM attempts WHERE 0"));
    for (int i = 0; i < record_texts; i++)
        if (i != record_request_id && i != record_caller_id)
            text_printf(&text, " OR %.*s = ?1", STR_ARG(record_text_name((enum record_text)i)));
    text_put_byte(&text, ')');
    sql[text.len] = 0;
    sqlite3_stmt *drop = text.failed ? NULL : erase_prepare(sqlite, sql);
    if (!drop) return false;
    sqlite3_bind_int64(drop, 1, client);
    bool good = sqlite3_step(drop) == SQLITE_DONE;
    sqlite3_finalize(drop);
    return good;
}

bool ledger_erase(struct ledger *ledger, struct str client, int64_t until_ms, struct erased_told *told, char *problem,
                  size_t size) {
    sqlite3 *sqlite = ledger_sqlite(ledger);
    *told = (struct erased_told){.attempts = 0};
    client = str_slice(client, 0, record_text_most);
    /* What is written over is no word any more, in the file and in its log. */
    int64_t tombstone =
        erase_run(sqlite, "PRAGMA secure_delete = ON") ? tombstone_make(sqlite, client, until_ms, told) : -1;
    int64_t id = erase_name_id(sqlite, client);
    bool good =
        tombstone > 0 && erase_alerts(sqlite, client, told->tombstone) &&
        (id < 0 || (erase_attempts(sqlite, id, tombstone, until_ms, &told->attempts) && erase_words(sqlite, id) &&
                    erase_sums(sqlite, id, tombstone, &told->sums) && erase_name(sqlite, id)));
    if (!good) snprintf(problem, size, "%s", ledger_problem(ledger));
    ledger_names_changed(ledger);
    (void)erase_run(sqlite, "PRAGMA wal_checkpoint(TRUNCATE)"); /* else soon, by who writes next */
    return good;
}

/* -- exporting -- */

/* A row's columns as members: whole numbers, texts, null. */
static void export_row_put(sqlite3_stmt *row, struct str kind, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("kind"), kind);
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        struct str name = str_from(sqlite3_column_name(row, i));
        if (sqlite3_column_type(row, i) == SQLITE_INTEGER)
            text_json_i64(text, name, sqlite3_column_int64(row, i));
        else if (sqlite3_column_type(row, i) == SQLITE_TEXT)
            text_json_str(text, name,
                          str_make((const char *)sqlite3_column_text(row, i), (size_t)sqlite3_column_bytes(row, i)));
        else
            text_json_key(text, name), text_put(text, STR("null"));
    }
    text_put(text, STR("}\n"));
}

static bool export_rows(sqlite3 *sqlite, const char *sql, struct str client, struct str kind,
                        bool (*put)(void *context, struct str line), void *context) {
    enum { line_most = 64 * 1024 };
    sqlite3_stmt *rows = erase_prepare(sqlite, sql);
    char *line = memory_take(line_most);
    int step = SQLITE_ERROR;
    bool good = rows && line;
    if (good) erase_bind(rows, 1, client);
    while (good && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        struct text text = text_in_buffer(line, line_most);
        export_row_put(rows, kind, &text);
        good = !text.failed && put(context, text_str(&text));
    }
    memory_give(line);
    sqlite3_finalize(rows);
    return good && step == SQLITE_DONE;
}

bool ledger_export(struct ledger *ledger, struct str client, bool (*put)(void *context, struct str line),
                   void *context) {
    static const struct str sums[] = {
#define X(name) STR(#name),
        USAGE_SUMS(X)
#undef X
    };
    char sql[2048];
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    client = str_slice(client, 0, record_text_most);
    text_put(&text, STR("SELECT id"));
    for (int i = 0; i < record_numbers; i++)
        text_printf(&text, ", %.*s", STR_ARG(record_number_name((enum record_number)i)));
    for (int i = 0; i < record_texts; i++) {
        struct str name = record_text_name((enum record_text)i);
        if (i == record_request_id || i == record_caller_id)
            text_printf(&text, ", %.*s", STR_ARG(name));
        else
            text_printf(&text, ", (SELECT name FROM names WHERE id = %.*s) AS %.*s", STR_ARG(name), STR_ARG(name));
    }
    for (int i = 0; i < record_words; i++) {
        struct str name = record_word_name((enum record_word)i);
        text_printf(&text, ", (SELECT word FROM words WHERE id = %.*s) AS %.*s", STR_ARG(name), STR_ARG(name));
    }
    text_put(&text, STR(" FROM attempts WHERE client = (SELECT id FROM names WHERE name = ?1) ORDER BY id"));
    sql[text.len] = 0;
    if (text.failed || !export_rows(ledger_sqlite(ledger), sql, client, STR("attempt"), put, context)) return false;
    text = text_in_buffer(sql, sizeof sql - 1);
    text_put(&text, STR("SELECT strftime('%Y-%m-%dT%H:00Z', at * 3600, 'unixepoch') AS hour, "
                        "(SELECT name FROM names WHERE id = provider) AS provider, "
                        "(SELECT name FROM names WHERE id = model) AS model, "
                        "(SELECT name FROM names WHERE id = route) AS route, "
                        "(SELECT word FROM words WHERE id = asked) AS asked, "
                        "(SELECT word FROM words WHERE id = tags) AS tags"));
    for (size_t i = 0; i < usage_sums; i++) text_printf(&text, ", %.*s", STR_ARG(sums[i]));
    text_put(&text, STR(" FROM usage WHERE grain = 0 AND client = (SELECT id FROM names WHERE name = ?1) ORDER BY at"));
    sql[text.len] = 0;
    return !text.failed && export_rows(ledger_sqlite(ledger), sql, client, STR("hour"), put, context);
}
