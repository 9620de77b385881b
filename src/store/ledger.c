/* ledger.c - the file, and writing it. Attempts are added one by one; what is summed of them is gathered in memory and
 * added at the end of each transaction, so that a busy hour costs a row for each group and not for each attempt. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/ledger_erase.h"
#include "store/ledger_given.h"
#include "store/ledger_internal.h"
#include "store/ledger_sums.h"
#include "store/row_block.h"

enum {
    attempt_columns = record_numbers + record_texts + record_words,
    names_kept = 256,
    words_kept = 1024,
    charges_kept = 256,
    waiting_max = row_block_rows_max,
    waiting_charges_max = 8 * waiting_max
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
    bool in_block;   /* what it changes the block says */
    int64_t changes; /* as its statement says */
    int64_t numbers[record_numbers], names[usage_names];
    size_t charges, charge_count; /* among those of all that wait */
};

/* The same of a caller's word. */
struct word_kept {
    struct hash_tag tag;
    int64_t id;
    bool stays, parted; /* its parts are there: of tags */
};

struct ledger {
    struct database *database;
    struct statement *add, *name_find, *name_add, *instance_find, *instance_add, *charge, *charge_value;
    struct statement *word_add, *word_tag_add, *word_find, *word_stays, *word_text, *owner_part, *tag_part;
    struct row_block *block; /* of attempts; NULL: each goes in by a statement */
    struct ledger_sums *sums;
    struct ledger_given *given;
    struct name_kept *names;
    struct name_kept *last_names[record_texts]; /* each text's of the last attempt */
    struct word_kept *words;
    struct charge_sum *charges;
    struct attempt_waiting *waiting;
    struct record_charge *waiting_charges;
    size_t waiting_count, waiting_charge_count;
    struct ledger_erasures erasures;
    int64_t changes_seen; /* of other connections: what is kept of names is as it was then */
    uint64_t instance;    /* the one whose id is kept */
    int64_t instance_id;
};

struct database *ledger_database(struct ledger *ledger) {
    return ledger->database;
}
int64_t ledger_instance(struct ledger *ledger) { return ledger->instance_id; }
bool ledger_has_block(const struct ledger *ledger) { return ledger->block != NULL; }
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
    if (good && from < ledger_sums_filled) good = ledger_sums_fill(database);
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
    struct text text = TEXT_IN_STRING(sql);
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

/* The same columns. */
static struct row_block *attempts_block_open(struct database *database) {
    struct row_shape shape = {
        .table = "attempts",
        .column_count = attempt_columns,
        .index_count = 2,
        .indexes = {{"attempts_caller_id", record_numbers + record_caller_id, .partial = true},
                    {"attempts_request_id", record_numbers + record_request_id, .from = 5, .len = 8}}};
    struct str *column = shape.columns;
    for (int i = 0; i < record_numbers; i++) *column++ = record_number_name((enum record_number)i);
    for (int i = 0; i < record_texts; i++) *column++ = record_text_name((enum record_text)i);
    for (int i = 0; i < record_words; i++) *column++ = record_word_name((enum record_word)i);
    return row_block_open(database, &shape);
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
        database_care(ledger->database, database_careful) && add_prepare(ledger) &&
        (ledger->sums = ledger_sums_open(ledger->database)) && (ledger->given = ledger_given_open(ledger->database)) &&
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
    ledger->names = memory_take_zeroed(names_kept * sizeof *ledger->names);
    ledger->charges = memory_take_zeroed(charges_kept * sizeof *ledger->charges);
    ledger->words = memory_take_zeroed(words_kept * sizeof *ledger->words);
    ledger->waiting = memory_take_zeroed(waiting_max * sizeof *ledger->waiting);
    ledger->waiting_charges = memory_take_zeroed(waiting_charges_max * sizeof *ledger->waiting_charges);
    ledger->block = attempts_block_open(ledger->database);
    good = ledger->waiting && ledger->waiting_charges && ledger->names && ledger->charges && ledger->words;
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
        ledger->add,       ledger->name_find,  ledger->name_add,     ledger->instance_find, ledger->instance_add,
        ledger->charge,    ledger->word_add,   ledger->word_tag_add, ledger->word_find,     ledger->word_stays,
        ledger->word_text, ledger->owner_part, ledger->tag_part,     ledger->charge_value};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) statement_end(statements[i]);
    ledger_sums_close(ledger->sums);
    ledger_given_close(ledger->given);
    row_block_close(ledger->block);
    database_close(ledger->database);
    memory_give(ledger->names);
    memory_give(ledger->charges);
    memory_give(ledger->waiting);
    memory_give(ledger->waiting_charges);
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

static bool name_is_kept(const struct name_kept *kept, struct str name) {
    return kept->id > 0 && str_eq(str_make(kept->name, kept->len), name);
}

static int64_t name_id(struct ledger *ledger, struct str name) {
    struct name_kept *kept = &ledger->names[str_hash(name) % names_kept];
    if (name.len > record_text_most) name.len = record_text_most;
    if (name_is_kept(kept, name)) return kept->id;
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
    if (kept->id > 0 && stays && !kept->stays && !(kept->stays = word_keep(ledger, kept->id))) return -1;
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
    CHECK(ledger->add && ledger_sums_are_empty(ledger->sums));
    return database_begin(ledger->database) && ledger_look(ledger);
}

enum { worker_bits = 6, sequence_bits = 38 };
int64_t ledger_attempt_last(int64_t id) { return id | (((int64_t)1 << sequence_bits) - 1); }
int64_t ledger_process_first(int64_t process) { return process << (worker_bits + sequence_bits); }
int64_t ledger_attempt_process(int64_t id) { return id >> (worker_bits + sequence_bits); }
int64_t ledger_attempt_first(int64_t id) { return ledger_process_first(ledger_attempt_process(id)); }

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

static bool charges_note(struct ledger *ledger, int64_t cost, const struct record_charge *charges, size_t count) {
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        const struct record_charge *charge = &charges[i];
        const struct record_charge of = {charge->budget, record_charge_window(charge)};
        struct hash_tag value = {{0, 0}};
        int64_t units = record_charge_units(charge), amount = units ? units : cost;
        if (record_charge_has_value(charge) && ++i < count) value = record_charge_value(charge);
        if (amount <= 0 || i == count) continue;
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

/* -- an attempt's row -- */

static struct row_value row_number_of(int64_t number) {
    return (struct row_value){.kind = database_number, .number = number};
}

/* The number of a text that is a name, of an owner with its parts; 0: a failure. */
static int64_t attempt_name_id(struct ledger *ledger, enum record_text text, struct str name) {
    struct name_kept *last = ledger->last_names[text];
    if (last && (text != record_owner || last->parted) && name_is_kept(last, name)) return last->id;
    const int64_t id = name_id(ledger, name);
    if (id <= 0 || (text == record_owner && !owner_parts_note(ledger, id, name))) return 0;
    ledger->last_names[text] = &ledger->names[str_hash(name) % names_kept];
    return id;
}

/* Of a client that was purged its tombstone, and no ids. What stands for the names; false: a failure. */
static bool attempt_texts(struct ledger *ledger, const struct record *record, struct str tombstone,
                          struct row_value values[record_texts], int64_t ids[record_texts]) {
    char path[erased_path_max];
    for (int i = 0; i < record_texts; i++) {
        struct str text = record->texts[i];
        if (tombstone.len && (i == record_request_id || i == record_caller_id)) text = STR("");
        if (tombstone.len && i == record_client) text = tombstone;
        if (i == record_owner) text = erasures_path(&ledger->erasures, text, record->numbers[record_time_ms], path);
        const bool may_lack = i > record_route;
        ids[i] = 0;
        values[i] = (struct row_value){.kind = database_null, .bytes = text};
        if (i == record_metered) { /* without a byte: nothing was said, which is known */
            if (text.at) values[i].kind = database_bytes;
        } else if (!text.len && may_lack) {
            continue;
        } else if (!record_text_is_name((enum record_text)i)) {
            values[i].kind = database_text;
        } else {
            ids[i] = attempt_name_id(ledger, (enum record_text)i, text);
            if (!ids[i]) return false;
            values[i] = row_number_of(ids[i]);
        }
    }
    return true;
}

static bool attempt_words(struct ledger *ledger, const struct record *record, bool purged,
                          struct row_value values[record_words], int64_t words[record_words]) {
    for (int i = 0; i < record_words; i++) {
        words[i] = purged ? 0 : word_id(ledger, &record->words[i], i != record_session);
        if (words[i] < 0 || (i == record_tags && !tag_parts_note(ledger, words[i], &record->words[i]))) return false;
        values[i] = words[i] ? row_number_of(words[i]) : (struct row_value){.kind = database_null};
    }
    return true;
}

/* Its row, in the order of the record's tables, and what it is summed by. */
static bool attempt_values(struct ledger *ledger, const struct record *record, struct row_value values[attempt_columns],
                           int64_t names[usage_names]) {
    int64_t ids[record_texts], words[record_words];
    const struct str tombstone =
        erasures_name(&ledger->erasures, record->texts[record_client], record->numbers[record_time_ms]);
    for (size_t i = 0; i < record_numbers; i++) {
        values[i] = row_number_of(record->numbers[i]);
        if (record->numbers[i] < 0) values[i].kind = database_null;
    }
    if (!attempt_texts(ledger, record, tombstone, values + record_numbers, ids) ||
        !attempt_words(ledger, record, tombstone.len > 0, values + record_numbers + record_texts, words))
        return false;
    names[usage_name_provider] = ids[record_provider];
    names[usage_name_model] = ids[record_model];
    names[usage_name_client] = ids[record_client];
    names[usage_name_route] = ids[record_route];
    names[usage_name_owner] = ids[record_owner];
    names[usage_name_rule] = ids[record_rule];
    names[usage_name_asked] = words[record_asked];
    names[usage_name_tags] = words[record_tags];
    names[usage_name_session] = words[record_session];
    return true;
}

static void attempt_bind(struct statement *add, int64_t id, const struct record *record,
                         const struct row_value values[attempt_columns]) {
    param_number(add, 1, id);
    param_counts(add, 2, record->numbers, record_numbers);
    for (int i = record_numbers; i < attempt_columns; i++) {
        const struct row_value *value = &values[i];
        switch (value->kind) {
        case database_number: param_number(add, i + 2, value->number); break;
        case database_text: param_text(add, i + 2, value->bytes); break;
        case database_bytes: param_bytes(add, i + 2, value->bytes.at, value->bytes.len); break;
        default: param_null(add, i + 2);
        }
    }
}

/* -- those that are on their way -- */

static void waiting_clear(struct ledger *ledger) { ledger->waiting_count = ledger->waiting_charge_count = 0; }

/* Those that were not there before count. */
static bool attempts_settle(struct ledger *ledger) {
    const size_t count = ledger->waiting_count;
    bool added[row_block_rows_max] = {false}, good = database_settle(ledger->database);
    size_t in_block = 0;
    good = good && (!ledger->block || row_block_send(ledger->block, added));
    waiting_clear(ledger);
    for (size_t i = 0; i < count && good; i++) {
        const struct attempt_waiting *waiting = &ledger->waiting[i];
        if (waiting->in_block ? !added[in_block++] : waiting->changes != 1) continue;
        good = ledger_sums_note(ledger->sums, waiting->numbers, waiting->names) &&
               charges_note(ledger, waiting->numbers[record_cost_nano_usd], &ledger->waiting_charges[waiting->charges],
                            waiting->charge_count);
    }
    return good;
}

static bool waiting_has_room(const struct ledger *ledger, const struct record *record) {
    return ledger->waiting_count < waiting_max &&
           ledger->waiting_charge_count + record->charge_count <= waiting_charges_max;
}

/* There is room. */
static struct attempt_waiting *attempt_wait(struct ledger *ledger, const struct record *record,
                                            const int64_t names[usage_names]) {
    struct attempt_waiting *waiting = &ledger->waiting[ledger->waiting_count++];
    waiting->in_block = false;
    waiting->changes = 0;
    waiting->charges = ledger->waiting_charge_count;
    waiting->charge_count = record->charge_count;
    memcpy(waiting->numbers, record->numbers, sizeof waiting->numbers);
    memcpy(waiting->names, names, sizeof waiting->names);
    if (record->charge_count)
        memcpy(&ledger->waiting_charges[waiting->charges], record->charges,
               record->charge_count * sizeof *record->charges);
    ledger->waiting_charge_count += record->charge_count;
    return waiting;
}

/* false: those before it failed. */
static bool attempt_in_block(struct ledger *ledger, int64_t id, const struct row_value values[attempt_columns],
                             enum row_put *put) {
    *put = ledger->block ? row_block_put(ledger->block, id, values) : row_is_odd;
    if (*put != row_finds_no_room) return true;
    if (!attempts_settle(ledger)) return false;
    *put = row_block_put(ledger->block, id, values);
    return *put != row_finds_no_room;
}

static bool attempt_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    struct row_value values[attempt_columns];
    int64_t names[usage_names], instance = instance_id(ledger, source.instance);
    enum row_put put;
    if (instance <= 0 || !attempt_values(ledger, record, values, names)) return false;
    if (!waiting_has_room(ledger, record) && !attempts_settle(ledger)) return false;
    const int64_t id = attempt_id(instance, source.worker, record->sequence);
    if (!attempt_in_block(ledger, id, values, &put)) return false;
    struct attempt_waiting *waiting = attempt_wait(ledger, record, names);
    waiting->in_block = put == row_is_put;
    if (waiting->in_block) return true;
    attempt_bind(ledger->add, id, record, values);
    return statement_send(ledger->add, &waiting->changes);
}

/* Of what is more than it was told before. */
static bool given_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    struct row_value values[attempt_columns];
    int64_t names[usage_names], more[record_givens], instance = instance_id(ledger, source.instance);
    const int64_t time_ms = record->numbers[record_time_ms];
    bool any;
    if (instance <= 0 || !attempt_values(ledger, record, values, names)) return false;
    const int64_t id = attempt_id(instance, source.worker, record->sequence);
    return ledger_given_note(ledger->given, id, time_ms, record->given, more, &any) &&
           (!any || ledger_sums_give(ledger->sums, time_ms, more, names));
}

bool ledger_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    if (record->kind == record_of_given) return given_add(ledger, source, record);
    if (record->kind == record_of_word) return word_note(ledger, source, &record->words[0]);
    return attempt_add(ledger, source, record);
}

bool ledger_commit(struct ledger *ledger) {
    return attempts_settle(ledger) && ledger_sums_write(ledger->sums) && charges_write(ledger) &&
           database_commit(ledger->database);
}

void ledger_shrink(struct ledger *ledger) { database_shrink(ledger->database); }

void ledger_undo(struct ledger *ledger) {
    database_undo(ledger->database);
    waiting_clear(ledger);
    if (ledger->block) row_block_clear(ledger->block);
    ledger_sums_clear(ledger->sums);
    ledger->instance_id = 0; /* the names that were added are gone with it */
    memset(ledger->names, 0, names_kept * sizeof *ledger->names);
    memset(ledger->charges, 0, charges_kept * sizeof *ledger->charges);
    memset(ledger->words, 0, words_kept * sizeof *ledger->words);
}
