/* rights.h - what a client may ask for: which names, whose answers, whether it may choose the provider itself. The one
 * place that says so: requests are admitted by it, and models listed by it. Pure; any thread. A NULL client is the host
 * itself, the admin, or whoever comes where nobody needs a key: it may all. */
#ifndef WEIR_SNAPSHOT_RIGHTS_H
#define WEIR_SNAPSHOT_RIGHTS_H

#include "snapshot/snapshot.h"

/* May it, and all who own it, ask for this name? Whether there is such a model is another question. */
static inline bool client_may_ask(const struct client *client, struct str name) {
    if (!client) return true;
    for (const struct owner *owner = client->in; owner; owner = owner->in)
        if (!str_glob_any(owner->models, owner->model_count, name)) return false;
    return str_glob_any(client->models, client->model_count, name);
}
/* May this provider answer it? */
static inline bool client_may_have(const struct client *client, struct str provider) {
    if (!client) return true;
    for (const struct owner *owner = client->in; owner; owner = owner->in)
        if (!str_glob_any(owner->providers, owner->provider_count, provider)) return false;
    return str_glob_any(client->providers, client->provider_count, provider);
}
/* May it name providers itself, by provider/model or x-weir-targets? */
static inline bool client_may_steer(const struct client *client) { return !client || client->may_steer; }
/* May it have this target's answers? `pinned`: it named the target itself, and then the target's own model counts. */
bool client_may_use(const struct client *client, const struct target *target, bool pinned);

/* Where this client's request for this name goes: the route of the name with just those targets that it may use. NULL:
 * there is no such name, or it may not ask for it, or none of its targets may answer, or there is no memory. Rules are
 * not looked at: they ask what stands in a request. The memory is the arena's. */
const struct route *client_route(const struct snapshot *snapshot, const struct client *client, struct str name,
                                 struct arena *arena);

#endif
