/* Characters of text are counted in every dialect's words, whole or cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/characters.h"

static int64_t counted(const char *json) {
    struct characters characters = {.texts = 0};
    characters_feed(&characters, str_from(json));
    return characters_count(&characters);
}

static const struct {
    const char *json;
    int64_t count;
} rows[] = {
    {"", 0},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}", 5},
    {"{\"content\" : \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"}", 3},  /* two, three and four bytes */
    {"{\"content\":\"\\u00e4\\u20AC\\ud83d\\ude00\\n\\\"\\\\\"}", 6}, /* a pair is one */
    /* the first and the last of each half, and their neighbours */
    {"{\"content\":\"\\ud800\\udc00\"}", 1},
    {"{\"content\":\"\\udbff\\udfff\"}", 1},
    {"{\"content\":\"\\ud800\\udfff\"}", 1},
    {"{\"content\":\"\\udbff\\udc00\"}", 1},
    {"{\"content\":\"\\ud7ff\\udc00\"}", 2},
    {"{\"content\":\"\\udc00\\udc00\"}", 2},
    {"{\"content\":\"\\ud800\\udbff\"}", 2},
    {"{\"content\":\"\\ud800\\ue000\"}", 2},
    {"{\"content\":\"\\ue000\\udfff\"}", 2},
    {"{\"content\":[{\"type\":\"text\",\"text\":\"abc\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:x\"}}]}",
     3},
    {"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"abcd\"}]}]}", 4},
    {"{\"system\":\"ab\",\"messages\":[{\"role\":\"user\",\"content\":\"cd\"}]}", 4},
    {"{\"input\":[\"abc\",\"de\"],\"model\":\"m\"}", 5},
    {"{\"prompt\":[\"abc\", \"de\"]}", 5},
    {"{\"query\":\"q\",\"documents\":[\"one\",\"two\"]}", 7},
    {"data: {\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\n\ndata: "
     "{\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
     "data: [DONE]\n\n",
     3},
    {"event: a\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"abc\"}}\n\n", 3},
    /* pieces, and all of it again */
    {"data: {\"type\":\"response.output_text.delta\",\"delta\":\"ab\"}\n\ndata: "
     "{\"type\":\"response.output_text.delta\",\"delta\":\"cd\"}\n\ndata: "
     "{\"type\":\"response.output_text.done\",\"text\":\"abcd\"}\n\n",
     4},
    {"{\"content\":\"never ends", 0},
    {"{\"a_name_that_is_longer_than_any\":\"x\",\"content\":\"y\"}", 1},
    {"{\"content\":\"\\", 0},
    {"{\"content\":\"\\u12\"}", 0},
};

static void text_is_counted_and_names_are_not(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (counted(rows[i].json) != rows[i].count) fail_msg("%zu: %lld", i, (long long)counted(rows[i].json));
}

static void it_is_the_same_wherever_it_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str whole = str_from(rows[i].json);
        for (size_t at = 0; at <= whole.len; at++) {
            struct characters characters = {.texts = 0};
            characters_feed(&characters, str_slice(whole, 0, at));
            characters_feed(&characters, str_slice(whole, at, whole.len));
            assert_int_equal(characters_count(&characters), rows[i].count);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_counted_and_names_are_not),
        cmocka_unit_test(it_is_the_same_wherever_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
