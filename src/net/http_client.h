/* http_client.h - the calling side: one call is one request to one origin, over a pooled connection. HTTP/1.1 today;
 * nothing in this header says so. All on one loop; each loop has its own client and pools. */
#ifndef WEIR_NET_HTTP_CLIENT_H
#define WEIR_NET_HTTP_CLIENT_H

#include "base/network.h"
#include "net/http.h"
#include "net/loop.h"

struct http_client;
struct call;
struct tls_context;

/* Where and how: immutable, made once (a snapshot's), outlives its calls. */
struct origin {
    struct tls_context *tls; /* NULL: plain. Held by whoever made the origin */
    struct str host;         /* name or address, without brackets */
    uint16_t port;
    struct str unix_path; /* instead of host and port; empty: none */
    struct str proxy;     /* "http://[user:pass@]host:port", CONNECT for TLS, absolute-form for plain; empty: none */
    bool public_only;     /* addresses that are not public are not called (fetch.h) */
    const struct network *allowed; /* but for these */
    size_t allowed_count;
    uint64_t caller;             /* who chose it, as a number (resolver.h); 0: the configuration did */
    uint64_t connect_timeout_ns; /* DNS, TCP, proxy and TLS together */
    uint64_t idle_timeout_ns;    /* a pooled connection older than this without use is closed */
    uint64_t rested_ns;          /* one that has rested so long is looked at before its next use */
    size_t connections_idle_max; /* per loop */
    size_t connections_max;      /* per loop, idle ones too; past it calls wait in line; 0: no limit */
    uint64_t id; /* the pool's key: equal ids share connections, so anything above that differs differs here */
};

enum call_failure {
    call_failure_none,
    call_failure_dns,     /* the name does not resolve */
    call_failure_connect, /* refused, unreachable */
    call_failure_connect_timeout,
    call_failure_tls,
    call_failure_proxy,         /* the proxy refused the CONNECT */
    call_failure_reset,         /* broke before the head of the reply had come */
    call_failure_reset_reused,  /* the same on a connection that had served before, with nothing heard: the provider may
                                   have closed it before the request came, or have worked on the request */
    call_failure_malformed,     /* not HTTP, conflicting framing, head too large */
    call_failure_cut,           /* ended in the middle of a framed body; over TLS, ended without a close_notify in one
                                   that has no framing */
    call_failure_not_public,    /* origin.public_only, and its address is not */
    call_failure_no_connection, /* all of connections_max were in use for connect_timeout_ns, or the line is full */
    call_failure_system,
};
struct str call_failure_name(enum call_failure failure);

/* Never nested inside call_start, call_write or call_cancel. `ended` and `failed` are each the last. */
struct call_handler {
    void (*sent)(void *owner); /* the head has been handed to a connection that is up: from here on the provider may
                                  work on it. Once */
    void (*head)(void *owner, const struct http_reply *reply);
    void (*body)(void *owner, struct str piece); /* decoded from chunks; one call for each read where framing allows */
    void (*ended)(void *owner);
    void (*failed)(void *owner, enum call_failure failure, struct str text);
    /* Its first byte is about to leave; the provider knows nothing of it yet. Once, before `sent`, also inside
     * call_start; calls nothing of this call's. NULL: nobody asks. */
    void (*sending)(void *owner);
};

struct http_client *http_client_new(struct loop *loop);
void http_client_free(struct http_client *client);
/* The origins that are called from here on, by id: the others' connections close, idle ones now and busy ones at the
 * end of their calls. What they allow counts at once. `fresh`: all idle ones close, so that names are looked up anew.
 * Borrows nothing. */
void http_client_set_origins(struct http_client *client, const struct origin *origins, size_t count, bool fresh);
size_t http_client_connections(const struct http_client *client, size_t *idle);
/* Idle connections so far that were found closed when a call wanted one, and were passed over. */
uint64_t http_client_replaced(const struct http_client *client);

struct call_request {
    enum http_method method;
    struct str target;                 /* origin-form */
    const struct http_header *headers; /* Host, Content-Length and Connection are net's own */
    size_t header_count;
    const struct str *body; /* ranges; stay valid until the call is over */
    size_t body_count;
    struct budget *budget; /* what is held for the call is counted there, and outlives it; NULL: where the loop says */
    uint64_t caller;       /* whose it is (any number): those that wait for a connection take turns */
    bool shares;           /* there are several: one waits with no more calls than places are left in line */
};

/* Takes an idle connection or makes a new one. An idle one that turns out closed before any byte of the request has
 * left is passed over without a word; nothing is ever sent twice. The head is copied; the ranges (the array too) and
 * the origin are not, and outlive the call. NULL: out of memory, or a head over limit_header_bytes. */
struct call *call_start(struct http_client *client, const struct origin *origin, const struct call_request *request,
                        const struct call_handler *handler, void *owner);
/* Has the request left, so that its body ranges are no longer needed? True for good once a reply has begun after it. */
bool call_body_sent(const struct call *call);
/* Back-pressure: stop and start reading the reply. */
void call_read(struct call *call, bool wanted);
/* No callback any more; the connection is closed unless the reply was complete. */
void call_cancel(struct call *call);

#endif
