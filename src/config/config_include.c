/* config_include.c - `include: [files]`: other files' keys beside the configuration's own, before anything is checked.
 * A map's entries and a list's elements come behind those that are there; what stands twice is an error, as it is in
 * one file. One level: an included file includes none. Each node keeps its file, for messages. */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/config_yaml.h"

/* -- merging -- */

static void node_append(struct config_node *parent, struct config_node *node) {
    struct config_node **place = parent->last ? &parent->last->next : &parent->first;
    while (*place) place = &(*place)->next;
    *place = node;
    node->next = NULL;
    parent->last = node;
    parent->count++;
}

static void twice_report(struct config_reading *reading, const struct config_node *node,
                         const struct config_node *first) {
    struct str file = first->file ? reading->config->files[first->file - 1] : reading->input->path;
    struct config_node at = *node;
    at.line = node->key_line;
    at.column = node->key_column;
    config_report(reading, &at, config_error, "the key `%.*s` stands twice: the first is in %.*s, line %u",
                  STR_ARG(str_slice(node->key, 0, 64)), STR_ARG(str_slice(file, 0, 200)), first->key_line);
}

/* The members or elements of `from` behind those of `into`, which is as deep as they may meet. */
static void include_children(struct config_reading *reading, struct config_node *into, struct config_node *from) {
    for (struct config_node *node = from->first, *next; node; node = next) {
        next = node->next;
        const struct config_node *twin = into->kind == config_map ? config_member(into, node->key) : NULL;
        if (twin)
            twice_report(reading, node, twin);
        else
            node_append(into, node);
        if (into->kind == config_map && !twin) config_map_index(into, &reading->config->arena);
    }
}

static void include_merge(struct config_reading *reading, struct config_node *root, struct config_node *from) {
    for (struct config_node *node = from->first, *next; node; node = next) {
        next = node->next;
        struct config_node *there = config_member(root, node->key);
        if (str_eq(node->key, STR("include")))
            config_report(reading, node, config_error,
                          "an included file includes no others: name them in the first one");
        else if (!there)
            node_append(root, node);
        else if (there->kind == node->kind && node->kind != config_scalar)
            include_children(reading, there, node);
        else
            twice_report(reading, node, there);
        root->index = NULL;
    }
}

/* -- files -- */

static void include_file(struct config_reading *reading, struct config_node *root, const struct config_node *at,
                         struct str path) {
    struct config *config = reading->config;
    struct error error = {.code = error_none};
    struct config_place place;
    struct str content;
    if (config->file_count == config_files_max) {
        config_report(reading, at, config_error, "`include` names more than %d files", config_files_max);
        return;
    }
    if (!reading->input->read_file(reading->input->context, path, &config->arena, &content, &error)) {
        config_report(reading, at, config_error, "%s", error.message);
        return;
    }
    config->files[config->file_count++] = arena_copy(&config->arena, path);
    struct config_node *from = config_yaml_parse(content, (unsigned char)config->file_count, &config->arena, &place);
    if (!from) {
        config_report_file(reading, path, place.line, place.column, place.message);
        return;
    }
    struct config_node *wrapped = config_member(from, STR("ai_providers"));
    if (wrapped && from->count == 1) from = wrapped;
    if (from->kind == config_map)
        include_merge(reading, root, from);
    else if (!config_is_null(from))
        config_report_file(reading, path, 1, 1, "the file must be a map of keys, such as `providers:`");
}

/* Beside the file that names it, unless it is absolute. */
static struct str include_path(struct config_reading *reading, struct str written) {
    struct str own = reading->input->path;
    size_t slash = own.len;
    while (slash > 0 && own.at[slash - 1] != '/') slash--;
    if (slash == 0 || (written.len && written.at[0] == '/')) return written;
    return arena_printf(&reading->config->arena, "%.*s%.*s", STR_ARG(str_slice(own, 0, slash)), STR_ARG(written));
}

struct including {
    struct config_reading *reading;
    struct config_node *root;
    const struct config_node *at;
};

static void include_found(void *context, struct str path) {
    struct including *including = context;
    include_file(including->reading, including->root, including->at, path);
}

static void include_entry(struct config_reading *reading, struct config_node *root, const struct config_node *at) {
    struct including including = {reading, root, at};
    if (at->kind != config_scalar || at->text.len == 0) {
        config_report(reading, at, config_error, "`include` holds names of files, or patterns such as conf.d/*.yaml");
        return;
    }
    struct str path = include_path(reading, at->text);
    bool pattern = str_find_byte(path, '*') != SIZE_MAX || str_find_byte(path, '?') != SIZE_MAX;
    if (!pattern || !reading->input->find_files)
        include_file(reading, root, at, path);
    else if (reading->input->find_files(reading->input->context, path, include_found, &including) == 0)
        config_report(reading, at, config_warning, "`%.*s` fits no file", STR_ARG(config_shown(at)));
}

void config_include(struct config_reading *reading, struct config_node *root) {
    const struct config_node *list = config_member(root, STR("include"));
    if (!list || !reading->input->read_file) return;
    if (list->kind == config_scalar) include_entry(reading, root, list);
    for (const struct config_node *at = list->kind == config_list ? list->first : NULL; at; at = at->next)
        include_entry(reading, root, at);
    root->last = NULL;
    config_map_index(root, &reading->config->arena);
}
