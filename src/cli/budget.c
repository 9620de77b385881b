/* budget.c - `weir budget`: what may be spent, and what was; and changing it. */
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
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
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

static bool budget_print(const char *text) {
    const char *problem;
    size_t at;
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    const struct json_value *budget = json ? json_root(json) : NULL;
    if (!json) return false;
    printf("%.*s %.*s: %.*s of %.*s USD spent, %.*s left\n", STR_ARG(budget_word(budget, "owner", "-")),
           STR_ARG(budget_word(budget, "name", "-")), STR_ARG(dollars(budget_word(budget, "spent_usd", "0"))),
           STR_ARG(dollars(budget_word(budget, "limit_usd", "0"))),
           STR_ARG(dollars(budget_word(budget, "left_usd", "0"))));
    json_free(json);
    return true;
}

/* What is asked of the gateway; false: the command line does not say it. */
static bool budget_body(const char *action, const char *name, const char *owner, const char *usd, const char *until,
                        struct text *body) {
    bool raises = strcmp(action, "raise") == 0, credits = strcmp(action, "credit") == 0,
         resets = strcmp(action, "reset") == 0;
    if ((!raises && !credits && !resets) || !name || (resets ? usd != NULL : !usd) || (until && !raises)) return false;
    text_put_byte(body, '{');
    text_json_str(body, STR("budget"), str_from(name));
    if (owner) text_json_str(body, STR("owner"), str_from(owner));
    if (usd) text_json_str(body, STR("usd"), str_from(usd));
    if (until) text_json_str(body, STR("until"), str_from(until));
    text_put_byte(body, '}');
    return !body->failed;
}

int cli_budget(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *words[2] = {NULL, NULL}, *owner = NULL, *usd = NULL, *until = NULL;
    bool json = false;
    char buffer[2048], path[64] = "/admin/v1/budgets";
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway),
        CLI_JSON(&json),
        {"--owner", NULL, &owner, NULL, "OWNER", "whose, where several are called so: `client app`"},
        {"--usd", NULL, &usd, NULL, "X", "raise, credit: so much more; `raise --usd 0` takes a raise back"},
        {"--until", NULL, &until, NULL, "TIME",
         "raise: 2026-12-24T18:00:00Z, or 90m, 24h, 7d from now; else for good"}};
    enum { count = sizeof options / sizeof *options };
    if (argc > 1 && cli_entry_named(entry_budget, argv[1])) return cli_entry(argc, argv, entry_budget);
    int status = cli_options(argc, argv, options, count, words, 2, &rest_count);
    if (status == 0) cli_entry_forms(stdout, entry_budget);
    if (status >= 0) return status;
    struct text text = text_in_buffer(buffer, sizeof buffer);
    bool lists = rest_count == 1 && strcmp(words[0], "list") == 0 && !owner && !usd && !until;
    if (!lists && (rest_count != 2 || !budget_body(words[0], words[1], owner, usd, until, &text))) {
        cli_usage(stderr, argv[0], options, count);
        cli_entry_forms(stderr, entry_budget);
        return 2;
    }
    if (!lists) snprintf(path, sizeof path, "/admin/v1/budgets/%s", words[0]);
    char *body = cli_send(lists ? "GET" : "POST", &gateway, path, lists ? STR_NONE : text_str(&text), &status);
    if (!body) return 1;
    int result = 0;
    if (status != 200)
        result = cli_print_failure(&gateway, status, body);
    else if (json || (lists ? !budgets_print(body) : !budget_print(body)))
        printf("%s\n", body);
    weir_free(body);
    return result;
}
