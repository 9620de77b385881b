/* budget_test.c - weir budget list and weir usage at a gateway: what they ask, and the tables that they show. */
#include "far.h"

static void budgets_are_shown_as_a_table(void **state) {
    static const struct {
        const char *body, *shown;
    } rows[] = {
        {"{\"budgets\":[]}", "no budget is configured\n"},
        {"{}", "no budget is configured\n"},
        {"no json", "no json\n"},
        {"{\"budgets\":[{\"owner\":\"client app\",\"name\":\"day\",\"window\":\"day\",\"spent_usd\":\"1.230000000\","
         "\"reserved_usd\":\"0.000000001\",\"limit_usd\":\"20.000000000\",\"resets_at\":\"2026-11-23T00:00:00Z\"},{"
         "\"owner\":\"\","
         "\"name\":\"pot\",\"window\":\"lifetime\",\"spent_usd\":\"0.500000000\",\"limit_usd\":\"3.125000000\"}]}",
         "OWNER                    NAME             WINDOW             SPENT       RESERVED          LIMIT  RESETS\n"
         "client app               day              day                 1.23    0.000000001          20.00  "
         "2026-11-23T00:00:00Z\n"
         "-                        pot              lifetime            0.50              0          3.125  -\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = rows[i].body};
        command_run(&far, cli_budget, ARGV("budget", "list"), true, &shown);
        assert_memory_equal(far.net.heard, "GET /admin/v1/budgets HTTP/1.1\r\n", 32);
        assert_string_equal(shown.out.text, rows[i].shown);
        assert_int_equal(shown.status, 0);
        command_run(&far, cli_budget, ARGV("budget", "list", "--json"), true, &shown);
        assert_memory_equal(shown.out.text, rows[i].body, strlen(rows[i].body));
        assert_string_equal(shown.out.text + strlen(rows[i].body), "\n");
    }
}

#define ROW(name, cost)                                               \
    "{\"provider\":\"" name "\",\"model\":\"m\",\"cost_usd\":\"" cost \
    "\",\"requests\":12,\"errors\":3,\"input_tokens\":400,"           \
    "\"cached_share\":0.25,\"output_tokens\":50,\"latency_ms\":{\"p95\":67.6}}"

static void usage_is_a_table_at_a_terminal_and_json_elsewhere(void **state) {
    static const char body[] =
        "{\"rows\":[" ROW("one", "2.000000000") "," ROW("", "0.500000000") "],\"total\":" ROW("", "2.5") "}";
    static const char empty[] = "{\"rows\":[],\"total\":{\"requests\":0}}";
    struct shown shown;
    struct far far = {.status = "200 OK", .body = body};
    (void)state;
    command_run_on(&far, cli_usage_command, ARGV("usage"), true, true, &shown);
    assert_memory_equal(far.net.heard, "GET /admin/v1/usage?by=provider HTTP/1.1\r\n", 42);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(shown.out.text, "one "));
    const char *first = strstr(shown.out.text, "one "), *line = strchr(first, '\n');
    assert_non_null(strstr(first, "       12       3          400   25.0%           50    2.000000000        68 ms"));
    assert_true(memcmp(line - 20, "####################", 20) == 0);
    assert_non_null(strstr(line, "0.500000000        68 ms  #####...............\n"));
    command_run(&far, cli_usage_command, ARGV("usage"), true, &shown);
    assert_memory_equal(shown.out.text, body, sizeof body - 1);
    command_run_on(&far, cli_usage_command, ARGV("usage", "--json"), true, true, &shown);
    assert_memory_equal(shown.out.text, body, sizeof body - 1);
    far.body = empty;
    command_run_on(&far, cli_usage_command, ARGV("usage"), true, true, &shown);
    assert_int_equal(shown.status, 0);
    assert_null(strchr(shown.out.text, '#'));
    far.body = "a,b\n1,2\n";
    command_run(&far, cli_usage_command, ARGV("usage", "--csv"), true, &shown);
    assert_non_null(strstr(far.net.heard, "format=csv"));
    assert_string_equal(shown.out.text, far.body);
}

static void what_is_asked_wrongly_or_refused_has_its_status(void **state) {
    static const struct {
        int (*command)(int argc, char **argv);
        const char *argv[4];
        int status;
    } rows[] = {
        {cli_budget, {"budget"}, 2},
        {cli_budget, {"budget", "lists"}, 2},
        {cli_budget, {"budget", "list", "more"}, 2},
        {cli_budget, {"budget", "--help"}, 0},
        {cli_usage_command, {"usage", "more"}, 2},
        {cli_usage_command, {"usage", "--bye"}, 2},
        {cli_usage_command, {"usage", "--help"}, 0},
        {cli_version, {"version", "more"}, 2},
        {cli_check, {"check", "more"}, 2},
        {cli_check, {"check", "--help"}, 0},
        {cli_catalog, {"catalog", "--help"}, 0},
    };
    struct shown shown;
    struct far far = {.status = "403 No", .body = "{\"error\":{\"message\":\"no\"}}"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        command_run(&far, rows[i].command, rows[i].argv, false, &shown);
        if (shown.status != rows[i].status) fail_msg("row %zu: %d, %s", i, shown.status, shown.err.text);
    }
    command_run(&far, cli_budget, ARGV("budget", "list"), true, &shown);
    assert_int_equal(shown.status, 1);
    assert_memory_equal(shown.err.text, "weir: 403: no\n", 14);
    assert_string_equal(shown.out.text, "");
    command_run(&far, cli_usage_command, ARGV("usage"), true, &shown);
    assert_int_equal(shown.status, 1);
    assert_string_equal(shown.out.text, "");
    far.status = "201 Odd";
    command_run(&far, cli_budget, ARGV("budget", "list"), true, &shown);
    assert_int_equal(shown.status, 1);
    command_run(&far, cli_usage_command, ARGV("usage"), true, &shown);
    assert_int_equal(shown.status, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets_are_shown_as_a_table),
        cmocka_unit_test(usage_is_a_table_at_a_terminal_and_json_elsewhere),
        cmocka_unit_test(what_is_asked_wrongly_or_refused_has_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
