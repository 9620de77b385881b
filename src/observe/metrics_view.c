/* metrics_view.c - the loops' counts added up, so that what is shown stands still while it is written. Reads with
 * relaxed loads while the loops go on counting: each count is true at some moment during the reading, and never smaller
 * than the last time.
 */
#include "base/memory.h"
#include "observe/metrics_internal.h"

static void merge(metrics_count *into, const metrics_count *from, size_t count) {
    for (size_t i = 0; i < count; i++)
        atomic_store_explicit(&into[i], metrics_read(&into[i]) + metrics_read(&from[i]), memory_order_relaxed);
}

void metrics_durations_merge(struct metrics_durations *into, const struct metrics_durations *from) {
    merge(&into->sum_us, &from->sum_us, 1);
    merge(into->buckets, from->buckets, metrics_bounds_max + 1);
}

static void merge_target(struct metrics_target *into, const struct metrics_target *from) {
    merge(into->outcomes, from->outcomes, metrics_outcomes);
    merge(into->failures, from->failures, metrics_failures_max);
    merge(into->misses, from->misses, metrics_misses_room);
    merge(into->tokens, from->tokens, metrics_tokens);
    merge(&into->cost_nano_usd, &from->cost_nano_usd, 1);
    merge(&into->cost_differences, &from->cost_differences, 1);
    metrics_durations_merge(&into->attempt, &from->attempt);
    metrics_durations_merge(&into->first_token, &from->first_token);
    metrics_durations_merge(&into->between_tokens, &from->between_tokens);
}

/* false: no memory. */
static bool merge_client(struct metrics_loop *into, uint32_t number, const struct metrics_client *from) {
    struct metrics_client *sum = from ? metrics_client_of(into, number) : NULL;
    if (!sum) return from == NULL;
    merge(sum->statuses, from->statuses, metrics_statuses);
    merge(sum->tokens, from->tokens, metrics_tokens);
    merge(&sum->cost_nano_usd, &from->cost_nano_usd, 1);
    return true;
}

static bool merge_loop(struct metrics_loop *into, const struct metrics_loop *from) {
    merge(&into->requests[0][0][0], &from->requests[0][0][0], sizeof into->requests / sizeof(metrics_count));
    for (size_t i = 0; i <= metrics_endpoints_max; i++) {
        metrics_durations_merge(&into->durations[i], &from->durations[i]);
        metrics_durations_merge(&into->first_bytes[i], &from->first_bytes[i]);
    }
    metrics_durations_merge(&into->overhead, &from->overhead);
    merge(into->refused, from->refused, error_codes);
    merge(&into->callers_gone, &from->callers_gone, 1);
    merge(&into->tool_loops, &from->tool_loops, 1);
    merge(into->caches, from->caches, metrics_caches);
    merge(&into->cache_saved, &from->cache_saved, 1);
    merge(into->semantics, from->semantics, metrics_semantics);
    merge(into->compared, from->compared, metrics_compareds);
    merge(&into->fallbacks, &from->fallbacks, 1);
    merge(&into->failovers, &from->failovers, 1);
    merge(&into->stream_events, &from->stream_events, 1);
    merge(&into->stream_events_dropped, &from->stream_events_dropped, 1);
    merge(&into->streams_cut, &from->streams_cut, 1);
    merge(into->gauges, from->gauges, metrics_gauges);
    merge(&into->responses[0][0], &from->responses[0][0], sizeof into->responses / sizeof(metrics_count));
    for (uint32_t i = 0; i < metrics_client_places; i++)
        if (!merge_client(into, i, atomic_load_explicit(&from->clients[i], memory_order_acquire))) return false;
    merge_target(&into->other, &from->other);
    for (size_t i = 0; i < limit_targets; i++) {
        const struct metrics_target *target = atomic_load_explicit(&from->targets[i], memory_order_acquire);
        if (!target) continue;
        struct metrics_target *sum = atomic_load_explicit(&into->targets[i], memory_order_relaxed);
        if (!sum) {
            sum = memory_take_zeroed(sizeof *sum);
            if (!sum) return false;
            atomic_store_explicit(&into->targets[i], sum, memory_order_relaxed);
        }
        merge_target(sum, target);
    }
    return true;
}

static void view_add(struct metrics_view *view, struct str provider, struct str model,
                     const struct metrics_target *counts) {
    size_t first = 0;
    while (first < view->target_count && !str_eq(view->targets[first].provider, provider)) first++;
    view->targets[view->target_count++] =
        (struct metrics_view_target){.provider = provider, .model = model, .counts = counts, .provider_first = first};
}

static bool metrics_view_counted(const struct metrics_target *target) {
    return metrics_read(&target->outcomes[0]) || metrics_read(&target->outcomes[1]) ||
           metrics_read(&target->outcomes[2]);
}
_Static_assert(metrics_outcomes == 3, "counted looks at each outcome");

bool metrics_view_make(struct metrics_view *view, const struct metrics *metrics) {
    *view = (struct metrics_view){.sum = memory_take_zeroed(sizeof *view->sum)};
    if (!view->sum) return false;
    size_t loops = atomic_load_explicit(&metrics->loop_count, memory_order_acquire), targets = 1;
    for (size_t i = 0; i < loops; i++)
        if (!merge_loop(view->sum, atomic_load_explicit(&metrics->loops[i], memory_order_acquire))) goto fail;
    for (size_t i = 0; i < limit_targets; i++) targets += view->sum->targets[i] != NULL;
    view->targets = memory_take_zeroed(targets * sizeof *view->targets);
    if (!view->targets) goto fail;
    for (size_t i = 0; i < limit_targets; i++) {
        const struct metrics_target *target = atomic_load_explicit(&view->sum->targets[i], memory_order_relaxed);
        if (!target || !metrics_view_counted(target)) continue;
        const struct metrics_name *name = atomic_load_explicit(&metrics->names[i], memory_order_acquire);
        view_add(view, name->provider, name->model, target);
    }
    if (metrics_view_counted(&view->sum->other)) view_add(view, STR("(other)"), STR("(other)"), &view->sum->other);
    if (metrics->options.log) view->log_dropped = log_dropped(metrics->options.log);
    return true;
fail:
    metrics_view_free(view);
    return false;
}

void metrics_view_free(struct metrics_view *view) {
    metrics_loop_free(view->sum);
    memory_give(view->targets);
    *view = (struct metrics_view){.sum = NULL};
}

uint64_t metrics_durations_count(const struct metrics_durations *durations) {
    uint64_t count = 0;
    for (size_t i = 0; i <= metrics_bounds_max; i++) count += metrics_read(&durations->buckets[i]);
    return count;
}

uint64_t metrics_durations_quantile_us(const struct metrics_durations *durations, const struct metrics_bounds *bounds,
                                       double share) {
    uint64_t seen = 0, count = metrics_durations_count(durations);
    double rank = share * (double)count;
    if (count == 0) return 0;
    for (size_t i = 0; i < bounds->count; i++) {
        uint64_t here = metrics_read(&durations->buckets[i]), least = i ? bounds->most_us[i - 1] : 0;
        if (here && (double)(seen + here) >= rank)
            return least + (uint64_t)((double)(bounds->most_us[i] - least) * (rank - (double)seen) / (double)here);
        seen += here;
    }
    return bounds->most_us[bounds->count - 1];
}

struct str metrics_endpoint_name(const struct metrics *metrics, size_t endpoint) {
    return endpoint < metrics->options.endpoint_count ? metrics->options.endpoint_names[endpoint] : STR("other");
}

struct str metrics_failure_name(const struct metrics *metrics, size_t failure) {
    return failure && failure < metrics->options.failure_count ? metrics->options.failure_names[failure] : STR("other");
}
