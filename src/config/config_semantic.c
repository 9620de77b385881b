/* config_semantic.c - the same in other words: a part of a route's `cache`. Who embeds must be written, as it is paid.
 */
#include "config/config_decisions.h"

const struct semantic_rules *semantic_of_route(struct config_reading *reading, struct snapshot *snapshot,
                                               struct section cache) {
    const struct section section = read_section(cache, "semantic");
    if (!section.map) return NULL;
    struct semantic_rules *rules = arena_take_zeroed(&snapshot->arena, sizeof *rules);
    if (!rules) return NULL;
    *rules = (struct semantic_rules){.model = arena_copy(&snapshot->arena, read_str(section, "model")),
                                     .threshold = read_number(section, "threshold"),
                                     .shadow = read_number(section, "shadow"),
                                     .false_max = read_number(section, "max_false_share"),
                                     .timeout_ns = read_ns(section, "timeout_ms")};
    if (rules->model.len) return rules;
    config_report(reading, section.map, config_error,
                  "`semantic` needs a `model` that embeds prompts: a route, or provider/model");
    return NULL;
}

/* A name that only the default route answers is none: it would send what is to be embedded to a model that chats. */
static bool is_known(const struct snapshot *snapshot, struct str model, struct arena *arena) {
    const struct route *route = snapshot_route(snapshot, model, arena);
    return route && !route->built_in;
}

void semantic_models_look(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct config_node *routes = config_member(root, STR("routes"));
    const struct config_node *node = routes && routes->kind == config_list ? routes->first : NULL;
    for (; node; node = node->next) {
        const struct section cache = read_section((struct section){section_route, node, NULL}, "cache"),
                             section = cache.map ? read_section(cache, "semantic") : (struct section){.map = NULL};
        const struct config_node *written = section.map ? config_member(section.map, STR("model")) : NULL;
        if (!written || !written->text.len || is_known(snapshot, written->text, &reading->config->arena)) continue;
        struct str why = snapshot_unknown(snapshot, NULL, written->text, &reading->config->arena);
        config_report(reading, written, config_error, "`model` of `semantic`: %.*s", STR_ARG(why));
    }
}
