/* response_db_test.c - stored responses within their limits: oldest first out, sums that stay true, files of earlier
 * versions. */
#include "store/conversation_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

static char folder[64], path[96], problem[160];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/responses.db", folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static struct response_db *opened(void) {
    struct response_db *db = response_db_open(path, problem, sizeof problem);
    if (!db) fail_msg("%s", problem);
    return db;
}

static bool put(struct response_db *db, const char *client, const char *id, size_t size, int64_t limit,
                int64_t of_client, int64_t now_s) {
    char *content = calloc(1, size + 1);
    memset(content, 'x', size);
    struct stored_response response = {.client = str_from(client),
                                       .id = str_from(id),
                                       .input = STR("[]"),
                                       .output = STR("[]"),
                                       .response = str_make(content, size)};
    bool good =
        response_db_put(db, &response, &(struct response_limits){limit, of_client}, now_s, problem, sizeof problem);
    free(content);
    return good;
}

static bool has(struct response_db *db, const char *client, const char *id) {
    struct arena arena;
    arena_init(&arena, 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 64);
    bool found =
        response_db_get(db, str_from(client), str_from(id), "response", &text, problem, sizeof problem) == stored_found;
    arena_free(&arena);
    return found;
}

/* What the sums say is what stands there. */
static void sums_hold(void) {
    static const char look[] =
        "SELECT (SELECT bytes FROM response_total) = (SELECT coalesce(sum(bytes), 0) FROM responses) AND NOT "
        "EXISTS(SELECT client, sum(bytes) FROM responses GROUP BY client EXCEPT SELECT client, bytes FROM "
        "response_sizes) AND (SELECT count(*) FROM response_sizes) = (SELECT count(DISTINCT client) FROM "
        "responses)";
    sqlite3 *sqlite;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(sqlite, look, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 1);
    sqlite3_finalize(statement);
    sqlite3_close(sqlite);
}

static void a_clients_oldest_gives_way_and_nobody_elses(void **state) {
    (void)state;
    struct response_db *db = opened();
    assert_true(put(db, "other", "o", 900, 0, 1000, 1));
    assert_true(put(db, "app", "a", 400, 0, 1000, 2));
    assert_true(put(db, "app", "b", 400, 0, 1000, 3));
    assert_true(put(db, "app", "c", 400, 0, 1000, 4));
    assert_false(has(db, "app", "a"));
    assert_true(has(db, "app", "b") && has(db, "app", "c") && has(db, "other", "o"));
    sums_hold();
    response_db_close(db);
}

static void of_all_the_oldest_gives_way(void **state) {
    (void)state;
    struct response_db *db = opened();
    assert_true(put(db, "a", "1", 400, 1000, 0, 1));
    assert_true(put(db, "b", "2", 400, 1000, 0, 1)); /* in the same second: in the order of coming */
    assert_true(put(db, "c", "3", 400, 1000, 0, 1));
    assert_false(has(db, "a", "1"));
    assert_true(has(db, "b", "2") && has(db, "c", "3"));
    sums_hold();
    response_db_close(db);
}

static void one_that_never_fits_is_told_and_drives_nothing_out(void **state) {
    (void)state;
    struct response_db *db = opened();
    assert_true(put(db, "app", "a", 400, 1000, 1000, 1));
    assert_false(put(db, "app", "b", 2000, 1000, 0, 2));
    assert_non_null(strstr(problem, "responses.max_bytes)"));
    assert_false(put(db, "app", "b", 2000, 0, 1000, 2));
    assert_non_null(strstr(problem, "responses.max_bytes_per_client)"));
    assert_true(has(db, "app", "a"));
    sums_hold();
    response_db_close(db);
}

static void the_sums_stay_true_whatever_is_removed_or_replaced(void **state) {
    (void)state;
    struct response_db *db = opened();
    for (int i = 0; i < 50; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i % 7);
        assert_true(put(db, i % 3 ? "app" : "other", id, 10u + (unsigned)i * 13u % 300u, 1500, 900, i));
    }
    sums_hold();
    assert_int_equal(response_db_remove(db, STR("app"), STR("r0"), problem, sizeof problem), stored_found);
    sums_hold();
    assert_true(response_db_forget(db, 48, problem, sizeof problem) > 0);
    sums_hold();
    assert_true(response_db_forget(db, 100, problem, sizeof problem) > 0);
    sums_hold();
    response_db_close(db);
}

/* Each question of one that is there, of one that is not, and of a store whose table somebody has taken away. */
static void what_is_not_there_is_no_failure_and_a_failure_says_why(void **state) {
    (void)state;
    for (int question = 0; question < 3; question++) {
        static const enum stored wanted[] = {stored_found, stored_missing, stored_failed};
        struct response_db *db = opened();
        assert_true(put(db, "app", "there", 10, 0, 0, 1));
        for (int round = 0; round < 3; round++) {
            struct str client = STR("app"), id = round == 1 ? STR("gone") : STR("there");
            struct arena arena;
            arena_init(&arena, 1024, SIZE_MAX);
            struct text text = text_in_arena(&arena, 64);
            if (round == 2) {
                sqlite3 *sqlite;
                assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
                assert_int_equal(sqlite3_exec(sqlite, "DROP TABLE responses", NULL, NULL, NULL), SQLITE_OK);
                sqlite3_close(sqlite);
            }
            problem[0] = 0;
            enum stored said = question == 0 ? response_db_get(db, client, id, "input", &text, problem, sizeof problem)
                               : question == 1
                                   ? response_db_history(db, client, id, 4096, &text, problem, sizeof problem)
                                   : response_db_remove(db, client, id, problem, sizeof problem);
            assert_int_equal(said, wanted[round]);
            assert_int_equal(problem[0] != 0, said == stored_failed);
            arena_free(&arena);
        }
        response_db_close(db);
        for (size_t i = 0; i < 3; i++) {
            static const char *const ends[] = {"", "-wal", "-shm"};
            char name[128];
            snprintf(name, sizeof name, "%s%s", path, ends[i]);
            unlink(name);
        }
    }
}

static void a_file_of_an_earlier_version_is_taken_over_with_its_sizes(void **state) {
    (void)state;
    sqlite3 *sqlite;
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            sqlite,
            "CREATE TABLE responses(client TEXT NOT NULL, id TEXT NOT NULL, created_s INTEGER NOT NULL, previous TEXT "
            "NOT "
            "NULL, input TEXT NOT NULL, output TEXT NOT NULL, response TEXT NOT NULL, PRIMARY KEY(client, id));"
            "CREATE INDEX responses_by_age ON responses(created_s); PRAGMA user_version = 1;"
            "INSERT INTO responses VALUES('app', 'old', 1, '', '[]', '[]', printf('%.600c', 'x'));"
            "INSERT INTO responses VALUES('app', 'new', 2, '', '[]', '[]', '\xc3\xa9');",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(sqlite);
    for (int round = 0; round < 2; round++) { /* the second time there is nothing to do */
        struct response_db *db = opened();
        assert_true(has(db, "app", "old") && has(db, "app", "new"));
        sums_hold();
        response_db_close(db);
    }
    struct response_db *db = opened();
    assert_true(put(db, "app", "third", 600, 0, 1000, 3));
    assert_false(has(db, "app", "old"));
    assert_true(has(db, "app", "new"));
    response_db_close(db);
}

static void what_is_there_can_be_told_without_opening_it_for_good(void **state) {
    (void)state;
    bool any = true, of_clients = true;
    struct response_db *db = opened();
    assert_true(response_db_peek(path, &any, &of_clients, problem, sizeof problem));
    assert_false(any || of_clients);
    assert_true(put(db, "", "a", 10, 0, 0, 1));
    assert_true(response_db_peek(path, &any, &of_clients, problem, sizeof problem));
    assert_true(any && !of_clients);
    assert_true(put(db, "app", "a", 10, 0, 0, 1));
    assert_true(response_db_peek(path, &any, &of_clients, problem, sizeof problem));
    assert_true(any && of_clients);
    response_db_close(db);
}

/* -- turns of conversations -- */

static bool turn_put(struct response_db *db, const char *client, const char *request, const struct str *messages,
                     size_t count, const struct conversation_link *links, size_t link_count, unsigned char link,
                     int64_t of_client, int64_t now_s) {
    const struct conversation_turn turn = {.client = str_from(client),
                                           .session = STR(""),
                                           .request_id = str_from(request),
                                           .api = STR("chat"),
                                           .model = STR("m"),
                                           .answer_id = str_from(request),
                                           .previous = STR(""),
                                           .messages = messages,
                                           .message_count = count,
                                           .links = links,
                                           .link_count = link_count,
                                           .link = {.bytes = {link}},
                                           .answer = STR("{}"),
                                           .alternatives = STR("")};
    return conversation_db_put(db, &turn, &(struct response_limits){0, of_client}, now_s, problem, sizeof problem);
}

static struct str lines_of(struct response_db *db, const char *client, const char *id, struct arena *arena) {
    struct text text = text_in_arena(arena, 64);
    int64_t after = 0;
    assert_int_equal(
        conversation_db_lines(db, str_from(client), str_from(id), &after, 1 << 20, &text, problem, sizeof problem),
        stored_found);
    return text_str(&text);
}

static size_t count_of(struct str text, const char *word) {
    size_t count = 0;
    for (size_t at; (at = str_find(text, str_from(word))) != SIZE_MAX; count++)
        text = str_slice(text, at + 1, text.len);
    return count;
}

static void a_turn_joins_what_it_repeats_of_its_own_client_alone(void **state) {
    (void)state;
    struct response_db *db = opened();
    struct arena arena;
    const struct str messages[] = {STR("{\"m\":1}"), STR("{\"m\":2}"), STR("{\"m\":3}")};
    const struct conversation_link links[] = {{{{9}}, 3}, {{{7}}, 2}};
    arena_init(&arena, 1024, 1 << 20);
    assert_true(turn_put(db, "app", "a", messages, 1, NULL, 0, 7, 0, 1));
    assert_true(turn_put(db, "app", "b", messages, 3, links, 2, 8, 0, 2));
    assert_true(turn_put(db, "other", "c", messages, 3, links, 2, 8, 0, 3));
    struct str app = lines_of(db, "app", "", &arena), other = lines_of(db, "other", "", &arena);
    assert_int_equal(count_of(app, "{\"m\":1}"), 1); /* the second turn has what is new of it alone */
    assert_int_equal(count_of(app, "{\"m\":3}"), 1);
    assert_int_equal(count_of(other, "{\"m\":1}"), 1);
    struct text list = text_in_arena(&arena, 64);
    assert_int_equal(conversation_db_list(db, STR("app"), STR(""), 10, &list, problem, sizeof problem), stored_found);
    assert_int_equal(count_of(text_str(&list), "\"turns\":2"), 1);
    response_db_close(db);
    arena_free(&arena);
}

static void turns_and_responses_share_their_room_and_the_oldest_goes(void **state) {
    (void)state;
    struct response_db *db = opened();
    struct arena arena;
    const struct str message = STR("{}");
    arena_init(&arena, 1024, 1 << 20);
    assert_true(turn_put(db, "app", "t1", &message, 1, NULL, 0, 1, 1200, 1));
    assert_true(put(db, "app", "r2", 200, 0, 1200, 2));
    assert_true(turn_put(db, "app", "t3", &message, 1, NULL, 0, 3, 1200, 3));
    assert_true(put(db, "app", "r4", 500, 0, 1200, 4)); /* the first turn goes */
    assert_true(has(db, "app", "r2") && has(db, "app", "r4"));
    assert_int_equal(count_of(lines_of(db, "app", "", &arena), "t1"), 0);
    assert_int_equal(count_of(lines_of(db, "app", "", &arena), "\"request_id\":\"t3\""), 1);
    assert_true(put(db, "app", "r5", 300, 0, 1200, 5)); /* then the response */
    assert_false(has(db, "app", "r2"));
    assert_int_equal(response_db_purge(db, STR("app"), problem, sizeof problem), 3);
    assert_int_equal(lines_of(db, "app", "", &arena).len, 0);
    response_db_close(db);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_clients_oldest_gives_way_and_nobody_elses, begin, end),
        cmocka_unit_test_setup_teardown(of_all_the_oldest_gives_way, begin, end),
        cmocka_unit_test_setup_teardown(one_that_never_fits_is_told_and_drives_nothing_out, begin, end),
        cmocka_unit_test_setup_teardown(the_sums_stay_true_whatever_is_removed_or_replaced, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_no_failure_and_a_failure_says_why, begin, end),
        cmocka_unit_test_setup_teardown(a_turn_joins_what_it_repeats_of_its_own_client_alone, begin, end),
        cmocka_unit_test_setup_teardown(turns_and_responses_share_their_room_and_the_oldest_goes, begin, end),
        cmocka_unit_test_setup_teardown(a_file_of_an_earlier_version_is_taken_over_with_its_sizes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_there_can_be_told_without_opening_it_for_good, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
