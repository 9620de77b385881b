/* config_nested.c - routes that are targets of routes. Each is flattened, those that hold no others first: its targets
 * become those of all the routes below it, each knowing which of these routes (a level) chooses it. Circles, and more
 * than limit_route_levels below one another, are errors. */
#include "base/limits.h"
#include "config/config_decisions.h"

/* A target as a list holds it: one of the route's own, or another route. */
struct member {
    size_t own;                /* its place among the route's own targets */
    const struct route *inner; /* NULL: it is one of them */
    double weight;
    int64_t priority;
};

static const struct config_node *targets_first(const struct config_node *node) {
    const struct config_node *targets = config_member(node, STR("targets"));
    return targets && targets->kind == config_list ? targets->first : NULL;
}

static struct route *route_at(const struct snapshot *snapshot, const struct config_node *member) {
    const struct config_node *name = config_target_route(member);
    return name ? map_find(&snapshot->routes_by_name, name->text) : NULL;
}

/* -- what is wrong with one by itself -- */

/* What is said of a target and means nothing for a route. */
static void limits_look(struct config_reading *reading, const struct config_node *member) {
    static const struct str limits[] = {STR("rpm"), STR("tpm"), STR("max_concurrent"), STR("timeout_seconds"),
                                        STR("params")};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const struct config_node *at = config_member(member, limits[i]);
        if (at)
            config_report(reading, at, config_error,
                          "`%.*s` is for a target, and `route` names a route: write it there", STR_ARG(limits[i]));
    }
}

static void unknown_tell(struct config_reading *reading, const struct snapshot *snapshot,
                         const struct config_node *name) {
    struct str nearest = STR("");
    unsigned least = name->text.len < 6 ? 3 : 4;
    for (size_t i = 0; i < snapshot->route_count && !config_full(reading->config, config_error); i++) {
        unsigned distance = str_distance(snapshot->routes[i].model, name->text);
        if (distance >= least) continue;
        least = distance;
        nearest = snapshot->routes[i].model;
    }
    if (nearest.len)
        config_report(reading, name, config_error, "no route is for the model `%.*s`: did you mean `%.*s`?",
                      STR_ARG(config_shown(name)), STR_ARG(str_slice(nearest, 0, 80)));
    else
        config_report(reading, name, config_error, "no route is for the model `%.*s`", STR_ARG(config_shown(name)));
}

/* Each of its targets that is a route, alone; `number` is its own, among routes and rules. false: it has none that can
 * stand there. */
static bool members_look(struct config_reading *reading, const struct snapshot *snapshot,
                         const struct config_node *node, const struct route *route, size_t number) {
    bool any = false;
    for (const struct config_node *at = targets_first(node); at; at = at->next) {
        const struct config_node *name = config_target_route(at);
        if (!name) continue;
        const struct route *inner = route_at(snapshot, at);
        if (config_member(at, STR("target")))
            config_report(reading, at, config_error, "write `target` or `route`, not both");
        else if (route->strategy == strategy_exclusive)
            config_report(reading, name, config_error,
                          "the targets of `%.*s` take turns in holding its lock (`exclusive`), and a route cannot hold "
                          "one: name its targets, or give the route around another `strategy`",
                          STR_ARG(str_slice(route->model, 0, 80)));
        else if (!inner)
            unknown_tell(reading, snapshot, name);
        else
            any = true;
        limits_look(reading, at);
        if (!inner) continue;
        uint32_t *mark = &snapshot->routes_marked[inner - snapshot->routes];
        if (*mark == number + 1)
            config_report(reading, name, config_error, "the route `%.*s` stands twice in the route `%.*s`",
                          STR_ARG(str_slice(inner->model, 0, 80)), STR_ARG(str_slice(route->model, 0, 80)));
        *mark = (uint32_t)number + 1;
    }
    return any;
}

/* -- flattening -- */

static size_t own_place(const struct route *route, struct str name) {
    size_t place = 0;
    while (place < route->target_count && !str_eq(route->targets[place]->name, name)) place++;
    return place;
}

/* A rule's stand as they are written, a route's by priority. */
static size_t members_of(const struct snapshot *snapshot, const struct config_node *node, const struct route *route,
                         bool by_priority, struct member *members) {
    size_t count = 0;
    for (const struct config_node *at = targets_first(node); at; at = at->next) {
        const struct route *inner = route_at(snapshot, at);
        struct member member = {.inner = inner, .weight = 1};
        if (inner) {
            const struct section section = {section_target, at};
            if (read_is_written(section, "weight")) member.weight = read_number(section, "weight");
            member.priority = inner->target_count ? inner->targets[0]->provider->priority : INT64_MAX;
        } else {
            member.own = own_place(route, config_target_name(at));
            if (config_target_route(at) || member.own == route->target_count) continue; /* it has been left out */
            member.priority = route->targets[member.own]->provider->priority;
        }
        size_t place = count++;
        for (; by_priority && place > 0 && members[place - 1].priority > member.priority; place--)
            members[place] = members[place - 1];
        members[place] = member;
    }
    return count;
}

/* How many targets and levels it will have. false: too many. */
static bool members_fit(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                        const struct member *members, size_t count, size_t *targets, size_t *levels) {
    *targets = 0;
    *levels = 1;
    for (size_t i = 0; i < count; i++) {
        const struct route *inner = members[i].inner;
        *targets += inner ? inner->target_count : 1;
        *levels += !inner ? 0 : inner->levels ? inner->level_count : 1;
        if (*targets > limit_targets || *levels > limit_targets) break;
    }
    snapshot->targets_nested += *targets + *levels;
    if (*targets <= limit_targets && *levels <= limit_targets && snapshot->targets_nested <= limit_nested_targets)
        return true;
    config_report(reading, node, config_error,
                  "more than %d targets in a route, or %d in all routes, with those of the routes among them",
                  limit_targets, limit_nested_targets);
    return false;
}

/* What is made of a route: its lists, as they are filled. */
struct flat {
    struct route *route;
    const struct target **targets;
    struct route_place *places;
    uint16_t *level_of;
    struct route_level *levels;
    size_t count, level_count;
};

/* All of an inner route: its levels behind those that are there, the first of them as a target of the outermost. */
static void inner_put(struct config_reading *reading, struct snapshot *snapshot, struct flat *flat,
                      const struct member *member) {
    const struct route *inner = member->inner;
    const struct route_level alone = {.route = inner, .end = inner->target_count};
    size_t base = flat->level_count, before = flat->count, count = inner->levels ? inner->level_count : 1;
    for (size_t i = 0; i < count; i++) {
        struct route_level *level = &flat->levels[flat->level_count++];
        *level = inner->levels ? inner->levels[i] : alone;
        level->around = (uint16_t)(i ? base + level->around : 0);
        level->first += before;
        level->end += before;
    }
    struct route_level *first = &flat->levels[base];
    struct str name = arena_printf(&snapshot->arena, "route %.*s", STR_ARG(inner->model));
    first->place = decisions_of_place(reading, snapshot, flat->route, name, member->weight);
    first->priority = member->priority;
    first->name_hash = str_hash(name);
    for (size_t i = 0; i < inner->target_count; i++) {
        flat->targets[flat->count] = inner->targets[i];
        flat->places[flat->count] = inner->places[i];
        flat->level_of[flat->count++] = (uint16_t)(base + (inner->levels ? inner->level_of[i] : 0));
    }
}

static bool flat_room(struct arena *arena, struct flat *flat, size_t targets, size_t levels) {
    flat->targets = arena_take(arena, (targets + 1) * sizeof *flat->targets);
    flat->places = arena_take(arena, (targets + 1) * sizeof *flat->places);
    flat->level_of = arena_take(arena, (targets + 1) * sizeof *flat->level_of);
    flat->levels = arena_take_zeroed(arena, levels * sizeof *flat->levels);
    return flat->targets && flat->places && flat->level_of && flat->levels;
}

static void route_flatten(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                          struct route *route, bool by_priority) {
    const struct config_node *list = config_member(node, STR("targets"));
    struct member *members = arena_take(&reading->config->arena, (list->count + 1) * sizeof *members);
    size_t count = members && route->places ? members_of(snapshot, node, route, by_priority, members) : 0, targets,
           levels;
    struct flat flat = {.route = route, .level_count = 1};
    for (size_t i = 0; i < count; i++)
        if (members[i].inner && members[i].inner->height >= route->height) route->height = members[i].inner->height + 1;
    if (route->height > limit_route_levels) {
        config_report(reading, node, config_error, "`%.*s` has more than %d routes below it, one below the other",
                      STR_ARG(str_slice(route->model, 0, 80)), limit_route_levels);
        return;
    }
    if (!count || !members_fit(reading, snapshot, node, members, count, &targets, &levels)) return;
    if (!flat_room(&snapshot->arena, &flat, targets, levels)) {
        config_report(reading, node, config_error, "no memory for the configuration");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct member *member = &members[i];
        if (member->inner) {
            if (!member->inner->places) return; /* no memory, which has been told */
            inner_put(reading, snapshot, &flat, member);
            continue;
        }
        flat.targets[flat.count] = route->targets[member->own];
        flat.places[flat.count] = route->places[member->own];
        flat.level_of[flat.count++] = 0;
    }
    flat.levels[0] = (struct route_level){.route = route, .end = flat.count};
    route->targets = flat.targets;
    route->target_count = flat.count;
    route->places = flat.places;
    route->level_of = flat.level_of;
    route->levels = flat.levels;
    route->level_count = flat.level_count;
}

/* -- all of them -- */

struct nesting {
    const struct config_node *const *nodes;
    bool *waits;    /* it holds routes and is not flattened yet */
    uint32_t *seen; /* on which walk, from 1 */
};

/* The first of its targets that is a route and waits itself. */
static const struct config_node *waits_for(const struct snapshot *snapshot, const struct nesting *nesting, size_t at) {
    for (const struct config_node *member = targets_first(nesting->nodes[at]); member; member = member->next) {
        const struct route *inner = route_at(snapshot, member);
        if (inner && nesting->waits[inner - snapshot->routes]) return member;
    }
    return NULL;
}

/* What waits for itself: from each go on to what it waits for, until one is met that this walk, or one before it, has
 * seen. */
static void circles_tell(struct config_reading *reading, const struct snapshot *snapshot, struct nesting *nesting) {
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct config_node *member = NULL;
        size_t at = i;
        if (!nesting->waits[i] || nesting->seen[i]) continue;
        while (!nesting->seen[at]) {
            nesting->seen[at] = (uint32_t)i + 1;
            member = waits_for(snapshot, nesting, at);
            if (!member) break; /* it is too high, which has been told */
            at = (size_t)(route_at(snapshot, member) - snapshot->routes);
        }
        if (member && nesting->seen[at] == i + 1)
            config_report(reading, config_target_route(member), config_error,
                          "routes are each other's targets in a circle: `%.*s` leads back to itself",
                          STR_ARG(str_slice(snapshot->routes[at].model, 0, 80)));
    }
}

void routes_nest(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *const *nodes) {
    size_t count = snapshot->route_count;
    struct arena *arena = &reading->config->arena;
    struct nesting nesting = {nodes, arena_take_zeroed(arena, (count + 1) * sizeof *nesting.waits),
                              arena_take_zeroed(arena, (count + 1) * sizeof *nesting.seen)};
    snapshot->routes_marked = arena_take_zeroed(&snapshot->arena, (count + 1) * sizeof *snapshot->routes_marked);
    if (!nesting.waits || !nesting.seen || !snapshot->routes_marked) {
        config_report(reading, NULL, config_error, "no memory for the configuration");
        return;
    }
    for (size_t i = 0; i < count; i++)
        nesting.waits[i] = members_look(reading, snapshot, nodes[i], &snapshot->routes[i], i);
    bool moved = true;
    for (unsigned height = 1; moved && height <= limit_route_levels + 1; height++) { /* one more: it is told */
        moved = false;
        for (size_t i = 0; i < count; i++) {
            if (!nesting.waits[i] || waits_for(snapshot, &nesting, i)) continue;
            route_flatten(reading, snapshot, nodes[i], &snapshot->routes[i], true);
            nesting.waits[i] = false;
            moved = true;
        }
    }
    circles_tell(reading, snapshot, &nesting);
}

void rule_nest(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
               struct route *route) {
    size_t number = snapshot->route_count + snapshot->rule_count;
    if (snapshot->routes_marked && members_look(reading, snapshot, node, route, number))
        route_flatten(reading, snapshot, node, route, false);
    if (route->levels) route->levels[0].route = NULL; /* it has no place of its own yet, and no route has it inside */
}
