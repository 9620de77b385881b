/* config_overlay_tree.c - linking and unlinking nodes. Depth is bounded by the schema: two maps inside a provider. */
#include "config/config_overlay_tree.h"

#include "config/config_read.h"

const struct overlay_credential overlay_credentials[overlay_credential_count] = {
    {STR("api_key"), STR("credential_origin")},
    {STR("api_keys"), STR("credential_origin")},
    {STR("headers"), STR("headers_origin")},
};

void overlay_mark(struct config_node *root) {
    /* Without recursion: children are visited by putting them at the end of a chain of maps still to be looked into. */
    struct config_node *stack[64];
    size_t depth = 0;
    stack[depth++] = root;
    root->overlay = true;
    while (depth) {
        struct config_node *node = stack[--depth];
        for (; node; node = node->next) {
            node->overlay = true;
            if (!node->first) continue;
            if (node->next && depth < sizeof stack / sizeof *stack) stack[depth++] = node->next;
            if (depth < sizeof stack / sizeof *stack) stack[depth++] = node->first;
            break;
        }
    }
}

struct config_node *overlay_take_out(struct config_node *map, struct str key) {
    for (struct config_node **place = &map->first; *place; place = &(*place)->next) {
        struct config_node *node = *place;
        if (!str_eq(node->key, key)) continue;
        *place = node->next;
        node->next = NULL;
        map->count--;
        map->last = NULL;
        map->index = NULL;
        return node;
    }
    return NULL;
}

void overlay_put(struct config_node *map, struct config_node *node) {
    struct config_node **place = map->last ? &map->last->next : &map->first;
    while (*place) place = &(*place)->next;
    node->next = NULL;
    *place = node;
    map->last = node;
    map->count++;
    map->index = NULL;
}

static void member_put(struct config_node *map, struct config_node *node, bool fresh) {
    if (str_eq(node->key, STR("api_key"))) overlay_take_out(map, STR("api_keys"));
    if (str_eq(node->key, STR("api_keys"))) overlay_take_out(map, STR("api_key"));
    if (!fresh) overlay_take_out(map, node->key);
    overlay_put(map, node);
}

void overlay_put_all(struct config_node *map, struct config_node *from) {
    struct config_node *fresh = NULL,
                       **last = &fresh; /* put in last: the map is looked into while it is as it was read */
    for (struct config_node *node = from->first, *next; node; node = next) {
        next = node->next;
        struct config_node *known = config_member(map, node->key);
        if (known && known->kind == config_map && node->kind == config_map && !str_eq(node->key, STR("headers"))) {
            overlay_put_all(known, node);
        } else if (known) {
            member_put(map, node, false);
        } else {
            *last = node;
            last = &node->next;
            node->next = NULL;
        }
    }
    for (struct config_node *next; fresh; fresh = next) {
        next = fresh->next;
        member_put(map, fresh, true);
    }
    from->first = from->last = NULL;
    from->index = NULL;
    from->count = 0;
}

bool overlay_says(const struct config_node *entry, const char *mark) {
    const struct config_node *node = config_member(entry, str_from(mark));
    bool value;
    return node && node->kind == config_scalar && read_bool_word(node->text, &value) && value;
}

struct overlay_marks overlay_marks_take(struct config_node *entry) {
    struct overlay_marks marks = {
        .entry = entry, .added = overlay_says(entry, "added"), .removed = overlay_says(entry, "removed")};
    overlay_take_out(entry, STR("added"));
    overlay_take_out(entry, STR("removed"));
    for (size_t i = 0; i < overlay_credential_count; i++) {
        const struct config_node *origin = config_member(entry, overlay_credentials[i].origin_key);
        if (origin) marks.origins[i] = origin->text;
    }
    for (size_t i = 0; i < overlay_credential_count; i++) overlay_take_out(entry, overlay_credentials[i].origin_key);
    return marks;
}

struct config_node *overlay_map_new(struct arena *arena, struct str key) {
    struct config_node *node = arena_take_zeroed(arena, sizeof *node);
    if (!node) return NULL;
    node->kind = config_map;
    node->key = arena_copy(arena, key);
    return node->key.at ? node : NULL;
}

struct config_node *overlay_scalar_new(struct arena *arena, struct str key, struct str text, bool quoted) {
    struct config_node *node = overlay_map_new(arena, key);
    if (!node) return NULL;
    node->kind = config_scalar;
    node->text = arena_copy(arena, text);
    node->quoted = quoted;
    return node->text.at ? node : NULL;
}
