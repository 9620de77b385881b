/* config_entries.c - the table of kinds, and changes laid over the tree. What a change says is checked by the same
 * table of keys as the file, and the whole is built by the same builder: nothing here knows what a key means. */
#include "config/config_entries.h"

#include <string.h>

#include "base/limits.h"
#include "config/config.h"
#include "config/config_overlay_tree.h"
#include "config/config_read.h"
#include "dialect/json.h"

enum { entry_depth_max = 8 };

static const struct config_entry_facts kinds[entry_kinds] = {
    [entry_route] = {STR("route"), STR("routes"), section_route, STR("model"), STR("weir route reset")},
    [entry_rule] = {STR("rule"), STR("rules"), section_rule, STR("name"), STR("weir rule reset")},
    [entry_owner] = {STR("owner"), STR("owners"), section_owner, STR("name"), STR("weir owner reset")},
    [entry_template] = {STR("template"), STR("templates"), section_template, STR(""), STR("weir template reset")},
    [entry_budget] = {STR("budget"), STR("budgets"), section_budget, STR(""), STR("weir budget revert")},
};

/* Of two keys that shut each other out the one that is given puts the other out. */
static const struct {
    enum entry_kind kind;
    struct str one, other;
} rivals[] = {{entry_rule, STR("targets"), STR("provider")}};

const struct config_entry_facts *config_entry_facts(enum entry_kind kind) { return &kinds[kind]; }

bool config_entry_kind_of(struct str plural, enum entry_kind *kind) {
    for (size_t i = 0; i < entry_kinds; i++)
        if (str_eq(kinds[i].plural, plural)) return *kind = (enum entry_kind)i, true;
    return false;
}

/* -- one patch over another -- */

/* Recursion is bounded: json_parse_in has a depth of its own, and past entry_depth_max nothing is taken. */
static void patch_put(struct text *out, const struct json_value *one, const struct json_value *over, struct str but,
                      unsigned depth) {
    struct str name;
    size_t place = 0;
    char key[config_entry_name_max];
    if (depth > entry_depth_max) out->failed = true;
    if (out->failed) return;
    text_put_byte(out, '{');
    for (const struct json_value *value; (value = json_each(one, &place, &name));) {
        str_copy(key, sizeof key, name);
        if (json_member(over, key)) continue;
        text_json_key(out, name);
        json_put(out, value);
    }
    place = 0;
    for (const struct json_value *value; (value = json_each(over, &place, &name));) {
        str_copy(key, sizeof key, name);
        if (json_kind(value) == json_null || (but.len && str_eq(name, but))) continue;
        const struct json_value *known = json_member(one, key);
        text_json_key(out, name);
        if (json_kind(value) == json_object)
            patch_put(out, json_kind(known) == json_object ? known : NULL, value, STR(""), depth + 1);
        else
            json_put(out, value);
    }
    text_put_byte(out, '}');
}

void config_patch_put(struct text *out, const struct json_value *one, const struct json_value *over, struct str but) {
    patch_put(out, one, over, but, 0);
}

bool config_entry_settings(const struct config_entry_facts *facts, struct str name, struct str before, struct str over,
                           struct arena *arena, struct str *after, struct error *error) {
    const char *problem = "";
    char key[32];
    size_t at = 0;
    struct str own = facts->name_key.len ? facts->name_key : STR("name");
    const struct json_value *one = before.len ? json_parse_in(arena, before, &problem, &at) : NULL,
                            *two = json_parse_in(arena, over, &problem, &at);
    if (!two) return error_set(error, error_invalid_request, "not JSON: %s at byte %zu", problem, at);
    if (json_kind(two) != json_object)
        return error_set(error, error_invalid_request, "The settings must be a JSON object, such as {\"%.*s\": ...}.",
                         STR_ARG(own));
    str_copy(key, sizeof key, own);
    const struct json_value *named = json_member(two, key);
    if (named && !str_eq(json_str(named, STR("")), name))
        return error_set(error, error_invalid_request, "`%.*s` cannot be changed: add another %.*s.", STR_ARG(own),
                         STR_ARG(facts->word));
    struct text out = text_in_arena(arena, before.len + over.len + 16);
    config_patch_put(&out, one, two, own);
    if (out.failed || out.len > config_change_settings_max)
        return error_set(error, error_invalid_request,
                         "The settings are too large, or nested too deep: at most %d bytes.",
                         config_change_settings_max);
    *after = text_str(&out);
    return true;
}

/* -- places -- */

struct str config_entry_place(const struct config_reading *reading, const struct config_node *node) {
    return node->line && node->line <= reading->place_count ? reading->places[node->line - 1] : STR("run time");
}

static bool change_place_add(struct config_reading *reading, struct config_node *node, struct str place) {
    if (reading->place_count == reading->place_room) {
        size_t room = reading->place_room ? reading->place_room * 2 : 64;
        struct str *places = arena_take(&reading->config->arena, room * sizeof *places);
        if (!places) return false;
        if (reading->place_count) memcpy(places, reading->places, reading->place_count * sizeof *places);
        reading->places = places;
        reading->place_room = room;
    }
    reading->places[reading->place_count++] = place;
    node->file = config_file_changes;
    node->line = node->key_line = (unsigned)reading->place_count;
    node->column = node->key_column = 1;
    return place.at != NULL;
}

/* Every node knows where it stands, from above: recursion is bounded by entry_depth_max. */
static bool places_note(struct config_reading *reading, struct config_node *node, struct str place) {
    size_t count = 0;
    bool fine = change_place_add(reading, node, place);
    for (struct config_node *child = node->first; child && fine; child = child->next, count++) {
        struct arena *arena = &reading->config->arena;
        fine = places_note(reading, child,
                           node->kind == config_list
                               ? arena_printf(arena, "%.*s/%zu", STR_ARG(place), count)
                               : arena_printf(arena, "%.*s/%.*s", STR_ARG(place), STR_ARG(child->key)));
    }
    return fine;
}

/* -- the tree -- */

static struct str entry_name(const struct config_entry_facts *facts, const struct config_node *node) {
    if (!facts->name_key.len) return node->key;
    const struct config_node *name = node->kind == config_map ? config_member(node, facts->name_key) : NULL;
    return name && name->kind == config_scalar ? name->text : STR("");
}

/* The kind's list, or map, of the configuration; made where there is none. NULL: it is not one, which the check has
 * said, or there is no memory. */
static struct config_node *entries_of(struct config_reading *reading, const struct config_entry_facts *facts,
                                      struct config_node *root) {
    enum config_kind wanted = facts->name_key.len ? config_list : config_map;
    struct config_node *all = config_member(root, facts->plural);
    if (all && config_is_null(all)) {
        overlay_take_out(root, facts->plural);
        all = NULL;
    }
    if (all) return all->kind == wanted ? all : NULL;
    if (!(all = overlay_map_new(&reading->config->arena, facts->plural))) return NULL;
    all->kind = wanted;
    overlay_put(root, all);
    return all;
}

static struct config_node *entry_in_file(const struct config_entry_facts *facts, const struct config_node *all,
                                         struct str name) {
    struct config_node *node = all->first;
    while (node && !str_eq(entry_name(facts, node), name)) node = node->next;
    if (node && config_is_null(node)) node->kind = config_map; /* NAME: with nothing behind it */
    return node && node->kind == config_map ? node : NULL;
}

static void entry_take_out(struct config_node *all, const struct config_node *node) {
    struct config_node **place = &all->first;
    while (*place && *place != node) place = &(*place)->next;
    if (!*place) return;
    *place = node->next;
    all->count--;
    all->last = NULL;
    all->index = NULL;
}

/* A change's own keys, checked. NULL: what is wrong has been said. */
static struct config_node *change_parse(struct config_reading *reading, const struct config_entry_facts *facts,
                                        const struct config_change *change) {
    struct error error = {.code = error_none};
    struct arena *arena = &reading->config->arena;
    struct str place = arena_printf(arena, "%.*s/%.*s", STR_ARG(facts->plural), STR_ARG(change->name));
    struct config_node at = {.overlay = true};
    const char *problem = "";
    size_t byte = 0, errors = reading->config->error_count;
    (void)change_place_add(reading, &at, place);
    const struct json_value *json = json_parse_in(arena, change->settings, &problem, &byte);
    struct config_node *node =
        json_kind(json) == json_object ? overlay_node_deep(json, entry_depth_max, arena, &error) : NULL;
    if (!node || !places_note(reading, node, place)) {
        config_report(reading, &at, config_error, "it cannot be read: %s",
                      error.code ? error.message
                      : json     ? "it is no JSON object"
                                 : problem);
        return NULL;
    }
    node->key = change->name;
    struct config_node all = {.kind = facts->name_key.len ? config_list : config_map,
                              .key = facts->plural,
                              .first = node,
                              .count = 1},
                       root = {.kind = config_map, .first = &all, .count = 1};
    overlay_mark(node);
    config_check(reading, &root);
    return reading->config->error_count == errors ? node : NULL;
}

static void rivals_part(enum entry_kind kind, struct config_node *into, const struct config_node *from) {
    for (size_t i = 0; i < sizeof rivals / sizeof *rivals; i++) {
        if (rivals[i].kind != kind) continue;
        bool one = config_member(from, rivals[i].one), other = config_member(from, rivals[i].other);
        if (one && !other) overlay_take_out(into, rivals[i].other);
        if (other && !one) overlay_take_out(into, rivals[i].one);
    }
}

static bool entry_put(struct config_reading *reading, const struct config_entry_facts *facts, struct config_node *all,
                      struct config_node *node, struct str name) {
    if (facts->name_key.len) {
        struct config_node *named = overlay_scalar_new(&reading->config->arena, facts->name_key, name, true);
        if (!named) return false;
        named->overlay = true;
        overlay_put(node, named);
    }
    overlay_put(all, node);
    return true;
}

static void change_merge(struct config_reading *reading, struct config_node *root, size_t place) {
    const struct config_change *change = &reading->input->changes[place];
    const struct config_entry_facts *facts = &kinds[change->kind];
    struct config_node *all = entries_of(reading, facts, root), at = {.overlay = true};
    if (!all) return;
    struct config_node *file = entry_in_file(facts, all, change->name);
    if (change->how == change_removed) {
        if (file) entry_take_out(all, file);
        reading->removed_entries[place] = file;
        return;
    }
    struct config_node *node = change_parse(reading, facts, change);
    if (!node) return;
    at.file = node->file;
    at.line = node->line;
    if (file) {
        rivals_part(change->kind, file, node);
        overlay_put_all(file, node);
        file->edited = true;
    } else if (change->how == change_over) {
        config_report(reading, &at, config_error, "the configuration does not have it any more");
    } else if (!entry_put(reading, facts, all, node, change->name)) {
        config_report(reading, &at, config_error, "no memory for it");
    }
}

void config_entries_merge(struct config_reading *reading, struct config_node *root) {
    const struct config_input *input = reading->input;
    reading->removed_entries =
        arena_take_zeroed(&reading->config->arena, (input->change_count + 1) * sizeof(struct config_node *));
    if (!reading->removed_entries) config_report(reading, NULL, config_error, "no memory for what was changed");
    for (size_t i = 0; i < input->change_count && reading->removed_entries; i++) {
        const struct config_change *change = &input->changes[i];
        const struct config_entry_facts *facts = &kinds[change->kind];
        if (!reading->left || !reading->left->out[i])
            change_merge(reading, root, i);
        else if (reading->left->why[i].len) /* else nobody can tell: it is the file that is wrong */
            config_report(reading, NULL, config_warning,
                          "the %.*s `%.*s` was changed at run time, and that does not fit the configuration any more: "
                          "%.*s. The change is left out until one of them is mended; `%.*s %.*s` drops it",
                          STR_ARG(facts->word), STR_ARG(str_slice(change->name, 0, 80)),
                          STR_ARG(str_slice(reading->left->why[i], 0, 220)), STR_ARG(facts->reset),
                          STR_ARG(str_slice(change->name, 0, 80)));
    }
}
