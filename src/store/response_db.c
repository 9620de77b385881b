/* response_db.c - the statements behind response_db.h. */
#include "store/response_db_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/sqlite_file.h"

enum statement {
    statement_put,
    statement_response,
    statement_input,
    statement_link,
    statement_remove,
    statement_forget,
    statement_client_bytes,
    statement_all_bytes,
    statement_client_oldest,
    statement_oldest,
    statement_client_turn,
    statement_turn,
    statement_forget_turns,
    statements
};

static const char *const sql[statements] = {
    [statement_put] = "INSERT INTO responses(client, id, created_s, previous, input, output, response, bytes) "
                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [statement_response] = "SELECT response FROM responses WHERE client = ?1 AND id = ?2",
    [statement_input] = "SELECT input FROM responses WHERE client = ?1 AND id = ?2",
    [statement_link] =
        "SELECT rowid, previous, length(CAST(input AS BLOB)) + length(CAST(output AS BLOB)) FROM responses "
        "WHERE client = ?1 AND id = ?2", /* bytes, not characters */
    [statement_remove] = "DELETE FROM responses WHERE client = ?1 AND id = ?2",
    [statement_forget] = "DELETE FROM responses WHERE created_s < ?1",
    [statement_client_bytes] = "SELECT bytes FROM response_sizes WHERE client = ?1",
    [statement_all_bytes] = "SELECT bytes FROM response_total",
    /* Of responses and turns the older; where a turn is that, this removes nothing. */
    [statement_client_oldest] =
        "DELETE FROM responses WHERE rowid = (SELECT rowid FROM responses WHERE client = ?1 ORDER BY created_s, rowid "
        "LIMIT 1) AND created_s <= coalesce((SELECT t.created_s FROM turns t WHERE t.client = ?1 ORDER BY t.seq "
        "LIMIT 1), created_s)",
    [statement_oldest] =
        "DELETE FROM responses WHERE rowid = (SELECT rowid FROM responses ORDER BY created_s, rowid LIMIT 1) AND "
        "created_s <= coalesce((SELECT t.created_s FROM turns t ORDER BY t.seq LIMIT 1), created_s)",
    [statement_client_turn] =
        "DELETE FROM turns WHERE seq = (SELECT seq FROM turns WHERE client = ?1 ORDER BY seq LIMIT 1)",
    [statement_turn] = "DELETE FROM turns WHERE seq = (SELECT seq FROM turns ORDER BY seq LIMIT 1)",
    [statement_forget_turns] = "DELETE FROM turns WHERE created_s < ?1",
};

/* What is forgotten, or gives way, leaves no words either. */
static const char pragmas[] = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024; PRAGMA secure_delete = ON;";

/* From version n to n + 1 each, in one transaction; `PRAGMA user_version` says which came last. The sums are kept by
 * triggers, whoever removes rows: no insertion reads more than one row of each. */
static const char *const migrations[] = {
    "CREATE TABLE IF NOT EXISTS responses(client TEXT NOT NULL, id TEXT NOT NULL, created_s INTEGER NOT NULL, "
    "previous TEXT NOT NULL, input TEXT NOT NULL, output TEXT NOT NULL, response TEXT NOT NULL, "
    "PRIMARY KEY(client, id));"
    "CREATE INDEX IF NOT EXISTS responses_by_age ON responses(created_s);"
    "PRAGMA user_version = 1;",
    "ALTER TABLE responses ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "UPDATE responses SET bytes = length(CAST(client AS BLOB)) + length(CAST(id AS BLOB)) + "
    "length(CAST(previous AS BLOB)) + length(CAST(input AS BLOB)) + length(CAST(output AS BLOB)) + "
    "length(CAST(response AS BLOB));"
    "CREATE INDEX responses_by_client_and_age ON responses(client, created_s);"
    "CREATE TABLE response_sizes(client TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO response_sizes SELECT client, sum(bytes) FROM responses GROUP BY client;"
    "CREATE TABLE response_total(bytes INTEGER NOT NULL);"
    "INSERT INTO response_total SELECT coalesce(sum(bytes), 0) FROM responses;"
    "CREATE TRIGGER response_added AFTER INSERT ON responses BEGIN "
    "INSERT INTO response_sizes VALUES(new.client, new.bytes) "
    "ON CONFLICT(client) DO UPDATE SET bytes = bytes + excluded.bytes;"
    "UPDATE response_total SET bytes = bytes + new.bytes; END;"
    "CREATE TRIGGER response_gone AFTER DELETE ON responses BEGIN "
    "UPDATE response_sizes SET bytes = bytes - old.bytes WHERE client = old.client;"
    "DELETE FROM response_sizes WHERE client = old.client AND bytes <= 0;"
    "UPDATE response_total SET bytes = bytes - old.bytes; END;"
    "PRAGMA user_version = 2;",
    "CREATE TABLE conversations(client TEXT NOT NULL, id TEXT NOT NULL, session TEXT NOT NULL, "
    "created_s INTEGER NOT NULL, updated_s INTEGER NOT NULL, turns INTEGER NOT NULL, bytes INTEGER NOT NULL, "
    "PRIMARY KEY(client, id)) WITHOUT ROWID;"
    "CREATE INDEX conversations_by_time ON conversations(client, updated_s, id);"
    "CREATE TABLE turns(seq INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT NOT NULL, conversation TEXT NOT NULL, "
    "request_id TEXT NOT NULL, created_s INTEGER NOT NULL, session TEXT NOT NULL, api TEXT NOT NULL, "
    "model TEXT NOT NULL, cut INTEGER NOT NULL, answer_id TEXT NOT NULL, link BLOB NOT NULL, messages TEXT NOT NULL, "
    "answer TEXT NOT NULL, alternatives TEXT NOT NULL, bytes INTEGER NOT NULL);"
    "CREATE INDEX turns_by_conversation ON turns(client, conversation, seq);"
    "CREATE INDEX turns_by_link ON turns(client, link);"
    "CREATE INDEX turns_by_answer ON turns(client, answer_id) WHERE answer_id > '';"
    "CREATE INDEX turns_by_age ON turns(created_s);"
    "CREATE INDEX turns_by_client ON turns(client);"
    "CREATE TRIGGER turn_added AFTER INSERT ON turns BEGIN "
    "INSERT INTO conversations VALUES(new.client, new.conversation, new.session, new.created_s, new.created_s, 1, "
    "new.bytes) ON CONFLICT(client, id) DO UPDATE SET turns = turns + 1, bytes = bytes + excluded.bytes, "
    "updated_s = max(updated_s, excluded.updated_s);"
    "INSERT INTO response_sizes VALUES(new.client, new.bytes) "
    "ON CONFLICT(client) DO UPDATE SET bytes = bytes + excluded.bytes;"
    "UPDATE response_total SET bytes = bytes + new.bytes; END;"
    "CREATE TRIGGER turn_gone AFTER DELETE ON turns BEGIN "
    "UPDATE conversations SET turns = turns - 1, bytes = bytes - old.bytes "
    "WHERE client = old.client AND id = old.conversation;"
    "DELETE FROM conversations WHERE client = old.client AND id = old.conversation AND turns <= 0;"
    "UPDATE response_sizes SET bytes = bytes - old.bytes WHERE client = old.client;"
    "DELETE FROM response_sizes WHERE client = old.client AND bytes <= 0;"
    "UPDATE response_total SET bytes = bytes - old.bytes; END;"
    "PRAGMA user_version = 3;",
};
enum { migration_count = sizeof migrations / sizeof *migrations };

struct response_db {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[statements];
};

void response_db_problem(sqlite3 *sqlite, char *problem, size_t size) {
    snprintf(problem, size, "%s", sqlite ? sqlite3_errmsg(sqlite) : "out of memory");
}

sqlite3 *response_db_sqlite(struct response_db *db) { return db->sqlite; }

bool response_db_run(sqlite3 *sqlite, const char *statement) {
    return sqlite3_exec(sqlite, statement, NULL, NULL, NULL) == SQLITE_OK;
}

static int version_of(sqlite3 *sqlite) {
    sqlite3_stmt *statement = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(sqlite, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

/* A file of a later version keeps what it has: the statements say whether they can do with it. */
static bool migrate(sqlite3 *sqlite) {
    if (!response_db_run(sqlite, "BEGIN IMMEDIATE")) return false;
    int version = version_of(sqlite);
    bool good = version >= 0;
    for (int i = version; i >= 0 && i < migration_count && good; i++) good = response_db_run(sqlite, migrations[i]);
    if (good && response_db_run(sqlite, "COMMIT")) return true;
    if (!sqlite3_get_autocommit(sqlite)) (void)response_db_run(sqlite, "ROLLBACK");
    return false;
}

struct response_db *response_db_open(const char *path, char *problem, size_t size) {
    struct response_db *db = memory_take_zeroed(sizeof *db);
    if (!db) {
        response_db_problem(NULL, problem, size);
        return NULL;
    }
    bool good = sqlite_file_open(path, true, &db->sqlite) && sqlite_file_log(db->sqlite) &&
                response_db_run(db->sqlite, pragmas) && migrate(db->sqlite);
    for (unsigned i = 0; i < statements && good; i++)
        good = sqlite3_prepare_v3(db->sqlite, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL) ==
               SQLITE_OK;
    if (good) return db;
    response_db_problem(db->sqlite, problem, size);
    response_db_close(db);
    return NULL;
}

bool response_db_peek(const char *path, bool *any, bool *of_clients, char *problem, size_t size) {
    static const char look[] =
        "SELECT EXISTS(SELECT 1 FROM responses), EXISTS(SELECT 1 FROM responses WHERE client > '')";
    sqlite3 *sqlite = NULL;
    sqlite3_stmt *statement = NULL;
    bool good = sqlite_file_open(path, false, &sqlite) &&
                sqlite3_prepare_v2(sqlite, look, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW;
    if (good) {
        *any = sqlite3_column_int(statement, 0) != 0;
        *of_clients = sqlite3_column_int(statement, 1) != 0;
    } else {
        response_db_problem(sqlite, problem, size);
    }
    sqlite3_finalize(statement);
    sqlite3_close(sqlite);
    return good;
}

void response_db_hurry(struct response_db *db) { sqlite3_busy_timeout(db->sqlite, 500); }

void response_db_close(struct response_db *db) {
    if (!db) return;
    for (unsigned i = 0; i < statements; i++) sqlite3_finalize(db->statements[i]);
    int closed = sqlite3_close(db->sqlite);
    CHECKF(closed == SQLITE_OK, "closed=%d", closed); /* else a statement of ours is still open */
    memory_give(db);
}

void response_db_bind(sqlite3_stmt *statement, int place, struct str value) {
    sqlite3_bind_text64(statement, place, value.at ? value.at : "", value.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Whoever used it last has ended it: two uses at once would read each other's rows. */
static sqlite3_stmt *statement_of(struct response_db *db, enum statement which) {
    CHECKF((unsigned)which < statements, "which=%d", (int)which);
    sqlite3_stmt *statement = db->statements[which];
    CHECKF(!sqlite3_stmt_busy(statement), "which=%d", (int)which);
    return statement;
}

static sqlite3_stmt *response_db_begin(struct response_db *db, enum statement which, struct str client, struct str id) {
    sqlite3_stmt *statement = statement_of(db, which);
    CHECKF(sqlite3_bind_parameter_count(statement) >= 2, "which=%d", (int)which);
    response_db_bind(statement, 1, client);
    response_db_bind(statement, 2, id);
    return statement;
}

static void response_db_end(sqlite3_stmt *statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

struct str response_db_column(sqlite3_stmt *statement, int place) {
    const char *at = (const char *)sqlite3_column_text(statement, place);
    return at ? str_make(at, (size_t)sqlite3_column_bytes(statement, place)) : STR("");
}

/* -1: it could not be read. */
static int64_t bytes_of(struct response_db *db, enum statement which, struct str client) {
    sqlite3_stmt *statement = statement_of(db, which);
    CHECKF(which == statement_client_bytes || which == statement_all_bytes, "which=%d", (int)which);
    if (which == statement_client_bytes) response_db_bind(statement, 1, client);
    int step = sqlite3_step(statement);
    int64_t bytes = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : step == SQLITE_DONE ? 0 : -1;
    response_db_end(statement);
    return bytes;
}

/* The oldest goes, of responses and turns. false: there is none, or it cannot be. */
static bool oldest_remove(struct response_db *db, enum statement response, enum statement turn, struct str client) {
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement = statement_of(db, i == 0 ? response : turn);
        if (response == statement_client_oldest) response_db_bind(statement, 1, client);
        bool done = sqlite3_step(statement) == SQLITE_DONE, removed = done && sqlite3_changes(db->sqlite) > 0;
        response_db_end(statement);
        if (!done || removed) return removed;
    }
    return false;
}

/* Removes the oldest until `bytes` more fit below `most`. */
static bool room_make(struct response_db *db, bool of_client, struct str client, int64_t most, int64_t bytes) {
    CHECKF(bytes >= 0 && (most <= 0 || bytes <= most), "bytes=%lld most=%lld", (long long)bytes, (long long)most);
    for (int64_t held; most > 0;) {
        if ((held = bytes_of(db, of_client ? statement_client_bytes : statement_all_bytes, client)) < 0) return false;
        if (held + bytes <= most) return true;
        if (!oldest_remove(db, of_client ? statement_client_oldest : statement_oldest,
                           of_client ? statement_client_turn : statement_turn, client))
            return false;
    }
    return true;
}

bool response_db_room(struct response_db *db, const struct response_limits *limits, struct str client, int64_t bytes) {
    return room_make(db, true, client, limits->client_bytes_max, bytes) &&
           room_make(db, false, STR(""), limits->bytes_max, bytes);
}

bool response_db_fits(const struct response_limits *limits, int64_t bytes, char *problem, size_t size) {
    bool all = limits->bytes_max && bytes > limits->bytes_max;
    if (!all && (!limits->client_bytes_max || bytes <= limits->client_bytes_max)) return true;
    snprintf(problem, size, "it has %lld bytes, more than all that may be stored (responses.max_bytes%s)",
             (long long)bytes, all ? "" : "_per_client");
    return false;
}

static bool row_put(struct response_db *db, const struct stored_response *response, int64_t now_s, int64_t bytes) {
    sqlite3_stmt *statement = response_db_begin(db, statement_put, response->client, response->id);
    sqlite3_bind_int64(statement, 3, now_s);
    response_db_bind(statement, 4, response->previous);
    response_db_bind(statement, 5, response->input);
    response_db_bind(statement, 6, response->output);
    response_db_bind(statement, 7, response->response);
    sqlite3_bind_int64(statement, 8, bytes);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    response_db_end(statement);
    return good;
}

bool response_db_put(struct response_db *db, const struct stored_response *response,
                     const struct response_limits *limits, int64_t now_s, char *problem, size_t size) {
    int64_t bytes = (int64_t)stored_response_bytes(response);
    if (!response_db_fits(limits, bytes, problem, size)) return false;
    bool good = response_db_run(db->sqlite, "BEGIN IMMEDIATE");
    if (good) {
        sqlite3_stmt *same = response_db_begin(db, statement_remove, response->client, response->id);
        good = sqlite3_step(same) == SQLITE_DONE;
        response_db_end(same);
    }
    good = good && response_db_room(db, limits, response->client, bytes) && row_put(db, response, now_s, bytes) &&
           response_db_run(db->sqlite, "COMMIT");
    CHECK(!good || sqlite3_get_autocommit(db->sqlite));
    if (good) return true;
    response_db_problem(db->sqlite, problem, size);
    if (!sqlite3_get_autocommit(db->sqlite)) (void)response_db_run(db->sqlite, "ROLLBACK");
    return false;
}

enum stored response_db_get(struct response_db *db, struct str client, struct str id, const char *member,
                            struct text *text, char *problem, size_t size) {
    CHECKF(strcmp(member, "input") == 0 || strcmp(member, "response") == 0, "member=%s", member);
    sqlite3_stmt *statement =
        response_db_begin(db, strcmp(member, "input") == 0 ? statement_input : statement_response, client, id);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW) text_put(text, response_db_column(statement, 0));
    if (step != SQLITE_ROW && step != SQLITE_DONE) response_db_problem(db->sqlite, problem, size);
    response_db_end(statement);
    if (text->failed) snprintf(problem, size, "out of memory");
    return step == SQLITE_DONE ? stored_missing : step == SQLITE_ROW && !text->failed ? stored_found : stored_failed;
}

enum { links_max = 4096 };

/* Row ids from this response back to the first. */
static enum stored links_read(struct response_db *db, struct str client, struct str id, size_t most, int64_t *rows,
                              size_t *count, char *problem, size_t size) {
    char name[256];
    size_t bytes = 0;
    for (*count = 0; id.len; (*count)++) {
        sqlite3_stmt *statement = response_db_begin(db, statement_link, client, id);
        int step = sqlite3_step(statement);
        enum stored found = step == SQLITE_ROW ? stored_found : step == SQLITE_DONE ? stored_missing : stored_failed;
        if (found == stored_failed) response_db_problem(db->sqlite, problem, size);
        if (found == stored_found) {
            CHECKF(*count < links_max, "count=%zu", *count);
            rows[*count] = sqlite3_column_int64(statement, 0);
            bytes += (size_t)sqlite3_column_int64(statement, 2);
            str_copy(name, sizeof name, response_db_column(statement, 1));
        }
        response_db_end(statement);
        if (found != stored_found) return found;
        if (bytes > most || *count + 1 == links_max) {
            snprintf(problem, size, "The conversation before it is too long: begin a new one.");
            return stored_failed;
        }
        id = str_from(name);
    }
    return stored_found;
}

/* [a,b] without its brackets, behind what is there. */
static void response_db_items_put(struct text *text, struct str list) {
    struct str items = str_trim(str_slice(list, 1, list.len ? list.len - 1 : 0));
    if (!items.len) return;
    text_json_comma(text);
    text_put(text, items);
}

/* Of these rows, the last one's first. */
static enum stored history_put(struct response_db *db, const int64_t *rows, size_t count, struct text *text,
                               char *problem, size_t size) {
    sqlite3_stmt *items = NULL;
    bool good = sqlite3_prepare_v2(db->sqlite, "SELECT input, output FROM responses WHERE rowid = ?1", -1, &items,
                                   NULL) == SQLITE_OK;
    text_put_byte(text, '[');
    for (size_t i = count; i-- > 0 && good;) {
        sqlite3_bind_int64(items, 1, rows[i]);
        good = sqlite3_step(items) == SQLITE_ROW;
        response_db_items_put(text, response_db_column(items, 0));
        response_db_items_put(text, response_db_column(items, 1));
        if (good) sqlite3_reset(items);
    }
    text_put_byte(text, ']');
    if (!good)
        response_db_problem(db->sqlite, problem, size);
    else if (text->failed)
        snprintf(problem, size, "out of memory");
    sqlite3_finalize(items);
    return good && !text->failed ? stored_found : stored_failed;
}

enum stored response_db_history(struct response_db *db, struct str client, struct str id, size_t most,
                                struct text *text, char *problem, size_t size) {
    size_t count = 0;
    int64_t *rows = memory_take(links_max * sizeof *rows);
    enum stored found = stored_failed;
    if (!rows)
        snprintf(problem, size, "out of memory");
    else
        found = links_read(db, client, id, most, rows, &count, problem, size);
    if (found == stored_found) found = history_put(db, rows, count, text, problem, size);
    memory_give(rows);
    return found;
}

enum stored response_db_remove(struct response_db *db, struct str client, struct str id, char *problem, size_t size) {
    sqlite3_stmt *statement = response_db_begin(db, statement_remove, client, id);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    if (!good) response_db_problem(db->sqlite, problem, size);
    response_db_end(statement);
    return !good ? stored_failed : sqlite3_changes(db->sqlite) ? stored_found : stored_missing;
}

int64_t response_db_forget(struct response_db *db, int64_t before_s, char *problem, size_t size) {
    static const enum statement both[] = {statement_forget, statement_forget_turns};
    int64_t gone = 0;
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement = statement_of(db, both[i]);
        sqlite3_bind_int64(statement, 1, before_s);
        bool good = sqlite3_step(statement) == SQLITE_DONE;
        if (!good) response_db_problem(db->sqlite, problem, size);
        response_db_end(statement);
        if (!good) return -1;
        gone += sqlite3_changes(db->sqlite);
    }
    return gone;
}

/* -- all of one client's -- */

int64_t response_db_purge(struct response_db *db, struct str client, char *problem, size_t size) {
    static const char *const deletes[] = {"DELETE FROM responses WHERE client = ?1",
                                          "DELETE FROM turns WHERE client = ?1"};
    int64_t gone = 0;
    for (int i = 0; i < 2 && gone >= 0; i++) {
        sqlite3_stmt *statement = NULL;
        bool good = sqlite3_prepare_v2(db->sqlite, deletes[i], -1, &statement, NULL) == SQLITE_OK;
        if (good) response_db_bind(statement, 1, client);
        good = good && sqlite3_step(statement) == SQLITE_DONE;
        gone = good ? gone + sqlite3_changes64(db->sqlite) : -1;
        if (!good) response_db_problem(db->sqlite, problem, size);
        sqlite3_finalize(statement);
    }
    (void)response_db_run(db->sqlite, "PRAGMA wal_checkpoint(TRUNCATE)"); /* else soon, by who writes next */
    return gone;
}

/* What it holds is JSON already. */
static void response_db_line_put(sqlite3_stmt *row, struct text *text) {
    static const struct str members[] = {STR("input"), STR("output"), STR("response")};
    text_put(text, STR("{\"kind\":\"response\""));
    text_json_str(text, STR("id"), response_db_column(row, 0));
    text_json_i64(text, STR("created_s"), sqlite3_column_int64(row, 1));
    text_json_str(text, STR("previous"), response_db_column(row, 2));
    for (int i = 0; i < 3; i++) {
        struct str value = response_db_column(row, i + 3);
        text_json_key(text, members[i]);
        text_put(text, value.len ? value : STR("null"));
    }
    text_put(text, STR("}\n"));
}

bool response_db_export(struct response_db *db, struct str client, bool (*put)(void *context, struct str line),
                        void *context, char *problem, size_t size) {
    static const char select[] = "SELECT id, created_s, previous, input, output, response FROM responses "
                                 "WHERE client = ?1 ORDER BY created_s, rowid";
    sqlite3_stmt *rows = NULL;
    struct arena arena;
    int step = SQLITE_ERROR;
    arena_init(&arena, 64 * 1024, 256 * 1024 * 1024);
    problem[0] = 0;
    bool good = sqlite3_prepare_v2(db->sqlite, select, -1, &rows, NULL) == SQLITE_OK;
    if (good) response_db_bind(rows, 1, client);
    while (good && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        struct text text = text_in_arena(&arena, 64 * 1024);
        response_db_line_put(rows, &text);
        good = !text.failed && put(context, text_str(&text));
        arena_reset(&arena);
    }
    bool read = step == SQLITE_DONE;
    if (!read && step != SQLITE_ROW) response_db_problem(db->sqlite, problem, size);
    sqlite3_finalize(rows);
    arena_free(&arena);
    return good && read;
}
