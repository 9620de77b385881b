/* skim_test.c - what is JSON and what is not, what is told on the way, and escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/json.h"
#include "dialect/skim.h"

static enum skim_kind whole(struct str text, struct skim *skim) {
    struct skim_token token;
    skim_begin(skim, text, 2);
    do token = skim_next(skim);
    while (token.kind > skim_error);
    return token.kind;
}

static void good_texts_are_taken_whole(void **state) {
    static const char *const good[] = {
        "{}",
        "[]",
        " [ ] ",
        "\t{\"a\" : 1 , \"b\":[ true,false ,null]}\r\n",
        "0",
        "-0",
        "1.5e+10",
        "-1E-2",
        "\"\"",
        "\"\\u00e9\\n\\/\\\\\"",
        "\"\xc3\xa9 \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80 \xed\x9f\xbf \xee\x80\x80\"",
        "{\"a\":{\"b\":{\"c\":{\"d\":[[[{}]]]}}}}",
        "\"\\ud800\"",
        "[1,[2,[3,[4]]]]",
        "\"0123456789abcdef0123456789abcde\xc3\xa9 0123456789\"",
    };
    struct skim skim;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (whole(str_from(good[i]), &skim) != skim_end) fail_msg("%s: %s at %zu", good[i], skim.problem, skim.at);
}

static void bad_texts_are_refused_where_they_go_wrong(void **state) {
    static const struct {
        const char *text;
        size_t at;
    } bad[] = {
        {"", 0},
        {" ", 1},
        {"{", 1},
        {"}", 0},
        {"[1,]", 3},
        {"{\"a\":1,}", 7},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{a:1}", 1},
        {"[1 2]", 3},
        {"[1}", 2},
        {"{\"a\":1]", 6},
        {"01", 1},
        {"1.", 2},
        {"1e", 2},
        {"-", 1},
        {"+1", 0},
        {".5", 0},
        {"nul", 0},
        {"truee", 4},
        {"True", 0},
        {"NaN", 0},
        {"'a'", 0},
        {"\"a", 2},
        {"\"\\x\"", 1},
        {"\"\\ug234\"", 1},
        {"\"\\u1g34\"", 1},
        {"\"\\u12g4\"", 1},
        {"\"\\u123g\"", 1},
        {"\"\\u123", 1},
        {"\"a\nb\"", 2},
        {"{} {}", 3},
        {"[] x", 3},
        {"\xef\xbb\xbf{}", 0},
        {"\"\xc0\xaf\"", 1},
        {"\"\xed\xa0\x80\"", 1},
        {"\"\xf4\x90\x80\x80\"", 1},
        {"\"\xe4\xbd\"", 1},
        {"\"\x80\"", 1},
        {"// c\n{}", 0},
        {"{\"a\":1 /* */}", 7},
        {"\"0123456789abcdef\x01\"", 17},
    };
    struct skim skim;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (whole(str_from(bad[i].text), &skim) != skim_error) fail_msg("%s was taken", bad[i].text);
        if (!skim.problem || skim.at != bad[i].at) fail_msg("%s: %s at %zu", bad[i].text, skim.problem, skim.at);
    }
    assert_int_equal(whole(str_make("[\"a\0b\"]", 7), &skim), skim_error);
}

static void every_beginning_of_a_text_is_refused(void **state) {
    struct str text = STR("{\"a\":[1.5e3,\"\\u00e9\xe4\xbd\xa0\",{\"b\":null}],\"c\":true}");
    struct skim skim;
    (void)state;
    for (size_t len = 0; len < text.len; len++) {
        char *copy = malloc(len + 1); /* so that the sanitizer sees a byte too far */
        char *exact = realloc(copy, len ? len : 1);
        memcpy(exact, text.at, len);
        assert_int_equal(whole(str_make(exact, len), &skim), skim_error);
        free(exact);
    }
    assert_int_equal(whole(text, &skim), skim_end);
}

/* Strings are looked at sixteen bytes at once: of every length, with each kind of byte at each place, and with all or
 * nothing behind them, they end where they end. */
static void a_string_of_any_length_ends_at_its_quote(void **state) {
    static const struct {
        const char *piece;
        bool good;
    } kinds[] = {{"x", true}, {"\\\"", true}, {"\x7f", true}, {"\xc3\xa9", true}, {"\n", false}, {"\xff", false}};
    enum { longest = 40 };
    static const char digits[] = "0123456789012345678901234567890123456789";
    char text[longest + 64];
    (void)state;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (size_t before = 0; before < longest; before++)
            for (size_t after = 0; after < longest - before; after += 3) {
                struct skim skim;
                int len = snprintf(text, sizeof text, "\"%.*s%s%.*s\"", (int)before, digits, kinds[kind].piece,
                                   (int)after, digits);
                char *exact = memcpy(malloc((size_t)len), text, (size_t)len); /* a read behind it is seen */
                assert_int_equal(skim_string_end(str_make(exact, (size_t)len), 0), kinds[kind].good ? len : 0);
                assert_int_equal(skim_string_end(str_make(exact, (size_t)len - 1), 0), 0);
                free(exact);
                len = snprintf(text + len, sizeof text - (size_t)len, "%s", ",\"01234567890\"]") + len;
                memmove(text + 1, text, (size_t)len);
                text[0] = '[';
                enum skim_kind end = whole(str_make(text, (size_t)len + 1), &skim);
                assert_int_equal(end, kinds[kind].good ? skim_end : skim_error);
            }
}

static void depth_ends_at_its_limit(void **state) {
    char text[2 * limit_json_depth + 2];
    struct skim skim;
    (void)state;
    memset(text, '[', limit_json_depth);
    memset(text + limit_json_depth, ']', limit_json_depth);
    assert_int_equal(whole(str_make(text, (size_t)2 * limit_json_depth), &skim), skim_end);
    memset(text, '[', limit_json_depth + 1);
    memset(text + limit_json_depth + 1, ']', limit_json_depth + 1);
    assert_int_equal(whole(str_make(text, sizeof text), &skim), skim_error);
    assert_string_equal(skim.problem, "nested too deep");
    assert_int_equal(skim.at, limit_json_depth);
}

static void what_lies_deeper_is_passed_over_whole(void **state) {
    struct skim skim;
    (void)state;
    skim_begin(&skim, STR("{\"a\":{\"x\":[1,2]},\"b\":3}"), 1);
    assert_int_equal(skim_next(&skim).kind, skim_object);
    struct skim_token token = skim_next(&skim);
    assert_true(token.passed && str_eq(token.key, STR("a")) && str_eq(token.value, STR("{\"x\":[1,2]}")));
    token = skim_next(&skim);
    assert_true(token.kind == skim_number && token.depth == 1 && str_eq(token.value, STR("3")));
    assert_int_equal(skim_next(&skim).kind, skim_close);
    assert_int_equal(skim_next(&skim).kind, skim_end);
}

/* RFC 3629, its table 3-7 as Unicode has it: which second byte each first one takes, and which bytes may follow. */
static void characters_are_well_formed_or_refused(void **state) {
    static const struct {
        unsigned first, last, low, high, len;
    } rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    static const unsigned char follows[] = {0x7f, 0x80, 0xbf, 0xc0};
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++)
        for (unsigned second = 0x20; second < 0x100; second++)
            for (size_t f = 0; f < sizeof follows; f++) {
                char text[8] = {'"', (char)first, (char)second, (char)follows[f], (char)0x80};
                struct skim skim;
                size_t len = 0;
                bool good = false;
                for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                    if (first < rows[r].first || first > rows[r].last) continue;
                    len = rows[r].len;
                    good = second >= rows[r].low && second <= rows[r].high &&
                           (len == 2 || (follows[f] >= 0x80 && follows[f] <= 0xbf));
                }
                if (second == '"' || second == '\\') continue;
                if (!len) len = 2;
                text[1 + len] = '"';
                if ((whole(str_make(text, len + 2), &skim) != skim_error) != good)
                    fail_msg("%02x %02x %02x", first, second, (unsigned)follows[f]);
                if (good && whole(str_make(text, len + 1), &skim) != skim_error) fail_msg("%02x: not ended", first);
            }
}

static void a_container_is_skipped_on_demand(void **state) {
    struct skim skim;
    (void)state;
    skim_begin(&skim, STR("[[1,[2]],{\"a\":\"]\"},4]"), 9);
    skim_next(&skim);
    struct skim_token token = skim_next(&skim);
    assert_true(skim_skip(&skim, &token) && str_eq(token.value, STR("[1,[2]]")));
    token = skim_next(&skim);
    assert_true(skim_skip(&skim, &token) && str_eq(token.value, STR("{\"a\":\"]\"}")));
    assert_true(str_eq(skim_next(&skim).value, STR("4")));
    skim_begin(&skim, STR("[[1,"), 9);
    skim_next(&skim);
    token = skim_next(&skim);
    assert_false(skim_skip(&skim, &token));
    assert_int_equal(token.kind, skim_error);
}

static void escapes_stand_for_their_characters(void **state) {
    struct arena arena;
    struct str plain;
    (void)state;
    arena_init(&arena, 1024, 1 << 16);
    assert_true(skim_unescape(STR("a\\n\\\"\\u00e9\\u4f60\\ud83d\\ude00\\/"), &arena, &plain));
    assert_true(str_eq(plain, STR("a\n\"\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80/")));
    assert_false(skim_unescape(STR("\\ud83d"), &arena, &plain));
    assert_false(skim_unescape(STR("\\ud83dx"), &arena, &plain));
    assert_false(skim_unescape(STR("\\ud83d\\u0041"), &arena, &plain));
    assert_false(skim_unescape(STR("\\ude00"), &arena, &plain));
    assert_false(skim_unescape(STR("\\u0000"), &arena, &plain));
    assert_true(skim_is(STR("\\u006dodel"), STR("model")));
    assert_false(skim_is(STR("\\u004dodel"), STR("model")));
    assert_true(skim_is_nocase(STR("\\u004dodel"), STR("model")));
    assert_false(skim_is(STR("models"), STR("model")));
    assert_false(skim_is(STR("mode"), STR("model")));
    assert_false(skim_is(STR("mode\\u0000"), STR("model")));
    assert_false(skim_is(STR("\\ud800model"), STR("model"))); /* half of a pair is no character */
    assert_false(skim_is(STR("model\\ude00"), STR("model")));
    arena_free(&arena);
}

static void numbers_become_integers(void **state) {
    int64_t number;
    (void)state;
    assert_true(skim_to_i64(STR("-12"), &number) && number == -12);
    assert_true(skim_to_i64(STR("9223372036854775807"), &number) && number == INT64_MAX);
    assert_true(skim_to_i64(STR("1e3"), &number) && number == 1000);
    assert_true(skim_to_i64(STR("2.9"), &number) && number == 2);
    assert_false(skim_to_i64(STR("1e300"), &number));
    assert_false(skim_to_i64(STR("99999999999999999999"), &number));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_taken_whole),
        cmocka_unit_test(bad_texts_are_refused_where_they_go_wrong),
        cmocka_unit_test(every_beginning_of_a_text_is_refused),
        cmocka_unit_test(a_string_of_any_length_ends_at_its_quote),
        cmocka_unit_test(depth_ends_at_its_limit),
        cmocka_unit_test(what_lies_deeper_is_passed_over_whole),
        cmocka_unit_test(characters_are_well_formed_or_refused),
        cmocka_unit_test(a_container_is_skipped_on_demand),
        cmocka_unit_test(escapes_stand_for_their_characters),
        cmocka_unit_test(numbers_become_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
