/* metrics.h - counters, gauges and histograms for /metrics and for status. Each loop counts in a block of its own,
 * which it alone writes (relaxed atomics, no locked instruction); a reader on any thread adds the blocks up. Counts
 * never go back.
 *
 *   metrics -> loop 1 -> [ endpoint x status x code | plain counters | durations | target id -> block ]
 *           -> loop 2 -> ...                                             (made at its first use, freed at close)
 *
 * One table of families (metrics_families.h) feeds the names, the help, the types and docs/metrics.md. Cardinality is
 * bounded: endpoints, codes and kinds of failure by their tables, targets by limit_targets; ids past it count as
 * provider "other". */
#ifndef WEIR_OBSERVE_METRICS_H
#define WEIR_OBSERVE_METRICS_H

#include "base/error.h"
#include "base/text.h"
#include "observe/alert.h"
#include "observe/log.h"
#include "observe/spans.h"

enum { metrics_endpoints_max = 24, metrics_failures_max = 40, metrics_clients_max = 1000, metrics_series_max = 100000 };

/* Names come as arguments, because observe knows neither endpoints nor failures. All literals. */
struct metrics_options {
    const struct str *endpoint_names; /* by endpoint; requests that are none of them count as "other" */
    size_t endpoint_count;
    const struct str *failure_names; /* by kind; [0] is success and never shown */
    size_t failure_count;
    const struct str *miss_names; /* why a prompt cache missed; [0] is none and never shown */
    size_t miss_count;
    struct str version; /* for weir_build_info */
    int64_t started_wall_ns;
    const struct log *log;     /* for weir_log_dropped_total; may be NULL */
    const struct spans *spans; /* the same for weir_traces_total */
    size_t series_max;         /* shown at most; 0: metrics_series_max */
};

struct metrics;
struct metrics_loop;

struct metrics *metrics_open(const struct metrics_options *options) __attribute__((warn_unused_result));
/* After the last loop has counted its last. NULL is fine. */
void metrics_close(struct metrics *metrics);
/* The block of one thread. Lives as long as metrics. NULL: no memory or limit_loops reached. Any thread. */
struct metrics_loop *metrics_loop_open(struct metrics *metrics) __attribute__((warn_unused_result));
/* Names a target before it counts: at each load of a configuration; the same id always has the same names. Any thread.
 * false: no memory or id past limit_targets; it then counts as "other". */
bool metrics_target_register(struct metrics *metrics, uint32_t id, struct str provider, struct str model);

/* A client's number, for its counts: the same for the same name, as long as the process runs. Further ones than
 * metrics_clients_max have one together. Any thread. */
uint32_t metrics_client_register(struct metrics *metrics, struct str name);

enum metrics_outcome { metrics_succeeded, metrics_failed, metrics_cancelled, metrics_outcomes };

/* One attempt, settled. */
struct metrics_attempt_facts {
    uint32_t target_id;
    uint32_t client; /* of metrics_client_register; 0: one without a key */
    enum metrics_outcome outcome;
    unsigned failure; /* kind; 0: none */
    bool failover;    /* it went to another target than the attempt before it */
    uint64_t duration_us;
    uint64_t first_token_us; /* from the attempt's start; 0: there was none */
    uint64_t token_us;       /* a stream's mean time between two tokens; 0: not known */
    uint64_t input_tokens, output_tokens, cached_tokens,
        reasoning_tokens,   /* cached is part of input, reasoning of output */
        cache_write_tokens; /* of input too */
    unsigned cache_miss;    /* why its provider's prompt cache had less than it should have; 0: it had */
    int64_t cost_nano_usd;  /* below 0: not known */
    bool cost_differs;      /* the provider tells another one */
    uint64_t stream_events, stream_events_dropped;
    bool stream_cut; /* it was ended, as there was no more money to reserve for it */
};

/* As a flight's enum cached has them; the first is not counted. */
enum metrics_cache {
    metrics_cache_off,
    metrics_cache_bypass,
    metrics_cache_miss,
    metrics_cache_hit,
    metrics_cache_shared,
    metrics_cache_stale,
    metrics_caches
};

/* The nearest earlier prompt, as a flight's enum semantic_outcome has them; the first is not counted. Behind them what
 * a comparison came to. */
enum metrics_semantic {
    metrics_semantic_off,
    metrics_semantic_failed,
    metrics_semantic_far,
    metrics_semantic_differs,
    metrics_semantic_gone,
    metrics_semantic_hit,
    metrics_semantic_checked,
    metrics_semantics
};
enum metrics_compared { metrics_compared_not, metrics_compared_same, metrics_compared_false, metrics_compareds };

/* One request, over. */
struct metrics_request_facts {
    unsigned endpoint;
    uint32_t client;       /* as above */
    int status;            /* answered; 0: the caller was gone before any answer */
    enum error_code error; /* error_none: a provider's answer */
    bool caller_gone, tool_loop, is_fallback;
    unsigned attempts; /* 0 and an error: it was refused */
    enum metrics_cache cache;
    enum metrics_semantic semantic;
    enum metrics_compared compared;
    int64_t saved_nano_usd; /* of a hit; below 0: not known */
    uint64_t duration_us, overhead_us;
    uint64_t first_byte_us; /* 0: it was not answered */
};

/* The loop's own thread. */
void metrics_attempt(struct metrics_loop *loop, const struct metrics_attempt_facts *facts);
void metrics_request(struct metrics_loop *loop, const struct metrics_request_facts *facts);
/* A request that ended before it was one (a bad head, a closed door). */
void metrics_refused(struct metrics_loop *loop, enum error_code code);

/* Any thread. How many of a kind were raised since, and last now; what became of a post. */
void metrics_alerts(struct metrics *metrics, enum alert_kind kind, uint64_t raised, uint64_t active);
enum metrics_post { metrics_post_delivered, metrics_post_failed, metrics_post_dropped, metrics_posts };
void metrics_alert_post(struct metrics *metrics, enum metrics_post outcome);
/* What became of a post to a collector, with so many traces or points in it. */
enum metrics_signal { metrics_signal_traces, metrics_signal_metrics, metrics_signals };
void metrics_otlp_post(struct metrics *metrics, enum metrics_signal signal, enum metrics_post outcome, size_t count);

enum metrics_gauge {
    metrics_in_flight,
    metrics_streams_open,
    metrics_caller_connections,
    metrics_upstream_idle,
    metrics_upstream_busy,
    metrics_upstream_replaced, /* only grows */
    metrics_memory_held,       /* of the process: one loop tells */
    metrics_gauges
};
void metrics_gauge_set(struct metrics_loop *loop, enum metrics_gauge gauge, uint64_t value);

enum { metrics_quotas_max = 9 };

enum { metrics_budgets_max = 500 };

/* What is told of a budget as it is now. `id` tells it from others of the same names. */
struct metrics_budget {
    struct str owner, name;
    uint64_t id, spent_nano_usd, reserved_nano_usd, limit_nano_usd;
};

/* What is told of a provider as it is now. */
struct metrics_provider {
    struct {
        struct str name;
        uint64_t used, limit;
    } quotas[metrics_quotas_max];
    size_t quota_count;
    struct str name;
    double score;
    struct str state, breaker;
    unsigned keys_ready, keys_limited, keys_refused, keys_quota_exhausted;
};

/* What others know of the moment. */
struct metrics_moment {
    const struct metrics_provider *providers;
    size_t provider_count;
    const struct metrics_budget *budgets; /* at most metrics_budgets_max */
    size_t budget_count;
};

/* Any thread. Prometheus text format 0.0.4: text/plain; version=0.0.4; charset=utf-8. */
void metrics_write(const struct metrics *metrics, const struct metrics_moment *moment, struct text *text);
/* Totals as one JSON object: requests, attempts, tokens, cost, and each target's. */
void metrics_write_json(const struct metrics *metrics, struct text *text);
/* docs/metrics.md, from the table. */
void metrics_write_docs(struct text *text);

#endif
