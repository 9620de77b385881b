/* entry.c - weir rule, owner and template, and what of weir route and weir budget changes the configuration: the
 * entries of a running gateway, shown and changed through its admin API. One command for all kinds. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "config/config_entries.h"
#include "dialect/json.h"
#include "weir.h"

enum { entry_settings_most = 64, entry_path_max = 3 * config_entry_name_max + 64 };

static const struct entry_action {
    const char *name, *method, *done;
    bool settings, resets;
} entry_cli_actions[] = {
    {"add", "POST", "is added", true, false},
    {"change", "PATCH", "is changed", true, false},
    {"set", "PATCH", "is changed", true, false},
    {"remove", "DELETE", "is removed", false, false},
    {"reset", "POST", "is as the configuration says again", false, true},
    {"revert", "POST", "is as the configuration says again", false, true},
};
enum { entry_cli_action_count = sizeof entry_cli_actions / sizeof *entry_cli_actions };

struct entry_asking {
    struct cli_gateway gateway;
    bool json;
    enum entry_kind kind;
    const struct config_entry_facts *facts;
    const struct entry_action *action;
    const char *name;
    struct cli_settings settings;
};

/* `weir budget reset` is about what was spent: its change is dropped by another word. */
static bool entry_action_is_of(const struct config_entry_facts *facts, const struct entry_action *action) {
    return !action->resets || str_ends(facts->reset, str_from(action->name));
}

bool cli_entry_named(enum entry_kind kind, const char *word) {
    const struct config_entry_facts *facts = config_entry_facts(kind);
    for (size_t i = 0; word && i < entry_cli_action_count; i++)
        if (strcmp(entry_cli_actions[i].name, word) == 0 && entry_action_is_of(facts, &entry_cli_actions[i]))
            return true;
    return word && (strcmp(word, "show") == 0 || (kind != entry_budget && strcmp(word, "list") == 0));
}

void cli_entry_forms(FILE *out, enum entry_kind kind) {
    const struct config_entry_facts *facts = config_entry_facts(kind);
    const char *name = facts->name_key.len && kind == entry_route ? "MODEL" : "NAME";
    if (kind == entry_budget)
        fputs("\nForms:\n"
              "  weir budget list\n"
              "  weir budget raise NAME --usd X [--until TIME] [--owner OWNER]\n"
              "  weir budget credit NAME --usd X [--owner OWNER]\n"
              "  weir budget reset NAME [--owner OWNER]\n",
              out);
    if (kind == entry_route || kind == entry_budget)
        fprintf(out, "\nForms for the %.*s of the configuration:\n", STR_ARG(facts->plural));
    else
        fputs("\nForms:\n", out);
    if (kind != entry_budget) fprintf(out, "  weir %.*s list\n", STR_ARG(facts->word));
    fprintf(out, "  weir %.*s show %s\n", STR_ARG(facts->word), name);
    for (size_t i = 0; i < entry_cli_action_count; i++)
        if (entry_action_is_of(facts, &entry_cli_actions[i]) && strcmp(entry_cli_actions[i].name, "set") != 0)
            fprintf(out, "  weir %.*s %s %s%s\n", STR_ARG(facts->word), entry_cli_actions[i].name, name,
                    entry_cli_actions[i].settings ? " key=value ..." : "");
    fprintf(
        out,
        "\nThe keys are those of `%.*s` in the configuration. Lists are written a,b,c or as JSON, inner keys with a "
        "dot\n(when.has_image=true); key= takes out what was changed of it, and the file's counts again.\n",
        STR_ARG(facts->plural));
}

/* -- what is shown -- */

static void entries_print(const struct entry_asking *asking, const struct json_value *root) {
    char list[16], name[16];
    size_t place = 0;
    str_copy(list, sizeof list, asking->facts->plural);
    str_copy(name, sizeof name, asking->facts->name_key.len ? asking->facts->name_key : STR("name"));
    printf("%-32s %-8s %-28s %s\n", asking->kind == entry_route ? "MODEL" : "NAME", "FROM", "CHANGED AT RUN TIME",
           "SETTINGS");
    for (const struct json_value *one; (one = json_each(json_member(root, list), &place, NULL));) {
        char said[128];
        struct arena arena;
        size_t at = 0;
        struct text changed = text_in_buffer(said, sizeof said);
        arena_init(&arena, 1024, 1 << 20);
        for (const struct json_value *key; (key = json_each(json_member(one, "changed"), &at, NULL));)
            text_printf(&changed, "%s%.*s", changed.len ? "," : "", STR_ARG(json_str(key, STR(""))));
        bool removed = json_bool(json_member(one, "removed"), false);
        struct str problem = json_str(json_member(one, "problem"), STR(""));
        printf("%-32.*s %-8.*s %-28.*s %.*s\n", STR_ARG(json_str(json_member(one, name), STR("-"))),
               STR_ARG(json_str(json_member(one, "from"), STR("-"))),
               STR_ARG(problem.len   ? STR("left out")
                       : removed     ? STR("removed")
                       : changed.len ? text_str(&changed)
                                     : STR("-")),
               STR_ARG(json_raw(json_member(one, "settings"), &arena)));
        if (problem.len) printf("    %.*s\n", STR_ARG(problem));
        arena_free(&arena);
    }
}

/* -- asking -- */

static int cli_entry_ask(const struct entry_asking *asking, const char *method, const char *path, struct str request) {
    int status = 0, result = 0;
    const char *problem;
    size_t at;
    char *body = cli_send(method, &asking->gateway, path, request, &status);
    bool lists = !asking->name;
    struct json *json = body && lists && status == 200 ? cli_json_parse(str_from(body), &problem, &at) : NULL;
    if (!body) return 1;
    if (status >= 300)
        result = cli_print_failure(&asking->gateway, status, body);
    else if (json && !asking->json && isatty(STDOUT_FILENO))
        entries_print(asking, json_root(json));
    else if (asking->action && !asking->json)
        printf("%s %s\n", asking->name, asking->action->done);
    else
        printf("%s\n", body);
    json_free(json);
    weir_free(body);
    return result;
}

/* /admin/v1/routes/openai%2Fgpt-4o/reset */
static void entry_path_put(const struct entry_asking *asking, bool named, struct text *path) {
    struct str word = asking->facts->reset;
    text_printf(path, "/admin/v1/%.*s", STR_ARG(asking->facts->plural));
    if (!named) return;
    text_put_byte(path, '/');
    text_put_percent(path, str_from(asking->name), "");
    while (str_find_byte(word, ' ') != SIZE_MAX) word = str_slice(word, str_find_byte(word, ' ') + 1, word.len);
    if (asking->action && asking->action->resets) text_printf(path, "/%.*s", STR_ARG(word));
}

static int entry_do(const struct entry_asking *asking) {
    char buffer[entry_path_max];
    struct arena arena;
    struct text path = TEXT_IN_STRING(buffer);
    bool adds = asking->action && strcmp(asking->action->method, "POST") == 0 && !asking->action->resets;
    bool says = asking->action && asking->action->settings;
    arena_init(&arena, 4096, 1 << 22);
    struct text json = text_in_arena(&arena, 1024);
    text_put_byte(&json, '{');
    if (adds)
        text_json_str(&json, asking->facts->name_key.len ? asking->facts->name_key : STR("name"),
                      str_from(asking->name));
    cli_settings_put(&asking->settings, &json);
    text_put_byte(&json, '}');
    entry_path_put(asking, asking->name && !adds, &path);
    buffer[path.len] = 0;
    int result = 1;
    if (path.failed || json.failed)
        fprintf(stderr, "weir %.*s: the name or the settings are too long\n", STR_ARG(asking->facts->word));
    else
        result = cli_entry_ask(asking, asking->action ? asking->action->method : "GET", buffer,
                               says ? text_str(&json) : STR_NONE);
    arena_free(&arena);
    return result;
}

int cli_entry(int argc, char **argv, enum entry_kind kind) {
    struct entry_asking asking = {.kind = kind, .facts = config_entry_facts(kind)};
    const char *rest[entry_settings_most + 2];
    int rest_count;
    const struct cli_option options[] = {CLI_GATEWAY(asking.gateway), CLI_JSON(&asking.json)};
    enum { count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, count, rest, entry_settings_most + 2, &rest_count);
    if (status == 0) cli_entry_forms(stdout, kind);
    if (status >= 0) return status;
    bool lists = rest_count == 1 && strcmp(rest[0], "list") == 0 && kind != entry_budget,
         shows = rest_count == 2 && strcmp(rest[0], "show") == 0;
    for (size_t i = 0; i < entry_cli_action_count && rest_count >= 2; i++)
        if (strcmp(entry_cli_actions[i].name, rest[0]) == 0 && entry_action_is_of(asking.facts, &entry_cli_actions[i]))
            asking.action = &entry_cli_actions[i];
    bool says = asking.action && asking.action->settings;
    bool changes = says && strcmp(asking.action->method, "PATCH") == 0;
    if ((!lists && !shows && !asking.action) || (rest_count > 2 && !says) || (changes && rest_count == 2)) {
        cli_usage(stderr, argv[0], NULL, 0);
        cli_entry_forms(stderr, kind);
        return 2;
    }
    asking.name = lists ? NULL : rest[1];
    char word[16];
    str_copy(word, sizeof word, asking.facts->word);
    asking.settings = (struct cli_settings){
        .command = word, .of = asking.facts->of, .arguments = rest + 2, .count = rest_count > 2 ? rest_count - 2 : 0};
    if (asking.name && (!*asking.name || strlen(asking.name) >= config_entry_name_max)) {
        fprintf(stderr, "weir %.*s: `%.80s` is no name for one\n", STR_ARG(asking.facts->word), asking.name);
        return 2;
    }
    return cli_settings_check(&asking.settings) ? entry_do(&asking) : 2;
}

int cli_rule(int argc, char **argv) { return cli_entry(argc, argv, entry_rule); }
int cli_owner(int argc, char **argv) { return cli_entry(argc, argv, entry_owner); }
int cli_template(int argc, char **argv) { return cli_entry(argc, argv, entry_template); }
