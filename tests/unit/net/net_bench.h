/* net_bench.h - a loop in the test's own thread, and a peer with plain blocking sockets in a thread of its own. A story
 * is two functions: what is made on the loop, and what the peer says and hears. Whoever hangs is ended after 20 s. */
#ifndef WEIR_TESTS_UNIT_NET_BENCH_H
#define WEIR_TESTS_UNIT_NET_BENCH_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/loop.h"

struct net_bench {
    struct loop *loop;
    struct timer guard;
    pthread_t peer;
    void *(*peer_main)(void *context);
    uint16_t port;     /* of whoever listens */
    char heard[65536]; /* by the peer; NUL-ended */
    size_t heard_len;
    bool peer_reset; /* it heard an RST and not an end */
};

static inline void net_bench_hangs(void *context) {
    (void)context;
    fail_msg("nothing happens any more");
}

static inline void net_bench_open(struct net_bench *bench) {
    memset(bench, 0, sizeof *bench);
    bench->loop = loop_new();
    assert_non_null(bench->loop);
    timer_set(bench->loop, &bench->guard, loop_now(bench->loop).mono_ns + 20 * NS_PER_S, net_bench_hangs, bench);
}

static inline void net_bench_stop(void *context) {
    struct net_bench *bench = context;
    timer_cancel(bench->loop, &bench->guard);
    loop_stop(bench->loop);
}

/* Until net_bench_stop. The peer (NULL: none) is joined before it returns. */
static inline void net_bench_run(struct net_bench *bench, void *(*peer)(void *context), void *context) {
    if (peer) assert_int_equal(pthread_create(&bench->peer, NULL, peer, context), 0);
    loop_run(bench->loop);
    if (peer) pthread_join(bench->peer, NULL);
}

/* -- the peer's side: blocking, for 10 s at most -- */

static inline int net_bench_socket(void) {
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {.tv_sec = 10};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return descriptor;
}

static inline struct sockaddr_in net_bench_address(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* -1: refused. */
static inline int net_bench_connect(uint16_t port) {
    struct sockaddr_in address = net_bench_address(port);
    int descriptor = net_bench_socket();
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    close(descriptor);
    return -1;
}

/* A port that is free just now; whoever listens there is held open: the descriptor. */
static inline int net_bench_listen(uint16_t *port) {
    struct sockaddr_in address = net_bench_address(0);
    socklen_t len = sizeof address;
    int descriptor = net_bench_socket();
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(descriptor, 8), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return descriptor;
}

static inline void net_bench_say(int descriptor, const char *text) {
    size_t len = strlen(text);
    while (len) {
        ssize_t sent = send(descriptor, text, len, MSG_NOSIGNAL);
        if (sent <= 0) return;
        text += sent;
        len -= (size_t)sent;
    }
}

/* Reads into `heard` until these words stand there, or to the end (NULL). false: the end came first. */
static inline bool net_bench_hear(struct net_bench *bench, int descriptor, const char *until) {
    for (;;) {
        bench->heard[bench->heard_len] = 0;
        if (until && strstr(bench->heard, until)) return true;
        if (bench->heard_len == sizeof bench->heard - 1) return false;
        ssize_t got = recv(descriptor, bench->heard + bench->heard_len, sizeof bench->heard - 1 - bench->heard_len, 0);
        bench->peer_reset = got < 0;
        if (got <= 0) return until == NULL;
        bench->heard_len += (size_t)got;
    }
}

#endif
