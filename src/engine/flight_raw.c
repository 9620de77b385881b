/* flight_raw.c - a provider's own API, raw: /providers/{name}/... with weir's credentials, limits and accounting, for
 * clients that may (`raw: true`). The path stays below the provider's base URL; the body and the reply pass as they
 * are; neither side's credentials, cookies or account headers cross. One attempt, as nobody knows what may be said
 * twice.
 *
 * Must never: send anything outside of the provider's base URL, or what only that provider may know to a caller. */
#include <string.h>

#include "dialect/fields.h"
#include "engine/flight.h"

/* -- the way in -------------------------------------------------------------------------------------------------------
 */

/* The model that is named in a JSON body or in a path such as models/{model}:generateContent, at Hugging Face
 * models/{model}/pipeline/feature-extraction; empty: none. *unsure: more than one is named, and which of them counts
 * only the provider knows. */
static struct str model_of(struct flight *flight, const struct provider *provider, struct str body, bool *unsure) {
    struct str path = flight->raw->path, mark = STR("models/"), named = STR(""), name;
    const struct str pipeline = STR("/pipeline/feature-extraction");
    size_t at = str_find(path, mark), place = 0, count = 0;
    if (str_starts(str_trim(body), STR("{"))) {
        const char *problem;
        size_t where;
        const struct json_value *root = json_parse_in(flight->host->scratch, body, &problem, &where);
        *unsure = !root; /* what another parser may make of it */
        for (const struct json_value *value; root && (value = json_each(root, &place, &name));) {
            if (str_eq_nocase(name, STR("models"))) *unsure = true; /* OpenRouter's, to fall back on */
            if (!str_eq_nocase(name, STR("model"))) continue;       /* Go's servers read `Model` too */
            named = json_str(value, STR(""));
            count++;
        }
    }
    *unsure |= count > 1;
    struct str in_path = at == SIZE_MAX ? STR("") : str_slice(path, at + mark.len, path.len);
    in_path = str_slice(in_path, 0, str_find_byte(in_path, ':'));
    if (provider && provider->dialect == dialect_huggingface && str_ends(in_path, pipeline))
        in_path = str_slice(in_path, 0, in_path.len - pipeline.len);
    *unsure |= named.len && in_path.len && !str_eq(named, in_path);
    return arena_copy(&flight->arena, str_slice(named.len ? named : in_path, 0, limit_model));
}

/* NULL: it may; else why not. Who is kept to some models may ask for what names one of them. */
static const char *why_not(const struct flight *flight, struct str model, bool unsure, struct str target) {
    const struct client *client = flight->client;
    if (!client)
        return flight->snapshot->auth_none ? "Nobody may use /providers/{name}/... without a client key of `raw: true`."
                                           : NULL;
    if (!client->raw) return "This client key may not use /providers/{name}/...: ask the operator for `raw: true`.";
    if (!str_glob_any(client->providers, client->provider_count, flight->raw->provider))
        return "This client key may not use this provider.";
    if (str_glob_any(client->models, client->model_count, STR("*"))) return NULL;
    if (!model.len || unsure)
        return "This client key may use some models only, and the request does not say which it is for.";
    return str_glob_any(client->models, client->model_count, model) ||
                   str_glob_any(client->models, client->model_count, target)
               ? NULL
               : "This client key may not use this model.";
}

bool raw_keep(struct flight *flight, const struct flight_raw *raw) {
    struct flight_raw *copy = arena_take(&flight->arena, sizeof *copy);
    if (!copy) return false;
    *copy = (struct flight_raw){.method = raw->method,
                                .provider = arena_copy(&flight->arena, raw->provider),
                                .path = arena_copy(&flight->arena, raw->path),
                                .query = arena_copy(&flight->arena, raw->query)};
    flight->raw = copy;
    return copy->provider.at && copy->path.at && copy->query.at;
}

bool raw_admit(struct flight *flight, struct now now, struct actions *out) {
    const struct provider *provider = map_find(&flight->snapshot->providers_by_name, flight->raw->provider);
    struct str model;
    flight->request = (struct openai_request){.max_tokens = -1, .n = 1};
    bool unsure = false;
    model = model_of(flight, provider, flight->whole_body, &unsure);
    struct str name = arena_printf(&flight->arena, "%.*s/%.*s", STR_ARG(flight->raw->provider),
                                   STR_ARG(model.len ? model : STR("-")));
    const char *refused = why_not(flight, model, unsure, name);
    if (refused) {
        answer_error(flight, error_not_allowed, str_from(refused), STR_NONE, now, out);
        return false;
    }
    if (!provider) {
        answer_error(flight, error_unknown_provider,
                     arena_printf(&flight->arena, "There is no provider `%.*s`.",
                                  STR_ARG(str_slice(flight->raw->provider, 0, limit_name))),
                     STR_NONE, now, out);
        return false;
    }
    if (!url_path_stays(flight->raw->path)) {
        answer_error(flight, error_invalid_request,
                     STR("The path must not hold `.` or `..` segments, backslashes, blanks or broken escapes."),
                     STR_NONE, now, out);
        return false;
    }
    flight->route_name = name;
    flight->request.model = name;
    flight->prompt_tokens = (int64_t)(flight->whole_body.len / 4);
    struct route *route = snapshot_pinned(flight->snapshot, name, &flight->arena); /* no route's targets: this one */
    if (route) route->retry.max_attempts = 1;
    flight->route = route;
    flight->by = strategy_priority;
    flight->candidates = arena_take_zeroed(&flight->arena, sizeof *flight->candidates);
    if (!flight->route || !flight->candidates) {
        answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
        return false;
    }
    flight->candidates[0] = (struct candidate){.target = flight->route->targets[0], .weight = 1};
    flight->candidate_count = flight->candidate_size = 1;
    return true;
}

/* -- headers ----------------------------------------------------------------------------------------------------------
 */

/* Names, or beginnings of them where they end in `-` or `*`. */
static bool is_one_of(const char *const *names, struct str name) {
    for (; *names; names++) {
        struct str known = str_from(*names);
        bool beginning = known.at[known.len - 1] == '*' || known.at[known.len - 1] == '-';
        if (known.at[known.len - 1] == '*') known.len--;
        if (beginning ? str_starts_nocase(name, known) : str_eq_nocase(name, known)) return true;
    }
    return false;
}

/* Of one hop: RFC 9110, section 7.6.1. */
#define HOP                                                                                                           \
    "connection", "keep-alive", "proxy-*", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "host", \
        "expect"

/* Whose account it is: a provider tells in its replies, and a caller could choose another one that the key opens. */
static bool is_account(struct str name) {
    static const struct str marks[] = {STR("organization"), STR("project"), STR("account")};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        for (size_t at = 0; at + marks[i].len <= name.len; at++)
            if (str_eq_nocase(str_slice(name, at, at + marks[i].len), marks[i])) return true;
    return false;
}

bool raw_passes_up(struct str name) {
    static const char *const kept_here[] = {
        HOP,         "authorization",   "x-api-key",  "api-key",      "x-goog-api-key",
        "cookie",    "accept-encoding", "user-agent", "content-type", /* sent on its own */
        "origin",    "referer",         "forwarded",  "via",          "x-forwarded-",
        "x-real-ip", "x-weir-",         NULL};
    return !is_account(name) && !is_one_of(kept_here, name);
}

bool raw_passes_back(struct str name) {
    static const char *const kept_here[] = {HOP,
                                            "set-cookie*",
                                            "www-authenticate",
                                            "alt-svc",
                                            "strict-transport-security",
                                            "access-control-",
                                            "content-type", /* sent on its own */
                                            "date",
                                            "server",
                                            "location",
                                            "cf-*",
                                            "nel",
                                            "report-to",
                                            "x-weir-",
                                            NULL};
    return !is_account(name) && !is_one_of(kept_here, name);
}

/* -- the request, the reply -------------------------------------------------------------------------------------------
 */

bool raw_request(struct flight *flight, struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    struct text path = text_in_arena(&flight->arena, provider->base.path.len + flight->raw->path.len + 64);
    struct str rest = flight->raw->query, pair;
    char before = '?';
    text_put(&path, provider->base.path);
    text_put(&path, flight->raw->path);
    while (rest.len && str_split_next(&rest, '&', &pair)) {
        if (provider->dialect == dialect_gemini && str_starts(pair, STR("key="))) continue; /* a credential there */
        text_put_byte(&path, before);
        text_put(&path, pair);
        before = '&';
    }
    attempt->path = text_str(&path);
    attempt->body = (struct openai_splice){
        .ranges = {flight->whole_body}, .count = flight->whole_body.len > 0, .len = flight->whole_body.len};
    return !path.failed;
}

void raw_usage(struct flight *flight, struct attempt *attempt) {
    static const struct {
        const char *name;
        size_t at;
    } counts[] = {{"prompt_tokens", offsetof(struct usage, input_tokens)},
                  {"input_tokens", offsetof(struct usage, input_tokens)},
                  {"promptTokenCount", offsetof(struct usage, input_tokens)},
                  {"prompt_eval_count", offsetof(struct usage, input_tokens)},
                  {"completion_tokens", offsetof(struct usage, output_tokens)},
                  {"output_tokens", offsetof(struct usage, output_tokens)},
                  {"candidatesTokenCount", offsetof(struct usage, output_tokens)},
                  {"eval_count", offsetof(struct usage, output_tokens)}};
    const int64_t most = 1000000000000;
    struct str tail = str_make(attempt->tail, attempt->tail_len);
    size_t at = SIZE_MAX;
    for (size_t from = 0, found; (found = str_find(str_slice(tail, from, tail.len), STR("\"usage"))) != SIZE_MAX;
         from = at + 1)
        at = from + found;
    if (at == SIZE_MAX) return;
    size_t open = str_find_byte(str_slice(tail, at, tail.len), '{'), depth = 0, end = at + open;
    for (; open != SIZE_MAX && end < tail.len; end++) {
        depth += tail.at[end] == '{';
        depth -= tail.at[end] == '}';
        if (depth == 0) break;
    }
    const char *problem;
    size_t where;
    if (open == SIZE_MAX || end >= tail.len) return;
    const struct json_value *said =
        json_parse_in(flight->host->scratch, str_slice(tail, at + open, end + 1), &problem, &where);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t count = json_i64(json_member(said, counts[i].name), -1);
        if (count >= 0 && count < most) memcpy((char *)&attempt->usage + counts[i].at, &count, sizeof count);
    }
}
