/* config_yaml.c - libyaml's events into nodes, without recursion. */
#include "config/config_yaml.h"

#include <stdio.h>
#include <yaml.h>

enum { depth_max = 24, nodes_max = 2000000, index_least = 32 };

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

struct building {
    yaml_parser_t parser;
    struct arena *arena;
    struct config_node *open[depth_max];
    struct config_node **tail[depth_max]; /* where the next child goes */
    size_t depth, nodes;
    struct config_node *root;
    struct str key; /* of the pair that is being read */
    unsigned key_line, key_column;
    bool has_key;
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
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    return node;
}

static bool container_open(struct building *building, enum config_kind kind, const yaml_event_t *event) {
    if (in_map(building) && !building->has_key)
        return config_yaml_refuse(building, event->start_mark, "a key must be a plain word");
    if (building->depth == depth_max) return config_yaml_refuse(building, event->start_mark, "nested too deep");
    struct config_node *node = node_new(building, kind, event->start_mark);
    if (!node || !node_place(building, node, event->start_mark)) return false;
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
        building->key = text;
        building->key_line = (unsigned)event->start_mark.line + 1;
        building->key_column = (unsigned)event->start_mark.column + 1;
        building->has_key = true;
        return true;
    }
    struct config_node *node = node_new(building, config_scalar, event->start_mark);
    if (!node) return false;
    node->text = text;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return node_place(building, node, event->start_mark);
}

static bool event_take(struct building *building, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_MAPPING_START_EVENT: return container_open(building, config_map, event);
    case YAML_SEQUENCE_START_EVENT: return container_open(building, config_list, event);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: building->depth--; return true;
    case YAML_SCALAR_EVENT: return scalar_take(building, event);
    case YAML_ALIAS_EVENT:
        return config_yaml_refuse(building, event->start_mark,
                                  "aliases (*name) are not understood: write the value out");
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

struct config_node *config_yaml_parse(struct str text, struct arena *arena, struct config_place *problem) {
    struct building building = {.arena = arena, .problem = problem};
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
