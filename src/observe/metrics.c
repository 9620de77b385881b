/* metrics.c - counting. Never takes a lock or makes a system call for a count; makes a target's block at its first use.
 * Every attempt counts exactly once: a target without a block counts as "other". */
#include "observe/metrics.h"

#include "base/check.h"
#include "base/memory.h"
#include "observe/metrics_internal.h"

const struct metrics_bounds metrics_bounds_long = {
    .count = 19,
    .most_us = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
                30000000, 60000000, 120000000, 300000000, 600000000},
    .le = {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10",
           "30", "60", "120", "300", "600"},
};

const struct metrics_bounds metrics_bounds_short = {
    .count = 13,
    .most_us = {10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000},
    .le = {"0.00001", "0.000025", "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
           "0.05", "0.1"},
};

/* One writer: load and store are enough. */
static void metrics_add(metrics_count *count, uint64_t by) {
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + by, memory_order_relaxed);
}

static void add_duration(struct metrics_durations *durations, const struct metrics_bounds *bounds, uint64_t us) {
    size_t bucket = 0;
    while (bucket < bounds->count && us > bounds->most_us[bucket]) bucket++;
    metrics_add(&durations->buckets[bucket], 1);
    metrics_add(&durations->sum_us, us);
}

struct metrics *metrics_open(const struct metrics_options *options) {
    CHECKF(options->endpoint_count <= metrics_endpoints_max, "endpoints=%zu", options->endpoint_count);
    CHECKF(options->failure_count <= metrics_failures_max, "failures=%zu", options->failure_count);
    struct metrics *metrics = memory_take_zeroed(sizeof *metrics);
    if (!metrics) return NULL;
    metrics->options = *options;
    pthread_mutex_init(&metrics->names_mutex, NULL);
    arena_init(&metrics->names_arena, 16 * 1024, 16 * 1024 * 1024);
    return metrics;
}

void metrics_alerts(struct metrics *metrics, enum alert_kind kind, uint64_t raised, uint64_t active) {
    atomic_fetch_add_explicit(&metrics->alerts_raised[kind], raised, memory_order_relaxed);
    atomic_store_explicit(&metrics->alerts_active[kind], active, memory_order_relaxed);
}

void metrics_alert_post(struct metrics *metrics, enum metrics_post outcome) {
    atomic_fetch_add_explicit(&metrics->posts[outcome], 1, memory_order_relaxed);
}

void metrics_otlp_post(struct metrics *metrics, enum metrics_signal signal, enum metrics_post outcome, size_t count) {
    atomic_fetch_add_explicit(&metrics->otlp_posts[signal][outcome], 1, memory_order_relaxed);
    if (signal == metrics_signal_traces && outcome != metrics_post_failed)
        atomic_fetch_add_explicit(&metrics->traces[outcome], count, memory_order_relaxed);
}

void metrics_loop_free(struct metrics_loop *loop) {
    for (size_t i = 0; i < limit_targets; i++)
        memory_give(atomic_load_explicit(&loop->targets[i], memory_order_acquire));
    for (size_t i = 0; i < metrics_client_places; i++)
        memory_give(atomic_load_explicit(&loop->clients[i], memory_order_acquire));
    memory_give(loop);
}

void metrics_close(struct metrics *metrics) {
    if (!metrics) return;
    for (size_t i = 0; i < atomic_load(&metrics->loop_count); i++) metrics_loop_free(atomic_load(&metrics->loops[i]));
    arena_free(&metrics->names_arena);
    pthread_mutex_destroy(&metrics->names_mutex);
    memory_give(metrics);
}

struct metrics_loop *metrics_loop_open(struct metrics *metrics) {
    pthread_mutex_lock(&metrics->names_mutex);
    size_t count = atomic_load(&metrics->loop_count);
    struct metrics_loop *loop = count < limit_loops ? memory_take_zeroed(sizeof *loop) : NULL;
    if (loop) {
        loop->metrics = metrics;
        atomic_store_explicit(&metrics->loops[count], loop, memory_order_release);
        atomic_store_explicit(&metrics->loop_count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&metrics->names_mutex);
    return loop;
}

bool metrics_target_register(struct metrics *metrics, uint32_t id, struct str provider, struct str model) {
    if (id >= limit_targets) return false;
    if (atomic_load_explicit(&metrics->names[id], memory_order_acquire)) return true;
    pthread_mutex_lock(&metrics->names_mutex);
    bool there = atomic_load(&metrics->names[id]) != NULL;
    struct metrics_name *name = there ? NULL : arena_take(&metrics->names_arena, sizeof *name);
    if (name) {
        *name = (struct metrics_name){arena_copy(&metrics->names_arena, provider),
                                      arena_copy(&metrics->names_arena, model)};
        there = name->provider.at && name->model.at;
        if (there) atomic_store_explicit(&metrics->names[id], name, memory_order_release);
    }
    pthread_mutex_unlock(&metrics->names_mutex);
    return there;
}

uint32_t metrics_client_register(struct metrics *metrics, struct str name) {
    const uint32_t other = metrics_client_places - 1;
    size_t at = str_hash(name) & (metrics_client_table - 1);
    pthread_mutex_lock(&metrics->names_mutex);
    for (; metrics->client_table[at]; at = (at + 1) & (metrics_client_table - 1))
        if (str_eq(metrics->client_names[metrics->client_table[at]], name)) break;
    uint32_t client = metrics->client_table[at], count = atomic_load(&metrics->client_count);
    if (!client && count < metrics_clients_max) {
        struct str copy = arena_copy(&metrics->names_arena, name);
        client = copy.at ? count + 1 : 0;
        if (client) metrics->client_names[client] = copy;
        if (client) metrics->client_table[at] = (uint16_t)client;
        if (client) atomic_store_explicit(&metrics->client_count, client, memory_order_release);
    }
    pthread_mutex_unlock(&metrics->names_mutex);
    return client ? client : other;
}

struct metrics_client *metrics_client_of(struct metrics_loop *loop, uint32_t client) {
    CHECKF(client < metrics_client_places, "client=%u", client);
    struct metrics_client *counts = atomic_load_explicit(&loop->clients[client], memory_order_relaxed);
    if (__builtin_expect(counts != NULL, 1)) return counts;
    counts = memory_take_zeroed(sizeof *counts);
    if (counts) atomic_store_explicit(&loop->clients[client], counts, memory_order_release);
    return counts;
}

static struct metrics_target *metrics_target_of(struct metrics_loop *loop, uint32_t id) {
    if (__builtin_expect(id >= limit_targets, 0)) return &loop->other;
    struct metrics_target *target = atomic_load_explicit(&loop->targets[id], memory_order_relaxed);
    if (__builtin_expect(target != NULL, 1)) return target;
    if (!atomic_load_explicit(&loop->metrics->names[id], memory_order_acquire)) return &loop->other;
    target = memory_take_zeroed(sizeof *target);
    if (!target) return &loop->other;
    atomic_store_explicit(&loop->targets[id], target, memory_order_release);
    return target;
}

void metrics_attempt(struct metrics_loop *loop, const struct metrics_attempt_facts *facts) {
    CHECKF((unsigned)facts->outcome < metrics_outcomes, "outcome=%d", (int)facts->outcome);
    struct metrics_target *target = metrics_target_of(loop, facts->target_id);
    metrics_add(&target->outcomes[facts->outcome], 1);
    if (facts->outcome == metrics_failed && facts->failure < metrics_failures_max)
        metrics_add(&target->failures[facts->failure], 1);
    if (facts->cache_miss && facts->cache_miss < metrics_misses_room)
        metrics_add(&target->misses[facts->cache_miss], 1);
    if (facts->failover) metrics_add(&loop->failovers, 1);
    add_duration(&target->attempt, &metrics_bounds_long, facts->duration_us);
    if (facts->first_token_us) add_duration(&target->first_token, &metrics_bounds_long, facts->first_token_us);
    if (facts->token_us) add_duration(&target->between_tokens, &metrics_bounds_long, facts->token_us);
    const uint64_t tokens[metrics_tokens] = {facts->input_tokens, facts->output_tokens, facts->cached_tokens,
                                             facts->reasoning_tokens, facts->cache_write_tokens};
    for (size_t i = 0; i < metrics_tokens; i++)
        if (tokens[i]) metrics_add(&target->tokens[i], tokens[i]);
    if (facts->cost_nano_usd > 0) metrics_add(&target->cost_nano_usd, (uint64_t)facts->cost_nano_usd);
    if (facts->cost_differs) metrics_add(&target->cost_differences, 1);
    struct metrics_client *client = metrics_client_of(loop, facts->client);
    for (size_t i = 0; i < metrics_tokens && client; i++)
        if (tokens[i]) metrics_add(&client->tokens[i], tokens[i]);
    if (client && facts->cost_nano_usd > 0) metrics_add(&client->cost_nano_usd, (uint64_t)facts->cost_nano_usd);
    if (facts->stream_events) metrics_add(&loop->stream_events, facts->stream_events);
    if (facts->stream_events_dropped) metrics_add(&loop->stream_events_dropped, facts->stream_events_dropped);
    if (facts->stream_cut) metrics_add(&loop->streams_cut, 1);
}

void metrics_request(struct metrics_loop *loop, const struct metrics_request_facts *facts) {
    CHECKF((unsigned)facts->error < error_codes, "error=%d", (int)facts->error);
    size_t endpoint = facts->endpoint < loop->metrics->options.endpoint_count ? facts->endpoint : metrics_endpoints_max;
    int status = facts->status >= 100 && facts->status <= 599 ? facts->status / 100 : 0;
    struct metrics_client *client = metrics_client_of(loop, facts->client);
    metrics_add(&loop->requests[endpoint][status][facts->error], 1);
    metrics_add(&loop->responses[endpoint][status ? facts->status - 100 : metrics_codes - 1], 1);
    if (client) metrics_add(&client->statuses[status], 1);
    add_duration(&loop->durations[endpoint], &metrics_bounds_long, facts->duration_us);
    if (facts->first_byte_us) add_duration(&loop->first_bytes[endpoint], &metrics_bounds_long, facts->first_byte_us);
    add_duration(&loop->overhead, &metrics_bounds_short, facts->overhead_us);
    if (facts->caller_gone) metrics_add(&loop->callers_gone, 1);
    if (facts->cache != metrics_cache_off) metrics_add(&loop->caches[facts->cache], 1);
    if (facts->semantic != metrics_semantic_off) metrics_add(&loop->semantics[facts->semantic], 1);
    if (facts->compared != metrics_compared_not) metrics_add(&loop->compared[facts->compared], 1);
    if (facts->saved_nano_usd > 0) metrics_add(&loop->cache_saved, (uint64_t)facts->saved_nano_usd);
    if (facts->is_fallback) metrics_add(&loop->fallbacks, 1);
    if (facts->tool_loop) metrics_add(&loop->tool_loops, 1);
    if (facts->attempts == 0 && facts->error != error_none) metrics_refused(loop, facts->error);
}

void metrics_refused(struct metrics_loop *loop, enum error_code code) {
    CHECKF((unsigned)code < error_codes, "code=%d", (int)code);
    metrics_add(&loop->refused[code], 1);
}

void metrics_gauge_set(struct metrics_loop *loop, enum metrics_gauge gauge, uint64_t value) {
    CHECKF((unsigned)gauge < metrics_gauges, "gauge=%d", (int)gauge);
    atomic_store_explicit(&loop->gauges[gauge], value, memory_order_relaxed);
}
