/* embedder.c - begun in the loop's next turn, as no flight is stepped while another's actions are performed. Its own
 * deadline bounds it: the client's time, and no longer. */
#include "runtime/embedder.h"

#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "runtime/deployment.h"

enum { embedded_bytes_max = 1024 * 1024 };

struct embedder {
    struct worker *worker;
    struct deployment *deployment; /* held: the owner's */
    const struct client *client;   /* of that */
    struct request *owner;         /* NULL: nobody is told any more */
    embedder_done done;
    struct timer turn; /* to begin, and to tell */
    bool asks;         /* its request is under way */
    enum cache_scope scope;
    int status;
    bool whole;
    struct text reply;
    struct arena arena;
    char timeout_ms[24];
    struct str body;
};

static void embedder_free(struct embedder *embedder) {
    deployment_release(embedder->deployment);
    arena_free(&embedder->arena);
    memory_give(embedder);
}

static void embedder_tell(struct embedder *embedder) {
    enum { ok = 200 };
    static const struct str none = {NULL, 0};
    struct request *owner = embedder->owner;
    bool good = embedder->whole && embedder->status == ok && !embedder->reply.failed;
    embedder->done(owner, good ? text_str(&embedder->reply) : none);
    embedder_free(embedder);
}

/* -- as the sink of its request -- */

static void embedder_on_respond(void *owner, int status, const struct http_header *headers, size_t count,
                                int64_t content_length) {
    (void)headers, (void)count, (void)content_length;
    ((struct embedder *)owner)->status = status;
}

static void embedder_on_write(void *owner, const struct str *ranges, size_t count) {
    struct embedder *embedder = owner;
    for (size_t i = 0; i < count; i++) text_put(&embedder->reply, ranges[i]);
}

static void embedder_on_end(void *owner) { ((struct embedder *)owner)->whole = true; }
static void embedder_on_abort(void *owner) { ((struct embedder *)owner)->whole = false; }
static size_t embedder_on_unsent(void *owner) { return (void)owner, 0; }

/* Told in a turn of its own: the request that it tells may be anywhere in its own. */
static void embedder_on_told(void *context) { embedder_tell(context); }

static void embedder_on_closed(void *owner, const struct flight *flight) {
    struct embedder *embedder = owner;
    (void)flight;
    embedder->asks = false;
    if (!embedder->owner)
        embedder_free(embedder);
    else
        timer_set(embedder->worker->loop, &embedder->turn, loop_now(embedder->worker->loop).mono_ns, embedder_on_told,
                  embedder);
}

static const struct request_sink embedder_sink = {embedder_on_respond, embedder_on_write,  embedder_on_end,
                                                  embedder_on_abort,   embedder_on_unsent, embedder_on_closed};

/* -- its request -- */

static void embedder_on_begin(void *context) {
    struct embedder *embedder = context;
    struct worker *worker = embedder->worker;
    char id[limit_request_id + 1];
    const struct http_header headers[] = {{STR("content-type"), STR("application/json")},
                                          {STR("x-weir-timeout-ms"), str_from(embedder->timeout_ms)}};
    worker_request_id(worker, id);
    const struct flight_request asked = {.endpoint = endpoint_embeddings,
                                         .headers = headers,
                                         .header_count = sizeof headers / sizeof *headers,
                                         .request_id = str_from(id),
                                         .own_id = str_from(id),
                                         .client = embedder->client,
                                         .content_length = (int64_t)embedder->body.len,
                                         .arrived = loop_now(worker->loop),
                                         .inner = {.is = true, .scope = embedder->scope}};
    bool ended = false;
    embedder->asks = true;
    struct request *request =
        request_start_under(worker, embedder->deployment, &asked, &embedder_sink, embedder, &ended);
    if (ended) return;
    if (!request) {
        embedder_tell(embedder);
        return;
    }
    if (request_body(request, embedder->body)) request_body_end(request);
}

struct embedder *embedder_start(struct request *owner, const struct action *action, embedder_done done) {
    struct embedder *embedder = memory_take_zeroed(sizeof *embedder);
    if (!embedder) return NULL;
    *embedder = (struct embedder){.worker = owner->worker,
                                  .deployment = owner->deployment,
                                  .client = flight_client(owner->flight),
                                  .owner = owner,
                                  .done = done,
                                  .scope = action->embed.scope};
    arena_init(&embedder->arena, 4096, embedded_bytes_max * 4);
    snprintf(embedder->timeout_ms, sizeof embedder->timeout_ms, "%llu",
             (unsigned long long)(action->embed.timeout_ns / NS_PER_MS + 1));
    struct text body = text_in_arena(&embedder->arena, action->embed.words.len + 256);
    text_put_byte(&body, '{');
    text_json_str(&body, STR("model"), action->embed.model);
    text_json_str(&body, STR("input"), action->embed.words);
    text_put_byte(&body, '}');
    if (body.failed) {
        arena_free(&embedder->arena);
        memory_give(embedder);
        return NULL;
    }
    embedder->body = text_str(&body);
    embedder->reply = text_in_arena(&embedder->arena, 4096);
    deployment_hold(embedder->deployment);
    timer_set(owner->worker->loop, &embedder->turn, loop_now(owner->worker->loop).mono_ns, embedder_on_begin, embedder);
    return embedder;
}

void embedder_leave(struct embedder *embedder) {
    embedder->owner = NULL;
    if (embedder->asks) return;
    timer_cancel(embedder->worker->loop, &embedder->turn);
    embedder_free(embedder);
}
