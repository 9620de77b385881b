/* database_internal.h - the drivers behind database.h. */
#ifndef WEIR_STORE_DATABASE_INTERNAL_H
#define WEIR_STORE_DATABASE_INTERNAL_H

#include "store/database.h"

/* A file; one that is made has rights 0600. NULL: *problem. */
struct database *sqlite_database_open(const char *path, enum database_use use, char *problem, size_t size);

/* NULL: *problem. */
struct database *postgres_database_open(const char *url, enum database_use use, char *problem, size_t size);
bool postgres_url_check(const char *url, char *problem, size_t size);

/* What every driver's SQL has: numbers_both(a, b) and numbers_all(x); durations_both(a, b) and durations_all(x);
 * day_text(days), hour_text(hours) and time_text(ms) since 1970; now_s(). SQLite's are ledger_functions.c. */
struct sqlite3;
/* Of a file; NULL: it is a server's. */
struct sqlite3 *database_sqlite(struct database *database);
bool ledger_functions_register(struct sqlite3 *sqlite);

#endif
