/* server_exchange.c - one answer on its connection: its head, its body in one framing or another, its end. Bytes are
 * written at once; what a call of the handler's breaks is told at the end of the turn, never from inside the call. */
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/text.h"
#include "net/server_internal.h"

/* An exchange stands inside its connection. */
static struct connection *connection_of(const struct exchange *exchange) {
    return LIST_OWNER((uintptr_t)exchange, struct connection, exchange);
}

void exchange_head_flush(struct server *server) {
    struct connection *connection = server->pending;
    if (!connection) return;
    server->pending = NULL;
    CHECKF(connection->state != connection_closed && connection->exchange.responded, "state=%d",
           (int)connection->state);
    struct str head = str_make(server->head_buffer, server->head_len);
    stream_write(connection->stream, &head, 1);
}

void exchange_over(struct connection *connection) {
    connection->exchange.over = true;
    stream_hold_within(connection->stream, connection->heads);
}

void exchange_head_drop(struct connection *connection) {
    if (connection->server->pending == connection) connection->server->pending = NULL;
}

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

void exchange_respond(struct exchange *exchange, int status, const struct http_header *headers, size_t header_count,
                      int64_t content_length) {
    struct connection *connection = connection_of(exchange);
    struct server *server = connection->server;
    if (exchange->over || exchange->responded) return;
    CHECKF(content_length >= -1, "content_length=%lld", (long long)content_length);
    exchange_head_flush(server);
    CHECK(!server->pending); /* the buffer of heads is one, and free now */
    exchange->responded = true;
    bool bodiless = status == 204 || status == 304; /* by nature, whatever was declared (RFC 9110, 6.4.1) */
    exchange->bodiless = bodiless || exchange->is_head;
    exchange->chunked = content_length < 0 && !exchange->version_1_0 && !bodiless;
    exchange->left = exchange->bodiless ? -1 : content_length;
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
    for (size_t i = 0; i < header_count; i++) text_put_header(&head, headers[i].name, headers[i].value);
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
        exchange->bodiless = true;
        exchange->left = -1;
        exchange->keep_alive = exchange->chunked = false;
    }
    CHECKF(head.len > 0 && head.len <= sizeof server->head_buffer, "len=%zu", head.len);
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
    if (exchange->over || exchange->ended || !exchange->responded || exchange->bodiless) return;
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
        CHECKF(used <= sizeof ranges / sizeof *ranges && now <= count, "used=%zu now=%zu", used, now);
        stream_write(connection->stream, ranges, used);
        given += now;
        count -= now;
    }
    connection_watch_unsent(connection);
}

void exchange_end(struct exchange *exchange) {
    struct connection *connection = connection_of(exchange);
    if (exchange->over || exchange->ended) return;
    CHECK(exchange->responded); /* an end without a head would be no answer at all */
    if (exchange->left > 0) {   /* less than was declared: the caller must not take it for the whole */
        exchange_abort(exchange);
        return;
    }
    exchange->ended = true;
    struct str ranges[2];
    size_t count = pending_take(connection, ranges);
    if (exchange->chunked && !exchange->bodiless) ranges[count++] = STR("0\r\n\r\n");
    if (count) stream_write(connection->stream, ranges, count);
    connection_watch_unsent(connection);
    loop_defer(connection->server->loop, &connection->next);
}

void exchange_forget_head(struct exchange *exchange) {
    if (!exchange->over) http1_forget_head(connection_of(exchange)->parser);
}

void exchange_hold_within(struct exchange *exchange, struct budget *budget) {
    if (!exchange->over) stream_hold_within(connection_of(exchange)->stream, budget);
}

/* Never from inside a call of the handler's: the reset waits for the end of the turn. */
void exchange_abort(struct exchange *exchange) {
    struct connection *connection = connection_of(exchange);
    if (exchange->over) return;
    exchange_head_drop(connection);
    exchange_over(connection);
    exchange->keep_alive = false;
    loop_defer(connection->server->loop, &connection->next);
}

void exchange_raw_write(struct exchange *exchange, struct str bytes) {
    if (exchange->over || exchange->ended) return;
    CHECK(connection_of(exchange)->server->pending != connection_of(exchange)); /* instead of a head, not behind it */
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

void exchange_set_body_max(struct exchange *exchange, size_t body_bytes_max) { exchange->body_max = body_bytes_max; }

void exchange_set_body_time(struct exchange *exchange, uint64_t time_ns) {
    exchange->body_until_ns = loop_now(connection_of(exchange)->server->loop).mono_ns + time_ns;
}
