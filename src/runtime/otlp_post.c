/* otlp_post.c - see otlp_post.h. Invariant: while it is busy, a call is under way, or a time is waited for. */
#include "runtime/otlp_post.h"

#include <stdio.h>

#include "base/check.h"
#include "base/hash.h"

enum { body_first = 64 * 1024, body_kept = 2 * 1024 * 1024, body_most = 16 * 1024 * 1024, target_first = 1024 };
enum { post_tries_most = 6, post_base_ms = 500 };
#define post_most_ms UINT64_C(30000)

static void post_try(struct otlp_post *post);

void otlp_post_init(struct otlp_post *post, struct loop *loop, struct http_client *client,
                    const struct otlp_place *place, enum metrics_signal signal, otlp_told *told, void *context) {
    uint64_t seed;
    random_bytes(&seed, sizeof seed);
    *post = (struct otlp_post){
        .loop = loop, .client = client, .place = place, .signal = signal, .told = told, .context = context};
    prng_seed(&post->prng, seed);
    arena_init(&post->arena, target_first, body_most);
    arena_init(&post->bodies, body_first, body_most);
}

struct text *otlp_post_body(struct otlp_post *post) {
    CHECK(!post->busy);
    if (!post->body.at || post->body.failed || post->body.size > body_kept) {
        arena_reset(&post->bodies);
        post->body = text_in_arena(&post->bodies, body_first / 2);
    }
    post->body.len = 0;
    return &post->body;
}

static void post_hang_up(struct otlp_post *post) {
    if (post->call) call_cancel(post->call);
    post->call = NULL;
    timer_cancel(post->loop, &post->timer);
}

static void post_over(struct otlp_post *post, enum metrics_post outcome, struct str why) {
    size_t count = post->count;
    post_hang_up(post);
    post->busy = false;
    post->told(post->context, post->signal, outcome, count, why);
}

static void post_again(void *context) { post_try(context); }

/* Which statuses may be others later (OTLP/HTTP, "Retryable Response Codes"); 0: there was none. */
static bool post_is_passing(int status) {
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

static void post_judge(struct otlp_post *post, struct str otherwise) {
    char said[64];
    struct str why = otherwise;
    if (post->status) {
        snprintf(said, sizeof said, "it answered with status %d", post->status);
        why = str_from(said);
    }
    if (post->status >= 200 && post->status < 300) {
        post_over(post, metrics_post_delivered, STR(""));
        return;
    }
    if (!post_is_passing(post->status) || post->tries >= post_tries_most) {
        post_over(post, metrics_post_dropped, why);
        return;
    }
    post_hang_up(post);
    post->told(post->context, post->signal, metrics_post_failed, post->count, why);
    uint64_t pause_ms = (uint64_t)post_base_ms << (post->tries - 1);
    pause_ms = pause_ms / 2 + prng_below(&post->prng, pause_ms / 2 + 1);
    if (pause_ms * NS_PER_MS < post->after_ns) pause_ms = post->after_ns / NS_PER_MS;
    if (pause_ms > post_most_ms) pause_ms = post_most_ms;
    timer_set(post->loop, &post->timer, loop_now(post->loop).mono_ns + pause_ms * NS_PER_MS, post_again, post);
}

static void post_on_timeout(void *context) { post_judge(context, STR("it did not answer in time")); }
static void post_on_sent(void *owner) { (void)owner; }

static void post_on_head(void *owner, const struct http_reply *reply) {
    struct otlp_post *post = owner;
    uint64_t seconds = 0;
    struct str after = str_trim(http_header_find(reply->headers, reply->header_count, STR("retry-after")));
    post->status = reply->status;
    if (str_to_u64(after, &seconds) && seconds < post_most_ms) post->after_ns = seconds * NS_PER_S;
}

static void post_on_body(void *owner, struct str piece) { (void)owner, (void)piece; }

static void post_on_ended(void *owner) {
    struct otlp_post *post = owner;
    post->call = NULL;
    post_judge(post, STR("it did not answer"));
}

static void post_on_failed(void *owner, enum call_failure failure, struct str text) {
    struct otlp_post *post = owner;
    char why[200];
    post->call = NULL;
    snprintf(why, sizeof why, "%.*s: %.*s", STR_ARG(call_failure_name(failure)), STR_ARG(text));
    post_judge(post, str_from(why));
}

static void post_try(struct otlp_post *post) {
    static const struct call_handler handler = {post_on_sent, post_on_head, post_on_body, post_on_ended,
                                                post_on_failed};
    enum { ours = 2, headers_most = 16 };
    const struct otlp_place *place = post->place;
    struct http_header headers[ours + headers_most] = {{STR("Content-Type"), STR("application/json")},
                                                       {STR("User-Agent"), STR("weir/" WEIR_VERSION)}};
    arena_reset(&post->arena);
    struct str target = arena_printf(&post->arena, "%.*s/v1/%s", STR_ARG(place->path),
                                     post->signal == metrics_signal_traces ? "traces" : "metrics");
    CHECKF(place->header_count <= headers_most, "headers=%zu", place->header_count);
    for (size_t i = 0; i < place->header_count; i++) headers[ours + i] = place->headers[i];
    struct call_request request = {.method = http_post,
                                   .target = target,
                                   .headers = headers,
                                   .header_count = ours + place->header_count,
                                   .body = &post->bytes,
                                   .body_count = 1};
    post->tries++;
    post->status = 0;
    post->after_ns = 0;
    timer_set(post->loop, &post->timer, loop_now(post->loop).mono_ns + place->timeout_ns, post_on_timeout, post);
    post->call = target.at ? call_start(post->client, &place->origin, &request, &handler, post) : NULL;
    if (!post->call) post_judge(post, STR("there is no memory for it"));
}

void otlp_post_send(struct otlp_post *post, size_t count) {
    CHECK(!post->busy);
    post->busy = true;
    post->count = count;
    post->tries = 0;
    post->bytes = text_str(&post->body);
    if (post->body.failed)
        post_over(post, metrics_post_dropped, STR("there is no memory for it"));
    else
        post_try(post);
}

void otlp_post_break(struct otlp_post *post) { post_hang_up(post); }

void otlp_post_again(struct otlp_post *post, bool there) {
    if (!post->busy) return;
    post->tries = 0;
    if (there)
        post_try(post);
    else
        post_over(post, metrics_post_dropped, STR("nothing is sent any more"));
}

void otlp_post_free(struct otlp_post *post) {
    if (!post->loop) return;
    post_hang_up(post);
    arena_free(&post->arena);
    arena_free(&post->bodies);
}
