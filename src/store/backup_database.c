/* backup_database.c - see backup.h: SQLite's files, copied while others write, and looked through. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/backup.h"
#include "store/sqlite_file.h"

enum { copy_waits_ms = 100, copy_tries_most = 300 };

static bool database_fails(sqlite3 *sqlite, const char *path, char *problem, size_t size) {
    snprintf(problem, size, "%s: %s", path, sqlite ? sqlite3_errmsg(sqlite) : "out of memory");
    return false;
}

/* One step takes all pages of one moment; who writes goes on. */
static bool database_pages_copy(sqlite3 *from, sqlite3 *to) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int step = SQLITE_OK;
    for (int i = 0; backup && i < copy_tries_most; i++) {
        step = sqlite3_backup_step(backup, -1);
        if (step != SQLITE_BUSY && step != SQLITE_LOCKED) break;
        sqlite3_sleep(copy_waits_ms);
    }
    return backup && sqlite3_backup_finish(backup) == SQLITE_OK && step == SQLITE_DONE;
}

bool backup_database_copy(const char *from, const char *to, char *problem, size_t size) {
    sqlite3 *source = NULL, *copy = NULL;
    (void)unlink(to);
    int file = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0) close(file);
    bool good = sqlite_file_open(from, false, &source) || database_fails(source, from, problem, size);
    good = good && ((sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                     sqlite3_exec(copy, "PRAGMA synchronous = OFF", NULL, NULL, NULL) == SQLITE_OK) ||
                    database_fails(copy, to, problem, size));
    good = good && (database_pages_copy(source, copy) || database_fails(copy, from, problem, size));
    sqlite3_close(source);
    /* In one file, with no log beside it. */
    good = good && (sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) == SQLITE_OK ||
                    database_fails(copy, to, problem, size));
    sqlite3_close(copy);
    return good;
}

bool backup_database_check(const char *path, char *problem, size_t size) {
    sqlite3 *sqlite = NULL;
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(sqlite, "PRAGMA integrity_check(1)", -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW;
    const char *said = good ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    bool whole = said && strcmp(said, "ok") == 0;
    if (!good) database_fails(sqlite, path, problem, size);
    if (good && !whole) snprintf(problem, size, "%s: %s", path, said ? said : "it cannot be checked");
    sqlite3_finalize(statement);
    sqlite3_close(sqlite);
    return whole;
}
