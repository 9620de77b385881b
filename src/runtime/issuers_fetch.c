/* issuers_fetch.c - see issuers_fetch.h. */
#include "runtime/issuers_fetch.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/tls.h"
#include "runtime/issuers.h"

enum { fetch_time_s = 10, fetch_connect_time_s = 5, url_room = 2048 };

struct issuer_fetch {
    struct loop *loop;
    struct issuer *issuer;
    struct origin origin;
    char authority[url_room], target[url_room]; /* the origin's host stands in the first */
    struct call *call;
    struct timer timer;
    struct loop_deferred ending;
    int64_t max_age_s;
    char failure[200];
    size_t len;
    char body[jwks_bytes_max];
};

static void issuer_fetch_end(struct issuer_fetch *fetch, struct str failure);

void issuer_fetch_cancel(struct issuer_fetch *fetch) {
    if (!fetch) return;
    if (fetch->call) call_cancel(fetch->call);
    timer_cancel(fetch->loop, &fetch->timer);
    loop_defer_cancel(&fetch->ending);
    tls_context_release(fetch->origin.tls);
    memory_give(fetch);
}

static void issuer_fetch_over(void *context) {
    struct issuer_fetch *fetch = context;
    issuer_fetched(fetch->issuer, str_from(fetch->failure), str_make(fetch->body, fetch->len), fetch->max_age_s);
    issuer_fetch_cancel(fetch);
}

/* Told at the end of the turn. An empty sentence: all is well. */
static void issuer_fetch_end(struct issuer_fetch *fetch, struct str failure) {
    if (fetch->call) call_cancel(fetch->call);
    fetch->call = NULL;
    timer_cancel(fetch->loop, &fetch->timer);
    if (list_linked(&fetch->ending.node)) return;
    str_copy(fetch->failure, sizeof fetch->failure, failure);
    loop_defer(fetch->loop, &fetch->ending);
}

static void issuer_fetch_on_sent(void *owner) { (void)owner; }

static void issuer_fetch_on_head(void *owner, const struct http_reply *reply) {
    struct issuer_fetch *fetch = owner;
    char why[64];
    fetch->max_age_s = renewal_max_age_s(http_header_find(reply->headers, reply->header_count, STR("cache-control")),
                                         http_header_find(reply->headers, reply->header_count, STR("age")));
    snprintf(why, sizeof why, "its server answered with status %d", reply->status);
    if (reply->status != 200) issuer_fetch_end(fetch, str_from(why));
}

static void issuer_fetch_on_body(void *owner, struct str piece) {
    struct issuer_fetch *fetch = owner;
    if (!fetch->call) return;
    if (piece.len > sizeof fetch->body - fetch->len) {
        issuer_fetch_end(fetch, STR("it is larger than 256 KB"));
        return;
    }
    memcpy(fetch->body + fetch->len, piece.at, piece.len);
    fetch->len += piece.len;
}

static void issuer_fetch_on_ended(void *owner) {
    struct issuer_fetch *fetch = owner;
    fetch->call = NULL;
    issuer_fetch_end(fetch, STR(""));
}

static void issuer_fetch_on_failed(void *owner, enum call_failure failure, struct str text) {
    struct issuer_fetch *fetch = owner;
    char why[200];
    fetch->call = NULL;
    snprintf(why, sizeof why, "%.*s: %.*s", STR_ARG(call_failure_name(failure)), STR_ARG(text));
    issuer_fetch_end(fetch, str_from(why));
}

static void issuer_fetch_on_time(void *context) { issuer_fetch_end(context, STR("its server did not answer in time")); }

/* scheme://authority is the origin, the rest what is asked of it; the configuration has looked at both. */
static bool issuer_fetch_where(struct issuer_fetch *fetch, struct str text) {
    struct url url;
    struct error error = {.code = error_none};
    size_t at = str_find(text, STR("://"));
    at = at == SIZE_MAX ? text.len : at + 3;
    while (at < text.len && text.at[at] != '/' && text.at[at] != '?') at++;
    str_copy(fetch->authority, sizeof fetch->authority, str_slice(text, 0, at));
    snprintf(fetch->target, sizeof fetch->target, "%s%.*s", at < text.len && text.at[at] == '/' ? "" : "/",
             STR_ARG(str_slice(text, at, text.len)));
    if (url_parse(str_from(fetch->authority), &url)) {
        issuer_fetch_end(fetch, STR("its URL is none"));
        return false;
    }
    fetch->origin = (struct origin){.host = url.host,
                                    .port = url.port,
                                    .connect_timeout_ns = fetch_connect_time_s * NS_PER_S,
                                    .connections_max = 1,
                                    .id = str_hash(text)};
    if (!url.tls) return true;
    fetch->origin.tls =
        tls_client_context(str_from(fetch->issuer->ca_file), false, tls_for_callers, &error); /* reads files */
    if (!fetch->origin.tls) issuer_fetch_end(fetch, str_from(error.message));
    return fetch->origin.tls != NULL;
}

struct issuer_fetch *issuer_fetch_begin(struct loop *loop, struct http_client *client, struct issuer *issuer) {
    static const struct call_handler handler = {issuer_fetch_on_sent, issuer_fetch_on_head, issuer_fetch_on_body,
                                                issuer_fetch_on_ended, issuer_fetch_on_failed};
    static const struct http_header headers[] = {{STR("Accept"), STR("application/jwk-set+json, application/json")},
                                                 {STR("Accept-Encoding"), STR("identity")},
                                                 {STR("User-Agent"), STR("weir/" WEIR_VERSION)}};
    struct issuer_fetch *fetch = memory_take_zeroed(sizeof *fetch);
    if (!fetch) return NULL;
    fetch->loop = loop;
    fetch->issuer = issuer;
    fetch->max_age_s = -1;
    fetch->ending.run = issuer_fetch_over;
    fetch->ending.context = fetch;
    if (!issuer_fetch_where(fetch, str_from(issuer->jwks))) return fetch;
    const struct call_request request = {.method = http_get,
                                         .target = str_from(fetch->target),
                                         .headers = headers,
                                         .header_count = sizeof headers / sizeof *headers};
    timer_set(loop, &fetch->timer, loop_now(loop).mono_ns + fetch_time_s * NS_PER_S, issuer_fetch_on_time, fetch);
    fetch->call = call_start(client, &fetch->origin, &request, &handler, fetch);
    if (!fetch->call) issuer_fetch_end(fetch, STR("there is no memory for it"));
    return fetch;
}
