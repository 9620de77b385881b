/* stream.h - a byte stream on one loop: TCP or a unix socket, plain or with TLS over it. Server and client stand on it
 * and do not know which it is.
 *
 * Bytes handed to a callback are borrowed from the loop's one read buffer until the callback returns. A callback may
 * call anything here, stream_close included. After stream_close no callback comes any more. */
#ifndef WEIR_NET_STREAM_H
#define WEIR_NET_STREAM_H

#include "base/error.h"
#include "net/loop.h"

struct sockaddr;
struct stream;
struct tls_context; /* tls.h */

enum stream_failure {
    stream_failure_none,
    stream_failure_refused, /* connection refused, no route */
    stream_failure_timeout, /* connecting took too long */
    stream_failure_reset,   /* the connection broke */
    stream_failure_tls,     /* handshake or certificate; see stream_failure_text */
    stream_failure_system,  /* descriptors, memory */
};

struct stream_handler {
    void (*connected)(void *owner); /* outgoing: TCP and TLS are up. Incoming: TLS is up (plain: not called) */
    void (*bytes)(void *owner, struct str bytes); /* never empty */
    void (*ended)(void *owner);                   /* the peer sent its EOF (with TLS: close_notify or EOF) */
    /* Nothing more can be read or written; close it. When only writing failed and the stream is being read, what the
     * peer said first is still delivered, and then `ended` or `failed`. */
    void (*failed)(void *owner, enum stream_failure failure);
    void (*writable)(void *owner); /* unsent bytes fell to limit_write_low after having been above limit_write_high, or
                                      to 0 after stream_tell_when_sent */
};

struct budget; /* base/budget.h */

/* What streams of this loop hold is counted there from now on, where nobody says otherwise: their own memory with what
 * their owners keep beside them, and what waits because a peer reads slowly. A stream that finds no room is not made,
 * one that finds none for what waits breaks. Before the loop has any. */
void streams_hold_within(struct loop *loop, struct budget *budget);
/* An outgoing connection to one address. TLS when `tls` is given: `host` is then for SNI and verification. */
struct stream *stream_connect(struct loop *loop, const struct sockaddr *address, struct tls_context *tls,
                              struct str host, const struct stream_handler *handler, void *owner);
/* Starts TLS on a connected plain stream (after a proxy's CONNECT); `connected` is called when it is up. */
bool stream_start_tls(struct stream *stream, struct tls_context *tls, struct str host);

/* From now on what waits in it is counted there. NULL: where the loop says. */
void stream_hold_within(struct stream *stream, struct budget *budget);

/* Few bytes leave with what else this turn writes, at its end (cork.h); many at once, and only what the kernel does not
 * take is copied. Ranges may be reused when it returns. After a failure does nothing (the failure is told by callback,
 * never from inside this call). */
void stream_write(struct stream *stream, const struct str *ranges, size_t count);
/* Bytes that wait for the kernel, which has had no room for them; what waits for the turn's end is not counted. Never 0
 * again once writing has failed: what was written since has not left. */
size_t stream_unsent(const struct stream *stream);
/* Bytes that the kernel has taken so far, as they go over the wire; only grows. */
uint64_t stream_sent(const struct stream *stream);
/* Bytes that the peer has got so far, as far as the system tells (else stream_sent). Only grows. A
 * system call: for deadlines. */
uint64_t stream_progress(const struct stream *stream);
void stream_tell_when_sent(struct stream *stream);
void stream_read_stop(struct stream *stream);
void stream_read_start(struct stream *stream);
/* Sends what is unsent, then our EOF; reading goes on. */
void stream_shutdown(struct stream *stream);
/* Gives the stream up: unsent bytes are dropped. `reset` sends RST instead of FIN. */
void stream_close(struct stream *stream, bool reset);
/* Closes after what is unsent is sent (bounded by a timeout of 5 s). No callbacks any more. */
void stream_close_when_sent(struct stream *stream);
/* A sentence on the last failure ("certificate has expired"), borrowed from the stream. */
struct str stream_failure_text(const struct stream *stream);
/* Has `ended` come by an EOF below TLS, without the close_notify that says that nothing was cut off? Plain streams
 * cannot tell, and are not. */
bool stream_is_cut(const struct stream *stream);
/* Is an idle stream still usable, by what the loop has come upon: not ended, not failed. */
bool stream_is_alive(struct stream *stream);
/* Asks the kernel (a system call): nothing has come that the loop has not read yet, no bytes and no end. */
bool stream_is_quiet(struct stream *stream);
/* Asks the kernel (a system call), behind bytes that nobody reads too: the peer has said its end, or has gone. For a
 * stream whose reading is stopped, on which the loop comes upon no end. */
bool stream_is_hung_up(const struct stream *stream);
/* TLS: the beginning of a record has come whose rest has not. Plain streams hold nothing back. */
bool stream_has_part(const struct stream *stream);
/* Replaces who is called back (pool hands a stream to its next user). */
void stream_set_handler(struct stream *stream, const struct stream_handler *handler, void *owner);

#endif
