/* client.c - weir client: who has a key for a running gateway, through its admin API. A key that was made is the only
 * thing on standard output, and is shown once. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "config/config_schema.h"
#include "dialect/json.h"
#include "weir.h"

enum { client_settings_most = 64 };

static const struct client_action {
    const char *name, *method, *suffix, *done;
    bool settings, makes_key;
} client_actions[] = {
    {"add", "POST", "", "is added", true, true},
    {"create", "POST", "", "is added", true, true},
    {"change", "PATCH", "", "is changed", true, false},
    {"rotate", "POST", "/rotate", "has its next key", false, true},
    {"disable", "POST", "/disable", "is disabled: its key is refused", false, false},
    {"enable", "POST", "/enable", "is enabled", false, false},
    {"revoke", "DELETE", "", "is revoked", false, false},
    {"reset", "POST", "/reset", "is as the configuration says again", false, false},
};
enum { client_action_count = sizeof client_actions / sizeof *client_actions };

struct client_asking {
    struct cli_gateway gateway;
    bool json;
    const char *grace, *after, *limit;
    const struct client_action *action;
    const char *name;
    struct cli_settings settings;
};

static int client_usage(FILE *out, int status) {
    if (status) cli_usage(out, "client", NULL, 0);
    fprintf(out, "\nForms:\n  weir client list [--after NAME] [--limit N]\n  weir client show NAME\n"
                 "  weir client add NAME [key=value ...]\n  weir client change NAME key=value ...\n"
                 "  weir client rotate NAME [--grace-seconds N]\n  weir client disable NAME\n"
                 "  weir client enable NAME\n  weir client revoke NAME\n  weir client reset NAME\n"
                 "\nThe keys are those of `clients[]` in the configuration: models=gpt-*,claude-* rate_limit_rpm=60 "
                 "in=search\nexpires_at=2027-01-31 tags.team=search budgets='[{\"usd\":5,\"window\":\"day\"}]'. key= "
                 "takes a key out. A key that was\nmade is on standard output, once.\n");
    return status;
}

/* -- what is shown -- */

static struct str client_word(const struct json_value *client, const char *member, const char *otherwise) {
    struct str word = json_str(json_member(client, member), STR(""));
    return word.len ? word : str_from(otherwise);
}

static void clients_print(const struct json_value *root) {
    size_t place = 0;
    printf("%-32s %-8s %-9s %-9s %10s %-20s %s\n", "CLIENT", "FROM", "ROLE", "STATE", "USES", "LAST USED", "IN");
    for (const struct json_value *one; (one = json_each(json_member(root, "clients"), &place, NULL));)
        printf("%-32.*s %-8.*s %-9.*s %-9.*s %10lld %-20.*s %.*s\n", STR_ARG(client_word(one, "name", "-")),
               STR_ARG(client_word(one, "from", "-")), STR_ARG(client_word(one, "role", "-")),
               STR_ARG(client_word(one, "state", "-")), (long long)json_i64(json_member(one, "uses"), 0),
               STR_ARG(client_word(one, "last_used_at", "-")),
               STR_ARG(client_word(json_bool(json_member(one, "identity"), false) ? one : json_member(one, "settings"),
                                   "in", "-")));
    struct str next = json_str(json_member(root, "next"), STR(""));
    if (json_member(root, "identities_left_out"))
        printf("and %lld more who show tokens\n", (long long)json_i64(json_member(root, "identities_left_out"), 0));
    if (next.len) printf("and more: --after %.*s\n", STR_ARG(next));
}

static int client_list(const struct client_asking *asking) {
    char buffer[512];
    const char *problem;
    size_t at;
    int status = 0, result = 0;
    struct text path = TEXT_IN_STRING(buffer);
    text_put(&path, STR("/admin/v1/clients"));
    cli_query_put(&path, "after", asking->after);
    cli_query_put(&path, "limit", asking->limit);
    if (path.failed) {
        fprintf(stderr, "weir client: an argument is too long\n");
        return 2;
    }
    buffer[path.len] = 0;
    char *body = cli_send("GET", &asking->gateway, buffer, STR_NONE, &status);
    struct json *json = body && status == 200 ? cli_json_parse(str_from(body), &problem, &at) : NULL;
    if (body && status != 200)
        result = cli_print_failure(&asking->gateway, status, body);
    else if (json && !asking->json && isatty(STDOUT_FILENO))
        clients_print(json_root(json));
    else if (body)
        printf("%s\n", body);
    json_free(json);
    weir_free(body);
    return body ? result : 1;
}

static int client_show(const struct client_asking *asking) {
    char path[128];
    int status = 0, result = 0;
    snprintf(path, sizeof path, "/admin/v1/clients/%s", asking->name);
    char *body = cli_send("GET", &asking->gateway, path, STR_NONE, &status);
    if (body && status != 200)
        result = cli_print_failure(&asking->gateway, status, body);
    else if (body)
        printf("%s\n", body);
    weir_free(body);
    return body ? result : 1;
}

static void client_done_print(const struct client_asking *asking, const char *body) {
    const char *problem;
    size_t at;
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    struct str key = json_str(json_member(json_root(json), "key"), STR(""));
    if (asking->json) {
        printf("%s\n", body);
    } else if (key.len) {
        fprintf(stderr, "%s %s. Its key, which nobody can show again:\n", asking->name, asking->action->done);
        printf("%.*s\n", STR_ARG(key));
    } else {
        printf("%s %s\n", asking->name, asking->action->done);
    }
    json_free(json);
}

static int client_do(const struct client_asking *asking) {
    char path[160];
    int status = 0, result = 0;
    struct arena arena;
    arena_init(&arena, 4096, 1 << 22);
    const struct client_action *action = asking->action;
    bool adds = action->settings && strcmp(action->method, "POST") == 0;
    struct text json = text_in_arena(&arena, 1024);
    text_put_byte(&json, '{');
    if (adds) text_json_str(&json, STR("name"), str_from(asking->name));
    if (asking->grace) {
        text_json_key(&json, STR("grace_seconds"));
        text_put(&json, str_from(asking->grace));
    }
    cli_settings_put(&asking->settings, &json);
    text_put_byte(&json, '}');
    snprintf(path, sizeof path, "/admin/v1/clients%s%s%s", adds ? "" : "/", adds ? "" : asking->name, action->suffix);
    bool says = action->settings || asking->grace;
    char *body = json.failed
                     ? NULL
                     : cli_send(action->method, &asking->gateway, path, says ? text_str(&json) : STR_NONE, &status);
    if (body && status >= 300)
        result = cli_print_failure(&asking->gateway, status, body);
    else if (body)
        client_done_print(asking, body);
    if (body) memory_wipe(body, strlen(body));
    weir_free(body);
    arena_free(&arena);
    return body ? result : 1;
}

/* -- the command -- */

static bool client_name_fits(const char *name) {
    const bool fits = name_is_valid(str_from(name));
    if (!fits)
        fprintf(stderr,
                "weir client: `%s` is no name for a client: letters, digits, `-`, `_` and `.`, %d of them at most\n",
                name, limit_name);
    return fits;
}

static bool client_whole_fits(const char *text, const char *option) {
    uint64_t number;
    if (!text || str_to_u64(str_from(text), &number)) return true;
    fprintf(stderr, "weir client: %s takes a whole number\n", option);
    return false;
}

int cli_client(int argc, char **argv) {
    struct client_asking asking = {.json = false};
    const char *rest[client_settings_most + 2];
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(asking.gateway),
        CLI_JSON(&asking.json),
        {"--grace-seconds", NULL, &asking.grace, NULL, "N", "with rotate: so long the key before is valid too (a day)"},
        {"--after", NULL, &asking.after, NULL, "NAME", "with list: those behind this one"},
        {"--limit", NULL, &asking.limit, NULL, "N", "with list: so many at most (1000)"},
    };
    int status =
        cli_options(argc, argv, options, sizeof options / sizeof *options, rest, client_settings_most + 2, &rest_count);
    if (status == 0) return client_usage(stdout, 0);
    if (status > 0) return status;
    if (!client_whole_fits(asking.grace, "--grace-seconds") || !client_whole_fits(asking.limit, "--limit")) return 2;
    bool lists = rest_count == 1 && strcmp(rest[0], "list") == 0,
         shows = rest_count == 2 && strcmp(rest[0], "show") == 0;
    for (size_t i = 0; i < client_action_count && rest_count >= 2; i++)
        if (strcmp(client_actions[i].name, rest[0]) == 0) asking.action = &client_actions[i];
    if ((asking.after || asking.limit) && !lists) return client_usage(stderr, 2);
    if (lists) return client_list(&asking);
    asking.name = rest_count >= 2 ? rest[1] : NULL;
    if (asking.name && (shows || asking.action) && !client_name_fits(asking.name)) return 2;
    if (shows) return client_show(&asking);
    bool changes = asking.action && strcmp(asking.action->method, "PATCH") == 0;
    bool rotates = asking.action && strcmp(asking.action->name, "rotate") == 0;
    if (!asking.action || (rest_count > 2 && !asking.action->settings) || (changes && rest_count == 2) ||
        (asking.grace && !rotates))
        return client_usage(stderr, 2);
    asking.settings = (struct cli_settings){
        .command = "client", .of = section_client, .arguments = rest + 2, .count = rest_count - 2};
    return cli_settings_check(&asking.settings) ? client_do(&asking) : 2;
}
