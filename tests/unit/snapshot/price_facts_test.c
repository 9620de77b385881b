/* price_facts_test.c - bills of models of the built-in catalogue, for who compares them with the sources. The file that
 * WEIR_BILLS names has a line a bill, tabs between: provider, model, second, input, output, cached, written, reasoning,
 * tier, speed, region, batch, and further counts as name=value; its answers go to the file of WEIR_BILLED, a line each:
 * nano-dollars, -1 where no price is known, or `unknown`. Without them a few of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "snapshot/catalog.h"

static struct arena arena;
static struct catalog catalog;

static const struct catalog_model *model_of(struct str provider, struct str model) {
    struct catalog_provider *row = map_find(&catalog.by_type, provider);
    if (!row) return NULL;
    assert_true(catalog_load(&catalog, row, &arena));
    return map_find(&row->by_id, model);
}

static int64_t next_number(struct str *line) {
    struct str word = STR("");
    int64_t value = 0;
    if (line->len) str_split_next(line, '\t', &word);
    if (word.len) assert_true(decimal_to_i64(word, 0, false, &value));
    return value;
}

static struct str next_word(struct str *line) {
    struct str word = STR("");
    if (line->len) str_split_next(line, '\t', &word);
    return word;
}

static void counts_read(struct str line, struct meter *meter) {
    struct str word;
    while (line.len && str_split_next(&line, '\t', &word)) {
        size_t at = str_find_byte(word, '=');
        int64_t value;
        bool known = false;
        assert_true(decimal_to_i64(str_slice(word, at + 1, word.len), 0, false, &value));
        for (unsigned i = 0; i < meter_counts; i++) {
            if (!str_eq(meter_count_name((enum meter_count)i), str_slice(word, 0, at))) continue;
            meter_note(meter, (enum meter_count)i, value);
            known = true;
        }
        assert_true(known);
    }
}

/* -2: the catalogue has no such model. */
static int64_t billed(struct str line) {
    struct str provider = next_word(&line), model = next_word(&line);
    const struct catalog_model *row = model_of(provider, model);
    struct meter meter = {.said = true};
    struct price_use use = {.meter = &meter, .started_s = next_number(&line)};
    int64_t *tokens[] = {&use.tokens.input, &use.tokens.output, &use.tokens.cached_input, &use.tokens.cache_write,
                         &use.tokens.reasoning};
    if (!row) return -2;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) *tokens[i] = next_number(&line);
    meter_note_tier(&meter, next_word(&line));
    meter_note_speed(&meter, next_word(&line));
    meter_note_region(&meter, next_word(&line));
    meter.batch = next_number(&line) != 0;
    counts_read(line, &meter);
    return price_bill(&row->prices, &use).total;
}

static void a_bill_of_the_catalogue_is_what_its_vendor_says(void **state) {
    (void)state;
    const int64_t day = 1795305600; /* 2026-11-22 */
    char line[256];
    snprintf(line, sizeof line, "openai\tgpt-6-astra\t%lld\t1000000\t1000000\t0\t0\t0\tultrafast", (long long)day);
    assert_int_equal(billed(str_from(line)), 6 * (INT64_C(20000000000) + 75000000000)); /* it is above 272,000 */
    snprintf(line, sizeof line,
             "anthropic\tclaude-opus-5-5\t%lld\t100000\t1000\t0\t90000\t0\tstandard\tfast\tus\t0\t"
             "cache_write_1h=50000\tsearches=3",
             (long long)day);
    /* 2.2 x (10,000 x 4 + 40,000 x 5 + 50,000 x 8 + 1,000 x 20) millionths of a dollar, and 3 searches of a cent */
    assert_int_equal(billed(str_from(line)), 22 * (INT64_C(40000) + 200000 + 400000 + 20000) * 100 + 30000000);
    snprintf(line, sizeof line, "gemini\tgemini-4-argon\t%lld\t1000000", (long long)day);
    assert_int_equal(billed(str_from(line)), 2000000000);
    snprintf(line, sizeof line, "gemini\tgemini-4-argon\t%lld\t1000000", (long long)(day + 9 * 86400));
    assert_int_equal(billed(str_from(line)), 4000000000); /* in December */
    assert_int_equal(billed(STR("openai\tno-such-model\t0")), -2);
}

static void what_a_file_asks_is_answered(void **state) {
    (void)state;
    const char *path = getenv("WEIR_BILLS"), *answers = getenv("WEIR_BILLED");
    char line[1024];
    if (!path || !answers) return;
    FILE *in = fopen(path, "r"), *out = fopen(answers, "w");
    assert_non_null(in);
    assert_non_null(out);
    while (fgets(line, sizeof line, in)) {
        int64_t cost = billed(str_trim(str_from(line)));
        if (cost == -2)
            fprintf(out, "unknown\n");
        else
            fprintf(out, "%lld\n", (long long)cost);
    }
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static int catalog_begin(void **state) {
    (void)state;
    arena_init(&arena, 64 * 1024, 256 * 1024 * 1024);
    return catalog_open(&catalog, STR_NONE, &arena, NULL) ? 0 : -1;
}

static int catalog_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bill_of_the_catalogue_is_what_its_vendor_says),
        cmocka_unit_test(what_a_file_asks_is_answered),
    };
    return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
