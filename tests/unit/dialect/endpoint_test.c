/* endpoint_test.c - every path of the table is found with and without /v1, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "dialect/endpoint.h"

static void every_path_is_found_with_and_without_its_version(void **state) {
    (void)state;
    for (unsigned i = 0; i < endpoints; i++) {
        const struct endpoint_facts *facts = endpoint_facts((enum endpoint)i);
        char path[96];
        if (facts->dialect == dialect_anthropic || facts->dialect == dialect_gemini || i == endpoint_raw) continue;
        enum endpoint found = endpoints;
        assert_true(endpoint_find(facts->path, &found, NULL) && found == i);
        int len = snprintf(path, sizeof path, "/v1%.*s", STR_ARG(facts->path));
        found = endpoints;
        assert_true(endpoint_find(str_make(path, (size_t)len), &found, NULL) && found == i);
    }
}

static void a_model_may_stand_in_the_path(void **state) {
    static const struct {
        const char *path, *model;
        enum endpoint endpoint;
    } table[] = {
        {"/v1/responses/input_tokens", "", endpoint_responses_input_tokens},
        {"/responses/compact", "", endpoint_responses_compact},
        {"/v1/messages", "", endpoint_messages},
        {"/v1/messages/count_tokens", "", endpoint_messages_count},
        {"/v1beta/models/gemini-2.0:generateContent", "gemini-2.0", endpoint_generate},
        {"/v1beta/models/a/b:c:streamGenerateContent", "a/b:c", endpoint_generate_stream},
        {"/v1/models/g%2Fx:embedContent", "g%2Fx", endpoint_generate_embed},
        {"/v1beta/models/g:batchEmbedContents", "g", endpoint_generate_embed_batch},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        enum endpoint found = endpoints;
        struct str model;
        assert_true(endpoint_find(str_from(table[i].path), &found, &model));
        assert_int_equal(found, table[i].endpoint);
        assert_true(str_eq(model, str_from(table[i].model)));
    }
    enum endpoint found;
    assert_false(endpoint_find(STR("/v1beta/models/:generateContent"), &found, NULL));
    assert_false(endpoint_find(STR("/v1beta/models/g:other"), &found, NULL));
    assert_false(endpoint_find(STR("/messages"), &found, NULL));
    assert_false(endpoint_find(STR("/v1/responses/resp_1"), &found, NULL));
}

static void other_paths_are_not(void **state) {
    static const char *const other[] = {"",
                                        "/",
                                        "/v1",
                                        "/v1/",
                                        "/v1/chat",
                                        "/v2/chat/completions",
                                        "/chat/completions/",
                                        "/v1/v1/chat/completions",
                                        "/V1/embeddings",
                                        "chat/completions"};
    (void)state;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        enum endpoint found;
        assert_false(endpoint_find(str_from(other[i]), &found, NULL));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_found_with_and_without_its_version),
        cmocka_unit_test(a_model_may_stand_in_the_path),
        cmocka_unit_test(other_paths_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
