/* prometheus.c - /metrics in the Prometheus text exposition format 0.0.4, and docs/metrics.md, from the table of
 * families. Every family is announced, also when nothing was counted; a label's value is escaped and always UTF-8. */
#include "observe/metrics_internal.h"

struct family {
    struct str name, type, labels, help;
};

static const struct family families[metrics_families] = {
#define X(id, name, type, labels, help) \
    {{name, sizeof name - 1}, {#type, sizeof #type - 1}, {labels, sizeof labels - 1}, {help, sizeof help - 1}},
    METRICS_FAMILIES(X)
#undef X
};

static const struct str outcome_names[metrics_outcomes] = {{"succeeded", 9}, {"failed", 6}, {"cancelled", 9}};
static const struct str direction_names[metrics_tokens] = {
    {"input", 5}, {"output", 6}, {"cached", 6}, {"reasoning", 9}, {"cache_write", 11}};
static const struct str status_names[metrics_statuses] = {{"none", 4}, {"1xx", 3}, {"2xx", 3},
                                                          {"3xx", 3},  {"4xx", 3}, {"5xx", 3}};

struct label {
    const char *name;
    struct str value;
};

static void put_label_value(struct text *text, struct str value) {
    bool utf8 = str_is_utf8(value);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '\\')
            text_put(text, STR("\\\\"));
        else if (c == '"')
            text_put(text, STR("\\\""));
        else if (c == '\n')
            text_put(text, STR("\\n"));
        else if (!utf8 && ((unsigned char)c & 0x80))
            text_put(text, STR("\xef\xbf\xbd"));
        else
            text_put_byte(text, c);
    }
}

/* name{labels} and a blank; `le` is the last label of a bucket, or NULL. */
static void put_series(struct text *text, enum metrics_family family, const char *suffix, const struct label *labels,
                       size_t count, const char *le) {
    text_put(text, families[family].name);
    text_put(text, str_from(suffix));
    if (count || le) text_put_byte(text, '{');
    for (size_t i = 0; i < count; i++) {
        if (i) text_put_byte(text, ',');
        text_put(text, str_from(labels[i].name));
        text_put(text, STR("=\""));
        put_label_value(text, labels[i].value);
        text_put_byte(text, '"');
    }
    if (le) text_printf(text, "%sle=\"%s\"", count ? "," : "", le);
    if (count || le) text_put_byte(text, '}');
    text_put_byte(text, ' ');
}

static void put_count(struct text *text, enum metrics_family family, const struct label *labels, size_t count,
                      uint64_t value) {
    put_series(text, family, "", labels, count, NULL);
    text_put_u64(text, value);
    text_put_byte(text, '\n');
}

/* A number of billionths or millionths as a decimal. */
static void put_fraction(struct text *text, uint64_t value, uint64_t parts, int places) {
    text_printf(text, "%llu.%0*llu\n", (unsigned long long)(value / parts), places,
                (unsigned long long)(value % parts));
}

static void put_durations(struct text *text, enum metrics_family family, const struct label *labels, size_t count,
                          const struct metrics_durations *durations, const struct metrics_bounds *bounds) {
    uint64_t seen = 0;
    for (size_t i = 0; i < bounds->count; i++) {
        seen += metrics_read(&durations->buckets[i]);
        put_series(text, family, "_bucket", labels, count, bounds->le[i]);
        text_put_u64(text, seen);
        text_put_byte(text, '\n');
    }
    seen += metrics_read(&durations->buckets[bounds->count]);
    put_series(text, family, "_bucket", labels, count, "+Inf");
    text_put_u64(text, seen);
    text_put_byte(text, '\n');
    put_series(text, family, "_sum", labels, count, NULL);
    put_fraction(text, metrics_read(&durations->sum_us), 1000000, 6);
    put_series(text, family, "_count", labels, count, NULL);
    text_put_u64(text, seen);
    text_put_byte(text, '\n');
}

static void prometheus_put_requests(struct text *text, const struct metrics *metrics, const struct metrics_loop *sum) {
    for (size_t endpoint = 0; endpoint <= metrics_endpoints_max; endpoint++)
        for (size_t status = 0; status < metrics_statuses; status++)
            for (size_t code = 0; code < error_codes; code++) {
                uint64_t value = metrics_read(&sum->requests[endpoint][status][code]);
                if (!value) continue;
                const struct label labels[] = {{"endpoint", metrics_endpoint_name(metrics, endpoint)},
                                               {"status", status_names[status]},
                                               {"code", error_name((enum error_code)code)}};
                put_count(text, metrics_family_requests, labels, 3, value);
            }
}

static void put_responses(struct text *text, const struct metrics *metrics, const struct metrics_loop *sum) {
    for (size_t endpoint = 0; endpoint <= metrics_endpoints_max; endpoint++)
        for (size_t code = 0; code < metrics_codes; code++) {
            char digits[8];
            uint64_t value = metrics_read(&sum->responses[endpoint][code]);
            if (!value) continue;
            struct text status = text_in_buffer(digits, sizeof digits);
            if (code < metrics_codes - 1)
                text_put_u64(&status, code + 100);
            else
                text_put(&status, STR("none"));
            const struct label labels[] = {{"endpoint", metrics_endpoint_name(metrics, endpoint)},
                                           {"status", text_str(&status)}};
            put_count(text, metrics_family_responses, labels, 2, value);
        }
}

static struct str client_name_of(const struct metrics *metrics, size_t number) {
    return number == 0                           ? STR("(none)")
           : number == metrics_client_places - 1 ? STR("(other)")
                                                 : metrics->client_names[number];
}

static void put_client(struct text *text, enum metrics_family family, struct str name,
                       const struct metrics_client *counts) {
    struct label labels[2] = {{"client", name}, {"", STR_NONE}};
    for (size_t i = 0; i < metrics_statuses && family == metrics_family_client_requests; i++) {
        labels[1] = (struct label){"status", status_names[i]};
        uint64_t value = metrics_read(&counts->statuses[i]);
        if (value) put_count(text, family, labels, 2, value);
    }
    for (size_t i = 0; i < metrics_tokens && family == metrics_family_client_tokens; i++) {
        labels[1] = (struct label){"direction", direction_names[i]};
        put_count(text, family, labels, 2, metrics_read(&counts->tokens[i]));
    }
    if (family != metrics_family_client_cost) return;
    put_series(text, family, "", labels, 1, NULL);
    put_fraction(text, metrics_read(&counts->cost_nano_usd), 1000000000, 9);
}

static void put_clients(struct text *text, enum metrics_family family, const struct metrics *metrics,
                        const struct metrics_loop *sum) {
    for (size_t i = 0; i < metrics_client_places; i++) {
        const struct metrics_client *counts = atomic_load_explicit(&sum->clients[i], memory_order_relaxed);
        if (counts) put_client(text, family, client_name_of(metrics, i), counts);
    }
}

static void put_provider(struct text *text, enum metrics_family family, const struct metrics_provider *provider) {
    const struct {
        struct str state;
        unsigned count;
    } keys[] = {{STR("ready"), provider->keys_ready},
                {STR("limited"), provider->keys_limited},
                {STR("refused"), provider->keys_refused},
                {STR("quota_exhausted"), provider->keys_quota_exhausted}};
    struct label labels[2] = {{"provider", provider->name}, {"state", STR_NONE}};
    if (family == metrics_family_provider_health) {
        put_series(text, family, "", labels, 1, NULL);
        text_printf(text, "%.3f\n", provider->score);
        return;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys && family == metrics_family_provider_keys; i++) {
        labels[1].value = keys[i].state;
        put_count(text, family, labels, 2, keys[i].count);
    }
    if (family == metrics_family_provider_quota_used || family == metrics_family_provider_quota_limit) {
        bool used = family == metrics_family_provider_quota_used;
        for (size_t i = 0; i < provider->quota_count; i++) {
            labels[1] = (struct label){"quota", provider->quotas[i].name};
            put_count(text, family, labels, 2, used ? provider->quotas[i].used : provider->quotas[i].limit);
        }
        return;
    }
    labels[1].value = family == metrics_family_provider_state ? provider->state : provider->breaker;
    if (family != metrics_family_provider_keys) put_count(text, family, labels, 2, 1);
}

static void put_request_durations(struct text *text, enum metrics_family family, const struct metrics *metrics,
                                  const struct metrics_durations *durations) {
    for (size_t endpoint = 0; endpoint <= metrics_endpoints_max; endpoint++) {
        if (!metrics_durations_count(&durations[endpoint])) continue;
        const struct label label = {"endpoint", metrics_endpoint_name(metrics, endpoint)};
        put_durations(text, family, &label, 1, &durations[endpoint], &metrics_bounds_long);
    }
}

static void put_refused(struct text *text, const struct metrics_loop *sum) {
    for (size_t code = 0; code < error_codes; code++) {
        const struct label label = {"code", error_name((enum error_code)code)};
        uint64_t value = metrics_read(&sum->refused[code]);
        if (value) put_count(text, metrics_family_refused, &label, 1, value);
    }
}

static void put_failures(struct text *text, const struct metrics *metrics, const struct metrics_view *view) {
    for (size_t i = 0; i < view->target_count; i++) {
        if (view->targets[i].provider_first != i) continue;
        for (size_t kind = 0; kind < metrics_failures_max; kind++) {
            uint64_t value = 0;
            for (size_t j = i; j < view->target_count; j++)
                if (view->targets[j].provider_first == i)
                    value += metrics_read(&view->targets[j].counts->failures[kind]);
            if (!value) continue;
            const struct label labels[] = {{"provider", view->targets[i].provider},
                                           {"kind", metrics_failure_name(metrics, kind)}};
            put_count(text, metrics_family_attempt_failures, labels, 2, value);
        }
    }
}

/* The series of one target in a family of targets. */
static void prometheus_put_target(struct text *text, enum metrics_family family,
                                  const struct metrics_view_target *target) {
    const struct metrics_target *counts = target->counts;
    struct label labels[3] = {{"provider", target->provider}, {"model", target->model}, {"", STR_NONE}};
    switch (family) {
    case metrics_family_attempts:
        for (size_t i = 0; i < metrics_outcomes; i++) {
            labels[2] = (struct label){"outcome", outcome_names[i]};
            put_count(text, family, labels, 3, metrics_read(&counts->outcomes[i]));
        }
        break;
    case metrics_family_tokens:
        for (size_t i = 0; i < metrics_tokens; i++) {
            labels[2] = (struct label){"direction", direction_names[i]};
            put_count(text, family, labels, 3, metrics_read(&counts->tokens[i]));
        }
        break;
    case metrics_family_cost:
        put_series(text, family, "", labels, 2, NULL);
        put_fraction(text, metrics_read(&counts->cost_nano_usd), 1000000000, 9);
        break;
    case metrics_family_cost_differences:
        put_count(text, family, labels, 2, metrics_read(&counts->cost_differences));
        break;
    case metrics_family_attempt_duration:
        put_durations(text, family, labels, 2, &counts->attempt, &metrics_bounds_long);
        break;
    case metrics_family_between_tokens:
        if (metrics_durations_count(&counts->between_tokens))
            put_durations(text, family, labels, 2, &counts->between_tokens, &metrics_bounds_long);
        break;
    default:
        if (metrics_durations_count(&counts->first_token))
            put_durations(text, family, labels, 2, &counts->first_token, &metrics_bounds_long);
        break;
    }
}

static void put_misses(struct text *text, const struct metrics *metrics, const struct metrics_view_target *target) {
    struct label labels[3] = {{"provider", target->provider}, {"model", target->model}, {"", STR_NONE}};
    for (size_t i = 1; i < metrics_misses_room && i < metrics->options.miss_count; i++) {
        uint64_t value = metrics_read(&target->counts->misses[i]);
        labels[2] = (struct label){"reason", metrics->options.miss_names[i]};
        if (value) put_count(text, metrics_family_prompt_cache_misses, labels, 3, value);
    }
}

static void put_connections(struct text *text, enum metrics_family family, const struct metrics_loop *sum) {
    uint64_t idle = metrics_read(&sum->gauges[metrics_upstream_idle]),
             busy = metrics_read(&sum->gauges[metrics_upstream_busy]);
    bool sides = family == metrics_family_connections;
    const char *name = sides ? "side" : "state";
    const struct label first = {name, sides ? STR("caller") : STR("idle")},
                       second = {name, sides ? STR("provider") : STR("busy")};
    put_count(text, family, &first, 1, sides ? metrics_read(&sum->gauges[metrics_caller_connections]) : idle);
    put_count(text, family, &second, 1, sides ? idle + busy : busy);
}

static void put_process(struct text *text, enum metrics_family family, const struct metrics *metrics,
                        const struct metrics_process *process) {
    if (family == metrics_family_resident_memory) {
        put_count(text, family, NULL, 0, process->resident_bytes);
    } else if (family == metrics_family_open_fds) {
        put_count(text, family, NULL, 0, process->open_fds);
    } else {
        put_series(text, family, "", NULL, 0, NULL);
        if (family == metrics_family_cpu)
            put_fraction(text, process->cpu_us, 1000000, 6);
        else
            put_fraction(text, (uint64_t)metrics->options.started_wall_ns / 1000000, 1000, 3);
    }
}

static void put_alerts(struct text *text, enum metrics_family family, const struct metrics *metrics) {
    static const struct str outcomes[metrics_posts] = {STR("delivered"), STR("failed"), STR("dropped")};
    bool posts = family == metrics_family_alert_posts;
    for (size_t i = 0; i < (posts ? (size_t)metrics_posts : (size_t)alert_kinds); i++) {
        const struct label label = {posts ? "outcome" : "kind",
                                    posts ? outcomes[i] : alert_kind_facts((enum alert_kind)i)->name};
        put_count(text, family, &label, 1,
                  metrics_read(posts                             ? &metrics->posts[i]
                               : family == metrics_family_alerts ? &metrics->alerts_raised[i]
                                                                 : &metrics->alerts_active[i]));
    }
}

static void prometheus_put_budget(struct text *text, enum metrics_family family, const struct metrics_budget *budget) {
    char digits[17];
    struct text id = text_in_buffer(digits, sizeof digits);
    text_printf(&id, "%016llx", (unsigned long long)budget->id);
    const struct label labels[] = {{"owner", budget->owner}, {"budget", budget->name}, {"id", text_str(&id)}};
    put_series(text, family, "", labels, 3, NULL);
    put_fraction(text,
                 family == metrics_family_budget_spent      ? budget->spent_nano_usd
                 : family == metrics_family_budget_reserved ? budget->reserved_nano_usd
                                                            : budget->limit_nano_usd,
                 1000000000, 9);
}

static void prometheus_put_otlp(struct text *text, enum metrics_family family, const struct metrics *metrics) {
    static const struct str outcomes[metrics_posts] = {STR("delivered"), STR("failed"), STR("dropped")};
    static const struct str signals[metrics_signals] = {STR("traces"), STR("metrics")};
    if (family == metrics_family_traces) {
        const struct label labels[] = {{"outcome", outcomes[metrics_post_delivered]},
                                       {"outcome", outcomes[metrics_post_dropped]}};
        uint64_t unsent = metrics->options.spans ? spans_dropped(metrics->options.spans) : 0;
        put_count(text, family, &labels[0], 1, metrics_read(&metrics->traces[metrics_post_delivered]));
        put_count(text, family, &labels[1], 1, metrics_read(&metrics->traces[metrics_post_dropped]) + unsent);
        return;
    }
    for (size_t signal = 0; signal < metrics_signals; signal++)
        for (size_t i = 0; i < metrics_posts; i++) {
            const struct label labels[] = {{"signal", signals[signal]}, {"outcome", outcomes[i]}};
            put_count(text, family, labels, 2, metrics_read(&metrics->otlp_posts[signal][i]));
        }
}

static void put_semantics(struct text *text, enum metrics_family family, const struct metrics_loop *sum) {
    static const struct str outcomes[metrics_semantics] = {
        [metrics_semantic_failed] = STR("failed"),   [metrics_semantic_far] = STR("far"),
        [metrics_semantic_differs] = STR("differs"), [metrics_semantic_gone] = STR("gone"),
        [metrics_semantic_hit] = STR("hit"),         [metrics_semantic_checked] = STR("checked")};
    for (size_t i = metrics_semantic_failed; i < metrics_semantics; i++) {
        const struct label label = {"outcome", outcomes[i]};
        put_count(text, family, &label, 1, metrics_read(&sum->semantics[i]));
    }
}

static void put_compared(struct text *text, enum metrics_family family, const struct metrics_loop *sum) {
    static const struct str outcomes[metrics_compareds] = {
        [metrics_compared_same] = STR("same"), [metrics_compared_false] = STR("false")};
    for (size_t i = metrics_compared_same; i < metrics_compareds; i++) {
        const struct label label = {"outcome", outcomes[i]};
        put_count(text, family, &label, 1, metrics_read(&sum->compared[i]));
    }
}

static void put_caches(struct text *text, enum metrics_family family, const struct metrics_loop *sum) {
    static const struct str outcomes[metrics_caches] = {[metrics_cache_bypass] = STR("bypass"),
                                                        [metrics_cache_miss] = STR("miss"),
                                                        [metrics_cache_hit] = STR("hit"),
                                                        [metrics_cache_shared] = STR("shared"),
                                                        [metrics_cache_stale] = STR("stale")};
    for (size_t i = metrics_cache_bypass; i < metrics_caches; i++) {
        const struct label label = {"outcome", outcomes[i]};
        put_count(text, family, &label, 1, metrics_read(&sum->caches[i]));
    }
}

/* long: table */
static void put_family(struct text *text, enum metrics_family family, const struct metrics *metrics,
                       const struct metrics_view *view, const struct metrics_process *process,
                       const struct metrics_moment *moment) {
    const struct metrics_loop *sum = view->sum;
    const struct label version = {"version", metrics->options.version};
    switch (family) {
    case metrics_family_requests: prometheus_put_requests(text, metrics, sum); break;
    case metrics_family_responses: put_responses(text, metrics, sum); break;
    case metrics_family_client_requests:
    case metrics_family_client_tokens:
    case metrics_family_client_cost: put_clients(text, family, metrics, sum); break;
    case metrics_family_provider_health:
    case metrics_family_provider_state:
    case metrics_family_provider_breaker:
    case metrics_family_provider_keys:
    case metrics_family_provider_quota_used:
    case metrics_family_provider_quota_limit:
        for (size_t i = 0; i < moment->provider_count; i++) put_provider(text, family, &moment->providers[i]);
        break;
    case metrics_family_alerts:
    case metrics_family_alerts_active:
    case metrics_family_alert_posts: put_alerts(text, family, metrics); break;
    case metrics_family_traces:
    case metrics_family_otlp_posts: prometheus_put_otlp(text, family, metrics); break;
    case metrics_family_refused: put_refused(text, sum); break;
    case metrics_family_tool_loops: put_count(text, family, NULL, 0, metrics_read(&sum->tool_loops)); break;
    case metrics_family_fallbacks: put_count(text, family, NULL, 0, metrics_read(&sum->fallbacks)); break;
    case metrics_family_cache: put_caches(text, family, sum); break;
    case metrics_family_semantic: put_semantics(text, family, sum); break;
    case metrics_family_semantic_compared: put_compared(text, family, sum); break;
    case metrics_family_cache_saved:
        put_series(text, family, "", NULL, 0, NULL);
        put_fraction(text, metrics_read(&sum->cache_saved), 1000000000, 9);
        break;
    case metrics_family_callers_gone: put_count(text, family, NULL, 0, metrics_read(&sum->callers_gone)); break;
    case metrics_family_request_duration: put_request_durations(text, family, metrics, sum->durations); break;
    case metrics_family_first_byte: put_request_durations(text, family, metrics, sum->first_bytes); break;
    case metrics_family_budget_spent:
    case metrics_family_budget_reserved:
    case metrics_family_budget_limit:
        for (size_t i = 0; i < moment->budget_count; i++) prometheus_put_budget(text, family, &moment->budgets[i]);
        break;
    case metrics_family_overhead: put_durations(text, family, NULL, 0, &sum->overhead, &metrics_bounds_short); break;
    case metrics_family_in_flight:
        put_count(text, family, NULL, 0, metrics_read(&sum->gauges[metrics_in_flight]));
        break;
    case metrics_family_attempt_failures: put_failures(text, metrics, view); break;
    case metrics_family_failovers: put_count(text, family, NULL, 0, metrics_read(&sum->failovers)); break;
    case metrics_family_prompt_cache_misses:
        for (size_t i = 0; i < view->target_count; i++) put_misses(text, metrics, &view->targets[i]);
        break;
    case metrics_family_attempts:
    case metrics_family_attempt_duration:
    case metrics_family_first_token:
    case metrics_family_between_tokens:
    case metrics_family_tokens:
    case metrics_family_cost:
    case metrics_family_cost_differences:
        for (size_t i = 0; i < view->target_count; i++) prometheus_put_target(text, family, &view->targets[i]);
        break;
    case metrics_family_stream_events: put_count(text, family, NULL, 0, metrics_read(&sum->stream_events)); break;
    case metrics_family_stream_events_dropped:
        put_count(text, family, NULL, 0, metrics_read(&sum->stream_events_dropped));
        break;
    case metrics_family_streams_cut: put_count(text, family, NULL, 0, metrics_read(&sum->streams_cut)); break;
    case metrics_family_streams_open:
        put_count(text, family, NULL, 0, metrics_read(&sum->gauges[metrics_streams_open]));
        break;
    case metrics_family_memory_held:
        put_count(text, family, NULL, 0, metrics_read(&sum->gauges[metrics_memory_held]));
        break;
    case metrics_family_connections:
    case metrics_family_upstream_connections: put_connections(text, family, sum); break;
    case metrics_family_upstream_replaced:
        put_count(text, family, NULL, 0, metrics_read(&sum->gauges[metrics_upstream_replaced]));
        break;
    case metrics_family_log_dropped: put_count(text, family, NULL, 0, view->log_dropped); break;
    case metrics_family_build_info: put_count(text, family, &version, 1, 1); break;
    case metrics_family_resident_memory:
    case metrics_family_cpu:
    case metrics_family_open_fds:
    case metrics_family_start_time: put_process(text, family, metrics, process); break;
    case metrics_family_series:
    case metrics_family_series_limit:
    case metrics_family_series_left_out:
    case metrics_families: break; /* metrics_write knows */
    }
}

static size_t series_in(struct str lines) {
    size_t count = 0;
    for (size_t at = 0; at < lines.len; at++) count += lines.at[at] == '\n';
    return count;
}

static void family_announce(struct text *text, enum metrics_family family) {
    text_put(text, STR("# HELP "));
    text_put(text, families[family].name);
    text_put_byte(text, ' ');
    text_put(text, families[family].help);
    text_put(text, STR("\n# TYPE "));
    text_put(text, families[family].name);
    text_put_byte(text, ' ');
    text_put(text, families[family].type);
    text_put_byte(text, '\n');
}

/* Whole families only: half a histogram is none. */
void metrics_write(const struct metrics *metrics, const struct metrics_moment *moment, struct text *text) {
    size_t most = metrics->options.series_max ? metrics->options.series_max : (size_t)metrics_series_max;
    size_t shown = 0, left_out = 0;
    struct metrics_view view;
    if (!metrics_view_make(&view, metrics)) {
        text->failed = true;
        return;
    }
    struct metrics_process process = metrics_process_read();
    for (size_t i = 0; i < metrics_families; i++) {
        enum metrics_family family = (enum metrics_family)i;
        family_announce(text, family);
        size_t before = text->len;
        put_family(text, family, metrics, &view, &process, moment);
        size_t count = text->failed ? 0 : series_in(str_slice(text_str(text), before, text->len));
        bool fits = shown + count <= most;
        if (!fits) text->len = before;
        *(fits ? &shown : &left_out) += count;
        if (family == metrics_family_series) put_count(text, family, NULL, 0, shown);
        if (family == metrics_family_series_limit) put_count(text, family, NULL, 0, most);
        if (family == metrics_family_series_left_out) put_count(text, family, NULL, 0, left_out);
    }
    metrics_view_free(&view);
}

static void put_bounds(struct text *text, const struct metrics_bounds *bounds) {
    for (size_t i = 0; i < bounds->count; i++) {
        if (i) text_put(text, STR(", "));
        text_put(text, str_from(bounds->le[i]));
    }
}

void metrics_write_docs(struct text *text) {
    text_put(text,
             STR("# Metrics\n\n"
                 "`GET /metrics` answers in the Prometheus text format 0.0.4. Open on loopback, else for operators, "
                 "unless `metrics: public`.\n"
                 "This page is made from the same table as the answer (`src/observe/metrics_families.h`); a unit test "
                 "compares them.\n\n"
                 "| name | type | labels | what it counts |\n|---|---|---|---|\n"));
    for (size_t i = 0; i < metrics_families; i++) {
        text_put(text, STR("| `"));
        text_put(text, families[i].name);
        text_put(text, STR("` | "));
        text_put(text, families[i].type);
        text_put(text, STR(" | "));
        text_put(text, families[i].labels);
        text_put(text, STR(" | "));
        text_put(text, families[i].help);
        text_put(text, STR(" |\n"));
    }
    text_put(text, STR("\nBuckets, in seconds, upper bound included. `weir_overhead_seconds`: "));
    put_bounds(text, &metrics_bounds_short);
    text_put(text, STR(". All others: "));
    put_bounds(text, &metrics_bounds_long);
    text_printf(
        text,
        ".\n\nCounters begin at 0 when the process starts and never go back; a reload of the configuration keeps them. "
        "The number of\n"
        "series is bounded: `endpoint`, `code` and `kind` come from fixed tables, after %d targets (a provider and "
        "a model) within\n"
        "one process further ones count as provider `(other)`, after %d clients as client `(other)`; callers without a "
        "key are `(none)`; a model that no list knows is its provider's `(other)`; of budgets the first %d are shown; "
        "of all series at most %d, which `weir_metrics_series_left_out` watches. `code` is one of the error codes "
        "that callers see; "
        "`kind` is one of the\n"
        "failures that `weir explain` shows. `cached` tokens are part of `input`, `reasoning` tokens of `output`.\n\n"
        "A dashboard for Grafana stands in `contrib/grafana/weir.json`, alert rules for Prometheus in "
        "`contrib/prometheus/weir.rules.yml`; a test compares the metrics that they name with this table. The same "
        "families go to an OpenTelemetry collector with `traces.metrics` ([traces.md](traces.md)).\n",
        limit_targets, metrics_clients_max, metrics_budgets_max, metrics_series_max);
}
