/* weir_model_views.c - models as each API lists them, with what the catalogue knows of them. Reads snapshots only. */
#include "runtime/weir_internal.h"
#include "snapshot/rights.h"

/* -- what is known -- */

/* "name":[words of the bits]; nothing when there is none. */
static void words_put(struct str name, uint64_t bits, struct str (*word)(unsigned), struct text *text) {
    if (!bits) return;
    text_json_key(text, name);
    text_put_byte(text, '[');
    for (unsigned i = 0; i < 64; i++) {
        if (!(bits >> i & 1)) continue;
        text_json_comma(text);
        text_put_json(text, word(i));
    }
    text_put_byte(text, ']');
}

static struct str model_views_use(unsigned i) { return catalog_use_name((enum catalog_use)i); }
static struct str model_views_feature(unsigned i) { return feature_name((enum feature)i); }
static struct str model_views_thinking(unsigned i) { return catalog_thinking_name((enum model_thinking)i); }
static struct str model_views_schema(unsigned i) { return catalog_schema_name((enum model_schema)i); }
static struct str model_views_lifetime(unsigned i) { return catalog_lifetime_name((enum model_lifetime)i); }
static struct str model_views_effort(unsigned i) { return catalog_effort_name((enum message_effort)i); }

/* What decides how a request is said to it, and what it bills and keeps. */
static void takes_write(const struct catalog_model *facts, struct text *text) {
    const struct model_takes *takes = &facts->takes;
    words_put(STR("refuses"), takes->refuses, model_views_feature, text);
    words_put(STR("thinking"), takes->thinking, model_views_thinking, text);
    if (takes->thinking_least > 0) text_json_i64(text, STR("thinking_least"), takes->thinking_least);
    if (takes->thinking_most > 0) text_json_i64(text, STR("thinking_most"), takes->thinking_most);
    words_put(STR("efforts"), takes->efforts, model_views_effort, text);
    words_put(STR("schema"), takes->schema, model_views_schema, text);
    if (takes->api) text_json_str(text, STR("api"), catalog_api_name(takes->api));
    if (facts->bills_hidden) text_json_bool(text, STR("bills_hidden"), facts->bills_hidden == flag_true);
    if (facts->cache_tokens_min > 0) text_json_i64(text, STR("cache_least"), facts->cache_tokens_min);
    words_put(STR("cache_lifetimes"), facts->cache_lifetimes, model_views_lifetime, text);
}

static void lifecycle_write(const struct catalog_model *facts, struct text *text) {
    if (facts->released.len) text_json_str(text, STR("released"), facts->released);
    if (facts->deprecated.len) text_json_str(text, STR("deprecated"), facts->deprecated);
    if (facts->retires.len) text_json_str(text, STR("retires"), facts->retires);
}

void library_facts_write(const struct catalog_model *facts, struct text *text) {
    if (!facts) return;
    if (facts->context_tokens > 0) text_json_i64(text, STR("context_tokens"), facts->context_tokens);
    if (facts->output_tokens_max > 0) text_json_i64(text, STR("output_tokens_max"), facts->output_tokens_max);
    for (unsigned i = 0; i < catalog_abilities; i++)
        if ((facts->can | facts->cannot) >> i & 1)
            text_json_bool(text, catalog_ability_name((enum catalog_ability)i), facts->can >> i & 1);
    text_json_bool(text, STR("embeddings"), facts->uses >> use_embeddings & 1);
    text_json_bool(text, STR("time_series"), facts->uses >> use_time_series & 1);
    if (facts->speed) text_json_str(text, STR("speed"), catalog_speed_name(facts->speed));
    if (catalog_first_token_ms(facts) > 0) text_json_i64(text, STR("first_token_ms"), catalog_first_token_ms(facts));
    if (facts->place) text_json_str(text, STR("place"), catalog_place_name(facts->place));
    words_put(STR("use"), facts->uses, model_views_use, text);
    takes_write(facts, text);
    lifecycle_write(facts, text);
}

/* What the targets of a route can do together: a request goes to one that can. How it is said there, what it bills and
 * how fast it is: the first that is known. false: nothing is known. */
static bool library_model_views_facts_of(const struct route *route, struct catalog_model *facts) {
    bool known = false;
    catalog_model_begin(facts);
    facts->cannot = UINT32_MAX;
    facts->uses = 0;
    for (size_t i = 0; i < route->target_count; i++) {
        const struct catalog_model *one = route->targets[i]->facts;
        if (!one) {
            facts->cannot = 0;
            continue;
        }
        if (!known) {
            uint32_t cannot = facts->cannot;
            *facts = *one;
            facts->cannot = cannot;
        }
        known = true;
        if (one->context_tokens > facts->context_tokens) facts->context_tokens = one->context_tokens;
        if (one->output_tokens_max > facts->output_tokens_max) facts->output_tokens_max = one->output_tokens_max;
        facts->can |= one->can;
        facts->cannot &= one->cannot;
        facts->uses |= one->uses;
    }
    facts->cannot &= ~facts->can;
    return known;
}

/* -- shapes -- */

static void openai_write_model(const struct route *route, const struct catalog_model *facts, struct str id,
                               struct text *text) {
    const struct target *first = route->target_count ? route->targets[0] : NULL;
    text_json_str(text, STR("id"), id);
    text_json_str(text, STR("object"), STR("model"));
    text_json_u64(text, STR("created"), 0);
    text_json_str(text, STR("owned_by"), first ? first->provider->name : STR("weir"));
    text_json_key(text, STR("weir"));
    text_put(text, STR("{\"targets\":["));
    for (size_t i = 0; i < route->target_count && i < 8; i++) {
        text_json_comma(text);
        text_put_json(text, route->targets[i]->name);
    }
    text_put_byte(text, ']');
    library_facts_write(facts, text);
    text_put_byte(text, '}');
}

static void anthropic_write_model(const struct route *route, const struct catalog_model *facts, struct str id,
                                  struct text *text) {
    (void)route;
    text_json_str(text, STR("type"), STR("model"));
    text_json_str(text, STR("id"), id);
    text_json_str(text, STR("display_name"), id);
    text_json_str(text, STR("created_at"), STR("1970-01-01T00:00:00Z"));
    if (facts && facts->context_tokens > 0) text_json_i64(text, STR("max_input_tokens"), facts->context_tokens);
    if (facts && facts->output_tokens_max > 0) text_json_i64(text, STR("max_tokens"), facts->output_tokens_max);
}

static void gemini_write_model(const struct route *route, const struct catalog_model *facts, struct str id,
                               struct text *text) {
    (void)route;
    text_put(text, STR("\"name\":\"models/"));
    text_put_json_inside(text, id);
    text_put_byte(text, '"');
    text_json_str(text, STR("displayName"), id);
    if (facts && facts->context_tokens > 0) text_json_i64(text, STR("inputTokenLimit"), facts->context_tokens);
    if (facts && facts->output_tokens_max > 0) text_json_i64(text, STR("outputTokenLimit"), facts->output_tokens_max);
    uint32_t uses = facts && facts->uses ? facts->uses : 1u << use_chat;
    text_put(text, STR(",\"supportedGenerationMethods\":["));
    if (uses & (1u << use_chat | 1u << use_code)) text_put(text, STR("\"generateContent\""));
    if (uses >> use_embeddings & 1) {
        text_json_comma(text);
        text_put(text, STR("\"embedContent\""));
    }
    text_put_byte(text, ']');
}

/* Each dialect's list: what stands before and after it, and one model of it. */
static const struct models_shape {
    struct str before, after;
    void (*put)(const struct route *route, const struct catalog_model *facts, struct str id, struct text *text);
} shapes[] = {
    [dialect_openai] = {STR("{\"object\":\"list\",\"data\":["), STR("]}"), openai_write_model},
    [dialect_anthropic] = {STR("{\"data\":["), STR("],\"has_more\":false,\"first_id\":null,\"last_id\":null}"),
                           anthropic_write_model},
    [dialect_gemini] = {STR("{\"models\":["), STR("]}"), gemini_write_model},
};

static void library_model_views_model_put(enum dialect dialect, const struct route *route, struct str id,
                                          struct text *text) {
    struct catalog_model facts;
    bool known = library_model_views_facts_of(route, &facts);
    text_json_comma(text);
    text_put_byte(text, '{');
    shapes[dialect].put(route, known ? &facts : NULL, id, text);
    text_put_byte(text, '}');
}

/* -- lists -- */

/* Who asks, in which words, and what is told. */
struct listing {
    const struct snapshot *snapshot;
    const struct client *client;
    enum dialect dialect;
    struct arena arena; /* of one name */
    struct text *text;
};

static bool listing_put(struct listing *listing, struct str name) {
    const struct route *route = client_route(listing->snapshot, listing->client, name, &listing->arena);
    if (route) library_model_views_model_put(listing->dialect, route, name, listing->text);
    arena_reset(&listing->arena);
    return route != NULL;
}

/* Of all providers that list a model, the first of the configuration tells of it; a route of its name told already. */
static bool is_teller(const struct snapshot *snapshot, const struct provider *provider, struct str model) {
    const struct route *route = map_find(&snapshot->model_targets, model);
    if (!route || map_find(&snapshot->exact_routes, model)) return false;
    for (size_t i = 0; i < route->target_count; i++)
        if (route->targets[i]->provider->index < provider->index) return false;
    return true;
}

/* provider/model, where a client may ask for the model by that name alone. */
static void listing_put_pinned(struct listing *listing, const struct provider *provider, struct str model) {
    const struct client *client = listing->client;
    char buffer[limit_name + limit_model + 2];
    struct text name = text_in_buffer(buffer, sizeof buffer);
    if (!client || !client->may_steer || client_may_ask(client, model)) return;
    text_printf(&name, "%.*s/%.*s", STR_ARG(provider->name), STR_ARG(model));
    bool told = map_find(&listing->snapshot->exact_routes, text_str(&name)) ||
                map_find(&listing->snapshot->model_targets, text_str(&name));
    if (!name.failed && !told) listing_put(listing, text_str(&name));
}

static void listing_put_provider(struct listing *listing, const struct provider *provider) {
    for (size_t m = 0; m < provider->model_count; m++) {
        if (is_teller(listing->snapshot, provider, provider->models[m])) listing_put(listing, provider->models[m]);
        listing_put_pinned(listing, provider, provider->models[m]);
    }
}

/* What a client may ask for by a name that is written, listed or made: those that no list knows, and what a route's
 * pattern takes beside them, have no end. */
void library_models_write(const struct snapshot *snapshot, const struct client *client, enum dialect dialect,
                          struct text *text) {
    struct listing listing = {.snapshot = snapshot, .client = client, .dialect = dialect, .text = text};
    arena_init(&listing.arena, 2048, 256 * 1024);
    text_put(text, shapes[dialect].before);
    for (size_t i = 0; i < snapshot->route_count; i++)
        if (!snapshot->routes[i].is_glob) listing_put(&listing, snapshot->routes[i].model);
    if (!map_find(&snapshot->exact_routes, STR("default")) && !map_find(&snapshot->model_targets, STR("default")))
        listing_put(&listing, STR("default"));
    for (size_t p = 0; p < snapshot->provider_count; p++) listing_put_provider(&listing, &snapshot->providers[p]);
    for (size_t i = 0; i < snapshot->short_count; i++)
        if (!map_find(&snapshot->exact_routes, snapshot->short_routes[i]->model))
            listing_put(&listing, snapshot->short_routes[i]->model);
    text_put(text, shapes[dialect].after);
    arena_free(&listing.arena);
}

bool library_model_write(const struct snapshot *snapshot, const struct client *client, enum dialect dialect,
                         struct str id, struct text *text) {
    struct listing listing = {.snapshot = snapshot, .client = client, .dialect = dialect, .text = text};
    arena_init(&listing.arena, 2048, 256 * 1024);
    bool found = listing_put(&listing, id);
    arena_free(&listing.arena);
    return found;
}
