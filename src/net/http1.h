/* http1.h - reading HTTP/1.1 messages (RFC 9112) on llhttp with every leniency off, and with the rules llhttp leaves to
 * us. Sans-IO: bytes in, calls out. One parser serves one connection, message after message. */
#ifndef WEIR_NET_HTTP1_H
#define WEIR_NET_HTTP1_H

#include "base/arena.h"
#include "base/error.h"
#include "net/http.h"

struct http1;

struct http1_head {
    enum http_method method; /* requests */
    int status;              /* replies */
    struct str target;       /* requests: path and query */
    struct str host;         /* requests: whom they are for, with its port; empty on HTTP/1.0 without one */
    const struct http_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: not said */
    bool chunked;
    bool has_body;
    bool keep_alive;
    bool until_close; /* replies */
    bool version_1_0;
    bool expects_continue; /* requests */
};

struct http1_handler {
    /* Ranges live in the parser's arena: a reply's for the call, a request's until http1_next or http1_forget_head. */
    void (*head)(void *owner, const struct http1_head *head);
    void (*body)(void *owner, struct str piece); /* borrowed from what was fed */
    void (*end)(void *owner);                    /* feeding stops here: see http1_feed */
};

/* What a message may be refused for. `error` is the answer for a request; `sentence` says what is wrong. */
struct http1_refusal {
    enum error_code error;
    int status; /* where it is not the error's own: 501, 505 */
    const char *sentence;
};

/* NULL: out of memory. The handler may free the parser only outside of its calls. */
struct http1 *http1_new_request(const struct http1_handler *handler, void *owner);
struct http1 *http1_new_reply(const struct http1_handler *handler, void *owner);
void http1_free(struct http1 *parser);
/* From now on a head's memory is counted there: without room the message is refused. It comes from `spares`, which
 * outlive the parser and serve parsers only (NULL: none). Before the first bytes. */
void http1_hold_within(struct http1 *parser, struct budget *budget, struct spares *spares);

/* Reads until the bytes or the message end, whichever is first; answers how many were read. After `end` nothing more is
 * read until http1_next. SIZE_MAX: refused, see http1_refused; the parser reads nothing more. */
size_t http1_feed(struct http1 *parser, struct str bytes);
/* Ready for the next message; for replies: is it one to a HEAD request? Frees the head's memory. */
void http1_next(struct http1 *parser, bool reply_to_head);
/* Nobody reads the request's head any more: its memory is given back before the rest of the message comes. From the
 * call of `head` on, also inside it. */
void http1_forget_head(struct http1 *parser);
/* The connection ended. true: that completed a message without framing (`end` was called) or nothing had begun. */
bool http1_finish(struct http1 *parser);
const struct http1_refusal *http1_refused(const struct http1 *parser);
/* Has anything of a message been read since http1_next, and is its head complete? */
bool http1_begun(const struct http1 *parser);
bool http1_ended(const struct http1 *parser);

#endif
