/* receiver.h - who is posted to, with plain sockets in a thread of its own: hears a request on each connection, and
 * answers as its story says. */
#ifndef WEIR_TESTS_UNIT_RECEIVER_H
#define WEIR_TESTS_UNIT_RECEIVER_H

#include <stdio.h>
#include <stdlib.h>

#include "../net/net_bench.h"

enum { receiver_answers_max = 8 };
#define RECEIVER_SILENT "silent" /* hears, and says nothing until the other side hangs up */
#define RECEIVER_SHUTS ""        /* hangs up without an answer */
#define RECEIVER_STATUS(status) "HTTP/1.1 " status " Said\r\nContent-Length: 2\r\n\r\n{}"

struct receiver {
    struct net_bench net;
    struct loop_deferred begin;
    int listener;
    const char *answers[receiver_answers_max]; /* connection after connection; NULL: no more */
    _Atomic size_t heard;                      /* requests */
    char requests[receiver_answers_max][16384];
};

static inline void receiver_hear(int descriptor, char *into, size_t size) {
    size_t len = 0, wanted = SIZE_MAX;
    while (len < wanted && len < size - 1) {
        ssize_t got = recv(descriptor, into + len, size - 1 - len, 0);
        if (got <= 0) break;
        into[len += (size_t)got] = 0;
        const char *end = strstr(into, "\r\n\r\n"), *body = strstr(into, "Content-Length: ");
        if (end) wanted = (size_t)(end - into) + 4 + (body && body < end ? strtoul(body + 16, NULL, 10) : 0);
    }
}

static inline void *receiver_main(void *context) {
    struct receiver *receiver = context;
    const struct timeval limit = {.tv_sec = 10};
    for (size_t i = 0; i < receiver_answers_max && receiver->answers[i]; i++) {
        char rest[64];
        int descriptor = accept(receiver->listener, NULL, NULL);
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        receiver_hear(descriptor, receiver->requests[i], sizeof receiver->requests[i]);
        receiver->heard++;
        if (strcmp(receiver->answers[i], RECEIVER_SILENT) != 0) {
            net_bench_say(descriptor, receiver->answers[i]);
            shutdown(descriptor, SHUT_WR);
        }
        while (recv(descriptor, rest, sizeof rest, 0) > 0) continue;
        close(descriptor);
    }
    return NULL;
}

/* `begin` runs first on the loop, with `context`. */
static inline void receiver_open(struct receiver *receiver, void (*begin)(void *context), void *context) {
    memset(receiver, 0, sizeof *receiver);
    net_bench_open(&receiver->net);
    receiver->listener = net_bench_listen(&receiver->net.port);
    receiver->begin = (struct loop_deferred){.run = begin, .context = context};
    loop_defer(receiver->net.loop, &receiver->begin);
}

#endif
