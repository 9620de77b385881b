/* snapshot.h - one configuration, resolved and immutable: what every decision reads. Built on the control thread,
 * swapped whole, freed when the last request that uses it ends. Reading is thread-safe; only holds changes. */
#ifndef WEIR_SNAPSHOT_SNAPSHOT_H
#define WEIR_SNAPSHOT_SNAPSHOT_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/header.h"
#include "base/url.h"
#include "base/network.h"
#include "core/health.h"
#include "core/pick.h"
#include "dialect/prompt_marks.h"
#include "dialect/quirks.h"
#include "snapshot/cache.h"
#include "snapshot/catalog.h"
#include "snapshot/cells.h"
#include "snapshot/client_table.h"
#include "snapshot/credentials.h"
#include "snapshot/entries.h"
#include "snapshot/identity.h"
#include "snapshot/owners.h"
#include "snapshot/rules.h"

/* Draining and maintenance get no new attempts; what is under way ends in its own time. */
enum provider_state { provider_active, provider_draining, provider_maintenance };

/* By which of OpenAI's two APIs a provider is asked. */
enum provider_api { provider_api_auto, provider_api_chat, provider_api_responses, provider_apis };

struct provider {
    uint16_t index;    /* in snapshot->providers */
    uint32_t other_id; /* under which its models are counted that no list knows */
    struct str name;
    struct str type;
    const struct catalog_provider *row;
    enum dialect dialect;
    bool simulated; /* the built-in provider */
    bool edited;    /* the run-time overlay has a say in it */
    enum provider_state state;
    struct url base;
    struct str base_url; /* as text, for status */
    size_t key_count;
    struct str key_header;     /* "Authorization" */
    struct str *authorization; /* its value for each key, as configured, in order: "Bearer KEY"; empty list: none sent.
                                  These values, those of headers and the proxy stand in snapshot->secrets */
    struct str
        *key_entries;   /* of each key, the vault's entry that it comes from; empty: it does not; NULL: none does */
    size_t key_standby; /* how many at the end are used only where none of the others may be: valid for a while yet */
    struct http_header *headers; /* extra ones, from configuration */
    size_t header_count;
    struct credentials credentials; /* of all these: what must not come back */
    struct str *forward_headers;    /* names that also go up and come back */
    size_t forward_header_count;
    struct str *models; /* configured, else the catalogue's; may be empty: then any model after "provider/" */
    size_t model_count;
    enum unsupported unsupported; /* what becomes of what it cannot be told */
    enum prompt_cache prompt_cache;
    struct catalog_model *facts; /* what the configuration says of models, over the catalogue's rows */
    size_t fact_count;
    bool models_written; /* these and no others: it gets none that no list knows */
    struct str default_model;
    int64_t priority; /* 1 is tried first */
    double weight;
    bool stream_options;
    uint32_t endpoints;
    enum provider_api api; /* chat, where its dialect is not OpenAI's */
    uint64_t connect_timeout_ns, first_token_timeout_ns, reply_timeout_ns, stall_timeout_ns;
    bool reply_timeout_written; /* else a target's own time bounds whole replies too */
    unsigned max_retries;       /* attempts at this provider for one request are at most 1 + this */
    struct str ca_file, proxy;
    bool insecure;
    size_t pool_idle_max, pool_connections_max; /* connections per event loop; max 0: no limit */
    uint64_t origin_id; /* equal where all of base, ca_file, proxy, insecure, keys and timeout are, across snapshots */
    struct provider_cells *cells;
    struct key_cells **key_cells; /* one for each key */
    struct breaker_rules breaker;
    struct health_rules health;
    struct rate_rules rates;
    uint32_t max_concurrent; /* 0: no limit */
    uint32_t queue_max;      /* who may wait for a place; 0: nobody */
    uint64_t queue_wait_ns;
    bool adaptive_throttling;
    struct money_budgets money;
    struct quota *quotas; /* of all its keys together */
    size_t quota_count;
    bool counts_characters;   /* one of them does */
    bool unbilled;            /* what it costs spends no budget */
    int64_t cut_margin;       /* tokens: of the catalogue, or as it is written; below 1: its streams reserve all */
    uint64_t health_check_ns; /* 0: no active checks */
    struct map
        prices; /* struct price_list by model, as they are written: the catalogue's go on in those without a base */
    struct price_rows discounts; /* on all that the vendor asks for; borrowed by its targets' prices */
};

/* One that serves nothing: written, and switched off or removed at run time. */
struct absent_provider {
    struct absent_provider *next;
    struct str name, type;
    bool removed; /* else `enabled: false` */
    bool edited;
};

struct target {
    const struct provider *provider;
    struct str model; /* as the provider names it */
    struct str name;  /* "provider/model" */
    double weight;
    const struct catalog_model *facts; /* what the catalogue knows of the model; NULL: nothing */
    const struct codec_quirks *quirks; /* never NULL; static */
    uint64_t
        refuses; /* of a chat request in OpenAI's own words: members that are not sent on, a bit per enum feature */
    uint64_t touches; /* the same, and what is called otherwise there: bits of openai_request.members */
    struct price_list prices;
    uint32_t id; /* durable within the process: equal names keep their id across reloads (metrics, the lock) */
    uint64_t name_hash;
    struct target_cells *cells; /* NULL: made for one request */
    struct cell **limited;      /* of each of the provider's keys, until when its limit for this model is reached, and
                                   for whom: limited.h; NULL: made for one request */
};

struct retry_rules {
    unsigned max_retries;  /* at targets that were tried already */
    unsigned max_attempts; /* of all kinds; 0: no limit */
    uint64_t base_ms, max_ms;
    unsigned budget_permille, failover_permille;
};

/* Files from the web, for providers that take no URLs. */
struct fetch_limits {
    bool on;
    size_t bytes_max; /* of one */
    uint64_t timeout_ns;
    struct network *allowed; /* asked though they are not public */
    size_t allowed_count;
};

/* A second attempt for late first bytes. */
struct hedge_rules {
    bool on;
    uint64_t after_ns; /* 0: the target's own 95th percentile */
    unsigned share_permille;
};

/* What a route says of one of its targets, beside what holds for its provider: for that target in that route alone. */
struct target_limits {
    struct limiter_rules requests_minute, tokens_minute;
    uint32_t max_concurrent;                           /* 0: no limit */
    uint64_t first_token_timeout_ns, reply_timeout_ns; /* 0: the provider's */
    struct place_cells *cells;
};

/* Do requests that begin alike go where the one before them went (flight_prefix.c)? usual: under `sticky`, and under
 * `adaptive` where the caller says what belongs together. */
enum affinity { affinity_usual, affinity_on, affinity_off };

struct route_place {
    struct place_cells *cells; /* NULL: made for one request */
    double weight;
    const struct target_limits *limits; /* NULL: none */
    const struct target_params *params; /* of chats (dialect/params.h); NULL: none */
};

struct route;

/* A route that is a target of another one, which is flattened: its targets stand among that one's. The first of a list
 * of them is the route itself (a rule's: NULL). */
struct route_level {
    const struct route *route;
    uint16_t around;          /* whose target it is: a place in the list, before its own; the first's: 0 */
    size_t first, end;        /* of the flattened route's targets: its own, and those of the routes among them */
    struct route_place place; /* as a target */
    int64_t priority;         /* the least of its targets' */
    uint64_t name_hash;
};

struct route {
    struct str model; /* exact name, or a glob */
    bool is_glob;
    bool built_in; /* `default` */
    bool pinned;   /* made for provider/model: a client needs the right to steer, and to the target's own model */
    const struct target **targets; /* in the order they are tried: by provider priority, then as written */
    size_t target_count;
    struct route_place *places; /* of the targets, each in the route that names it; NULL: made for one request */
    struct route_level *levels; /* NULL: no target of it is a route */
    size_t level_count;         /* 0 then; else at most limit_targets */
    uint16_t *level_of;         /* of each target: a place in levels */
    unsigned height;            /* of routes below it; at most limit_route_levels */
    enum strategy strategy;
    enum affinity affinity;
    struct retry_rules retry;
    struct hedge_rules hedge;
    struct cache_rules cache;
    unsigned failover_after;        /* exclusive */
    uint64_t return_to_primary_ns;  /* exclusive; 0: the lock stays */
    enum unsupported unsupported;   /* usual: as its providers have it */
    enum prompt_cache prompt_cache; /* the same */
    bool strict;                    /* exclusive: who timed out is asked nowhere else */
    bool context_answers;           /* a context that is too small is the answer, and not asked for elsewhere */
    bool filtered_next;             /* what a content filter refuses is asked of the next target */
    bool resume_streams;
    struct str resume_prompt;
    struct str fallback;       /* what is answered when no target of it can be had; empty: nothing */
    struct route_cells *cells; /* NULL: made for one request */
};

/* What alerts, and where it is posted. */
enum { alert_shares_max = 8, alert_hooks_max = 8 };
/* Their words stand in config_schema.c, in this order. */
enum alert_format { alert_as_json, alert_as_slack, alert_as_teams };
struct alert_hook {
    struct str url, secret; /* no secret: it is not signed; both in snapshot->secrets: a URL may hold a credential */
    enum alert_format format;
    uint64_t timeout_ns;
    bool errors_only;
    struct str *kinds; /* globs; count 0: all */
    size_t kind_count;
};
struct alert_rules {
    uint32_t quota_permille[alert_shares_max], budget_permille[alert_shares_max];
    size_t quota_count, budget_count;
    double error_share, latency_factor, spend_factor; /* 0: nothing is told of it, as of the rest */
    uint64_t latency_ms, least_answers, window_s, ledger_behind_s;
    int64_t spend_least_nano_usd, retiring_days, certificate_days, provider_certificate_days;
    uint32_t burn_after_permille;
    struct alert_hook hooks[alert_hooks_max];
    size_t hook_count;
};

/* Names of the GenAI conventions, in the order of the key's words. */
enum semconv { semconv_legacy, semconv_2026_11, semconv_both };

/* What is told of requests to who collects traces (OpenTelemetry), and to providers (W3C Trace Context). */
struct trace_rules {
    bool on;        /* each request has a trace: there is an endpoint */
    bool propagate; /* providers are told */
    bool metrics;
    bool content; /* prompts and answers too */
    enum semconv semconv;
    double sample;       /* share of the traces that begin here which are collected */
    struct str endpoint; /* in snapshot->secrets, as it may hold a credential; without a slash at its end; and: */
    struct http_header *headers;
    size_t header_count;
    struct str service, ca_file;
    uint64_t timeout_ns, metrics_every_ns;
};

enum role { role_user, role_operator, role_admin };
/* Their words, in the order of the enum; empty behind the last. */
struct str role_word(size_t role);

struct client {
    struct str name;
    unsigned char id[16]; /* of one that was made at run time: no other has had it; all zero: the name is all */
    struct sha256 key_hash;
    enum role role;
    struct str *models, *providers; /* globs; count 0: none allowed. ["*"] by default */
    size_t model_count, provider_count;
    bool may_steer, raw;
    bool disabled;     /* its key is refused */
    bool edited;       /* one of the file, and what was changed at run time has a say in it */
    int64_t expires_s; /* since 1970: from then on; 0: never */
    enum { redacts_off, redacts_hides, redacts_restores } redacts; /* personal data, towards providers */
    bool keeps_conversations;                                      /* its chat turns are stored */
    bool debug; /* errors tell it what each attempt came to: so written, or its role is more than user */
    struct rule_tag *tags;
    size_t tag_count;
    struct rate_rules rates;
    uint32_t max_concurrent; /* 0: no limit */
    struct client_cells *cells;
    struct rate_limits limits;  /* beside these: its own and its template's, then those of all above it */
    size_t own_limits;          /* how many of them are its own, or its template's */
    const struct owner *in;     /* NULL: nobody's */
    struct money_budgets money; /* its own, its template's, and those of all above it */
    struct session_caps caps;   /* of each of its sessions, by it and all above it: the least of each */
    struct sessions *sessions;  /* NULL: there is no cap */
    struct cells *own_cells;    /* where what it makes stands, and goes with it; NULL: the gateway's, for good */
    uint32_t metrics_id;        /* under which it is counted */
};

struct client_registry;
struct client_bounds;

struct snapshot {
    struct arena arena, secrets;            /* the latter for credentials */
    struct client_registry *registry;       /* of clients made at run time; outlives it; NULL: there are none */
    _Atomic(struct client_bounds *) bounds; /* what they may do under it; NULL: nobody has asked */
    _Atomic uint32_t holds;
    uint64_t generation;
    struct catalog catalog;
    struct provider *providers;
    size_t provider_count;
    struct absent_provider *absent;
    struct target *targets;
    size_t target_count;
    const struct target **targets_cheap; /* those whose price is known, the cheapest first */
    size_t cheap_count;
    uint32_t *targets_marked;  /* while it is built: the last route that each was put into, its place + 1 */
    size_t targets_nested;     /* the same: how many stand in routes through other routes */
    uint32_t *routes_marked;   /* the same: the last route, or rule, that each is a target of */
    struct map routes_by_name; /* the same: globs too, as they are written */
    struct route *routes;      /* exact ones first, then globs in the order written */
    size_t route_count;
    struct map exact_routes; /* struct route by model */
    struct map targets_by_name, providers_by_name;
    struct map
        model_targets; /* struct route by a listed model's name: every enabled provider that lists it, by priority */
    struct map short_targets;          /* struct route by a short name: mixtral-8x7b */
    const struct route **short_routes; /* the same, in the order in which they were made */
    size_t short_count;
    const struct route *use_routes[catalog_uses]; /* for requests that leave the model out; NULL: `default` */
    struct rule *rules;                           /* by priority, then as written */
    struct route *rule_routes;                    /* of the rules, at the same places */
    size_t rule_count;
    bool trust_tags;                        /* rules see the caller's own tags */
    struct str end_user_header;             /* in which an end user is said; empty: none */
    const struct hash_secret *value_secret; /* of the values that budgets are split by */
    const struct route *default_route;      /* may be NULL when no provider is enabled */
    struct client *clients;
    size_t client_count;
    struct client_table client_keys; /* places in clients[] */
    struct map clients_by_name;
    struct identity_issuer *issuers; /* of tokens */
    size_t issuer_count;
    struct owner *owners;
    size_t owner_count;
    struct money_budget **budgets; /* of everybody, by identity */
    size_t budget_count;
    struct money_budget *first_budget;        /* the same, from the last one read to the first */
    struct map named_budgets, owners_by_name; /* while it is built: struct money_budget, struct owner */
    struct zone_read *zones;                  /* by name, as they were read */
    const struct config_node *templates;      /* the same; of the file, for clients that are read later */
    struct entries entries[entry_kinds];      /* what may be changed at run time, as it is told */
    bool auth_none;                           /* `auth: none` is written */
    bool had_clients; /* once, in this state folder: without any now nobody is let in, unless auth_none */
    struct sha256 admin_key_hash;
    uint64_t request_timeout_ns;
    struct retry_rules retry; /* of routes that have none of their own */
    struct hedge_rules hedge;
    struct cache_rules cache;
    size_t cache_bytes_max;  /* 0: there is none */
    size_t semantic_entries; /* prompts that are remembered to be found in other words; 0: no route looks */
    bool cache_durable;
    struct fetch_limits fetch;
    struct {
        bool on;
        int64_t keep_days; /* 0: for ever */
        int64_t bytes_max, client_bytes_max;
    } responses; /* stored ones */
    struct alert_rules alerts;
    int64_t health_keep_days; /* 0: for ever */
    struct trace_rules traces;
    enum strategy strategy;
    struct pick_weights adaptive;
    bool fallback_by_score; /* adaptive goes on by score after a failure */
    int64_t reserve_output_tokens;
    size_t body_bytes_max;
    unsigned batch_size; /* lines of a batch that are under way at once */
    bool response_headers_minimal;
    bool cancel_on_disconnect;
};

/* "active", "draining", "maintenance": the configuration's own words. */
struct str provider_state_name(enum provider_state state);
/* The same words by place; empty behind the last. */
struct str provider_state_word(size_t place);

void snapshot_hold(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot); /* frees at zero, wiping credentials */

/* How many clients there are, those made at run time too. */
size_t snapshot_clients(const struct snapshot *snapshot);
/* May callers be told apart? Whoever may sign for one may sign for many. */
static inline bool snapshot_has_several(const struct snapshot *snapshot) {
    return snapshot->issuer_count > 0 || snapshot_clients(snapshot) > 1;
}
/* Is a key wanted of those who come? */
static inline bool snapshot_wants_keys(const struct snapshot *snapshot) {
    return (snapshot->client_count > 0 || snapshot->issuer_count > 0 || snapshot->had_clients) && !snapshot->auth_none;
}
/* Has its key been disabled or revoked since the request was let in, or come to its end? NULL: nobody's. */
static inline bool client_is_barred(const struct client *client, int64_t wall_ns) {
    return client && (cell_load(&client->cells->barred) ||
                      (client->expires_s && wall_ns / (int64_t)NS_PER_S >= client->expires_s));
}
/* Do simulated answers stand in for every provider? */
bool snapshot_is_simulated(const struct snapshot *snapshot);
/* The client whose key this is, or NULL. In time that does not depend on how much of the key is right. */
const struct client *snapshot_client(const struct snapshot *snapshot, struct str key);

/* An operator says that it is well again: its breakers close, its keys' cool-downs end, its failed
 * probes are forgotten. Any thread. */
void snapshot_forgive(const struct snapshot *snapshot, const struct provider *provider, uint64_t now_ns);

/* What its quirks and facts make of a body in OpenAI's own words: quirks, refuses, touches. */
void target_tell(struct target *target);
/* What is known of a model there: by the configuration, else by the catalogue; NULL: nothing. */
const struct catalog_model *provider_facts(const struct provider *provider, struct str model);

/* Which route serves this name: exact route, route glob, a configured provider before the first slash, a listed model,
 * a short name of one,
 * the default route, those whose vendor's family it is. NULL: model_not_found. `pinned` gets a one-target route for
 * provider/model (its memory is the arena's). */
const struct route *snapshot_route(const struct snapshot *snapshot, struct str model, struct arena *arena);
/* Why a name is unknown, with the nearest that the client may use: "..., not `x`: did you mean `y`? ...". */
struct str snapshot_unknown(const struct snapshot *snapshot, const struct client *client, struct str model,
                            struct arena *arena);
/* The name of a route or a listed model, or a short name, that is most like it, among those that the client may have
 * answered (NULL: anyone); {NULL, 0}: none is near. */
struct str snapshot_nearest(const struct snapshot *snapshot, const struct client *client, struct str model,
                            struct arena *arena);
/* provider/model for a provider of this gateway, whatever routes there are: one target, configured or made for this
 * request, in a route of the arena's. NULL: there is no such provider, or no memory. */
struct route *snapshot_pinned(const struct snapshot *snapshot, struct str name, struct arena *arena);

#endif
