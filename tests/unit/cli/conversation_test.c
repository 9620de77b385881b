/* conversation_test.c - weir conversation where there is more than one page of it: all is shown, once and in its order;
 * and what was said steers no terminal. */
#include "cli/cli.h"

#include <sqlite3.h>

#include "base/hash.h"
#include "../folder_remove.h"
#include "said.h"
#include "store/conversation_db.h"

static char folder[64], file[96];
static char shown[16 * 1024 * 1024];

static int begin(void **state) {
    char problem[256];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-conversation-XXXXXX");
    if (!hash_start() || !mkdtemp(folder)) return -1;
    unsetenv("WEIR_STATE_DIR");
    snprintf(file, sizeof file, "%s/responses.db", folder);
    struct response_db *db = response_db_open(file, problem, sizeof problem);
    response_db_close(db);
    return db ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    return folder_remove(folder);
}

/* Turns 1 to `count` of `app`; `id`, `session` and `said` as SQL of n. */
static void turns_put(int count, const char *id, const char *session, const char *said) {
    char sql[1024];
    sqlite3 *sqlite;
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) INSERT INTO turns(client, "
             "conversation, request_id, created_s, session, api, model, cut, answer_id, link, messages, answer, "
             "alternatives, bytes) SELECT 'app', %s, 'req_' || n, 1700000000 + n, %s, 'chat', 'm', 0, '', x'', "
             "'[{\"role\":\"user\",\"content\":\"' || %s || '\"}]', '{}', '', 10 FROM c",
             count, id, session, said);
    assert_int_equal(sqlite3_open(file, &sqlite), SQLITE_OK);
    if (sqlite3_exec(sqlite, sql, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(sqlite));
    sqlite3_close(sqlite);
}

/* Its status; what it shows stands in `shown`. */
static int run(const char *action, const char *id, const char *more) {
    const char *argv[9] = {"conversation", action, "--client", "app", "--state-dir", folder};
    int argc = 6;
    struct said err;
    if (id) argv[argc++] = id;
    if (more) argv[argc++] = more;
    fflush(stdout);
    FILE *out = tmpfile();
    const int before = dup(STDOUT_FILENO);
    assert_true(out && before >= 0 && dup2(fileno(out), STDOUT_FILENO) >= 0);
    said_begin(&err, stderr);
    const int status = cli_conversation(argc, (char **)argv);
    said_end(&err);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    rewind(out);
    const size_t len = fread(shown, 1, sizeof shown - 1, out);
    fclose(out);
    shown[len] = 0;
    assert_true(len < sizeof shown - 1);
    assert_string_equal(err.text, "");
    return status;
}

/* A thousand make a page of the list: the newest first. */
static void a_list_of_many_is_shown_whole(void **state) {
    enum { count = 2001 };
    struct str rest, line;
    char wanted[96];
    int n = count;
    (void)state;
    turns_put(count, "printf('conv_%04d', n)", "''", "'a'");
    assert_int_equal(run("list", NULL, NULL), 0);
    rest = str_from(shown);
    for (; str_split_next(&rest, '\n', &line) && line.len; n--) {
        snprintf(wanted, sizeof wanted, "conv_%04d  1 turn  10 bytes  ", n);
        if (!str_eq(line, str_from(wanted))) fail_msg("%.*s instead of %s", STR_ARG(line), wanted);
    }
    assert_int_equal(n, 0);
    assert_int_equal(run("list", NULL, "--json"), 0);
    size_t pages = 0;
    for (const char *at = shown; (at = strstr(at, "{\"object\":\"list\",")); at++) pages++;
    assert_int_equal(pages, 3);
    assert_int_equal(run("purge", NULL, NULL), 0);
    assert_string_equal(shown, "2001 turns of `app` removed; backups keep what they have\n");
}

/* A page holds a MiB, or one turn. */
static void a_long_conversation_is_shown_and_exported_whole(void **state) {
    enum { count = 7, large = 400000 };
    struct str rest, line;
    char wanted[96], said[64];
    int n = 0;
    (void)state;
    snprintf(said, sizeof said, "printf('%%.%dc', 'a')", large);
    turns_put(count, "'conv_1'", "'s'", said);
    assert_int_equal(run("show", "conv_1", NULL), 0);
    rest = str_from(shown);
    for (; str_split_next(&rest, '\n', &line) && line.len;) {
        snprintf(wanted, sizeof wanted, "-- turn %d, m, req_%d", n + 1, n + 1);
        if (!str_eq(line, str_from(wanted))) fail_msg("%.*s instead of %s", STR_ARG(line), wanted);
        assert_true(str_split_next(&rest, '\n', &line));
        assert_true(str_starts(line, STR("user: aaa")) && line.len == strlen("user: ") + large);
        assert_true(++n <= count);
        while (rest.len && *rest.at != '-') (void)str_split_next(&rest, '\n', &line);
    }
    assert_int_equal(n, count);
    assert_int_equal(run("export", NULL, NULL), 0);
    rest = str_from(shown);
    for (n = 0; str_split_next(&rest, '\n', &line) && line.len; n++) {
        snprintf(wanted, sizeof wanted, "\"request_id\":\"req_%d\"", n + 1);
        if (str_find(line, str_from(wanted)) == SIZE_MAX) fail_msg("%d: %.*s", n, STR_ARG(str_slice(line, 0, 300)));
    }
    assert_int_equal(n, count);
    assert_int_equal(run("purge", "conv_1", "--json"), 0);
    assert_string_equal(shown, "{\"turns\":7}\n");
}

/* Orders of one byte and of two; what is no order stays. */
static void what_was_said_steers_no_terminal(void **state) {
    (void)state;
    turns_put(1, "'conv_1'", "'s' || char(27, 155) || '2J'", "'a\\u001b[2J' || char(155) || '1m' || char(160, 233)");
    assert_int_equal(run("list", NULL, NULL), 0);
    assert_string_equal(shown, "conv_1  1 turn  10 bytes  s__2J\n");
    assert_int_equal(run("show", "conv_1", NULL), 0);
    assert_string_equal(shown, "-- turn 1, m, req_1\nuser: a_[2J_1m\xc2\xa0\xc3\xa9\n: \n");
    assert_int_equal(run("purge", NULL, NULL), 0);
    assert_string_equal(shown, "1 turn of `app` removed; backups keep what they have\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_of_many_is_shown_whole, begin, end),
        cmocka_unit_test_setup_teardown(a_long_conversation_is_shown_and_exported_whole, begin, end),
        cmocka_unit_test_setup_teardown(what_was_said_steers_no_terminal, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
