/* rights.c - what a client may ask for. */
#include "snapshot/rights.h"

bool client_may_use(const struct client *client, const struct target *target, bool pinned) {
    return client_may_have(client, target->provider->name) &&
           (!pinned || client_may_ask(client, target->model) || client_may_ask(client, target->name));
}

const struct route *client_route(const struct snapshot *snapshot, const struct client *client, struct str name,
                                 struct arena *arena) {
    const struct route *route = client_may_ask(client, name) ? snapshot_route(snapshot, name, arena) : NULL;
    if (!route || !route->target_count || (route->pinned && !client_may_steer(client))) return NULL;
    if (!client) return route;
    struct route *usable = arena_take(arena, sizeof *usable);
    const struct target **targets = arena_take(arena, route->target_count * sizeof *targets);
    if (!usable || !targets) return NULL;
    *usable = *route;
    usable->targets = targets;
    usable->places = NULL; /* they are by the place in the whole list */
    usable->target_count = 0;
    for (size_t i = 0; i < route->target_count; i++)
        if (client_may_use(client, route->targets[i], route->pinned))
            targets[usable->target_count++] = route->targets[i];
    return usable->target_count ? usable : NULL;
}
