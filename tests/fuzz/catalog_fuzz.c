/* catalog_fuzz.c - any bytes as a catalogue file. It is good, or told with a sentence and a line that it has; what is
 * good opens again without a check, and all of its models load, are found and have prices that can be reckoned with. */
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "snapshot/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition) {
    if (!condition) abort();
}

struct told {
    unsigned lines, count;
};

static void tell(void *context, unsigned line, unsigned column, const char *sentence) {
    struct told *told = context;
    told->count++;
    demand(sentence[0] && line <= told->lines && (line == 0 || column > 0));
}

static void models_check(const struct catalog_provider *provider) {
    for (size_t i = 0; i < provider->model_count; i++) {
        const struct catalog_model *model = &provider->models[i];
        struct catalog_wish wish = {.abilities = UINT32_MAX, .use = 1u << use_embeddings};
        demand(model->id.len > 0 && model->id.len <= limit_model && !(model->can & model->cannot));
        demand(catalog_model_find(provider, model->id) == model);
        demand(!model->cannot || catalog_lack(model, &wish).len > 0);
        struct price_tokens tokens = {INT64_MAX, INT64_MAX, INT64_MAX / 2, INT64_MAX / 4};
        demand(price_cost(&model->prices, tokens) >= -1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct catalog catalog;
    struct str text = str_make((const char *)data, size);
    struct told told = {.lines = 1};
    struct catalog_reader reader = {tell, &told};
    if (size == 0) return 0;
    for (size_t i = 0; i < size; i++) told.lines += data[i] == '\n';
    arena_init(&arena, 16 * 1024, 256 * 1024 * 1024);
    bool good = catalog_open(&catalog, text, &arena, &reader);
    demand(good == (told.count == 0));
    if (good) {
        demand(catalog_open(&catalog, text, &arena, NULL));
        for (size_t i = 0; i < catalog.provider_count; i++) {
            demand(catalog_load(&catalog, &catalog.providers[i], &arena));
            models_check(&catalog.providers[i]);
        }
    }
    arena_free(&arena);
    return 0;
}
