/* stream_internal.h - a stream's inside, for stream.c, stream_tls.c and the listener. */
#ifndef WEIR_NET_STREAM_INTERNAL_H
#define WEIR_NET_STREAM_INTERNAL_H

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
    size_t unsent;                /* copied bytes that the kernel has not taken */
    uint64_t given;               /* bytes given to the kernel or to libuv's queue, in all */
    struct loop_deferred failing; /* tells of a failure that happened inside a call */
    struct timer linger;          /* stream_close_when_sent */
    enum stream_failure failure;
    bool handshaking, reading, ended, closing, was_high, tell_when_sent, shutting, unwritable;
    int error_number; /* libuv's */
    int descriptor;   /* of a connected stream */
};

/* A connected stream around an accepted descriptor. NULL: no memory (the descriptor is closed). */
struct stream *stream_accepted(struct loop *loop, int descriptor, bool is_unix, struct tls_context *tls,
                               const struct stream_handler *handler, void *owner);
void stream_fail(struct stream *stream, enum stream_failure failure, int error_number);
/* Plain bytes straight to the socket. */
void stream_send(struct stream *stream, const struct str *ranges, size_t count);
/* stream_tls.c: ciphertext came; begins or goes on with the handshake; plaintext goes out. */
void stream_tls_bytes(struct stream *stream, struct str cipher);
void stream_tls_step(struct stream *stream);
void stream_tls_write(struct stream *stream, const struct str *ranges, size_t count);

#endif
