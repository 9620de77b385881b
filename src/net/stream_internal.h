/* stream_internal.h - a stream's inside, for stream.c, stream_tls.c and the listener. */
#ifndef WEIR_NET_STREAM_INTERNAL_H
#define WEIR_NET_STREAM_INTERNAL_H

#include "net/cork.h"
#include "net/loop_internal.h"
#include "net/stream.h"
#include "net/tls_session.h"

struct stream {
    union {
        uv_handle_t handle;
        uv_stream_t uv;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct loop *loop;
    const struct stream_handler *handler;
    void *owner;
    struct tls_session *tls;      /* NULL: plain */
    struct budget *budget;        /* what is unsent is counted there */
    struct budget *charged;       /* and what it takes by being there, */
    size_t charge;                /* which is so much */
    size_t unsent;                /* copied bytes that the kernel has not taken */
    uint64_t given;               /* bytes given to the kernel or to libuv's queue, in all */
    struct loop_deferred failing; /* tells of a failure that happened inside a call */
    struct timer linger;          /* stream_close_when_sent */
    enum stream_failure failure;
    bool handshaking, reading, ended, cut, closing, was_high, tell_when_sent, shutting, unwritable;
    int error_number; /* libuv's */
    int descriptor;   /* of a connected stream */
    unsigned corked;  /* its entry in the loop's cork, from 1; 0: none */
};

enum {
    stream_charge = 8 * 1024,      /* its own memory, and what its owner keeps beside it: connection, parser, visit */
    stream_tls_charge = 52 * 1024, /* OpenSSL's memory for a connection */
};

/* A connected stream around an accepted descriptor. What it takes by being there is counted in `charged` (NULL: where
 * the loop says). NULL: no memory, or no room (the descriptor is closed). */
struct stream *stream_accepted(struct loop *loop, struct budget *charged, int descriptor, bool is_unix,
                               struct tls_context *tls, const struct stream_handler *handler, void *owner);
/* So much is counted for it. */
static inline size_t stream_charge_of(bool has_tls) { return stream_charge + (has_tls ? stream_tls_charge : 0); }
void stream_fail(struct stream *stream, enum stream_failure failure, int error_number);
/* Bytes for the socket: at the turn's end, or at once where they are many. */
void stream_send(struct stream *stream, const struct str *ranges, size_t count);
void stream_send_now(struct stream *stream, const struct str *ranges, size_t count);
/* stream_tls.c: ciphertext came; begins or goes on with the handshake; plaintext goes out. */
void stream_tls_bytes(struct stream *stream, struct str cipher);
void stream_tls_step(struct stream *stream);
void stream_tls_write(struct stream *stream, const struct str *ranges, size_t count);

#endif
