/* flight_cache_key.c - what a request means, as a hash: two requests of one key may be given one answer. In it stand
 * whose answers they are, what was asked for (path, name, route, targets), what weir makes of it (parameters of the
 * route's targets, what is dropped), the headers that go up, and the body's meaning (dialect/meaning.h), keys that
 * nobody here knows among it. Not in it: who the end user is, metadata, how the answer is to be delivered, hints for
 * providers' own caches. A caller's own key stands for the prompt alone.
 *
 * Must never: give one key to two clients, unless the configuration says so; take for repeatable what leaves something
 * behind or depends on it. */
#include <stdlib.h>
#include <string.h>

#include "dialect/json.h"
#include "dialect/last_words.h"
#include "dialect/meaning.h"
#include "flight/flight_internal.h"

/* A longer one is not looked at: its tree takes memory. */
enum { cached_body_max = 4 * 1024 * 1024 };

static bool among(const struct str *names, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(names[i], name)) return true;
    return false;
}
#define AMONG(names, name) among(names, sizeof(names) / sizeof *(names), name)

/* -- what is none for another -- */

static bool is_off(const struct json_value *value) {
    return json_kind(value) == json_null || json_kind(value) == json_false ||
           ((json_kind(value) == json_array || json_kind(value) == json_object) && json_count(value) == 0);
}

/* Members by which a request leaves something at a provider, goes on from what lies there, or has it look around: in
 * any case, as a provider may read them. */
static bool has_effects(const struct json_value *root) {
    static const struct str names[] = {
        STR("background"),        STR("previous_response_id"), STR("conversation"), STR("container"),
        STR("mcp_servers"),       STR("web_search_options"),   STR("plugins"),      STR("search_parameters"),
        STR("cachedContent"),     STR("cached_content"),       STR("thread"),       STR("thread_id"),
        STR("context_management")};
    size_t place = 0;
    struct str name;
    for (const struct json_value *value; (value = json_each(root, &place, &name));)
        if (AMONG(names, name) && !is_off(value)) return true;
    return false;
}

/* Is it, or may it be, kept at the provider, or by weir, for later ones to go on from? */
static bool body_is_stored(const struct flight *flight, const struct json_value *root) {
    size_t place = 0;
    struct str name;
    bool usual = endpoint_facts(flight->endpoint)->dialect == dialect_responses, stored = usual;
    for (const struct json_value *value; (value = json_each(root, &place, &name));)
        if (str_eq_nocase(name, STR("store"))) stored = str_eq(name, STR("store")) ? !is_off(value) : true;
    return stored || flight->stored.state != storing_not || flight->stored.previous.at;
}

/* A tool that its caller runs, in each dialect's words: all others run at the provider. */
static bool is_callers_tool(const struct json_value *tool) {
    static const struct str types[] = {STR("function"), STR("custom")};
    static const struct str declared[] = {STR("functionDeclarations"), STR("function_declarations")};
    size_t place = 0;
    struct str name;
    struct str type = json_str(json_member(tool, "type"), STR(""));
    if (json_kind(tool) != json_object) return false;
    if (type.len) return AMONG(types, type);
    if (json_member(tool, "type")) return json_kind(json_member(tool, "type")) == json_null;
    if (json_member(tool, "name")) return true; /* Anthropic's */
    for (const struct json_value *value; (value = json_each(tool, &place, &name));)
        if (!AMONG(declared, name)) return false;
    return json_count(tool) > 0;
}

static bool has_server_tools(const struct json_value *root) {
    size_t member = 0;
    struct str name;
    for (const struct json_value *value; (value = json_each(root, &member, &name));) {
        size_t place = 0;
        if (!str_eq_nocase(name, STR("tools")) || json_kind(value) == json_null) continue;
        if (json_kind(value) != json_array) return true;
        for (const struct json_value *tool; (tool = json_each(value, &place, NULL));)
            if (!is_callers_tool(tool)) return true;
    }
    return false;
}

/* The caller has it so, or nothing of it is drawn by lot. */
static bool is_kept_whatever_it_samples(const struct flight *flight) {
    return flight->cache.rules.all || endpoint_facts(flight->endpoint)->operation == operation_embed ||
           flight->steering.cache_key.at || flight->steering.cache_ttl.at;
}

/* A number as it stands in JSON; nothing else is. */
static bool is_zero(struct str number) {
    size_t zeros = 0;
    for (size_t i = 0; i < number.len && number.at[i] != 'e' && number.at[i] != 'E'; i++) {
        if (number.at[i] != '0' && number.at[i] != '.' && number.at[i] != '-') return false;
        zeros += number.at[i] == '0';
    }
    return zeros > 0;
}

/* Known without its tree, where what skimmed it has said: most requests are. */
static bool is_seen_to_sample(const struct flight *flight) {
    bool skimmed = flight->endpoint == endpoint_chat && flight->request.members_at > 0;
    return skimmed && !is_kept_whatever_it_samples(flight) && !is_zero(flight->request.temperature);
}

/* The same answer is asked for each time. */
static bool is_deterministic(const struct flight *flight, const struct json_value *root) {
    const struct json_value *sampling = root;
    if (is_kept_whatever_it_samples(flight)) return true;
    if (flight->codec->dialect == dialect_gemini) {
        sampling = json_member(root, "generationConfig");
        if (!sampling) sampling = json_member(root, "generation_config");
    }
    const struct json_value *temperature = json_member(sampling, "temperature");
    return json_kind(temperature) == json_number && json_double(temperature, 1) == 0;
}

/* -- the key -- */

static const struct str not_meant[] = {STR("user"),
                                       STR("metadata"),
                                       STR("safety_identifier"),
                                       STR("stream"),
                                       STR("stream_options"),
                                       STR("store"),
                                       STR("background"),
                                       STR("prompt_cache_key"),
                                       STR("prompt_cache_retention"),
                                       STR("prompt_cache_options"),
                                       STR("cache_control"),
                                       STR("model")};
static const struct str prompts[] = {STR("messages"),
                                     STR("prompt"),
                                     STR("suffix"),
                                     STR("system"),
                                     STR("input"),
                                     STR("instructions"),
                                     STR("contents"),
                                     STR("systemInstruction"),
                                     STR("system_instruction"),
                                     STR("content"),
                                     STR("requests")};
/* Where a mark for a provider's cache may stand. */
static const struct str marked[] = {STR("messages"), STR("content"), STR("system"), STR("tools")};
enum { not_meant_count = sizeof not_meant / sizeof *not_meant, prompts_count = sizeof prompts / sizeof *prompts };

/* Each part with its length, so that none can stand for another. */
static void part_put(struct text *text, struct str part) {
    text_put_u64(text, part.len);
    text_put_byte(text, ':');
    text_put(text, part);
    text_put_byte(text, ';');
}

/* By what no other client ever has: a name may be given again. */
static void client_put(const struct client *client, struct text *text) {
    static const unsigned char none[sizeof client->id];
    bool made = memcmp(client->id, none, sizeof none) != 0;
    text_put_byte(text, made ? 'i' : 'n');
    part_put(text, made ? str_make((const char *)client->id, sizeof client->id) : client->name);
}

static void scope_put(const struct flight *flight, struct text *text) {
    const struct client *client = flight->client;
    enum cache_scope scope = flight->cache.rules.scope;
    if (scope == cache_scope_owner && (!client || !client->in)) scope = cache_scope_client;
    text_put_byte(text, scope == cache_scope_all ? '*' : scope == cache_scope_owner ? 'o' : client ? 'c' : '-');
    if (scope == cache_scope_client && client) client_put(client, text);
    if (scope == cache_scope_owner) part_put(text, client->in->name);
}

/* Headers that say who asks, or which try it is, and change no answer. */
static bool header_means_nothing(struct str name) {
    static const struct str names[] = {STR("idempotency-key"), STR("x-client-request-id"), STR("http-referer"),
                                       STR("x-title"),         STR("user-agent"),          STR("traceparent"),
                                       STR("tracestate")};
    return AMONG(names, name);
}

static int by_header(const void *a, const void *b) {
    const struct http_header *one = *(const struct http_header *const *)a,
                             *other = *(const struct http_header *const *)b;
    const struct str first[] = {one->name, one->value}, second[] = {other->name, other->value};
    for (size_t i = 0; i < 2; i++)
        for (size_t c = 0; c < first[i].len || c < second[i].len; c++) {
            if (c >= first[i].len || c >= second[i].len) return c < second[i].len ? -1 : 1;
            unsigned char x = (unsigned char)first[i].at[c], y = (unsigned char)second[i].at[c];
            if (i == 0 && x >= 'A' && x <= 'Z') x |= 0x20;
            if (i == 0 && y >= 'A' && y <= 'Z') y |= 0x20;
            if (x != y) return x < y ? -1 : 1;
        }
    return 0;
}

/* All that may go up: versions, betas, and what the configuration forwards. */
static void headers_put(const struct flight *flight, struct text *text) {
    const struct http_header *sorted[limit_headers];
    size_t count = 0;
    for (size_t i = 0; i < flight->head.header_count && count < limit_headers; i++)
        if (!header_means_nothing(flight->head.headers[i].name)) sorted[count++] = &flight->head.headers[i];
    if (count > 1) qsort(sorted, count, sizeof *sorted, by_header);
    for (size_t i = 0; i < count; i++) {
        size_t at = text->len;
        part_put(text, sorted[i]->name);
        for (; at < text->len && !text->failed; at++)
            if (text->at[at] >= 'A' && text->at[at] <= 'Z') text->at[at] |= 0x20;
        part_put(text, sorted[i]->value);
    }
    text_put_byte(text, '|');
}

/* What the operator says to its targets: another word, another answer. */
static void params_of_targets_put(const struct flight *flight, struct text *text) {
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct target_params *params = flight->choice.candidates[i].params;
        if (!params) continue;
        part_put(text, flight->choice.candidates[i].target->name);
        params_put(&params->defaults.request, params->defaults.says, text);
        params_put(&params->overrides.request, params->overrides.says, text);
    }
    text_put_byte(text, '|');
}

/* Another form of an answer is made of it where its dialect can be read; else each form has its own. */
static void form_put(const struct flight *flight, struct text *text) {
    bool embeds = endpoint_facts(flight->endpoint)->operation == operation_embed;
    bool own = !flight->codec->read_event || flight->head.wants_array;
    if (embeds || !own) return;
    text_put(text, flight->request.stream ? STR("stream") : STR("whole"));
    if (flight->head.wants_array) text_put(text, STR("array"));
    if (flight->request.include_usage) text_put(text, STR("usage"));
}

/* `apart`: the member whose elements each have a key of their own; {NULL,0}: none does. `any`: as meaning_rules has it.
 */
static bool request_put(struct flight *flight, const struct json_value *root, struct str apart,
                        const struct json_value *any, struct text *text) {
    struct str without[not_meant_count + prompts_count + 1];
    size_t count = 0;
    bool named = flight->cache.named.at != NULL;
    for (size_t i = 0; i < not_meant_count; i++) without[count++] = not_meant[i];
    for (size_t i = 0; i < prompts_count && named; i++) without[count++] = prompts[i];
    if (apart.at) without[count++] = apart;
    const struct meaning_rules rules = {.without = without,
                                        .without_count = count,
                                        .plain = marked,
                                        .plain_count = sizeof marked / sizeof *marked,
                                        .marks = STR("cache_control"),
                                        .any = any};
    enum endpoint endpoint = flight->endpoint == endpoint_generate_stream ? endpoint_generate
                             : flight->endpoint == endpoint_generate_embed_batch && apart.at
                                 ? endpoint_generate_embed
                                 : flight->endpoint; /* one API */
    text_put(text, STR("weir 1|"));
    scope_put(flight, text);
    part_put(text, endpoint_facts(endpoint)->name);
    part_put(text, flight->choice.model);
    part_put(text, flight->choice.route->model);
    part_put(text, flight->choice.rule ? flight->choice.rule->name : STR(""));
    part_put(text, flight->steering.targets.at ? flight->steering.targets : STR(""));
    text_put_u64(text, (uint64_t)flight->steering.unsupported_as);
    form_put(flight, text);
    headers_put(flight, text);
    params_of_targets_put(flight, text);
    text_put(text, apart.at ? STR("input:") : named ? STR("named:") : STR("prompt:"));
    if (named) part_put(text, flight->cache.named);
    return meaning_put(root, &rules, flight->host->scratch, text);
}

static const struct hash_key open_key = {{0}}; /* it is no secret: what it is made of says whose it is */

/* What it means but for the words of its last message, where these are such that others may say the same: of vectors of
 * two models none is near another. */
static void semantic_key_make(struct flight *flight, const struct json_value *root) {
    const struct semantic_rules *rules = flight->cache.rules.semantic;
    const struct json_value *last = last_words(endpoint_facts(flight->endpoint)->dialect, root);
    const struct str words = str_trim(json_str(last, STR("")));
    struct text text = text_in_arena(flight->host->scratch, 1024);
    if (!rules || flight->cache.named.at || flight->inner.is || !words.len || words.len > semantic_words_max) return;
    text_put(&text, STR("semantic|"));
    part_put(&text, rules->model);
    struct flight_semantic *semantic = arena_take_zeroed(&flight->arena, sizeof *semantic);
    if (!semantic || !request_put(flight, root, STR_NONE, last, &text)) return;
    semantic->words = arena_copy(&flight->arena, words);
    semantic->group = hash_sealed(&open_key, text_str(&text));
    if (semantic->words.at) flight->semantic = semantic;
}

const char *cache_key_make(struct flight *flight) {
    const enum operation operation = endpoint_facts(flight->endpoint)->operation;
    const char *problem;
    size_t at;
    if ((operation != operation_chat && operation != operation_embed) || flight->choice.route == NULL)
        return "answers of this path are not kept";
    if (flight->body.whole.len > cached_body_max) return "it is too long";
    if (cost_is_wanted(flight)) return "its stream tells what it cost";
    if (is_seen_to_sample(flight)) return "it is not deterministic";
    const struct json_value *root = json_parse_in(flight->host->scratch, flight->body.whole, &problem, &at);
    if (json_kind(root) != json_object) return "its body is no JSON object";
    if (body_is_stored(flight, root)) return "it is stored, or goes on from what is";
    if (has_effects(root)) return "it leaves something at the provider, or looks there";
    if (has_server_tools(root)) return "it has tools that the provider runs";
    if (!is_deterministic(flight, root)) return "it is not deterministic";
    struct text text = text_in_arena(flight->host->scratch, flight->body.whole.len + 512);
    if (!request_put(flight, root, STR_NONE, NULL, &text)) return "a member stands twice in it, or there was no memory";
    flight->cache.key = hash_sealed(&open_key, text_str(&text));
    semantic_key_make(flight, root);
    return NULL;
}

bool cache_key_inputs(struct flight *flight, const struct json_value *root, struct str apart,
                      const struct json_value *const *inputs, struct flight_input *list, size_t count) {
    static const struct str none[] = {STR("model")}; /* it stands in the path too */
    const struct meaning_rules rules = {.without = none, .without_count = 1};
    struct text text = text_in_arena(flight->host->scratch, 1024);
    if (!root || !request_put(flight, root, apart, NULL, &text)) return false;
    /* Read once, however many inputs stand in it: its hash is in the key of each. */
    const struct sha256 all = hash_sealed(&open_key, text_str(&text));
    text.len = 0;
    part_put(&text, str_make((const char *)all.bytes, sizeof all.bytes));
    const size_t around = text.len;
    for (size_t i = 0; i < count; i++) {
        text.len = around;
        if (!meaning_put(inputs[i], &rules, flight->host->scratch, &text) || text.failed) return false;
        list[i].key = hash_sealed(&open_key, text_str(&text));
        list[i].bytes = text.len - around;
    }
    return true;
}
