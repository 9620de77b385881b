/* schema_test.c - schemas as they are wanted elsewhere: Google's own kind as JSON Schema, and closed and plain ones. */
#include "dialect/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct arena arena;

static struct str said(const char *schema, bool from_google, uint32_t limits, bool *changed) {
    const char *problem;
    size_t at;
    const struct schema_wants wants = {from_google, limits};
    const struct json_value *root = json_parse_in(&arena, str_from(schema), &problem, &at);
    struct text text = text_in_arena(&arena, 64);
    assert_non_null(root);
    *changed = schema_put(&text, root, &wants);
    assert_false(text.failed);
    assert_non_null(json_parse_in(&arena, text_str(&text), &problem, &at));
    return text_str(&text);
}

static void each_becomes_what_is_wanted(void **state) {
    (void)state;
    const uint32_t closed = MODEL_BIT(schema, closed), plain = MODEL_BIT(schema, plain),
                   required = MODEL_BIT(schema, required);
    static const char same[] = "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"}}}";
    const struct {
        const char *from;
        bool google;
        uint32_t limits;
        const char *to;
    } cases[] = {
        {same, false, 0, same},
        {"true", false, closed, "true"},
        {"{\"type\":\"STRING\"}", true, 0, "{\"type\":\"string\"}"},
        {"{\"type\":\"STRING\"}", false, 0, "{\"type\":\"STRING\"}"},
        {"{\"type\":\"TYPE_UNSPECIFIED\",\"title\":\"x\"}", true, 0, "{\"title\":\"x\"}"},
        {"{\"nullable\":true,\"anyOf\":[{\"type\":\"STRING\"}]}", true, 0,
         "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}"},
        {"{\"type\":\"STRING\",\"enum\":[\"A\"],\"nullable\":true}", true, 0,
         "{\"type\":[\"string\",\"null\"],\"enum\":[\"A\",null]}"},
        {"{\"properties\":{\"nullable\":{\"type\":\"STRING\"}},\"default\":{\"type\":\"STRING\"}}", true, 0,
         "{\"properties\":{\"nullable\":{\"type\":\"string\"}},\"default\":{\"type\":\"STRING\"}}"},
        {"{\"properties\":{\"a\":{},\"b\":{},\"c\":{}},\"property_ordering\":[\"c\",\"c\",\"x\",\"b\"]}", true, 0,
         "{\"properties\":{\"c\":{},\"b\":{},\"a\":{}}}"},
        {"{\"maxLength\":\"12\",\"min_length\":\"x\"}", true, 0, "{\"maxLength\":12,\"minLength\":\"x\"}"},
        {same, false, closed,
         "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"}},\"additionalProperties\":false}"},
        {"{\"type\":\"object\",\"additionalProperties\":true}", false, closed,
         "{\"type\":\"object\",\"additionalProperties\":false}"},
        {"{\"minimum\":1,\"minItems\":1,\"pattern\":\"a\"}", false, plain, "{\"minItems\":1,\"pattern\":\"a\"}"},
        {"{\"properties\":{\"minimum\":{\"minItems\":2}}}", false, plain, "{\"properties\":{\"minimum\":{}}}"},
        {"{\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"a\"]}", false, required,
         "{\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"a\",\"b\"]}"},
        {"{\"properties\":[{\"a\":1}],\"required\":[\"a\"]}", false, required,
         "{\"properties\":[{\"a\":1}],\"required\":[\"a\"]}"}, /* they are none */
        {"{\"$defs\":{\"n\":{\"type\":\"object\"}},\"items\":{\"$ref\":\"#/$defs/n\"}}", false, closed,
         "{\"$defs\":{\"n\":{\"type\":\"object\",\"additionalProperties\":false}},\"items\":{\"$ref\":\"#/$defs/n\"}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool changed;
        struct str got = said(cases[i].from, cases[i].google, cases[i].limits, &changed);
        if (!str_eq(got, str_from(cases[i].to))) fail_msg("%s became %.*s", cases[i].from, STR_ARG(got));
        bool differs = !str_eq(str_from(cases[i].from), str_from(cases[i].to));
        bool spelling = str_find(str_from(cases[i].from), STR("TYPE_UNSPECIFIED")) != SIZE_MAX;
        if (!spelling && changed != differs) fail_msg("%s: changed=%d", cases[i].from, changed);
    }
}

/* The deepest that is walked is Google's and becomes another; what lies deeper, and what only looks like a schema, is
 * as it was. */
static void a_schema_deeper_than_the_walk_is_copied(void **state) {
    static const struct {
        const char *opens, *closes;
        int walked; /* as many of them */
    } rows[] = {
        {"{\"items\":", "}", 63},
        {"{\"anyOf\":[", "]}", 31},
        {"{\"properties\":{\"a\":", "}}", 31},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int depth = rows[i].walked; depth <= 120; depth += depth == rows[i].walked ? 1 : 11) {
            struct text text = text_in_arena(&arena, 1024);
            bool changed;
            for (int n = 0; n < depth; n++) text_put(&text, str_from(rows[i].opens));
            text_put(&text, STR("{\"type\":\"STRING\"}"));
            for (int n = 0; n < depth; n++) text_put(&text, str_from(rows[i].closes));
            text_put_byte(&text, 0);
            struct str got = said(text.at, true, 0, &changed);
            assert_int_equal(got.len, text.len - 1);
            bool walked = str_find(got, STR("string")) != SIZE_MAX;
            if (walked != (depth == rows[i].walked)) fail_msg("%s %d times: %d", rows[i].opens, depth, walked);
        }
    struct str got;
    bool changed;
    static const char *const none[] = {"{\"anyOf\":{\"type\":\"STRING\"}}", "{\"items\":\"STRING\"}",
                                       "{\"properties\":[{\"type\":\"STRING\"}]}"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        got = said(none[i], true, 0, &changed);
        if (!str_eq(got, str_from(none[i])) || changed) fail_msg("%s became %.*s", none[i], STR_ARG(got));
    }
}

static int memory_make(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 1 << 24);
    return 0;
}

static int memory_free(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

/* Two properties and an order of so many names that ends with the second, then the first: is it followed? */
static bool follows_order_of(size_t names, size_t properties, bool is_array) {
    bool changed;
    struct text text = text_in_arena(&arena, 64);
    text_put(&text, STR("{\"properties\":{\"a\":{},\"b\":{}"));
    for (size_t i = 2; i < properties; i++) text_printf(&text, ",\"p%zu\":{}", i);
    text_put(&text, STR("},\"propertyOrdering\":"));
    text_put(&text, is_array ? STR("[") : STR("{\"x\":["));
    for (size_t i = 2; i < names; i++) text_put(&text, STR("\"x\","));
    text_put(&text, is_array ? STR("\"b\",\"a\"]}") : STR("\"b\",\"a\"]}}"));
    text_put_byte(&text, 0);
    assert_false(text.failed);
    return str_starts(said(text_str(&text).at, true, 0, &changed), STR("{\"properties\":{\"b\""));
}

static void an_order_that_is_too_long_or_none_is_left_aside(void **state) {
    (void)state;
    assert_true(follows_order_of(2, 2, true));
    assert_true(follows_order_of(256, 256, true));
    assert_false(follows_order_of(257, 2, true));
    assert_false(follows_order_of(2, 257, true));
    assert_false(follows_order_of(2, 2, false));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_becomes_what_is_wanted),
                                       cmocka_unit_test(an_order_that_is_too_long_or_none_is_left_aside),
                                       cmocka_unit_test(a_schema_deeper_than_the_walk_is_copied)};
    return cmocka_run_group_tests(tests, memory_make, memory_free);
}
