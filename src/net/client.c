/* client.c - calls over pooled connections. A call owns at most one connection at a time; a connection serves one call,
 * then goes back to its pool, if the reply was complete and allows it.
 *
 * Keeps: a call's handler gets exactly one of `ended` and `failed` unless it is cancelled; nothing comes from inside
 * call_start. */
#include "net/client.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/dial.h"
#include "net/http1.h"
#include "net/tls.h"

enum { slice_bytes = 256 * 1024, contexts_max = 16 };

struct pool {
    struct list node; /* of client->pools */
    uint64_t origin_id;
    struct list idle; /* struct upstream, the one used last first */
    size_t idle_count, busy_count;
};

/* One connection to a provider. */
struct upstream {
    struct list node; /* of pool->idle while it is idle, else of client->busy */
    struct client *client;
    struct pool *pool;
    struct stream *stream;
    struct http1 *parser;
    struct call *call; /* NULL: idle, or its call was cancelled inside a callback */
    struct timer expiry;
    uint64_t idle_timeout_ns, idle_since_ns;
    size_t connections_idle_max;
    bool reused, heard /* a byte of this reply */, keep_alive, feeding, doomed;
};

struct call {
    struct client *client;
    const struct origin *origin;
    const struct call_handler *handler;
    void *owner;
    struct upstream *upstream; /* NULL while dialling */
    struct dial *dial;
    struct loop_deferred later; /* `sent`, or a failure, told at the end of the turn */
    enum call_failure failure;
    char failure_text[128];
    const struct str *body;
    size_t body_count, body_at, body_offset; /* what of the body has been written */
    bool is_head, has_head, paused;
    size_t head_len;
    char head[]; /* as it goes out; kept until it has */
};

struct client {
    struct loop *loop;
    struct resolver *resolver;
    struct list pools, busy;
    size_t idle_count, busy_count;
    uint64_t replaced; /* idle connections that turned out closed before they were used */
    struct {
        char ca_file[256];
        bool insecure;
        struct tls_context *context;
    } contexts[contexts_max];
    size_t context_count;
    char scratch[limit_header_bytes + limit_target_bytes];
};

struct str call_failure_name(enum call_failure failure) {
    static const char *const names[] = {"none",      "dns",   "connect",    "connect_timeout",
                                        "tls",       "proxy", "reset",      "reset_reused",
                                        "malformed", "cut",   "not_public", "system"};
    return str_from(names[failure]);
}

/* -- connections ------------------------------------------------------------------------------------------------------
 */

static void upstream_free(struct upstream *upstream) {
    struct client *client = upstream->client;
    if (upstream->feeding) { /* inside its own parser: freed when that returns */
        upstream->doomed = true;
        upstream->call = NULL;
        return;
    }
    timer_cancel(client->loop, &upstream->expiry);
    list_remove(&upstream->node);
    if (upstream->stream) stream_close(upstream->stream, false);
    http1_free(upstream->parser);
    memory_give(upstream);
}

static void busy_end(struct upstream *upstream) {
    list_remove(&upstream->node);
    upstream->pool->busy_count--;
    upstream->client->busy_count--;
}

static void idle_end(struct upstream *upstream) {
    list_remove(&upstream->node);
    upstream->pool->idle_count--;
    upstream->client->idle_count--;
}

/* An idle one. */
static void upstream_drop(struct upstream *upstream) {
    CHECK(!upstream->call);
    idle_end(upstream);
    upstream_free(upstream);
}

static void on_expired(void *context) {
    struct upstream *upstream = context;
    idle_end(upstream);
    upstream_free(upstream);
}

static void upstream_release(struct upstream *upstream) {
    struct client *client = upstream->client;
    struct pool *pool = upstream->pool;
    busy_end(upstream);
    upstream->call = NULL;
    if (!upstream->keep_alive || !stream_is_alive(upstream->stream) || stream_unsent(upstream->stream) ||
        pool->idle_count >= upstream->connections_idle_max) {
        upstream_free(upstream);
        return;
    }
    stream_read_start(upstream->stream); /* so that its end is seen */
    upstream->idle_since_ns = loop_now(client->loop).mono_ns;
    list_add_first(&pool->idle, &upstream->node);
    pool->idle_count++;
    client->idle_count++;
    timer_set(client->loop, &upstream->expiry, upstream->idle_since_ns + upstream->idle_timeout_ns, on_expired,
              upstream);
}

static struct pool *pool_of(struct client *client, uint64_t origin_id) {
    LIST_EACH (node, &client->pools) {
        struct pool *pool = LIST_OWNER(node, struct pool, node);
        if (pool->origin_id == origin_id) return pool;
    }
    struct pool *pool = memory_take_zeroed(sizeof *pool);
    if (!pool) return NULL;
    pool->origin_id = origin_id;
    list_init(&pool->idle);
    list_add_last(&client->pools, &pool->node);
    return pool;
}

/* -- the end of a call ------------------------------------------------------------------------------------------------
 */

static void call_free(struct call *call) {
    loop_defer_cancel(&call->later);
    if (call->dial) dial_cancel(call->dial);
    memory_give(call);
}

static void call_dial(struct call *call);

static void call_fail(struct call *call, enum call_failure failure, struct str text) {
    char copy[192];
    str_copy(copy, sizeof copy, text);
    struct upstream *upstream = call->upstream;
    const struct call_handler *handler = call->handler;
    void *owner = call->owner;
    if (upstream) {
        call->upstream = NULL;
        busy_end(upstream);
        upstream->call = NULL;
        upstream_free(upstream);
    }
    call_free(call);
    handler->failed(owner, failure, str_from(copy));
}

/* It broke before the whole reply had come. Once a byte of the request has left, the provider may have worked on it,
 * so that nothing here sends it again: whether that may be is for the caller of the call to say. */
static enum call_failure broken(const struct upstream *upstream) {
    if (upstream->call->has_head) return call_failure_cut;
    return upstream->reused && !upstream->heard ? call_failure_reset_reused : call_failure_reset;
}

/* -- a reply ----------------------------------------------------------------------------------------------------------
 */

static void on_head(void *owner, const struct http1_head *head) {
    struct upstream *upstream = owner;
    struct call *call = upstream->call;
    if (!call) return;
    upstream->keep_alive = head->keep_alive && call_body_sent(call);
    call->has_head = true;
    struct http_reply reply = {.status = head->status,
                               .headers = head->headers,
                               .header_count = head->header_count,
                               .content_length = head->content_length,
                               .until_close = head->until_close};
    call->handler->head(call->owner, &reply);
}

static void on_body(void *owner, struct str piece) {
    struct upstream *upstream = owner;
    if (upstream->call) upstream->call->handler->body(upstream->call->owner, piece);
}

static void on_end(void *owner) { (void)owner; /* looked at after the parser has returned */ }

static const struct http1_handler parser_handler = {on_head, on_body, on_end};

static void call_ended(struct upstream *upstream, bool more_bytes) {
    struct call *call = upstream->call;
    const struct call_handler *handler = call->handler;
    void *owner = call->owner;
    if (more_bytes) upstream->keep_alive = false; /* bytes that nobody asked for */
    upstream_release(upstream);
    call->upstream = NULL;
    call_free(call);
    handler->ended(owner);
}

static void on_bytes(void *owner, struct str bytes) {
    struct upstream *upstream = owner;
    if (!upstream->call) { /* an idle connection has nothing to say */
        upstream_drop(upstream);
        return;
    }
    upstream->heard = true;
    upstream->feeding = true;
    size_t read = http1_feed(upstream->parser, bytes);
    upstream->feeding = false;
    if (upstream->doomed) {
        upstream_free(upstream);
        return;
    }
    if (read == SIZE_MAX)
        call_fail(upstream->call, call_failure_malformed, str_from(http1_refused(upstream->parser)->sentence));
    else if (http1_ended(upstream->parser))
        call_ended(upstream, read < bytes.len);
}

static void on_ended(void *owner) {
    struct upstream *upstream = owner;
    struct call *call = upstream->call;
    if (!call) {
        upstream_drop(upstream);
        return;
    }
    upstream->feeding = true;
    bool complete = call->has_head && http1_finish(upstream->parser) && http1_ended(upstream->parser);
    upstream->feeding = false;
    if (upstream->doomed)
        upstream_free(upstream);
    else if (complete)
        call_ended(upstream, false);
    else
        call_fail(call, broken(upstream),
                  call->has_head ? STR("the connection ended in the middle of the reply")
                                 : STR("the connection was closed without a reply"));
}

static void on_failed(void *owner, enum stream_failure failure) {
    struct upstream *upstream = owner;
    (void)failure;
    if (!upstream->call)
        upstream_drop(upstream);
    else
        call_fail(upstream->call, broken(upstream), stream_failure_text(upstream->stream));
}

/* -- a request --------------------------------------------------------------------------------------------------------
 */

bool call_body_sent(const struct call *call) {
    return call->body_at == call->body_count && (!call->upstream || stream_unsent(call->upstream->stream) == 0);
}

/* Writes on while the kernel takes it; the first write carries the head. */
static void call_send(struct call *call, bool first) {
    struct stream *stream = call->upstream->stream;
    struct str ranges[limit_iov];
    while (first || (call->body_at < call->body_count && stream_unsent(stream) == 0)) {
        size_t count = 0, len = 0;
        if (first) ranges[count++] = str_make(call->head, call->head_len);
        first = false;
        while (call->body_at < call->body_count && count < limit_iov && len < slice_bytes) {
            struct str rest = str_slice(call->body[call->body_at], call->body_offset, SIZE_MAX);
            struct str piece = str_slice(rest, 0, slice_bytes - len);
            len += piece.len;
            call->body_offset += piece.len;
            if (piece.len) ranges[count++] = piece;
            if (piece.len == rest.len) {
                call->body_at++;
                call->body_offset = 0;
            }
        }
        if (count) stream_write(stream, ranges, count);
        if (!stream_is_alive(stream)) return; /* told by callback */
    }
    if (call->body_at < call->body_count) stream_tell_when_sent(stream);
}

static void on_writable(void *owner) {
    struct upstream *upstream = owner;
    if (upstream->call && upstream->call->body_at < upstream->call->body_count) call_send(upstream->call, false);
}

static void on_connected(void *owner) { (void)owner; }

static const struct stream_handler stream_handler = {on_connected, on_bytes, on_ended, on_failed, on_writable};

static void later_run(void *context) {
    struct call *call = context;
    if (call->failure != call_failure_none) {
        call_fail(call, call->failure, str_from(call->failure_text));
        return;
    }
    call->handler->sent(call->owner);
}

/* A connection that its provider had closed takes not one byte of a request: the call gives it up, as if it had never
 * had it. */
static void upstream_give_up(struct upstream *upstream) {
    struct call *call = upstream->call;
    upstream->client->replaced++;
    call->upstream = NULL;
    call->body_at = call->body_offset = 0;
    busy_end(upstream);
    upstream->call = NULL;
    upstream_free(upstream);
}

/* false: it was broken before any byte of the request left; it is no more. */
static bool upstream_use(struct upstream *upstream, struct call *call) {
    uint64_t sent = stream_sent(upstream->stream);
    upstream->call = call;
    upstream->heard = upstream->keep_alive = false;
    call->upstream = upstream;
    list_add_last(&upstream->client->busy, &upstream->node);
    upstream->pool->busy_count++;
    upstream->client->busy_count++;
    http1_next(upstream->parser, call->is_head);
    if (call->paused)
        stream_read_stop(upstream->stream);
    else
        stream_read_start(upstream->stream);
    call_send(call, true);
    if (upstream->reused && !stream_is_alive(upstream->stream) && stream_sent(upstream->stream) == sent) {
        upstream_give_up(upstream);
        return false;
    }
    loop_defer(call->client->loop, &call->later);
    return true;
}

/* An idle connection, the one used last first; NULL: there is none. What has rested for long is looked at: its end may
 * have come, and the loop not come upon it yet. */
static struct upstream *pool_take(struct pool *pool, const struct origin *origin, uint64_t now_ns) {
    while (!list_empty(&pool->idle)) {
        struct upstream *upstream = LIST_OWNER(pool->idle.next, struct upstream, node);
        bool rested = now_ns - upstream->idle_since_ns >= origin->rested_ns;
        if (!stream_is_alive(upstream->stream) || (rested && !stream_is_quiet(upstream->stream))) {
            upstream->client->replaced++;
            upstream_drop(upstream);
            continue;
        }
        idle_end(upstream);
        timer_cancel(upstream->client->loop, &upstream->expiry);
        upstream->reused = true;
        return upstream;
    }
    return NULL;
}

static void on_dialled(void *owner, struct stream *stream, enum call_failure failure, struct str text) {
    struct call *call = owner;
    struct client *client = call->client;
    call->dial = NULL;
    if (!stream) {
        call_fail(call, failure, text);
        return;
    }
    struct upstream *upstream = memory_take_zeroed(sizeof *upstream);
    struct http1 *parser = upstream ? http1_new_reply(&parser_handler, upstream) : NULL;
    struct pool *pool = parser ? pool_of(client, call->origin->id) : NULL;
    if (!pool) {
        memory_give(upstream);
        http1_free(parser);
        stream_close(stream, false);
        call_fail(call, call_failure_system, STR("no memory for the connection"));
        return;
    }
    *upstream = (struct upstream){.client = client,
                                  .pool = pool,
                                  .stream = stream,
                                  .parser = parser,
                                  .idle_timeout_ns = call->origin->idle_timeout_ns,
                                  .connections_idle_max = call->origin->connections_idle_max};
    stream_set_handler(stream, &stream_handler, upstream);
    upstream_use(upstream, call);
}

static struct tls_context *context_of(struct client *client, const struct origin *origin, struct error *error) {
    char ca_file[sizeof client->contexts[0].ca_file];
    str_copy(ca_file, sizeof ca_file, origin->ca_file);
    for (size_t i = 0; i < client->context_count; i++)
        if (client->contexts[i].insecure == origin->insecure && strcmp(client->contexts[i].ca_file, ca_file) == 0)
            return client->contexts[i].context;
    if (client->context_count == contexts_max) {
        error_set(error, error_internal, "more than %d different CA files", contexts_max);
        return NULL;
    }
    struct tls_context *context = tls_client_context(origin->ca_file, origin->insecure, error);
    if (!context) return NULL;
    memcpy(client->contexts[client->context_count].ca_file, ca_file, sizeof ca_file);
    client->contexts[client->context_count].insecure = origin->insecure;
    client->contexts[client->context_count++].context = context;
    return context;
}

static void call_dial(struct call *call) {
    struct client *client = call->client;
    struct error error = {.code = error_none};
    struct tls_context *tls = call->origin->tls ? context_of(client, call->origin, &error) : NULL;
    if (!call->origin->tls || tls)
        call->dial = dial_start(client->loop, client->resolver, call->origin, tls, on_dialled, call);
    if (call->dial) return;
    call->failure = call->origin->tls && !tls ? call_failure_tls : call_failure_system;
    str_copy(call->failure_text, sizeof call->failure_text,
             call->failure == call_failure_tls ? str_from(error.message) : STR("no memory for the connection"));
    loop_defer(client->loop, &call->later);
}

static void value_put(struct text *text, struct str value) {
    size_t from = text->len;
    text_put(text, value);
    for (size_t i = from; i < text->len; i++)
        if (((unsigned char)text->at[i] < 0x20 && text->at[i] != '\t') || text->at[i] == 0x7f) text->at[i] = '_';
}

static void authority_put(struct text *text, const struct origin *origin) {
    bool v6 = str_find_byte(origin->host, ':') != SIZE_MAX;
    if (v6) text_put_byte(text, '[');
    text_put(text, origin->host);
    if (v6) text_put_byte(text, ']');
    if (origin->port && origin->port != (origin->tls ? 443 : 80)) {
        text_put_byte(text, ':');
        text_put_u64(text, origin->port);
    }
}

static struct str head_write(struct client *client, const struct origin *origin, const struct call_request *request) {
    struct text text = text_in_buffer(client->scratch, sizeof client->scratch);
    text_put(&text, http_method_name(request->method));
    text_put_byte(&text, ' ');
    if (origin->proxy.len && !origin->tls) { /* absolute-form, for the proxy */
        text_put(&text, STR("http://"));
        authority_put(&text, origin);
    }
    text_put(&text, request->target);
    text_put(&text, STR(" HTTP/1.1\r\nHost: "));
    if (origin->unix_path.len)
        text_put(&text, STR("localhost"));
    else
        authority_put(&text, origin);
    text_put(&text, STR("\r\n"));
    if (origin->proxy.len && !origin->tls) dial_proxy_credential_put(&text, origin->proxy);
    for (size_t i = 0; i < request->header_count; i++) {
        text_put(&text, request->headers[i].name);
        text_put(&text, STR(": "));
        value_put(&text, request->headers[i].value);
        text_put(&text, STR("\r\n"));
    }
    size_t len = 0;
    for (size_t i = 0; i < request->body_count; i++) len += request->body[i].len;
    if (len || request->method == http_post || request->method == http_put || request->method == http_patch) {
        text_put(&text, STR("Content-Length: "));
        text_put_u64(&text, len);
        text_put(&text, STR("\r\n"));
    }
    text_put(&text, STR("\r\n"));
    return text.failed ? STR_NONE : text_str(&text);
}

struct call *call_start(struct client *client, const struct origin *origin, const struct call_request *request,
                        const struct call_handler *handler, void *owner) {
    struct str head = head_write(client, origin, request);
    struct call *call = head.at ? memory_take(sizeof *call + head.len) : NULL;
    if (!call) return NULL;
    *call = (struct call){.client = client,
                          .origin = origin,
                          .handler = handler,
                          .owner = owner,
                          .body = request->body,
                          .body_count = request->body_count,
                          .is_head = request->method == http_head,
                          .head_len = head.len};
    memcpy(call->head, head.at, head.len);
    call->later.run = later_run;
    call->later.context = call;
    struct pool *pool = pool_of(client, origin->id);
    struct upstream *upstream;
    while (pool && (upstream = pool_take(pool, origin, loop_now(client->loop).mono_ns)))
        if (upstream_use(upstream, call)) return call;
    call_dial(call);
    return call;
}

void call_read(struct call *call, bool wanted) {
    call->paused = !wanted;
    if (!call->upstream) return;
    if (wanted)
        stream_read_start(call->upstream->stream);
    else
        stream_read_stop(call->upstream->stream);
}

void call_cancel(struct call *call) {
    struct upstream *upstream = call->upstream;
    if (upstream) {
        busy_end(upstream);
        upstream->call = NULL;
        upstream_free(upstream);
    }
    call->upstream = NULL;
    call_free(call);
}

/* -- the client -------------------------------------------------------------------------------------------------------
 */

struct client *client_new(struct loop *loop) {
    struct client *client = memory_take(sizeof *client);
    if (!client) return NULL;
    memset(client, 0, offsetof(struct client, scratch));
    client->loop = loop;
    list_init(&client->pools);
    list_init(&client->busy);
    client->resolver = resolver_new(loop);
    if (client->resolver) return client;
    memory_give(client);
    return NULL;
}

void client_drop_idle(struct client *client) {
    LIST_EACH_SAFE (node, following, &client->pools) {
        struct pool *pool = LIST_OWNER(node, struct pool, node);
        while (!list_empty(&pool->idle)) upstream_drop(LIST_OWNER(pool->idle.next, struct upstream, node));
        if (pool->busy_count) continue;
        list_remove(&pool->node); /* its origin may never be asked for again */
        memory_give(pool);
    }
}

void client_free(struct client *client) {
    CHECKF(client->busy_count == 0, "busy=%zu", client->busy_count);
    client_drop_idle(client);
    resolver_free(client->resolver);
    for (size_t i = 0; i < client->context_count; i++) tls_context_release(client->contexts[i].context);
    memory_give(client);
}

uint64_t client_replaced(const struct client *client) { return client->replaced; }

size_t client_connections(const struct client *client, size_t *idle) {
    *idle = client->idle_count;
    return client->idle_count + client->busy_count;
}
