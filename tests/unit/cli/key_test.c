/* key_test.c - what weir key asks of a running gateway with what came on standard input, and what it shows. */
#include <sys/socket.h>

#include "base/memory.h"
#include "far.h"

/* Standard input holds this; given back by input_end. */
static int input_begin(const char *text) {
    FILE *file = tmpfile();
    int before = dup(STDIN_FILENO);
    assert_true(file && before >= 0 && fputs(text, file) >= 0);
    rewind(file);
    assert_int_equal(dup2(fileno(file), STDIN_FILENO), STDIN_FILENO);
    lseek(STDIN_FILENO, 0, SEEK_SET);
    fclose(file);
    return before;
}

static void input_end(int before) {
    dup2(before, STDIN_FILENO);
    close(before);
}

static void key_run(struct far *far, const char *const *argv, const char *input, bool asks, bool terminal,
                    struct shown *shown) {
    int before = input_begin(input);
    command_run_on(far, cli_key, argv, asks, terminal, shown);
    input_end(before);
}

static void each_action_asks_for_its_own_and_says_what_was_done(void **state) {
    static const struct {
        const char *argv[6], *input, *asks, *body, *shown;
    } rows[] = {
        {{"key", "set", "p"},
         " sk-1\n",
         "PUT /admin/v1/credentials/p ",
         "{\"secret\":\"sk-1\"}",
         "p is in the vault\n"},
        {{"key", "set", "p/n", "--rotate-after-days", "3650"},
         "sk-1",
         "PUT /admin/v1/credentials/p/n ",
         "{\"secret\":\"sk-1\",\"rotate_after_days\":3650}",
         "p/n is in the vault\n"},
        {{"key", "set", "p", "--rotate-after-days", "0"},
         "sk-1",
         "PUT /admin/v1/credentials/p ",
         "{\"secret\":\"sk-1\",\"rotate_after_days\":0}",
         "p is in the vault\n"},
        {{"key", "next", "p"},
         "sk-2\n",
         "POST /admin/v1/credentials/p/next ",
         "{\"secret\":\"sk-2\"}",
         "p has one more secret that waits for its turn\n"},
        {{"key", "rotate", "p"},
         "sk-3",
         "POST /admin/v1/credentials/p/rotate ",
         "{\"secret\":\"sk-3\"}",
         "p has its next secret\n"},
        {{"key", "rotate", "p", "--grace-seconds", "7776000"},
         "sk-3",
         "POST /admin/v1/credentials/p/rotate ",
         "{\"secret\":\"sk-3\",\"grace_seconds\":7776000}",
         "p has its next secret\n"},
        {{"key", "remove", "p"}, "", "DELETE /admin/v1/credentials/p ", "", "p is removed\n"},
        {{"key", "rekey"}, "", "POST /admin/v1/credentials/rekey ", "", "The vault has another master key (here)\n"},
        {{"key", "rekey", "--passphrase"},
         "long enough\n",
         "POST /admin/v1/credentials/rekey ",
         "{\"passphrase\":\"long enough\"}",
         "The vault has another master key (here)\n"},
        {{"key", "rekey", "--master-key"},
         "5f5f",
         "POST /admin/v1/credentials/rekey ",
         "{\"master_key\":\"5f5f\"}",
         "The vault has another master key (here)\n"},
        {{"key", "list"},
         "",
         "GET /admin/v1/credentials ",
         "",
         "{\"master_key\":\"here\",\"warnings\":[\"one\",\"two\"]}\n"},
        {{"key", "set", "p", "--json"},
         "sk-1",
         "PUT /admin/v1/credentials/p ",
         "{\"secret\":\"sk-1\"}",
         "{\"master_key\":\"here\",\"warnings\":[\"one\",\"two\"]}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{\"master_key\":\"here\",\"warnings\":[\"one\",\"two\"]}"};
        key_run(&far, rows[i].argv, rows[i].input, true, false, &shown);
        if (shown.status != 0) fail_msg("row %zu: %s", i, shown.err.text);
        if (strncmp(far.net.heard, rows[i].asks, strlen(rows[i].asks)) != 0) fail_msg("row %zu: %s", i, far.net.heard);
        assert_string_equal(strstr(far.net.heard, "\r\n\r\n") + 4, rows[i].body);
        assert_string_equal(shown.out.text, rows[i].shown);
        assert_string_equal(shown.err.text, "weir: warning: one\nweir: warning: two\n");
        far.status = "403 No";
        far.body = "{\"error\":{\"message\":\"no\"}}";
        key_run(&far, rows[i].argv, rows[i].input, true, false, &shown);
        assert_int_equal(shown.status, 1);
        assert_string_equal(shown.out.text, "");
        assert_memory_equal(shown.err.text, "weir: 403: no\n", 14);
        far.status = "300 Odd";
        far.body = "{}";
        key_run(&far, rows[i].argv, rows[i].input, true, false, &shown);
        assert_int_equal(shown.status, 1);
    }
}

static void whether_a_key_is_valid_is_said_by_word_and_by_status(void **state) {
    static const struct {
        const char *body, *shown;
        int status;
    } rows[] = {
        {"{\"status\":200}", "p is valid (status 200)\n", 0},
        {"{\"status\":299}", "p is valid (status 299)\n", 0},
        {"{\"status\":300}", "p may be valid or not: the provider's answer does not say (status 300)\n", 1},
        {"{\"status\":199}", "p may be valid or not: the provider's answer does not say (status 199)\n", 1},
        {"{\"status\":401,\"said\":\"who?\"}", "p is refused by the provider (status 401): who?\n", 1},
        {"{\"status\":403}", "p is refused by the provider (status 403)\n", 1},
        {"{\"status\":402}", "p may be valid or not: the provider's answer does not say (status 402)\n", 1},
        {"{}", "p may be valid or not: the provider's answer does not say (status 0)\n", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = rows[i].body};
        key_run(&far, (const char *const[]){"key", "validate", "p", NULL}, "", true, false, &shown);
        assert_memory_equal(far.net.heard, "POST /admin/v1/credentials/p/validate ", 38);
        assert_string_equal(shown.out.text, rows[i].shown);
        assert_int_equal(shown.status, rows[i].status);
    }
}

static void at_a_terminal_the_list_is_a_table(void **state) {
    static const char list[] =
        "{\"credentials\":[{\"name\":\"one\",\"state\":\"good\",\"last_four\":\"0042\",\"age_days\":12,\"uses\":345,"
        "\"last_used\":1795348834,\"origin\":\"https://h:443 and "
        "more\",\"previous_until\":5},{\"name\":\"two/b\",\"state\":"
        "\"damaged\",\"last_four\":\"\"}]}";
    static const char table[] =
        "credential                       state     last 4      age     uses last used        for\n"
        "one                              good      0042       12 d      345 2026-11-22 12:00 https://h:443 (the one "
        "before it is valid too)\n"
        "two/b                            damaged   -           0 d        - -                \n";
    struct shown shown;
    struct far far = {.status = "200 OK", .body = list};
    (void)state;
    key_run(&far, (const char *const[]){"key", "list", NULL}, "", true, true, &shown);
    assert_int_equal(shown.status, 0);
    assert_string_equal(shown.out.text, table);
    key_run(&far, (const char *const[]){"key", "list", "--json", NULL}, "", true, true, &shown);
    assert_memory_equal(shown.out.text, list, sizeof list - 1);
    assert_string_equal(shown.out.text + sizeof list - 1, "\n");
    assert_string_equal(shown.err.text, "");
}

/* Nobody is asked, and nothing is read. */
static void what_is_no_order_is_bad_usage(void **state) {
    static const struct {
        const char *argv[8], *said;
    } rows[] = {
        {{"key"}, "usage: "},
        {{"key", "sett", "p"}, "usage: "},
        {{"key", "set"}, "usage: "},
        {{"key", "set", "p", "q"}, "usage: "},
        {{"key", "list", "p"}, "usage: "},
        {{"key", "rekey", "p"}, "usage: "},
        {{"key", "next", "p", "--rotate-after-days", "3"}, "usage: "},
        {{"key", "rotate", "p", "--rotate-after-days", "3"}, "usage: "},
        {{"key", "validate", "p", "--rotate-after-days", "3"}, "usage: "},
        {{"key", "set", "p", "--grace-seconds", "3"}, "usage: "},
        {{"key", "list", "--grace-seconds", "3"}, "usage: "},
        {{"key", "set", "p", "--passphrase"}, "usage: "},
        {{"key", "set", "p", "--master-key"}, "usage: "},
        {{"key", "rekey", "--passphrase", "--master-key"}, "usage: "},
        {{"key", "set", "p q"}, "weir key: `p q` is no name for a credential: PROVIDER or PROVIDER/NAME\nusage: "},
        {{"key", "set", "p/q/r"}, "weir key: `p/q/r` is no name for a credential"},
        {{"key", "set", "p", "--rotate-after-days", "3651"},
         "weir key: --rotate-after-days takes a whole number up to 3650\n"},
        {{"key", "set", "p", "--rotate-after-days", "x"}, "weir key: --rotate-after-days takes a whole number"},
        {{"key", "rotate", "p", "--grace-seconds", "7776001"},
         "weir key: --grace-seconds takes a whole number up to 7776000\n"},
        {{"key", "rotate", "p", "--grace-seconds", "-1"}, "weir key: --grace-seconds takes a whole number"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        key_run(&far, rows[i].argv, "sk-1", false, false, &shown);
        if (shown.status != 2 || strncmp(shown.err.text, rows[i].said, strlen(rows[i].said)) != 0)
            fail_msg("row %zu: %d, %s", i, shown.status, shown.err.text);
        assert_string_equal(shown.out.text, "");
    }
    struct shown shown;
    struct far far = {.status = "200 OK", .body = "{}"};
    key_run(&far, (const char *const[]){"key", "--help", NULL}, "", false, false, &shown);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(shown.out.text, "\nForms:\n  weir key list\n"));
}

/* Nothing, blanks alone and too much are no secret; the most is taken whole. */
static void what_is_no_secret_is_not_sent(void **state) {
    enum { most = 17 * 1024 };
    static char text[most + 2];
    static const struct {
        size_t len;
        bool taken;
    } rows[] = {{0, false}, {1, true}, {1000, true}, {most, false}, {most + 1, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        memset(text, 'k', rows[i].len);
        text[rows[i].len] = 0;
        key_run(&far, (const char *const[]){"key", "set", "p", NULL}, text, rows[i].taken, false, &shown);
        assert_int_equal(shown.status, rows[i].taken ? 0 : 1);
        assert_string_equal(shown.err.text,
                            rows[i].taken ? ""
                                          : "weir key: nothing (or too much) came on standard input for the secret\n");
    }
    struct shown shown;
    struct far far = {.status = "200 OK", .body = "{}"};
    key_run(&far, (const char *const[]){"key", "set", "p", NULL}, " \n\t ", false, false, &shown);
    assert_int_equal(shown.status, 1);
}

/* Types once the terminal does not show what is typed, which is when it has been asked. */
static void *type_when_asked(void *context) {
    int terminal = *(int *)context;
    struct termios how;
    for (int i = 0; i < 1000; i++) {
        if (tcgetattr(terminal, &how) == 0 && !(how.c_lflag & ECHO)) break;
        usleep(5000);
    }
    ssize_t put = write(terminal, "sk-typed\nmore\n", 14);
    (void)put;
    return NULL;
}

/* At a terminal a secret is asked for, is not shown, and ends with its line; the terminal is then as it was. */
static void a_secret_at_a_terminal_is_not_shown(void **state) {
    int theirs, ours = said_terminal(&theirs), before = dup(STDIN_FILENO);
    struct termios was, is;
    struct said err;
    char secret[64];
    (void)state;
    assert_int_equal(dup2(theirs, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(tcgetattr(theirs, &was), 0);
    assert_true(was.c_lflag & ECHO);
    said_begin(&err, stderr);
    pthread_t typist;
    assert_int_equal(pthread_create(&typist, NULL, type_when_asked, &ours), 0);
    bool read_it = cli_secret_read("key", "Secret", "the secret", secret, sizeof secret);
    pthread_join(typist, NULL);
    said_end(&err);
    assert_int_equal(tcgetattr(theirs, &is), 0);
    dup2(before, STDIN_FILENO);
    close(before);
    assert_true(read_it);
    assert_string_equal(secret, "sk-typed");
    assert_string_equal(err.text, "Secret (it is not shown): \n");
    assert_int_equal(is.c_lflag, was.c_lflag);
    char shown[64];
    fcntl(ours, F_SETFL, O_NONBLOCK);
    ssize_t got = read(ours, shown, sizeof shown);
    assert_true(got <= 0 || !memchr(shown, 'k', (size_t)got));
    close(theirs);
    close(ours);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_action_asks_for_its_own_and_says_what_was_done),
        cmocka_unit_test(whether_a_key_is_valid_is_said_by_word_and_by_status),
        cmocka_unit_test(at_a_terminal_the_list_is_a_table),
        cmocka_unit_test(what_is_no_order_is_bad_usage),
        cmocka_unit_test(what_is_no_secret_is_not_sent),
        cmocka_unit_test(a_secret_at_a_terminal_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
