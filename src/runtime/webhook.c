/* webhook.c - one post at a time, the oldest first. Invariant: a call is under way, or a time is waited for, or nothing
 * waits. */
#include "runtime/webhook.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/prng.h"
#include "net/tls.h"

enum {
    waiting_max = 256,
    body_max = 8192,
    url_max = 2048,
    tries_max = 12,
    base_ms = 1000,
    most_ms = 300000,
    connect_timeout_s = 5,
    ids_below = 1 << 20
};

struct webhook_item {
    struct webhook_post of;
    unsigned tries;
    size_t len;
    char body[body_max];
};

struct webhook {
    struct loop *loop;
    webhook_told *told;
    void *context;
    struct http_client *client;
    struct prng prng;
    char said[url_max];                                  /* the URL as the configuration has it */
    char url[url_max], target[url_max], secret[url_max]; /* the origin's host stands in `url` */
    struct origin origin;
    uint64_t timeout_ns, origins;
    struct call *call;
    int status; /* of the call's reply; 0: none yet */
    struct str body;
    struct timer timer; /* the call's end, or the next try */
    struct webhook_item *items;
    size_t first, count;
};

static void webhook_try(struct webhook *webhook);

struct webhook *webhook_new(struct loop *loop, webhook_told *told, void *context) {
    uint64_t seed;
    struct webhook *webhook = memory_take_zeroed(sizeof *webhook);
    if (!webhook) return NULL;
    random_bytes(&seed, sizeof seed);
    prng_seed(&webhook->prng, seed);
    *webhook = (struct webhook){.loop = loop, .told = told, .context = context, .prng = webhook->prng};
    webhook->client = http_client_new(loop);
    webhook->items = memory_take_zeroed(waiting_max * sizeof *webhook->items);
    if (webhook->client && webhook->items) return webhook;
    webhook_free(webhook);
    return NULL;
}

static void webhook_hang_up(struct webhook *webhook) {
    if (webhook->call) call_cancel(webhook->call);
    webhook->call = NULL;
    timer_cancel(webhook->loop, &webhook->timer);
}

void webhook_free(struct webhook *webhook) {
    if (!webhook) return;
    webhook_hang_up(webhook);
    if (webhook->client) http_client_free(webhook->client);
    tls_context_release(webhook->origin.tls);
    memory_wipe(webhook->secret, sizeof webhook->secret);
    memory_wipe(webhook->said, sizeof webhook->said);
    memory_wipe(webhook->url, sizeof webhook->url);
    memory_wipe(webhook->target, sizeof webhook->target);
    memory_give(webhook->items);
    memory_give(webhook);
}

bool webhook_is_set(const struct webhook *webhook) { return webhook->url[0]; }
size_t webhook_waiting(const struct webhook *webhook) { return webhook->count; }

/* scheme://authority is the origin, the rest what is asked of it. */
static bool webhook_where(struct webhook *webhook, struct str text, struct url *url) {
    size_t at = str_find(text, STR("://"));
    at = at == SIZE_MAX ? text.len : at + 3;
    while (at < text.len && text.at[at] != '/' && text.at[at] != '?') at++;
    str_copy(webhook->url, sizeof webhook->url, str_slice(text, 0, at));
    snprintf(webhook->target, sizeof webhook->target, "%s%.*s", at < text.len && text.at[at] == '/' ? "" : "/",
             STR_ARG(str_slice(text, at, text.len)));
    return !url_parse(str_from(webhook->url), url);
}

static bool webhook_stays(const struct webhook *webhook, const struct alert_hook *hook) {
    return webhook_is_set(webhook) && webhook->timeout_ns == hook->timeout_ns &&
           str_eq(str_from(webhook->said), hook->url) && str_eq(str_from(webhook->secret), hook->secret);
}

bool webhook_set(struct webhook *webhook, const struct alert_hook *hook, struct error *error) {
    static const struct alert_hook nowhere = {.url = {"", 0}, .secret = {"", 0}};
    struct tls_context *tls = NULL;
    struct url url = {.tls = false};
    if (!hook) hook = &nowhere;
    if (webhook_stays(webhook, hook))
        return true; /* what is under way is not posted again, nor its waiting begun anew */
    if (str_starts_nocase(hook->url, STR("https:")) &&
        !(tls = tls_client_context(STR_NONE, false, tls_for_callers, error)))
        return false;
    webhook_hang_up(webhook);
    tls_context_release(webhook->origin.tls);
    str_copy(webhook->said, sizeof webhook->said, hook->url);
    str_copy(webhook->secret, sizeof webhook->secret, hook->secret);
    webhook->timeout_ns = hook->timeout_ns;
    bool good = webhook_where(webhook, hook->url, &url);
    if (!hook->url.len || !good) webhook->url[0] = 0;
    webhook->origin = (struct origin){.tls = tls,
                                      .host = url.host,
                                      .port = url.port,
                                      .connect_timeout_ns = connect_timeout_s * NS_PER_S,
                                      .connections_max = 1,
                                      .id = UINT64_MAX - 1 - webhook->origins++ % ids_below};
    if (!webhook_is_set(webhook)) webhook->count = 0;
    for (size_t i = 0; i < webhook->count; i++) webhook->items[(webhook->first + i) % waiting_max].tries = 0;
    webhook_try(webhook);
    return true;
}

void webhook_sign(struct str secret, int64_t now_s, struct str body, struct text *text) {
    char seconds[32], hex[64];
    snprintf(seconds, sizeof seconds, "%lld", (long long)now_s);
    const struct str parts[] = {str_from(seconds), STR("."), body};
    struct sha256 hash = hash_hmac_sha256(secret, parts, sizeof parts / sizeof *parts);
    hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
    text_printf(text, "t=%s,v1=%.*s", seconds, (int)sizeof hex, hex);
}

/* -- one post -- */

static void webhook_next(struct webhook *webhook) {
    webhook->first = (webhook->first + 1) % waiting_max;
    webhook->count--;
    webhook_try(webhook);
}

static void webhook_again(void *context) { webhook_try(context); }

/* The post is over. An empty `why`: it was taken. */
static void webhook_end(struct webhook *webhook, struct str why) {
    struct webhook_item *item = &webhook->items[webhook->first];
    CHECK(webhook->count);
    webhook_hang_up(webhook);
    if (!why.len || item->tries >= tries_max) {
        webhook->told(webhook->context, item->of, why.len ? webhook_dropped : webhook_delivered, why);
        webhook_next(webhook);
        return;
    }
    webhook->told(webhook->context, item->of, webhook_failed, why);
    uint64_t pause_ms = (uint64_t)base_ms << (item->tries - 1);
    if (pause_ms > most_ms) pause_ms = most_ms;
    pause_ms = pause_ms / 2 + prng_below(&webhook->prng, pause_ms / 2 + 1);
    timer_set(webhook->loop, &webhook->timer, loop_now(webhook->loop).mono_ns + pause_ms * NS_PER_MS, webhook_again,
              webhook);
}

static void webhook_judge(struct webhook *webhook, struct str otherwise) {
    char why[64];
    if (webhook->status >= 200 && webhook->status < 300) {
        webhook_end(webhook, STR(""));
        return;
    }
    snprintf(why, sizeof why, "it answered with status %d", webhook->status);
    webhook_end(webhook, webhook->status ? str_from(why) : otherwise);
}

static void webhook_on_timeout(void *context) { webhook_judge(context, STR("it did not answer in time")); }

static void webhook_on_sent(void *owner) { (void)owner; }
static void webhook_on_head(void *owner, const struct http_reply *reply) {
    ((struct webhook *)owner)->status = reply->status;
}
static void webhook_on_body(void *owner, struct str piece) { (void)owner, (void)piece; }
static void webhook_on_ended(void *owner) {
    struct webhook *webhook = owner;
    webhook->call = NULL;
    webhook_judge(webhook, STR("it did not answer"));
}
static void webhook_on_failed(void *owner, enum call_failure failure, struct str text) {
    struct webhook *webhook = owner;
    char why[200];
    webhook->call = NULL;
    snprintf(why, sizeof why, "%.*s: %.*s", STR_ARG(call_failure_name(failure)), STR_ARG(text));
    webhook_judge(webhook, str_from(why));
}

static void webhook_try(struct webhook *webhook) {
    static const struct call_handler handler = {webhook_on_sent, webhook_on_head, webhook_on_body, webhook_on_ended,
                                                webhook_on_failed};
    char signature[128], id[32];
    if (webhook->call || !webhook->count || !webhook_is_set(webhook)) return;
    struct webhook_item *item = &webhook->items[webhook->first];
    struct text text = text_in_buffer(signature, sizeof signature);
    webhook->body = str_make(item->body, item->len);
    webhook_sign(str_from(webhook->secret), loop_now(webhook->loop).wall_ns / (int64_t)NS_PER_S, webhook->body, &text);
    snprintf(id, sizeof id, "%llu", (unsigned long long)item->of.id);
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")},
                                          {STR("User-Agent"), STR("weir/" WEIR_VERSION)},
                                          {STR("weir-alert-id"), str_from(id)},
                                          {STR("weir-signature"), text_str(&text)}};
    struct call_request request = {.method = http_post,
                                   .target = str_from(webhook->target),
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof *headers - !webhook->secret[0],
                                   .body = &webhook->body,
                                   .body_count = 1};
    item->tries++;
    webhook->status = 0;
    timer_set(webhook->loop, &webhook->timer, loop_now(webhook->loop).mono_ns + webhook->timeout_ns, webhook_on_timeout,
              webhook);
    webhook->call = call_start(webhook->client, &webhook->origin, &request, &handler, webhook);
    if (!webhook->call) webhook_end(webhook, STR("there is no memory for it"));
}

void webhook_post(struct webhook *webhook, struct webhook_post of, struct str body) {
    CHECKF(webhook->count <= waiting_max, "count=%zu", webhook->count);
    if (!webhook_is_set(webhook)) return;
    if (webhook->count == waiting_max || body.len > body_max) {
        webhook->told(webhook->context, of, webhook_dropped, STR("too many posts wait"));
        return;
    }
    struct webhook_item *item = &webhook->items[(webhook->first + webhook->count) % waiting_max];
    *item = (struct webhook_item){.of = of, .len = body.len};
    memcpy(item->body, body.at, body.len);
    webhook->count++;
    if (webhook->count == 1) webhook_try(webhook);
}
