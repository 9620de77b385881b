/* catalog_price_test.c - a model's `price`: read, and written as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "snapshot/catalog_price.h"

#define ROW(price) "{\"extends\":\"built-in\"}\n{\"provider\":\"openai\"}\n{\"model\":\"m\",\"price\":" price "}\n"

static void sentence_keep(void *context, unsigned line, unsigned column, const char *sentence) {
    struct text *told = context;
    assert_true(line == 3 && column == 1);
    text_printf(told, "%s", sentence);
}

/* What is told of it; its prices where that is nothing. */
static struct str opened(const char *row, struct arena *arena, struct catalog *catalog, struct price_list *prices) {
    struct text told = text_in_arena(arena, 256);
    struct catalog_reader reader = {sentence_keep, &told};
    *prices = PRICES_UNKNOWN;
    if (catalog_open(catalog, str_from(row), arena, &reader)) {
        struct catalog_provider *openai = map_find(&catalog->by_type, STR("openai"));
        assert_true(catalog_load(catalog, openai, arena));
        *prices = catalog_model_find(openai, STR("m"))->prices;
    }
    return text_str(&told);
}

static void a_price_is_written_as_it_was_read(void **state) {
    static const char price[] =
        "{\"input\":2,\"output\":10,\"cached_input\":0.2,\"cache_write\":2.5,\"reasoning\":12,\"search\":0.01,\"hour\":"
        "0.111,\"above\":[{\"tokens\":272000,\"input\":4,\"output\":15}],\"rows\":[{\"when\":{\"cache_ttl\":\"1h\"},"
        "\"set\":"
        "{\"cache_write\":4}},{\"when\":{\"above\":272000,\"tier\":\"flex\",\"batch\":false,\"modality\":\"audio\","
        "\"speed\":"
        "\"fast\",\"region\":\"us\",\"since\":\"2026-02-28\",\"until\":\"2028-02-29\",\"hours\":\"22:00-06:30\"},"
        "\"times\":"
        "1.125}]}";
    struct arena arena;
    struct catalog catalog;
    struct price_list prices;
    (void)state;
    arena_init(&arena, 4096, 1 << 26);
    struct str row = arena_printf(&arena, ROW("%s"), price);
    assert_int_equal(opened(row.at, &arena, &catalog, &prices).len, 0);
    assert_int_equal(prices.input, 2000000000);
    assert_int_equal(prices.rows.count, 4);
    struct text text = text_in_arena(&arena, 256);
    text_put_byte(&text, '{');
    catalog_price_write(&prices, &text);
    text_put_byte(&text, '}');
    assert_string_equal(arena_printf(&arena, "%.*s", STR_ARG(text_str(&text))).at, price);
    arena_free(&arena);
}

static void what_is_wrong_is_told(void **state) {
    static const struct {
        const char *row, *says;
    } table[] = {
        {ROW("{\"search\":1001}"), "`search` is USD each, from 0 to 1000"},
        {ROW("{\"input\":-1}"), "`input` is USD per million tokens"},
        {ROW("{\"rows\":3}"), "`rows` is a list"},
        {ROW("{\"rows\":[3]}"), "an object such as"},
        {ROW("{\"rows\":[{\"when\":{}}]}"), "has `set` or `times`"},
        {ROW("{\"rows\":[{\"set\":{},\"times\":2}]}"), "has `set` or `times`"},
        {ROW("{\"rows\":[{\"times\":-2}]}"), "`times` is a number"},
        {ROW("{\"rows\":[{\"times\":1.0001}]}"), "at most 3 decimals"},
        {ROW("{\"rows\":[{\"when\":{\"tier\":\"flexx\"},\"times\":2}]}"), "did you mean `flex`?"},
        {ROW("{\"rows\":[{\"when\":{\"since\":\"2026-02-30\"},\"times\":2}]}"), "are days"},
        {ROW("{\"rows\":[{\"when\":{\"hours\":\"1-2\"},\"times\":2}]}"), "`hours` is 06:00-10:00"},
        {ROW("{\"rows\":[{\"when\":{\"above\":0},\"times\":2}]}"), "`above` is a whole number"},
        {ROW("{\"rows\":[{\"set\":{\"inputs\":2}}]}"), "did you mean `input`?"},
        {ROW("{\"rows\":[{\"times\":1.125},{\"times\":1.125},{\"times\":1.125}]}"), "more than 8 decimals"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct arena arena;
        struct catalog catalog;
        struct price_list prices;
        arena_init(&arena, 4096, 1 << 26);
        struct str told = opened(table[i].row, &arena, &catalog, &prices);
        if (str_find(told, str_from(table[i].says)) == SIZE_MAX) fail_msg("%s: %.*s", table[i].row, STR_ARG(told));
        arena_free(&arena);
    }
}

/* 48 of them: what else a price has makes the rest. */
static void so_many_rows_a_price_has_and_no_more(void **state) {
    (void)state;
    for (size_t count = 48; count <= 49; count++) {
        struct arena arena;
        struct catalog catalog;
        struct price_list prices;
        char rows[2048], row[4096];
        struct text text = text_in_buffer(rows, sizeof rows - 1);
        for (size_t i = 0; i < count; i++) text_printf(&text, "%s{\"times\":2}", i ? "," : "");
        rows[text.len] = 0;
        snprintf(row, sizeof row, ROW("{\"rows\":[%s]}"), rows);
        arena_init(&arena, 4096, 1 << 26);
        struct str told = opened(row, &arena, &catalog, &prices);
        assert_int_equal(str_find(told, STR("at most 48 rows")) != SIZE_MAX, count == 49);
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_price_is_written_as_it_was_read),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(so_many_rows_a_price_has_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
