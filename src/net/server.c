/* server.c - the serving side of one loop: its listeners, how many connections it takes, its drain and its end. A
 * connection's life is in server_connection.c, an answer in server_exchange.c. */
#include "net/server.h"

#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/server_internal.h"

static void too_many(int descriptor) {
    static const char answer[] =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ssize_t ignored = write(descriptor, answer, sizeof answer - 1);
    (void)ignored;
    close(descriptor);
}

static void on_accepted(void *context, struct listener *listener, int descriptor) {
    struct server *server = context;
    struct tls_context *tls = NULL;
    bool found = false;
    for (size_t i = 0; i < server->listener_count && !found; i++) {
        found = server->listening[i].listener == listener;
        tls = server->listening[i].tls;
    }
    CHECKF(found && !server->draining, "draining=%d", server->draining); /* else it would be served in clear */
    if (server->count >= server->limits.connections_max ||
        !budget_admits(server->limits.connections, stream_charge_of(tls != NULL))) {
        too_many(descriptor);
        return;
    }
    struct connection *connection = connection_new(server, descriptor, listener_is_unix(listener), tls);
    if (!connection) return;
    list_add_last(&server->connections, &connection->node);
    server->count++;
    if (check_walks && server->count <= 64)
        CHECKF(list_length(&server->connections) == server->count, "count=%zu", server->count);
}

static void flush_run(void *context) { exchange_head_flush(context); }

static void drained_run(void *context) {
    struct server *server = context;
    CHECKF(server->draining && server->count == 0, "count=%zu", server->count);
    if (server->drained) server->drained(server->drained_context);
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
    CHECK(!server->draining);
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
    LIST_EACH_SAFE (node, following, &server->connections) connection_drain(LIST_OWNER(node, struct connection, node));
    if (server->count == 0) loop_defer(server->loop, &server->drained_later);
}

void server_free(struct server *server) {
    listeners_close(server, false);
    server->drained = NULL;
    while (!list_empty(&server->connections))
        connection_close(LIST_OWNER(server->connections.next, struct connection, node), true);
    CHECKF(server->count == 0 && !server->pending, "count=%zu", server->count);
    loop_defer_cancel(&server->flush);
    loop_defer_cancel(&server->drained_later);
    memory_give(server);
}

size_t server_connections(const struct server *server) { return server->count; }
