/* server_bench.h - a server on net_bench's loop whose handler does what a story says, and notes what it was told. */
#ifndef WEIR_TESTS_UNIT_SERVER_BENCH_H
#define WEIR_TESTS_UNIT_SERVER_BENCH_H

#include <stdio.h>

#include "net/server.h"
#include "net_bench.h"

struct server_bench;

struct server_seen {
    struct server_bench *bench;
    struct exchange *exchange;
    enum http_method method;
    char path[64], query[64], body[8192];
    size_t body_len;
    int bodies, ends, dones, gones;
};

enum { exchanges_max = 32 };

struct server_bench {
    struct net_bench net;
    struct server *server;
    struct listen_address *address;
    struct server_limits limits;
    struct server_seen seen[exchanges_max];
    size_t seen_count, drained, refusals, unknown;
    bool may_be_gone; /* its peer, before it is accepted; `unknown` counts those */
    enum error_code refused_as;
    /* The story: at the head, and at the request's end. NULL: nothing there. */
    void (*at_head)(struct server_seen *seen);
    void (*at_end)(struct server_seen *seen);
    void (*at_writable)(struct server_seen *seen);
    void (*at_over)(struct server_seen *seen);
};

static inline void server_bench_head(void *context, struct exchange *exchange, const struct http_request *request,
                                     void **owner) {
    struct server_bench *bench = context;
    assert_true(bench->seen_count < exchanges_max);
    struct server_seen *seen = &bench->seen[bench->seen_count++];
    *seen = (struct server_seen){.bench = bench, .exchange = exchange, .method = request->method};
    str_copy(seen->path, sizeof seen->path, request->path);
    str_copy(seen->query, sizeof seen->query, request->query);
    if (bench->may_be_gone && !request->peer_loopback)
        assert_true(str_eq(request->peer, STR("unknown"))), bench->unknown++;
    else
        assert_true(request->peer_loopback && str_eq(request->peer, STR("127.0.0.1")));
    *owner = seen;
    if (bench->at_head) bench->at_head(seen);
}
static inline void server_bench_body(void *owner, struct str piece) {
    struct server_seen *seen = owner;
    assert_true(seen->ends == 0 && seen->dones == 0 && seen->gones == 0);
    if (seen->body_len + piece.len < sizeof seen->body) memcpy(seen->body + seen->body_len, piece.at, piece.len);
    seen->body_len += piece.len;
    seen->bodies++;
}
static inline void server_bench_end(void *owner) {
    struct server_seen *seen = owner;
    assert_true(seen->ends++ == 0 && seen->gones == 0);
    if (seen->bench->at_end) seen->bench->at_end(seen);
}
static inline void server_bench_writable(void *owner) {
    struct server_seen *seen = owner;
    if (seen->bench->at_writable) seen->bench->at_writable(seen);
}
static inline void server_bench_done(void *owner) {
    struct server_seen *seen = owner;
    assert_true(seen->dones++ == 0 && seen->gones == 0);
    if (seen->bench->at_over) seen->bench->at_over(seen);
}
static inline void server_bench_gone(void *owner) {
    struct server_seen *seen = owner;
    assert_true(seen->gones++ == 0 && seen->dones == 0);
    if (seen->bench->at_over) seen->bench->at_over(seen);
}
static inline void server_bench_refused(void *context, enum error_code code, const char *sentence, char *body,
                                        size_t body_size, size_t *body_len, struct str *content_type) {
    struct server_bench *bench = context;
    bench->refusals++;
    bench->refused_as = code;
    *body_len = (size_t)snprintf(body, body_size, "no: %s", sentence);
    *content_type = STR("text/plain");
}
static const struct server_handler server_bench_handler = {server_bench_head,     server_bench_body, server_bench_end,
                                                           server_bench_writable, server_bench_done, server_bench_gone,
                                                           server_bench_refused};

static inline void server_bench_open(struct server_bench *bench) {
    struct error error = {.code = error_none};
    memset(bench, 0, sizeof *bench);
    net_bench_open(&bench->net);
    bench->limits = (struct server_limits){.body_bytes_max = 4096,
                                           .head_timeout_ns = 10 * NS_PER_S,
                                           .body_timeout_ns = 10 * NS_PER_S,
                                           .idle_timeout_ns = 10 * NS_PER_S,
                                           .write_timeout_ns = 10 * NS_PER_S,
                                           .connections_max = 16};
    bench->server = server_new(bench->net.loop, &bench->limits, &server_bench_handler, bench);
    bench->address = listen_address_new(STR("127.0.0.1:0"), &error);
    assert_true(bench->server && bench->address && server_listen(bench->server, bench->address, NULL, &error));
    bench->net.port = listen_address_port(bench->address);
}

static inline void server_bench_stop(void *context) {
    struct server_bench *bench = context;
    server_free(bench->server);
    bench->server = NULL;
    net_bench_stop(&bench->net);
}

/* The peer's last word. */
static inline void *server_bench_peer_done(struct server_bench *bench) {
    assert_true(loop_post(bench->net.loop, server_bench_stop, bench));
    return NULL;
}

static inline void server_bench_run(struct server_bench *bench, void *(*peer)(void *context)) {
    net_bench_run(&bench->net, peer, bench);
    loop_free(bench->net.loop);
    listen_address_free(bench->address);
}

static inline void server_bench_hello(struct server_seen *seen) {
    struct str body = STR("hello");
    exchange_respond(seen->exchange, 200, NULL, 0, (int64_t)body.len);
    exchange_write(seen->exchange, &body, 1);
    exchange_end(seen->exchange);
}

/* Asks on a connection of its own, and hears all until the end. */
static inline void server_bench_ask(struct server_bench *bench, const char *request) {
    int peer = net_bench_connect(bench->net.port);
    assert_true(peer >= 0);
    net_bench_say(peer, request);
    net_bench_hear(&bench->net, peer, NULL);
    close(peer);
}

static inline void server_bench_heard(const struct server_bench *bench, const char *words) {
    if (!strstr(bench->net.heard, words)) fail_msg("not heard: %s\nbut: %s", words, bench->net.heard);
}

#endif
