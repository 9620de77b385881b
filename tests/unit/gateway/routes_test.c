/* routes_test.c - which path and method lead where, which methods a path takes, and which path was meant. */
#include "gateway/visit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *methods_of(const char *path) {
    static char said[64];
    struct text text = text_in_buffer(said, sizeof said - 1);
    route_methods(str_from(path), &text);
    said[text.len] = 0;
    return said;
}

static void each_row_is_found_by_its_method_and_no_other(void **state) {
    const struct gateway_route *row;
    (void)state;
    for (size_t i = 0; (row = route_row(i)); i++) {
        char path[128];
        bool other_method, open = row->path.at[row->path.len - 1] == '*';
        snprintf(path, sizeof path, "%.*s%s", (int)(row->path.len - open), row->path.at, open ? "some" : "");
        assert_ptr_equal(route_find(row->method, str_from(path), &other_method), row);
        assert_non_null(strstr(methods_of(path), http_method_name(row->method).at));
        assert_null(route_find(http_options, str_from(path), &other_method));
        assert_true(other_method);
        if (open) { /* nothing stands for the star */
            path[row->path.len - 1] = 0;
            const struct gateway_route *found = route_find(row->method, str_from(path), &other_method);
            assert_true(found != row);
        }
    }
    assert_true(row == NULL);
}

static void a_path_leads_where_it_says(void **state) {
    static const struct {
        enum http_method method;
        const char *path, *to; /* NULL: nowhere */
        bool other_method;
    } rows[] = {
        {http_get, "/", "/", false},
        {http_head, "/", "/", false},
        {http_head, "/healthz", "/healthz", false},
        {http_post, "/healthz", NULL, true},
        {http_get, "/healthz/", NULL, false},
        {http_get, "/nothing", NULL, false},
        {http_options, "*", "*", false},
        {http_get, "*", NULL, false},
        {http_post, "/v1/chat/completions", "/v1/*", false},
        {http_post, "/chat/completions", "/v1/*", false},
        {http_get, "/v1/chat/completions", NULL, true},
        {http_head, "/v1/chat/completions", NULL, true},
        {http_post, "/v1/messages", "/v1/*", false},
        {http_post, "/v1/chat/completion", NULL, false},
        {http_post, "/v1/responses/input_tokens", "/v1/*", false},
        {http_post, "/responses/compact", "/v1/*", false},
        {http_get, "/v1/responses/compact", NULL, true},
        {http_delete, "/v1/responses/input_tokens", NULL, true},
        {http_get, "/v1/responses/resp_1", "/v1/responses/*", false},
        {http_get, "/v1/models/a/b", "/v1/models/*", false},
        {http_delete, "/v1/models/a", NULL, true},
        {http_get, "/v1beta/models/m", "/v1beta/models/*", false},
        {http_post, "/v1beta/models/m:generateContent", "/v1/*", false},
        {http_get, "/v1beta/models/m:generateContent", NULL, true},
        {http_post, "/v1beta/models/m", NULL, true},
        {http_post, "/v1beta/models/m:generate", NULL, false},
        {http_post, "/v1beta/models/m:countTokens", "/v1/*", false},
        {http_put, "/providers/p/any/path", "/providers/*", false},
        {http_get, "/providers/p", "/providers/*", false},
        {http_get, "/providers/", NULL, false},
        {http_put, "/admin/v1/providers/p", "/admin/v1/providers/*", false},
        {http_delete, "/admin/v1/providers", NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool other_method;
        const struct gateway_route *row = route_find(rows[i].method, str_from(rows[i].path), &other_method);
        struct str to = row ? row->path : STR("nowhere");
        if (!str_eq(to, rows[i].to ? str_from(rows[i].to) : STR("nowhere")) ||
            (!row && other_method != rows[i].other_method))
            fail_msg("%s: %.*s %d", rows[i].path, STR_ARG(to), other_method);
    }
}

static void a_path_tells_the_methods_that_it_takes(void **state) {
    static const struct {
        const char *path, *methods;
    } rows[] = {
        {"/healthz", "GET, HEAD"},
        {"/v1/chat/completions", "POST"},
        {"/v1/models", "GET, HEAD"},
        {"/v1/responses", "POST"},
        {"/v1/responses/resp_1", "GET, HEAD, POST, DELETE"},
        {"/v1/responses/input_tokens", "POST"},
        {"/v1/responses/compact", "POST"},
        {"/admin/v1/providers", "GET, HEAD, POST"},
        {"/admin/v1/providers/p", "GET, HEAD, POST, PUT, DELETE, PATCH"},
        {"/admin/v1/drain", "POST"},
        {"/nothing", ""},
        {"*", "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(methods_of(rows[i].path), rows[i].methods) != 0)
            fail_msg("%s: %s", rows[i].path, methods_of(rows[i].path));
}

static void the_nearest_path_is_the_one_that_was_meant(void **state) {
    static const struct {
        const char *path, *meant;
    } rows[] = {
        {"/v1/chat/completion", "/v1/chat/completions"},
        {"/v1/chat/completions/", "/v1/chat/completions"},
        {"/chat/completions", "/v1/chat/completions"},
        {"/v1/message", "/v1/messages"},
        {"/v1/embeding", "/v1/embeddings"},
        {"/health", "/healthz"},
        {"/metric", "/metrics"},
        {"/v1/response", "/v1/responses"},
        {"/v1/model", "/v1/models"},
        {"/admin/v1/provider", "/admin/v1/providers"},
        {"/v1beta/models/a-long-name-of-a-model:generateContents", "/v1beta/models/{model}:generateContent"},
        {"/v1beta/models/m:streamGenerate", "/v1beta/models/{model}:streamGenerateContent"},
        {"/v1beta/models/m:countToken", "/v1beta/models/{model}:countTokens"},
        {"/v1beta/models/a:b:countTokens ", "/v1beta/models/{model}:countTokens"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char nearest[80];
        route_nearest(str_from(rows[i].path), nearest, sizeof nearest);
        if (strcmp(nearest, rows[i].meant) != 0) fail_msg("%s: %s", rows[i].path, nearest);
    }
}

static void what_is_far_from_all_has_an_answer_too(void **state) {
    char path[600], nearest[80];
    (void)state;
    memset(path, 'x', sizeof path);
    memcpy(path, "/v1beta/models/", 15);
    for (size_t colon = 15; colon < sizeof path - 1; colon += 97) {
        path[colon] = ':'; /* a verb of any length */
        route_nearest(str_make(path, sizeof path), nearest, sizeof nearest);
        assert_memory_equal(nearest, "/", 1);
        path[colon] = 'x';
    }
    route_nearest(STR(""), nearest, sizeof nearest);
    assert_memory_equal(nearest, "/", 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_found_by_its_method_and_no_other),
        cmocka_unit_test(a_path_leads_where_it_says),
        cmocka_unit_test(a_path_tells_the_methods_that_it_takes),
        cmocka_unit_test(the_nearest_path_is_the_one_that_was_meant),
        cmocka_unit_test(what_is_far_from_all_has_an_answer_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
