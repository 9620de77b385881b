/* weir_provider_views_test.c - what is told of a provider: all that is set, and of what is secret that it is set. */
#include "runtime/weir_internal.h"

#include "../config/config_world.h"

/* Of provider `name` in this configuration; empty: there is none. Until the next call. */
static const char *told(const char *yaml, const char *name) {
    static char json[256 * 1024]; /* the catalogue may know many models */
    struct text text = text_in_buffer(json, sizeof json - 1);
    struct config config;
    assert_true(load(yaml, NULL, &config));
    bool is_there = library_provider_write(config.snapshot, str_from(name), &text);
    assert_int_equal(is_there, text.len > 0);
    assert_false(text.failed);
    json[text.len] = 0;
    config_free(&config);
    return json;
}

static void what_is_set_is_told_and_what_is_not_is_left_out(void **state) {
    static const struct {
        const char *set, *told, *key;
    } rows[] = {
        {"proxy: \"http://u:word@h:1\"", "\"proxy\":\"set\"", "\"proxy\""},
        {"insecure: true", "\"insecure\":true", "\"insecure\""},
        {"ca_file: /ca.pem", "\"ca_file\":\"/ca.pem\"", "\"ca_file\""},
        {"headers: {X-A: s3cret, X-B: s3cret}", "\"headers\":{\"X-A\":\"set\",\"X-B\":\"set\"}", "\"headers\""},
        {"priority: 7", "\"priority\":7,", NULL},
        {"weight: 2.5", "\"weight\":2.5,", NULL},
        {"timeout_seconds: 3", "\"timeout_seconds\":3,", NULL},
        {"state: draining", "\"state\":\"draining\",", NULL},
        {"models: [m, n]", "\"models\":[{\"id\":\"m\"", NULL},
    };
    char yaml[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(yaml, sizeof yaml,
                 "providers: {a: {type: openai, api_key: s3cret, %s}, b: {type: groq, api_key: k}}\n", rows[i].set);
        const char *said = told(yaml, "a");
        if (!strstr(said, rows[i].told)) fail_msg("%s: %s", rows[i].set, said);
        assert_null(strstr(said, "s3cret"));
        assert_null(strstr(said, "word"));
        said = told(yaml, "b");
        if (strstr(said, rows[i].told) || (rows[i].key && strstr(said, rows[i].key)))
            fail_msg("%s: %s", rows[i].set, said);
    }
}

static void keys_are_counted_and_not_shown(void **state) {
    static const char yaml[] = "providers:\n"
                               "  none: {type: ollama}\n"
                               "  one: {type: openai, api_key: s3cret}\n"
                               "  two: {type: openai, api_keys: [s3cret, s3cret2]}\n";
    (void)state;
    assert_null(strstr(told(yaml, "none"), "api_key"));
    assert_non_null(strstr(told(yaml, "one"), "\"api_key\":\"set\""));
    assert_non_null(strstr(told(yaml, "two"), "\"api_keys\":[\"set\",\"set\"]"));
    assert_null(strstr(told(yaml, "two"), "s3cret"));
}

static void one_that_is_disabled_is_told_and_one_that_is_unknown_is_not(void **state) {
    static const char yaml[] =
        "providers: {a: {type: openai, api_key: k}, off: {type: groq, api_key: k, enabled: false}}\n";
    (void)state;
    assert_string_equal(told(yaml, "nobody"), "");
    assert_string_equal(told(yaml, "off"), "{\"name\":\"off\",\"type\":\"groq\",\"enabled\":false,\"state\":"
                                           "\"disabled\",\"edited\":false}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_is_told_and_what_is_not_is_left_out),
        cmocka_unit_test(keys_are_counted_and_not_shown),
        cmocka_unit_test(one_that_is_disabled_is_told_and_one_that_is_unknown_is_not),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
