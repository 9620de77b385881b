/* budget.c - `weir budget list`: what may be spent, and what was. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "dialect/json.h"
#include "weir.h"

static struct str budget_word(const struct json_value *budget, const char *member, const char *otherwise) {
    struct str word = json_str(json_member(budget, member), STR(""));
    return word.len ? word : str_from(otherwise);
}

/* Dollars without the zeros behind the cents. */
static struct str dollars(struct str money) {
    size_t point = str_find_byte(money, '.');
    while (point != SIZE_MAX && money.len > point + 3 && money.at[money.len - 1] == '0') money.len--;
    return money;
}

static bool budgets_print(const char *text) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = json_parse(str_from(text), &problem, &at);
    const struct json_value *list = json ? json_member(json_root(json), "budgets") : NULL;
    if (!json) return false;
    if (json_count(list) == 0)
        printf("no budget is configured\n");
    else
        printf("%-24s %-16s %-9s %14s %14s %14s  %s\n", "OWNER", "NAME", "WINDOW", "SPENT", "RESERVED", "LIMIT",
               "RESETS");
    for (const struct json_value *budget; (budget = json_each(list, &place, NULL));)
        printf("%-24.*s %-16.*s %-9.*s %14.*s %14.*s %14.*s  %.*s\n", STR_ARG(budget_word(budget, "owner", "-")),
               STR_ARG(budget_word(budget, "name", "-")), STR_ARG(budget_word(budget, "window", "-")),
               STR_ARG(dollars(budget_word(budget, "spent_usd", "0"))),
               STR_ARG(dollars(budget_word(budget, "reserved_usd", "0"))),
               STR_ARG(dollars(budget_word(budget, "limit_usd", "0"))), STR_ARG(budget_word(budget, "resets_at", "-")));
    json_free(json);
    return true;
}

int cli_budget(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *action = NULL;
    bool json = false;
    int rest_count;
    const struct cli_option options[] = {CLI_GATEWAY(gateway), CLI_JSON(&json)};
    int status = cli_options(argc, argv, options, 4, &action, 1, &rest_count);
    if (status >= 0) return status;
    if (rest_count != 1 || strcmp(action, "list") != 0) return cli_usage(stderr, argv[0], options, 4);
    char *body = cli_send("GET", &gateway, "/admin/v1/budgets", STR_NONE, &status);
    if (!body) return 1;
    int result = 0;
    if (status != 200)
        result = cli_print_failure(&gateway, status, body);
    else if (json || !budgets_print(body))
        printf("%s\n", body);
    weir_free(body);
    return result;
}
