/* catalog.h - providers and models as data: catalog/providers.json and catalog/models.json, compiled in. */
#ifndef WEIR_ENGINE_CATALOG_H
#define WEIR_ENGINE_CATALOG_H

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "core/price.h"
#include "dialect/message.h"

struct catalog_model {
    struct str id;                             /* as the provider names it */
    struct str provider;                       /* a row's type */
    int64_t context_tokens, output_tokens_max; /* -1: not known */
    bool vision, tools, json, reasoning, embeddings, audio;
    struct price_list prices;
};

enum auth_style { auth_bearer, auth_none /* sends a bearer only if a key is configured */ };

struct catalog_provider {
    struct str type;  /* "groq" */
    struct str title; /* "Groq" */
    enum dialect dialect;
    struct str base_url; /* may hold {account}: filled from account_env / the `account` key */
    struct str key_env;  /* GROQ_API_KEY; further names in key_env_more separated by commas */
    struct str key_env_more;
    struct str account_env; /* CLOUDFLARE_ACCOUNT_ID */
    enum auth_style auth;
    bool key_required;
    struct str default_model;
    bool stream_options; /* takes stream_options.include_usage (Mistral does not: usage always comes) */
    bool prefill;        /* a last assistant message with "prefix":true is continued */
    uint32_t endpoints;  /* bit per enum endpoint: which of weir's paths it has */
    struct str checked;  /* the day the row was last checked, 2026-11-20 */
};

struct catalog {
    const struct catalog_provider *providers;
    size_t provider_count;
    const struct catalog_model *models;
    size_t model_count;
    struct map by_type; /* struct catalog_provider */
};

/* Reads both documents (JSON) into the arena. */
bool catalog_read(struct str providers_json, struct str models_json, struct arena *arena, struct catalog *catalog,
                  struct error *error);
/* The model's row at a provider type, or NULL. */
const struct catalog_model *catalog_model_find(const struct catalog *catalog, struct str type, struct str model);

#endif
