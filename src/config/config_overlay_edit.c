/* config_overlay_edit.c - one edit: the overlay's text parsed, changed, written again. What an edit says is taken
 * literally: no references, no words that weir keeps for itself. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "dialect/json.h"
#include "config/config_overlay.h"
#include "config/config_overlay_tree.h"
#include "config/config_read.h"
#include "config/config_schema.h"

enum { settings_depth_max = 4, settings_nodes_max = 10000 };

/* -- from JSON -- */

struct taking {
    struct arena *arena;
    struct error *error;
    size_t nodes;
    unsigned depth_max; /* 0: settings_depth_max */
};

static bool text_is_plain(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f) return false;
    return true;
}

static struct config_node *scalar_of(struct taking *taking, const struct json_value *value, struct str key) {
    char number[40];
    struct str text = json_str(value, STR(""));
    bool quoted = false;
    switch (json_kind(value)) {
    case json_true: text = STR("true"); break;
    case json_false: text = STR("false"); break;
    case json_number:
        if (json_is_whole(value))
            snprintf(number, sizeof number, "%lld", (long long)json_i64(value, 0));
        else
            snprintf(number, sizeof number, "%.17g", json_double(value, 0));
        text = str_from(number);
        break;
    case json_null: break;
    default: quoted = true; break;
    }
    if (!text_is_plain(text)) {
        error_set(taking->error, error_invalid_request, "`%.*s` holds a control character", STR_ARG(key));
        return NULL;
    }
    return overlay_scalar_new(taking->arena, key, text, quoted);
}

/* Recursion is bounded by depth_max. */
static struct config_node *node_of(struct taking *taking, const struct json_value *value, struct str key,
                                   unsigned depth) {
    enum json_kind kind = json_kind(value);
    struct str name;
    size_t place = 0;
    if (key.len > limit_model || !text_is_plain(key) || ++taking->nodes > settings_nodes_max ||
        depth > (taking->depth_max ? taking->depth_max : settings_depth_max)) {
        error_set(taking->error, error_invalid_request, "the settings are too large, or nested too deep");
        return NULL;
    }
    if (kind != json_array && kind != json_object) return scalar_of(taking, value, key);
    struct config_node *map = overlay_map_new(taking->arena, key);
    if (map && kind == json_array) map->kind = config_list;
    for (const struct json_value *element; map && (element = json_each(value, &place, &name));) {
        struct str own = kind == json_object ? name : STR("");
        if (kind == json_object && config_member(map, own)) {
            error_set(taking->error, error_invalid_request, "`%.*s` stands twice", STR_ARG(str_slice(own, 0, 64)));
            return NULL;
        }
        if (kind == json_array && json_kind(element) == json_null) {
            error_set(taking->error, error_invalid_request, "`%.*s` holds a null", STR_ARG(key));
            return NULL;
        }
        struct config_node *node = node_of(taking, element, own, depth + 1);
        if (!node) return NULL;
        overlay_put(map, node);
    }
    return map;
}

static bool key_unknown(struct taking *taking, struct str key) {
    struct str nearest = config_key_nearest(section_provider, key), shown = str_slice(key, 0, 64);
    if (nearest.len)
        return error_set(taking->error, error_invalid_request, "unknown key `%.*s`: did you mean `%.*s`?",
                         STR_ARG(shown), STR_ARG(nearest));
    return error_set(taking->error, error_invalid_request, "unknown key `%.*s` in providers.NAME", STR_ARG(shown));
}

struct config_node *overlay_node_of(const struct json_value *value, struct arena *arena, struct error *error) {
    return overlay_node_deep(value, settings_depth_max, arena, error);
}

struct config_node *overlay_node_deep(const struct json_value *value, unsigned depth_max, struct arena *arena,
                                      struct error *error) {
    struct taking taking = {.arena = arena, .error = error, .depth_max = depth_max};
    struct config_node *node = node_of(&taking, value, STR(""), 0);
    if (!node && !error->code) error_set(error, error_out_of_memory, "No memory for this.");
    return node;
}

/* The settings as a map, by their own names (synonyms resolved); those that are null stand in it as empty ones. */
static bool settings_take(struct taking *taking, const struct json_value *root, struct str provider,
                          struct config_node *settings) {
    struct str name;
    size_t place = 0;
    if (json_kind(root) != json_object)
        return error_set(taking->error, error_invalid_request, "The settings must be a JSON object, {\"type\": ...}.");
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        const struct config_key *key = config_key_find(section_provider, name);
        if (str_eq(name, STR("name")) && str_eq(json_str(value, STR("")), provider)) continue;
        if (str_eq(name, STR("name")))
            return error_set(taking->error, error_invalid_request, "`name` cannot be changed: add another provider");
        if (!key) return key_unknown(taking, name);
        struct str own = key->synonym_of.len ? key->synonym_of : key->name;
        if (config_member(settings, own))
            return error_set(taking->error, error_invalid_request, "`%.*s` stands twice", STR_ARG(own));
        struct config_node *node = node_of(taking, value, own, 0);
        if (!node)
            return taking->error->code ? false : error_set(taking->error, error_out_of_memory, "No memory for this.");
        overlay_put(settings, node);
    }
    return true;
}

/* -- to YAML -- */

static bool is_null(const struct config_node *node) { return node->kind == config_scalar && node->text.len == 0; }

static void node_write(struct text *text, const struct config_node *node, unsigned depth) {
    char open = node->kind == config_list ? '[' : '{', close = node->kind == config_list ? ']' : '}';
    if (node->kind == config_scalar) {
        if (node->quoted || node->text.len == 0)
            text_put_json(text, node->text);
        else
            text_put(text, node->text);
        return;
    }
    if (depth > settings_depth_max + 1) text->failed = true; /* it was not taken so */
    if (text->failed) return;
    text_put_byte(text, open);
    for (const struct config_node *child = node->first; child; child = child->next) {
        if (node->kind == config_map) {
            text_put_json(text, child->key);
            text_put(text, STR(": "));
        }
        node_write(text, child, depth + 1);
        if (child->next) text_put(text, STR(", "));
    }
    text_put_byte(text, close);
}

void overlay_entries_write(struct text *text, const struct config_node *entries) {
    text_put(text, STR("# What was changed at run time, by the admin API or `weir provider`. It wins over the "
                       "configuration;\n# `weir provider reset NAME` takes one out. Credentials stand in the vault "
                       "beside it.\nproviders:"));
    if (!entries->first) text_put(text, STR(" {}"));
    text_put_byte(text, '\n');
    for (const struct config_node *entry = entries->first; entry; entry = entry->next) {
        text_put(text, STR("  "));
        text_put_json(text, entry->key);
        text_put(text, entry->first ? STR(":\n") : STR(": {}\n"));
        for (const struct config_node *node = entry->first; node; node = node->next) {
            text_put(text, STR("    "));
            text_put_json(text, node->key);
            text_put(text, STR(": "));
            node_write(text, node, 0);
            text_put_byte(text, '\n');
        }
    }
}

/* -- the edit -- */

/* The entries of the text as it stands, values marked as strings where they were. NULL: *error. */
struct config_node *overlay_entries_read(struct str text, struct arena *arena, struct error *error) {
    struct config_place place;
    struct config_node *root = config_yaml_parse(text, 0, arena, &place);
    if (!root) {
        error_set(error, error_invalid_request, "the run-time overlay cannot be read: line %u: %s", place.line,
                  place.message);
        return NULL;
    }
    struct config_node *entries = config_member(root, STR("providers"));
    if (!entries || is_null(entries)) entries = overlay_map_new(arena, STR("providers"));
    if (!entries) error_set(error, error_out_of_memory, "No memory for this.");
    if (entries && entries->kind != config_map) {
        error_set(error, error_invalid_request, "the run-time overlay must hold a map of providers");
        return NULL;
    }
    return entries;
}

static struct config_node *entry_of(struct config_node *entries, struct str name, struct arena *arena) {
    struct config_node *entry = config_member(entries, name);
    if (entry && entry->kind == config_map) return entry;
    if (entry) overlay_take_out(entries, name);
    entry = overlay_map_new(arena, name);
    if (entry) overlay_put(entries, entry);
    return entry;
}

static bool word_put(struct config_node *entry, struct str key, struct str value, struct arena *arena) {
    struct config_node *node = overlay_scalar_new(arena, key, value, false);
    overlay_take_out(entry, key);
    if (node) overlay_put(entry, node);
    return node != NULL;
}

/* A credential that is given anew may go wherever the provider now leads. */
static void credential_given(struct config_node *entry, struct str key) {
    for (size_t i = 0; i < overlay_credential_count; i++)
        if (str_eq(overlay_credentials[i].key, key)) overlay_take_out(entry, overlay_credentials[i].origin_key);
    overlay_vault_forget(entry, key);
}

/* A null inside a map takes that one out of what was there. Depth is bounded: node_of made the tree. */
static void nulls_take_out(struct config_node *known, struct config_node *map) {
    for (struct config_node *node = map->first, *next; node; node = next) {
        next = node->next;
        struct config_node *old = known ? config_member(known, node->key) : NULL;
        if (node->kind == config_map) nulls_take_out(old, node);
        if (node->kind != config_scalar || node->text.len || node->quoted) continue;
        if (old) overlay_take_out(known, node->key);
        overlay_take_out(map, node->key);
    }
}

static void settings_put(struct config_node *entry, struct config_node *settings, struct text *keys) {
    for (struct config_node *node = settings->first, *next; node; node = next) {
        next = node->next;
        if (keys->len) text_put(keys, STR(", "));
        text_put(keys, node->key);
        credential_given(entry, node->key);
        if (node->kind == config_map) nulls_take_out(config_member(entry, node->key), node);
        if (!is_null(node)) continue;
        overlay_take_out(entry, node->key);
        overlay_take_out(settings, node->key);
    }
    overlay_put_all(entry, settings);
}

static bool edit_settings(struct config_node *entries, const struct config_edit *edit, struct taking *taking,
                          struct text *keys) {
    const char *problem;
    size_t at;
    struct config_node settings = {.kind = config_map};
    /* In the arena, which is wiped: it may hold keys. */
    const struct json_value *json = json_parse_in(taking->arena, edit->settings, &problem, &at);
    if (!json) return error_set(taking->error, error_invalid_request, "not JSON: %s at byte %zu", problem, at);
    if (!settings_take(taking, json, edit->provider, &settings)) return false;
    struct config_node *before = edit->kind == edit_update ? NULL : overlay_take_out(entries, edit->provider);
    struct config_node *entry = entry_of(entries, edit->provider, taking->arena);
    bool added = edit->kind == edit_add || (edit->kind == edit_replace && overlay_says(before, "added"));
    if (!entry || (added && !word_put(entry, STR("added"), STR("true"), taking->arena)))
        return error_set(taking->error, error_out_of_memory, "No memory for this.");
    settings_put(entry, &settings, keys);
    return true;
}

static bool edit_apply(struct config_node *entries, const struct config_edit *edit, struct taking *taking,
                       struct text *keys) {
    struct config_node *entry = NULL;
    bool fine = true;
    switch (edit->kind) {
    case edit_add:
    case edit_replace:
    case edit_update: fine = edit_settings(entries, edit, taking, keys); break;
    case edit_remove:
        overlay_take_out(entries, edit->provider);
        entry = edit->spelt_out ? entry_of(entries, edit->provider, taking->arena) : NULL;
        fine = !edit->spelt_out || (entry && word_put(entry, STR("removed"), STR("true"), taking->arena));
        break;
    case edit_reset: overlay_take_out(entries, edit->provider); break;
    case edit_state:
        entry = entry_of(entries, edit->provider, taking->arena);
        if (entry && edit->state == provider_active && !edit->spelt_out)
            overlay_take_out(entry, STR("state"));
        else
            fine = entry && word_put(entry, STR("state"), provider_state_name(edit->state), taking->arena);
        text_put(keys, STR("state"));
        break;
    }
    entry = config_member(entries, edit->provider);
    if (fine && entry && entry->count == 0) overlay_take_out(entries, edit->provider);
    if (!fine && !taking->error->code) error_set(taking->error, error_out_of_memory, "No memory for this.");
    return fine;
}

bool config_overlay_edit(struct str text, const struct config_edit *edit, struct arena *arena, struct text *out,
                         struct text *keys, struct error *error) {
    struct taking taking = {.arena = arena, .error = error};
    struct config_node *entries = overlay_entries_read(text, arena, error);
    if (!entries || !edit_apply(entries, edit, &taking, keys)) return false;
    overlay_entries_write(out, entries);
    return !out->failed || error_set(error, error_out_of_memory, "No memory for this.");
}

bool config_overlay_names_providers(struct str text, struct arena *arena) {
    struct error error = {.code = error_none};
    const struct config_node *entries = overlay_entries_read(text, arena, &error);
    if (!entries) return true;
    for (const struct config_node *entry = entries->first; entry; entry = entry->next)
        if (!str_eq(read_type(entry, entry->key), STR("simulated"))) return true;
    return false;
}

bool config_overlay_seal(struct str text, const struct config *config, struct arena *arena, struct text *out,
                         struct error *error) {
    struct config_node *entries = overlay_entries_read(text, arena, error);
    bool fine = entries != NULL;
    for (const struct config_origin *known = config->origins; known && fine; known = known->next) {
        struct config_node *entry = config_member(entries, known->provider);
        for (size_t i = 0; entry && i < overlay_credential_count; i++) {
            const struct overlay_credential *credential = &overlay_credentials[i];
            const struct config_node *origin = config_member(entry, credential->origin_key);
            const struct config_node *vault = config_member(entry, STR("vault"));
            if (!config_member(entry, credential->key) && !config_member(vault, credential->key)) continue;
            if (origin && str_eq(origin->text, known->origin)) continue;
            bool stays = !origin || config_origin_is(origin->text, known->server, known->origin);
            overlay_take_out(entry, credential->origin_key);
            if (!stays) {
                overlay_take_out(entry, credential->key);
                overlay_vault_forget(entry, credential->key);
            } else {
                struct config_node *node = overlay_scalar_new(arena, credential->origin_key, known->origin, true);
                fine = node != NULL;
                if (node) overlay_put(entry, node);
            }
        }
    }
    if (fine) overlay_entries_write(out, entries);
    if (fine && !out->failed) return true;
    return error->code ? false : error_set(error, error_out_of_memory, "No memory for this.");
}
