/* weir_call.c - a request from a program: the same flight as the gateway's, with callbacks in the caller's place. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/name.h"
#include "net/loop.h"
#include "runtime/request.h"
#include "runtime/weir_internal.h"

struct weir_call {
    _Atomic unsigned holds; /* the program's, and the call's own until `done` */
    struct worker *worker;
    struct weir_callbacks callbacks;
    void *user;
    struct request *request; /* the worker's thread only, from here on */
    bool over, complete, cancelled, fallback;
    int status;
    char content_type[64], provider[limit_name + 1], model[limit_model + 1], request_id[limit_request_id + 1];
    unsigned attempts;
    int64_t input_tokens, output_tokens, cost_nano_usd;
    char timeout_ms[16];
    enum endpoint endpoint;
    struct request_names names; /* what asked's path_model points into */
    bool wants_array;
    char asked_type[128];
    size_t body_len;
    char body[];
};

static void call_release(struct weir_call *call) {
    if (atomic_fetch_sub(&call->holds, 1) == 1) memory_give(call);
}

/* -- the answer -- */

static void library_call_on_respond(void *owner, int status, const struct http_header *headers, size_t count,
                                    int64_t content_length) {
    struct weir_call *call = owner;
    (void)content_length;
    call->status = status;
    str_copy(call->content_type, sizeof call->content_type, http_header_find(headers, count, STR("content-type")));
    str_copy(call->provider, sizeof call->provider, http_header_find(headers, count, STR("x-weir-provider")));
    str_copy(call->model, sizeof call->model, http_header_find(headers, count, STR("x-weir-model")));
    if (call->callbacks.head && !call->cancelled)
        call->callbacks.head(call->user, status, call->content_type, call->provider, call->model);
}

static void library_call_on_write(void *owner, const struct str *ranges, size_t count) {
    struct weir_call *call = owner;
    for (size_t i = 0; i < count && call->callbacks.bytes && !call->cancelled; i++)
        call->callbacks.bytes(call->user, ranges[i].at, ranges[i].len);
}

static void library_call_on_end(void *owner) { ((struct weir_call *)owner)->complete = true; }
static void library_call_on_abort(void *owner) { ((struct weir_call *)owner)->complete = false; }
static size_t library_call_on_unsent(void *owner) { return (void)owner, 0; }

static void sum(int64_t *total, int64_t more) {
    if (more >= 0) *total = (*total < 0 ? 0 : *total) + more;
}

static void facts_add(struct weir_call *call, const struct flight *flight) {
    call->input_tokens = call->output_tokens = call->cost_nano_usd = -1;
    for (unsigned i = 0; i < flight_attempt_count(flight); i++) {
        struct attempt_facts facts = attempt_facts(flight, i);
        sum(&call->input_tokens, facts.usage.input_tokens);
        sum(&call->output_tokens, facts.usage.output_tokens);
        sum(&call->cost_nano_usd, facts.cost_nano_usd);
    }
}

static void library_call_on_closed(void *owner, const struct flight *flight) {
    struct weir_call *call = owner;
    struct weir_error error;
    struct flight_facts facts = flight_facts(flight);
    CHECK(!call->over); /* `done` is told once */
    bool failed = !call->complete || call->status >= 300 || facts.error != error_none || call->cancelled;
    call->over = true;
    call->request = NULL;
    call->attempts = facts.attempts;
    call->fallback = facts.is_fallback;
    facts_add(call, flight);
    if (failed) {
        enum error_code code = facts.error ? facts.error : error_provider_error;
        library_error_set(&error, code, facts.said);
        if (call->status >= 300) error.status = call->status;
        if (call->cancelled) {
            str_copy(error.code, sizeof error.code, STR("cancelled"));
            str_copy(error.message, sizeof error.message, STR("The call was cancelled."));
        }
    }
    if (call->callbacks.done) call->callbacks.done(call->user, failed ? &error : NULL);
    call_release(call);
}

static const struct request_sink sink = {library_call_on_respond, library_call_on_write,  library_call_on_end,
                                         library_call_on_abort,   library_call_on_unsent, library_call_on_closed};

/* -- the request -- */

static void begin_run(void *context) {
    struct weir_call *call = context;
    struct worker *worker = call->worker;
    struct http_header headers[2];
    size_t count = 0;
    headers[count++] = (struct http_header){STR("content-type"), str_from(call->asked_type)};
    if (call->timeout_ms[0])
        headers[count++] = (struct http_header){STR("x-weir-timeout-ms"), str_from(call->timeout_ms)};
    char own_id[limit_request_id + 1];
    worker_request_id(worker, own_id);
    if (!call->request_id[0]) str_copy(call->request_id, sizeof call->request_id, str_from(own_id));
    struct flight_request asked = {.endpoint = call->endpoint,
                                   .path_model = str_from(call->names.model),
                                   .wants_array = call->wants_array,
                                   .headers = headers,
                                   .header_count = count,
                                   .request_id = str_from(call->request_id),
                                   .own_id = str_from(own_id),
                                   .content_length = (int64_t)call->body_len,
                                   .arrived = loop_now(worker->loop)};
    bool ended = false;
    struct request *request = call->cancelled ? NULL : request_start(worker, &asked, &sink, call, &ended);
    if (ended) return;
    if (!request) { /* cancelled before it began, or no memory */
        struct weir_error error;
        library_error_set(&error, error_out_of_memory, STR_NONE);
        if (call->cancelled) str_copy(error.code, sizeof error.code, STR("cancelled"));
        call->over = true;
        if (call->callbacks.done) call->callbacks.done(call->user, &error);
        call_release(call);
        return;
    }
    CHECK(!call->over && !call->request);
    call->request = request;
    if (call->body_len && !request_body(request, str_make(call->body, call->body_len))) return;
    request_body_end(request);
}

struct weir_call *weir_start(struct weir *weir, const struct weir_request *request,
                             const struct weir_callbacks *callbacks, void *user, struct weir_error *error) {
    struct flight_request asked = {.endpoint = endpoint_chat};
    struct request_names names = {.model = ""};
    struct str id = str_from(request->request_id);
    if (request->size < sizeof *request || (request->body_len && !request->body)) {
        library_error_set(error, error_invalid_request,
                          STR("weir_request.size must be sizeof(struct weir_request), and body must be given."));
        return NULL;
    }
    if (request->path &&
        (!library_request_place(str_from(request->path), &names, &asked) || asked.endpoint == endpoint_raw)) {
        library_error_set(error, error_unknown_path, STR_NONE);
        return NULL;
    }
    if (id.len && !request_id_is_valid(id)) {
        library_error_set(error, error_invalid_request, STR("A request id is 1 to 64 of A-Za-z0-9._-"));
        return NULL;
    }
    struct weir_call *call = memory_take(sizeof *call + request->body_len);
    if (!call) {
        library_error_set(error, error_out_of_memory, STR_NONE);
        return NULL;
    }
    memset(call, 0, sizeof *call);
    atomic_init(&call->holds, 2);
    call->worker = &weir->workers[atomic_fetch_add(&weir->next_worker, 1) % weir->worker_count];
    call->callbacks = *callbacks;
    call->user = user;
    call->endpoint = asked.endpoint;
    call->names = names;
    call->wants_array = asked.wants_array;
    call->body_len = request->body_len;
    if (request->body_len) memcpy(call->body, request->body, request->body_len);
    str_copy(call->asked_type, sizeof call->asked_type,
             request->content_type ? str_from(request->content_type) : STR("application/json"));
    str_copy(call->request_id, sizeof call->request_id, id);
    if (request->timeout_ms) snprintf(call->timeout_ms, sizeof call->timeout_ms, "%u", request->timeout_ms);
    if (loop_post(call->worker->loop, begin_run, call)) return call;
    memory_give(call);
    library_error_set(error, error_shutting_down, STR_NONE);
    return NULL;
}

static void cancel_run(void *context) {
    struct weir_call *call = context;
    if (!call->over && !call->complete) {
        call->cancelled = true;
        if (call->request) request_gone(call->request);
    }
    call_release(call);
}

void weir_cancel(struct weir_call *call) {
    atomic_fetch_add(&call->holds, 1);
    if (!loop_post(call->worker->loop, cancel_run, call)) call_release(call);
}

void weir_call_free(struct weir_call *call) {
    if (!call) return;
    weir_cancel(call);
    call_release(call);
}

void weir_call_facts(const struct weir_call *call, struct weir_call_facts *facts) {
    size_t size = facts->size < sizeof *facts ? facts->size : sizeof *facts;
    struct weir_call_facts all = {.size = facts->size,
                                  .attempts = call->attempts,
                                  .input_tokens = call->input_tokens,
                                  .output_tokens = call->output_tokens,
                                  .cost_nano_usd = call->cost_nano_usd,
                                  .fallback = call->fallback};
    str_copy(all.request_id, sizeof all.request_id, str_from(call->request_id));
    memcpy(facts, &all, size);
}

/* -- blocking -- */

struct waiting {
    struct latch latch;
    struct weir_reply *reply;
    struct weir_error error;
    size_t size;
    bool failed, no_memory;
};

static void waiting_head(void *user, int status, const char *content_type, const char *provider, const char *model) {
    struct waiting *waiting = user;
    (void)content_type;
    waiting->reply->status = status;
    str_copy(waiting->reply->provider, sizeof waiting->reply->provider, str_from(provider));
    str_copy(waiting->reply->model, sizeof waiting->reply->model, str_from(model));
}

static void waiting_bytes(void *user, const char *bytes, size_t len) {
    struct waiting *waiting = user;
    struct weir_reply *reply = waiting->reply;
    if (reply->body_len + len + 1 > waiting->size) {
        size_t size = (reply->body_len + len + 1) * 2;
        char *bigger = memory_resize(reply->body, size);
        if (!bigger) {
            waiting->no_memory = true;
            return;
        }
        reply->body = bigger;
        waiting->size = size;
    }
    memcpy(reply->body + reply->body_len, bytes, len);
    reply->body_len += len;
    reply->body[reply->body_len] = 0;
}

static void waiting_done(void *user, const struct weir_error *error) {
    struct waiting *waiting = user;
    if (error) waiting->error = *error;
    waiting->failed = error != NULL;
    latch_down(&waiting->latch);
}

int weir_call(struct weir *weir, const struct weir_request *request, struct weir_reply *reply,
              struct weir_error *error) {
    static const struct weir_callbacks callbacks = {waiting_head, waiting_bytes, waiting_done};
    struct waiting waiting = {.reply = reply};
    memset(reply, 0, sizeof *reply);
    latch_init(&waiting.latch, 1);
    struct weir_call *call = weir_start(weir, request, &callbacks, &waiting, error);
    if (!call) {
        latch_free(&waiting.latch);
        return -1;
    }
    latch_wait(&waiting.latch);
    latch_free(&waiting.latch);
    str_copy(reply->request_id, sizeof reply->request_id, str_from(call->request_id));
    reply->attempts = call->attempts;
    weir_call_free(call);
    if (waiting.no_memory) library_error_set(&waiting.error, error_out_of_memory, STR_NONE);
    if (!waiting.failed && !waiting.no_memory) return 0;
    if (error) *error = waiting.error;
    return -1;
}

void weir_reply_free(struct weir_reply *reply) {
    memory_give(reply->body);
    reply->body = NULL;
    reply->body_len = 0;
}
