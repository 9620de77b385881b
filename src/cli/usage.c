/* usage.c - weir usage: what was spent, out of a running gateway's ledger. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dialect/json.h"
#include "weir.h"

enum { bar_width = 20, keys_max = 6 };

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

static void usage_row_print(const struct json_value *row, const struct usage_keys *keys, double most) {
    for (size_t i = 0; i < keys->count; i++) {
        char name[64];
        str_copy(name, sizeof name, keys->names[i]);
        struct str value = json_str(json_member(row, name), STR("total"));
        printf("%-24.*s ", STR_ARG(value.len ? value : STR("-")));
    }
    printf("%9lld %7lld %12lld %12lld %14.*s %9.0f ms  ", (long long)json_i64(json_member(row, "requests"), 0),
           (long long)json_i64(json_member(row, "errors"), 0), (long long)json_i64(json_member(row, "input_tokens"), 0),
           (long long)json_i64(json_member(row, "output_tokens"), 0),
           STR_ARG(json_str(json_member(row, "cost_usd"), STR("0"))),
           json_double(json_member(json_member(row, "latency_ms"), "p95"), 0));
    if (most > 0) usage_bar_print(cost_of(row) / most);
    printf("\n");
}

static void usage_print(const char *text) {
    const char *problem;
    size_t at, place = 0;
    double most = 0;
    struct usage_keys keys = {.count = 0};
    struct json *json = json_parse(str_from(text), &problem, &at);
    const struct json_value *rows = json_member(json_root(json), "rows"),
                            *total = json_member(json_root(json), "total");
    for (const struct json_value *row; (row = json_each(rows, &place, NULL));) {
        if (!keys.count) usage_keys_read(row, &keys);
        if (cost_of(row) > most) most = cost_of(row);
    }
    for (size_t i = 0; i < keys.count; i++) printf("%-24.*s ", STR_ARG(keys.names[i]));
    printf("%9s %7s %12s %12s %14s %12s\n", "requests", "errors", "tokens in", "tokens out", "USD", "p95");
    place = 0;
    for (const struct json_value *row; (row = json_each(rows, &place, NULL));) usage_row_print(row, &keys, most);
    usage_row_print(total, &keys, 0);
    json_free(json);
}

int cli_usage_command(int argc, char **argv) {
    if (argc > 1 && cli_erase_named(argv[1])) return cli_erase(argc, argv);
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *by = NULL, *since = NULL, *until = NULL, *provider = NULL, *model = NULL, *client = NULL;
    bool json = false, csv = false;
    int rest_count;
    char buffer[1024];
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway),
        {"--by", NULL, &by, NULL, "KEYS", "provider (as usual), model, client, route, day, hour; several with commas"},
        {"--since", NULL, &since, NULL, "TIME", "90m, 24h (as usual), 7d, 4w back from now, or a day: 2026-11-01"},
        {"--until", NULL, &until, NULL, "TIME", "the same; up to now, as usual"},
        {"--provider", NULL, &provider, NULL, "NAME", "of this provider only"},
        {"--model", NULL, &model, NULL, "NAME", "of this model only, by the name that its provider has for it"},
        {"--client", NULL, &client, NULL, "NAME", "of this client only"},
        CLI_JSON(&json),
        {"--csv", NULL, NULL, &csv, NULL, "a table with commas, for a spreadsheet"}};
    const int count = sizeof options / sizeof *options;
    int status = cli_options(argc, argv, options, count, NULL, 0, &rest_count);
    if (status >= 0) return status;
    struct text path = text_in_buffer(buffer, sizeof buffer - 1);
    text_put(&path, STR("/admin/v1/usage"));
    cli_query_put(&path, "by", by ? by : "provider");
    cli_query_put(&path, "since", since);
    cli_query_put(&path, "until", until);
    cli_query_put(&path, "provider", provider);
    cli_query_put(&path, "model", model);
    cli_query_put(&path, "client", client);
    if (csv) cli_query_put(&path, "format", "csv");
    if (path.failed) {
        fprintf(stderr, "weir: a name is too long\n");
        return 2;
    }
    buffer[path.len] = 0;
    char *body = cli_send("GET", &gateway, buffer, STR_NONE, &status);
    if (!body) return 1;
    int result = 0;
    if (status != 200)
        result = cli_print_failure(&gateway, status, body);
    else if (csv)
        fputs(body, stdout);
    else if (json || !isatty(STDOUT_FILENO))
        printf("%s\n", body);
    else
        usage_print(body);
    weir_free(body);
    return result;
}
