/* server_connection.c - a caller's connection from accept to close: whose turn it is to speak, how long it may take,
 * and how it ends.
 *
 *   idle -> receiving head -> serving (body, answer) -> done -> idle ...          any -> lingering -> closed
 *
 * Keeps: after `head` the handler gets exactly one of `done` and `gone`, never from inside a call of its own; an answer
 * that is finished is sent to its end unless its caller reads nothing for write_timeout_ns. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/server_internal.h"

enum {
    linger_s = 2,
    linger_bytes_max = 1 << 20,
    drain_grace_s = 1,      /* for a request of which a part may be on its way when a drain begins */
    pipelined_at_once = 4,  /* requests of one connection that are served in one turn of the loop */
    caller_look_s = 1,      /* between two looks for a caller who is not read */
    ahead_first = 4 * 1024, /* bytes that are kept of what is pipelined, to begin with */
};

static void next_run(void *context);
static void turn_run(void *context);

/* What holds whenever the connection rests between two calls. */
static void connection_check(const struct connection *connection) {
    const struct exchange *exchange = &connection->exchange;
    CHECKF(connection->state == connection_serving || exchange->over, "state=%d", (int)connection->state);
    CHECK(!exchange->ended || exchange->responded);
    CHECKF(connection->ahead_from <= connection->ahead_len && connection->ahead_len <= connection->ahead_size,
           "from=%zu len=%zu size=%zu", connection->ahead_from, connection->ahead_len, connection->ahead_size);
    CHECKF((connection->ahead != NULL) == (connection->ahead_size > 0), "size=%zu", connection->ahead_size);
}

/* The one place where its state changes. */
static void connection_become(struct connection *connection, enum connection_state state) {
    static const unsigned moves[] = {
        [connection_idle] = 1u << connection_receiving | 1u << connection_serving | 1u << connection_closed,
        [connection_receiving] = 1u << connection_serving | 1u << connection_closed,
        [connection_serving] = 1u << connection_serving /* net answers in the handler's place */ |
                               1u << connection_idle | 1u << connection_lingering | 1u << connection_closed,
        [connection_lingering] = 1u << connection_closed,
        [connection_closed] = 0,
    };
    CHECKF(moves[connection->state] >> state & 1, "from=%d to=%d", (int)connection->state, (int)state);
    connection->state = state;
}

/* -- deadlines -- */

static void server_connection_on_deadline(void *context);

static void deadline_at(struct connection *connection, uint64_t deadline_ns) {
    connection->deadline_ns = deadline_ns;
    if (!connection->timer.set || connection->timer.deadline_ns > deadline_ns)
        timer_set(connection->server->loop, &connection->timer, deadline_ns, server_connection_on_deadline, connection);
}

void connection_deadline_set(struct connection *connection, uint64_t from_now_ns) {
    deadline_at(connection, loop_now(connection->server->loop).mono_ns + from_now_ns);
}

static void deadline_clear(struct connection *connection) { connection->deadline_ns = UINT64_MAX; }

static void head_deadline_set(struct connection *connection) {
    const struct server *server = connection->server;
    uint64_t most = server->draining ? drain_grace_s * NS_PER_S : UINT64_MAX;
    connection_deadline_set(connection, server->limits.head_timeout_ns < most ? server->limits.head_timeout_ns : most);
}

/* For the next piece, within the time of the whole. */
static void body_deadline_set(struct connection *connection) {
    uint64_t next_ns = loop_now(connection->server->loop).mono_ns + connection->server->limits.body_timeout_ns;
    uint64_t until_ns = connection->exchange.body_until_ns;
    deadline_at(connection, next_ns < until_ns ? next_ns : until_ns);
}

void connection_watch_unsent(struct connection *connection) {
    if (stream_unsent(connection->stream) == 0 || connection->state != connection_serving ||
        connection->deadline_ns != UINT64_MAX)
        return;
    connection->progress = stream_progress(connection->stream);
    connection_deadline_set(connection, connection->server->limits.write_timeout_ns);
}

/* -- the end of a connection -- */

/* The handler's last word on an exchange that did not come to its end. */
static void exchange_gone(struct connection *connection) {
    struct exchange *exchange = &connection->exchange;
    if (exchange->over) return;
    exchange_over(connection);
    connection->server->handler->gone(exchange->owner);
}

void connection_close(struct connection *connection, bool reset) {
    struct server *server = connection->server;
    if (connection->state == connection_closed) return;
    exchange_head_drop(connection);
    connection_become(connection, connection_closed);
    exchange_gone(connection);
    if (reset)
        stream_close(connection->stream, true);
    else
        stream_close_when_sent(connection->stream);
    timer_cancel(server->loop, &connection->timer);
    timer_cancel(server->loop, &connection->turn);
    timer_cancel(server->loop, &connection->look);
    loop_defer_cancel(&connection->next);
    list_remove(&connection->node);
    CHECKF(server->count > 0 && server->pending != connection, "count=%zu", server->count);
    server->count--;
    http1_free(connection->parser);
    budget_free(connection->heads, connection->ahead, connection->ahead_size);
    memory_give(connection);
    if (server->draining && server->count == 0) loop_defer(server->loop, &server->drained_later);
}

/* Our side is said; what the caller still sends is read and dropped for a while, so that it can read our answer instead
 * of meeting a reset (RFC 9112, 9.6). */
static void connection_linger(struct connection *connection) {
    if (connection->caller_ended) {
        connection_close(connection, false);
        return;
    }
    CHECK(connection->exchange.over);
    connection_become(connection, connection_lingering);
    stream_shutdown(connection->stream);
    stream_read_start(connection->stream);
    connection_deadline_set(connection, linger_s * NS_PER_S);
}

static bool ahead_waits(const struct connection *connection) { return connection->ahead_from < connection->ahead_len; }

/* After the last answer. A close would be a reset where bytes come that nobody reads, and take the answer with it: only
 * a caller that wanted it to be the last, and sent no more, is closed upon at once. */
static void connection_finish(struct connection *connection) {
    const struct exchange *exchange = &connection->exchange;
    if (exchange->is_last && exchange->request_ended && connection->lingered == 0 && connection->stream->reading)
        connection_close(connection, false);
    else
        connection_linger(connection);
}

/* The caller has said its last and may still read. An answer that is finished is sent; one that is still being made is
 * not awaited, as nginx has it: a caller that hung up looks the same. Of requests that were pipelined before, those are
 * answered whose answer is there at once. */
static void half_closed(struct connection *connection) {
    const struct exchange *exchange = &connection->exchange;
    bool serving = connection->state == connection_serving;
    bool reads = !connection->stream->unwritable;
    CHECK(connection->caller_ended);
    if (reads && serving && (exchange->ended || exchange->over)) return; /* next_run goes on */
    if (connection->state == connection_idle && ahead_waits(connection)) return;
    connection_close(connection, serving && exchange->responded);
}

void connection_drain(struct connection *connection) {
    char byte;
    uint64_t grace_ns = loop_now(connection->server->loop).mono_ns + drain_grace_s * NS_PER_S;
    CHECK(connection->server->draining);
    if (connection->state != connection_idle && connection->state != connection_receiving) return;
    bool rests = connection->state == connection_idle && connection->asked && !ahead_waits(connection);
    if (rests && recv(connection->stream->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
        connection_close(connection, false);
    else if (connection->deadline_ns > grace_ns)
        deadline_at(connection, grace_ns);
}

/* -- reading -- */

static void caller_look(void *context);

/* Nobody comes upon the end of a caller who is not read: it is looked for, for as long as an answer is made. */
static void caller_look_later(struct connection *connection) {
    struct loop *loop = connection->server->loop;
    timer_set(loop, &connection->look, loop_now(loop).mono_ns + caller_look_s * NS_PER_S, caller_look, connection);
}

static void caller_look(void *context) {
    struct connection *connection = context;
    const struct exchange *exchange = &connection->exchange;
    if (connection->stream->reading) return;
    if (connection->state == connection_serving && !exchange->ended && !exchange->over &&
        stream_is_hung_up(connection->stream))
        connection_close(connection, exchange->responded); /* as half_closed has it */
    else
        caller_look_later(connection);
}

static void caller_read_stop(struct connection *connection) {
    stream_read_stop(connection->stream);
    if (!connection->look.set) caller_look_later(connection);
}

/* net's own answer to a request that never reached, or no longer has, a handler. */
static void server_connection_refuse(struct connection *connection, enum error_code error, int status,
                                     const char *sentence) {
    struct server *server = connection->server;
    struct exchange *exchange = &connection->exchange;
    char body[1024];
    size_t len = 0;
    struct str type = STR("text/plain");
    bool is_head = connection->state == connection_serving && exchange->is_head;
    if (connection->state == connection_serving && exchange->responded) { /* it cannot be said otherwise any more */
        if (exchange->ended)
            stream_read_stop(connection->stream);
        else
            connection_close(connection, true);
        return;
    }
    exchange_gone(connection);
    server->handler->refused(server->context, error, sentence, body, sizeof body, &len, &type);
    struct http_header headers[3] = {{STR("Content-Type"), type}};
    size_t count = 1;
    if (error == error_overloaded) headers[count++] = (struct http_header){STR("Retry-After"), STR("1")};
    if (server->handler->error_header.len)
        headers[count++] = (struct http_header){server->handler->error_header, error_facts(error)->path};
    connection_become(connection, connection_serving);
    *exchange = (struct exchange){.over = false, .is_head = is_head, .left = -1};
    exchange_respond(exchange, status ? status : error_facts(error)->status, headers, count, (int64_t)len);
    struct str range = str_make(body, len);
    exchange_write(exchange, &range, 1);
    exchange_head_flush(server); /* to HEAD no body takes it along */
    exchange->over = true;
    connection_linger(connection);
}

static void server_connection_on_head(void *owner, const struct http1_head *head) {
    struct connection *connection = owner;
    struct server *server = connection->server;
    struct exchange *exchange = &connection->exchange;
    CHECK(exchange->over); /* of the one before it the handler has heard the last */
    *exchange = (struct exchange){.body_max = server->limits.body_bytes_max,
                                  .body_until_ns = UINT64_MAX,
                                  .is_head = head->method == http_head,
                                  .keep_alive = head->keep_alive,
                                  .is_last = !head->keep_alive,
                                  .version_1_0 = head->version_1_0,
                                  .left = -1};
    connection_become(connection, connection_serving);
    stream_hold_within(connection->stream, connection->heads);
    size_t question = str_find_byte(head->target, '?');
    struct http_request request = {
        .method = head->method,
        .target = head->target,
        .path = str_slice(head->target, 0, question),
        .query = question == SIZE_MAX ? STR("") : str_slice(head->target, question + 1, head->target.len),
        .host = head->host,
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
    body_deadline_set(connection);
    if (head->expects_continue && head->content_length <= (int64_t)exchange->body_max) {
        struct str go_on = STR("HTTP/1.1 100 Continue\r\n\r\n");
        stream_write(connection->stream, &go_on, 1);
    }
}

static void server_connection_on_body(void *owner, struct str piece) {
    struct connection *connection = owner;
    struct exchange *exchange = &connection->exchange;
    CHECKF(connection->state == connection_serving && !exchange->request_ended, "state=%d", (int)connection->state);
    if (exchange->over) return;
    exchange->body_len += piece.len;
    if (exchange->responded) { /* answered before its body came: not read for ever */
        if (exchange->body_len > linger_bytes_max) caller_read_stop(connection);
        return;
    }
    body_deadline_set(connection);
    connection->server->handler->body(exchange->owner, piece);
}

static void server_connection_on_end(void *owner) {
    struct connection *connection = owner;
    struct exchange *exchange = &connection->exchange;
    CHECKF(connection->state == connection_serving && !exchange->request_ended, "state=%d", (int)connection->state);
    exchange->request_ended = true;
    if (exchange->over) return;
    if (!exchange->responded && exchange->body_len > exchange->body_max)
        return; /* refused when the parser has returned */
    deadline_clear(connection);
    connection_watch_unsent(connection);
    connection->server->handler->end(exchange->owner);
}

static const struct http1_handler parser_handler = {server_connection_on_head, server_connection_on_body,
                                                    server_connection_on_end};

static void ahead_free(struct connection *connection) {
    budget_free(connection->heads, connection->ahead, connection->ahead_size);
    connection->ahead = NULL;
    connection->ahead_from = connection->ahead_len = connection->ahead_size = 0;
}

/* Room for more bytes behind those that wait. */
static bool ahead_room(struct connection *connection, size_t len) {
    size_t waiting = connection->ahead_len - connection->ahead_from;
    if (connection->ahead_from && connection->ahead_size - connection->ahead_len < len) {
        memmove(connection->ahead, connection->ahead + connection->ahead_from, waiting);
        connection->ahead_from = 0;
        connection->ahead_len = waiting;
    }
    if (connection->ahead_size - connection->ahead_len >= len) return true;
    size_t size = connection->ahead_size ? connection->ahead_size : ahead_first;
    while (size < waiting + len) size *= 2;
    if (!budget_admits(connection->heads, size)) return false;
    char *bigger = budget_resize(connection->heads, connection->ahead, connection->ahead_size, size);
    if (!bigger) return false;
    connection->ahead = bigger;
    connection->ahead_size = size;
    CHECKF(size - connection->ahead_len >= len, "size=%zu len=%zu", size, len);
    return true;
}

/* Bytes behind a request that is being served. They are not read without end; where there is no room for them, the
 * connection ends behind its answer. */
static void ahead_add(struct connection *connection, struct str bytes) {
    size_t waiting = connection->ahead_len - connection->ahead_from;
    if (connection->state == connection_serving && !connection->exchange.keep_alive) { /* nobody will read them */
        connection->lingered += bytes.len;
        if (connection->lingered > linger_bytes_max) caller_read_stop(connection);
        return;
    }
    if (waiting + bytes.len > limit_pipelined_bytes) caller_read_stop(connection);
    if (!ahead_room(connection, bytes.len)) {
        caller_read_stop(connection);
        ahead_free(connection);
        connection->exchange.keep_alive = false;
        return;
    }
    memcpy(connection->ahead + connection->ahead_len, bytes.at, bytes.len);
    connection->ahead_len += bytes.len;
    connection_check(connection);
}

/* Reads up to the end of a message; answers how much was read. SIZE_MAX: refused, and that was answered. */
static size_t connection_feed(struct connection *connection, struct str bytes) {
    size_t read = http1_feed(connection->parser, bytes);
    const struct http1_refusal *refused = http1_refused(connection->parser);
    if (refused) {
        server_connection_refuse(connection, refused->error, refused->status, refused->sentence);
        return SIZE_MAX;
    }
    struct exchange *exchange = &connection->exchange;
    if (connection->state == connection_serving && !exchange->over && !exchange->responded &&
        exchange->body_len > exchange->body_max) {
        server_connection_refuse(connection, error_body_too_large, 0, error_facts(error_body_too_large)->sentence.at);
        return SIZE_MAX;
    }
    if (connection->state == connection_idle && http1_begun(connection->parser)) {
        connection_become(connection, connection_receiving);
        head_deadline_set(connection);
    }
    return read;
}

static void connection_read(struct connection *connection, struct str bytes) {
    connection_check(connection);
    if (connection->state == connection_lingering) {
        connection->lingered += bytes.len;
        if (connection->lingered > linger_bytes_max) connection_close(connection, true);
        return;
    }
    bool served = connection->state == connection_serving && http1_ended(connection->parser);
    if (served || ahead_waits(connection)) {
        ahead_add(connection, bytes);
        return;
    }
    connection->served_at_once = 0;
    size_t read = connection_feed(connection, bytes);
    if (read < bytes.len) ahead_add(connection, str_slice(bytes, read, bytes.len));
}

/* The next pipelined request. */
static void ahead_feed(struct connection *connection) {
    struct str rest =
        str_make(connection->ahead + connection->ahead_from, connection->ahead_len - connection->ahead_from);
    CHECKF(connection->state == connection_idle && rest.len > 0, "state=%d", (int)connection->state);
    size_t read = connection_feed(connection, rest);
    if (read == SIZE_MAX) return;
    CHECKF(read <= rest.len && connection->ahead == rest.at - connection->ahead_from, "read=%zu", read);
    connection->ahead_from += read;
    if (!ahead_waits(connection)) ahead_free(connection);
    if (!ahead_waits(connection) && !connection->caller_ended) stream_read_start(connection->stream);
    if (connection->caller_ended) half_closed(connection);
}

static void turn_run(void *context) {
    struct connection *connection = context;
    connection->served_at_once = 0;
    if (connection->state == connection_idle && ahead_waits(connection)) ahead_feed(connection);
}

/* After the answer: the connection ends, or is ready for the next request, pipelined ones a few a turn. */
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
        connection_watch_unsent(connection); /* nobody has, where it was written in this turn */
        return;
    }
    CHECKF(connection->state == connection_serving && exchange->ended, "state=%d", (int)connection->state);
    exchange_over(connection);
    server->handler->done(exchange->owner);
    if (!exchange->keep_alive || server->draining) {
        connection_finish(connection);
        return;
    }
    CHECK(exchange->request_ended && !connection->lingered);
    http1_next(connection->parser, false);
    connection_become(connection, connection_idle);
    connection->asked = true;
    connection_deadline_set(connection, server->limits.idle_timeout_ns);
    if (!ahead_waits(connection)) {
        if (connection->caller_ended)
            connection_close(connection, false);
        else
            stream_read_start(connection->stream);
    } else if (++connection->served_at_once < pipelined_at_once) {
        ahead_feed(connection);
    } else {
        timer_set(server->loop, &connection->turn, loop_now(server->loop).mono_ns, turn_run, connection);
    }
}

/* -- the stream's calls -- */

static void server_connection_on_bytes(void *owner, struct str bytes) { connection_read(owner, bytes); }

static void on_stream_ended(void *owner) {
    struct connection *connection = owner;
    connection->caller_ended = true;
    half_closed(connection);
}

static void on_stream_failed(void *owner, enum stream_failure failure) {
    (void)failure;
    connection_close(owner, true);
}

static void server_connection_on_writable(void *owner) {
    struct connection *connection = owner;
    struct exchange *exchange = &connection->exchange;
    if (connection->state != connection_serving || exchange->over) return;
    if (exchange->ended)
        loop_defer(connection->server->loop, &connection->next);
    else
        connection->server->handler->writable(exchange->owner);
}

static void server_connection_on_connected(void *owner) { (void)owner; }

static const struct stream_handler stream_handler = {server_connection_on_connected, server_connection_on_bytes,
                                                     on_stream_ended, on_stream_failed, server_connection_on_writable};

static void server_connection_on_deadline(void *context) {
    struct connection *connection = context;
    struct server *server = connection->server;
    const struct exchange *exchange = &connection->exchange;
    if (connection->deadline_ns == UINT64_MAX) return;
    if (loop_now(server->loop).mono_ns < connection->deadline_ns) {
        timer_set(server->loop, &connection->timer, connection->deadline_ns, server_connection_on_deadline, connection);
        return;
    }
    deadline_clear(connection);
    bool serving = connection->state == connection_serving;
    if (connection->state == connection_receiving || (serving && !exchange->request_ended && !exchange->responded)) {
        server_connection_refuse(connection, error_request_timeout, 0, error_facts(error_request_timeout)->sentence.at);
    } else if (serving) {
        if (stream_unsent(connection->stream) && stream_progress(connection->stream) == connection->progress)
            connection_close(connection, true);
        else
            connection_watch_unsent(connection);
    } else {
        connection_close(connection, false);
    }
}

/* -- beginning -- */

static void peer_set(struct connection *connection, int descriptor, bool is_unix) {
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof address;
    connection->peer_loopback = is_unix;
    str_copy(connection->peer, sizeof connection->peer, is_unix ? STR("unix") : STR("unknown"));
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

struct connection *connection_new(struct server *server, int descriptor, bool is_unix, struct tls_context *tls) {
    struct connection *connection = memory_take_zeroed(sizeof *connection);
    struct http1 *parser = connection ? http1_new_request(&parser_handler, connection) : NULL;
    if (!parser) {
        memory_give(connection);
        close(descriptor);
        return NULL;
    }
    *connection =
        (struct connection){.server = server, .heads = server->limits.heads, .parser = parser, .over_tls = tls != NULL};
    http1_hold_within(parser, connection->heads, loop_head_spares(server->loop));
    connection->exchange.over = true;
    connection->next.run = next_run;
    connection->next.context = connection;
    peer_set(connection, descriptor, is_unix);
    connection->stream = stream_accepted(server->loop, server->limits.connections, descriptor, is_unix, tls,
                                         &stream_handler, connection);
    if (!connection->stream) {
        http1_free(parser);
        memory_give(connection);
        return NULL;
    }
    head_deadline_set(connection);
    return connection;
}
