/* ledger.c - the file, and writing it. Attempts are added one by one; what is summed of them is gathered in memory and
 * added at the end of each transaction, so that a busy hour costs a row for each group and not for each attempt. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/ledger_erase.h"
#include "store/ledger_internal.h"

enum {
    groups_max = 128,
    group_places = 4 * groups_max,
    names_kept = 256,
    words_kept = 1024,
    charges_kept = 256,
    waiting_max = 128
};

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
    struct hash_tag value; /* of a split budget; all zero: none */
    int64_t nano_usd;      /* of a quota: units; 0: nobody's place */
};

/* An attempt that is on its way to the database, until it is known whether it was there already: then it counts. */
struct attempt_waiting {
    int64_t changes, numbers[record_numbers], names[usage_names];
    struct record_charge charges[record_charges_max];
    size_t charge_count;
};

/* The same of a caller's word. */
struct word_kept {
    struct hash_tag tag;
    int64_t id;
    bool stays, parted; /* its parts are there: of tags */
};

struct ledger {
    struct database *database;
    struct statement *add, *name_find, *name_add, *instance_find, *instance_add, *usage_add, *charge, *charge_value;
    struct statement *word_add, *word_tag_add, *word_find, *word_stays, *word_text, *owner_part, *tag_part;
    struct usage_group *groups;
    size_t group_count;
    uint16_t *group_at; /* by the hash of its key: its place in `groups`, + 1 */
    struct name_kept *names;
    struct word_kept *words;
    struct charge_sum *charges;
    struct attempt_waiting *waiting; /* NULL: what is added is known at once */
    size_t waiting_count;
    struct ledger_erasures erasures;
    int64_t changes_seen; /* of other connections: what is kept of names is as it was then */
    uint64_t instance;    /* the one whose id is kept */
    int64_t instance_id;
};

struct database *ledger_database(struct ledger *ledger) {
    return ledger->database;
}
int64_t ledger_instance(struct ledger *ledger) { return ledger->instance_id; }
void ledger_names_changed(struct ledger *ledger) { ledger->changes_seen = -1; }
const char *ledger_problem(struct ledger *ledger) { return database_problem(ledger->database); }

const char ledger_charge_value_sql[] = "INSERT INTO budget_values VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(budget, "
                                       "value_1, value_2, window_s) DO UPDATE SET "
                                       "nano_usd = numbers_both(budget_values.nano_usd, excluded.nano_usd)";
const char ledger_charge_sql[] =
    "INSERT INTO budgets VALUES(?1, ?2, ?3) ON CONFLICT(budget, window_s) DO UPDATE SET nano_usd = "
    "numbers_both(budgets.nano_usd, excluded.nano_usd)";

/* -- opening -- */

/* -1: it cannot be told. */
static int ledger_version_of(struct database *database) {
    bool made = false;
    if (!database_has_table(database, "schema_versions", &made)) return -1;
    struct statement *look = made ? statement_make(database, "SELECT max(version) FROM schema_versions") : NULL;
    if (!look) return made ? -1 : 0;
    int version = statement_step(look) == database_row ? (int)row_number(look, 0) : -1;
    statement_end(look);
    return version;
}

static bool ledger_migrate(struct database *database) {
    char noted[128];
    if (!database_begin(database)) return false;
    int from = ledger_version_of(database); /* another connection may have done it */
    bool good = from >= 0;
    for (int i = from; i < ledger_version && good; i++) {
        snprintf(noted, sizeof noted, "INSERT INTO schema_versions VALUES(%d, now_s())", i + 1);
        good = database_run(database, ledger_migrations[i]) && database_run(database, noted);
    }
    if (good && database_commit(database)) return true;
    database_undo(database);
    return false;
}

static bool ledger_prepare(struct ledger *ledger, const char *sql, struct statement **statement) {
    *statement = statement_keep(ledger->database, sql);
    return *statement != NULL;
}

/* INSERT ... (columns) VALUES(?1, ...), its columns those of the record's tables. */
static bool add_prepare(struct ledger *ledger) {
    char sql[1024];
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    text_put(&text, STR("INSERT INTO attempts(id"));
    for (int i = 0; i < record_numbers; i++)
        text_printf(&text, ", %.*s", STR_ARG(record_number_name((enum record_number)i)));
    for (int i = 0; i < record_texts; i++) text_printf(&text, ", %.*s", STR_ARG(record_text_name((enum record_text)i)));
    for (int i = 0; i < record_words; i++) text_printf(&text, ", %.*s", STR_ARG(record_word_name((enum record_word)i)));
    text_put(&text, STR(") VALUES(?1"));
    for (int i = 1; i < 1 + record_numbers + record_texts + record_words; i++) text_printf(&text, ", ?%d", i + 1);
    text_put(&text, STR(") ON CONFLICT(id) DO NOTHING"));
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
    text_put(&text, STR(") ON CONFLICT(grain, at"));
    for (size_t i = 0; i < usage_names; i++) text_printf(&text, ", %s", usage_name_columns[i]);
    text_put(&text, STR(") DO UPDATE SET durations = durations_both(usage.durations, excluded.durations), "
                        "first_tokens = durations_both(usage.first_tokens, excluded.first_tokens)"));
    for (size_t i = 0; i < usage_sums; i++)
        text_printf(&text, ", %s = numbers_both(usage.%s, excluded.%s)", names[i], names[i], names[i]);
    CHECK(!text.failed);
    sql[text.len] = 0;
    return ledger_prepare(ledger, sql, &ledger->usage_add);
}

static bool words_prepare(struct ledger *ledger) {
    const struct {
        const char *sql;
        struct statement **statement;
    } statements[] = {
        {"INSERT INTO words(word, told_s, stays) VALUES(?1, now_s(), 0) ON CONFLICT(word) DO UPDATE SET told_s = "
         "CASE WHEN words.told_s > excluded.told_s THEN words.told_s ELSE excluded.told_s END RETURNING id, stays",
         &ledger->word_add},
        {"INSERT INTO word_tags VALUES(?1, ?2, ?3) ON CONFLICT(tag) DO UPDATE SET word = excluded.word, "
         "instance = excluded.instance",
         &ledger->word_tag_add},
        {"SELECT word_tags.word, words.stays FROM word_tags JOIN words ON words.id = word_tags.word WHERE tag = ?1",
         &ledger->word_find},
        {"UPDATE words SET stays = 1 WHERE id = ?1", &ledger->word_stays},
        {"SELECT word FROM words WHERE id = ?1", &ledger->word_text},
        {"INSERT INTO owner_parts VALUES(?1, ?2) ON CONFLICT DO NOTHING", &ledger->owner_part},
        {"INSERT INTO tag_parts VALUES(?1, ?2) ON CONFLICT DO NOTHING", &ledger->tag_part},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof statements / sizeof *statements && good; i++)
        good = ledger_prepare(ledger, statements[i].sql, statements[i].statement);
    return good;
}

static struct ledger *ledger_connect(const char *path, enum database_use use, char *problem, size_t size) {
    struct ledger *ledger = memory_take_zeroed(sizeof *ledger);
    if (!ledger) {
        snprintf(problem, size, "no memory for the ledger");
        return NULL;
    }
    ledger->database = database_open(path, use, problem, size);
    if (ledger->database) return ledger;
    ledger_close(ledger);
    return NULL;
}

static bool ledger_begin_to_write(struct ledger *ledger, const char *path, char *problem, size_t size) {
    char shown[400];
    database_place_shown(path, shown, sizeof shown);
    int version = ledger_version_of(ledger->database);
    if (version > ledger_version) {
        snprintf(problem, size,
                 "%s: it was written by a later version of weir (its form is %d, this one knows %d): run that one, or "
                 "move the file away",
                 shown, version, ledger_version);
        return false;
    }
    bool good =
        version >= 0 && (version > 0 || database_care(ledger->database, database_careless)) &&
        (version == ledger_version || ledger_migrate(ledger->database)) &&
        database_care(ledger->database, database_careful) && add_prepare(ledger) && usage_prepare(ledger) &&
        ledger_prepare(ledger, "SELECT id FROM names WHERE name = ?1", &ledger->name_find) &&
        ledger_prepare(ledger, "INSERT INTO names(name) VALUES(?1) RETURNING id", &ledger->name_add) &&
        ledger_prepare(ledger, "SELECT id FROM instances WHERE instance = ?1", &ledger->instance_find) &&
        ledger_prepare(ledger, "INSERT INTO instances(instance) VALUES(?1) RETURNING id", &ledger->instance_add) &&
        ledger_prepare(ledger, ledger_charge_sql, &ledger->charge) &&
        ledger_prepare(ledger, ledger_charge_value_sql, &ledger->charge_value) && words_prepare(ledger);
    if (!good) {
        snprintf(problem, size, "%s: %s%s", shown, ledger_problem(ledger), database_mend(ledger->database));
        return false;
    }
    ledger->groups = memory_take_zeroed(groups_max * sizeof *ledger->groups);
    ledger->group_at = memory_take_zeroed(group_places * sizeof *ledger->group_at);
    ledger->names = memory_take_zeroed(names_kept * sizeof *ledger->names);
    ledger->charges = memory_take_zeroed(charges_kept * sizeof *ledger->charges);
    ledger->words = memory_take_zeroed(words_kept * sizeof *ledger->words);
    if (ledger->database->driver->defers) ledger->waiting = memory_take_zeroed(waiting_max * sizeof *ledger->waiting);
    good = (ledger->waiting || !ledger->database->driver->defers) && ledger->groups && ledger->group_at &&
           ledger->names && ledger->charges && ledger->words;
    if (!good) snprintf(problem, size, "no memory for the ledger");
    return good;
}

struct ledger *ledger_open(const char *path, char *problem, size_t size) {
    struct ledger *ledger = ledger_connect(path, database_makes, problem, size);
    if (!ledger || ledger_begin_to_write(ledger, path, problem, size)) return ledger;
    ledger_close(ledger);
    return NULL;
}

struct ledger *ledger_open_beside(const char *path, char *problem, size_t size) {
    return ledger_connect(path, database_beside, problem, size);
}

void ledger_place_of(struct str state_dir, struct str ledger, char place[ledger_place_max]) {
    if (ledger.len)
        str_copy(place, ledger_place_max, ledger);
    else
        snprintf(place, ledger_place_max, "%.*s/ledger.db", STR_ARG(str_slice(state_dir, 0, ledger_place_max - 16)));
}

bool ledger_is_file(const char *place) { return !database_place_is_url(str_from(place)); }

bool ledger_url_check(const char *url, char *problem, size_t size) { return database_url_check(url, problem, size); }

bool ledger_is_there(const char *place) { return !ledger_is_file(place) || access(place, F_OK) == 0; }

void ledger_place_shown(const char *place, char *shown, size_t size) { database_place_shown(place, shown, size); }

bool ledger_keep(struct ledger *ledger, char *problem, size_t size) {
    return database_keep(ledger->database, problem, size);
}

bool ledger_is_gone(struct ledger *ledger) { return database_is_gone(ledger->database); }

void ledger_close(struct ledger *ledger) {
    if (!ledger) return;
    struct statement *const statements[] = {
        ledger->add,        ledger->name_find, ledger->name_add,   ledger->instance_find, ledger->instance_add,
        ledger->usage_add,  ledger->charge,    ledger->word_add,   ledger->word_tag_add,  ledger->word_find,
        ledger->word_stays, ledger->word_text, ledger->owner_part, ledger->tag_part,      ledger->charge_value};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) statement_end(statements[i]);
    database_close(ledger->database);
    memory_give(ledger->groups);
    memory_give(ledger->group_at);
    memory_give(ledger->names);
    memory_give(ledger->charges);
    memory_give(ledger->waiting);
    erasures_free(&ledger->erasures);
    memory_give(ledger->words);
    memory_give(ledger);
}

/* -- names -- */

/* The id in the row that `find` has, else of the one that `add` makes; both are bound. -1: a failure. */
static int64_t ledger_id(struct statement *find, struct statement *add) {
    int64_t id = -1;
    enum database_step found = statement_step(find);
    if (found == database_row) id = row_number(find, 0);
    statement_reset(find);
    if (found == database_done && statement_step(add) == database_row) id = row_number(add, 0);
    statement_reset(add);
    return id;
}

static int64_t name_id(struct ledger *ledger, struct str name) {
    struct name_kept *kept = &ledger->names[str_hash(name) % names_kept];
    if (name.len > record_text_most) name.len = record_text_most;
    if (kept->id > 0 && str_eq(str_make(kept->name, kept->len), name)) return kept->id;
    param_text(ledger->name_find, 1, name);
    param_text(ledger->name_add, 1, name);
    int64_t id = ledger_id(ledger->name_find, ledger->name_add);
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
    param_number(ledger->instance_find, 1, (int64_t)instance);
    param_number(ledger->instance_add, 1, (int64_t)instance);
    ledger->instance_id = ledger_id(ledger->instance_find, ledger->instance_add);
    ledger->instance = instance;
    return ledger->instance_id;
}

/* -- callers' words -- */

/* -1: a failure. *stays (NULL: nobody asks): sums that are never forgotten have it. */
static int64_t word_text_id(struct ledger *ledger, struct str text, bool *stays) {
    param_text(ledger->word_add, 1, text);
    int64_t id = statement_step(ledger->word_add) == database_row ? row_number(ledger->word_add, 0) : -1;
    if (stays) *stays = id > 0 && row_number(ledger->word_add, 1) != 0;
    statement_reset(ledger->word_add);
    return id;
}

/* What text a tag stands for has been told. */
static bool word_note(struct ledger *ledger, struct journal_source source, const struct record_said *said) {
    struct word_kept *kept = &ledger->words[said->tag.words[0] % words_kept];
    bool stays;
    int64_t id = word_text_id(ledger, said->text, &stays), instance = instance_id(ledger, source.instance);
    *kept = (struct word_kept){.tag = said->tag, .id = id > 0 ? id : 0, .stays = stays};
    if (id <= 0 || instance <= 0) return false;
    param_bytes(ledger->word_tag_add, 1, &said->tag, sizeof said->tag);
    param_number(ledger->word_tag_add, 2, id);
    param_number(ledger->word_tag_add, 3, instance);
    return statement_send(ledger->word_tag_add, NULL);
}

/* Sums that are never forgotten have it. */
static bool word_keep(struct ledger *ledger, int64_t id) {
    param_number(ledger->word_stays, 1, id);
    return statement_send(ledger->word_stays, NULL);
}

/* 0: there is no word; -1: a failure. `stays`: sums that are never forgotten have it. */
static int64_t word_id(struct ledger *ledger, const struct record_said *said, bool stays) {
    struct word_kept *kept = &ledger->words[said->tag.words[0] % words_kept];
    if (!record_has_word(said)) return 0;
    if (!kept->id || memcmp(&kept->tag, &said->tag, sizeof kept->tag) != 0) {
        param_bytes(ledger->word_find, 1, &said->tag, sizeof said->tag);
        enum database_step found = statement_step(ledger->word_find);
        *kept = (struct word_kept){.tag = said->tag};
        if (found == database_row) {
            kept->id = row_number(ledger->word_find, 0);
            kept->stays = row_number(ledger->word_find, 1) != 0;
        } else if (found == database_done) { /* its text was in no segment that could be read */
            kept->id = word_text_id(ledger, STR("(unknown)"), NULL);
        }
        statement_reset(ledger->word_find);
    }
    if (kept->id > 0 && stays && !kept->stays) kept->stays = word_keep(ledger, kept->id);
    int64_t id = kept->id;
    if (id <= 0) kept->id = 0;
    return id > 0 ? id : -1;
}

/* -- owners and tags: what each part of them has -- */

static bool part_note(struct statement *add, int64_t whole, int64_t part) {
    param_number(add, 1, whole);
    param_number(add, 2, part);
    return part > 0 && statement_send(add, NULL);
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
    int64_t part = word_text_id(ledger, text_str(&text), NULL);
    return part > 0 && word_keep(ledger, part) && part_note(ledger->tag_part, whole, part);
}

/* "env=prod,team=search" is of both. */
static bool tag_parts_note(struct ledger *ledger, int64_t id, const struct record_said *said) {
    struct word_kept *kept = &ledger->words[said->tag.words[0] % words_kept];
    char tags[record_word_most + 1];
    struct str rest, piece;
    bool good = true;
    if (!id || (kept->id == id && kept->parted)) return true;
    param_number(ledger->word_text, 1, id);
    if (statement_step(ledger->word_text) == database_row)
        str_copy(tags, sizeof tags, row_text(ledger->word_text, 0));
    else
        good = false;
    statement_reset(ledger->word_text);
    rest = good ? str_from(tags) : STR_NONE;
    while (good && str_split_next(&rest, ',', &piece)) good = tag_part_note(ledger, id, piece);
    kept->parted = good;
    return good;
}

/* -- sums -- */

static bool group_write(struct ledger *ledger, const struct usage_group *group) {
    unsigned char durations[durations_bytes_max], first_tokens[durations_bytes_max];
    struct statement *add = ledger->usage_add;
    int at = 1;
    size_t durations_len = durations_put(&group->durations, durations),
           first_len = durations_put(&group->first_tokens, first_tokens);
    param_bytes(add, at++, durations, (int)durations_len);
    param_bytes(add, at++, first_tokens, (int)first_len);
    param_number(add, at++, group->key.grain);
    param_number(add, at++, group->key.at);
    param_numbers(add, at, group->key.names, usage_names);
    param_numbers(add, at + usage_names, group->sums, usage_sums);
    return statement_send(add, NULL);
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
    int64_t version = 0;
    bool good = database_others_changed(ledger->database, &version);
    if (!good || version == ledger->changes_seen) return good;
    memset(ledger->names, 0, names_kept * sizeof *ledger->names);
    memset(ledger->words, 0, words_kept * sizeof *ledger->words);
    ledger->instance_id = 0;
    good = erasures_read(ledger->database, &ledger->erasures);
    if (good) ledger->changes_seen = version;
    return good;
}

bool ledger_begin(struct ledger *ledger) {
    CHECK(ledger->add && ledger->group_count == 0);
    return database_begin(ledger->database) && ledger_look(ledger);
}

enum { worker_bits = 6, sequence_bits = 38 };
int64_t ledger_attempt_last(int64_t id) { return id | (((int64_t)1 << sequence_bits) - 1); }

/* One number, so that rows are appended and nothing else has to be looked up: which process, which worker of it, which
 * of its records. */
static int64_t attempt_id(int64_t instance, unsigned worker, uint64_t sequence) {
    _Static_assert(limit_loops <= 1 << worker_bits, "a worker has its place in the number");
    CHECKF(worker < 1 << worker_bits && sequence < (uint64_t)1 << sequence_bits && instance < 1 << 19,
           "instance=%lld worker=%u sequence=%llu", (long long)instance, worker, (unsigned long long)sequence);
    return instance << (worker_bits + sequence_bits) | (int64_t)worker << sequence_bits | (int64_t)sequence;
}

static bool charge_write(struct ledger *ledger, struct charge_sum *charge) {
    const bool has_value = charge->value.words[0] || charge->value.words[1];
    struct statement *statement = has_value ? ledger->charge_value : ledger->charge;
    const int64_t numbers[] = {(int64_t)charge->of.budget, (int64_t)charge->value.words[0],
                               (int64_t)charge->value.words[1], charge->of.window_s, charge->nano_usd};
    if (!has_value) param_number(statement, 1, numbers[0]);
    param_numbers(statement, has_value ? 1 : 2, has_value ? numbers : &numbers[3], has_value ? 5 : 2);
    bool good = statement_send(statement, NULL);
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
        struct hash_tag value = {{0, 0}};
        int64_t units = record_charge_units(charge), amount = units ? units : cost;
        if (record_charge_has_value(charge) && ++i < record->charge_count) value = record_charge_value(charge);
        if (amount <= 0 || i == record->charge_count) continue;
        struct charge_sum *kept = &ledger->charges[(of.budget ^ (uint64_t)of.window_s ^ value.words[0]) % charges_kept];
        bool same = kept->of.budget == of.budget && kept->of.window_s == of.window_s &&
                    kept->value.words[0] == value.words[0] && kept->value.words[1] == value.words[1];
        if (kept->nano_usd && !same) good = charge_write(ledger, kept);
        kept->of = of;
        kept->value = value;
        kept->nano_usd = ledger_sum(kept->nano_usd, amount);
    }
    return good;
}

bool ledger_budgets(struct ledger *ledger,
                    void (*tell)(void *context, const struct record_charge *of, int64_t nano_usd), void *context) {
    struct statement *statement =
        statement_make(ledger->database, "SELECT budget, window_s, nano_usd FROM budgets ORDER BY window_s");
    enum database_step step = database_failed;
    while (statement && (step = statement_step(statement)) == database_row)
        tell(context, &(struct record_charge){(uint64_t)row_number(statement, 0), row_number(statement, 1)},
             row_number(statement, 2));
    statement_end(statement);
    return step == database_done;
}

/* Binds the record's texts from *at on; of a client that was purged its tombstone, and no ids. What stands for them;
 * false: a failure. */
static bool texts_bind(struct ledger *ledger, const struct record *record, struct str tombstone, int *at,
                       int64_t ids[record_texts]) {
    char path[erased_path_max];
    for (int i = 0; i < record_texts; i++) {
        struct str text = record->texts[i];
        if (tombstone.len && (i == record_request_id || i == record_caller_id)) text = STR("");
        if (tombstone.len && i == record_client) text = tombstone;
        if (i == record_owner) text = erasures_path(&ledger->erasures, text, record->numbers[record_time_ms], path);
        const bool may_lack = i > record_route;
        ids[i] = 0;
        if (i == record_metered) { /* without a byte: nothing was said, which is known */
            if (text.at) param_bytes(ledger->add, *at, text.at, text.len);
            if (!text.at) param_null(ledger->add, *at);
            ++*at;
            continue;
        }
        if (!text.len && may_lack) {
            param_null(ledger->add, (*at)++);
            continue;
        }
        if (!record_text_is_name((enum record_text)i)) {
            param_text(ledger->add, (*at)++, text);
            continue;
        }
        ids[i] = name_id(ledger, text);
        if (ids[i] <= 0 || (i == record_owner && !owner_parts_note(ledger, ids[i], text))) return false;
        param_number(ledger->add, (*at)++, ids[i]);
    }
    return true;
}

/* -- those that are on their way -- */

static bool attempts_settle(struct ledger *ledger) {
    const size_t count = ledger->waiting_count;
    bool good = database_settle(ledger->database);
    ledger->waiting_count = 0;
    for (size_t i = 0; i < count && good; i++) {
        const struct attempt_waiting *waiting = &ledger->waiting[i];
        struct record record = {.charges = waiting->charges, .charge_count = waiting->charge_count};
        if (waiting->changes != 1) continue;
        memcpy(record.numbers, waiting->numbers, sizeof record.numbers);
        good = usage_note(ledger, &record, waiting->names) && charges_note(ledger, &record);
    }
    return good;
}

static bool attempt_wait(struct ledger *ledger, const struct record *record, const int64_t names[usage_names]) {
    struct attempt_waiting *waiting = &ledger->waiting[ledger->waiting_count];
    waiting->changes = 0;
    memcpy(waiting->numbers, record->numbers, sizeof waiting->numbers);
    memcpy(waiting->names, names, sizeof waiting->names);
    waiting->charge_count = record->charge_count;
    if (record->charge_count) memcpy(waiting->charges, record->charges, record->charge_count * sizeof *record->charges);
    if (!statement_send(ledger->add, &waiting->changes)) return false;
    return ++ledger->waiting_count < waiting_max || attempts_settle(ledger);
}

static bool attempt_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    int64_t ids[record_texts], words[record_words];
    struct statement *add = ledger->add;
    int at = 2;
    int64_t instance = instance_id(ledger, source.instance);
    const struct str tombstone =
        erasures_name(&ledger->erasures, record->texts[record_client], record->numbers[record_time_ms]);
    if (instance <= 0) return false;
    param_number(add, 1, attempt_id(instance, source.worker, record->sequence));
    param_counts(add, at, record->numbers, record_numbers);
    at += record_numbers;
    if (!texts_bind(ledger, record, tombstone, &at, ids)) return false;
    for (int i = 0; i < record_words; i++) {
        words[i] = tombstone.len ? 0 : word_id(ledger, &record->words[i], i != record_session);
        if (words[i] < 0 || (i == record_tags && !tag_parts_note(ledger, words[i], &record->words[i]))) return false;
        if (words[i])
            param_number(add, at++, words[i]);
        else
            param_null(add, at++);
    }
    const int64_t names[usage_names] = {
        [usage_name_provider] = ids[record_provider], [usage_name_model] = ids[record_model],
        [usage_name_client] = ids[record_client],     [usage_name_route] = ids[record_route],
        [usage_name_owner] = ids[record_owner],       [usage_name_rule] = ids[record_rule],
        [usage_name_asked] = words[record_asked],     [usage_name_tags] = words[record_tags],
        [usage_name_session] = words[record_session]};
    if (ledger->waiting) return attempt_wait(ledger, record, names);
    int64_t changes = 0;
    return statement_send(add, &changes) &&
           (changes != 1 || (usage_note(ledger, record, names) && charges_note(ledger, record)));
}

bool ledger_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    if (record->kind == record_of_word) return word_note(ledger, source, &record->words[0]);
    return attempt_add(ledger, source, record);
}

bool ledger_commit(struct ledger *ledger) {
    return attempts_settle(ledger) && groups_write(ledger) && charges_write(ledger) &&
           database_commit(ledger->database);
}

void ledger_shrink(struct ledger *ledger) { database_shrink(ledger->database); }

void ledger_undo(struct ledger *ledger) {
    database_undo(ledger->database);
    ledger->waiting_count = 0;
    groups_clear(ledger);
    ledger->instance_id = 0; /* the names that were added are gone with it */
    memset(ledger->names, 0, names_kept * sizeof *ledger->names);
    memset(ledger->charges, 0, charges_kept * sizeof *ledger->charges);
    memset(ledger->words, 0, words_kept * sizeof *ledger->words);
}
