/* url_test.c - which base URLs are taken, what they mean, and which of them go through a proxy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/url.h"

static void base_urls_are_read(void **state) {
    (void)state;
    const struct {
        const char *text, *host, *path;
        bool tls;
        int port;
    } rows[] = {
        {"https://api.openai.com/v1", "api.openai.com", "/v1", true, 443},
        {"https://api.openai.com/v1/", "api.openai.com", "/v1", true, 443},
        {"http://127.0.0.1:9000", "127.0.0.1", "", false, 9000},
        {"HTTP://h", "h", "", false, 80},
        {"https://h///", "h", "", true, 443},
        {"https://h/~a!", "h", "/~a!", true, 443},
        {"http://[::1]:8080/a/b", "::1", "/a/b", false, 8080},
        {"https://[fe80::1]", "fe80::1", "", true, 443},
        {"https://h:65535/x", "h", "/x", true, 65535},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct url url;
        assert_null(url_parse(str_from(rows[i].text), &url));
        assert_true(str_eq(url.host, str_from(rows[i].host)) && str_eq(url.path, str_from(rows[i].path)));
        assert_int_equal(url.tls, rows[i].tls);
        assert_int_equal(url.port, rows[i].port);
        assert_true(str_empty(url.unix_path));
    }
    struct url url;
    assert_null(url_parse(STR("unix:/run/x.sock"), &url));
    assert_true(str_eq(url.unix_path, STR("/run/x.sock")));
}

static void what_is_no_base_url_is_refused_with_a_reason(void **state) {
    (void)state;
    const char *bad[] = {
        "",
        "h",
        "ftp://h",
        "https://",
        "https:///v1",
        "http://h:0",
        "http://h:65536",
        "http://h:",
        "http://h:-1",
        "http://u:p@h/",
        "http://h/a?b",
        "http://h/a#b",
        "http://h/a b",
        "http://h/\n",
        "http://[::1",
        "http://[::1]x",
        "http://h\x7f",
        "http://h/a\x7f",
        "http://h/a\x80",
        "http://\xc3\xa4",
        "unix:relative",
        "unix:",
        "http://h?x",
        "http://a,b",
        "http://h%41/",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct url url;
        if (!url_parse(str_from(bad[i]), &url)) fail_msg("taken: %s", bad[i]);
    }
    char host[300] = "http://";
    for (size_t i = 7; i < sizeof host; i++) host[i] = 'a';
    struct url url;
    assert_non_null(url_parse(str_make(host, sizeof host), &url));
}

/* A name such as 127.example.com may resolve to anything: it decides who may call without a key. */
static void a_host_ends_where_its_port_begins(void **state) {
    (void)state;
    const struct {
        const char *authority, *host; /* NULL: it is none */
    } rows[] = {{"localhost", "localhost"},
                {"localhost:8080", "localhost"},
                {"a.b-c_d:0", "a.b-c_d"},
                {"h:", "h"},
                {"[::1]", "::1"},
                {"[::1]:65535", "::1"},
                {"[fe80::1%eth0]:1", "fe80::1%eth0"},
                {"127.0.0.1:1", "127.0.0.1"},
                {"", NULL},
                {":1", NULL},
                {"[]", NULL},
                {"[::1", NULL},
                {"::1", NULL},
                {"[::1].evil.com", NULL},
                {"[::1]x:1", NULL},
                {"localhost:1.evil.com", NULL},
                {"localhost:1:2", NULL},
                {"h:65536", NULL},
                {"h:-1", NULL},
                {"u@h", NULL},
                {"h/p", NULL},
                {"h, i", NULL},
                {"h i", NULL},
                {"h\\i", NULL},
                {"h%2e", NULL},
                {"[h_]", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str host;
        bool is_host = host_split(str_from(rows[i].authority), &host);
        assert_int_equal(is_host, rows[i].host != NULL);
        if (is_host) assert_true(str_eq(host, str_from(rows[i].host)));
    }
}

static void only_loopback_is_loopback(void **state) {
    (void)state;
    const char *yes[] = {"localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1"};
    const char *no[] = {"",
                        "localhost.example.com",
                        "127.example.com",
                        "127.0.0.1.example.com",
                        "127.0.0.1-x",
                        "128.0.0.1",
                        "10.127.0.0",
                        "::2",
                        "0.0.0.0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) assert_true(host_is_loopback(str_from(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) assert_false(host_is_loopback(str_from(no[i])));
}

static bool proxied(const char *text, const char *no_proxy) {
    struct url url;
    assert_null(url_parse(str_from(text), &url));
    struct str proxy = url_proxy(&url, STR("http://secure:1"), STR("http://plain:2"), str_from(no_proxy));
    assert_true(str_empty(proxy) || str_eq(proxy, url.tls ? STR("http://secure:1") : STR("http://plain:2")));
    return !str_empty(proxy);
}

static void proxies_are_chosen_as_curl_does(void **state) {
    (void)state;
    assert_true(proxied("https://api.example.com", ""));
    assert_true(proxied("http://api.example.com", NULL));
    assert_false(proxied("http://localhost:1", ""));
    assert_false(proxied("unix:/run/x", ""));
    assert_false(proxied("https://api.example.com", "*"));
    assert_false(proxied("https://api.example.com", "other, example.com"));
    assert_false(proxied("https://api.example.com", ".example.com"));
    assert_false(proxied("https://API.example.COM", "Example.com"));
    assert_true(proxied("https://badexample.com", "example.com"));
    assert_true(proxied("https://com", "example.com"));
    assert_false(proxied("https://api.example.com:8443", "example.com:8443"));
    assert_true(proxied("https://api.example.com:8443", "example.com:443"));
    assert_true(proxied("https://api.example.com", ",,"));
    struct url url;
    assert_null(url_parse(STR("https://h"), &url));
    assert_true(str_empty(url_proxy(&url, STR_NONE, STR("http://plain:2"), STR_NONE)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_urls_are_read),
        cmocka_unit_test(what_is_no_base_url_is_refused_with_a_reason),
        cmocka_unit_test(a_host_ends_where_its_port_begins),
        cmocka_unit_test(only_loopback_is_loopback),
        cmocka_unit_test(proxies_are_chosen_as_curl_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
