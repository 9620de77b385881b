/* response_store_test.c - stored responses off the loops: in the order of asking, and no more waiting than there is
 * room for, of all and of one client. */
#include "runtime/response_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"

enum { megabyte = 1024 * 1024 };

static char folder[64];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state) {
    static const char *const files[] = {"responses.db", "responses.db-wal", "responses.db-shm", ""};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        if (unlink(path) != 0) rmdir(path);
    }
    return 0;
}

static struct response_store *store_open(void) {
    struct response_store *store = response_store_open(&(struct response_store_options){.state_dir = str_from(folder)});
    assert_non_null(store);
    return store;
}

static void keep(struct response_store *store, const char *client, const char *id, struct str response) {
    response_store_keep(store,
                        &(struct stored_response){.client = str_from(client),
                                                  .id = str_from(id),
                                                  .input = STR("[]"),
                                                  .output = STR("[]"),
                                                  .response = response},
                        1);
}

/* Once the store has ended. */
static bool is_kept(const char *client, const char *id) {
    char path[128], problem[160];
    struct arena arena;
    snprintf(path, sizeof path, "%s/responses.db", folder);
    struct response_db *db = response_db_open(path, problem, sizeof problem);
    assert_non_null(db);
    arena_init(&arena, 4096, 256 * megabyte);
    struct text text = text_in_arena(&arena, 64);
    enum stored found = response_db_get(db, str_from(client), str_from(id), "response", &text, problem, sizeof problem);
    arena_free(&arena);
    response_db_close(db);
    assert_true(found != stored_failed);
    return found == stored_found;
}

/* Nothing is written while another process has the file to itself, and so all of it waits. */
static sqlite3 *file_locked(struct response_store *store) {
    char path[128];
    sqlite3 *other;
    keep(store, "first", "resp_0", STR("{}"));
    response_store_finish(store);
    response_store_free(store);
    snprintf(path, sizeof path, "%s/responses.db", folder);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    return other;
}

static void file_unlock(sqlite3 *other) {
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

static void what_was_kept_before_the_end_is_there_after_it(void **state) {
    struct response_store *store = store_open();
    (void)state;
    keep(store, "one", "resp_1", STR("{\"a\":1}"));
    keep(store, "two", "resp_2", STR("{\"b\":2}"));
    response_store_finish(store);
    response_store_free(store);
    assert_true(is_kept("one", "resp_1") && is_kept("two", "resp_2"));
    assert_false(is_kept("two", "resp_1"));
}

/* A quarter of 64 MB is one client's, but for a single answer, which may be of any size that fits at all. */
static void one_client_leaves_room_for_the_others(void **state) {
    size_t most = 16 * megabyte;
    char *bytes = memory_take(most);
    struct response_store *store = store_open();
    (void)state;
    memset(bytes, ' ', most);
    sqlite3 *other = file_locked(store);
    store = store_open();
    keep(store, "held", "resp_1", STR("{}")); /* what the thread tries to write */
    keep(store, "one", "resp_2", str_make(bytes, most - 64));
    keep(store, "one", "resp_3", STR("{}"));
    keep(store, "one", "resp_4", str_make(bytes, 64));
    keep(store, "two", "resp_5", str_make(bytes, 64));
    file_unlock(other);
    response_store_finish(store);
    response_store_free(store);
    assert_true(is_kept("held", "resp_1") && is_kept("one", "resp_2") && is_kept("one", "resp_3"));
    assert_false(is_kept("one", "resp_4"));
    assert_true(is_kept("two", "resp_5"));
    memory_give(bytes);
}

static void all_together_wait_within_one_bound(void **state) {
    static const char *const clients[] = {"one", "two", "three", "four", "five"};
    size_t most = 16 * megabyte - 64;
    char *bytes = memory_take(most), id[16];
    struct response_store *store = store_open();
    (void)state;
    memset(bytes, ' ', most);
    sqlite3 *other = file_locked(store);
    store = store_open();
    keep(store, "held", "resp_h", STR("{}"));
    for (unsigned i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "resp_%u", i);
        keep(store, clients[i], id, str_make(bytes, most));
    }
    keep(store, "six", "resp_6", STR("{}")); /* for which there is still room */
    file_unlock(other);
    response_store_finish(store);
    response_store_free(store);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "resp_%u", i);
        assert_int_equal(is_kept(clients[i], id), i < 4);
    }
    assert_true(is_kept("six", "resp_6"));
    memory_give(bytes);
}

/* Alone, and with its client, its name and what was asked. */
static void one_answer_may_take_all_the_room(void **state) {
    const size_t most = 64 * megabyte - strlen("oneresp_1[][]");
    char *bytes = memory_take(most);
    struct response_store *store = store_open();
    (void)state;
    memset(bytes, ' ', most);
    keep(store, "one", "resp_1", str_make(bytes, most));
    response_store_finish(store);
    response_store_free(store);
    memory_give(bytes);
    assert_true(is_kept("one", "resp_1"));
}

/* -- what is logged of what was not stored: its caller has the answer already -- */

static char heard_words[4096];

static void hear(void *owner, const char *event, int64_t wall_ns, struct str members) {
    struct text text = text_in_buffer(heard_words, sizeof heard_words - 1);
    (void)owner;
    assert_true(wall_ns > 0);
    text.len = strlen(heard_words);
    text_printf(&text, "%s %.*s\n", event, STR_ARG(members));
    assert_false(text.failed);
    heard_words[text.len] = 0;
}

/* The folder's name, which is another one each time, is FOLDER. */
static void assert_heard(struct log *log, const char *wanted) {
    log_close(log);
    for (char *at; (at = strstr(heard_words, folder));) {
        memcpy(at, "FOLDER", 6);
        memmove(at + 6, at + strlen(folder), strlen(at + strlen(folder)) + 1);
    }
    assert_string_equal(heard_words, wanted);
}

static struct response_store *store_open_heard(struct log **log) {
    const struct log_options options = {.level = log_level_info, .format = log_format_json, .fd = -1, .tell = hear};
    heard_words[0] = 0;
    *log = log_open(&options);
    assert_non_null(*log);
    struct response_store *store = response_store_open(
        &(struct response_store_options){.state_dir = str_from(folder), .log = *log, .limits = {0, 0}});
    assert_non_null(store);
    return store;
}

static void turn_keep(struct response_store *store, struct str body, const char *request) {
    const struct turn_heard turn = {
        .client = STR("one"),
        .session = STR("s"),
        .request_id = str_from(request),
        .said = {.endpoint = endpoint_chat, .body = body, .answer = STR("{}")},
    };
    response_store_hear(store, &turn, 1);
}

#define NOT_STORED "responses_store_failed \"what\":\"a response was not stored\""
#define MEND ",\"mend\":\"free the disk or mend the rights of state_dir; `responses: {store: false}` does without\"\n"

static void what_there_is_no_room_for_is_named(void **state) {
    const size_t most = 64 * megabyte;
    char *bytes = memory_take(most);
    struct log *log;
    struct response_store *store = store_open_heard(&log);
    (void)state;
    memset(bytes, ' ', most);
    keep(store, "one", "resp_1", str_make(bytes, most));
    turn_keep(store, str_make(bytes, most), "req_1");
    keep(store, "one", "resp_2", STR("{}"));
    turn_keep(store, STR("{"), "req_2"); /* taken, and no turn */
    response_store_finish(store);
    response_store_free(store);
    memory_give(bytes);
    assert_false(is_kept("one", "resp_1"));
    assert_true(is_kept("one", "resp_2"));
    assert_heard(log, NOT_STORED ",\"problem\":\"too much waits to be written\",\"response_id\":\"resp_1\"\n"
                                 "responses_store_failed \"what\":\"a turn of a conversation was not stored\","
                                 "\"problem\":\"too much waits to be written\",\"request_id\":\"req_1\"\n"
                                 "responses_store_failed \"what\":\"a turn of a conversation was not stored\","
                                 "\"path\":\"FOLDER/responses.db\",\"problem\":\"it cannot be read\"" MEND);
}

/* Each is tried again while it runs; at the end the first that fails is the last that is tried. */
static void a_file_that_cannot_be_opened_is_told_once_at_the_end(void **state) {
    char path[128];
    struct log *log;
    struct response_store *store = store_open_heard(&log);
    (void)state;
    snprintf(path, sizeof path, "%s/responses.db", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (unsigned i = 0; i < 3; i++) keep(store, "one", "resp_1", STR("{}"));
    response_store_finish(store);
    response_store_free(store);
    log_flush(log);
    size_t lines = 0, not_stored = 0;
    for (const char *at = heard_words; (at = strchr(at, '\n')); at++) lines++;
    for (const char *at = heard_words; (at = strstr(at, NOT_STORED ",\"path\":\"")); at++) not_stored++;
    const char *rest = strstr(heard_words, "those that waited were not stored either\",\"responses\":");
    const size_t rest_count = rest ? strtoul(strrchr(rest, ':') + 1, NULL, 10) : 0;
    assert_int_equal(not_stored + rest_count, 3);
    assert_int_equal(lines, not_stored + (rest != NULL));
    log_close(log);
    rmdir(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_kept_before_the_end_is_there_after_it, begin, end),
        cmocka_unit_test_setup_teardown(one_client_leaves_room_for_the_others, begin, end),
        cmocka_unit_test_setup_teardown(all_together_wait_within_one_bound, begin, end),
        cmocka_unit_test_setup_teardown(one_answer_may_take_all_the_room, begin, end),
        cmocka_unit_test_setup_teardown(what_there_is_no_room_for_is_named, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_opened_is_told_once_at_the_end, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
