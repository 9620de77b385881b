/* Values made from schemas. */
#include "mock/mock_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void writes(const char *schema, const char *value) {
    char buffer[4096];
    const char *problem = "";
    size_t at = 0;
    struct text text = text_in_buffer(buffer, sizeof buffer - 1);
    struct json *json = json_parse(str_from(schema), &problem, &at);
    assert_non_null(json);
    mock_schema_write(&text, json_root(json), STR("word"));
    json_free(json);
    assert_false(text.failed);
    buffer[text.len] = 0;
    assert_string_equal(buffer, value);
}

static void simple_types(void **state) {
    (void)state;
    writes("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"integer\"},\"c\":{"
           "\"type\":\"number\"},"
           "\"d\":{\"type\":\"boolean\"},\"e\":{\"type\":\"null\"},\"f\":{\"type\":\"array\",\"items\":{\"type\":"
           "\"string\"}}}}",
           "{\"a\":\"word\",\"b\":1,\"c\":1,\"d\":true,\"e\":null,\"f\":[\"word\"]}");
    writes("{}", "{}");
}

static void choices_and_bounds(void **state) {
    (void)state;
    writes("{\"enum\":[\"red\",\"blue\"]}", "\"red\"");
    writes("{\"enum\":[3,4]}", "3");
    writes("{\"const\":false}", "false");
    writes("{\"type\":\"integer\",\"minimum\":10}", "10");
    writes("{\"type\":\"integer\",\"maximum\":-5}", "-5");
    writes("{\"type\":\"array\",\"minItems\":3,\"items\":{\"type\":\"boolean\"}}", "[true,true,true]");
    writes("{\"type\":[\"null\",\"string\"]}", "\"word\"");
    writes("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}", "1");
    writes("{\"type\":\"string\",\"format\":\"date\"}", "\"2026-01-02\"");
}

static void references_are_followed_and_circles_end(void **state) {
    (void)state;
    writes("{\"type\":\"object\",\"properties\":{\"s\":{\"$ref\":\"#/$defs/"
           "step\"}},\"$defs\":{\"step\":{\"type\":\"integer\"}}}",
           "{\"s\":1}");
    char buffer[8192];
    const char *problem = "";
    size_t at = 0;
    struct text text = text_in_buffer(buffer, sizeof buffer);
    struct json *json =
        json_parse(STR("{\"type\":\"object\",\"properties\":{\"self\":{\"$ref\":\"#\"}}}"), &problem, &at);
    mock_schema_write(&text, json_root(json), STR("x"));
    json_free(json);
    assert_false(text.failed);
    json = json_parse(text_str(&text), &problem, &at);
    assert_non_null(json);
    json_free(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_types),
        cmocka_unit_test(choices_and_bounds),
        cmocka_unit_test(references_are_followed_and_circles_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
