/* config_yaml.c - libyaml's events into nodes, without recursion. An alias is a copy of what its anchor names: nodes
 * are changed by whoever reads them. */
#include "config/config_yaml.h"

#include <stdio.h>
#include <yaml.h>

enum { depth_max = 24, nodes_max = 2000000, index_least = 32, anchors_max = 1000, alias_nodes_max = 100000 };

/* The members of a map that has many, by their keys: at most half full. */
struct config_index {
    struct hash_secret secret;
    struct config_node **places;
    size_t size;
};

static struct config_node **index_place(const struct config_index *index, struct str key) {
    size_t at = hash_keyed(&index->secret, key) & (index->size - 1);
    while (index->places[at] && !str_eq(index->places[at]->key, key)) at = (at + 1) & (index->size - 1);
    return &index->places[at];
}

/* After a member was added. false: no memory. */
static bool index_keep(struct config_node *map, struct config_node *added, struct arena *arena) {
    struct config_index *index = map->index;
    if (map->count < index_least) return true;
    if (index && map->count * 2 <= index->size) {
        *index_place(index, added->key) = added;
        return true;
    }
    size_t size = map->count * 4;
    while (size & (size - 1)) size += size & -size;
    index = arena_take(arena, sizeof *index);
    if (!index || !(index->places = arena_take_zeroed(arena, size * sizeof *index->places))) return false;
    index->size = size;
    random_bytes(&index->secret, sizeof index->secret);
    for (struct config_node *node = map->first; node; node = node->next) *index_place(index, node->key) = node;
    map->index = index;
    return true;
}

struct anchor {
    struct anchor *before;
    struct str name;
    struct config_node *node;
};

struct building {
    yaml_parser_t parser;
    unsigned char file;
    struct anchor *anchors; /* the latest first: a name may be given again */
    size_t anchor_count, alias_nodes;
    struct arena *arena;
    struct config_node *open[depth_max];
    struct config_node **tail[depth_max]; /* where the next child goes */
    size_t depth, nodes;
    struct config_node *root;
    struct str key; /* of the pair that is being read */
    unsigned key_line, key_column;
    bool has_key, key_quoted;
    struct config_place *problem;
};

static bool config_yaml_refuse(struct building *building, yaml_mark_t mark, const char *message) {
    building->problem->line = (unsigned)mark.line + 1;
    building->problem->column = (unsigned)mark.column + 1;
    snprintf(building->problem->message, sizeof building->problem->message, "%s", message);
    return false;
}

static bool in_map(const struct building *building) {
    return building->depth && building->open[building->depth - 1]->kind == config_map;
}

void config_map_index(struct config_node *map, struct arena *arena) {
    map->index = NULL;
    if (map->kind == config_map && map->first) (void)index_keep(map, map->first, arena);
}

/* Puts a node where it belongs: the root, an element, or the value of the key read before. */
static bool node_place(struct building *building, struct config_node *node, yaml_mark_t mark) {
    if (building->depth == 0) {
        if (building->root) return config_yaml_refuse(building, mark, "more than one document");
        building->root = node;
        return true;
    }
    struct config_node *parent = building->open[building->depth - 1];
    if (in_map(building)) {
        node->key = building->key;
        node->quoted_key = building->key_quoted;
        node->key_line = building->key_line;
        node->key_column = building->key_column;
        building->has_key = false;
    }
    *building->tail[building->depth - 1] = node;
    building->tail[building->depth - 1] = &node->next;
    parent->count++;
    parent->last = node;
    if (parent->kind != config_map || index_keep(parent, node, building->arena)) return true;
    return config_yaml_refuse(building, mark, "the file is too large");
}

static struct config_node *node_new(struct building *building, enum config_kind kind, yaml_mark_t mark) {
    struct config_node *node = ++building->nodes > nodes_max ? NULL : arena_take_zeroed(building->arena, sizeof *node);
    if (!node) {
        config_yaml_refuse(building, mark, "the file is too large");
        return NULL;
    }
    node->kind = kind;
    node->file = building->file;
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    return node;
}

/* -- anchors, aliases, merges -- */

static bool anchor_note(struct building *building, const yaml_char_t *name, struct config_node *node,
                        yaml_mark_t mark) {
    if (!name) return true;
    struct anchor *anchor = arena_take(building->arena, sizeof *anchor);
    struct str copy = arena_copy(building->arena, str_from((const char *)name));
    if (++building->anchor_count > anchors_max || !anchor || !copy.at)
        return config_yaml_refuse(building, mark, "more than 1000 anchors");
    *anchor = (struct anchor){building->anchors, copy, node};
    building->anchors = anchor;
    return true;
}

static bool is_open(const struct building *building, const struct config_node *node) {
    for (size_t i = 0; i < building->depth; i++)
        if (building->open[i] == node) return true;
    return false;
}

/* One node without its children. NULL: too many, which has been said. */
static struct config_node *node_copy(struct building *building, const struct config_node *from, yaml_mark_t mark) {
    if (++building->alias_nodes > alias_nodes_max) {
        config_yaml_refuse(building, mark, "aliases stand for more than 100000 values");
        return NULL;
    }
    struct config_node *copy = node_new(building, from->kind, mark);
    if (!copy) return NULL;
    *copy = *from;
    copy->first = copy->last = copy->next = NULL;
    copy->count = 0;
    copy->index = NULL;
    return copy;
}

/* All of it, level by level down to where nodes may stand. NULL: it was said why not. */
static struct config_node *tree_copy(struct building *building, const struct config_node *from, yaml_mark_t mark) {
    const struct config_node *next[depth_max];
    struct config_node *into[depth_max], *copy = node_copy(building, from, mark);
    size_t depth = 0;
    if (!copy) return NULL;
    next[0] = from->first;
    into[0] = copy;
    while (true) {
        if (!next[depth]) {
            config_map_index(into[depth], building->arena);
            if (depth-- == 0) return copy;
            continue;
        }
        const struct config_node *child = next[depth];
        next[depth] = child->next;
        struct config_node *added = node_copy(building, child, mark);
        if (!added) return NULL;
        struct config_node *parent = into[depth];
        if (parent->last)
            parent->last->next = added;
        else
            parent->first = added;
        parent->last = added;
        parent->count++;
        if (!child->first) continue;
        if (building->depth + ++depth >= depth_max) {
            config_yaml_refuse(building, mark, "nested too deep");
            return NULL;
        }
        next[depth] = child->first;
        into[depth] = added;
    }
}

static bool alias_take(struct building *building, const yaml_event_t *event) {
    struct str name = str_from((const char *)event->data.alias.anchor);
    const struct anchor *anchor = building->anchors;
    char message[160];
    while (anchor && !str_eq(anchor->name, name)) anchor = anchor->before;
    if (in_map(building) && !building->has_key)
        return config_yaml_refuse(building, event->start_mark, "a key must be a plain word");
    if (!anchor) {
        snprintf(message, sizeof message, "there is no anchor `&%.*s` above", STR_ARG(str_slice(name, 0, 64)));
        return config_yaml_refuse(building, event->start_mark, message);
    }
    if (is_open(building, anchor->node))
        return config_yaml_refuse(building, event->start_mark, "an alias stands inside of what it names");
    struct config_node *copy = tree_copy(building, anchor->node, event->start_mark);
    return copy && node_place(building, copy, event->start_mark);
}

/* What `<<` brings: members that the map does not have itself, of the first map that has them. */
static bool members_merge(struct building *building, struct config_node *map, struct config_node *from,
                          yaml_mark_t mark) {
    if (from->kind != config_map)
        return config_yaml_refuse(building, mark, "`<<` takes a map, or a list of maps: <<: *name");
    for (struct config_node *node = from->first, *next; node; node = next) {
        next = node->next;
        if (config_member(map, node->key)) continue;
        node->next = NULL;
        if (map->last)
            map->last->next = node;
        else
            map->first = node;
        map->last = node;
        map->count++;
        if (!index_keep(map, node, building->arena)) return config_yaml_refuse(building, mark, "the file is too large");
    }
    return true;
}

static void member_remove(struct config_node *map, const struct config_node *node) {
    struct config_node **place = &map->first, *before = NULL;
    while (*place != node) before = *place, place = &(*place)->next;
    *place = node->next;
    if (map->last == node) map->last = before;
    map->count--;
}

/* A map is whole: what it merges is in it then. */
static bool map_close(struct building *building, struct config_node *map, yaml_mark_t mark) {
    struct config_node *merge = config_member(map, STR("<<"));
    if (!merge || merge->quoted_key) return true;
    member_remove(map, merge);
    config_map_index(map, building->arena);
    if (merge->kind != config_list) return members_merge(building, map, merge, mark);
    for (struct config_node *from = merge->first; from; from = from->next)
        if (!members_merge(building, map, from, mark)) return false;
    return true;
}

/* -- events -- */

static bool container_open(struct building *building, enum config_kind kind, const yaml_event_t *event) {
    if (in_map(building) && !building->has_key)
        return config_yaml_refuse(building, event->start_mark, "a key must be a plain word");
    if (building->depth == depth_max) return config_yaml_refuse(building, event->start_mark, "nested too deep");
    struct config_node *node = node_new(building, kind, event->start_mark);
    if (!node || !node_place(building, node, event->start_mark)) return false;
    const yaml_char_t *anchor =
        kind == config_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    if (!anchor_note(building, anchor, node, event->start_mark)) return false;
    building->tail[building->depth] = &node->first;
    building->open[building->depth++] = node;
    return true;
}

static bool scalar_take(struct building *building, const yaml_event_t *event) {
    struct str text =
        arena_copy(building->arena, str_make((const char *)event->data.scalar.value, event->data.scalar.length));
    char message[160];
    if (event->data.scalar.tag)
        return config_yaml_refuse(building, event->start_mark, "tags (!name) are not understood: remove it");
    if (!text.at) return config_yaml_refuse(building, event->start_mark, "the file is too large");
    if (in_map(building) && !building->has_key) {
        struct config_node *twin = config_member(building->open[building->depth - 1], text);
        if (twin) {
            snprintf(message, sizeof message, "the key `%.*s` stands twice: the first is in line %u",
                     STR_ARG(str_slice(text, 0, 64)), twin->key_line);
            return config_yaml_refuse(building, event->start_mark, message);
        }
        if (event->data.scalar.anchor)
            return config_yaml_refuse(building, event->start_mark,
                                      "an anchor stands in front of a value, not of a key");
        building->key = text;
        building->key_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        building->key_line = (unsigned)event->start_mark.line + 1;
        building->key_column = (unsigned)event->start_mark.column + 1;
        building->has_key = true;
        return true;
    }
    struct config_node *node = node_new(building, config_scalar, event->start_mark);
    if (!node) return false;
    node->text = text;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return anchor_note(building, event->data.scalar.anchor, node, event->start_mark) &&
           node_place(building, node, event->start_mark);
}

static bool event_take(struct building *building, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_MAPPING_START_EVENT: return container_open(building, config_map, event);
    case YAML_SEQUENCE_START_EVENT: return container_open(building, config_list, event);
    case YAML_MAPPING_END_EVENT:
        building->depth--;
        return map_close(building, building->open[building->depth], event->start_mark);
    case YAML_SEQUENCE_END_EVENT: building->depth--; return true;
    case YAML_SCALAR_EVENT: return scalar_take(building, event);
    case YAML_ALIAS_EVENT: return alias_take(building, event);
    default: return true;
    }
}

struct config_node *config_member(const struct config_node *map, struct str key) {
    if (!map || map->kind != config_map) return NULL;
    if (map->index) return *index_place(map->index, key);
    for (struct config_node *node = map->first; node; node = node->next)
        if (str_eq(node->key, key)) return node;
    return NULL;
}

/* libyaml tells of bytes that are no text by their offset only. */
static yaml_mark_t mark_of(struct str text, size_t offset) {
    yaml_mark_t mark = {offset, 0, 0};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        mark.column = text.at[i] == '\n' ? 0 : mark.column + 1;
        mark.line += text.at[i] == '\n';
    }
    return mark;
}

/* The text goes through them, credentials included. */
static void buffers_wipe(yaml_parser_t *parser) {
    if (parser->raw_buffer.start)
        memory_wipe(parser->raw_buffer.start, (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
    if (parser->buffer.start) memory_wipe(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
}

struct config_node *config_yaml_parse(struct str text, unsigned char file, struct arena *arena,
                                      struct config_place *problem) {
    struct building building = {.arena = arena, .file = file, .problem = problem};
    bool fine = yaml_parser_initialize(&building.parser) == 1, done = false;
    if (!fine) {
        config_yaml_refuse(&building, (yaml_mark_t){0, 0, 0}, "no memory to read the file");
        return NULL;
    }
    yaml_parser_set_input_string(&building.parser, (const unsigned char *)(text.at ? text.at : ""), text.len);
    yaml_parser_set_encoding(&building.parser, YAML_UTF8_ENCODING);
    while (fine && !done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&building.parser, &event)) {
            yaml_mark_t mark = building.parser.problem_mark;
            if (building.parser.error == YAML_READER_ERROR) mark = mark_of(text, building.parser.problem_offset);
            fine = config_yaml_refuse(&building, mark,
                                      building.parser.problem ? building.parser.problem : "not valid YAML");
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        fine = event_take(&building, &event);
        if (event.type == YAML_SCALAR_EVENT) memory_wipe(event.data.scalar.value, event.data.scalar.length);
        yaml_event_delete(&event);
    }
    buffers_wipe(&building.parser);
    yaml_parser_delete(&building.parser);
    if (!fine) return NULL;
    return building.root ? building.root : node_new(&building, config_map, (yaml_mark_t){0, 0, 0});
}

bool config_is_null(const struct config_node *node) {
    return node->kind == config_scalar && !node->quoted &&
           (node->text.len == 0 || str_eq(node->text, STR("null")) || str_eq(node->text, STR("~")));
}
