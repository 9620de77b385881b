/* http1_plain_test.c - which heads are plain, and what is read of those. That llhttp tells the same of them is compared
 * in http1_test.c and http1_reply_test.c, and by the fuzz targets. */
#include "net/http1_plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct http1_plain plain;

/* In memory of just that size, so that a read past it is seen. */
static bool is_plain(const char *bytes, size_t len, bool is_request) {
    char *copy = malloc(len + 1); /* of nothing too */
    assert_non_null(copy);
    memcpy(copy + 1, bytes, len);
    struct str exact = str_make(copy + 1, len);
    bool answer = is_request ? http1_plain_request(exact, &plain) : http1_plain_reply(exact, &plain);
    free(copy);
    return answer;
}

static void a_plain_request_is_read_in_one_go(void **state) {
    static const char head[] =
        "POST /v1/chat?x=\"1\" HTTP/1.1\r\nHost: a.example:80\r\nX-Empty:\r\nx~!#$%&'*+.^_`|9:  \"q\" "
        "\\ \xc3\xa9  \r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n";
    struct str whole =
        STR("POST /v1/chat?x=\"1\" HTTP/1.1\r\nHost: a.example:80\r\nX-Empty:\r\nx~!#$%&'*+.^_`|9:  \"q\" "
            "\\ \xc3\xa9  \r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\nbody");
    (void)state;
    assert_true(http1_plain_request(whole, &plain));
    assert_true(plain.method == http_post && str_eq(plain.target, STR("/v1/chat?x=\"1\"")));
    assert_true(plain.header_count == 6 && plain.len == sizeof head - 1);
    assert_true(plain.content_length == 12 && plain.keep_alive);
    assert_true(str_eq(plain.headers[1].name, STR("X-Empty")) && plain.headers[1].value.len == 0);
    assert_true(str_eq(plain.headers[2].name, STR("x~!#$%&'*+.^_`|9")));
    assert_true(str_eq(plain.headers[2].value, STR("\"q\" \\ \xc3\xa9")));
    assert_true(plain.marks.of[mark_host].count == 1 && str_eq(plain.marks.of[mark_host].last, STR("a.example:80")));
    assert_true(plain.marks.of[mark_expect].count == 1 && plain.marks.of[mark_upgrade].count == 0);
    for (size_t len = 0; len < sizeof head - 1; len++) /* a head that has not come whole is none */
        if (is_plain(head, len, true)) fail_msg("plain at %zu", len);
    assert_true(is_plain(head, sizeof head - 1, true));
}

static void a_plain_reply_is_read_in_one_go(void **state) {
    static const char head[] = "HTTP/1.1 404 Not \xff Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    (void)state;
    for (size_t len = 0; len < sizeof head - 1; len++)
        if (is_plain(head, len, false)) fail_msg("plain at %zu", len);
    assert_true(is_plain(head, sizeof head - 1, false));
    assert_true(plain.status == 404 && plain.content_length == 0 && !plain.keep_alive);
    assert_true(plain.header_count == 2 && plain.len == sizeof head - 1);
}

static void every_method_and_no_other_begins_a_plain_request(void **state) {
    static const struct {
        const char *name;
        enum http_method method;
    } rows[] = {{"GET", http_get},       {"HEAD", http_head},   {"POST", http_post},      {"PUT", http_put},
                {"DELETE", http_delete}, {"PATCH", http_patch}, {"OPTIONS", http_options}};
    char bytes[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int len = snprintf(bytes, sizeof bytes, "%s / HTTP/1.1\r\n\r\n", rows[i].name);
        assert_true(is_plain(bytes, (size_t)len, true) && plain.method == rows[i].method);
        assert_int_equal(plain.content_length, -1);
    }
}

static void what_needs_judging_is_not_plain(void **state) {
    static const char *const requests[] = {
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "get / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GETS / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\rx",
        "GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nH(st: a\r\n\r\n",
        "GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
        "POST / HTTP/1.1\r\nProxy-Connection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nConnection: close, te\r\n\r\n",
        "POST / HTTP/1.1\r\nConnection: close\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 01\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n",
    };
    static const char *const replies[] = {
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 199 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 K\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 O\tK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",         "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        if (is_plain(requests[i], strlen(requests[i]), true)) fail_msg("plain: %s", requests[i]);
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        if (is_plain(replies[i], strlen(replies[i]), false)) fail_msg("plain: %s", replies[i]);
    const char *longest = "HTTP/1.1 200 \r\nContent-Length: 9223372036854775807\r\n\r\n";
    assert_true(is_plain(longest, strlen(longest), false));
    assert_true(plain.status == 200 && plain.content_length == INT64_MAX && plain.keep_alive);
}

/* At each limit it is plain, and one past it is left to who refuses it. */
static void a_plain_head_has_its_limits(void **state) {
    static char bytes[limit_header_bytes + 64];
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        size_t len = (size_t)sprintf(bytes, "GET /");
        memset(bytes + len, 'a', limit_target_bytes - 1 + over);
        len += limit_target_bytes - 1 + over;
        len += (size_t)sprintf(bytes + len, " HTTP/1.1\r\n\r\n");
        assert_int_equal(is_plain(bytes, len, true), over == 0);
        len = (size_t)sprintf(bytes, "GET / HTTP/1.1\r\n");
        for (size_t i = 0; i < limit_headers + over; i++) len += (size_t)sprintf(bytes + len, "a:b\r\n");
        len += (size_t)sprintf(bytes + len, "\r\n");
        assert_int_equal(is_plain(bytes, len, true), over == 0);
        len = (size_t)sprintf(bytes, "GET / HTTP/1.1\r\nA: ");
        memset(bytes + len, 'a', limit_header_bytes - len - 4 + over);
        len = limit_header_bytes - 4 + over;
        len += (size_t)sprintf(bytes + len, "\r\n\r\n");
        assert_int_equal(is_plain(bytes, len, true), over == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_read_in_one_go),
        cmocka_unit_test(a_plain_reply_is_read_in_one_go),
        cmocka_unit_test(every_method_and_no_other_begins_a_plain_request),
        cmocka_unit_test(what_needs_judging_is_not_plain),
        cmocka_unit_test(a_plain_head_has_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
