/* cache.c - `weir cache`: how full the response cache is, and taking answers out of it. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "dialect/json.h"
#include "weir.h"

/* Of routes that find answers by other words. */
static void semantic_stats_print(const struct json_value *semantic) {
    const struct json_value *routes = json_member(semantic, "routes");
    size_t place = 0;
    if (json_count(routes))
        printf("%lld of %lld prompts may be found by other words\n",
               (long long)json_i64(json_member(semantic, "prompts"), 0),
               (long long)json_i64(json_member(semantic, "max_prompts"), 0));
    for (const struct json_value *route; (route = json_each(routes, &place, NULL));) {
        const struct str name = json_str(json_member(route, "route"), STR(""));
        const long long compared = json_i64(json_member(route, "compared"), 0),
                        wrong = json_i64(json_member(route, "false"), 0);
        printf("%.*s: %lld of %lld answers to other words that were compared were false (%.1f%%)%s\n", STR_ARG(name),
               wrong, compared, compared ? 100.0 * (double)wrong / (double)compared : 0.0,
               json_bool(json_member(route, "on"), true) ? "" : ": it finds none until a reload or a purge");
    }
}

static bool cache_stats_print(const char *text) {
    const char *problem;
    size_t at;
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    const struct json_value *root = json ? json_root(json) : NULL;
    if (!json) return false;
    const int64_t found = json_i64(json_member(root, "found"), 0), missed = json_i64(json_member(root, "missed"), 0);
    const long long looks = found + missed;
    const int64_t answers = json_i64(json_member(root, "answers"), 0);
    if (!json_bool(json_member(root, "on"), false))
        printf("there is no cache: write `cache` in the configuration\n");
    else
        printf("%lld answer%s, %lld of %lld bytes; %lld of %lld looks found one (%.1f%%); %lld given after they had "
               "expired; "
               "%lld put out, %lld expired, %lld purged\n",
               (long long)answers, str_plural((uint64_t)answers), (long long)json_i64(json_member(root, "bytes"), 0),
               (long long)json_i64(json_member(root, "max_bytes"), 0), (long long)found, looks,
               looks ? 100.0 * (double)found / (double)looks : 0.0, (long long)json_i64(json_member(root, "stale"), 0),
               (long long)json_i64(json_member(root, "evicted"), 0),
               (long long)json_i64(json_member(root, "expired"), 0),
               (long long)json_i64(json_member(root, "purged"), 0));
    semantic_stats_print(json_member(root, "semantic"));
    json_free(json);
    return true;
}

/* One of them alone. false: none, or several. */
static bool cache_body(const char *const values[], const char *const names[], size_t count, bool all,
                       struct text *body) {
    size_t said = all;
    text_put_byte(body, '{');
    for (size_t i = 0; i < count; i++) {
        if (!values[i]) continue;
        said++;
        text_json_str(body, str_from(names[i]), str_from(values[i]));
    }
    if (all) text_json_bool(body, STR("all"), true);
    text_put_byte(body, '}');
    return said == 1 && !body->failed;
}

static int cache_usage(const char *command, bool purges, const struct cli_option *options, int count) {
    if (purges)
        fprintf(stderr, "weir cache purge: say what is to go by one of --client, --route, --model, --target, --tag and "
                        "--key, or --all\n");
    return cli_usage(stderr, command, options, count);
}

int cli_cache(int argc, char **argv) {
    static const char *const names[] = {"client", "route", "model", "target", "tag", "key"};
    enum { count = sizeof names / sizeof *names };
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *action = NULL, *values[count] = {NULL};
    bool json = false, all = false;
    char buffer[1024];
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway),
        CLI_JSON(&json),
        {"--client", NULL, &values[0], NULL, "NAME", "purge: answers that this client asked for"},
        {"--route", NULL, &values[1], NULL, "MODEL", "purge: of this route"},
        {"--model", NULL, &values[2], NULL, "NAME", "purge: to requests for this model"},
        {"--target", NULL, &values[3], NULL, "PROVIDER[/MODEL]", "purge: made there"},
        {"--tag", NULL, &values[4], NULL, "K=V", "purge: of requests with this tag"},
        {"--key", NULL, &values[5], NULL, "NAME", "purge: of this x-weir-cache-key"},
        {"--all", NULL, NULL, &all, NULL, "purge: all"}};
    enum { option_count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, option_count, &action, 1, &rest_count);
    if (status >= 0) return status;
    struct text text = text_in_buffer(buffer, sizeof buffer);
    bool said = cache_body(values, names, count, all, &text);
    bool looks = rest_count == 1 && strcmp(action, "stats") == 0 && text.len == 2;
    if (!looks && (rest_count != 1 || strcmp(action, "purge") != 0 || !said))
        return cache_usage(argv[0], rest_count == 1 && strcmp(action, "purge") == 0, options, option_count);
    char *body = looks ? cli_send("GET", &gateway, "/admin/v1/cache", STR_NONE, &status)
                       : cli_send("POST", &gateway, "/admin/v1/cache/purge", text_str(&text), &status);
    if (!body) return 1;
    int result = 0;
    if (status != 200)
        result = cli_print_failure(&gateway, status, body);
    else if (json || !looks || !cache_stats_print(body))
        printf("%s\n", body);
    weir_free(body);
    return result;
}
