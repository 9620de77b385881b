/* config_read.c - the readers behind config_read.h. */
#include "config/config_read.h"

struct str read_str(const struct config_node *map, const char *key, struct str fallback) {
    const struct config_node *node = config_member(map, str_from(key));
    return node && node->kind == config_scalar && node->text.len ? node->text : fallback;
}

double read_number(const struct config_node *map, const char *key, double fallback) {
    double value;
    return str_to_double(read_str(map, key, STR("")), &value) ? value : fallback;
}

bool read_bool(const struct config_node *map, const char *key, bool fallback) {
    struct str text = read_str(map, key, STR(""));
    if (text.len == 0) return fallback;
    return str_eq(text, STR("true")) || str_eq(text, STR("yes")) || str_eq(text, STR("on"));
}

uint64_t read_seconds_ns(const struct config_node *map, const char *key, double fallback_s) {
    double seconds = read_number(map, key, fallback_s);
    return (uint64_t)((seconds > 0 ? seconds : fallback_s) * (double)NS_PER_S);
}

struct str *read_strings(const struct config_node *map, const char *key, struct arena *arena, size_t *count) {
    const struct config_node *node = config_member(map, str_from(key));
    *count = 0;
    if (!node || node->kind == config_map || (node->kind == config_scalar && node->text.len == 0)) return NULL;
    struct str *list = arena_take(arena, (node->count + 1) * sizeof *list);
    if (!list) return NULL;
    if (node->kind == config_scalar) list[(*count)++] = arena_copy(arena, node->text);
    for (const struct config_node *element = node->first; element; element = element->next)
        if (element->kind == config_scalar) list[(*count)++] = arena_copy(arena, element->text);
    return list;
}
