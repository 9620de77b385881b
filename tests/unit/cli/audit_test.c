/* audit_test.c - weir audit at a gateway: what it asks, and how rows, verdicts and heads are shown. */
#include "far.h"

static void each_option_is_a_part_of_the_question(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"audit", "list"}, .asks = "GET /admin/v1/audit", .out = "{}\n"},
        {.argv = {"audit", "list", "--since", "7d"}, .asks = "GET /admin/v1/audit?since=7d", .out = "{}\n"},
        {.argv = {"audit", "list", "--until", "1d", "--limit", "5"},
         .asks = "GET /admin/v1/audit?until=1d&limit=5",
         .out = "{}\n"},
        {.argv = {"audit", "list", "--csv"}, .asks = "GET /admin/v1/audit?format=csv", .body = "a,b\n", .out = "a,b\n"},
        {.argv = {"audit", "head"}, .asks = "GET /admin/v1/audit/head", .body = "{\"head\":\"ab12\"}", .out = "ab12\n"},
        {.argv = {"audit", "head", "--json"}, .asks = "GET /admin/v1/audit/head", .out = "{}\n"},
        {.argv = {"audit", "verify", "--head", "ab"},
         .asks = "GET /admin/v1/audit/verify?head=ab",
         .body = "{\"good\":true,\"rows\":3,\"seq\":5,\"head\":\"ef\",\"head_of\":2}",
         .out = "whole: 3 rows; it ends in row 5, head ef\nthe head that was given is row 2's\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_audit);
}

static void a_chain_is_whole_or_it_is_said_what_is_wrong(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"audit", "verify"},
         .asks = "GET /admin/v1/audit/verify",
         .body = "{\"good\":true,\"rows\":1,\"seq\":1,\"head\":\"ef\",\"erased\":2}",
         .out = "whole: 1 row; it ends in row 1, head ef\nerased: 2 names\n"},
        {.argv = {"audit", "verify"},
         .asks = "GET /admin/v1/audit/verify",
         .body = "{\"good\":false,\"said\":\"row 2 was changed\"}",
         .ends = 1,
         .out = "WRONG: row 2 was changed\n"},
        {.argv = {"audit", "verify", "--json"},
         .asks = "GET /admin/v1/audit/verify",
         .body = "{\"good\":false}",
         .ends = 1,
         .out = "{\"good\":false}\n"},
        {.argv = {"audit", "verify"},
         .asks = "GET /admin/v1/audit/verify",
         .body = "{}",
         .ends = 1,
         .out = "WRONG: \n"},
        {.argv = {"audit", "verify"},
         .asks = "GET /admin/v1/audit/verify",
         .status = "403 No",
         .body = "{\"error\":{\"message\":\"no\"}}",
         .ends = 1,
         .err = "weir: 403: no\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_audit);
}

static void rows_are_lines_at_a_terminal(void **state) {
    static const char body[] =
        "{\"rows\":[{\"seq\":12,\"time\":\"2026-11-22T10:00:00.123Z\",\"action\":\"client_add\",\"actor\":\"admin\","
        "\"address\":\"127.0.0.1\",\"subject\":\"app\",\"detail\":\"in\",\"outcome\":\"ok\"},{\"seq\":11,\"time\":"
        "\"2026-11-22T09:00:00.123Z\",\"action\":\"reload\",\"actor\":\"uid 0\",\"detail\":\"by hand\",\"outcome\":"
        "\"refused\"},{\"seq\":10,\"time\":\"2026-11-22T08:00:00.123Z\",\"action\":\"drain\",\"subject\":\"all\","
        "\"outcome\":\"ok\"}],\"more\":true}";
    static const struct far_row rows[] = {
        {.argv = {"audit", "list"},
         .asks = "GET /admin/v1/audit",
         .terminal = true,
         .body = body,
         .out = "    12  2026-11-22T10:00:00  client_add         admin                    127.0.0.1        app: in\n"
                "    11  2026-11-22T09:00:00  reload             uid 0                                     by hand (it "
                "came to nothing)\n"
                "    10  2026-11-22T08:00:00  drain                                                        all\n"
                "There are older ones: --limit, --since, or before=N of GET /admin/v1/audit\n"},
        {.argv = {"audit", "list"}, .asks = "GET /admin/v1/audit", .terminal = true, .body = "{\"rows\":[]}"},
        {.argv = {"audit", "list", "--json"}, .asks = "GET /admin/v1/audit", .terminal = true, .out = "{}\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_audit);
}

static void what_is_asked_wrongly_is_said(void **state) {
    static char long_one[400];
    static const char *const forms[][5] = {
        {"audit"},
        {"audit", "lists"},
        {"audit", "verify", "--since", "1d"},
        {"audit", "verify", "--until", "1d"},
        {"audit", "head", "--limit", "1"},
        {"audit", "head", "--csv"},
        {"audit", "list", "--head", "ab"},
        {"audit", "head", "--head", "ab"},
    };
    struct far far = {.status = "200 OK", .body = "{}"};
    struct shown shown;
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *argv[6] = {NULL};
        for (size_t w = 0; w < 5 && forms[i][w]; w++) argv[w] = forms[i][w];
        command_run(&far, cli_audit, argv, false, &shown);
        if (shown.status != 2) fail_msg("form %zu ends with %d", i, shown.status);
        assert_memory_equal(shown.err.text, "usage: weir audit list|verify|head [OPTION ...]\n", 48);
    }
    memset(long_one, 'a', sizeof long_one - 1);
    const struct far_row row = {
        .argv = {"audit", "list", "--since", long_one}, .ends = 2, .err = "weir audit: an argument is too long\n"};
    far_row_check(&row, 0, cli_audit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_is_a_part_of_the_question),
        cmocka_unit_test(a_chain_is_whole_or_it_is_said_what_is_wrong),
        cmocka_unit_test(rows_are_lines_at_a_terminal),
        cmocka_unit_test(what_is_asked_wrongly_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
