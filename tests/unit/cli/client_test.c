/* client_test.c - weir client: what each of its forms asks, how key=value becomes JSON, and what is shown. */
#include "far.h"

static void each_form_is_one_request(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"client", "list"}, .asks = "GET /admin/v1/clients", .out = "{}\n"},
        {.argv = {"client", "list", "--after", "a", "--limit", "2"},
         .asks = "GET /admin/v1/clients?after=a&limit=2",
         .out = "{}\n"},
        {.argv = {"client", "show", "app"}, .asks = "GET /admin/v1/clients/app", .out = "{}\n"},
        {.argv = {"client", "add", "app"},
         .asks = "POST /admin/v1/clients",
         .says = "{\"name\":\"app\"}",
         .status = "201 Created",
         .body = "{\"key\":\"wr-1\"}",
         .out = "wr-1\n",
         .err = "app is added. Its key, which nobody can show again:\n"},
        {.argv = {"client", "create", "app", "--json"},
         .asks = "POST /admin/v1/clients",
         .says = "{\"name\":\"app\"}",
         .status = "201 Created",
         .body = "{\"key\":\"wr-1\"}",
         .out = "{\"key\":\"wr-1\"}\n"},
        {.argv = {"client", "change", "app", "models=a"},
         .asks = "PATCH /admin/v1/clients/app",
         .says = "{\"models\":[\"a\"]}",
         .out = "app is changed\n"},
        {.argv = {"client", "rotate", "app"},
         .asks = "POST /admin/v1/clients/app/rotate",
         .body = "{\"key\":\"wr-2\"}",
         .out = "wr-2\n",
         .err = "app has its next key. Its key, which nobody can show again:\n"},
        {.argv = {"client", "rotate", "app", "--grace-seconds", "0"},
         .asks = "POST /admin/v1/clients/app/rotate",
         .says = "{\"grace_seconds\":0}",
         .out = "app has its next key\n"},
        {.argv = {"client", "disable", "app"},
         .asks = "POST /admin/v1/clients/app/disable",
         .out = "app is disabled: its key is refused\n"},
        {.argv = {"client", "enable", "app"}, .asks = "POST /admin/v1/clients/app/enable", .out = "app is enabled\n"},
        {.argv = {"client", "revoke", "app"}, .asks = "DELETE /admin/v1/clients/app", .out = "app is revoked\n"},
        {.argv = {"client", "reset", "app"},
         .asks = "POST /admin/v1/clients/app/reset",
         .out = "app is as the configuration says again\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_client);
}

static void a_setting_becomes_json_of_its_keys_kind(void **state) {
    static const struct {
        const char *setting, *json;
    } rows[] = {
        {"models=gpt-*, claude-*,,", "{\"models\":[\"gpt-*\",\"claude-*\"]}"},
        {"models=", "{\"models\":null}"},
        {"models=null", "{\"models\":null}"},
        {"models=[\"a\"]", "{\"models\":[\"a\"]}"},
        {"rate_limit_rpm=60", "{\"rate_limit_rpm\":60}"},
        {"rate_limit_rpm=+60", "{\"rate_limit_rpm\":\"+60\"}"},
        {"rate_limit_rpm=.5", "{\"rate_limit_rpm\":\".5\"}"},
        {"rate_limit_rpm=5.", "{\"rate_limit_rpm\":\"5.\"}"},
        {"rate_limit_rpm=6a0", "{\"rate_limit_rpm\":\"6a0\"}"},
        {"rate_limit_rpm=9", "{\"rate_limit_rpm\":9}"},
        {"rate_limit_rpm=10", "{\"rate_limit_rpm\":10}"},
        {"in=10", "{\"in\":\"10\"}"},
        {"in=true", "{\"in\":\"true\"}"},
        {"in=off", "{\"in\":\"off\"}"},
        {"unknown=10", "{\"unknown\":\"10\"}"},
        {"unknown=true", "{\"unknown\":\"true\"}"},
        {"unknown=yes", "{\"unknown\":\"yes\"}"},
        {"unknown=on", "{\"unknown\":\"on\"}"},
        {"unknown=false", "{\"unknown\":\"false\"}"},
        {"unknown=no", "{\"unknown\":\"no\"}"},
        {"unknown=off", "{\"unknown\":\"off\"}"},
        {"unknown={\"a\":1}", "{\"unknown\":{\"a\":1}}"},
        {"in=a=\"b\"", "{\"in\":\"a=\\\"b\\\"\"}"},
        {"tags.team=search", "{\"tags\":{\"team\":\"search\"}}"},
        {"tags.team=", "{\"tags\":{\"team\":null}}"},
        {"tags.team=[x]", "{\"tags\":{\"team\":\"[x]\"}}"},
        {"tags.team=null", "{\"tags\":{\"team\":\"null\"}}"},
        {"tags.team=-", "{\"tags\":{\"team\":\"-\"}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct far_row row = {.argv = {"client", "change", "app", rows[i].setting},
                                    .asks = "PATCH /admin/v1/clients/app",
                                    .says = rows[i].json,
                                    .out = "app is changed\n"};
        far_row_check(&row, i, cli_client);
    }
}

static void tags_stand_together(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"client", "add", "app", "tags.a=1", "in=search", "tags.b=x y"},
         .asks = "POST /admin/v1/clients",
         .says = "{\"name\":\"app\",\"tags\":{\"a\":\"1\",\"b\":\"x y\"},\"in\":\"search\"}",
         .out = "app is added\n"},
        {.argv = {"client", "change", "app", "tags.a=1", "tags.b=2"},
         .asks = "PATCH /admin/v1/clients/app",
         .says = "{\"tags\":{\"a\":\"1\",\"b\":\"2\"}}",
         .out = "app is changed\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_client);
}

static void clients_are_a_table_at_a_terminal(void **state) {
    static const char body[] =
        "{\"clients\":[{\"name\":\"app\",\"from\":\"file\",\"role\":\"client\",\"state\":\"active\",\"uses\":1234,"
        "\"last_used_at\":\"2026-11-22T10:00:00Z\",\"settings\":{\"in\":\"search\"}},{\"name\":\"two\",\"from\":"
        "\"\"}],\"next\":\"two\"}";
    static const struct far_row rows[] = {
        {.argv = {"client", "list"},
         .asks = "GET /admin/v1/clients",
         .terminal = true,
         .body = body,
         .out = "CLIENT                           FROM     ROLE      STATE           USES LAST USED            IN\n"
                "app                              file     client    active          1234 2026-11-22T10:00:00Z search\n"
                "two                              -        -         -                  0 -                    -\n"
                "and more: --after two\n"},
        {.argv = {"client", "list"},
         .asks = "GET /admin/v1/clients",
         .terminal = true,
         .body = "{\"clients\":[]}",
         .out = "CLIENT                           FROM     ROLE      STATE           USES LAST USED            IN\n"},
        {.argv = {"client", "list", "--json"}, .asks = "GET /admin/v1/clients", .terminal = true, .out = "{}\n"},
        {.argv = {"client", "list"},
         .asks = "GET /admin/v1/clients",
         .body = body,
         .out = "{\"clients\":[{\"name\":\"app\",\"from\":\"file\",\"role\":\"client\",\"state\":\"active\",\"uses\":"
                "1234,\"last_used_at\":\"2026-11-22T10:00:00Z\",\"settings\":{\"in\":\"search\"}},{\"name\":\"two\","
                "\"from\":\"\"}],\"next\":\"two\"}\n"},
        {.argv = {"client", "list"},
         .asks = "GET /admin/v1/clients",
         .terminal = true,
         .body = "no json",
         .out = "no json\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_client);
}

#define NO .status = "409 No", .body = "{\"error\":{\"message\":\"no\"}}", .ends = 1, .err = "weir: 409: no\n"
#define REDIRECTED .status = "300 No", .body = "{\"error\":{\"message\":\"no\"}}", .ends = 1, .err = "weir: 300: no\n"
static const char longest[] = "a234567890123456789012345678901234567890123456789012345678901234";

static void what_is_refused_or_does_not_fit_is_said(void **state) {
    const struct far_row rows[] = {
        {.argv = {"client", "list"}, .asks = "GET /admin/v1/clients", NO},
        {.argv = {"client", "show", "app"}, .asks = "GET /admin/v1/clients/app", NO},
        {.argv = {"client", "enable", "app"}, .asks = "POST /admin/v1/clients/app/enable", NO},
        {.argv = {"client", "enable", "app"}, .asks = "POST /admin/v1/clients/app/enable", REDIRECTED},
        {.argv = {"client", "revoke", longest},
         .asks = "DELETE /admin/v1/clients/a234567890123456789012345678901234567890123456789012345678901234",
         .out = "a234567890123456789012345678901234567890123456789012345678901234 is revoked\n"},
        {.argv = {"client", "revoke", "a2345678901234567890123456789012345678901234567890123456789012345"},
         .ends = 2,
         .err = "weir client: `a2345678901234567890123456789012345678901234567890123456789012345` is no name for a "
                "client: "
                "letters, digits, `-`, `_` and `.`, 64 of them at most\n"},
        {.argv = {"client", "show", ""},
         .ends = 2,
         .err = "weir client: `` is no name for a client: letters, digits, `-`, `_` and `.`, 64 of them at most\n"},
        {.argv = {"client", "show", "a/b"},
         .ends = 2,
         .err = "weir client: `a/b` is no name for a client: letters, digits, `-`, `_` and `.`, 64 of them at most\n"},
        {.argv = {"client", "change", "app", "in"}, .ends = 2, .err = "weir client: `in` is not key=value\n"},
        {.argv = {"client", "change", "app", "=in"}, .ends = 2, .err = "weir client: `=in` is not key=value\n"},
        {.argv = {"client", "rotate", "app", "--grace-seconds", "1.5"},
         .ends = 2,
         .err = "weir client: --grace-seconds takes a whole number\n"},
        {.argv = {"client", "list", "--limit", "-1"}, .ends = 2, .err = "weir client: --limit takes a whole number\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_client);
}

static void a_form_that_there_is_not_is_answered_with_those_there_are(void **state) {
    static const char *const forms[][6] = {
        {"client"},
        {"client", "list", "app"},
        {"client", "show"},
        {"client", "add"},
        {"client", "adds", "app"},
        {"client", "change", "app"},
        {"client", "rotate", "app", "in=a"},
        {"client", "add", "app", "--grace-seconds", "1"},
        {"client", "show", "app", "--limit", "1"},
        {"client", "add", "app", "--after", "a"},
    };
    struct far far = {.status = "200 OK", .body = "{}"};
    struct shown shown;
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *argv[7] = {NULL};
        for (size_t w = 0; w < 6 && forms[i][w]; w++) argv[w] = forms[i][w];
        command_run(&far, cli_client, argv, false, &shown);
        if (shown.status != 2) fail_msg("form %zu ends with %d", i, shown.status);
        assert_string_equal(shown.out.text, "");
        assert_memory_equal(shown.err.text, "usage: weir client ", 19);
        assert_non_null(strstr(shown.err.text, "\nForms:\n  weir client list [--after NAME] [--limit N]\n"));
    }
    static const char *const help[] = {"client", "--help", NULL};
    command_run(&far, cli_client, help, false, &shown);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(shown.out.text, "\nForms:\n"));
    assert_string_equal(shown.err.text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_one_request),
        cmocka_unit_test(a_setting_becomes_json_of_its_keys_kind),
        cmocka_unit_test(tags_stand_together),
        cmocka_unit_test(clients_are_a_table_at_a_terminal),
        cmocka_unit_test(what_is_refused_or_does_not_fit_is_said),
        cmocka_unit_test(a_form_that_there_is_not_is_answered_with_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
