/* metrics_families.h - every metric family, once: X(id, name, type, labels, help). Feeds /metrics and docs/metrics.md.
 * A family is never renamed; a new one is added at the end of its group. Between the metrics' own files. */
#ifndef WEIR_OBSERVE_METRICS_FAMILIES_H
#define WEIR_OBSERVE_METRICS_FAMILIES_H

#define METRICS_FAMILIES(X)                                                                                            \
    X(requests, "weir_requests_total", counter, "endpoint, status, code",                                              \
      "Requests that are over, by the class of the status answered (none: the caller had gone) and weir's error code " \
      "(none: "                                                                                                        \
      "the provider's answer).")                                                                                       \
    X(responses, "weir_responses_total", counter, "endpoint, status", "The same requests, by the exact status.")       \
    X(refused, "weir_refused_total", counter, "code",                                                                  \
      "Requests that weir answered with an error without any attempt.")                                                \
    X(callers_gone, "weir_callers_gone_total", counter, "",                                                            \
      "Requests whose caller hung up before its answer was complete.")                                                 \
    X(tool_loops, "weir_tool_loops_total", counter, "",                                                                \
      "Requests whose history has one tool called with the same arguments as often as a `loop_guard` warns of.")       \
    X(cache, "weir_cache_requests_total", counter, "outcome",                                                          \
      "Requests that are over, by what the response cache came to: hit, miss, shared, stale, bypass.")                 \
    X(cache_saved, "weir_cache_saved_usd_total", counter, "",                                                          \
      "What the answers that hits were given had cost, where that is known, in US dollars.")                           \
    X(semantic, "weir_cache_semantic_total", counter, "outcome",                                                       \
      "Requests whose words were compared with earlier ones: hit, far, differs, gone, failed, checked (a hit that a "  \
      "provider was asked for all the same).")                                                                         \
    X(semantic_compared, "weir_cache_semantic_compared_total", counter, "outcome",                                     \
      "Of those that were checked, by what the two answers came to: same, false.")                                     \
    X(fallbacks, "weir_fallback_responses_total", counter, "",                                                         \
      "Requests that were answered with their route's fallback_response, as no target could be had.")                  \
    X(request_duration, "weir_request_duration_seconds", histogram, "endpoint",                                        \
      "From the arrival of a request's head to the end of its answer.")                                                \
    X(first_byte, "weir_first_byte_seconds", histogram, "endpoint",                                                    \
      "From the arrival of a request's head to the begin of its answer: of a stream, to its first token.")             \
    X(overhead, "weir_overhead_seconds", histogram, "", "Weir's own share of a request's time.")                       \
    X(in_flight, "weir_requests_in_flight", gauge, "", "Requests that have arrived and are not over.")                 \
    X(attempts, "weir_attempts_total", counter, "provider, model, outcome",                                            \
      "Attempts that are over: succeeded, failed, or cancelled (the caller had gone).")                                \
    X(attempt_failures, "weir_attempt_failures_total", counter, "provider, kind",                                      \
      "Attempts that failed, by what they failed of.")                                                                 \
    X(failovers, "weir_failovers_total", counter, "",                                                                  \
      "Attempts that went to another target than the attempt before them.")                                            \
    X(attempt_duration, "weir_attempt_duration_seconds", histogram, "provider, model",                                 \
      "From an attempt's start to its end.")                                                                           \
    X(first_token, "weir_first_token_seconds", histogram, "provider, model",                                           \
      "From an attempt's start to the first token of its stream.")                                                     \
    X(between_tokens, "weir_between_tokens_seconds", histogram, "provider, model",                                     \
      "Of each stream the mean time between its tokens, from its first one, as many as the provider counted.")         \
    X(tokens, "weir_tokens_total", counter, "provider, model, direction",                                              \
      "Tokens as the providers counted them: input, output, and of these cached input, what was written to a prompt "  \
      "cache, and reasoning output.")                                                                                  \
    X(prompt_cache_misses, "weir_prompt_cache_misses_total", counter, "provider, model, reason",                       \
      "Answers whose provider read less of the prompt from its cache than it should have: by its own word where it "   \
      "says why (model_changed, system_changed, tools_changed, messages_changed, options_changed, key_changed, "       \
      "not_found), else, where affinity is on, first_use, lifetime_over, target_changed or prefix_changed.")           \
    X(cost, "weir_cost_usd_total", counter, "provider, model",                                                         \
      "Cost of the attempts whose price is known, in US dollars.")                                                     \
    X(cost_differences, "weir_cost_differences_total", counter, "provider, model",                                     \
      "Attempts whose provider told another cost than weir's own by more than 1%.")                                    \
    X(client_requests, "weir_client_requests_total", counter, "client, status",                                        \
      "Requests that are over, by client and class of status.")                                                        \
    X(client_tokens, "weir_client_tokens_total", counter, "client, direction",                                         \
      "Tokens of each client's attempts, as the providers counted them.")                                              \
    X(client_cost, "weir_client_cost_usd_total", counter, "client",                                                    \
      "Cost of each client's attempts whose price is known, in US dollars.")                                           \
    X(provider_health, "weir_provider_health", gauge, "provider", "Its score, from 0 to 1.")                           \
    X(provider_state, "weir_provider_state", gauge, "provider, state",                                                 \
      "1 for the state that its health has now: healthy, degraded, unhealthy or maintenance.")                         \
    X(provider_breaker, "weir_provider_breaker", gauge, "provider, state",                                             \
      "1 for the state of its circuit breaker, the worst of its targets': closed, half_open or open.")                 \
    X(provider_keys, "weir_provider_keys", gauge, "provider, state",                                                   \
      "Its keys: ready, limited, refused by the provider, or without quota.")                                          \
    X(provider_quota_used, "weir_provider_quota_used", gauge, "provider, quota",                                       \
      "What counts in the window of now of each quota: requests_per_day, ...")                                         \
    X(provider_quota_limit, "weir_provider_quota_limit", gauge, "provider, quota", "Each quota itself.")               \
    X(budget_spent, "weir_budget_spent_usd", gauge, "owner, budget, id",                                               \
      "What was spent in the window of now of each budget of the configuration that is not split, in US dollars.")     \
    X(budget_reserved, "weir_budget_reserved_usd", gauge, "owner, budget, id", "What requests under way hold of it.")  \
    X(budget_limit, "weir_budget_limit_usd", gauge, "owner, budget, id", "Its sum now.")                               \
    X(alerts, "weir_alerts_total", counter, "kind", "Alerts that were raised.")                                        \
    X(alerts_active, "weir_alerts_active", gauge, "kind", "Alerts that last.")                                         \
    X(alert_posts, "weir_alert_posts_total", counter, "outcome",                                                       \
      "Posts of alerts to the webhook: delivered, failed (and tried again), or dropped for good.")                     \
    X(traces, "weir_traces_total", counter, "outcome",                                                                 \
      "Traces that were to be sent to the collector: delivered, or dropped (the collector refused them, or took them " \
      "more slowly than they came).")                                                                                  \
    X(otlp_posts, "weir_otlp_posts_total", counter, "signal, outcome",                                                 \
      "Posts to the collector, of traces and of metrics: delivered, failed (and tried again), or dropped for good.")   \
    X(stream_events, "weir_stream_events_total", counter, "", "Events of providers' streams.")                         \
    X(stream_events_dropped, "weir_stream_events_dropped_total", counter, "",                                          \
      "Events of providers' streams that were malformed and dropped.")                                                 \
    X(streams_cut, "weir_streams_cut_total", counter, "",                                                              \
      "Streams that weir ended, as no more money could be reserved for them.")                                         \
    X(streams_open, "weir_streams_open", gauge, "", "Streams being delivered to callers.")                             \
    X(connections, "weir_connections", gauge, "side", "Open connections: with callers, with providers.")               \
    X(upstream_connections, "weir_upstream_connections", gauge, "state",                                               \
      "Connections with providers: idle in a pool, or busy.")                                                          \
    X(upstream_replaced, "weir_upstream_replaced_total", counter, "",                                                  \
      "Idle connections with providers that were found closed when a call wanted one, and passed over.")               \
    X(memory_held, "weir_memory_held_bytes", gauge, "", "Bytes that are held for callers, of max_memory_bytes.")       \
    X(log_dropped, "weir_log_dropped_total", counter, "", "Log lines dropped because the log could not keep up.")      \
    X(build_info, "weir_build_info", gauge, "version", "Always 1; the label says which version runs.")                 \
    X(resident_memory, "process_resident_memory_bytes", gauge, "", "Resident memory of the process.")                  \
    X(cpu, "process_cpu_seconds_total", counter, "", "User and system CPU time of the process.")                       \
    X(open_fds, "process_open_fds", gauge, "", "Open file descriptors of the process.")                                \
    X(start_time, "process_start_time_seconds", gauge, "", "When the process started, since 1970.")                    \
    X(series, "weir_metrics_series", gauge, "", "Series of this answer, without these three.")                         \
    X(series_limit, "weir_metrics_series_limit", gauge, "", "As many as may be.")                                      \
    X(series_left_out, "weir_metrics_series_left_out", gauge, "",                                                      \
      "Series that found no room: a family that would pass the limit is left out whole.")

enum metrics_family {
#define X(id, name, type, labels, help) metrics_family_##id,
    METRICS_FAMILIES(X)
#undef X
        metrics_families
};

#endif
