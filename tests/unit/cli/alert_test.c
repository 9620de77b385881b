/* alert_test.c - weir alert list: what it asks, and the table that it shows. */
#include "far.h"

static const char two[] =
    "{\"alerts\":[{\"raised_at\":\"2026-11-22T10:00:00Z\",\"active\":true,\"level\":\"warn\",\"kind\":\"quota\","
    "\"subject\":\"provider one\",\"message\":\"nearly spent\"},{\"raised_at\":\"2026-11-22T09:00:00Z\",\"active\":"
    "false,\"ended_at\":\"2026-11-22T09:30:00Z\",\"level\":\"error\",\"kind\":\"credential\",\"subject\":\"\"}]}";

static void alerts_are_a_table_or_as_they_came(void **state) {
    const struct far_row rows[] = {
        {.argv = {"alert", "list"},
         .asks = "GET /admin/v1/alerts",
         .body = two,
         .out = "RAISED               ENDED                LEVEL  KIND               SUBJECT                           "
                "   \n"
                "2026-11-22T10:00:00Z lasts                warn   quota              provider one                      "
                "   nearly spent\n"
                "2026-11-22T09:00:00Z 2026-11-22T09:30:00Z error  credential         -                                 "
                "   -\n"},
        {.argv = {"alert", "list", "--active"},
         .asks = "GET /admin/v1/alerts?active=true",
         .body = "{\"alerts\":[]}",
         .out = "there are no alerts\n"},
        {.argv = {"alert", "list"}, .asks = "GET /admin/v1/alerts", .body = "no json", .out = "no json\n"},
        {.argv = {"alert", "list", "--json"}, .asks = "GET /admin/v1/alerts", .out = "{}\n"},
        {.argv = {"alert", "list"},
         .asks = "GET /admin/v1/alerts",
         .status = "500 No",
         .body = "{\"error\":{\"message\":\"why\"}}",
         .ends = 1,
         .err = "weir: 500: why\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_alert);
}

static void another_word_than_list_is_answered_with_the_usage(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"alert"},
         .ends = 2,
         .err = "usage: weir alert list [--active] [OPTION ...]\n"
                "\n"
                "  --config, -c FILE        the configuration, in place of WEIR_CONFIG and ./weir.yaml\n"
                "  --url URL                the gateway, in place of WEIR_URL and of `listen`\n"
                "  --admin-key KEY          in place of WEIR_ADMIN_KEY and the state folder's\n"
                "  --json                   JSON, as the gateway says it\n"
                "  --active                 only those that last\n"},
        {.argv = {"alert", "lists"},
         .ends = 2,
         .err = "usage: weir alert list [--active] [OPTION ...]\n"
                "\n"
                "  --config, -c FILE        the configuration, in place of WEIR_CONFIG and ./weir.yaml\n"
                "  --url URL                the gateway, in place of WEIR_URL and of `listen`\n"
                "  --admin-key KEY          in place of WEIR_ADMIN_KEY and the state folder's\n"
                "  --json                   JSON, as the gateway says it\n"
                "  --active                 only those that last\n"},
        {.argv = {"alert", "list", "more"}, .ends = 2, .err = "weir alert: `more` is one argument too many\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_alert);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_are_a_table_or_as_they_came),
        cmocka_unit_test(another_word_than_list_is_answered_with_the_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
