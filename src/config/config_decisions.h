/* config_decisions.h - what of the configuration decisions go by: strategies, breakers, rates, retries, queues; and the
 * cells that belong to each name. */
#ifndef WEIR_CONFIG_CONFIG_DECISIONS_H
#define WEIR_CONFIG_CONFIG_DECISIONS_H

#include "config/config.h"
#include "config/config_read.h"

void decisions_of_all(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);
/* Its base URL and keys are known. `root` for what providers inherit. */
void decisions_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                           const struct config_node *node, struct provider *provider);
/* What a target is called, as it stands in a list: a map's `target`, or a scalar. */
struct str config_target_name(const struct config_node *node);
/* The name of the route that stands there instead of a target; NULL: none does. */
const struct config_node *config_target_route(const struct config_node *node);
/* A target, or a route, in a route. */
struct route_place decisions_of_place(struct config_reading *reading, struct snapshot *snapshot,
                                      const struct route *route, struct str target, double weight);
void decisions_of_target(struct config_reading *reading, struct snapshot *snapshot, struct target *target);
/* Its targets are complete; node NULL: a route that is made, not written. A rule is read as a route is. */
void decisions_of_route(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                        const struct config_node *node, struct route *route);
void decisions_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                         struct client *client);
struct rate_rules rates_of(struct section section);
/* Requests a minute and an hour, tokens a minute, and what may go above the even rate at once; 0: none. */
struct rate_rules rates_make(uint64_t minute, uint64_t hour, uint64_t tokens, uint64_t burst);
/* config_build.c: of a header: letters, digits, `-` and `_`, at most 128; its value without control characters, at most
 * 8 KB. */
bool config_header_is_valid(struct str name, struct str value);
/* config_clients.c: those of the file. */
void clients_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);

/* config_identity.c: issuers of tokens; owners and templates are known. */
void identity_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);

/* config_budgets.c: owners, and what may be spent. Owners and the budgets that several may name, before those that name
 * them; what a provider, and what a client and all above it, may spend. */
void owners_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);
void budgets_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                         struct provider *provider);
void budgets_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct client *client);
/* By what a budget or a limit is split, of its word; false: by nothing that is known. */
bool per_read(struct str word, enum money_per *per, struct str *tag);

/* config_rate_limits.c: whose `limits` are read. */
struct limits_reading {
    struct config_reading *reading;
    struct snapshot *snapshot;
    struct str who;   /* "team search": told */
    struct str scope; /* "owner search": a part of the identity */
    bool is_clients;  /* of one client */
    struct rate_limits *into;
    size_t room;
};
/* Those that a map has. */
void rate_limits_read(struct limits_reading *of, const struct config_node *map);
/* A client's own, its template's, and those of all above it, who are linked. */
void limits_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                      struct client *client);
/* How many limits they are on a path: each rate, and places, for itself. */
size_t rate_limits_count(const struct rate_limits *limits);
/* config_sessions.c: what each session may have: of an owner, as it is written; and of a client, the least of each that
 * it, its template and those above it say. Those above are linked. */
void sessions_of_owner(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct owner *owner);
void sessions_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                        struct client *client);
/* The targets that serve in place of a route's, of the budgets from the last one read to `end`; all targets are there.
 */
void budgets_downgrades_find(struct config_reading *reading, struct snapshot *snapshot, const struct money_budget *end);
/* The template that a client names; NULL: none, or there is none of that name. */
const struct config_node *template_of(const struct snapshot *snapshot, const struct config_node *client);

/* `unsupported` of a provider or a route. */
enum unsupported unsupported_of(struct section section);
/* `prompt_cache` of one of them. */
enum prompt_cache prompt_cache_of(struct section section);

/* config_facts.c: what the operator says of its models, over the catalogue's rows. */
void facts_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct provider *provider);

/* config_semantic.c: of a route's `cache`; NULL: it has none. Once all models have their routes: does somebody embed?
 */
const struct semantic_rules *semantic_of_route(struct config_reading *reading, struct snapshot *snapshot,
                                               struct section cache);
void semantic_models_look(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);

/* config_traces.c */
struct trace_rules traces_of(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);

/* config_params.c: the `params` of a target, as its place in a route has them; NULL: none. */
const struct target_params *params_of_target(struct config_reading *reading, struct snapshot *snapshot,
                                             struct section section, const struct target *target);

/* config_prices.c: `prices` and `discount` of a provider, checked whether a target uses them or not; then a target's
 * own. `node` is the provider's. */
void prices_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                        struct provider *provider);
struct price_list prices_of_target(struct config_reading *reading, struct snapshot *snapshot,
                                   const struct config_node *node, const struct provider *provider, struct str model);

/* config_rules.c: the rules and the routes that they lead to; the routes are complete. A target as a list holds it, and
 * the one of a rule's `provider`; NULL: it is left out, which has been said. */
typedef struct target *(*config_target_find)(struct config_reading *reading, struct snapshot *snapshot,
                                             const struct config_node *root, const struct config_node *node);
struct config_targets {
    config_target_find listed, of_provider;
};
void rules_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                const struct config_targets *targets);
/* config_nested.c: routes among the targets of routes. All routes are complete but for these; `nodes` are their own, in
 * the same order. */
void routes_nest(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *const *nodes);
/* The same for a rule's route, once all routes are complete. */
void rule_nest(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
               struct route *route);
/* config_names.c: short names, and models for requests without one; after the listed models have their routes. The
 * target provider/model, made at its first use. */
typedef struct target *(*config_target_make)(struct config_reading *reading, struct snapshot *snapshot,
                                             const struct config_node *root, const struct provider *provider,
                                             struct str model);
void names_make(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                config_target_make make);
/* config_url.c */
void base_url_look(struct config_reading *reading, const struct config_node *at, const struct provider *provider);
/* A map of tags. */
struct rule_tag *tags_read(const struct config_node *map, struct arena *arena, size_t *count);

#endif
