/* server_exchange_test.c - one answer: its framing by what is said of it and by who asked, and its honest breaking. */
#include "net/server_internal.h"
#include "net/stream_internal.h"
#include "server_bench.h"

#define GET_LAST "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static void *asks_get(void *context) {
    server_bench_ask(context, GET_LAST);
    return server_bench_peer_done(context);
}
static void *asks_head(void *context) {
    server_bench_ask(context, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return server_bench_peer_done(context);
}
static void *asks_in_1_0(void *context) {
    server_bench_ask(context, "GET / HTTP/1.0\r\n\r\n");
    return server_bench_peer_done(context);
}

static void of_unknown_length(struct server_seen *seen) {
    const struct http_header header = {STR("X-Note"), STR("one\r\nX-Evil: two")};
    struct str pieces[] = {STR("hello "), STR(""), STR("world")};
    exchange_write(seen->exchange, pieces, 1); /* before the head nothing is written */
    exchange_respond(seen->exchange, 200, &header, 1, -1);
    exchange_write(seen->exchange, pieces, 2);
    exchange_write(seen->exchange, &pieces[2], 1);
    exchange_end(seen->exchange);
    exchange_write(seen->exchange, &pieces[2], 1); /* behind the end nothing is written */
    exchange_end(seen->exchange);
}

/* It begins with the head, and ends in these words. */
static void heard_ends_in(const struct server_bench *bench, const char *words) {
    size_t len = strlen(bench->net.heard), tail = strlen(words);
    assert_memory_equal(bench->net.heard, "HTTP/1.1 ", 9);
    assert_true(len >= tail);
    assert_string_equal(bench->net.heard + len - tail, words);
}

static void a_known_length_is_said_and_one_exchange_ends_once(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    server_bench_run(&bench, asks_get);
    server_bench_heard(&bench, "HTTP/1.1 200 OK\r\nDate: ");
    const char *date = strstr(bench.net.heard, "Date: ") + 6; /* of the form `Sun, 22 Nov 2026 08:00:00 GMT` */
    assert_true(strcspn(date, "\r") == 29 && memcmp(date + 25, " GMT", 4) == 0);
    server_bench_heard(&bench, "Content-Length: 5\r\nConnection: close\r\n\r\nhello");
    assert_true(bench.seen_count == 1 && bench.seen[0].dones == 1);
}

static void an_unknown_length_goes_in_chunks_and_no_header_value_breaks_out(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = of_unknown_length;
    server_bench_run(&bench, asks_get);
    server_bench_heard(&bench, "Transfer-Encoding: chunked\r\n");
    heard_ends_in(&bench, "\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n");
    assert_null(strstr(bench.net.heard, "\nX-Evil"));
}

static void an_old_caller_gets_an_unknown_length_until_the_close(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = of_unknown_length;
    server_bench_run(&bench, asks_in_1_0);
    assert_null(strstr(bench.net.heard, "chunked"));
    heard_ends_in(&bench, "\r\n\r\nhello world");
}

static void to_head_all_is_said_and_nothing_sent(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    server_bench_run(&bench, asks_head);
    server_bench_heard(&bench, "Content-Length: 5\r\n");
    assert_null(strstr(bench.net.heard, "hello"));
}

static void no_content(struct server_seen *seen) {
    struct str body = STR("hello");
    exchange_respond(seen->exchange, 204, NULL, 0, 5);
    exchange_write(seen->exchange, &body, 1);
    exchange_end(seen->exchange);
}

static void an_answer_without_a_body_by_nature_has_neither_length_nor_bytes(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = no_content;
    server_bench_run(&bench, asks_get);
    server_bench_heard(&bench, "HTTP/1.1 204 No Content\r\n");
    assert_null(strstr(bench.net.heard, "Content-Length"));
    assert_null(strstr(bench.net.heard, "hello"));
    assert_int_equal(bench.seen[0].dones, 1);
}

static void less_than_said(struct server_seen *seen) {
    struct str body = STR("hel");
    exchange_respond(seen->exchange, 200, NULL, 0, 5);
    exchange_write(seen->exchange, &body, 1);
    exchange_end(seen->exchange);
}

static void less_than_was_declared_ends_in_a_reset(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = less_than_said;
    server_bench_run(&bench, asks_get);
    assert_true(bench.net.peer_reset); /* nobody takes it for the whole */
    assert_true(bench.seen[0].dones == 0 && bench.seen[0].gones == 0);
}

static void broken_off(struct server_seen *seen) {
    struct str body = STR("hel");
    exchange_respond(seen->exchange, 200, NULL, 0, -1);
    exchange_write(seen->exchange, &body, 1);
    exchange_abort(seen->exchange);
    exchange_write(seen->exchange, &body, 1);
    exchange_end(seen->exchange);
    assert_int_equal(exchange_unsent(seen->exchange), 0);
}

static void an_abort_is_a_reset_and_the_handler_hears_no_more(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = broken_off;
    server_bench_run(&bench, asks_get);
    assert_true(bench.net.peer_reset && !strstr(bench.net.heard, "0\r\n\r\n"));
    assert_true(bench.seen[0].dones == 0 && bench.seen[0].gones == 0);
}

static void raw(struct server_seen *seen) {
    exchange_raw_write(seen->exchange, STR("ICY 200 OK\r\n"));
    exchange_raw_end(seen->exchange);
}

static void raw_bytes_go_out_as_they_are_and_then_the_end_comes(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = raw;
    server_bench_run(&bench, asks_get);
    assert_string_equal(bench.net.heard, "ICY 200 OK\r\n");
    assert_int_equal(bench.seen[0].dones, 1);
}

/* A head that no provider should send, through a header value of 100 KB. */
static void flood(struct server_seen *seen) {
    static char value[100 * 1024];
    for (size_t i = 0; i < sizeof value; i++) value[i] = 'x';
    const struct http_header header = {STR("X-Flood"), {value, sizeof value}};
    struct str body = STR("hello");
    exchange_respond(seen->exchange, 200, &header, 1, 5);
    exchange_write(seen->exchange, &body, 1);
    exchange_end(seen->exchange);
}

static void a_head_that_is_too_large_is_answered_plainly(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = flood;
    server_bench_run(&bench, asks_get);
    server_bench_heard(&bench, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_null(strstr(bench.net.heard, "hello"));
}

/* -- a caller who reads slowly -- */

enum { long_body = 16 * 1024 * 1024 }; /* more than the kernel takes while nobody reads */
static char block[long_body];
static _Atomic bool reader_waits;

static void much(struct server_seen *seen) {
    struct str body = str_make(block, sizeof block);
    exchange_respond(seen->exchange, 200, NULL, 0, long_body);
    exchange_write(seen->exchange, &body, 1);
    assert_true(exchange_unsent(seen->exchange) > limit_write_high);
    atomic_store(&reader_waits, false);
}
static void goes_on(struct server_seen *seen) {
    assert_true(exchange_unsent(seen->exchange) <= limit_write_low);
    exchange_end(seen->exchange);
}

static void *reads_all_of_it(void *context) {
    struct server_bench *bench = context;
    size_t got = 0;
    ssize_t len;
    char bytes[65536];
    int peer = net_bench_connect(bench->net.port);
    net_bench_say(peer, GET_LAST);
    while (atomic_load(&reader_waits)) usleep(1000);
    while ((len = recv(peer, bytes, sizeof bytes, 0)) > 0) got += (size_t)len;
    assert_true(got > long_body && len == 0);
    close(peer);
    return server_bench_peer_done(bench);
}

static void what_a_slow_caller_leaves_waits_and_the_handler_hears_when_it_may_go_on(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    atomic_store(&reader_waits, true);
    bench.at_end = much;
    bench.at_writable = goes_on;
    server_bench_run(&bench, reads_all_of_it);
    assert_int_equal(bench.seen[0].dones, 1);
}

/* Whose an exchange was may be gone when its connection next writes. */
static struct budget whose = {.limit = 1 << 20}, strangers = {.limit = 1 << 20};
static bool let_go;

static void held_within(struct server_seen *seen) { exchange_hold_within(seen->exchange, &whose); }
static void look_whose(struct server_seen *seen) {
    const struct connection *connection =
        (const struct connection *)((const char *)seen->exchange - offsetof(struct connection, exchange));
    let_go = connection->stream->budget == &strangers;
}
static void breaks_off(struct server_seen *seen) {
    exchange_abort(seen->exchange);
    look_whose(seen);
}

static void an_exchange_that_is_over_leaves_its_connection_to_strangers(void **state) {
    static void (*const stories[])(struct server_seen *) = {server_bench_hello, breaks_off};
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct server_bench bench;
        server_bench_open(&bench);
        bench.limits.heads = &strangers;
        server_set_limits(bench.server, &bench.limits);
        bench.at_head = held_within;
        bench.at_end = stories[i];
        bench.at_over = look_whose;
        let_go = false;
        server_bench_run(&bench, asks_get);
        assert_true(let_go);
        assert_int_equal(whose.taken, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_length_is_said_and_one_exchange_ends_once),
        cmocka_unit_test(an_unknown_length_goes_in_chunks_and_no_header_value_breaks_out),
        cmocka_unit_test(an_old_caller_gets_an_unknown_length_until_the_close),
        cmocka_unit_test(to_head_all_is_said_and_nothing_sent),
        cmocka_unit_test(an_answer_without_a_body_by_nature_has_neither_length_nor_bytes),
        cmocka_unit_test(less_than_was_declared_ends_in_a_reset),
        cmocka_unit_test(an_abort_is_a_reset_and_the_handler_hears_no_more),
        cmocka_unit_test(raw_bytes_go_out_as_they_are_and_then_the_end_comes),
        cmocka_unit_test(a_head_that_is_too_large_is_answered_plainly),
        cmocka_unit_test(what_a_slow_caller_leaves_waits_and_the_handler_hears_when_it_may_go_on),
        cmocka_unit_test(an_exchange_that_is_over_leaves_its_connection_to_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
