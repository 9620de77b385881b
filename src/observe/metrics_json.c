/* metrics_json.c - the same counts as one JSON object, for the library and for status. Numbers only; money as decimal
 * strings.
 */
#include "observe/metrics_internal.h"

static void put_latency(struct text *text, struct str name, const struct metrics_durations *durations,
                        const struct metrics_bounds *bounds) {
    text_json_key(text, name);
    text_put_byte(text, '{');
    text_json_u64(text, STR("count"), metrics_durations_count(durations));
    text_json_u64(text, STR("sum_us"), metrics_read(&durations->sum_us));
    text_json_u64(text, STR("p50_us"), metrics_durations_quantile_us(durations, bounds, 0.5));
    text_json_u64(text, STR("p95_us"), metrics_durations_quantile_us(durations, bounds, 0.95));
    text_json_u64(text, STR("p99_us"), metrics_durations_quantile_us(durations, bounds, 0.99));
    text_put_byte(text, '}');
}

static void put_attempts(struct text *text, const struct metrics_target *counts) {
    uint64_t all = 0;
    for (size_t i = 0; i < metrics_outcomes; i++) all += metrics_read(&counts->outcomes[i]);
    text_json_u64(text, STR("attempts"), all);
    text_json_u64(text, STR("succeeded"), metrics_read(&counts->outcomes[metrics_succeeded]));
    text_json_u64(text, STR("failed"), metrics_read(&counts->outcomes[metrics_failed]));
    text_json_u64(text, STR("cancelled"), metrics_read(&counts->outcomes[metrics_cancelled]));
}

static void put_usage(struct text *text, const uint64_t *tokens, uint64_t cost_nano_usd) {
    text_json_u64(text, STR("input_tokens"), tokens[0]);
    text_json_u64(text, STR("output_tokens"), tokens[1]);
    text_json_u64(text, STR("cached_tokens"), tokens[2]);
    text_json_u64(text, STR("reasoning_tokens"), tokens[3]);
    text_json_u64(text, STR("cache_write_tokens"), tokens[4]);
    text_json_money(text, STR("cost_usd"), (int64_t)cost_nano_usd);
}

static void metrics_json_put_target(struct text *text, const struct metrics *metrics,
                                    const struct metrics_view_target *target) {
    const struct metrics_target *counts = target->counts;
    uint64_t tokens[metrics_tokens];
    for (size_t i = 0; i < metrics_tokens; i++) tokens[i] = metrics_read(&counts->tokens[i]);
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("provider"), target->provider);
    text_json_str(text, STR("model"), target->model);
    put_attempts(text, counts);
    text_json_key(text, STR("failures"));
    text_put_byte(text, '{');
    for (size_t kind = 0; kind < metrics_failures_max; kind++) {
        uint64_t value = metrics_read(&counts->failures[kind]);
        if (value) text_json_u64(text, metrics_failure_name(metrics, kind), value);
    }
    text_put_byte(text, '}');
    put_usage(text, tokens, metrics_read(&counts->cost_nano_usd));
    put_latency(text, STR("duration"), &counts->attempt, &metrics_bounds_long);
    put_latency(text, STR("first_token"), &counts->first_token, &metrics_bounds_long);
    text_put_byte(text, '}');
}

static void metrics_json_put_requests(struct text *text, const struct metrics_loop *sum) {
    static const struct str classes[metrics_statuses] = {{"none", 4}, {"1xx", 3}, {"2xx", 3},
                                                         {"3xx", 3},  {"4xx", 3}, {"5xx", 3}};
    uint64_t by_status[metrics_statuses] = {0}, by_code[error_codes] = {0}, all = 0;
    for (size_t endpoint = 0; endpoint <= metrics_endpoints_max; endpoint++)
        for (size_t status = 0; status < metrics_statuses; status++)
            for (size_t code = 0; code < error_codes; code++) {
                uint64_t value = metrics_read(&sum->requests[endpoint][status][code]);
                by_status[status] += value;
                by_code[code] += value;
                all += value;
            }
    text_json_u64(text, STR("requests"), all);
    text_json_key(text, STR("by_status"));
    text_put_byte(text, '{');
    for (size_t i = 0; i < metrics_statuses; i++)
        if (by_status[i]) text_json_u64(text, classes[i], by_status[i]);
    text_put(text, STR("},\"errors\":{"));
    for (size_t i = error_none + 1; i < error_codes; i++)
        if (by_code[i]) text_json_u64(text, error_name((enum error_code)i), by_code[i]);
    text_put_byte(text, '}');
}

static void put_loop_counts(struct text *text, const struct metrics_loop *sum) {
    uint64_t refused = 0;
    for (size_t i = 0; i < error_codes; i++) refused += metrics_read(&sum->refused[i]);
    text_json_u64(text, STR("refused"), refused);
    text_json_u64(text, STR("callers_gone"), metrics_read(&sum->callers_gone));
    text_json_u64(text, STR("cache_hits"),
                  metrics_read(&sum->caches[metrics_cache_hit]) + metrics_read(&sum->caches[metrics_cache_shared]) +
                      metrics_read(&sum->caches[metrics_cache_stale]));
    text_json_money(text, STR("cache_saved_usd"), (int64_t)metrics_read(&sum->cache_saved));
    text_json_u64(text, STR("tool_loops"), metrics_read(&sum->tool_loops));
    text_json_u64(text, STR("failovers"), metrics_read(&sum->failovers));
    text_json_u64(text, STR("stream_events"), metrics_read(&sum->stream_events));
    text_json_u64(text, STR("stream_events_dropped"), metrics_read(&sum->stream_events_dropped));
    text_json_u64(text, STR("streams_cut"), metrics_read(&sum->streams_cut));
    text_json_u64(text, STR("in_flight"), metrics_read(&sum->gauges[metrics_in_flight]));
    text_json_u64(text, STR("streams_open"), metrics_read(&sum->gauges[metrics_streams_open]));
    text_json_u64(text, STR("caller_connections"), metrics_read(&sum->gauges[metrics_caller_connections]));
    text_json_u64(text, STR("memory_held"), metrics_read(&sum->gauges[metrics_memory_held]));
    text_json_u64(text, STR("upstream_idle"), metrics_read(&sum->gauges[metrics_upstream_idle]));
    text_json_u64(text, STR("upstream_busy"), metrics_read(&sum->gauges[metrics_upstream_busy]));
}

void metrics_write_json(const struct metrics *metrics, struct text *text) {
    struct metrics_view view;
    if (!metrics_view_make(&view, metrics)) {
        text->failed = true;
        return;
    }
    uint64_t tokens[metrics_tokens] = {0}, cost_nano_usd = 0, attempts = 0;
    struct metrics_durations durations = {0};
    for (size_t i = 0; i < view.target_count; i++) {
        const struct metrics_target *counts = view.targets[i].counts;
        for (size_t j = 0; j < metrics_tokens; j++) tokens[j] += metrics_read(&counts->tokens[j]);
        for (size_t j = 0; j < metrics_outcomes; j++) attempts += metrics_read(&counts->outcomes[j]);
        cost_nano_usd += metrics_read(&counts->cost_nano_usd);
    }
    for (size_t i = 0; i <= metrics_endpoints_max; i++) metrics_durations_merge(&durations, &view.sum->durations[i]);
    text_put_byte(text, '{');
    text_json_str(text, STR("version"), metrics->options.version);
    text_json_i64(text, STR("started_unix_ms"), metrics->options.started_wall_ns / 1000000);
    metrics_json_put_requests(text, view.sum);
    put_loop_counts(text, view.sum);
    text_json_u64(text, STR("log_dropped"), view.log_dropped);
    text_json_u64(text, STR("attempts"), attempts);
    put_usage(text, tokens, cost_nano_usd);
    put_latency(text, STR("duration"), &durations, &metrics_bounds_long);
    put_latency(text, STR("overhead"), &view.sum->overhead, &metrics_bounds_short);
    text_json_key(text, STR("targets"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < view.target_count; i++) metrics_json_put_target(text, metrics, &view.targets[i]);
    text_put(text, STR("]}"));
    metrics_view_free(&view);
}
