/* alert.c - `weir alert list`: what somebody should know of, and what was. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "dialect/json.h"
#include "weir.h"

static struct str alert_word(const struct json_value *alert, const char *member) {
    struct str word = json_str(json_member(alert, member), STR(""));
    return word.len ? word : STR("-");
}

static bool alerts_print(const char *text) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    const struct json_value *list = json ? json_member(json_root(json), "alerts") : NULL;
    if (!json) return false;
    if (json_count(list) == 0)
        printf("there are no alerts\n");
    else
        printf("%-20s %-20s %-6s %-18s %-36s %s\n", "RAISED", "ENDED", "LEVEL", "KIND", "SUBJECT", "");
    for (const struct json_value *alert; (alert = json_each(list, &place, NULL));)
        printf("%-20.*s %-20.*s %-6.*s %-18.*s %-36.*s %.*s\n", STR_ARG(alert_word(alert, "raised_at")),
               STR_ARG(json_bool(json_member(alert, "active"), false) ? STR("lasts") : alert_word(alert, "ended_at")),
               STR_ARG(alert_word(alert, "level")), STR_ARG(alert_word(alert, "kind")),
               STR_ARG(alert_word(alert, "subject")), STR_ARG(alert_word(alert, "message")));
    json_free(json);
    return true;
}

int cli_alert(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *action = NULL;
    bool json = false, active = false;
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway), CLI_JSON(&json), {"--active", NULL, NULL, &active, NULL, "only those that last"}};
    int status = cli_options(argc, argv, options, 5, &action, 1, &rest_count);
    if (status >= 0) return status;
    if (rest_count != 1 || strcmp(action, "list") != 0) return cli_usage(stderr, argv[0], options, 5);
    char *body =
        cli_send("GET", &gateway, active ? "/admin/v1/alerts?active=true" : "/admin/v1/alerts", STR_NONE, &status);
    if (!body) return 1;
    int result = 0;
    if (status != 200)
        result = cli_print_failure(&gateway, status, body);
    else if (json || !alerts_print(body))
        printf("%s\n", body);
    weir_free(body);
    return result;
}
