/* fetch.c - one request to a running gateway, on a loop of the moment. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/url.h"
#include "cli/cli.h"
#include "net/http_client.h"
#include "net/tls.h"

struct fetching {
    struct loop *loop;
    int status;
    char *body;
    size_t len;
    bool failed;
    char text[256];
    void (*tell)(void *context, struct str piece); /* gets a good reply's body as it comes; NULL: it is kept */
    void *context;
};

static void cli_fetch_on_sent(void *owner) { (void)owner; }
static void cli_fetch_on_head(void *owner, const struct http_reply *reply) {
    ((struct fetching *)owner)->status = reply->status;
}

static void cli_fetch_on_body(void *owner, struct str piece) {
    struct fetching *fetching = owner;
    if (fetching->tell && fetching->status == 200) {
        fetching->tell(fetching->context, piece);
        return;
    }
    char *bigger = memory_resize(fetching->body, fetching->len + piece.len + 1);
    if (!bigger) return;
    memcpy(bigger + fetching->len, piece.at, piece.len);
    fetching->len += piece.len;
    bigger[fetching->len] = 0;
    fetching->body = bigger;
}

static void cli_fetch_on_ended(void *owner) { loop_stop(((struct fetching *)owner)->loop); }

static void cli_fetch_on_failed(void *owner, enum call_failure failure, struct str text) {
    struct fetching *fetching = owner;
    fetching->failed = true;
    snprintf(fetching->text, sizeof fetching->text, "%.*s (%.*s)", STR_ARG(call_failure_name(failure)), STR_ARG(text));
    loop_stop(fetching->loop);
}

static enum http_method method_of(const char *name) {
    for (int method = 0; method < http_methods; method++)
        if (str_eq(http_method_name((enum http_method)method), str_from(name))) return (enum http_method)method;
    return http_get;
}

static bool cli_fetch_call(struct fetching *fetching, const struct cli_place *place, const struct url *parsed,
                           const char *method, const char *path, const struct str *body) {
    static const struct call_handler handler = {cli_fetch_on_sent, cli_fetch_on_head, cli_fetch_on_body,
                                                cli_fetch_on_ended, cli_fetch_on_failed};
    char target[1024], authorization[300];
    struct error error = {.code = error_none};
    struct tls_context *tls =
        parsed->tls ? tls_client_context(STR_NONE, place->unverified, tls_for_providers, &error) : NULL;
    if (parsed->tls && !tls) {
        fprintf(stderr, "weir: %s\n", error.message);
        return false;
    }
    struct http_client *client = fetching->loop ? http_client_new(fetching->loop) : NULL;
    struct origin origin = {.tls = tls,
                            .host = parsed->host,
                            .port = parsed->port,
                            .unix_path = parsed->unix_path,
                            .connect_timeout_ns = 5 * NS_PER_S,
                            .idle_timeout_ns = NS_PER_S,
                            .id = 1};
    snprintf(target, sizeof target, "%.*s%s", STR_ARG(parsed->path), path);
    snprintf(authorization, sizeof authorization, "Bearer %s", place->key_text);
    struct http_header headers[] = {{STR("Authorization"), str_from(authorization)},
                                    {STR("Content-Type"), STR("application/json")}};
    struct call_request request = {.method = method_of(method),
                                   .target = str_from(target),
                                   .headers = place->key_text[0] ? headers : headers + 1,
                                   .header_count = place->key_text[0] ? 2 : 1,
                                   .body = body,
                                   .body_count = body->len ? 1 : 0};
    if (client && call_start(client, &origin, &request, &handler, fetching)) loop_run(fetching->loop);
    if (client) http_client_free(client);
    tls_context_release(tls);
    memory_wipe(authorization, sizeof authorization);
    return true;
}

/* `fetching` says what becomes of the body. */
static char *cli_fetch(struct fetching *asked, const char *method, const struct cli_gateway *gateway, const char *path,
                       struct str body, int *status) {
    struct cli_place place;
    struct url parsed;
    if (!cli_place_find(gateway, &place)) return NULL;
    const char *problem = url_parse(str_from(place.url), &parsed);
    if (problem) {
        fprintf(stderr, "weir: the URL %s (%s) is not valid: %s\n", place.url, place.from, problem);
        return NULL;
    }
    struct fetching fetching = *asked;
    fetching.loop = loop_new();
    bool called = cli_fetch_call(&fetching, &place, &parsed, method, path, &body);
    if (fetching.loop) loop_free(fetching.loop);
    memory_wipe(place.key_text, sizeof place.key_text);
    *status = fetching.status;
    if (called && !fetching.failed && fetching.status) return fetching.body ? fetching.body : memory_take_zeroed(1);
    if (called)
        fprintf(stderr,
                "weir: no gateway answers at %s (%s): %s. Is `weir serve` running? (--config, --url, WEIR_URL)\n",
                place.url, place.from, fetching.text);
    memory_give(fetching.body);
    return NULL;
}

char *cli_send(const char *method, const struct cli_gateway *gateway, const char *path, struct str body, int *status) {
    return cli_fetch(&(struct fetching){.tell = NULL}, method, gateway, path, body, status);
}

char *cli_follow(const struct cli_gateway *gateway, const char *path, void (*tell)(void *context, struct str piece),
                 void *context, int *status) {
    return cli_fetch(&(struct fetching){.tell = tell, .context = context}, "GET", gateway, path, STR_NONE, status);
}

void cli_query_put(struct text *path, const char *name, const char *value) {
    if (!value) return;
    text_put_byte(path, str_find_byte(text_str(path), '?') == SIZE_MAX ? '?' : '&');
    text_put(path, str_from(name));
    text_put_byte(path, '=');
    text_put_percent(path, str_from(value), "/:");
}
