/* database.c - which database a place is, and what is the same for all of them. */
#include "store/database.h"

#include "store/database_internal.h"

struct database *database_open(const char *place, enum database_use use, char *problem, size_t size) {
    return sqlite_database_open(place, use, problem, size);
}

bool statement_run_once(struct statement *statement) {
    bool good = statement && statement_step(statement) == database_done;
    statement_end(statement);
    return good;
}
