/* server.c - connections of the serving side and their exchanges, one at a time on each, over http1.c and a stream.
 *
 *   idle -> receiving head -> serving (body, answer) -> done -> idle ...          any -> lingering -> closed
 *
 * Keeps: after `head` the handler gets exactly one of `done` and `gone`, never from inside a call of its own. */
#include "net/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/http1.h"
#include "net/listener.h"
#include "net/stream_internal.h"

enum { listeners_max = 16, head_buffer_size = limit_header_bytes + 8 * 1024, linger_s = 2, linger_bytes_max = 1 << 20 };

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
    bool is_head, keep_alive, version_1_0;
    bool request_ended;
    bool responded, chunked, ended;
    bool over;    /* done or gone has been called, or the handler never had it */
    int64_t left; /* of a declared Content-Length; -1: not declared */
};

struct connection {
    struct list node; /* of server->connections */
    struct server *server;
    struct stream *stream;
    struct http1 *parser;
    enum connection_state state;
    struct exchange exchange;
    struct loop_deferred next; /* the answer has been written: what follows */
    struct timer timer;
    uint64_t deadline_ns; /* the timer is lazy: it fires early and looks here */
    size_t unsent_before; /* at the last look: no progress since means a stuck reader */
    char *ahead;          /* pipelined bytes; NULL: none */
    size_t ahead_len, lingered;
    bool peer_loopback, over_tls;
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

/* An exchange stands inside its connection. */
static struct connection *connection_of(const struct exchange *exchange) {
    return LIST_OWNER((uintptr_t)exchange, struct connection, exchange);
}

static void connection_read(struct connection *connection, struct str bytes);
static void exchange_gone(struct connection *connection);

/* -- deadlines --------------------------------------------------------------------------------------------------------
 */

static void on_deadline(void *context);

static void deadline_set(struct connection *connection, uint64_t from_now_ns) {
    struct loop *loop = connection->server->loop;
    connection->deadline_ns = loop_now(loop).mono_ns + from_now_ns;
    if (!connection->timer.place || connection->timer.deadline_ns > connection->deadline_ns)
        timer_set(loop, &connection->timer, connection->deadline_ns, on_deadline, connection);
}

static void deadline_clear(struct connection *connection) { connection->deadline_ns = UINT64_MAX; }

/* -- the end of a connection ------------------------------------------------------------------------------------------
 */

static void drained_run(void *context) {
    struct server *server = context;
    if (server->drained) server->drained(server->drained_context);
}

static void connection_close(struct connection *connection, bool reset) {
    struct server *server = connection->server;
    if (connection->state == connection_closed) return;
    if (server->pending == connection) server->pending = NULL;
    connection->state = connection_closed;
    exchange_gone(connection);
    if (reset)
        stream_close(connection->stream, true);
    else
        stream_close_when_sent(connection->stream);
    timer_cancel(server->loop, &connection->timer);
    loop_defer_cancel(&connection->next);
    list_remove(&connection->node);
    server->count--;
    http1_free(connection->parser);
    memory_give(connection->ahead);
    memory_give(connection);
    if (server->draining && server->count == 0) loop_defer(server->loop, &server->drained_later);
}

/* The handler's last word on an exchange that did not come to its end. */
static void exchange_gone(struct connection *connection) {
    struct exchange *exchange = &connection->exchange;
    if (exchange->over) return;
    exchange->over = true;
    connection->server->handler->gone(exchange->owner);
}

/* Our side is said; what the caller still sends is read and dropped for a while, so that it can read our answer instead
 * of meeting a reset (RFC 9112, 9.6). */
static void connection_linger(struct connection *connection) {
    connection->state = connection_lingering;
    stream_shutdown(connection->stream);
    stream_read_start(connection->stream);
    deadline_set(connection, linger_s * NS_PER_S);
}

/* -- writing ----------------------------------------------------------------------------------------------------------
 */

static void head_flush(struct server *server) {
    struct connection *connection = server->pending;
    if (!connection) return;
    server->pending = NULL;
    struct str head = str_make(server->head_buffer, server->head_len);
    stream_write(connection->stream, &head, 1);
}

static void flush_run(void *context) { head_flush(context); }

static struct str date_now(struct server *server) {
    time_t seconds = (time_t)(loop_now(server->loop).wall_ns / 1000000000);
    if (seconds != server->date_s) {
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        server->date_s = seconds;
    }
    return str_from(server->date);
}

/* A value that could end its line would be a way to smuggle another. */
static void value_put(struct text *text, struct str value) {
    size_t from = text->len;
    text_put(text, value);
    for (size_t i = from; i < text->len; i++)
        if (((unsigned char)text->at[i] < 0x20 && text->at[i] != '\t') || text->at[i] == 0x7f) text->at[i] = '_';
}

static void watch_unsent(struct connection *connection) {
    size_t unsent = stream_unsent(connection->stream);
    if (unsent == 0 || connection->state != connection_serving || connection->deadline_ns != UINT64_MAX) return;
    connection->unsent_before = unsent;
    deadline_set(connection, connection->server->limits.write_timeout_ns);
}

void exchange_respond(struct exchange *exchange, int status, const struct http_header *headers, size_t header_count,
                      int64_t content_length) {
    struct connection *connection = connection_of(exchange);
    struct server *server = connection->server;
    if (exchange->over || exchange->responded) return;
    head_flush(server);
    exchange->responded = true;
    bool bodiless = status == 204 || status == 304;
    exchange->chunked = content_length < 0 && !exchange->version_1_0 && !bodiless;
    exchange->left = content_length;
    if (!exchange->request_ended || server->draining || (content_length < 0 && !exchange->chunked && !bodiless))
        exchange->keep_alive = false;
    struct text head = text_in_buffer(server->head_buffer, sizeof server->head_buffer);
    text_put(&head, STR("HTTP/1.1 "));
    text_put_u64(&head, (uint64_t)status);
    text_put_byte(&head, ' ');
    text_put(&head, http_reason(status));
    text_put(&head, STR("\r\nDate: "));
    text_put(&head, date_now(server));
    text_put(&head, STR("\r\n"));
    for (size_t i = 0; i < header_count; i++) {
        value_put(&head, headers[i].name);
        text_put(&head, STR(": "));
        value_put(&head, headers[i].value);
        text_put(&head, STR("\r\n"));
    }
    if (exchange->chunked) {
        text_put(&head, STR("Transfer-Encoding: chunked\r\n"));
    } else if (content_length >= 0 && !bodiless) {
        text_put(&head, STR("Content-Length: "));
        text_put_u64(&head, (uint64_t)content_length);
        text_put(&head, STR("\r\n"));
    }
    if (!exchange->keep_alive)
        text_put(&head, STR("Connection: close\r\n"));
    else if (exchange->version_1_0)
        text_put(&head, STR("Connection: keep-alive\r\n"));
    text_put(&head, STR("\r\n"));
    if (head.failed) { /* larger than any head of ours can be: a bug or a provider's flood; say so plainly */
        head = text_in_buffer(server->head_buffer, sizeof server->head_buffer);
        text_put(&head, STR("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        exchange->is_head = true;
        exchange->keep_alive = exchange->chunked = false;
    }
    server->head_len = head.len;
    server->pending = connection;
    loop_defer(server->loop, &server->flush);
}

/* The head that waits, if it is this connection's, as the first range. */
static size_t pending_take(struct connection *connection, struct str *ranges) {
    struct server *server = connection->server;
    if (server->pending != connection) return 0;
    server->pending = NULL;
    ranges[0] = str_make(server->head_buffer, server->head_len);
    return 1;
}

/* A chunk's first line: its size in hexadecimal digits and CR LF. */
static size_t hex_line(char line[24], size_t len) {
    char digits[16];
    size_t count = 0, at = 0;
    do digits[count++] = "0123456789abcdef"[len & 15];
    while (len >>= 4);
    while (count) line[at++] = digits[--count];
    line[at++] = '\r';
    line[at++] = '\n';
    return at;
}

void exchange_write(struct exchange *exchange, const struct str *given, size_t count) {
    enum { most = 64 };
    struct connection *connection = connection_of(exchange);
    if (exchange->over || exchange->ended || !exchange->responded || exchange->is_head) return;
    while (count) {
        struct str ranges[most + 3];
        char size_line[24];
        size_t used = pending_take(connection, ranges), now = count < most ? count : most, len = 0, size_at = used;
        if (exchange->chunked) used++;
        for (size_t i = 0; i < now; i++) {
            ranges[used++] = given[i];
            len += given[i].len;
        }
        if (exchange->chunked && len) {
            size_t digits = hex_line(size_line, len);
            ranges[size_at] = str_make(size_line, digits);
            ranges[used++] = STR("\r\n");
        } else if (exchange->chunked) {
            ranges[size_at] = STR("");
        }
        if (exchange->left >= 0) {
            CHECKF((int64_t)len <= exchange->left, "len=%zu left=%lld", len, (long long)exchange->left);
            exchange->left -= (int64_t)len;
        }
        stream_write(connection->stream, ranges, used);
        given += now;
        count -= now;
    }
    watch_unsent(connection);
}

static void next_run(void *context);

void exchange_end(struct exchange *exchange) {
    struct connection *connection = connection_of(exchange);
    if (exchange->over || exchange->ended) return;
    if (exchange->left > 0 &&
        !exchange->is_head) { /* less than was declared: the caller must not take it for the whole */
        exchange_abort(exchange);
        return;
    }
    exchange->ended = true;
    struct str ranges[2];
    size_t count = pending_take(connection, ranges);
    if (exchange->chunked && !exchange->is_head) ranges[count++] = STR("0\r\n\r\n");
    if (count) stream_write(connection->stream, ranges, count);
    watch_unsent(connection);
    loop_defer(connection->server->loop, &connection->next);
}

/* Never from inside a call of the handler's: the reset waits for the end of the turn. */
void exchange_abort(struct exchange *exchange) {
    struct connection *connection = connection_of(exchange);
    if (exchange->over) return;
    if (connection->server->pending == connection) connection->server->pending = NULL;
    exchange->over = true;
    exchange->keep_alive = false;
    loop_defer(connection->server->loop, &connection->next);
}

void exchange_raw_write(struct exchange *exchange, struct str bytes) {
    if (exchange->over || exchange->ended) return;
    exchange->responded = true;
    exchange->keep_alive = false;
    stream_write(connection_of(exchange)->stream, &bytes, 1);
}

void exchange_raw_end(struct exchange *exchange) {
    if (exchange->over || exchange->ended) return;
    exchange->ended = exchange->responded = true;
    exchange->keep_alive = false;
    exchange->chunked = false;
    loop_defer(connection_of(exchange)->server->loop, &connection_of(exchange)->next);
}

size_t exchange_unsent(const struct exchange *exchange) {
    return exchange->over ? 0 : stream_unsent(connection_of(exchange)->stream);
}

void exchange_read(struct exchange *exchange, bool wanted) {
    if (exchange->over) return;
    if (wanted)
        stream_read_start(connection_of(exchange)->stream);
    else
        stream_read_stop(connection_of(exchange)->stream);
}

void exchange_set_body_max(struct exchange *exchange, size_t body_bytes_max) { exchange->body_max = body_bytes_max; }

/* After the answer: the connection is closed, or ready for the next request, pipelined ones at once. */
static void next_run(void *context) {
    struct connection *connection = context;
    struct exchange *exchange = &connection->exchange;
    struct server *server = connection->server;
    if (exchange->over) { /* aborted by the handler */
        connection_close(connection, true);
        return;
    }
    if (stream_unsent(connection->stream)) {
        stream_tell_when_sent(connection->stream);
        return;
    }
    exchange->over = true;
    server->handler->done(exchange->owner);
    if (!exchange->keep_alive || server->draining) {
        if (exchange->request_ended)
            connection_close(connection, false);
        else
            connection_linger(connection);
        return;
    }
    http1_next(connection->parser, false);
    connection->state = connection_idle;
    deadline_set(connection, server->limits.idle_timeout_ns);
    stream_read_start(connection->stream);
    if (!connection->ahead_len) return;
    char *ahead = connection->ahead;
    size_t len = connection->ahead_len;
    connection->ahead = NULL;
    connection->ahead_len = 0;
    connection_read(connection, str_make(ahead, len));
    memory_give(ahead); /* after a close too: it is ours by now */
}

/* -- reading ----------------------------------------------------------------------------------------------------------
 */

/* net's own answer to a request that never reached, or no longer has, a handler. */
static void refuse(struct connection *connection, enum error_code error, int status, const char *sentence) {
    struct server *server = connection->server;
    struct exchange *exchange = &connection->exchange;
    char body[1024];
    size_t len = 0;
    struct str type = STR("text/plain");
    exchange_gone(connection);
    if (exchange->responded) { /* an answer was under way: it cannot be mended */
        connection_close(connection, true);
        return;
    }
    server->handler->refused(server->context, error, sentence, body, sizeof body, &len, &type);
    struct http_header header = {STR("Content-Type"), type};
    connection->state = connection_serving;
    *exchange = (struct exchange){.over = false, .left = -1};
    exchange_respond(exchange, status ? status : error_facts(error)->status, &header, 1, (int64_t)len);
    struct str range = str_make(body, len);
    exchange_write(exchange, &range, 1);
    exchange->over = true;
    connection_linger(connection);
}

static void on_head(void *owner, const struct http1_head *head) {
    struct connection *connection = owner;
    struct server *server = connection->server;
    struct exchange *exchange = &connection->exchange;
    *exchange = (struct exchange){.body_max = server->limits.body_bytes_max,
                                  .is_head = head->method == http_head,
                                  .keep_alive = head->keep_alive,
                                  .version_1_0 = head->version_1_0,
                                  .left = -1};
    connection->state = connection_serving;
    size_t question = str_find_byte(head->target, '?');
    struct http_request request = {
        .method = head->method,
        .target = head->target,
        .path = str_slice(head->target, 0, question),
        .query = question == SIZE_MAX ? STR("") : str_slice(head->target, question + 1, head->target.len),
        .host = http_header_find(head->headers, head->header_count, STR("host")),
        .headers = head->headers,
        .header_count = head->header_count,
        .content_length = head->content_length,
        .has_body = head->has_body,
        .peer = str_from(connection->peer),
        .peer_loopback = connection->peer_loopback,
        .over_tls = connection->over_tls,
    };
    server->handler->head(server->context, exchange, &request, &exchange->owner);
    if (exchange->over || exchange->responded || !head->has_body) return;
    deadline_set(connection, server->limits.body_timeout_ns);
    if (head->expects_continue && head->content_length <= (int64_t)exchange->body_max) {
        struct str go_on = STR("HTTP/1.1 100 Continue\r\n\r\n");
        stream_write(connection->stream, &go_on, 1);
    }
}

static void on_body(void *owner, struct str piece) {
    struct connection *connection = owner;
    struct exchange *exchange = &connection->exchange;
    if (exchange->over) return;
    deadline_set(connection, connection->server->limits.body_timeout_ns);
    exchange->body_len += piece.len;
    if (exchange->ended || exchange->responded) { /* answered before its body came: not read for ever */
        if (exchange->body_len > linger_bytes_max) deadline_set(connection, 0);
        return;
    }
    connection->server->handler->body(exchange->owner, piece);
}

static void on_end(void *owner) {
    struct connection *connection = owner;
    struct exchange *exchange = &connection->exchange;
    exchange->request_ended = true;
    deadline_clear(connection);
    if (exchange->over) return;
    connection->server->handler->end(exchange->owner);
}

static const struct http1_handler parser_handler = {on_head, on_body, on_end};

/* Bytes behind a request that is being served. false: more than are read ahead. */
static void ahead_add(struct connection *connection, struct str bytes) {
    if (connection->ahead_len + bytes.len > limit_pipelined_bytes + limit_read_buffer) {
        connection_close(connection, true);
        return;
    }
    char *bigger = memory_resize(connection->ahead, connection->ahead_len + bytes.len);
    if (!bigger) {
        connection_close(connection, true);
        return;
    }
    memcpy(bigger + connection->ahead_len, bytes.at, bytes.len);
    connection->ahead = bigger;
    connection->ahead_len += bytes.len;
    if (connection->ahead_len > limit_pipelined_bytes) stream_read_stop(connection->stream);
}

static void connection_read(struct connection *connection, struct str bytes) {
    struct server *server = connection->server;
    if (connection->state == connection_lingering) {
        connection->lingered += bytes.len;
        if (connection->lingered > linger_bytes_max) connection_close(connection, true);
        return;
    }
    if (connection->state == connection_serving && http1_ended(connection->parser)) {
        ahead_add(connection, bytes);
        return;
    }
    if (connection->state == connection_idle) {
        connection->state = connection_receiving;
        deadline_set(connection, server->limits.head_timeout_ns);
    }
    size_t read = http1_feed(connection->parser, bytes);
    const struct http1_refusal *refused = http1_refused(connection->parser);
    if (refused) {
        refuse(connection, refused->error, refused->status, refused->sentence);
        return;
    }
    struct exchange *exchange = &connection->exchange;
    if (connection->state == connection_serving && !exchange->over && !exchange->responded &&
        exchange->body_len > exchange->body_max) {
        refuse(connection, error_body_too_large, 0, error_facts(error_body_too_large)->sentence.at);
        return;
    }
    if (read < bytes.len)
        ahead_add(connection, str_slice(bytes, read, bytes.len));
    else if (connection->state == connection_receiving && !http1_begun(connection->parser))
        connection->state = connection_idle;
}

static void on_bytes(void *owner, struct str bytes) { connection_read(owner, bytes); }

static void on_stream_ended(void *owner) {
    struct connection *connection = owner;
    connection_close(connection, connection->state == connection_serving);
}

static void on_stream_failed(void *owner, enum stream_failure failure) {
    (void)failure;
    connection_close(owner, true);
}

static void on_writable(void *owner) {
    struct connection *connection = owner;
    struct exchange *exchange = &connection->exchange;
    connection->unsent_before = SIZE_MAX;
    if (connection->state != connection_serving || exchange->over) return;
    if (exchange->ended)
        loop_defer(connection->server->loop, &connection->next);
    else
        connection->server->handler->writable(exchange->owner);
}

static void on_connected(void *owner) { (void)owner; }

static const struct stream_handler stream_handler = {on_connected, on_bytes, on_stream_ended, on_stream_failed,
                                                     on_writable};

static void on_deadline(void *context) {
    struct connection *connection = context;
    struct server *server = connection->server;
    uint64_t now_ns = loop_now(server->loop).mono_ns;
    if (connection->deadline_ns == UINT64_MAX) return;
    if (now_ns < connection->deadline_ns) {
        timer_set(server->loop, &connection->timer, connection->deadline_ns, on_deadline, connection);
        return;
    }
    deadline_clear(connection);
    if (connection->state == connection_receiving ||
        (connection->state == connection_serving && !connection->exchange.request_ended)) {
        refuse(connection, error_request_timeout, 0, error_facts(error_request_timeout)->sentence.at);
    } else if (connection->state == connection_serving) {
        size_t unsent = stream_unsent(connection->stream);
        bool stuck = unsent && unsent >= connection->unsent_before;
        if (stuck)
            connection_close(connection, true);
        else
            watch_unsent(connection);
    } else {
        connection_close(connection, connection->state == connection_lingering);
    }
}

/* -- the server -------------------------------------------------------------------------------------------------------
 */

static void peer_set(struct connection *connection, int descriptor, bool is_unix) {
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof address;
    connection->peer_loopback = is_unix;
    str_copy(connection->peer, sizeof connection->peer, STR("unix"));
    if (is_unix || getpeername(descriptor, (struct sockaddr *)&address, &len) != 0) return;
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&address;
        inet_ntop(AF_INET, &in->sin_addr, connection->peer, sizeof connection->peer);
        connection->peer_loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address;
        inet_ntop(AF_INET6, &in6->sin6_addr, connection->peer, sizeof connection->peer);
        connection->peer_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
}

static void too_many(int descriptor) {
    static const char answer[] =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ssize_t ignored = write(descriptor, answer, sizeof answer - 1);
    (void)ignored;
    close(descriptor);
}

static void on_accepted(void *context, struct listener *listener, int descriptor) {
    struct server *server = context;
    if (server->count >= server->limits.connections_max) {
        too_many(descriptor);
        return;
    }
    struct tls_context *tls = NULL;
    for (size_t i = 0; i < server->listener_count; i++)
        if (server->listening[i].listener == listener) tls = server->listening[i].tls;
    struct connection *connection = memory_take_zeroed(sizeof *connection);
    struct http1 *parser = connection ? http1_new_request(&parser_handler, connection) : NULL;
    if (!parser) {
        memory_give(connection);
        too_many(descriptor);
        return;
    }
    bool is_unix = listener_is_unix(listener);
    *connection = (struct connection){.server = server, .parser = parser, .over_tls = tls != NULL};
    connection->exchange.over = true;
    connection->next.run = next_run;
    connection->next.context = connection;
    peer_set(connection, descriptor, is_unix);
    connection->stream = stream_accepted(server->loop, descriptor, is_unix, tls, &stream_handler, connection);
    if (!connection->stream) {
        http1_free(parser);
        memory_give(connection);
        return;
    }
    list_add_last(&server->connections, &connection->node);
    server->count++;
    deadline_set(connection, server->limits.head_timeout_ns);
}

struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_handler *handler,
                          void *context) {
    struct server *server = memory_take(sizeof *server);
    if (!server) return NULL;
    memset(server, 0, offsetof(struct server, head_buffer));
    server->loop = loop;
    server->limits = *limits;
    server->handler = handler;
    server->context = context;
    server->flush.run = flush_run;
    server->drained_later.run = drained_run;
    server->flush.context = server->drained_later.context = server;
    list_init(&server->connections);
    return server;
}

bool server_listen(struct server *server, struct listen_address *address, struct tls_context *tls,
                   struct error *error) {
    if (server->listener_count == listeners_max)
        return error_set(error, error_bad_configuration, "More than %d addresses to listen on.", listeners_max);
    struct listener *listener = listener_new(server->loop, address, on_accepted, server, error);
    if (!listener) return false;
    server->listening[server->listener_count].listener = listener;
    server->listening[server->listener_count++].tls = tls;
    return true;
}

void server_set_limits(struct server *server, const struct server_limits *limits) { server->limits = *limits; }

static void listeners_close(struct server *server, bool drain) {
    for (size_t i = 0; i < server->listener_count; i++) {
        if (drain) listener_drain(server->listening[i].listener);
        listener_close(server->listening[i].listener);
    }
    server->listener_count = 0;
}

void server_drain(struct server *server, void (*drained)(void *context), void *context) {
    if (server->draining) return;
    listeners_close(server, true);
    server->draining = true;
    server->drained = drained;
    server->drained_context = context;
    LIST_EACH_SAFE (node, following, &server->connections) {
        struct connection *connection = LIST_OWNER(node, struct connection, node);
        if (connection->state == connection_idle) connection_close(connection, false);
    }
    if (server->count == 0) loop_defer(server->loop, &server->drained_later);
}

void server_free(struct server *server) {
    listeners_close(server, false);
    server->drained = NULL;
    while (!list_empty(&server->connections))
        connection_close(LIST_OWNER(server->connections.next, struct connection, node), true);
    loop_defer_cancel(&server->flush);
    loop_defer_cancel(&server->drained_later);
    memory_give(server);
}

size_t server_connections(const struct server *server) { return server->count; }
