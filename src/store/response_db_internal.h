/* response_db_internal.h - what the files behind STATE_DIR/responses.db share: the connection, and the room that
 * stored responses and turns of conversations take together. */
#ifndef WEIR_STORE_RESPONSE_DB_INTERNAL_H
#define WEIR_STORE_RESPONSE_DB_INTERNAL_H

#include <sqlite3.h>

#include "store/response_db.h"

sqlite3 *response_db_sqlite(struct response_db *db);
bool response_db_run(sqlite3 *sqlite, const char *statement);
/* What SQLite says. */
void response_db_problem(sqlite3 *sqlite, char *problem, size_t size);
void response_db_bind(sqlite3_stmt *statement, int place, struct str value);
/* A text or bytes of the row, good until its next step. Never {NULL,0}. */
struct str response_db_column(sqlite3_stmt *statement, int place);
/* Can so many bytes ever be stored? false: *problem. */
bool response_db_fits(const struct response_limits *limits, int64_t bytes, char *problem, size_t size);
/* Within a transaction: the oldest go, of the client and then of all, until so many bytes more fit. */
bool response_db_room(struct response_db *db, const struct response_limits *limits, struct str client, int64_t bytes);

#endif
