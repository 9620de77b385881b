/* inference.c - from net's exchange to runtime's request and back. The visit outlives whichever of the two ends first:
 * a caller may be done while the provider's last bytes are awaited, or gone while an answer is under way. */
#include "gateway/inference.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/name.h"
#include "dialect/openai/openai.h"
#include "gateway/download.h"
#include "gateway/page.h"

void visit_release(struct visit *visit) {
    if (visit->exchange || visit->request || visit->busy) return;
    visit_listener_free(visit);
    if (visit->download) visit->download->release(visit->download);
    if (visit->identity) identity_release(visit->identity);
    visit_body_free(visit); /* counted in its client's share */
    deployment_release(visit->deployment);
    if (visit->key) memory_wipe(visit->key, strlen(visit->key));
    memory_give(visit->key);
    spares_give(visit->spares, visit);
}

/* -- the flight's answer -- */

static void gateway_inference_on_respond(void *owner, int status, const struct http_header *headers, size_t count,
                                         int64_t content_length) {
    struct visit *visit = owner;
    visit->answered = true;
    if (visit->exchange) exchange_respond(visit->exchange, status, headers, count, content_length);
}

static void gateway_inference_on_write(void *owner, const struct str *ranges, size_t count) {
    struct visit *visit = owner;
    if (visit->exchange) exchange_write(visit->exchange, ranges, count);
}

static void on_finish(void *owner) {
    struct visit *visit = owner;
    if (visit->exchange) exchange_end(visit->exchange);
}

static void gateway_inference_on_abort(void *owner) {
    struct visit *visit = owner;
    if (visit->exchange) exchange_abort(visit->exchange);
    visit->exchange = NULL; /* no call of it comes any more */
}

static size_t gateway_inference_on_unsent(void *owner) {
    struct visit *visit = owner;
    return visit->exchange ? exchange_unsent(visit->exchange) : 0;
}

static void gateway_inference_on_closed(void *owner, const struct flight *flight) {
    struct visit *visit = owner;
    (void)flight;
    visit->request = NULL;
    visit_release(visit);
}

static const struct request_sink sink = {
    gateway_inference_on_respond, gateway_inference_on_write,  on_finish,
    gateway_inference_on_abort,   gateway_inference_on_unsent, gateway_inference_on_closed};

/* -- the exchange -- */

static void inference_begin(struct visit *visit, const struct http_request *request) {
    struct worker *worker = visit->gateway_worker->worker;
    struct flight_request asked = {.headers = request->headers,
                                   .header_count = request->header_count,
                                   .request_id = str_from(visit->request_id),
                                   .own_id = str_from(visit->own_id),
                                   .client = visit->client,
                                   .content_length = request->content_length,
                                   .arrived = loop_now(worker->loop)};
    struct request_names names;
    request_place(request->method, visit->path, request->query, &names, &asked);
    struct str type = http_header_find(request->headers, request->header_count, STR("content-type"));
    bool json = asked.endpoint != endpoint_raw && endpoint_facts(asked.endpoint)->body == endpoint_body_json;
    if (json && type.len && !str_starts_nocase(type, STR("application/json")) &&
        !str_starts_nocase(type, STR("text/plain")) &&
        !str_starts_nocase(type,
                           STR("application/x-www-form-urlencoded"))) { /* curl -d says so when it is told nothing */
        visit_error(visit, error_unsupported_media_type, STR_NONE);
        return;
    }
    if (request->content_length > 0 &&
        (uint64_t)request->content_length > visit->deployment->snapshot->body_bytes_max) {
        visit_error(visit, error_body_too_large, STR_NONE); /* at once: not after the bytes have come */
        return;
    }
    bool ended = false;
    visit->busy = true; /* it must not be freed under our hands */
    struct request *started = request_start(worker, &asked, &sink, visit, &ended);
    visit->busy = false;
    if (!started) {
        visit_error(visit, error_out_of_memory, STR_NONE);
    } else if (!ended) { /* the flight has copied what it goes on with */
        visit->request = started;
        visit->path = visit->query = STR("");
        exchange_forget_head(visit->exchange);
    }
}

/* Groq's SDK speaks below /openai. */
static struct str gateway_inference_path_of(struct str path) {
    return str_starts(path, STR("/openai/v1/")) ? str_slice(path, 7, path.len) : path;
}

/* Callers of Google's API speak below /v1beta, those of Anthropic's send its version. */
static enum dialect dialect_of(const struct http_request *request) {
    enum endpoint endpoint;
    if (endpoint_find(gateway_inference_path_of(request->path), &endpoint, NULL))
        return endpoint_facts(endpoint)->dialect;
    if (str_starts(request->path, STR("/v1beta/"))) return dialect_gemini;
    struct str version = http_header_find(request->headers, request->header_count, STR("anthropic-version"));
    return version.len ? dialect_anthropic : dialect_openai;
}

/* Of a body that nobody reads: so much is let pass. */
enum { unread_body_max = 16 * 1024 };

static void last_event_read(struct visit *visit, const struct http_request *request) {
    struct str last = http_header_find(request->headers, request->header_count, STR("last-event-id"));
    if (!str_to_u64(last, &visit->last_event_id)) visit->last_event_id = 0;
}

/* What may last, and changes something at its end, or goes on: by then its key may let in nobody any more. */
static bool inference_keeps_key(const struct gateway_route *route) {
    return route->access >= access_operator || route->answer == answer_own_rotate;
}

static void gateway_inference_on_head(void *context, struct exchange *exchange, const struct http_request *request,
                                      void **owner) {
    struct gateway_worker *gateway_worker = context;
    struct visit *visit = spares_take(&gateway_worker->worker->visit_spares, sizeof *visit);
    static const struct http_header none = {{NULL, 0}, {NULL, 0}};
    if (!visit) {
        exchange_respond(exchange, 503, &none, 0, 0);
        exchange_end(exchange);
        *owner = NULL;
        return;
    }
    *owner = visit;
    *visit = (struct visit){.gateway_worker = gateway_worker,
                            .spares = &gateway_worker->worker->visit_spares,
                            .exchange = exchange,
                            .deployment = gateway_worker->worker->deployment,
                            .method = request->method,
                            .path = gateway_inference_path_of(request->path),
                            .query = request->query,
                            .peer = request->peer};
    deployment_hold(visit->deployment);
    exchange_set_body_time(exchange, visit->deployment->snapshot->request_timeout_ns);
    visit->dialect = dialect_of(request);
    struct str id = http_header_find(request->headers, request->header_count, STR("x-weir-request-id"));
    worker_request_id(gateway_worker->worker, visit->own_id);
    str_copy(visit->request_id, sizeof visit->request_id, request_id_is_valid(id) ? id : str_from(visit->own_id));
    bool other_method = false;
    const char *sentence = "";
    visit->route = route_find(request->method, visit->path, &other_method);
    if (visit->route && visit->route->answer == answer_events) last_event_read(visit, request);
    if (visit->route && inference_keeps_key(visit->route)) access_keep(visit, request);
    if (visit->route && visit->route->answer == answer_page) page_asked(visit, request);
    if (!visit->route || !visit->route->reads_body) exchange_set_body_max(exchange, unread_body_max);
    enum error_code refused =
        access_check(visit, request, visit->route ? visit->route->access : access_open, &sentence);
    visit->budget = flight_budget(&gateway_worker->worker->host, visit->client);
    exchange_hold_within(exchange, visit->budget);
    if (refused) {
        visit_error(visit, refused, str_from(sentence));
    } else if (!visit->route && other_method) {
        visit_allow(visit);
        visit_error(visit, error_method_not_allowed, STR_NONE);
    } else if (!visit->route) {
        char message[320], nearest[80];
        route_nearest(request->path, nearest, sizeof nearest);
        struct text text = text_in_buffer(message, sizeof message);
        text_printf(&text, "There is nothing at `%.*s`. Did you mean %s?", STR_ARG(str_slice(request->path, 0, 120)),
                    nearest);
        visit_error(visit, error_unknown_path, text_str(&text));
    } else if (!visit->route->reads_body && request->content_length > unread_body_max) {
        visit_error(visit, error_body_too_large, STR_NONE);
    } else if (!visit->route->answer) {
        inference_begin(visit, request);
    }
}

static void gateway_inference_on_body(void *owner, struct str piece) {
    struct visit *visit = owner;
    if (visit && visit->request)
        request_body(visit->request, piece);
    else if (visit && visit->route && visit->route->reads_body)
        visit_body_add(visit, piece);
}

static void gateway_inference_on_end(void *owner) {
    struct visit *visit = owner;
    if (!visit || visit->answered) return;
    if (visit->request)
        request_body_end(visit->request);
    else if (visit->route && visit->route->answer &&
             !access_stays(visit, visit->route->access, loop_now(visit->gateway_worker->worker->loop)))
        visit_error(visit, error_invalid_client_key, STR("The key that this request began with may not do this now."));
    else if (visit->route && visit->route->answer)
        visit->route->answer(visit);
}

static void gateway_inference_on_writable(void *owner) {
    struct visit *visit = owner;
    if (visit && visit->request) request_writable(visit->request);
    if (visit) download_writable(visit->download);
}

static void gateway_inference_on_done(void *owner) {
    struct visit *visit = owner;
    if (!visit) return;
    visit->exchange = NULL;
    bool busy = visit->busy;
    visit->busy = true;
    if (visit->request) request_delivered(visit->request);
    visit->busy = busy;
    visit_release(visit);
}

static void gateway_inference_on_gone(void *owner) {
    struct visit *visit = owner;
    if (!visit) return;
    visit->exchange = NULL;
    bool busy = visit->busy;
    visit->busy = true;
    if (visit->request) request_gone(visit->request);
    visit->busy = busy;
    visit_release(visit);
}

static void gateway_inference_on_refused(void *context, enum error_code code, const char *sentence, char *body,
                                         size_t body_size, size_t *body_len, struct str *content_type) {
    struct gateway_worker *gateway_worker = context;
    struct text text = text_in_buffer(body, body_size);
    char id[limit_request_id + 1];
    worker_request_id(gateway_worker->worker, id);
    metrics_refused(gateway_worker->worker->reporter.metrics, code);
    log_info(gateway_worker->worker->reporter.log, loop_now(gateway_worker->worker->loop), "request_refused",
             f_text("request_id", id), f_str("error", error_name(code)), f_text("said", sentence));
    openai_write_error(
        &text, &(struct message_error){
                   .code = code, .message = str_from(sentence), .request_id = str_from(id), .retry_after_ms = -1});
    *body_len = text.failed ? 0 : text.len;
    *content_type = STR("application/json");
}

const struct server_handler gate_handler = {
    gateway_inference_on_head, gateway_inference_on_body, gateway_inference_on_end,     gateway_inference_on_writable,
    gateway_inference_on_done, gateway_inference_on_gone, gateway_inference_on_refused, STR("x-weir-error")};
