/* terminal_test.c - what strangers wrote, at a terminal and in a file: what steers one is taken out, all else is as it
 * was written, and JSON stays JSON of the same length. */
#include "cli/cli.h"

#include "dialect/json.h"
#include "said.h"

static void a_terminal_is_steered_by_nothing_and_a_file_has_it_as_it_was(void **state) {
    static const struct {
        const char *written, *shown;
    } rows[] = {
        {"plain ~", "plain ~"},
        {"two\nlines\tapart", "two\nlines\tapart"},
        {"\x1b[2J", "_[2J"},
        {"\x01\x08\x0b\x0d\x1f \x7f", "_____ _"},
        {"\xc2\x80"
         "a\xc2\x9f"
         "b",
         "_a_b"},
        {"\xc2\xa0", "\xc2\xa0"}, /* the first that none obeys */
        {"\xc3\x9f\xe2\x82\xac", "\xc3\x9f\xe2\x82\xac"},
        {"\xc2", "\xc2"},
        {"\x80", "\x80"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said said;
        said_begin_at_terminal(&said, stdout);
        cli_text_put(stdout, str_from(rows[i].written));
        if (strcmp(said_end(&said), rows[i].shown) != 0) fail_msg("row %zu at a terminal: %s", i, said.text);
        said_begin(&said, stdout);
        cli_text_put(stdout, str_from(rows[i].written));
        assert_string_equal(said_end(&said), rows[i].written);
    }
}

/* Of a text of which more stands behind its end. */
static void a_text_ends_where_it_ends(void **state) {
    struct said said;
    (void)state;
    said_begin_at_terminal(&said, stdout);
    cli_text_put(stdout, str_make("a\xc2\x80", 2));
    assert_string_equal(said_end(&said), "a\xc2");
}

/* The string as JSON has it, and what is read of it. */
static void a_string_of_json_steers_nothing_when_it_is_shown(void **state) {
    static const struct {
        const char *written, *read;
    } rows[] = {
        {"plain", "plain"},
        {"a\\u001b[2Jb", "a_[2Jb"},
        {"\\u0000\\u001f\\u0020\\u007e\\u007F\\u0080\\u009f\\u00a0", "__ ~___\xc2\xa0"},
        {"\\u041f\\u00e9", "\xd0\x9f\xc3\xa9"},
        {"\\b\\f\\n\\r\\t|", "__________|"},
        {"\\\"\\\\\\/", "\"\\/"},
        {"\\\\u001b", "\\u001b"}, /* no escape: letters behind a backslash */
        {"a\x7f"
         "b",
         "a_b"},
        {"\xc2\x9b"
         "1m",
         "__1m"},
        {"\xc2\x80\xc2\x9f\xc2\xa0", "____\xc2\xa0"},
        {"\xc3\x9b", "\xc3\x9b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        const char *problem;
        size_t at;
        snprintf(text, sizeof text, "{\"a\":\"%s\"}", rows[i].written);
        struct json *json = cli_json_parse(str_from(text), &problem, &at);
        if (!json) fail_msg("row %zu: %s at %zu", i, problem, at);
        const struct str read = json_str(json_member(json_root(json), "a"), STR("none"));
        if (!str_eq(read, str_from(rows[i].read))) fail_msg("row %zu: %.*s", i, STR_ARG(read));
        json_free(json);
    }
}

/* Each of these is no JSON, and told to be none at its end or before; nothing behind it is looked at. */
static void what_ends_in_the_middle_is_no_json(void **state) {
    static const char *const rows[] = {"{\"a\":\"\xc2",
                                       "{\"a\":\"\\",
                                       "{\"a\":\"\\u",
                                       "{\"a\":\"\\u001",
                                       "{\"a\":\"\\u001b",
                                       "{\"a\":\"\\uzzzz\"}",
                                       ""};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        const char *problem = NULL;
        size_t at = 999, len = strlen(rows[i]);
        memset(text, '}', sizeof text);
        memcpy(text, rows[i], len);
        assert_null(cli_json_parse(str_make(text, len), &problem, &at));
        assert_non_null(problem);
        assert_in_range(at, 0, len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_is_steered_by_nothing_and_a_file_has_it_as_it_was),
        cmocka_unit_test(a_text_ends_where_it_ends),
        cmocka_unit_test(a_string_of_json_steers_nothing_when_it_is_shown),
        cmocka_unit_test(what_ends_in_the_middle_is_no_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
