/* metrics_internal.h - how the counts lie in memory. Between the metrics' own files: metrics.c writes, prometheus.c
 * reads.
 */
#ifndef WEIR_OBSERVE_METRICS_INTERNAL_H
#define WEIR_OBSERVE_METRICS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "observe/metrics.h"
#include "observe/metrics_families.h"

typedef _Atomic uint64_t metrics_count;

enum {
    metrics_bounds_max = 20,
    metrics_statuses = 6,
    metrics_tokens = 5,
    metrics_codes = 501,                             /* exact statuses, from 100; the last: none */
    metrics_client_places = metrics_clients_max + 2, /* 0: without a key; the last: further ones */
    metrics_client_table = 4096,                     /* places to find a name by its hash */
    metrics_misses_room = 16,                        /* why a prompt cache missed (base/meter.h) */
};

/* Upper bounds of buckets, rising. A value equal to a bound falls in its bucket, so that every `le` is exact. */
struct metrics_bounds {
    size_t count;
    uint64_t most_us[metrics_bounds_max];
    const char *le[metrics_bounds_max]; /* the same in seconds, as it is shown */
};

extern const struct metrics_bounds metrics_bounds_long;  /* 0.0005 .. 600 s */
extern const struct metrics_bounds metrics_bounds_short; /* 0.00001 .. 0.1 s */

/* One writer. The number of values is the sum of the buckets, so that a reader in mid write sees a histogram that adds
 * up. */
struct metrics_durations {
    metrics_count sum_us;
    metrics_count buckets[metrics_bounds_max + 1]; /* each its own values; the last is past every bound */
};

struct metrics_target {
    metrics_count outcomes[metrics_outcomes];
    metrics_count failures[metrics_failures_max];
    metrics_count misses[metrics_misses_room];
    metrics_count tokens[metrics_tokens]; /* input, output, cached, reasoning, cache_write */
    metrics_count cost_nano_usd, cost_differences;
    struct metrics_durations attempt, first_token, between_tokens;
};

struct metrics_client {
    metrics_count statuses[metrics_statuses];
    metrics_count tokens[metrics_tokens];
    metrics_count cost_nano_usd;
};

struct metrics_loop {
    struct metrics *metrics;
    metrics_count responses[metrics_endpoints_max + 1][metrics_codes];
    _Atomic(struct metrics_client *) clients[metrics_client_places]; /* published by the loop, freed at close */
    metrics_count requests[metrics_endpoints_max + 1][metrics_statuses]
                          [error_codes]; /* the last endpoint: other; status class 0: none */
    struct metrics_durations durations[metrics_endpoints_max + 1], first_bytes[metrics_endpoints_max + 1];
    struct metrics_durations overhead;
    metrics_count refused[error_codes];
    metrics_count caches[metrics_caches], cache_saved, fallbacks;
    metrics_count semantics[metrics_semantics], compared[metrics_compareds];
    metrics_count callers_gone, tool_loops, failovers, stream_events, stream_events_dropped, streams_cut;
    metrics_count gauges[metrics_gauges];
    struct metrics_target other;
    _Atomic(struct metrics_target *) targets[limit_targets]; /* by id; published by the loop, freed at close */
};

struct metrics_name {
    struct str provider, model;
};

struct metrics {
    struct metrics_options options;
    pthread_mutex_t names_mutex; /* guards writes of names and loops */
    struct arena names_arena;
    _Atomic(struct metrics_name *) names[limit_targets]; /* by id; never changed once published */
    _Atomic(struct metrics_loop *) loops[limit_loops];
    _Atomic size_t loop_count;
    struct str client_names[metrics_client_places]; /* never changed once counted */
    uint16_t client_table[metrics_client_table];    /* numbers by the name's hash, open addressing; 0: free */
    _Atomic uint32_t client_count;
    metrics_count alerts_raised[alert_kinds], alerts_active[alert_kinds], posts[metrics_posts];
    metrics_count otlp_posts[metrics_signals][metrics_posts], traces[metrics_posts];
};

static inline uint64_t metrics_read(const metrics_count *count) {
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* All loops added up, for one reader. */
struct metrics_view_target {
    struct str provider, model;
    const struct metrics_target *counts; /* of sum */
    size_t provider_first;               /* the first target of the same provider */
};

struct metrics_view {
    struct metrics_loop *sum;
    struct metrics_view_target *targets; /* those that have counted something */
    size_t target_count;
    uint64_t log_dropped;
};

/* metrics.c: a client's counts on this loop, made at their first use; NULL: no memory. */
struct metrics_client *metrics_client_of(struct metrics_loop *loop, uint32_t client);
/* metrics_view.c. false: out of memory, and nothing to free. Any thread. */
bool metrics_view_make(struct metrics_view *view, const struct metrics *metrics) __attribute__((warn_unused_result));
void metrics_view_free(struct metrics_view *view);
void metrics_durations_merge(struct metrics_durations *into,
                             const struct metrics_durations *from); /* one writer of `into` */
uint64_t metrics_durations_count(const struct metrics_durations *durations);
/* The duration below which `share` of the values lie, by even spread within a bucket; 0 when there are none. */
uint64_t metrics_durations_quantile_us(const struct metrics_durations *durations, const struct metrics_bounds *bounds,
                                       double share);
struct str metrics_endpoint_name(const struct metrics *metrics, size_t endpoint);
struct str metrics_failure_name(const struct metrics *metrics, size_t failure);

void metrics_loop_free(struct metrics_loop *loop); /* metrics.c */

/* What the system says of the process; 0 where it does not say. */
struct metrics_process {
    uint64_t resident_bytes, cpu_us, open_fds;
};

/* metrics_process.c: the one place of observe that asks the system. */
struct metrics_process metrics_process_read(void);

#endif
