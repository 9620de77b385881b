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

/* Of each tier, the shares are the whole. */
static void bill_check(const struct price_list *prices, int64_t tokens, uint32_t count) {
    struct meter meter = {.said = true, .batch = true, .speed = meter_speed_fast, .region = region_us};
    for (unsigned i = 0; i < meter_counts; i++) meter.count[i] = count;
    for (unsigned tier = 0; tier < meter_tiers; tier++) {
        struct price_use use = {.tokens = {tokens, tokens, tokens / 2, tokens / 4, tokens / 3}, .meter = &meter};
        meter.tier = (uint8_t)tier;
        struct price_bill bill = price_bill(prices, &use);
        int64_t sum = 0;
        for (unsigned i = 0; i < price_shares; i++) {
            demand(bill.share[i] >= 0);
            sum += bill.share[i];
        }
        demand(bill.total == -1 ? sum == 0 : bill.total == sum);
    }
}

static void models_check(const struct catalog_provider *provider) {
    for (size_t i = 0; i < provider->model_count; i++) {
        const struct catalog_model *model = &provider->models[i];
        struct catalog_wish wish = {.abilities = UINT32_MAX, .use = 1u << use_embeddings};
        demand(model->id.len > 0 && model->id.len <= limit_model && !(model->can & model->cannot));
        demand(catalog_model_find(provider, model->id) == model);
        demand(!model->cannot || catalog_lack(model, &wish).len > 0);
        bill_check(&model->prices, INT64_MAX, UINT32_MAX);
        bill_check(&model->prices, 300000, 1000);
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
