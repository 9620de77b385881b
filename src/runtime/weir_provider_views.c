/* weir_provider_views.c - providers as the admin API and the library show them: the configuration's own keys with what
 * is in force, and what is known of their models. A credential is "set", never itself; so is a header's value. */
#include "runtime/weir_internal.h"

#include "base/memory.h"
#include "snapshot/catalog_price.h"

static void seconds_put(struct text *text, struct str name, uint64_t ns) {
    text_json_key(text, name);
    text_printf(text, "%.15g", (double)ns / (double)NS_PER_S);
}

static void library_provider_views_model_put(const struct snapshot *snapshot, const struct provider *provider,
                                             struct str model, struct text *text) {
    struct arena arena;
    arena_init(&arena, 512, 4096);
    struct str name = arena_printf(&arena, "%.*s/%.*s", STR_ARG(provider->name), STR_ARG(model));
    const struct target *target = map_find(&snapshot->targets_by_name, name);
    arena_free(&arena);
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("id"), model);
    library_facts_write(provider_facts(provider, model), text);
    if (target && (target->prices.input >= 0 || target->prices.output >= 0 || target->prices.rows.count)) { /* USD */
        text_json_key(text, STR("prices"));
        text_put_byte(text, '{');
        catalog_price_write(&target->prices, text);
        text_put_byte(text, '}');
    }
    text_put_byte(text, '}');
}

static void credentials_put(const struct provider *provider, struct text *text) {
    if (provider->key_count == 1) text_json_str(text, STR("api_key"), STR("set"));
    if (provider->key_count > 1) {
        text_put(text, STR(",\"api_keys\":["));
        for (size_t i = 0; i < provider->key_count; i++) text_put(text, i ? STR(",\"set\"") : STR("\"set\""));
        text_put_byte(text, ']');
    }
    if (!provider->header_count) return;
    text_put(text, STR(",\"headers\":{"));
    for (size_t i = 0; i < provider->header_count; i++) text_json_str(text, provider->headers[i].name, STR("set"));
    text_put_byte(text, '}');
}

static void library_provider_views_provider_put(const struct snapshot *snapshot, const struct provider *provider,
                                                struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), provider->name);
    text_json_str(text, STR("type"), provider->type);
    text_json_bool(text, STR("enabled"), true);
    text_json_str(text, STR("state"), provider_state_name(provider->state));
    text_json_bool(text, STR("edited"), provider->edited);
    text_json_str(text, STR("base_url"), provider->base_url);
    credentials_put(provider, text);
    text_json_i64(text, STR("priority"), provider->priority);
    text_json_key(text, STR("weight"));
    text_printf(text, "%.15g", provider->weight);
    seconds_put(text, STR("timeout_seconds"), provider->first_token_timeout_ns);
    seconds_put(text, STR("reply_timeout_seconds"), provider->reply_timeout_ns);
    seconds_put(text, STR("stall_timeout_seconds"), provider->stall_timeout_ns);
    seconds_put(text, STR("connect_timeout_seconds"), provider->connect_timeout_ns);
    text_json_u64(text, STR("max_retries"), provider->max_retries);
    if (provider->insecure) text_json_bool(text, STR("insecure"), true);
    if (provider->ca_file.len) text_json_str(text, STR("ca_file"), provider->ca_file);
    if (provider->proxy.len) text_json_str(text, STR("proxy"), STR("set")); /* it may hold a password */
    library_quotas_put(provider, text);
    text_json_str(text, STR("default_model"), provider->default_model);
    text_put(text, STR(",\"models\":["));
    for (size_t i = 0; i < provider->model_count; i++)
        library_provider_views_model_put(snapshot, provider, provider->models[i], text);
    text_put(text, STR("]}"));
}

static void absent_put(const struct absent_provider *absent, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), absent->name);
    text_json_str(text, STR("type"), absent->type);
    text_json_bool(text, STR("enabled"), false);
    text_json_str(text, STR("state"), absent->removed ? STR("removed") : STR("disabled"));
    text_json_bool(text, STR("edited"), absent->edited);
    text_put_byte(text, '}');
}

bool library_provider_write(const struct snapshot *snapshot, struct str name, struct text *text) {
    const struct provider *provider = map_find(&snapshot->providers_by_name, name);
    const struct absent_provider *absent = snapshot->absent;
    while (absent && !str_eq(absent->name, name)) absent = absent->next;
    if (provider)
        library_provider_views_provider_put(snapshot, provider, text);
    else if (absent)
        absent_put(absent, text);
    return provider || absent;
}

void library_providers_write(const struct snapshot *snapshot, struct text *text) {
    text_put(text, STR("{\"providers\":["));
    for (size_t i = 0; i < snapshot->provider_count; i++)
        library_provider_views_provider_put(snapshot, &snapshot->providers[i], text);
    for (const struct absent_provider *absent = snapshot->absent; absent; absent = absent->next)
        absent_put(absent, text);
    text_put(text, STR("]}"));
}

char *weir_providers(struct weir *weir) {
    struct arena arena;
    arena_init(&arena, 64 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 32 * 1024);
    struct deployment *deployment = library_deployment(weir);
    library_providers_write(deployment->snapshot, &text);
    deployment_release(deployment);
    char *copy = text.failed ? NULL : memory_take(text.len + 1);
    if (copy) str_copy(copy, text.len + 1, text_str(&text));
    arena_free(&arena);
    return copy;
}
