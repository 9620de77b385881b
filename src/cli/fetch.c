/* fetch.c - one request to a running gateway, on a loop of the moment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/url.h"
#include "cli/cli.h"
#include "config/config_schema.h"
#include "net/http_client.h"
#include "net/tls.h"

struct fetching {
    struct loop *loop;
    int status;
    char *body;
    size_t len;
    bool failed;
    char text[256];
};

static void cli_fetch_on_sent(void *owner) { (void)owner; }
static void cli_fetch_on_head(void *owner, const struct http_reply *reply) {
    ((struct fetching *)owner)->status = reply->status;
}

static void cli_fetch_on_body(void *owner, struct str piece) {
    struct fetching *fetching = owner;
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

/* What a configuration that does not say it would have. */
static struct str usual(const char *key) { return config_key_find(section_top, str_from(key))->fallback; }

const char *cli_url(const char *given) {
    static char usual_url[64];
    const char *url = given ? given : getenv("WEIR_URL");
    if (url && *url) return url;
    snprintf(usual_url, sizeof usual_url, "http://%.*s", STR_ARG(usual("listen")));
    return usual_url;
}

const char *cli_admin_key(const char *given, char *buffer, unsigned long size) {
    const char *key = given ? given : getenv("WEIR_ADMIN_KEY"), *state = getenv("WEIR_STATE_DIR");
    if (key && *key) return key;
    char path[1024];
    const struct str folder = state && *state ? str_from(state) : usual("state_dir");
    snprintf(path, sizeof path, "%.*s/admin.key", STR_ARG(folder));
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(buffer, 1, size - 1, file) : 0;
    if (file) fclose(file);
    while (len && (buffer[len - 1] == '\n' || buffer[len - 1] == ' ')) len--;
    buffer[len] = 0;
    return buffer;
}

char *cli_fetch(const char *method, const char *url, const char *path, const char *admin_key, int *status) {
    return cli_send(method, url, path, admin_key, STR_NONE, status);
}

static enum http_method method_of(const char *name) {
    for (int method = 0; method < http_methods; method++)
        if (str_eq(http_method_name((enum http_method)method), str_from(name))) return (enum http_method)method;
    return http_get;
}

char *cli_send(const char *method, const char *url, const char *path, const char *admin_key, struct str body,
               int *status) {
    static const struct call_handler handler = {cli_fetch_on_sent, cli_fetch_on_head, cli_fetch_on_body,
                                                cli_fetch_on_ended, cli_fetch_on_failed};
    struct url parsed;
    char target[1024], authorization[256];
    const char *problem = url_parse(str_from(url), &parsed);
    if (problem) {
        fprintf(stderr, "weir: the URL %s is not valid: %s\n", url, problem);
        return NULL;
    }
    struct error error = {.code = error_none};
    struct tls_context *tls = parsed.tls ? tls_client_context(STR_NONE, false, tls_for_providers, &error) : NULL;
    if (parsed.tls && !tls) {
        fprintf(stderr, "weir: %s\n", error.message);
        return NULL;
    }
    struct fetching fetching = {.loop = loop_new()};
    struct http_client *client = fetching.loop ? http_client_new(fetching.loop) : NULL;
    struct origin origin = {.tls = tls,
                            .host = parsed.host,
                            .port = parsed.port,
                            .unix_path = parsed.unix_path,
                            .connect_timeout_ns = 5 * NS_PER_S,
                            .idle_timeout_ns = NS_PER_S,
                            .id = 1};
    snprintf(target, sizeof target, "%.*s%s", STR_ARG(parsed.path), path);
    snprintf(authorization, sizeof authorization, "Bearer %s", admin_key);
    struct http_header headers[] = {{STR("Authorization"), str_from(authorization)},
                                    {STR("Content-Type"), STR("application/json")}};
    struct call_request request = {.method = method_of(method),
                                   .target = str_from(target),
                                   .headers = *admin_key ? headers : headers + 1,
                                   .header_count = *admin_key ? 2 : 1};
    request.body = &body;
    request.body_count = body.len ? 1 : 0;
    if (client && call_start(client, &origin, &request, &handler, &fetching)) loop_run(fetching.loop);
    if (client) http_client_free(client);
    if (fetching.loop) loop_free(fetching.loop);
    tls_context_release(tls);
    *status = fetching.status;
    if (!fetching.failed && fetching.status) return fetching.body ? fetching.body : memory_take_zeroed(1);
    fprintf(stderr, "weir: no gateway answers at %s: %s. Is `weir serve` running? (--url, WEIR_URL)\n", url,
            fetching.text);
    memory_give(fetching.body);
    return NULL;
}
