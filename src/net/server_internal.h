/* server_internal.h - a server's inside, for server.c (listening, accepting, draining), server_connection.c (reading,
 * turns, ends) and server_exchange.c (the answer). */
#ifndef WEIR_NET_SERVER_INTERNAL_H
#define WEIR_NET_SERVER_INTERNAL_H

#include <time.h>

#include "base/limits.h"
#include "net/http1.h"
#include "net/listener.h"
#include "net/server.h"
#include "net/stream_internal.h"

enum { listeners_max = 16, head_buffer_size = limit_header_bytes + 8 * 1024 };

enum connection_state {
    connection_idle,
    connection_receiving,
    connection_serving,
    connection_lingering,
    connection_closed
};

struct exchange {
    void *owner;
    size_t body_max, body_len;
    uint64_t body_until_ns; /* when the whole body must be there; UINT64_MAX: no such time */
    bool is_head, version_1_0;
    bool is_last;    /* the caller wants no other behind it */
    bool keep_alive; /* nor does anything else end the connection */
    bool request_ended;
    bool responded, chunked, ended;
    bool bodiless; /* the answer has none: to HEAD, and 204 and 304 by nature */
    bool over;     /* done or gone has been called, or the handler never had it */
    int64_t left;  /* of a declared Content-Length; -1: not declared */
};

struct connection {
    struct list node; /* of server->connections */
    struct server *server;
    struct stream *stream;
    struct http1 *parser;
    struct budget *heads; /* what is held of a caller who is not known yet is counted there */
    enum connection_state state;
    struct exchange exchange;
    struct loop_deferred next; /* the answer has been written: what follows */
    struct timer timer;
    uint64_t deadline_ns; /* the timer is lazy: it fires early and looks here */
    uint64_t progress;    /* stream_progress at the last look: the same again means a stuck reader */
    struct timer turn;    /* the next pipelined request waits for the loop's next turn */
    struct timer look;    /* for a caller who is not read */
    unsigned served_at_once;
    char *ahead; /* pipelined bytes; NULL: none */
    size_t ahead_from, ahead_len, ahead_size, lingered;
    bool peer_loopback, over_tls;
    bool asked;        /* has sent a whole request before */
    bool caller_ended; /* its EOF has come: it may still read */
    char peer[48];
};

struct server {
    struct loop *loop;
    struct server_limits limits;
    const struct server_handler *handler;
    void *context;
    struct list connections;
    size_t count;
    struct {
        struct listener *listener;
        struct tls_context *tls;
    } listening[listeners_max];
    size_t listener_count;
    bool draining;
    void (*drained)(void *context);
    void *drained_context;
    struct loop_deferred drained_later;
    struct connection *pending; /* whose head waits in head_buffer for its first body bytes */
    struct loop_deferred flush;
    size_t head_len;
    time_t date_s;
    char date[40];
    char head_buffer[head_buffer_size];
};

/* server_connection.c. NULL: no memory; the descriptor is closed then too. */
struct connection *connection_new(struct server *server, int descriptor, bool is_unix, struct tls_context *tls);
void connection_close(struct connection *connection, bool reset);
/* Nothing new is begun: what rests is closed, what has begun a request gets a moment for it. */
void connection_drain(struct connection *connection);
void connection_deadline_set(struct connection *connection, uint64_t from_now_ns);
/* A deadline for what is unsent, where there is none yet. */
void connection_watch_unsent(struct connection *connection);

/* server_exchange.c. Takes back a head that waits to be written. */
void exchange_head_drop(struct connection *connection);
/* Its handler hears no more of it, and what its connection holds from here on is nobody's: the budget that it was
 * counted in may go with the one whose it was. */
void exchange_over(struct connection *connection);
void exchange_head_flush(struct server *server);

#endif
