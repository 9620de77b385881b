/* config_clients.c - clients: those of the file, what was changed of them at run time, and those that were made at run
 * time, one by one against the configuration in force (config_clients.h). */
#include "config/config_clients.h"

#include "base/memory.h"
#include "base/name.h"
#include "config/config_decisions.h"
#include "config/config_entries.h"
#include "config/config_overlay_tree.h"
#include "dialect/date.h"
#include "dialect/json.h"

/* -- what one may do -- */

/* A day, or a moment. false: it is neither. */
static bool moment_read(struct str text, int64_t *seconds) {
    char moment[32];
    int64_t ms;
    struct text whole = text_in_buffer(moment, sizeof moment);
    text_printf(&whole, "%.*s%s", STR_ARG(text), text.len == 10 ? "T00:00:00Z" : "");
    if (whole.failed || !date_read_rfc3339(text_str(&whole), &ms) || ms < 0) return false;
    *seconds = ms / 1000;
    return true;
}

static void client_settings_read(struct config_reading *reading, struct snapshot *snapshot,
                                 const struct config_node *node, struct client *client) {
    const struct section section = {section_client, node};
    const struct config_node *expires = config_member(node, STR("expires_at"));
    client->role = (enum role)read_choice(section, "role");
    client->disabled = !read_bool(section, "enabled");
    client->edited = node->edited;
    if (expires && expires->text.len && !moment_read(expires->text, &client->expires_s))
        config_report(reading, expires, config_error,
                      "`%.*s` is no moment: write a day in UTC, 2027-01-31, or 2027-01-31T12:00:00Z",
                      STR_ARG(config_shown(expires)));
    client->models = read_strings(section, "models", &snapshot->arena, &client->model_count);
    client->providers = read_strings(section, "providers", &snapshot->arena, &client->provider_count);
    client->raw = read_bool(section, "raw");
    client->debug = read_bool(section, "debug") || client->role != role_user;
    client->may_steer =
        read_is_written(section, "may_steer") ? read_bool(section, "may_steer") : client->role != role_user;
    client->tags = tags_read(config_member(node, STR("tags")), &snapshot->arena, &client->tag_count);
    decisions_of_client(reading, snapshot, node, client);
}

/* -- of the file -- */

static const char *const empty_keys[] = {"", "\n", "\r\n"};

static void client_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node) {
    struct client *client = &snapshot->clients[snapshot->client_count];
    const struct section section = {section_client, node};
    struct str hash = read_str(section, "key_hash");
    *client = (struct client){.name = arena_copy(&snapshot->arena, read_str(section, "name"))};
    if (!name_is_valid(client->name)) {
        config_report(reading, node, config_error, "a client needs a `name` of letters, digits, `-`, `_` and `.`");
        return;
    }
    if (!map_add(&snapshot->clients_by_name, client->name, client))
        config_report(reading, node, config_error, "two clients are named `%.*s`", STR_ARG(client->name));
    if (str_starts(hash, STR("sha256:"))) hash = str_slice(hash, 7, hash.len);
    size_t blank = str_find_byte(hash, ' '); /* as sha256sum prints it: with the file's name, which is - */
    if (blank == 64 && str_eq(str_trim(str_slice(hash, blank, hash.len)), STR("-"))) hash = str_slice(hash, 0, blank);
    bool good = hash_from_hex(hash, &client->key_hash);
    if (!good) {
        const struct config_node *at = config_member(node, STR("key_hash"));
        config_report(reading, at ? at : node, config_error,
                      "client `%.*s` needs its `key_hash`: the 64 hexadecimal digits of `printf %%s KEY | sha256sum`",
                      STR_ARG(client->name));
    }
    for (size_t i = 0; i < sizeof empty_keys / sizeof *empty_keys; i++) {
        struct sha256 empty = hash_sha256(str_from(empty_keys[i]));
        if (hash_equal(&client->key_hash, &empty))
            config_report(reading, config_member(node, STR("key_hash")), config_error,
                          "the `key_hash` of client `%.*s` is that of an empty key: was the variable empty when it was "
                          "made?",
                          STR_ARG(client->name));
    }
    uint32_t other = good
                         ? client_table_add(&snapshot->client_keys, &client->key_hash, (uint32_t)snapshot->client_count)
                         : client_table_none;
    if (other != client_table_none)
        config_report(reading, node, config_error, "the clients `%.*s` and `%.*s` have the same key",
                      STR_ARG(snapshot->clients[other].name), STR_ARG(client->name));
    client_settings_read(reading, snapshot, node, client);
    snapshot->client_count++;
}

void clients_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct config_node *list = config_member(root, STR("clients"));
    size_t count = list && list->kind == config_list ? list->count : 0;
    snapshot->clients = arena_take_zeroed(&snapshot->arena, (count + 1) * sizeof *snapshot->clients);
    if (!snapshot->clients || !map_init(&snapshot->clients_by_name, &snapshot->arena, count + 1) ||
        !client_table_init(&snapshot->client_keys, &snapshot->arena, count + 1)) {
        config_report(reading, list, config_error, "no memory for %zu clients", count);
        return;
    }
    for (const struct config_node *node = count ? list->first : NULL; node; node = node->next)
        if (node->kind == config_map) client_read(reading, snapshot, node);
    if (reading->input->marks_problem.len)
        config_report(reading, NULL, config_warning, "%.*s", STR_ARG(reading->input->marks_problem));
    if (snapshot->client_count == 0 && !config_member(root, STR("identity")) && !reading->input->run_time_clients &&
        snapshot_wants_keys(snapshot))
        config_report(reading, list ? list : root, config_warning,
                      "there were clients and there are none now: every request is answered 401 until there are "
                      "`clients` again (or weir client add), or `auth: none` is written");
}

/* -- changed at run time -- */

/* The settings, checked as what came from outside. NULL: what is wrong has been said. */
static struct config_node *settings_parse(struct config_reading *reading, struct str settings) {
    struct error error = {.code = error_none};
    const char *problem = "";
    size_t at = 0;
    struct arena *arena = &reading->config->arena;
    const struct json_value *json = json_parse_in(arena, settings, &problem, &at);
    struct config_node *node = json_kind(json) == json_object ? overlay_node_of(json, arena, &error) : NULL;
    if (!node) {
        config_report(reading, NULL, config_error, "the settings of a client cannot be read: %s",
                      error.code ? error.message
                      : json     ? "they are no JSON object"
                                 : problem);
        return NULL;
    }
    struct config_node list = {.kind = config_list, .key = STR("clients"), .first = node, .count = 1},
                       root = {.kind = config_map, .first = &list, .count = 1};
    overlay_mark(node);
    config_check(reading, &root);
    return node;
}

void config_clients_merge(struct config_reading *reading, struct config_node *root) {
    struct config_node *list = config_member(root, STR("clients"));
    const struct config_input *input = reading->input;
    if (!input->client_change || !list || list->kind != config_list) return;
    for (struct config_node *node = list->first; node; node = node->next) {
        const struct config_node *name = node->kind == config_map ? config_member(node, STR("name")) : NULL;
        struct error error = {.code = error_none};
        struct str change = STR_NONE;
        if (!name || !name->text.len) continue;
        if (!input->client_change(input->context, name->text, &reading->config->arena, &change, &error)) {
            config_report(reading, NULL, config_error, "%s", error.message);
            return;
        }
        struct config_node *settings = change.at ? settings_parse(reading, change) : NULL;
        if (!settings) continue;
        overlay_take_out(settings, STR("name"));
        overlay_take_out(settings, STR("key_hash"));
        overlay_put_all(node, settings);
        node->edited = true;
    }
}

/* -- templates -- */

enum { template_depth_max = 16 };

static struct config_node *template_copy(struct arena *arena, const struct config_node *from, unsigned depth) {
    struct config_node *node = depth < template_depth_max ? arena_take_zeroed(arena, sizeof *node) : NULL;
    if (!node) return NULL;
    node->kind = from->kind;
    node->quoted = from->quoted;
    node->referred = from->referred;
    node->text = arena_copy(arena, from->text);
    node->key = arena_copy(arena, from->key);
    struct config_node **place = &node->first;
    for (const struct config_node *child = from->first; child;
         child = child->next, place = &(*place)->next, node->count++)
        if (!(*place = template_copy(arena, child, depth + 1))) return NULL;
    return node->text.at && node->key.at ? node : NULL;
}

void config_templates_keep(struct config_reading *reading, struct snapshot *snapshot) {
    const struct config_node *templates = snapshot->templates;
    if (!templates) return;
    snapshot->templates = template_copy(&snapshot->arena, templates, 0);
    if (!snapshot->templates) config_report(reading, NULL, config_error, "no memory for the templates");
}

/* -- made at run time -- */

bool config_client_wants_history(struct str settings, struct arena *arena) {
    const char *problem = "";
    size_t at = 0, place = 0;
    const struct json_value *root = json_parse_in(arena, settings, &problem, &at), *budgets = NULL;
    if (json_kind(root) == json_object) budgets = json_member(root, "budgets");
    if (json_kind(budgets) != json_array) return false;
    for (const struct json_value *budget; (budget = json_each(budgets, &place, NULL));)
        if (json_kind(budget) == json_object && str_eq(json_str(json_member(budget, "start"), STR("")), STR("history")))
            return true;
    return false;
}

bool config_client_settings(struct str before, struct str over, struct arena *arena, struct str *after,
                            struct error *error) {
    const char *problem = "";
    size_t at = 0;
    const struct json_value *one = before.len ? json_parse_in(arena, before, &problem, &at) : NULL,
                            *two = json_parse_in(arena, over, &problem, &at);
    if (!two) return error_set(error, error_invalid_request, "not JSON: %s at byte %zu", problem, at);
    if (json_kind(two) != json_object)
        return error_set(error, error_invalid_request, "The settings must be a JSON object, {\"rate_limit_rpm\": 60}.");
    if (json_member(two, "key_hash"))
        return error_set(error, error_invalid_request,
                         "`key_hash` is not taken: weir makes the key itself, and shows it once.");
    struct text out = text_in_arena(arena, before.len + over.len + 16);
    config_patch_put(&out, one, two, STR("name"));
    if (out.failed || out.len > config_client_settings_max)
        return error_set(error, error_invalid_request,
                         "The settings are too large, or nested too deep: at most %d bytes.",
                         config_client_settings_max);
    *after = text_str(&out);
    return true;
}

static bool client_problems_say(const struct config *config, struct error *error) {
    struct text text = TEXT_IN_STRING(error->message);
    config_problems_say(config, &text);
    error->code = error_invalid_request;
    error->message[text.len] = 0;
    if (!text.len) str_copy(error->message, sizeof error->message, config->problems->message);
    return false;
}

/* Of the configuration in force what one client is read against; what it makes itself goes into an arena of its own. */
static struct snapshot *client_shadow(const struct snapshot *snapshot, struct arena *arena) {
    struct snapshot *shadow = arena_take_zeroed(arena, sizeof *shadow);
    if (!shadow) return NULL;
    shadow->providers = snapshot->providers;
    shadow->provider_count = snapshot->provider_count;
    shadow->targets_by_name = snapshot->targets_by_name;
    shadow->owners_by_name = snapshot->owners_by_name;
    shadow->named_budgets = snapshot->named_budgets;
    shadow->templates = snapshot->templates;
    shadow->zones = snapshot->zones;
    return shadow;
}

bool config_client_make(const struct snapshot *snapshot, const struct config_client_asked *asked,
                        struct config_client_made *made, struct error *error) {
    struct config_input input = {.text = asked->settings,
                                 .overlay_path = STR("clients"),
                                 .read_file = asked->read_file,
                                 .context = asked->context,
                                 .cells = asked->cells};
    struct config config = {.problems = NULL};
    struct config_reading reading = {.input = &input, .config = &config};
    *made = (struct config_client_made){.client = NULL};
    arena_init(&config.arena, 4096, 1024 * 1024);
    arena_init(&made->arena, 1024, 1024 * 1024);
    const struct config_node *node = settings_parse(&reading, asked->settings);
    struct snapshot *shadow = node ? client_shadow(snapshot, &config.arena) : NULL;
    struct client *client = shadow ? arena_take_zeroed(&made->arena, sizeof *client) : NULL;
    if (client) {
        shadow->arena = made->arena;
        client->name = arena_copy(&shadow->arena, asked->name);
        client_settings_read(&reading, shadow, node, client);
        budgets_downgrades_find(&reading, shadow, NULL);
        made->arena = shadow->arena;
        made->budgets = shadow->first_budget;
        made->client = client;
    }
    bool fine = config.error_count == 0 && config.protects_count == 0;
    if (!fine)
        client_problems_say(&config, error);
    else if (!client || !client->name.at)
        fine = error_set(error, error_out_of_memory, "No memory for this.");
    if (!fine) arena_free(&made->arena);
    if (!fine) made->client = NULL;
    arena_free(&config.arena);
    return fine;
}
