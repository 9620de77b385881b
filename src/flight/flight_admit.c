/* flight_admit.c - the way in: what the head asks for, what the body names, which targets may serve it. Answers every
 * refusal. */
#include <string.h>

#include "base/check.h"
#include "base/header_names.h"
#include "core/traceparent.h"
#include "flight/flight_internal.h"
#include "flight/flight_trace.h"
#include "snapshot/rights.h"

/* The x-weir-* headers that steer. Those of features to come are refused, never ignored. */
static const struct {
    struct str name;
    size_t field; /* of struct flight */
} steering[] = {
    {STR("x-weir-targets"), offsetof(struct flight, steering.targets)},
    {STR("x-weir-strategy"), offsetof(struct flight, steering.strategy)},
    {STR("x-weir-timeout-ms"), offsetof(struct flight, steering.timeout_ms)},
    {STR("x-weir-session"), offsetof(struct flight, steering.session)},
    {STR("x-claude-code-session-id"), offsetof(struct flight, steering.agent_session)},
    {STR("session_id"), offsetof(struct flight, steering.agent_session)}, /* Codex */
    {STR("session-id"), offsetof(struct flight, steering.agent_session)},
    {STR("conversation_id"), offsetof(struct flight, steering.agent_session)},
    {STR("traceparent"), offsetof(struct flight, steering.trace)},
    {STR("tracestate"), offsetof(struct flight, steering.tracestate)},
    {STR("x-weir-tags"), offsetof(struct flight, steering.tags)},
    {STR("x-weir-cost"), offsetof(struct flight, steering.cost)},
    {STR("x-weir-unsupported"), offsetof(struct flight, steering.unsupported)},
    {STR("x-weir-cache"), offsetof(struct flight, steering.cache)},
    {STR("x-weir-cache-key"), offsetof(struct flight, steering.cache_key)},
    {STR("x-weir-cache-ttl"), offsetof(struct flight, steering.cache_ttl)},
    {STR("content-type"), offsetof(struct flight, head.content_type)},
};

/* Of a second header of that name. */
static bool steering_again(struct flight *flight, struct str *field, struct str value) {
    if (field == &flight->steering.trace) flight->steering.trace_twice = true;
    if (field != &flight->steering.tracestate) return true;                              /* the first counts */
    if (field->len > tracestate_most) return true;                                       /* which is none already */
    *field = arena_printf(&flight->arena, "%.*s,%.*s", STR_ARG(*field), STR_ARG(value)); /* RFC 9110, 5.3 */
    return field->at != NULL;
}

/* false: no memory. */
static bool steering_keep(struct flight *flight, const struct http_header *header) {
    for (size_t i = 0; i < sizeof steering / sizeof *steering; i++) {
        struct str *field = (struct str *)(void *)((char *)flight + steering[i].field);
        if (!str_eq_nocase(header->name, steering[i].name)) continue;
        if (field->at) return steering_again(flight, field, header->value);
        *field = arena_copy(&flight->arena, header->value);
        return field->at != NULL;
    }
    return true;
}

/* Copies what the flight keeps of the caller's head. */
static bool headers_keep(struct flight *flight, const struct flight_request *request) {
    const struct str end_user = flight->snapshot->end_user_header;
    bool keeps[limit_headers];
    size_t kept = 0;
    CHECKF(request->header_count <= limit_headers, "header_count=%zu", request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        const unsigned uses = header_uses(header->name);
        keeps[i] = flight->door->keeps(flight, request, uses, header->name);
        kept += keeps[i];
        if (uses & header_steers && !steering_keep(flight, header)) return false;
        if (end_user.len && !flight->steering.end_user.at && str_eq_nocase(header->name, end_user)) {
            flight->steering.end_user = arena_copy(&flight->arena, str_trim(header->value));
            if (!flight->steering.end_user.at) return false;
        }
    }
    flight->head.headers = kept ? arena_take(&flight->arena, kept * sizeof *flight->head.headers) : NULL;
    if (kept && !flight->head.headers) return false;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!keeps[i]) continue;
        const struct http_header *header = &request->headers[i];
        struct http_header copy = {arena_copy(&flight->arena, header->name), arena_copy(&flight->arena, header->value)};
        if (!copy.name.at || !copy.value.at) return false;
        flight->head.headers[flight->head.header_count++] = copy;
    }
    return true;
}

struct budget *flight_budget(const struct flight_host *host, const struct client *client) {
    struct budget *share = client && client->cells ? &client->cells->memory : host->strangers;
    if (!host->budget || !share) return host->budget;
    budget_share(share, host->budget);
    return share;
}

struct flight *flight_new(const struct flight_host *host, const struct snapshot *snapshot,
                          const struct flight_request *request) {
    CHECK(request->request_id.len > 0 && request->request_id.len <= limit_request_id);
    struct arena arena;
    arena_init_spared(&arena, 4096, 4 * 1024 * 1024, host->spares);
    arena_hold_within(&arena, flight_budget(host, request->client));
    struct flight *flight = arena_take(&arena, sizeof *flight);
    if (!flight) return NULL;
    *flight = (struct flight){
        .host = host, .snapshot = snapshot, .client = request->client, .budget = arena.budget, .arena = arena};
    flight->client_hash = request->client ? str_hash(request->client->name) : 0;
    flight->inner = request->inner;
    flight->endpoint = request->endpoint;
    flight->door = door_of(request->endpoint);
    flight->head.method = http_post;
    flight->codec = request->endpoint == endpoint_completions ? &codec_completions
                                                              : codec_of(endpoint_facts(request->endpoint)->dialect);
    flight->head.path_model = arena_copy(&flight->arena, request->path_model);
    flight->head.wants_array = request->wants_array;
    flight->request_id = arena_copy(&flight->arena, request->request_id);
    flight->own_id = request->own_id.len ? arena_copy(&flight->arena, request->own_id) : flight->request_id;
    flight->times.arrived_ns = request->arrived.mono_ns;
    flight->times.arrived_wall_ns = request->arrived.wall_ns;
    flight->body.most = snapshot->body_bytes_max;
    flight->times.timeout_ns = snapshot->request_timeout_ns;
    chunks_init_spared(&flight->body.chunks, flight->budget, host->chunk_spares);
    if (request->content_length > 0) chunks_expect(&flight->body.chunks, (size_t)request->content_length);
    bool kept = !flight->door->keep || flight->door->keep(flight, request);
    kept = kept && flight->request_id.at && flight->own_id.at && headers_keep(flight, request);
    if (kept && trace_begin(flight)) return flight;
    arena = flight->arena;
    arena_free(&arena);
    return NULL;
}

enum step flight_admit_head(struct flight *flight, struct now now, struct actions *out) {
    bool steers = flight->steering.targets.at || flight->steering.strategy.at;
    if (!budget_admits(flight->budget, 0)) return answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    if (flight->host->keeps_nothing) return answer_error(flight, error_usage_unrecorded, STR_NONE, STR_NONE, now, out);
    if (steers && !client_may_steer(flight->client))
        return answer_error(
            flight, error_not_allowed,
            STR("This client key may not use x-weir-targets or x-weir-strategy: ask the operator for `may_steer`."),
            STR_NONE, now, out);
    if (flight->steering.strategy.at && !strategy_read(flight->steering.strategy, &flight->choice.by)) {
        struct text sentence = text_in_arena(&flight->arena, 256);
        text_put(&sentence, STR("x-weir-strategy: there is no such strategy: write "));
        strategy_names_put(&sentence);
        text_put_byte(&sentence, '.');
        return answer_error(flight, error_invalid_request, text_str(&sentence), STR("x-weir-strategy"), now, out);
    }
    if (flight->steering.unsupported.at) {
        bool drop = str_eq(flight->steering.unsupported, STR("drop"));
        if (!drop && !str_eq(flight->steering.unsupported, STR("refuse")))
            return answer_error(flight, error_invalid_request, STR("x-weir-unsupported must be `drop` or `refuse`."),
                                STR("x-weir-unsupported"), now, out);
        flight->steering.unsupported_as = drop ? unsupported_drop : unsupported_refuse;
    }
    if (cache_admit_head(flight, now, out) != step_on) return step_over;
    uint64_t timeout_ms = 0;
    if (flight->steering.timeout_ms.at) {
        if (!str_to_u64(flight->steering.timeout_ms, &timeout_ms) || timeout_ms == 0)
            return answer_error(flight, error_invalid_request,
                                STR("x-weir-timeout-ms must be a whole number of milliseconds above 0."),
                                STR("x-weir-timeout-ms"), now, out);
        flight->times.timeout_given = true; /* it only shortens */
        if (timeout_ms < flight->times.timeout_ns / NS_PER_MS) flight->times.timeout_ns = timeout_ms * NS_PER_MS;
    }
    return step_on;
}

enum unfit { unfit_no, unfit_client, unfit_endpoint }; /* the last one is told */

/* What the request wants of a model, in the catalogue's words. A schema's answer may come by a tool (emulate.h). */
static struct catalog_wish wish_of(const struct flight *flight, const struct target *target) {
    const uint64_t means = FEATURE_BIT(tools) | FEATURE_BIT(tool_choice);
    bool by_tool = endpoint_facts(flight->endpoint)->operation == operation_chat && !(target->refuses & means);
    const struct openai_request *request = &flight->request;
    return (struct catalog_wish){.abilities = (request->has_image ? 1u << ability_vision : 0) |
                                              (request->has_audio ? 1u << ability_audio : 0) |
                                              (request->has_tools ? 1u << ability_tools : 0) |
                                              (request->wants_schema && !by_tool ? 1u << ability_json : 0),
                                 .use = catalog_use_of(flight->endpoint)};
}

/* A model that is known to lack what is wanted is not asked; one that nothing is known of is. */
static bool model_fits(struct flight *flight, const struct target *target, struct error *error) {
    struct catalog_wish wish = wish_of(flight, target);
    struct str lack = catalog_lack(target->facts, &wish);
    return !lack.len ||
           error_set(error, error_unsupported, "No model behind `%.*s` %.*s. GET /v1/models tells what each can do.",
                     STR_ARG(str_slice(flight->choice.model, 0, 100)), STR_ARG(lack));
}

static enum unfit target_unfit(struct flight *flight, const struct target *target, bool pinned) {
    if (!client_may_use(flight->client, target, pinned)) return unfit_client;
    struct error error; /* not zeroed: its sentence is long, and there may be a thousand targets */
    error.code = error_none;
    bool fits = model_fits(flight, target, &error);
    flight->choice.emulates = 0;
    if (fits && way_of(flight, target)->fits(flight, target, &error)) return unfit_no;
    if (error.code && !flight->choice.unfit)
        flight->choice.unfit = arena_take(&flight->arena, sizeof *flight->choice.unfit);
    if (error.code && flight->choice.unfit) *flight->choice.unfit = error;
    return unfit_endpoint;
}

/* false: no memory. */
static bool candidates_room(struct flight *flight, size_t more) {
    size_t size = flight->choice.count + more;
    if (size <= flight->choice.room) return true;
    struct candidate *bigger = arena_take_zeroed(&flight->arena, size * sizeof *bigger);
    if (!bigger) return false;
    for (size_t i = 0; i < flight->choice.count; i++) bigger[i] = flight->choice.candidates[i];
    flight->choice.candidates = bigger;
    flight->choice.room = size;
    return true;
}

/* Among the first ones: a route names none twice, and may be long. */
static bool is_candidate(const struct flight *flight, const struct target *target, size_t first) {
    for (size_t i = 0; i < first; i++)
        if (flight->choice.candidates[i].target == target) return true;
    return false;
}

static bool candidates_add(struct flight *flight, const struct route *route, bool pinned, enum unfit *unfit) {
    size_t before = flight->choice.count;
    if (!candidates_room(flight, route->target_count)) return false;
    for (size_t i = 0; i < route->target_count; i++) {
        const struct target *target = route->targets[i];
        enum unfit found = target_unfit(flight, target, pinned);
        if (found > *unfit) *unfit = found;
        if (found != unfit_no || is_candidate(flight, target, before)) continue;
        flight->choice.candidates[flight->choice.count++] =
            (struct candidate){.target = target,
                               .leaf = (uint32_t)i,
                               .emulates = flight->choice.emulates != 0,
                               .calls = flight->choice.emulates & FEATURE_BIT(n),
                               .place = route->places ? route->places[i].cells : NULL,
                               .limits = route->places ? route->places[i].limits : NULL,
                               .params = route->places ? route->places[i].params : NULL,
                               .weight = route->places ? route->places[i].weight : 1};
    }
    CHECKF(flight->choice.count <= flight->choice.room, "count=%zu room=%zu", flight->choice.count,
           flight->choice.room);
    return true;
}

/* x-weir-targets: a/m1,b/m2 */
static enum step pins_add(struct flight *flight, enum unfit *unfit, struct now now, struct actions *out) {
    struct str rest = flight->steering.targets, pin;
    for (size_t count = 0; str_split_next(&rest, ',', &pin); count++) {
        if (count == limit_pins)
            return answer_error(flight, error_invalid_request,
                                arena_printf(&flight->arena, "x-weir-targets: at most %d targets.", limit_pins),
                                STR("x-weir-targets"), now, out);
        pin = str_trim(pin);
        size_t slash = str_find_byte(pin, '/');
        const struct route *route =
            slash == SIZE_MAX || !map_find(&flight->snapshot->providers_by_name, str_slice(pin, 0, slash))
                ? NULL
                : snapshot_route(flight->snapshot, pin, &flight->arena);
        if (!route) {
            struct str message = arena_printf(&flight->arena,
                                              "x-weir-targets: there is no target `%.*s`: write provider/model, "
                                              "with a provider of this gateway.",
                                              STR_ARG(str_slice(pin, 0, limit_model)));
            return answer_error(flight, error_model_not_found, message, STR("x-weir-targets"), now, out);
        }
        if (!candidates_add(flight, route, true, unfit))
            return answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
        if (!flight->choice.route) flight->choice.route = route;
    }
    return step_on;
}

/* The configured tags count always, the caller's own only where they are trusted. */
static const struct rule *rule_find(const struct flight *flight, struct now now) {
    const struct snapshot *snapshot = flight->snapshot;
    struct rule_tag tags[2 * rule_tags_max];
    size_t count = snapshot->trust_tags && flight->steering.tags.at ? rule_read_tags(flight->steering.tags, tags) : 0;
    if (snapshot->rule_count == 0) return NULL;
    for (size_t i = 0; flight->client && i < flight->client->tag_count && i < rule_tags_max; i++)
        tags[count++] = flight->client->tags[i];
    CHECKF(count <= sizeof tags / sizeof *tags, "count=%zu", count);
    struct rule_facts facts = {.has_image = flight->request.has_image,
                               .has_tools = flight->request.has_tools,
                               .wants_json = flight->request.wants_json,
                               .streaming = flight->request.stream,
                               .model = flight->choice.model,
                               .client = flight->client ? flight->client->name : STR(""),
                               .prompt_tokens = flight->prompt_tokens,
                               .tags = tags,
                               .tag_count = count,
                               .wall_ns = now.wall_ns};
    return rules_match(snapshot->rules, snapshot->rule_count, &facts);
}

/* Does the rule allow it? Within the limits that the rule gives it: where it stands in it several times, the first that
 * gives none. */
static bool rule_allows(const struct flight *flight, struct candidate *candidate) {
    const struct rule *rule = flight->choice.rule;
    const struct route *route = &flight->snapshot->rule_routes[rule - flight->snapshot->rules];
    bool allowed = false;
    for (size_t t = 0; t < rule->target_count; t++) {
        if (rule->targets[t] != candidate->target || (allowed && !candidate->limits)) continue;
        const struct target_limits *limits = route->places ? route->places[t].limits : NULL;
        if (!allowed || !limits) candidate->limits = limits;
        if (!allowed) candidate->params = route->places ? route->places[t].params : NULL;
        allowed = true;
    }
    return allowed;
}

/* Those that cost least of all that can serve it, up to the route's own cheapest: when none of them can be had, that
 * goes on. false: no memory. */
static bool cheapest_add(struct flight *flight, const struct money_budget *budget) {
    enum { most = 4, looked_at = 64 };
    const struct snapshot *snapshot = flight->snapshot;
    unsigned looks = 0;
    uint8_t found = 0;
    if (flight->choice.has_cheap) return true; /* another budget's are the same */
    if (!candidates_room(flight, most)) return false;
    for (size_t i = 0; i < snapshot->cheap_count && found < most && looks < looked_at; i++) {
        const struct target *target = snapshot->targets_cheap[i];
        struct candidate *own = NULL;
        for (size_t k = 0; k < flight->choice.count && !own; k++)
            if (flight->choice.candidates[k].target == target) own = &flight->choice.candidates[k];
        if (own) {
            own->cheap = ++found;
            break;
        }
        if (target->provider->simulated || target->provider->state != provider_active) continue;
        looks++;
        if (target_unfit(flight, target, false) != unfit_no) continue;
        struct candidate candidate = {.target = target,
                                      .leaf = UINT32_MAX,
                                      .emulates = flight->choice.emulates,
                                      .instead = budget,
                                      .cheap = (uint8_t)(found + 1),
                                      .weight = 1};
        if (flight->choice.rule && !rule_allows(flight, &candidate)) continue;
        flight->choice.candidates[flight->choice.count++] = candidate;
        found++;
    }
    flight->choice.has_cheap = found > 0;
    return true;
}

/* What serves in place of them when a budget of the client's is nearly spent, behind them: those that can. A
 * conversation that lies at a provider goes on there. false: no memory. */
static bool downgrades_add(struct flight *flight) {
    const struct message_request *message = flight->canonical.message;
    size_t own = flight->client ? flight->client->money.count : 0;
    struct error *unfit = flight->choice.unfit;
    if (message && message->native_only.len) return true;
    for (size_t b = 0; b < own; b++) {
        const struct money_budget *budget = flight->client->money.list[b];
        if (budget->over != over_downgrade) continue;
        if (budget->to_cheapest && !cheapest_add(flight, budget)) return false;
        if (!candidates_room(flight, budget->to_count)) return false;
        for (size_t i = 0; i < budget->to_count; i++) {
            if (is_candidate(flight, budget->to[i], flight->choice.count) ||
                target_unfit(flight, budget->to[i], false) != unfit_no)
                continue;
            struct candidate candidate = {.target = budget->to[i],
                                          .leaf = UINT32_MAX,
                                          .emulates = flight->choice.emulates,
                                          .instead = budget,
                                          .weight = 1};
            if (flight->choice.rule && !rule_allows(flight, &candidate)) continue;
            flight->choice.candidates[flight->choice.count++] = candidate;
        }
    }
    flight->choice.unfit = unfit;
    return true;
}

/* Pins only narrow what the rule allows. */
static void candidates_narrow(struct flight *flight) {
    size_t kept = 0;
    for (size_t i = 0; i < flight->choice.count; i++)
        if (rule_allows(flight, &flight->choice.candidates[i]))
            flight->choice.candidates[kept++] = flight->choice.candidates[i];
    flight->choice.count = kept;
}

/* Of a request that leaves its model out where the vendor's API lets it; NULL: `default` it is, or a route of that
 * name. */
static const struct route *route_of_use(const struct flight *flight) {
    uint32_t use = catalog_use_of(flight->endpoint);
    for (unsigned i = 0; i < catalog_uses && !map_find(&flight->snapshot->exact_routes, STR("default")); i++)
        if (use == 1u << i) return flight->snapshot->use_routes[i];
    return NULL;
}

static enum step route_find(struct flight *flight, struct now now, struct actions *out) {
    const struct client *client = flight->client;
    struct str model = flight->request.model;
    flight->choice.model = arena_copy(&flight->arena, str_empty(model) ? STR("default") : model);
    flight->request.model = flight->choice.model; /* the body's bytes may go before the flight does */
    if (!flight->inner.is && !client_may_ask(client, flight->choice.model))
        return answer_error(flight, error_not_allowed,
                            arena_printf(&flight->arena, "This client key may not use the model `%.*s`.",
                                         STR_ARG(str_slice(flight->choice.model, 0, limit_model))),
                            STR("model"), now, out);
    flight->choice.route = str_empty(model) ? route_of_use(flight) : NULL;
    if (!flight->choice.route)
        flight->choice.route = snapshot_route(flight->snapshot, flight->choice.model, &flight->arena);
    flight->choice.rule = rule_find(flight, now);
    if (flight->choice.route || flight->choice.rule || flight->steering.targets.at) return step_on;
    return answer_error(flight, error_model_not_found,
                        snapshot_unknown(flight->snapshot, client, flight->choice.model, &flight->arena), STR("model"),
                        now, out);
}

static enum step flight_read(struct flight *flight, struct now now, struct actions *out) {
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    if (!flight->door->read(flight, &error, &param))
        return answer_error(flight, error.code, str_from(error.message), param, now, out);
    flight->canonical.shows_reasoning =
        !flight->canonical.message || flight->canonical.message->show_reasoning != flag_false;
    if (!endpoint_facts(flight->endpoint)->streams) flight->request.stream = false;
    return step_on;
}

/* Four bytes a token; pictures stand in the body as text, and count as a page each. */
static int64_t prompt_tokens(const struct flight *flight) {
    enum { bytes_a_token = 4, image_most = 2000 };
    int64_t tokens = (int64_t)(flight->body.whole.len / bytes_a_token);
    return flight->request.has_image && tokens > image_most ? image_most : tokens;
}

/* Models whose context is too small for the prompt, as far as it can be told without their tokenizers, are left out
 * while another one remains. */
static void candidates_size(struct flight *flight) {
    int64_t wanted = flight->prompt_tokens + (flight->request.max_tokens > 0 ? flight->request.max_tokens : 0);
    size_t kept = 0, fitting = 0;
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct catalog_model *facts = flight->choice.candidates[i].target->facts;
        fitting += !facts || facts->context_tokens < 0 || facts->context_tokens >= wanted;
    }
    if (fitting == 0 || fitting == flight->choice.count) return;
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct catalog_model *facts = flight->choice.candidates[i].target->facts;
        if (!facts || facts->context_tokens < 0 || facts->context_tokens >= wanted)
            flight->choice.candidates[kept++] = flight->choice.candidates[i];
    }
    flight->choice.count = kept;
}

/* Nobody but the Responses API can: who has it, of those that this client may have. */
static enum step answer_not_compacted(struct flight *flight, struct now now, struct actions *out) {
    enum { named_max = 8 };
    struct text names = text_in_arena(&flight->arena, 128);
    size_t named = 0;
    for (size_t i = 0; i < flight->snapshot->provider_count && named < named_max; i++) {
        const struct provider *provider = &flight->snapshot->providers[i];
        if (!api_has(provider, endpoint_responses_compact) || !client_may_have(flight->client, provider->name))
            continue;
        text_printf(&names, "%s`%.*s`", named++ ? ", " : "", STR_ARG(provider->name));
    }
    struct str message = arena_printf(
        &flight->arena, "No provider of this model has /responses/compact, which only a provider can do: %s%.*s%s.",
        named ? "ask for a model of " : "none that may answer here has it", STR_ARG(text_str(&names)),
        named ? "" : " (providers of `type: openai` and `azure` have)");
    return answer_error(flight, error_unsupported, message, STR("model"), now, out);
}

/* No target may serve it: why. */
static enum step answer_unfit(struct flight *flight, enum unfit unfit, struct now now, struct actions *out) {
    bool counts = endpoint_facts(flight->endpoint)->operation == operation_count_tokens;
    if (unfit == unfit_client)
        return answer_error(flight, error_not_allowed, STR("This client key may not use the providers of this model."),
                            STR("model"), now, out);
    if (unfit == unfit_no) return answer_error(flight, error_no_provider_available, STR_NONE, STR_NONE, now, out);
    if (flight->choice.unfit)
        return answer_error(flight, flight->choice.unfit->code, str_from(flight->choice.unfit->message),
                            flight->choice.unfit_param, now, out);
    if (counts) /* nobody behind the model can */
        return answer_count(flight, message_tokens(flight->canonical.message), now, out);
    if (endpoint_facts(flight->endpoint)->operation == operation_compact) return answer_not_compacted(flight, now, out);
    return answer_error(flight, error_unsupported, STR("No provider of this model serves this path."), STR("model"),
                        now, out);
}

static enum step candidates_find(struct flight *flight, struct now now, struct actions *out) {
    enum unfit unfit = unfit_no;
    if (flight->steering.targets.at) {
        if (pins_add(flight, &unfit, now, out) != step_on) return step_over;
    } else if (flight->choice.route && flight->choice.route->pinned && !flight->inner.is &&
               !client_may_steer(flight->client)) {
        return answer_error(flight, error_not_allowed,
                            STR("This client key may not name a provider itself: ask the operator for `may_steer`."),
                            STR("model"), now, out);
    } else {
        bool pinned = flight->choice.route && flight->choice.route->pinned && !flight->inner.is;
        if (flight->choice.rule && !(flight->choice.route && flight->choice.route->pinned))
            flight->choice.route = &flight->snapshot->rule_routes[flight->choice.rule - flight->snapshot->rules];
        if (!candidates_add(flight, flight->choice.route, pinned, &unfit))
            return answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
    }
    bool narrowed =
        flight->choice.rule && (flight->steering.targets.at || flight->choice.route->pinned) && flight->choice.count;
    if (narrowed) candidates_narrow(flight);
    if (flight->choice.count && !downgrades_add(flight))
        return answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
    if (flight->choice.count) return step_on;
    if (narrowed)
        return answer_error(flight, error_not_allowed,
                            arena_printf(&flight->arena, "The rule `%.*s` allows none of the targets that were named.",
                                         STR_ARG(str_slice(flight->choice.rule->name, 0, limit_name))),
                            STR_NONE, now, out);
    return answer_unfit(flight, unfit, now, out);
}

/* The request's own deadline, from its whole body on: for a reply that is not streamed the longest reply timeout of its
 * targets comes on top, so that another target can still be asked after it, unless the caller set one. */
static void deadline_set(struct flight *flight) {
    uint64_t longest_ns = 0;
    for (size_t i = 0; i < flight->choice.count && !flight->request.stream && !flight->times.timeout_given; i++) {
        uint64_t reply_ns = place_reply_ns(&flight->choice.candidates[i]);
        if (reply_ns > longest_ns) longest_ns = reply_ns;
    }
    flight->times.deadline_ns = flight->times.whole_ns + longest_ns + flight->times.timeout_ns;
}

/* What a request of the past had, in place of what its made-up body says. */
static void past_take(struct flight *flight, const struct flight_past *past) {
    flight->prompt_tokens = past->prompt_tokens > 0 ? past->prompt_tokens : 0;
    flight->request.has_image = past->has_images;
    flight->request.has_tools = past->has_tools;
    flight->request.wants_json = past->wants_json;
    flight->request.stream = past->stream;
    if (past->output_cap > 0) flight->request.max_tokens = past->output_cap;
}

static enum step flight_candidates(struct flight *flight, struct now now, struct actions *out) {
    flight->prompt_tokens = prompt_tokens(flight);
    if (flight->past) past_take(flight, flight->past);
    if (route_find(flight, now, out) != step_on || candidates_find(flight, now, out) != step_on) return step_over;
    if (!flight->steering.strategy.at)
        flight->choice.by = flight->steering.targets.at ? strategy_priority : flight->choice.route->strategy;
    if (flight->choice.by == strategy_exclusive && flight->steering.targets.at)
        return answer_error(flight, error_invalid_request,
                            STR("x-weir-strategy: `exclusive` is a lock that the targets of a route take turns in "
                                "holding, and x-weir-targets names others: leave one of them out."),
                            STR("x-weir-strategy"), now, out);
    if (flight->choice.by == strategy_exclusive && flight->choice.route->levels)
        return answer_error(flight, error_invalid_request,
                            STR("x-weir-strategy: a route with routes among its targets has no lock: `exclusive` is "
                                "for one without."),
                            STR("x-weir-strategy"), now, out);
    if (flight->choice.by != strategy_exclusive) candidates_size(flight); /* the lock's holder serves, or nobody */
    return step_on;
}

/* By the model that its body names. */
static enum step model_admit(struct flight *flight, struct now now, struct actions *out) {
    if (flight_read(flight, now, out) != step_on) return step_over;
    bool responses = endpoint_facts(flight->endpoint)->dialect == dialect_responses; /* those before their history */
    bool looks = flight->request.names_more && !responses;
    if (looks && names_admit(flight, now, out) != step_on) return step_over;
    return flight_candidates(flight, now, out);
}

/* The caller's own header, then its agent's, then what says less. What stands in the body is given back before the end,
 * and copied. */
static void session_find(struct flight *flight) {
    const struct message_request *message = flight->canonical.message;
    struct str key = message ? message->prompt_cache_key : flight->request.prompt_cache_key;
    const struct str said[] = {str_trim(flight->steering.session), str_trim(flight->steering.agent_session), key,
                               flight->trace.parent.at ? flight->trace.id : STR_NONE};
    for (size_t i = 0; i < sizeof said / sizeof *said && !flight->session.len; i++)
        flight->session = said[i].at == key.at && key.len ? arena_copy(&flight->arena, str_slice(key, 0, limit_session))
                                                          : str_slice(said[i], 0, limit_session);
}

enum step flight_find(struct flight *flight, struct now now, struct actions *out) {
    if ((flight->door->admit ? flight->door->admit : model_admit)(flight, now, out) != step_on) return step_over;
    if (loop_admit(flight, now, out) != step_on) return step_over;
    session_find(flight);
    if (!session_prepare(flight, now)) return answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
    bool fine = true;
    if (flight->snapshot->budget_count || (flight->client && flight->client->money.count) ||
        flight->session_hold.budget)
        fine = money_admit(flight, now);
    if (flight->client && flight->client->limits.count)
        fine = fine && limits_admit(flight, flight_output_tokens(flight, flight->snapshot->reserve_output_tokens), now);
    fine = fine && levels_make(flight) && prefix_admit(flight, now);
    return fine ? step_on : answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
}

void flight_counts(struct flight *flight, struct now now) {
    const struct route *route = flight->choice.route;
    if (route->cells) share_count(&route->cells->retries, now.mono_ns);
    if (route->cells && route->hedge.on) share_count(&route->cells->hedges, now.mono_ns);
}

enum step flight_admit(struct flight *flight, struct now now, struct actions *out) {
    if (flight_find(flight, now, out) != step_on) return step_over;
    CHECK(flight->choice.count > 0 && flight->choice.count <= flight->choice.room && flight->choice.route);
    resume_admit(flight, now);
    deadline_set(flight);
    if (now.mono_ns >= flight->times.deadline_ns)
        return answer_error(flight, error_request_timeout, STR_NONE, STR_NONE, now, out);
    if (session_admit(flight, now, out) != step_on || hold_client(flight, now, out) != step_on) return step_over;
    enum step cached = cache_admit(flight, now, out);
    if (cached != step_on) return cached;
    flight_counts(flight, now);
    return step_on;
}
