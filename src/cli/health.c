/* health.c - `weir health history`: what probes found and what changed, as the ledger has it. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/window.h"
#include "dialect/json.h"
#include "weir.h"

static struct str health_word(const struct json_value *record, const char *member) {
    return json_str(json_member(record, member), STR(""));
}

static void health_print(const struct json_value *record) {
    char moment[32], said[600];
    struct text at = text_in_buffer(moment, sizeof moment), text = text_in_buffer(said, sizeof said);
    const struct json_value *probe = json_member(record, "probe");
    struct str provider = health_word(record, "provider");
    window_moment_put(&at, json_i64(json_member(record, "time_ms"), 0) / 1000);
    if (probe)
        text_printf(&text, "%s in %lld ms %.*s", json_bool(probe, false) ? "good" : "failed",
                    (long long)json_i64(json_member(record, "took_us"), 0) / 1000,
                    STR_ARG(health_word(record, "said")));
    else if (json_member(record, "from"))
        text_printf(&text, "%.*s -> %.*s", STR_ARG(health_word(record, "from")), STR_ARG(health_word(record, "to")));
    else
        text_printf(&text, "%.*s", STR_ARG(health_word(record, "state")));
    printf("%-20.*s %-24.*s %-8.*s %.*s\n", STR_ARG(text_str(&at)),
           STR_ARG(provider.len ? provider : health_word(record, "route")), STR_ARG(health_word(record, "event")),
           STR_ARG(text_str(&text)));
}

static bool health_list_print(const char *body) {
    const char *problem;
    size_t offset;
    struct json *json = cli_json_parse(str_from(body), &problem, &offset);
    const struct json_value *list = json ? json_member(json_root(json), "records") : NULL;
    size_t place = 0;
    const struct json_value *record;
    if (list && !json_count(list)) printf("nothing is known of that time\n");
    while (list && (record = json_each(list, &place, NULL))) health_print(record);
    json_free(json);
    return list != NULL;
}

int cli_health(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *rest[2] = {NULL}, *since = NULL, *until = NULL, *limit = NULL;
    bool json = false;
    char buffer[1200];
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway),
        CLI_JSON(&json),
        {"--since", NULL, &since, NULL, "TIME", "from then on: 90m, 24h, 7d, 4w, or 2026-11-01 (UTC)"},
        {"--until", NULL, &until, NULL, "TIME", "up to then"},
        {"--limit", NULL, &limit, NULL, "N", "the newest N, in place of 1000; at most 10000"}};
    enum { option_count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, option_count, rest, 2, &rest_count);
    if (status >= 0) return status;
    if (rest_count < 1 || strcmp(rest[0], "history") != 0) return cli_usage(stderr, argv[0], options, option_count);
    struct text path = TEXT_IN_STRING(buffer);
    text_put(&path, STR("/admin/v1/health/history"));
    cli_query_put(&path, "provider", rest_count > 1 ? rest[1] : NULL);
    cli_query_put(&path, "since", since);
    cli_query_put(&path, "until", until);
    cli_query_put(&path, "limit", limit);
    if (path.failed) {
        fprintf(stderr, "weir health: an argument is too long\n");
        return 2;
    }
    buffer[path.len] = 0;
    char *body = cli_send("GET", &gateway, buffer, STR_NONE, &status);
    if (!body) return 1;
    int result = 0;
    if (status != 200)
        result = cli_print_failure(&gateway, status, body);
    else if (json || !health_list_print(body))
        printf("%s\n", body);
    weir_free(body);
    return result;
}
