/* server_connection_test.c - a caller's connection from its first byte to its last: turns, times and ends. */
#include "net/server_internal.h"

#include "server_bench.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void *asks_three_at_once(void *context) {
    struct server_bench *bench = context;
    int peer = net_bench_connect(bench->net.port);
    net_bench_say(peer, GET("/1") GET("/2") GET("/3?x=y"));
    for (size_t i = 0; i < 3; i++) {
        net_bench_hear(&bench->net, peer, "hello");
        *strstr(bench->net.heard, "hello") = 'H'; /* the next one */
    }
    close(peer);
    return server_bench_peer_done(bench);
}

static void what_is_pipelined_is_answered_in_its_order(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    server_bench_run(&bench, asks_three_at_once);
    assert_int_equal(bench.seen_count, 3);
    assert_string_equal(bench.seen[0].path, "/1");
    assert_string_equal(bench.seen[1].path, "/2");
    assert_string_equal(bench.seen[2].path, "/3");
    assert_string_equal(bench.seen[2].query, "x=y");
    for (size_t i = 0; i < 3; i++) assert_true(bench.seen[i].dones == 1 && bench.seen[i].ends == 1);
}

/* -- what waits behind a request is kept in one block, whose front is used again -- */

enum { padded_most = 3200 };
static char padded[5][padded_most]; /* requests 1 to 4 */
static struct timer behind_look;

static struct connection *behind_of(struct server_seen *seen) {
    return (struct connection *)(void *)((char *)seen->exchange - offsetof(struct connection, exchange));
}

static void behind_answer(void *context);

/* What is read of a request is still counted while it is told. */
static void behind_wait(struct server_seen *seen) {
    struct loop *loop = seen->bench->net.loop;
    timer_set(loop, &behind_look, loop_now(loop).mono_ns + NS_PER_MS, behind_answer, seen);
}

/* Answers when all that belongs behind this request is there. */
static void behind_answer(void *context) {
    struct server_seen *seen = context;
    const struct connection *connection = behind_of(seen);
    size_t number = (size_t)(seen->path[1] - '0'), wanted = 0;
    for (size_t i = number + 1; i <= (number == 1 ? 3 : 4); i++) wanted += strlen(padded[i]);
    if (connection->ahead_len - connection->ahead_from < wanted) {
        behind_wait(seen);
        return;
    }
    if (number == 2) assert_int_equal(connection->ahead_from, 0);
    assert_true(connection->ahead_size <= 8192); /* and not: grown once more */
    server_bench_hello(seen);
}

static void *asks_and_asks_again(void *context) {
    struct server_bench *bench = context;
    int peer = net_bench_connect(bench->net.port);
    char first[3 * padded_most];
    snprintf(first, sizeof first, "%s%s%s", padded[1], padded[2], padded[3]);
    net_bench_say(peer, first);
    for (size_t i = 1; i <= 4; i++) {
        net_bench_hear(&bench->net, peer, "hello");
        *strstr(bench->net.heard, "hello") = 'H';
        if (i == 1) net_bench_say(peer, padded[4]);
    }
    close(peer);
    return server_bench_peer_done(bench);
}

static void room_in_front_of_what_waits_is_used_again(void **state) {
    struct server_bench bench;
    (void)state;
    for (int i = 1; i <= 4; i++)
        snprintf(padded[i], padded_most, "GET /%d HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n", i, i == 1 ? 1 : 3000, i);
    server_bench_open(&bench);
    bench.at_end = behind_wait;
    server_bench_run(&bench, asks_and_asks_again);
    assert_int_equal(bench.seen_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(bench.seen[i].path[1], '1' + (int)i);
        assert_true(bench.seen[i].dones == 1 && bench.seen[i].ends == 1);
    }
}

/* More than are served in one turn of the loop. */
static void *asks_twenty_at_once_and_says_its_end(void *context) {
    struct server_bench *bench = context;
    int peer = net_bench_connect(bench->net.port);
    for (int i = 0; i < 20; i++) net_bench_say(peer, GET("/"));
    shutdown(peer, SHUT_WR);
    net_bench_hear(&bench->net, peer, NULL);
    close(peer);
    return server_bench_peer_done(bench);
}

static void a_caller_who_said_its_end_gets_every_answer_that_is_there(void **state) {
    struct server_bench bench;
    size_t answers = 0;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    server_bench_run(&bench, asks_twenty_at_once_and_says_its_end);
    for (const char *at = bench.net.heard; (at = strstr(at, "hello")); at++) answers++;
    assert_true(answers == 20 && bench.seen_count == 20 && !bench.net.peer_reset);
}

static void *hangs_up_in_its_body(void *context) {
    struct server_bench *bench = context;
    int peer = net_bench_connect(bench->net.port);
    net_bench_say(peer, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhal");
    shutdown(peer, SHUT_WR);
    net_bench_hear(&bench->net, peer, NULL);
    close(peer);
    return server_bench_peer_done(bench);
}

static void who_hangs_up_in_the_middle_is_gone_once(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    server_bench_run(&bench, hangs_up_in_its_body);
    assert_true(bench.seen[0].gones == 1 && bench.seen[0].ends == 0);
    assert_int_equal(bench.net.heard_len, 0);
}

static void *says_nonsense(void *context) {
    server_bench_ask(context, "HELO mail.example\r\n\r\n");
    return server_bench_peer_done(context);
}

static void nonsense_is_answered_by_net_and_reaches_no_handler(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    server_bench_run(&bench, says_nonsense);
    assert_int_equal(bench.seen_count, 0);
    assert_true(bench.refusals == 1 && bench.refused_as == error_invalid_request);
    server_bench_heard(&bench, "HTTP/1.1 400 Bad Request\r\n");
    server_bench_heard(&bench, "Connection: close\r\n\r\nno: ");
    assert_false(bench.net.peer_reset); /* what it went on to say was read, so that it can read this */
}

static void *sends_too_much(void *context) {
    struct server_bench *bench = context;
    int peer = net_bench_connect(bench->net.port);
    net_bench_say(peer, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 200; i++) net_bench_say(peer, "20\r\n0123456789abcdef0123456789abcdef\r\n");
    net_bench_say(peer, "0\r\n\r\n");
    net_bench_hear(&bench->net, peer, NULL);
    close(peer);
    return server_bench_peer_done(bench);
}

static void a_body_beyond_its_limit_is_answered_and_its_handler_hears_that_it_is_gone(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    server_bench_run(&bench, sends_too_much);
    server_bench_heard(&bench, "HTTP/1.1 413 Content Too Large\r\n");
    assert_true(bench.seen[0].gones == 1 && bench.seen[0].ends == 0);
}

static void *expects_a_go_on(void *context) {
    struct server_bench *bench = context;
    int peer = net_bench_connect(bench->net.port);
    net_bench_say(peer, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"
                        "Content-Length: 4\r\n\r\n");
    assert_true(net_bench_hear(&bench->net, peer, "HTTP/1.1 100 Continue\r\n\r\n"));
    net_bench_say(peer, "body");
    net_bench_hear(&bench->net, peer, NULL);
    close(peer);
    return server_bench_peer_done(bench);
}

static void who_expects_a_go_on_gets_one_before_its_body(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    server_bench_run(&bench, expects_a_go_on);
    server_bench_heard(&bench, "hello");
    assert_string_equal(bench.seen[0].body, "body");
}

/* -- times -- */

static void *says_half_a_head(void *context) {
    server_bench_ask(context, "GET / HTTP/1.1\r\nHos");
    return server_bench_peer_done(context);
}

static void who_begins_a_head_and_stops_is_told_that_it_took_too_long(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.limits.head_timeout_ns = 30 * NS_PER_MS;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, says_half_a_head);
    server_bench_heard(&bench, "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(bench.refused_as, error_request_timeout);
}

static void *says_nothing(void *context) {
    server_bench_ask(context, "");
    return server_bench_peer_done(context);
}

static void who_says_nothing_is_closed_without_a_word(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.limits.head_timeout_ns = 30 * NS_PER_MS;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, says_nothing);
    assert_true(bench.net.heard_len == 0 && !bench.net.peer_reset && bench.refusals == 0);
}

static void *stops_in_its_body(void *context) {
    server_bench_ask(context, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhal");
    return server_bench_peer_done(context);
}

static void who_stops_in_its_body_is_told_and_its_handler_hears_that_it_is_gone(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.limits.body_timeout_ns = 30 * NS_PER_MS;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, stops_in_its_body);
    server_bench_heard(&bench, "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(bench.seen[0].gones, 1);
}

static void *asks_once_and_rests(void *context) {
    server_bench_ask(context, GET("/"));
    return server_bench_peer_done(context);
}

static void one_that_rests_too_long_is_closed(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    bench.limits.idle_timeout_ns = 30 * NS_PER_MS;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, asks_once_and_rests);
    server_bench_heard(&bench, "hello");
    assert_false(bench.net.peer_reset);
    assert_null(strstr(bench.net.heard, "Connection: close"));
}

/* The timer is still the head's when it rests: it fires too early, and is set again. */
static void a_deadline_that_moved_later_is_kept_all_the_same(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = server_bench_hello;
    bench.limits.head_timeout_ns = NS_PER_S;
    bench.limits.idle_timeout_ns = NS_PER_S + 100 * NS_PER_MS;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, asks_once_and_rests);
    server_bench_heard(&bench, "hello");
    assert_false(bench.net.peer_reset); /* nor has the peer waited for nothing */
    assert_int_equal(bench.refusals, 0);
}

enum { long_body = 16 * 1024 * 1024 };
static char block[long_body];

static void much(struct server_seen *seen) {
    struct str body = str_make(block, sizeof block);
    exchange_respond(seen->exchange, 200, NULL, 0, long_body);
    exchange_write(seen->exchange, &body, 1);
    exchange_end(seen->exchange);
}
static void stop_at_the_end(struct server_seen *seen) {
    loop_post(seen->bench->net.loop, server_bench_stop, seen->bench);
}

static _Atomic bool reader_may_end;
static void *reads_nothing(void *context) {
    struct server_bench *bench = context;
    int peer = net_bench_connect(bench->net.port);
    net_bench_say(peer, GET("/"));
    while (!atomic_load(&reader_may_end)) usleep(1000);
    close(peer);
    return NULL;
}
static void reader_lets_go(struct server_seen *seen) {
    atomic_store(&reader_may_end, true);
    stop_at_the_end(seen);
}

static void who_reads_nothing_of_its_answer_is_given_up(void **state) {
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    bench.at_end = much;
    bench.at_over = reader_lets_go;
    bench.limits.write_timeout_ns = 30 * NS_PER_MS;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, reads_nothing);
    assert_true(bench.seen[0].gones == 1 && bench.seen[0].dones == 0);
}

/* A small answer, found to be too much for the kernel when the turn ends. */
static void hello_into_a_full_socket(struct server_seen *seen) {
    static const char bytes[4096];
    int descriptor = LIST_OWNER(seen->exchange, struct connection, exchange)->stream->descriptor;
    while (send(descriptor, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) continue;
    while (send(descriptor, bytes, 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) continue;
    server_bench_hello(seen);
    assert_int_equal(exchange_unsent(seen->exchange), 0);
}

static void who_reads_nothing_of_a_small_answer_is_given_up_too(void **state) {
    struct server_bench bench;
    (void)state;
    atomic_store(&reader_may_end, false);
    server_bench_open(&bench);
    bench.at_end = hello_into_a_full_socket;
    bench.at_over = reader_lets_go;
    bench.limits.write_timeout_ns = 30 * NS_PER_MS;
    server_set_limits(bench.server, &bench.limits);
    server_bench_run(&bench, reads_nothing);
    assert_true(bench.seen[0].gones == 1 && bench.seen[0].dones == 0);
}

/* -- who is not read, and leaves while its answer is made -- */

static bool leaves_by_reset;

static void *asks_much_and_leaves(void *context) {
    struct server_bench *bench = context;
    struct linger at_once = {.l_onoff = leaves_by_reset, .l_linger = 0};
    int peer = net_bench_connect(bench->net.port);
    for (int i = 0; i < 4000; i++) net_bench_say(peer, GET("/"));
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(peer);
    return NULL;
}

static void who_asks_more_than_is_read_and_leaves_is_found_gone(void **state) {
    struct budget little = {.limit = 4096};
    struct budget *rooms[] = {NULL, &little}; /* read up to a limit; no room for any of it */
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct server_bench bench;
        server_bench_open(&bench);
        leaves_by_reset = bench.may_be_gone = i & 1;
        bench.limits.heads = rooms[i >> 1];
        server_set_limits(bench.server, &bench.limits);
        bench.at_over = stop_at_the_end;
        server_bench_run(&bench, asks_much_and_leaves);
        assert_true(bench.seen_count == 1 && bench.seen[0].ends == 1);
        assert_true(bench.seen[0].gones == 1 && bench.seen[0].dones == 0);
    }
}

static void *comes_after(void *context) {
    struct server_bench *bench = context;
    close(net_bench_connect(bench->net.port)); /* behind the one that was there before */
    return NULL;
}

/* The system no longer knows who it was: it is not taken for somebody on a unix socket, who is trusted more. */
static void who_is_gone_before_it_is_accepted_is_unknown(void **state) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct server_bench bench;
    (void)state;
    server_bench_open(&bench);
    int peer = net_bench_connect(bench.net.port);
    net_bench_say(peer, GET("/"));
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(peer);
    bench.may_be_gone = true;
    bench.at_over = stop_at_the_end;
    server_bench_run(&bench, comes_after);
    assert_true(bench.seen_count == 1 && bench.unknown == 1 && bench.seen[0].gones == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_gone_before_it_is_accepted_is_unknown),
        cmocka_unit_test(who_asks_more_than_is_read_and_leaves_is_found_gone),
        cmocka_unit_test(room_in_front_of_what_waits_is_used_again),
        cmocka_unit_test(what_is_pipelined_is_answered_in_its_order),
        cmocka_unit_test(a_caller_who_said_its_end_gets_every_answer_that_is_there),
        cmocka_unit_test(who_hangs_up_in_the_middle_is_gone_once),
        cmocka_unit_test(nonsense_is_answered_by_net_and_reaches_no_handler),
        cmocka_unit_test(a_body_beyond_its_limit_is_answered_and_its_handler_hears_that_it_is_gone),
        cmocka_unit_test(who_expects_a_go_on_gets_one_before_its_body),
        cmocka_unit_test(who_begins_a_head_and_stops_is_told_that_it_took_too_long),
        cmocka_unit_test(who_says_nothing_is_closed_without_a_word),
        cmocka_unit_test(who_stops_in_its_body_is_told_and_its_handler_hears_that_it_is_gone),
        cmocka_unit_test(one_that_rests_too_long_is_closed),
        cmocka_unit_test(a_deadline_that_moved_later_is_kept_all_the_same),
        cmocka_unit_test(who_reads_nothing_of_its_answer_is_given_up),
        cmocka_unit_test(who_reads_nothing_of_a_small_answer_is_given_up_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
