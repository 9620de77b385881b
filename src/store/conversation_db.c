/* conversation_db.c - the statements behind conversation_db.h. */
#include "store/conversation_db.h"

#include <stdio.h>

#include "base/check.h"
#include "store/response_db_internal.h"

/* NULL: *problem. */
static sqlite3_stmt *conversation_begin(struct response_db *db, const char *sql, struct str client, char *problem,
                                        size_t size) {
    sqlite3 *sqlite = response_db_sqlite(db);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) != SQLITE_OK) {
        response_db_problem(sqlite, problem, size);
        return NULL;
    }
    response_db_bind(statement, 1, client);
    return statement;
}

static void bytes_bind(sqlite3_stmt *statement, int place, const struct sha256 *hash) {
    sqlite3_bind_blob(statement, place, hash->bytes, sizeof hash->bytes, SQLITE_STATIC);
}

/* -- which one it goes on with -- */

struct conversation_found {
    char id[conversation_id_max];
    size_t known; /* of its messages; the rest is new */
    bool any;
};

static enum stored found_read(struct response_db *db, sqlite3_stmt *statement, struct conversation_found *found,
                              char *problem, size_t size) {
    int step = sqlite3_step(statement);
    found->any = step == SQLITE_ROW;
    if (found->any) str_copy(found->id, sizeof found->id, response_db_column(statement, 0));
    if (step != SQLITE_ROW && step != SQLITE_DONE) response_db_problem(response_db_sqlite(db), problem, size);
    sqlite3_reset(statement);
    return step == SQLITE_ROW ? stored_found : step == SQLITE_DONE ? stored_missing : stored_failed;
}

static enum stored by_answer(struct response_db *db, const struct conversation_turn *turn,
                             struct conversation_found *found, char *problem, size_t size) {
    sqlite3_stmt *statement = conversation_begin(db,
                                                 "SELECT conversation FROM turns WHERE client = ?1 AND answer_id = ?2 "
                                                 "AND answer_id > '' ORDER BY seq DESC LIMIT 1",
                                                 turn->client, problem, size);
    if (!statement) return stored_failed;
    response_db_bind(statement, 2, turn->previous);
    enum stored told = found_read(db, statement, found, problem, size);
    sqlite3_finalize(statement);
    return told;
}

/* `in`: only turns of this conversation; empty: of any of the client's. */
static enum stored by_link(struct response_db *db, const struct conversation_turn *turn, struct str in,
                           struct conversation_found *found, char *problem, size_t size) {
    sqlite3_stmt *statement = conversation_begin(db,
                                                 "SELECT conversation FROM turns WHERE client = ?1 AND link = ?2 AND "
                                                 "(?3 = '' OR conversation = ?3) ORDER BY seq DESC LIMIT 1",
                                                 turn->client, problem, size);
    enum stored told = statement ? stored_missing : stored_failed;
    for (size_t i = 0; i < turn->link_count && told == stored_missing; i++) {
        CHECKF(turn->links[i].known <= turn->message_count, "known=%zu of %zu", turn->links[i].known,
               turn->message_count);
        bytes_bind(statement, 2, &turn->links[i].hash);
        response_db_bind(statement, 3, in);
        told = found_read(db, statement, found, problem, size);
        found->known = turn->links[i].known;
    }
    if (told != stored_found) found->known = 0;
    sqlite3_finalize(statement);
    return told;
}

/* "conv_" and digits: of a session those of its name's hash, which nobody else's has as the client is in it; else those
 * of the request that began it. */
static void id_make(const struct conversation_turn *turn, char id[conversation_id_max]) {
    enum { digits = 24 };
    char named[1024], hex[digits];
    struct text text = text_in_buffer(named, sizeof named);
    text_put_json(&text, turn->client);
    text_put_json(&text, turn->session.len ? turn->session : turn->request_id);
    text_put_byte(&text, turn->session.len ? 's' : 'r');
    const struct sha256 hash = hash_sha256(text_str(&text));
    hash_to_hex(hash.bytes, digits / 2, hex);
    snprintf(id, conversation_id_max, "conv_%.*s", digits, hex);
}

static bool conversation_find(struct response_db *db, const struct conversation_turn *turn,
                              struct conversation_found *found, char *problem, size_t size) {
    char own[conversation_id_max];
    enum stored told = stored_missing;
    *found = (struct conversation_found){.any = false};
    id_make(turn, own);
    if (turn->previous.len) told = by_answer(db, turn, found, problem, size);
    if (told == stored_missing)
        told = by_link(db, turn, turn->session.len ? str_from(own) : STR(""), found, problem, size);
    if (told == stored_failed) return false;
    if (turn->session.len || !found->any) str_copy(found->id, sizeof found->id, str_from(own));
    return true;
}

/* -- putting -- */

static bool turn_insert(struct response_db *db, const struct conversation_turn *turn,
                        const struct conversation_found *found, struct str messages, int64_t now_s, int64_t bytes,
                        char *problem, size_t size) {
    sqlite3_stmt *statement = conversation_begin(
        db,
        "INSERT INTO turns(client, conversation, request_id, created_s, session, api, model, cut, answer_id, link, "
        "messages, answer, alternatives, bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        turn->client, problem, size);
    if (!statement) return false;
    response_db_bind(statement, 2, str_from(found->id));
    response_db_bind(statement, 3, turn->request_id);
    sqlite3_bind_int64(statement, 4, now_s);
    response_db_bind(statement, 5, turn->session);
    response_db_bind(statement, 6, turn->api);
    response_db_bind(statement, 7, turn->model);
    sqlite3_bind_int64(statement, 8, turn->cut);
    response_db_bind(statement, 9, turn->answer_id);
    bytes_bind(statement, 10, &turn->link);
    response_db_bind(statement, 11, messages);
    response_db_bind(statement, 12, turn->answer);
    response_db_bind(statement, 13, turn->alternatives);
    sqlite3_bind_int64(statement, 14, bytes);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    if (!good) response_db_problem(response_db_sqlite(db), problem, size);
    sqlite3_finalize(statement);
    return good;
}

static bool turn_put(struct response_db *db, const struct conversation_turn *turn, const struct response_limits *limits,
                     int64_t now_s, char *problem, size_t size) {
    enum { row_bytes = 256 }; /* what a row of small words takes beside them */
    struct conversation_found found;
    struct arena arena;
    if (!conversation_find(db, turn, &found, problem, size)) return false;
    arena_init(&arena, 16 * 1024, 256 * 1024 * 1024);
    struct text messages = text_in_arena(&arena, 16 * 1024);
    text_put_byte(&messages, '[');
    for (size_t i = found.known; i < turn->message_count; i++) {
        text_json_comma(&messages);
        text_put(&messages, turn->messages[i]);
    }
    text_put_byte(&messages, ']');
    int64_t bytes = (int64_t)(messages.len + turn->answer.len + turn->alternatives.len + turn->client.len +
                              turn->session.len + turn->model.len + turn->answer_id.len + row_bytes);
    bool good = !messages.failed;
    if (!good) snprintf(problem, size, "out of memory");
    good = good && response_db_fits(limits, bytes, problem, size);
    if (good && !response_db_room(db, limits, turn->client, bytes)) {
        response_db_problem(response_db_sqlite(db), problem, size);
        good = false;
    }
    good = good && turn_insert(db, turn, &found, text_str(&messages), now_s, bytes, problem, size);
    arena_free(&arena);
    return good;
}

bool conversation_db_put(struct response_db *db, const struct conversation_turn *turn,
                         const struct response_limits *limits, int64_t now_s, char *problem, size_t size) {
    sqlite3 *sqlite = response_db_sqlite(db);
    if (!response_db_run(sqlite, "BEGIN IMMEDIATE")) {
        response_db_problem(sqlite, problem, size);
        return false;
    }
    bool good = turn_put(db, turn, limits, now_s, problem, size);
    if (good && !response_db_run(sqlite, "COMMIT")) {
        response_db_problem(sqlite, problem, size);
        good = false;
    }
    if (!good && !sqlite3_get_autocommit(sqlite)) (void)response_db_run(sqlite, "ROLLBACK");
    return good;
}

/* -- reading -- */

static void conversation_raw_put(struct text *text, struct str name, struct str raw) {
    text_json_key(text, name);
    text_put(text, raw.len ? raw : STR("null"));
}

static void conversation_put(struct text *text, sqlite3_stmt *row) {
    text_json_str(text, STR("id"), response_db_column(row, 0));
    text_json_str(text, STR("object"), STR("conversation"));
    if (response_db_column(row, 1).len) text_json_str(text, STR("session"), response_db_column(row, 1));
    text_json_i64(text, STR("created_at"), sqlite3_column_int64(row, 2));
    text_json_i64(text, STR("updated_at"), sqlite3_column_int64(row, 3));
    text_json_i64(text, STR("turns"), sqlite3_column_int64(row, 4));
    text_json_i64(text, STR("bytes"), sqlite3_column_int64(row, 5));
}

static enum stored step_end(struct response_db *db, sqlite3_stmt *statement, int step, const struct text *text,
                            char *problem, size_t size) {
    bool good = step == SQLITE_ROW || step == SQLITE_DONE;
    if (!good) response_db_problem(response_db_sqlite(db), problem, size);
    if (good && text->failed) snprintf(problem, size, "out of memory");
    sqlite3_finalize(statement);
    return good && !text->failed ? stored_found : stored_failed;
}

enum stored conversation_db_list(struct response_db *db, struct str client, struct str after, int64_t limit,
                                 struct text *text, char *problem, size_t size) {
    static const char sql[] =
        "SELECT id, session, created_s, updated_s, turns, bytes FROM conversations WHERE client = ?1 AND (?2 = '' OR "
        "(updated_s, id) < (SELECT updated_s, id FROM conversations WHERE client = ?1 AND id = ?2)) "
        "ORDER BY updated_s DESC, id DESC LIMIT ?3";
    sqlite3_stmt *rows = conversation_begin(db, sql, client, problem, size);
    int step = SQLITE_ERROR;
    int64_t count = 0;
    char last[conversation_id_max] = "";
    if (!rows) return stored_failed;
    response_db_bind(rows, 2, after);
    sqlite3_bind_int64(rows, 3, limit + 1);
    text_put(text, STR("{\"object\":\"list\",\"data\":["));
    while ((step = sqlite3_step(rows)) == SQLITE_ROW && count < limit) {
        text_json_comma(text);
        text_put_byte(text, '{');
        conversation_put(text, rows);
        text_put_byte(text, '}');
        str_copy(last, sizeof last, response_db_column(rows, 0));
        count++;
    }
    text_put_byte(text, ']');
    text_json_bool(text, STR("has_more"), step == SQLITE_ROW);
    if (step == SQLITE_ROW)
        text_json_str(text, STR("next"), str_from(last));
    else
        conversation_raw_put(text, STR("next"), STR("null"));
    text_put_byte(text, '}');
    return step_end(db, rows, step, text, problem, size);
}

#define TURN_COLUMNS                                                                                           \
    "SELECT seq, conversation, request_id, created_s, session, api, model, cut, answer_id, messages, answer, " \
    "alternatives FROM turns WHERE client = ?1 AND seq > ?2"

static void turn_members_put(struct text *text, sqlite3_stmt *row) {
    text_json_i64(text, STR("turn"), sqlite3_column_int64(row, 0));
    text_json_str(text, STR("request_id"), response_db_column(row, 2));
    text_json_i64(text, STR("created_at"), sqlite3_column_int64(row, 3));
    if (response_db_column(row, 4).len) text_json_str(text, STR("session"), response_db_column(row, 4));
    text_json_str(text, STR("api"), response_db_column(row, 5));
    text_json_str(text, STR("model"), response_db_column(row, 6));
    if (response_db_column(row, 8).len) text_json_str(text, STR("answer_id"), response_db_column(row, 8));
    text_json_bool(text, STR("cut"), sqlite3_column_int64(row, 7) != 0);
    conversation_raw_put(text, STR("messages"), response_db_column(row, 9));
    conversation_raw_put(text, STR("answer"), response_db_column(row, 10));
    if (response_db_column(row, 11).len) conversation_raw_put(text, STR("alternatives"), response_db_column(row, 11));
}

enum stored conversation_db_show(struct response_db *db, struct str client, struct str id, int64_t after, size_t most,
                                 struct text *text, char *problem, size_t size) {
    sqlite3_stmt *one = conversation_begin(db,
                                           "SELECT id, session, created_s, updated_s, turns, bytes FROM conversations "
                                           "WHERE client = ?1 AND id = ?2",
                                           client, problem, size);
    int64_t last = after;
    if (!one) return stored_failed;
    response_db_bind(one, 2, id);
    int step = sqlite3_step(one);
    text_put_byte(text, '{');
    if (step == SQLITE_ROW) conversation_put(text, one);
    enum stored told = step_end(db, one, step, text, problem, size);
    if (told != stored_found || step == SQLITE_DONE) return told == stored_found ? stored_missing : told;
    sqlite3_stmt *rows =
        conversation_begin(db, TURN_COLUMNS " AND conversation = ?3 ORDER BY seq", client, problem, size);
    if (!rows) return stored_failed;
    sqlite3_bind_int64(rows, 2, after);
    response_db_bind(rows, 3, id);
    text_json_key(text, STR("data"));
    text_put_byte(text, '[');
    while ((step = sqlite3_step(rows)) == SQLITE_ROW && (last == after || text->len < most)) {
        text_json_comma(text);
        text_put_byte(text, '{');
        turn_members_put(text, rows);
        text_put_byte(text, '}');
        last = sqlite3_column_int64(rows, 0);
    }
    text_put_byte(text, ']');
    text_json_bool(text, STR("has_more"), step == SQLITE_ROW);
    conversation_raw_put(text, STR("next"), STR(""));
    if (step == SQLITE_ROW) {
        text->len -= sizeof "null" - 1;
        text_put_i64(text, last);
    }
    text_put_byte(text, '}');
    return step_end(db, rows, step, text, problem, size);
}

enum stored conversation_db_lines(struct response_db *db, struct str client, struct str id, int64_t *after, size_t most,
                                  struct text *text, char *problem, size_t size) {
    sqlite3_stmt *rows = conversation_begin(
        db, id.len ? TURN_COLUMNS " AND conversation = ?3 ORDER BY seq" : TURN_COLUMNS " ORDER BY seq", client, problem,
        size);
    int step = SQLITE_ERROR;
    if (!rows) return stored_failed;
    sqlite3_bind_int64(rows, 2, *after);
    if (id.len) response_db_bind(rows, 3, id);
    while ((step = sqlite3_step(rows)) == SQLITE_ROW && (!text->len || text->len < most)) {
        text_put(text, STR("{\"kind\":\"turn\""));
        text_json_str(text, STR("conversation"), response_db_column(rows, 1));
        turn_members_put(text, rows);
        text_put(text, STR("}\n"));
        *after = sqlite3_column_int64(rows, 0);
    }
    return step_end(db, rows, step, text, problem, size);
}

enum stored conversation_db_remove(struct response_db *db, struct str client, struct str id, int64_t *turns,
                                   char *problem, size_t size) {
    sqlite3 *sqlite = response_db_sqlite(db);
    sqlite3_stmt *statement = conversation_begin(
        db, "DELETE FROM turns WHERE client = ?1 AND (?2 = '' OR conversation = ?2)", client, problem, size);
    if (!statement) return stored_failed;
    response_db_bind(statement, 2, id);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    if (!good) response_db_problem(sqlite, problem, size);
    *turns = good ? sqlite3_changes64(sqlite) : 0;
    sqlite3_finalize(statement);
    if (*turns) (void)response_db_run(sqlite, "PRAGMA wal_checkpoint(TRUNCATE)"); /* else soon, by who writes next */
    return !good ? stored_failed : *turns ? stored_found : stored_missing;
}
