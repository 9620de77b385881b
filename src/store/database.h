/* database.h - the ledger's database, whichever it is: a file of SQLite's (database_sqlite.c) or a server of
 * PostgreSQL's (postgres.h). What speaks to it is plain SQL that all of them read: parameters are ?1, ?2, ...; ON
 * CONFLICT names its columns; what is made anew is told by RETURNING; whole numbers are INTEGER, bytes are BLOB. What
 * differs stands behind this header.
 *
 * One thread at a time for each connection. Everything blocks. */
#ifndef WEIR_STORE_DATABASE_H
#define WEIR_STORE_DATABASE_H

#include "base/str.h"

enum database_use {
    database_makes, /* it is made where it is not there */
    database_beside /* of another's making, who may hold it open: to ask, or to change what is not theirs */
};
/* How it is kept from now on. */
enum database_care {
    database_careless, /* while it is made: it holds nothing that could be lost */
    database_careful,  /* what is committed is on the disk; for who writes much */
    database_small     /* the same, in little memory */
};
enum database_step { database_row, database_done, database_failed };
enum database_kind { database_null, database_number, database_text, database_bytes };

/* A connection, and a statement of one; each begins with what its driver does. */
struct database {
    const struct database_driver *driver;
};
struct statement {
    const struct database_driver *driver;
};

struct database_driver {
    void (*close)(struct database *database);
    const char *(*problem)(struct database *database);
    const char *(*mend)(struct database *database);
    bool (*care)(struct database *database, enum database_care care);
    bool (*run)(struct database *database, const char *sql);
    bool (*begin)(struct database *database);
    bool (*commit)(struct database *database);
    void (*undo)(struct database *database);
    bool (*has_table)(struct database *database, const char *table, bool *has);
    bool (*last_number)(struct database *database, const char *table, int64_t *number);
    bool (*number_given)(struct database *database, const char *table, int64_t number);
    void (*text_mend)(char *at, size_t len); /* NULL: any bytes are kept */
    bool (*others_changed)(struct database *database, int64_t *version);
    bool (*erase)(struct database *database, bool begins);
    void (*shrink)(struct database *database);
    bool (*settle)(struct database *database);
    bool (*gone)(struct database *database);
    bool (*keep)(struct database *database, char *problem, size_t size);
    bool defers; /* what statement_send has changed is told by database_settle */
    struct statement *(*prepare)(struct database *database, const char *sql, bool kept);
    void (*end)(struct statement *statement);
    void (*reset)(struct statement *statement);
    void (*put_numbers)(struct statement *statement, int place, const int64_t *numbers, size_t count, bool counts);
    void (*put_null)(struct statement *statement, int place);
    void (*put_text)(struct statement *statement, int place, struct str text);
    void (*put_bytes)(struct statement *statement, int place, const void *bytes, size_t len);
    enum database_step (*step)(struct statement *statement);
    enum database_step (*send)(struct statement *statement, int64_t *changes);
    int64_t (*changes)(struct statement *statement);
    int (*columns)(struct statement *statement);
    const char *(*column_name)(struct statement *statement, int column);
    enum database_kind (*column_kind)(struct statement *statement, int column);
    int64_t (*number)(struct statement *statement, int column);
    struct str (*text)(struct statement *statement, int column);
    struct str (*bytes)(struct statement *statement, int column);
};

/* `place`: a file, or a URL that begins with postgresql:// or postgres://. NULL: *problem says why, without a password.
 */
struct database *database_open(const char *place, enum database_use use, char *problem, size_t size);
bool database_place_is_url(struct str place);
/* Can the URL be read, and what speaks to such a server be opened? Asks no server. false: *problem, without a password.
 */
bool database_url_check(const char *url, char *problem, size_t size);
/* As it may be seen: of a URL neither password nor options. */
void database_place_shown(const char *place, char *shown, size_t size);
/* Its statements have ended. NULL is fine. */
static inline void database_close(struct database *database) {
    if (database) database->driver->close(database);
}
/* The database's own words on the last thing that failed. */
static inline const char *database_problem(struct database *database) { return database->driver->problem(database); }
/* What to do about it, to be put behind them; empty: nothing is known. */
static inline const char *database_mend(struct database *database) { return database->driver->mend(database); }
static inline bool database_care(struct database *database, enum database_care care) {
    return database->driver->care(database, care);
}
/* One or several, without parameters. */
static inline bool database_run(struct database *database, const char *sql) {
    return database->driver->run(database, sql);
}
/* Nobody else writes from there to the end; what others had written is seen. */
static inline bool database_begin(struct database *database) { return database->driver->begin(database); }
static inline bool database_commit(struct database *database) { return database->driver->commit(database); }
/* Nothing where none was begun. */
static inline void database_undo(struct database *database) { database->driver->undo(database); }
/* false: it cannot be told. */
static inline bool database_has_table(struct database *database, const char *table, bool *has) {
    return database->driver->has_table(database, table, has);
}
/* The last number that was ever given to a row of a table with INTEGER PRIMARY KEY AUTOINCREMENT, also where the row is
 * gone; 0: none. */
static inline bool database_last_number(struct database *database, const char *table, int64_t *number) {
    return database->driver->last_number(database, table, number);
}
/* As it will be read again: bytes that the database does not take become others, as many. */
static inline void database_text_mend(struct database *database, char *at, size_t len) {
    if (database->driver->text_mend) database->driver->text_mend(at, len);
}
/* To be said of each row that is put there with a number of its own. */
static inline bool database_number_given(struct database *database, const char *table, int64_t number) {
    return database->driver->number_given(database, table, number);
}
/* Another number than before: another connection has changed something since. */
static inline bool database_others_changed(struct database *database, int64_t *version) {
    return database->driver->others_changed(database, version);
}
/* From now on what is written over or deleted leaves no bytes behind, as far as the database can do that; and what was
 * left so far goes, at the end. */
static inline bool database_erase_begin(struct database *database) { return database->driver->erase(database, true); }
static inline void database_erase_end(struct database *database) { (void)database->driver->erase(database, false); }
/* What was sent has run, and has told what it changed. false: some of it has failed, and nothing of the transaction can
 * be kept. */
static inline bool database_settle(struct database *database) { return database->driver->settle(database); }
/* The connection is lost: close it, and open another. Asks the server nothing. */
static inline bool database_is_gone(struct database *database) { return database->driver->gone(database); }
/* This process keeps the ledger, from now until the connection ends, and nobody else does. A file's keeper has the lock
 * of its folder. false: *problem. */
static inline bool database_keep(struct database *database, char *problem, size_t size) {
    return database->driver->keep(database, problem, size);
}
/* Room that is not needed is given back. */
static inline void database_shrink(struct database *database) { database->driver->shrink(database); }

/* To be used again and again, or once. NULL: a failure. */
static inline struct statement *statement_keep(struct database *database, const char *sql) {
    return database->driver->prepare(database, sql, true);
}
static inline struct statement *statement_make(struct database *database, const char *sql) {
    return database->driver->prepare(database, sql, false);
}
static inline void statement_end(struct statement *statement) {
    if (statement) statement->driver->end(statement);
}
/* It may begin anew; its parameters stay. */
static inline void statement_reset(struct statement *statement) { statement->driver->reset(statement); }

/* Parameters, from 1 on, before the first step; those that are not given are null. Texts and bytes are borrowed until
 * the statement is reset or ended. */
static inline void param_number(struct statement *statement, int place, int64_t number) {
    statement->driver->put_numbers(statement, place, &number, 1, false);
}
static inline void param_numbers(struct statement *statement, int place, const int64_t *numbers, size_t count) {
    statement->driver->put_numbers(statement, place, numbers, count, false);
}
/* Those below 0 are null. */
static inline void param_counts(struct statement *statement, int place, const int64_t *numbers, size_t count) {
    statement->driver->put_numbers(statement, place, numbers, count, true);
}
static inline void param_null(struct statement *statement, int place) { statement->driver->put_null(statement, place); }
static inline void param_text(struct statement *statement, int place, struct str text) {
    statement->driver->put_text(statement, place, text);
}
static inline void param_bytes(struct statement *statement, int place, const void *bytes, size_t len) {
    statement->driver->put_bytes(statement, place, bytes, len);
}

static inline enum database_step statement_step(struct statement *statement) {
    return statement->driver->step(statement);
}
/* Inside a transaction, one that tells no rows: it runs now, or on its way with others; by the end of database_settle
 * *changes (NULL: nobody asks) is how many rows it has changed. It may begin anew. */
static inline bool statement_send(struct statement *statement, int64_t *changes) {
    return statement->driver->send(statement, changes) == database_done;
}
/* Rows that the last step to database_done changed. */
static inline int64_t statement_changes(struct statement *statement) { return statement->driver->changes(statement); }
/* Steps to its end, for one that tells no rows; it may begin anew. */
static inline bool statement_run(struct statement *statement) {
    bool good = statement_step(statement) == database_done;
    statement_reset(statement);
    return good;
}
/* The same, of one that is used once: it ends here. NULL: false. */
bool statement_run_once(struct statement *statement);

/* Of the row that it stands at, columns from 0 on. Texts and bytes live until the next step, and are empty of null. */
static inline int row_columns(struct statement *row) { return row->driver->columns(row); }
static inline const char *row_name(struct statement *row, int column) { return row->driver->column_name(row, column); }
static inline enum database_kind row_kind(struct statement *row, int column) {
    return row->driver->column_kind(row, column);
}
static inline int64_t row_number(struct statement *row, int column) { return row->driver->number(row, column); }
static inline struct str row_text(struct statement *row, int column) { return row->driver->text(row, column); }
static inline struct str row_bytes(struct statement *row, int column) { return row->driver->bytes(row, column); }

#endif
