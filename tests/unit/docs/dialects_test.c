/* dialects_test.c - docs/dialects.md tells what becomes of each feature at each dialect: the very table by which they
 * are dropped and refused. With WEIR_UPDATE_DOCS=1 it is written instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "dialect/fit.h"
#include "dialect/outbound.h"

enum { page_max = 256 * 1024 };

static const struct {
    enum dialect dialect;
    const char *name;
} columns[] = {{dialect_openai, "OpenAI"}, {dialect_anthropic, "Anthropic"},   {dialect_gemini, "Google"},
               {dialect_ollama, "Ollama"}, {dialect_cloudflare, "Workers AI"}, {dialect_huggingface, "Hugging Face"}};

static const char begin[] = "| asked for | where a model refuses it |", end[] = "\n\n";

static void table_put(struct text *text) {
    static const char *const fates[] = {[fate_carried] = "",
                                        [fate_dropped] = "dropped",
                                        [fate_fetched] = "fetched",
                                        [fate_emulated] = "emulated",
                                        [fate_refused] = "refused"};
    text_put(text, str_from(begin));
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) text_printf(text, " %s |", columns[c].name);
    text_put(text, STR("\n|---|---|"));
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) text_put(text, STR("---|"));
    for (unsigned f = 0; f < features; f++) {
        text_printf(text, "\n| `%.*s` | %s |", STR_ARG(feature_name((enum feature)f)),
                    fates[fit_fate_refused((enum feature)f)]);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            text_printf(text, " %s%s|", fates[codec_of(columns[c].dialect)->fates[f]],
                        codec_of(columns[c].dialect)->fates[f] ? " " : "");
    }
}

static void the_page_is_what_the_table_says(void **state) {
    (void)state;
    const char *root = getenv("WEIR_SOURCE_ROOT");
    char path[4096];
    struct arena arena;
    if (!root) skip();
    arena_init(&arena, 1 << 20, 1 << 24);
    struct text table = text_in_arena(&arena, 16 * 1024);
    table_put(&table);
    assert_false(table.failed);
    snprintf(path, sizeof path, "%s/docs/dialects.md", root);
    char *page = arena_take(&arena, page_max);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    struct str whole = str_make(page, fread(page, 1, page_max, in));
    fclose(in);
    size_t from = str_find(whole, str_from(begin));
    assert_true(from != SIZE_MAX && whole.len < page_max);
    struct str rest = str_slice(whole, from, whole.len), told = str_slice(rest, 0, str_find(rest, str_from(end)));
    if (getenv("WEIR_UPDATE_DOCS")) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fwrite(whole.at, 1, from, out);
        fwrite(table.at, 1, table.len, out);
        fwrite(told.at + told.len, 1, rest.len - told.len, out);
        fclose(out);
    } else if (!str_eq(told, text_str(&table))) {
        fail_msg("docs/dialects.md is not what the tables say: WEIR_UPDATE_DOCS=1 writes it anew");
    }
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_is_what_the_table_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
