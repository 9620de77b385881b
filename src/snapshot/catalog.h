/* catalog.h - providers and models as data: catalog/built_in.jsonl, compiled in, or the operator's own file.
 *
 * A row a line, in JSON: a provider's, then the models' that it serves. Providers are read at once; a provider's models
 * only when a configuration uses it (catalog_load), so that a start costs nothing for the others.
 *
 *   {"provider":"groq","base_url":"https://...","key_env":"GROQ_API_KEY","endpoints":["chat"]}
 *   {"model":"llama-3.3-70b-versatile","context":131072,"can":["tools"],"price":{"input":0.59,"output":0.79}}
 *
 * Opening and loading: one thread, into an arena that lives as long as the catalogue. Reading is thread-safe then. */
#ifndef WEIR_SNAPSHOT_CATALOG_H
#define WEIR_SNAPSHOT_CATALOG_H

#include "base/arena.h"
#include "base/map.h"
#include "core/price.h"
#include "dialect/endpoint.h"
#include "dialect/model.h"

/* X(name, what a model that cannot do it is told to lack) */
#define CATALOG_ABILITY_TABLE(X)                    \
    X(vision, "can see images")                     \
    X(audio, "can hear audio")                      \
    X(tools, "can call tools")                      \
    X(json, "can answer to a JSON schema")          \
    X(reasoning, "reasons before it answers")       \
    X(prefill, "goes on with a message of its own") \
    X(sampling, "takes sampling options")           \
    X(forced_tools, "can be told which tool to call")
enum catalog_ability {
#define X(name, phrase) ability_##name,
    CATALOG_ABILITY_TABLE(X)
#undef X
        catalog_abilities
};

/* X(name, what one that is not made for it is told to lack); code is a chat model that is best at programs */
#define CATALOG_USE_TABLE(X)              \
    X(chat, "can chat")                   \
    X(code, "writes code")                \
    X(embeddings, "makes embeddings")     \
    X(images, "makes images")             \
    X(speech, "speaks")                   \
    X(transcription, "transcribes audio") \
    X(moderation, "moderates")            \
    X(rerank, "ranks documents")          \
    X(time_series, "forecasts time series")
enum catalog_use {
#define X(name, phrase) use_##name,
    CATALOG_USE_TABLE(X)
#undef X
        catalog_uses
};

enum catalog_speed { speed_unknown, speed_fast, speed_medium, speed_slow, catalog_speeds };
enum catalog_place { place_unknown, place_cloud, place_edge, place_local, catalog_places };

struct catalog_model {
    struct str id;                             /* as the provider names it */
    int64_t context_tokens, output_tokens_max; /* -1: not known */
    uint32_t can, cannot;                      /* a bit per enum catalog_ability; in neither: not known */
    uint32_t uses;                             /* a bit per enum catalog_use; 0: not known */
    enum catalog_speed speed;
    int64_t first_token_ms;         /* what its first token is expected to take; never measured here. -1: not known */
    enum catalog_place place;       /* where it runs; unknown: where its provider does */
    struct model_takes takes;       /* what decides how a request is said to it */
    enum message_flag bills_hidden; /* tokens are billed that its answer does not show */
    int64_t cache_tokens_min;       /* of a prompt's beginning that its vendor keeps; -1: not known */
    uint32_t cache_lifetimes;       /* a bit per enum model_lifetime */
    struct str released, deprecated, retires; /* 2026-11-20; empty: not known */
    bool listed; /* else it is known, but not among those that a provider serves by default */
    struct price_list prices;
};

/* Lines of a document: where a provider's models stand until they are loaded. */
struct catalog_lines {
    struct str text;
    unsigned line; /* of its first one */
};

enum { catalog_documents_max = 2 }; /* the built-in one, and one over it */

struct catalog_provider {
    struct str type;  /* "groq" */
    struct str title; /* "Groq" */
    enum dialect dialect;
    struct str base_url; /* may hold {account}: filled from account_env / the `account` key */
    struct str key_env;  /* GROQ_API_KEY; further names in key_env_more separated by commas */
    struct str key_env_more;
    struct str account_env;            /* CLOUDFLARE_ACCOUNT_ID */
    struct str key_header, key_prefix; /* how the key is sent: "Authorization", "Bearer " */
    struct str probe_path;             /* below the base URL; empty: no probe that costs nothing is known */
    struct str quirks; /* whose rows of the quirks' table count (dialect/quirks.h); its type, unless said */
    bool key_required;
    bool stream_options; /* takes stream_options.include_usage (Mistral does not: usage always comes) */
    bool key_limits;     /* its rate-limit headers tell of all that a key does, and not of one model */
    bool prefill;        /* a last assistant message with "prefix":true is continued */
    int64_t cut_margin;  /* tokens of a stream that it may have made beyond what came, when it is hung up on; it makes
                          * no more then. -1: it may go on to the end */
    bool same_prices;    /* as models_of, whose facts count where it has no own: their prices too */
    struct str models_of;
    struct str families; /* globs, separated by commas: a model of such a name is its vendor's, known or not */
    struct str default_model;
    uint32_t endpoints;       /* bit per enum endpoint: which of weir's paths it has */
    struct str checked;       /* the day the row was last checked, 2026-11-20 */
    struct str facts;         /* the day its models' rows were last written from the sources; empty: by hand */
    enum catalog_place place; /* where its models run */

    struct catalog_lines lines[catalog_documents_max]; /* the later one wins */
    struct catalog_model *models;                      /* once loaded; the listed ones in the order of the document */
    size_t model_count;
    struct map by_id; /* struct catalog_model */
    bool loaded;
};

struct catalog {
    struct catalog_provider *providers;
    size_t provider_count;
    struct map by_type; /* struct catalog_provider */
};

/* Who is told of a row that is not right: its line and column, from 1, and a sentence. */
struct catalog_reader {
    void (*report)(void *context, unsigned line, unsigned column, const char *sentence);
    void *context;
};

/* Opens the built-in catalogue, or `own` in its place; one that begins with {"extends":"built-in"} stands over it, row
 * by row. `own` is checked whole, every model's row included; {NULL,0}: none. Its text is borrowed until the last load.
 * false: something was reported, or there is no memory (told as line 0). */
bool catalog_open(struct catalog *catalog, struct str own, struct arena *arena, const struct catalog_reader *reader);
/* Reads the models of one provider, unless they are read. false: no memory. */
bool catalog_load(struct catalog *catalog, struct catalog_provider *provider, struct arena *arena);

/* The model's row at a provider that is loaded; else, without its date (-20250929, -2024-08-06) or -latest; else NULL.
 */
const struct catalog_model *catalog_model_find(const struct catalog_provider *provider, struct str model);

/* A model of which nothing is known. */
void catalog_model_begin(struct catalog_model *model);

struct str catalog_ability_name(enum catalog_ability ability);
struct str catalog_use_name(enum catalog_use use);
struct str catalog_speed_name(enum catalog_speed speed); /* empty: not known */
struct str catalog_place_name(enum catalog_place place); /* empty: not known */
struct str catalog_thinking_name(enum model_thinking way);
struct str catalog_schema_name(enum model_schema limit);
struct str catalog_api_name(enum model_api api); /* empty: not known */
struct str catalog_lifetime_name(enum model_lifetime lifetime);
struct str catalog_effort_name(enum message_effort effort); /* empty: not said */

/* What a request wants of a model. */
struct catalog_wish {
    uint32_t abilities; /* a bit per enum catalog_ability */
    uint32_t use;       /* one bit, or 0: any */
};
/* The use that a path of weir's asks for; 0: any. */
uint32_t catalog_use_of(enum endpoint endpoint);
/* What the model is known to lack, as "can see images"; {NULL,0}: nothing. A model that is not known (NULL) lacks
 * nothing. */
struct str catalog_lack(const struct catalog_model *model, const struct catalog_wish *wish);
/* What a first token is expected to take, by the row or by the class of its speed; -1: not known. A hint: what is
 * measured is in the status. */
int64_t catalog_first_token_ms(const struct catalog_model *model);
/* The short name of an id: without its publisher, in lower case, and up to its size where what follows says only how it
 * was tuned or packed: mixtral-8x7b for mistralai/Mixtral-8x7B-Instruct-v0.1. In `buffer`; empty: it has none. */
struct str catalog_short_name(struct str id, char *buffer, size_t size);
/* The newest day of which its facts are, 2026-11-21; empty: it says none. */
struct str catalog_day(const struct catalog *catalog);
/* Does it claim models of this name, whether it is known or not? */
bool catalog_claims(const struct catalog_provider *provider, struct str model);
/* The model is known to do it. */
static inline bool catalog_can(const struct catalog_model *model, enum catalog_ability ability) {
    return model && model->can >> ability & 1;
}

#endif
