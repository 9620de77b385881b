/* http_client_bench.h - calls against a scripted server on raw sockets, in a thread of its own: for the stories of
 * http_client_test.c and http_client_ways_test.c. */
#ifndef WEIR_TESTS_UNIT_HTTP_CLIENT_BENCH_H
#define WEIR_TESTS_UNIT_HTTP_CLIENT_BENCH_H

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

/* -- the server: connection after connection, turn after turn -- */

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

static inline ssize_t receive(struct server *server, int fd, char *bytes, size_t size) {
    return server->ssl ? SSL_read(server->ssl, bytes, (int)size) : read(fd, bytes, size);
}

/* Reads one request: its head into seen, its body counted. false: the caller closed. */
static inline bool request_read(struct server *server, int fd) {
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

static inline void send_all(struct server *server, int fd, const char *bytes, size_t len, bool slowly) {
    while (len) {
        size_t some = slowly ? 1 : len;
        ssize_t sent = server->ssl ? SSL_write(server->ssl, bytes, (int)some) : send(fd, bytes, some, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* The reply and what is behind it leave together. */
static inline void answer(struct server *server, int fd, const struct turn *turn) {
    static const char record[] = "\x17\x03\x03\x00\x20 so it begins";
    int corked = turn->late || turn->late_part;
    if (corked) setsockopt(fd, IPPROTO_TCP, TCP_CORK, &corked, sizeof corked);
    send_all(server, fd, turn->reply, strlen(turn->reply), turn->slowly);
    if (turn->late) send_all(server, fd, turn->late, strlen(turn->late), false);
    if (turn->late_part) assert_int_equal(write(fd, record, turn->late_part), turn->late_part);
    if (corked) setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof corked);
}

/* A certificate of nobody's: for calls that do not verify. */
static inline SSL_CTX *tls_make(void) {
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

static inline void tls_begin(struct server *server, const struct script *script, int fd) {
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

static inline void *serve(void *context) {
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

/* -- the calls -- */

struct outcome {
    int heads, ended, failed, status, sents, sendings;
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
    bool in_its_turn; /* and comes upon it in the turn in which the call begins */
    struct timer guard;
    struct loop_deferred next;
    size_t connections, idle;
    uint64_t replaced;
};

static void next_run(void *context);

static inline void done(struct bench *bench) {
    bench->at++;
    if (bench->at_once && bench->at < bench->request_count)
        next_run(bench);
    else
        loop_defer(bench->loop, &bench->next);
}
static inline void on_sending(void *owner) {
    struct bench *bench = owner;
    struct outcome *outcome = &bench->outcomes[bench->at];
    assert_true(outcome->sents == 0 && outcome->heads == 0); /* nobody else knows of it yet */
    outcome->sendings++;
}

static inline void on_sent(void *owner) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    assert_int_equal(bench->outcomes[bench->at].sendings, 1);
    bench->outcomes[bench->at].sents++;
}
static inline void on_head(void *owner, const struct http_reply *reply) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    bench->outcomes[bench->at].heads++;
    bench->outcomes[bench->at].status = reply->status;
    size_t idle, all = http_client_connections(bench->client, &idle);
    assert_int_equal(all, idle + 1); /* its own is busy */
    if (!bench->cancel_at_head) return;
    call_cancel(bench->call);
    done(bench);
}
static inline void on_body(void *owner, struct str piece) {
    struct bench *bench = owner;
    struct outcome *outcome = &bench->outcomes[bench->at];
    if (outcome->body_len + piece.len < sizeof outcome->body)
        memcpy(outcome->body + outcome->body_len, piece.at, piece.len);
    outcome->body_len += piece.len;
}
static inline void on_ended(void *owner) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    bench->outcomes[bench->at].ended++;
    done(bench);
}
static inline void on_failed(void *owner, enum call_failure failure, struct str text) {
    struct bench *bench = owner;
    assert_false(bench->inside);
    bench->outcomes[bench->at].failed++;
    bench->outcomes[bench->at].failure = failure;
    str_copy(bench->outcomes[bench->at].text, sizeof bench->outcomes[bench->at].text, text);
    done(bench);
}
static const struct call_handler handler = {on_sent, on_head, on_body, on_ended, on_failed, on_sending};

static inline void begin(void *context) {
    struct bench *bench = context;
    bench->inside = true;
    bench->call = call_start(bench->client, &bench->origin, &bench->requests[bench->at], &handler, bench);
    bench->inside = false;
    assert_non_null(bench->call);
}

static inline void await_close(struct bench *bench) {
    atomic_store(&bench->server.may_close, true);
    while (bench->after_close && atomic_load(&bench->server.closed) == 0) sched_yield();
}

/* A turn after the answer's: the mailbox is looked at before the connection. */
static inline void post_begin(void *context) {
    struct bench *bench = context;
    assert_true(loop_post(bench->loop, begin, bench));
    await_close(bench);
}

static inline void next_run(void *context) {
    struct bench *bench = context;
    if (bench->at == bench->request_count) {
        bench->connections = http_client_connections(bench->client, &bench->idle);
        bench->replaced = http_client_replaced(bench->client);
        http_client_free(bench->client);
        timer_cancel(bench->loop, &bench->guard);
        loop_stop(bench->loop);
        return;
    }
    if (bench->in_its_turn && bench->at) {
        assert_true(loop_post(bench->loop, post_begin, bench));
        return;
    }
    if (bench->at) await_close(bench);
    begin(bench);
}

static inline void on_guard(void *context) { fail_msg("call %zu does not end", ((struct bench *)context)->at); }

static inline void bench_open(struct bench *bench, const struct script *scripts, size_t count) {
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

static inline void ask(struct bench *bench, enum http_method method, const struct str *body, size_t count) {
    bench->requests[bench->request_count++] =
        (struct call_request){.method = method, .target = STR("/v1/x"), .body = body, .body_count = count};
}

static inline void run(struct bench *bench) {
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

static inline void is_good(const struct outcome *outcome, int status, const char *body) {
    if (outcome->failed) fail_msg("%.*s: %s", STR_ARG(call_failure_name(outcome->failure)), outcome->text);
    assert_true(outcome->ended == 1 && outcome->heads == 1);
    assert_int_equal(outcome->status, status);
    assert_int_equal(outcome->body_len, strlen(body));
    assert_string_equal(outcome->body, body);
    assert_int_equal(outcome->sents, 1);
}

static inline void is_tls_that(struct bench *bench, bool insecure) {
    struct error error;
    bench->origin.tls = tls_client_context(STR_NONE, insecure, tls_for_providers, &error);
    assert_non_null(bench->origin.tls);
}
static inline void is_tls(struct bench *bench) { is_tls_that(bench, true); }

#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

#endif
