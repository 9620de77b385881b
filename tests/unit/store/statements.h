/* statements.h - what reaches SQLite may be made to fail, one call at a time: each public operation is run with its
 * first statement failing, then its second, and so on, until none is left. Whoever includes this is linked with --wrap
 * (meson.build). What an operation answers and changes is told, whole. */
#ifndef WEIR_TESTS_UNIT_STORE_STATEMENTS_H
#define WEIR_TESTS_UNIT_STORE_STATEMENTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "../told.h"
#include "base/hash.h"
#include "store/backup.h"

static struct {
    long calls, fails; /* so far; the one that fails, 0: none */
    bool failed;
    char sql[400]; /* that failed */
} statements_asked;

static bool statement_fails(const char *sql) {
    if (++statements_asked.calls != statements_asked.fails) return false;
    str_copy(statements_asked.sql, sizeof statements_asked.sql, str_from(sql));
    return statements_asked.failed = true;
}
static void statements_begin(long fails) {
    statements_asked.calls = 0, statements_asked.fails = fails, statements_asked.failed = false;
}

#define STATEMENTS_WRAPPED(name, parameters, arguments, sql) \
    int __real_##name parameters;                            \
    int __wrap_##name parameters;                            \
    int __wrap_##name parameters { return statement_fails(sql) ? SQLITE_FULL : __real_##name arguments; }
STATEMENTS_WRAPPED(sqlite3_step, (sqlite3_stmt * of), (of), sqlite3_sql(of))
STATEMENTS_WRAPPED(sqlite3_prepare_v2,
                   (sqlite3 * of, const char *sql, int len, sqlite3_stmt **statement, const char **tail),
                   (of, sql, len, statement, tail), sql)
STATEMENTS_WRAPPED(sqlite3_prepare_v3,
                   (sqlite3 * of, const char *sql, int len, unsigned flags, sqlite3_stmt **statement,
                    const char **tail),
                   (of, sql, len, flags, statement, tail), sql)

/* What is there to mend a failure, and what nobody waits for, is done in any case. */
int __real_sqlite3_exec(sqlite3 *of, const char *sql, int (*row)(void *, int, char **, char **), void *context,
                        char **problem);
int __wrap_sqlite3_exec(sqlite3 *of, const char *sql, int (*row)(void *, int, char **, char **), void *context,
                        char **problem);
int __wrap_sqlite3_exec(sqlite3 *of, const char *sql, int (*row)(void *, int, char **, char **), void *context,
                        char **problem) {
    if (strcmp(sql, "ROLLBACK") == 0) assert_false(sqlite3_get_autocommit(of)); /* it would hide what has failed */
    bool always = strcmp(sql, "ROLLBACK") == 0 || strncmp(sql, "PRAGMA wal_checkpoint", 21) == 0;
    return !always && statement_fails(sql) ? SQLITE_FULL : __real_sqlite3_exec(of, sql, row, context, problem);
}

/* Nothing here is about a machine that stops. */
int fdatasync(int file);
int fdatasync(int file) {
    (void)file;
    return 0;
}

/* The same bytes each time, so that what is made of them can be told. */
static unsigned char random_first, random_next;
void __wrap_random_bytes(void *into, size_t len);
void __wrap_random_bytes(void *into, size_t len) {
    for (size_t i = 0; i < len; i++) ((unsigned char *)into)[i] = ++random_next;
}

/* -- all rows of a file, a line each -- */

enum { rows_max = 256 * 1024 };

static void rows_column(struct text *into, sqlite3_stmt *row, int column) {
    const struct str bytes = str_make(sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
    char hex[9] = "";
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL: text_put(into, STR("-")); break;
    case SQLITE_BLOB:
        if (bytes.len) hash_to_hex(hash_sha256(bytes).bytes, 4, hex);
        text_printf(into, "%zu bytes%s%.8s", bytes.len, bytes.len ? " " : "", hex);
        break;
    default: text_put(into, bytes);
    }
}

static void rows_of(sqlite3 *file, const char *table, struct text *into) {
    sqlite3_stmt *row;
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", table);
    assert_int_equal(sqlite3_prepare_v2(file, sql, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        text_printf(into, "%s:", table);
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            if (strcmp(sqlite3_column_name(row, i), "told_s") == 0) continue; /* of the wall clock */
            text_put_byte(into, ' ');
            rows_column(into, row, i);
        }
        text_put_byte(into, '\n');
    }
    sqlite3_finalize(row);
}

static void rows_read(const char *path, char rows[rows_max]) {
    sqlite3 *file;
    sqlite3_stmt *tables;
    struct text text = text_in_buffer(rows, rows_max - 1);
    const long fails = statements_asked.fails, calls = statements_asked.calls;
    statements_asked.fails = 0;
    assert_int_equal(sqlite3_open_v2(path, &file, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(file,
                                        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> "
                                        "'schema_versions' ORDER BY name",
                                        -1, &tables, NULL),
                     SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW) rows_of(file, (const char *)sqlite3_column_text(tables, 0), &text);
    sqlite3_finalize(tables);
    assert_int_equal(sqlite3_close(file), SQLITE_OK);
    assert_false(text.failed);
    rows[text.len] = 0;
    statements_asked.fails = fails, statements_asked.calls = calls;
}

static bool rows_have(const char *rows, struct str line) {
    for (const char *at = rows; *at; at = strchr(at, '\n') + 1)
        if (str_eq(str_make(at, strcspn(at, "\n")), line)) return true;
    return false;
}

/* Lines of one that the other has not. */
static void rows_differ(const char *mark, const char *rows, const char *others, struct text *into) {
    for (const char *at = rows; *at; at = strchr(at, '\n') + 1) {
        struct str line = str_make(at, strcspn(at, "\n"));
        if (!rows_have(others, line)) text_printf(into, "%s %.*s\n", mark, STR_ARG(line));
    }
}

/* -- an operation, failing at each of its statements -- */

struct operation {
    const char *name;
    bool (*run)(struct text *told); /* false: it says that it failed */
    enum {
        of_a_piece,  /* where it failed, nothing has changed */
        in_pieces,   /* what was cut off may be half done; begun again, it comes to the same */
        by_one_name, /* the same, but for the name that it has chosen: what it tells is the same */
        does_without /* it may be done all the same */
    } kind;
};

/* Where it lies, and how who holds it lets it go and takes it again. */
struct operations_of {
    const char *path;
    void (*opened)(void), (*closed)(void);
};

static void file_copy(const char *from, const char *to) {
    static const char *const tails[] = {"", "-wal", "-shm"};
    char problem[200] = "", name[300];
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(name, sizeof name, "%s%s", to, tails[i]);
        remove(name);
    }
    if (!backup_database_copy(from, to, problem, sizeof problem)) fail_msg("%s", problem);
}

static bool operation_run(const struct operation *operation, long fails, char *said, size_t size, long *calls) {
    struct text text = text_in_buffer(said, size - 1);
    statements_begin(fails);
    bool good = operation->run(&text);
    *calls = statements_asked.calls;
    statements_asked.fails = 0;
    assert_false(good && text.failed);
    said[text.len] = 0;
    if (good == statements_asked.failed && !(good && operation->kind == does_without))
        fail_msg("%s: statement %ld %s%s, and it says %s", operation->name, fails,
                 statements_asked.failed ? "failed: " : "was none", statements_asked.failed ? statements_asked.sql : "",
                 good ? "that it is done" : "that it failed");
    return good;
}

static void operation_told(struct text *told, const struct operation *operation, long calls, const char *said,
                           const char *before, const char *after) {
    text_printf(told, "== %s: %ld statements\n", operation->name, calls);
    if (*said) told_put(told, str_from(said));
    rows_differ("-", before, after, told);
    rows_differ("+", after, before, told);
}

/* From where it began, each time; and begun again where it has failed. Of many statements those far behind are much
 * alike: not each of them fails. */
static long operation_in_pieces(const struct operations_of *of, const struct operation *operation, char *said,
                                size_t size) {
    static char kept[300], wanted[rows_max], after[rows_max], again[rows_max];
    long calls, ignored;
    bool good = false;
    snprintf(kept, sizeof kept, "%s.kept", of->path);
    file_copy(of->path, kept);
    random_next = random_first;
    assert_true(operation_run(operation, 0, said, size, &calls));
    rows_read(of->path, wanted);
    for (long n = 1; !good; n += 1 + n / 24) {
        of->closed();
        file_copy(kept, of->path);
        of->opened();
        random_next = random_first;
        good = operation_run(operation, n, again, sizeof again, &ignored);
        if (!good) assert_true(operation_run(operation, 0, again, sizeof again, &ignored));
        rows_read(of->path, after);
        struct text text = text_in_buffer(again, sizeof again - 1);
        if (operation->kind == by_one_name && strcmp(again, said) == 0) continue;
        if (operation->kind != by_one_name && strcmp(after, wanted) == 0) continue;
        operation_told(&text, operation, n, operation->kind == by_one_name ? again : "", wanted, after);
        fail_msg("begun again, it is another\n%.*s", STR_ARG(text_str(&text)));
    }
    return calls;
}

static long operation_of_a_piece(const struct operations_of *of, const struct operation *operation, const char *before,
                                 char *said, size_t size) {
    static char after[rows_max];
    long calls;
    for (long n = 1;; n++) {
        random_next = random_first;
        bool good = operation_run(operation, n, said, size, &calls);
        if (!statements_asked.failed) return calls;
        rows_read(of->path, after);
        if (!good && strcmp(before, after) == 0) continue;
        if (good) continue; /* it does without */
        struct text text = text_in_buffer(said, size - 1);
        operation_told(&text, operation, n, "", before, after);
        fail_msg("it failed, and has changed\n%.*s", STR_ARG(text_str(&text)));
    }
}

static void operation_each(const struct operations_of *of, const struct operation *operation, struct text *told) {
    static char before[rows_max], after[rows_max], said[rows_max];
    rows_read(of->path, before);
    const bool pieces = operation->kind == in_pieces || operation->kind == by_one_name;
    long calls = pieces ? operation_in_pieces(of, operation, said, sizeof said)
                        : operation_of_a_piece(of, operation, before, said, sizeof said);
    rows_read(of->path, after);
    operation_told(told, operation, calls, said, before, after);
}

static void operations_each(const struct operations_of *of, const struct operation *operations, size_t count,
                            const char *name) {
    static char bytes[told_max];
    struct text told = text_in_buffer(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++, random_first += 11) operation_each(of, &operations[i], &told);
    told_compare(name, &told);
}

#endif
