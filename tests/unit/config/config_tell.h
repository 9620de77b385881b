/* config_tell.h - all that a configuration came to, as text: what is said of it, and the values that were built of it.
 * Of models that the catalogue knows only what the configuration says of them: the catalogue changes by the day. */
#ifndef WEIR_TESTS_CONFIG_TELL_H
#define WEIR_TESTS_CONFIG_TELL_H

#include "base/text.h"
#include "config/config.h"
#include "dialect/params.h"

#define TELL_NUMBER(of, name) text_printf(text, " " #name "=%lld", (long long)(of).name)
#define TELL_REAL(of, name) text_printf(text, " " #name "=%g", (double)(of).name)
#define TELL_WORDS(of, name) text_printf(text, " " #name "=`%.*s`", STR_ARG((of).name))

static inline void tell_list(struct text *text, const char *what, const struct str *list, size_t count) {
    text_printf(text, " %s=[", what);
    for (size_t i = 0; i < count; i++) text_printf(text, "%s%.*s", i ? ", " : "", STR_ARG(list[i]));
    text_put_byte(text, ']');
}

static inline void tell_targets(struct text *text, const char *what, const struct target *const *list, size_t count) {
    text_printf(text, " %s=[", what);
    for (size_t i = 0; i < count; i++) text_printf(text, "%s%.*s", i ? ", " : "", STR_ARG(list[i]->name));
    text_put_byte(text, ']');
}

static inline void tell_limiter(struct text *text, const char *what, const struct limiter_rules *rules) {
    if (rules->limit)
        text_printf(text, " %s=%llu/%llums+%llu", what, (unsigned long long)rules->limit,
                    (unsigned long long)(rules->period_ns / NS_PER_MS), (unsigned long long)rules->burst);
}

static inline void tell_rates(struct text *text, const struct rate_rules *rates, uint32_t max_concurrent) {
    tell_limiter(text, "rpm", &rates->requests_minute);
    tell_limiter(text, "rph", &rates->requests_hour);
    tell_limiter(text, "tpm", &rates->tokens_minute);
    if (max_concurrent) text_printf(text, " at_once=%u", max_concurrent);
}

/* -- money -- */

static inline void tell_budget(struct text *text, const struct money_budget *budget) {
    text_put(text, STR("\n  budget"));
    TELL_WORDS(*budget, owner), TELL_WORDS(*budget, name), TELL_NUMBER(*budget, limit_nano_usd);
    TELL_NUMBER(*budget, mode), TELL_NUMBER(*budget, over), TELL_NUMBER(*budget, unbounded);
    TELL_NUMBER(*budget, at_nano_usd), TELL_NUMBER(*budget, to_cheapest), TELL_NUMBER(*budget, window.kind);
    TELL_WORDS(*budget, zone), TELL_NUMBER(*budget, bucket_s), TELL_WORDS(*budget, length), TELL_NUMBER(*budget, per);
    TELL_WORDS(*budget, tag), TELL_WORDS(*budget, per_word), TELL_NUMBER(*budget, from_history);
    TELL_NUMBER(*budget, own), TELL_NUMBER(*budget, limits.count), TELL_NUMBER(*budget, value_most);
    text_printf(text, " sums=%d%d%d", budget->spend != NULL, budget->rolling != NULL, budget->values != NULL);
    tell_list(text, "models", budget->models, budget->model_count);
    tell_list(text, "routes", budget->routes, budget->route_count);
    tell_targets(text, "to", budget->to, budget->to_count);
}

static inline void tell_budgets(struct text *text, const struct money_budgets *budgets) {
    for (size_t i = 0; i < budgets->count; i++) tell_budget(text, budgets->list[i]);
}

static inline void tell_limits(struct text *text, const struct rate_limits *limits) {
    for (size_t i = 0; i < limits->count; i++) {
        const struct rate_limit *limit = limits->list[i];
        text_put(text, STR("\n  limit"));
        TELL_WORDS(*limit, owner), TELL_WORDS(*limit, name), TELL_NUMBER(*limit, per), TELL_WORDS(*limit, tag);
        TELL_WORDS(*limit, per_word), TELL_NUMBER(*limit, own), TELL_NUMBER(*limit, limits.count);
        TELL_NUMBER(*limit, value_most);
        tell_rates(text, &limit->rules.rates, limit->rules.max_concurrent);
        tell_list(text, "models", limit->models, limit->model_count);
        tell_list(text, "routes", limit->routes, limit->route_count);
    }
}

static inline void tell_caps(struct text *text, const struct session_caps *caps) {
    TELL_NUMBER(*caps, nano_usd.most), TELL_NUMBER(*caps, calls.most), TELL_NUMBER(*caps, lasts.most);
    TELL_NUMBER(*caps, idle_s), TELL_NUMBER(*caps, loop_warn.most), TELL_NUMBER(*caps, loop_refuse.most);
}

static inline void tell_rows(struct text *text, const struct price_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        const struct price_row *row = &rows->at[i];
        text_put(text, STR("\n    row"));
        TELL_NUMBER(*row, since_s), TELL_NUMBER(*row, until_s), TELL_NUMBER(*row, factor), TELL_NUMBER(*row, names);
        TELL_NUMBER(*row, above), TELL_NUMBER(*row, from_minute), TELL_NUMBER(*row, to_minute), TELL_NUMBER(*row, tier);
        TELL_NUMBER(*row, speed), TELL_NUMBER(*row, region), TELL_NUMBER(*row, modality), TELL_NUMBER(*row, lifetime);
        TELL_NUMBER(*row, batch), TELL_NUMBER(*row, decimals);
        for (unsigned kind = 0, at = 0; row->values && kind < price_kinds; kind++)
            if (row->names >> kind & 1) text_printf(text, " %u:%lld", kind, (long long)row->values[at++]);
    }
}

static inline void tell_prices(struct text *text, const struct price_list *prices) {
    TELL_NUMBER(*prices, input), TELL_NUMBER(*prices, output), TELL_NUMBER(*prices, cached_input);
    TELL_NUMBER(*prices, cache_write), TELL_NUMBER(*prices, request), TELL_NUMBER(*prices, goes_on);
    tell_rows(text, &prices->rows);
}

/* -- who is asked -- */

static inline void tell_breaker(struct text *text, const struct breaker_rules *breaker) {
    TELL_NUMBER(*breaker, failure_threshold), TELL_NUMBER(*breaker, half_open_max_calls);
    TELL_NUMBER(*breaker, success_threshold), TELL_NUMBER(*breaker, failure_share);
    TELL_NUMBER(*breaker, window_calls_min), TELL_NUMBER(*breaker, window_ns), TELL_NUMBER(*breaker, open_ns);
    TELL_NUMBER(*breaker, ramp_ns);
}

static inline void tell_keys(struct text *text, const struct provider *provider) {
    TELL_WORDS(*provider, key_header), TELL_NUMBER(*provider, key_standby);
    tell_list(text, "keys", provider->authorization, provider->key_count);
    if (provider->key_entries) tell_list(text, "entries", provider->key_entries, provider->key_count);
    for (size_t i = 0; i < provider->header_count; i++)
        text_printf(text, " %.*s: %.*s", STR_ARG(provider->headers[i].name), STR_ARG(provider->headers[i].value));
    tell_list(text, "forwards", provider->forward_headers, provider->forward_header_count);
}

static inline void tell_provider(struct text *text, const struct provider *provider) {
    const struct provider *of = provider;
    text_printf(text, "\nprovider %.*s", STR_ARG(of->name));
    TELL_WORDS(*of, type), TELL_NUMBER(*of, dialect), TELL_NUMBER(*of, simulated), TELL_NUMBER(*of, edited);
    TELL_NUMBER(*of, state), TELL_WORDS(*of, base_url), TELL_NUMBER(*of, unsupported), TELL_NUMBER(*of, prompt_cache);
    TELL_NUMBER(*of, models_written), TELL_WORDS(*of, default_model), TELL_NUMBER(*of, priority);
    TELL_REAL(*of, weight), TELL_NUMBER(*of, stream_options), TELL_NUMBER(*of, endpoints), TELL_NUMBER(*of, api);
    TELL_NUMBER(*of, connect_timeout_ns), TELL_NUMBER(*of, first_token_timeout_ns), TELL_NUMBER(*of, reply_timeout_ns);
    TELL_NUMBER(*of, stall_timeout_ns), TELL_NUMBER(*of, reply_timeout_written), TELL_NUMBER(*of, max_retries);
    TELL_WORDS(*of, ca_file), TELL_WORDS(*of, proxy), TELL_NUMBER(*of, insecure), TELL_NUMBER(*of, pool_idle_max);
    TELL_NUMBER(*of, pool_connections_max), TELL_REAL(*of, health.degraded_below),
        TELL_REAL(*of, health.unhealthy_below);
    TELL_NUMBER(*of, queue_max), TELL_NUMBER(*of, queue_wait_ns), TELL_NUMBER(*of, adaptive_throttling);
    TELL_NUMBER(*of, counts_characters), TELL_NUMBER(*of, unbilled), TELL_NUMBER(*of, health_check_ns);
    tell_keys(text, of);
    tell_breaker(text, &of->breaker);
    tell_rates(text, &of->rates, of->max_concurrent);
    tell_budgets(text, &of->money);
    for (size_t i = 0; i < of->quota_count; i++) {
        text_put(text, STR("\n  quota"));
        TELL_WORDS(of->quotas[i], name), TELL_NUMBER(of->quotas[i], unit), TELL_NUMBER(of->quotas[i], limit);
        TELL_NUMBER(of->quotas[i], window.kind), TELL_WORDS(of->quotas[i], zone);
    }
    for (size_t i = 0; i < of->fact_count; i++) {
        text_put(text, STR("\n  facts"));
        TELL_WORDS(of->facts[i], id);
    }
    for (size_t i = 0; i < of->prices.size; i++) {
        if (!of->prices.entries[i].value) continue;
        text_printf(text, "\n  prices of %.*s", STR_ARG(of->prices.entries[i].key));
        tell_prices(text, of->prices.entries[i].value);
    }
    tell_rows(text, &of->discounts);
}

static inline void tell_target(struct text *text, const struct target *target) {
    text_printf(text, "\ntarget %.*s", STR_ARG(target->name));
    TELL_REAL(*target, weight);
    if (target->facts) return;
    TELL_NUMBER(*target, refuses), TELL_NUMBER(*target, touches);
    tell_prices(text, &target->prices);
}

/* -- which way requests go -- */

static inline void tell_retry(struct text *text, const struct retry_rules *retry, const struct hedge_rules *hedge) {
    TELL_NUMBER(*retry, max_retries), TELL_NUMBER(*retry, max_attempts), TELL_NUMBER(*retry, base_ms);
    TELL_NUMBER(*retry, max_ms), TELL_NUMBER(*retry, budget_permille), TELL_NUMBER(*retry, failover_permille);
    TELL_NUMBER(*hedge, on), TELL_NUMBER(*hedge, after_ns), TELL_NUMBER(*hedge, share_permille);
}

static inline void tell_cache(struct text *text, const struct cache_rules *cache) {
    TELL_NUMBER(*cache, on), TELL_NUMBER(*cache, all), TELL_NUMBER(*cache, shares), TELL_NUMBER(*cache, scope);
    TELL_NUMBER(*cache, ttl_s), TELL_NUMBER(*cache, ttl_max_s), TELL_NUMBER(*cache, stale_s);
    const struct semantic_rules *semantic = cache->semantic;
    if (!semantic) return;
    TELL_WORDS(*semantic, model), TELL_REAL(*semantic, threshold), TELL_REAL(*semantic, shadow);
    TELL_REAL(*semantic, false_max), TELL_NUMBER(*semantic, timeout_ns);
}

static inline void tell_place(struct text *text, const struct route_place *place) {
    TELL_REAL(*place, weight);
    if (place->params) {
        text_put(text, STR(" defaults="));
        params_put(&place->params->defaults.request, place->params->defaults.says, text);
        text_put(text, STR(" overrides="));
        params_put(&place->params->overrides.request, place->params->overrides.says, text);
    }
    if (!place->limits) return;
    tell_limiter(text, "rpm", &place->limits->requests_minute);
    tell_limiter(text, "tpm", &place->limits->tokens_minute);
    TELL_NUMBER(*place->limits, max_concurrent), TELL_NUMBER(*place->limits, first_token_timeout_ns);
    TELL_NUMBER(*place->limits, reply_timeout_ns);
}

static inline void tell_route(struct text *text, const struct route *route) {
    text_printf(text, "\nroute `%.*s`", STR_ARG(route->model));
    TELL_NUMBER(*route, is_glob), TELL_NUMBER(*route, built_in), TELL_NUMBER(*route, pinned),
        TELL_NUMBER(*route, height);
    TELL_NUMBER(*route, strategy), TELL_NUMBER(*route, affinity), TELL_NUMBER(*route, failover_after);
    TELL_NUMBER(*route, return_to_primary_ns), TELL_NUMBER(*route, unsupported), TELL_NUMBER(*route, prompt_cache);
    TELL_NUMBER(*route, strict), TELL_NUMBER(*route, context_answers), TELL_NUMBER(*route, filtered_next);
    TELL_NUMBER(*route, resume_streams), TELL_WORDS(*route, resume_prompt), TELL_WORDS(*route, fallback);
    tell_retry(text, &route->retry, &route->hedge);
    tell_cache(text, &route->cache);
    for (size_t i = 0; i < route->target_count; i++) {
        if (!route->targets[i]->provider->models_written) continue;
        text_printf(text, "\n  %.*s", STR_ARG(route->targets[i]->name));
        if (route->places) tell_place(text, &route->places[i]);
        if (route->level_of) text_printf(text, " level=%u", route->level_of[i]);
    }
    for (size_t i = 0; i < route->level_count; i++) {
        text_put(text, STR("\n  level"));
        TELL_NUMBER(route->levels[i], around), TELL_NUMBER(route->levels[i], first), TELL_NUMBER(route->levels[i], end);
        TELL_NUMBER(route->levels[i], priority);
        tell_place(text, &route->levels[i].place);
    }
}

static inline void tell_rule(struct text *text, const struct rule *rule) {
    text_printf(text, "\nrule `%.*s`", STR_ARG(rule->name));
    TELL_NUMBER(*rule, enabled), TELL_NUMBER(*rule, priority), TELL_NUMBER(*rule, has_strategy);
    TELL_NUMBER(*rule, strategy), TELL_NUMBER(*rule, when.has_image), TELL_NUMBER(*rule, when.has_tools);
    TELL_NUMBER(*rule, when.wants_json), TELL_NUMBER(*rule, when.streaming), TELL_WORDS(*rule, when.model);
    TELL_WORDS(*rule, when.client), TELL_NUMBER(*rule, when.prompt_tokens_over);
    TELL_NUMBER(*rule, when.prompt_tokens_under), TELL_NUMBER(*rule, when.tag_count),
        TELL_NUMBER(*rule, when.hours.from);
    TELL_NUMBER(*rule, when.hours.to), TELL_NUMBER(*rule, when.days), TELL_NUMBER(*rule, when.utc_offset_minutes);
}

/* -- who asks -- */

static inline void tell_client(struct text *text, const struct client *client) {
    text_printf(text, "\nclient %.*s %02x%02x", STR_ARG(client->name), client->key_hash.bytes[0],
                client->key_hash.bytes[31]);
    TELL_NUMBER(*client, role), TELL_NUMBER(*client, may_steer), TELL_NUMBER(*client, raw);
    TELL_NUMBER(*client, disabled), TELL_NUMBER(*client, edited), TELL_NUMBER(*client, expires_s);
    TELL_NUMBER(*client, redacts), TELL_NUMBER(*client, keeps_conversations), TELL_NUMBER(*client, debug);
    TELL_NUMBER(*client, own_limits);
    if (client->in) TELL_WORDS(*client->in, name);
    tell_list(text, "models", client->models, client->model_count);
    tell_list(text, "providers", client->providers, client->provider_count);
    for (size_t i = 0; i < client->tag_count; i++)
        text_printf(text, " %.*s=%.*s", STR_ARG(client->tags[i].key), STR_ARG(client->tags[i].value));
    tell_rates(text, &client->rates, client->max_concurrent);
    tell_caps(text, &client->caps);
    tell_limits(text, &client->limits);
    tell_budgets(text, &client->money);
}

static inline void tell_owner(struct text *text, const struct owner *owner) {
    text_printf(text, "\nowner %.*s", STR_ARG(owner->name));
    TELL_WORDS(*owner, kind), TELL_WORDS(*owner, path), TELL_NUMBER(*owner, has_limits);
    tell_list(text, "models", owner->models, owner->model_count);
    tell_list(text, "providers", owner->providers, owner->provider_count);
    tell_rates(text, &owner->rates, owner->max_concurrent);
    tell_caps(text, &owner->caps);
    tell_limits(text, &owner->limits);
    tell_budgets(text, &owner->money);
}

static inline void tell_issuer(struct text *text, const struct identity_issuer *issuer) {
    text_printf(text, "\nissuer %.*s", STR_ARG(issuer->issuer));
    TELL_WORDS(*issuer, jwks), TELL_WORDS(*issuer, ca_file), TELL_WORDS(*issuer, team_claim);
    TELL_WORDS(*issuer, user_claim), TELL_WORDS(*issuer, role_claim), TELL_WORDS(*issuer, template);
    TELL_WORDS(*issuer, unknown), TELL_NUMBER(*issuer, refresh_s), TELL_NUMBER(*issuer, identities_max);
    tell_list(text, "audiences", issuer->audiences, issuer->audience_count);
    for (size_t i = 0; i < issuer->role_count; i++)
        text_printf(text, " %.*s=%u", STR_ARG(issuer->roles[i].word), issuer->roles[i].role);
}

/* -- the rest -- */

static inline void tell_alerts(struct text *text, const struct alert_rules *alerts) {
    text_put(text, STR("\nalerts quota"));
    for (size_t i = 0; i < alerts->quota_count; i++) text_printf(text, " %u", alerts->quota_permille[i]);
    text_put(text, STR(" budget"));
    for (size_t i = 0; i < alerts->budget_count; i++) text_printf(text, " %u", alerts->budget_permille[i]);
    TELL_REAL(*alerts, error_share), TELL_REAL(*alerts, latency_factor), TELL_REAL(*alerts, spend_factor);
    TELL_NUMBER(*alerts, latency_ms), TELL_NUMBER(*alerts, least_answers), TELL_NUMBER(*alerts, window_s);
    TELL_NUMBER(*alerts, ledger_behind_s), TELL_NUMBER(*alerts, spend_least_nano_usd);
    TELL_NUMBER(*alerts, retiring_days), TELL_NUMBER(*alerts, certificate_days);
    TELL_NUMBER(*alerts, provider_certificate_days), TELL_NUMBER(*alerts, burn_after_permille);
    for (size_t i = 0; i < alerts->hook_count; i++) {
        text_put(text, STR("\n  hook"));
        TELL_WORDS(alerts->hooks[i], url), TELL_WORDS(alerts->hooks[i], secret), TELL_NUMBER(alerts->hooks[i], format);
        TELL_NUMBER(alerts->hooks[i], timeout_ns), TELL_NUMBER(alerts->hooks[i], errors_only);
        tell_list(text, "kinds", alerts->hooks[i].kinds, alerts->hooks[i].kind_count);
    }
}

static inline void tell_traces(struct text *text, const struct trace_rules *traces) {
    text_put(text, STR("\ntraces"));
    TELL_NUMBER(*traces, on), TELL_NUMBER(*traces, propagate), TELL_NUMBER(*traces, metrics);
    TELL_NUMBER(*traces, content), TELL_NUMBER(*traces, semconv), TELL_REAL(*traces, sample);
    TELL_WORDS(*traces, endpoint), TELL_WORDS(*traces, service), TELL_WORDS(*traces, ca_file);
    TELL_NUMBER(*traces, timeout_ns), TELL_NUMBER(*traces, metrics_every_ns);
    for (size_t i = 0; i < traces->header_count; i++)
        text_printf(text, " %.*s: %.*s", STR_ARG(traces->headers[i].name), STR_ARG(traces->headers[i].value));
}

static inline void tell_process(struct text *text, const struct config_process *process) {
    text_put(text, STR("process"));
    for (size_t i = 0; i < process->listen_count; i++)
        text_printf(text, " %.*s %.*s %.*s", STR_ARG(process->listens[i].address),
                    STR_ARG(process->listens[i].cert_file), STR_ARG(process->listens[i].key_file));
    TELL_NUMBER(*process, workers), TELL_WORDS(*process, state_dir), TELL_WORDS(*process, ledger);
    TELL_NUMBER(*process, drain_ns), TELL_NUMBER(*process, header_timeout_ns), TELL_NUMBER(*process, body_timeout_ns);
    TELL_NUMBER(*process, idle_timeout_ns), TELL_NUMBER(*process, write_timeout_ns);
    TELL_NUMBER(*process, connections_max), TELL_NUMBER(*process, memory_bytes_max);
    TELL_NUMBER(*process, journal_bytes_max), TELL_NUMBER(*process, ledger_keep_days);
    TELL_NUMBER(*process, ledger_refuses), TELL_WORDS(*process, log_level), TELL_WORDS(*process, log_format);
    TELL_NUMBER(*process, metrics_public), TELL_NUMBER(*process, core_dumps);
    tell_list(text, "redacts", process->redact_patterns, process->redact_pattern_count);
}

static inline void tell_top(struct text *text, const struct snapshot *of) {
    text_put(text, STR("\ntop"));
    TELL_NUMBER(*of, trust_tags), TELL_WORDS(*of, end_user_header), TELL_NUMBER(*of, auth_none);
    TELL_NUMBER(*of, had_clients), TELL_NUMBER(*of, admin_key_hash.bytes[0]), TELL_NUMBER(*of, request_timeout_ns);
    TELL_NUMBER(*of, cache_bytes_max), TELL_NUMBER(*of, semantic_entries), TELL_NUMBER(*of, cache_durable);
    TELL_NUMBER(*of, fetch.on), TELL_NUMBER(*of, fetch.bytes_max), TELL_NUMBER(*of, fetch.timeout_ns);
    TELL_NUMBER(*of, responses.on), TELL_NUMBER(*of, responses.keep_days), TELL_NUMBER(*of, responses.bytes_max);
    TELL_NUMBER(*of, responses.client_bytes_max), TELL_NUMBER(*of, health_keep_days), TELL_NUMBER(*of, strategy);
    TELL_REAL(*of, adaptive.health), TELL_REAL(*of, adaptive.quota), TELL_REAL(*of, adaptive.response_time);
    TELL_NUMBER(*of, fallback_by_score), TELL_NUMBER(*of, reserve_output_tokens), TELL_NUMBER(*of, body_bytes_max);
    TELL_NUMBER(*of, batch_size), TELL_NUMBER(*of, response_headers_minimal), TELL_NUMBER(*of, cancel_on_disconnect);
    for (size_t i = 0; i < of->fetch.allowed_count; i++)
        text_printf(text, " allowed=%u/%u", of->fetch.allowed[i].bytes[0], of->fetch.allowed[i].bits);
    tell_retry(text, &of->retry, &of->hedge);
    tell_cache(text, &of->cache);
}

static inline void tell_snapshot(struct text *text, const struct snapshot *of) {
    tell_top(text, of);
    for (size_t i = 0; i < of->provider_count; i++) tell_provider(text, &of->providers[i]);
    for (const struct absent_provider *at = of->absent; at; at = at->next) {
        text_printf(text, "\nabsent %.*s", STR_ARG(at->name));
        TELL_WORDS(*at, type), TELL_NUMBER(*at, removed), TELL_NUMBER(*at, edited);
    }
    for (size_t i = 0; i < of->target_count; i++)
        if (of->targets[i].provider->models_written) tell_target(text, &of->targets[i]);
    text_put(text, STR("\ncheap"));
    for (size_t i = 0; i < of->cheap_count; i++)
        if (!of->targets_cheap[i]->facts) text_printf(text, " %.*s", STR_ARG(of->targets_cheap[i]->name));
    for (size_t i = 0; i < of->route_count; i++) tell_route(text, &of->routes[i]);
    for (size_t i = 0; i < of->rule_count; i++) tell_rule(text, &of->rules[i]), tell_route(text, &of->rule_routes[i]);
    for (size_t i = 0; i < of->client_count; i++) tell_client(text, &of->clients[i]);
    for (size_t i = 0; i < of->issuer_count; i++) tell_issuer(text, &of->issuers[i]);
    for (size_t i = 0; i < of->owner_count; i++) tell_owner(text, &of->owners[i]);
    text_put(text, STR("\nall budgets"));
    for (size_t i = 0; i < of->budget_count; i++) tell_budget(text, of->budgets[i]);
    tell_alerts(text, &of->alerts);
    tell_traces(text, &of->traces);
    text_put_byte(text, '\n');
}

/* Each problem as it is printed, and, where it is valid, what it came to. */
static inline void tell_config(struct text *text, const struct config_input *input, const struct config *config) {
    for (const struct config_problem *at = config->problems; at; at = at->next) {
        config_problem_write(input, at, text);
        if (at->severity != config_error) text_printf(text, " (severity %d%s)", at->severity, at->protects ? "!" : "");
        text_put_byte(text, '\n');
    }
    text_printf(text, "%zu %zu %zu %zu\n", config->error_count, config->warning_count, config->not_available_count,
                config->protects_count);
    if (!config->snapshot) return;
    tell_process(text, &config->process);
    tell_snapshot(text, config->snapshot);
}

#endif
