/* catalog_row.c - the members that rows may have, as a table: it checks them; the readers below then trust it. A row
 * comes from the operator's own file: what is not right is told with its line, and nothing is guessed. */
#include "snapshot/catalog_row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/name.h"
#include "base/url.h"
#include "dialect/outbound.h"
#include "snapshot/catalog_price.h"

enum member_kind {
    member_text,
    member_texts /* one or a list */,
    member_flag,
    member_tokens,
    member_usd,
    member_day,
    member_efforts, /* "high", or "high=default" where the vendor calls it so */
    member_words,
    member_price,
    member_tiers,
    member_usd_each,
    member_hours,
    member_rows,
    member_when,
    member_set,
    member_factor
};

/* -- words -- */

struct str catalog_ability_name(enum catalog_ability ability) {
    static const char *const names[] = {
#define X(name, phrase) #name,
        CATALOG_ABILITY_TABLE(X)
#undef X
    };
    return str_from(names[ability]);
}

struct str catalog_use_name(enum catalog_use use) {
    static const char *const names[] = {
#define X(name, phrase) #name,
        CATALOG_USE_TABLE(X)
#undef X
    };
    return str_from(names[use]);
}

struct str catalog_speed_name(enum catalog_speed speed) {
    static const char *const names[] = {"", "fast", "medium", "slow"};
    return str_from(names[speed]);
}

struct str catalog_place_name(enum catalog_place place) {
    static const char *const names[] = {"", "cloud", "edge", "local"};
    return str_from(names[place]);
}

/* A function that names the rows of an X table; `begin` stands before the first. */
#define WORD(name, ...) #name,
#define WORDS_OF(function, type, table, begin)                  \
    struct str function(type value) {                           \
        static const char *const names[] = {begin table(WORD)}; \
        return str_from(names[value]);                          \
    }
#define NOTHING
#define UNKNOWN "",
WORDS_OF(catalog_thinking_name, enum model_thinking, MODEL_THINKING_TABLE, NOTHING)
WORDS_OF(catalog_schema_name, enum model_schema, MODEL_SCHEMA_TABLE, NOTHING)
WORDS_OF(catalog_lifetime_name, enum model_lifetime, MODEL_LIFETIME_TABLE, NOTHING)
WORDS_OF(catalog_api_name, enum model_api, MODEL_API_TABLE, UNKNOWN)

struct str catalog_effort_name(enum message_effort effort) {
    static const char *const names[message_efforts] = {"", "none", "minimal", "low", "medium", "high", "xhigh", "max"};
    return str_from(names[effort]);
}

static struct str endpoint_word(unsigned i) { return endpoint_facts((enum endpoint)i)->name; }
static struct str ability_word(unsigned i) { return catalog_ability_name((enum catalog_ability)i); }
static struct str use_word(unsigned i) { return catalog_use_name((enum catalog_use)i); }
static struct str speed_word(unsigned i) { return catalog_speed_name((enum catalog_speed)(i + 1)); }
static struct str place_word(unsigned i) { return catalog_place_name((enum catalog_place)(i + 1)); }
static struct str thinking_word(unsigned i) { return catalog_thinking_name((enum model_thinking)i); }
static struct str schema_word(unsigned i) { return catalog_schema_name((enum model_schema)i); }
static struct str lifetime_word(unsigned i) { return catalog_lifetime_name((enum model_lifetime)i); }
static struct str api_word(unsigned i) { return catalog_api_name((enum model_api)(i + 1)); }
static struct str effort_word(unsigned i) { return catalog_effort_name((enum message_effort)(i + 1)); }
static struct str feature_word(unsigned i) { return feature_name((enum feature)i); }
static struct str dialect_word(unsigned i) {
    static const char *const names[] = {"openai", "anthropic", "gemini", "ollama", "cloudflare", "huggingface"};
    return str_from(names[i]);
}

/* How a key is sent; the first is the dialect's own way. */
static const struct {
    struct str name, header, prefix;
} auths[] = {{STR("dialect"), STR(""), STR("")},
             {STR("bearer"), STR("Authorization"), STR("Bearer ")},
             {STR("api-key"), STR("api-key"), STR("")},
             {STR("x-api-key"), STR("x-api-key"), STR("")},
             {STR("x-goog-api-key"), STR("x-goog-api-key"), STR("")}};
static struct str auth_word(unsigned i) { return auths[i].name; }
static struct str extends_word(unsigned i) { return i ? STR("") : STR("built-in"); }

/* What a member_words may say. */
struct words {
    struct str (*word)(unsigned i);
    unsigned count;
    bool one; /* a word, not a list */
};
static const struct words abilities = {ability_word, catalog_abilities, false}, uses = {use_word, catalog_uses, false},
                          speeds = {speed_word, catalog_speeds - 1, true},
                          all_endpoints = {endpoint_word, endpoints, false}, dialect_words = {dialect_word, 6, true},
                          auth_words = {auth_word, sizeof auths / sizeof *auths, true},
                          extends_words = {extends_word, 1, true}, places = {place_word, catalog_places - 1, true},
                          thinkings = {thinking_word, model_thinkings, false},
                          schemas = {schema_word, model_schemas, false},
                          lifetimes = {lifetime_word, model_lifetimes, false}, apis = {api_word, model_apis - 1, true},
                          efforts = {effort_word, message_efforts - 1, false},
                          all_features = {feature_word, features, false};

/* -- members -- */

struct member {
    const char *name;
    enum member_kind kind;
    const struct words *words;
};

static const struct member provider_members[] = {{"provider", member_text, NULL},
                                                 {"title", member_text, NULL},
                                                 {"dialect", member_words, &dialect_words},
                                                 {"base_url", member_text, NULL},
                                                 {"auth", member_words, &auth_words},
                                                 {"key_env", member_texts, NULL},
                                                 {"account_env", member_text, NULL},
                                                 {"key_required", member_flag, NULL},
                                                 {"default_model", member_text, NULL},
                                                 {"stream_options", member_flag, NULL},
                                                 {"key_limits", member_flag, NULL},
                                                 {"prefill", member_flag, NULL},
                                                 {"cut_margin", member_tokens, NULL},
                                                 {"probe", member_text, NULL},
                                                 {"quirks", member_text, NULL},
                                                 {"models_of", member_text, NULL},
                                                 {"families", member_texts, NULL},
                                                 {"same_prices", member_flag, NULL},
                                                 {"endpoints", member_words, &all_endpoints},
                                                 {"place", member_words, &places},
                                                 {"facts", member_day, NULL},
                                                 {"checked", member_text, NULL},
                                                 {NULL, member_text, NULL}};
static const struct member model_members[] = {{"model", member_text, NULL},
                                              {"context", member_tokens, NULL},
                                              {"output", member_tokens, NULL},
                                              {"can", member_words, &abilities},
                                              {"cannot", member_words, &abilities},
                                              {"use", member_words, &uses},
                                              {"price", member_price, NULL},
                                              {"speed", member_words, &speeds},
                                              {"first_token_ms", member_tokens, NULL},
                                              {"place", member_words, &places},
                                              {"refuses", member_words, &all_features},
                                              {"thinking", member_words, &thinkings},
                                              {"thinking_least", member_tokens, NULL},
                                              {"thinking_most", member_tokens, NULL},
                                              {"efforts", member_efforts, &efforts},
                                              {"schema", member_words, &schemas},
                                              {"api", member_words, &apis},
                                              {"bills_hidden", member_flag, NULL},
                                              {"cache_least", member_tokens, NULL},
                                              {"cache_lifetimes", member_words, &lifetimes},
                                              {"released", member_day, NULL},
                                              {"deprecated", member_day, NULL},
                                              {"retires", member_day, NULL},
                                              {"listed", member_flag, NULL},
                                              {"checked", member_text, NULL},
                                              {NULL, member_text, NULL}};
static const struct member extends_members[] = {{"extends", member_words, &extends_words}, {NULL, member_text, NULL}};
#define EACH_PRICE(name, share, most, help) {#name, most > 1e3 ? member_usd : member_usd_each, NULL},
static const struct member price_members[] = {
    PRICE_TABLE(EACH_PRICE){"above", member_tiers, NULL}, {"rows", member_rows, NULL}, {NULL, member_text, NULL}};
static const struct member tier_members[] = {{"tokens", member_tokens, NULL},   {"input", member_usd, NULL},
                                             {"output", member_usd, NULL},      {"cached_input", member_usd, NULL},
                                             {"cache_write", member_usd, NULL}, {NULL, member_text, NULL}};
static const struct member price_row_members[] = {
    {"when", member_when, NULL}, {"set", member_set, NULL}, {"times", member_factor, NULL}, {NULL, member_text, NULL}};
static const struct member set_members[] = {PRICE_TABLE(EACH_PRICE){NULL, member_text, NULL}};
static const struct words serving_tiers = {catalog_tier_word, meter_tiers - 1, true},
                          served_speeds = {catalog_speed_of_serving_word, meter_speeds - 1, true},
                          regions = {catalog_region_word, meter_regions - 1, true},
                          modalities = {catalog_modality_word, price_modalities - 1, true},
                          cache_ttls = {catalog_cache_ttl_word, price_lifetimes - 1, true};
static const struct member when_members[] = {{"above", member_tokens, NULL},
                                             {"tier", member_words, &serving_tiers},
                                             {"batch", member_flag, NULL},
                                             {"cache_ttl", member_words, &cache_ttls},
                                             {"modality", member_words, &modalities},
                                             {"speed", member_words, &served_speeds},
                                             {"region", member_words, &regions},
                                             {"since", member_day, NULL},
                                             {"until", member_day, NULL},
                                             {"hours", member_hours, NULL},
                                             {NULL, member_text, NULL}};
/* The first member of each names the kind of row. */
static const struct member *const row_members[catalog_row_kinds] = {
    [row_provider] = provider_members, [row_model] = model_members, [row_extends] = extends_members};

struct str catalog_model_member(size_t i) {
    bool there = i + 1 < sizeof model_members / sizeof *model_members;
    return there ? str_from(model_members[i].name) : STR("");
}

void catalog_row_report(struct catalog_row *row, const char *format, ...) {
    char sentence[320];
    va_list arguments;
    row->good = false;
    if (!row->reader) return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    row->reader->report(row->reader->context, row->line, 1, sentence);
}

static struct str shown(struct str s) { return str_slice(s, 0, 80); }

static int word_find(const struct words *words, struct str word) {
    for (unsigned i = 0; i < words->count; i++)
        if (word.len && str_eq(words->word(i), word)) return (int)i;
    return -1;
}

static void word_check(struct catalog_row *row, const struct member *member, struct str text) {
    const struct words *words = member->words;
    struct str nearest = STR("");
    unsigned least = 4;
    if (word_find(words, text) >= 0) return;
    for (unsigned i = 0; i < words->count; i++) {
        unsigned distance = str_distance(text, words->word(i));
        if (distance < least) least = distance, nearest = words->word(i);
    }
    if (nearest.len)
        catalog_row_report(row, "`%s`: unknown word `%.*s`: did you mean `%.*s`?", member->name, STR_ARG(shown(text)),
                           STR_ARG(nearest));
    else
        catalog_row_report(row, "`%s`: unknown word `%.*s`", member->name, STR_ARG(shown(text)));
}

/* The effort's own word, before the vendor's. */
static struct str effort_own(struct str said) { return str_slice(said, 0, str_find_byte(said, '=')); }

static void words_check(struct catalog_row *row, const struct member *member, const struct json_value *value) {
    const struct words *words = member->words;
    enum json_kind kind = json_kind(value);
    size_t place = 0;
    if (words->one != (kind == json_string) || (!words->one && kind != json_array)) {
        catalog_row_report(row, "`%s` is %s", member->name, words->one ? "a word" : "a list of words");
        return;
    }
    for (const struct json_value *word = words->one ? value : json_each(value, &place, NULL); word;
         word = words->one ? NULL : json_each(value, &place, NULL)) {
        struct str text = json_str(word, STR(""));
        word_check(row, member, member->kind == member_efforts ? effort_own(text) : text);
    }
}

/* 2026-11-20 */
static bool is_day(struct str text) {
    static const char form[] = "dddd-dd-dd";
    if (text.len != sizeof form - 1) return false;
    for (size_t i = 0; i < text.len; i++)
        if (form[i] == 'd' ? text.at[i] < '0' || text.at[i] > '9' : text.at[i] != '-') return false;
    return true;
}

static bool catalog_row_is_text(const struct json_value *value) { return json_kind(value) == json_string; }

static bool are_texts(const struct json_value *value) {
    size_t place = 0;
    if (catalog_row_is_text(value)) return true;
    if (json_kind(value) != json_array || json_count(value) == 0) return false;
    for (const struct json_value *each; (each = json_each(value, &place, NULL));)
        if (!catalog_row_is_text(each) || str_find_byte(json_str(each, STR("")), ',') != SIZE_MAX) return false;
    return true;
}

static void members_check(struct catalog_row *row, const struct json_value *object, const struct member *members);

static void tiers_check(struct catalog_row *row, const struct json_value *tiers) {
    size_t place = 0;
    int64_t before = 0;
    if (json_kind(tiers) != json_array || json_count(tiers) > 8) {
        catalog_row_report(row, "`above` is a list of at most 8 tiers, {\"tokens\":200000,\"input\":2.5}");
        return;
    }
    for (const struct json_value *tier; (tier = json_each(tiers, &place, NULL));) {
        int64_t tokens = json_i64(json_member(tier, "tokens"), 0);
        members_check(row, tier, tier_members);
        if (row->good && tokens <= before) catalog_row_report(row, "`above`: the tiers' `tokens` must rise");
        before = tokens;
    }
}

static void price_rows_check(struct catalog_row *row, const struct json_value *rows) {
    size_t place = 0;
    for (const struct json_value *one; (one = json_each(rows, &place, NULL));)
        members_check(row, one, price_row_members);
}

static void member_check(struct catalog_row *row, const struct member *member, const struct json_value *value) {
    enum json_kind kind = json_kind(value);
    double usd = json_double(value, -1);
    int64_t tokens = json_i64(value, 0);
    switch (member->kind) {
    case member_text:
        if (!catalog_row_is_text(value)) catalog_row_report(row, "`%s` is a text", member->name);
        return;
    case member_texts:
        if (!are_texts(value)) catalog_row_report(row, "`%s` is a name, or a list of them", member->name);
        return;
    case member_flag:
        if (kind != json_true && kind != json_false) catalog_row_report(row, "`%s` is true or false", member->name);
        return;
    case member_tokens:
        if (!json_is_whole(value) || tokens < 1 || tokens > 1000000000)
            catalog_row_report(row, "`%s` is a whole number from 1 to 1000000000", member->name);
        return;
    case member_usd:
        if (kind != json_number || !(usd >= 0 && usd <= 1e6))
            catalog_row_report(row, "`%s` is USD per million tokens, from 0 to 1000000", member->name);
        return;
    case member_day:
        if (!is_day(json_str(value, STR("")))) catalog_row_report(row, "`%s` is a day, 2026-11-20", member->name);
        return;
    case member_efforts:
    case member_words: words_check(row, member, value); return;
    case member_usd_each:
        if (kind != json_number || !(usd >= 0 && usd <= 1e3))
            catalog_row_report(row, "`%s` is USD each, from 0 to 1000", member->name);
        return;
    case member_hours:
        if (!catalog_row_is_text(value))
            catalog_row_report(row, "`%s` is hours of the UTC day, 06:00-10:00", member->name);
        return;
    case member_factor:
        if (kind != json_number || !(usd >= 0 && usd <= 1e6))
            catalog_row_report(row, "`%s` is a number from 0 to 1000000", member->name);
        return;
    case member_price:
        members_check(row, value, price_members);
        if (row->good) catalog_price_check(row, value);
        return;
    case member_tiers: tiers_check(row, value); return;
    case member_rows: price_rows_check(row, value); return;
    case member_when: members_check(row, value, when_members); return;
    case member_set: members_check(row, value, set_members); return;
    }
}

static void catalog_row_unknown_report(struct catalog_row *row, struct str key, const struct member *members) {
    struct str nearest = STR("");
    unsigned least = 4;
    for (const struct member *member = members; member->name; member++) {
        unsigned distance = str_distance(key, str_from(member->name));
        if (distance < least) least = distance, nearest = str_from(member->name);
    }
    if (nearest.len)
        catalog_row_report(row, "unknown member `%.*s`: did you mean `%.*s`?", STR_ARG(shown(key)), STR_ARG(nearest));
    else
        catalog_row_report(row, "unknown member `%.*s`", STR_ARG(shown(key)));
}

static void members_check(struct catalog_row *row, const struct json_value *object, const struct member *members) {
    size_t place = 0;
    struct str key;
    uint64_t seen = 0;
    if (json_kind(object) != json_object) {
        catalog_row_report(row, "an object such as {\"%s\":...} is wanted", members->name);
        return;
    }
    for (const struct json_value *value; (value = json_each(object, &place, &key));) {
        const struct member *member = members;
        while (member->name && !str_eq(key, str_from(member->name))) member++;
        uint64_t bit = UINT64_C(1) << (member - members);
        if (!member->name)
            catalog_row_unknown_report(row, key, members);
        else if (seen & bit)
            catalog_row_report(row, "`%s` stands twice", member->name);
        else
            member_check(row, member, value);
        seen |= bit;
    }
}

bool catalog_row_check(struct catalog_row *row) {
    row->good = true;
    for (unsigned kind = 0; kind < catalog_row_kinds; kind++) {
        if (!json_member(row->object, row_members[kind]->name)) continue;
        row->kind = (enum catalog_row_kind)kind;
        members_check(row, row->object, row_members[kind]);
        return row->good;
    }
    catalog_row_report(row, "a row is about a `provider` or a `model`");
    return false;
}

/* -- reading -- */

static void catalog_row_text_read(struct catalog_row *row, const char *name, struct str *into) {
    const struct json_value *value = json_member(row->object, name);
    if (value) *into = arena_copy(row->arena, json_str(value, STR("")));
}

static void flag_read(struct catalog_row *row, const char *name, bool *into) {
    *into = json_bool(json_member(row->object, name), *into);
}

static uint32_t bits_read(const struct json_value *list, const struct words *words, uint32_t otherwise) {
    uint32_t bits = 0;
    size_t place = 0;
    if (!list) return otherwise;
    for (const struct json_value *word; (word = json_each(list, &place, NULL));) {
        int found = word_find(words, json_str(word, STR("")));
        if (found >= 0) bits |= 1u << found;
    }
    return bits;
}

/* One word of a list; 0: it is not said. */
static int word_read(struct catalog_row *row, const char *name, const struct words *words, int otherwise) {
    const struct json_value *word = json_member(row->object, name);
    return word ? word_find(words, json_str(word, STR(""))) + 1 : otherwise;
}

static void place_read(struct catalog_row *row, enum catalog_place *place) {
    *place = (enum catalog_place)word_read(row, "place", &places, (int)*place);
}

/* What a member_texts holds, separated by commas. */
static void texts_read(struct catalog_row *row, const char *name, struct str *into) {
    const struct json_value *value = json_member(row->object, name);
    size_t place = 0;
    if (!value) return;
    *into = STR("");
    if (catalog_row_is_text(value)) *into = arena_copy(row->arena, json_str(value, STR("")));
    for (const struct json_value *each; json_kind(value) == json_array && (each = json_each(value, &place, NULL));)
        *into = arena_printf(row->arena, "%.*s%s%.*s", STR_ARG(*into), into->len ? "," : "",
                             STR_ARG(json_str(each, STR(""))));
}

/* The first name, and the others. */
static void key_env_read(struct catalog_row *row, struct catalog_provider *provider) {
    struct str all = STR_NONE;
    texts_read(row, "key_env", &all);
    if (!all.at) return;
    size_t comma = str_find_byte(all, ',');
    provider->key_env = str_slice(all, 0, comma);
    provider->key_env_more = comma == SIZE_MAX ? STR("") : str_slice(all, comma + 1, all.len);
}

/* The dialect decides what the row does not say itself. */
static void dialect_read(struct catalog_row *row, struct catalog_provider *provider) {
    const struct json_value *dialect = json_member(row->object, "dialect"), *auth = json_member(row->object, "auth"),
                            *probe = json_member(row->object, "probe");
    bool fresh = provider->key_header.at == NULL;
    if (dialect) provider->dialect = (enum dialect)word_find(&dialect_words, json_str(dialect, STR("")));
    if (!codec_of(provider->dialect)) {
        catalog_row_report(row, "`dialect`: `%.*s` is not in this version", STR_ARG(dialect_word(provider->dialect)));
        return;
    }
    const struct outbound_facts *facts = outbound_facts(provider->dialect);
    int style = auth ? word_find(&auth_words, json_str(auth, STR(""))) : 0;
    if (dialect || auth || fresh) {
        provider->key_header = style ? auths[style].header : facts->key_header;
        provider->key_prefix = style ? auths[style].prefix : facts->key_prefix;
    }
    if (dialect || fresh) provider->probe_path = facts->models_path;
    catalog_row_text_read(row, "probe", &provider->probe_path);
    if (str_eq(provider->probe_path, STR("none"))) provider->probe_path = STR("");
    if (probe && provider->probe_path.len && provider->probe_path.at[0] != '/')
        catalog_row_report(row, "`probe` is `none` or a path such as /models");
}

static void tokens_read(struct catalog_row *row, const char *name, int64_t *into) {
    *into = json_i64(json_member(row->object, name), *into);
}

void catalog_provider_read(struct catalog_row *row, struct catalog_provider *provider) {
    bool fresh = provider->type.at == NULL;
    if (fresh) {
        catalog_row_text_read(row, "provider", &provider->type);
        provider->title = provider->quirks = provider->type;
        provider->key_required = provider->stream_options = true;
        provider->base_url = provider->key_env = provider->key_env_more = provider->account_env = STR("");
        provider->default_model = provider->models_of = provider->checked = provider->facts = STR("");
        provider->families = STR("");
        provider->place = place_cloud;
        provider->cut_margin = -1;
        provider->endpoints = 1u << endpoint_chat | 1u << endpoint_completions | 1u << endpoint_embeddings;
    }
    catalog_row_text_read(row, "title", &provider->title);
    catalog_row_text_read(row, "base_url", &provider->base_url);
    catalog_row_text_read(row, "account_env", &provider->account_env);
    catalog_row_text_read(row, "default_model", &provider->default_model);
    catalog_row_text_read(row, "quirks", &provider->quirks);
    catalog_row_text_read(row, "models_of", &provider->models_of);
    texts_read(row, "families", &provider->families);
    catalog_row_text_read(row, "checked", &provider->checked);
    catalog_row_text_read(row, "facts", &provider->facts);
    place_read(row, &provider->place);
    flag_read(row, "key_required", &provider->key_required);
    flag_read(row, "stream_options", &provider->stream_options);
    flag_read(row, "key_limits", &provider->key_limits);
    flag_read(row, "prefill", &provider->prefill);
    flag_read(row, "same_prices", &provider->same_prices);
    tokens_read(row, "cut_margin", &provider->cut_margin);
    key_env_read(row, provider);
    dialect_read(row, provider);
    provider->endpoints = bits_read(json_member(row->object, "endpoints"), &all_endpoints, provider->endpoints);
    struct url url;
    size_t hole = str_find(provider->base_url, STR("{account}"));
    struct str base = hole == SIZE_MAX
                          ? provider->base_url
                          : arena_printf(row->arena, "%.*sa%.*s", STR_ARG(str_slice(provider->base_url, 0, hole)),
                                         STR_ARG(str_slice(provider->base_url, hole + 9, provider->base_url.len)));
    const char *problem = url_parse(base, &url);
    if (!name_is_valid(provider->type))
        catalog_row_report(row, "`provider` is 1 to %d letters, digits, `-`, `_` and `.`", limit_name);
    else if (problem)
        catalog_row_report(row, "provider `%.*s`: `base_url` is not valid: %s", STR_ARG(provider->type), problem);
    else if (provider->endpoints == 0)
        catalog_row_report(row, "provider `%.*s` has no `endpoints`", STR_ARG(provider->type));
    else if (provider->default_model.len > limit_model)
        catalog_row_report(row, "`default_model` is at most %d bytes long", limit_model);
}

/* What is said of a word in one list takes it out of the other. */
static void abilities_read(struct catalog_row *row, struct catalog_model *model) {
    uint32_t can = bits_read(json_member(row->object, "can"), &abilities, 0),
             cannot = bits_read(json_member(row->object, "cannot"), &abilities, 0);
    if (can & cannot)
        catalog_row_report(row, "model `%.*s` stands for the same word in `can` and `cannot`",
                           STR_ARG(shown(model->id)));
    model->can = (model->can & ~cannot) | can;
    model->cannot = (model->cannot & ~can) | cannot;
}

/* What it cannot do at all it refuses to be asked for. */
static void refusals_read(struct catalog_row *row, struct catalog_model *model) {
    static const struct {
        enum catalog_ability ability;
        uint64_t features;
    } lacks[] = {
        {ability_sampling, FEATURE_BIT(temperature) | FEATURE_BIT(top_p) | FEATURE_BIT(top_k) | FEATURE_BIT(min_p)},
        {ability_prefill, FEATURE_BIT(prefill)},
        {ability_forced_tools, FEATURE_BIT(tool_choice)},
        {ability_tools, FEATURE_BIT(tools)},
        {ability_json, FEATURE_BIT(json_schema)},
        {ability_reasoning, FEATURE_BIT(reasoning_effort)},
    };
    const struct json_value *list = json_member(row->object, "refuses");
    size_t place = 0;
    if (list) model->takes.refuses = 0;
    for (const struct json_value *word; list && (word = json_each(list, &place, NULL));) {
        int found = word_find(&all_features, json_str(word, STR("")));
        if (found >= 0) model->takes.refuses |= UINT64_C(1) << found;
    }
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
        if (model->cannot >> lacks[i].ability & 1) model->takes.refuses |= lacks[i].features;
        if (model->can >> lacks[i].ability & 1) model->takes.refuses &= ~lacks[i].features;
    }
}

static void efforts_read(struct catalog_row *row, struct model_takes *takes) {
    const struct json_value *list = json_member(row->object, "efforts");
    struct str *names = NULL;
    size_t place = 0;
    if (!list) return;
    takes->efforts = 0;
    takes->effort_names = NULL;
    for (const struct json_value *word; (word = json_each(list, &place, NULL));) {
        struct str said = json_str(word, STR("")), own = effort_own(said);
        int found = word_find(&efforts, own) + 1;
        takes->efforts |= 1u << found;
        if (own.len == said.len) continue;
        if (!names) names = arena_take_zeroed(row->arena, message_efforts * sizeof *names);
        if (names) names[found] = arena_copy(row->arena, str_slice(said, own.len + 1, said.len));
        row->good = row->good && names && names[found].at;
    }
    takes->effort_names = names;
}

static void takes_read(struct catalog_row *row, struct catalog_model *model) {
    struct model_takes *takes = &model->takes;
    refusals_read(row, model);
    takes->thinking = bits_read(json_member(row->object, "thinking"), &thinkings, takes->thinking);
    takes->schema = bits_read(json_member(row->object, "schema"), &schemas, takes->schema);
    takes->api = (enum model_api)word_read(row, "api", &apis, (int)takes->api);
    tokens_read(row, "thinking_least", &takes->thinking_least);
    tokens_read(row, "thinking_most", &takes->thinking_most);
    efforts_read(row, takes);
    if (takes->thinking_most >= 0 && takes->thinking_most < takes->thinking_least)
        catalog_row_report(row, "model `%.*s`: `thinking_most` is less than `thinking_least`",
                           STR_ARG(shown(model->id)));
}

void catalog_model_begin(struct catalog_model *model) {
    *model = (struct catalog_model){.listed = true,
                                    .prices = PRICES_UNKNOWN,
                                    .takes = MODEL_TAKES_UNKNOWN,
                                    .context_tokens = -1,
                                    .output_tokens_max = -1,
                                    .first_token_ms = -1,
                                    .cache_tokens_min = -1,
                                    .uses = 1u << use_chat};
}

void catalog_model_read(struct catalog_row *row, struct catalog_model *model) {
    catalog_row_text_read(row, "model", &model->id);
    tokens_read(row, "context", &model->context_tokens);
    tokens_read(row, "output", &model->output_tokens_max);
    abilities_read(row, model);
    takes_read(row, model);
    model->uses = bits_read(json_member(row->object, "use"), &uses, model->uses);
    flag_read(row, "listed", &model->listed);
    model->speed = (enum catalog_speed)word_read(row, "speed", &speeds, (int)model->speed);
    tokens_read(row, "first_token_ms", &model->first_token_ms);
    place_read(row, &model->place);
    const struct json_value *hidden = json_member(row->object, "bills_hidden");
    if (hidden) model->bills_hidden = json_bool(hidden, false) ? flag_true : flag_false;
    tokens_read(row, "cache_least", &model->cache_tokens_min);
    model->cache_lifetimes = bits_read(json_member(row->object, "cache_lifetimes"), &lifetimes, model->cache_lifetimes);
    catalog_row_text_read(row, "released", &model->released);
    catalog_row_text_read(row, "deprecated", &model->deprecated);
    catalog_row_text_read(row, "retires", &model->retires);
    const struct json_value *price = json_member(row->object, "price");
    if (price) catalog_price_read(row, price, &model->prices);
    if (model->id.len == 0 || model->id.len > limit_model)
        catalog_row_report(row, "`model` is 1 to %d bytes long", limit_model);
    else if (model->prices.cached_input > model->prices.input && model->prices.input >= 0)
        catalog_row_report(row, "model `%.*s`: `cached_input` costs more than `input`", STR_ARG(shown(model->id)));
}
