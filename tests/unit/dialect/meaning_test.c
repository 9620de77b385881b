/* Texts that mean the same have one meaning, texts that do not have two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/meaning.h"

static const struct str without[] = {STR("user"), STR("stream")}, plain[] = {STR("messages"), STR("content")};
static const struct meaning_rules rules = {without, 2, plain, 2, STR("cache_control")};

static struct arena arena;

/* {NULL,0}: it has none. */
static struct str meaning(const char *json) {
    const char *problem;
    size_t at;
    const struct json_value *root = json_parse_in(&arena, str_from(json), &problem, &at);
    assert_non_null(root);
    struct text text = text_in_arena(&arena, 64);
    return meaning_put(root, &rules, &arena, &text) ? text_str(&text) : STR_NONE;
}

static void same(const char *one, const char *other) {
    struct str a = meaning(one), b = meaning(other);
    assert_non_null(a.at);
    if (!str_eq(a, b)) fail_msg("%s and %s: %.*s, %.*s", one, other, STR_ARG(a), STR_ARG(b));
}

static void differ(const char *one, const char *other) {
    struct str a = meaning(one), b = meaning(other);
    assert_true(a.at && b.at);
    if (str_eq(a, b)) fail_msg("%s and %s: %.*s", one, other, STR_ARG(a));
}

static void order_of_members_blanks_and_escapes_mean_nothing(void **state) {
    (void)state;
    same("{\"a\":1,\"b\":{\"d\":[1,2],\"c\":null}}", " { \"b\" : { \"c\":null , \"d\":[ 1,\n2 ] }, \"a\":1 } ");
    same("{\"a\":\"\\u0061\\u00e9\\ud83d\\ude00\\/\\n\"}", "{\"\\u0061\":\"a\u00e9\U0001F600/\\u000a\"}");
    assert_true(str_eq(meaning("{\"b\": [1.0, \"\\u0061\"], \"a\": null}"), STR("{s1:a;ns1:b;[#1e0;s1:a;]}")));
}

static void numbers_are_told_by_their_value(void **state) {
    static const char *const ones[] = {"1", "1.0", "10e-1", "0.1e1", "1E0", "1e+00", "100000e-5", "0.0001e4"};
    (void)state;
    for (size_t i = 1; i < sizeof ones / sizeof *ones; i++) same(ones[0], ones[i]);
    same("0", "-0.0");
    same("0e5", "0.000");
    same("1200", "1.2e3");
    same("-0.5", "-5e-1");
    same("10.05", "1005e-2");
    same("1e0000000000000005", "100000");
    same("[0.30]", "[0.3]");
}

static void no_digit_is_lost(void **state) {
    (void)state;
    differ("9007199254740993", "9007199254740992");
    differ("18446744073709551616", "18446744073709551617");
    differ("0.1", "0.10000000000000000001");
    differ("1e400", "1e401");
    differ("1e99999999999999999999", "1e99999999999999999998");
    differ("1", "-1");
    differ("12", "1.2");
    differ("101", "11");
}

static void what_differs_stays_so(void **state) {
    (void)state;
    differ("[1,2]", "[2,1]");
    differ("1", "\"1\"");
    differ("null", "false");
    differ("{}", "[]");
    differ("[[],[]]", "[[[]]]");
    differ("{\"a\":{\"b\":1}}", "{\"a\":{},\"b\":1}");
    differ("[\"a\",\"b\"]", "[\"a;s1:b\"]"); /* nothing in a string stands for what is around it */
    differ("[\"\"]", "[]");
    differ("{\"a\":null}", "{}");
    differ("\"a\\u0000b\"", "\"a\"");
    differ("{\"temperature\":0}", "{\"Temperature\":0}");
}

static void a_name_that_stands_twice_has_no_meaning(void **state) {
    (void)state;
    assert_null(meaning("{\"a\":1,\"a\":1}").at);
    assert_null(meaning("{\"a\":1,\"\\u0061\":2}").at);
    assert_null(meaning("{\"x\":[{\"y\":{\"b\":1,\"c\":2,\"b\":3}}]}").at);
    assert_null(meaning("{\"user\":1,\"user\":2}").at); /* among those that are left out, too */
}

static void members_that_are_left_out_are_those_at_their_place_alone(void **state) {
    (void)state;
    same("{\"a\":1,\"user\":\"x\",\"stream\":true}", "{\"a\":1}");
    differ("{\"a\":{\"user\":\"x\"}}", "{\"a\":{}}");
    differ("{\"User\":\"x\"}", "{}");
    same("{\"messages\":[{\"content\":[{\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}]}]}",
         "{\"messages\":[{\"content\":[{\"text\":\"a\"}]}]}");
    same("{\"cache_control\":1}", "{}");
    /* In a tool's input or a schema it is a word like any other. */
    differ("{\"messages\":[{\"content\":[{\"input\":{\"cache_control\":1}}]}]}",
           "{\"messages\":[{\"content\":[{\"input\":{}}]}]}");
    differ("{\"tools\":[{\"cache_control\":1}]}", "{\"tools\":[{}]}");
}

static void as_deep_as_json_may_be(void **state) {
    char deep[2 * 256 + 1];
    (void)state;
    for (int i = 0; i < 256; i++) deep[i] = '[', deep[256 + i] = ']';
    deep[512] = 0;
    assert_int_equal(meaning(deep).len, 512);
}

static int setup(void **state) { return (void)state, arena_init(&arena, 4096, 64 * 1024 * 1024), 0; }
static int teardown(void **state) { return (void)state, arena_free(&arena), 0; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_members_blanks_and_escapes_mean_nothing),
        cmocka_unit_test(numbers_are_told_by_their_value),
        cmocka_unit_test(no_digit_is_lost),
        cmocka_unit_test(what_differs_stays_so),
        cmocka_unit_test(a_name_that_stands_twice_has_no_meaning),
        cmocka_unit_test(members_that_are_left_out_are_those_at_their_place_alone),
        cmocka_unit_test(as_deep_as_json_may_be),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
