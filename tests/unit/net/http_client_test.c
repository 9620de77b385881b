/* http_client_test.c - calls against a scripted server on raw sockets, in a thread of its own: what goes over the wire,
 * which connections are used again, and what becomes of a call when the provider misbehaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/http_client.h"
#include "net/tls.h"

/* -- the server: connection after connection, turn after turn ---------------------------------------------------- */

enum { connections_max = 4, turns_max = 4, calls_max = 4 };

struct turn {
    const char *reply; /* NULL: no more turns */
    bool unread;       /* answer without reading a request first */
    bool slowly;       /* byte by byte */
    const char *late;  /* in the same segment behind it; over TLS as a record of its own */
    size_t late_part;  /* so many bytes of a record's beginning in the same segment behind it */
};

struct script {
    struct turn turns[turns_max];
    bool tls;
    bool tunnel;     /* answers a CONNECT first */
    bool stays_open; /* after the last turn */
    bool reset;      /* instead of a clean end */
    bool notify;     /* TLS: ends with a close_notify */
    bool waits;      /* closes only when the loop has read all and is busy */
};

struct server {
    const struct script *scripts;
    size_t count;
    int listener, held[connections_max];
    size_t held_count, accepted;
    _Atomic size_t closed;
    _Atomic bool may_close;
    struct sockaddr_storage address;
    pthread_t thread;
    SSL_CTX *tls;
    SSL *ssl, *ssls[connections_max]; /* of the connection that is served; all */
    char seen[32 * 1024];             /* all requests' heads */
    size_t seen_len, body_bytes;
};

static ssize_t receive(struct server *server, int fd, char *bytes, size_t size) {
    return server->ssl ? SSL_read(server->ssl, bytes, (int)size) : read(fd, bytes, size);
}

/* Reads one request: its head into seen, its body counted. false: the caller closed. */
static bool request_read(struct server *server, int fd) {
    char head[8192];
    size_t len = 0;
    while (len < sizeof head - 1 && (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0))
        if (receive(server, fd, head + len, 1) != 1)
            return false;
        else
            len++;
    head[len] = 0;
    if (server->seen_len + len >= sizeof server->seen) return false;
    memcpy(server->seen + server->seen_len, head, len);
    server->seen_len += len;
    const char *said = strstr(head, "Content-Length: ");
    size_t left = said ? strtoul(said + 16, NULL, 10) : 0;
    while (left) {
        char bytes[64 * 1024];
        ssize_t got = receive(server, fd, bytes, left < sizeof bytes ? left : sizeof bytes);
        if (got <= 0) return false;
        left -= (size_t)got;
        server->body_bytes += (size_t)got;
    }
    return true;
}

static void send_all(struct server *server, int fd, const char *bytes, size_t len, bool slowly) {
    while (len) {
        size_t some = slowly ? 1 : len;
        ssize_t sent = server->ssl ? SSL_write(server->ssl, bytes, (int)some) : send(fd, bytes, some, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* The reply and what is behind it leave together. */
static void answer(struct server *server, int fd, const struct turn *turn) {
    static const char record[] = "\x17\x03\x03\x00\x20 so it begins";
    int corked = turn->late || turn->late_part;
    if (corked) setsockopt(fd, IPPROTO_TCP, TCP_CORK, &corked, sizeof corked);
    send_all(server, fd, turn->reply, strlen(turn->reply), turn->slowly);
    if (turn->late) send_all(server, fd, turn->late, strlen(turn->late), false);
    if (turn->late_part) assert_int_equal(write(fd, record, turn->late_part), turn->late_part);
    if (corked) setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof corked);
}

/* A certificate of nobody's: for calls that do not verify. */
static SSL_CTX *tls_make(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(tls, cert);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return tls;
}

static void tls_begin(struct server *server, const struct script *script, int fd) {
    static const char agreed[] = "HTTP/1.1 200 Connection established\r\nContent-Length: 9\r\n\r\n";
    server->ssl = NULL;
    if (script->tunnel && request_read(server, fd)) send_all(server, fd, agreed, sizeof agreed - 1, false);
    if (!script->tls) return;
    if (!server->tls) server->tls = tls_make();
    SSL *ssl = server->ssls[server->accepted - 1] = SSL_new(server->tls);
    SSL_set_fd(ssl, fd);
    SSL_accept(ssl);
    server->ssl = ssl;
}

static void *serve(void *context) {
    struct server *server = context;
    for (size_t i = 0; i < server->count; i++) {
        const struct script *script = &server->scripts[i];
        int fd = accept(server->listener, NULL, NULL), one = 1;
        if (fd < 0) break;
        server->accepted++;
        struct timeval limit = {.tv_sec = 10};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
        tls_begin(server, script, fd);
        for (size_t t = 0; t < turns_max && script->turns[t].reply; t++) {
            if (!script->turns[t].unread && !request_read(server, fd)) break;
            answer(server, fd, &script->turns[t]);
        }
        if (script->stays_open) {
            server->held[server->held_count++] = fd;
            continue;
        }
        while (script->waits && !atomic_load(&server->may_close)) sched_yield();
        if (script->notify) SSL_shutdown(server->ssl);
        if (script->reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(fd);
        atomic_fetch_add(&server->closed, 1);
    }
    return NULL;
}

/* -- the calls ----------------------------------------------------------------------------------------------------- */

struct outcome {
    int heads, ended, failed, status, sents;
    enum call_failure failure;
    char text[160], body[512];
    size_t body_len;
};

struct bench {
    struct server server;
    struct loop *loop;
    struct http_client *client;
    struct origin origin;
    struct call_request requests[calls_max];
    size_t request_count, at;
    struct outcome outcomes[calls_max];
    struct call *call;
    bool inside; /* of call_start */
    bool cancel_at_head;
    bool at_once;     /* the next call begins inside `ended` */
    bool after_close; /* a call begins when the server has closed, and the loop does not know yet */
    struct timer guard;
    struct loop_deferred next;
    size_t connections, idle;
    uint64_t replaced;
};

static void next_run(void *context);

static void done(struct bench *bench) {
    bench->at++;
    if (bench->at_once && bench->at < bench->request_count)
        next_run(bench);
    else
        loop_defer(bench->loop, &bench->next);
}
static void on_sent(void *owner) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    bench->outcomes[bench->at].sents++;
}
static void on_head(void *owner, const struct http_reply *reply) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    bench->outcomes[bench->at].heads++;
    bench->outcomes[bench->at].status = reply->status;
    if (!bench->cancel_at_head) return;
    call_cancel(bench->call);
    done(bench);
}
static void on_body(void *owner, struct str piece) {
    struct bench *bench = owner;
    struct outcome *outcome = &bench->outcomes[bench->at];
    if (outcome->body_len + piece.len < sizeof outcome->body)
        memcpy(outcome->body + outcome->body_len, piece.at, piece.len);
    outcome->body_len += piece.len;
}
static void on_ended(void *owner) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    bench->outcomes[bench->at].ended++;
    done(bench);
}
static void on_failed(void *owner, enum call_failure failure, struct str text) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    bench->outcomes[bench->at].failed++;
    bench->outcomes[bench->at].failure = failure;
    str_copy(bench->outcomes[bench->at].text, sizeof bench->outcomes[bench->at].text, text);
    done(bench);
}
static const struct call_handler handler = {on_sent, on_head, on_body, on_ended, on_failed};

static void next_run(void *context) {
    struct bench *bench = context;
    if (bench->at == bench->request_count) {
        bench->connections = http_client_connections(bench->client, &bench->idle);
        bench->replaced = http_client_replaced(bench->client);
        http_client_free(bench->client);
        timer_cancel(bench->loop, &bench->guard);
        loop_stop(bench->loop);
        return;
    }
    if (bench->at) atomic_store(&bench->server.may_close, true);
    while (bench->after_close && bench->at && atomic_load(&bench->server.closed) == 0) sched_yield();
    bench->inside = true;
    bench->call = call_start(bench->client, &bench->origin, &bench->requests[bench->at], &handler, bench);
    bench->inside = false;
    assert_non_null(bench->call);
}

static void on_guard(void *context) { fail_msg("call %zu does not end", ((struct bench *)context)->at); }

static void bench_open(struct bench *bench, const struct script *scripts, size_t count) {
    memset(bench, 0, sizeof *bench);
    bench->server.scripts = scripts;
    bench->server.count = count;
    struct sockaddr_in *address = (struct sockaddr_in *)&bench->server.address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bench->server.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(bench->server.listener, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(listen(bench->server.listener, 8), 0);
    socklen_t len = sizeof *address;
    assert_int_equal(getsockname(bench->server.listener, (struct sockaddr *)address, &len), 0);
    bench->origin = (struct origin){.host = STR("127.0.0.1"),
                                    .port = ntohs(address->sin_port),
                                    .connect_timeout_ns = 10 * NS_PER_S,
                                    .idle_timeout_ns = 60 * NS_PER_S,
                                    .rested_ns = 60 * NS_PER_S,
                                    .connections_idle_max = 8,
                                    .id = 1};
}

static void ask(struct bench *bench, enum http_method method, const struct str *body, size_t count) {
    bench->requests[bench->request_count++] =
        (struct call_request){.method = method, .target = STR("/v1/x"), .body = body, .body_count = count};
}

static void run(struct bench *bench) {
    assert_int_equal(pthread_create(&bench->server.thread, NULL, serve, &bench->server), 0);
    bench->loop = loop_new();
    bench->client = http_client_new(bench->loop);
    assert_non_null(bench->client);
    bench->next.run = next_run;
    bench->next.context = bench;
    timer_set(bench->loop, &bench->guard, loop_now(bench->loop).mono_ns + 20 * NS_PER_S, on_guard, bench);
    loop_defer(bench->loop, &bench->next);
    loop_run(bench->loop);
    loop_free(bench->loop);
    shutdown(bench->server.listener, SHUT_RDWR); /* an accept that waits ends */
    pthread_join(bench->server.thread, NULL);
    for (size_t i = 0; i < bench->server.held_count; i++) close(bench->server.held[i]);
    close(bench->server.listener);
    for (size_t i = 0; i < connections_max; i++) SSL_free(bench->server.ssls[i]);
    SSL_CTX_free(bench->server.tls);
    tls_context_release(bench->origin.tls);
}

static void is_good(const struct outcome *outcome, int status, const char *body) {
    if (outcome->failed) fail_msg("%.*s: %s", STR_ARG(call_failure_name(outcome->failure)), outcome->text);
    assert_true(outcome->ended == 1 && outcome->heads == 1);
    assert_int_equal(outcome->status, status);
    assert_int_equal(outcome->body_len, strlen(body));
    assert_string_equal(outcome->body, body);
    assert_int_equal(outcome->sents, 1);
}

static void is_tls_that(struct bench *bench, bool insecure) {
    struct error error;
    bench->origin.tls = tls_client_context(STR_NONE, insecure, tls_for_providers, &error);
    assert_non_null(bench->origin.tls);
}
static void is_tls(struct bench *bench) { is_tls_that(bench, true); }

#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

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
        cmocka_unit_test(a_connection_serves_call_after_call),
        cmocka_unit_test(what_a_provider_has_read_is_never_sent_again),
        cmocka_unit_test(a_rested_connection_whose_end_has_come_is_passed_over),
        cmocka_unit_test(a_connection_that_takes_not_one_byte_is_passed_over),
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
