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
        char path[64];
        enum endpoint found = endpoints;
        assert_true(endpoint_find(facts->path, &found) && found == i);
        int len = snprintf(path, sizeof path, "/v1%.*s", STR_ARG(facts->path));
        found = endpoints;
        assert_true(endpoint_find(str_make(path, (size_t)len), &found) && found == i);
    }
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
        assert_false(endpoint_find(str_from(other[i]), &found));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_found_with_and_without_its_version),
        cmocka_unit_test(other_paths_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
