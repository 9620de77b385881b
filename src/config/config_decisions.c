/* config_decisions.c - defaults as the reference has them; every number has been checked for its range before. */
#include "config/config_decisions.h"

#include "base/hash.h"

static void *cells(struct config_reading *reading, struct snapshot *snapshot, const char *kind, struct str name,
                   size_t size) {
    void *found = cells_find(reading->input->cells, &snapshot->arena, kind, name, size);
    if (!found) config_report(reading, NULL, config_error, "no memory for the configuration");
    return found;
}

static enum strategy strategy_of(const struct config_node *node, const char *key, enum strategy fallback) {
    enum strategy strategy;
    return strategy_read(read_str(node, key, STR("")), &strategy) ? strategy : fallback;
}

static struct retry_rules retry_of(const struct config_node *node, const struct retry_rules *fallback) {
    return (struct retry_rules){
        .max_attempts = 1 + (unsigned)read_number(node, "max_retries", fallback->max_attempts - 1),
        .base_ms = (uint64_t)read_number(node, "base_ms", (double)fallback->base_ms),
        .max_ms = (uint64_t)read_number(node, "max_ms", (double)fallback->max_ms),
        .budget_permille = (unsigned)(read_number(node, "budget", fallback->budget_permille / 1000.0) * 1000 + 0.5)};
}

/* "p95", "800ms", "1.5s". */
static bool hedge_after(struct str text, uint64_t *after_ns) {
    *after_ns = 0;
    if (str_eq(text, STR("p95"))) return true;
    bool milliseconds = str_ends(text, STR("ms"));
    if (!milliseconds && !str_ends(text, STR("s"))) return false;
    double value;
    if (!str_to_double(str_slice(text, 0, text.len - (milliseconds ? 2 : 1)), &value)) return false;
    value *= milliseconds ? (double)NS_PER_MS : (double)NS_PER_S;
    if (value < (double)NS_PER_MS || value > 3600.0 * (double)NS_PER_S) return false;
    *after_ns = (uint64_t)value;
    return true;
}

/* A section that is written turns it on; `after` is "p95" or a time of its own. */
static struct hedge_rules hedge_of(struct config_reading *reading, const struct config_node *node,
                                   const struct hedge_rules *fallback) {
    if (!node) return *fallback;
    struct hedge_rules rules = {
        .on = true, .after_ns = fallback->after_ns, .share_permille = fallback->on ? fallback->share_permille : 50};
    struct str after = read_str(node, "after", STR(""));
    if (after.len && !hedge_after(after, &rules.after_ns))
        config_report(reading, config_member(node, STR("after")), config_error,
                      "`after` is p95, or a time such as 800ms or 1.5s; it says `%.*s`", STR_ARG(after));
    rules.share_permille = (unsigned)(read_number(node, "max_share", rules.share_permille / 1000.0) * 1000 + 0.5);
    rules.on = rules.share_permille > 0;
    return rules;
}

static struct fetch_limits fetch_of(struct config_reading *reading, const struct config_node *node,
                                    struct arena *arena) {
    struct fetch_limits fetch = {.on = read_bool(node, "enabled", true),
                                 .bytes_max = (size_t)read_number(node, "max_bytes", 20 * 1024 * 1024),
                                 .timeout_ns = (uint64_t)(read_number(node, "timeout_seconds", 10) * (double)NS_PER_S)};
    const struct config_node *allow = config_member(node, STR("allow"));
    if (!allow || allow->count == 0) return fetch;
    fetch.allowed = arena_take_zeroed(arena, allow->count * sizeof *fetch.allowed);
    for (const struct config_node *at = allow->first; fetch.allowed && at; at = at->next)
        if (!network_parse(at->text, &fetch.allowed[fetch.allowed_count++]))
            config_report(reading, at, config_error,
                          "`allow` names networks such as 10.1.0.0/16 or fd00::/8; it says `%.*s`", STR_ARG(at->text));
    return fetch;
}

void decisions_of_all(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct retry_rules usual = {.max_attempts = 4, .base_ms = 200, .max_ms = 10000, .budget_permille = 200};
    const struct config_node *adaptive = config_member(root, STR("adaptive"));
    snapshot->retry = retry_of(config_member(root, STR("retry")), &usual);
    snapshot->hedge = hedge_of(reading, config_member(root, STR("hedge")), &(struct hedge_rules){.on = false});
    snapshot->fetch = fetch_of(reading, config_member(root, STR("fetch")), &snapshot->arena);
    const struct config_node *responses = config_member(root, STR("responses"));
    snapshot->responses.on = read_bool(responses, "store", true);
    snapshot->responses.keep_days = (int64_t)read_number(responses, "keep_days", 30);
    snapshot->responses.bytes_max = (int64_t)read_number(responses, "max_bytes", 4294967296);
    snapshot->responses.client_bytes_max = (int64_t)read_number(responses, "max_bytes_per_client", 1073741824);
    snapshot->strategy = strategy_of(root, "selection_strategy", strategy_priority);
    snapshot->adaptive = (struct pick_weights){.health = read_number(adaptive, "health", 0.4),
                                               .quota = read_number(adaptive, "quota", 0.3),
                                               .response_time = read_number(adaptive, "response_time", 0.3)};
    snapshot->fallback_by_score = str_eq(read_str(root, "fallback_order", STR("")), STR("score"));
    snapshot->reserve_output_tokens = (int64_t)read_number(root, "reserve_output_tokens", 4096);
}

/* The burst is what may go above the even rate at once; by default a whole minute's worth. */
static struct rate_rules rates_of(const struct config_node *node) {
    const uint64_t minute_ns = 60 * NS_PER_S, hour_ns = 3600 * NS_PER_S;
    uint64_t minute = (uint64_t)read_number(node, "rate_limit_rpm", 0),
             hour = (uint64_t)read_number(node, "rate_limit_rph", 0),
             tokens = (uint64_t)read_number(node, "rate_limit_tpm", 0);
    uint64_t burst = (uint64_t)read_number(node, "burst_allowance", 0);
    return (struct rate_rules){
        .requests_minute = {.limit = minute, .period_ns = minute_ns, .burst = burst ? burst : minute},
        .requests_hour = {.limit = hour, .period_ns = hour_ns, .burst = burst ? burst : hour},
        .tokens_minute = {.limit = tokens, .period_ns = minute_ns, .burst = tokens}};
}

static struct breaker_rules breaker_of(const struct config_node *node) {
    return (struct breaker_rules){
        .failure_threshold = (uint16_t)read_number(node, "failure_threshold", 5),
        .half_open_max_calls = (uint16_t)read_number(node, "half_open_max_calls", 3),
        .success_threshold = (uint16_t)read_number(node, "success_threshold", 1),
        .failure_share = (uint16_t)(read_number(node, "failure_share", 0) * 100 + 0.5),
        .window_calls_min = (uint16_t)read_number(node, "window_calls_min", 20),
        .window_ns = read_seconds_ns(node, "window_seconds", 60),
        .open_ns = read_seconds_ns(node, "timeout_seconds", 60),
        .ramp_ns = read_seconds_ns(node, "ramp_seconds", 10),
    };
}

static void keys_of_provider(struct config_reading *reading, struct snapshot *snapshot, struct str name,
                             struct provider *provider) {
    provider->key_cells = arena_take_zeroed(&snapshot->arena, (provider->key_count + 1) * sizeof *provider->key_cells);
    for (size_t i = 0; i < provider->key_count && provider->key_cells; i++) {
        struct sha256 hash = hash_sha256(provider->authorization[i]);
        char hex[2 * sizeof hash.bytes];
        hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
        struct str key = arena_printf(&snapshot->arena, "%.*s|%.*s", STR_ARG(name), (int)sizeof hex, hex);
        provider->key_cells[i] = cells(reading, snapshot, "key ", key, sizeof(struct key_cells));
    }
}

void decisions_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                           const struct config_node *node, struct provider *provider) {
    const struct config_node *queue = config_member(node, STR("queue")), *health = config_member(node, STR("health"));
    struct str name = arena_printf(&snapshot->arena, "%.*s|%.*s", STR_ARG(provider->name), STR_ARG(provider->base_url));
    provider->cells = cells(reading, snapshot, "provider ", name, sizeof(struct provider_cells));
    keys_of_provider(reading, snapshot, name, provider);
    provider->breaker = breaker_of(config_member(node, STR("circuit_breaker")));
    provider->health = (struct health_rules){.degraded_below = read_number(health, "degraded_below", 0.8),
                                             .unhealthy_below = read_number(health, "unhealthy_below", 0.4)};
    provider->rates = rates_of(node);
    provider->max_concurrent = (uint32_t)read_number(node, "max_concurrent", 0);
    provider->queue_max = (uint32_t)read_number(queue, "max", 0);
    provider->queue_wait_ns = (uint64_t)read_number(queue, "wait_ms", 1000) * NS_PER_MS;
    provider->adaptive_throttling = read_bool(node, "adaptive_throttling", true);
    uint64_t usual_ns = read_seconds_ns(root, "health_check_interval", 300);
    provider->health_check_ns = read_seconds_ns(node, "health_check_interval", (double)usual_ns / (double)NS_PER_S);
}

void decisions_of_target(struct config_reading *reading, struct snapshot *snapshot, struct target *target) {
    struct str name =
        arena_printf(&snapshot->arena, "%.*s|%.*s", STR_ARG(target->name), STR_ARG(target->provider->base_url));
    target->name_hash = str_hash(target->name);
    target->cells = cells(reading, snapshot, "target ", name, sizeof(struct target_cells));
}

/* The weight that the route gives this target, or the provider's. */
static double weight_of(const struct config_node *node, const struct target *target) {
    const struct config_node *targets = config_member(node, STR("targets"));
    for (const struct config_node *at = targets && targets->kind == config_list ? targets->first : NULL; at;
         at = at->next)
        if (at->kind == config_map && str_eq(read_str(at, "target", STR("")), target->name))
            return read_number(at, "weight", target->weight);
    return target->weight;
}

void decisions_of_route(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                        const struct config_node *node, struct route *route) {
    route->resume_streams = read_bool(node, "resume_streams", false);
    route->resume_prompt =
        arena_copy(&snapshot->arena, read_str(node, "resume_prompt", read_str(root, "resume_prompt", STR(""))));
    route->strategy = strategy_of(node, "strategy", snapshot->strategy);
    route->retry = retry_of(config_member(node, STR("retry")), &snapshot->retry);
    route->hedge = hedge_of(reading, config_member(node, STR("hedge")), &snapshot->hedge);
    route->failover_after = (unsigned)read_number(node, "failover_after", 3);
    route->return_to_primary_ns = read_seconds_ns(node, "return_to_primary_seconds", 0);
    route->cells = cells(reading, snapshot, "route ", route->model, sizeof(struct route_cells));
    route->places = arena_take_zeroed(&snapshot->arena, (route->target_count + 1) * sizeof *route->places);
    for (size_t i = 0; i < route->target_count && route->places; i++) {
        struct str name =
            arena_printf(&snapshot->arena, "%.*s>%.*s", STR_ARG(route->model), STR_ARG(route->targets[i]->name));
        double weight = weight_of(node, route->targets[i]);
        route->places[i] =
            (struct route_place){.cells = cells(reading, snapshot, "place ", name, sizeof(struct place_cells)),
                                 .weight = weight > 0 ? weight : 1e-6};
    }
}

void decisions_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                         struct client *client) {
    client->rates = rates_of(node);
    client->max_concurrent = (uint32_t)read_number(node, "max_concurrent", 0);
    client->cells = cells(reading, snapshot, "client ", client->name, sizeof(struct client_cells));
}
