/* sqlite_file.c - see sqlite_file.h. */
#include "store/sqlite_file.h"

#include <fcntl.h>
#include <unistd.h>

enum { ask_again_ms = 10 };

/* SQLite's own files take the rights of the one that is made here. One that is there is not opened: to close it would
 * drop the locks that other connections of this process have on it (POSIX), and another process would take their log
 * from them. */
static void sqlite_file_make(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0) close(file);
}

bool sqlite_file_open(const char *path, bool makes, sqlite3 **sqlite) {
    /* SQLite's shared memory wants to be written, even to read. */
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (makes ? SQLITE_OPEN_CREATE : 0);
    if (makes) sqlite_file_make(path);
    return sqlite3_open_v2(path, sqlite, flags, NULL) == SQLITE_OK &&
           sqlite3_busy_timeout(*sqlite, sqlite_patience_ms) == SQLITE_OK;
}

/* Of two that begin with it at once one is refused at once, however patient, since neither could go on else: so it is
 * asked again. */
bool sqlite_file_log(sqlite3 *sqlite) {
    int result = SQLITE_BUSY;
    sqlite3_busy_timeout(sqlite, 0);
    for (int waited = 0; result == SQLITE_BUSY && waited <= sqlite_patience_ms; waited += ask_again_ms) {
        if (waited) sqlite3_sleep(ask_again_ms);
        result = sqlite3_exec(sqlite, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    }
    return sqlite3_busy_timeout(sqlite, sqlite_patience_ms) == SQLITE_OK && result == SQLITE_OK;
}
