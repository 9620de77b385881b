/* config_build.c - from checked nodes to a snapshot: providers, their targets, routes, clients; and what only the whole
 * can show: names that lead nowhere, names that stand twice. */
#include <stdio.h>
#include <string.h>

#include "base/header_names.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/name.h"
#include "dialect/outbound.h"
#include "config/config.h"
#include "config/config_decisions.h"
#include "config/config_overlay.h"
#include "config/config_read.h"

/* -- providers -- */

static struct str config_build_environment_of(const struct config_reading *reading, struct str name) {
    char terminated[128];
    str_copy(terminated, sizeof terminated, name);
    return name.len ? str_from(reading->input->environment(reading->input->context, terminated)) : STR("");
}

/* The type's own variables. */
static struct str key_of_environment(const struct config_reading *reading, const struct catalog_provider *row) {
    struct str key = config_build_environment_of(reading, row->key_env), rest = row->key_env_more, name;
    while (key.len == 0 && rest.len && str_split_next(&rest, ',', &name))
        key = config_build_environment_of(reading, str_trim(name));
    return key;
}

/* Visible ASCII: anything else would change the head it is written into. */
static bool key_is_valid(struct str key) {
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] <= 0x20 || key.at[i] >= 0x7f) return false;
    return key.len > 0;
}

static void config_build_keys_read(struct config_reading *reading, struct snapshot *snapshot,
                                   const struct config_node *node, struct provider *provider) {
    struct arena *arena = &snapshot->arena;
    const struct config_node *one = config_member(node, STR("api_key")), *many = config_member(node, STR("api_keys"));
    size_t count;
    const struct section section = {section_provider, node};
    struct str *keys = read_strings(section, many ? "api_keys" : "api_key", &snapshot->secrets, &count);
    if (one && many) config_report(reading, many, config_error, "write `api_key` or `api_keys`, not both");
    /* Another server than the type's own, or a way that was chosen at run time, gets only a key that is written for it.
     */
    bool own_server = read_str(section, "base_url").len == 0;
    struct str from_environment =
        own_server && node->way == way_as_it_was ? key_of_environment(reading, provider->row) : STR("");
    if (count == 0 && from_environment.len) {
        keys = arena_take(&snapshot->secrets, sizeof *keys);
        if (keys) keys[count++] = from_environment;
    }
    if (count == 0 && provider->row->key_required)
        config_report(reading, node, own_server && node->way != way_other ? config_error : config_warning,
                      own_server && node->way != way_other
                          ? "provider `%.*s` has no api_key: write api_key: ${%.*s}"
                          : "provider `%.*s` has a base_url or a way of its own and no api_key: none is sent, "
                            "${%.*s} only where it is written",
                      STR_ARG(provider->name), STR_ARG(provider->row->key_env));
    const struct catalog_provider *row = provider->row;
    provider->key_header = row->key_header;
    provider->authorization = arena_take_zeroed(arena, (count + 1) * sizeof *provider->authorization);
    for (size_t i = 0; i < count && provider->authorization; i++) {
        if (!key_is_valid(str_trim(keys[i]))) {
            config_report(reading,
                          many  ? many
                          : one ? one
                                : node,
                          config_error,
                          "provider `%.*s` has an api_key that is empty or holds a blank, a line end or a character "
                          "that is not ASCII",
                          STR_ARG(provider->name));
            continue;
        }
        struct str *value = &provider->authorization[provider->key_count++];
        *value = arena_join(&snapshot->secrets, row->key_prefix, str_trim(keys[i]));
        if (!value->at) config_report(reading, node, config_error, "no memory for the credentials");
    }
}

/* What of a provider's must not come back. */
static void credentials_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                             struct provider *provider) {
    struct str *keys = arena_take(&snapshot->secrets, (provider->key_count + 1) * sizeof *keys);
    for (size_t i = 0; keys && i < provider->key_count; i++)
        keys[i] = str_slice(provider->authorization[i], provider->row->key_prefix.len, SIZE_MAX);
    if (!keys || !credentials_make(keys, provider->key_count, provider->headers, provider->header_count,
                                   provider->proxy, &snapshot->secrets, &provider->credentials))
        config_report(reading, node, config_error, "no memory for the credentials");
}

/* {account} in the type's base URL. */
static struct str base_url_of(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                              struct provider *provider) {
    const struct section section = {section_provider, node};
    struct str url = read_str(section, "base_url"), account = read_str(section, "account");
    if (url.len) return arena_copy(&snapshot->arena, url);
    if (provider->simulated) return arena_copy(&snapshot->arena, reading->input->simulated_base_url);
    url = provider->row->base_url;
    size_t at = str_find(url, STR("{account}"));
    if (at == SIZE_MAX) return url;
    if (account.len == 0) account = config_build_environment_of(reading, provider->row->account_env);
    if (account.len == 0)
        config_report(reading, node, config_error, "provider `%.*s` needs its `account` (or %.*s in the environment)",
                      STR_ARG(provider->name), STR_ARG(provider->row->account_env));
    return arena_printf(&snapshot->arena, "%.*s%.*s%.*s", STR_ARG(str_slice(url, 0, at)), STR_ARG(account),
                        STR_ARG(str_slice(url, at + 9, url.len)));
}

static void ca_look(struct config_reading *reading, const struct config_node *node, const struct provider *provider) {
    struct error error = {.code = error_none};
    if (!provider->base.tls || provider->insecure || provider->ca_file.len == 0 || !reading->input->ca_check) return;
    if (!reading->input->ca_check(reading->input->context, provider->ca_file, &error))
        config_report(reading, config_member(node, STR("ca_file")), config_error, "%s", error.message);
}

/* How many connections to it there may be. */
static void pool_read(struct config_reading *reading, const struct config_node *node, struct provider *provider) {
    const struct section pool = read_section((struct section){section_provider, node}, "pool");
    const struct config_node *idle = config_member(pool.map, STR("max_idle"));
    size_t most = read_whole(pool, "max_connections");
    provider->pool_connections_max = most;
    provider->pool_idle_max = read_whole(pool, "max_idle");
    if (most == 0 || provider->pool_idle_max <= most) return;
    if (idle)
        config_report(reading, idle, config_error, "`max_idle` is %zu, and `max_connections` allows %zu in all",
                      provider->pool_idle_max, most);
    provider->pool_idle_max = most;
}

/* What connections to it have in common. A hash: credentials are not for a table that outlives the snapshot. */
static uint64_t origin_id_of(const struct provider *provider, struct arena *arena) {
    struct text text = text_in_arena(arena, 512);
    text_printf(&text, "%.*s|%.*s|%d|%llu|", STR_ARG(provider->base_url), STR_ARG(provider->ca_file),
                provider->insecure, (unsigned long long)provider->connect_timeout_ns);
    text_put(&text, provider->proxy);
    for (size_t i = 0; i < provider->key_count; i++) {
        text_put_byte(&text, '|');
        text_put(&text, provider->authorization[i]);
    }
    struct sha256 hash = hash_sha256(text_str(&text));
    uint64_t id;
    memcpy(&id, hash.bytes, sizeof id);
    return id;
}

static void origin_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                        struct provider *provider) {
    const struct section section = {section_provider, node};
    struct arena *arena = &snapshot->arena;
    provider->base_url = base_url_of(reading, snapshot, node, provider);
    const char *problem = url_parse(provider->base_url, &provider->base);
    struct config_node *at = config_member(node, STR("base_url"));
    if (problem && provider->base_url.len)
        config_report(reading, at ? at : node, config_error, "base_url `%.*s` is not valid: %s",
                      STR_ARG(at && str_find_byte(at->text, '@') == SIZE_MAX ? config_shown(at) : STR("...")), problem);
    base_url_look(reading, at ? at : node, provider);
    provider->ca_file = arena_copy(arena, read_str(section, "ca_file"));
    provider->insecure = read_bool(section, "insecure");
    ca_look(reading, node, provider);
    struct str proxy = read_str(section, "proxy");
    if (proxy.len == 0) {
        struct str https = config_build_environment_of(reading, STR("HTTPS_PROXY")),
                   http = config_build_environment_of(reading, STR("http_proxy"));
        if (https.len == 0) https = config_build_environment_of(reading, STR("https_proxy"));
        struct str no = config_build_environment_of(reading, STR("NO_PROXY"));
        if (no.len == 0) no = config_build_environment_of(reading, STR("no_proxy"));
        proxy = url_proxy(&provider->base, https, http,
                          no); /* HTTP_PROXY in capitals is not read, as in curl: CGI sets it */
    }
    provider->proxy = str_eq(proxy, STR("none")) ? STR("") : arena_copy(&snapshot->secrets, proxy);
    pool_read(reading, node, provider);
    provider->origin_id = origin_id_of(provider, &snapshot->secrets);
}

bool config_header_is_valid(struct str name, struct str value) {
    for (size_t i = 0; i < value.len; i++)
        if ((value.at[i] >= 0 && value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] == 0x7f) return false;
    return name.len > 0 && name.len <= 128 && value.len <= 8192 && str_is_alnum(name, "-_");
}

/* The provider's own and those that stand above all providers. */
static void forwards_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                          const struct config_node *node, struct provider *provider) {
    size_t count, more;
    const struct config_node *written = config_member(node, STR("forward_headers"));
    if (!written) written = config_member(root, STR("forward_headers"));
    struct str *own =
                   read_strings((struct section){section_provider, node}, "forward_headers", &snapshot->arena, &count),
               *all = read_strings((struct section){section_top, root}, "forward_headers", &snapshot->arena, &more);
    if (count + more > limit_headers) {
        config_report(reading, written, config_error, "more than %d `forward_headers`", limit_headers);
        return;
    }
    provider->forward_headers = arena_take(&snapshot->arena, (count + more + 1) * sizeof *provider->forward_headers);
    if (!provider->forward_headers) return;
    for (size_t i = 0; i < count + more; i++) {
        struct str name = i < count ? own[i] : all[i - count];
        if (!config_header_is_valid(name, STR("")))
            config_report(reading, written, config_error,
                          "`forward_headers`: `%.*s` is no header's name: letters, digits, `-` and `_`",
                          STR_ARG(str_slice(name, 0, 64)));
        else if (header_uses(name) & (header_of_hop | header_fixed))
            config_report(reading, written, config_error,
                          "`forward_headers`: `%.*s` is weir's own or holds a credential: remove it",
                          STR_ARG(str_slice(name, 0, 64)));
        else
            provider->forward_headers[provider->forward_header_count++] = name;
    }
}

static void headers_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                         struct provider *provider) {
    const struct config_node *headers = config_member(node, STR("headers"));
    if (!headers || headers->kind != config_map) return;
    if (headers->count > limit_headers / 2) {
        config_report(reading, headers, config_error, "more than %d `headers`", limit_headers / 2);
        return;
    }
    provider->headers = arena_take_zeroed(&snapshot->arena, (headers->count + 1) * sizeof *provider->headers);
    for (const struct config_node *header = headers->first; header && provider->headers; header = header->next)
        if (!config_header_is_valid(header->key, header->text))
            config_report(reading, header, config_error,
                          "`%.*s` is no header: a name of letters, digits and `-`, a value of one line",
                          STR_ARG(str_slice(header->key, 0, 64)));
        else if (header_uses(header->key) & header_of_hop) /* a second one would make two requests of one */
            config_report(reading, header, config_error, "the header `%.*s` is written by weir itself: remove it",
                          STR_ARG(header->key));
        else if (header->kind == config_scalar)
            provider->headers[provider->header_count++] = (struct http_header){
                arena_copy(&snapshot->arena, header->key), arena_copy(&snapshot->secrets, header->text)};
}

/* One that is written twice is no second one. */
static void each_once(struct str *list, size_t *count) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool again = false;
        for (size_t k = 0; k < kept && !again; k++) again = str_eq(list[k], list[i]);
        if (!again) list[kept++] = list[i];
    }
    *count = kept;
}

static void models_read(struct snapshot *snapshot, const struct config_node *node, struct provider *provider) {
    const struct section section = {section_provider, node};
    struct arena *arena = &snapshot->arena;
    provider->models = read_strings(section, "models", arena, &provider->model_count);
    provider->models_written = provider->model_count > 0;
    each_once(provider->models, &provider->model_count);
    if (provider->model_count == 0) {
        provider->models = arena_take(arena, (provider->row->model_count + 1) * sizeof *provider->models);
        for (size_t i = 0; i < provider->row->model_count && provider->models; i++)
            if (provider->row->models[i].listed)
                provider->models[provider->model_count++] = provider->row->models[i].id;
        provider->default_model = provider->row->default_model;
    }
    if (read_is_written(section, "default_model"))
        provider->default_model = arena_copy(arena, read_str(section, "default_model"));
    if (provider->default_model.len == 0 && provider->model_count) provider->default_model = provider->models[0];
}

static void provider_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                          const struct config_node *node, struct catalog_provider *row) {
    const struct section section = {section_provider, node};
    struct provider *provider = &snapshot->providers[snapshot->provider_count];
    *provider = (struct provider){.index = (uint16_t)snapshot->provider_count,
                                  .name = arena_copy(&snapshot->arena, node->key),
                                  .type = row->type,
                                  .row = row,
                                  .dialect = row->dialect,
                                  .stream_options = row->stream_options,
                                  .endpoints = row->endpoints,
                                  .simulated = str_eq(row->type, STR("simulated")),
                                  .edited = node->edited,
                                  .state = (enum provider_state)read_choice(section, "state"),
                                  .unsupported = unsupported_of(section),
                                  .prompt_cache = prompt_cache_of(section),
                                  .api = (enum provider_api)read_choice(section, "api"),
                                  .priority = (int64_t)read_whole(section, "priority"),
                                  .weight = read_number(section, "weight"),
                                  .max_retries = (unsigned)read_whole(section, "max_retries")};
    struct str other = arena_printf(&snapshot->arena, "%.*s/(other)", STR_ARG(node->key));
    provider->other_id = config_id(reading->input->ids, other);
    snapshot->provider_count++;
    struct str called = read_str(section, "name");
    if (called.len && !str_eq(called, node->key))
        config_report(reading, config_member(node, STR("name")), config_error,
                      "the provider `%.*s` has another `name`, `%.*s`: what stands in front of the colon counts",
                      STR_ARG(str_slice(node->key, 0, limit_name)),
                      STR_ARG(config_shown(config_member(node, STR("name")))));
    if (!catalog_load(&snapshot->catalog, row, &snapshot->arena))
        config_report(reading, node, config_error, "no memory for the catalogue");
    if (provider->api != provider_api_auto && provider->dialect != dialect_openai)
        config_report(reading, config_member(node, STR("api")), config_error,
                      "`api`: only a provider of OpenAI's dialect has one: remove it");
    if (provider->dialect != dialect_openai) provider->api = provider_api_chat;
    config_build_keys_read(reading, snapshot, node, provider);
    origin_read(reading, snapshot, node, provider);
    forwards_read(reading, snapshot, root, node, provider);
    headers_read(reading, snapshot, node, provider);
    credentials_read(reading, snapshot, node, provider);
    models_read(snapshot, node, provider);
    facts_of_provider(reading, snapshot, node, provider);
    prices_of_provider(reading, snapshot, node, provider);
    decisions_of_provider(reading, snapshot, root, node, provider);
    if (!map_add(&snapshot->providers_by_name, provider->name, provider))
        config_report(reading, node, config_error, "two providers are named `%.*s`", STR_ARG(provider->name));
}

static void type_unknown(struct config_reading *reading, const struct snapshot *snapshot,
                         const struct config_node *node, struct str type) {
    struct str nearest = STR("");
    unsigned least = type.len < 8 ? 3 : 4; /* half of a short word is no slip */
    for (size_t i = 0; i < snapshot->catalog.provider_count; i++) {
        unsigned distance = str_distance(type, snapshot->catalog.providers[i].type);
        if (distance >= least) continue;
        least = distance;
        nearest = snapshot->catalog.providers[i].type;
    }
    const struct config_node *at = config_member(node, STR("type"));
    if (nearest.len)
        config_report(reading, at ? at : node, config_error, "unknown provider type `%.*s`: did you mean `%.*s`?",
                      STR_ARG(at ? config_shown(at) : str_slice(type, 0, 64)), STR_ARG(nearest));
    else
        config_report(
            reading, at ? at : node, config_error,
            "unknown provider type `%.*s`: write type: openai and a base_url for any server that speaks OpenAI's API",
            STR_ARG(at ? config_shown(at) : str_slice(type, 0, 64)));
}

static void absent_add(struct snapshot *snapshot, const struct config_node *node, bool removed) {
    struct absent_provider *absent = arena_take(&snapshot->arena, sizeof *absent);
    if (!absent) return;
    *absent = (struct absent_provider){.next = snapshot->absent,
                                       .name = arena_copy(&snapshot->arena, node->key),
                                       .type = arena_copy(&snapshot->arena, read_type(node, node->key)),
                                       .removed = removed,
                                       .edited = removed || node->edited};
    snapshot->absent = absent;
}

static void providers_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct config_node *list = config_member(root, STR("providers"));
    size_t count = list && list->kind == config_map ? list->count : 0;
    if (count > limit_providers) {
        config_report(reading, list, config_error, "more than %d providers", limit_providers);
        return;
    }
    snapshot->providers = arena_take_zeroed(&snapshot->arena, (count + 1) * sizeof *snapshot->providers);
    if (!snapshot->providers || !map_init(&snapshot->providers_by_name, &snapshot->arena, count + 1)) return;
    for (const struct config_node *node = count ? list->first : NULL; node; node = node->next) {
        if (!name_is_valid(node->key)) {
            config_report(reading, node, config_error,
                          "`%.*s` is no name for a provider: use letters, digits, `-`, `_` and `.`, at most %d",
                          STR_ARG(str_slice(node->key, 0, 80)), limit_name);
            continue;
        }
        struct str type = read_type(node, node->key);
        struct catalog_provider *row = map_find(&snapshot->catalog.by_type, type);
        if (!row)
            type_unknown(reading, snapshot, node, type);
        else if (read_bool((struct section){section_provider, node}, "enabled"))
            provider_read(reading, snapshot, root, node, row);
        else
            absent_add(snapshot, node, false);
    }
    for (const struct config_node *node = reading->removed; node; node = node->next) absent_add(snapshot, node, true);
    if (snapshot->provider_count == 0 && reading->config->error_count == 0)
        config_report(reading, list ? list : root, config_error,
                      "there is no enabled provider: add one under `providers:`");
}

/* -- targets and routes -- */

static const struct config_node *provider_node(const struct config_node *root, struct str name) {
    return config_member(config_member(root, STR("providers")), name);
}

/* Was the target put into this route already? In the same time for any number of targets. */
static bool stands_in(struct snapshot *snapshot, const struct target *target, uint32_t route_number) {
    uint32_t *mark = &snapshot->targets_marked[target - snapshot->targets];
    if (*mark == route_number) return true;
    *mark = route_number;
    return false;
}

/* The target provider/model, made at its first use. NULL: no memory, or too many. */
static struct target *config_build_target_of(struct config_reading *reading, struct snapshot *snapshot,
                                             const struct config_node *root, const struct provider *provider,
                                             struct str model) {
    struct str name = arena_printf(&snapshot->arena, "%.*s/%.*s", STR_ARG(provider->name), STR_ARG(model));
    struct target *target = name.at ? map_find(&snapshot->targets_by_name, name) : NULL;
    if (target || !name.at) return target;
    if (snapshot->target_count == limit_targets) {
        config_report(reading, NULL, config_error, "more than %d targets", limit_targets);
        return NULL;
    }
    if (!outbound_model_fits(provider->dialect, operation_chat, model))
        config_report(reading, NULL, config_error,
                      "`%.*s`: the model's name becomes part of a path there, and must not hold `.`, `..` or empty "
                      "segments, backslashes, blanks, `?` or `#`",
                      STR_ARG(name));
    const struct catalog_model *facts = provider_facts(provider, model);
    target = &snapshot->targets[snapshot->target_count++];
    *target = (struct target){
        .provider = provider,
        .model = str_slice(name, provider->name.len + 1, name.len),
        .name = name,
        .weight = provider->weight,
        .facts = facts,
        .prices = prices_of_target(reading, snapshot, provider_node(root, provider->name), provider, model),
        .id = config_id(reading->input->ids, name)};
    target_tell(target);
    decisions_of_target(reading, snapshot, target);
    map_add(&snapshot->targets_by_name, name, target);
    return target;
}

static void route_add(struct route *route, const struct target *target) {
    size_t at = route->target_count++;
    while (at > 0 && route->targets[at - 1]->provider->priority > target->provider->priority) {
        route->targets[at] = route->targets[at - 1];
        at--;
    }
    route->targets[at] = target;
}

/* The provider of a target's name. NULL: there is none, which has been said where it is not meant so. */
static const struct provider *target_provider(struct config_reading *reading, const struct snapshot *snapshot,
                                              const struct config_node *root, const struct config_node *node,
                                              struct str name) {
    const struct provider *provider = map_find(&snapshot->providers_by_name, name);
    if (provider) return provider;
    if (config_overlay_removed(reading, name))
        config_report(reading, node, config_warning,
                      "the target `%.*s` is left out: its provider was removed at run time",
                      STR_ARG(config_shown(node)));
    else if (!provider_node(root, name)) /* a disabled one is left out without a word */
        config_report(reading, node, config_error, "the target `%.*s` names a provider that does not exist",
                      STR_ARG(config_shown(node)));
    return NULL;
}

/* A name that the catalogue does not know, of a vendor whose models it knows: it may be new, or a slip. */
static void model_look(struct config_reading *reading, const struct config_node *root, const struct config_node *node,
                       const struct provider *provider, struct str model) {
    const struct config_node *written = provider_node(root, provider->name);
    bool known = provider_facts(provider, model) || config_member(config_member(written, STR("prices")), model);
    bool own_server = config_member(written, STR("base_url")) != NULL;
    struct str nearest = STR("");
    unsigned least = model.len < 6 ? 2 : 4; /* half of a short word is no slip */
    size_t listed = 0;
    for (size_t i = 0; i < provider->row->model_count && !known && !own_server; i++) {
        const struct catalog_model *row = &provider->row->models[i];
        unsigned distance = row->listed ? str_distance(row->id, model) : 99;
        listed += row->listed;
        if (distance >= least) continue;
        least = distance;
        nearest = row->id;
    }
    if (listed == 0) return;
    struct str shown = str_slice(model, 0, 100);
    if (nearest.len)
        config_report(
            reading, node, config_warning,
            "the catalogue knows no model `%.*s` of `%.*s`: did you mean `%.*s`? It is asked for as it is, its "
            "price unknown",
            STR_ARG(shown), STR_ARG(provider->name), STR_ARG(nearest));
    else
        config_report(reading, node, config_warning,
                      "the catalogue knows no model `%.*s` of `%.*s`: it is asked for as it is, its price unknown",
                      STR_ARG(shown), STR_ARG(provider->name));
}

/* A target as a route or a rule writes it. NULL: it is left out, which has been said. */
static struct target *target_find(struct config_reading *reading, struct snapshot *snapshot,
                                  const struct config_node *root, const struct config_node *node) {
    struct str name = config_target_name(node);
    const struct config_node *written = node->kind == config_map ? config_member(node, STR("target")) : node;
    if (!written) written = node;
    size_t slash = str_find_byte(name, '/');
    if (slash == SIZE_MAX || slash + 1 >= name.len || name.len > limit_name + limit_model) {
        config_report(reading, node, config_error, "a target is written provider/model, not `%.*s`",
                      STR_ARG(config_shown(written)));
        return NULL;
    }
    struct str model = str_slice(name, slash + 1, name.len);
    const struct provider *provider = target_provider(reading, snapshot, root, written, str_slice(name, 0, slash));
    if (str_find_byte(model, '*') != SIZE_MAX) {
        config_report(reading, written, config_error,
                      "the target `%.*s` names no model: `*` is for a route's `model`; write provider/model",
                      STR_ARG(config_shown(written)));
        return NULL;
    }
    if (!provider) return NULL;
    model_look(reading, root, written, provider, model);
    return config_build_target_of(reading, snapshot, root, provider, model);
}

/* The models that providers write out. */
static void models_look(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    for (size_t p = 0; p < snapshot->provider_count; p++) {
        const struct provider *provider = &snapshot->providers[p];
        const struct config_node *node = provider_node(root, provider->name),
                                 *models = config_member(node, STR("models")),
                                 *usual = config_member(node, STR("default_model"));
        for (const struct config_node *at = models && models->kind == config_list ? models->first : NULL; at;
             at = at->next)
            if (at->kind == config_scalar) model_look(reading, root, at, provider, at->text);
        if (models && models->kind == config_scalar && models->text.len)
            model_look(reading, root, models, provider, models->text);
        if (usual && usual->kind == config_scalar && usual->text.len)
            model_look(reading, root, usual, provider, usual->text);
    }
}

/* `provider` of a rule: NAME with its default model, or NAME/MODEL. */
static struct target *rule_provider_find(struct config_reading *reading, struct snapshot *snapshot,
                                         const struct config_node *root, const struct config_node *node) {
    if (str_find_byte(node->text, '/') != SIZE_MAX) return target_find(reading, snapshot, root, node);
    const struct provider *provider = target_provider(reading, snapshot, root, node, node->text);
    if (provider && provider->default_model.len)
        return config_build_target_of(reading, snapshot, root, provider, provider->default_model);
    if (provider)
        config_report(reading, node, config_error, "the provider `%.*s` has no default model: write provider/model",
                      STR_ARG(config_shown(node)));
    return NULL;
}

static void route_target_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                              const struct config_node *node, struct route *route) {
    struct target *target = config_target_route(node) ? NULL : target_find(reading, snapshot, root, node);
    if (target && stands_in(snapshot, target, (uint32_t)snapshot->route_count + 1))
        config_report(reading, node, config_error, "the target `%.*s` stands twice in the route `%.*s`",
                      STR_ARG(target->name), STR_ARG(str_slice(route->model, 0, 80)));
    else if (target)
        route_add(route, target);
}

static void route_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                       const struct config_node *node) {
    struct str model = read_str((struct section){section_route, node}, "model");
    const struct config_node *targets = config_member(node, STR("targets"));
    if (model.len == 0 || model.len > limit_model) {
        config_report(reading, node, config_error, "a route needs its `model`, a name or a glob of at most %d bytes",
                      limit_model);
        return;
    }
    struct route *route = &snapshot->routes[snapshot->route_count];
    *route = (struct route){
        .model = arena_copy(&snapshot->arena, model),
        .is_glob = str_find_byte(model, '*') != SIZE_MAX || str_find_byte(model, '?') != SIZE_MAX,
        .targets = arena_take(&snapshot->arena, ((targets ? targets->count : 0) + 1) * sizeof *route->targets)};
    if (!route->targets) return;
    if (!targets || targets->kind != config_list || targets->count == 0)
        config_report(reading, node, config_error, "the route `%.*s` has no targets", STR_ARG(model));
    for (const struct config_node *target = targets && targets->kind == config_list ? targets->first : NULL; target;
         target = target->next)
        route_target_read(reading, snapshot, root, target, route);
    decisions_of_route(reading, snapshot, root, node, route);
    snapshot->route_count++;
    map_add(&snapshot->routes_by_name, route->model, route);
    if (!route->is_glob && !map_add(&snapshot->exact_routes, route->model, route))
        config_report(reading, node, config_error, "two routes are for the model `%.*s`", STR_ARG(model));
}

static void routes_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct config_node *list = config_member(root, STR("routes"));
    size_t count = list && list->kind == config_list ? list->count : 0, targets = 0;
    for (const struct config_node *node = count ? list->first : NULL; node; node = node->next) {
        const struct config_node *own = config_member(node, STR("targets"));
        targets += own ? own->count : 0;
    }
    const struct config_node *rules = config_member(root, STR("rules"));
    for (const struct config_node *rule = rules && rules->kind == config_list ? rules->first : NULL; rule;
         rule = rule->next) {
        const struct config_node *own = config_member(rule, STR("targets"));
        targets += own ? own->count : 1; /* its `provider` */
    }
    for (size_t i = 0; i < snapshot->provider_count; i++) targets += snapshot->providers[i].model_count + 16;
    if (targets > limit_targets) targets = limit_targets;
    snapshot->routes = arena_take_zeroed(&snapshot->arena, (count + 1) * sizeof *snapshot->routes);
    snapshot->targets = arena_take_zeroed(
        &snapshot->arena, (limit_targets < targets + 1 ? limit_targets : targets + 1) * sizeof *snapshot->targets);
    snapshot->targets_marked = arena_take_zeroed(&snapshot->arena, limit_targets * sizeof *snapshot->targets_marked);
    if (!snapshot->routes || !snapshot->targets || !snapshot->targets_marked ||
        !map_init(&snapshot->exact_routes, &snapshot->arena, count + 1) ||
        !map_init(&snapshot->routes_by_name, &snapshot->arena, count + 1) ||
        !map_init(&snapshot->targets_by_name, &snapshot->arena, targets + 1))
        return;
    const struct config_node **nodes = arena_take(&reading->config->arena, (count + 1) * sizeof *nodes);
    for (const struct config_node *node = count && nodes ? list->first : NULL; node; node = node->next) {
        nodes[snapshot->route_count] = node;
        if (node->kind == config_map) route_read(reading, snapshot, root, node);
    }
    if (nodes) routes_nest(reading, snapshot, nodes);
}

/* A model that no route names goes to every provider that lists it. */
static void model_routes_make(struct config_reading *reading, struct snapshot *snapshot,
                              const struct config_node *root) {
    size_t count = 0;
    for (size_t p = 0; p < snapshot->provider_count; p++) count += snapshot->providers[p].model_count;
    if (!map_init(&snapshot->model_targets, &snapshot->arena, count + 1)) return;
    for (size_t p = 0; p < snapshot->provider_count; p++) {
        const struct provider *provider = &snapshot->providers[p];
        for (size_t m = 0; m < provider->model_count; m++) {
            struct target *target = config_build_target_of(reading, snapshot, root, provider, provider->models[m]);
            struct route *route = map_find(&snapshot->model_targets, provider->models[m]);
            if (!target) continue;
            if (!route) {
                route = arena_take_zeroed(&snapshot->arena, sizeof *route);
                if (!route) return;
                route->model = provider->models[m];
                route->targets = arena_take(&snapshot->arena, snapshot->provider_count * sizeof *route->targets);
                if (!route->targets || !map_add(&snapshot->model_targets, route->model, route)) return;
            }
            bool twice = false; /* a model that the provider lists twice */
            for (size_t i = 0; i < route->target_count; i++) twice = twice || route->targets[i] == target;
            if (!twice && route->target_count < snapshot->provider_count) route_add(route, target);
        }
    }
    for (size_t i = 0; i < snapshot->model_targets.size; i++)
        if (snapshot->model_targets.entries[i].value)
            decisions_of_route(reading, snapshot, root, NULL, snapshot->model_targets.entries[i].value);
}

static void default_route_make(struct config_reading *reading, struct snapshot *snapshot,
                               const struct config_node *root) {
    struct route *route = arena_take_zeroed(&snapshot->arena, sizeof *route);
    if (!route) return;
    *route = (struct route){.model = STR("default"), .built_in = true};
    route->targets = arena_take(&snapshot->arena, (snapshot->provider_count + 1) * sizeof *route->targets);
    for (size_t p = 0; p < snapshot->provider_count && route->targets; p++) {
        const struct provider *provider = &snapshot->providers[p];
        struct target *target = provider->default_model.len
                                    ? config_build_target_of(reading, snapshot, root, provider, provider->default_model)
                                    : NULL;
        if (target) route_add(route, target);
    }
    decisions_of_route(reading, snapshot, root, NULL, route);
    snapshot->default_route = route->target_count ? route : NULL;
}

static void globals_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct section top = {section_top, root};
    if (read_is(top, "on_disconnect", "finish"))
        config_report(reading, config_member(root, STR("on_disconnect")), config_not_available,
                      "`on_disconnect: finish` is not available yet: the provider's work is cancelled");
    snapshot->auth_none = read_is(top, "auth", "none");
    snapshot->had_clients = reading->input->had_clients;
    snapshot->admin_key_hash = reading->input->admin_key_hash;
    snapshot->request_timeout_ns = read_ns(top, "request_timeout_seconds");
    snapshot->body_bytes_max = read_whole(top, "max_body_bytes");
    snapshot->batch_size = (unsigned)read_whole(top, "batch_size");
    snapshot->response_headers_minimal = read_is(top, "response_headers", "minimal");
    snapshot->cancel_on_disconnect = true;
}

static void rules_all_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    rules_read(reading, snapshot, root, &(struct config_targets){target_find, rule_provider_find});
}

static void names_all_make(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    names_make(reading, snapshot, root, config_build_target_of);
}

/* In this order: each stands on what those before it have made, whole. */
static void (*const build_stages[])(struct config_reading *reading, struct snapshot *snapshot,
                                    const struct config_node *root) = {
    globals_read,      decisions_of_all, providers_read,     routes_read,          models_look,  rules_all_read,
    model_routes_make, names_all_make,   default_route_make, semantic_models_look, clients_read, identity_read,
};

bool config_short(const struct config_reading *reading, const struct snapshot *snapshot) {
    return reading->config->arena.refused || (snapshot && (snapshot->arena.refused || snapshot->secrets.refused));
}

struct snapshot *config_build(struct config_reading *reading, const struct config_node *root) {
    struct snapshot *snapshot = memory_take_zeroed(sizeof *snapshot);
    if (!snapshot) {
        config_report(reading, NULL, config_error, "no memory for the configuration");
        return NULL;
    }
    arena_init(&snapshot->arena, 32 * 1024, 1024 * 1024 * 1024);
    arena_init_secret(&snapshot->secrets, 64 * 1024, 256 * 1024 * 1024);
    atomic_init(&snapshot->holds, 1);
    if (!catalog_open(&snapshot->catalog, reading->catalog_text, &snapshot->arena, NULL)) {
        config_report(reading, NULL, config_error, "no memory for the catalogue");
        return snapshot;
    }
    for (size_t i = 0; i < sizeof build_stages / sizeof *build_stages && !config_short(reading, snapshot); i++)
        build_stages[i](reading, snapshot, root);
    return snapshot;
}
