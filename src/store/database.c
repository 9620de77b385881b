/* database.c - which database a place is, and what is the same for all of them. */
#include "store/database.h"

#include <stdio.h>

#include "store/database_internal.h"

bool database_place_is_url(struct str place) {
    return str_starts(place, STR("postgresql://")) || str_starts(place, STR("postgres://"));
}

/* The last @ before the path ends what may have a password: one that was not escaped may hold another. */
void database_place_shown(const char *place, char *shown, size_t size) {
    struct str url = str_slice(str_from(place), 0, str_find_byte(str_from(place), '?'));
    if (!database_place_is_url(url)) {
        snprintf(shown, size, "%s", place);
        return;
    }
    size_t scheme = str_find(url, STR("://")) + 3, host = scheme, user;
    for (size_t i = scheme; i < url.len; i++)
        if (url.at[i] == '@') host = i + 1;
    struct str who = host > scheme ? str_slice(url, scheme, host - 1) : STR("");
    user = str_find_byte(who, ':');
    who = str_slice(who, 0, user);
    snprintf(shown, size, "%.*s%.*s%s%.*s", (int)scheme, url.at, STR_ARG(who), who.len ? "@" : "",
             STR_ARG(str_slice(url, host, url.len)));
}

bool database_url_check(const char *url, char *problem, size_t size) { return postgres_url_check(url, problem, size); }

struct database *database_open(const char *place, enum database_use use, char *problem, size_t size) {
    return database_place_is_url(str_from(place)) ? postgres_database_open(place, use, problem, size)
                                                  : sqlite_database_open(place, use, problem, size);
}

bool statement_run_once(struct statement *statement) {
    bool good = statement && statement_step(statement) == database_done;
    statement_end(statement);
    return good;
}
