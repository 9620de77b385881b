/* fetch.c - what fetch.h says: a GET, perhaps another where the first points, and the bytes. */
#include "net/fetch.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/url.h"

enum { url_bytes_max = 8192, redirects_max = 3, connect_timeout_s = 5 };

struct fetch {
    struct loop *loop;
    struct http_client *client;
    const struct fetch_rules *rules;
    fetch_done *done;
    void *owner;
    struct origin origin;
    struct call *call;
    struct timer deadline;
    struct loop_deferred ending;
    struct chunks body;
    unsigned redirects;
    bool redirecting;
    char url[url_bytes_max];    /* of the request that is under way; the origin's host stands in it */
    char target[url_bytes_max]; /* its path and query */
    char next[url_bytes_max];   /* where it points */
    char content_type[128];
    char failure[160];
};

static const struct call_handler handler;

static void fetch_free(struct fetch *fetch) {
    if (fetch->call) call_cancel(fetch->call);
    timer_cancel(fetch->loop, &fetch->deadline);
    loop_defer_cancel(&fetch->ending);
    chunks_free(&fetch->body);
    memory_give(fetch);
}

void fetch_cancel(struct fetch *fetch) { fetch_free(fetch); }

static void ending_run(void *context) {
    struct fetch *fetch = context;
    CHECKF(!fetch->call && fetch->body.len <= fetch->rules->bytes_max, "len=%zu", fetch->body.len);
    struct str whole = fetch->failure[0] ? STR_NONE : chunks_whole(&fetch->body);
    if (!fetch->failure[0] && !whole.at) snprintf(fetch->failure, sizeof fetch->failure, "there is no memory for it");
    fetch->done(fetch->owner, str_from(fetch->failure), whole, str_from(fetch->content_type));
    fetch_free(fetch);
}

/* Told at the end of the turn. An empty sentence: all is well. */
static void fetch_end(struct fetch *fetch, struct str failure) {
    if (fetch->call) call_cancel(fetch->call);
    fetch->call = NULL;
    if (list_linked(&fetch->ending.node)) return;
    str_copy(fetch->failure, sizeof fetch->failure, failure);
    loop_defer(fetch->loop, &fetch->ending);
}

/* -- URLs -- */

static struct str without_fragment(struct str url) { return str_slice(url, 0, str_find_byte(url, '#')); }

/* scheme://authority, and the rest. */
static struct str authority_of(struct str url, struct str *rest) {
    size_t start = str_find(url, STR("://"));
    start = start == SIZE_MAX ? 0 : start + 3;
    size_t end = start;
    while (end < url.len && url.at[end] != '/' && url.at[end] != '?') end++;
    *rest = str_slice(url, end, url.len);
    return str_slice(url, 0, end);
}

/* Takes the URL; NULL, or what is wrong with it. */
static const char *url_take(struct fetch *fetch, struct str url) {
    struct url parsed;
    struct str rest;
    url = without_fragment(url);
    if (url.len >= sizeof fetch->url) return "its URL is longer than 8 KB";
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.at[i] <= 0x20 || (unsigned char)url.at[i] >= 0x7f)
            return "its URL holds a blank or a character that is not ASCII: escape it";
    str_copy(fetch->url, sizeof fetch->url, url);
    struct str authority = authority_of(str_from(fetch->url), &rest);
    const char *problem =
        str_starts(authority, STR("unix:")) ? "it must begin with http:// or https://" : url_parse(authority, &parsed);
    if (problem) return problem;
    bool slash = rest.len && rest.at[0] == '/';
    snprintf(fetch->target, sizeof fetch->target, "%s%.*s", slash ? "" : "/", STR_ARG(rest));
    if (parsed.tls && !fetch->rules->tls) return "there is no TLS for it";
    fetch->origin = (struct origin){.tls = parsed.tls ? fetch->rules->tls : NULL,
                                    .host = parsed.host,
                                    .port = parsed.port,
                                    .public_only = true,
                                    .allowed = fetch->rules->allowed,
                                    .allowed_count = fetch->rules->allowed_count,
                                    .caller = fetch->rules->caller,
                                    .connect_timeout_ns = connect_timeout_s * NS_PER_S,
                                    .id = UINT64_MAX}; /* no connection is kept, so none is shared */
    return NULL;
}

/* Location: a whole URL, or one on the same host. */
static const char *location_take(struct fetch *fetch, struct str location) {
    struct str rest, authority = authority_of(str_from(fetch->url), &rest);
    bool was_tls = fetch->origin.tls != NULL;
    struct text text = TEXT_IN_STRING(fetch->next);
    if (str_starts(location, STR("//")))
        text_put(&text, was_tls ? STR("https:") : STR("http:"));
    else if (str_starts(location, STR("/")))
        text_put(&text, authority);
    else if (str_find(location, STR("://")) == SIZE_MAX)
        return "it is moved to a place that is not said in full";
    text_put(&text, location);
    text_put_byte(&text, 0);
    if (text.failed) return "it is moved to a URL longer than 8 KB";
    const char *problem = url_take(fetch, str_from(fetch->next));
    return !problem && was_tls && !fetch->origin.tls ? "it is moved from https to http" : problem;
}

/* -- the call -- */

static void fetch_call_begin(struct fetch *fetch) {
    static const struct http_header headers[] = {
        {STR("Accept"), STR("image/*, application/pdf, text/plain, */*;q=0.5")},
        {STR("Accept-Encoding"), STR("identity")},
        {STR("User-Agent"), STR("weir/" WEIR_VERSION)}};
    struct call_request request = {.method = http_get,
                                   .target = str_from(fetch->target),
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof *headers};
    CHECK(!fetch->call && fetch->origin.public_only);
    fetch->call = call_start(fetch->client, &fetch->origin, &request, &handler, fetch);
    if (!fetch->call) fetch_end(fetch, STR("there is no memory for it"));
}

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void fetch_on_sent(void *owner) { (void)owner; }

static void fetch_on_head(void *owner, const struct http_reply *reply) {
    struct fetch *fetch = owner;
    struct str location = http_header_find(reply->headers, reply->header_count, STR("location")),
               type = http_header_find(reply->headers, reply->header_count, STR("content-type"));
    char text[96];
    CHECKF(fetch->call && fetch->redirects <= redirects_max, "redirects=%u", fetch->redirects);
    fetch->redirecting = is_redirect(reply->status) && location.len;
    if (fetch->redirecting) {
        if (fetch->redirects++ == redirects_max) {
            fetch_end(fetch, STR("it is moved too often"));
            return;
        }
        call_cancel(fetch->call);
        fetch->call = NULL;
        const char *problem = location_take(fetch, location);
        if (problem)
            fetch_end(fetch, str_from(problem));
        else
            fetch_call_begin(fetch);
    } else if (reply->status != 200) {
        snprintf(text, sizeof text, "its server answered with status %d", reply->status);
        fetch_end(fetch, str_from(text));
    } else if (reply->content_length > 0 && (uint64_t)reply->content_length > fetch->rules->bytes_max) {
        fetch_end(fetch, STR("it is too large"));
    } else {
        str_copy(fetch->content_type, sizeof fetch->content_type, type);
    }
}

static void fetch_on_body(void *owner, struct str piece) {
    struct fetch *fetch = owner;
    if (!fetch->call || fetch->redirecting) return;
    CHECKF(fetch->body.len <= fetch->rules->bytes_max, "len=%zu", fetch->body.len);
    if (piece.len > fetch->rules->bytes_max - fetch->body.len)
        fetch_end(fetch, STR("it is too large"));
    else if (!chunks_add(&fetch->body, piece))
        fetch_end(fetch, STR("there is no memory for it"));
}

static void fetch_on_ended(void *owner) {
    struct fetch *fetch = owner;
    fetch->call = NULL;
    fetch_end(fetch, fetch->body.len ? STR("") : STR("it is empty"));
}

static void fetch_on_failed(void *owner, enum call_failure failure, struct str text) {
    struct fetch *fetch = owner;
    char sentence[160];
    fetch->call = NULL;
    if (failure == call_failure_not_public || failure == call_failure_dns) /* nobody learns which names lie inside */
        str_copy(sentence, sizeof sentence, STR("its host has no public address"));
    else
        snprintf(sentence, sizeof sentence, "%.*s: %.*s", STR_ARG(call_failure_name(failure)), STR_ARG(text));
    fetch_end(fetch, str_from(sentence));
}

static const struct call_handler handler = {fetch_on_sent, fetch_on_head, fetch_on_body, fetch_on_ended,
                                            fetch_on_failed};

static void fetch_on_deadline(void *context) { fetch_end(context, STR("it took too long")); }

struct fetch *fetch_start(struct loop *loop, struct http_client *client, struct budget *budget,
                          const struct fetch_rules *rules, struct str url, fetch_done *done, void *owner) {
    struct fetch *fetch = memory_take_zeroed(sizeof *fetch);
    if (!fetch) return NULL;
    CHECK(rules->caller != 0); /* 0 is the configuration, whose share of the lookups a caller never gets */
    fetch->loop = loop;
    fetch->client = client;
    fetch->rules = rules;
    fetch->done = done;
    fetch->owner = owner;
    fetch->ending.run = ending_run;
    fetch->ending.context = fetch;
    chunks_init(&fetch->body, budget);
    timer_set(loop, &fetch->deadline, loop_now(loop).mono_ns + rules->timeout_ns, fetch_on_deadline, fetch);
    const char *problem = url_take(fetch, url);
    if (problem)
        fetch_end(fetch, str_from(problem));
    else
        fetch_call_begin(fetch);
    return fetch;
}
