/* access_web_test.c - which requests a page of another origin has made, as their heads tell. */
#include "gateway/access_web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void this_machines_own_names_are_loopback(void **state) {
    static const struct {
        const char *authority;
        bool is;
    } rows[] = {
        {"localhost", true},         {"localhost:8080", true},
        {"LOCALHOST", true},         {"127.0.0.1:1", true},
        {"127.8.9.1", true},         {"[::1]:8080", true},
        {"evil.example", false},     {"localhost.evil.example", false},
        {"127.0.0.1.nip.io", false}, {"10.0.0.1", false},
        {"localhost:80:80", false},  {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (web_is_loopback(str_from(rows[i].authority)) != rows[i].is) fail_msg("%s", rows[i].authority);
}

static void an_origin_is_a_page_served_here(void **state) {
    static const struct {
        const char *origin;
        bool is;
    } rows[] = {
        {"http://localhost:8080", true},
        {"HTTP://127.0.0.1", true},
        {"https://[::1]", true},
        {"https://localhost", true},
        {"http://evil.example", false},
        {"https://evil.example", false},
        {"chrome-extension://localhost", false},
        {"localhost", false},
        {"http://", false},
        {"null", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (web_origin_is_loopback(str_from(rows[i].origin)) != rows[i].is) fail_msg("%s", rows[i].origin);
}

static void a_browser_says_which_page_has_asked(void **state) {
    static const struct {
        const char *site, *mode, *dest;
        enum http_method method;
        bool open, another;
    } rows[] = {
        {NULL, NULL, NULL, http_get, false, false}, /* no browser */
        {"", NULL, NULL, http_get, false, false},
        {"same-origin", "cors", "empty", http_post, false, false},
        {"none", "navigate", "document", http_get, false, false}, /* typed by hand */
        {"same-site", "no-cors", "image", http_get, true, true},
        {"cross-site", "no-cors", "image", http_get, true, true},
        {"cross-site", "navigate", "document", http_get, true, false}, /* a link to what is open to all */
        {"cross-site", "navigate", "document", http_get, false, true},
        {"cross-site", "navigate", "document", http_post, true, true},
        {"cross-site", "navigate", "iframe", http_get, true, true},
        {"cross-site", "cors", "document", http_get, true, true},
        {"cross-site", "navigate", NULL, http_get, true, true},
        {"cross-site", NULL, "document", http_get, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_header headers[3];
        const char *const values[] = {rows[i].site, rows[i].mode, rows[i].dest};
        static const struct str names[] = {STR("sec-fetch-site"), STR("sec-fetch-mode"), STR("sec-fetch-dest")};
        struct http_request request = {.method = rows[i].method, .headers = headers};
        for (size_t h = 0; h < 3; h++)
            if (values[h]) headers[request.header_count++] = (struct http_header){names[h], str_from(values[h])};
        if (web_is_made_by_another_page(&request, rows[i].open) != rows[i].another) fail_msg("row %zu", i);
    }
}

static void a_key_may_stand_in_the_query(void **state) {
    static const struct {
        const char *query, *key;
    } rows[] = {
        {"", ""},
        {"key=", ""},
        {"key=wr-1", "wr-1"},
        {"alt=sse&key=wr%2D1&x=2", "wr-1"},
        {"keys=a&akey=b&key=c&key=d", "c"}, /* the first */
        {"key=eyJhbGciOiJFZERTQSJ9.e30.c2ln", "eyJhbGciOiJFZERTQSJ9.e30.c2ln"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[32];
        struct str key = web_query_key(str_from(rows[i].query), buffer, sizeof buffer);
        if (!str_eq(key, str_from(rows[i].key))) fail_msg("row %zu: %.*s", i, STR_ARG(key));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machines_own_names_are_loopback),
        cmocka_unit_test(an_origin_is_a_page_served_here),
        cmocka_unit_test(a_browser_says_which_page_has_asked),
        cmocka_unit_test(a_key_may_stand_in_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
