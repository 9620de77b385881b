/* http_client_ways_test.c - a call's ways to its provider: by name, through a proxy, over TLS, to a unix socket; and
 * who is not there. */
#include "http_client_bench.h"

static void nobody_listening_is_a_connect_failure(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, NULL, 0);
    struct sockaddr_in free_port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, but not listening */
    socklen_t len = sizeof free_port;
    assert_int_equal(bind(fd, (struct sockaddr *)&free_port, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&free_port, &len), 0);
    bench.origin.port = ntohs(free_port.sin_port);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    close(fd);
    assert_int_equal(bench.outcomes[0].failure, call_failure_connect);
    assert_int_equal(bench.outcomes[0].sents, 0);
}

static void a_name_resolves_off_the_loop(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5, .slowly = true}, {OK5}}, .stays_open = true}};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    bench.origin.host = STR("localhost"); /* may be ::1 first, where nobody listens */
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "hello");
    is_good(&bench.outcomes[1], 200, "hello");
}

static void a_name_that_does_not_resolve_is_a_dns_failure(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, NULL, 0);
    bench.origin.host = STR("no such name");
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_get, NULL, 0); /* from the cache */
    run(&bench);
    assert_int_equal(bench.outcomes[0].failure, call_failure_dns);
    assert_int_equal(bench.outcomes[1].failure, call_failure_dns);
}

static void a_plain_request_through_a_proxy_is_absolute(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5}}, .stays_open = true}};
    struct bench bench;
    char proxy[64];
    bench_open(&bench, scripts, 1);
    snprintf(proxy, sizeof proxy, "http://me:p%%40ss@127.0.0.1:%u/", bench.origin.port);
    bench.origin.proxy = str_from(proxy);
    bench.origin.host = STR("api.example");
    bench.origin.port = 80;
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "hello");
    assert_string_equal(bench.server.seen, "GET http://api.example/v1/x HTTP/1.1\r\nHost: api.example\r\n"
                                           "Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n");
}

static void a_proxy_that_refuses_is_named_as_the_cause(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {.turns = {{"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nno!"}}}};
    struct bench bench;
    char proxy[64];
    bench_open(&bench, scripts, 1);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", bench.origin.port);
    bench.origin.proxy = str_from(proxy);
    bench.origin.host = STR("api.example");
    bench.origin.port = 443;
    is_tls(&bench);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    assert_int_equal(bench.outcomes[0].failure, call_failure_proxy);
    assert_non_null(strstr(bench.outcomes[0].text, "407"));
    assert_string_equal(bench.server.seen, "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n");
}

static void tls_carries_call_after_call(void **state) {
    (void)state;
    enum { size = 3 * 1024 * 1024 };
    static const struct script scripts[] = {
        {.tls = true,
         .turns = {{OK5},
                   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", .slowly = true},
                   {OK5}}}};
    char *bytes = calloc(1, size);
    struct str body[] = {str_make(bytes, size), STR("end")};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    is_tls(&bench);
    ask(&bench, http_post, body, 2);
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "hello");
    is_good(&bench.outcomes[1], 200, "hi");
    is_good(&bench.outcomes[2], 200, "hello");
    assert_int_equal(bench.server.body_bytes, size + 3);
    assert_int_equal(bench.server.accepted, 1);
    free(bytes);
}

static void tls_goes_through_a_proxy_by_connect(void **state) {
    (void)state;
    static const struct script scripts[] = {{.tls = true, .tunnel = true, .turns = {{OK5}, {OK5}}, .stays_open = true}};
    struct bench bench;
    char proxy[64];
    bench_open(&bench, scripts, 1);
    snprintf(proxy, sizeof proxy, "http://u:p@127.0.0.1:%u", bench.origin.port);
    bench.origin.proxy = str_from(proxy);
    bench.origin.host = STR("api.example");
    bench.origin.port = 443;
    is_tls(&bench);
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "hello");
    is_good(&bench.outcomes[1], 200, "hello");
    assert_string_equal(bench.server.seen, "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n"
                                           "Proxy-Authorization: Basic dTpw\r\n\r\n"
                                           "GET /v1/x HTTP/1.1\r\nHost: api.example\r\n\r\n"
                                           "GET /v1/x HTTP/1.1\r\nHost: api.example\r\n\r\n");
}

static void a_certificate_of_nobodys_is_refused(void **state) {
    (void)state;
    static const struct script scripts[] = {{.tls = true, .turns = {{OK5}}}};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    is_tls_that(&bench, false);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    assert_int_equal(bench.outcomes[0].failure, call_failure_tls);
    assert_non_null(strstr(bench.outcomes[0].text, "certificate"));
    assert_int_equal(bench.server.seen_len, 0);
}

static void a_unix_socket_is_called_like_any_other(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5}, {OK5}}, .stays_open = true}};
    struct bench bench;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/weir-unix-XXXXXX";
    bench_open(&bench, scripts, 1);
    close(bench.server.listener);
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
    bench.server.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(bench.server.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(bench.server.listener, 8), 0);
    bench.origin.unix_path = str_from(address.sun_path);
    bench.origin.host = STR_NONE;
    bench.origin.port = 0;
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    unlink(address.sun_path);
    rmdir(folder);
    is_good(&bench.outcomes[0], 200, "hello");
    is_good(&bench.outcomes[1], 200, "hello");
    assert_string_equal(bench.server.seen, "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                           "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

static void a_server_without_tls_is_a_tls_failure(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{"HTTP/1.1 400 Bad\r\n\r\n", .unread = true}}}};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    is_tls(&bench);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    assert_int_equal(bench.outcomes[0].failure, call_failure_tls);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listening_is_a_connect_failure),
        cmocka_unit_test(a_name_resolves_off_the_loop),
        cmocka_unit_test(a_name_that_does_not_resolve_is_a_dns_failure),
        cmocka_unit_test(a_plain_request_through_a_proxy_is_absolute),
        cmocka_unit_test(a_proxy_that_refuses_is_named_as_the_cause),
        cmocka_unit_test(tls_carries_call_after_call),
        cmocka_unit_test(tls_goes_through_a_proxy_by_connect),
        cmocka_unit_test(a_certificate_of_nobodys_is_refused),
        cmocka_unit_test(a_unix_socket_is_called_like_any_other),
        cmocka_unit_test(a_server_without_tls_is_a_tls_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
