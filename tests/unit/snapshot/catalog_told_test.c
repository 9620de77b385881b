/* catalog_told_test.c - catalogues of a few rows: what is said against each, or all that is read of it, whole. They lie
 * in told/catalog_read.txt, with an empty line between them; {a*3} in them is aaa. */
#include "../told.h"

#include "snapshot/catalog.h"

static struct arena arena;

static void catalog_told(void *context, unsigned line, unsigned column, const char *sentence) {
    text_printf(context, "%u:%u %s\n", line, column, sentence);
}

static void values_put(struct text *told, const int64_t *values, size_t count) {
    for (size_t i = 0; i < count; i++) text_printf(told, " %lld", (long long)values[i]);
}

static void prices_told(const struct price_list *prices, struct text *told) {
    text_printf(told, "  prices %lld %lld %lld %lld\n", (long long)prices->input, (long long)prices->output,
                (long long)prices->cached_input, (long long)prices->cache_write);
    for (size_t i = 0; i < prices->rows.count; i++) {
        const struct price_row *row = &prices->rows.at[i];
        text_printf(
            told,
            "  row since %lld until %lld factor %lld/%u names %x above %u minutes %u-%u tier %u speed %u region "
            "%u modality %u lifetime %u batch %u values",
            (long long)row->since_s, (long long)row->until_s, (long long)row->factor, row->decimals, row->names,
            row->above, row->from_minute, row->to_minute, row->tier, row->speed, row->region, row->modality,
            row->lifetime, row->batch);
        if (row->values) values_put(told, row->values, (size_t)__builtin_popcount(row->names));
        text_put_byte(told, '\n');
    }
}

static void model_told(const struct catalog_model *model, struct text *told) {
    const struct model_takes *takes = &model->takes;
    text_printf(told,
                " model %.*s context %lld output %lld can %x cannot %x uses %x speed %d first %lld place %d hidden %d "
                "cache %lld/%x released %.*s deprecated %.*s retires %.*s listed %d\n",
                STR_ARG(model->id), (long long)model->context_tokens, (long long)model->output_tokens_max, model->can,
                model->cannot, model->uses, (int)model->speed, (long long)model->first_token_ms, (int)model->place,
                (int)model->bills_hidden, (long long)model->cache_tokens_min, model->cache_lifetimes,
                STR_ARG(model->released), STR_ARG(model->deprecated), STR_ARG(model->retires), model->listed);
    text_printf(told, "  refuses %llx thinking %x schema %x api %d least %lld most %lld efforts %x",
                (unsigned long long)takes->refuses, takes->thinking, takes->schema, (int)takes->api,
                (long long)takes->thinking_least, (long long)takes->thinking_most, takes->efforts);
    for (unsigned i = 0; takes->effort_names && i < message_efforts; i++)
        if (takes->effort_names[i].len) text_printf(told, " %u=%.*s", i, STR_ARG(takes->effort_names[i]));
    text_put_byte(told, '\n');
    prices_told(&model->prices, told);
}

static void provider_told(struct catalog *catalog, struct catalog_provider *provider, struct text *told) {
    text_printf(told,
                "provider %.*s title %.*s dialect %d url %.*s key %.*s more %.*s account %.*s header %.*s prefix %.*s "
                "probe %.*s quirks %.*s\n required %d stream_options %d key_limits %d prefill %d cut_margin %lld "
                "same_prices %d of %.*s families %.*s default %.*s endpoints %x checked %.*s facts %.*s place %d\n",
                STR_ARG(provider->type), STR_ARG(provider->title), (int)provider->dialect, STR_ARG(provider->base_url),
                STR_ARG(provider->key_env), STR_ARG(provider->key_env_more), STR_ARG(provider->account_env),
                STR_ARG(provider->key_header), STR_ARG(provider->key_prefix), STR_ARG(provider->probe_path),
                STR_ARG(provider->quirks), provider->key_required, provider->stream_options, provider->key_limits,
                provider->prefill, (long long)provider->cut_margin, provider->same_prices, STR_ARG(provider->models_of),
                STR_ARG(provider->families), STR_ARG(provider->default_model), provider->endpoints,
                STR_ARG(provider->checked), STR_ARG(provider->facts), (int)provider->place);
    assert_true(catalog_load(catalog, provider, &arena));
    for (size_t m = 0; m < provider->model_count; m++) model_told(&provider->models[m], told);
}

static void catalog_tell(struct str text, struct text *told) {
    struct catalog catalog;
    struct catalog_reader reader = {catalog_told, told};
    if (!catalog_open(&catalog, text, &arena, &reader)) return;
    if (str_starts(text, STR("{\"extends"))) text_printf(told, "%zu kinds of provider\n", catalog.provider_count);
    for (size_t p = 0; p < catalog.provider_count && catalog.provider_count < 9; p++)
        provider_told(&catalog, &catalog.providers[p], told);
}

/* {a*3} is aaa. */
static struct str filled(struct str said) {
    struct text text = text_in_arena(&arena, said.len + 1);
    for (size_t at = 0; at < said.len; at++) {
        struct str rest = str_slice(said, at, said.len);
        size_t end = rest.len > 3 && *rest.at == '{' && rest.at[2] == '*' ? str_find_byte(rest, '}') : SIZE_MAX;
        uint64_t times;
        if (end == SIZE_MAX || !str_to_u64(str_slice(rest, 3, end), &times)) {
            text_put_byte(&text, *rest.at);
            continue;
        }
        while (times--) text_put_byte(&text, rest.at[1]);
        at += end;
    }
    return text_str(&text);
}

static void rows_as_they_are_read_or_refused(void **state) {
    (void)state;
    static char path[4096], read[64 * 1024];
    arena_init(&arena, 256 * 1024, SIZE_MAX);
    struct text told = text_in_arena(&arena, 64 * 1024);
    snprintf(path, sizeof path, "%s/tests/unit/told/catalog_read.txt", getenv("WEIR_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("cannot open %s", path);
    struct str rest = str_make(read, fread(read, 1, sizeof read - 1, file));
    fclose(file);
    while (rest.len) {
        size_t end = str_find(rest, STR("\n\n"));
        struct str document = str_slice(rest, 0, end == SIZE_MAX ? rest.len : end + 1);
        rest = str_slice(rest, end == SIZE_MAX ? rest.len : end + 2, rest.len);
        text_printf(&told, "\n# %.*s\n", STR_ARG(str_slice(document, 0, 200)));
        catalog_tell(filled(document), &told);
    }
    told_compare("catalog", &told);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_as_they_are_read_or_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
