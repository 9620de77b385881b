/* status.c - weir status, weir explain, weir route: asking a running gateway. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/name.h"
#include "cli/cli.h"
#include "dialect/json.h"
#include "weir.h"

/* JSON for people: two blanks a level. Strings are passed over; the text is ours and well-formed. */
static void print_indented(const char *json) {
    unsigned depth = 0;
    bool in_string = false;
    for (const char *at = json; *at; at++) {
        if (in_string) {
            putchar(*at);
            if (*at == '\\' && at[1])
                putchar(*++at);
            else if (*at == '"')
                in_string = false;
            continue;
        }
        bool closes = *at == '}' || *at == ']',
             empty = (at[0] == '{' && at[1] == '}') || (at[0] == '[' && at[1] == ']');
        if (empty) {
            printf("%c%c", at[0], at[1]);
            at++;
            continue;
        }
        if (closes) printf("\n%*s", (int)(--depth * 2), "");
        putchar(*at);
        if (*at == '"') in_string = true;
        if (*at == '{' || *at == '[') printf("\n%*s", (int)(++depth * 2), "");
        if (*at == ',') printf("\n%*s", (int)(depth * 2), "");
        if (*at == ':') putchar(' ');
    }
    putchar('\n');
}

int cli_print_failure(const struct cli_gateway *gateway, int status, const char *body) {
    const char *problem;
    size_t at;
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    struct str message = json_str(json_member(json_member(json_root(json), "error"), "message"), str_from(body));
    fprintf(stderr, "weir: %d: %.*s\n", status, STR_ARG(message));
    struct cli_place place;
    if (status == 401 && cli_place_find(gateway, &place)) {
        fprintf(stderr,
                "weir: asked at %s (%s), with the key of %s; give another by --admin-key or WEIR_ADMIN_KEY, or the "
                "gateway's state folder by --config or WEIR_STATE_DIR\n",
                place.url, place.from, place.key_from);
        memory_wipe(place.key_text, sizeof place.key_text);
    }
    json_free(json);
    return 1;
}

static int send_and_print(const char *method, const struct cli_gateway *gateway, const char *path, struct str request,
                          bool raw, void (*print)(const char *json)) {
    int status = 0;
    char *body = cli_send(method, gateway, path, request, &status);
    if (!body) return 1;
    int result = 0;
    if (status != 200)
        result = cli_print_failure(gateway, status, body);
    else if (raw)
        printf("%s\n", body);
    else
        print(body);
    weir_free(body);
    return result;
}

static int fetch_and_print(const struct cli_gateway *gateway, const char *path, bool raw,
                           void (*print)(const char *json)) {
    return send_and_print("GET", gateway, path, STR_NONE, raw, print);
}

static void print_locks(const struct json_value *locks) {
    size_t place = 0;
    if (json_count(locks)) printf("\n%-30s %-40s %s\n", "exclusive route", "holder", "failures");
    for (const struct json_value *lock; (lock = json_each(locks, &place, NULL));)
        printf("%-30.*s %-40.*s %lld of %lld\n", STR_ARG(json_str(json_member(lock, "route"), STR(""))),
               STR_ARG(json_str(json_member(lock, "holder"), STR(""))),
               (long long)json_i64(json_member(lock, "failures"), 0),
               (long long)json_i64(json_member(lock, "failover_after"), 0));
}

/* Since the start. */
static void print_totals(const struct json_value *totals) {
    static const struct {
        const char *name, *label, *rest;
        bool counts; /* the label is a noun */
    } counts[] = {{"requests", "request", "", true},         {"refused", "refused", "", false},
                  {"attempts", "attempt", "", true},         {"failovers", "failover", "", true},
                  {"callers_gone", "caller", " gone", true}, {"in_flight", "in flight", "", false},
                  {"streams_open", "open stream", "", true}};
    struct str name;
    size_t place = 0;
    printf("\n");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t count = json_i64(json_member(totals, counts[i].name), 0);
        printf("%s%lld %s%s%s", i ? ", " : "", (long long)count, counts[i].label,
               counts[i].counts ? str_plural((uint64_t)count) : "", counts[i].rest);
    }
    int64_t input = json_i64(json_member(totals, "input_tokens"), 0);
    printf("\n%lld token%s in, %lld out, $%.*s\n", (long long)input, str_plural((uint64_t)input),
           (long long)json_i64(json_member(totals, "output_tokens"), 0),
           STR_ARG(json_str(json_member(totals, "cost_usd"), STR("0"))));
    const char *before = "errors: ";
    for (const struct json_value *error; (error = json_each(json_member(totals, "errors"), &place, &name));) {
        printf("%s%.*s %lld", before, STR_ARG(name), (long long)json_i64(error, 0));
        before = ", ";
    }
    if (place) printf("\n");
}

/* Which of its targets fail, how often in a row; and that its probes do. */
static void failing_print(const struct json_value *provider) {
    size_t place = 0;
    const struct json_value *targets = json_member(provider, "targets");
    if (json_bool(json_member(provider, "demoted"), false))
        printf("\n%.*s: %lld probe%s failed in a row: it is asked after all others\n",
               STR_ARG(json_str(json_member(provider, "name"), STR(""))),
               (long long)json_i64(json_member(provider, "probes_failed"), 0),
               str_plural((uint64_t)json_i64(json_member(provider, "probes_failed"), 0)));
    for (const struct json_value *target; (target = json_each(targets, &place, NULL));) {
        long long failures = (long long)json_i64(json_member(target, "failures_in_row"), 0);
        if (failures)
            printf("\n%.*s: %lld failure%s in a row\n", STR_ARG(json_str(json_member(target, "target"), STR(""))),
                   failures, str_plural((uint64_t)failures));
    }
}

/* What of the configuration was changed at run time. */
static void print_changed(const struct json_value *changes) {
    size_t place = 0;
    if (json_count(changes)) printf("\n%-10s %-32s %-10s %s\n", "changed", "name", "how", "keys");
    for (const struct json_value *change; (change = json_each(changes, &place, NULL));) {
        size_t at = 0;
        struct str problem = json_str(json_member(change, "problem"), STR(""));
        printf("%-10.*s %-32.*s %-10.*s ", STR_ARG(json_str(json_member(change, "kind"), STR(""))),
               STR_ARG(json_str(json_member(change, "name"), STR(""))),
               STR_ARG(json_str(json_member(change, "how"), STR(""))));
        const char *before = "";
        for (const struct json_value *key; (key = json_each(json_member(change, "changed"), &at, NULL));) {
            printf("%s%.*s", before, STR_ARG(json_str(key, STR(""))));
            before = ", ";
        }
        if (problem.len) printf("%snot in force: %.*s", *before ? "; " : "", STR_ARG(problem));
        printf("\n");
    }
}

/* What may be asked of providers in a time, and what was. */
static void print_quotas(const struct json_value *providers) {
    size_t place = 0, told = 0;
    for (const struct json_value *provider; (provider = json_each(providers, &place, NULL));) {
        size_t at = 0;
        for (const struct json_value *quota; (quota = json_each(json_member(provider, "quotas"), &at, NULL));) {
            if (!told++)
                printf("\n%-20s %-22s %14s %14s %14s  %s\n", "provider", "quota", "counted", "in flight", "of",
                       "until");
            printf("%-20.*s %-22.*s %14lld %14lld %14lld  %.*s\n",
                   STR_ARG(json_str(json_member(provider, "name"), STR(""))),
                   STR_ARG(json_str(json_member(quota, "quota"), STR(""))),
                   (long long)json_i64(json_member(quota, "counted"), 0),
                   (long long)json_i64(json_member(quota, "reserved"), 0),
                   (long long)json_i64(json_member(quota, "limit"), 0),
                   STR_ARG(json_str(json_member(quota, "resets_at"), STR(""))));
        }
    }
}

/* Who signs tokens, and how its keys stand. */
static void print_issuers(const struct json_value *issuers) {
    size_t place = 0;
    if (json_count(issuers)) printf("\n%-50s %-10s %5s  %s\n", "issuer", "state", "keys", "failure");
    for (const struct json_value *issuer; (issuer = json_each(issuers, &place, NULL));)
        printf("%-50.*s %-10.*s %5lld  %.*s\n", STR_ARG(json_str(json_member(issuer, "issuer"), STR(""))),
               STR_ARG(json_str(json_member(issuer, "state"), STR(""))),
               (long long)json_i64(json_member(issuer, "keys"), 0),
               STR_ARG(json_str(json_member(issuer, "failure"), STR(""))));
}

static void print_status(const char *text) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    const struct json_value *root = json_root(json), *providers = json_member(root, "providers");
    printf("weir %.*s, up %lld s, %lld event loops, configuration %lld\n\n",
           STR_ARG(json_str(json_member(root, "version"), STR("?"))),
           (long long)json_i64(json_member(root, "uptime_seconds"), 0),
           (long long)json_i64(json_member(root, "workers"), 0),
           (long long)json_i64(json_member(root, "generation"), 0));
    struct str said = json_str(json_member(json_member(root, "configuration"), "said"), STR(""));
    if (said.len) printf("%.*s\n\n", STR_ARG(said));
    printf("%-20s %-12s %-12s %-12s %5s %-10s %9s %9s %-7s %s\n", "provider", "type", "state", "health", "score",
           "breaker", "in flight", "latency", "edited", "base URL");
    for (const struct json_value *provider; (provider = json_each(providers, &place, NULL));)
        printf("%-20.*s %-12.*s %-12.*s %-12.*s %5.2f %-10.*s %9lld %6lld ms %-7s %.*s\n",
               STR_ARG(json_str(json_member(provider, "name"), STR(""))),
               STR_ARG(json_str(json_member(provider, "type"), STR(""))),
               STR_ARG(json_str(json_member(provider, "state"), STR(""))),
               STR_ARG(json_str(json_member(provider, "health"), STR(""))),
               json_double(json_member(provider, "score"), 0),
               STR_ARG(json_str(json_member(provider, "breaker"), STR(""))),
               (long long)json_i64(json_member(provider, "in_flight"), 0),
               (long long)json_i64(json_member(provider, "latency_us"), 0) / 1000,
               json_bool(json_member(provider, "edited"), false) ? "runtime" : "-",
               STR_ARG(json_str(json_member(provider, "base_url"), STR(""))));
    place = 0;
    for (const struct json_value *provider; (provider = json_each(providers, &place, NULL));) {
        struct str client = json_str(json_member(provider, "breaker_client"), STR(""));
        if (client.len)
            printf("\n%.*s: a breaker is shut for the client %.*s alone, whose requests failed in a row\n",
                   STR_ARG(json_str(json_member(provider, "name"), STR(""))), STR_ARG(client));
    }
    place = 0;
    for (const struct json_value *provider; (provider = json_each(providers, &place, NULL));) failing_print(provider);
    print_quotas(providers);
    print_locks(json_member(root, "locks"));
    print_issuers(json_member(root, "identity"));
    print_changed(json_member(root, "changed_at_run_time"));
    print_totals(json_member(root, "totals"));
    json_free(json);
}

int cli_status(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    bool json = false;
    int rest_count;
    const struct cli_option options[] = {CLI_GATEWAY(gateway), CLI_JSON(&json)};
    int status = cli_options(argc, argv, options, 4, NULL, 0, &rest_count);
    if (status >= 0) return status;
    return fetch_and_print(&gateway, "/admin/v1/status", json || !isatty(STDOUT_FILENO), print_status);
}

/* POST without a body, and a sentence where it is done. */
static int post_and_say(int argc, char **argv, const char *path, void (*say)(const char *json)) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    bool json = false;
    int rest_count;
    const struct cli_option options[] = {CLI_GATEWAY(gateway), CLI_JSON(&json)};
    int status = cli_options(argc, argv, options, 4, NULL, 0, &rest_count);
    if (status >= 0) return status;
    char *body = cli_send("POST", &gateway, path, STR_NONE, &status);
    if (!body) return 1;
    int result = 0;
    if (status / 100 != 2)
        result = cli_print_failure(&gateway, status, body);
    else if (json)
        printf("%s\n", body);
    else
        say(body);
    weir_free(body);
    return result;
}

static void say_reloaded(const char *text) {
    const char *problem;
    size_t at;
    struct json *json = cli_json_parse(str_from(text), &problem, &at);
    struct str keys = json_str(json_member(json_root(json), "restart_for"), STR(""));
    printf("reloaded\n");
    if (keys.len) printf("after a restart only: %.*s\n", STR_ARG(keys));
    json_free(json);
}

static void say_draining(const char *text) {
    (void)text;
    printf("draining: nothing new is taken, and it ends when what is under way has ended\n");
}

int cli_reload(int argc, char **argv) { return post_and_say(argc, argv, "/admin/v1/reload", say_reloaded); }

int cli_drain(int argc, char **argv) { return post_and_say(argc, argv, "/admin/v1/drain", say_draining); }

int cli_explain(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *id = NULL;
    bool json = false;
    int rest_count;
    char path[256];
    const struct cli_option options[] = {CLI_GATEWAY(gateway), CLI_JSON(&json)};
    int status = cli_options(argc, argv, options, 4, &id, 1, &rest_count);
    if (status >= 0) return status;
    if (rest_count != 1) return cli_usage(stderr, argv[0], options, 4);
    if (!request_id_is_valid(str_from(id))) {
        fprintf(stderr,
                "weir explain: `%.80s` is no request's id: letters, digits, `-`, `_` and `.`, %d of them at most\n", id,
                limit_request_id);
        return 2;
    }
    snprintf(path, sizeof path, "/admin/v1/requests/%s", id);
    return fetch_and_print(&gateway, path, json, print_indented);
}

/* A request of a file, or of standard input; the admin API takes no more. false: it was said why. */
static bool cli_status_request_read(const char *path, char *bytes, size_t size, struct str *request) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "weir: %s: %s\n", path, strerror(errno));
        return false;
    }
    *request = str_make(bytes, fread(bytes, 1, size, file));
    if (file != stdin) fclose(file);
    return true;
}

/* A prompt is words; one word alone is the name of a model. */
static bool is_prompt(const char *text) { return strpbrk(text, " \t\r\n") != NULL; }

static struct str prompt_request(const char *model, const char *prompt, char *bytes, size_t size) {
    struct text text = text_in_buffer(bytes, size);
    text_put_byte(&text, '{');
    text_json_str(&text, STR("model"), str_from(model ? model : "default"));
    text_put(&text, STR(",\"messages\":[{"));
    text_json_str(&text, STR("role"), STR("user"));
    text_json_str(&text, STR("content"), str_from(prompt));
    text_put(&text, STR("}]}"));
    return text.failed ? STR_NONE : text_str(&text);
}

int cli_route(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    const char *model = NULL, *client = NULL, *request = NULL, *text = NULL, *where = NULL, *strategy = NULL,
               *targets = NULL, *session = NULL, *tags = NULL;
    bool json = false;
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway),
        CLI_JSON(&json),
        {"--model", "-m", &model, NULL, "MODEL", "for this model, in place of the default one"},
        {"--client", NULL, &client, NULL, "NAME", "under this client's rights and limits"},
        {"--request", NULL, &request, NULL, "FILE", "for this request as JSON; - reads standard input"},
        {"--path", NULL, &where, NULL, "PATH", "where it is sent: /v1/messages, /providers/NAME/...; chat by default"},
        {"--strategy", NULL, &strategy, NULL, "NAME", "as with x-weir-strategy"},
        {"--targets", NULL, &targets, NULL, "A/M,B/M", "as with x-weir-targets"},
        {"--session", NULL, &session, NULL, "ID", "as with x-weir-session"},
        {"--tags", NULL, &tags, NULL, "K=V,...", "as with x-weir-tags"},
    };
    if (argc > 1 && cli_entry_named(entry_route, argv[1])) return cli_entry(argc, argv, entry_route);
    int status = cli_options(argc, argv, options, sizeof options / sizeof *options, &text, 1, &rest_count);
    if (status == 0) cli_entry_forms(stdout, entry_route);
    if (status >= 0) return status;
    static char bytes[256 * 1024];
    char buffer[4096];
    struct text path = text_in_buffer(buffer, sizeof buffer);
    struct str asked = STR_NONE;
    if (request && !cli_status_request_read(request, bytes, sizeof bytes, &asked)) return 1;
    if (text && !model && !is_prompt(text))
        model = text;
    else if (text && !request)
        asked = prompt_request(model, text, bytes, sizeof bytes);
    text_put(&path, STR("/admin/v1/route"));
    if (!asked.len) cli_query_put(&path, "model", model);
    cli_query_put(&path, "path", where);
    cli_query_put(&path, "client", client);
    cli_query_put(&path, "strategy", strategy);
    cli_query_put(&path, "targets", targets);
    cli_query_put(&path, "session", session);
    cli_query_put(&path, "tags", tags);
    text_put_byte(&path, 0);
    if (path.failed) {
        fprintf(stderr, "weir route: the options are too long\n");
        return 2;
    }
    return send_and_print(asked.len ? "POST" : "GET", &gateway, buffer, asked, json, print_indented);
}
