/* config_rules.c - rules: conditions to words, targets to a route of the rule's own. */
#include <stdlib.h>

#include "base/header_names.h"
#include "base/limits.h"
#include "config/config_decisions.h"

struct rule_tag *tags_read(const struct config_node *map, struct arena *arena, size_t *count) {
    *count = 0;
    if (!map || map->kind != config_map || map->count == 0) return NULL;
    struct rule_tag *tags = arena_take_zeroed(arena, map->count * sizeof *tags);
    for (const struct config_node *at = map->first; at && tags; at = at->next)
        tags[(*count)++] = (struct rule_tag){arena_copy(arena, at->key), arena_copy(arena, at->text)};
    return tags;
}

static enum rule_wish wish(struct section when, const char *key) {
    if (!config_member(when.map, str_from(key))) return rule_any;
    return read_bool(when, key) ? rule_yes : rule_no;
}

static void time_read(struct config_reading *reading, struct section when, struct rule_when *read) {
    const struct config_node *hours = config_member(when.map, STR("time_of_day")),
                             *days = config_member(when.map, STR("days")),
                             *offset = config_member(when.map, STR("utc_offset"));
    if (hours && !rule_read_hours(hours->text, &read->hours))
        config_report(reading, hours, config_error, "`%.*s` is no time of day: write 22:00-06:00",
                      STR_ARG(config_shown(hours)));
    if (days && !rule_read_days(days->text, &read->days))
        config_report(reading, days, config_error, "`%.*s` are no days: write mon-fri, or sat, sun",
                      STR_ARG(config_shown(days)));
    if (!rule_read_offset(read_str(when, "utc_offset"), &read->utc_offset_minutes))
        config_report(reading, offset, config_error, "`%.*s` is no offset: write UTC or +02:00",
                      STR_ARG(config_shown(offset)));
}

static void when_read(struct config_reading *reading, struct snapshot *snapshot, struct section when,
                      struct rule_when *read) {
    struct arena *arena = &snapshot->arena;
    *read = (struct rule_when){.has_image = wish(when, "has_image"),
                               .has_tools = wish(when, "has_tools"),
                               .wants_json = wish(when, "wants_json"),
                               .streaming = wish(when, "streaming"),
                               .model = arena_copy(arena, read_str(when, "model")),
                               .client = arena_copy(arena, read_str(when, "client")),
                               .prompt_tokens_over = (int64_t)read_whole(when, "prompt_tokens_over"),
                               .prompt_tokens_under = (int64_t)read_whole(when, "prompt_tokens_under")};
    read->tags = tags_read(config_member(when.map, STR("tags")), arena, &read->tag_count);
    time_read(reading, when, read);
}

static void rule_targets_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                              const struct config_node *node, struct route *route, const struct config_targets *find) {
    const struct config_node *targets = config_member(node, STR("targets")),
                             *provider = config_member(node, STR("provider"));
    size_t count = targets && targets->kind == config_list ? targets->count : 0;
    route->targets = arena_take(&snapshot->arena, (count + 1) * sizeof *route->targets);
    if (!route->targets) return;
    if (count && provider)
        config_report(reading, provider, config_error, "write `targets` or `provider`, not both");
    else if (count == 0 && !(provider && provider->kind == config_scalar && provider->text.len))
        config_report(reading, node, config_error, "the rule `%.*s` has no targets", STR_ARG(route->model));
    else if (count == 0 && (route->targets[0] = find->of_provider(reading, snapshot, root, provider)))
        route->target_count = 1;
    for (const struct config_node *at = count ? targets->first : NULL; at; at = at->next) {
        struct target *target = config_target_route(at) ? NULL : find->listed(reading, snapshot, root, at);
        if (target) route->targets[route->target_count++] = target;
    }
}

static void rule_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                      const struct config_node *node, const struct config_targets *find) {
    struct arena *arena = &snapshot->arena;
    const struct section section = {section_rule, node};
    struct rule rule = {.name = arena_copy(arena, read_str(section, "name")),
                        .enabled = read_bool(section, "enabled"),
                        .priority = (int64_t)read_whole(section, "priority"),
                        .has_strategy = config_member(node, STR("strategy")) != NULL};
    struct route route = {.model = rule.name, .built_in = true};
    if (rule.name.len == 0) config_report(reading, node, config_error, "a rule needs a `name`");
    when_read(reading, snapshot, read_section(section, "when"), &rule.when);
    rule_targets_read(reading, snapshot, root, node, &route, find);
    route.model = arena_printf(arena, "rule %.*s", STR_ARG(rule.name));
    decisions_of_route(reading, snapshot, root, node, &route);
    rule_nest(reading, snapshot, node, &route);
    rule.targets = route.targets;
    rule.target_count = route.target_count;
    rule.strategy = route.strategy;
    snapshot->rules[snapshot->rule_count] = rule;
    snapshot->rule_routes[snapshot->rule_count++] = route;
}

struct rule_order {
    int64_t priority;
    size_t place;
};

static int order_compare(const void *a, const void *b) {
    const struct rule_order *one = a, *two = b;
    if (one->priority != two->priority) return one->priority < two->priority ? -1 : 1;
    return one->place < two->place ? -1 : one->place > two->place;
}

/* By priority, equal ones as written. */
static void rules_sort(struct config_reading *reading, struct snapshot *snapshot) {
    size_t count = snapshot->rule_count;
    struct rule_order *order = arena_take(&reading->config->arena, (count + 1) * sizeof *order);
    struct rule *rules = arena_take(&snapshot->arena, (count + 1) * sizeof *rules);
    struct route *routes = arena_take(&snapshot->arena, (count + 1) * sizeof *routes);
    if (!order || !rules || !routes) {
        config_report(reading, NULL, config_error, "no memory for %zu rules", count);
        return;
    }
    for (size_t i = 0; i < count; i++) order[i] = (struct rule_order){snapshot->rules[i].priority, i};
    qsort(order, count, sizeof *order, order_compare);
    for (size_t i = 0; i < count; i++) {
        rules[i] = snapshot->rules[order[i].place];
        routes[i] = snapshot->rule_routes[order[i].place];
    }
    snapshot->rules = rules;
    snapshot->rule_routes = routes;
}

/* A credential would stand in what is said of its budget. */
static void end_user_header_read(struct config_reading *reading, struct snapshot *snapshot,
                                 const struct config_node *root) {
    struct str name = read_str((struct section){section_top, root}, "end_user_header");
    snapshot->end_user_header = arena_copy(&snapshot->arena, name);
    if (name.len && (!config_header_is_valid(name, STR("")) || header_may_be_credential(name)))
        config_report(
            reading, config_member(root, STR("end_user_header")), config_error,
            "`end_user_header` is the name of a header, such as X-End-User: letters, digits, `-` and `_`, and "
            "none that may hold a credential");
}

void rules_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                const struct config_targets *targets) {
    const struct config_node *list = config_member(root, STR("rules"));
    size_t count = list && list->kind == config_list ? list->count : 0;
    snapshot->trust_tags = read_bool((struct section){section_top, root}, "trust_tags");
    end_user_header_read(reading, snapshot, root);
    snapshot->rules = arena_take_zeroed(&snapshot->arena, (count + 1) * sizeof *snapshot->rules);
    snapshot->rule_routes = arena_take_zeroed(&snapshot->arena, (count + 1) * sizeof *snapshot->rule_routes);
    if (!snapshot->rules || !snapshot->rule_routes) return;
    for (const struct config_node *node = count ? list->first : NULL; node; node = node->next)
        if (node->kind == config_map) rule_read(reading, snapshot, root, node, targets);
    rules_sort(reading, snapshot);
}
