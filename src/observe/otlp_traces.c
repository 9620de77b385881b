/* otlp_traces.c - a request as a span of kind SERVER, and each of its attempts as one of kind CLIENT below it, which
 * alone carries tokens: who adds them up counts none twice. */
#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "observe/otlp.h"
#include "observe/otlp_names.h"

enum { kind_server = 2, kind_client = 3, status_error = 2 };

static void attribute_str(struct text *text, const struct otlp_rules *rules, enum otlp_attribute id, struct str value) {
    const char *names[2];
    otlp_names_of(rules, id, names);
    for (size_t i = 0; i < 2; i++)
        if (names[i]) otlp_str(text, names[i], value);
}

/* One that is not known, below 0, is left out. */
static void attribute_int(struct text *text, const struct otlp_rules *rules, enum otlp_attribute id, int64_t value) {
    const char *names[2];
    otlp_names_of(rules, id, names);
    for (size_t i = 0; i < 2 && value >= 0; i++)
        if (names[i]) otlp_int(text, names[i], value);
}

static void attribute_provider(struct text *text, const struct otlp_rules *rules, struct str type) {
    const char *names[2];
    otlp_names_of(rules, otlp_provider, names);
    for (size_t i = 0; i < 2; i++)
        if (names[i]) otlp_str(text, names[i], otlp_provider_name(type, i == 1));
}

static void otlp_money_put(struct text *text, const char *name, int64_t nano_usd) {
    if (nano_usd >= 0) otlp_double(text, name, nano_usd);
}

static void span_begin(struct text *text, const struct span_request *request, struct str span, struct str parent,
                       int kind) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("traceId"), request->trace);
    text_json_str(text, STR("spanId"), span);
    if (parent.len) text_json_str(text, STR("parentSpanId"), parent);
    if (request->state.len) text_json_str(text, STR("traceState"), request->state);
    text_json_i64(text, STR("kind"), kind);
    text_json_i64(text, STR("flags"), 1);
}

/* "chat gpt-5", as the conventions have it; the operation alone where nobody knows the model. */
static void span_name_put(struct text *text, struct str operation, struct str model) {
    text_json_key(text, STR("name"));
    text_put_byte(text, '"');
    text_put_json_inside(text, operation);
    if (model.len) text_put_byte(text, ' ');
    text_put_json_inside(text, model);
    text_put_byte(text, '"');
}

static void span_times_put(struct text *text, int64_t started_ns, uint64_t duration_us) {
    const int64_t ended_ns = started_ns + (int64_t)(duration_us * NS_PER_US);
    text_put(text, STR(",\"startTimeUnixNano\":\""));
    text_put_i64(text, started_ns);
    text_put(text, STR("\",\"endTimeUnixNano\":\""));
    text_put_i64(text, ended_ns);
    text_put_byte(text, '"');
}

static void span_end(struct text *text, bool failed, struct str why) {
    text_json_key(text, STR("status"));
    text_put_byte(text, '{');
    if (failed) text_json_i64(text, STR("code"), status_error);
    if (failed && why.len) text_json_str(text, STR("message"), why);
    text_put(text, STR("}}"));
}

/* What the response cache came to, as an event: when the request began, as nothing else is known of it. */
static void cache_event_put(struct text *text, const struct span_request *request) {
    if (!request->cache.len) return;
    text_put(text, STR(",\"events\":[{\"timeUnixNano\":\""));
    text_put_i64(text, request->started_wall_ns);
    text_put(text, STR("\",\"name\":\"weir.cache\",\"attributes\":["));
    otlp_str(text, "weir.cache.outcome", request->cache);
    otlp_money_put(text, "weir.cache.saved_usd", request->saved_nano_usd);
    text_put(text, STR("]}]"));
}

static struct str status_class(int status, char into[8]) {
    snprintf(into, 8, "%d", status);
    return str_from(into);
}

static void otlp_request_put(struct text *text, const struct otlp_rules *rules, const struct spans_record *record,
                             struct str span) {
    const struct span_request *request = &record->request;
    char digits[8];
    struct str why = request->error.len ? request->error : status_class(request->status, digits);
    span_begin(text, request, span, request->parent, kind_server);
    span_name_put(text, request->operation, request->model);
    span_times_put(text, request->started_wall_ns, request->duration_us);
    text_put(text, STR(",\"attributes\":["));
    attribute_str(text, rules, otlp_operation, request->operation);
    attribute_str(text, rules, otlp_request_model, request->model);
    attribute_str(text, rules, otlp_response_model, request->served);
    attribute_provider(text, rules, request->system);
    attribute_str(text, rules, otlp_conversation, request->session);
    if (request->status) attribute_int(text, rules, otlp_status, request->status);
    if (request->failed) attribute_str(text, rules, otlp_error_type, why);
    attribute_str(text, rules, otlp_instructions, request->instructions);
    attribute_str(text, rules, otlp_input_messages, request->input);
    attribute_str(text, rules, otlp_output_messages, request->output);
    if (request->left_out) otlp_bool(text, "weir.content.left_out", true);
    otlp_str(text, "weir.request.id", request->own_id);
    otlp_str(text, "weir.request.caller_id", request->caller_id);
    otlp_str(text, "weir.endpoint", request->endpoint);
    otlp_str(text, "weir.client", request->client);
    otlp_str(text, "weir.route", request->route);
    otlp_str(text, "weir.rule", request->rule);
    otlp_str(text, "weir.provider", request->provider);
    otlp_str(text, "weir.cache", request->cache);
    otlp_int(text, "weir.attempts", request->attempts);
    otlp_int(text, "weir.overhead_us", (int64_t)request->overhead_us);
    otlp_money_put(text, "weir.cost_usd", request->cost_nano_usd);
    if (request->caller_gone) otlp_bool(text, "weir.caller_gone", true);
    text_put_byte(text, ']');
    cache_event_put(text, request);
    span_end(text, request->failed, request->error);
}

/* Why there was one more. */
static struct str attempt_reason(const struct span_attempt *attempt, size_t number) {
    return attempt->hedge ? STR("hedge") : attempt->failover ? STR("failover") : number ? STR("retry") : STR("first");
}

static void attempt_usage_put(struct text *text, const struct otlp_rules *rules, const struct span_attempt *attempt) {
    attribute_int(text, rules, otlp_input_tokens, attempt->input_tokens);
    attribute_int(text, rules, otlp_output_tokens, attempt->output_tokens);
    attribute_int(text, rules, otlp_cache_read, attempt->cached_tokens);
    attribute_int(text, rules, otlp_cache_write, attempt->cache_write_tokens);
    attribute_int(text, rules, otlp_reasoning, attempt->reasoning_tokens);
    if (attempt->estimated) otlp_bool(text, "weir.usage_estimated", true);
}

static void otlp_attempt_put(struct text *text, const struct otlp_rules *rules, const struct spans_record *record,
                             size_t number, struct str span, struct str parent) {
    const struct span_request *request = &record->request;
    const struct span_attempt *attempt = &record->attempts[number];
    const char *first[2];
    bool failed = !attempt->good && !attempt->cancelled;
    otlp_names_of(rules, otlp_first_chunk, first);
    span_begin(text, request, span, parent, kind_client);
    span_name_put(text, request->operation, attempt->model);
    span_times_put(text, attempt->started_wall_ns, attempt->duration_us);
    text_put(text, STR(",\"attributes\":["));
    attribute_str(text, rules, otlp_operation, request->operation);
    attribute_provider(text, rules, attempt->system);
    attribute_str(text, rules, otlp_request_model, attempt->model);
    if (attempt->good) attribute_str(text, rules, otlp_response_model, attempt->model);
    if (request->stream) {
        const char *streams[2];
        otlp_names_of(rules, otlp_stream, streams);
        if (streams[0]) otlp_bool(text, streams[0], true);
    }
    attribute_int(text, rules, otlp_max_tokens, attempt->output_cap);
    attribute_str(text, rules, otlp_conversation, request->session);
    if (attempt->first_token_us && first[0])
        otlp_double(text, first[0], (int64_t)(attempt->first_token_us * NS_PER_US));
    attempt_usage_put(text, rules, attempt);
    if (attempt->status) attribute_int(text, rules, otlp_status, attempt->status);
    if (failed) attribute_str(text, rules, otlp_error_type, attempt->failure);
    otlp_str(text, "weir.provider", attempt->provider);
    otlp_int(text, "weir.attempt.number", (int64_t)number + 1);
    otlp_str(text, "weir.attempt.reason", attempt_reason(attempt, number));
    if (!attempt->good) otlp_str(text, "weir.attempt.failure", attempt->failure);
    otlp_str(text, "weir.attempt.code", attempt->code);
    otlp_money_put(text, "weir.cost_usd", attempt->cost_nano_usd);
    text_put_byte(text, ']');
    span_end(text, failed, attempt->failure);
}

void otlp_traces_begin(struct text *text, const struct otlp_rules *rules) {
    text_put(text, STR("{\"resourceSpans\":[{"));
    otlp_resource_put(text, rules);
    text_put(text, STR(",\"scopeSpans\":[{"));
    otlp_scope_put(text, rules);
    text_put(text, STR(",\"spans\":["));
}

enum { span_digits_size = 2 * sizeof(uint64_t) };
/* The first byte first. */
static struct str span_digits(uint64_t span, char into[span_digits_size]) {
    unsigned char bytes[sizeof span];
    for (size_t i = sizeof bytes; i-- > 0; span >>= 8) bytes[i] = (unsigned char)span;
    hash_to_hex(bytes, sizeof bytes, into);
    return str_make(into, 2 * sizeof bytes);
}

/* What a caller chose of it is told with what must not be read hidden, as in the log. */
static size_t otlp_record_put(struct text *text, const struct otlp_rules *rules, const struct spans_record *record) {
    char root[span_digits_size], span[span_digits_size];
    struct str parent = span_digits(record->request.span, root);
    otlp_request_put(text, rules, record, parent);
    for (size_t i = 0; i < record->count; i++)
        otlp_attempt_put(text, rules, record, i, span_digits(record->attempts[i].span, span), parent);
    return 1 + record->count;
}

size_t otlp_traces_put(struct text *text, const struct otlp_rules *rules, struct spans_record *record) {
    char model[otlp_word_most], id[otlp_word_most], session[otlp_word_most];
    record->request.model = otlp_word(rules, record->request.model, model);
    record->request.caller_id = otlp_word(rules, record->request.caller_id, id);
    record->request.session = otlp_word(rules, record->request.session, session);
    return otlp_record_put(text, rules, record);
}

void otlp_traces_end(struct text *text) { text_put(text, STR("]}]}]}")); }
