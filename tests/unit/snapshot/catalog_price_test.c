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

/* About the ends of months, of leap years and of 400 years. */
static void days_are_written_as_they_were_read(void **state) {
    static const char *const days[] = {"1970-01-01", "1972-02-29", "1999-12-31", "2000-01-01", "2000-02-29",
                                       "2000-03-01", "2001-01-31", "2001-03-31", "2026-09-30", "2026-10-01",
                                       "2026-12-31", "2027-01-01", "2096-02-29", "2099-12-31"};
    struct arena arena;
    struct catalog catalog;
    struct price_list prices;
    (void)state;
    arena_init(&arena, 4096, 1 << 26);
    for (size_t i = 0; i + 1 < sizeof days / sizeof *days; i++) {
        struct str when = arena_printf(&arena, "\"when\":{\"since\":\"%s\",\"until\":\"%s\"}", days[i], days[i + 1]);
        struct str row = arena_printf(&arena, ROW("{\"rows\":[{%s,\"times\":2}]}"), when.at);
        if (opened(row.at, &arena, &catalog, &prices).len) fail_msg("%s", row.at);
        struct text text = text_in_arena(&arena, 256);
        catalog_price_write(&prices, &text);
        if (str_find(text_str(&text), when) == SIZE_MAX) fail_msg("%s: %.*s", when.at, STR_ARG(text_str(&text)));
    }
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

/* 48 rows: what else a price has makes the rest. */
static void so_many_a_price_has_and_no_more(void **state) {
    static const struct {
        size_t most;
        const char *member, *one, *says; /* `one` with its number */
    } lists[] = {{48, "rows", "{\"when\":{\"above\":%zu},\"times\":2}", "at most 48 rows"},
                 {8, "above", "{\"tokens\":%zu,\"input\":2}", "a list of at most 8 tiers"}};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof lists / sizeof *lists; i++) {
        const size_t count = lists[i / 2].most + i % 2;
        struct arena arena;
        struct catalog catalog;
        struct price_list prices;
        char list[4096], row[8192];
        struct text text = text_in_buffer(list, sizeof list - 1);
        for (size_t n = 1; n <= count; n++) {
            char one[64];
            snprintf(one, sizeof one, lists[i / 2].one, n);
            text_printf(&text, "%s%s", n > 1 ? "," : "", one);
        }
        list[text.len] = 0;
        snprintf(row, sizeof row, ROW("{\"input\":1,\"output\":1,\"%s\":[%s]}"), lists[i / 2].member, list);
        arena_init(&arena, 4096, 1 << 26);
        struct str told = opened(row, &arena, &catalog, &prices);
        assert_int_equal(str_find(told, str_from(lists[i / 2].says)) != SIZE_MAX, i % 2);
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_written_as_they_were_read),
        cmocka_unit_test(a_price_is_written_as_it_was_read),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(so_many_a_price_has_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
