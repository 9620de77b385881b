/* weir_views.c - what can be asked of an open weir: status, routes, locks, metrics, as text. Models:
 * weir_model_views.c. Reads snapshots only. */
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/loop.h"
#include "runtime/weir_internal.h"

/* -- what would be chosen -- */

bool library_request_place(struct str path, struct request_names *names, struct flight_request *asked) {
    size_t mark = str_find_byte(path, '?');
    struct str query = mark == SIZE_MAX ? STR("") : str_slice(path, mark + 1, path.len);
    return request_place(http_post, str_slice(path, 0, mark), query, names, asked);
}

bool library_route_write(struct weir *weir, const struct snapshot *snapshot, const struct flight_question *question,
                         struct text *text, struct error *error) {
    struct arena scratch;
    struct prng prng;
    struct now now = clock_read();
    prng_seed(&prng, now.mono_ns);
    arena_init(&scratch, 4096, 1024 * 1024);
    struct flight_host host = {.scratch = &scratch, .prng = &prng, .prefixes = &weir->prefixes};
    bool found = flight_preview(&host, snapshot, question, now, text, error);
    arena_free(&scratch);
    return found;
}

/* -- status -- */

static void health_put(const struct snapshot *snapshot, const struct provider *provider, struct now now,
                       struct text *text) {
    struct provider_health health = provider_health(snapshot, provider, now.mono_ns);
    text_json_str(text, STR("health"), health_state_name(health.state));
    text_json_key(text, STR("score"));
    text_printf(text, "%.3f", health.score);
    text_json_key(text, STR("success"));
    text_printf(text, "%.3f", health.success);
    text_json_u64(text, STR("latency_us"), health.latency_ns / NS_PER_US);
    text_json_key(text, STR("slowness"));
    text_printf(text, "%.2f", health.slowness);
    text_json_str(text, STR("breaker"), breaker_state_name(health.breaker));
    if (health.breaker_until_ns > now.mono_ns)
        text_json_u64(text, STR("breaker_open_ms"), (health.breaker_until_ns - now.mono_ns) / NS_PER_MS);
    for (size_t i = 0; i < snapshot->client_count && health.breaker_client; i++)
        if (str_hash(snapshot->clients[i].name) == health.breaker_client) {
            text_json_str(text, STR("breaker_client"), snapshot->clients[i].name);
            break;
        }
    if (health.probes_failed) text_json_u64(text, STR("probes_failed"), health.probes_failed);
    if (health.demoted) text_json_bool(text, STR("demoted"), true);
    text_json_u64(text, STR("in_flight"), health.in_flight);
    if (provider->max_concurrent) text_json_u64(text, STR("max_concurrent"), provider->max_concurrent);
    if (provider->queue_max) text_json_i64(text, STR("waiting"), health.waiting > 0 ? health.waiting : 0);
    text_json_u64(text, STR("keys"), provider->key_count);
    text_json_u64(text, STR("keys_cooling"), health.keys_cooling);
    text_json_u64(text, STR("keys_refused"), health.keys_refused);
    text_json_u64(text, STR("keys_quota_exhausted"), health.keys_quota_exhausted);
    const struct rate_rules *rates = &provider->rates;
    if (rates->requests_minute.limit)
        text_json_u64(text, STR("requests_left_minute"),
                      limiter_left(&provider->cells->requests_minute, &rates->requests_minute, now.mono_ns));
    if (rates->requests_hour.limit)
        text_json_u64(text, STR("requests_left_hour"),
                      limiter_left(&provider->cells->requests_hour, &rates->requests_hour, now.mono_ns));
    if (rates->tokens_minute.limit)
        text_json_u64(text, STR("tokens_left_minute"),
                      limiter_left(&provider->cells->tokens_minute, &rates->tokens_minute, now.mono_ns));
    library_quotas_put(provider, text);
}

static void targets_put(const struct snapshot *snapshot, const struct provider *provider, struct now now,
                        struct text *text) {
    text_put(text, STR(",\"targets\":["));
    for (size_t i = 0; i < snapshot->target_count; i++) {
        const struct target *target = &snapshot->targets[i];
        if (target->provider != provider) continue;
        struct breaker_view view = breaker_view(&target->cells->breaker, &provider->breaker, blame_nobody, now.mono_ns);
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("target"), target->name);
        text_json_u64(text, STR("failures_in_row"), cell_load(&target->cells->failures));
        text_json_str(text, STR("breaker"), breaker_state_name(view.state));
        size_t resting = keys_resting(target, now.mono_ns);
        if (resting) text_json_u64(text, STR("keys_cooling"), resting);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

/* Healthy while every provider is; unhealthy when none can serve; else degraded. One in maintenance does not count. */
static enum health_state overall_health(const struct snapshot *snapshot, struct now now) {
    size_t asked = 0, healthy = 0, serving = 0;
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        if (snapshot->providers[i].state != provider_active) continue;
        enum health_state state = provider_health(snapshot, &snapshot->providers[i], now.mono_ns).state;
        asked++;
        healthy += state == health_healthy;
        serving += state == health_healthy || state == health_degraded;
    }
    return asked && healthy == asked ? health_healthy : serving ? health_degraded : health_unhealthy;
}

void library_health_write(struct weir *weir, const struct snapshot *snapshot, struct text *text) {
    struct now now = clock_read();
    (void)weir;
    text_put_byte(text, '{');
    text_json_str(text, STR("overall_health"), health_state_name(overall_health(snapshot, now)));
    text_put(text, STR(",\"providers\":["));
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("name"), snapshot->providers[i].name);
        health_put(snapshot, &snapshot->providers[i], now, text);
        targets_put(snapshot, &snapshot->providers[i], now, text);
        text_put_byte(text, '}');
    }
    text_put(text, STR("]}"));
}

/* -- locks -- */

static void locks_put(const struct snapshot *snapshot, struct text *text) {
    text_json_key(text, STR("locks"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct route *route = &snapshot->routes[i];
        if (route->strategy != strategy_exclusive || route->target_count == 0) continue;
        struct lock_view view = lock_hold(&route->cells->lock, route->targets[0]->id);
        struct str holder = STR("");
        for (size_t t = 0; t < route->target_count; t++)
            if (route->targets[t]->id == view.holder) holder = route->targets[t]->name;
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("route"), route->model);
        text_json_str(text, STR("holder"), holder);
        text_json_u64(text, STR("failures"), view.failures);
        text_json_u64(text, STR("failover_after"), route->failover_after);
        text_json_u64(text, STR("epoch"), view.epoch);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

void library_locks_write(const struct snapshot *snapshot, struct text *text) {
    text_put_byte(text, '{');
    locks_put(snapshot, text);
    text_put_byte(text, '}');
}

/* The lock's cell, and the target that it is to stand at. NULL: *error. */
static const struct route *lock_place_find(const struct snapshot *snapshot, struct str name, struct str target,
                                           size_t *place, struct error *error) {
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct route *route = &snapshot->routes[i];
        if (!str_eq(route->model, name) || route->strategy != strategy_exclusive) continue;
        for (size_t t = 0; t < route->target_count; t++)
            if (str_eq(route->targets[t]->name, target)) {
                *place = t;
                return route;
            }
        error_set(error, error_invalid_request,
                  "The route `%.*s` has no target `%.*s`: `targets` of the configuration names those that it has.",
                  STR_ARG(str_slice(name, 0, 80)), STR_ARG(str_slice(target, 0, 80)));
        return NULL;
    }
    error_set(error, error_unknown_route,
              "There is no exclusive route `%.*s`: GET /admin/v1/lock lists those that there are.",
              STR_ARG(str_slice(name, 0, 120)));
    return NULL;
}

bool library_lock_move(struct weir *weir, const struct snapshot *snapshot, struct str name, struct str target,
                       const struct audit_who *who, struct error *error) {
    size_t place;
    const struct route *route = lock_place_find(snapshot, name, target, &place, error);
    const struct audit_entry entry = {.action = audit_lock_move, .who = *who, .subject = name, .detail = target};
    if (!route || (weir->host.keeps_marks && !library_audit(weir, &entry, error))) return false;
    struct lock_view view = lock_hold(&route->cells->lock, route->targets[0]->id);
    if (view.holder != route->targets[place]->id) lock_move(&route->cells->lock, view.epoch, route->targets[place]->id);
    return true;
}

static void library_views_provider_put(const struct snapshot *snapshot, const struct provider *provider, struct now now,
                                       struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), provider->name);
    text_json_str(text, STR("type"), provider->type);
    text_json_str(text, STR("base_url"), provider->base_url);
    text_json_str(text, STR("state"), provider_state_name(provider->state));
    text_json_bool(text, STR("edited"), provider->edited);
    text_json_i64(text, STR("priority"), provider->priority);
    text_json_u64(text, STR("models"), provider->model_count);
    text_json_str(text, STR("default_model"), provider->default_model);
    text_json_bool(text, STR("has_key"), provider->key_count > 0);
    health_put(snapshot, provider, now, text);
    targets_put(snapshot, provider, now, text);
    text_put_byte(text, '}');
}

/* Where it came from, and whether the file still says so, as it was when a reload or an edit looked last. */
static void configuration_put(struct weir *weir, struct text *text) {
    char said[sizeof weir->file_said];
    if (!weir->config_path) return;
    pthread_mutex_lock(&weir->mutex);
    memcpy(said, weir->file_said, sizeof said);
    pthread_mutex_unlock(&weir->mutex);
    text_put(text, STR(",\"configuration\":{"));
    text_json_str(text, STR("file"), str_from(weir->config_path));
    text_json_bool(text, STR("in_force"), said[0] == 0);
    if (said[0]) text_json_str(text, STR("said"), str_from(said));
    text_put_byte(text, '}');
}

/* What of them was made or changed at run time. */
static void clients_put(const struct snapshot *snapshot, struct text *text) {
    size_t edited = 0;
    for (size_t i = 0; i < snapshot->client_count; i++) edited += snapshot->clients[i].edited;
    text_json_u64(text, STR("clients_at_run_time"), snapshot_clients(snapshot) - snapshot->client_count);
    text_json_u64(text, STR("clients_edited"), edited);
}

void library_status_write(struct weir *weir, const struct snapshot *snapshot, struct text *text) {
    struct now now = clock_read();
    text_put_byte(text, '{');
    text_json_str(text, STR("version"), STR(WEIR_VERSION));
    text_json_u64(text, STR("uptime_seconds"), (now.mono_ns - weir->started.mono_ns) / NS_PER_S);
    text_json_u64(text, STR("generation"), snapshot->generation);
    text_json_u64(text, STR("workers"), weir->worker_count);
    text_json_u64(text, STR("routes"), snapshot->route_count);
    text_json_u64(text, STR("clients"), snapshot_clients(snapshot));
    clients_put(snapshot, text);
    if (snapshot->issuer_count) {
        issuers_put(weir->issuers, now, text);
        text_json_u64(text, STR("identities"), identities_count(weir->identities));
    }
    configuration_put(weir, text);
    library_entries_changed_put(snapshot, text);
    text_put(text, STR(",\"providers\":["));
    for (size_t i = 0; i < snapshot->provider_count; i++)
        library_views_provider_put(snapshot, &snapshot->providers[i], now, text);
    text_put_byte(text, ']');
    locks_put(snapshot, text);
    text_put(text, STR(",\"totals\":"));
    metrics_write_json(weir->reports.metrics, text);
    text_put_byte(text, '}');
}

/* -- the library's face of them -- */

/* An owned copy of what was written; frees the arena. */
static char *taken(struct text *text, struct arena *arena) {
    char *copy = text->failed ? NULL : memory_take(text->len + 1);
    if (copy) str_copy(copy, text->len + 1, text_str(text));
    arena_free(arena);
    return copy;
}

char *weir_status(struct weir *weir) {
    struct arena arena;
    arena_init(&arena, 16 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 8 * 1024);
    struct deployment *deployment = library_deployment(weir);
    library_status_write(weir, deployment->snapshot, &text);
    deployment_release(deployment);
    return taken(&text, &arena);
}

char *weir_models(struct weir *weir) {
    struct arena arena;
    arena_init(&arena, 64 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 32 * 1024);
    struct deployment *deployment = library_deployment(weir);
    library_models_write(deployment->snapshot, NULL, dialect_openai, &text);
    deployment_release(deployment);
    return taken(&text, &arena);
}

static void metrics_quotas(const struct provider *provider, struct now now, struct metrics_provider *of) {
    CHECKF(provider->quota_count <= metrics_quotas_max, "quotas=%zu", provider->quota_count);
    for (size_t i = 0; i < provider->quota_count; i++) {
        const struct quota *quota = &provider->quotas[i];
        of->quotas[i].name = quota->name;
        of->quotas[i].limit = (uint64_t)quota->limit;
        of->quotas[i].used = (uint64_t)quota_look(quota, now.wall_ns / (int64_t)NS_PER_S).counted;
    }
    of->quota_count = provider->quota_count;
}

/* Of those that are not split: each value's sum is its own, and callers choose how many there are. */
static size_t metrics_budgets(const struct snapshot *snapshot, struct now now, struct metrics_budget *budgets) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->budget_count && count < metrics_budgets_max; i++) {
        const struct money_budget *budget = snapshot->budgets[i];
        if (budget->per) continue;
        struct spend_view view = money_budget_look(budget, now.wall_ns);
        budgets[count++] = (struct metrics_budget){
            .owner = budget->owner,
            .name = budget->name,
            .id = budget->identity,
            .spent_nano_usd = (uint64_t)view.spent,
            .reserved_nano_usd = view.committed > view.spent ? (uint64_t)(view.committed - view.spent) : 0,
            .limit_nano_usd = (uint64_t)money_budget_limit(budget, now.wall_ns)};
    }
    return count;
}

void library_metrics_write(struct weir *weir, const struct snapshot *snapshot, struct text *text) {
    struct now now = clock_read();
    struct metrics_budget budgets[metrics_budgets_max];
    struct metrics_provider *providers = memory_take_zeroed((snapshot->provider_count + 1) * sizeof *providers);
    for (size_t i = 0; providers && i < snapshot->provider_count; i++) {
        const struct provider *provider = &snapshot->providers[i];
        struct provider_health health = provider_health(snapshot, provider, now.mono_ns);
        unsigned ill = health.keys_refused + health.keys_quota_exhausted;
        providers[i] = (struct metrics_provider){.name = provider->name,
                                                 .score = health.score,
                                                 .state = health_state_name(health.state),
                                                 .breaker = breaker_state_name(health.breaker),
                                                 .keys_ready = (unsigned)provider->key_count - health.keys_cooling,
                                                 .keys_limited = health.keys_cooling - ill,
                                                 .keys_refused = health.keys_refused,
                                                 .keys_quota_exhausted = health.keys_quota_exhausted};
        metrics_quotas(provider, now, &providers[i]);
    }
    metrics_write(weir->reports.metrics,
                  &(struct metrics_moment){.providers = providers,
                                           .provider_count = providers ? snapshot->provider_count : 0,
                                           .budgets = budgets,
                                           .budget_count = metrics_budgets(snapshot, now, budgets)},
                  text);
    memory_give(providers);
}

char *weir_metrics(struct weir *weir) {
    struct arena arena;
    arena_init(&arena, 64 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 32 * 1024);
    struct deployment *deployment = library_deployment(weir);
    library_metrics_write(weir, deployment->snapshot, &text);
    deployment_release(deployment);
    return taken(&text, &arena);
}

const struct client *snapshot_client_named(struct snapshot *snapshot, struct str name) {
    const struct client *client = map_find(&snapshot->clients_by_name, name);
    return client || !snapshot->registry ? client : client_registry_named(snapshot->registry, snapshot, name);
}

bool library_client_unknown(struct str name, struct error *error) {
    return error_set(error, error_unknown_client,
                     "There is no client `%.*s`: `weir client list` names those that there are.",
                     STR_ARG(str_slice(name, 0, limit_name)));
}

static char *route_of(struct weir *weir, struct flight_question *question, const char *client_name,
                      struct weir_error *error) {
    struct error why = {.code = error_none};
    struct arena arena;
    arena_init(&arena, 16 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 8 * 1024);
    struct deployment *deployment = library_deployment(weir);
    if (client_name) question->asked.client = snapshot_client_named(deployment->snapshot, str_from(client_name));
    bool found = client_name && !question->asked.client
                     ? library_client_unknown(str_from(client_name), &why)
                     : library_route_write(weir, deployment->snapshot, question, &text, &why);
    deployment_release(deployment);
    if (found) return taken(&text, &arena);
    library_error_set(error, why.code, str_from(why.message));
    arena_free(&arena);
    return NULL;
}

char *weir_route(struct weir *weir, const char *model, struct weir_error *error) {
    return route_of(weir, &(struct flight_question){.model = str_from(model)}, NULL, error);
}

char *weir_route_request(struct weir *weir, const struct weir_request *request, const char *client,
                         struct weir_error *error) {
    struct http_header type = {STR("content-type"),
                               request->content_type ? str_from(request->content_type) : STR("application/json")};
    struct request_names names;
    struct flight_question question = {.asked = {.headers = &type, .header_count = 1},
                                       .body = str_make(request->body, request->body_len)};
    if (request->size < sizeof *request || (request->body_len && !request->body)) {
        library_error_set(error, error_invalid_request,
                          STR("weir_request.size must be sizeof(struct weir_request), and body must be given."));
        return NULL;
    }
    if (request->path && !library_request_place(str_from(request->path), &names, &question.asked)) {
        library_error_set(error, error_unknown_path, STR_NONE);
        return NULL;
    }
    return route_of(weir, &question, client, error);
}
