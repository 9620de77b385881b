/* config_names.c - further names under which models are found: short ones (mixtral-8x7b for
 * Mixtral-8x7B-Instruct-v0.1), and the models of requests whose vendors let the model be left out. Both are routes that
 * are made, behind every name that is written. */
#include "base/limits.h"
#include "config/config.h"
#include "config/config_decisions.h"

/* -- what all share -- */

struct naming {
    struct config_reading *reading;
    struct snapshot *snapshot;
    const struct config_node *root;
    config_target_make make;
};

static void naming_add(struct naming *naming, struct route *route, const struct provider *provider, struct str model) {
    struct target *target = naming->make(naming->reading, naming->snapshot, naming->root, provider, model);
    if (!target) return;
    size_t at = route->target_count++;
    for (; at > 0 && route->targets[at - 1]->provider->priority > provider->priority; at--)
        route->targets[at] = route->targets[at - 1];
    route->targets[at] = target;
}

static struct route *naming_route(struct naming *naming, struct str model) {
    struct arena *arena = &naming->snapshot->arena;
    struct route *route = arena_take_zeroed(arena, sizeof *route);
    if (!route) return NULL;
    *route =
        (struct route){.model = model,
                       .built_in = true,
                       .targets = arena_take(arena, (naming->snapshot->provider_count + 1) * sizeof *route->targets)};
    return route->targets && route->model.at ? route : NULL;
}

/* Does it serve forecasts, and is this a model of them? They are known and never listed. */
static bool forecasts(const struct provider *provider, const struct catalog_model *model) {
    return provider->endpoints & 1u << endpoint_forecasts && model->uses & 1u << use_time_series;
}

/* -- short names -- */

static void short_add(struct naming *naming, const struct provider *provider, struct str model) {
    struct snapshot *snapshot = naming->snapshot;
    char buffer[limit_model];
    struct str name = catalog_short_name(model, buffer, sizeof buffer);
    if (!name.len || map_find(&snapshot->model_targets, name)) return;
    struct route *route = map_find(&snapshot->short_targets, name);
    if (!route) {
        route = naming_route(naming, arena_copy(&snapshot->arena, name));
        if (!route || !map_add(&snapshot->short_targets, route->model, route)) return;
        snapshot->short_routes[snapshot->short_count++] = route;
    }
    for (size_t i = 0; i < route->target_count; i++) {
        if (route->targets[i]->provider != provider) continue;
        bool plainer = model.len < route->targets[i]->model.len; /* without -fp8, -awq */
        struct target *target = plainer ? naming->make(naming->reading, snapshot, naming->root, provider, model) : NULL;
        if (target) route->targets[i] = target;
        return;
    }
    naming_add(naming, route, provider, model);
}

static void short_names_make(struct naming *naming) {
    struct snapshot *snapshot = naming->snapshot;
    size_t count = 0;
    for (size_t p = 0; p < snapshot->provider_count; p++)
        count += snapshot->providers[p].model_count + snapshot->providers[p].row->model_count;
    snapshot->short_routes = arena_take(&snapshot->arena, (count + 1) * sizeof *snapshot->short_routes);
    if (!snapshot->short_routes || !map_init(&snapshot->short_targets, &snapshot->arena, count + 1)) return;
    for (size_t p = 0; p < snapshot->provider_count; p++) {
        const struct provider *provider = &snapshot->providers[p];
        for (size_t m = 0; m < provider->model_count; m++) short_add(naming, provider, provider->models[m]);
        for (size_t m = 0; !provider->models_written && m < provider->row->model_count; m++)
            if (forecasts(provider, &provider->row->models[m]))
                short_add(naming, provider, provider->row->models[m].id);
    }
    for (size_t i = 0; i < snapshot->short_targets.size; i++)
        if (snapshot->short_targets.entries[i].value)
            decisions_of_route(naming->reading, snapshot, naming->root, NULL, snapshot->short_targets.entries[i].value);
}

/* -- requests that name no model -- */

/* The model of a provider's for this use: the preferred one, else its first; {NULL,0}: it has none. */
static struct str model_for(const struct provider *provider, enum catalog_use use, struct str preferred) {
    struct str first = STR_NONE;
    for (size_t m = 0; m < provider->model_count; m++) {
        const struct catalog_model *facts = provider_facts(provider, provider->models[m]);
        if (str_eq(provider->models[m], preferred)) return preferred;
        if (!first.at && facts && facts->uses == 1u << use) first = provider->models[m];
    }
    for (size_t m = 0; !provider->models_written && m < provider->row->model_count; m++)
        if (str_eq(provider->row->models[m].id, preferred) && forecasts(provider, &provider->row->models[m]))
            return provider->row->models[m].id;
    return first;
}

/* Where the vendors' own APIs let the model be left out: which one is meant, and the path that its provider needs. */
static void use_routes_make(struct naming *naming) {
    static const struct {
        enum catalog_use use;
        enum endpoint endpoint;
        struct str preferred;
    } optional[] = {{use_moderation, endpoint_moderations, STR("omni-moderation-latest")},
                    {use_images, endpoint_images_generations, STR("gpt-image-1.5")},
                    {use_time_series, endpoint_forecasts, STR("amazon/chronos-t5-large")}};
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        struct route *route = naming_route(naming, STR("default"));
        for (size_t p = 0; route && p < naming->snapshot->provider_count; p++) {
            const struct provider *provider = &naming->snapshot->providers[p];
            struct str model = provider->endpoints & 1u << optional[i].endpoint
                                   ? model_for(provider, optional[i].use, optional[i].preferred)
                                   : STR_NONE;
            if (model.at) naming_add(naming, route, provider, model);
        }
        if (!route || !route->target_count) continue;
        decisions_of_route(naming->reading, naming->snapshot, naming->root, NULL, route);
        naming->snapshot->use_routes[optional[i].use] = route;
    }
}

void names_make(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                config_target_make make) {
    struct naming naming = {reading, snapshot, root, make};
    short_names_make(&naming);
    use_routes_make(&naming);
}
