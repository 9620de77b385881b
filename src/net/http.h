/* http.h - the words both sides of net share. Nothing here knows a version of HTTP beyond its name, or what a provider
 * is. */
#ifndef WEIR_NET_HTTP_H
#define WEIR_NET_HTTP_H

#include "base/header.h"
#include "base/limits.h"
#include "base/str.h"

struct str http_method_name(enum http_method method);
/* "Not Found"; "Status" for a status without a phrase here. */
struct str http_reason(int status);

/* A request's head as the server hands it on. All ranges are borrowed until the exchange ends. */
struct http_request {
    enum http_method method;
    struct str target; /* as sent: path and query */
    struct str path;   /* target up to '?', not decoded */
    struct str query;  /* after '?', may be empty */
    struct str host;   /* whom it is for: a host, and a port behind a colon; empty on HTTP/1.0 without one */
    const struct http_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: none or chunked */
    bool has_body;
    struct str peer;    /* the caller's address as text, "unix" on a unix socket, "unknown" of one that is gone */
    bool peer_loopback; /* the caller's address is a loopback address, or a unix socket */
    bool over_tls;
};

/* A reply's head as the client hands it on. Borrowed during the callback. 1xx never come here. */
struct http_reply {
    int status;
    const struct http_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: not said */
    bool until_close;       /* no framing: the body ends when the provider closes, and cannot be told from a cut one */
};

#endif
