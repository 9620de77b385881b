/* config_schema.c - the table: a list of rows a section. Order is the order of the reference. (config_rows.h says how
 * one is written). */
#include "config/config_schema.h"

#include "base/limits.h"
#include "config/config_rows.h"
#include "config/config_rows_cache.h"
#include "core/pick.h"
#include "snapshot/price_words.h"
#include "snapshot/snapshot.h"

static const struct config_key top_keys[] = {
    ANY("listen", "127.0.0.1:8080",
        "Where to listen: ADDRESS:PORT, [IPV6]:PORT or unix:PATH; or a list of them, or {address, tls}."),
    TEXTS(
        "include", "",
        "Further files whose keys stand beside these, named from this file's folder; * and ? fit names: conf.d/*.yaml. "
        "They include none themselves."),
    TEXT("admin_listen", "", "A listener of its own for /admin; without it the admin API is on every listener.",
         .status = key_protects),
    TEXT("workers", "auto", "Event loops: `auto` is min(cores, 4), or a number.", .least = 1, .most = limit_loops),
    TEXT("state_dir", "./weir-state",
         "The folder for the admin key, providers changed at run time, stored responses and locks."),
    WORD("selection_strategy", strategy_word, "priority",
         "How a route's targets are chosen, where the route does not say."),
    SECONDS("health_check_interval", 0, config_days_30, "300", "Seconds between active health checks; 0: none.",
            .none = true),
    SECONDS("request_timeout_seconds", 0, 86400, "120",
            "Deadline of a request, all attempts included, up to a stream's first token."),
    INT("max_body_bytes", 1024, 1073741824, "33554432", "A larger request body is a 413."),
    INT("max_memory_bytes", 16777216, config_no_most, "1073741824",
        "Bytes that may be held for callers in all: connections, heads, bodies, translations, replies, what waits for "
        "slow readers. A client's part shrinks as others come; past it 503, or a broken connection where an answer has "
        "begun."),
    SAME("max_bodies_bytes", "max_memory_bytes"),
    SECONDS("drain_seconds", 0, 86400, "30", "How long SIGTERM waits for requests in flight."),
    SECONDS("header_timeout_seconds", 0, 3600, "30", "A request's head must arrive within it."),
    SECONDS("body_timeout_seconds", 0, 3600, "60",
            "Between two pieces of a request's body; all of it has request_timeout_seconds."),
    SECONDS("idle_timeout_seconds", 0, 86400, "75", "A kept-alive connection without a request is closed after it."),
    SECONDS("write_timeout_seconds", 0, 3600, "60", "A caller that reads nothing for so long is given up."),
    INT("max_connections", 1, 1000000, "20000", "Connections of callers per event loop; past it 503."),
    CHOICE("on_disconnect", "cancel|finish", "cancel",
           "What becomes of the provider's work when a caller hangs up; `finish` is not in this version."),
    INT("reserve_output_tokens", 1, 1e9, "4096", "Tokens that a request without max_tokens reserves of a budget."),
    CHOICE("auth", "none|keys", "keys", "`none` serves anyone, on any address: only if written out."),
    CHOICE("metrics", "loopback|public", "loopback", "Who may read /metrics: loopback and operators, or anyone."),
    TEXTS("cors_origins", "", "Origins of browsers that may call.", .status = key_later),
    BOOL("core_dumps", "false",
         "Let `serve` be dumped and traced: a dump of its memory can hold credentials of requests under way. Read at "
         "the start."),
    CHOICE("response_headers", "full|minimal", "full",
           "`minimal` leaves provider, model, attempts, cost and overhead out of the response headers."),
    SECONDS("early_headers_after_seconds", 0, config_days_30, "",
            "Sends 200 and comments while a stream's first token is awaited.", .status = key_later),
    BOOL("trust_tags", "false", "Rules see the caller's own tags."),
    TEXTS("forward_headers", "", "Further headers that go up to providers and come back."),
    TEXT("catalog", "",
         "A file of rows in place of the built-in catalogue, or over it: see [catalogue.md](catalogue.md).",
         .otherwise = STR("the built-in one")),
    CHOICE("on_ledger_failure", "refuse|serve", "refuse",
           "What happens to requests while usage cannot be recorded: the disk is full, or the ledger is damaged and "
           "journal_max_bytes wait for it."),
    INT("journal_max_bytes", 16777216, config_no_most, "1073741824", "Bytes of records that may wait for the ledger."),
    INT("ledger_keep_days", 0, 36500, "90",
        "Attempts that are older are forgotten, and their sums by the hour kept; 0: none is."),
    INT("health_keep_days", 0, 36500, "30", "How long the history of health is kept; 0: for ever."),
    CHOICE("fallback_order", "priority|score", "priority", "How `adaptive` goes on after a failure."),
    TEXT("redis", "", "Where many nodes share their state.", .status = key_later),
    TEXT("ledger", "",
         "Where the ledger lies: empty is a file in state_dir (SQLite); postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
         "is a server, with libpq's parameters behind a `?`, such as sslmode=verify-full."),
    SECTION("adaptive", section_adaptive, "Weights of the adaptive score."),
    SECTION("retry", section_retry, "Retries and failover."),
    SECTION("responses", section_responses, "Stored responses."),
    SECTION("fetch", section_fetch, "Files that weir fetches itself."),
    SECTION("hedge", section_hedge, "A second attempt for late first bytes; off unless written."),
    SECTION("cache", section_cache, "The response cache; off unless written. See [cache.md](cache.md)."),
    SECONDS("cache_ttl", 0, config_days_30, "", "Short for a cache of that ttl_seconds whose mode is all."),
    INT("batch_size", 1, 10000, "32",
        "Lines of a batch that are under way at once, at most, where the run does not say."),
    NAMED("providers", section_provider, "The providers, by name."),
    LIST("routes", section_route, "What clients ask for, and the targets that serve it."),
    LIST("rules", section_rule, "Conditions on requests that change their route."),
    LIST("clients", section_client, "Client keys. With none, anyone on a loopback address is served."),
    LIST("identity", section_identity,
         "Issuers of tokens (JWT) that are taken beside client keys: a list, or one of them. See "
         "[identity.md](identity.md)."),
    NAMED("budgets", section_budget, "Budgets that several owners, clients and providers may name: one sum for all."),
    TEXT("end_user_header", "",
         "The header in which requests say their end user, before `safety_identifier`, `user` and `metadata.user_id`."),
    LIST("owners", section_owner,
         "Organizations, teams and users, one in the other. A request passes when its client and all owners above it "
         "pass."),
    NAMED("templates", section_template, "What clients that name one get, by name."),
    SECTION("log", section_log, "Logging."),
    SECTION("alerts", section_alerts, "What is told of money, quotas, credentials and providers, and to whom."),
    SECTION("traces", section_traces, "Traces and metrics for OpenTelemetry, and what providers are told of traces."),
    SECTION("overall_health", section_overall, "When the whole gateway counts as healthy.", .status = key_later),
    TEXT("resume_prompt", "", "How a target is asked to continue a broken stream."),
};

static const struct config_key listen_keys[] = {
    TEXT("address", "", "ADDRESS:PORT, [IPV6]:PORT or unix:PATH."),
    SECTION("tls", section_tls, "Serve TLS."),
};

static const struct config_key tls_keys[] = {
    TEXT("cert", "", "PEM file: the certificate and its chain."),
    TEXT("key", "", "PEM file: the private key."),
};

static const struct config_key adaptive_keys[] = {
    NUMBER("health", 0, 1, "0.4", "Weight of health."),
    NUMBER("quota", 0, 1, "0.3", "Weight of the quota that is left."),
    NUMBER("response_time", 0, 1, "0.3", "Weight of the response time."),
};

static const struct config_key responses_keys[] = {
    BOOL("store", "true",
         "Store responses (/v1/responses) in STATE_DIR/responses.db, unless a request says `store: false`, so that "
         "later ones can go on from them."),
    INT("keep_days", 0, 36500, "30", "How long a stored response is kept; 0: for ever."),
    INT("max_bytes", 1024, config_no_most, "4294967296",
        "Bytes of stored responses in all: what no longer fits goes, the oldest first. Read at the start."),
    INT("max_bytes_per_client", 1024, config_no_most, "1073741824",
        "The same for each client; an input that alone is larger is a 400, before a provider is asked."),
};

static const struct config_key fetch_keys[] = {
    BOOL("enabled", "true",
         "Fetch images and documents that a request names by URL, for providers that take none. Else such a request is "
         "refused there."),
    INT("max_bytes", 1, 1e9, "20971520", "Largest file."),
    SECONDS("timeout_seconds", 0, 600, "10", "For one file, lookups and redirects included."),
    TEXTS("allow", "",
          "Networks that are asked though their addresses are not public, such as 10.1.0.0/16; loopback and private "
          "addresses are refused else."),
};

static const struct config_key retry_keys[] = {
    INT("max_retries", 0, limit_retries, "3",
        "Further attempts at targets that were tried already, of one request, at all of them together. Each other "
        "target "
        "is asked all the same."),
    INT("max_attempts", 1, 1e6, "",
        "Attempts of one request in all: the lock's, hedges and continued streams included; none: until each target "
        "was "
        "asked, within the deadline."),
    MILLISECONDS("base_ms", 1, 1e6, "200", "First backoff, milliseconds."),
    MILLISECONDS("max_ms", 1, 1e7, "10000", "Longest backoff, milliseconds."),
    NUMBER("budget", 0, 10, "0.2", "Retries as a share of requests, over 10 s."),
    NUMBER("failover_budget", 0, 10, "1",
           "Failovers beyond a request's second one, as a share of requests, over 10 s; 50 in 10 s always may be."),
};

static const struct config_key hedge_keys[] = {
    TEXT("after", "p95",
         "When the second attempt starts: p95 (the first target's own), or a time such as 800ms or 1.5s."),
    NUMBER("max_share", 0, 1, "0.05",
           "Share of requests, over 10 s, that may be hedged; one in 10 s always may. 0: off."),
};

static const struct config_key provider_keys[] = {
    TEXT("type", "",
         "A row of the [catalogue](catalogue.md): openai, anthropic, gemini, azure, groq, openrouter, mistral, "
         "deepseek, xai, together, cohere, fireworks, cerebras, perplexity, huggingface, cloudflare, ollama, vllm, and "
         "others.",
         .otherwise = STR("the name")),
    SAME("provider_type", "type"),
    TEXT("name", "", "The entry's own key again: another name is an error."),
    BOOL("enabled", "true", "A disabled provider is checked but not used."),
    TEXT("api_key", "", "The credential: ${NAME}, file:PATH, vault:NAME, or written out.",
         .otherwise = STR("the type's environment variable")),
    TEXTS("api_keys", "", "Several credentials: they take turns, and each cools down alone."),
    TEXT("account", "", "The account, where the type's base URL holds {account} (cloudflare)."),
    TEXT("base_url", "", "What the vendor's own SDK takes as its base URL: http(s)://... or unix:PATH.",
         .otherwise = STR("the type's")),
    TEXTS("models", "", "The models that it serves.", .otherwise = STR("the catalogue's")),
    SAME("model", "models"),
    SAME("model_name", "models"),
    CHOICE("api", "auto|chat|responses", "auto",
           "By which of OpenAI's two APIs it is asked. `auto`: as the facts of each model say (`api` of its row in the "
           "[catalogue](catalogue.md)); models that take tools by `/responses` only are asked there, whatever the "
           "caller speaks. A provider of another dialect has none of the two."),
    TEXT("default_model", "", "For requests that name none.", .otherwise = STR("the first model")),
    INT("priority", 1, 1000000, "100", "1 is tried first."),
    WORD("state", provider_state_word, "active",
         "Draining and maintenance get no new attempts; `weir provider drain NAME` sets it at run time."),
    NUMBER("weight", 0, 1e6, "1", "Share under weighted strategies."),
    SECONDS("timeout_seconds", 0, 86400, "30",
            "An attempt of a stream, up to its first token. Where it is written and `reply_timeout_seconds` is not, "
            "one that is not streamed too, up to the whole reply."),
    SAME("timeout", "timeout_seconds"),
    SECONDS("reply_timeout_seconds", 0, 86400, "600",
            "An attempt that is not streamed, up to the whole reply; without it `timeout_seconds`, where that is "
            "written."),
    SECONDS("stall_timeout_seconds", 0, 86400, "15", "In a stream, between tokens."),
    SECONDS("connect_timeout_seconds", 0, 3600, "5", "Name, connection, proxy and TLS together."),
    INT("max_retries", 0, limit_retries, "3", "Attempts after the first at this provider."),
    INT("max_concurrent", 1, 1e9, "", "Requests in flight."),
    NUMBER("rate_limit_rpm", 0, config_no_most, "", "Requests a minute."),
    NUMBER("rate_limit_tpm", 0, config_no_most, "", "Tokens a minute."),
    NUMBER("rate_limit_rph", 0, config_no_most, "", "Requests an hour."),
    SAME("requests_per_minute", "rate_limit_rpm"),
    SAME("tokens_per_minute", "rate_limit_tpm"),
    SAME("requests_per_hour", "rate_limit_rph"),
    NUMBER("burst_allowance", 0, config_no_most, "", "What may go above the even rate at once."),
    BOOL("adaptive_throttling", "true", "Slow down on the provider's own rate-limit headers."),
    SAME("enable_adaptive_throttling", "adaptive_throttling"),
    LIST("budgets", section_budget, "What may be spent: maps, or names of `budgets`."),
    NUMBER("daily_budget", 0, 1e9, "", "USD a day: short for `budgets: [{usd: ..., window: day}]`."),
    NUMBER("monthly_budget", 0, 1e9, "", "USD a month: the same with `window: month`."),
    CHOICE("budget_mode", "hard|soft|warn", "hard", "The `mode` of daily_budget and monthly_budget."),
    TEXT("budget_timezone", "UTC", "Their `timezone`."),
    CHOICE("budget_window", "calendar|rolling", "calendar",
           "What their day and month are: `rolling` is the last 24 hours and the last 30 days."),
    INT("cut_margin_tokens", 0, 1e6, "",
        "Tokens that it may have made of a stream, and bills, beyond what had come when weir hangs up, after which it "
        "makes no more: streams that cannot be reserved whole then reserve [as they go](decisions.md#streams-that-"
        "reserve-as-they-go). 0: they do not.",
        .otherwise = STR("the catalogue's")),
    SECTION("quota", section_quota, "What may be asked of it in a time; at 100% others serve."),
    INT("quota_limit", 0, config_no_most, "", "Requests a day: short for `quota: {requests_per_day: ...}`."),
    BOOL("bill", "true",
         "`false`, for subscriptions and machines of one's own: what it costs is counted, and spends no budget."),
    NUMBER("cost_per_request", 0, 1e6, "0", "USD a request, where no token price is known."),
    NUMBER("request_fee", 0, 1e6, "0", "USD a request, on top of token prices."),
    NUMBER("cost_per_token", 0, 1e6, "", "USD a token, input and output alike, where no price is known."),
    NAMED("prices", section_price, "What its models cost, by model.", .otherwise = STR("the catalogue's")),
    LIST("discount", section_discount, "Negotiated discounts, by the day."),
    CHOICE("unsupported", "usual|drop|refuse", "usual",
           "What it does not take is left out, or it is not asked; usual: tuning is left out, meaning refused."),
    CHOICE("prompt_cache", "usual|off|5m|1h", "usual",
           "Whether translated prompts are marked for its prompt cache; see [decisions](decisions.md#marks)."),
    NAMED("facts", section_facts,
          "What is known of models, by model: over the [catalogue's](catalogue.md#a-file-of-your-own) rows.",
          .otherwise = STR("the catalogue's")),
    SECTION("circuit_breaker", section_breaker, "The circuit breaker."),
    SECONDS("health_check_interval", 0, config_days_30, "", "Seconds between active health checks; 0: none.",
            .none = true, .otherwise = STR("the top level's")),
    MAP("headers", "Headers sent with every request: OpenAI-Organization, ..."),
    TEXTS("forward_headers", "", "Further headers of the caller that go up, and of the provider that come back."),
    TEXT("ca_file", "", "PEM file of the authorities that its certificate is checked against.",
         .otherwise = STR("the system's")),
    BOOL("insecure", "false", "No check of its certificate: for tests only."),
    TEXT("proxy", "", "http://[user:password@]HOST:PORT, or `none`.",
         .otherwise = STR("HTTPS_PROXY, http_proxy, NO_PROXY")),
    SECTION("health", section_health, "When it counts as degraded or unhealthy."),
    SECTION("queue", section_queue, "Waiting when max_concurrent is reached."),
    SECTION("pool", section_pool, "Connections to it."),
    NUMBER("overall_health", 0, 1, "", "Its part in the whole's health.", .status = key_later),
};

static const struct config_key quota_keys[] = {
    INT("requests_per_hour", 0, config_no_most, "", "Attempts sent in an hour; 0, here and below: no quota."),
    INT("requests_per_day", 0, config_no_most, "", "The same in a day."),
    INT("requests_per_month", 0, config_no_most, "", "The same in a month."),
    INT("tokens_per_hour", 0, config_no_most, "", "Their tokens, in and out."),
    INT("tokens_per_day", 0, config_no_most, "", "The same in a day."),
    INT("tokens_per_month", 0, config_no_most, "", "The same in a month."),
    INT("characters_per_hour", 0, config_no_most, "", "Characters (code points) of their text, in and out."),
    INT("characters_per_day", 0, config_no_most, "", "The same in a day."),
    INT("characters_per_month", 0, config_no_most, "", "The same in a month."),
    TEXT("timezone", "UTC", "Whose clocks say when an hour, day or month begins: Europe/Berlin."),
};

#define PRICE_KEY(name, share, most, help) NUMBER(#name, 0, most, "", help),
static const struct config_key price_keys[] = {
    PRICE_TABLE(PRICE_KEY)
        LIST("rows", section_price_row,
             "What holds under conditions, in order. Without a price beside it, on top of the catalogue's prices."),
};

static const struct config_key price_row_keys[] = {
    SECTION("when", section_price_when, "The conditions: all must hold.", .otherwise = STR("none")),
    SECTION("set", section_price_set, "Prices that replace those before. Or `times`."),
    NUMBER("times", 0, 1e6, "", "What prices of tokens are multiplied by: at most 3 decimals."),
};

static const struct config_key price_when_keys[] = {
    INT("above", 1, 1e9, "", "Input tokens, cached ones too: more than that. It prices the whole request."),
    WORD("tier", price_tier_word, "any", "The service tier that the reply tells; without one `standard`."),
    BOOL("batch", "", "Whether it was a batch's."),
    WORD("cache_ttl", price_lifetime_word, "any", "Of what is written to a cache: kept so long."),
    WORD("modality", price_modality_word, "any", "Of the tokens: those of it."),
    WORD("speed", price_speed_word, "any", "The speed that the reply tells; without one `standard`."),
    WORD("region", price_region_word, "any", "Where the reply says that it was computed."),
    TEXT("since", "", "A day, 2026-10-14, UTC: from then on, by the attempt's start."),
    TEXT("until", "", "A day: before it."),
    TEXT("hours", "", "Hours of the UTC day, `06:00-10:00`; over midnight too."),
};

static const struct config_key price_set_keys[] = {PRICE_TABLE(PRICE_KEY)};

static const struct config_key discount_keys[] = {
    NUMBER("share", 0, 1, "", "What is taken off all that the provider asks for, `request_fee` not: 0.15; 3 decimals."),
    TEXT("since", "", "The day, UTC, from which on it holds, until the next one's.",
         .otherwise = STR("from the first day")),
};

/* A model's row of the catalogue, member by member (snapshot/catalog_row.c), which checks the words. */
static const struct config_key facts_keys[] = {
    INT("context", 1, 1e9, "", "Tokens: the whole context."),
    INT("output", 1, 1e9, "", "Tokens of the longest answer."),
    TEXTS("can", "", "vision, audio, tools, json, reasoning, prefill, sampling, forced_tools."),
    TEXTS("cannot", "", "The same words, for what it is not able to do."),
    TEXTS("use", "", "chat, code, embeddings, images, speech, transcription, moderation, rerank, time_series."),
    TEXTS("refuses", "", "What else is refused, by the names of [dialects.md](dialects.md)."),
    TEXTS("thinking", "", "budget, adaptive, levels, always_on, between_tools, no_sampling."),
    INT("thinking_least", 1, 1e9, "", "Tokens of the smallest budget."),
    INT("thinking_most", 1, 1e9, "", "Tokens of the largest budget."),
    TEXTS("efforts", "", "none, minimal, low, medium, high, xhigh, max; `high=default` where it is called so."),
    TEXTS("schema", "", "What a schema must be: closed, required, plain."),
    TEXT("api", "", "chat, responses or responses_for_tools."),
    BOOL("bills_hidden", "", "Tokens are billed that its answer does not show."),
    INT("cache_least", 1, 1e9, "", "Tokens of a prompt from which on its beginning is kept."),
    TEXTS("cache_lifetimes", "", "How long that is kept: 5m, 30m, 1h, 12h, 24h."),
    TEXT("speed", "", "fast, medium or slow."),
    INT("first_token_ms", 1, 1e9, "", "What its first token is expected to take."),
    TEXT("place", "", "cloud, edge or local."),
    TEXT("released", "", "A day, 2026-11-20."),
    TEXT("deprecated", "", "A day."),
    TEXT("retires", "", "A day."),
};

static const struct config_key breaker_keys[] = {
    INT("failure_threshold", 1, 65535, "5", "Failures in a row that open it."),
    SECONDS("timeout_seconds", 0, config_days_30, "60", "How long it stays open."),
    INT("half_open_max_calls", 1, 255, "3", "Calls let through to try."),
    INT("success_threshold", 1, 255, "1", "Successes that close it."),
    NUMBER("failure_share", 0, 1, "0", "Share of a window's calls that opens it when they fail; 0: not looked at."),
    SECONDS("window_seconds", 1, 3600, "60", "The window of failure_share."),
    INT("window_calls_min", 1, 65535, "20", "A window of fewer calls says nothing."),
    SECONDS("ramp_seconds", 0, 3600, "10", "After it has closed again, traffic comes back over this time; 0: at once.",
            .none = true),
};

static const struct config_key health_keys[] = {
    NUMBER("degraded_below", 0, 1, "0.8", "A score below it is `degraded`."),
    NUMBER("unhealthy_below", 0, 1, "0.4", "A score below it is `unhealthy`."),
};

static const struct config_key route_keys[] = {
    TEXT("model", "", "What clients ask for: a name, or a glob such as \"gpt-4*\"."),
    WORD("strategy", strategy_word, "", "As selection_strategy, for this route.",
         .otherwise = STR("selection_strategy")),
    CHOICE("affinity", "usual|on|off", "usual",
           "Requests that begin alike go where the one before them went, for as long as their provider keeps the "
           "beginning; see [decisions](decisions.md#prompt-caches). usual: under `sticky`, and under `adaptive` where "
           "the caller names a session or a cache key. Of no effect under `exclusive`, whose lock decides."),
    LIST("targets", section_target,
         "provider/model, a map of what is below, or {route: MODEL} for another route, in the order they are tried."),
    CHOICE("unsupported", "usual|drop|refuse", "usual", "The same for this route; usual: as the provider has it."),
    CHOICE("prompt_cache", "usual|off|5m|1h", "usual", "The same for this route; usual: as the provider has it."),
    INT("failover_after", 1, 255, "3", "Failures that move the lock (exclusive)."),
    SECONDS("return_to_primary_seconds", 0, config_days_30, "", "When the lock goes back (exclusive); with 0 it stays.",
            .none = true),
    BOOL("strict", "false", "A request whose holder timed out gets a 504, and goes on at no other target (exclusive)."),
    CHOICE("on_context_exceeded", "next|answer", "next",
           "A request that is too long for a model goes to the next target whose context is larger or unknown, or the "
           "provider's refusal is the answer."),
    CHOICE("on_filtered", "answer|next", "answer",
           "A content filter's refusal, before the first token, is the answer, or the next target is asked."),
    BOOL("resume_streams", "false", "A stream that breaks is continued by the next target."),
    TEXT("resume_prompt", "", "How a target is asked to continue."),
    TEXT("fallback_response", "",
         "A text that chats are answered with when all targets are out and the cache has no answer: see "
         "[cache.md](cache.md#when-all-targets-are-out)."),
    SECTION("retry", section_retry, "As retry, for this route."),
    SECTION("hedge", section_hedge, "As hedge, for this route."),
    SECTION("cache", section_cache,
            "As cache, for this route, but for its bytes and its longest time; on where it is written."),
};

static const struct config_key target_keys[] = {
    TEXT("target", "", "provider/model."),
    TEXT("route", "",
         "Another route, by its `model`, in place of `target`: it is one target here, and chooses among its own by its "
         "own strategy and lock. At most 8 routes below one another, none in a circle; not in a route whose strategy "
         "is `exclusive`."),
    NUMBER("weight", 0, 1e6, "", "Share under weighted strategies.", .otherwise = STR("the provider's; a route's: 1")),
    INT("rpm", 0, 1e9, "",
        "Requests a minute to this target by this route, beside its provider's own limits; a minute's may come at "
        "once. So are the next ones. None of them for a route."),
    INT("tpm", 0, 1e12, "", "Tokens a minute."),
    INT("max_concurrent", 1, 1e9, "", "Requests in flight. Nobody waits in line for one: the next target is asked."),
    SECONDS("timeout_seconds", 0, 86400, "",
            "In place of the provider's; it bounds whole replies too, unless the provider's `reply_timeout_seconds` is "
            "written.",
            .otherwise = STR("the provider's")),
    SECTION("params", section_params,
            "What is said to the model in each chat that this route sends to this target, by the names of chat "
            "completions. None of them for a route."),
};

static const struct config_key params_keys[] = {
    SECTION("defaults", section_params,
            "What is said where the caller says nothing, a map of what is below. So is what stands beside it: `params: "
            "{temperature: 0.2}` is `params: {defaults: {temperature: 0.2}}`."),
    SECTION("overrides", section_params, "What is said whatever the caller says: the same."),
    NUMBER("temperature", 0, 2, "", "Sampling temperature."),
    NUMBER("top_p", 0, 1, "", "Sampling among the likeliest tokens that make up this share."),
    INT("top_k", 1, 1e6, "", "Sampling among so many tokens."),
    NUMBER("min_p", 0, 1, "", "Sampling above this share of the likeliest token."),
    NUMBER("presence_penalty", -2, 2, "", "Against what was said already."),
    NUMBER("frequency_penalty", -2, 2, "", "Against what was said often."),
    NUMBER("repetition_penalty", 0, 2, "", "Against repetition, as servers of open models know it."),
    INT("seed", 0, config_no_most, "", "Of sampling."),
    TEXTS("stop", "", "What ends an answer: a string, or a list of at most 4."),
    INT("max_tokens", 1, 1e9, "",
        "The cap on the answer, under the name that the model knows it by. A caller's own is lowered to it by an "
        "override, and never raised."),
    SAME("max_completion_tokens", "max_tokens"),
    CHOICE("reasoning_effort", "none|minimal|low|medium|high|xhigh|max", "", "How long the model thinks."),
    CHOICE("verbosity", "low|medium|high", "", "How long its answers are."),
    TEXT("service_tier", "", "The vendor's word for how it is served."),
    BOOL("parallel_tool_calls", "", "Several calls of tools at once; said where the request has tools."),
    TEXT("user", "", "Who the vendor is told is asking."),
};

static const struct config_key queue_keys[] = {
    INT("max", 0, 1e6, "", "Requests that may wait."),
    MILLISECONDS("wait_ms", 0, 1e7, "1000", "How long one may wait, milliseconds."),
};

static const struct config_key pool_keys[] = {
    INT("max_idle", 0, 1e6, "128",
        "Connections that are kept when they have nothing to do, per event loop, for " LIMIT_TEXT(
            limit_pool_idle_s) " s; at most max_connections."),
    INT("max_connections", 1, 1e6, "",
        "Connections in all, per event loop; none: no limit. Past it a request waits for one, within "
        "connect_timeout_seconds, and then goes on to the next target."),
};

static const struct config_key rule_keys[] = {
    TEXT("name", "", "Named by explain."),
    SECTION("when", section_when, "The conditions: all must hold."),
    SAME("condition", "when"),
    LIST("targets", section_target, "Where such requests go."),
    TEXT("provider", "", "In place of `targets`: one provider, with its default model, or provider/model."),
    WORD("strategy", strategy_word, "", "How among them.", .otherwise = STR("selection_strategy")),
    CHOICE("affinity", "usual|on|off", "usual", "As of a route."),
    BOOL("enabled", "true", "Whether it is looked at."),
    INT("priority", 0, 1e6, "100", "Lower ones are looked at first."),
};

static const struct config_key when_keys[] = {
    BOOL("has_image", "", "The request holds an image."),
    BOOL("has_tools", "", "The request offers tools."),
    BOOL("wants_json", "", "The request wants JSON."),
    BOOL("streaming", "", "The request wants a stream."),
    TEXT("model", "", "A glob on the model's name."),
    INT("prompt_tokens_over", 0, 1e9, "", "The prompt is longer, by estimate."),
    MAP("tags", "Tags that the request must have."),
    TEXT("client", "", "A glob on the client's name."),
    INT("prompt_tokens_under", 0, 1e9, "", "The prompt is shorter, by estimate."),
    TEXT("time_of_day", "", "HH:MM-HH:MM; past midnight where the first is later."),
    TEXT("days", "", "mon-fri, or a list: sat, sun."),
    TEXT("utc_offset", "UTC", "Of time_of_day and days: UTC, +02:00, -05:30."),
};

static const struct config_key client_keys[] = {
    TEXT("name", "", "The client's name."),
    TEXT("key_hash", "", "SHA-256 of its key, 64 hexadecimal digits: printf %s KEY | sha256sum."),
    TEXT("in", "", "The owner that it belongs to."),
    TEXT("template", "",
         "What of `templates` holds where it says more than this; its budgets count beside those here."),
    BOOL("enabled", "true", "`false`: its key is refused."),
    TEXT("expires_at", "", "From then on its key is refused: 2027-01-31, or 2027-01-31T12:00:00Z."),
    WORD("role", role_word, "user", "What it may do beside inference."),
    TEXTS("models", "*", "Globs of the models it may ask for."),
    TEXTS("providers", "*", "Globs of the providers that may serve it."),
    NUMBER("rate_limit_rpm", 0, config_no_most, "", "Requests a minute."),
    NUMBER("rate_limit_tpm", 0, config_no_most, "", "Tokens a minute."),
    NUMBER("rate_limit_rph", 0, config_no_most, "", "Requests an hour."),
    NUMBER("burst_allowance", 0, config_no_most, "", "What may go above the even rate at once."),
    INT("max_concurrent", 1, 1e9, "", "Requests in flight."),
    LIST("limits", section_limit, "Rates and places by model, route, tag or end user, beside the ones above."),
    LIST("budgets", section_budget, "What may be spent: maps, or names of `budgets`."),
    NUMBER("daily_budget", 0, 1e9, "", "USD a day: short for `budgets: [{usd: ..., window: day}]`."),
    NUMBER("monthly_budget", 0, 1e9, "", "USD a month: the same with `window: month`."),
    CHOICE("budget_mode", "hard|soft|warn", "hard", "The `mode` of daily_budget and monthly_budget."),
    TEXT("budget_timezone", "UTC", "Their `timezone`."),
    SECTION("sessions", section_sessions, "What each of its sessions may have."),
    SECTION("loop_guard", section_loop_guard, "Agents that call one tool with the same arguments again and again."),
    SECTION("quota", section_quota, "Quotas.", .status = key_protects),
    BOOL("may_steer", "", "May use x-weir-targets, x-weir-strategy and provider/model.",
         .otherwise = STR("false for role user")),
    BOOL("raw", "false", "May use /providers/{name}/..., and name what is stored at a provider."),
    BOOL("debug", "false", "Gets the developer's depth of errors: what each attempt came to."),
    CHOICE("redact_to_providers", "off|hide|restore", "off",
           "E-mail addresses, telephone and card numbers, keys and what `log.redact_patterns` finds are not sent to "
           "providers; `restore`: they are put back into the answer."),
    CHOICE("conversations", "off|store", "off",
           "`store`: its chat turns are kept beside stored responses, in clear, within the limits of `responses`."),
    MAP("tags", "Tags of all its requests."),
};

static const struct config_key budget_keys[] = {
    TEXT("name", "", "Tells it from others of the same owner, window, models and routes."),
    NUMBER("usd", 0, 1e9, "", "USD that may be spent in each window."),
    TEXT("window", "", "hour, day, week (from Monday), month or lifetime; or a time, with `rolling`."),
    BOOL("rolling", "false", "`window` is a time that ends now, 90m, 24h or 7d, exact to a thirtieth of it."),
    TEXT("timezone", "UTC", "Whose clocks say when a day, week or month begins: Europe/Berlin."),
    CHOICE("mode", "hard|soft|warn", "hard",
           "`hard`: what an attempt may cost is reserved before it is sent; `soft`: refuses once what was spent has "
           "reached it; `warn`: counts."),
    CHOICE("over", "block|downgrade|free", "block",
           "When it is spent: no more, the targets of `to` from the share `at` on, or what is free."),
    NUMBER("at", 0, 1, "1", "The share from which on `to` serves in place of the route's targets (downgrade)."),
    TEXTS("to", "", "Targets, provider/model, or `cheapest`: what costs least and can do what is asked (downgrade).",
          .otherwise = STR("`cheapest`")),
    TEXTS("models", "*", "Globs of the models that count: as asked for, as the provider calls them, provider/model."),
    TEXTS("routes", "*", "Globs of the routes that count, by their `model`."),
    CHOICE("unbounded", "refuse|allow", "refuse",
           "Under a hard budget, what has no bound before it is sent is a 403, or reserves the model's whole context."),
    CHOICE("start", "zero|history", "zero",
           "When it first appears it has spent 0, or what the ledger knows of its window."),
    TEXT("per", "", "model, route, tag:NAME, end_user or session: each has the sum of its own."),
    MAP("values", "USD of single ones of them, in the place of `usd`: {alice: 5}."),
    INT("max_values", 1, 1e6, "10000", "How many of them are told apart in a window; all others share one sum."),
};

static const struct config_key sessions_keys[] = {
    NUMBER("usd", 0.000001, 1e9, "", "USD that one session may spend, reserved before an attempt is sent."),
    INT("calls", 1, 1e9, "", "Requests of one session that are sent on."),
    INT("minutes", 1, 10080, "", "How long after its first request a session may begin another."),
    INT("idle_minutes", 1, 10080, "1440",
        "Not used for so long, and its `minutes` over, a session is forgotten, and begins anew."),
};

static const struct config_key loop_guard_keys[] = {
    INT("warn", 2, 1e9, "", "So many calls in a request's history: x-weir-tool-loop, the log, a count."),
    INT("refuse", 2, 1e9, "", "So many: a 403, until a person has said something."),
};

static const struct config_key limit_keys[] = {
    TEXT("name", "", "Tells it from others of the same owner, models, routes and `per`."),
    INT("rpm", 0, config_no_most, "", "Requests a minute; 0: no limit."),
    INT("rph", 0, config_no_most, "", "Requests an hour."),
    INT("tpm", 0, config_no_most, "", "Tokens a minute."),
    INT("burst", 0, config_no_most, "", "Requests that may come at once, above the even rate.",
        .otherwise = STR("all of it")),
    INT("concurrent", 0, 1e9, "", "Requests in flight."),
    TEXTS("models", "*", "Globs of the models that count: as asked for, as the provider calls them, provider/model."),
    TEXTS("routes", "*", "Globs of the routes that count, by their `model`."),
    TEXT("per", "", "model, route, tag:NAME, end_user or session: each has rates and places of its own."),
    NAMED("values", section_limit_value, "What single ones of them may instead: {alice: {rpm: 600}}."),
    INT("max_values", 1, 1e6, "10000", "How many of them are told apart at a time; all others share one limit."),
};

static const struct config_key limit_value_keys[] = {
    INT("rpm", 0, config_no_most, "", "Requests a minute; 0: no limit."),
    INT("rph", 0, config_no_most, "", "Requests an hour."),
    INT("tpm", 0, config_no_most, "", "Tokens a minute."),
    INT("burst", 0, config_no_most, "", "Requests that may come at once, above the even rate.",
        .otherwise = STR("all of it")),
    INT("concurrent", 0, 1e9, "", "Requests in flight."),
};

static const struct config_key owner_keys[] = {
    TEXT("name", "", "The owner's name."),
    CHOICE("kind", "organization|team|user", "team", "What it is."),
    TEXT("in", "", "The owner that it belongs to."),
    LIST("budgets", section_budget, "What may be spent: maps, or names of `budgets`."),
    NUMBER("daily_budget", 0, 1e9, "", "USD a day: short for `budgets: [{usd: ..., window: day}]`."),
    NUMBER("monthly_budget", 0, 1e9, "", "USD a month: the same with `window: month`."),
    CHOICE("budget_mode", "hard|soft|warn", "hard", "The `mode` of daily_budget and monthly_budget."),
    TEXT("budget_timezone", "UTC", "Their `timezone`."),
    SECTION("sessions", section_sessions, "What each session of each of its clients may have."),
    SECTION("loop_guard", section_loop_guard, "Agents that call one tool with the same arguments again and again."),
    NUMBER("rate_limit_rpm", 0, config_no_most, "", "Requests a minute."),
    NUMBER("rate_limit_tpm", 0, config_no_most, "", "Tokens a minute."),
    NUMBER("rate_limit_rph", 0, config_no_most, "", "Requests an hour."),
    NUMBER("burst_allowance", 0, config_no_most, "", "What may go above the even rate at once."),
    INT("max_concurrent", 1, 1e9, "", "Requests in flight."),
    LIST("limits", section_limit, "Rates and places by model, route, tag or end user, beside the ones above."),
    TEXTS("models", "*", "Globs of the models that its clients may ask for."),
    TEXTS("providers", "*", "Globs of the providers that may serve them."),
};

static const struct config_key template_keys[] = {
    LIST("budgets", section_budget, "What may be spent: maps, or names of `budgets`."),
    NUMBER("daily_budget", 0, 1e9, "", "USD a day: short for `budgets: [{usd: ..., window: day}]`."),
    NUMBER("monthly_budget", 0, 1e9, "", "USD a month: the same with `window: month`."),
    CHOICE("budget_mode", "hard|soft|warn", "hard", "The `mode` of daily_budget and monthly_budget."),
    TEXT("budget_timezone", "UTC", "Their `timezone`."),
    SECTION("sessions", section_sessions, "What each session of each client may have."),
    SECTION("loop_guard", section_loop_guard, "Agents that call one tool with the same arguments again and again."),
    NUMBER("rate_limit_rpm", 0, config_no_most, "", "Requests a minute."),
    NUMBER("rate_limit_tpm", 0, config_no_most, "", "Tokens a minute."),
    NUMBER("rate_limit_rph", 0, config_no_most, "", "Requests an hour."),
    NUMBER("burst_allowance", 0, config_no_most, "", "What may go above the even rate at once."),
    INT("max_concurrent", 1, 1e9, "", "Requests in flight."),
    LIST("limits", section_limit, "Rates and places by model, route, tag or end user, beside the ones above."),
    CHOICE("redact_to_providers", "off|hide|restore", "off",
           "E-mail addresses, telephone and card numbers, keys and what `log.redact_patterns` finds are not sent to "
           "providers; `restore`: they are put back into the answer."),
    CHOICE("conversations", "off|store", "off",
           "`store`: its chat turns are kept beside stored responses, in clear, within the limits of `responses`."),
};

static const struct config_key identity_keys[] = {
    TEXT("issuer", "", "A token's `iss`, byte for byte; at most 126 bytes, without `#`."),
    TEXT("jwks", "",
         "Its keys (JWKS): a URL, https:// or to a loopback address http://; or the path of a file, which is read "
         "again as a URL is."),
    TEXTS("audience", "", "A token's `aud` must be, or hold, one of these."),
    SECTION("claims", section_claims, "Which claims say who it is."),
    MAP("roles", "Words of the role claim, and what they stand for: {gateway-admins: admin}; else it is a user."),
    TEXT("template", "", "What of `templates` its identities get, each for itself."),
    TEXT("unknown", "", "The template of those whose team is no owner's name.",
         .otherwise = STR("they are refused (403)")),
    TEXT("ca_file", "", "PEM file of the authorities that its server is verified by.",
         .otherwise = STR("the system's")),
    INT("refresh_seconds", 1, 86400, "3600",
        "Its keys are read again after it, or sooner where their server's Cache-Control says so (then after a minute "
        "at the least)."),
    INT("max_identities", 1, 1000000, "10000",
        "Subjects that are kept at once; those at rest make room. One that has spent in an open window is not at "
        "rest."),
};

static const struct config_key claims_keys[] = {
    TEXT("team", "team", "Of the owner that it belongs to, a text or a list of texts: the first that is one's name."),
    TEXT("user", "sub", "Of the subject."),
    TEXT("role", "role", "Of what `roles` maps, a text or a list: the highest counts."),
};

static const struct config_key log_keys[] = {
    CHOICE("level", "debug|info|warn|error|off", "info", "The least level that is written."),
    CHOICE("format", "json|readable", "", "The form of a line.", .otherwise = STR("json; readable on a terminal")),
    BOOL("redact", "true",
         "Credentials, addresses, telephone and card numbers are not logged; `false` changes nothing in this version."),
    TEXTS("redact_patterns", "", "Regular expressions: what they find is not logged either, nor told by explain."),
    BOOL("bodies", "false", "Log requests and replies, and what a provider says in its errors.", .status = key_later),
};

static const struct config_key alerts_keys[] = {
    NUMBERS("quota", 0, 1, "[0.8, 0.9, 1.0]", "Shares of each quota that alert, at most 8; 0 is none."),
    NUMBERS("budget", 0, 1, "[0.8, 0.9, 1.0]", "The same of each budget."),
    NUMBER("error_share", 0, 1, "0.2", "Share of a provider's answers that are failures of its own; 0: none alerts."),
    NUMBER("latency_factor", 0, 1000, "3",
           "How many times its own past a provider's 95th percentile to the first token is; 0: none alerts."),
    MILLISECONDS("latency_ms", 0, 3600000, "0", "The same as a time, whatever the past was; 0: none."),
    INT("least_answers", 1, 1000000, "20", "Of fewer answers in the window neither is said."),
    SECONDS("window_seconds", 1, 86400, "300", "Over how long both are looked at."),
    NUMBER("burn_after", 0, 1, "0.1",
           "Share of a budget's window that is over before its end is foretold; 0: none alerts."),
    NUMBER("spend_factor", 0, 1000, "3",
           "How many times what is much in an hour (of the week before) a provider may cost; 0: none alerts."),
    NUMBER("spend_least", 0, 1000000, "1", "US dollars an hour below which that is not said."),
    INT("retiring_days", 0, 3650, "30", "Days before a model that is used is taken away; 0: none alerts."),
    INT("certificate_days", 0, 3650, "21", "Days before a certificate of `listen` ends; 0: none alerts."),
    INT("provider_certificate_days", 0, 3650, "7", "The same of a provider's, as its host shows it; 0: none alerts."),
    SECONDS("ledger_behind_seconds", 0, 86400, "60", "How long what is spent may wait for the ledger; 0: none alerts."),
    TEXT("webhook", "", "http:// or https:// URL that each alert is posted to."),
    TEXT("secret", "", "What posts are signed with, so that who gets them knows whose they are."),
    CHOICE("format", "json|slack|teams", "json", "In whose shape: see [alerts.md](alerts.md#slack-and-teams)."),
    SECONDS("webhook_timeout_seconds", 0, 300, "10", "How long one post may take."),
    LIST("webhooks", section_alert_hook, "Further ones, each with its own shape, kinds and level; at most 8 in all."),
    NUMBER("min_healthy", 0, 1, "", "Share of providers that must be healthy.", .status = key_later),
};

static const struct config_key alert_hook_keys[] = {
    TEXT("url", "", "http:// or https:// URL that alerts are posted to."),
    CHOICE("format", "json|slack|teams", "json", "In whose shape."),
    TEXT("secret", "", "What posts are signed with."),
    TEXTS("kinds", "", "Kinds of alerts that go there, with * and ?: budget*, provider_down.", .otherwise = STR("all")),
    CHOICE("level", "warn|error", "warn", "The least level that goes there."),
    SECONDS("timeout_seconds", 0, 300, "10", "How long one post may take."),
};

static const struct config_key traces_keys[] = {
    TEXT("endpoint", "",
         "Base URL of a collector that takes OTLP over HTTP as JSON: `/v1/traces` and `/v1/metrics` stand below it."),
    MAP("headers", "Headers of its posts: Authorization, ..."),
    NUMBER("sample", 0, 1, "1",
           "Share of the traces that begin at weir which are sent; a caller's flag decides of its."),
    CHOICE("semconv", "legacy|2026-11|both", "2026-11",
           "Names of the GenAI conventions: those up to 1.36, those of November 2026, or both."),
    BOOL("content", "false", "Prompts and answers of chats on spans too, redacted as the log is."),
    BOOL("metrics", "false", "Send what /metrics shows, too."),
    SECONDS("metrics_interval_seconds", 0, 86400, "60", "How often."),
    TEXT("service_name", "weir", "`service.name` of what is sent."),
    SECONDS("timeout_seconds", 0, 300, "10", "How long one post may take."),
    TEXT("ca_file", "", "PEM file with the authorities of the collector's certificate, instead of the system's."),
    BOOL("propagate", "true", "Tell providers of a request's trace (`traceparent`): with or without an `endpoint`."),
};

static const struct config_key overall_keys[] = {
    NUMBER("min_healthy", 0, 1, "", "Share of providers that must be healthy.", .status = key_later),
};

#define KEYS(list) list, sizeof list / sizeof *list

static const struct {
    struct str name;
    const struct config_key *keys;
    size_t count;
} sections[config_sections] = {
    [section_top] = {STR(""), KEYS(top_keys)},
    [section_listen] = {STR("listen"), KEYS(listen_keys)},
    [section_tls] = {STR("listen.tls"), KEYS(tls_keys)},
    [section_adaptive] = {STR("adaptive"), KEYS(adaptive_keys)},
    [section_retry] = {STR("retry"), KEYS(retry_keys)},
    [section_hedge] = {STR("hedge"), KEYS(hedge_keys)},
    [section_fetch] = {STR("fetch"), KEYS(fetch_keys)},
    [section_responses] = {STR("responses"), KEYS(responses_keys)},
    [section_cache] = {STR("cache"), KEYS(cache_keys)},
    [section_semantic] = {STR("cache.semantic"), KEYS(semantic_keys)},
    [section_provider] = {STR("providers.NAME"), KEYS(provider_keys)},
    [section_quota] = {STR("quota"), KEYS(quota_keys)},
    [section_price] = {STR("prices.MODEL"), KEYS(price_keys)},
    [section_price_row] = {STR("prices.MODEL.rows[]"), KEYS(price_row_keys)},
    [section_price_when] = {STR("prices.MODEL.rows[].when"), KEYS(price_when_keys)},
    [section_price_set] = {STR("prices.MODEL.rows[].set"), KEYS(price_set_keys)},
    [section_discount] = {STR("discount[]"), KEYS(discount_keys)},
    [section_facts] = {STR("facts.MODEL"), KEYS(facts_keys)},
    [section_breaker] = {STR("circuit_breaker"), KEYS(breaker_keys)},
    [section_route] = {STR("routes[]"), KEYS(route_keys)},
    [section_target] = {STR("targets[]"), KEYS(target_keys)},
    [section_params] = {STR("targets[].params"), KEYS(params_keys)},
    [section_queue] = {STR("queue"), KEYS(queue_keys)},
    [section_pool] = {STR("pool"), KEYS(pool_keys)},
    [section_rule] = {STR("rules[]"), KEYS(rule_keys)},
    [section_when] = {STR("rules[].when"), KEYS(when_keys)},
    [section_client] = {STR("clients[]"), KEYS(client_keys)},
    [section_log] = {STR("log"), KEYS(log_keys)},
    [section_alerts] = {STR("alerts"), KEYS(alerts_keys)},
    [section_alert_hook] = {STR("alerts.webhooks"), KEYS(alert_hook_keys)},
    [section_traces] = {STR("traces"), KEYS(traces_keys)},
    [section_overall] = {STR("overall_health"), KEYS(overall_keys)},
    [section_health] = {STR("health"), KEYS(health_keys)},
    [section_budget] = {STR("budgets"), KEYS(budget_keys)},
    [section_owner] = {STR("owners[]"), KEYS(owner_keys)},
    [section_template] = {STR("templates.NAME"), KEYS(template_keys)},
    [section_sessions] = {STR("sessions"), KEYS(sessions_keys)},
    [section_identity] = {STR("identity[]"), KEYS(identity_keys)},
    [section_claims] = {STR("identity[].claims"), KEYS(claims_keys)},
    [section_loop_guard] = {STR("loop_guard"), KEYS(loop_guard_keys)},
    [section_limit] = {STR("limits[]"), KEYS(limit_keys)},
    [section_limit_value] = {STR("limits[].values.NAME"), KEYS(limit_value_keys)},
};

struct str config_section_name(enum config_section section) {
    return sections[section].name;
}

const struct config_key *config_keys_of(enum config_section section, size_t *count) {
    *count = sections[section].count;
    return sections[section].keys;
}

struct str config_key_choice(const struct config_key *key, size_t place) {
    if (key->word) return key->word(place);
    struct str rest = key->choices, choice = STR("");
    for (size_t i = 0; i <= place; i++)
        if (!str_split_next(&rest, '|', &choice)) return STR("");
    return choice;
}

const struct config_key *config_key_find(enum config_section section, struct str name) {
    for (size_t i = 0; i < sections[section].count; i++)
        if (str_eq(sections[section].keys[i].name, name)) return &sections[section].keys[i];
    return NULL;
}

struct str config_key_nearest(enum config_section section, struct str name) {
    struct str nearest = STR("");
    unsigned least = name.len < 5 ? 2 : 4; /* past it nothing is meant */
    for (size_t i = 0; i < sections[section].count; i++) {
        unsigned distance = str_distance(sections[section].keys[i].name, name);
        if (distance < least) {
            least = distance;
            nearest = sections[section].keys[i].name;
        }
    }
    return nearest;
}
