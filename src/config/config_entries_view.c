/* config_entries_view.c - entries as they are told: the merged tree as JSON, and which of it was given at run time.
 * What a reference stood for is never shown. */
#include <stdio.h>

#include "base/memory.h"
#include "config/config.h"
#include "config/config_entries.h"
#include "config/config_read.h"

enum { view_depth_max = 12 };

/* -- a node as JSON -- */

static void scalar_put(struct text *text, const struct config_node *node) {
    double number;
    bool truth;
    char last = node->text.len ? node->text.at[node->text.len - 1] : 0;
    if (node->referred)
        text_put(text, STR("\"...\""));
    else if (node->quoted || !node->text.len)
        text_put_json(text, node->text);
    else if (str_to_double(node->text, &number) && last >= '0' && last <= '9' && node->text.len < 40)
        text_printf(text, "%.15g", number);
    else if (read_bool_word(node->text, &truth))
        text_put(text, truth ? STR("true") : STR("false"));
    else
        text_put_json(text, node->text);
}

/* Recursion is bounded by view_depth_max; YAML's own depth is larger, and what lies deeper is not told. */
static void view_node_put(struct text *text, const struct config_node *node, struct str but, unsigned depth) {
    bool map = node->kind == config_map;
    if (node->kind == config_scalar) {
        scalar_put(text, node);
        return;
    }
    text_put_byte(text, map ? '{' : '[');
    for (const struct config_node *child = node->first; child && depth < view_depth_max; child = child->next) {
        if (map && (config_is_null(child) || (but.len && str_eq(child->key, but)))) continue;
        if (map)
            text_json_key(text, child->key);
        else
            text_json_comma(text);
        view_node_put(text, child, STR(""), depth + 1);
    }
    text_put_byte(text, map ? '}' : ']');
}

/* -- what was given at run time -- */

static bool holds_change(const struct config_node *node, unsigned depth) {
    if (node->overlay) return true;
    for (const struct config_node *child = node->first; child && depth < view_depth_max; child = child->next)
        if (holds_change(child, depth + 1)) return true;
    return false;
}

static void changed_put(struct text *text, const struct config_node *node, struct str but) {
    for (const struct config_node *child = node->first; child; child = child->next) {
        if ((but.len && str_eq(child->key, but)) || !holds_change(child, 0)) continue;
        if (text->len) text_put(text, STR(", "));
        text_put(text, child->key);
    }
}

/* -- one kind -- */

static struct str view_name(const struct config_entry_facts *facts, const struct config_node *node) {
    const struct config_node *name = facts->name_key.len ? config_member(node, facts->name_key) : NULL;
    return !facts->name_key.len ? node->key : name ? name->text : STR("");
}

/* The text as it is now, kept; the next one begins at nothing. */
static struct str view_kept(struct arena *arena, struct text *text) {
    struct str kept = text->failed ? STR_NONE : arena_copy(arena, text_str(text));
    text->len = 0;
    return kept;
}

static bool entry_view_add(struct snapshot *snapshot, const struct config_entry_facts *facts,
                           const struct config_node *node, struct entry *entry, struct text *scratch) {
    struct arena *arena = &snapshot->arena;
    *entry = (struct entry){.name = arena_copy(arena, view_name(facts, node)), .of_file = !node->overlay};
    view_node_put(scratch, node, facts->name_key, 0);
    entry->settings = view_kept(arena, scratch);
    changed_put(scratch, node, facts->name_key);
    entry->changed = view_kept(arena, scratch);
    return entry->name.at && entry->settings.at && entry->changed.at;
}

/* A change that no entry in force shows: it was removed, or is left out. */
static bool entry_view_add_change(struct config_reading *reading, struct snapshot *snapshot, size_t change,
                                  struct entries *entries) {
    const struct config_change *of = &reading->input->changes[change];
    bool left = reading->left && reading->left->out[change];
    struct arena *arena = &snapshot->arena;
    struct str problem = left ? arena_copy(arena, reading->left->why[change]) : STR("");
    struct entry *entry = NULL;
    for (size_t i = 0; i < entries->count && left && !entry; i++)
        if (str_eq(entries->list[i].name, of->name)) entry = &entries->list[i];
    if (entry) {
        entry->problem = problem;
        return problem.at;
    }
    if (!left && of->how != change_removed) return true;
    entry = &entries->list[entries->count++];
    *entry = (struct entry){.name = arena_copy(arena, of->name),
                            .settings = arena_copy(arena, of->settings),
                            .changed = STR(""),
                            .problem = problem,
                            .removed = !left,
                            .of_file = !left && reading->removed_entries && reading->removed_entries[change]};
    return entry->name.at && entry->settings.at && problem.at;
}

static bool view_keep(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                      enum entry_kind kind, struct text *scratch) {
    const struct config_entry_facts *facts = config_entry_facts(kind);
    const struct config_node *all = config_member(root, facts->plural);
    struct entries *entries = &snapshot->entries[kind];
    size_t count = all ? all->count : 0, size;
    if (!size_mul(count + reading->input->change_count, sizeof *entries->list, &size)) return false;
    entries->list = arena_take(&snapshot->arena, size + 1);
    bool fine = entries->list != NULL;
    for (const struct config_node *node = count ? all->first : NULL; node && fine; node = node->next)
        if (node->kind == config_map)
            fine = entry_view_add(snapshot, facts, node, &entries->list[entries->count++], scratch);
    for (size_t i = 0; i < reading->input->change_count && fine; i++)
        if (reading->input->changes[i].kind == kind) fine = entry_view_add_change(reading, snapshot, i, entries);
    return fine;
}

void config_entries_keep(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    struct text scratch = text_in_arena(&reading->config->arena, 4096);
    bool fine = true;
    for (size_t kind = 0; kind < entry_kinds && fine; kind++)
        fine = view_keep(reading, snapshot, root, (enum entry_kind)kind, &scratch);
    if (!fine) config_report(reading, NULL, config_error, "no memory for what is told of the configuration");
}
