/* key.c - weir key: the vault's credentials, by the gateway that has the state folder, or, where none runs, in the
 * folder itself. Secrets come on standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/cli.h"
#include "dialect/json.h"
#include "gateway/gateway.h"
#include "runtime/weir_internal.h"
#include "weir.h"

enum { key_secret_max = 17 * 1024 };

static const struct key_action {
    const char *name, *method, *suffix, *done, *reads; /* reads: what is asked for on standard input; NULL: nothing */
    enum key_edit_kind kind;
    bool named;
} key_actions[] = {
    {"set", "PUT", "", "is in the vault", "Secret", key_set, true},
    {"next", "POST", "/next", "has one more secret that waits for its turn", "Secret that waits", key_next, true},
    {"rotate", "POST", "/rotate", "has its next secret", "Next secret", key_rotate, true},
    {"validate", "POST", "/validate", NULL, NULL, key_set, true},
    {"remove", "DELETE", "", "is removed", NULL, key_remove, true},
    {"rekey", "POST", "rekey", "The vault has another master key", NULL, key_rekey, false},
};
enum { key_action_count = sizeof key_actions / sizeof *key_actions };

struct keying {
    struct cli_gateway gateway;
    bool json, passphrase, master_key;
    const char *days, *grace;
    const struct key_action *action; /* NULL: list */
    const char *name;
    char *secret; /* in memory for secrets; NULL: none was wanted */
    uint64_t days_number, grace_number;
};

static int key_usage(FILE *out, int status) {
    if (status) cli_usage(out, "key", NULL, 0);
    fprintf(out,
            "\nForms:\n  weir key list\n  weir key set PROVIDER[/NAME] [--rotate-after-days N]\n"
            "  weir key next PROVIDER[/NAME]\n"
            "  weir key rotate PROVIDER[/NAME] [--grace-seconds N]\n  weir key validate PROVIDER[/NAME]\n"
            "  weir key remove PROVIDER[/NAME]\n  weir key rekey [--passphrase|--master-key]\n"
            "\nSecrets are read from standard input, or from a terminal without showing them. A configuration names an "
            "entry\nas vault:PROVIDER or vault:PROVIDER/NAME.\n");
    return status;
}

/* -- what is shown -- */

static void date_print(const struct json_value *seconds, int width) {
    char text[32] = "-";
    time_t at = (time_t)json_i64(seconds, 0);
    struct tm parts;
    if (seconds && gmtime_r(&at, &parts)) strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    printf(" %-*s", width, text);
}

static void key_table_print(const char *body) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    const struct json_value *list = json_member(json_root(json), "credentials");
    printf("%-32s %-9s %-6s %8s %8s %-16s %s\n", "credential", "state", "last 4", "age", "uses", "last used", "for");
    for (const struct json_value *one; (one = json_each(list, &place, NULL));) {
        char age[32];
        struct str last = json_str(json_member(one, "last_four"), STR("")),
                   origin = json_str(json_member(one, "origin"), STR(""));
        snprintf(age, sizeof age, "%lld d", (long long)json_i64(json_member(one, "age_days"), 0));
        printf("%-32.*s %-9.*s %-6.*s %8s", STR_ARG(json_str(json_member(one, "name"), STR(""))),
               STR_ARG(json_str(json_member(one, "state"), STR(""))), STR_ARG(last.len ? last : STR("-")), age);
        if (json_member(one, "uses"))
            printf(" %8lld", (long long)json_i64(json_member(one, "uses"), 0));
        else
            printf(" %8s", "-");
        date_print(json_member(one, "last_used"), 16);
        printf(" %.*s%s\n", STR_ARG(str_slice(origin, 0, str_find_byte(origin, ' '))),
               json_member(one, "previous_until") ? " (the one before it is valid too)" : "");
    }
    json_free(json);
}

static void key_warnings_print(const struct json_value *root) {
    size_t place = 0;
    for (const struct json_value *warning; (warning = json_each(json_member(root, "warnings"), &place, NULL));)
        fprintf(stderr, "weir: warning: %.*s\n", STR_ARG(json_str(warning, STR(""))));
}

/* Does the provider take it? The exit status says it too. */
static int validity_print(const char *name, const struct json_value *root) {
    int status = (int)json_i64(json_member(root, "status"), 0);
    struct str said = json_str(json_member(root, "said"), STR(""));
    bool refused = status == 401 || status == 403, taken = status >= 200 && status < 300;
    printf("%s %s (status %d)%s%.*s\n", name,
           taken     ? "is valid"
           : refused ? "is refused by the provider"
                     : "may be valid or not: the provider's answer does not say",
           status, said.len ? ": " : "", STR_ARG(said));
    return taken ? 0 : 1;
}

static int done_print(const struct keying *keying, const char *body) {
    const char *problem;
    size_t at;
    int result = 0;
    struct json *json = cli_json_parse(str_from(body), &problem, &at);
    if (keying->json || !keying->action)
        (void)0;
    else if (!keying->action->done)
        result = validity_print(keying->name, json_root(json));
    else if (keying->action->named)
        printf("%s %s\n", keying->name, keying->action->done);
    else
        printf("%s (%.*s)\n", keying->action->done,
               STR_ARG(json_str(json_member(json_root(json), "master_key"), STR("?"))));
    if (!keying->action && !keying->json && isatty(STDOUT_FILENO))
        key_table_print(body);
    else if (!keying->action || keying->json)
        printf("%s\n", body);
    key_warnings_print(json_root(json));
    json_free(json);
    return result;
}

/* -- by the gateway -- */

static struct str key_body(const struct keying *keying, struct text *text) {
    if (!keying->secret) return STR_NONE;
    text_put_byte(text, '{');
    text_json_str(text,
                  keying->passphrase   ? STR("passphrase")
                  : keying->master_key ? STR("master_key")
                                       : STR("secret"),
                  str_from(keying->secret));
    if (keying->days) text_json_u64(text, STR("rotate_after_days"), keying->days_number);
    if (keying->grace) text_json_u64(text, STR("grace_seconds"), keying->grace_number);
    text_put_byte(text, '}');
    return text_str(text);
}

static int key_by_gateway(const struct keying *keying) {
    char path[256];
    int status = 0, result = 1;
    struct arena arena;
    const struct key_action *action = keying->action;
    arena_init_secret(&arena, 8 * 1024, 1 << 20);
    struct text text = text_in_arena(&arena, 1024);
    struct str body = key_body(keying, &text);
    snprintf(path, sizeof path, "/admin/v1/credentials%s%s%s", action ? "/" : "", keying->name ? keying->name : "",
             action ? action->suffix : "");
    char *reply = text.failed ? NULL : cli_send(action ? action->method : "GET", &keying->gateway, path, body, &status);
    if (reply && status >= 300)
        result = cli_print_failure(&keying->gateway, status, reply);
    else if (reply)
        result = done_print(keying, reply);
    weir_free(reply);
    arena_free(&arena);
    return result;
}

/* -- in the folder -- */

static int key_alone(const struct keying *keying, const char *config_path, const char *state_dir) {
    struct weir_host host = weir_host_default;
    struct weir_error error;
    char *view = NULL, actor[cli_actor_max];
    host.ask = cli_passphrase_ask;
    host.simulated_base_url = STR("http://127.0.0.1:1/v1");
    if (keying->action && !keying->action->done) {
        fprintf(stderr, "weir key: no gateway runs with %s, and a provider is asked by a gateway: weir serve\n",
                state_dir);
        return 1;
    }
    struct key_edit edit = {.kind = keying->action ? keying->action->kind : key_set,
                            .id = str_from(keying->name),
                            .secret = str_from(keying->secret),
                            .grace_s = keying->grace ? (int64_t)keying->grace_number : 24 * 3600,
                            .rotate_after_days = (uint32_t)keying->days_number,
                            .passphrase = keying->passphrase ? keying->secret : NULL,
                            .master_key = keying->master_key ? keying->secret : NULL,
                            .by = cli_actor(actor),
                            .address = STR("cli")};
    int lock = keying->action ? state_lock(state_dir) : -1;
    if (keying->action && lock < 0) return 1;
    bool fine = keying->action ? library_key_edit_alone(config_path, &host, &edit, &view, &error)
                               : (view = library_keys_alone(state_dir, &host, &error)) != NULL;
    if (lock >= 0) close(lock);
    int result = fine && view ? done_print(keying, view) : 1;
    if (!fine) fprintf(stderr, "weir: %s\n", error.message);
    weir_free(view);
    return result;
}

/* Where the state folder is, unless a gateway was named. false: that is not told, and whoever answers is asked. */
static bool folder_found(const struct keying *keying, const char *config_path, char *state_dir, size_t size) {
    struct arena arena;
    struct config_where where;
    struct str problem;
    const char *url = keying->gateway.url ? keying->gateway.url : getenv("WEIR_URL");
    if (url && *url) return false;
    arena_init(&arena, 4096, 1024 * 1024);
    bool found = library_config_where(config_path, &arena, &where, &problem);
    if (found) str_copy(state_dir, size, where.state_dir);
    arena_free(&arena);
    return found;
}

/* -- the command -- */

static bool key_number_read(const char *text, uint64_t most, const char *option, uint64_t *number) {
    if (!text || (str_to_u64(str_from(text), number) && *number <= most)) return true;
    fprintf(stderr, "weir key: %s takes a whole number up to %llu\n", option, (unsigned long long)most);
    return false;
}

static bool key_is_asked_well(struct keying *keying, const char *const *rest, int rest_count) {
    const struct key_action *action = NULL;
    for (size_t i = 0; i < key_action_count && rest_count; i++)
        if (strcmp(key_actions[i].name, rest[0]) == 0) action = &key_actions[i];
    bool lists = rest_count == 1 && strcmp(rest[0], "list") == 0;
    bool sets = action && action->kind == key_set && action->reads, rotates = action && action->kind == key_rotate,
         rekeys = action && action->kind == key_rekey;
    keying->action = action;
    keying->name = action && action->named && rest_count == 2 ? rest[1] : NULL;
    if (!lists && (!action || rest_count != 1 + action->named)) return false;
    if ((keying->days && !sets) || (keying->grace && !rotates)) return false;
    if ((keying->passphrase || keying->master_key) && (!rekeys || (keying->passphrase && keying->master_key)))
        return false;
    if (keying->name && !vault_id_is_valid(str_from(keying->name))) {
        fprintf(stderr, "weir key: `%s` is no name for a credential: PROVIDER or PROVIDER/NAME\n", keying->name);
        return false;
    }
    return key_number_read(keying->days, 3650, "--rotate-after-days", &keying->days_number) &&
           key_number_read(keying->grace, 90 * 24 * 3600, "--grace-seconds", &keying->grace_number);
}

static bool key_secret_get(struct keying *keying) {
    const char *reads = keying->passphrase   ? "New passphrase"
                        : keying->master_key ? "New master key"
                        : keying->action     ? keying->action->reads
                                             : NULL;
    if (!reads) return true;
    keying->secret = secret_take(key_secret_max);
    return keying->secret && cli_secret_read("key", reads, "the secret", keying->secret, key_secret_max);
}

int cli_key(int argc, char **argv) {
    struct keying keying = {.json = false};
    const char *rest[4];
    char buffer[1024], state_dir[1024];
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(keying.gateway),
        CLI_JSON(&keying.json),
        {"--rotate-after-days", NULL, &keying.days, NULL, "N",
         "with set: the next one's turn then, or a warning (of all at 90)"},
        {"--grace-seconds", NULL, &keying.grace, NULL, "N", "with rotate: so long the one before is valid too (a day)"},
        {"--passphrase", NULL, NULL, &keying.passphrase, NULL, "with rekey: a passphrase opens the vault from now on"},
        {"--master-key", NULL, NULL, &keying.master_key, NULL, "with rekey: WEIR_MASTER_KEY does, with this value"},
    };
    int status = cli_options(argc, argv, options, sizeof options / sizeof *options, rest, 4, &rest_count);
    if (status == 0) return key_usage(stdout, 0);
    if (status > 0) return status;
    if (!key_is_asked_well(&keying, rest, rest_count)) return key_usage(stderr, 2);
    if (!hash_start()) return 1;
    const char *config_path = cli_config_path(keying.gateway.config, buffer, sizeof buffer);
    bool alone = folder_found(&keying, config_path, state_dir, sizeof state_dir) && !state_is_owned(state_dir);
    status = 1;
    if (key_secret_get(&keying)) status = alone ? key_alone(&keying, config_path, state_dir) : key_by_gateway(&keying);
    secret_give(keying.secret);
    return status;
}
