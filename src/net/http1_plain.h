/* http1_plain.h - a message's head as nearly all are: whole in what was read at once, of HTTP/1.1, with nothing in it
 * that needs judging. It is read in one go; any other is left to llhttp (http1.c), from its first byte on. What is
 * taken here llhttp would take, and tell the same of it: tests/fuzz/http1_request_fuzz.c and http1_reply_fuzz.c compare
 * both. Pure. */
#ifndef WEIR_NET_HTTP1_PLAIN_H
#define WEIR_NET_HTTP1_PLAIN_H

#include "base/header.h"
#include "base/limits.h"
#include "base/str.h"

/* The headers that frame a message, or say whom it is for. */
enum http1_mark {
    mark_host,
    mark_expect,
    mark_content_length,
    mark_transfer_encoding,
    mark_connection,
    mark_proxy_connection,
    mark_upgrade,
    mark_count
};

struct http1_marks {
    struct http1_said {
        size_t count;
        struct str last; /* value */
    } of[mark_count];
};

void http1_marks_read(const struct http_header *headers, size_t count, struct http1_marks *marks);
/* A number of bytes without a sign or a leading zero, which some take for octal. */
bool http1_length_read(struct str value, int64_t *length);

struct http1_plain {
    enum http_method method; /* requests */
    int status;              /* replies: neither below 200 nor one without a body by nature */
    struct str target;       /* requests: a path, perhaps a query */
    size_t header_count;
    size_t len;             /* of the head, its empty line too */
    int64_t content_length; /* -1: not said; of replies it is */
    bool keep_alive;
    struct http1_marks marks;
    struct http_header headers[limit_headers];
};

/* Ranges point into `bytes`. false: it is none. */
bool http1_plain_request(struct str bytes, struct http1_plain *plain);
bool http1_plain_reply(struct str bytes, struct http1_plain *plain);

#endif
