/* catalog_test.c - the built-in catalogue is whole; a file in its place or over it is read, or refused with the line
 * and the reason; what a request wants is held against what a model is known for. */
#include "snapshot/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/embedded.h"

struct told {
    unsigned count, line, column; /* of the first one */
    char sentence[320];
};

static void tell(void *context, unsigned line, unsigned column, const char *sentence) {
    struct told *told = context;
    if (told->count++) return;
    told->line = line;
    told->column = column;
    snprintf(told->sentence, sizeof told->sentence, "%s", sentence);
}

static struct str built_in_text(void) { return embedded_text(&embedded_catalog_built_in_jsonl); }

static struct catalog open_text(const char *own, struct arena *arena) {
    struct catalog catalog;
    struct told told = {.count = 0};
    struct catalog_reader reader = {tell, &told};
    arena_init(arena, 16 * 1024, 1 << 24);
    if (!catalog_open(&catalog, own ? str_from(own) : STR_NONE, arena, &reader))
        fail_msg("%u: %s", told.line, told.sentence);
    assert_int_equal(told.count, 0);
    return catalog;
}

static struct catalog_provider *loaded(struct catalog *catalog, const char *type, struct arena *arena) {
    struct catalog_provider *provider = map_find(&catalog->by_type, str_from(type));
    assert_non_null(provider);
    assert_true(catalog_load(catalog, provider, arena));
    return provider;
}

static void every_built_in_row_passes_the_check_that_an_operators_passes(void **state) {
    (void)state;
    struct arena arena;
    struct catalog catalog;
    struct told told = {.count = 0};
    struct catalog_reader reader = {tell, &told};
    arena_init(&arena, 16 * 1024, 1 << 24);
    bool good = catalog_open(&catalog, built_in_text(), &arena, &reader);
    if (!good) fail_msg("%u:%u: %s", told.line, told.column, told.sentence);
    assert_int_equal(told.count, 0);
    arena_free(&arena);
}

static void there_are_more_than_twenty_vendors_each_with_its_day(void **state) {
    (void)state;
    static const char *const types[] = {
        "openai",  "azure",     "anthropic", "gemini",      "groq",       "openrouter", "mistral",  "deepseek",
        "xai",     "together",  "cohere",    "huggingface", "cloudflare", "fireworks",  "cerebras", "perplexity",
        "nvidia",  "sambanova", "deepinfra", "novita",      "nebius",     "moonshot",   "zai",      "minimax",
        "alibaba", "voyage",    "ollama",    "vllm",        "llamacpp",   "lmstudio",   "simulated"};
    struct arena arena;
    struct catalog catalog = open_text(NULL, &arena);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) loaded(&catalog, types[i], &arena);
    for (size_t i = 0; i < catalog.provider_count; i++) {
        struct catalog_provider *row = &catalog.providers[i];
        assert_int_equal(row->checked.len, 10);
        assert_true(row->endpoints != 0);
        assert_true(row->title.len > 0 && row->key_header.len > 0);
        assert_true(str_starts(row->base_url, row->key_required ? STR("https://") : STR("http://")));
        assert_int_equal(row->account_env.len > 0, str_find(row->base_url, STR("{account}")) != SIZE_MAX);
        assert_true(catalog_load(&catalog, row, &arena));
        const struct catalog_model *model = catalog_model_find(row, row->default_model);
        size_t listed = 0;
        for (size_t m = 0; m < row->model_count; m++) listed += row->models[m].listed;
        if (listed) assert_non_null(model); /* one who lists models lists the default one */
        if (model && row->endpoints >> endpoint_chat & 1) assert_true(model->uses >> use_chat & 1);
    }
    arena_free(&arena);
}

static void models_are_read_when_they_are_wanted_and_their_facts_are_sane(void **state) {
    (void)state;
    struct arena arena;
    struct catalog catalog = open_text(NULL, &arena);
    const struct catalog_provider *openai = map_find(&catalog.by_type, STR("openai"));
    assert_int_equal(openai->model_count, 0);
    assert_null(catalog_model_find(openai, STR("gpt-4o-mini")));
    openai = loaded(&catalog, "openai", &arena);
    const struct catalog_model *mini = catalog_model_find(openai, STR("gpt-4o-mini"));
    assert_non_null(mini);
    assert_int_equal(mini->prices.input, 150000000); /* 0.15 USD per million tokens */
    assert_int_equal(mini->context_tokens, 128000);
    assert_true(catalog_can(mini, ability_vision) && catalog_can(mini, ability_tools) &&
                catalog_can(mini, ability_json));
    assert_int_equal(mini->uses, 1u << use_chat);
    assert_int_equal(mini->speed, speed_fast);
    const struct catalog_model *embedding = catalog_model_find(openai, STR("text-embedding-3-small"));
    assert_int_equal(embedding->uses, 1u << use_embeddings);
    const struct catalog_provider *gemini = loaded(&catalog, "gemini", &arena);
    const struct catalog_model *pro = catalog_model_find(gemini, STR("gemini-2.5-pro"));
    assert_true(pro->prices.rows.count > 2);
    assert_int_equal(pro->prices.rows.at[1].above, 200000); /* behind those of searches and maps */
    assert_int_equal(pro->prices.rows.at[1].values[0], 2500000000);
    const struct catalog_provider *anthropic = loaded(&catalog, "anthropic", &arena);
    const struct catalog_model *sonnet = catalog_model_find(anthropic, STR("claude-sonnet-4-5"));
    assert_int_equal(sonnet->prices.cache_write, 3750000000);
    assert_true(catalog_can(sonnet, ability_prefill));
    assert_false(catalog_can(catalog_model_find(anthropic, STR("claude-opus-4-6")), ability_prefill));
    const struct catalog_provider *router = loaded(&catalog, "huggingface", &arena);
    assert_int_equal(catalog_model_find(router, STR("amazon/chronos-t5-small"))->uses, 1u << use_time_series);
    arena_free(&arena);
}

static void a_model_is_found_without_its_date(void **state) {
    (void)state;
    struct arena arena;
    struct catalog catalog = open_text("{\"provider\":\"a\",\"base_url\":\"https://a.example\"}\n"
                                       "{\"model\":\"m\",\"context\":1000}\n"
                                       "{\"model\":\"m-2024-08-06\",\"context\":2000}\n",
                                       &arena);
    const struct catalog_provider *a = loaded(&catalog, "a", &arena);
    static const struct {
        const char *name;
        int64_t context; /* 0: not found */
    } asked[] = {{"m", 1000},        {"m-20250929", 1000},   {"m-2025-09-29", 1000},
                 {"m-latest", 1000}, {"m-2024-08-06", 2000}, {"m-2025", 0},
                 {"m-29", 0},        {"m20250929", 0},       {"-20250929", 0},
                 {"20250929", 0},    {"m-209-08-06", 0},     {"", 0}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const struct catalog_model *model = catalog_model_find(a, str_from(asked[i].name));
        assert_int_equal(model ? model->context_tokens : 0, asked[i].context);
    }
    arena_free(&arena);
}

static void one_who_serves_anothers_models_knows_them(void **state) {
    (void)state;
    struct arena arena;
    struct catalog catalog = open_text(NULL, &arena);
    const struct catalog_provider *azure = loaded(&catalog, "azure", &arena);
    const struct catalog_model *own = catalog_model_find(azure, STR("gpt-4o"));
    assert_true(own && catalog_can(own, ability_vision) && !own->listed);
    assert_int_equal(own->prices.input, 2500000000);
    assert_true(str_eq(azure->key_header, STR("api-key")) && azure->key_prefix.len == 0);
    const struct catalog_provider *other = loaded(&catalog, "deepinfra", &arena);
    const struct catalog_model *model = catalog_model_find(other, STR("meta-llama/Llama-3.3-70B-Instruct"));
    assert_non_null(model); /* at its own price */
    assert_int_equal(model->prices.input, -1);
    assert_int_equal(model->prices.cache_write, -1);
    arena_free(&arena);
}

static void a_file_stands_in_place_of_the_built_in_one(void **state) {
    (void)state;
    struct arena arena;
    struct catalog catalog = open_text("\n{\"provider\":\"mine\",\"base_url\":\"https://m.example/v1\"}\r\n\n"
                                       "{ \"context\":10, \"model\":\"one\" }\n"
                                       "{\"model\":\"two\",\"listed\":false}",
                                       &arena);
    assert_int_equal(catalog.provider_count, 1);
    const struct catalog_provider *mine = loaded(&catalog, "mine", &arena);
    assert_int_equal(mine->model_count, 2);
    assert_int_equal(mine->models[0].context_tokens, 10);
    assert_true(mine->models[0].listed && !mine->models[1].listed);
    assert_int_equal(mine->models[1].context_tokens, -1);
    assert_int_equal(mine->models[1].prices.input, -1);
    assert_true(mine->key_required && mine->stream_options && str_eq(mine->key_header, STR("Authorization")));
    assert_true(str_eq(mine->probe_path, STR("/models")));
    arena_free(&arena);
}

static void a_file_that_extends_the_built_in_one_adds_and_overrules(void **state) {
    (void)state;
    struct arena arena;
    struct catalog catalog = open_text(
        "{\"extends\":\"built-in\"}\n"
        "{\"provider\":\"openai\",\"base_url\":\"https://eu.api.openai.com/v1\"}\n"
        "{\"model\":\"gpt-4o\",\"price\":{\"input\":1,\"output\":2}}\n"
        "{\"model\":\"gpt-99\",\"can\":[\"vision\"]}\n"
        "{\"provider\":\"mine\",\"base_url\":\"http://10.0.0.1/v1\",\"key_required\":false,\"models_of\":\"openai\"}\n",
        &arena);
    const struct catalog_provider *openai = loaded(&catalog, "openai", &arena),
                                  *mine = loaded(&catalog, "mine", &arena);
    assert_true(str_eq(openai->base_url, STR("https://eu.api.openai.com/v1")));
    assert_true(str_eq(openai->key_env, STR("OPENAI_API_KEY")) && str_eq(openai->title, STR("OpenAI")));
    assert_true(openai->endpoints >> endpoint_images_generations & 1);
    assert_int_equal(catalog_model_find(openai, STR("gpt-4o"))->prices.input, 1000000000);
    assert_false(catalog_can(catalog_model_find(openai, STR("gpt-4o")), ability_vision)); /* the row, whole */
    assert_true(catalog_can(catalog_model_find(openai, STR("gpt-99")), ability_vision));
    assert_int_equal(catalog_model_find(openai, STR("gpt-4o-mini"))->prices.input, 150000000);
    assert_true(catalog_can(catalog_model_find(mine, STR("gpt-99")), ability_vision));
    assert_non_null(map_find(&catalog.by_type, STR("groq")));
    arena_free(&arena);
}

/* What says nothing of standing over the built-in one stands in its place, however little it says. */
static void a_file_without_a_row_knows_nobody(void **state) {
    static const char *const texts[] = {"", "\n", " \n\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena arena;
        struct catalog catalog = open_text(texts[i], &arena);
        assert_int_equal(catalog.provider_count, 0);
        arena_free(&arena);
    }
}

static void a_file_has_a_hundred_thousand_lines_at_most(void **state) {
    static char text[100001];
    (void)state;
    for (size_t lines = 99999; lines <= 100001; lines++) {
        struct arena arena;
        struct catalog catalog;
        struct told told = {.count = 0};
        struct catalog_reader reader = {tell, &told};
        arena_init(&arena, 16 * 1024, 1 << 24);
        memset(text, '\n', lines - 1); /* the last line has no end */
        assert_int_equal(catalog_open(&catalog, str_make(text, lines - 1), &arena, &reader), lines <= 100000);
        assert_int_equal(told.count, lines > 100000);
        if (told.count) assert_string_equal(told.sentence, "the catalogue has more than 100000 lines");
        arena_free(&arena);
    }
}

#define A "{\"provider\":\"a\",\"base_url\":\"https://a.example\"}\n"

/* Without models, and without an end of its last line. */
static void a_file_may_end_with_a_provider(void **state) {
    struct arena arena;
    struct catalog catalog;
    struct told told = {.count = 0};
    struct catalog_reader reader = {tell, &told};
    static const char text[] = "{\"extends\":\"built-in\"}\n{\"provider\":\"openai\"}";
    char *exact = memcpy(malloc(sizeof text - 1), text, sizeof text - 1); /* a read behind it is seen */
    (void)state;
    arena_init(&arena, 64 * 1024, 64 * 1024 * 1024);
    assert_true(catalog_open(&catalog, str_make(exact, sizeof text - 1), &arena, &reader));
    for (size_t i = 0; i < catalog.provider_count; i++) assert_int_equal(catalog.providers[i].lines[1].text.len, 0);
    arena_free(&arena);
    free(exact);
}

static void a_bad_row_is_refused_with_its_line_and_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned line, column;
        const char *reason;
    } bad[] = {
        {"{\"provider\":", 1, 13, "this line is not JSON"},
        {A "\n\n{\"model\":\"m\"}\n[1]\n", 5, 1, "a row is about a `provider` or a `model`"},
        {A "{\"model\":\"m\",\"contxt\":1}", 2, 1, "unknown member `contxt`: did you mean `context`?"},
        {A "{\"model\":\"m\",\"colour\":1}", 2, 1, "unknown member `colour`"},
        {A "{\"model\":\"m\",\"context\":\"1\"}", 2, 1, "`context` is a whole number from 1"},
        {A "{\"model\":\"m\",\"context\":0}", 2, 1, "`context` is a whole number from 1"},
        {A "{\"model\":\"m\",\"context\":1,\"context\":2}", 2, 1, "`context` stands twice"},
        {A "{\"model\":\"m\",\"can\":[\"vison\"]}", 2, 1, "`can`: unknown word `vison`: did you mean `vision`?"},
        {A "{\"model\":\"m\",\"can\":\"vision\"}", 2, 1, "`can` is a list of words"},
        {A "{\"model\":\"m\",\"can\":[\"vision\"],\"cannot\":[\"vision\"]}", 2, 1,
         "the same word in `can` and `cannot`"},
        {A "{\"model\":\"m\",\"speed\":\"warp\"}", 2, 1, "`speed`: unknown word `warp`"},
        {A "{\"model\":\"m\",\"listed\":\"no\"}", 2, 1, "`listed` is true or false"},
        {A "{\"model\":\"m\",\"price\":{\"input\":-1}}", 2, 1, "`input` is USD per million tokens"},
        {A "{\"model\":\"m\",\"price\":{\"inputs\":1}}", 2, 1, "unknown member `inputs`: did you mean `input`?"},
        {A "{\"model\":\"m\",\"price\":3}", 2, 1, "an object such as"},
        {A "{\"model\":\"m\",\"price\":{\"input\":1,\"cached_input\":2}}", 2, 1,
         "`cached_input` costs more than `input`"},
        {A "{\"model\":\"m\",\"price\":{\"above\":[{\"tokens\":5},{\"tokens\":5}]}}", 2, 1, "`tokens` must rise"},
        {A "{\"model\":\"m\",\"price\":{\"above\":[{\"input\":5}]}}", 2, 1, "`tokens` must rise"},
        {A "{\"model\":\"m\"}\n{\"model\":\"m\"}\n", 3, 1, "model `m` stands twice"},
        {A "{\"model\":\"\"}", 2, 1, "`model` is 1 to 256 bytes long"},
        {"{\"model\":\"m\"}", 1, 1, "stands below its provider's"},
        {A A, 2, 1, "provider `a` stands twice"},
        {"{\"provider\":\"a b\",\"base_url\":\"https://a\"}", 1, 1, "letters, digits"},
        {"{\"provider\":\"a\"}", 1, 1, "`base_url` is not valid"},
        {"{\"provider\":\"a\",\"base_url\":\"https://{account}.a:x/v1\"}", 1, 1, "`base_url` is not valid"},
        {"{\"provider\":\"a\",\"base_url\":\"https://a\",\"endpoints\":[]}", 1, 1, "`a` has no `endpoints`"},
        {"{\"provider\":\"a\",\"base_url\":\"https://a\",\"endpoints\":[\"chatt\"]}", 1, 1, "did you mean `chat`?"},
        {"{\"provider\":\"a\",\"base_url\":\"https://a\",\"dialect\":\"x\"}", 1, 1, "`dialect`: unknown word `x`"},
        {"{\"provider\":\"a\",\"base_url\":\"https://a\",\"key_env\":[]}", 1, 1, "`key_env` is a name, or a list"},
        {"{\"provider\":\"a\",\"base_url\":\"https://a\",\"probe\":\"models\"}", 1, 1, "`probe` is `none` or a path"},
        {"{\"provider\":\"a\",\"base_url\":\"https://a\",\"models_of\":\"b\"}", 1, 1,
         "`models_of` names no other provider"},
        {"{\"provider\":\"a\",\"base_url\":\"https://a\",\"models_of\":\"a\"}", 1, 1,
         "`models_of` names no other provider"},
        {A "{\"extends\":\"built-in\"}", 2, 1, "`extends` stands in the first row"},
        {"{\"extends\":\"builtin\"}", 1, 1, "did you mean `built-in`?"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena arena;
        struct catalog catalog;
        struct told told = {.count = 0};
        struct catalog_reader reader = {tell, &told};
        arena_init(&arena, 1024, 1 << 24);
        assert_false(catalog_open(&catalog, str_from(bad[i].text), &arena, &reader));
        if (!strstr(told.sentence, bad[i].reason)) fail_msg("%s\ngave: %s", bad[i].text, told.sentence);
        assert_int_equal(told.line, bad[i].line);
        assert_int_equal(told.column, bad[i].column);
        arena_free(&arena);
    }
}

static void what_a_model_is_known_to_lack_is_told_and_nothing_else(void **state) {
    (void)state;
    struct catalog_model blind = {.can = 1u << ability_tools, .cannot = 1u << ability_vision, .uses = 1u << use_chat};
    struct catalog_wish wish = {.abilities = 1u << ability_tools, .use = 1u << use_chat};
    assert_int_equal(catalog_lack(&blind, &wish).len, 0);
    wish.abilities |= 1u << ability_vision;
    assert_true(str_eq(catalog_lack(&blind, &wish), STR("can see images")));
    assert_int_equal(catalog_lack(NULL, &wish).len, 0);
    wish.abilities = 1u << ability_json; /* not known */
    assert_int_equal(catalog_lack(&blind, &wish).len, 0);
    wish.use = 1u << use_embeddings;
    assert_true(str_eq(catalog_lack(&blind, &wish), STR("makes embeddings")));
    blind.uses = 0;
    assert_int_equal(catalog_lack(&blind, &wish).len, 0);
    wish.use = 0;
    assert_int_equal(catalog_lack(&blind, &wish).len, 0);
}

/* Whatever the place at which memory ends, it is told or the models are all there. */
static void without_memory_nothing_is_lost_silently(void **state) {
    (void)state;
    for (size_t most = 1024; most < 1 << 20; most += most / 8) {
        struct arena arena;
        struct catalog catalog;
        arena_init(&arena, 512, most);
        if (catalog_open(&catalog, STR_NONE, &arena, NULL)) {
            struct catalog_provider *groq = map_find(&catalog.by_type, STR("groq"));
            if (groq && catalog_load(&catalog, groq, &arena)) {
                assert_non_null(catalog_model_find(groq, STR("llama-3.3-70b-versatile")));
                assert_true(groq->model_count > 30);
            }
        }
        arena_free(&arena);
    }
}

static void each_path_asks_for_a_use(void **state) {
    (void)state;
    assert_int_equal(catalog_use_of(endpoint_chat), 1u << use_chat);
    assert_int_equal(catalog_use_of(endpoint_completions), 1u << use_chat);
    assert_int_equal(catalog_use_of(endpoint_messages), 1u << use_chat);
    assert_int_equal(catalog_use_of(endpoint_generate_embed), 1u << use_embeddings);
    assert_int_equal(catalog_use_of(endpoint_forecasts), 1u << use_time_series);
    assert_int_equal(catalog_use_of(endpoint_audio_speech), 1u << use_speech);
    assert_int_equal(catalog_use_of(endpoint_rerank), 1u << use_rerank);
    assert_int_equal(catalog_use_of(endpoint_responses_compact), 1u << use_chat);
    assert_int_equal(catalog_use_of(endpoint_responses_input_tokens), 0);
    assert_int_equal(catalog_use_of(endpoint_messages_count), 0);
}

static void short_names_leave_out_what_says_nothing_of_the_model(void **state) {
    static const struct {
        const char *id, *name;
    } rows[] = {{"mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"},
                {"mixtral-8x7b-32768", "mixtral-8x7b"},
                {"llama-3.1-8b-instant", "llama-3.1-8b"},
                {"meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b"},
                {"@cf/meta/llama-3.1-8b-instruct-fp8", "llama-3.1-8b"},
                {"@cf/meta/llama-2-7b-chat-fp16", "llama-2-7b"},
                {"mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b"},
                {"@hf/thebloke/codellama-7b-instruct-awq", "codellama-7b"},
                {"@hf/thebloke/neural-chat-7b-v3-1-awq", "neural-chat-7b"},
                {"time-series-foundation-models/Lag-Llama", "lag-llama"},
                {"amazon/chronos-t5-large", "chronos-t5-large"},
                {"qwen/qwen2.5-coder-32b-preview", "qwen2.5-coder-32b-preview"}, /* another model */
                {"deepseek-r1-distill-llama-70b", ""},
                {"gpt-4o", ""},
                {"llama3:8b", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[64];
        struct str name = catalog_short_name(str_from(rows[i].id), buffer, sizeof buffer);
        if (!str_eq(name, str_from(rows[i].name))) fail_msg("%s is %.*s", rows[i].id, STR_ARG(name));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_built_in_row_passes_the_check_that_an_operators_passes),
        cmocka_unit_test(there_are_more_than_twenty_vendors_each_with_its_day),
        cmocka_unit_test(models_are_read_when_they_are_wanted_and_their_facts_are_sane),
        cmocka_unit_test(a_model_is_found_without_its_date),
        cmocka_unit_test(one_who_serves_anothers_models_knows_them),
        cmocka_unit_test(a_file_stands_in_place_of_the_built_in_one),
        cmocka_unit_test(a_file_that_extends_the_built_in_one_adds_and_overrules),
        cmocka_unit_test(a_file_without_a_row_knows_nobody),
        cmocka_unit_test(a_file_has_a_hundred_thousand_lines_at_most),
        cmocka_unit_test(a_file_may_end_with_a_provider),
        cmocka_unit_test(a_bad_row_is_refused_with_its_line_and_the_reason),
        cmocka_unit_test(what_a_model_is_known_to_lack_is_told_and_nothing_else),
        cmocka_unit_test(without_memory_nothing_is_lost_silently),
        cmocka_unit_test(each_path_asks_for_a_use),
        cmocka_unit_test(short_names_leave_out_what_says_nothing_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
