/* http_client_test.c - what goes over the wire, which connections are used again, and what becomes of a call when the
 * provider misbehaves. How a provider is reached: http_client_ways_test.c. */
#include "http_client_bench.h"

static void a_connection_serves_call_after_call(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5}, {OK5}, {OK5, .slowly = true}}, .stays_open = true}};
    struct bench bench;
    struct str body[] = {STR("{\"a\":"), STR("1}")};
    bench_open(&bench, scripts, 1);
    ask(&bench, http_post, body, 2);
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_post, NULL, 0);
    run(&bench);
    for (size_t i = 0; i < 3; i++) is_good(&bench.outcomes[i], 200, "hello");
    assert_true(bench.server.accepted == 1 && bench.connections == 1 && bench.idle == 1);
    assert_int_equal(bench.server.body_bytes, 7);
    char expected[256];
    snprintf(expected, sizeof expected,
             "POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 7\r\n\r\n"
             "GET /v1/x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n"
             "POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 0\r\n\r\n",
             bench.origin.port, bench.origin.port, bench.origin.port);
    assert_string_equal(bench.server.seen, expected);
}

/* The provider reads it on a kept connection, and breaks: it may have worked. */
static void what_a_provider_has_read_is_never_sent_again(void **state) {
    (void)state;
    for (int tls = 0; tls < 2; tls++)
        for (int reset = 0; reset < 2; reset++) {
            struct script scripts[] = {{.turns = {{OK5}, {""}}, .reset = reset, .tls = tls},
                                       {.turns = {{OK5}}, .stays_open = true, .tls = tls}};
            struct bench bench;
            struct str body[] = {STR("work that costs")};
            bench_open(&bench, scripts, 2);
            if (tls) is_tls(&bench);
            ask(&bench, http_get, NULL, 0);
            ask(&bench, http_post, body, 1);
            run(&bench);
            is_good(&bench.outcomes[0], 200, "hello");
            assert_true(bench.outcomes[1].failed == 1 && bench.outcomes[1].sents == 1);
            assert_int_equal(bench.outcomes[1].failure, call_failure_reset_reused);
            assert_int_equal(bench.server.body_bytes, 15);
            assert_true(bench.server.accepted == 1 && bench.replaced == 0);
        }
}

/* The end came while the loop was busy; the connection has rested, so it is looked at. */
static void a_rested_connection_whose_end_has_come_is_passed_over(void **state) {
    (void)state;
    for (int tls = 0; tls < 2; tls++)
        for (int reset = 0; reset < 2; reset++) {
            struct script scripts[] = {{.turns = {{OK5}}, .reset = reset, .waits = true, .tls = tls},
                                       {.turns = {{OK5}}, .stays_open = true, .tls = tls}};
            struct bench bench;
            struct str body[] = {STR("sent once")};
            bench_open(&bench, scripts, 2);
            if (tls) is_tls(&bench);
            bench.origin.rested_ns = 0;
            bench.after_close = true;
            ask(&bench, http_get, NULL, 0);
            ask(&bench, http_post, body, 1);
            run(&bench);
            is_good(&bench.outcomes[1], 200, "hello");
            assert_int_equal(bench.server.body_bytes, 9);
            assert_true(bench.server.accepted == 2 && bench.replaced == 1);
        }
}

/* It was in use a moment ago, so it is not looked at; but it takes not one byte, so nobody has read any. */
static void a_connection_that_takes_not_one_byte_is_passed_over(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5}}, .reset = true, .waits = true},
                                            {.turns = {{OK5}}, .stays_open = true}};
    struct bench bench;
    struct str body[] = {STR("sent once")};
    bench_open(&bench, scripts, 2);
    bench.after_close = true;
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_post, body, 1);
    run(&bench);
    is_good(&bench.outcomes[1], 200, "hello");
    assert_int_equal(bench.server.body_bytes, 9);
    assert_true(bench.server.accepted == 2 && bench.replaced == 1);
}

/* What a turn writes leaves at its end: the connection's end came before that. */
static void a_connection_whose_end_comes_before_the_request_has_left_is_passed_over(void **state) {
    (void)state;
    for (int tls = 0; tls < 2; tls++)
        for (int reset = 0; reset < 2; reset++) {
            struct script scripts[] = {{.turns = {{OK5}}, .reset = reset, .waits = true, .tls = tls},
                                       {.turns = {{OK5}}, .stays_open = true, .tls = tls}};
            struct bench bench;
            struct str body[] = {STR("sent once")};
            bench_open(&bench, scripts, 2);
            if (tls) is_tls(&bench);
            bench.after_close = bench.in_its_turn = true;
            ask(&bench, http_get, NULL, 0);
            ask(&bench, http_post, body, 1);
            run(&bench);
            is_good(&bench.outcomes[1], 200, "hello");
            assert_int_equal(bench.server.body_bytes, 9);
            assert_true(bench.server.accepted == 2 && bench.replaced == 1);
        }
}

/* Closed in the moment of the sending: the bytes have gone out, and nobody can tell whether they were read. */
static void a_close_that_crosses_the_request_is_told(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5}}, .waits = true}, {.turns = {{OK5}}, .stays_open = true}};
    struct bench bench;
    struct str body[] = {STR("sent once")};
    bench_open(&bench, scripts, 2);
    bench.after_close = true;
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_post, body, 1);
    run(&bench);
    assert_int_equal(bench.outcomes[1].failed, 1);
    assert_int_equal(bench.outcomes[1].failure, call_failure_reset_reused);
    assert_true(bench.server.accepted == 1 && bench.server.body_bytes == 0);
}

static void a_fresh_connection_that_ends_is_a_failure(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{""}}}};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    assert_int_equal(bench.outcomes[0].failed, 1);
    assert_int_equal(bench.outcomes[0].failure, call_failure_reset);
}

static void what_becomes_of_broken_replies(void **state) {
    (void)state;
    static const struct {
        const char *reply;
        enum call_failure failure;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", call_failure_cut},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", call_failure_cut},
        {"HTTP/1.1 200 OK\r\nContent-", call_failure_reset},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", call_failure_malformed},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", call_failure_malformed},
        {"<html>", call_failure_malformed},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script script = {.turns = {{rows[i].reply}}};
        struct bench bench;
        bench_open(&bench, &script, 1);
        ask(&bench, http_get, NULL, 0);
        run(&bench);
        assert_int_equal(bench.outcomes[0].failed, 1);
        assert_int_equal(bench.outcomes[0].failure, rows[i].failure);
        assert_true(bench.outcomes[0].text[0] != 0);
        assert_int_equal(bench.connections, 0);
    }
}

static void bodies_come_in_every_framing(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {.turns = {
             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", .slowly = true},
             {"HTTP/1.1 204 No Content\r\n\r\n"},
             {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end"}}}};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    for (int i = 0; i < 3; i++) ask(&bench, http_get, NULL, 0);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "hello!");
    is_good(&bench.outcomes[1], 204, "");
    is_good(&bench.outcomes[2], 200, "until the end");
    assert_int_equal(bench.connections, 0);
}

/* Only a close_notify says that a body without framing is whole: anybody on the way can send a FIN. */
static void a_body_until_the_close_is_whole_over_tls_when_tls_says_so(void **state) {
    (void)state;
    static const struct {
        const char *reply, *body;
        bool notify, whole;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", false, false},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", true, true},
        {"HTTP/1.1 200 OK\r\n\r\n", "", false, false},
        {"HTTP/1.1 200 OK\r\n\r\n", "", true, true},
        {"HTTP/1.0 200 OK\r\n\r\nhello", "hello", false, false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "hello", false, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", false, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello", true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script script = {.turns = {{rows[i].reply}}, .tls = true, .notify = rows[i].notify};
        struct bench bench;
        bench_open(&bench, &script, 1);
        is_tls(&bench);
        ask(&bench, http_get, NULL, 0);
        run(&bench);
        if (rows[i].whole) {
            is_good(&bench.outcomes[0], 200, rows[i].body);
        } else {
            assert_true(bench.outcomes[0].failed == 1 && bench.outcomes[0].ended == 0);
            assert_int_equal(bench.outcomes[0].failure, call_failure_cut);
        }
    }
}

static void a_reply_to_head_is_complete_without_a_body(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {.turns = {{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, {OK5}}, .stays_open = true}};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    ask(&bench, http_head, NULL, 0);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "");
    is_good(&bench.outcomes[1], 200, "hello");
    assert_int_equal(bench.server.accepted, 1);
}

static void a_connection_that_says_too_much_is_not_used_again(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5 "HTTP/1.1 200 OK\r\n"}}, .stays_open = true},
                                            {.turns = {{OK5}}, .stays_open = true}};
    struct bench bench;
    bench_open(&bench, scripts, 2);
    ask(&bench, http_get, NULL, 0);
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "hello");
    is_good(&bench.outcomes[1], 200, "hello");
    assert_int_equal(bench.server.accepted, 2);
}

/* Whoever asks next, inside `ended` too, and with room for one connection only. */
static void what_comes_late_is_nobodys_answer(void **state) {
    (void)state;
    static const struct turn late[] = {
        {OK5, .late = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlater"},
        {OK5, .late = "\r\n"},
        {OK5, .late = "no HTTP at all"},
    };
    for (int way = 0; way < 8; way++)
        for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
            struct script scripts[] = {{.turns = {late[i]}, .tls = way & 1, .stays_open = true},
                                       {.turns = {{OK5}}, .tls = way & 1, .stays_open = true}};
            struct bench bench;
            bench_open(&bench, scripts, 2);
            if (way & 1) is_tls(&bench);
            bench.at_once = way & 2;
            bench.origin.connections_max = way & 4 ? 1 : 0;
            ask(&bench, http_get, NULL, 0);
            ask(&bench, http_get, NULL, 0);
            run(&bench);
            is_good(&bench.outcomes[0], 200, "hello");
            is_good(&bench.outcomes[1], 200, "hello");
            assert_int_equal(bench.server.accepted, 2);
        }
}

static void a_connection_that_holds_a_part_of_a_record_is_passed_over(void **state) {
    (void)state;
    for (int at_once = 0; at_once < 2; at_once++)
        for (size_t part = 1; part < 9; part++) { /* a record's head is 5 bytes */
            struct script scripts[] = {{.turns = {{OK5, .late_part = part}}, .tls = true, .stays_open = true},
                                       {.turns = {{OK5}}, .tls = true, .stays_open = true}};
            struct bench bench;
            bench_open(&bench, scripts, 2);
            is_tls(&bench);
            bench.at_once = at_once;
            ask(&bench, http_get, NULL, 0);
            ask(&bench, http_get, NULL, 0);
            run(&bench);
            is_good(&bench.outcomes[1], 200, "hello");
            assert_true(bench.server.accepted == 2 && bench.replaced == 1);
        }
}

/* It waits for the end of the turn, not for another connection. */
static void a_call_begun_at_the_end_of_another_gets_its_connection(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct script scripts[] = {{.turns = {{OK5}, {OK5}, {OK5}}, .tls = way & 1, .stays_open = true}};
        struct bench bench;
        bench_open(&bench, scripts, 1);
        if (way & 1) is_tls(&bench);
        bench.at_once = true;
        bench.origin.connections_max = way & 2 ? 1 : 0;
        for (int i = 0; i < 3; i++) ask(&bench, http_get, NULL, 0);
        run(&bench);
        for (size_t i = 0; i < 3; i++) is_good(&bench.outcomes[i], 200, "hello");
        assert_true(bench.server.accepted == 1 && bench.connections == 1 && bench.idle == 1);
    }
}

static void a_large_body_goes_out_whole(void **state) {
    (void)state;
    enum { size = 9 * 1024 * 1024 };
    static const struct script scripts[] = {{.turns = {{OK5}}, .stays_open = true}};
    struct bench bench;
    char *bytes = calloc(1, size);
    struct str body[] = {str_make(bytes, size), STR(""), str_make(bytes, size), STR("end")};
    bench_open(&bench, scripts, 1);
    ask(&bench, http_post, body, 4);
    run(&bench);
    is_good(&bench.outcomes[0], 200, "hello");
    assert_int_equal(bench.server.body_bytes, 2 * size + 3);
    assert_int_equal(bench.idle, 1);
    free(bytes);
}

static void a_reply_before_the_whole_body_is_delivered(void **state) {
    (void)state;
    enum { size = 30 * 1024 * 1024 };
    static const struct script scripts[] = {
        {.turns = {{"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno", .unread = true}}, .stays_open = true}};
    struct bench bench;
    char *bytes = calloc(1, size);
    struct str body[] = {str_make(bytes, size)};
    bench_open(&bench, scripts, 1);
    ask(&bench, http_post, body, 1);
    run(&bench);
    is_good(&bench.outcomes[0], 413, "no");
    assert_int_equal(bench.connections, 0);
    free(bytes);
}

static void a_provider_that_answers_and_hangs_up_on_a_large_body_is_heard(void **state) {
    (void)state;
    enum { size = 30 * 1024 * 1024 };
    static const struct script scripts[] = {
        {.turns = {{"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno", .unread = true}}}};
    char *bytes = calloc(1, size);
    struct str body[] = {str_make(bytes, size)};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    ask(&bench, http_post, body, 1);
    run(&bench);
    is_good(&bench.outcomes[0], 413, "no");
    free(bytes);
}

static void a_cancelled_call_takes_its_connection_along(void **state) {
    (void)state;
    static const struct script scripts[] = {{.turns = {{OK5}}, .stays_open = true}};
    struct bench bench;
    bench_open(&bench, scripts, 1);
    bench.cancel_at_head = true;
    ask(&bench, http_get, NULL, 0);
    run(&bench);
    assert_true(bench.outcomes[0].heads == 1 && bench.outcomes[0].ended == 0 && bench.outcomes[0].failed == 0);
    assert_int_equal(bench.connections, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_call_after_call),
        cmocka_unit_test(what_a_provider_has_read_is_never_sent_again),
        cmocka_unit_test(a_rested_connection_whose_end_has_come_is_passed_over),
        cmocka_unit_test(a_connection_that_takes_not_one_byte_is_passed_over),
        cmocka_unit_test(a_connection_whose_end_comes_before_the_request_has_left_is_passed_over),
        cmocka_unit_test(a_close_that_crosses_the_request_is_told),
        cmocka_unit_test(a_fresh_connection_that_ends_is_a_failure),
        cmocka_unit_test(what_becomes_of_broken_replies),
        cmocka_unit_test(bodies_come_in_every_framing),
        cmocka_unit_test(a_body_until_the_close_is_whole_over_tls_when_tls_says_so),
        cmocka_unit_test(a_reply_to_head_is_complete_without_a_body),
        cmocka_unit_test(a_connection_that_says_too_much_is_not_used_again),
        cmocka_unit_test(what_comes_late_is_nobodys_answer),
        cmocka_unit_test(a_connection_that_holds_a_part_of_a_record_is_passed_over),
        cmocka_unit_test(a_call_begun_at_the_end_of_another_gets_its_connection),
        cmocka_unit_test(a_large_body_goes_out_whole),
        cmocka_unit_test(a_reply_before_the_whole_body_is_delivered),
        cmocka_unit_test(a_provider_that_answers_and_hangs_up_on_a_large_body_is_heard),
        cmocka_unit_test(a_cancelled_call_takes_its_connection_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
