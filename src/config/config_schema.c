/* config_schema.c - the table. Order is the order of the reference. */
#include "config/config_schema.h"

#define NO STR("")
#define TOP 1e15
/* K(section, name, value, status, least, most, choices, inner section, default, sentence) */
#define K(s, n, v, st, lo, hi, ch, in, d, t) \
    {section_##s, STR(n), value_##v, key_##st, lo, hi, STR(ch), section_##in, NO, STR(d), STR(t)},
#define SAME(s, n, of) \
    {section_##s, STR(n), value_any, key_now, 0, 0, NO, section_top, STR(of), NO, STR("Another spelling of `" of "`.")},

/* A row a key: not for clang-format, which takes the list for one expression. */
/* clang-format off */
#define STRATEGIES \
    "round_robin|least_loaded|least_load|fastest_response|cost_optimal|cost_optimized|priority|priority_based|" \
    "adaptive|weighted|sticky|exclusive|lock"

const struct config_key config_keys[] = {
    K(top, "listen", any, now, 0, 0, "", listen, "127.0.0.1:8080",
      "Where to listen: ADDRESS:PORT, [IPV6]:PORT or unix:PATH; or a list of them, or {address, tls}.")
    K(top, "admin_listen", string, protects, 0, 0, "", top, "",
      "A listener of its own for /admin; without it the admin API is on every listener.")
    K(top, "workers", string, now, 0, 0, "", top, "auto",
      "Event loops: `auto` is min(cores, 4), or a number from 1 to 64.")
    K(top, "state_dir", string, now, 0, 0, "", top, "./weir-state",
      "The folder for the admin key, providers changed at run time, stored responses and locks.")
    K(top, "selection_strategy", choice, now, 0, 0, STRATEGIES, top, "priority",
      "How a route's targets are chosen, where the route does not say.")
    K(top, "health_check_interval", seconds, now, 0, TOP, "", top, "300", "Seconds between active health checks.")
    K(top, "request_timeout_seconds", seconds, now, 0, 86400, "", top, "120",
      "Deadline of a request, all attempts included, up to a stream's first token.")
    K(top, "max_body_bytes", int, now, 1024, 1073741824, "", top, "33554432", "A larger request body is a 413.")
    K(top, "max_memory_bytes", int, now, 16777216, TOP, "", top, "1073741824",
      "Bytes that may be held for callers in all: connections, heads, bodies, translations, replies, what waits for slow "
      "readers. A client's part shrinks as others come; past it 503, or a broken connection where an answer has begun.")
    SAME(top, "max_bodies_bytes", "max_memory_bytes")
    K(top, "drain_seconds", seconds, now, 0, 86400, "", top, "30", "How long SIGTERM waits for requests in flight.")
    K(top, "header_timeout_seconds", seconds, now, 0, 3600, "", top, "30", "A request's head must arrive within it.")
    K(top, "body_timeout_seconds", seconds, now, 0, 3600, "", top, "60",
      "Between two pieces of a request's body; all of it has request_timeout_seconds.")
    K(top, "idle_timeout_seconds", seconds, now, 0, 86400, "", top, "75",
      "A kept-alive connection without a request is closed after it.")
    K(top, "write_timeout_seconds", seconds, now, 0, 3600, "", top, "60",
      "A caller that reads nothing for so long is given up.")
    K(top, "max_connections", int, now, 1, 1000000, "", top, "20000",
      "Connections of callers per event loop; past it 503.")
    K(top, "on_disconnect", choice, now, 0, 0, "cancel|finish", top, "cancel",
      "What becomes of the provider's work when a caller hangs up; `finish` is not in this version.")
    K(top, "reserve_output_tokens", int, now, 1, 1e9, "", top, "4096",
      "Tokens that a request without max_tokens reserves of a budget.")
    K(top, "auth", choice, now, 0, 0, "none|keys", top, "keys",
      "`none` serves anyone, on any address: only if written out.")
    K(top, "metrics", choice, now, 0, 0, "loopback|public", top, "loopback",
      "Who may read /metrics: loopback and operators, or anyone.")
    K(top, "cors_origins", strings, later, 0, 0, "", top, "", "Origins of browsers that may call.")
    K(top, "core_dumps", bool, now, 0, 0, "", top, "false",
      "Let `serve` be dumped and traced: a dump of its memory can hold credentials of requests under way. Read at the start.")
    K(top, "response_headers", choice, now, 0, 0, "full|minimal", top, "full",
      "`minimal` leaves provider, model, attempts, cost and overhead out of the response headers.")
    K(top, "early_headers_after_seconds", seconds, later, 0, TOP, "", top, "",
      "Sends 200 and comments while a stream's first token is awaited.")
    K(top, "trust_tags", bool, now, 0, 0, "", top, "false", "Rules see the caller's own tags.")
    K(top, "forward_headers", strings, now, 0, 0, "", top, "", "Further headers that go up to providers and come back.")
    K(top, "catalog", string, now, 0, 0, "", top, "the built-in one",
      "A file of rows in place of the built-in catalogue, or over it: see [catalogue.md](catalogue.md).")
    K(top, "on_ledger_failure", choice, later, 0, 0, "refuse|serve", top, "refuse",
      "What happens when usage cannot be recorded.")
    K(top, "fallback_order", choice, now, 0, 0, "priority|score", top, "priority",
      "How `adaptive` goes on after a failure.")
    K(top, "redis", string, later, 0, 0, "", top, "", "Where many nodes share their state.")
    K(top, "ledger", string, later, 0, 0, "", top, "", "The ledger's database, where it is not in state_dir.")
    K(top, "adaptive", section, now, 0, 0, "", adaptive, "", "Weights of the adaptive score.")
    K(top, "retry", section, now, 0, 0, "", retry, "", "Retries and failover.")
    K(top, "responses", section, now, 0, 0, "", responses, "", "Stored responses.")
    K(top, "fetch", section, now, 0, 0, "", fetch, "", "Files that weir fetches itself.")
    K(top, "hedge", section, now, 0, 0, "", hedge, "", "A second attempt for late first bytes; off unless written.")
    K(top, "cache", section, later, 0, 0, "", cache, "", "The response cache.")
    K(top, "cache_ttl", seconds, later, 0, TOP, "", top, "", "Another spelling of cache.ttl_seconds.")
    K(top, "batch_size", int, later, 1, 1e6, "", top, "", "Lines in flight of a batch.")
    K(top, "providers", named, now, 0, 0, "", provider, "", "The providers, by name.")
    K(top, "routes", list, now, 0, 0, "", route, "", "What clients ask for, and the targets that serve it.")
    K(top, "rules", list, now, 0, 0, "", rule, "", "Conditions on requests that change their route.")
    K(top, "clients", list, now, 0, 0, "", client, "",
      "Client keys. With none, anyone on a loopback address is served.")
    K(top, "log", section, now, 0, 0, "", log, "", "Logging.")
    K(top, "alerts", section, later, 0, 0, "", alerts, "", "Alerts.")
    K(top, "overall_health", section, later, 0, 0, "", alerts, "", "When the whole gateway counts as healthy.")
    K(top, "resume_prompt", string, now, 0, 0, "", top, "",
      "How a target is asked to continue a broken stream.")

    K(listen, "address", string, now, 0, 0, "", top, "", "ADDRESS:PORT, [IPV6]:PORT or unix:PATH.")
    K(listen, "tls", section, now, 0, 0, "", tls, "", "Serve TLS.")

    K(tls, "cert", string, now, 0, 0, "", top, "", "PEM file: the certificate and its chain.")
    K(tls, "key", string, now, 0, 0, "", top, "", "PEM file: the private key.")

    K(adaptive, "health", number, now, 0, 1, "", top, "0.4", "Weight of health.")
    K(adaptive, "quota", number, now, 0, 1, "", top, "0.3", "Weight of the quota that is left.")
    K(adaptive, "response_time", number, now, 0, 1, "", top, "0.3", "Weight of the response time.")

    K(responses, "store", bool, now, 0, 0, "", top, "true",
      "Store responses (/v1/responses) in STATE_DIR/responses.db, unless a request says `store: false`, so that later ones can go on from them.")
    K(responses, "keep_days", int, now, 0, 36500, "", top, "30", "How long a stored response is kept; 0: for ever.")

    K(responses, "max_bytes", int, now, 1024, TOP, "", top, "4294967296",
      "Bytes of stored responses in all: what no longer fits goes, the oldest first. Read at the start.")
    K(responses, "max_bytes_per_client", int, now, 1024, TOP, "", top, "1073741824",
      "The same for each client; an input that alone is larger is a 400, before a provider is asked.")

    K(fetch, "enabled", bool, now, 0, 0, "", top, "true",
      "Fetch images and documents that a request names by URL, for providers that take none. Else such a request is refused there.")
    K(fetch, "max_bytes", int, now, 1, 1e9, "", top, "20971520", "Largest file.")
    K(fetch, "timeout_seconds", seconds, now, 0, 600, "", top, "10", "For one file, lookups and redirects included.")
    K(fetch, "allow", strings, now, 0, 0, "", top, "",
      "Networks that are asked though their addresses are not public, such as 10.1.0.0/16; loopback and private addresses are refused else.")

    K(retry, "max_retries", int, now, 0, 31, "", top, "3", "Attempts after the first, at all targets together.")
    K(retry, "base_ms", int, now, 1, 1e6, "", top, "200", "First backoff, milliseconds.")
    K(retry, "max_ms", int, now, 1, 1e7, "", top, "10000", "Longest backoff, milliseconds.")
    K(retry, "budget", number, now, 0, 10, "", top, "0.2", "Retries as a share of requests, over 10 s.")

    K(hedge, "after", string, now, 0, 0, "", top, "p95",
      "When the second attempt starts: p95 (the first target's own), or a time such as 800ms or 1.5s.")
    K(hedge, "max_share", number, now, 0, 1, "", top, "0.05", "Share of requests, over 10 s, that may be hedged; one in 10 s always may. 0: off.")

    K(cache, "enabled", bool, later, 0, 0, "", top, "true", "Whether replies are cached.")
    K(cache, "ttl_seconds", seconds, later, 0, TOP, "", top, "300", "How long a reply is fresh.")
    K(cache, "max_bytes", int, later, 0, TOP, "", top, "268435456", "Bytes of cached replies.")
    K(cache, "serve_stale_on_outage", bool, later, 0, 0, "", top, "true", "Serve old replies when no provider answers.")

    K(provider, "type", string, now, 0, 0, "", top, "the name",
      "A row of the [catalogue](catalogue.md): openai, anthropic, gemini, azure, groq, openrouter, mistral, deepseek, "
      "xai, together, cohere, fireworks, cerebras, perplexity, huggingface, cloudflare, ollama, vllm, and others.")
    K(provider, "enabled", bool, now, 0, 0, "", top, "true", "A disabled provider is checked but not used.")
    K(provider, "api_key", string, now, 0, 0, "", top, "the type's environment variable",
      "The credential: ${NAME}, file:PATH, or written out.")
    K(provider, "api_keys", strings, now, 0, 0, "", top, "",
      "Several credentials: they take turns, and each cools down alone.")
    K(provider, "account", string, now, 0, 0, "", top, "",
      "The account, where the type's base URL holds {account} (cloudflare).")
    K(provider, "base_url", string, now, 0, 0, "", top, "the type's",
      "What the vendor's own SDK takes as its base URL: http(s)://... or unix:PATH.")
    K(provider, "models", strings, now, 0, 0, "", top, "the catalogue's", "The models that it serves.")
    SAME(provider, "model", "models")
    SAME(provider, "model_name", "models")
    K(provider, "default_model", string, now, 0, 0, "", top, "the first model", "For requests that name none.")
    K(provider, "priority", int, now, 1, 1000000, "", top, "100", "1 is tried first.")
    K(provider, "state", choice, now, 0, 0, "active|draining|maintenance", top, "active",
      "Draining and maintenance get no new attempts; `weir provider drain NAME` sets it at run time.")
    K(provider, "weight", number, now, 0, 1e6, "", top, "1", "Share under weighted strategies.")
    K(provider, "timeout_seconds", seconds, now, 0, 86400, "", top, "30",
      "An attempt of a stream, up to its first token.")
    SAME(provider, "timeout", "timeout_seconds")
    K(provider, "reply_timeout_seconds", seconds, now, 0, 86400, "", top, "600",
      "An attempt that is not streamed, up to the whole reply.")
    K(provider, "stall_timeout_seconds", seconds, now, 0, 86400, "", top, "15", "In a stream, between tokens.")
    K(provider, "connect_timeout_seconds", seconds, now, 0, 3600, "", top, "5",
      "Name, connection, proxy and TLS together.")
    K(provider, "max_retries", int, now, 0, 31, "", top, "3", "Attempts after the first at this provider.")
    K(provider, "max_concurrent", int, now, 1, 1e9, "", top, "", "Requests in flight.")
    K(provider, "rate_limit_rpm", number, now, 0, TOP, "", top, "", "Requests a minute.")
    K(provider, "rate_limit_tpm", number, now, 0, TOP, "", top, "", "Tokens a minute.")
    K(provider, "rate_limit_rph", number, now, 0, TOP, "", top, "", "Requests an hour.")
    SAME(provider, "requests_per_minute", "rate_limit_rpm")
    SAME(provider, "tokens_per_minute", "rate_limit_tpm")
    SAME(provider, "requests_per_hour", "rate_limit_rph")
    K(provider, "burst_allowance", number, now, 0, TOP, "", top, "", "What may go above the even rate at once.")
    K(provider, "adaptive_throttling", bool, now, 0, 0, "", top, "true",
      "Slow down on the provider's own rate-limit headers.")
    SAME(provider, "enable_adaptive_throttling", "adaptive_throttling")
    K(provider, "daily_budget", number, protects, 0, 1e9, "", top, "", "USD a day.")
    K(provider, "monthly_budget", number, protects, 0, 1e9, "", top, "", "USD a month.")
    K(provider, "budget_mode", choice, later, 0, 0, "hard|soft", top, "hard", "Whether a budget refuses or warns.")
    K(provider, "budget_timezone", string, later, 0, 0, "", top, "UTC", "Where a budget's day begins.")
    K(provider, "budget_window", choice, later, 0, 0, "calendar|rolling", top, "calendar", "What a budget's day is.")
    K(provider, "quota", section, protects, 0, 0, "", quota, "", "Quotas.")
    K(provider, "quota_limit", int, protects, 0, TOP, "", top, "", "Requests a day: quota.requests_per_day.")
    K(provider, "cost_per_request", number, now, 0, 1e6, "", top, "0", "USD a request, where no token price is known.")
    K(provider, "request_fee", number, now, 0, 1e6, "", top, "0", "USD a request, on top of token prices.")
    K(provider, "cost_per_token", number, now, 0, 1e6, "", top, "",
      "USD a token, input and output alike, where no price is known.")
    K(provider, "prices", named, now, 0, 0, "", price, "the catalogue's", "USD per million tokens, by model.")
    K(provider, "circuit_breaker", section, now, 0, 0, "", breaker, "", "The circuit breaker.")
    K(provider, "health_check_interval", seconds, now, 0, TOP, "", top, "300",
      "Seconds between active health checks.")
    K(provider, "headers", map, now, 0, 0, "", top, "", "Headers sent with every request: OpenAI-Organization, ...")
    K(provider, "forward_headers", strings, now, 0, 0, "", top, "",
      "Further headers of the caller that go up, and of the provider that come back.")
    K(provider, "ca_file", string, now, 0, 0, "", top, "the system's",
      "PEM file of the authorities that its certificate is checked against.")
    K(provider, "insecure", bool, now, 0, 0, "", top, "false", "No check of its certificate: for tests only.")
    K(provider, "proxy", string, now, 0, 0, "", top, "HTTPS_PROXY, http_proxy, NO_PROXY",
      "http://[user:password@]HOST:PORT, or `none`.")
    K(provider, "health", section, now, 0, 0, "", health, "", "When it counts as degraded or unhealthy.")
    K(provider, "queue", section, now, 0, 0, "", queue, "", "Waiting when max_concurrent is reached.")
    K(provider, "pool", section, now, 0, 0, "", pool, "", "Connections to it.")
    K(provider, "overall_health", number, later, 0, 1, "", top, "", "Its part in the whole's health.")

    K(quota, "requests_per_day", int, protects, 0, TOP, "", top, "", "Requests a day.")
    K(quota, "tokens_per_day", int, protects, 0, TOP, "", top, "", "Tokens a day.")
    K(quota, "characters_per_month", int, protects, 0, TOP, "", top, "", "Characters a month.")
    K(quota, "timezone", string, later, 0, 0, "", top, "UTC", "Where the day begins.")

    K(price, "input", number, now, 0, 1e6, "", top, "", "USD per million input tokens.")
    K(price, "output", number, now, 0, 1e6, "", top, "", "USD per million output tokens.")
    K(price, "cached_input", number, now, 0, 1e6, "", top, "", "USD per million cached input tokens.")
    K(price, "cache_write", number, now, 0, 1e6, "", top, "",
      "USD per million input tokens that are written to the provider's cache.")

    K(breaker, "failure_threshold", int, now, 1, 65535, "", top, "5", "Failures in a row that open it.")
    K(breaker, "timeout_seconds", seconds, now, 0, TOP, "", top, "60", "How long it stays open.")
    K(breaker, "half_open_max_calls", int, now, 1, 255, "", top, "3", "Calls let through to try.")
    K(breaker, "success_threshold", int, now, 1, 255, "", top, "1", "Successes that close it.")
    K(breaker, "failure_share", number, now, 0, 1, "", top, "0",
      "Share of a window's calls that opens it when they fail; 0: not looked at.")
    K(breaker, "window_seconds", seconds, now, 1, 3600, "", top, "60", "The window of failure_share.")
    K(breaker, "window_calls_min", int, now, 1, 65535, "", top, "20", "A window of fewer calls says nothing.")
    K(breaker, "ramp_seconds", seconds, now, 0, 3600, "", top, "10",
      "After it has closed again, traffic comes back over this time.")

    K(health, "degraded_below", number, now, 0, 1, "", top, "0.8", "A score below it is `degraded`.")
    K(health, "unhealthy_below", number, now, 0, 1, "", top, "0.4", "A score below it is `unhealthy`.")

    K(route, "model", string, now, 0, 0, "", top, "", "What clients ask for: a name, or a glob such as \"gpt-4*\".")
    K(route, "strategy", choice, now, 0, 0, STRATEGIES, top, "selection_strategy",
      "As selection_strategy, for this route.")
    K(route, "targets", list, now, 0, 0, "", target, "",
      "provider/model, or {target, weight}, in the order they are tried.")
    K(route, "failover_after", int, now, 1, 255, "", top, "3", "Failures that move the lock (exclusive).")
    K(route, "return_to_primary_seconds", seconds, now, 0, TOP, "", top, "", "When the lock goes back (exclusive).")
    K(route, "resume_streams", bool, now, 0, 0, "", top, "false",
      "A stream that breaks is continued by the next target.")
    K(route, "resume_prompt", string, now, 0, 0, "", top, "", "How a target is asked to continue.")
    K(route, "retry", section, now, 0, 0, "", retry, "", "As retry, for this route.")
    K(route, "hedge", section, now, 0, 0, "", hedge, "", "As hedge, for this route.")

    K(target, "target", string, now, 0, 0, "", top, "", "provider/model.")
    K(target, "weight", number, now, 0, 1e6, "", top, "1", "Share under weighted strategies.")

    K(queue, "max", int, now, 0, 1e6, "", top, "", "Requests that may wait.")
    K(queue, "wait_ms", int, now, 0, 1e7, "", top, "", "How long one may wait, milliseconds.")

    K(pool, "max_idle", int, now, 0, 1e6, "", top, "128, at most max_connections", "Connections that are kept when they have nothing to do, per event loop, for 55 s.")
    K(pool, "max_connections", int, now, 1, 1e6, "", top, "",
      "Connections in all, per event loop; none: no limit. Past it a request waits for one, within connect_timeout_seconds, and then goes on to the next target.")

    K(rule, "name", string, now, 0, 0, "", top, "", "Named by explain.")
    K(rule, "when", section, now, 0, 0, "", when, "", "The conditions: all must hold.")
    K(rule, "targets", list, now, 0, 0, "", target, "", "Where such requests go.")
    K(rule, "strategy", choice, now, 0, 0, STRATEGIES, top, "selection_strategy", "How among them.")
    K(rule, "enabled", bool, now, 0, 0, "", top, "true", "Whether it is looked at.")
    K(rule, "priority", int, now, 0, 1e6, "", top, "", "Lower ones are looked at first.")

    K(when, "has_image", bool, now, 0, 0, "", top, "", "The request holds an image.")
    K(when, "has_tools", bool, now, 0, 0, "", top, "", "The request offers tools.")
    K(when, "wants_json", bool, now, 0, 0, "", top, "", "The request wants JSON.")
    K(when, "streaming", bool, now, 0, 0, "", top, "", "The request wants a stream.")
    K(when, "model", string, now, 0, 0, "", top, "", "A glob on the model's name.")
    K(when, "prompt_tokens_over", int, now, 0, 1e9, "", top, "", "The prompt is longer, by estimate.")
    K(when, "tags", map, now, 0, 0, "", top, "", "Tags that the request must have.")
    K(when, "client", string, now, 0, 0, "", top, "", "A glob on the client's name.")
    K(when, "prompt_tokens_under", int, now, 0, 1e9, "", top, "", "The prompt is shorter, by estimate.")
    K(when, "time_of_day", string, now, 0, 0, "", top, "", "HH:MM-HH:MM; past midnight where the first is later.")
    K(when, "days", string, now, 0, 0, "", top, "", "mon-fri, or a list: sat, sun.")
    K(when, "utc_offset", string, now, 0, 0, "", top, "UTC", "Of time_of_day and days: UTC, +02:00, -05:30.")

    K(client, "name", string, now, 0, 0, "", top, "", "The client's name.")
    K(client, "key_hash", string, now, 0, 0, "", top, "",
      "SHA-256 of its key, 64 hexadecimal digits: printf %s KEY | sha256sum.")
    K(client, "role", choice, now, 0, 0, "user|operator|admin", top, "user", "What it may do beside inference.")
    K(client, "models", strings, now, 0, 0, "", top, "[\"*\"]", "Globs of the models it may ask for.")
    K(client, "providers", strings, now, 0, 0, "", top, "[\"*\"]", "Globs of the providers that may serve it.")
    K(client, "rate_limit_rpm", number, now, 0, TOP, "", top, "", "Requests a minute.")
    K(client, "rate_limit_tpm", number, now, 0, TOP, "", top, "", "Tokens a minute.")
    K(client, "rate_limit_rph", number, now, 0, TOP, "", top, "", "Requests an hour.")
    K(client, "burst_allowance", number, now, 0, TOP, "", top, "", "What may go above the even rate at once.")
    K(client, "max_concurrent", int, now, 1, 1e9, "", top, "", "Requests in flight.")
    K(client, "daily_budget", number, protects, 0, 1e9, "", top, "", "USD a day.")
    K(client, "monthly_budget", number, protects, 0, 1e9, "", top, "", "USD a month.")
    K(client, "budget_mode", choice, later, 0, 0, "hard|soft", top, "hard", "Whether a budget refuses or warns.")
    K(client, "quota", section, protects, 0, 0, "", quota, "", "Quotas.")
    K(client, "may_steer", bool, now, 0, 0, "", top, "false for role user",
      "May use x-weir-targets, x-weir-strategy and provider/model.")
    K(client, "raw", bool, now, 0, 0, "", top, "false", "May use /providers/{name}/..., and name what is stored at a provider.")
    K(client, "debug", bool, later, 0, 0, "", top, "false", "Gets the developer's depth of errors.")
    K(client, "tags", map, now, 0, 0, "", top, "", "Tags of all its requests.")

    K(log, "level", choice, now, 0, 0, "debug|info|warn|error|off", top, "info", "The least level that is written.")
    K(log, "format", choice, now, 0, 0, "json|readable", top, "json; readable on a terminal", "The form of a line.")
    K(log, "redact", bool, now, 0, 0, "", top, "true",
      "Credentials, addresses and card numbers are not logged; `false` changes nothing in this version.")
    K(log, "bodies", bool, later, 0, 0, "", top, "false", "Log requests and replies, and what a provider says in its errors.")

    K(alerts, "quota", numbers, later, 0, 1, "", top, "[0.8, 0.9, 1.0]", "Shares of a quota that alert.")
    K(alerts, "webhook", string, later, 0, 0, "", top, "", "Where alerts are posted.")
    K(alerts, "min_healthy", number, later, 0, 1, "", top, "", "Share of providers that must be healthy.")
};
/* clang-format on */
const size_t config_key_count = sizeof config_keys / sizeof *config_keys;

struct str config_section_name(enum config_section section) {
    static const char *const names[config_sections] = {
        "",          "listen", "listen.tls",     "adaptive", "retry",        "hedge",           "fetch",
        "responses", "cache",  "providers.NAME", "quota",    "prices.MODEL", "circuit_breaker", "routes[]",
        "targets[]", "queue",  "pool",           "rules[]",  "rules[].when", "clients[]",       "log",
        "alerts",    "health"};
    return str_from(names[section]);
}

const struct config_key *config_key_find(enum config_section section, struct str name) {
    for (size_t i = 0; i < config_key_count; i++)
        if (config_keys[i].section == section && str_eq(config_keys[i].name, name)) return &config_keys[i];
    return NULL;
}

struct str config_key_nearest(enum config_section section, struct str name) {
    struct str nearest = STR("");
    unsigned least = name.len < 5 ? 2 : 4; /* past it nothing is meant */
    for (size_t i = 0; i < config_key_count; i++) {
        if (config_keys[i].section != section) continue;
        unsigned distance = str_distance(config_keys[i].name, name);
        if (distance < least) {
            least = distance;
            nearest = config_keys[i].name;
        }
    }
    return nearest;
}
