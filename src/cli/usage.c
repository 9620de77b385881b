/* usage.c - weir usage: what was spent, out of a running gateway's ledger. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/past.h"
#include "dialect/json.h"
#include "weir.h"

enum { bar_width = 20, keys_max = 12 };

/* What the rows are told apart by: their texts, in the order in which they stand. */
struct usage_keys {
    struct str names[keys_max];
    size_t count;
};

static double cost_of(const struct json_value *row) {
    double cost = 0;
    return str_to_double(json_str(json_member(row, "cost_usd"), STR("0")), &cost) ? cost : 0;
}

static void usage_keys_read(const struct json_value *row, struct usage_keys *keys) {
    struct str name;
    size_t place = 0;
    for (const struct json_value *value; (value = json_each(row, &place, &name)) && keys->count < keys_max;) {
        if (!json_str(value, STR_NONE).at || str_eq(name, STR("cost_usd"))) break; /* the first members are texts */
        keys->names[keys->count++] = name;
    }
}

static void usage_bar_print(double share) {
    int filled = (int)(share * bar_width + 0.5);
    for (int i = 0; i < bar_width; i++) fputs(i < filled ? "#" : ".", stdout);
}

static double usd_of(const struct json_value *row, const char *name) {
    double usd = 0;
    return str_to_double(json_str(json_member(row, name), STR("0")), &usd) ? usd : 0;
}

/* Answers that no provider was asked for: of the cache, and routes' own words. */
static int64_t given_of(const struct json_value *row) {
    static const char *const names[] = {"cache_hits", "cache_shared", "cache_stale", "fallbacks"};
    int64_t all = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) all += json_i64(json_member(row, names[i]), 0);
    return all;
}

static void usage_row_print(const struct json_value *row, const struct usage_keys *keys, double most, bool gives) {
    for (size_t i = 0; i < keys->count; i++) {
        char name[64];
        str_copy(name, sizeof name, keys->names[i]);
        struct str value = json_str(json_member(row, name), STR("total"));
        printf("%-24.*s ", STR_ARG(value.len ? value : STR("-")));
    }
    printf("%9lld %7lld %12lld %6.1f%% %12lld %14.*s %9.0f ms  ", (long long)json_i64(json_member(row, "requests"), 0),
           (long long)json_i64(json_member(row, "errors"), 0), (long long)json_i64(json_member(row, "input_tokens"), 0),
           json_double(json_member(row, "cached_share"), 0) * 100,
           (long long)json_i64(json_member(row, "output_tokens"), 0),
           STR_ARG(json_str(json_member(row, "cost_usd"), STR("0"))),
           json_double(json_member(json_member(row, "latency_ms"), "p95"), 0));
    if (gives)
        printf("%9lld %14.*s  ", (long long)given_of(row), STR_ARG(json_str(json_member(row, "saved_usd"), STR("0"))));
    if (json_member(row, "recosted_usd"))
        printf("%14.*s  ", STR_ARG(json_str(json_member(row, "recosted_usd"), STR("0"))));
    if (most > 0) usage_bar_print(cost_of(row) / most);
    printf("\n");
}

/* Why providers' prompt caches did not have what they should have had. */
static void missed_print(const struct json_value *total) {
    const int64_t tokens = json_i64(json_member(total, "cache_missed_tokens"), 0);
    if (tokens <= 0) return;
    printf("prompt caches missed %lld tokens: %lld answers too late, %lld elsewhere, %lld changed\n", (long long)tokens,
           (long long)json_i64(json_member(total, "cache_missed_expired"), 0),
           (long long)json_i64(json_member(total, "cache_missed_moved"), 0),
           (long long)json_i64(json_member(total, "cache_missed_changed"), 0));
}

static void usage_print(const char *text) {
    const char *problem;
    size_t at, place = 0;
    double most = 0;
    struct usage_keys keys = {.count = 0};
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    const struct json_value *rows = json_member(json_root(json), "rows"),
                            *total = json_member(json_root(json), "total");
    for (const struct json_value *row; (row = json_each(rows, &place, NULL));) {
        if (!keys.count) usage_keys_read(row, &keys);
        if (cost_of(row) > most) most = cost_of(row);
    }
    for (size_t i = 0; i < keys.count; i++) printf("%-24.*s ", STR_ARG(keys.names[i]));
    const bool gives = given_of(total) > 0 || usd_of(total, "saved_usd") > 0;
    printf("%9s %7s %12s %7s %12s %14s %12s%s%s\n", "requests", "errors", "tokens in", "cached", "tokens out", "USD",
           "p95", gives ? "      given      saved USD" : "",
           json_member(total, "recosted_usd") ? "    recosted USD" : "");
    place = 0;
    for (const struct json_value *row; (row = json_each(rows, &place, NULL));) usage_row_print(row, &keys, most, gives);
    usage_row_print(total, &keys, 0, gives);
    missed_print(total);
    json_free(json);
}

/* What those that served the same name cost and how fast they were, one below the other. */
static void compared_print(const char *text) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    const struct json_value *rows = json_member(json_root(json), "rows");
    printf("%-24s %-16s %-28s %9s %8s %14s %14s %9s %10s %10s\n", "asked", "provider", "model", "requests", "errors",
           "USD/M tokens", "USD/attempt", "tokens/s", "first p50", "p95");
    for (const struct json_value *row; (row = json_each(rows, &place, NULL));) {
        printf("%-24.*s %-16.*s %-28.*s %9lld %7.2f%% %14.*s %14.*s %9.1f %7.0f ms %7.0f ms\n",
               STR_ARG(json_str(json_member(row, "asked"), STR("-"))),
               STR_ARG(json_str(json_member(row, "provider"), STR("-"))),
               STR_ARG(json_str(json_member(row, "model"), STR("-"))),
               (long long)json_i64(json_member(row, "requests"), 0), json_double(json_member(row, "error_percent"), 0),
               STR_ARG(json_str(json_member(row, "usd_per_million_tokens"), STR("-"))),
               STR_ARG(json_str(json_member(row, "usd_per_attempt"), STR("-"))),
               json_double(json_member(row, "tokens_per_second"), 0),
               json_double(json_member(json_member(row, "first_token_ms"), "p50"), 0),
               json_double(json_member(json_member(row, "latency_ms"), "p95"), 0));
    }
    if (!json_count(rows)) printf("No name was served by more than one provider or model in that time.\n");
    json_free(json);
}

/* Budgets whose window has an end: what they will have spent by then. The bar: of the limit. */
static void forecast_print(const char *text) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    const struct json_value *budgets = json_member(json_root(json), "budgets");
    printf("%-24s %-16s %14s %14s %14s  %-20s  %-20s\n", "owner", "budget", "spent USD", "forecast USD", "limit USD",
           "ends", "spent at");
    for (const struct json_value *row; (row = json_each(budgets, &place, NULL));) {
        if (!json_member(row, "forecast_usd")) continue;
        double limit = usd_of(row, "limit_usd"), share = limit > 0 ? usd_of(row, "forecast_usd") / limit : 0;
        printf("%-24.*s %-16.*s %14.*s %14.*s %14.*s  %-20.*s  %-20.*s  ",
               STR_ARG(json_str(json_member(row, "owner"), STR("-"))),
               STR_ARG(json_str(json_member(row, "name"), STR("-"))),
               STR_ARG(json_str(json_member(row, "spent_usd"), STR("0"))),
               STR_ARG(json_str(json_member(row, "forecast_usd"), STR("0"))),
               STR_ARG(json_str(json_member(row, "limit_usd"), STR("0"))),
               STR_ARG(json_str(json_member(row, "resets_at"), STR("-"))),
               STR_ARG(json_str(json_member(row, "spent_at"), STR("-"))));
        usage_bar_print(share > 1 ? 1 : share);
        printf("\n");
    }
    json_free(json);
}

/* Asks for it, and shows it: by `print` to people, else as it came. */
static int usage_show(const struct cli_gateway *gateway, const char *path, bool as_it_is,
                      void (*print)(const char *text)) {
    int status, result = 0;
    char *body = cli_send("GET", gateway, path, STR_NONE, &status);
    if (!body) return 1;
    if (status != 200)
        result = cli_print_failure(gateway, status, body);
    else if (as_it_is)
        printf("%s%s", body, str_ends(str_from(body), STR("\n")) ? "" : "\n");
    else
        print(body);
    weir_free(body);
    return result;
}

int cli_usage_command(int argc, char **argv) {
    const struct cli_command *part = argc > 1 ? cli_part_find(argv[0], argv[1]) : NULL;
    if (part) {
        argv[1] = (char *)part->name;
        return part->run(argc - 1, argv + 1);
    }
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *by = NULL, *since = NULL, *until = NULL, *limit = NULL, *only[9] = {NULL};
    static const char *const names[9] = {"provider", "model", "client", "route",  "owner",
                                         "rule",     "asked", "tag",    "session"};
    bool json = false, csv = false, compare = false, forecast = false, recosted = false;
    int rest_count;
    char buffer[4096];
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway),
        {"--by", NULL, &by, NULL, "KEYS",
         "provider (as usual), model, client, route, owner, rule, asked, tag, session, day, hour; several with commas"},
        {"--since", NULL, &since, NULL, "TIME", "90m, 24h (as usual), 7d, 4w back from now, or a day: 2026-11-01"},
        {"--until", NULL, &until, NULL, "TIME", "the same; up to now, as usual"},
        {"--provider", NULL, &only[0], NULL, "NAME", "of this provider only"},
        {"--model", NULL, &only[1], NULL, "NAME", "of this model only, by the name that its provider has for it"},
        {"--client", NULL, &only[2], NULL, "NAME", "of this client only"},
        {"--route", NULL, &only[3], NULL, "NAME", "of this route only"},
        {"--owner", NULL, &only[4], NULL, "NAME", "of this owner only, those below it included"},
        {"--rule", NULL, &only[5], NULL, "NAME", "of requests under this rule only"},
        {"--asked", NULL, &only[6], NULL, "NAME", "of this model only, by the name that it was asked for by"},
        {"--tag", NULL, &only[7], NULL, "K=V", "of requests with this tag only"},
        {"--session", NULL, &only[8], NULL, "ID", "of this session only"},
        {"--limit", NULL, &limit, NULL, "ROWS", "at most so many rows: 1000 as usual, the dearest"},
        {"--compare", NULL, NULL, &compare, NULL, "price, speed and errors of those that served the same name"},
        {"--recosted", NULL, NULL, &recosted, NULL,
         "beside it what it comes to by newer prices: see weir usage recost"},
        {"--forecast", NULL, NULL, &forecast, NULL, "what budgets will have spent when their window ends"},
        CLI_JSON(&json),
        {"--csv", NULL, NULL, &csv, NULL, "a table with commas, for a spreadsheet"}};
    const int count = sizeof options / sizeof *options;
    int status = cli_options(argc, argv, options, count, NULL, 0, &rest_count);
    if (status >= 0) return status;
    bool as_it_is = json || csv || !isatty(STDOUT_FILENO);
    if (forecast) return usage_show(&gateway, "/admin/v1/budgets", as_it_is, forecast_print);
    struct text path = TEXT_IN_STRING(buffer);
    text_put(&path, STR("/admin/v1/usage"));
    cli_query_put(&path, "by", by ? by : "provider");
    cli_query_put(&path, "since", since);
    cli_query_put(&path, "until", until);
    cli_query_put(&path, "limit", limit);
    if (compare) cli_query_put(&path, "compare", "true");
    if (recosted) cli_query_put(&path, "recosted", "true");
    for (size_t i = 0; i < sizeof only / sizeof *only; i++) cli_query_put(&path, names[i], only[i]);
    if (csv) cli_query_put(&path, "format", "csv");
    if (path.failed) {
        fprintf(stderr, "weir: a name is too long\n");
        return 2;
    }
    buffer[path.len] = 0;
    return usage_show(&gateway, buffer, as_it_is, compare ? compared_print : usage_print);
}
