/* ledger_forget.c - attempts stand in the order of their numbers, which is the order in which each worker of each
 * process has sent them: from the first of a worker's up to the first that is too young, and on to the next worker. So
 * nothing is looked at that stays, and no index by time has to be written. */
#include "store/ledger_forget.h"

#include "base/check.h"
#include "store/ledger_internal.h"

enum { ms_per_s = 1000, ms_per_hour = 3600 * 1000, words_at_once = 5000 };
static const int64_t slack_ms = 3600 * 1000; /* by which attempts of a worker may stand in another order */

void ledger_forget_begin(struct ledger_forgetting *forgetting, int64_t before_ms) {
    *forgetting = (struct ledger_forgetting){.what = forgets_attempts, .before_ms = before_ms};
}

static void forget_next(struct ledger_forgetting *forgetting) {
    static const enum ledger_forgets next[] = {[forgets_nothing] = forgets_nothing,
                                               [forgets_attempts] = forgets_sessions,
                                               [forgets_sessions] = forgets_words,
                                               [forgets_words] = forgets_nothing};
    forgetting->what = next[forgetting->what];
    forgetting->from = 0;
}

static bool forget_by_number(struct database *database, const char *sql, const int64_t *numbers, size_t count) {
    struct statement *statement = statement_make(database, sql);
    if (statement) param_numbers(statement, 1, numbers, count);
    return statement_run_once(statement);
}

/* -- attempts -- */

struct forget_found {
    int64_t ids[forget_piece], from;
    size_t count, looked;
};

/* The next ones that are too old. What is found too young ends its worker's. */
static bool forget_find(struct database *database, const struct ledger_forgetting *forgetting,
                        struct forget_found *found) {
    struct statement *look =
        statement_make(database, "SELECT id, time_ms FROM attempts WHERE id > ?1 ORDER BY id LIMIT ?2");
    enum database_step step = database_failed;
    *found = (struct forget_found){.from = forgetting->from};
    if (look) param_numbers(look, 1, (const int64_t[]){forgetting->from, forget_piece}, 2);
    while (look && (step = statement_step(look)) == database_row) {
        const int64_t id = row_number(look, 0), time_ms = row_number(look, 1);
        found->looked++;
        found->from = id;
        if (time_ms < forgetting->before_ms) found->ids[found->count++] = id;
        if (time_ms < forgetting->before_ms + slack_ms) continue;
        found->from = ledger_attempt_last(id);
        step = database_done;
        break;
    }
    statement_end(look);
    return step == database_done;
}

static bool forget_ids(struct database *database, const struct forget_found *found) {
    struct statement *attempt = statement_make(database, "DELETE FROM attempts WHERE id = ?1"),
                     *recosted = statement_make(database, "DELETE FROM recosted WHERE attempt = ?1");
    bool good = attempt && recosted;
    for (size_t i = 0; i < found->count && good; i++) {
        param_number(attempt, 1, found->ids[i]);
        param_number(recosted, 1, found->ids[i]);
        good = statement_run(attempt) && statement_run(recosted);
    }
    statement_end(attempt);
    statement_end(recosted);
    return good;
}

static bool forget_attempts(struct database *database, struct ledger_forgetting *forgetting) {
    struct forget_found found;
    if (!forget_find(database, forgetting, &found)) return false;
    if (found.count) {
        bool good = database_begin(database);
        good = good && forget_ids(database, &found) && database_commit(database);
        if (!good) database_undo(database);
        if (!good) return false;
    }
    forgetting->attempts += (int64_t)found.count;
    forgetting->from = found.from;
    if (!found.looked) forget_next(forgetting);
    return true;
}

/* -- sessions -- */

/* An hour's, the first that there is. */
static bool forget_sessions(struct database *database, struct ledger_forgetting *forgetting) {
    const int64_t end = forgetting->before_ms / ms_per_hour;
    struct statement *look = statement_make(database, "SELECT min(at) FROM usage WHERE grain = ?1");
    if (look) param_number(look, 1, usage_of_sessions);
    bool good = look && statement_step(look) == database_row;
    const bool found = good && row_kind(look, 0) == database_number && row_number(look, 0) < end;
    const int64_t hour[] = {usage_of_sessions, found ? row_number(look, 0) : 0, usage_of_any_session};
    statement_end(look);
    if (!found) forget_next(forgetting);
    return good &&
           (!found ||
            (forget_by_number(database, "DELETE FROM usage WHERE grain IN (?1, ?3) AND at = ?2", hour, 3) &&
             forget_by_number(database, "DELETE FROM recosted_usage WHERE grain IN (?1, ?3) AND at <= ?2", hour, 3)));
}

/* -- words -- */

/* Those of so many numbers that no session said lately, and their tags; and tags of processes whose journals have been
 * read. */
static bool forget_words(struct ledger *ledger, struct ledger_forgetting *forgetting) {
    struct database *database = ledger_database(ledger);
    const int64_t own = ledger_instance(ledger),
                  range[] = {forgetting->from, forgetting->from + words_at_once, forgetting->before_ms / ms_per_s, own};
    struct statement *look = own > 0 ? statement_make(database, "SELECT max(id) FROM words") : NULL;
    bool good = own <= 0 || (look && statement_step(look) == database_row);
    const bool more = look && good && row_number(look, 0) > forgetting->from;
    statement_end(look);
    if (good && !more) forget_next(forgetting);
    if (!good || !more) return good;
    good = database_begin(database);
    good = good &&
           forget_by_number(database,
                            "DELETE FROM word_tags WHERE word > ?1 AND word <= ?2 AND (instance <> ?4 OR word IN "
                            "(SELECT id FROM words WHERE id > ?1 AND id <= ?2 AND told_s < ?3 AND stays = 0))",
                            range, 4) &&
           forget_by_number(database, "DELETE FROM words WHERE id > ?1 AND id <= ?2 AND told_s < ?3 AND stays = 0",
                            range, 3) &&
           database_commit(database);
    if (!good) database_undo(database);
    if (good) forgetting->from += words_at_once;
    ledger_names_changed(ledger);
    return good;
}

bool ledger_forget_some(struct ledger *ledger, struct ledger_forgetting *forgetting) {
    switch (forgetting->what) {
    case forgets_attempts: return forget_attempts(ledger_database(ledger), forgetting);
    case forgets_sessions: return forget_sessions(ledger_database(ledger), forgetting);
    case forgets_words: return forget_words(ledger, forgetting);
    default: return true;
    }
}

int64_t ledger_forget(struct ledger *ledger, int64_t before_ms) {
    struct ledger_forgetting forgetting;
    ledger_forget_begin(&forgetting, before_ms);
    while (forgetting.what != forgets_nothing)
        if (!ledger_forget_some(ledger, &forgetting)) return -1;
    return forgetting.attempts;
}
