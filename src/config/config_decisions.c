/* config_decisions.c - defaults as the reference has them; every number has been checked for its range before. */
#include "config/config_decisions.h"
#include "config/config_alerts.h"
#include "config/config_vault.h"

#include "base/hash.h"

static void *cells(struct config_reading *reading, struct snapshot *snapshot, const char *kind, struct str name,
                   size_t size) {
    void *found = cells_find(reading->input->cells, &snapshot->arena, kind, name, size);
    if (!found) config_report(reading, NULL, config_error, "no memory for the configuration");
    return found;
}

/* A share of one as whole parts of `whole`. */
static unsigned share_parts(double share, unsigned whole) { return (unsigned)(share * whole + 0.5); }

static struct retry_rules retry_of(struct section retry) {
    return (struct retry_rules){.max_retries = (unsigned)read_whole(retry, "max_retries"),
                                .max_attempts = (unsigned)read_whole(retry, "max_attempts"),
                                .base_ms = read_whole(retry, "base_ms"),
                                .max_ms = read_whole(retry, "max_ms"),
                                .budget_permille = share_parts(read_number(retry, "budget"), 1000),
                                .failover_permille = share_parts(read_number(retry, "failover_budget"), 1000)};
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

/* A section that is written turns it on, below one that turns it off, too; `after` is "p95" or a time of its own. */
static struct hedge_rules hedge_of(struct config_reading *reading, struct section hedge,
                                   const struct hedge_rules *above) {
    if (!hedge.map) return *above;
    struct hedge_rules rules = {.on = true};
    const struct config_node *written = config_member(hedge.map, STR("after"));
    struct str after = read_str(hedge, "after");
    if (!hedge_after(after, &rules.after_ns) && written)
        config_report(reading, written, config_error, "`after` is p95, or a time such as 800ms or 1.5s; it says `%.*s`",
                      STR_ARG(after));
    if (!above->on) hedge.above = NULL;
    rules.share_permille = share_parts(read_number(hedge, "max_share"), 1000);
    rules.on = rules.share_permille > 0;
    return rules;
}

static struct fetch_limits fetch_of(struct config_reading *reading, struct section fetching, struct arena *arena) {
    struct fetch_limits fetch = {.on = read_bool(fetching, "enabled"),
                                 .bytes_max = read_whole(fetching, "max_bytes"),
                                 .timeout_ns = read_ns(fetching, "timeout_seconds")};
    const struct config_node *allow = config_member(fetching.map, STR("allow"));
    if (!allow || allow->count == 0) return fetch;
    fetch.allowed = arena_take_zeroed(arena, allow->count * sizeof *fetch.allowed);
    for (const struct config_node *at = allow->first; fetch.allowed && at; at = at->next)
        if (!network_parse(at->text, &fetch.allowed[fetch.allowed_count++]))
            config_report(reading, at, config_error,
                          "`allow` names networks such as 10.1.0.0/16 or fd00::/8; it says `%.*s`", STR_ARG(at->text));
    return fetch;
}

static struct cache_rules cache_rules_of(struct section cache) {
    return (struct cache_rules){.on = read_bool(cache, "enabled"),
                                .all = read_is(cache, "mode", "all"),
                                .shares = read_bool(cache, "share_in_flight"),
                                .scope = (enum cache_scope)read_choice(cache, "scope"),
                                .ttl_s = (int64_t)(read_ns(cache, "ttl_seconds") / NS_PER_S),
                                .stale_s = read_bool(cache, "serve_stale_on_outage")
                                               ? (int64_t)(read_ns(cache, "max_stale_seconds") / NS_PER_S)
                                               : 0};
}

/* The seeds' `cache_ttl` is a cache of everything. */
static void cache_of(struct config_reading *reading, struct snapshot *snapshot, struct section top) {
    struct section cache = read_section(top, "cache");
    const struct config_node *semantic = cache.map ? config_member(cache.map, STR("semantic")) : NULL;
    if (semantic)
        config_report(reading, semantic, config_error, "`semantic` is of one route: write it in the `cache` of that");
    bool brief = read_is_written(top, "cache_ttl");
    snapshot->cache = cache_rules_of(cache);
    snapshot->cache.on = cache.map ? snapshot->cache.on : brief;
    if (brief && !read_is_written(cache, "mode")) snapshot->cache.all = true;
    if (brief && !read_is_written(cache, "ttl_seconds"))
        snapshot->cache.ttl_s = (int64_t)(read_ns(top, "cache_ttl") / NS_PER_S);
    snapshot->cache_durable = read_bool(cache, "durable");
    snapshot->cache.ttl_max_s = (int64_t)(read_ns(cache, "max_ttl_seconds") / NS_PER_S);
    if (snapshot->cache.on) snapshot->cache_bytes_max = read_whole(cache, "max_bytes");
}

/* On where it is written, whatever holds for others. */
static struct cache_rules cache_of_route(struct config_reading *reading, struct snapshot *snapshot,
                                         struct section section, struct section top) {
    static const struct str of_all[] = {STR("max_bytes"), STR("max_ttl_seconds"), STR("durable"),
                                        STR("semantic_entries")};
    struct section cache = read_section(section, "cache"), above = read_section(top, "cache");
    if (!cache.map) return snapshot->cache;
    for (size_t i = 0; i < sizeof of_all / sizeof *of_all; i++)
        if (config_member(cache.map, of_all[i]))
            config_report(reading, config_member(cache.map, of_all[i]), config_error,
                          "`%.*s` is one for all routes: write it in the `cache` at the top", STR_ARG(of_all[i]));
    bool enabled = read_bool(cache, "enabled");
    const struct semantic_rules *semantic = semantic_of_route(reading, snapshot, cache);
    cache.above = above.map;
    struct cache_rules rules = cache_rules_of(cache);
    rules.semantic = enabled ? semantic : NULL;
    bool brief = read_is_written(top, "cache_ttl");
    if (brief && !read_is_written(cache, "mode")) rules.all = true;
    if (brief && !read_is_written(cache, "ttl_seconds")) rules.ttl_s = snapshot->cache.ttl_s;
    rules.on = enabled;
    rules.ttl_max_s = snapshot->cache.ttl_max_s;
    if (enabled) snapshot->cache_bytes_max = read_whole(above, "max_bytes");
    if (rules.semantic) snapshot->semantic_entries = read_whole(above, "semantic_entries");
    return rules;
}

void decisions_of_all(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct section top = {section_top, root}, adaptive = read_section(top, "adaptive"),
                         responses = read_section(top, "responses");
    snapshot->retry = retry_of(read_section(top, "retry"));
    snapshot->hedge = hedge_of(reading, read_section(top, "hedge"), &(struct hedge_rules){.on = false});
    snapshot->fetch = fetch_of(reading, read_section(top, "fetch"), &snapshot->arena);
    cache_of(reading, snapshot, top);
    snapshot->responses.on = read_bool(responses, "store");
    snapshot->responses.keep_days = (int64_t)read_whole(responses, "keep_days");
    snapshot->responses.bytes_max = (int64_t)read_whole(responses, "max_bytes");
    snapshot->responses.client_bytes_max = (int64_t)read_whole(responses, "max_bytes_per_client");
    strategy_read(read_str(top, "selection_strategy"), &snapshot->strategy);
    snapshot->adaptive = (struct pick_weights){.health = read_number(adaptive, "health"),
                                               .quota = read_number(adaptive, "quota"),
                                               .response_time = read_number(adaptive, "response_time")};
    snapshot->fallback_by_score = read_is(top, "fallback_order", "score");
    snapshot->reserve_output_tokens = (int64_t)read_whole(top, "reserve_output_tokens");
    snapshot->health_keep_days = (int64_t)read_whole(top, "health_keep_days");
    owners_read(reading, snapshot, root);
    alerts_read(reading, snapshot, root);
    snapshot->traces = traces_of(reading, snapshot, root);
}

/* The burst is what may go above the even rate at once; by default a whole minute's worth. */
struct rate_rules rates_make(uint64_t minute, uint64_t hour, uint64_t tokens, uint64_t burst) {
    const uint64_t minute_ns = 60 * NS_PER_S, hour_ns = 3600 * NS_PER_S;
    return (struct rate_rules){
        .requests_minute = {.limit = minute, .period_ns = minute_ns, .burst = burst ? burst : minute},
        .requests_hour = {.limit = hour, .period_ns = hour_ns, .burst = burst ? burst : hour},
        .tokens_minute = {.limit = tokens, .period_ns = minute_ns, .burst = tokens}};
}

struct rate_rules rates_of(struct section section) {
    return rates_make(
        (uint64_t)read_number(section, "rate_limit_rpm"), (uint64_t)read_number(section, "rate_limit_rph"),
        (uint64_t)read_number(section, "rate_limit_tpm"), (uint64_t)read_number(section, "burst_allowance"));
}

static struct breaker_rules breaker_of(struct section breaker) {
    return (struct breaker_rules){
        .failure_threshold = (uint16_t)read_whole(breaker, "failure_threshold"),
        .half_open_max_calls = (uint16_t)read_whole(breaker, "half_open_max_calls"),
        .success_threshold = (uint16_t)read_whole(breaker, "success_threshold"),
        .failure_share = (uint16_t)share_parts(read_number(breaker, "failure_share"), 100),
        .window_calls_min = (uint16_t)read_whole(breaker, "window_calls_min"),
        .window_ns = read_ns(breaker, "window_seconds"),
        .open_ns = read_ns(breaker, "timeout_seconds"),
        .ramp_ns = read_ns(breaker, "ramp_seconds"),
    };
}

/* A key's name among the cells: its provider's, and its digest. */
static struct str key_name(struct snapshot *snapshot, struct str name, const struct provider *provider, size_t i) {
    struct sha256 hash = hash_sha256(provider->authorization[i]);
    char hex[2 * sizeof hash.bytes];
    hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
    return arena_printf(&snapshot->arena, "%.*s|%.*s", STR_ARG(name), (int)sizeof hex, hex);
}

static void keys_of_provider(struct config_reading *reading, struct snapshot *snapshot, struct str name,
                             struct provider *provider) {
    provider->key_cells = arena_take_zeroed(&snapshot->arena, (provider->key_count + 1) * sizeof *provider->key_cells);
    for (size_t i = 0; i < provider->key_count && provider->key_cells; i++) {
        struct str key = key_name(snapshot, name, provider, i);
        provider->key_cells[i] = cells(reading, snapshot, "key ", key, sizeof(struct key_cells));
    }
}

/* A time that is written bounds every answer, unless whole ones have a time of their own. */
static void timeouts_read(struct config_reading *reading, struct section section, struct provider *provider) {
    const struct config_node *written = config_member(section.map, STR("timeout_seconds"));
    provider->connect_timeout_ns = read_ns(section, "connect_timeout_seconds");
    provider->first_token_timeout_ns = read_ns(section, "timeout_seconds");
    provider->reply_timeout_ns = read_ns(section, "reply_timeout_seconds");
    provider->stall_timeout_ns = read_ns(section, "stall_timeout_seconds");
    provider->reply_timeout_written = read_is_written(section, "reply_timeout_seconds");
    if (!read_is_written(section, "timeout_seconds") || provider->reply_timeout_written) return;
    provider->reply_timeout_ns = provider->first_token_timeout_ns;
    if (reading->input->text.at || written->overlay) /* the environment's has been told once, for all of them */
        config_report(reading, written, config_warning,
                      "`timeout_seconds: %.*s` of `%.*s` bounds a whole reply that is not streamed too: write "
                      "`reply_timeout_seconds` beside it to give those another time",
                      STR_ARG(config_shown(written)), STR_ARG(provider->name));
}

void decisions_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                           const struct config_node *node, struct provider *provider) {
    const struct section section = {section_provider, node}, top = {section_top, root},
                         queue = read_section(section, "queue"), health = read_section(section, "health");
    struct str name = arena_printf(&snapshot->arena, "%.*s|%.*s", STR_ARG(provider->name), STR_ARG(provider->base_url));
    timeouts_read(reading, section, provider);
    provider->cells = cells(reading, snapshot, "provider ", name, sizeof(struct provider_cells));
    keys_of_provider(reading, snapshot, name, provider);
    config_vault_keys_note(node, provider, &snapshot->arena);
    provider->breaker = breaker_of(read_section(section, "circuit_breaker"));
    provider->health = (struct health_rules){.degraded_below = read_number(health, "degraded_below"),
                                             .unhealthy_below = read_number(health, "unhealthy_below")};
    provider->rates = rates_of(section);
    provider->max_concurrent = (uint32_t)read_whole(section, "max_concurrent");
    provider->queue_max = (uint32_t)read_whole(queue, "max");
    provider->queue_wait_ns = read_ns(queue, "wait_ms");
    provider->adaptive_throttling = read_bool(section, "adaptive_throttling");
    provider->health_check_ns =
        read_ns(read_is_written(section, "health_check_interval") ? section : top, "health_check_interval");
    budgets_of_provider(reading, snapshot, node, provider);
}

void decisions_of_target(struct config_reading *reading, struct snapshot *snapshot, struct target *target) {
    struct str name =
        arena_printf(&snapshot->arena, "%.*s|%.*s", STR_ARG(target->name), STR_ARG(target->provider->base_url));
    target->name_hash = str_hash(target->name);
    target->cells = cells(reading, snapshot, "target ", name, sizeof(struct target_cells));
    const struct provider *provider = target->provider;
    target->limited = arena_take_zeroed(&snapshot->arena, (provider->key_count + 1) * sizeof *target->limited);
    for (size_t i = 0; i < provider->key_count && target->limited; i++)
        target->limited[i] =
            cells(reading, snapshot, "limit ", key_name(snapshot, name, provider, i), sizeof(struct cell));
}

struct str config_target_name(const struct config_node *node) {
    return node->kind == config_map ? read_str((struct section){section_target, node}, "target") : node->text;
}

const struct config_node *config_target_route(const struct config_node *node) {
    return node->kind == config_map ? config_member(node, STR("route")) : NULL;
}

struct route_place decisions_of_place(struct config_reading *reading, struct snapshot *snapshot,
                                      const struct route *route, struct str target, double weight) {
    struct str name = arena_printf(&snapshot->arena, "%.*s>%.*s", STR_ARG(route->model), STR_ARG(target));
    return (struct route_place){.cells = cells(reading, snapshot, "place ", name, sizeof(struct place_cells)),
                                .weight = weight > 0 ? weight : 1e-6};
}

/* Where the route writes it; NULL: it does not, or by its name alone. */
static const struct config_node *target_node(const struct config_node *node, const struct target *target) {
    const struct config_node *targets = config_member(node, STR("targets"));
    for (const struct config_node *at = targets && targets->kind == config_list ? targets->first : NULL; at;
         at = at->next)
        if (at->kind == config_map && str_eq(config_target_name(at), target->name)) return at;
    return NULL;
}

/* NULL: it has none of its own. */
static const struct target_limits *decisions_limits_of(struct config_reading *reading, struct snapshot *snapshot,
                                                       struct section section, const struct target *target,
                                                       struct place_cells *cells) {
    const uint64_t minute_ns = 60 * NS_PER_S;
    uint64_t requests = read_whole(section, "rpm"), tokens = read_whole(section, "tpm");
    struct target_limits limits = {.requests_minute = {.limit = requests, .period_ns = minute_ns, .burst = requests},
                                   .tokens_minute = {.limit = tokens, .period_ns = minute_ns, .burst = tokens},
                                   .max_concurrent = (uint32_t)read_whole(section, "max_concurrent"),
                                   .cells = cells};
    if (read_is_written(section, "timeout_seconds")) {
        limits.first_token_timeout_ns = read_ns(section, "timeout_seconds");
        if (!target->provider->reply_timeout_written) limits.reply_timeout_ns = limits.first_token_timeout_ns;
    }
    if (!requests && !tokens && !limits.max_concurrent && !limits.first_token_timeout_ns) return NULL;
    struct target_limits *kept = cells ? arena_take(&snapshot->arena, sizeof *kept) : NULL;
    if (kept)
        *kept = limits;
    else
        config_report(reading, section.map, config_error, "no memory for the configuration");
    return kept;
}

/* As the route writes it, else as its provider has it. */
static struct route_place place_of_target(struct config_reading *reading, struct snapshot *snapshot,
                                          const struct config_node *node, const struct route *route,
                                          const struct target *target) {
    const struct section section = {section_target, target_node(node, target)};
    double weight = read_is_written(section, "weight") ? read_number(section, "weight") : target->weight;
    struct route_place place = decisions_of_place(reading, snapshot, route, target->name, weight);
    if (section.map) place.limits = decisions_limits_of(reading, snapshot, section, target, place.cells);
    if (section.map) place.params = params_of_target(reading, snapshot, section, target);
    return place;
}

enum unsupported unsupported_of(struct section section) {
    return (enum unsupported)read_choice(section, "unsupported"); /* its words stand in the enum's order */
}

enum prompt_cache prompt_cache_of(struct section section) {
    return (enum prompt_cache)read_choice(section, "prompt_cache"); /* the same */
}

void decisions_of_route(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                        const struct config_node *node, struct route *route) {
    const struct section section = {section_route, node, root}, top = {section_top, root};
    struct section retry = read_section(section, "retry"), hedge = read_section(section, "hedge");
    retry.above = read_section(top, "retry").map;
    hedge.above = read_section(top, "hedge").map;
    route->resume_streams = read_bool(section, "resume_streams");
    route->unsupported = unsupported_of((struct section){section_route, node, NULL});
    route->prompt_cache = prompt_cache_of((struct section){section_route, node, NULL});
    route->resume_prompt = arena_copy(&snapshot->arena, read_str(section, "resume_prompt"));
    route->strategy = snapshot->strategy;
    strategy_read(read_str(section, "strategy"), &route->strategy);
    route->affinity = (enum affinity)read_choice(section, "affinity"); /* its words stand in the enum's order */
    route->retry = retry_of(retry);
    route->hedge = hedge_of(reading, hedge, &snapshot->hedge);
    route->fallback = arena_copy(&snapshot->arena, read_str(section, "fallback_response"));
    route->cache = cache_of_route(reading, snapshot, (struct section){section_route, node, NULL}, top);
    route->failover_after = (unsigned)read_whole(section, "failover_after");
    route->return_to_primary_ns = read_ns(section, "return_to_primary_seconds");
    route->strict = read_bool(section, "strict");
    route->context_answers = read_is(section, "on_context_exceeded", "answer");
    route->filtered_next = read_is(section, "on_filtered", "next");
    route->cells = cells(reading, snapshot, "route ", route->model, sizeof(struct route_cells));
    route->places = arena_take_zeroed(&snapshot->arena, (route->target_count + 1) * sizeof *route->places);
    for (size_t i = 0; i < route->target_count && route->places; i++)
        route->places[i] = place_of_target(reading, snapshot, node, route, route->targets[i]);
}

void decisions_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                         struct client *client) {
    const struct section section = {section_client, node, template_of(snapshot, node)};
    client->rates = rates_of(section);
    client->max_concurrent = (uint32_t)read_whole(section, "max_concurrent");
    client->redacts = read_is(section, "redact_to_providers", "hide")      ? redacts_hides
                      : read_is(section, "redact_to_providers", "restore") ? redacts_restores
                                                                           : redacts_off;
    client->keeps_conversations = read_is(section, "conversations", "store");
    client->cells = cells(reading, snapshot, "client ", client->name, sizeof(struct client_cells));
    sessions_of_client(reading, snapshot, node, client);
    budgets_of_client(reading, snapshot, node, client);
}
