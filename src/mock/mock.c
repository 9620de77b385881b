/* mock.c - the mock provider's server: takes requests, decides what is answered and whether it fails, and hands that to
 * mock_deliver.c. Must never answer before the request is complete; keeps: every recorded request gets its end recorded
 * once. */
#include "mock/mock.h"

#include "base/memory.h"
#include "mock/mock_dialect.h"
#include "mock/mock_forecast.h"
#include "mock/mock_media.h"
#include "mock/mock_strict.h"

enum {
    arena_block = 4096,
    scratch_block = 64 * 1024,
    exchange_bytes_max = 64 * 1024 * 1024,
    body_bytes_max = 64 * 1024 * 1024,
    model_bytes_max = 512
};

/* -- one request -- */

void mock_exchange_free(struct mock_exchange *me, enum mock_outcome outcome) {
    if (me->number) mock_record_end(me->mock->records, me->number, outcome, me->stream.events);
    timer_cancel(me->mock->loop, &me->timer);
    json_free(me->json);
    chunks_free(&me->received);
    arena_free(&me->arena);
    memory_give(me);
}

static void mock_refuse(struct mock_exchange *me, int status, const char *message, struct str param) {
    struct text text = text_in_arena(&me->arena, 256);
    mock_dialect_error(me, &text, status, message, param);
    me->status = status;
    me->body = text_str(&text);
    me->streams = false;
}

static bool authorized(const struct mock_exchange *me) {
    const struct mock_options *options = &me->mock->options;
    const struct str bearer = STR("Bearer ");
    struct str given = http_header_find(me->request->headers, me->request->header_count, STR("authorization"));
    if (options->key.len == 0) return true;
    for (unsigned d = 0; d < dialects; d++) { /* x-api-key, x-goog-api-key */
        const struct outbound_facts *facts = outbound_facts((enum dialect)d);
        struct str value = http_header_find(me->request->headers, me->request->header_count, facts->key_header);
        if (!facts->key_prefix.len && str_eq(value, options->key)) return true;
    }
    return str_starts_nocase(given, bearer) && str_eq(str_slice(given, bearer.len, given.len), options->key);
}

/* {"method","target","headers":{},"body"} */
static struct str echo_make(struct mock_exchange *me, struct str body) {
    struct text text = text_in_arena(&me->arena, body.len + 1024);
    text_put_byte(&text, '{');
    text_json_str(&text, STR("method"), http_method_name(me->request->method));
    text_json_str(&text, STR("target"), me->request->target);
    text_json_key(&text, STR("headers"));
    mock_headers_write(&text, me->request->headers, me->request->header_count);
    text_json_str(&text, STR("body"), body);
    text_put_byte(&text, '}');
    return text.failed ? STR("") : text_str(&text);
}

static void chat_answer(struct mock_exchange *me, bool legacy, struct str body) {
    struct error error = {.code = error_none};
    struct str param = STR("");
    if (!mock_prompt_read(json_root(me->json), legacy, body.len, &me->arena, &me->options, &me->prompt, &error,
                          &param)) {
        mock_refuse(me, 400, error.message, param);
        return;
    }
    struct str echo = me->options.echo ? echo_make(me, chunks_whole(&me->received)) : STR("");
    if (!mock_answer_make(&me->prompt, &me->options, echo, &me->arena, &me->answer)) {
        mock_refuse(me, 500, NULL, STR(""));
        return;
    }
    me->streams = me->prompt.stream;
}

/* Would the vendor take it? If not it is refused in the vendor's words. */
static bool vendor_takes(struct mock_exchange *me, enum dialect dialect, enum operation operation,
                         enum endpoint endpoint, const struct json_value *root) {
    const struct http_request *request = me->request;
    struct mock_asked asked = {.dialect = dialect,
                               .operation = operation,
                               .endpoint = endpoint,
                               .other_vendor = !str_starts(request->path, STR("/v1/")),
                               .path = request->path,
                               .version =
                                   http_header_find(request->headers, request->header_count, STR("anthropic-version")),
                               .root = root};
    struct mock_refusal refusal;
    if (me->options.lenient || mock_strict_check(&asked, &me->arena, &refusal)) return true;
    struct str param = arena_copy(&me->arena, str_from(refusal.param));
    mock_refuse(me, 400, refusal.error.message, param);
    if (dialect != dialect_openai && dialect != dialect_responses) return false;
    struct text text = text_in_arena(&me->arena, 256);
    mock_openai_refusal(&text, refusal.error.message, param, refusal.code);
    me->body = text_str(&text);
    return false;
}

static bool vendor_takes_body(struct mock_exchange *me, enum dialect dialect, enum operation operation,
                              struct str body) {
    const char *problem;
    size_t at;
    struct json *json = json_parse(body, &problem, &at); /* freed here: the arena must hold what comes of it */
    bool takes = !json || vendor_takes(me, dialect, operation, endpoint_chat, json_root(json));
    json_free(json);
    return takes;
}

/* "mock-fault-status=503" is a model that fails. */
static bool model_fault(struct mock_exchange *me, struct str model) {
    const struct str prefix = STR("mock-fault-");
    struct error error;
    if (!str_starts(model, prefix)) return true;
    if (mock_fault_parse(str_slice(model, prefix.len, model.len), &me->options.fault, &error)) return true;
    mock_refuse(me, 400, error.message, STR("model"));
    return false;
}

static void json_answer(struct mock_exchange *me, enum endpoint endpoint, struct str body) {
    const char *problem = "";
    size_t at = 0;
    struct error error = {.code = error_none};
    struct str param = STR("");
    me->json = json_parse(body, &problem, &at);
    struct str model = json_str(json_member(json_root(me->json), "model"), STR(""));
    if (!me->json || json_count(json_root(me->json)) == 0) {
        mock_refuse(me, 400, "We could not parse the JSON body of your request.", STR(""));
        return;
    }
    if (model.len > model_bytes_max || (model.len && !mock_model_known(me->mock->options.models, model))) {
        mock_refuse(me, 404, NULL, STR("model"));
        return;
    }
    if (!model_fault(me, model)) return;
    if (!me->codec &&
        !vendor_takes(me, dialect_openai, endpoint_facts(endpoint)->operation, endpoint, json_root(me->json)))
        return;
    if (endpoint == endpoint_chat || endpoint == endpoint_completions) {
        chat_answer(me, endpoint == endpoint_completions, body);
        return;
    }
    struct text text = text_in_arena(&me->arena, 1024);
    if (!mock_media_write(&text, endpoint, json_root(me->json), body.len, me->facts.created_s, &me->content_type,
                          &error, &param)) {
        me->content_type = STR("application/json");
        mock_refuse(me, 400, error.message, param);
        return;
    }
    me->body = text_str(&text);
    mock_dialect_reply(me, &me->body);
}

/* A time series goes on as it went. */
static void forecast_answer(struct mock_exchange *me, struct str body) {
    struct text text = text_in_arena(&me->arena, 1024);
    struct error error = {.code = error_none};
    const char *problem;
    size_t at;
    me->json = json_parse(body, &problem, &at);
    if (!mock_forecast_write(&text, json_root(me->json), &error))
        mock_refuse(me, 400, error.message, STR("inputs"));
    else
        me->body = text_str(&text);
}

/* Asked in another dialect. */
static void foreign_answer(struct mock_exchange *me, enum dialect dialect, enum operation operation, struct str model,
                           bool stream, struct str body) {
    struct error error = {.code = error_none};
    struct str param = STR("");
    me->codec = codec_of(dialect);
    if (operation == operation_forecast) {
        forecast_answer(me, body);
        return;
    }
    struct str body_of_caller = body;
    if (!vendor_takes_body(me, dialect, operation, body)) return;
    me->json_array = stream && str_find(me->request->query, STR("alt=sse")) == SIZE_MAX;
    if (!mock_dialect_request(me, operation, model, stream, &body, &error, &param))
        mock_refuse(me, 400, error.message, param);
    else if (operation == operation_count_tokens)
        mock_dialect_count(me, me->counted);
    else if (operation == operation_compact)
        mock_dialect_compact(me, body_of_caller);
    else
        json_answer(me, operation == operation_embed ? endpoint_embeddings : endpoint_chat, body);
}

static void models_answer(struct mock_exchange *me, struct str path) {
    struct text text = text_in_arena(&me->arena, 512);
    struct str id = str_slice(path, sizeof "/models/" - 1, path.len);
    if (id.len == 0)
        mock_models_write(&text, me->mock->options.models, me->facts.created_s);
    else if (mock_model_known(me->mock->options.models, id))
        mock_model_write(&text, id, me->facts.created_s);
    else {
        mock_refuse(me, 404, NULL, STR("model"));
        return;
    }
    me->body = text_str(&text);
}

/* Below any prefix that ends in /v1, and without one. */
static struct str path_below_version(struct str path) {
    size_t at = str_find(path, STR("/v1/"));
    return at == SIZE_MAX ? path : str_slice(path, at + 3, path.len);
}

static void mock_answer_now(struct mock_exchange *me, struct str body) {
    struct str path = path_below_version(me->request->path);
    struct error error = {.code = error_none};
    enum endpoint endpoint;
    enum dialect dialect;
    enum operation operation;
    struct str model;
    bool stream = false;
    bool models = str_eq(path, STR("/models")) || str_starts(path, STR("/models/"));
    if (!authorized(me)) {
        mock_refuse(me, 401, NULL, STR(""));
    } else if (!mock_options_headers(&me->options, me->request->headers, me->request->header_count, &error)) {
        mock_refuse(me, 400, error.message, STR(""));
    } else if (me->request->method == http_post &&
               mock_dialect_find(me->request->path, body, &dialect, &operation, &model, &stream)) {
        foreign_answer(me, dialect, operation, model, stream, body);
    } else if (models && me->request->method == http_get) {
        models_answer(me, path);
    } else if (str_eq(path, STR("/healthz"))) {
        me->body = STR("{\"status\":\"ok\"}");
    } else if (models || !endpoint_find(path, &endpoint, NULL)) {
        mock_refuse(me, models ? 405 : 404, models ? "Only GET is allowed here." : "There is nothing at this path.",
                    STR(""));
    } else if (me->request->method != http_post) {
        mock_refuse(me, 405, "Only POST is allowed here.", STR(""));
    } else if (endpoint_facts(endpoint)->body == endpoint_body_multipart) {
        struct text text = text_in_arena(&me->arena, 512);
        mock_multipart_write(&text, endpoint, body, me->facts.created_s, &me->content_type);
        me->body = text_str(&text);
    } else {
        json_answer(me, endpoint, body);
    }
}

static void fault_choose(struct mock_exchange *me) {
    struct mock *mock = me->mock;
    me->fault = (struct mock_fault){.kind = mock_fault_none, .retry_after_ms = -1};
    if (mock->forced_count != 0) {
        if (mock->forced_count > 0) mock->forced_count--;
        me->fault = mock->forced;
    } else if (me->options.fault.kind != mock_fault_none && prng_unit(&mock->prng) < me->options.fault_rate) {
        me->fault = me->options.fault;
    }
    me->facts.no_usage = me->fault.kind == mock_fault_no_usage;
    me->facts.double_usage = me->fault.kind == mock_fault_double_usage;
}

static void latency_over(void *context) { mock_deliver(context); }

/* The request is complete. */
static void request_decide(struct mock_exchange *me) {
    struct mock *mock = me->mock;
    struct now now = loop_now(mock->loop);
    struct str body = chunks_whole(&me->received), path = me->request->path;
    me->status = 200;
    me->content_type = STR("application/json");
    me->facts.created_s = now.wall_ns / (int64_t)NS_PER_S;
    me->facts.id = arena_printf(&me->arena, "chatcmpl-mock%016llx", (unsigned long long)prng_next(&mock->prng));
    if (mock->options.control && str_starts(path, STR("/mock/"))) {
        mock_control(me, path, body);
        mock_deliver(me);
        return;
    }
    mock_answer_now(me, body);
    fault_choose(me);
    if (me->number) mock_record_body(mock->records, me->number, body, mock_fault_name(me->fault.kind));
    if (me->status == 200 && !me->streams &&
        me->prompt.choices) { /* a chat's whole reply; its usage depends on the fault */
        struct text text = text_in_arena(&me->arena, 1024);
        mock_openai_reply(&text, &me->facts, &me->prompt, &me->answer);
        me->body = text_str(&text);
        mock_dialect_reply(me, &me->body);
    }
    if (me->streams) mock_stream_begin(&me->stream, &me->facts, &me->prompt, &me->answer);
    uint64_t latency_ns = mock_latency_draw_ns(&me->options.latency, &mock->prng);
    me->state = mock_waiting;
    if (latency_ns)
        timer_set(mock->loop, &me->timer, now.mono_ns + latency_ns, latency_over, me);
    else
        mock_deliver(me);
}

/* -- what the server calls -- */

static void mock_on_head(void *context, struct exchange *exchange, const struct http_request *request, void **owner) {
    struct mock *mock = context;
    struct mock_exchange *me = memory_take_zeroed(sizeof *me);
    *owner = me;
    if (!me) {
        exchange_abort(exchange);
        return;
    }
    me->mock = mock;
    me->exchange = exchange;
    me->request_copy = *request;
    me->request = &me->request_copy;
    me->options = mock->options;
    arena_init(&me->arena, arena_block, exchange_bytes_max);
    chunks_init(&me->received, NULL);
    if (request->content_length > 0) chunks_expect(&me->received, (size_t)request->content_length);
    if (!mock->options.control || !str_starts(request->path, STR("/mock/")))
        me->number = mock_record_begin(mock->records, request);
}

static void mock_on_body(void *owner, struct str piece) {
    struct mock_exchange *me = owner;
    if (chunks_add(&me->received, piece)) return;
    exchange_abort(me->exchange);
    mock_exchange_free(me, mock_outcome_broken);
}

static void mock_on_end(void *owner) { request_decide(owner); }
static void mock_on_writable(void *owner) { mock_deliver_more(owner); }

static void mock_on_done(void *owner) {
    struct mock_exchange *me = owner;
    mock_exchange_free(me, me->fault.kind == mock_fault_none ? mock_outcome_done : mock_outcome_broken);
}

static void mock_on_gone(void *owner) { mock_exchange_free(owner, mock_outcome_aborted); }

static void mock_on_refused(void *context, enum error_code code, const char *sentence, char *body, size_t body_size,
                            size_t *body_len, struct str *content_type) {
    (void)context;
    struct text text = text_in_buffer(body, body_size);
    mock_openai_error(&text, error_facts(code)->status, sentence, STR(""));
    *body_len = text.failed ? 0 : text.len;
    *content_type = STR("application/json");
}

static const struct server_handler handler = {mock_on_head, mock_on_body, mock_on_end,    mock_on_writable,
                                              mock_on_done, mock_on_gone, mock_on_refused};

/* -- the mock -- */

bool mock_open(struct mock *mock, struct error *error) {
    static const struct server_limits limits = {
        .body_bytes_max = body_bytes_max,
        .head_timeout_ns = 30 * NS_PER_S,
        .body_timeout_ns = 60 * NS_PER_S,
        .idle_timeout_ns = 300 * NS_PER_S,
        .write_timeout_ns = 300 * NS_PER_S,
        .connections_max = 100000,
    };
    mock->server = server_new(mock->loop, &limits, &handler, mock);
    if (!mock->server) return error_set(error, error_out_of_memory, "No memory for the mock's server.");
    if (server_listen(mock->server, mock->address, NULL, error)) return true;
    server_free(mock->server);
    mock->server = NULL;
    return false;
}

static void texts_keep(struct mock *mock) {
    mock->options.key = arena_copy(&mock->arena, mock->options.key);
    mock->options.models = arena_copy(&mock->arena, mock->options.models);
    mock->options.listen = arena_copy(&mock->arena, mock->options.listen);
}

struct mock *mock_new(struct loop *loop, const struct mock_options *options, struct error *error) {
    struct mock *mock = memory_take_zeroed(sizeof *mock);
    if (!mock) {
        error_set(error, error_out_of_memory, "No memory for the mock.");
        return NULL;
    }
    mock->loop = loop;
    mock->options = *options;
    arena_init(&mock->arena, arena_block, exchange_bytes_max);
    arena_init(&mock->scratch, scratch_block, exchange_bytes_max);
    texts_keep(mock);
    prng_seed(&mock->prng, options->seed);
    if (!(mock->records = mock_records_new())) {
        error_set(error, error_out_of_memory, "No memory for the mock.");
        goto fail;
    }
    if (!(mock->address = listen_address_new(options->listen, error))) goto fail;
    mock->port = listen_address_port(mock->address);
    /* Told to refuse from the start: the address is bound and nobody listens on it. */
    if (options->fault.kind != mock_fault_refuse && !mock_open(mock, error)) goto fail;
    return mock;
fail:
    mock_free(mock);
    return NULL;
}

uint16_t mock_port(const struct mock *mock) { return mock->port; }

void mock_free(struct mock *mock) {
    if (!mock) return;
    timer_cancel(mock->loop, &mock->refusal);
    if (mock->server) server_free(mock->server);
    listen_address_free(mock->address);
    mock_records_free(mock->records);
    arena_free(&mock->arena);
    arena_free(&mock->scratch);
    memory_give(mock);
}
