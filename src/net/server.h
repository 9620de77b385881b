/* server.h - the serving side: listeners, connections, and one exchange a request. HTTP/1.1 today (RFC 9112); nothing
 * in this header says so. All on one loop; a process has one `struct server` a loop, sharing addresses by SO_REUSEPORT.
 */
#ifndef WEIR_NET_SERVER_H
#define WEIR_NET_SERVER_H

#include "net/http.h"
#include "net/loop.h"

struct server;
struct exchange;
struct tls_context;

struct server_limits {
    size_t body_bytes_max;      /* past it 413; a handler may lower it per exchange */
    uint64_t head_timeout_ns;   /* from the first byte (or the accept) to the end of the head */
    uint64_t body_timeout_ns;   /* between two pieces of a body */
    uint64_t idle_timeout_ns;   /* kept alive without a request */
    uint64_t write_timeout_ns;  /* unsent bytes and no progress: the caller is gone */
    size_t connections_max;     /* per loop; past it accept and answer 503, close */
    struct budget *connections; /* what a connection takes by being open is counted there; no room: as past the limit */
    struct budget *heads;       /* and there what it holds of a caller who is not known yet. NULL: nothing is counted */
};

/* All on the loop's thread, never nested in a call of the handler's own into the exchange. Order: head, body*, end,
 * then done; or gone at any point after head instead of what is left. `done` and `gone` are each the last call for an
 * exchange. */
struct server_handler {
    /* Sets *owner for the other calls. Must arrange that the exchange is answered in the end. */
    void (*head)(void *context, struct exchange *exchange, const struct http_request *request, void **owner);
    void (*body)(void *owner, struct str piece); /* borrowed */
    void (*end)(void *owner);                    /* the request is complete (comes for bodiless ones too) */
    void (*writable)(
        void *owner);          /* exchange_unsent fell to limit_write_low after having been above limit_write_high */
    void (*done)(void *owner); /* the answer has left; the exchange is over */
    void (*gone)(void *owner); /* the caller hung up, or broke the protocol in its body (net answers then); over */
    /* A request that net refused before `head` (malformed, too large, too slow): writes the body of its answer. */
    void (*refused)(void *context, enum error_code code, const char *sentence, char *body, size_t body_size,
                    size_t *body_len, struct str *content_type);
    struct str error_header; /* under which its answer names the error, category/code; empty: none does */
};

struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_handler *handler,
                          void *context);
/* An address that several loops listen on, made once a process: "127.0.0.1:8080", "[::1]:0", "localhost:8080",
 * "unix:/run/weir.sock". Refuses one that another process listens on. Thread-safe once made. NULL: *error. */
struct listen_address *listen_address_new(struct str address, struct error *error);
uint16_t listen_address_port(const struct listen_address *address); /* 0: a unix socket */
bool listen_address_loopback(const struct listen_address *address); /* reachable from this machine only */
/* Removes a unix socket's file. After the servers have stopped. */
void listen_address_free(struct listen_address *address);

/* Accepts on this server's loop. The address and the context outlive the server. */
bool server_listen(struct server *server, struct listen_address *address, struct tls_context *tls, struct error *error);
void server_set_limits(struct server *server, const struct server_limits *limits);
/* Drain: accepts what waits, then closes the listeners, closes idle connections, answers `Connection: close` from now
 * on. `drained` comes once when the last connection has gone. */
void server_drain(struct server *server, void (*drained)(void *context), void *context);
/* Closes everything now; every live exchange gets `gone`. */
void server_free(struct server *server);
size_t server_connections(const struct server *server);

/* -- one exchange; every function is a no-op once it is over -- */

/* The answer's head. content_length -1: chunked (or until close on HTTP/1.0). Date, Connection, Content-Length and
 * Transfer-Encoding are net's own; the other headers are the caller's of this function. On HEAD the body is left out.
 * Head and first body bytes written in the same turn leave in one write. */
void exchange_respond(struct exchange *exchange, int status, const struct http_header *headers, size_t header_count,
                      int64_t content_length);
void exchange_write(struct exchange *exchange, const struct str *ranges, size_t count);
void exchange_end(struct exchange *exchange);
/* Breaks the connection so that the caller cannot take what it has for the whole. No call comes any more, `gone`
 * neither. */
void exchange_abort(struct exchange *exchange);
size_t exchange_unsent(const struct exchange *exchange);
/* Bytes straight onto the connection, with no framing, instead of exchange_respond: for answers that break HTTP on
 * purpose (the mock provider's faults). Ended by exchange_raw_end (which closes, after what is unsent has left) or
 * exchange_abort. */
void exchange_raw_write(struct exchange *exchange, struct str bytes);
void exchange_raw_end(struct exchange *exchange);
/* Nothing of the http_request is read any more, neither path nor headers: its memory need not wait for the end. */
void exchange_forget_head(struct exchange *exchange);
/* From now on what waits because the caller reads slowly is counted there. */
void exchange_hold_within(struct exchange *exchange, struct budget *budget);
void exchange_set_body_max(struct exchange *exchange, size_t body_bytes_max);
/* From now on the whole body may take so long, however evenly it comes; without it only a pause has an end. */
void exchange_set_body_time(struct exchange *exchange, uint64_t time_ns);

#endif
