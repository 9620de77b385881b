/* json_test.c - trees of JSON: members, elements, and fallbacks for what is absent or of another type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "dialect/json.h"

static struct json *parse(const char *text) {
    const char *problem;
    size_t at;
    return json_parse(str_from(text), &problem, &at);
}

static void members_are_told_in_order(void **state) {
    (void)state;
    struct json *json = parse("{\"a\":{\"x\":[1,{}]},\"b\":[],\"c\":\"text that is longer\",\"d\":null}");
    const char *keys = "abcd";
    const struct json_value *value;
    struct str key;
    size_t place = 0, count = 0;
    while ((value = json_each(json_root(json), &place, &key))) {
        assert_true(key.len == 1 && key.at[0] == keys[count]);
        assert_ptr_equal(value, json_member(json_root(json), (char[]){keys[count], 0}));
        count++;
    }
    assert_int_equal(count, 4);
    assert_int_equal(json_count(json_root(json)), 4);
    json_free(json);
}

static void elements_are_told_in_order(void **state) {
    (void)state;
    struct json *json = parse("[0,[1,2],{\"a\":3},3,[]]");
    const struct json_value *value;
    size_t place = 0, count = 0;
    for (; (value = json_each(json_root(json), &place, NULL)); count++)
        if (count == 0 || count == 3) assert_int_equal(json_i64(value, -1), count);
    assert_int_equal(count, 5);
    json_free(json);
}

static void nothing_is_in_what_holds_nothing(void **state) {
    static const char *const texts[] = {"[]", "{}", "1", "\"x\"", "null"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json *json = parse(texts[i]);
        size_t place = 0;
        assert_null(json_each(json_root(json), &place, NULL));
        assert_null(json_member(json_root(json), "a"));
        assert_int_equal(json_count(json_root(json)), 0);
        json_free(json);
    }
    size_t place = 0;
    assert_null(json_each(NULL, &place, NULL));
    assert_null(json_member(NULL, "a"));
    assert_int_equal(json_count(NULL), 0);
}

static void another_type_gives_the_fallback(void **state) {
    (void)state;
    struct json *json =
        parse("{\"n\":-7,\"big\":18446744073709551615,\"r\":2.5,\"huge\":1e300,\"s\":\"x\",\"t\":true}");
    const struct json_value *root = json_root(json);
    assert_int_equal(json_i64(json_member(root, "n"), 1), -7);
    assert_int_equal(json_i64(json_member(root, "big"), 1), 1);
    assert_int_equal(json_i64(json_member(root, "r"), 1), 2);
    assert_int_equal(json_i64(json_member(root, "huge"), 1), 1);
    assert_int_equal(json_i64(json_member(root, "s"), 1), 1);
    assert_int_equal(json_i64(json_member(root, "none"), 1), 1);
    assert_true(json_double(json_member(root, "n"), 0) < -6.9);
    assert_true(json_double(json_member(root, "s"), 4) > 3.9);
    assert_true(json_bool(json_member(root, "t"), false));
    assert_true(json_bool(json_member(root, "n"), true));
    assert_true(str_eq(json_str(json_member(root, "s"), STR("")), STR("x")));
    assert_true(str_eq(json_str(json_member(root, "t"), STR("f")), STR("f")));
    json_free(json);
}

static void what_is_not_json_says_where(void **state) {
    const char *problem = NULL;
    size_t at = 0;
    (void)state;
    assert_null(json_parse(STR("{\"a\":1,}"), &problem, &at));
    assert_non_null(problem);
    assert_in_range(at, 6, 7); /* the comma, or what follows it */
    assert_null(json_parse(STR_NONE, &problem, &at));
    json_free(NULL);
}

static void an_arena_holds_a_tree_whose_numbers_stay_as_they_were_written(void **state) {
    struct arena arena;
    const char *problem;
    size_t at;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    const struct json_value *root =
        json_parse_in(&arena, STR("{\"a\":1.10,\"b\":[12345678901234567890,1e3,-7],\"c\":\"\\u00e9\"}"), &problem, &at);
    assert_non_null(root);
    const struct json_value *list = json_member(root, "b");
    size_t place = 0;
    assert_int_equal(json_kind(json_member(root, "a")), json_number);
    assert_true(json_double(json_member(root, "a"), 0) > 1.09 && !json_is_whole(json_member(root, "a")));
    assert_int_equal(json_i64(json_each(list, &place, NULL), -5), -5); /* does not fit */
    assert_true(!json_is_whole(json_each(list, &place, NULL)));
    const struct json_value *last = json_each(list, &place, NULL);
    assert_int_equal(json_i64(last, 0), -7);
    assert_true(json_is_whole(last));
    struct str raw = json_raw(root, &arena);
    const char *expected = "{\"a\":1.10,\"b\":[12345678901234567890,1e3,-7],\"c\":\"\xc3\xa9\"}";
    assert_int_equal(raw.len, strlen(expected));
    assert_memory_equal(raw.at, expected, raw.len);
    struct text text = text_in_arena(&arena, 8);
    json_put(&text, list);
    assert_true(!text.failed && text.len == strlen("[12345678901234567890,1e3,-7]"));
    json_put(&text, NULL);
    assert_true(!text.failed && json_raw(NULL, &arena).at == NULL);
    arena_free(&arena);
}

static void a_tree_from_a_stranger_is_not_nested_without_end(void **state) {
    struct arena arena;
    const char *problem;
    size_t at;
    char deep[2 * (limit_json_depth + 1)];
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    assert_null(json_parse_in(&arena, str_make(deep, sizeof deep), &problem, &at));
    assert_non_null(problem);
    assert_non_null(json_parse_in(&arena, str_make(deep + 1, sizeof deep - 2), &problem, &at));
    assert_null(json_parse_in(&arena, STR("{\"a\":}"), &problem, &at));
    assert_null(json_parse_in(&arena, STR(""), &problem, &at));
    arena_free(&arena);
    arena_init(&arena, 4096, 1024); /* no memory */
    assert_null(json_parse_in(&arena, str_make(deep + 1, sizeof deep - 2), &problem, &at));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_told_in_order),
        cmocka_unit_test(elements_are_told_in_order),
        cmocka_unit_test(nothing_is_in_what_holds_nothing),
        cmocka_unit_test(another_type_gives_the_fallback),
        cmocka_unit_test(what_is_not_json_says_where),
        cmocka_unit_test(an_arena_holds_a_tree_whose_numbers_stay_as_they_were_written),
        cmocka_unit_test(a_tree_from_a_stranger_is_not_nested_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
