/* ledger.c - the file, and writing it. Attempts are added one by one; what is summed of them is gathered in memory and
 * added at the end of each transaction, so that a busy hour costs a row for each group and not for each attempt. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/ledger_erase.h"
#include "store/ledger_internal.h"

/* A file that is being made holds nothing that could be lost: it is made without waiting for the disk. */
static const char pragmas_new[] = "PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL;";
static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048;";

enum { groups_max = 128, group_places = 4 * groups_max, names_kept = 256, words_kept = 1024, charges_kept = 256 };

/* What one hour, day or session of an hour, provider, model, ... have gathered since the last transaction. */
struct usage_group {
    struct usage_group_key {
        int64_t grain, at, names[usage_names];
    } key;
    int64_t sums[usage_sums];
    struct histogram durations, first_tokens;
};

/* The id of a name that was looked up; a place for each hash. */
struct name_kept {
    int64_t id;
    bool parted; /* its parts are there: of owners */
    size_t len;
    char name[record_text_most];
};

/* What one budget's window has been charged since the last transaction; a place for each hash. */
struct charge_sum {
    struct record_charge of;
    int64_t nano_usd; /* of a quota: units; 0: nobody's place */
};

/* The same of a caller's word. */
struct word_kept {
    struct hash_tag tag;
    int64_t id;
    bool stays, parted; /* its parts are there: of tags */
};

struct ledger {
    sqlite3 *sqlite;
    sqlite3_stmt *add, *name_find, *name_add, *instance_find, *instance_add, *usage_add, *forget, *charge, *changes;
    sqlite3_stmt *word_add, *word_tag_add, *word_find, *word_stays, *word_text, *owner_part, *tag_part;
    struct usage_group *groups;
    size_t group_count;
    uint16_t *group_at; /* by the hash of its key: its place in `groups`, + 1 */
    struct name_kept *names;
    struct word_kept *words;
    struct charge_sum *charges;
    struct ledger_erasures erasures;
    int64_t changes_seen; /* of other connections: what is kept of names is as it was then */
    uint64_t instance;    /* the one whose id is kept */
    int64_t instance_id;
};

sqlite3 *ledger_sqlite(struct ledger *ledger) { return ledger->sqlite; }
void ledger_names_changed(struct ledger *ledger) { ledger->changes_seen = -1; }
const char *ledger_problem(struct ledger *ledger) { return sqlite3_errmsg(ledger->sqlite); }

static bool ledger_run(sqlite3 *sqlite, const char *statement) {
    return sqlite3_exec(sqlite, statement, NULL, NULL, NULL) == SQLITE_OK;
}

/* -- opening -- */

/* -1: it cannot be told. */
static int ledger_version_of(sqlite3 *sqlite) {
    sqlite3_stmt *statement = NULL;
    int version = 0;
    int made = sqlite3_table_column_metadata(sqlite, NULL, "schema_versions", NULL, NULL, NULL, NULL, NULL, NULL);
    if (made != SQLITE_OK) return sqlite3_errcode(sqlite) == SQLITE_ERROR ? 0 : -1;
    bool good =
        sqlite3_prepare_v2(sqlite, "SELECT max(version) FROM schema_versions", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW;
    if (good) version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return good ? version : -1;
}

static bool ledger_migrate(sqlite3 *sqlite) {
    char noted[128];
    if (!ledger_run(sqlite, "BEGIN IMMEDIATE")) return false;
    int from = ledger_version_of(sqlite); /* another connection may have done it */
    bool good = from >= 0;
    for (int i = from; i < ledger_version && good; i++) {
        snprintf(noted, sizeof noted, "INSERT INTO schema_versions VALUES(%d, CAST(strftime('%%s', 'now') AS INTEGER))",
                 i + 1);
        good = ledger_run(sqlite, ledger_migrations[i]) && ledger_run(sqlite, noted);
    }
    if (good && ledger_run(sqlite, "COMMIT")) return true;
    (void)ledger_run(sqlite, "ROLLBACK");
    return false;
}

static bool ledger_prepare(struct ledger *ledger, const char *sql, sqlite3_stmt **statement) {
    return sqlite3_prepare_v3(ledger->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK;
}

/* INSERT ... (columns) VALUES(?1, ...), its columns those of the record's tables. */
static bool add_prepare(struct ledger *ledger) {
    char sql[1024];
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    text_put(&text, STR("INSERT OR IGNORE INTO attempts(id"));
    for (int i = 0; i < record_numbers; i++)
        text_printf(&text, ", %.*s", STR_ARG(record_number_name((enum record_number)i)));
    for (int i = 0; i < record_texts; i++) text_printf(&text, ", %.*s", STR_ARG(record_text_name((enum record_text)i)));
    for (int i = 0; i < record_words; i++) text_printf(&text, ", %.*s", STR_ARG(record_word_name((enum record_word)i)));
    text_put(&text, STR(") VALUES(?1"));
    for (int i = 1; i < 1 + record_numbers + record_texts + record_words; i++) text_printf(&text, ", ?%d", i + 1);
    text_put_byte(&text, ')');
    CHECK(!text.failed);
    sql[text.len] = 0;
    return ledger_prepare(ledger, sql, &ledger->add);
}

static bool usage_prepare(struct ledger *ledger) {
    static const char *const names[] = {
#define X(name) #name,
        USAGE_SUMS(X)
#undef X
    };
    char sql[4096];
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    text_put(&text, STR("INSERT INTO usage(durations, first_tokens, grain, at"));
    for (size_t i = 0; i < usage_names; i++) text_printf(&text, ", %s", usage_name_columns[i]);
    for (size_t i = 0; i < usage_sums; i++) text_printf(&text, ", %s", names[i]);
    text_put(&text, STR(") VALUES(?1, ?2, ?3, ?4"));
    for (int i = 0; i < usage_names + usage_sums; i++) text_printf(&text, ", ?%d", i + 5);
    text_put(&text, STR(") ON CONFLICT DO UPDATE SET durations = durations_both(durations, excluded.durations), "
                        "first_tokens = durations_both(first_tokens, excluded.first_tokens)"));
    for (size_t i = 0; i < usage_sums; i++)
        text_printf(&text, ", %s = numbers_both(%s, excluded.%s)", names[i], names[i], names[i]);
    CHECK(!text.failed);
    sql[text.len] = 0;
    return ledger_prepare(ledger, sql, &ledger->usage_add);
}

static bool words_prepare(struct ledger *ledger) {
    const struct {
        const char *sql;
        sqlite3_stmt **statement;
    } statements[] = {
        {"INSERT INTO words(word, told_s, stays) VALUES(?1, CAST(strftime('%s', 'now') AS INTEGER), 0) "
         "ON CONFLICT DO UPDATE SET told_s = max(told_s, excluded.told_s) RETURNING id",
         &ledger->word_add},
        {"INSERT OR REPLACE INTO word_tags VALUES(?1, ?2, ?3)", &ledger->word_tag_add},
        {"SELECT word_tags.word, words.stays FROM word_tags JOIN words ON words.id = word_tags.word WHERE tag = ?1",
         &ledger->word_find},
        {"UPDATE words SET stays = 1 WHERE id = ?1", &ledger->word_stays},
        {"SELECT word FROM words WHERE id = ?1", &ledger->word_text},
        {"INSERT OR IGNORE INTO owner_parts VALUES(?1, ?2)", &ledger->owner_part},
        {"INSERT OR IGNORE INTO tag_parts VALUES(?1, ?2)", &ledger->tag_part},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof statements / sizeof *statements && good; i++)
        good = ledger_prepare(ledger, statements[i].sql, statements[i].statement);
    return good;
}

static struct ledger *ledger_connect(const char *path, int flags, char *problem, size_t size) {
    struct ledger *ledger = memory_take_zeroed(sizeof *ledger);
    if (!ledger) {
        snprintf(problem, size, "no memory for the ledger");
        return NULL;
    }
    if (sqlite3_open_v2(path, &ledger->sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        sqlite3_busy_timeout(ledger->sqlite, 5000) == SQLITE_OK && ledger_functions_register(ledger->sqlite))
        return ledger;
    snprintf(problem, size, "%s: %s", path, ledger->sqlite ? ledger_problem(ledger) : "out of memory");
    ledger_close(ledger);
    return NULL;
}

static bool ledger_begin_to_write(struct ledger *ledger, const char *path, char *problem, size_t size) {
    int version = ledger_version_of(ledger->sqlite);
    if (version > ledger_version) {
        snprintf(problem, size,
                 "%s: it was written by a later version of weir (its form is %d, this one knows %d): run that one, or "
                 "move the file away",
                 path, version, ledger_version);
        return false;
    }
    bool good = version >= 0 && (version > 0 || ledger_run(ledger->sqlite, pragmas_new)) &&
                (version == ledger_version || ledger_migrate(ledger->sqlite)) && ledger_run(ledger->sqlite, pragmas) &&
                add_prepare(ledger) && usage_prepare(ledger) &&
                ledger_prepare(ledger, "SELECT id FROM names WHERE name = ?1", &ledger->name_find) &&
                ledger_prepare(ledger, "INSERT INTO names(name) VALUES(?1)", &ledger->name_add) &&
                ledger_prepare(ledger, "SELECT id FROM instances WHERE instance = ?1", &ledger->instance_find) &&
                ledger_prepare(ledger, "INSERT INTO instances(instance) VALUES(?1)", &ledger->instance_add) &&
                ledger_prepare(ledger, "DELETE FROM attempts WHERE time_ms < ?1", &ledger->forget) &&
                ledger_prepare(ledger, "PRAGMA data_version", &ledger->changes) &&
                ledger_prepare(ledger,
                               "INSERT INTO budgets VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET nano_usd = "
                               "numbers_both(nano_usd, excluded.nano_usd)",
                               &ledger->charge) &&
                words_prepare(ledger);
    if (!good) {
        int code = sqlite3_errcode(ledger->sqlite);
        bool damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
        snprintf(problem, size, "%s: %s%s", path, ledger_problem(ledger),
                 damaged ? ": bring back a copy of it (or `sqlite3 FILE .recover`), or move it away, and a new one is "
                           "begun; what waits in the journal goes into it"
                         : "");
        return false;
    }
    ledger->groups = memory_take_zeroed(groups_max * sizeof *ledger->groups);
    ledger->group_at = memory_take_zeroed(group_places * sizeof *ledger->group_at);
    ledger->names = memory_take_zeroed(names_kept * sizeof *ledger->names);
    ledger->charges = memory_take_zeroed(charges_kept * sizeof *ledger->charges);
    ledger->words = memory_take_zeroed(words_kept * sizeof *ledger->words);
    good = ledger->groups && ledger->group_at && ledger->names && ledger->charges && ledger->words;
    if (!good) snprintf(problem, size, "no memory for the ledger");
    return good;
}

struct ledger *ledger_open(const char *path, char *problem, size_t size) {
    /* SQLite's own files take its rights. One that is there is not opened: to close it would drop the locks that other
     * connections of this process have on it (POSIX), and another process would take their log from them. */
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0) close(file);
    struct ledger *ledger = ledger_connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, problem, size);
    if (!ledger || ledger_begin_to_write(ledger, path, problem, size)) return ledger;
    ledger_close(ledger);
    return NULL;
}

struct ledger *ledger_open_beside(const char *path, char *problem, size_t size) {
    return ledger_connect(path, SQLITE_OPEN_READWRITE, problem, size); /* SQLite's shared memory wants to be written */
}

void ledger_close(struct ledger *ledger) {
    if (!ledger) return;
    sqlite3_stmt *const statements[] = {
        ledger->add,          ledger->name_find,    ledger->name_add,  ledger->instance_find,
        ledger->instance_add, ledger->usage_add,    ledger->forget,    ledger->charge,
        ledger->word_add,     ledger->word_tag_add, ledger->word_find, ledger->word_stays,
        ledger->word_text,    ledger->owner_part,   ledger->tag_part,  ledger->changes};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) sqlite3_finalize(statements[i]);
    sqlite3_close(ledger->sqlite);
    memory_give(ledger->groups);
    memory_give(ledger->group_at);
    memory_give(ledger->names);
    memory_give(ledger->charges);
    erasures_free(&ledger->erasures);
    memory_give(ledger->words);
    memory_give(ledger);
}

/* -- names -- */

/* The id in the row that `find` has, else of the one that `add` makes; both are bound. -1: a failure. */
static int64_t ledger_id(struct ledger *ledger, sqlite3_stmt *find, sqlite3_stmt *add) {
    int64_t id = -1;
    int found = sqlite3_step(find);
    if (found == SQLITE_ROW) id = sqlite3_column_int64(find, 0);
    sqlite3_reset(find);
    if (found == SQLITE_DONE && sqlite3_step(add) == SQLITE_DONE) id = sqlite3_last_insert_rowid(ledger->sqlite);
    sqlite3_reset(add);
    return id;
}

static int64_t name_id(struct ledger *ledger, struct str name) {
    struct name_kept *kept = &ledger->names[str_hash(name) % names_kept];
    if (name.len > record_text_most) name.len = record_text_most;
    if (kept->id > 0 && str_eq(str_make(kept->name, kept->len), name)) return kept->id;
    sqlite3_bind_text(ledger->name_find, 1, name.len ? name.at : "", (int)name.len, SQLITE_STATIC);
    sqlite3_bind_text(ledger->name_add, 1, name.len ? name.at : "", (int)name.len, SQLITE_STATIC);
    int64_t id = ledger_id(ledger, ledger->name_find, ledger->name_add);
    if (id > 0) {
        kept->id = id;
        kept->parted = false;
        kept->len = name.len;
        if (name.len) memcpy(kept->name, name.at, name.len);
    }
    return id;
}

static int64_t instance_id(struct ledger *ledger, uint64_t instance) {
    if (ledger->instance_id > 0 && ledger->instance == instance) return ledger->instance_id;
    sqlite3_bind_int64(ledger->instance_find, 1, (int64_t)instance);
    sqlite3_bind_int64(ledger->instance_add, 1, (int64_t)instance);
    ledger->instance_id = ledger_id(ledger, ledger->instance_find, ledger->instance_add);
    ledger->instance = instance;
    return ledger->instance_id;
}

/* -- callers' words -- */

/* -1: a failure. */
static int64_t word_text_id(struct ledger *ledger, struct str text) {
    sqlite3_bind_text(ledger->word_add, 1, text.len ? text.at : "", (int)text.len, SQLITE_STATIC);
    int64_t id = sqlite3_step(ledger->word_add) == SQLITE_ROW ? sqlite3_column_int64(ledger->word_add, 0) : -1;
    sqlite3_reset(ledger->word_add);
    return id;
}

/* What text a tag stands for has been told. */
static bool word_note(struct ledger *ledger, struct journal_source source, const struct record_said *said) {
    int64_t id = word_text_id(ledger, said->text), instance = instance_id(ledger, source.instance);
    ledger->words[said->tag.words[0] % words_kept].id = 0;
    if (id <= 0 || instance <= 0) return false;
    sqlite3_bind_blob(ledger->word_tag_add, 1, &said->tag, sizeof said->tag, SQLITE_STATIC);
    sqlite3_bind_int64(ledger->word_tag_add, 2, id);
    sqlite3_bind_int64(ledger->word_tag_add, 3, instance);
    bool good = sqlite3_step(ledger->word_tag_add) == SQLITE_DONE;
    sqlite3_reset(ledger->word_tag_add);
    return good;
}

/* Sums that are never forgotten have it. */
static bool word_keep(struct ledger *ledger, int64_t id) {
    sqlite3_bind_int64(ledger->word_stays, 1, id);
    bool good = sqlite3_step(ledger->word_stays) == SQLITE_DONE;
    sqlite3_reset(ledger->word_stays);
    return good;
}

/* 0: there is no word; -1: a failure. `stays`: sums that are never forgotten have it. */
static int64_t word_id(struct ledger *ledger, const struct record_said *said, bool stays) {
    struct word_kept *kept = &ledger->words[said->tag.words[0] % words_kept];
    if (!record_has_word(said)) return 0;
    if (!kept->id || memcmp(&kept->tag, &said->tag, sizeof kept->tag) != 0) {
        sqlite3_bind_blob(ledger->word_find, 1, &said->tag, sizeof said->tag, SQLITE_STATIC);
        int found = sqlite3_step(ledger->word_find);
        *kept = (struct word_kept){.tag = said->tag};
        if (found == SQLITE_ROW) {
            kept->id = sqlite3_column_int64(ledger->word_find, 0);
            kept->stays = sqlite3_column_int(ledger->word_find, 1);
        } else if (found == SQLITE_DONE) { /* its text was in no segment that could be read */
            kept->id = word_text_id(ledger, STR("(unknown)"));
        }
        sqlite3_reset(ledger->word_find);
    }
    if (kept->id > 0 && stays && !kept->stays) kept->stays = word_keep(ledger, kept->id);
    int64_t id = kept->id;
    if (id <= 0) kept->id = 0;
    return id > 0 ? id : -1;
}

/* -- owners and tags: what each part of them has -- */

static bool part_note(sqlite3_stmt *add, int64_t whole, int64_t part) {
    sqlite3_bind_int64(add, 1, whole);
    sqlite3_bind_int64(add, 2, part);
    bool good = part > 0 && sqlite3_step(add) == SQLITE_DONE;
    sqlite3_reset(add);
    return good;
}

/* "search|acme" is of both. */
static bool owner_parts_note(struct ledger *ledger, int64_t id, struct str path) {
    struct name_kept *kept = &ledger->names[str_hash(path) % names_kept];
    struct str rest = path, part;
    bool good = true;
    if (kept->id == id && kept->parted) return true;
    while (good && str_split_next(&rest, '|', &part)) good = part_note(ledger->owner_part, id, name_id(ledger, part));
    kept = &ledger->names[str_hash(path) % names_kept];
    if (kept->id == id) kept->parted = good;
    return good;
}

static bool tag_part_note(struct ledger *ledger, int64_t whole, struct str piece) {
    char tag[record_word_most];
    struct text text = text_in_buffer(tag, sizeof tag);
    size_t equals = str_find_byte(piece, '=');
    struct str key = str_trim(str_slice(piece, 0, equals)), value = str_trim(str_slice(piece, equals + 1, piece.len));
    if (equals == SIZE_MAX) key = str_trim(piece), value = STR("");
    if (!key.len) return true;
    text_put(&text, key);
    if (value.len) text_put_byte(&text, '=');
    text_put(&text, value);
    int64_t part = word_text_id(ledger, text_str(&text));
    return part > 0 && word_keep(ledger, part) && part_note(ledger->tag_part, whole, part);
}

/* "env=prod,team=search" is of both. */
static bool tag_parts_note(struct ledger *ledger, int64_t id, const struct record_said *said) {
    struct word_kept *kept = &ledger->words[said->tag.words[0] % words_kept];
    char tags[record_word_most + 1];
    struct str rest, piece;
    bool good = true;
    if (!id || (kept->id == id && kept->parted)) return true;
    sqlite3_bind_int64(ledger->word_text, 1, id);
    if (sqlite3_step(ledger->word_text) == SQLITE_ROW)
        str_copy(tags, sizeof tags, str_from((const char *)sqlite3_column_text(ledger->word_text, 0)));
    else
        good = false;
    sqlite3_reset(ledger->word_text);
    rest = good ? str_from(tags) : STR_NONE;
    while (good && str_split_next(&rest, ',', &piece)) good = tag_part_note(ledger, id, piece);
    kept->parted = good;
    return good;
}

/* -- sums -- */

static bool group_write(struct ledger *ledger, const struct usage_group *group) {
    unsigned char durations[durations_bytes_max], first_tokens[durations_bytes_max];
    sqlite3_stmt *add = ledger->usage_add;
    int at = 1;
    size_t durations_len = durations_put(&group->durations, durations),
           first_len = durations_put(&group->first_tokens, first_tokens);
    sqlite3_bind_blob(add, at++, durations, (int)durations_len, SQLITE_STATIC);
    sqlite3_bind_blob(add, at++, first_tokens, (int)first_len, SQLITE_STATIC);
    sqlite3_bind_int64(add, at++, group->key.grain);
    sqlite3_bind_int64(add, at++, group->key.at);
    for (int i = 0; i < usage_names; i++) sqlite3_bind_int64(add, at++, group->key.names[i]);
    for (int i = 0; i < usage_sums; i++) sqlite3_bind_int64(add, at++, group->sums[i]);
    bool good = sqlite3_step(add) == SQLITE_DONE;
    sqlite3_reset(add);
    sqlite3_clear_bindings(add);
    return good;
}

static void groups_clear(struct ledger *ledger) {
    ledger->group_count = 0;
    memset(ledger->group_at, 0, group_places * sizeof *ledger->group_at);
}

static bool groups_write(struct ledger *ledger) {
    bool good = true;
    for (size_t i = 0; i < ledger->group_count && good; i++) good = group_write(ledger, &ledger->groups[i]);
    groups_clear(ledger);
    return good;
}

/* NULL: there was no place, and making one failed. */
static struct usage_group *usage_group_of(struct ledger *ledger, const struct usage_group_key *key) {
    uint64_t hash = str_hash(str_make((const char *)key, sizeof *key));
    if (ledger->group_count == groups_max && !groups_write(ledger)) return NULL;
    for (size_t place = hash % group_places;; place = (place + 1) % group_places) {
        uint16_t *at = &ledger->group_at[place];
        struct usage_group *group = &ledger->groups[*at ? *at - 1 : (int)ledger->group_count];
        if (*at && memcmp(&group->key, key, sizeof *key) == 0) return group;
        if (*at) continue;
        *at = (uint16_t)++ledger->group_count;
        memset(group, 0, sizeof *group);
        group->key = *key;
        return group;
    }
}

static int64_t ledger_count(int64_t number) { return number > 0 ? number : 0; }

/* By what the rest of its input cost: 0 where all of it was cached. */
static int64_t cache_saved(const int64_t sums[usage_sums]) {
    int64_t cached = sums[usage_cached_tokens],
            plain = sums[usage_input_tokens] - cached - sums[usage_cache_write_tokens];
    if (cached <= 0 || plain <= 0) return 0;
    __int128 saved = (__int128)sums[usage_input_nano_usd] * cached / plain - sums[usage_cached_nano_usd];
    return saved < 0 ? 0 : saved > INT64_MAX ? INT64_MAX : (int64_t)saved;
}

/* What this attempt adds to each sum. */
static void usage_of(const struct record *record, int64_t sums[usage_sums]) {
    const int64_t *numbers = record->numbers, flags = numbers[record_flags];
    memset(sums, 0, usage_sums * sizeof *sums);
    sums[usage_requests] = numbers[record_attempt] == 0;
    sums[usage_attempts] = 1;
    sums[usage_cancelled] = (flags & record_cancelled) != 0;
    sums[usage_errors] = !(flags & (record_succeeded | record_cancelled));
    sums[usage_estimated] = (flags & record_estimated) != 0;
    sums[usage_lost] = (flags & record_lost) != 0;
    sums[usage_unpriced] =
        numbers[record_cost_nano_usd] < 0 && (numbers[record_input_tokens] > 0 || numbers[record_output_tokens] > 0);
    sums[usage_input_tokens] = ledger_count(numbers[record_input_tokens]);
    sums[usage_output_tokens] = ledger_count(numbers[record_output_tokens]);
    sums[usage_cached_tokens] = ledger_count(numbers[record_cached_tokens]);
    sums[usage_cache_write_tokens] = ledger_count(numbers[record_cache_write_tokens]);
    sums[usage_reasoning_tokens] = ledger_count(numbers[record_reasoning_tokens]);
    sums[usage_cost_nano_usd] = ledger_count(numbers[record_cost_nano_usd]);
    sums[usage_input_nano_usd] = ledger_count(numbers[record_input_nano_usd]);
    sums[usage_output_nano_usd] = ledger_count(numbers[record_output_nano_usd]);
    sums[usage_cached_nano_usd] = ledger_count(numbers[record_cached_nano_usd]);
    sums[usage_cache_write_nano_usd] = ledger_count(numbers[record_cache_write_nano_usd]);
    sums[usage_tools_nano_usd] = ledger_count(numbers[record_tools_nano_usd]);
    sums[usage_fees_nano_usd] = ledger_count(numbers[record_fees_nano_usd]);
    sums[usage_provider_nano_usd] = ledger_count(numbers[record_provider_nano_usd]);
    sums[usage_cache_saved_nano_usd] = cache_saved(sums);
    sums[usage_duration_us] = ledger_count(numbers[record_duration_us]);
}

static bool group_add(struct ledger *ledger, const struct usage_group_key *key, const struct record *record,
                      const int64_t sums[usage_sums]) {
    struct usage_group *group = usage_group_of(ledger, key);
    if (!group) return false;
    for (size_t i = 0; i < usage_sums; i++) group->sums[i] = ledger_sum(group->sums[i], sums[i]);
    if (record->numbers[record_duration_us] > 0)
        histogram_add(&group->durations, (uint64_t)record->numbers[record_duration_us]);
    if (record->numbers[record_first_token_us] > 0)
        histogram_add(&group->first_tokens, (uint64_t)record->numbers[record_first_token_us]);
    return true;
}

/* In the sums of its hour, of its day, of its model, and of its session where it has one. */
static bool usage_note(struct ledger *ledger, const struct record *record, const int64_t names[usage_names]) {
    const int64_t hour = ledger_count(record->numbers[record_time_ms]) / 3600000;
    struct usage_group_key key = {.grain = usage_of_hours, .at = hour};
    int64_t sums[usage_sums];
    memcpy(key.names, names, sizeof key.names);
    usage_of(record, sums);
    if (key.names[usage_name_session]) {
        key.grain = usage_of_sessions;
        if (!group_add(ledger, &key, record, sums)) return false;
        key.grain = usage_of_hours;
        key.names[usage_name_session] = 0;
    }
    if (!group_add(ledger, &key, record, sums)) return false;
    key.grain = usage_of_days;
    key.at = hour / 24;
    if (!group_add(ledger, &key, record, sums)) return false;
    key = (struct usage_group_key){.grain = usage_of_models, .at = hour};
    key.names[usage_name_provider] = names[usage_name_provider];
    key.names[usage_name_model] = names[usage_name_model];
    return group_add(ledger, &key, record, sums);
}

/* -- a transaction -- */

/* Has another connection changed something since? Then no name's id is known any more, and some may be purged. */
static bool ledger_look(struct ledger *ledger) {
    bool good = sqlite3_step(ledger->changes) == SQLITE_ROW;
    int64_t version = good ? sqlite3_column_int64(ledger->changes, 0) : 0;
    sqlite3_reset(ledger->changes);
    if (!good || version == ledger->changes_seen) return good;
    memset(ledger->names, 0, names_kept * sizeof *ledger->names);
    memset(ledger->words, 0, words_kept * sizeof *ledger->words);
    ledger->instance_id = 0;
    good = erasures_read(ledger->sqlite, &ledger->erasures);
    if (good) ledger->changes_seen = version;
    return good;
}

bool ledger_begin(struct ledger *ledger) {
    CHECK(ledger->add && ledger->group_count == 0);
    return ledger_run(ledger->sqlite, "BEGIN IMMEDIATE") && ledger_look(ledger);
}

/* One number, so that rows are appended and nothing else has to be looked up: which process, which worker of it, which
 * of its records. */
static int64_t attempt_id(int64_t instance, unsigned worker, uint64_t sequence) {
    enum { worker_bits = 6, sequence_bits = 38 };
    _Static_assert(limit_loops <= 1 << worker_bits, "a worker has its place in the number");
    CHECKF(worker < 1 << worker_bits && sequence < (uint64_t)1 << sequence_bits && instance < 1 << 19,
           "instance=%lld worker=%u sequence=%llu", (long long)instance, worker, (unsigned long long)sequence);
    return instance << (worker_bits + sequence_bits) | (int64_t)worker << sequence_bits | (int64_t)sequence;
}

static bool charge_write(struct ledger *ledger, struct charge_sum *charge) {
    sqlite3_bind_int64(ledger->charge, 1, (int64_t)charge->of.budget);
    sqlite3_bind_int64(ledger->charge, 2, charge->of.window_s);
    sqlite3_bind_int64(ledger->charge, 3, charge->nano_usd);
    bool good = sqlite3_step(ledger->charge) == SQLITE_DONE;
    sqlite3_reset(ledger->charge);
    charge->nano_usd = 0;
    return good;
}

static bool charges_write(struct ledger *ledger) {
    bool good = true;
    for (size_t i = 0; i < charges_kept && good; i++)
        if (ledger->charges[i].nano_usd) good = charge_write(ledger, &ledger->charges[i]);
    return good;
}

static bool charges_note(struct ledger *ledger, const struct record *record) {
    int64_t cost = record->numbers[record_cost_nano_usd];
    bool good = true;
    for (size_t i = 0; i < record->charge_count && good; i++) {
        const struct record_charge *charge = &record->charges[i];
        const struct record_charge of = {charge->budget, record_charge_window(charge)};
        int64_t units = record_charge_units(charge), amount = units ? units : cost;
        if (amount <= 0) continue;
        struct charge_sum *kept = &ledger->charges[(of.budget ^ (uint64_t)of.window_s) % charges_kept];
        bool same = kept->of.budget == of.budget && kept->of.window_s == of.window_s;
        if (kept->nano_usd && !same) good = charge_write(ledger, kept);
        kept->of = of;
        kept->nano_usd = ledger_sum(kept->nano_usd, amount);
    }
    return good;
}

bool ledger_budgets(struct ledger *ledger,
                    void (*tell)(void *context, const struct record_charge *of, int64_t nano_usd), void *context) {
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(ledger->sqlite, "SELECT budget, window_s, nano_usd FROM budgets ORDER BY window_s", -1,
                           &statement, NULL) == SQLITE_OK)
        while ((step = sqlite3_step(statement)) == SQLITE_ROW)
            tell(context,
                 &(struct record_charge){(uint64_t)sqlite3_column_int64(statement, 0),
                                         sqlite3_column_int64(statement, 1)},
                 sqlite3_column_int64(statement, 2));
    sqlite3_finalize(statement);
    return step == SQLITE_DONE;
}

/* Binds the record's texts from *at on; of a client that was purged its tombstone, and no ids. What stands for them;
 * false: a failure. */
static bool texts_bind(struct ledger *ledger, const struct record *record, struct str tombstone, int *at,
                       int64_t ids[record_texts]) {
    for (int i = 0; i < record_texts; i++) {
        struct str text = record->texts[i];
        if (tombstone.len && (i == record_request_id || i == record_caller_id)) text = STR("");
        if (tombstone.len && i == record_client) text = tombstone;
        const bool is_id = i == record_request_id || i == record_caller_id, may_lack = i > record_route;
        ids[i] = 0;
        if (!text.len && may_lack) {
            sqlite3_bind_null(ledger->add, (*at)++);
            continue;
        }
        if (is_id) {
            sqlite3_bind_text(ledger->add, (*at)++, text.len ? text.at : "", (int)text.len, SQLITE_STATIC);
            continue;
        }
        ids[i] = name_id(ledger, text);
        if (ids[i] <= 0 || (i == record_owner && !owner_parts_note(ledger, ids[i], text))) return false;
        sqlite3_bind_int64(ledger->add, (*at)++, ids[i]);
    }
    return true;
}

static bool attempt_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    int64_t ids[record_texts], words[record_words];
    sqlite3_stmt *add = ledger->add;
    int at = 2;
    int64_t instance = instance_id(ledger, source.instance);
    const struct str tombstone =
        erasures_name(&ledger->erasures, record->texts[record_client], record->numbers[record_time_ms]);
    if (instance <= 0) return false;
    sqlite3_bind_int64(add, 1, attempt_id(instance, source.worker, record->sequence));
    for (int i = 0; i < record_numbers; i++) {
        if (record->numbers[i] < 0)
            sqlite3_bind_null(add, at++);
        else
            sqlite3_bind_int64(add, at++, record->numbers[i]);
    }
    if (!texts_bind(ledger, record, tombstone, &at, ids)) return false;
    for (int i = 0; i < record_words; i++) {
        words[i] = tombstone.len ? 0 : word_id(ledger, &record->words[i], i != record_session);
        if (words[i] < 0 || (i == record_tags && !tag_parts_note(ledger, words[i], &record->words[i]))) return false;
        if (words[i])
            sqlite3_bind_int64(add, at++, words[i]);
        else
            sqlite3_bind_null(add, at++);
    }
    bool good = sqlite3_step(add) == SQLITE_DONE;
    bool fresh = good && sqlite3_changes(ledger->sqlite) == 1;
    sqlite3_reset(add);
    const int64_t names[usage_names] = {
        [usage_name_provider] = ids[record_provider], [usage_name_model] = ids[record_model],
        [usage_name_client] = ids[record_client],     [usage_name_route] = ids[record_route],
        [usage_name_owner] = ids[record_owner],       [usage_name_rule] = ids[record_rule],
        [usage_name_asked] = words[record_asked],     [usage_name_tags] = words[record_tags],
        [usage_name_session] = words[record_session]};
    return good && (!fresh || (usage_note(ledger, record, names) && charges_note(ledger, record)));
}

bool ledger_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    if (record->kind == record_of_word) return word_note(ledger, source, &record->words[0]);
    return attempt_add(ledger, source, record);
}

bool ledger_commit(struct ledger *ledger) {
    return groups_write(ledger) && charges_write(ledger) && ledger_run(ledger->sqlite, "COMMIT");
}

void ledger_shrink(struct ledger *ledger) { (void)ledger_run(ledger->sqlite, "PRAGMA wal_checkpoint(TRUNCATE)"); }

void ledger_undo(struct ledger *ledger) {
    (void)ledger_run(ledger->sqlite, "ROLLBACK");
    groups_clear(ledger);
    ledger->instance_id = 0; /* the names that were added are gone with it */
    memset(ledger->names, 0, names_kept * sizeof *ledger->names);
    memset(ledger->charges, 0, charges_kept * sizeof *ledger->charges);
    memset(ledger->words, 0, words_kept * sizeof *ledger->words);
}

/* Sessions that have no attempts any more: their sums, their words, and the words' tags; and the tags of processes
 * whose journals have been read. */
static bool sessions_forget(struct ledger *ledger, int64_t before_ms) {
    enum { ms_per_s = 1000, ms_per_hour = 3600 * 1000 };
    char sql[640];
    snprintf(sql, sizeof sql,
             "DELETE FROM usage WHERE grain = %d AND at < %lld;"
             "DELETE FROM word_tags WHERE instance <> %lld OR word IN (SELECT id FROM words WHERE told_s < %lld AND "
             "stays = 0);"
             "DELETE FROM words WHERE told_s < %lld AND stays = 0;",
             usage_of_sessions, (long long)(before_ms / ms_per_hour), (long long)ledger->instance_id,
             (long long)(before_ms / ms_per_s), (long long)(before_ms / ms_per_s));
    memset(ledger->words, 0, words_kept * sizeof *ledger->words);
    return ledger_run(ledger->sqlite, sql);
}

int64_t ledger_forget(struct ledger *ledger, int64_t before_ms) {
    sqlite3_bind_int64(ledger->forget, 1, before_ms);
    bool good = sqlite3_step(ledger->forget) == SQLITE_DONE;
    int64_t gone = good ? sqlite3_changes64(ledger->sqlite) : -1;
    sqlite3_reset(ledger->forget);
    if (good && ledger->instance_id > 0 && !sessions_forget(ledger, before_ms)) return -1;
    return gone;
}
