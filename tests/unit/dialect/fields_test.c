/* fields_test.c - one table reads and writes an object's members; lists, objects and numbers as they go into JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/prng.h"
#include "dialect/fields.h"

static struct arena arena;

struct sample {
    double number;
    int64_t whole;
    struct str text, raw;
    enum message_flag flag;
};
#define AT(member) offsetof(struct sample, member)
static const struct field fields[] = {{STR("number"), field_double, AT(number)},
                                      {STR("whole"), field_int, AT(whole)},
                                      {STR("text"), field_str, AT(text)},
                                      {STR("raw"), field_raw, AT(raw)},
                                      {STR("flag"), field_flag, AT(flag)}};
enum { field_count = sizeof fields / sizeof *fields };

static const struct json_value *json_of(const char *text) {
    const char *problem;
    size_t at;
    return json_parse_in(&arena, str_from(text), &problem, &at);
}

static struct sample absent(void) { return (struct sample){.number = NAN, .whole = MESSAGE_NO_INT}; }

static struct str written(const struct sample *sample) {
    struct text text = text_in_arena(&arena, 128);
    text_put_byte(&text, '{');
    fields_put(&text, fields, field_count, sample);
    text_put_byte(&text, '}');
    return text_str(&text);
}

static void each_kind_takes_its_own_and_refuses_the_rest(void **state) {
    static const struct {
        const char *name, *value;
        enum field_taken taken;
        const char *written;
    } rows[] = {
        {"number", "0.25", field_took, "{\"number\":0.25}"},
        {"number", "3", field_took, "{\"number\":3}"},
        {"number", "\"3\"", field_wrong, "{}"},
        {"number", "null", field_took, "{}"},
        {"whole", "-7", field_took, "{\"whole\":-7}"},
        {"whole", "7.0", field_took, "{\"whole\":7}"},
        {"whole", "7.5", field_wrong, "{}"},
        {"whole", "7e0", field_wrong, "{}"},
        {"whole", "7.5", field_wrong, "{}"},
        {"whole", "true", field_wrong, "{}"},
        {"whole", "null", field_took, "{}"},
        {"text", "\"a\\nb\"", field_took, "{\"text\":\"a\\nb\"}"},
        {"text", "\"\"", field_took, "{\"text\":\"\"}"},
        {"text", "1", field_wrong, "{}"},
        {"text", "[]", field_wrong, "{}"},
        {"raw", "[1,{\"a\":null}]", field_took, "{\"raw\":[1,{\"a\":null}]}"},
        {"raw", "null", field_took, "{}"},
        {"flag", "true", field_took, "{\"flag\":true}"},
        {"flag", "false", field_took, "{\"flag\":false}"},
        {"flag", "1", field_wrong, "{}"},
        {"flag", "null", field_took, "{}"},
        {"Number", "1", field_unknown, "{}"},
        {"", "1", field_unknown, "{}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample sample = absent();
        enum field_taken taken =
            field_take(fields, field_count, str_from(rows[i].name), json_of(rows[i].value), &sample, &arena);
        if (taken != rows[i].taken || !str_eq(written(&sample), str_from(rows[i].written)))
            fail_msg("%s: %s: %d %.*s", rows[i].name, rows[i].value, (int)taken, STR_ARG(written(&sample)));
    }
}

static void what_a_field_wants_is_said_by_its_kind(void **state) {
    (void)state;
    assert_string_equal(field_wants(fields, field_count, STR("number")), "a number");
    assert_string_equal(field_wants(fields, field_count, STR("whole")), "a whole number");
    assert_string_equal(field_wants(fields, field_count, STR("text")), "a string");
    assert_string_equal(field_wants(fields, field_count, STR("flag")), "true or false");
    assert_string_equal(field_wants(fields, field_count, STR("other")), "something else");
}

static void numbers_are_written_as_short_as_they_can_be_read_back(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 1);
    for (int i = 0; i < 20000; i++) {
        double value = (prng_unit(&prng) - 0.5) * pow(10, (double)prng_below(&prng, 40) - 20);
        struct text text = text_in_arena(&arena, 64);
        text_json_double(&text, STR("x"), value);
        struct str digits = str_slice(text_str(&text), 4, text.len);
        assert_true(strtod(arena_copy(&arena, digits).at, NULL) == value);
        arena_reset(&arena);
    }
    struct sample sample = absent();
    sample.number = 0.1;
    assert_true(str_eq(written(&sample), STR("{\"number\":0.1}")));
    sample.number = INFINITY; /* JSON has none */
    assert_true(str_eq(written(&sample), STR("{}")));
}

static void strings_are_read_from_a_list_or_one(void **state) {
    static const struct {
        const char *value, *wanted;
    } rows[] = {{"[\"a\",\"b\"]", "[\"a\",\"b\"]"},
                {"\"a\"", "[\"a\"]"},
                {"[]", "[]"},
                {"[1,\"b\",null,[\"c\"]]", "[\"b\"]"},
                {"null", "[]"},
                {"{\"a\":1}", "[]"},
                {"7", "[]"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str *list;
        size_t count;
        struct text text = text_in_arena(&arena, 64);
        assert_true(strings_read(json_of(rows[i].value), &arena, &list, &count));
        strings_put(&text, list, count);
        if (!str_eq(text_str(&text), str_from(rows[i].wanted)))
            fail_msg("%s: %.*s", rows[i].value, STR_ARG(text_str(&text)));
    }
}

static void what_is_no_object_becomes_one(void **state) {
    static const struct {
        const char *json, *wanted;
    } rows[] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {" {\r\n\"a\":\n1 }\n", "{\"a\":1 }"}, /* on one line */
        {"", "{}"},
        {" \n ", "{}"},
        {"[1]", "{\"key\":\"[1]\"}"},
        {"plain \"text\"", "{\"key\":\"plain \\\"text\\\"\"}"},
        {"{\"a\":1} more", "{\"key\":\"{\\\"a\\\":1} more\"}"},
        {"{\"a\":", "{\"key\":\"{\\\"a\\\":\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = text_in_arena(&arena, 64);
        text_put_object(&text, str_from(rows[i].json), "key");
        if (!str_eq(text_str(&text), str_from(rows[i].wanted)))
            fail_msg("%s: %.*s", rows[i].json, STR_ARG(text_str(&text)));
    }
}

static void a_body_that_is_no_object_is_told_why(void **state) {
    const struct json_value *root;
    struct error error;
    (void)state;
    assert_true(codec_parse(STR("{}"), &arena, &root, &error));
    assert_false(codec_parse(STR("{\"a\":x}"), &arena, &root, &error));
    assert_true(str_starts(str_from(error.message), STR("The body is not valid JSON at byte 5: ")));
    static const char *const others[] = {"[]", "1", "\"x\"", "null"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(codec_parse(str_from(others[i]), &arena, &root, &error));
        assert_string_equal(error.message, "The body must be a JSON object.");
    }
}

static void texts_to_embed_are_one_or_a_list_of_strings_and_nothing_else(void **state) {
    static const struct {
        const char *body;
        size_t count;
        bool single;
    } rows[] = {{"{\"t\":\"a\"}", 1, true},    {"{\"t\":[\"a\",\"b\"]}", 2, false},
                {"{\"t\":[\"a\"]}", 1, false}, {"{\"t\":\"\"}", 1, true},
                {"{\"t\":[]}", 0, false},      {"{\"t\":[\"a\",1]}", 0, false},
                {"{\"t\":1}", 0, false},       {"{}", 0, false},
                {"{\"t\":null}", 0, false},    {"{\"t\":{\"a\":1}}", 0, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct embed_request request;
        struct error error;
        struct str param;
        bool taken = embed_texts_read(str_from(rows[i].body), "t", STR("m"), &arena, &request, &error, &param);
        if (taken != (rows[i].count > 0)) fail_msg("%s: %d", rows[i].body, taken);
        if (!taken) {
            assert_true(str_eq(param, STR("t")));
            assert_string_equal(error.message, "`t` must be a string or a list of strings.");
            continue;
        }
        struct text text = text_in_arena(&arena, 64);
        assert_true(request.input_count == rows[i].count && request.single == rows[i].single);
        assert_true(str_eq(request.model, STR("m")) && request.dimensions == MESSAGE_NO_INT);
        embed_texts_put(&request, STR("inputs"), &text);
        assert_true(str_starts(text_str(&text), STR("{\"inputs\":[\"")));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_takes_its_own_and_refuses_the_rest),
        cmocka_unit_test(what_a_field_wants_is_said_by_its_kind),
        cmocka_unit_test(numbers_are_written_as_short_as_they_can_be_read_back),
        cmocka_unit_test(strings_are_read_from_a_list_or_one),
        cmocka_unit_test(what_is_no_object_becomes_one),
        cmocka_unit_test(a_body_that_is_no_object_is_told_why),
        cmocka_unit_test(texts_to_embed_are_one_or_a_list_of_strings_and_nothing_else),
    };
    arena_init(&arena, 16 * 1024, 64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
