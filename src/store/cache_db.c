/* cache_db.c - a row an answer; its texts are columns by the names of their table. */
#include "store/cache_db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/sqlite_file.h"

/* An answer is read as it was written, or not at all: of another version nothing is. */
enum { version = 1, column_key = 0, column_made, column_expires, column_numbers, column_texts = column_numbers + 8 };
enum { column_body = column_texts + cache_row_texts, column_bytes, columns };

static const char pragmas[] = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024; PRAGMA secure_delete = ON;";
static const char make[] =
    "CREATE TABLE IF NOT EXISTS answers(key BLOB PRIMARY KEY, made_s INTEGER NOT NULL, expires_s INTEGER NOT NULL, "
    "n0 INTEGER, n1 INTEGER, n2 INTEGER, n3 INTEGER, n4 INTEGER, n5 INTEGER, n6 INTEGER, n7 INTEGER, "
    "t0 BLOB, t1 BLOB, t2 BLOB, t3 BLOB, t4 BLOB, t5 BLOB, t6 BLOB, t7 BLOB, t8 BLOB, "
    "body BLOB NOT NULL, bytes INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS answers_by_age ON answers(made_s);";

enum statement {
    statement_put,
    statement_drop,
    statement_oldest,
    statement_oldest_bytes,
    statement_row_bytes,
    statement_bytes,
    statement_expired,
    statement_each,
    statements
};
static const char *const sql[statements] = {
    [statement_put] = ("INSERT OR REPLACE INTO answers VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
                       "?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)"),
    [statement_drop] = "DELETE FROM answers WHERE key = ?1",
    [statement_oldest] =
        "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers ORDER BY made_s, rowid LIMIT 16)",
    [statement_oldest_bytes] =
        "SELECT coalesce(sum(bytes), 0) FROM (SELECT bytes FROM answers ORDER BY made_s, rowid LIMIT 16)",
    [statement_row_bytes] = "SELECT bytes FROM answers WHERE key = ?1",
    [statement_bytes] = "SELECT coalesce(sum(bytes), 0) FROM answers",
    [statement_expired] = "DELETE FROM answers WHERE expires_s <= ?1",
    [statement_each] = "SELECT * FROM answers ORDER BY made_s DESC, rowid DESC",
};
_Static_assert(columns == 22, "the places of statement_put");

struct cache_db {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[statements];
    int64_t bytes;
};

static bool cache_db_run(sqlite3 *sqlite, const char *words) {
    return sqlite3_exec(sqlite, words, NULL, NULL, NULL) == SQLITE_OK;
}

const char *cache_db_problem(const struct cache_db *db) { return sqlite3_errmsg(db->sqlite); }

static int64_t cache_db_number(sqlite3 *sqlite, const char *words) {
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(sqlite, words, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* In one transaction: another may be about it. */
static bool cache_db_make(sqlite3 *sqlite) {
    char mark[64];
    snprintf(mark, sizeof mark, "PRAGMA user_version = %d", version);
    if (!cache_db_run(sqlite, "BEGIN IMMEDIATE")) return false;
    const int64_t is = cache_db_number(sqlite, "PRAGMA user_version");
    if (is >= 0 && (is == version || cache_db_run(sqlite, "DROP TABLE IF EXISTS answers")) &&
        cache_db_run(sqlite, make) && cache_db_run(sqlite, mark) && cache_db_run(sqlite, "COMMIT"))
        return true;
    if (!sqlite3_get_autocommit(sqlite)) (void)cache_db_run(sqlite, "ROLLBACK");
    return false;
}

static bool cache_db_count(struct cache_db *db) {
    const int64_t bytes = cache_db_number(db->sqlite, sql[statement_bytes]);
    if (bytes >= 0) db->bytes = bytes;
    return bytes >= 0;
}

struct cache_db *cache_db_open(const char *path, char *problem, size_t size) {
    struct cache_db *db = memory_take_zeroed(sizeof *db);
    bool good = db && sqlite_file_open(path, true, &db->sqlite) && sqlite_file_log(db->sqlite) &&
                cache_db_run(db->sqlite, pragmas) && cache_db_make(db->sqlite) && cache_db_count(db);
    for (unsigned i = 0; i < statements && good; i++)
        good = sqlite3_prepare_v3(db->sqlite, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL) ==
               SQLITE_OK;
    if (good) return db;
    snprintf(problem, size, "%s", db && db->sqlite ? sqlite3_errmsg(db->sqlite) : "out of memory");
    cache_db_close(db);
    return NULL;
}

void cache_db_close(struct cache_db *db) {
    if (!db) return;
    for (unsigned i = 0; i < statements; i++) sqlite3_finalize(db->statements[i]);
    sqlite3_close(db->sqlite);
    memory_give(db);
}

static bool cache_db_done(sqlite3_stmt *statement) {
    int step = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return step == SQLITE_DONE;
}

static void cache_db_blob(sqlite3_stmt *statement, int place, const void *at, size_t len) {
    sqlite3_bind_blob64(statement, place, len ? at : "", len, SQLITE_STATIC);
}

/* 0: it has no row; -1: a failure. */
static int64_t cache_db_told(sqlite3_stmt *statement) {
    const int step = sqlite3_step(statement);
    int64_t number = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : step == SQLITE_DONE ? 0 : -1;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return number;
}

/* All rows are counted where the file is opened or purged alone: there may be a million of them. */
static bool cache_db_room(struct cache_db *db, size_t bytes_max) {
    bool good = true;
    while (good && db->bytes > 0 && (uint64_t)db->bytes > bytes_max) {
        const int64_t bytes = cache_db_told(db->statements[statement_oldest_bytes]);
        good = bytes >= 0 && cache_db_done(db->statements[statement_oldest]);
        if (good) db->bytes -= bytes;
        if (good && !bytes) return cache_db_count(db); /* there are none */
    }
    return good;
}

bool cache_db_put(struct cache_db *db, const struct cache_row *row, size_t bytes_max) {
    sqlite3_stmt *put = db->statements[statement_put], *before = db->statements[statement_row_bytes];
    cache_db_blob(before, 1, row->key.bytes, sizeof row->key.bytes);
    const int64_t earlier = cache_db_told(before);
    if (earlier < 0) return false;
    cache_db_blob(put, 1 + column_key, row->key.bytes, sizeof row->key.bytes);
    sqlite3_bind_int64(put, 1 + column_made, row->made_s);
    sqlite3_bind_int64(put, 1 + column_expires, row->expires_s);
    for (int i = 0; i < cache_row_numbers; i++) sqlite3_bind_int64(put, 1 + column_numbers + i, row->numbers[i]);
    for (int i = 0; i < cache_row_texts; i++)
        cache_db_blob(put, 1 + column_texts + i, row->texts[i].at, row->texts[i].len);
    cache_db_blob(put, 1 + column_body, row->body.at, row->body.len);
    sqlite3_bind_int64(put, 1 + column_bytes, (int64_t)row->bytes);
    if (!cache_db_done(put)) return false;
    db->bytes += (int64_t)row->bytes - earlier;
    return cache_db_room(db, bytes_max);
}

static struct str cache_db_text(sqlite3_stmt *row, int column) {
    const char *at = sqlite3_column_blob(row, column);
    return at ? str_make(at, (size_t)sqlite3_column_bytes(row, column)) : STR("");
}

/* false: it is none that this version wrote. Borrowed until the next step. */
static bool cache_db_row(sqlite3_stmt *of, struct cache_row *row) {
    struct str key = cache_db_text(of, column_key);
    if (key.len != sizeof row->key.bytes) return false;
    memcpy(row->key.bytes, key.at, key.len);
    row->made_s = sqlite3_column_int64(of, column_made);
    row->expires_s = sqlite3_column_int64(of, column_expires);
    for (int i = 0; i < cache_row_numbers; i++) row->numbers[i] = sqlite3_column_int64(of, column_numbers + i);
    for (int i = 0; i < cache_row_texts; i++) row->texts[i] = cache_db_text(of, column_texts + i);
    row->body = cache_db_text(of, column_body);
    row->bytes = (size_t)sqlite3_column_int64(of, column_bytes);
    return true;
}

bool cache_db_each(struct cache_db *db, int64_t now_s, bool (*take)(void *context, const struct cache_row *row),
                   void *context) {
    sqlite3_stmt *each = db->statements[statement_each], *expired = db->statements[statement_expired];
    struct cache_row row;
    int step;
    sqlite3_bind_int64(expired, 1, now_s);
    if (!cache_db_done(expired) || !cache_db_count(db)) return false;
    while ((step = sqlite3_step(each)) == SQLITE_ROW)
        if (cache_db_row(each, &row) && !take(context, &row)) break;
    sqlite3_reset(each);
    return step == SQLITE_ROW || step == SQLITE_DONE;
}

/* Rows that are chosen are deleted while they are gone through: SQLite tells each at most once. */
static bool cache_db_drop(struct cache_db *db, bool (*chooses)(void *context, const struct cache_row *row),
                          void *context) {
    sqlite3_stmt *each = db->statements[statement_each], *drop = db->statements[statement_drop];
    struct cache_row row;
    bool good = true;
    int step = SQLITE_DONE;
    while (good && (step = sqlite3_step(each)) == SQLITE_ROW) {
        if (cache_db_row(each, &row) && !chooses(context, &row)) continue;
        struct str key = cache_db_text(each, column_key);
        cache_db_blob(drop, 1, key.at, key.len);
        good = cache_db_done(drop);
    }
    sqlite3_reset(each);
    return good && step == SQLITE_DONE;
}

bool cache_db_purge(struct cache_db *db, bool (*chooses)(void *context, const struct cache_row *row), void *context,
                    int64_t now_s) {
    sqlite3_stmt *expired = db->statements[statement_expired];
    sqlite3_bind_int64(expired, 1, now_s);
    bool good = cache_db_run(db->sqlite, "BEGIN IMMEDIATE");
    good = good && cache_db_done(expired) && cache_db_drop(db, chooses, context);
    good = good && cache_db_run(db->sqlite, "COMMIT");
    if (!sqlite3_get_autocommit(db->sqlite)) (void)cache_db_run(db->sqlite, "ROLLBACK");
    (void)cache_db_run(db->sqlite, "PRAGMA wal_checkpoint(TRUNCATE)"); /* no word of them stays there */
    return cache_db_count(db) && good;
}
