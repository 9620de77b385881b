/* entry_test.c - weir route, rule, owner, template and budget where they change the configuration's entries: what each
 * form asks, how key=value becomes JSON, and what is shown. */
#include "config/config_entries.h"
#include "far.h"

static void each_form_of_a_rule_is_one_request(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"rule", "list"}, .asks = "GET /admin/v1/rules", .out = "{}\n"},
        {.argv = {"rule", "show", "big one"}, .asks = "GET /admin/v1/rules/big%20one", .out = "{}\n"},
        {.argv = {"rule", "add", "big"},
         .asks = "POST /admin/v1/rules",
         .says = "{\"name\":\"big\"}",
         .status = "201 Created",
         .out = "big is added\n"},
        {.argv = {"rule", "change", "big", "route=a"},
         .asks = "PATCH /admin/v1/rules/big",
         .says = "{\"route\":\"a\"}",
         .out = "big is changed\n"},
        {.argv = {"rule", "set", "big", "route=a", "--json"},
         .asks = "PATCH /admin/v1/rules/big",
         .says = "{\"route\":\"a\"}",
         .out = "{}\n"},
        {.argv = {"rule", "remove", "a/b~c_d-e.f%"},
         .asks = "DELETE /admin/v1/rules/a%2Fb~c_d-e.f%25",
         .out = "a/b~c_d-e.f% is removed\n"},
        {.argv = {"rule", "reset", "big"},
         .asks = "POST /admin/v1/rules/big/reset",
         .out = "big is as the configuration says again\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_rule);
}

static void owners_and_templates_have_paths_of_their_own(void **state) {
    static const struct far_row owner = {.argv = {"owner", "list"}, .asks = "GET /admin/v1/owners", .out = "{}\n"},
                                template = {.argv = {"template", "reset", "a"},
                                            .asks = "POST /admin/v1/templates/a/reset",
                                            .out = "a is as the configuration says again\n"};
    (void)state;
    far_row_check(&owner, 0, cli_owner);
    far_row_check(&template, 1, cli_template);
}

/* `weir budget reset` is about what was spent. */
static void a_budgets_change_is_dropped_by_revert(void **state) {
    (void)state;
    assert_true(cli_entry_named(entry_budget, "revert"));
    assert_false(cli_entry_named(entry_budget, "reset"));
    assert_true(cli_entry_named(entry_rule, "reset"));
    assert_false(cli_entry_named(entry_rule, "revert"));
    assert_true(cli_entry_named(entry_budget, "show"));
    assert_false(cli_entry_named(entry_budget, "list"));
    assert_true(cli_entry_named(entry_rule, "list"));
    assert_true(cli_entry_named(entry_rule, "add"));
    assert_false(cli_entry_named(entry_rule, "shows"));
    assert_false(cli_entry_named(entry_rule, NULL));
    static const struct far_row row = {.argv = {"budget", "revert", "day"},
                                       .asks = "POST /admin/v1/budgets/day/revert",
                                       .out = "day is as the configuration says again\n"};
    far_row_check(&row, 0, cli_budget);
}

static int route(int argc, char **argv) { return cli_entry(argc, argv, entry_route); }

static void a_setting_becomes_json_of_its_keys_kind(void **state) {
    static const struct {
        const char *settings[3], *json;
    } rows[] = {
        {{"targets=a, b,,c"}, "{\"targets\":[\"a\",\"b\",\"c\"]}"},
        {{"targets=[{\"provider\":\"a\"}]"}, "{\"targets\":[{\"provider\":\"a\"}]}"},
        {{"strategy=on"}, "{\"strategy\":\"on\"}"},
        {{"strategy="}, "{\"strategy\":null}"},
        {{"strategy=null"}, "{\"strategy\":null}"},
        {{"strategy=7"}, "{\"strategy\":\"7\"}"},
        {{"unknown=7"}, "{\"unknown\":\"7\"}"},
        {{"retry.max_attempts=3"}, "{\"retry\":{\"max_attempts\":3}}"},
        {{"retry.max_attempts=3", "strategy=a", "retry.base_ms=4"},
         "{\"retry\":{\"max_attempts\":3,\"base_ms\":4},\"strategy\":\"a\"}"},
        {{"retry.unknown=3"}, "{\"retry\":{\"unknown\":\"3\"}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct far_row row = {
            .argv = {"route", "change", "fast", rows[i].settings[0], rows[i].settings[1], rows[i].settings[2]},
            .asks = "PATCH /admin/v1/routes/fast",
            .says = rows[i].json,
            .out = "fast is changed\n"};
        far_row_check(&row, i, route);
    }
}

/* What a key that is a number or a truth may be written as; another text goes as text, for the gateway to refuse. */
static void numbers_and_truths_are_told_from_texts(void **state) {
    static const struct {
        const char *value, *json;
    } rows[] = {
        {"0", "0"},       {"7", "7"},         {"9", "9"},         {"-7", "-7"},     {"-", "\"-\""},
        {"10", "10"},     {"1.5", "1.5"},     {"0.5", "0.5"},     {"-0.5", "-0.5"}, {"-0", "\"-0\""},
        {"00", "\"00\""}, {"07", "\"07\""},   {"-07", "\"-07\""}, {"5.", "\"5.\""}, {".5", "\".5\""},
        {"+5", "\"+5\""}, {"5x", "\"5x\""},   {"x", "\"x\""},     {"true", "true"}, {"yes", "true"},
        {"on", "true"},   {"false", "false"}, {"no", "false"},    {"off", "false"}, {"of", "\"of\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char setting[64], json[64];
        snprintf(setting, sizeof setting, "retry.max_attempts=%s", rows[i].value);
        snprintf(json, sizeof json, "{\"retry\":{\"max_attempts\":%s}}", rows[i].json);
        const struct far_row row = {.argv = {"route", "change", "fast", setting},
                                    .asks = "PATCH /admin/v1/routes/fast",
                                    .says = json,
                                    .out = "fast is changed\n"};
        far_row_check(&row, i, route);
    }
}

static void entries_are_a_table_at_a_terminal(void **state) {
    static const char body[] =
        "{\"rules\":[{\"name\":\"big\",\"from\":\"file\",\"changed\":[\"route\",\"when\"],\"settings\":{\"route\":"
        "\"a\"}},"
        "{\"name\":\"old\",\"from\":\"file\",\"removed\":true,\"changed\":[\"route\"]},{\"name\":\"bad\",\"from\":"
        "\"run time\",\"removed\":true,\"problem\":\"no such route\",\"settings\":{}},{}]}";
    static const struct far_row rows[] = {
        {.argv = {"rule", "list"},
         .asks = "GET /admin/v1/rules",
         .terminal = true,
         .body = body,
         .out = "NAME                             FROM     CHANGED AT RUN TIME          SETTINGS\n"
                "big                              file     route,when                   {\"route\":\"a\"}\n"
                "old                              file     removed                      \n"
                "bad                              run time left out                     {}\n"
                "    no such route\n"
                "-                                -        -                            \n"},
        {.argv = {"rule", "list", "--json"}, .asks = "GET /admin/v1/rules", .terminal = true, .out = "{}\n"},
        {.argv = {"rule", "list"}, .asks = "GET /admin/v1/rules", .terminal = true, .body = "no", .out = "no\n"},
    };
    static const struct far_row routes = {
        .argv = {"route", "list"},
        .asks = "GET /admin/v1/routes",
        .terminal = true,
        .body = "{\"routes\":[{\"model\":\"fast\",\"from\":\"file\"}]}",
        .out = "MODEL                            FROM     CHANGED AT RUN TIME          SETTINGS\n"
               "fast                             file     -                            \n"};
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_rule);
    far_row_check(&routes, 3, route);
}

static void what_is_refused_or_does_not_fit_is_said(void **state) {
    static char longest[config_entry_name_max], too_long[config_entry_name_max + 1], asks[600], out[600];
    memset(longest, 'a', config_entry_name_max - 1);
    memset(too_long, 'a', config_entry_name_max);
    snprintf(asks, sizeof asks, "DELETE /admin/v1/rules/%s", longest);
    snprintf(out, sizeof out, "%s is removed\n", longest);
    const struct far_row rows[] = {
        {.argv = {"rule", "remove", "big"},
         .asks = "DELETE /admin/v1/rules/big",
         .status = "404 No",
         .body = "{\"error\":{\"message\":\"no\"}}",
         .ends = 1,
         .err = "weir: 404: no\n"},
        {.argv = {"rule", "remove", "big"},
         .asks = "DELETE /admin/v1/rules/big",
         .status = "300 No",
         .body = "{\"error\":{\"message\":\"no\"}}",
         .ends = 1,
         .err = "weir: 300: no\n"},
        {.argv = {"rule", "remove", longest}, .asks = asks, .out = out},
        {.argv = {"rule", "show", ""}, .ends = 2, .err = "weir rule: `` is no name for one\n"},
        {.argv = {"rule", "change", "big", "route"}, .ends = 2, .err = "weir rule: `route` is not key=value\n"},
        {.argv = {"rule", "change", "big", "=a"}, .ends = 2, .err = "weir rule: `=a` is not key=value\n"},
    };
    struct far far = {.status = "200 OK", .body = "{}"};
    struct shown shown;
    const char *long_one[] = {"rule", "show", too_long, NULL};
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_rule);
    command_run(&far, cli_rule, long_one, false, &shown);
    assert_int_equal(shown.status, 2);
    assert_non_null(strstr(shown.err.text, "aaaa` is no name for one\n"));
}

static void a_form_that_there_is_not_is_answered_with_those_there_are(void **state) {
    static const char *const forms[][5] = {
        {"rule"},
        {"rule", "list", "big"},
        {"rule", "show"},
        {"rule", "show", "big", "a=b"},
        {"rule", "adds", "big"},
        {"rule", "change", "big"},
        {"rule", "remove", "big", "a=b"},
        {"rule", "revert", "big"},
    };
    static const char shown_forms[] =
        "\nForms:\n  weir rule list\n  weir rule show NAME\n  weir rule add NAME key=value ...\n"
        "  weir rule change NAME key=value ...\n  weir rule remove NAME\n  weir rule reset NAME\n\nThe keys are those "
        "of `rules` in the configuration.";
    struct far far = {.status = "200 OK", .body = "{}"};
    struct shown shown;
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *argv[6] = {NULL};
        for (size_t w = 0; w < 5 && forms[i][w]; w++) argv[w] = forms[i][w];
        command_run(&far, cli_rule, argv, false, &shown);
        if (shown.status != 2) fail_msg("form %zu ends with %d", i, shown.status);
        assert_string_equal(shown.out.text, "");
        assert_non_null(strstr(shown.err.text, shown_forms));
    }
    static const char *const help[] = {"rule", "--help", NULL};
    command_run(&far, cli_rule, help, false, &shown);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(shown.out.text, shown_forms));
}

static void routes_and_budgets_have_forms_for_what_they_can_beside(void **state) {
    struct said said;
    (void)state;
    said_begin(&said, stdout);
    cli_entry_forms(stdout, entry_route);
    said_end(&said);
    assert_memory_equal(
        said.text, "\nForms for the routes of the configuration:\n  weir route list\n  weir route show MODEL\n", 86);
    said_begin(&said, stdout);
    cli_entry_forms(stdout, entry_budget);
    said_end(&said);
    assert_non_null(strstr(said.text, "Forms for the budgets of the configuration:\n  weir budget show NAME\n"));
    assert_non_null(strstr(said.text, "  weir budget revert NAME\n"));
    assert_null(strstr(said.text, "  weir budget reset NAME\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_of_a_rule_is_one_request),
        cmocka_unit_test(owners_and_templates_have_paths_of_their_own),
        cmocka_unit_test(a_budgets_change_is_dropped_by_revert),
        cmocka_unit_test(a_setting_becomes_json_of_its_keys_kind),
        cmocka_unit_test(numbers_and_truths_are_told_from_texts),
        cmocka_unit_test(entries_are_a_table_at_a_terminal),
        cmocka_unit_test(what_is_refused_or_does_not_fit_is_said),
        cmocka_unit_test(a_form_that_there_is_not_is_answered_with_those_there_are),
        cmocka_unit_test(routes_and_budgets_have_forms_for_what_they_can_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
