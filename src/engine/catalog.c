/* catalog.c - the two documents of catalog/ as arrays. A row that is not right is a bug of ours, or of the operator's
 * own file: it is refused with its name. */
#include "engine/catalog.h"

#include <stdio.h>
#include <string.h>

#include "dialect/endpoint.h"
#include "dialect/json.h"

static struct str text_of(struct arena *arena, const struct json_value *object, const char *key) {
    return arena_copy(arena, json_str(json_member(object, key), STR("")));
}

static bool dialect_find(struct str name, enum dialect *dialect) {
    static const char *const names[] = {"openai", "anthropic", "gemini", "ollama", "cloudflare", "huggingface"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(name, str_from(names[i]))) {
            *dialect = (enum dialect)i;
            return true;
        }
    return false;
}

/* A list of endpoint names to bits; none listed: chat, completions and embeddings. */
static bool endpoints_read(const struct json_value *list, uint32_t *bits) {
    size_t place = 0;
    *bits = 0;
    for (const struct json_value *name; (name = json_each(list, &place, NULL));) {
        bool found = false;
        for (unsigned i = 0; i < endpoints; i++)
            if (str_eq(json_str(name, STR("")), endpoint_facts((enum endpoint)i)->name)) {
                *bits |= 1u << i;
                found = true;
            }
        if (!found) return false;
    }
    return *bits != 0;
}

static bool provider_read(const struct json_value *object, struct arena *arena, struct catalog_provider *row,
                          struct error *error) {
    row->type = text_of(arena, object, "type");
    row->title = text_of(arena, object, "title");
    row->base_url = text_of(arena, object, "base_url");
    row->key_env = text_of(arena, object, "key_env");
    row->key_env_more = text_of(arena, object, "key_env_more");
    row->account_env = text_of(arena, object, "account_env");
    row->default_model = text_of(arena, object, "default_model");
    row->checked = text_of(arena, object, "checked");
    row->key_required = json_bool(json_member(object, "key_required"), true);
    row->auth = row->key_required ? auth_bearer : auth_none;
    row->prefill = json_bool(json_member(object, "prefill"), false);
    row->stream_options = json_bool(json_member(object, "stream_options"), true);
    if (!dialect_find(json_str(json_member(object, "dialect"), STR("openai")), &row->dialect))
        return error_set(error, error_bad_configuration, "Catalogue: provider `%.*s` has an unknown dialect.",
                         STR_ARG(row->type));
    if (!endpoints_read(json_member(object, "endpoints"), &row->endpoints))
        return error_set(error, error_bad_configuration,
                         "Catalogue: provider `%.*s` has no endpoints, or unknown ones.", STR_ARG(row->type));
    return row->type.len > 0 || error_set(error, error_bad_configuration, "Catalogue: a provider has no type.");
}

/* USD per million tokens to nano-dollars per million tokens. */
static int64_t price_read(const struct json_value *object, const char *key) {
    double usd = json_double(json_member(object, key), -1);
    return usd < 0 || usd > 1e6 ? -1 : (int64_t)(usd * 1e9 + 0.5);
}

static bool has(const struct json_value *list, struct str wanted) {
    size_t place = 0;
    for (const struct json_value *name; (name = json_each(list, &place, NULL));)
        if (str_eq(json_str(name, STR("")), wanted)) return true;
    return false;
}

static void model_read(const struct json_value *object, struct arena *arena, struct catalog_model *model) {
    const struct json_value *can = json_member(object, "can");
    model->id = text_of(arena, object, "id");
    model->provider = text_of(arena, object, "provider");
    model->context_tokens = json_i64(json_member(object, "context"), -1);
    model->output_tokens_max = json_i64(json_member(object, "output"), -1);
    model->vision = has(can, STR("vision"));
    model->tools = has(can, STR("tools"));
    model->json = has(can, STR("json"));
    model->reasoning = has(can, STR("reasoning"));
    model->embeddings = has(can, STR("embeddings"));
    model->audio = has(can, STR("audio"));
    const struct json_value *prices = json_member(object, "prices");
    model->prices = (struct price_list){.input = price_read(prices, "input"),
                                        .output = price_read(prices, "output"),
                                        .cached_input = price_read(prices, "cached_input"),
                                        .request = -1};
}

static struct json *document_read(struct str text, const char *what, struct error *error) {
    const char *problem = "";
    size_t at = 0;
    struct json *json = json_parse(text, &problem, &at);
    if (!json)
        error_set(error, error_bad_configuration, "Catalogue: %s is not valid JSON at byte %zu: %s.", what, at,
                  problem);
    return json;
}

static bool rows_read(const struct json_value *providers, const struct json_value *models, struct arena *arena,
                      struct catalog *catalog, struct error *error) {
    size_t provider_count = json_count(providers), model_count = json_count(models), place = 0;
    struct catalog_provider *rows = arena_take_zeroed(arena, (provider_count + 1) * sizeof *rows);
    struct catalog_model *list = arena_take_zeroed(arena, (model_count + 1) * sizeof *list);
    if (!rows || !list || !map_init(&catalog->by_type, arena, provider_count))
        return error_set(error, error_out_of_memory, "No memory for the catalogue.");
    *catalog = (struct catalog){rows, provider_count, list, model_count, catalog->by_type};
    for (size_t i = 0; i < provider_count; i++)
        if (!provider_read(json_each(providers, &place, NULL), arena, &rows[i], error)) return false;
    for (size_t i = 0; i < provider_count; i++)
        if (!map_add(&catalog->by_type, rows[i].type, &rows[i]))
            return error_set(error, error_bad_configuration, "Catalogue: provider `%.*s` stands twice.",
                             STR_ARG(rows[i].type));
    place = 0;
    for (size_t i = 0; i < model_count; i++) model_read(json_each(models, &place, NULL), arena, &list[i]);
    return true;
}

bool catalog_read(struct str providers_json, struct str models_json, struct arena *arena, struct catalog *catalog,
                  struct error *error) {
    struct json *providers = document_read(providers_json, "the providers' file", error);
    struct json *models = providers ? document_read(models_json, "the models' file", error) : NULL;
    bool read = models && rows_read(json_root(providers), json_root(models), arena, catalog, error);
    json_free(providers);
    json_free(models);
    return read;
}

const struct catalog_model *catalog_model_find(const struct catalog *catalog, struct str type, struct str model) {
    for (size_t i = 0; i < catalog->model_count; i++)
        if (str_eq(catalog->models[i].provider, type) && str_eq(catalog->models[i].id, model))
            return &catalog->models[i];
    return NULL;
}
