/* routes.c - every path that the gateway serves, as one table. */
#include "gateway/visit.h"

static const struct gateway_route routes[] = {
    {http_get, STR("/healthz"), access_open, answer_healthz, false},
    {http_get, STR("/readyz"), access_open, answer_readyz, false},
    {http_get, STR("/metrics"), access_metrics, answer_metrics, false},
    {http_get, STR("/"), access_open, answer_page, false},
    {http_get, STR("/page/*"), access_open, answer_page, false},
    {http_post, STR("/page/enter"), access_open, answer_page_enter, true},
    {http_get, STR("/v1/models"), access_client, answer_models, false},
    {http_get, STR("/models"), access_client, answer_models, false},
    {http_get, STR("/v1/models/*"), access_client, answer_model, false},
    {http_get, STR("/models/*"), access_client, answer_model, false},
    {http_get, STR("/v1beta/models"), access_client, answer_models, false},
    {http_get, STR("/v1beta/models/*"), access_client, answer_model, false},
    {http_get, STR("/v1/responses/*"), access_client, answer_response, false},
    {http_delete, STR("/v1/responses/*"), access_client, answer_response, false},
    {http_post, STR("/v1/responses/*"), access_client, answer_response, false},
    {http_get, STR("/responses/*"), access_client, answer_response, false},
    {http_delete, STR("/responses/*"), access_client, answer_response, false},
    {http_post, STR("/responses/*"), access_client, answer_response, false},
    {http_get, STR("/v1/key"), access_client, answer_key, false},
    {http_post, STR("/v1/key/rotate"), access_client, answer_own_rotate, true},
    {http_get, STR("/v1/key/conversations"), access_client, answer_own_conversations, false},
    {http_delete, STR("/v1/key/conversations"), access_client, answer_own_conversations, false},
    {http_get, STR("/v1/key/conversations/*"), access_client, answer_own_conversations, false},
    {http_delete, STR("/v1/key/conversations/*"), access_client, answer_own_conversations, false},
    {http_get, STR("/v1/usage"), access_client, answer_own_usage, false},
    {http_get, STR("/v1/generation"), access_client, answer_generation, false},
    {http_get, STR("/admin/v1/budgets"), access_operator, answer_budgets, false},
    {http_post, STR("/admin/v1/budgets/*"), access_admin, answer_budget_change, true},
    {http_post, STR("/admin/v1/budgets"), access_admin, answer_entry_add, true},
    {http_get, STR("/admin/v1/budgets/*"), access_operator, answer_entry, false},
    {http_patch, STR("/admin/v1/budgets/*"), access_admin, answer_entry_change, true},
    {http_delete, STR("/admin/v1/budgets/*"), access_admin, answer_entry_remove, false},
    {http_get, STR("/admin/v1/cache"), access_operator, answer_cache, false},
    {http_post, STR("/admin/v1/cache/purge"), access_admin, answer_cache_purge, true},
    {http_get, STR("/admin/v1/routes"), access_operator, answer_entries, false},
    {http_post, STR("/admin/v1/routes"), access_admin, answer_entry_add, true},
    {http_get, STR("/admin/v1/routes/*"), access_operator, answer_entry, false},
    {http_patch, STR("/admin/v1/routes/*"), access_admin, answer_entry_change, true},
    {http_delete, STR("/admin/v1/routes/*"), access_admin, answer_entry_remove, false},
    {http_post, STR("/admin/v1/routes/*"), access_admin, answer_entry_action, true},
    {http_get, STR("/admin/v1/rules"), access_operator, answer_entries, false},
    {http_post, STR("/admin/v1/rules"), access_admin, answer_entry_add, true},
    {http_get, STR("/admin/v1/rules/*"), access_operator, answer_entry, false},
    {http_patch, STR("/admin/v1/rules/*"), access_admin, answer_entry_change, true},
    {http_delete, STR("/admin/v1/rules/*"), access_admin, answer_entry_remove, false},
    {http_post, STR("/admin/v1/rules/*"), access_admin, answer_entry_action, true},
    {http_get, STR("/admin/v1/owners"), access_operator, answer_entries, false},
    {http_post, STR("/admin/v1/owners"), access_admin, answer_entry_add, true},
    {http_get, STR("/admin/v1/owners/*"), access_operator, answer_entry, false},
    {http_patch, STR("/admin/v1/owners/*"), access_admin, answer_entry_change, true},
    {http_delete, STR("/admin/v1/owners/*"), access_admin, answer_entry_remove, false},
    {http_post, STR("/admin/v1/owners/*"), access_admin, answer_entry_action, true},
    {http_get, STR("/admin/v1/templates"), access_operator, answer_entries, false},
    {http_post, STR("/admin/v1/templates"), access_admin, answer_entry_add, true},
    {http_get, STR("/admin/v1/templates/*"), access_operator, answer_entry, false},
    {http_patch, STR("/admin/v1/templates/*"), access_admin, answer_entry_change, true},
    {http_delete, STR("/admin/v1/templates/*"), access_admin, answer_entry_remove, false},
    {http_post, STR("/admin/v1/templates/*"), access_admin, answer_entry_action, true},
    {http_get, STR("/admin/v1/clients"), access_operator, answer_clients, false},
    {http_post, STR("/admin/v1/clients"), access_admin, answer_client_add, true},
    {http_get, STR("/admin/v1/clients/*"), access_operator, answer_client, false},
    {http_patch, STR("/admin/v1/clients/*"), access_admin, answer_client_change, true},
    {http_delete, STR("/admin/v1/clients/*"), access_admin, answer_client_revoke, false},
    {http_post, STR("/admin/v1/clients/*"), access_admin, answer_client_action, true},
    {http_get, STR("/admin/v1/status"), access_operator, answer_status, false},
    {http_get, STR("/admin/v1/providers"), access_operator, answer_providers, false},
    {http_post, STR("/admin/v1/providers"), access_admin, answer_provider_add, true},
    {http_get, STR("/admin/v1/providers/*"), access_operator, answer_provider, false},
    {http_patch, STR("/admin/v1/providers/*"), access_admin, answer_provider_update, true},
    {http_put, STR("/admin/v1/providers/*"), access_admin, answer_provider_replace, true},
    {http_delete, STR("/admin/v1/providers/*"), access_admin, answer_provider_remove, false},
    {http_post, STR("/admin/v1/providers/*"), access_admin, answer_provider_action, true},
    {http_get, STR("/admin/v1/credentials"), access_operator, answer_credentials, false},
    {http_put, STR("/admin/v1/credentials/*"), access_admin, answer_credential_set, true},
    {http_delete, STR("/admin/v1/credentials/*"), access_admin, answer_credential_remove, false},
    {http_post, STR("/admin/v1/credentials/*"), access_admin, answer_credential_action, true},
    {http_get, STR("/admin/v1/requests"), access_operator, answer_requests, false},
    {http_get, STR("/admin/v1/requests/*"), access_operator, answer_explain, false},
    {http_get, STR("/admin/v1/route"), access_operator, answer_route, false},
    {http_get, STR("/admin/v1/route/*"), access_operator, answer_route, false},
    {http_post, STR("/admin/v1/route"), access_operator, answer_route, true},
    {http_get, STR("/admin/v1/health"), access_operator, answer_health, false},
    {http_get, STR("/admin/v1/health/history"), access_operator, answer_health_history, false},
    {http_get, STR("/admin/v1/health/history/*"), access_operator, answer_health_history, false},
    {http_get, STR("/admin/v1/usage"), access_operator, answer_usage, false},
    {http_post, STR("/admin/v1/usage/recost"), access_admin, answer_recost, true},
    {http_get, STR("/admin/v1/audit"), access_operator, answer_audit, false},
    {http_get, STR("/admin/v1/audit/*"), access_operator, answer_audit, false},
    {http_post, STR("/admin/v1/purge"), access_admin, answer_purge, true},
    {http_get, STR("/admin/v1/export"), access_admin, answer_export, false},
    {http_get, STR("/admin/v1/conversations"), access_operator, answer_conversations, false},
    {http_delete, STR("/admin/v1/conversations"), access_admin, answer_conversations, false},
    {http_get, STR("/admin/v1/conversations/*"), access_admin, answer_conversations, false},
    {http_delete, STR("/admin/v1/conversations/*"), access_admin, answer_conversations, false},
    {http_get, STR("/admin/v1/alerts"), access_operator, answer_alerts, false},
    {http_get, STR("/admin/v1/events"), access_operator, answer_events, false},
    {http_get, STR("/admin/v1/lock"), access_operator, answer_locks, false},
    {http_post, STR("/admin/v1/lock/*"), access_admin, answer_lock_move, true},
    {http_post, STR("/admin/v1/reload"), access_admin, answer_reload, false},
    {http_post, STR("/admin/v1/drain"), access_admin, answer_drain, false},
};

static const struct gateway_route itself = {http_options, STR("*"), access_open, answer_methods, false};
static const struct gateway_route raw = {http_methods, STR("/providers/*"), access_client, NULL, true};
static const struct gateway_route inference = {http_post, STR("/v1/*"), access_client, NULL, true};

static bool gateway_routes_matches(struct str pattern, struct str path) {
    if (pattern.at[pattern.len - 1] != '*') return str_eq(pattern, path);
    struct str prefix = str_slice(pattern, 0, pattern.len - 1);
    return str_starts(path, prefix) && path.len > prefix.len;
}

/* models/{model}:verb, as Google's API has it */
static bool is_model_call(struct str path) {
    return str_starts(path, STR("/v1beta/models/")) && str_find_byte(path, ':') != SIZE_MAX;
}

const struct gateway_route *route_find(enum http_method method, struct str path, bool *other_method) {
    enum endpoint endpoint;
    *other_method = false;
    if (method == http_head) method = http_get;
    if (gateway_routes_matches(raw.path, path)) return &raw;
    if (method == http_options && str_eq(path, itself.path)) return &itself;
    if (endpoint_find(path, &endpoint, NULL)) {
        *other_method = method != http_post;
        return method == http_post ? &inference : NULL;
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!gateway_routes_matches(routes[i].path, path)) continue;
        if (routes[i].method == method) return &routes[i];
        *other_method =
            method != http_post || !is_model_call(path); /* a POST to another verb is no matter of methods */
    }
    return NULL;
}

void route_methods(struct str path, struct text *text) {
    unsigned takes = 0;
    enum endpoint endpoint;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (str_eq(path, itself.path) || gateway_routes_matches(routes[i].path, path)) takes |= 1u << routes[i].method;
    if (endpoint_find(path, &endpoint, NULL)) takes = 1u << http_post;
    if (takes >> http_get & 1) takes |= 1u << http_head;
    if (str_eq(path, itself.path)) takes |= 1u << http_options;
    for (unsigned method = 0; method < http_methods; method++) {
        if (!(takes >> method & 1)) continue;
        if (text->len) text_put(text, STR(", "));
        text_put(text, http_method_name((enum http_method)method));
    }
}

const struct gateway_route *route_row(size_t place) {
    return place < sizeof routes / sizeof *routes ? &routes[place] : NULL;
}

void route_nearest(struct str path, char *nearest, size_t size) {
    str_copy(nearest, size, STR("/v1/chat/completions"));
    unsigned least = 99;
    char full[80], asked[320];
    if (is_model_call(path)) { /* the verb is what may be misspelt */
        struct text text = text_in_buffer(asked, sizeof asked);
        size_t colon = path.len;
        while (path.at[colon - 1] != ':') colon--;
        text_put(&text, STR("/v1beta/models/{model}:"));
        text_put(&text, str_slice(path, colon, colon + 80));
        path = text_str(&text);
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes + endpoints; i++) {
        bool fixed = i < sizeof routes / sizeof *routes;
        struct str candidate =
            fixed ? routes[i].path : endpoint_facts((enum endpoint)(i - sizeof routes / sizeof *routes))->path;
        struct text text = text_in_buffer(full, sizeof full);
        if (!fixed && !str_starts(candidate, STR("/v1"))) text_put(&text, STR("/v1"));
        text_put(&text, candidate);
        unsigned distance = str_distance(text_str(&text), path);
        if (distance >= least) continue;
        least = distance;
        str_copy(nearest, size, text_str(&text));
    }
}
