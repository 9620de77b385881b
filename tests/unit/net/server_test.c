/* server_test.c - how many a server takes, how it drains, and how it ends. */
#include "server_bench.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void *comes_as_one_too_many(void *context) {
    struct server_bench *bench = context;
    int first = net_bench_connect(bench->net.port);
    net_bench_say(first, GET("/"));
    assert_true(net_bench_hear(&bench->net, first, "hello"));
    bench->net.heard_len = 0;
    int second = net_bench_connect(bench->net.port);
    net_bench_hear(&bench->net, second, NULL);
    close(first);
    close(second);
    return server_bench_peer_done(bench);
}

static void one_connection_too_many_is_told_to_come_again(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    bench.limits.connections_max = 1;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, comes_as_one_too_many);
    server_bench_heard(&bench, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n");
    assert_int_equal(bench.seen_count, 1);
}

static void *asks_and_ends(void *context) {
    server_bench_ask(context, GET("/"));
    return server_bench_peer_done(context);
}

static void no_room_to_be_counted_in_is_one_too_many_as_well(void **state) {
    struct budget small = {.limit = 1};
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.limits.connections = &small;
    server_set_limits(bench.server, &bench.limits);
    bench.at_end = server_bench_hello;
    server_bench_run(&bench, asks_and_ends);
    assert_int_equal(bench.seen_count, 0);
    server_bench_heard(&bench, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_int_equal(small.taken, 0);
}

/* -- draining -- */

static void drained(void *context) {
    struct server_bench *bench = context;
    bench->drained++;
    server_bench_stop(bench);
}
static void drain(void *context) {
    struct server_bench *bench = context;
    server_drain(bench->server, drained, bench);
    server_drain(bench->server, drained, bench); /* once */
}

static void a_server_without_connections_is_drained_at_once_and_told_of_it_later(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    drain(&bench);
    assert_int_equal(bench.drained, 0); /* never from inside */
    server_bench_run(&bench, NULL);
    assert_int_equal(bench.drained, 1);
}

static void drain_and_answer(struct server_seen *seen) {
    drain(seen->bench);
    server_bench_hello(seen);
}

static void *rests_and_asks(void *context) {
    struct server_bench *bench = context;
    int rests = net_bench_connect(bench->net.port), asks;
    net_bench_say(rests, GET("/rests"));
    net_bench_hear(&bench->net, rests, "hello");
    bench->net.heard_len = 0;
    asks = net_bench_connect(bench->net.port);
    net_bench_say(asks, GET("/drain"));
    net_bench_hear(&bench->net, asks, NULL);
    char byte;
    assert_int_equal(recv(rests, &byte, 1, 0), 0); /* what rests is closed */
    close(rests);
    close(asks);
    assert_int_equal(net_bench_connect(bench->net.port), -1); /* and nobody new is taken */
    return NULL;
}

static void rest_or_drain(struct server_seen *seen) {
    if (strcmp(seen->path, "/drain") == 0)
        drain_and_answer(seen);
    else
        server_bench_hello(seen);
}

static void a_drain_ends_what_rests_and_answers_what_is_asked(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = rest_or_drain;
    server_bench_run(&bench, rests_and_asks);
    server_bench_heard(&bench, "Connection: close\r\n\r\nhello"); /* says that it is the last */
    assert_true(bench.drained == 1 && bench.seen_count == 2);
}

/* -- ending -- */

static void end_in_the_middle(struct server_seen *seen) {
    struct str body = STR("hel");
    exchange_respond(seen->exchange, 200, NULL, 0, -1);
    exchange_write(seen->exchange, &body, 1);
    loop_post(seen->bench->net.loop, server_bench_stop, seen->bench);
}

static void *asks_once(void *context) {
    server_bench_ask(context, GET("/"));
    return NULL;
}

static void the_end_of_a_server_is_told_to_every_exchange_that_is_under_way(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = end_in_the_middle;
    server_bench_run(&bench, asks_once);
    assert_true(bench.seen[0].gones == 1 && bench.net.peer_reset);
}

static void an_address_too_many_is_refused(void **state) {
    struct server_bench bench;
    struct error error = {.code = error_none};
    (void)state;
    server_bench_open(&bench);
    unsigned taken = 1;
    while (taken < 100 && server_listen(bench.server, bench.address, NULL, &error)) taken++;
    assert_int_equal(taken, 16);
    assert_non_null(strstr(error.message, "More than 16 addresses"));
    loop_post(bench.net.loop, server_bench_stop, &bench);
    server_bench_run(&bench, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_too_many_is_told_to_come_again),
        cmocka_unit_test(no_room_to_be_counted_in_is_one_too_many_as_well),
        cmocka_unit_test(a_server_without_connections_is_drained_at_once_and_told_of_it_later),
        cmocka_unit_test(a_drain_ends_what_rests_and_answers_what_is_asked),
        cmocka_unit_test(the_end_of_a_server_is_told_to_every_exchange_that_is_under_way),
        cmocka_unit_test(an_address_too_many_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
