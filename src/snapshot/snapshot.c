/* snapshot.c - looking things up in a configuration, and its end. */
#include "snapshot/snapshot.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "dialect/openai/openai.h"
#include "snapshot/client_registry.h"
#include "snapshot/rights.h"

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
    client_bounds_free(atomic_load(&snapshot->bounds));
    arena_wipe(&snapshot->arena);
    arena_free(&snapshot->secrets);
    struct arena arena = snapshot->arena;
    memory_give(snapshot);
    arena_free(&arena);
}

bool snapshot_is_simulated(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->provider_count; i++)
        if (!snapshot->providers[i].simulated) return false;
    return snapshot->provider_count > 0;
}

const struct client *snapshot_client(const struct snapshot *snapshot, struct str key) {
    if (key.len == 0 || key.len > 512) return NULL;
    struct sha256 hash = hash_sha256(key);
    uint32_t number = client_table_find(&snapshot->client_keys, &hash);
    CHECKF(number == client_table_none || number < snapshot->client_count, "number=%u of %zu", number,
           (size_t)snapshot->client_count);
    return number == client_table_none ? NULL : &snapshot->clients[number];
}

size_t snapshot_clients(const struct snapshot *snapshot) {
    uint32_t more = snapshot->registry ? atomic_load_explicit(&snapshot->registry->live, memory_order_relaxed) : 0;
    return snapshot->client_count + more;
}

void snapshot_forgive(const struct snapshot *snapshot, const struct provider *provider, uint64_t now_ns) {
    breaker_force(&provider->cells->breaker, &provider->breaker, now_ns, false);
    probes_answered(&provider->cells->probes);
    for (size_t i = 0; i < snapshot->target_count; i++)
        if (snapshot->targets[i].provider == provider)
            breaker_force(&snapshot->targets[i].cells->breaker, &provider->breaker, now_ns, false);
    for (size_t i = 0; i < provider->key_count; i++) {
        for (size_t t = 0; t < snapshot->target_count; t++)
            if (snapshot->targets[t].provider == provider) cell_store(snapshot->targets[t].limited[i], 0);
        cooldown_clear(&provider->key_cells[i]->cooldown);
        suspicion_clear(&provider->key_cells[i]->suspicion);
        suspicion_clear(&provider->key_cells[i]->limited);
    }
}

const struct catalog_model *provider_facts(const struct provider *provider, struct str model) {
    for (size_t i = 0; i < provider->fact_count; i++)
        if (str_eq(provider->facts[i].id, model)) return &provider->facts[i];
    return catalog_model_find(provider->row, model);
}

void target_tell(struct target *target) {
    const struct provider *provider = target->provider;
    const struct codec_quirks *quirks = quirks_of(provider->row->quirks, target->model);
    const struct model_takes *takes = target->facts ? &target->facts->takes : NULL;
    bool at_home = !quirks->many_servers || str_eq(provider->base_url, provider->row->base_url);
    target->quirks = quirks;
    target->refuses = (takes ? takes->refuses : 0) | (at_home ? quirks->refuses : 0);
    target->touches = target->refuses | (quirks->max_tokens_old ? OPENAI_HAS_NEW_CAP : 0) |
                      (quirks->system_not_developer ? OPENAI_HAS_DEVELOPER : 0) |
                      (quirks->tool_id_alphabet ? OPENAI_HAS_CALLS : 0) |
                      (quirks->seed_is_random_seed ? FEATURE_BIT(seed) : 0) |
                      (takes && (takes->efforts || takes->thinking) ? FEATURE_BIT(reasoning_effort) : 0);
}

/* One that no configuration names, made for this request. NULL: no memory. */
static const struct target *target_make(const struct provider *provider, struct str model, struct arena *arena) {
    struct target *target = arena_take_zeroed(arena, sizeof *target);
    if (!target) return NULL;
    *target = (struct target){.provider = provider,
                              .name = arena_printf(arena, "%.*s/%.*s", STR_ARG(provider->name), STR_ARG(model)),
                              .weight = 1,
                              .id = provider->other_id,
                              .facts = provider_facts(provider, model),
                              .prices = PRICES_UNKNOWN};
    target->model = str_slice(target->name, provider->name.len + 1, target->name.len);
    const struct price_list *written = map_find(&provider->prices, model);
    if (target->facts) target->prices = target->facts->prices;
    if (written && !written->goes_on) target->prices = *written;
    target->prices.discounts = &provider->discounts;
    target_tell(target);
    return target->name.at ? target : NULL;
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
    if (!list[0]) list[0] = target_make(provider, str_slice(name, slash + 1, name.len), arena);
    if (!list[0]) return NULL;
    *route = (struct route){
        .model = list[0]->name, .pinned = true, .targets = list, .target_count = 1, .retry = snapshot->retry};
    return route;
}

/* Those whose vendor's family it is, and whose models are not written out: by priority, then as configured. NULL: there
 * is none, or no memory. */
static struct route *family_route(const struct snapshot *snapshot, struct str model, struct arena *arena) {
    const struct target **list = NULL;
    size_t count = 0;
    for (size_t p = 0; model.len <= limit_model && p < snapshot->provider_count; p++) {
        const struct provider *provider = &snapshot->providers[p];
        if (provider->models_written || !catalog_claims(provider->row, model)) continue;
        if (!list) list = arena_take(arena, snapshot->provider_count * sizeof *list);
        const struct target *target = list ? target_make(provider, model, arena) : NULL;
        if (!target) return NULL;
        size_t at = count++;
        for (; at > 0 && list[at - 1]->provider->priority > provider->priority; at--) list[at] = list[at - 1];
        list[at] = target;
    }
    struct route *route = count ? arena_take_zeroed(arena, sizeof *route) : NULL;
    if (!route) return NULL;
    *route = (struct route){.model = arena_copy(arena, model),
                            .targets = list,
                            .target_count = count,
                            .strategy = snapshot->strategy,
                            .retry = snapshot->retry,
                            .hedge = snapshot->hedge,
                            .cache = snapshot->cache};
    return route;
}

/* In any case: Mixtral-8x7B too. */
static const struct route *short_route(const struct snapshot *snapshot, struct str model) {
    char low[64];
    if (model.len >= sizeof low || !snapshot->short_targets.size) return NULL;
    for (size_t i = 0; i < model.len; i++)
        low[i] = (char)(model.at[i] >= 'A' && model.at[i] <= 'Z' ? model.at[i] | 0x20 : model.at[i]);
    return map_find(&snapshot->short_targets, str_make(low, model.len));
}

const struct route *snapshot_route(const struct snapshot *snapshot, struct str model, struct arena *arena) {
    const struct route *route = map_find(&snapshot->exact_routes, model);
    if (route) return route;
    for (size_t i = 0; i < snapshot->route_count; i++)
        if (snapshot->routes[i].is_glob && str_glob(snapshot->routes[i].model, model)) return &snapshot->routes[i];
    if ((route = snapshot_pinned(snapshot, model, arena))) return route;
    if ((route = map_find(&snapshot->model_targets, model))) return route;
    if ((route = short_route(snapshot, model))) return route;
    if (str_eq(model, STR("default"))) return snapshot->default_route;
    return family_route(snapshot, model, arena);
}

/* Whose names are looked through for one that is like another. */
struct looking {
    const struct snapshot *snapshot;
    const struct client *client;
    struct str model;
    struct arena *arena;
    struct str nearest; /* the most alike so far */
    unsigned least;     /* how far it is */
};

static void nearest_look(struct looking *looking, const struct map *names) {
    for (size_t i = 0; i < names->size; i++) {
        struct str name = names->entries[i].key, model = looking->model;
        size_t apart = name.len > model.len ? name.len - model.len : model.len - name.len;
        if (!names->entries[i].value || apart > looking->least)
            continue; /* what is longer or shorter by more is no nearer */
        unsigned distance = str_distance(name, model);
        bool nearer = distance < looking->least ||
                      (distance == looking->least && looking->nearest.at && str_compare(name, looking->nearest) < 0);
        if (!nearer || !client_route(looking->snapshot, looking->client, name, looking->arena)) continue;
        looking->least = distance;
        looking->nearest = name;
    }
}

struct str snapshot_nearest(const struct snapshot *snapshot, const struct client *client, struct str model,
                            struct arena *arena) {
    struct looking looking = {.snapshot = snapshot,
                              .client = client,
                              .model = model,
                              .arena = arena,
                              .least = (unsigned)(model.len < 6    ? 3
                                                  : model.len < 64 ? model.len / 2
                                                                   : 0)};
    nearest_look(&looking, &snapshot->exact_routes);
    nearest_look(&looking, &snapshot->model_targets);
    nearest_look(&looking, &snapshot->short_targets);
    return looking.nearest;
}

struct str snapshot_unknown(const struct snapshot *snapshot, const struct client *client, struct str model,
                            struct arena *arena) {
    struct str nearest = snapshot_nearest(snapshot, client, model, arena);
    struct text text = text_in_arena(arena, 512);
    text_printf(&text, "No route and no provider serves the model `%.*s`", STR_ARG(str_slice(model, 0, limit_model)));
    if (nearest.at) text_printf(&text, ": did you mean `%.*s`?", STR_ARG(nearest));
    text_put(&text, nearest.at ? STR(" ") : STR(". "));
    text_put(&text, STR("GET /v1/models lists what this gateway has."));
    return text.failed ? STR_NONE : text_str(&text);
}
