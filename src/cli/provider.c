/* provider.c - weir provider: the providers of a running gateway, shown and changed through its admin API. A credential
 * is read from standard input: in the arguments everyone on the machine could see it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/header_names.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "dialect/json.h"
#include "snapshot/catalog.h"
#include "config/config_schema.h"
#include "weir.h"

enum { settings_max = 64, secret_bytes_max = 16 * 1024 };

static const struct action {
    const char *name, *method, *suffix, *done;
    bool settings;
} actions[] = {
    {"add", "POST", "", "added", true},
    {"update", "PATCH", "", "updated", true},
    {"remove", "DELETE", "", "removed", false},
    {"drain", "POST", "/drain", "drains: no new requests go to it", false},
    {"resume", "POST", "/resume", "takes requests again", false},
    {"maintenance", "POST", "/maintenance", "is in maintenance: no new requests go to it", false},
    {"probe", "POST", "/probe", "", false},
    {"reset", "POST", "/reset", "is as the configuration says again", false},
};
enum { action_count = sizeof actions / sizeof *actions };

/* Each form of it, behind what every command says. */
static int cli_provider_usage(FILE *out, int status) {
    if (status) cli_usage(out, "provider", NULL, 0);
    fprintf(out, "\nForms:\n  weir provider list [NAME]\n");
    for (size_t i = 0; i < action_count; i++)
        fprintf(out, "  weir provider %s NAME%s\n", actions[i].name, actions[i].settings ? " key=value ..." : "");
    fprintf(out,
            "\nThe keys are those of `providers.NAME` in the configuration: type=groq api_key=- priority=2. Lists are "
            "written\na,b,c and inner keys circuit_breaker.timeout_seconds=30; key= takes the configuration's value "
            "again, and a value\nof - is read from standard input.\n");
    return status;
}

/* -- key=value to JSON -- */

struct settings {
    struct cli_settings written;
    char secret[secret_bytes_max]; /* what `-` stands for */
};

static bool secret_read(struct settings *settings) {
    bool read = cli_secret_read("provider", "Value", "the value `-`", settings->secret, sizeof settings->secret);
    settings->written.secret = str_trim(str_from(settings->secret));
    return read;
}

/* What is a number, a yes or one of a few words is no credential, whatever its name: cost_per_token. */
static bool holds_words(const struct cli_setting *setting) {
    const struct config_key *key = cli_setting_key(section_provider, setting);
    switch (key ? key->value : value_any) {
    case value_bool:
    case value_int:
    case value_number:
    case value_seconds:
    case value_milliseconds:
    case value_choice:
    case value_numbers: return false;
    default: return true;
    }
}

/* Are they key=value, and is no secret among them? Reads what `-` stands for. */
static bool settings_check(struct settings *settings) {
    bool read = false;
    if (!cli_settings_check(&settings->written)) return false;
    for (int i = 0; i < settings->written.count; i++) {
        struct cli_setting setting = cli_setting_of(settings->written.arguments[i]);
        bool hidden = str_eq(setting.value, STR("-"));
        bool secret = header_may_be_credential(setting.key) || header_may_be_credential(setting.inner) ||
                      (str_eq(setting.key, STR("headers")) && setting.inner.len == 0) ||
                      (str_eq(setting.key, STR("proxy")) && str_find_byte(setting.value, '@') != SIZE_MAX);
        if (secret && holds_words(&setting) && setting.value.len && !hidden) {
            fprintf(
                stderr,
                "weir provider: `%.*s` may hold a credential, and everyone on this machine can read arguments: write "
                "%.*s%s%.*s=- and give it on standard input\n",
                STR_ARG(setting.key), STR_ARG(setting.key), setting.inner.len ? "." : "", STR_ARG(setting.inner));
            return false;
        }
        if (hidden && read) {
            fprintf(stderr, "weir provider: only one value can be read from standard input\n");
            return false;
        }
        if (hidden && !secret_read(settings)) return false;
        read = read || hidden;
    }
    return true;
}

/* -- what is shown -- */

static const char *colour_of(struct str state) {
    const char *no_color = getenv("NO_COLOR");
    if (!isatty(STDOUT_FILENO) || (no_color && *no_color)) return "";
    return str_eq(state, STR("active")) ? "\033[32m" : str_eq(state, STR("draining")) ? "\033[33m" : "\033[31m";
}

static void row_print(const struct json_value *provider) {
    struct str state = json_str(json_member(provider, "state"), STR(""));
    const char *colour = colour_of(state);
    printf("%-20.*s %-18.*s %s%-12.*s%s", STR_ARG(json_str(json_member(provider, "name"), STR(""))),
           STR_ARG(json_str(json_member(provider, "type"), STR(""))), colour, STR_ARG(state), *colour ? "\033[0m" : "");
    if (json_member(provider, "priority"))
        printf(" %8lld %7zu %-4s", (long long)json_i64(json_member(provider, "priority"), 0),
               json_count(json_member(provider, "models")),
               json_member(provider, "api_key") || json_member(provider, "api_keys") ? "set" : "-");
    else
        printf(" %8s %7s %-4s", "-", "-", "-");
    printf(" %-7s %.*s\n", json_bool(json_member(provider, "edited"), false) ? "runtime" : "-",
           STR_ARG(json_str(json_member(provider, "base_url"), STR("-"))));
}

/* "vision tools json": the members that are true. */
static void abilities_print(const struct json_value *model) {
    static const char *const names[] = {
#define X(name, phrase) #name,
        CATALOG_ABILITY_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_bool(json_member(model, names[i]), false)) printf(" %s", names[i]);
}

static void number_print(const struct json_value *value, int width) {
    if (value)
        printf(" %*.15g", width, json_double(value, 0));
    else
        printf(" %*s", width, "-");
}

/* What the catalogue knows of each model of one provider. */
static void models_print(const struct json_value *models) {
    size_t place = 0;
    if (json_count(models) == 0) return;
    printf("\n%-44s %9s %9s %-7s %9s %9s  %-14s %s\n", "model", "context", "output", "speed", "USD/M in", "USD/M out",
           "use", "abilities");
    for (const struct json_value *model; (model = json_each(models, &place, NULL));) {
        const struct json_value *prices = json_member(model, "prices"), *uses = json_member(model, "use");
        size_t use = 0;
        char said[80];
        struct text list = text_in_buffer(said, sizeof said);
        for (const struct json_value *word; (word = json_each(uses, &use, NULL));)
            text_printf(&list, "%s%.*s", list.len ? "," : "", STR_ARG(json_str(word, STR(""))));
        printf("%-44.*s", STR_ARG(json_str(json_member(model, "id"), STR(""))));
        number_print(json_member(model, "context_tokens"), 9);
        number_print(json_member(model, "output_tokens_max"), 9);
        printf(" %-7.*s", STR_ARG(json_str(json_member(model, "speed"), STR("-"))));
        number_print(json_member(prices, "input"), 9);
        number_print(json_member(prices, "output"), 9);
        printf("  %-14.*s", STR_ARG(list.len ? text_str(&list) : STR("-")));
        abilities_print(model);
        printf("\n");
    }
}

static void table_print(const char *body) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    const struct json_value *root = json_root(json), *list = json_member(root, "providers");
    printf("%-20s %-18s %-12s %8s %7s %-4s %-7s %s\n", "provider", "type", "state", "priority", "models", "key",
           "edited", "base URL");
    if (list)
        for (const struct json_value *provider; (provider = json_each(list, &place, NULL));) row_print(provider);
    else
        row_print(root);
    if (!list) models_print(json_member(root, "models"));
    json_free(json);
}

static void warnings_print(const char *body) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    for (const struct json_value *warning;
         (warning = json_each(json_member(json_root(json), "warnings"), &place, NULL));)
        fprintf(stderr, "weir: warning: %.*s\n", STR_ARG(json_str(warning, STR(""))));
    json_free(json);
}

/* The exit status says it too. */
static int probe_print(const char *name, const char *body) {
    const char *problem;
    size_t at;
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    const struct json_value *root = json_root(json);
    bool good = json_bool(json_member(root, "good"), false);
    struct str said = json_str(json_member(root, "said"), STR(""));
    printf("%s %s: status %lld after %.1f ms%s%.*s\n", name, good ? "answers" : "does not answer well",
           (long long)json_i64(json_member(root, "status"), 0),
           (double)json_i64(json_member(root, "took_us"), 0) / 1000, said.len ? ": " : "", STR_ARG(said));
    json_free(json);
    return good ? 0 : 1;
}

/* -- asking -- */

struct asking {
    struct cli_gateway gateway;
    bool json;
};

static char *send(const struct asking *asking, const char *method, const char *path, struct str body, int *status) {
    return cli_send(method, &asking->gateway, path, body, status);
}

static int list(const struct asking *asking, const char *name) {
    char path[256];
    int status = 0, result = 0;
    snprintf(path, sizeof path, "/admin/v1/providers%s%s", name ? "/" : "", name ? name : "");
    char *body = send(asking, "GET", path, STR_NONE, &status);
    if (!body) return 1;
    if (status != 200)
        result = cli_print_failure(&asking->gateway, status, body);
    else if (asking->json || !isatty(STDOUT_FILENO))
        printf("%s\n", body);
    else
        table_print(body);
    weir_free(body);
    return result;
}

static int cli_provider_change(const struct asking *asking, const struct action *action, const char *name,
                               struct settings *settings, bool force) {
    char path[256];
    int status = 0, result = 0;
    struct arena arena;
    arena_init(&arena, 4096, 1 << 22);
    struct text json = text_in_arena(&arena, 2048);
    bool adds = strcmp(action->name, "add") == 0;
    if (action->settings) {
        text_put_byte(&json, '{');
        if (adds) text_json_str(&json, STR("name"), str_from(name));
        cli_settings_put(&settings->written, &json);
        text_put_byte(&json, '}');
    }
    snprintf(path, sizeof path, "/admin/v1/providers%s%s%s%s", adds ? "" : "/", adds ? "" : name, action->suffix,
             force ? "?force=true" : "");
    char *body = json.failed ? NULL : send(asking, action->method, path, text_str(&json), &status);
    if (body && status >= 300)
        result = cli_print_failure(&asking->gateway, status, body);
    else if (body && asking->json)
        printf("%s\n", body);
    else if (body && !*action->done)
        result = probe_print(name, body);
    else if (body)
        printf("%s %s\n", name, action->done);
    if (body && status < 300) warnings_print(body);
    weir_free(body);
    arena_wipe(&arena);
    arena_free(&arena);
    return body ? result : 1;
}

/* Each provider in turn, then how it stands in all. The exit status is 1 when one does not answer well. */
static int probe_all(const struct asking *asking) {
    const char *problem;
    size_t at, place = 0;
    int status = 0, result = 0;
    char *body = send(asking, "GET", "/admin/v1/health", STR_NONE, &status);
    if (!body) return 1;
    if (status != 200) {
        result = cli_print_failure(&asking->gateway, status, body);
        weir_free(body);
        return result;
    }
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    static struct settings none;
    for (const struct json_value *provider;
         (provider = json_each(json_member(json_root(json), "providers"), &place, NULL));) {
        char name[80];
        str_copy(name, sizeof name, json_str(json_member(provider, "name"), STR("")));
        for (size_t i = 0; i < action_count; i++)
            if (!*actions[i].done && cli_provider_change(asking, &actions[i], name, &none, false)) result = 1;
    }
    json_free(json);
    weir_free(body);
    body = send(asking, "GET", "/admin/v1/health", STR_NONE, &status);
    json = body ? cli_json_parse(str_from(body), &problem, &at) : NULL;
    if (json && !asking->json)
        printf("overall %.*s\n", STR_ARG(json_str(json_member(json_root(json), "overall_health"), STR("?"))));
    json_free(json);
    weir_free(body);
    return result;
}

static bool name_fits_a_path(const char *name) {
    const bool fits = name_is_valid(str_from(name));
    if (!fits)
        fprintf(
            stderr,
            "weir provider: `%s` is no name for a provider: letters, digits, `-`, `_` and `.`, %d of them at most\n",
            name, limit_name);
    return fits;
}

int cli_provider(int argc, char **argv) {
    struct asking asking = {.json = false};
    bool all = false, force = false;
    const char *rest[settings_max + 2];
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(asking.gateway),
        CLI_JSON(&asking.json),
        {"--all", NULL, NULL, &all, NULL, "with probe: each provider"},
        {"--force", NULL, NULL, &force, NULL, "with remove: what was changed at run time and names it is left out"},
    };
    int status =
        cli_options(argc, argv, options, sizeof options / sizeof *options, rest, settings_max + 2, &rest_count);
    if (status == 0) return cli_provider_usage(stdout, 0);
    if (status > 0) return status;
    if (rest_count >= 1 && rest_count <= 2 && strcmp(rest[0], "list") == 0)
        return rest_count == 2 && !name_fits_a_path(rest[1]) ? 2 : list(&asking, rest_count == 2 ? rest[1] : NULL);
    if (all)
        return rest_count == 1 && strcmp(rest[0], "probe") == 0 ? probe_all(&asking) : cli_provider_usage(stderr, 2);
    const struct action *action = NULL;
    for (size_t i = 0; i < action_count && rest_count >= 2; i++)
        if (strcmp(actions[i].name, rest[0]) == 0) action = &actions[i];
    bool some = rest_count > 2, update = action && strcmp(action->name, "update") == 0;
    bool misplaced = force && action && strcmp(action->name, "remove") != 0;
    if (!action || some > action->settings || (update && !some) || misplaced) return cli_provider_usage(stderr, 2);
    static struct settings settings;
    settings.written = (struct cli_settings){
        .command = "provider", .of = section_provider, .arguments = rest + 2, .count = rest_count - 2};
    bool fine = name_fits_a_path(rest[1]) && settings_check(&settings);
    int result = fine ? cli_provider_change(&asking, action, rest[1], &settings, force) : 2;
    memory_wipe(&settings, sizeof settings);
    return result;
}
