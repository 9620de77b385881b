/* text_test.c - appending, JSON escaping, and a text that has no room left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"

static void it_grows_in_an_arena(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    struct text text = text_in_arena(&arena, 16);
    for (int i = 0; i < 1000; i++) text_put_u64(&text, 7);
    text_printf(&text, "%400s", "end");
    text_printf(&text, "%d", -5);
    assert_false(text.failed);
    assert_int_equal(text.len, 1402);
    assert_true(str_ends(text_str(&text), STR("   end-5")));
    arena_free(&arena);
}

static void a_full_buffer_fails_once_and_ignores_the_rest(void **state) {
    (void)state;
    char buffer[9] = "12345678";
    struct text text = text_in_buffer(buffer, 8);
    text_put(&text, STR("abcd"));
    text_put(&text, STR(""));
    text_put(&text, STR_NONE);
    text_put(&text, STR("efgh"));
    assert_false(text.failed);
    text_put_byte(&text, 'x');
    assert_true(text.failed);
    text_put(&text, STR("y"));
    text_printf(&text, "%s", "z");
    text_json_u64(&text, STR("n"), 1);
    assert_int_equal(text.len, 8);
    assert_memory_equal(buffer, "abcdefgh", 9);
}

static void whole_numbers(void **state) {
    (void)state;
    char buffer[128];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    text_put_u64(&text, 0);
    text_put_byte(&text, ' ');
    text_put_u64(&text, UINT64_MAX);
    text_put_byte(&text, ' ');
    text_put_i64(&text, INT64_MIN);
    text_put_byte(&text, ' ');
    text_put_i64(&text, 42);
    assert_true(str_eq(text_str(&text), STR("0 18446744073709551615 -9223372036854775808 42")));
}

static void numbers_of_every_length_are_those_of_printf(void **state) {
    (void)state;
    uint64_t value = 1;
    for (unsigned digits = 1; digits <= 20; digits++, value *= 10)
        for (int step = -1; step <= 1; step++) {
            char expected[24], found[24] = "";
            struct text text = text_in_buffer(found, sizeof found - 1);
            text_put_u64(&text, value + (uint64_t)step);
            snprintf(expected, sizeof expected, "%llu", (unsigned long long)(value + (uint64_t)step));
            assert_string_equal(found, expected);
        }
}

static void a_header_value_keeps_tabs_and_quotes_and_no_control_character(void **state) {
    (void)state;
    char bytes[64];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    text_put_header(&text, STR("a-b"), STR("\r\na\t\"b\"\x7f\xc3\xa9 c\n"));
    text_put_header(&text, STR("c"), STR(""));
    assert_true(str_eq(text_str(&text), STR("a-b: __a\t\"b\"_\xc3\xa9 c_\r\nc: \r\n")));
    static const struct {
        const char *value, *written;
    } values[] = {{"\nx", "h: _x\r\n"}, {"x\n", "h: x_\r\n"},   {"\n", "h: _\r\n"},       {"\t", "h: \t\r\n"},
                  {"xy", "h: xy\r\n"},  {"x\ry", "h: x_y\r\n"}, {"\x01\x02", "h: __\r\n"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t size = strlen(values[i].written); size <= sizeof bytes;
             size++) { /* with just enough room, and more */
            text = text_in_buffer(bytes, size);
            text_put_header(&text, STR("h"), str_from(values[i].value));
            assert_true(!text.failed && str_eq(text_str(&text), str_from(values[i].written)));
            text = text_in_buffer(bytes, strlen(values[i].written) - 1);
            text_put_header(&text, STR("h"), str_from(values[i].value));
            assert_true(text.failed);
            text = text_in_buffer(bytes, 5 + strlen(values[i].written) - 1); /* behind what is there */
            text_put(&text, STR("begun"));
            text_put_header(&text, STR("h"), str_from(values[i].value));
            assert_true(text.failed);
        }
}

static void check_json(struct str s, const char *wanted) {
    char buffer[256];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    text_put_json(&text, s);
    assert_false(text.failed);
    assert_true(str_eq(text_str(&text), str_from(wanted)));
}

static void json_strings_are_escaped(void **state) {
    (void)state;
    check_json(STR_NONE, "\"\"");
    check_json(STR("plain text"), "\"plain text\"");
    check_json(STR("\"\\\n\r\t\b\x1f\x7f"), "\"\\\"\\\\\\n\\r\\t\\u0008\\u001f\\u007f\"");
    check_json(STR("a\0b"), "\"a\\u0000b\"");
    check_json(STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    check_json(STR("\xff"
                   "a\xc3"
                   "b\xf0\x9f\x98"),
               "\"\xef\xbf\xbd"
               "a\xef\xbf\xbd"
               "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_json(STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void any_bytes_become_utf8_without_control_characters(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 11);
    for (int round = 0; round < 5000; round++) {
        size_t len = (size_t)prng_below(&prng, 24);
        char buffer[256], *bytes = malloc(len ? len : 1);
        for (size_t i = 0; i < len; i++) bytes[i] = (char)prng_below(&prng, 256);
        struct text text = text_in_buffer(buffer, sizeof buffer);
        text_put_json(&text, str_make(bytes, len));
        free(bytes);
        assert_false(text.failed);
        assert_true(str_is_utf8(text_str(&text)));
        for (size_t i = 0; i < text.len; i++) assert_true((unsigned char)buffer[i] >= 0x20 && buffer[i] != 0x7f);
    }
}

static void members_and_commas(void **state) {
    (void)state;
    char buffer[512];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    text_put_byte(&text, '{');
    static const char *volatile odd = "s\"";
    text_json_str(&text, str_from(odd), STR("v"));
    text_json_u64(&text, STR("u"), 1);
    text_json_i64(&text, STR("i"), -1);
    text_json_bool(&text, STR("b"), false);
    text_json_key(&text, STR("list"));
    text_put_byte(&text, '[');
    for (int i = 0; i < 3; i++) {
        text_json_comma(&text);
        text_put_u64(&text, (uint64_t)i);
    }
    text_put_byte(&text, ']');
    text_json_money(&text, STR("m"), 1250000);
    text_json_money(&text, STR("n"), -1);
    text_json_money(&text, STR("o"), INT64_MIN);
    text_put_byte(&text, '}');
    assert_true(str_eq(text_str(&text),
                       STR("{\"s\\\"\":\"v\",\"u\":1,\"i\":-1,\"b\":false,\"list\":[0,1,2],\"m\":\"0.001250000\","
                           "\"n\":\"-0.000000001\",\"o\":\"-9223372036.854775808\"}")));
}

static void no_cell_of_a_table_is_a_formula(void **state) {
    (void)state;
    static const struct {
        const char *word, *cell;
    } cells[] = {
        {"", "\"\""},
        {"plain, \"quoted\"", "\"plain, \"\"quoted\"\"\""},
        {"=cmd|'/c calc'!A1", "\"'=cmd|'/c calc'!A1\""},
        {"+1", "\"'+1\""},
        {"-1", "\"'-1\""},
        {"@SUM(1)", "\"'@SUM(1)\""},
        {"\t=1", "\"'\t'=1\""},
        {"\r=1", "\"'\r'=1\""},
        {"\n=1", "\"'\n'=1\""},
        {"  =1", "\"  '=1\""},
        {"\"=1", "\"\"\"'=1\""},
        {"\xef\xbc\x9d"
         "1",
         "\"'\xef\xbc\x9d"
         "1\""},
        {"\xef\xbc\xa0"
         "a",
         "\"'\xef\xbc\xa0"
         "a\""},
        {"a;=1", "\"a;'=1\""}, /* where cells are told apart by semicolons, quotes inside are none */
        {"a\n\"; \"=1", "\"a\n\"\"; \"\"'=1\""},
        {"gpt-4o=a+b@c", "\"gpt-4o=a+b@c\""}, /* nobody runs what does not begin with it */
        {"a;b-c", "\"a;b-c\""},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char buffer[100];
        struct text text = text_in_buffer(buffer, sizeof buffer);
        text_put_csv(&text, str_from(cells[i].word));
        assert_true(str_eq(text_str(&text), str_from(cells[i].cell)));
    }
}

static void every_failing_allocation_leaves_a_failed_text(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 50; n++) {
        struct arena arena;
        arena_init(&arena, 128, 1 << 20);
        memory_fail_at(n);
        struct text text = text_in_arena(&arena, 32);
        for (int i = 0; i < 100; i++) text_put(&text, STR("0123456789"));
        text_printf(&text, "%500d", 1);
        text_put_json(&text, STR("\xff"));
        uint64_t calls = memory_calls();
        memory_fail_at(0);
        assert_int_equal(text.failed, calls >= n);
        assert_true(text.len <= text.size);
        for (size_t i = 0; text.at && i < text.len && i < 1000; i++) assert_int_equal(text.at[i], '0' + i % 10);
        bool whole = !text.failed;
        arena_free(&arena);
        if (whole) return;
    }
    fail_msg("never whole");
}

/* RFC 3986, 2.3: what is unreserved stands as it is; each other byte does where it is named. */
static void a_part_of_a_url_is_escaped(void **state) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char buffer[8], should[8];
        const char c = (char)byte;
        struct text text = text_in_buffer(buffer, sizeof buffer);
        const bool stays = byte && (strchr(plain, c) || strchr("/:", c));
        text_put_percent(&text, str_make(&c, 1), "/:");
        if (stays)
            snprintf(should, sizeof should, "%c", c);
        else
            snprintf(should, sizeof should, "%%%02X", byte);
        assert_true(!text.failed && str_eq(text_str(&text), str_from(should)));
    }
    char buffer[16];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    text_put_percent(&text, STR("a/b c"), "");
    assert_true(str_eq(text_str(&text), STR("a%2Fb%20c")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_in_an_arena),
        cmocka_unit_test(a_full_buffer_fails_once_and_ignores_the_rest),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(numbers_of_every_length_are_those_of_printf),
        cmocka_unit_test(a_header_value_keeps_tabs_and_quotes_and_no_control_character),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(a_part_of_a_url_is_escaped),
        cmocka_unit_test(any_bytes_become_utf8_without_control_characters),
        cmocka_unit_test(members_and_commas),
        cmocka_unit_test(no_cell_of_a_table_is_a_formula),
        cmocka_unit_test(every_failing_allocation_leaves_a_failed_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
