/* snapshot.c - looking things up in a configuration, and its end. */
#include "snapshot/snapshot.h"

#include "base/check.h"
#include "base/memory.h"

struct str provider_state_word(size_t place) {
    static const struct str names[] = {[provider_active] = STR("active"),
                                       [provider_draining] = STR("draining"),
                                       [provider_maintenance] = STR("maintenance")};
    return place < sizeof names / sizeof *names ? names[place] : STR("");
}

struct str provider_state_name(enum provider_state state) {
    return provider_state_word(state);
}

struct str role_word(size_t role) {
    static const struct str names[] = {
        [role_user] = STR("user"), [role_operator] = STR("operator"), [role_admin] = STR("admin")};
    return role < sizeof names / sizeof *names ? names[role] : STR("");
}

void snapshot_hold(struct snapshot *snapshot) {
    uint32_t before = atomic_fetch_add_explicit(&snapshot->holds, 1, memory_order_relaxed);
    CHECKF(before > 0 && before < UINT32_MAX, "holds=%u", before);
}

void snapshot_release(struct snapshot *snapshot) {
    uint32_t before = atomic_fetch_sub_explicit(&snapshot->holds, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1) return;
    arena_wipe(&snapshot->arena);
    arena_free(&snapshot->secrets);
    struct arena arena = snapshot->arena;
    memory_give(snapshot);
    arena_free(&arena);
}

const struct client *snapshot_client(const struct snapshot *snapshot, struct str key) {
    if (key.len == 0 || key.len > 512) return NULL;
    struct sha256 hash = hash_sha256(key);
    uint32_t number = client_table_find(&snapshot->client_keys, &hash);
    CHECKF(number == client_table_none || number < snapshot->client_count, "number=%u of %zu", number,
           (size_t)snapshot->client_count);
    return number == client_table_none ? NULL : &snapshot->clients[number];
}

void snapshot_forgive(const struct snapshot *snapshot, const struct provider *provider, uint64_t now_ns) {
    breaker_force(&provider->cells->breaker, &provider->breaker, now_ns, false);
    for (size_t i = 0; i < snapshot->target_count; i++)
        if (snapshot->targets[i].provider == provider)
            breaker_force(&snapshot->targets[i].cells->breaker, &provider->breaker, now_ns, false);
    for (size_t i = 0; i < provider->key_count; i++) {
        cooldown_clear(&provider->key_cells[i]->cooldown);
        suspicion_clear(&provider->key_cells[i]->suspicion);
    }
}

const struct catalog_model *provider_facts(const struct provider *provider, struct str model) {
    for (size_t i = 0; i < provider->fact_count; i++)
        if (str_eq(provider->facts[i].id, model)) return &provider->facts[i];
    return catalog_model_find(provider->row, model);
}

struct route *snapshot_pinned(const struct snapshot *snapshot, struct str name, struct arena *arena) {
    size_t slash = str_find_byte(name, '/');
    if (slash == SIZE_MAX || slash + 1 == name.len) return NULL;
    const struct provider *provider = map_find(&snapshot->providers_by_name, str_slice(name, 0, slash));
    if (!provider) return NULL;
    struct route *route = arena_take_zeroed(arena, sizeof *route);
    const struct target **list = arena_take(arena, sizeof *list);
    if (!route || !list) return NULL;
    list[0] = map_find(&snapshot->targets_by_name, name);
    if (!list[0]) {
        struct target *target = arena_take_zeroed(arena, sizeof *target);
        if (!target) return NULL;
        *target = (struct target){.provider = provider,
                                  .model = arena_copy(arena, str_slice(name, slash + 1, name.len)),
                                  .name = arena_copy(arena, name),
                                  .weight = 1,
                                  .facts = provider_facts(provider, str_slice(name, slash + 1, name.len)),
                                  .prices = PRICES_UNKNOWN};
        if (target->facts) target->prices = target->facts->prices;
        list[0] = target;
    }
    *route = (struct route){
        .model = list[0]->name, .pinned = true, .targets = list, .target_count = 1, .retry = snapshot->retry};
    return route;
}

const struct route *snapshot_route(const struct snapshot *snapshot, struct str model, struct arena *arena) {
    const struct route *route = map_find(&snapshot->exact_routes, model);
    if (route) return route;
    for (size_t i = 0; i < snapshot->route_count; i++)
        if (snapshot->routes[i].is_glob && str_glob(snapshot->routes[i].model, model)) return &snapshot->routes[i];
    if ((route = snapshot_pinned(snapshot, model, arena))) return route;
    if ((route = map_find(&snapshot->model_targets, model))) return route;
    bool by_default = str_eq(model, STR("default")) || snapshot->default_serves_unknown;
    return by_default ? snapshot->default_route : NULL;
}
