/* weir_clients_test.c - clients made and changed at run time through the library: what is told of each, whole, what is
 * refused in which words, and how a long list is told in pieces. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char folder[64];

static struct weir *opened(void) {
    char text[1024];
    struct weir_error error = {.code = ""};
    struct weir_host host = weir_host_default;
    host.keeps_marks = true;
    snprintf(
        text, sizeof text,
        "state_dir: %s/state\nworkers: 1\nproviders:\n"
        "  a: {type: openai, api_key: k, base_url: \"http://127.0.0.1:9/v1\", models: [m, n]}\n"
        "clients:\n"
        "  - {name: one, key_hash: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}\n"
        "  - {name: old, key_hash: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', role: admin,"
        " expires_at: 2026-01-02}\n",
        folder);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = library_open_in(&options, &host, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

static int begin(void **state) {
    char path[80];
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "mkdir %s/state", folder);
    return system(path);
}

static int end(void **state) {
    char command[80];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

/* What is another at each run: the text behind each of these, up to the quote, becomes `*`. */
static const char *masked(char *text) {
    static const char *const members[] = {"\"id\":\"",         "\"key\":\"",        "\"created_at\":\"",
                                          "\"changed_at\":\"", "\"rotated_at\":\"", "\"previous_key_until\":\""};
    assert_non_null(text);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        for (char *at = text; (at = strstr(at, members[i]));) {
            at += strlen(members[i]);
            char *quote = strchr(at, '"');
            assert_true(quote > at);
            *at = '*';
            memmove(at + 1, quote, strlen(quote) + 1);
        }
    return text;
}

/* Frees what is told. */
static void assert_told(char *text, const char *wanted) {
    if (strcmp(masked(text), wanted) != 0) fail_msg("%s", text);
    weir_free(text);
}

#define HEAD(name, state) \
    "{\"name\":\"" name "\",\"id\":\"*\",\"from\":\"runtime\",\"role\":\"user\",\"state\":\"" state "\","
#define TIMES "\"created_at\":\"*\",\"changed_at\":\"*\",\"rotated_at\":\"*\","
#define NOW(name) \
    "\"now\":{\"name\":\"" name "\",\"role\":\"user\",\"owners\":[],\"budgets\":[],\"limits\":{},\"rate_limits\":[]}"

static void each_change_is_told_whole(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = opened();
    assert_told(
        weir_client_add(weir, "app", "{\"rate_limit_rpm\":5,\"expires_at\":\"2099-01-02\"}", &error),
        "{\"name\":\"app\",\"key\":\"*\",\"id\":\"*\",\"from\":\"runtime\",\"role\":\"user\",\"state\":\"active\","
        "\"settings\":{\"rate_limit_rpm\":5,\"expires_at\":\"2099-01-02\"}," TIMES "\"uses\":0}");
    assert_told(
        weir_client(weir, "app", &error),
        HEAD("app",
             "active") "\"settings\":{\"rate_limit_rpm\":5,\"expires_at\":\"2099-01-02\"}," TIMES
                       "\"uses\":0,\"now\":{\"name\":\"app\",\"role\":\"user\",\"owners\":[],"
                       "\"budgets\":[],\"limits\":{\"rate_limit_rpm\":{\"limit\":5,\"left\":5}},\"rate_limits\":[]}}");
    assert_int_equal(weir_client_change(weir, "app", "{\"rate_limit_rpm\":null,\"expires_at\":\"2026-01-02\"}", &error),
                     0);
    assert_told(weir_client(weir, "app", &error),
                HEAD("app", "expired") "\"settings\":{\"expires_at\":\"2026-01-02\"}," TIMES
                                       "\"uses\":0," NOW("app") "}");
    assert_int_equal(weir_client_change(weir, "app", "{\"expires_at\":\"2099-01-02T03:04:05Z\"}", &error), 0);
    assert_int_equal(weir_client_disable(weir, "app", &error), 0);
    assert_told(
        weir_client(weir, "app", &error),
        HEAD("app", "disabled") "\"settings\":{\"expires_at\":\"2099-01-02T03:04:05Z\",\"enabled\":false}," TIMES
                                "\"uses\":0," NOW("app") "}");
    assert_int_equal(weir_client_enable(weir, "app", &error), 0);
    assert_told(
        weir_client_rotate(weir, "app", 60, &error),
        "{\"name\":\"app\",\"key\":\"*\",\"id\":\"*\",\"from\":\"runtime\",\"role\":\"user\",\"state\":\"active\","
        "\"settings\":{\"expires_at\":\"2099-01-02T03:04:05Z\"}," TIMES "\"previous_key_until\":\"*\",\"uses\":0}");
    weir_free(weir_client_rotate(weir, "app", 0, &error));
    assert_told(weir_client(weir, "app", &error),
                HEAD("app", "active") "\"settings\":{\"expires_at\":\"2099-01-02T03:04:05Z\"}," TIMES
                                      "\"uses\":0," NOW("app") "}");
    assert_int_equal(weir_client_revoke(weir, "app", &error), 0);
    char *told = weir_client(weir, "app", &error);
    assert_non_null(strstr(masked(told), "\"state\":\"revoked\""));
    weir_free(told);
    weir_close(weir, 0);
}

static void those_of_the_file_are_told_shortly_in_a_list(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = opened();
    static const char *const names[] = {"c1", "c2", "c3"};
    for (size_t i = 0; i < 3; i++) weir_free(weir_client_add(weir, names[i], "{}", &error));
#define ONE "{\"name\":\"one\",\"from\":\"file\",\"role\":\"user\",\"state\":\"active\",\"edited\":false}"
#define OLD                                                                                                    \
    "{\"name\":\"old\",\"from\":\"file\",\"role\":\"admin\",\"state\":\"expired\",\"edited\":false,\"expires_" \
    "at\":\"2026-01-02T00:00:00Z\"}"
#define MADE(name) HEAD(name, "active") "\"settings\":{}," TIMES "\"uses\":0}"
    assert_told(weir_clients(weir, NULL, 1, &error),
                "{\"clients\":[" ONE "],\"identities\":0,\"next\":\"one\",\"total\":5}");
    assert_told(weir_clients(weir, "one", 2, &error),
                "{\"clients\":[" OLD "," MADE("c1") "],\"identities\":0,\"next\":\"c1\",\"total\":5}");
    assert_told(weir_clients(weir, "c1", 1, &error),
                "{\"clients\":[" MADE("c2") "],\"identities\":0,\"next\":\"c2\",\"total\":5}");
    assert_told(
        weir_clients(weir, "c1", 2, &error),
        "{\"clients\":[" MADE("c2") "," MADE("c3") "],\"identities\":0,\"total\":5}"); /* no more than there are */
    assert_told(weir_clients(weir, "c3", 2, &error), "{\"clients\":[],\"identities\":0,\"total\":5}");
    assert_told(weir_clients(weir, NULL, 5, &error), "{\"clients\":[" ONE "," OLD "," MADE("c1") "," MADE(
                                                         "c2") "," MADE("c3") "],\"identities\":0,\"total\":5}");
    assert_null(weir_clients(weir, "none", 5, &error));
    assert_string_equal(error.code, "unknown_client");
    weir_close(weir, 0);
}

static void what_does_not_do_is_refused_and_says_why(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = opened();
    assert_null(weir_client_add(weir, "one", "{}", &error));
    assert_string_equal(error.code, "name_exists");
    assert_null(weir_client_add(weir, "", "{}", &error));
    assert_string_equal(error.code, "invalid_request");
    assert_null(weir_client_add(weir, "a b", "{}", &error));
    assert_string_equal(error.code, "invalid_request");
    assert_null(weir_client_add(weir, "app", "{\"rate_limit_rpm\":-1}", &error));
    assert_string_equal(error.code, "invalid_request");
    assert_null(weir_client_add(weir, "app", "[]", &error));
    assert_string_equal(error.code, "invalid_request");
    assert_int_equal(weir_client_change(weir, "none", "{}", &error), -1);
    assert_string_equal(error.code, "unknown_client");
    assert_null(weir_client(weir, "none", &error));
    assert_string_equal(error.code, "unknown_client");
    assert_null(weir_client_rotate(weir, "one", 0, &error));
    assert_int_equal(weir_client_reset(weir, "none", &error), -1);
    assert_string_equal(error.code, "unknown_client");
    assert_told(weir_clients(weir, "old", 5, &error), "{\"clients\":[],\"identities\":0,\"total\":2}");
    weir_close(weir, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_change_is_told_whole, begin, end),
        cmocka_unit_test_setup_teardown(those_of_the_file_are_told_shortly_in_a_list, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_do_is_refused_and_says_why, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
