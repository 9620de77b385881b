/* sqlite_file.h - how a file of SQLite's is opened: the ledger, the stored responses, the cache's answers. Any thread;
 * a connection belongs to one at a time. */
#ifndef WEIR_STORE_SQLITE_FILE_H
#define WEIR_STORE_SQLITE_FILE_H

#include <sqlite3.h>
#include <stdbool.h>

enum { sqlite_patience_ms = 5000 }; /* with who else writes to it */

/* Opens it, and makes it where it is not there, to be read by its owner alone; `makes` false: it has to be there. Who
 * calls closes *sqlite, whatever comes: a failure's reason stands there. */
bool sqlite_file_open(const char *path, bool makes, sqlite3 **sqlite);
/* Its log is kept beside it from now on, so that who reads and who writes do not wait for each other
 * (sqlite.org/wal.html). */
bool sqlite_file_log(sqlite3 *sqlite);

#endif
