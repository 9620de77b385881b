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

/* From version n to n + 1 each, in one transaction. */
static const char *const migrations[] = {
    "CREATE TABLE schema_versions(version INTEGER PRIMARY KEY, migrated_s INTEGER NOT NULL);"
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE instances(id INTEGER PRIMARY KEY, instance INTEGER NOT NULL UNIQUE);"
    "CREATE TABLE attempts(id INTEGER PRIMARY KEY, "
    "time_ms INTEGER, attempt INTEGER, status INTEGER, flags INTEGER, duration_us INTEGER, first_token_us INTEGER, "
    "input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, cache_write_tokens INTEGER, "
    "reasoning_tokens INTEGER, cost_nano_usd INTEGER, request_id TEXT, endpoint INTEGER, outcome INTEGER, "
    "provider INTEGER, model INTEGER, client INTEGER, route INTEGER);"
    "CREATE TABLE budgets(budget INTEGER NOT NULL, window_s INTEGER NOT NULL, nano_usd INTEGER NOT NULL, "
    "PRIMARY KEY(budget, window_s)) WITHOUT ROWID;"
    "CREATE TABLE usage(hour INTEGER NOT NULL, provider INTEGER NOT NULL, model INTEGER NOT NULL, "
    "client INTEGER NOT NULL, route INTEGER NOT NULL, requests INTEGER NOT NULL, attempts INTEGER NOT NULL, "
    "errors INTEGER NOT NULL, cancelled INTEGER NOT NULL, estimated INTEGER NOT NULL, lost INTEGER NOT NULL, "
    "unpriced INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, "
    "cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, "
    "cost_nano_usd INTEGER NOT NULL, duration_us INTEGER NOT NULL, durations BLOB NOT NULL, "
    "first_tokens BLOB NOT NULL, PRIMARY KEY(hour, provider, model, client, route)) WITHOUT ROWID;",
    /* audit.h says what stands there. */
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, action TEXT NOT NULL, "
    "outcome TEXT NOT NULL, actor BLOB, address BLOB, subject BLOB, detail BLOB, request_id TEXT NOT NULL, "
    "head BLOB NOT NULL);"
    "CREATE TABLE audit_words(hash BLOB PRIMARY KEY, salt BLOB NOT NULL, word TEXT NOT NULL UNIQUE) WITHOUT ROWID;",
    /* ledger_erase.h: which clients were purged, and up to when. */
    "CREATE TABLE erased(salt BLOB NOT NULL, hash BLOB NOT NULL, until_ms INTEGER NOT NULL, tombstone TEXT NOT NULL);",
    "CREATE TABLE alerts(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, said TEXT NOT NULL, "
    "permille INTEGER NOT NULL, window_s INTEGER NOT NULL, raised_ms INTEGER NOT NULL, ended_ms INTEGER, "
    "owed INTEGER NOT NULL);",
    "CREATE TABLE clients(number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, settings TEXT NOT NULL, "
    "of_file INTEGER NOT NULL, revoked INTEGER NOT NULL, id BLOB NOT NULL, digest BLOB, previous BLOB, "
    "previous_until_s INTEGER NOT NULL, made_s INTEGER NOT NULL, changed_s INTEGER NOT NULL, "
    "rotated_s INTEGER NOT NULL, UNIQUE(name, of_file));"
    "CREATE TABLE client_seal(seal BLOB NOT NULL);",
    "CREATE TABLE budget_extras(budget INTEGER NOT NULL, kind INTEGER NOT NULL, nano_usd INTEGER NOT NULL, "
    "until_s INTEGER NOT NULL, PRIMARY KEY(budget, kind)) WITHOUT ROWID;",
};
enum { ledger_version = sizeof migrations / sizeof *migrations };

/* A file that is being made holds nothing that could be lost: it is made without waiting for the disk. */
static const char pragmas_new[] = "PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL;";
static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048;";

enum { groups_max = 64, names_kept = 256, charges_kept = 256 };

/* What one hour, provider, model, client and route have gathered since the last transaction. */
struct usage_group {
    int64_t hour, names[usage_names];
    int64_t sums[usage_sums];
    struct histogram durations, first_tokens;
};

/* The id of a name that was looked up; a place for each hash. */
struct name_kept {
    int64_t id;
    size_t len;
    char name[record_text_most];
};

/* What one budget's window has been charged since the last transaction; a place for each hash. */
struct charge_sum {
    struct record_charge of;
    int64_t nano_usd; /* of a quota: units; 0: nobody's place */
};

struct ledger {
    sqlite3 *sqlite;
    sqlite3_stmt *add, *name_find, *name_add, *instance_find, *instance_add, *usage_add, *forget, *charge, *changes;
    struct usage_group *groups;
    size_t group_count;
    struct name_kept *names;
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
        good = ledger_run(sqlite, migrations[i]) && ledger_run(sqlite, noted);
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
    text_put(&text, STR(") VALUES(?1"));
    for (int i = 1; i < 1 + record_numbers + record_texts; i++) text_printf(&text, ", ?%d", i + 1);
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
    char sql[2048];
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    text_put(&text, STR("INSERT INTO usage(hour, provider, model, client, route, durations, first_tokens"));
    for (size_t i = 0; i < usage_sums; i++) text_printf(&text, ", %s", names[i]);
    text_put(&text, STR(") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7"));
    for (int i = 0; i < usage_sums; i++) text_printf(&text, ", ?%d", i + 8);
    text_put(&text, STR(") ON CONFLICT DO UPDATE SET durations = durations_both(durations, excluded.durations), "
                        "first_tokens = durations_both(first_tokens, excluded.first_tokens)"));
    for (size_t i = 0; i < usage_sums; i++)
        text_printf(&text, ", %s = numbers_both(%s, excluded.%s)", names[i], names[i], names[i]);
    CHECK(!text.failed);
    sql[text.len] = 0;
    return ledger_prepare(ledger, sql, &ledger->usage_add);
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
                               &ledger->charge);
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
    ledger->names = memory_take_zeroed(names_kept * sizeof *ledger->names);
    ledger->charges = memory_take_zeroed(charges_kept * sizeof *ledger->charges);
    if (ledger->groups && ledger->names && ledger->charges) return true;
    snprintf(problem, size, "no memory for the ledger");
    return false;
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

struct ledger *ledger_open_to_read(const char *path, char *problem, size_t size) {
    return ledger_connect(path, SQLITE_OPEN_READWRITE, problem, size); /* SQLite's shared memory wants to be written */
}

void ledger_close(struct ledger *ledger) {
    if (!ledger) return;
    sqlite3_stmt *const statements[] = {ledger->add,           ledger->name_find,    ledger->name_add,
                                        ledger->instance_find, ledger->instance_add, ledger->usage_add,
                                        ledger->forget,        ledger->charge,       ledger->changes};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) sqlite3_finalize(statements[i]);
    sqlite3_close(ledger->sqlite);
    memory_give(ledger->groups);
    memory_give(ledger->names);
    memory_give(ledger->charges);
    erasures_free(&ledger->erasures);
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

/* -- sums -- */

static bool group_write(struct ledger *ledger, const struct usage_group *group) {
    unsigned char durations[durations_bytes_max], first_tokens[durations_bytes_max];
    sqlite3_stmt *add = ledger->usage_add;
    size_t durations_len = durations_put(&group->durations, durations),
           first_len = durations_put(&group->first_tokens, first_tokens);
    sqlite3_bind_int64(add, 1, group->hour);
    for (int i = 0; i < usage_names; i++) sqlite3_bind_int64(add, i + 2, group->names[i]);
    sqlite3_bind_blob(add, 6, durations, (int)durations_len, SQLITE_STATIC);
    sqlite3_bind_blob(add, 7, first_tokens, (int)first_len, SQLITE_STATIC);
    for (int i = 0; i < usage_sums; i++) sqlite3_bind_int64(add, i + 8, group->sums[i]);
    bool good = sqlite3_step(add) == SQLITE_DONE;
    sqlite3_reset(add);
    sqlite3_clear_bindings(add);
    return good;
}

static bool groups_write(struct ledger *ledger) {
    bool good = true;
    for (size_t i = 0; i < ledger->group_count && good; i++) good = group_write(ledger, &ledger->groups[i]);
    ledger->group_count = 0;
    return good;
}

/* NULL: there was no place, and making one failed. */
static struct usage_group *usage_group_of(struct ledger *ledger, int64_t hour, const int64_t names[usage_names]) {
    for (size_t i = 0; i < ledger->group_count; i++) {
        struct usage_group *group = &ledger->groups[i];
        if (group->hour == hour && memcmp(group->names, names, sizeof group->names) == 0) return group;
    }
    if (ledger->group_count == groups_max && !groups_write(ledger)) return NULL;
    struct usage_group *group = &ledger->groups[ledger->group_count++];
    memset(group, 0, sizeof *group);
    group->hour = hour;
    memcpy(group->names, names, sizeof group->names);
    return group;
}

static int64_t ledger_count(int64_t number) { return number > 0 ? number : 0; }

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
    sums[usage_duration_us] = ledger_count(numbers[record_duration_us]);
}

static bool usage_note(struct ledger *ledger, const struct record *record, const int64_t ids[record_texts]) {
    const int64_t names[usage_names] = {ids[record_provider], ids[record_model], ids[record_client], ids[record_route]};
    int64_t sums[usage_sums];
    struct usage_group *group = usage_group_of(ledger, ledger_count(record->numbers[record_time_ms]) / 3600000, names);
    if (!group) return false;
    usage_of(record, sums);
    for (size_t i = 0; i < usage_sums; i++) group->sums[i] = ledger_sum(group->sums[i], sums[i]);
    if (record->numbers[record_duration_us] > 0)
        histogram_add(&group->durations, (uint64_t)record->numbers[record_duration_us]);
    if (record->numbers[record_first_token_us] > 0)
        histogram_add(&group->first_tokens, (uint64_t)record->numbers[record_first_token_us]);
    return true;
}

/* -- a transaction -- */

/* Has another connection changed something since? Then no name's id is known any more, and some may be purged. */
static bool ledger_look(struct ledger *ledger) {
    bool good = sqlite3_step(ledger->changes) == SQLITE_ROW;
    int64_t version = good ? sqlite3_column_int64(ledger->changes, 0) : 0;
    sqlite3_reset(ledger->changes);
    if (!good || version == ledger->changes_seen) return good;
    memset(ledger->names, 0, names_kept * sizeof *ledger->names);
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

bool ledger_add(struct ledger *ledger, struct journal_source source, const struct record *record) {
    int64_t ids[record_texts] = {0};
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
    for (int i = 0; i < record_texts; i++) {
        struct str text = record->texts[i];
        if (tombstone.len && i == record_request_id) text = STR("");
        if (tombstone.len && i == record_client) text = tombstone;
        if (i == record_request_id) {
            sqlite3_bind_text(add, at++, text.len ? text.at : "", (int)text.len, SQLITE_STATIC);
            continue;
        }
        ids[i] = name_id(ledger, text);
        if (ids[i] <= 0) return false;
        sqlite3_bind_int64(add, at++, ids[i]);
    }
    bool good = sqlite3_step(add) == SQLITE_DONE;
    bool fresh = good && sqlite3_changes(ledger->sqlite) == 1;
    sqlite3_reset(add);
    return good && (!fresh || (usage_note(ledger, record, ids) && charges_note(ledger, record)));
}

bool ledger_commit(struct ledger *ledger) {
    return groups_write(ledger) && charges_write(ledger) && ledger_run(ledger->sqlite, "COMMIT");
}

void ledger_undo(struct ledger *ledger) {
    (void)ledger_run(ledger->sqlite, "ROLLBACK");
    ledger->group_count = 0;
    ledger->instance_id = 0; /* the names that were added are gone with it */
    memset(ledger->names, 0, names_kept * sizeof *ledger->names);
    memset(ledger->charges, 0, charges_kept * sizeof *ledger->charges);
}

int64_t ledger_forget(struct ledger *ledger, int64_t before_ms) {
    sqlite3_bind_int64(ledger->forget, 1, before_ms);
    bool good = sqlite3_step(ledger->forget) == SQLITE_DONE;
    int64_t gone = good ? sqlite3_changes64(ledger->sqlite) : -1;
    sqlite3_reset(ledger->forget);
    return gone;
}
