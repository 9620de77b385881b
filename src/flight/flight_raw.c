/* flight_raw.c - a provider's own API, raw: /providers/{name}/... with weir's credentials, limits and accounting, for
 * clients that may (`raw: true`). The path stays below the provider's base URL; the body and the reply pass as they
 * are; neither side's credentials, cookies or account headers cross. One attempt, as nobody knows what may be said
 * twice.
 *
 * Must never: send anything outside of the provider's base URL, or what only that provider may know to a caller. */
#include <string.h>

#include "base/check.h"
#include "base/header_names.h"
#include "dialect/fields.h"
#include "dialect/names.h"
#include "dialect/openai/openai_codec.h"
#include "flight/flight_internal.h"
#include "snapshot/rights.h"

/* -- the way in -- */

/* Where a provider reads the model from, path by path: a client that is kept to some models may ask for these by POST,
 * and for nothing else, as nobody knows what else leads to which model. A path counts as it is written here; of
 * `{model}` one level of escapes is undone. */
enum model_place { in_path, in_json, in_form };
static const struct {
    enum dialect dialect;
    enum model_place place;
    struct str path;
} kept_paths[] = {
    {dialect_openai, in_json, STR("/chat/completions")},
    {dialect_openai, in_json, STR("/completions")},
    {dialect_openai, in_json, STR("/responses")},
    {dialect_openai, in_json, STR("/responses/input_tokens")},
    {dialect_openai, in_json, STR("/responses/compact")},
    {dialect_openai, in_json, STR("/embeddings")},
    {dialect_openai, in_json, STR("/moderations")},
    {dialect_openai, in_json, STR("/rerank")},
    {dialect_openai, in_json, STR("/images/generations")},
    {dialect_openai, in_form, STR("/images/edits")},
    {dialect_openai, in_json, STR("/audio/speech")},
    {dialect_openai, in_form, STR("/audio/transcriptions")},
    {dialect_openai, in_form, STR("/audio/translations")},
    {dialect_anthropic, in_json, STR("/v1/messages")},
    {dialect_anthropic, in_json, STR("/v1/messages/count_tokens")},
    {dialect_gemini, in_path, STR("/models/{model}:generateContent")},
    {dialect_gemini, in_path, STR("/models/{model}:streamGenerateContent")},
    {dialect_gemini, in_path, STR("/models/{model}:countTokens")},
    {dialect_gemini, in_path, STR("/models/{model}:embedContent")},
    {dialect_gemini, in_path, STR("/models/{model}:batchEmbedContents")},
    {dialect_ollama, in_json, STR("/api/chat")},
    {dialect_ollama, in_json, STR("/api/generate")},
    {dialect_ollama, in_json, STR("/api/embed")},
    {dialect_ollama, in_json, STR("/v1/chat/completions")},
    {dialect_ollama, in_json, STR("/v1/completions")},
    {dialect_ollama, in_json, STR("/v1/embeddings")},
    {dialect_cloudflare, in_path, STR("/ai/run/{model}")},
    {dialect_cloudflare, in_json, STR("/ai/v1/chat/completions")},
    {dialect_cloudflare, in_json, STR("/ai/v1/embeddings")},
    {dialect_huggingface, in_path, STR("/models/{model}/pipeline/feature-extraction")},
    {dialect_huggingface, in_path, STR("/models/{model}")},
};
enum { kept_path_count = sizeof kept_paths / sizeof *kept_paths };

/* The row of this path, and the model that stands in it, still escaped; kept_path_count: there is none. */
static size_t kept_path_find(enum dialect dialect, struct str path, struct str *model) {
    size_t row = 0;
    for (; row < kept_path_count; row++) {
        struct str pattern = kept_paths[row].path;
        size_t open = str_find_byte(pattern, '{');
        *model = STR("");
        if (kept_paths[row].dialect != dialect) continue;
        if (open == SIZE_MAX && str_eq(pattern, path)) break;
        if (open == SIZE_MAX) continue;
        struct str before = str_slice(pattern, 0, open),
                   after = str_slice(pattern, str_find_byte(pattern, '}') + 1, pattern.len);
        if (path.len <= before.len + after.len || !str_starts(path, before) || !str_ends(path, after)) continue;
        *model = str_slice(path, before.len, path.len - after.len);
        break;
    }
    return row;
}

/* Unescaped, in the flight's arena; {NULL,0}: it is none. */
static struct str model_in_path(struct flight *flight, struct str escaped, enum dialect dialect) {
    char plain[limit_model + 1];
    if (escaped.len > limit_model || !url_name_stays(escaped)) return STR_NONE;
    struct str model = str_percent_decode(escaped, plain, sizeof plain);
    bool parted = str_find_byte(model, '/') != SIZE_MAX || str_find_byte(model, ':') != SIZE_MAX;
    return parted && dialect == dialect_gemini ? STR_NONE : arena_copy(&flight->arena, model);
}

/* The model at the top of the body; {NULL,0}: none, or it is no JSON. *may: its client may use every one it names. */
static struct str model_in_json(struct flight *flight, const struct provider *provider, bool *may) {
    struct names names;
    struct name name;
    struct str found = STR_NONE;
    const char *problem;
    size_t where;
    *may = true;
    if (client_is_kept(flight) && !json_parse_in(flight->host->scratch, flight->body.whole, &problem, &where)) {
        *may = false; /* what another parser may make of it */
        return STR_NONE;
    }
    names_begin(&names, flight->body.whole, provider->dialect);
    while (names_next(&names, &name)) {
        if (name.kind != name_model) continue;
        struct str model = name_of_model(flight, name.value);
        *may = *may && model.at && client_may_model(flight, provider->name, model);
        if (name.top && str_eq(name.member, STR("model"))) found = model;
    }
    return found;
}

static struct str model_in_form(struct flight *flight) {
    struct openai_request request;
    struct error error;
    struct str param;
    bool read =
        openai_skim_multipart(flight->body.whole, flight->head.content_type, &flight->arena, &request, &error, &param);
    return read && request.model.len ? request.model : STR_NONE;
}

/* The model that is asked for, as far as it can be told: for the books. */
static struct str model_told(struct flight *flight, const struct provider *provider) {
    bool may;
    struct str escaped, in_body = model_in_json(flight, provider, &may);
    if (in_body.at) return in_body;
    kept_path_find(provider->dialect, flight->head.raw->path, &escaped);
    return escaped.len ? model_in_path(flight, escaped, provider->dialect) : STR_NONE;
}

/* Parameters that choose no model. */
static bool query_is_plain(struct str query) {
    static const struct str plain[] = {STR("alt"), STR("api-version"), STR("beta"), STR("prettyPrint"), STR("key")};
    struct str pair;
    while (query.len && str_split_next(&query, '&', &pair)) {
        struct str name = str_slice(pair, 0, str_find_byte(pair, '='));
        bool known = pair.len == 0;
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) known = known || str_eq(name, plain[i]);
        if (!known) return false;
    }
    return true;
}

/* Of a client that is kept to some models. NULL: it may; else why not. *model: which one. */
static const char *why_not_kept(struct flight *flight, const struct provider *provider, struct str *model) {
    struct str escaped, type = flight->head.content_type;
    size_t row = kept_path_find(provider->dialect, flight->head.raw->path, &escaped);
    bool form = row < kept_path_count && kept_paths[row].place == in_form, may = true;
    bool typed = form || !type.len || str_starts_nocase(type, STR("application/json"));
    if (row == kept_path_count || flight->head.raw->method != http_post || !query_is_plain(flight->head.raw->query) ||
        !typed)
        return "This client key may use some models only, and nobody can tell to which one such a request leads.";
    *model = form ? model_in_form(flight) : model_in_json(flight, provider, &may);
    if (kept_paths[row].place == in_path) *model = model_in_path(flight, escaped, provider->dialect);
    if (!model->at) return "This client key may use some models only, and the request does not say which it is for.";
    return may && client_may_model(flight, provider->name, *model) ? NULL : "This client key may not use this model.";
}

/* NULL: it may; else why not. */
static const char *why_not(struct flight *flight, const struct provider *provider, struct str *model) {
    const struct client *client = flight->client;
    if (!client)
        return flight->snapshot->auth_none ? "Nobody may use /providers/{name}/... without a client key of `raw: true`."
                                           : NULL;
    if (!client->raw) return "This client key may not use /providers/{name}/...: ask the operator for `raw: true`.";
    if (!client_may_have(client, flight->head.raw->provider)) return "This client key may not use this provider.";
    return client_is_kept(flight) && provider ? why_not_kept(flight, provider, model) : NULL;
}

bool raw_keep(struct flight *flight, const struct flight_request *request) {
    const struct flight_raw *raw = &request->raw;
    struct flight_raw *copy = arena_take(&flight->arena, sizeof *copy);
    if (!copy) return false;
    *copy = (struct flight_raw){.method = raw->method,
                                .provider = arena_copy(&flight->arena, raw->provider),
                                .path = arena_copy(&flight->arena, raw->path),
                                .query = arena_copy(&flight->arena, raw->query)};
    flight->head.raw = copy;
    flight->head.method = raw->method;
    return copy->provider.at && copy->path.at && copy->query.at;
}

enum step raw_admit(struct flight *flight, struct now now, struct actions *out) {
    const struct provider *provider = map_find(&flight->snapshot->providers_by_name, flight->head.raw->provider);
    struct str model = STR_NONE;
    CHECK(flight->head.raw); /* kept with the head: raw_keep */
    flight->request = (struct openai_request){.max_tokens = -1, .n = 1};
    const char *refused = why_not(flight, provider, &model);
    if (refused) return answer_error(flight, error_not_allowed, str_from(refused), STR_NONE, now, out);
    if (!provider)
        return answer_error(flight, error_unknown_provider,
                            arena_printf(&flight->arena, "There is no provider `%.*s`.",
                                         STR_ARG(str_slice(flight->head.raw->provider, 0, limit_name))),
                            STR_NONE, now, out);
    if (!url_path_stays(flight->head.raw->path))
        return answer_error(flight, error_invalid_request,
                            STR("The path must not hold `.` or `..` segments, backslashes, blanks or broken escapes."),
                            STR_NONE, now, out);
    if (!model.at) model = model_told(flight, provider);
    struct str name = arena_printf(&flight->arena, "%.*s/%.*s", STR_ARG(flight->head.raw->provider),
                                   STR_ARG(model.len ? str_slice(model, 0, limit_model) : STR("-")));
    flight->choice.model = name;
    flight->request.model = name;
    flight->prompt_tokens = (int64_t)(flight->body.whole.len / 4);
    struct route *route = snapshot_pinned(flight->snapshot, name, &flight->arena); /* no route's targets: this one */
    if (route) route->retry.max_attempts = 1;
    flight->choice.route = route;
    flight->choice.by = strategy_priority;
    flight->choice.candidates = arena_take_zeroed(&flight->arena, sizeof *flight->choice.candidates);
    if (!flight->choice.route || !flight->choice.candidates)
        return answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
    flight->choice.candidates[0] = (struct candidate){.target = flight->choice.route->targets[0], .weight = 1};
    flight->choice.count = flight->choice.room = 1;
    return step_on;
}

/* -- headers -- */

bool header_is_named_by_connection(const struct http_header *headers, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++) {
        struct str rest = headers[i].value, named;
        if (!str_eq_nocase(headers[i].name, STR("connection"))) continue;
        while (rest.len && str_split_next(&rest, ',', &named))
            if (str_eq_nocase(str_trim(named), name)) return true;
    }
    return false;
}

static bool raw_passes_up(unsigned uses, struct str name) {
    return !(uses & (header_of_hop | header_of_caller)) && !header_is_account(name) && !header_may_be_credential(name);
}

bool raw_keeps(const struct flight *flight, const struct flight_request *request, unsigned uses, struct str name) {
    (void)flight;
    return raw_passes_up(uses, name) && !header_is_named_by_connection(request->headers, request->header_count, name);
}

/* Where its client is kept to some models a header might choose another one. */
bool raw_passes_up_now(const struct flight *flight, const struct provider *provider, struct str name) {
    return !client_is_kept(flight) || str_eq_nocase(name, STR("accept")) ||
           outbound_forwards(provider->dialect, header_uses(name));
}

bool raw_passes_back(const struct provider *provider, struct str name) {
    (void)provider;
    return !(header_uses(name) & (header_of_hop | header_of_provider)) && !header_is_account(name);
}

/* -- the request, the reply -- */

/* Is it a credential where Google reads them, or what makes another request of it? In any case, escaped or not. */
static bool query_is_kept_here(const struct provider *provider, struct str pair) {
    static const struct {
        struct str name;
        bool gemini;
    } kept_here[] = {{STR("_method"), false},    {STR("key"), true},          {STR("access_token"), true},
                     {STR("oauth_token"), true}, {STR("$key"), true},         {STR("$httpMethod"), true},
                     {STR("api_key"), false},    {STR("bearer_token"), false}};
    char plain[64];
    struct str name = str_percent_decode(str_slice(pair, 0, str_find_byte(pair, '=')), plain, sizeof plain);
    for (size_t i = 0; i < sizeof kept_here / sizeof *kept_here; i++)
        if ((!kept_here[i].gemini || provider->dialect == dialect_gemini) &&
            str_eq_nocase(str_trim(name), kept_here[i].name))
            return true;
    return false;
}

bool raw_request(struct flight *flight, struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    struct text path = text_in_arena(&flight->arena, provider->base.path.len + flight->head.raw->path.len + 64);
    struct str rest = flight->head.raw->query, pair;
    char before = '?';
    CHECKF(attempt->number == 0 && !flight->rival, "attempt %u", attempt->number); /* the only one */
    text_put(&path, provider->base.path);
    text_put(&path, flight->head.raw->path);
    while (rest.len && str_split_next(&rest, '&', &pair)) {
        if (query_is_kept_here(provider, pair)) continue;
        text_put_byte(&path, before);
        text_put(&path, pair);
        before = '&';
    }
    attempt->dialect.codec = &codec_openai; /* reads what it says of weir's key, as far as it can */
    attempt->request.path = text_str(&path);
    attempt->request.body = (struct openai_splice){
        .ranges = {flight->body.whole}, .count = flight->body.whole.len > 0, .len = flight->body.whole.len};
    return !path.failed;
}
