/* catalog.c - documents of rows: providers read at once, the lines of their models noted and read when they are
 * wanted; lookups; what a request wants against what a model is known for.
 *
 * Invariant: what catalog_load reads has been checked: the built-in document by its test, an operator's by
 * catalog_open. */
#include "snapshot/catalog.h"

#include <string.h>

#include "base/embedded.h"
#include "base/limits.h"
#include "snapshot/catalog_row.h"

enum { catalog_rows_max = 100000 };

struct opening {
    struct catalog *catalog;
    struct arena *arena;
    const struct catalog_reader *reader; /* NULL: the built-in document */
    unsigned document;                   /* which one is read */
    struct catalog_provider *provider;   /* whose models' rows follow */
    unsigned extends_line;               /* where the row that says so stands; 0: none does */
    struct arena scrap;                  /* for rows that are only checked */
    struct map models;                   /* "provider model" of those that are checked */
    bool good;
};

/* -- lines -- */

struct lines {
    struct str rest;
    unsigned number; /* of the line last given */
};

/* false: there is none left. Empty lines are passed over. */
static bool lines_next(struct lines *lines, struct str *line) {
    while (lines->rest.len) {
        size_t end = str_find_byte(lines->rest, '\n');
        *line = str_trim(str_slice(lines->rest, 0, end));
        lines->rest = str_slice(lines->rest, end == SIZE_MAX ? lines->rest.len : end + 1, lines->rest.len);
        lines->number++;
        if (line->len) return true;
    }
    return false;
}

static size_t lines_count(struct str text) {
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) count += text.at[i] == '\n';
    return count;
}

static void opening_report(struct opening *opening, unsigned line, unsigned column, const char *sentence) {
    opening->good = false;
    if (opening->reader) opening->reader->report(opening->reader->context, line, column, sentence);
}

/* A line that is about a model, told without reading it: the built-in document writes its kind first. */
static bool catalog_is_model(struct str line) { return str_starts(line, STR("{\"model\"")); }

/* -- opening -- */

static void provider_open(struct opening *opening, struct catalog_row *row, struct str from) {
    struct catalog *catalog = opening->catalog;
    struct str type = json_str(json_member(row->object, "provider"), STR(""));
    struct catalog_provider *provider = map_find(&catalog->by_type, type);
    bool fresh = !provider;
    if (fresh) provider = &catalog->providers[catalog->provider_count];
    if (provider->lines[opening->document].text.at) {
        catalog_row_report(row, "provider `%.*s` stands twice", STR_ARG(str_slice(type, 0, 80)));
        return;
    }
    catalog_provider_read(row, provider);
    if (!row->good) return;
    provider->lines[opening->document] = (struct catalog_lines){str_make(from.at, 0), row->line + 1};
    if (fresh && map_add(&catalog->by_type, provider->type, provider)) catalog->provider_count++;
    opening->provider = provider;
}

/* Of an operator's document: read to be checked, and forgotten. */
static void model_open(struct opening *opening, struct catalog_row *row) {
    struct catalog_model model;
    row->arena = &opening->scrap;
    catalog_model_begin(&model);
    catalog_model_read(row, &model);
    if (!row->good) return;
    struct str key = arena_printf(&opening->scrap, "%.*s %.*s", STR_ARG(opening->provider->type), STR_ARG(model.id));
    if (!key.at)
        opening_report(opening, 0, 0, "no memory for the catalogue");
    else if (!map_add(&opening->models, key, opening))
        catalog_row_report(row, "model `%.*s` stands twice", STR_ARG(str_slice(model.id, 0, 80)));
}

/* Where a provider's models end: at the line that is about another. */
static void section_end(struct opening *opening, const char *end) {
    if (!opening->provider) return;
    struct catalog_lines *lines = &opening->provider->lines[opening->document];
    lines->text.len = (size_t)(end - lines->text.at);
    opening->provider = NULL;
}

static void not_json_report(struct opening *opening, unsigned line, size_t at, const char *problem) {
    char sentence[160];
    struct text text = TEXT_IN_STRING(sentence);
    text_printf(&text, "this line is not JSON: %s", problem);
    sentence[text.len] = 0;
    opening_report(opening, line, (unsigned)at + 1, sentence);
}

static void row_open(struct opening *opening, struct str line, unsigned number, struct str rest) {
    const char *problem = "";
    size_t at = 0;
    struct json *json = json_parse(line, &problem, &at);
    struct catalog_row row = {json_root(json), row_provider, number, opening->reader, opening->arena, true};
    if (!json) {
        not_json_report(opening, number, at, problem);
        return;
    }
    bool good = catalog_row_check(&row);
    if (row.kind == row_provider) section_end(opening, line.at);
    if (good && row.kind == row_provider)
        provider_open(opening, &row, rest);
    else if (good && row.kind == row_extends && number != opening->extends_line)
        catalog_row_report(&row, "`extends` stands in the first row");
    else if (good && row.kind == row_model && !opening->provider)
        catalog_row_report(&row, "a model's row stands below its provider's");
    else if (good && row.kind == row_model)
        model_open(opening, &row);
    opening->good = opening->good && row.good;
    json_free(json);
}

static void document_open(struct opening *opening, struct str text) {
    struct lines lines = {text, 0};
    struct str line;
    opening->provider = NULL;
    while (lines_next(&lines, &line))
        if (opening->reader || !catalog_is_model(line)) row_open(opening, line, lines.number, lines.rest);
    section_end(opening, text.at + text.len);
}

/* The first row may say that the document stands over the built-in one; what is wrong with it is told later. */
static unsigned extends_line(struct str own) {
    struct lines lines = {own, 0};
    struct str line;
    const char *problem;
    size_t at;
    if (!lines_next(&lines, &line)) return 0;
    struct json *json = json_parse(line, &problem, &at);
    bool extends = json_member(json_root(json), "extends") != NULL;
    json_free(json);
    return extends ? lines.number : 0;
}

static void references_check(struct opening *opening) {
    for (size_t i = 0; i < opening->catalog->provider_count; i++) {
        const struct catalog_provider *provider = &opening->catalog->providers[i];
        const struct catalog_lines *lines = &provider->lines[opening->document];
        if (!lines->text.at || provider->models_of.len == 0) continue;
        const struct catalog_provider *other = map_find(&opening->catalog->by_type, provider->models_of);
        if (other && other != provider && other->models_of.len == 0) continue;
        opening_report(opening, lines->line - 1, 1, "`models_of` names no other provider that has models of its own");
    }
}

/* At most so many rows of providers. */
static size_t providers_count(struct str text) {
    size_t count = 0;
    for (size_t at; (at = str_find(text, STR("\"provider\""))) != SIZE_MAX; text = str_slice(text, at + 1, text.len))
        count++;
    return count;
}

bool catalog_open(struct catalog *catalog, struct str own, struct arena *arena, const struct catalog_reader *reader) {
    struct str built_in = embedded_text(&embedded_catalog_built_in_jsonl);
    struct opening opening = {.catalog = catalog, .arena = arena, .reader = reader, .good = true};
    size_t providers = providers_count(built_in) + providers_count(own), rows = lines_count(own);
    *catalog = (struct catalog){.provider_count = 0};
    catalog->providers = arena_take_zeroed(arena, (providers + 1) * sizeof *catalog->providers);
    if (!built_in.at || !catalog->providers || !map_init(&catalog->by_type, arena, providers)) {
        opening_report(&opening, 0, 0, "no memory for the catalogue");
        return false;
    }
    if (rows > catalog_rows_max) {
        opening_report(&opening, 0, 0, "the catalogue has more than 100000 lines");
        return false;
    }
    opening.extends_line = own.at ? extends_line(own) : 0;
    if (!own.at || opening.extends_line) {
        opening.reader = NULL;
        document_open(&opening, built_in);
        opening.reader = reader;
    }
    if (!own.at) return opening.good;
    opening.document = 1;
    arena_init(&opening.scrap, 64 * 1024, 64 * 1024 * 1024);
    if (map_init(&opening.models, &opening.scrap, rows))
        document_open(&opening, own);
    else
        opening_report(&opening, 0, 0, "no memory for the catalogue");
    references_check(&opening);
    arena_free(&opening.scrap);
    return opening.good;
}

/* -- loading -- */

static bool lines_load(struct catalog_provider *provider, const struct catalog_lines *from, struct arena *arena) {
    struct lines lines = {from->text, 0};
    struct str line;
    const char *problem;
    size_t at;
    while (lines_next(&lines, &line)) {
        struct json *json = json_parse(line, &problem, &at);
        struct catalog_row row = {json_root(json), row_model, 0, NULL, arena, true};
        struct catalog_model *model = &provider->models[provider->model_count];
        if (json_member(row.object, "model")) {
            catalog_model_begin(model);
            catalog_model_read(&row, model);
            if (row.good && map_add(&provider->by_id, model->id, model)) provider->model_count++;
        }
        json_free(json);
        if (!json || !row.good) return false; /* it was checked: there is no memory */
    }
    return true;
}

/* What is known of another's models counts where the provider has no rows of its own; it does not serve them for that.
 */
static void models_borrow(struct catalog_provider *provider, const struct catalog_provider *other) {
    for (size_t i = 0; i < other->model_count; i++) {
        struct catalog_model *model = &provider->models[provider->model_count];
        *model = other->models[i];
        model->listed = false;
        model->place = place_unknown;
        if (!provider->same_prices) model->prices = PRICES_UNKNOWN;
        if (map_add(&provider->by_id, model->id, model)) provider->model_count++;
    }
}

bool catalog_load(struct catalog *catalog, struct catalog_provider *provider, struct arena *arena) {
    if (provider->loaded) return true;
    struct catalog_provider *other = provider->models_of.len ? map_find(&catalog->by_type, provider->models_of) : NULL;
    if (other && (other->models_of.len || !catalog_load(catalog, other, arena))) return false;
    size_t count = other ? other->model_count : 0;
    for (unsigned i = 0; i < catalog_documents_max; i++) count += lines_count(provider->lines[i].text);
    provider->models = arena_take_zeroed(arena, (count + 1) * sizeof *provider->models);
    if (!provider->models || !map_init(&provider->by_id, arena, count)) return false;
    for (unsigned i = catalog_documents_max; i-- > 0;)
        if (!lines_load(provider, &provider->lines[i], arena)) return false;
    if (other) models_borrow(provider, other);
    for (size_t i = 0; i < provider->model_count; i++)
        if (!provider->models[i].place) provider->models[i].place = provider->place;
    return provider->loaded = true;
}

/* -- looking up -- */

static size_t digits_at_end(struct str s) {
    size_t count = 0;
    while (count < s.len && s.at[s.len - count - 1] >= '0' && s.at[s.len - count - 1] <= '9') count++;
    return count;
}

/* Without -20250929, -2024-08-06 or -latest; itself when it ends otherwise. */
static struct str undated(struct str model) {
    if (str_ends(model, STR("-latest"))) return str_slice(model, 0, model.len - 7);
    static const unsigned groups[2][3] = {{8, 0, 0}, {2, 2, 4}};
    for (size_t g = 0; g < 2; g++) {
        struct str rest = model;
        bool fits = true;
        for (size_t i = 0; i < 3 && groups[g][i] && fits; i++) {
            fits = digits_at_end(rest) == groups[g][i] && rest.len > groups[g][i] + 1 &&
                   rest.at[rest.len - groups[g][i] - 1] == '-';
            if (fits) rest = str_slice(rest, 0, rest.len - groups[g][i] - 1);
        }
        if (fits) return rest;
    }
    return model;
}

const struct catalog_model *catalog_model_find(const struct catalog_provider *provider, struct str model) {
    if (!provider->loaded) return NULL;
    const struct catalog_model *found = map_find(&provider->by_id, model);
    struct str short_name = undated(model);
    return found || short_name.len == model.len ? found : map_find(&provider->by_id, short_name);
}

/* 8b, 8x7b, 0.5b, 350m */
static bool is_size(struct str word) {
    size_t digits = 0;
    for (size_t i = 0; i + 1 < word.len; i++) {
        bool digit = word.at[i] >= '0' && word.at[i] <= '9';
        if (!digit && word.at[i] != '.' && word.at[i] != 'x') return false;
        digits += digit;
    }
    return digits > 0 && (word.at[word.len - 1] == 'b' || word.at[word.len - 1] == 'm');
}

/* What says of a model only how it was tuned, packed or served: instruct, fp8, v0.3, 32768. */
static bool is_packing(struct str word) {
    static const struct str words[] = {STR("instruct"),  STR("chat"), STR("hf"),    STR("it"),   STR("instant"),
                                       STR("versatile"), STR("awq"),  STR("fp8"),   STR("fp16"), STR("bf16"),
                                       STR("int8"),      STR("fast"), STR("turbo"), STR("lora"), STR("gptq")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(word, words[i])) return true;
    for (size_t i = word.len > 1 && word.at[0] == 'v'; i < word.len; i++)
        if ((word.at[i] < '0' || word.at[i] > '9') && word.at[i] != '.') return false;
    return word.len > 0;
}

struct str catalog_short_name(struct str id, char *buffer, size_t size) {
    struct str rest = id, word;
    size_t slash, len = 0, end = 0;
    while ((slash = str_find_byte(rest, '/')) != SIZE_MAX) rest = str_slice(rest, slash + 1, rest.len);
    if (str_starts_nocase(rest, STR("meta-llama"))) rest = str_slice(rest, 5, rest.len);
    if (rest.len == 0 || rest.len > size || str_find_byte(rest, ':') != SIZE_MAX) return STR("");
    for (; len < rest.len; len++)
        buffer[len] = (char)(rest.at[len] >= 'A' && rest.at[len] <= 'Z' ? rest.at[len] | 0x20 : rest.at[len]);
    struct str name = str_make(buffer, len), words = name;
    bool plain = true;
    while (words.len && str_split_next(&words, '-', &word)) {
        if (end == 0 && is_size(word))
            end = (size_t)(word.at + word.len - buffer);
        else if (end)
            plain = plain && is_packing(word);
    }
    if (end && plain) name.len = end;
    return str_eq(name, id) ? STR("") : name;
}

struct str catalog_day(const struct catalog *catalog) {
    struct str newest = STR("");
    for (size_t i = 0; i < catalog->provider_count; i++) {
        struct str day = catalog->providers[i].facts; /* of one length: the table checks it */
        if (day.len && (!newest.len || memcmp(day.at, newest.at, day.len) > 0)) newest = day;
    }
    return newest;
}

bool catalog_claims(const struct catalog_provider *provider, struct str model) {
    struct str rest = provider->families, family;
    while (rest.len && str_split_next(&rest, ',', &family))
        if (str_glob(family, model)) return true;
    return false;
}

/* -- what a request wants -- */

uint32_t catalog_use_of(enum endpoint endpoint) {
    static const uint32_t of_operation[] = {[operation_chat] = 1u << use_chat,
                                            [operation_compact] = 1u << use_chat,
                                            [operation_embed] = 1u << use_embeddings,
                                            [operation_forecast] = 1u << use_time_series};
    static const uint32_t of_endpoint[endpoints] = {[endpoint_images_generations] = 1u << use_images,
                                                    [endpoint_images_edits] = 1u << use_images,
                                                    [endpoint_audio_speech] = 1u << use_speech,
                                                    [endpoint_audio_transcriptions] = 1u << use_transcription,
                                                    [endpoint_audio_translations] = 1u << use_transcription,
                                                    [endpoint_moderations] = 1u << use_moderation,
                                                    [endpoint_rerank] = 1u << use_rerank};
    enum operation operation = endpoint_facts(endpoint)->operation;
    bool asked = operation < sizeof of_operation / sizeof *of_operation && of_operation[operation];
    return asked ? of_operation[operation] : of_endpoint[endpoint];
}

struct str catalog_lack(const struct catalog_model *model, const struct catalog_wish *wish) {
    static const char *const of_ability[] = {
#define X(name, phrase) phrase,
        CATALOG_ABILITY_TABLE(X)
#undef X
    };
    static const char *const of_use[] = {
#define X(name, phrase) phrase,
        CATALOG_USE_TABLE(X)
#undef X
    };
    if (!model) return STR_NONE;
    for (unsigned i = 0; i < catalog_uses && model->uses && !(model->uses & wish->use); i++)
        if (wish->use >> i & 1) return str_from(of_use[i]);
    for (unsigned i = 0; i < catalog_abilities; i++)
        if (wish->abilities & model->cannot & 1u << i) return str_from(of_ability[i]);
    return STR_NONE;
}

int64_t catalog_first_token_ms(const struct catalog_model *model) {
    static const int64_t of_speed[catalog_speeds] = {
        [speed_unknown] = -1, [speed_fast] = 400, [speed_medium] = 900, [speed_slow] = 2500};
    return model->first_token_ms > 0 ? model->first_token_ms : of_speed[model->speed];
}
