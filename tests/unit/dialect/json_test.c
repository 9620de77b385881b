/* json_test.c - trees of JSON: members, elements, and fallbacks for what is absent or of another type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_told_in_order),        cmocka_unit_test(elements_are_told_in_order),
        cmocka_unit_test(nothing_is_in_what_holds_nothing), cmocka_unit_test(another_type_gives_the_fallback),
        cmocka_unit_test(what_is_not_json_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
