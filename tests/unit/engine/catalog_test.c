/* catalog_test.c - the built-in catalogue is whole, and a catalogue that is not right is refused with the reason. */
#include "engine/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/embedded.h"

static struct catalog built_in(struct arena *arena) {
    struct catalog catalog;
    struct error error = {.code = error_none};
    arena_init(arena, 16 * 1024, 1 << 24);
    assert_true(catalog_read(str_make(catalog_providers_json, catalog_providers_json_len),
                             str_make(catalog_models_json, catalog_models_json_len), arena, &catalog, &error));
    return catalog;
}

static void the_first_vendors_are_there_each_with_its_day(void **state) {
    (void)state;
    static const char *const types[] = {"openai", "groq",     "openrouter",  "mistral",    "deepseek",
                                        "xai",    "together", "huggingface", "cloudflare", "ollama"};
    struct arena arena;
    struct catalog catalog = built_in(&arena);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const struct catalog_provider *row = map_find(&catalog.by_type, str_from(types[i]));
        assert_non_null(row);
        assert_int_equal(row->checked.len, 10);
        assert_true(row->key_env.len > 0 && row->endpoints != 0);
        if (row->default_model.len) assert_non_null(catalog_model_find(&catalog, row->type, row->default_model));
        assert_true(str_starts(row->base_url, row->key_required ? STR("https://") : STR("http://")));
    }
    arena_free(&arena);
}

static void every_model_belongs_to_a_vendor_and_its_prices_are_sane(void **state) {
    (void)state;
    struct arena arena;
    struct catalog catalog = built_in(&arena);
    for (size_t i = 0; i < catalog.model_count; i++) {
        const struct catalog_model *model = &catalog.models[i];
        assert_true(model->id.len > 0);
        assert_non_null(map_find(&catalog.by_type, model->provider));
        assert_ptr_equal(catalog_model_find(&catalog, model->provider, model->id), model); /* stands once */
        assert_true(model->prices.input < INT64_C(1000000000000) && model->prices.output < INT64_C(1000000000000));
        if (model->prices.cached_input >= 0) assert_true(model->prices.cached_input <= model->prices.input);
    }
    const struct catalog_model *mini = catalog_model_find(&catalog, STR("openai"), STR("gpt-4o-mini"));
    assert_int_equal(mini->prices.input, 150000000); /* 0.15 USD per million tokens */
    assert_true(mini->vision && mini->tools && mini->json && !mini->embeddings);
    assert_null(catalog_model_find(&catalog, STR("groq"), STR("gpt-4o-mini")));
    arena_free(&arena);
}

static void a_bad_catalogue_is_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *providers, *models, *reason;
    } bad[] = {
        {"[", "[]", "providers' file is not valid JSON"},
        {"[]", "{", "models' file is not valid JSON"},
        {"[{\"type\":\"a\",\"endpoints\":[]}]", "[]", "`a` has no endpoints"},
        {"[{\"type\":\"a\",\"endpoints\":[\"chatt\"]}]", "[]", "`a` has no endpoints, or unknown ones"},
        {"[{\"type\":\"a\",\"dialect\":\"x\",\"endpoints\":[\"chat\"]}]", "[]", "`a` has an unknown dialect"},
        {"[{\"endpoints\":[\"chat\"]}]", "[]", "a provider has no type"},
        {"[{\"type\":\"a\",\"endpoints\":[\"chat\"]},{\"type\":\"a\",\"endpoints\":[\"chat\"]}]", "[]",
         "`a` stands twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena arena;
        struct catalog catalog;
        struct error error = {.code = error_none};
        arena_init(&arena, 1024, 1 << 20);
        assert_false(catalog_read(str_from(bad[i].providers), str_from(bad[i].models), &arena, &catalog, &error));
        assert_non_null(strstr(error.message, bad[i].reason));
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_vendors_are_there_each_with_its_day),
        cmocka_unit_test(every_model_belongs_to_a_vendor_and_its_prices_are_sane),
        cmocka_unit_test(a_bad_catalogue_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
