/* openai_splice_test.c - what is read of a request, what is refused, and what goes out instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dialect/json.h"
#include "dialect/openai/openai.h"

static struct arena arena;

static int arena_begin(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 16 << 20);
    return 0;
}

static int arena_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct openai_request read_good(const char *body) {
    struct openai_request request;
    struct error error = {.code = error_none};
    struct str param;
    if (!openai_skim_request(str_from(body), endpoint_chat, &arena, &request, &error, &param))
        fail_msg("%s: %s", body, error.message);
    return request;
}

static void the_facts_of_a_request_are_read(void **state) {
    (void)state;
    struct openai_request request =
        read_good(" { \"model\" : \"gpt-4o\", \"stream\":true,\"n\":3,\"max_tokens\":10,\"max_completion_tokens\":7,"
                  "\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false},\"messages\":[]}");
    assert_true(str_eq(request.model, STR("gpt-4o")));
    assert_true(request.stream && request.has_stream_options && request.include_usage);
    assert_int_equal(request.max_tokens, 7);
    assert_int_equal(request.n, 3);
    request = read_good("{\"max_completion_tokens\":7,\"max_tokens\":10}");
    assert_int_equal(request.max_tokens, 7);
    request = read_good("{\"\\u006dodel\":\"gpt\\u002d4\\u00e9\"}");
    assert_true(str_eq(request.model, STR("gpt-4\xc3\xa9")));
    request = read_good("{\"model\":null,\"stream\":null,\"max_tokens\":null,\"n\":null}");
    assert_true(request.model.len == 0 && !request.stream && request.max_tokens == -1 && request.n == 1);
    request = read_good("{\"max_tokens\":-5}");
    assert_int_equal(request.max_tokens, -1);
}

static void rules_learn_of_images_tools_and_schemas(void **state) {
    (void)state;
    struct openai_request request =
        read_good("{\"messages\":[{\"role\":\"user\",\"content\":\"image_url\"},{\"role\":\"user\",\"content\":[{"
                  "\"type\":\"text\","
                  "\"text\":\"x\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}]}],\"tools\":[{\"type\":"
                  "\"function\"}],"
                  "\"response_format\":{\"json_schema\":{\"schema\":{\"type\":\"object\"}},\"type\":\"json_schema\"}}");
    assert_true(request.has_image && request.has_tools && request.wants_json);
    request =
        read_good("{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"\\\"type\\\":\\\"image_url\\\"\"}],"
                  "\"tool_calls\":[{\"function\":{\"type\":\"image_url\"}}]}],\"tools\":[ ],"
                  "\"response_format\":{\"type\":\"text\",\"x\":{\"type\":\"json_object\"}},\"type\":\"image_url\"}");
    assert_false(request.has_image);
    assert_false(request.has_tools);
    assert_false(request.wants_json);
}

static void what_is_not_a_request_is_refused(void **state) {
    static const struct {
        const char *body, *param, *sentence;
    } bad[] = {
        {"", "", "no body"},
        {" \n", "", "no body"},
        {"[]", "", "must be a JSON object"},
        {"\"x\"", "", "must be a JSON object"},
        {"{\"model\":\"a\"}}", "", "found '}' at byte 13"},
        {"{\"model\":\"a\",}", "", "expected a key in quotes, found '}' at byte 13"},
        {"{\"model\":\"a\"", "", "at byte 12"},
        {"{\"messages\":[{\"content\":[}]}]}", "", "found '}' at byte 25"},
        {"{\"tools\":[1,]}", "", "found ']' at byte 12"},
        {"{\"response_format\":{\"x\":[}}", "", "found '}' at byte 25"},
        {"{\"model\":1}", "model", "must be a string"},
        {"{\"model\":[\"a\"]}", "model", "must be a string"},
        {"{\"model\":\"\"}", "model", "1 to 256"},
        {"{\"model\":\"a\\u0000\"}", "model", "no character"},
        {"{\"model\":\"\\ud800\"}", "model", "no character"},
        {"{\"model\":\"a\",\"model\":\"b\"}", "model", "twice"},
        {"{\"model\":\"a\",\"\\u006dodel\":\"b\"}", "model", "twice"},
        {"{\"MODEL\":\"a\"}", "model", "upper and lower"},
        {"{\"model\":\"a\",\"mod\\u0045l\":\"b\"}", "model", "upper and lower"},
        {"{\"stream\":1}", "stream", "true or false"},
        {"{\"stream\":\"true\"}", "stream", "true or false"},
        {"{\"stream\":true,\"stream\":false}", "stream", "twice"},
        {"{\"Stream\":true}", "stream", "upper and lower"},
        {"{\"stream_options\":[]}", "stream_options", "object"},
        {"{\"stream_options\":{\"include_usage\":1}}", "stream_options", "true or false"},
        {"{\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}", "stream_options", "twice"},
        {"{\"stream_options\":{\"Include_Usage\":true}}", "stream_options", "misspelt"},
        {"{\"stream_options\":null,\"stream_options\":{}}", "stream_options", "twice"},
        {"{\"max_tokens\":\"7\"}", "max_tokens", "`max_tokens` must be a number"},
        {"{\"max_tokens\":1e400}", "max_tokens", "must be a number"},
        {"{\"n\":\"7\"}", "n", "`n` must be a number"},
        {"{\"messages\":[],\"Messages\":[]}", "messages", "upper and lower"},
        {"{\"tools\":[],\"tools\":[1]}", "tools", "twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct openai_request request;
        struct error error = {.code = error_none};
        struct str param;
        if (openai_skim_request(str_from(bad[i].body), endpoint_chat, &arena, &request, &error, &param))
            fail_msg("%s was taken", bad[i].body);
        assert_int_equal(error.code, error_invalid_request);
        if (!strstr(error.message, bad[i].sentence)) fail_msg("%s: %s", bad[i].body, error.message);
        if (!str_eq(param, str_from(bad[i].param))) fail_msg("%s: param %.*s", bad[i].body, STR_ARG(param));
    }
}

static void other_keys_may_stand_twice(void **state) {
    (void)state;
    read_good("{\"a\":1,\"a\":2,\"A\":3,\"models\":[\"x\"],\"mode\":1}");
}

/* The body that goes out, in one piece. */
static struct str spliced(struct str body, const char *model, bool ask_usage) {
    struct openai_request request;
    struct error error;
    struct openai_splice splice;
    assert_true(openai_skim_request(body, endpoint_chat, &arena, &request, &error, NULL));
    assert_true(openai_splice(body, &request, false, str_from(model), ask_usage, &arena, &splice));
    char *whole = arena_take(&arena, splice.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < splice.count; i++) {
        memcpy(whole + len, splice.ranges[i].at, splice.ranges[i].len);
        len += splice.ranges[i].len;
    }
    assert_int_equal(len, splice.len);
    return str_make(whole, len);
}

static void only_what_must_change_changes(void **state) {
    static const struct {
        const char *body, *model;
        bool ask;
        const char *out;
    } table[] = {
        {"{\"model\":\"a\"}", "b", false, "{\"model\":\"b\"}"},
        {"{ \"model\" : \"a\" , \"x\":1 }", "a", false, "{ \"model\" : \"a\" , \"x\":1 }"},
        {"{\"model\":\"a\\/b\"}", "a/b", false, "{\"model\":\"a/b\"}"},
        {"{\"model\":\"a\"}", "q\"\\", false, "{\"model\":\"q\\\"\\\\\"}"},
        {"{\"model\":null}", "b", false, "{\"model\":\"b\"}"},
        {"{}", "b", false, "{\"model\":\"b\"}"},
        {"{\"x\":1}", "b", false, "{\"model\":\"b\",\"x\":1}"},
        {"{\"x\":1,\"stream\":true}", "b", true,
         "{\"model\":\"b\",\"stream_options\":{\"include_usage\":true},\"x\":1,\"stream\":true}"},
        {"{\"stream\":true,\"model\":\"a\"}", "b", true,
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":\"b\"}"},
        {"{\"stream\":true,\"stream_options\":null,\"model\":\"a\"}", "b", true,
         "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"b\"}"},
        {"{\"model\":\"a\",\"stream_options\":{ }}", "a", true,
         "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}}"},
        {"{\"model\":\"a\",\"stream_options\":{\"include_usage\":false}}", "a", true,
         "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}}"},
        {"{\"model\":\"a\",\"stream_options\":{\"include_usage\":null,\"y\":{}}}", "a", true,
         "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true,\"y\":{}}}"},
        {"{\"model\":\"a\",\"stream_options\":{\"y\":1}}", "a", true,
         "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true,\"y\":1}}"},
        {"{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}}", "a", true,
         "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct str out = spliced(str_from(table[i].body), table[i].model, table[i].ask);
        if (!str_eq(out, str_from(table[i].out))) fail_msg("%s: %.*s", table[i].body, STR_ARG(out));
    }
}

static void another_reader_finds_what_was_written(void **state) {
    static const char *const bodies[] = {
        "{\"model\":\"a\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"\\\"model\\\":\\\"x\\\"\"}]}",
        "{\"stream\":true,\"messages\":[],\"stream_options\":{\"a\":[{}]},\"metadata\":{\"model\":\"inner\"}}",
        "{\"stream\":true,\"stream_options\":null}",
        "\n{\t\"stream\" : true , \"\\u006dodel\":null}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct str out = spliced(str_from(bodies[i]), "org/m\xc3\xa9\"x", true);
        const char *problem;
        size_t at;
        struct json *json = json_parse(out, &problem, &at);
        if (!json) fail_msg("%.*s: %s at %zu", STR_ARG(out), problem, at);
        const struct json_value *root = json_root(json);
        assert_true(str_eq(json_str(json_member(root, "model"), STR("")), STR("org/m\xc3\xa9\"x")));
        assert_true(json_bool(json_member(json_member(root, "stream_options"), "include_usage"), false));
        json_free(json);
    }
}

static void no_memory_is_no_splice(void **state) {
    struct arena none;
    struct openai_request request;
    struct openai_splice splice;
    struct error error;
    (void)state;
    arena_init(&none, 64, 0);
    assert_true(openai_skim_request(STR("{\"model\":\"a\"}"), endpoint_chat, &none, &request, &error, NULL));
    assert_false(openai_splice(STR("{\"model\":\"a\"}"), &request, false, STR("b"), false, &none, &splice));
    arena_free(&none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_facts_of_a_request_are_read),  cmocka_unit_test(rules_learn_of_images_tools_and_schemas),
        cmocka_unit_test(what_is_not_a_request_is_refused), cmocka_unit_test(other_keys_may_stand_twice),
        cmocka_unit_test(only_what_must_change_changes),    cmocka_unit_test(another_reader_finds_what_was_written),
        cmocka_unit_test(no_memory_is_no_splice),
    };
    return cmocka_run_group_tests(tests, arena_begin, arena_end);
}
