/* ledger_pieces.c - see ledger_pieces.h. Attempts are gone through by their numbers, sums by their key: hour by hour,
 * and within an hour row by row. */
#include "store/ledger_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "store/record.h"

#define USAGE_KEY "provider, model, client, route, owner, rule, asked, tags, session"

/* -- where it goes on -- */

bool pieces_window(struct database *database, int64_t from, int64_t *end) {
    const int64_t numbers[] = {from, piece_looks};
    struct statement *look = statement_make(
        database, "SELECT max(id) FROM (SELECT id FROM attempts WHERE id > ?1 ORDER BY id LIMIT ?2) AS piece");
    if (look) param_numbers(look, 1, numbers, 2);
    bool good = look && statement_step(look) == database_row;
    *end = good ? row_number(look, 0) : 0;
    statement_end(look);
    return good;
}

bool pieces_next_at(struct database *database, enum usage_grain grain, int64_t *at, bool *found) {
    const int64_t numbers[] = {grain, *at};
    struct statement *look = statement_make(database, "SELECT min(at) FROM usage WHERE grain = ?1 AND at > ?2");
    if (look) param_numbers(look, 1, numbers, 2);
    bool good = look && statement_step(look) == database_row;
    *found = good && row_kind(look, 0) == database_number;
    if (*found) *at = row_number(look, 0);
    statement_end(look);
    return good;
}

static struct statement *piece_prepare(struct database *database, const char *format, const char *a, const char *b,
                                       const int64_t *numbers, size_t count) {
    char sql[1200];
    struct text text = TEXT_IN_STRING(sql);
    text_printf(&text, format, a, b); /* NOLINT: the formats are this file's */
    sql[text.len] = 0;
    struct statement *statement = text.failed ? NULL : statement_make(database, sql);
    if (statement) param_numbers(statement, 1, numbers, count);
    return statement;
}

/* -- attempts -- */

/* The last of the next piece_rows of its own up to `end`; 0: there is none. */
static bool attempts_piece(struct database *database, const int64_t numbers[4], const char *column, int64_t *last) {
    struct statement *look =
        piece_prepare(database,
                      "SELECT max(id) FROM (SELECT id FROM attempts WHERE id > ?1 AND id <= ?2 AND %s = ?3 AND time_ms "
                      "<= ?4 ORDER BY id LIMIT 1000%s) AS piece",
                      column, "", numbers, 4);
    _Static_assert(piece_rows == 1000, "it stands there");
    bool good = look && statement_step(look) == database_row;
    *last = good ? row_number(look, 0) : 0;
    statement_end(look);
    return good;
}

bool pieces_attempts(struct database *database, const struct ledger_moving *moving, int64_t until_ms, const char *more,
                     int64_t *count) {
    int64_t from = -1, end, last;
    while (true) {
        if (!pieces_window(database, from, &end)) return false;
        if (!end) return true;
        while (true) {
            const int64_t numbers[] = {from, end, moving->from, until_ms, moving->to};
            if (!attempts_piece(database, numbers, moving->column, &last)) return false;
            if (!last) break;
            const int64_t piece[] = {from, last, moving->from, until_ms, moving->to};
            char columns[200];
            struct text text = TEXT_IN_STRING(columns);
            text_printf(&text, "%s = ?5%s", moving->column, more);
            columns[text.len] = 0;
            struct statement *update = piece_prepare(
                database, "UPDATE attempts SET %s WHERE id > ?1 AND id <= ?2 AND %s = ?3 AND time_ms <= ?4", columns,
                moving->column, piece, 5);
            bool good = update && statement_step(update) == database_done;
            if (good) *count += statement_changes(update);
            statement_end(update);
            if (!good) return false;
            from = last;
        }
        from = end;
    }
}

/* -- sums -- */

/* grain, at, whose, the key behind which it begins, the key of its last, and who it is then */
struct sums_piece {
    int64_t grain, at, whose, from[usage_names], to[usage_names], then;
};
enum { piece_begin = 3 + usage_names, piece_whole = sizeof(struct sums_piece) / sizeof(int64_t) };

static bool sums_piece_find(struct database *database, const char *column, struct sums_piece *piece, size_t *count) {
    struct statement *look =
        piece_prepare(database,
                      "SELECT " USAGE_KEY " FROM usage WHERE grain = ?1 AND at = ?2 AND %s = ?3 AND (" USAGE_KEY
                      ") > (?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ORDER BY " USAGE_KEY " LIMIT 500%s",
                      column, "", &piece->grain, piece_begin);
    enum database_step step = database_failed;
    _Static_assert(piece_rows == 2 * 500, "and as many that were priced anew");
    *count = 0;
    while (look && (step = statement_step(look)) == database_row) {
        for (int i = 0; i < usage_names; i++) piece->to[i] = row_number(look, i);
        ++*count;
    }
    statement_end(look);
    return step == database_done;
}

static bool sums_piece_move(struct database *database, const char *column, const struct sums_piece *piece) {
    static const char *const tables[] = {"usage", "recosted_usage"};
    bool good = database_begin(database);
    for (size_t i = 0; i < sizeof tables / sizeof *tables && good; i++) {
        char set[80];
        struct text text = TEXT_IN_STRING(set);
        text_printf(&text, "%s SET %s", tables[i], column);
        set[text.len] = 0;
        good =
            statement_run_once(piece_prepare(database,
                                             "UPDATE %s = ?22 WHERE grain = ?1 AND at = ?2 AND %s = ?3 AND (" USAGE_KEY
                                             ") > (?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) AND (" USAGE_KEY
                                             ") <= (?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
                                             set, column, &piece->grain, piece_whole));
    }
    good = good && database_commit(database);
    if (!good) database_undo(database);
    return good;
}

static bool sums_at_move(struct database *database, const struct ledger_moving *moving, int64_t grain, int64_t at,
                         int64_t *rows) {
    struct sums_piece piece = {.grain = grain, .at = at, .whose = moving->from, .then = moving->to};
    size_t count;
    for (int i = 0; i < usage_names; i++) piece.from[i] = -1;
    while (true) {
        if (!sums_piece_find(database, moving->column, &piece, &count)) return false;
        if (!count) return true;
        if (!sums_piece_move(database, moving->column, &piece)) return false;
        *rows += (int64_t)count;
        memcpy(piece.from, piece.to, sizeof piece.from);
    }
}

bool pieces_sums(struct database *database, const struct ledger_moving *moving, int64_t *hours) {
    static const enum usage_grain grains[] = {usage_of_sessions, usage_of_days, usage_of_hours};
    int64_t others = 0;
    for (size_t i = 0; i < sizeof grains / sizeof *grains; i++) {
        int64_t *rows = grains[i] == usage_of_hours ? hours : &others, at = INT64_MIN;
        for (bool found = true; found;)
            if (!pieces_next_at(database, grains[i], &at, &found) ||
                (found && !sums_at_move(database, moving, grains[i], at, rows)))
                return false;
    }
    return true;
}

/* -- a name -- */

static bool piece_any(struct statement *look, bool *any) {
    enum database_step step = look ? statement_step(look) : database_failed;
    *any = *any || step == database_row;
    statement_end(look);
    return step != database_failed;
}

static bool attempts_have(struct database *database, int64_t name, bool *has) {
    char columns[600];
    struct text text = TEXT_IN_STRING(columns);
    for (int i = 0; i < record_texts; i++)
        if (record_text_is_name((enum record_text)i))
            text_printf(&text, "%s%.*s = ?3", text.len ? " OR " : "", STR_ARG(record_text_name((enum record_text)i)));
    columns[text.len] = 0;
    for (int64_t from = -1, end; !*has; from = end) {
        if (text.failed || !pieces_window(database, from, &end)) return false;
        const int64_t numbers[] = {from, end, name};
        if (!end) break;
        if (!piece_any(piece_prepare(database, "SELECT 1 FROM attempts WHERE id > ?1 AND id <= ?2 AND (%s) LIMIT 1%s",
                                     columns, "", numbers, 3),
                       has))
            return false;
    }
    return true;
}

/* Days and models have what hours have. */
static bool sums_have(struct database *database, int64_t name, bool *has) {
    int64_t at = INT64_MIN;
    for (bool found = true; found && !*has;) {
        if (!pieces_next_at(database, usage_of_hours, &at, &found)) return false;
        const int64_t numbers[] = {usage_of_hours, at, name};
        if (found && !piece_any(piece_prepare(database,
                                              "SELECT 1 FROM usage WHERE grain = ?1 AND at = ?2 AND (provider = ?3 OR "
                                              "model = ?3 OR client = ?3 OR route = ?3 OR owner = ?3 OR rule = ?3) "
                                              "LIMIT 1%s%s",
                                              "", "", numbers, 3),
                                has))
            return false;
    }
    return true;
}

static bool others_version(struct database *database, int64_t *version) {
    if (!database_begin(database)) return false;
    if (database_others_changed(database, version) && database_commit(database)) return true;
    database_undo(database);
    return false;
}

/* Where somebody has written meanwhile it may be in use again: then only its text goes, and nothing hangs in the air.
 */
bool pieces_name(struct database *database, int64_t name) {
    int64_t before, now;
    bool has = false;
    if (!others_version(database, &before) || !sums_have(database, name, &has) ||
        !piece_any(piece_prepare(database, "SELECT 1 FROM owner_parts WHERE part = ?1 LIMIT 1%s%s", "", "", &name, 1),
                   &has) ||
        !attempts_have(database, name, &has))
        return false;
    if (has) return true;
    bool good = database_begin(database);
    good = good && database_others_changed(database, &now) &&
           statement_run_once(piece_prepare(database, "%s WHERE id = ?1%s",
                                            now == before ? "DELETE FROM names"
                                                          : "UPDATE names SET name = '(erased name ' || id || ')'",
                                            "", &name, 1)) &&
           database_commit(database);
    if (!good) database_undo(database);
    return good;
}

/* -- words -- */

/* Numbers, each once: of those that were taken out the negative stands there. */
struct number_set {
    int64_t *places;
    size_t size, count;
};

static int64_t *numbers_place(const struct number_set *set, int64_t number) {
    size_t at = (size_t)((uint64_t)number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (set->size - 1);
    while (set->places[at] && set->places[at] != number && set->places[at] != -number) at = (at + 1) & (set->size - 1);
    return &set->places[at];
}

/* *fresh: it was not there, in either form. false: no memory. */
static bool numbers_add(struct number_set *set, int64_t number, bool *fresh) {
    if (2 * set->count >= set->size) {
        struct number_set larger = {.size = set->size ? 2 * set->size : 1024, .count = set->count};
        if (larger.size > SIZE_MAX / sizeof *larger.places) return false;
        larger.places = memory_take_zeroed(larger.size * sizeof *larger.places);
        if (!larger.places) return false;
        for (size_t i = 0; i < set->size; i++)
            if (set->places[i])
                *numbers_place(&larger, set->places[i] < 0 ? -set->places[i] : set->places[i]) = set->places[i];
        memory_give(set->places);
        *set = larger;
    }
    int64_t *place = numbers_place(set, number);
    *fresh = *place == 0;
    if (*fresh) *place = number, set->count++;
    return true;
}

static void numbers_take_out(struct number_set *set, int64_t number) {
    int64_t *place = set->size ? numbers_place(set, number) : NULL;
    if (place && *place > 0) *place = -number;
}

struct words_erasing {
    struct database *database;
    int64_t client;
    struct number_set own;        /* words that it said, and nobody else */
    struct number_set tags, seen; /* sets of tags: its own; those of others that have been looked at */
    struct statement *parts;
};

static bool parts_each(struct words_erasing *erasing, int64_t whole, bool own) {
    enum database_step step;
    bool good = true, fresh;
    param_number(erasing->parts, 1, whole);
    while ((step = statement_step(erasing->parts)) == database_row && good) {
        const int64_t part = row_number(erasing->parts, 0);
        if (own)
            good = numbers_add(&erasing->own, part, &fresh);
        else
            numbers_take_out(&erasing->own, part);
    }
    statement_reset(erasing->parts);
    return good && step != database_failed;
}

/* A row's name asked for, tags and session; 0: it has none. */
static bool words_note(struct words_erasing *erasing, struct statement *row, bool own) {
    bool good = true, fresh;
    for (int i = 0; i < 3 && good; i++) {
        const int64_t word = row_number(row, i);
        if (!word) continue;
        if (own)
            good = numbers_add(&erasing->own, word, &fresh) && (i != 1 || numbers_add(&erasing->tags, word, &fresh));
        else
            numbers_take_out(&erasing->own, word);
        if (i == 1 && !own && erasing->tags.count) {
            good = numbers_add(&erasing->seen, word, &fresh);
            if (good && fresh) good = parts_each(erasing, word, false);
        }
    }
    return good;
}

static bool words_at(struct words_erasing *erasing, int64_t grain, int64_t at, bool own) {
    const int64_t numbers[] = {grain, at, erasing->client};
    enum database_step step = database_failed;
    bool good = true;
    struct statement *row = piece_prepare(
        erasing->database, "SELECT asked, tags, session FROM usage WHERE grain = ?1 AND at = ?2 AND client %s ?3%s",
        own ? "=" : "<>", "", numbers, 3);
    while (row && good && (step = statement_step(row)) == database_row) good = words_note(erasing, row, own);
    statement_end(row);
    return good && step == database_done;
}

/* From the hour `since` on. */
static bool words_gather(struct words_erasing *erasing, int64_t since, bool own) {
    static const enum usage_grain grains[] = {usage_of_hours, usage_of_sessions};
    for (size_t i = 0; i < sizeof grains / sizeof *grains; i++) {
        int64_t at = since;
        for (bool found = true; found;)
            if (!pieces_next_at(erasing->database, grains[i], &at, &found) ||
                (found && !words_at(erasing, grains[i], at, own)))
                return false;
    }
    return true;
}

/* The newest hour that there is: whoever says one of them from now on says it in that one or later. */
static bool words_newest(struct database *database, int64_t *at) {
    const int64_t grain = usage_of_hours;
    struct statement *look =
        piece_prepare(database, "SELECT max(at) FROM usage WHERE grain = ?1%s%s", "", "", &grain, 1);
    bool good = look && statement_step(look) == database_row;
    *at = good && row_kind(look, 0) == database_number ? row_number(look, 0) : INT64_MIN + 1;
    statement_end(look);
    return good;
}

/* The next of them, from the place *next on. What somebody has said meanwhile stays. */
static bool words_piece(struct words_erasing *erasing, int64_t newest, int64_t *version, size_t *next) {
    struct number_set *own = &erasing->own;
    struct database *database = erasing->database;
    int64_t now;
    bool good = database_begin(database);
    good = good && database_others_changed(database, &now) &&
           (now == *version || words_gather(erasing, newest - 1, false));
    if (good) *version = now;
    struct statement *update =
        good ? statement_make(database, "UPDATE words SET word = '(erased ' || id || ')' WHERE id = ?1") : NULL;
    good = good && update;
    for (size_t changed = 0; good && *next < own->size && changed < piece_rows; ++*next) {
        if (own->places[*next] <= 0) continue;
        param_number(update, 1, own->places[*next]);
        good = statement_run(update);
        changed++;
    }
    statement_end(update);
    good = good && database_commit(database);
    if (!good) database_undo(database);
    return good;
}

bool pieces_words(struct database *database, int64_t client) {
    struct words_erasing erasing = {.database = database,
                                    .client = client,
                                    .parts = statement_make(database, "SELECT part FROM tag_parts WHERE whole = ?1")};
    int64_t newest = 0, version = 0;
    size_t next = 0;
    bool good = erasing.parts && words_newest(database, &newest) && others_version(database, &version) &&
                words_gather(&erasing, INT64_MIN, true);
    for (size_t i = 0; i < erasing.tags.size && good; i++)
        if (erasing.tags.places[i]) good = parts_each(&erasing, erasing.tags.places[i], true);
    good = good && words_gather(&erasing, INT64_MIN, false);
    while (good && next < erasing.own.size) good = words_piece(&erasing, newest, &version, &next);
    statement_end(erasing.parts);
    memory_give(erasing.own.places);
    memory_give(erasing.tags.places);
    memory_give(erasing.seen.places);
    return good;
}
