/* cache_db.h - kept answers in one SQLite file, STATE_DIR/cache.db, so that a restart has them: each with all that is
 * known of it. One thread at a time; blocks. What is deleted is overwritten. */
#ifndef WEIR_STORE_CACHE_DB_H
#define WEIR_STORE_CACHE_DB_H

#include "base/hash.h"

struct cache_db;

enum { cache_row_numbers = 8, cache_row_texts = 9 };
/* An answer; what its numbers and texts are is its owner's affair. */
struct cache_row {
    struct sha256 key;
    int64_t made_s, expires_s; /* since 1970; from the second on it is of no use to anybody */
    int64_t numbers[cache_row_numbers];
    struct str texts[cache_row_texts];
    struct str body;
    size_t bytes; /* that it counts as */
};

/* Makes or opens the file (0600); one of another version is emptied: it is a cache. NULL: *problem says why. */
struct cache_db *cache_db_open(const char *path, char *problem, size_t size);
/* NULL is fine. */
void cache_db_close(struct cache_db *db);
const char *cache_db_problem(const struct cache_db *db);
/* In the place of an earlier one of its key. What no longer fits within `bytes_max` goes, the oldest first. */
bool cache_db_put(struct cache_db *db, const struct cache_row *row, size_t bytes_max);
/* Each that has not expired, the newest first, as long as `take` answers true; borrowed during the call. */
bool cache_db_each(struct cache_db *db, int64_t now_s, bool (*take)(void *context, const struct cache_row *row),
                   void *context);
/* Deletes those that are chosen, and what has expired by then. false: nothing was, or what is left could not be
 * counted; cache_db_problem says why, and it may be done again. */
bool cache_db_purge(struct cache_db *db, bool (*chooses)(void *context, const struct cache_row *row), void *context,
                    int64_t now_s);

#endif
