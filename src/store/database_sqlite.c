/* database_sqlite.c - see database.h: SQLite. */
#include <sqlite3.h>
#include <stdio.h>

#include "base/memory.h"
#include "store/database_internal.h"
#include "store/sqlite_file.h"

struct sqlite_database {
    struct database base;
    sqlite3 *sqlite;
    char undone[256]; /* why the last transaction was undone, which has no words of its own; "": it was not */
    int undone_code;
};
struct sqlite_statement {
    struct statement base;
    sqlite3_stmt *statement;
};

static struct sqlite_database *sqlite_database_of(struct database *database) {
    return (struct sqlite_database *)database;
}
static sqlite3 *sqlite_of(struct database *database) { return sqlite_database_of(database)->sqlite; }
static sqlite3_stmt *sqlite_statement_of(struct statement *statement) {
    return ((struct sqlite_statement *)statement)->statement;
}

static bool sqlite_run(struct database *database, const char *sql) {
    return sqlite3_exec(sqlite_of(database), sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The number in the first row's first column. */
static bool sqlite_tell(struct database *database, const char *sql, const char *of, int64_t *number) {
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_prepare_v2(sqlite_of(database), sql, -1, &statement, NULL) == SQLITE_OK &&
                (!of || sqlite3_bind_text(statement, 1, of, -1, SQLITE_STATIC) == SQLITE_OK) &&
                sqlite3_step(statement) == SQLITE_ROW;
    *number = good ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return good;
}

/* -- a connection -- */

static void sqlite_close(struct database *database) {
    sqlite3_close(sqlite_of(database));
    memory_give(database);
}

/* What failed last, though its transaction was undone since. */
static int sqlite_failure(struct database *database) {
    int code = sqlite3_errcode(sqlite_of(database));
    return code == SQLITE_OK ? sqlite_database_of(database)->undone_code : code;
}

static const char *sqlite_problem(struct database *database) {
    const char *undone = sqlite_database_of(database)->undone;
    return undone[0] && sqlite3_errcode(sqlite_of(database)) == SQLITE_OK ? undone
                                                                          : sqlite3_errmsg(sqlite_of(database));
}

static const char *sqlite_mend(struct database *database) {
    int code = sqlite_failure(database);
    bool damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
    return damaged ? ": bring back a copy of it (or `sqlite3 FILE .recover`), or move it away, and a new one is "
                     "begun; what waits in the journal goes into it"
                   : "";
}

static bool sqlite_care(struct database *database, enum database_care care) {
    static const char *const pragmas[] = {[database_careless] = "PRAGMA synchronous = OFF;",
                                          [database_careful] = "PRAGMA synchronous = FULL; PRAGMA cache_size = -2048;",
                                          [database_small] = "PRAGMA synchronous = FULL; PRAGMA cache_size = -512;"};
    return (care == database_small || sqlite_file_log(sqlite_of(database))) && sqlite_run(database, pragmas[care]);
}

static bool sqlite_begin(struct database *database) {
    struct sqlite_database *own = sqlite_database_of(database);
    own->undone[0] = 0;
    own->undone_code = SQLITE_OK;
    return sqlite_run(database, "BEGIN IMMEDIATE");
}
static bool sqlite_commit(struct database *database) { return sqlite_run(database, "COMMIT"); }
/* Where none is open, what failed last is still what is told; else why it is undone. */
static void sqlite_undo(struct database *database) {
    struct sqlite_database *own = sqlite_database_of(database);
    if (sqlite3_get_autocommit(own->sqlite)) return;
    own->undone_code = sqlite3_errcode(own->sqlite);
    snprintf(own->undone, sizeof own->undone, "%s", own->undone_code == SQLITE_OK ? "" : sqlite3_errmsg(own->sqlite));
    (void)sqlite_run(database, "ROLLBACK");
}

/* As the file has it now: another connection may have made it since this one looked at the file's tables. */
static bool sqlite_has_table(struct database *database, const char *table, bool *has) {
    int64_t found = 0;
    bool told = sqlite_tell(database, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", table, &found);
    *has = found > 0;
    return told;
}

static bool sqlite_last_number(struct database *database, const char *table, int64_t *number) {
    return sqlite_tell(database, "SELECT max(seq) FROM sqlite_sequence WHERE name = ?1", table, number);
}

static bool sqlite_number_given(struct database *database, const char *table, int64_t number) {
    (void)database, (void)table, (void)number; /* it sees that itself */
    return true;
}

static bool sqlite_settle(struct database *database) {
    (void)database;
    return true;
}

static bool sqlite_is_gone(struct database *database) {
    (void)database;
    return false;
}

static bool sqlite_keep(struct database *database, char *problem, size_t size) {
    (void)database, (void)problem, (void)size;
    return true;
}

static void sqlite_shrink(struct database *database) {
    (void)sqlite_run(database, "PRAGMA wal_checkpoint(TRUNCATE)"); /* else soon, by who writes next */
}

/* In the file and in its log. */
static bool sqlite_erase(struct database *database, bool begins) {
    if (begins) return sqlite_run(database, "PRAGMA secure_delete = ON");
    sqlite_shrink(database);
    return true;
}

/* -- a statement -- */

static void sqlite_end(struct statement *statement) {
    sqlite3_finalize(sqlite_statement_of(statement));
    memory_give(statement);
}

static void sqlite_reset(struct statement *statement) { (void)sqlite3_reset(sqlite_statement_of(statement)); }

static void sqlite_put_numbers(struct statement *statement, int place, const int64_t *numbers, size_t count,
                               bool counts) {
    sqlite3_stmt *of = sqlite_statement_of(statement);
    for (size_t i = 0; i < count; i++) {
        if (counts && numbers[i] < 0)
            sqlite3_bind_null(of, place + (int)i);
        else
            sqlite3_bind_int64(of, place + (int)i, numbers[i]);
    }
}

static void sqlite_put_null(struct statement *statement, int place) {
    sqlite3_bind_null(sqlite_statement_of(statement), place);
}

static void sqlite_put_text(struct statement *statement, int place, struct str text) {
    sqlite3_bind_text(sqlite_statement_of(statement), place, text.len ? text.at : "", (int)text.len, SQLITE_STATIC);
}

static void sqlite_put_bytes(struct statement *statement, int place, const void *bytes, size_t len) {
    sqlite3_bind_blob(sqlite_statement_of(statement), place, len ? bytes : "", (int)len, SQLITE_STATIC);
}

static enum database_step sqlite_step(struct statement *statement) {
    int step = sqlite3_step(sqlite_statement_of(statement));
    return step == SQLITE_ROW ? database_row : step == SQLITE_DONE ? database_done : database_failed;
}

static int64_t sqlite_changes(struct statement *statement) {
    return sqlite3_changes64(sqlite3_db_handle(sqlite_statement_of(statement)));
}

static enum database_step sqlite_send(struct statement *statement, int64_t *changes) {
    enum database_step step = sqlite_step(statement);
    if (changes) *changes = step == database_done ? sqlite_changes(statement) : 0;
    sqlite_reset(statement);
    return step;
}

static int sqlite_columns(struct statement *statement) { return sqlite3_column_count(sqlite_statement_of(statement)); }

static const char *sqlite_column_name(struct statement *statement, int column) {
    return sqlite3_column_name(sqlite_statement_of(statement), column);
}

static enum database_kind sqlite_column_kind(struct statement *statement, int column) {
    switch (sqlite3_column_type(sqlite_statement_of(statement), column)) {
    case SQLITE_INTEGER: return database_number;
    case SQLITE_TEXT: return database_text;
    case SQLITE_BLOB: return database_bytes;
    default: return database_null;
    }
}

static int64_t sqlite_number(struct statement *statement, int column) {
    return sqlite3_column_int64(sqlite_statement_of(statement), column);
}

static struct str sqlite_text(struct statement *statement, int column) {
    const char *at = (const char *)sqlite3_column_text(sqlite_statement_of(statement), column);
    return at ? str_make(at, (size_t)sqlite3_column_bytes(sqlite_statement_of(statement), column)) : STR("");
}

static struct str sqlite_bytes(struct statement *statement, int column) {
    const char *at = sqlite3_column_blob(sqlite_statement_of(statement), column);
    return at ? str_make(at, (size_t)sqlite3_column_bytes(sqlite_statement_of(statement), column)) : STR("");
}

static struct statement *sqlite_prepare(struct database *database, const char *sql, bool kept);

static bool sqlite_others_changed(struct database *database, int64_t *version) {
    return sqlite_tell(database, "PRAGMA data_version", NULL, version);
}

static const struct database_driver driver = {.close = sqlite_close,
                                              .problem = sqlite_problem,
                                              .mend = sqlite_mend,
                                              .care = sqlite_care,
                                              .run = sqlite_run,
                                              .begin = sqlite_begin,
                                              .commit = sqlite_commit,
                                              .undo = sqlite_undo,
                                              .has_table = sqlite_has_table,
                                              .last_number = sqlite_last_number,
                                              .number_given = sqlite_number_given,
                                              .others_changed = sqlite_others_changed,
                                              .erase = sqlite_erase,
                                              .shrink = sqlite_shrink,
                                              .settle = sqlite_settle,
                                              .gone = sqlite_is_gone,
                                              .keep = sqlite_keep,
                                              .prepare = sqlite_prepare,
                                              .end = sqlite_end,
                                              .reset = sqlite_reset,
                                              .put_numbers = sqlite_put_numbers,
                                              .put_null = sqlite_put_null,
                                              .put_text = sqlite_put_text,
                                              .put_bytes = sqlite_put_bytes,
                                              .step = sqlite_step,
                                              .send = sqlite_send,
                                              .changes = sqlite_changes,
                                              .columns = sqlite_columns,
                                              .column_name = sqlite_column_name,
                                              .column_kind = sqlite_column_kind,
                                              .number = sqlite_number,
                                              .text = sqlite_text,
                                              .bytes = sqlite_bytes};

struct sqlite3 *database_sqlite(struct database *database) {
    return database->driver == &driver ? sqlite_of(database) : NULL;
}

static struct statement *sqlite_prepare(struct database *database, const char *sql, bool kept) {
    struct sqlite_statement *statement = memory_take_zeroed(sizeof *statement);
    if (!statement) return NULL;
    statement->base.driver = &driver;
    if (sqlite3_prepare_v3(sqlite_of(database), sql, -1, kept ? SQLITE_PREPARE_PERSISTENT : 0, &statement->statement,
                           NULL) == SQLITE_OK)
        return &statement->base;
    memory_give(statement);
    return NULL;
}

struct database *sqlite_database_open(const char *path, enum database_use use, char *problem, size_t size) {
    struct sqlite_database *database = memory_take_zeroed(sizeof *database);
    if (!database) {
        snprintf(problem, size, "no memory for the ledger");
        return NULL;
    }
    database->base.driver = &driver;
    if (sqlite_file_open(path, use == database_makes, &database->sqlite) && ledger_functions_register(database->sqlite))
        return &database->base;
    snprintf(problem, size, "%s: %s", path, database->sqlite ? sqlite3_errmsg(database->sqlite) : "out of memory");
    sqlite_close(&database->base);
    return NULL;
}
