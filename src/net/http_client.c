/* http_client.c - calls over pooled connections. A call owns at most one connection at a time; a connection serves one
 * call, then goes back to its pool, if the reply was complete and allows it.
 *
 * A connection whose call has ended settles until the end of the turn before the next call gets it: the read that
 * brought the end may hold more (TLS records behind it), which is nobody's answer. Whatever comes on it till then ends
 * it.
 *
 * Keeps: a call's handler gets exactly one of `ended` and `failed` unless it is cancelled; nothing comes from inside
 * call_start. */
#include "net/http_client.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/pages.h"
#include "base/text.h"
#include "base/turns.h"
#include "net/dial.h"
#include "net/http1.h"

enum { slice_bytes = 256 * 1024, buckets = 256 };

/* The connections to one origin:   open = being dialled + idle + busy   <= connections_max, where there is one
 * Calls that find no place wait in line, their callers in turn, each first come, first served; so do those that come
 * while a connection settles, as many as there are settling. */
struct pool {
    struct list node; /* of a bucket of client->pools */
    uint64_t origin_id;
    struct list idle; /* struct upstream, the one used last first; those that settle behind all others */
    struct list line; /* struct call */
    size_t idle_count, settling /* of them */, open, line_count;
    size_t idle_max, connections_max;
    size_t users; /* calls, connections, and whoever looks at it just now; freed at 0 where it is not kept */
    bool kept;    /* its origin is one of the newest configuration's */
    bool advancing;
};

/* One connection to a provider. */
struct upstream {
    struct list node; /* of pool->idle while it is idle, else of client->busy */
    struct http_client *client;
    struct pool *pool;
    struct stream *stream;
    struct http1 *parser;
    struct call *call; /* NULL: idle, or its call was cancelled inside a callback */
    struct timer expiry;
    struct loop_deferred settled; /* waits: idle, but not to be used before the turn's end */
    uint64_t idle_timeout_ns, idle_since_ns;
    uint64_t sent_before; /* on it, before this call */
    bool reused, heard /* a byte of this reply */, keep_alive, until_close, feeding, doomed;
};

struct call {
    struct http_client *client;
    const struct origin *origin;
    const struct call_handler *handler;
    void *owner;
    struct pool *pool;
    struct budget *budget;     /* that it stands in, and what waits of its body */
    struct upstream *upstream; /* NULL while it waits or is dialling */
    struct dial *dial;
    struct turns_place line_place;
    uint64_t caller;
    bool shares;
    struct timer line_end;
    uint64_t connect_by_ns;
    struct loop_deferred later; /* `sent`, or a failure, told at the end of the turn */
    enum call_failure failure;
    char failure_text[128];
    const struct str *body;
    size_t body_count, body_at, body_offset; /* what of the body has been written */
    bool is_head, has_head, paused, sending_told;
    size_t head_len;
    char head[]; /* as it goes out; kept until it has */
};

struct http_client {
    struct loop *loop;
    struct resolver *resolver;
    struct list pools[buckets], busy;
    size_t idle_count, busy_count;
    bool chosen;       /* by http_client_set_origins: other pools keep nothing */
    uint64_t replaced; /* idle connections that turned out closed before they were used */
    char scratch[limit_header_bytes + limit_target_bytes];
};

struct str call_failure_name(enum call_failure failure) {
    static const char *const names[] = {"none",       "dns",           "connect",      "connect_timeout", "tls",
                                        "proxy",      "reset",         "reset_reused", "malformed",       "cut",
                                        "not_public", "no_connection", "system"};
    CHECKF((unsigned)failure < sizeof names / sizeof *names, "failure=%d", (int)failure);
    return str_from(names[failure]);
}

/* -- pools -- */

/* Idle ones are open, those that settle are idle, and whoever is open or in line holds the pool. */
static void pool_check(const struct pool *pool) {
    CHECKF(pool->settling <= pool->idle_count && pool->idle_count <= pool->open, "settling=%zu idle=%zu open=%zu",
           pool->settling, pool->idle_count, pool->open);
    CHECKF(pool->users >= pool->open && pool->users >= pool->line_count, "users=%zu open=%zu line=%zu", pool->users,
           pool->open, pool->line_count);
    CHECKF(pool->line_count <= limit_pool_line, "line=%zu", pool->line_count);
    if (!check_walks) return;
    CHECKF(list_length(&pool->idle) == pool->idle_count, "idle=%zu", pool->idle_count);
    size_t line = 0;
    for (const struct list *node = pool->line.next; node != &pool->line; node = node->next)
        line += LIST_OWNER(node, const struct turns_place, node)->waiting;
    CHECKF(line == pool->line_count, "line=%zu line_count=%zu", line, pool->line_count);
}

static void pool_hold(struct pool *pool) { pool->users++; }

static void pool_release(struct pool *pool) {
    CHECK(pool->users > 0);
    pool->users--;
    pool_check(pool);
    if (pool->users || pool->kept) return;
    CHECK(pool->open == 0 && list_empty(&pool->line));
    list_remove(&pool->node);
    memory_give(pool);
}

static bool call_connect(struct call *call, size_t ahead);

/* Something of its own is free: for those in line. */
static void pool_advance(struct pool *pool) {
    if (pool->advancing) return;
    pool->advancing = true;
    for (struct turns_place *next; (next = turns_next(&pool->line, pool));)
        if (!call_connect(LIST_OWNER(next, struct call, line_place), 0)) break;
    pool->advancing = false;
}

/* A connection, or one that was being dialled, is no more. */
static void pool_closed(struct pool *pool) {
    CHECKF(pool->open > 0, "idle=%zu", pool->idle_count);
    pool->open--;
    pool_advance(pool);
    pool_release(pool);
}

static struct pool *pool_find(const struct http_client *client, uint64_t origin_id) {
    LIST_EACH (node, &client->pools[origin_id % buckets]) {
        struct pool *pool = LIST_OWNER(node, struct pool, node);
        if (pool->origin_id == origin_id) return pool;
    }
    return NULL;
}

/* NULL: out of memory. */
static struct pool *pool_of(struct http_client *client, const struct origin *origin) {
    struct pool *pool = pool_find(client, origin->id);
    if (pool) return pool;
    pool = memory_take_zeroed(sizeof *pool);
    if (!pool) return NULL;
    pool->origin_id = origin->id;
    pool->idle_max = origin->connections_idle_max;
    pool->connections_max = origin->connections_max;
    pool->kept = !client->chosen;
    list_init(&pool->idle);
    list_init(&pool->line);
    list_add_last(&client->pools[origin->id % buckets], &pool->node);
    return pool;
}

/* -- connections -- */

static void upstream_free(struct upstream *upstream) {
    struct http_client *client = upstream->client;
    CHECK(!upstream->call && !list_linked(&upstream->node)); /* out of every list, and nobody's */
    if (upstream->feeding) {                                 /* inside its own parser: freed when that returns */
        upstream->doomed = true;
        return;
    }
    timer_cancel(client->loop, &upstream->expiry);
    list_remove(&upstream->node);
    if (upstream->stream) stream_close(upstream->stream, false);
    http1_free(upstream->parser);
    struct pool *pool = upstream->pool;
    memory_give(upstream);
    pool_closed(pool);
}

static void busy_end(struct upstream *upstream) {
    CHECKF(upstream->client->busy_count > 0 && list_linked(&upstream->node), "busy=%zu", upstream->client->busy_count);
    list_remove(&upstream->node);
    upstream->client->busy_count--;
}

static void settling_end(struct upstream *upstream) {
    if (!list_linked(&upstream->settled.node)) return;
    loop_defer_cancel(&upstream->settled);
    CHECK(upstream->pool->settling > 0);
    upstream->pool->settling--;
}

static void idle_end(struct upstream *upstream) {
    CHECKF(!upstream->call && upstream->pool->idle_count > 0 && upstream->client->idle_count > 0, "idle=%zu of %zu",
           upstream->pool->idle_count, upstream->client->idle_count);
    settling_end(upstream);
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

static void pool_trim(struct pool *pool, size_t idle_max) {
    pool_hold(pool);
    while (pool->idle_count > idle_max) upstream_drop(LIST_OWNER(pool->idle.prev, struct upstream, node));
    pool_release(pool);
}

/* The turn is over, and nothing came on it: it may be used again. */
static void settled_run(void *context) {
    struct upstream *upstream = context;
    struct pool *pool = upstream->pool;
    pool_hold(pool);
    CHECKF(pool->settling > 0 && !upstream->call, "settling=%zu", pool->settling);
    pool->settling--;
    list_remove(&upstream->node);
    list_add_first(&pool->idle, &upstream->node);
    pool_advance(pool);
    if (list_empty(&pool->line)) pool_trim(pool, pool->kept ? pool->idle_max : 0); /* those in line may have left */
    pool_release(pool);
}

static void upstream_release(struct upstream *upstream) {
    struct http_client *client = upstream->client;
    struct pool *pool = upstream->pool;
    CHECK(http1_ended(upstream->parser)); /* else the rest of one answer would begin the next */
    busy_end(upstream);
    upstream->call = NULL;
    bool room = pool->kept && pool->idle_count < pool->idle_max;
    if (!upstream->keep_alive || !stream_is_alive(upstream->stream) || stream_unsent(upstream->stream) ||
        (!room && list_empty(&pool->line))) {
        upstream_free(upstream);
        return;
    }
    stream_read_start(upstream->stream); /* so that its end is seen */
    upstream->idle_since_ns = loop_now(client->loop).mono_ns;
    list_add_last(&pool->idle, &upstream->node);
    pool->idle_count++;
    client->idle_count++;
    timer_set(client->loop, &upstream->expiry, upstream->idle_since_ns + upstream->idle_timeout_ns, on_expired,
              upstream);
    pool->settling++;
    loop_defer(client->loop, &upstream->settled);
}

/* -- the end of a call -- */

/* Served, or not: then its caller's next keeps the turn. */
static void line_end(struct call *call, bool served) {
    if (!call->line_place.of) return;
    CHECK(call->pool->line_count > 0);
    (served ? turns_served : turns_leave)(&call->pool->line, &call->line_place);
    timer_cancel(call->client->loop, &call->line_end);
    call->pool->line_count--;
}

static void call_free(struct call *call) {
    struct pool *pool = call->pool;
    CHECK(!call->upstream);
    loop_defer_cancel(&call->later);
    line_end(call, false);
    if (call->dial) {
        dial_cancel(call->dial);
        pool_closed(pool);
    }
    memory_wipe(call->head, call->head_len); /* it holds a credential */
    budget_free(call->budget, call, sizeof *call + call->head_len);
    pool_release(pool);
}

static void call_fail(struct call *call, enum call_failure failure, struct str text) {
    char copy[192];
    CHECK(failure != call_failure_none);
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

/* A connection that its provider had closed takes not one byte of a request: the call goes on as if it had never had
 * it. */
static bool upstream_is_untouched(const struct upstream *upstream) {
    return upstream->reused && !upstream->heard && stream_sent(upstream->stream) == upstream->sent_before;
}

static void call_again(struct call *call);

/* It broke before the whole reply had come. Once a byte of the request has left, the provider may have worked on it,
 * so that nothing here sends it again: whether that may be is for the caller of the call to say. */
static enum call_failure broken(const struct upstream *upstream) {
    if (upstream->call->has_head) return call_failure_cut;
    return upstream->reused && !upstream->heard ? call_failure_reset_reused : call_failure_reset;
}

/* -- a reply -- */

static void http_client_on_head(void *owner, const struct http1_head *head) {
    struct upstream *upstream = owner;
    struct call *call = upstream->call;
    if (!call) return;
    CHECK(!call->has_head && call->upstream == upstream);
    upstream->keep_alive = head->keep_alive && call_body_sent(call);
    upstream->until_close = head->until_close;
    call->has_head = true;
    struct http_reply reply = {.status = head->status,
                               .headers = head->headers,
                               .header_count = head->header_count,
                               .content_length = head->content_length,
                               .until_close = head->until_close};
    call->handler->head(call->owner, &reply);
}

static void http_client_on_body(void *owner, struct str piece) {
    struct upstream *upstream = owner;
    CHECK(!upstream->call || upstream->call->has_head);
    if (upstream->call) upstream->call->handler->body(upstream->call->owner, piece);
}

static void http_client_on_end(void *owner) { (void)owner; /* looked at after the parser has returned */ }

static const struct http1_handler parser_handler = {http_client_on_head, http_client_on_body, http_client_on_end};

static void call_ended(struct upstream *upstream, bool more_bytes) {
    struct call *call = upstream->call;
    const struct call_handler *handler = call->handler;
    void *owner = call->owner;
    CHECK(call->has_head && call->upstream == upstream);
    if (more_bytes) upstream->keep_alive = false; /* bytes that nobody asked for */
    upstream_release(upstream);
    call->upstream = NULL;
    call_free(call);
    handler->ended(owner);
}

static void http_client_on_bytes(void *owner, struct str bytes) {
    struct upstream *upstream = owner;
    if (!upstream->call) { /* an idle connection has nothing to say */
        upstream_drop(upstream);
        return;
    }
    CHECK(upstream->call->upstream == upstream && !upstream->feeding);
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

static void http_client_on_ended(void *owner) {
    struct upstream *upstream = owner;
    struct call *call = upstream->call;
    if (!call) {
        upstream_drop(upstream);
        return;
    }
    upstream->feeding = true;
    bool whole = !upstream->until_close || !stream_is_cut(upstream->stream); /* RFC 9112, 9.8 */
    bool complete = call->has_head && whole && http1_finish(upstream->parser) && http1_ended(upstream->parser);
    upstream->feeding = false;
    if (upstream->doomed)
        upstream_free(upstream);
    else if (complete)
        call_ended(upstream, false);
    else if (upstream_is_untouched(upstream))
        call_again(call);
    else
        call_fail(call, broken(upstream),
                  call->has_head ? STR("the connection ended in the middle of the reply")
                                 : STR("the connection was closed without a reply"));
}

static void http_client_on_failed(void *owner, enum stream_failure failure) {
    struct upstream *upstream = owner;
    (void)failure;
    if (!upstream->call)
        upstream_drop(upstream);
    else if (upstream_is_untouched(upstream))
        call_again(upstream->call);
    else
        call_fail(upstream->call, broken(upstream), stream_failure_text(upstream->stream));
}

/* -- a request -- */

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
        CHECKF(count <= limit_iov && call->body_at <= call->body_count, "count=%zu at=%zu", count, call->body_at);
        if (count) stream_write(stream, ranges, count);
        if (!stream_is_alive(stream)) return; /* told by callback */
    }
    if (call->body_at < call->body_count) stream_tell_when_sent(stream);
}

static void http_client_on_writable(void *owner) {
    struct upstream *upstream = owner;
    if (upstream->call && upstream->call->body_at < upstream->call->body_count) call_send(upstream->call, false);
}

static void http_client_on_connected(void *owner) { (void)owner; }

static const struct stream_handler stream_handler = {http_client_on_connected, http_client_on_bytes,
                                                     http_client_on_ended, http_client_on_failed,
                                                     http_client_on_writable};

/* Told at the end of the turn. */
static void call_fail_later(struct call *call, enum call_failure failure, struct str text) {
    CHECK(!call->upstream && !call->dial && !list_linked(&call->later.node));
    call->failure = failure;
    str_copy(call->failure_text, sizeof call->failure_text, text);
    loop_defer(call->client->loop, &call->later);
}

static void later_run(void *context) {
    struct call *call = context;
    if (call->failure != call_failure_none) {
        call_fail(call, call->failure, str_from(call->failure_text));
        return;
    }
    CHECK(call->upstream);
    if (!stream_is_alive(call->upstream->stream) && upstream_is_untouched(call->upstream))
        call_again(call);
    else
        call->handler->sent(call->owner);
}

static void upstream_use(struct upstream *upstream, struct call *call) {
    CHECK(!upstream->call && !call->upstream && !call->dial && !list_linked(&upstream->node));
    CHECKF(call->body_at == 0 && call->body_offset == 0, "at=%zu", call->body_at); /* nothing is sent twice */
    upstream->call = call;
    upstream->sent_before = stream_sent(upstream->stream);
    upstream->heard = upstream->keep_alive = upstream->until_close = false;
    call->upstream = upstream;
    list_add_last(&upstream->client->busy, &upstream->node);
    upstream->client->busy_count++;
    http1_next(upstream->parser, call->is_head);
    stream_hold_within(upstream->stream, call->budget);
    if (call->paused)
        stream_read_stop(upstream->stream);
    else
        stream_read_start(upstream->stream);
    if (call->handler->sending && !call->sending_told) call->handler->sending(call->owner);
    call->sending_told = true;
    call_send(call, true); /* whether that went well shows at the turn's end, when it has left */
    loop_defer(call->client->loop, &call->later);
}

/* An idle connection, the one used last first; NULL: there is none. One on which a part of something has come that
 * nobody asked for is not used, and what has rested for long is looked at: its end may have come, and the loop not come
 * upon it yet. */
static struct upstream *pool_take(struct pool *pool, const struct origin *origin, uint64_t now_ns) {
    while (pool->idle_count > pool->settling) {
        struct upstream *upstream = LIST_OWNER(pool->idle.next, struct upstream, node);
        bool rested = now_ns - upstream->idle_since_ns >= origin->rested_ns;
        if (!stream_is_alive(upstream->stream) || stream_has_part(upstream->stream) ||
            (rested && !stream_is_quiet(upstream->stream))) {
            upstream->client->replaced++;
            upstream_drop(upstream);
            continue;
        }
        idle_end(upstream);
        timer_cancel(upstream->client->loop, &upstream->expiry);
        CHECK(http1_ended(upstream->parser)); /* its last answer has been read to its end */
        upstream->reused = true;
        return upstream;
    }
    return NULL;
}

static void on_dialled(void *owner, struct stream *stream, enum call_failure failure, struct str text) {
    struct call *call = owner;
    struct http_client *client = call->client;
    CHECKF(!call->upstream && (stream != NULL) == (failure == call_failure_none), "failure=%d", (int)failure);
    call->dial = NULL;
    if (!stream) {
        pool_closed(call->pool);
        call_fail(call, failure, text);
        return;
    }
    struct upstream *upstream = memory_take_zeroed(sizeof *upstream);
    struct http1 *parser = upstream ? http1_new_reply(&parser_handler, upstream) : NULL;
    if (!parser) {
        memory_give(upstream);
        stream_close(stream, false);
        pool_closed(call->pool);
        call_fail(call, call_failure_system, STR("no memory for the connection"));
        return;
    }
    http1_hold_within(parser, loop_budget(client->loop), loop_head_spares(client->loop));
    *upstream = (struct upstream){.client = client,
                                  .pool = call->pool,
                                  .stream = stream,
                                  .parser = parser,
                                  .settled = {.run = settled_run, .context = upstream},
                                  .idle_timeout_ns = call->origin->idle_timeout_ns};
    stream_set_handler(stream, &stream_handler, upstream);
    upstream_use(upstream, call);
}

static void call_dial(struct call *call) {
    struct http_client *client = call->client;
    CHECK(!call->dial && !call->upstream && !call->line_place.of);
    call->dial = dial_start(client->loop, client->resolver, call->origin, call->connect_by_ns, on_dialled, call);
    if (call->dial) {
        call->pool->open++;
        pool_hold(call->pool);
    } else {
        call_fail_later(call, call_failure_system, STR("no memory for the connection"));
    }
}

/* No new connection for a call with so many before it in line: there may be no more of them, or one is about to be
 * free. */
static bool pool_waits(const struct pool *pool, size_t ahead) {
    return (pool->connections_max && pool->open >= pool->connections_max) ||
           (ahead < pool->settling && ahead < limit_pool_line);
}

/* An idle connection, or a new one; false: its pool has no place for it now. */
static bool call_connect(struct call *call, size_t ahead) {
    struct pool *pool = call->pool;
    struct upstream *upstream = pool_take(pool, call->origin, loop_now(call->client->loop).mono_ns);
    if (!upstream && pool_waits(pool, ahead)) return false;
    line_end(call, true);
    if (upstream)
        upstream_use(upstream, call);
    else
        call_dial(call);
    return true;
}

static void on_line_end(void *context) {
    call_fail(context, call_failure_no_connection,
              STR("as many connections as `pool.max_connections` allows are in use"));
}

static void line_join(struct call *call) {
    struct pool *pool = call->pool;
    size_t left = pool->line_count < limit_pool_line ? limit_pool_line - pool->line_count : 0;
    if (left == 0 || (call->shares && turns_waiting(&pool->line, pool, call->caller) >= left)) {
        call_fail_later(call, call_failure_no_connection,
                        STR("too many calls wait for one of `pool.max_connections` connections"));
        return;
    }
    CHECK(!call->line_place.of && !call->upstream && !call->dial);
    turns_join(&pool->line, &call->line_place, pool, call->caller);
    pool->line_count++;
    pool_check(pool);
    timer_set(call->client->loop, &call->line_end, call->connect_by_ns, on_line_end, call);
}

/* Gives up its connection, which took no byte of it. */
static void call_again(struct call *call) {
    struct upstream *upstream = call->upstream;
    CHECK(upstream->call == call && !call->has_head && !call->dial && !call->line_place.of);
    loop_defer_cancel(&call->later);
    upstream->client->replaced++;
    call->upstream = NULL;
    call->body_at = call->body_offset = 0;
    busy_end(upstream);
    upstream->call = NULL;
    upstream_free(upstream);
    if (!call_connect(call, 0)) line_join(call);
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

static struct str head_write(struct http_client *client, const struct origin *origin,
                             const struct call_request *request) {
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
    for (size_t i = 0; i < request->header_count; i++)
        text_put_header(&text, request->headers[i].name, request->headers[i].value);
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

struct call *call_start(struct http_client *client, const struct origin *origin, const struct call_request *request,
                        const struct call_handler *handler, void *owner) {
    struct str head = head_write(client, origin, request);
    struct pool *pool = head.at ? pool_of(client, origin) : NULL;
    struct budget *budget = request->budget ? request->budget : loop_budget(client->loop);
    struct call *call = pool ? budget_resize(budget, NULL, 0, sizeof *call + head.len) : NULL;
    if (!call) return NULL; /* a pool without calls is no harm: http_client_set_origins ends it */
    *call = (struct call){.client = client,
                          .origin = origin,
                          .pool = pool,
                          .budget = budget,
                          .handler = handler,
                          .owner = owner,
                          .caller = request->caller,
                          .shares = request->shares,
                          .body = request->body,
                          .body_count = request->body_count,
                          .is_head = request->method == http_head,
                          .head_len = head.len};
    memcpy(call->head, head.at, head.len);
    call->later.run = later_run;
    call->later.context = call;
    call->connect_by_ns = loop_now(client->loop).mono_ns + origin->connect_timeout_ns;
    pool_hold(pool);
    bool behind = !list_empty(&pool->line) && pool_waits(pool, pool->line_count);
    if (behind || !call_connect(call, pool->line_count)) line_join(call);
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

/* -- the client -- */

struct http_client *http_client_new(struct loop *loop) {
    struct http_client *client = pages_take(sizeof *client); /* heads are written in it */
    if (!client) return NULL;
    memset(client, 0, offsetof(struct http_client, scratch));
    client->loop = loop;
    for (size_t i = 0; i < buckets; i++) list_init(&client->pools[i]);
    list_init(&client->busy);
    client->resolver = resolver_new(loop);
    if (client->resolver) return client;
    pages_give(client, sizeof *client);
    return NULL;
}

void http_client_set_origins(struct http_client *client, const struct origin *origins, size_t count, bool fresh) {
    client->chosen = true;
    for (size_t i = 0; i < buckets; i++)
        LIST_EACH (node, &client->pools[i]) LIST_OWNER(node, struct pool, node)->kept = false;
    for (size_t i = 0; i < count; i++) {
        struct pool *pool = pool_of(client, &origins[i]); /* no memory: it is made with its first call, and not kept */
        if (!pool) continue;
        pool->kept = true;
        pool->idle_max = origins[i].connections_idle_max;
        pool->connections_max = origins[i].connections_max;
    }
    for (size_t i = 0; i < buckets; i++)
        LIST_EACH_SAFE (node, following, &client->pools[i]) {
            struct pool *pool = LIST_OWNER(node, struct pool, node);
            pool_hold(pool);
            pool_trim(pool, fresh || !pool->kept ? 0 : pool->idle_max);
            pool_advance(pool); /* there may be more room now */
            pool_release(pool);
        }
}

void http_client_free(struct http_client *client) {
    CHECKF(client->busy_count == 0, "busy=%zu", client->busy_count);
    http_client_set_origins(client, NULL, 0, true);
    for (size_t i = 0; i < buckets; i++) CHECK(list_empty(&client->pools[i]));
    CHECKF(client->idle_count == 0 && list_empty(&client->busy), "idle=%zu", client->idle_count);
    resolver_free(client->resolver);
    pages_give(client, sizeof *client);
}

uint64_t http_client_replaced(const struct http_client *client) { return client->replaced; }

size_t http_client_connections(const struct http_client *client, size_t *idle) {
    if (check_walks) CHECKF(list_length(&client->busy) == client->busy_count, "busy=%zu", client->busy_count);
    *idle = client->idle_count;
    return client->idle_count + client->busy_count;
}
