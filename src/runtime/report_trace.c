/* report_trace.c - what a trace is made of, put down for the exporter: numbers and copies, as for the log and the
 * story. */
#include "core/traceparent.h"
#include "runtime/report.h"

/* What it does, in the conventions' words; their own have others. */
static struct str trace_operation(enum endpoint endpoint) {
    const struct endpoint_facts *facts = endpoint_facts(endpoint);
    if (endpoint == endpoint_completions) return STR("text_completion");
    if (facts->operation == operation_embed) return STR("embeddings");
    if (facts->operation != operation_chat) return facts->name;
    return facts->dialect == dialect_gemini ? STR("generate_content") : STR("chat");
}

static struct span_attempt trace_attempt(const struct flight *flight, const struct flight_facts *request,
                                         unsigned number) {
    const struct attempt_facts facts = attempt_facts(flight, number);
    const struct provider *provider = facts.target->provider;
    bool good = facts.failure == failure_none;
    return (struct span_attempt){
        .provider = provider->name,
        .system = provider->type,
        .model = facts.target->model,
        .failure = good ? STR_NONE : failure_facts(facts.failure)->name,
        .code = facts.code,
        .span = trace_span(request->own_id, number + 1),
        .started_wall_ns = facts.started_wall_ns,
        .duration_us = facts.duration_us,
        .first_token_us = facts.first_token_us,
        .input_tokens = facts.usage.input_tokens,
        .output_tokens = facts.usage.output_tokens,
        .cached_tokens = facts.usage.cached_input_tokens,
        .cache_write_tokens = facts.usage.cache_write_tokens,
        .reasoning_tokens = facts.usage.reasoning_tokens,
        .cost_nano_usd = facts.cost_nano_usd,
        .output_cap = facts.output_cap,
        .status = facts.status,
        .good = good,
        .cancelled = facts.failure == failure_caller_gone || facts.failure == failure_outpaced,
        .hedge = facts.hedge,
        .failover = facts.failover,
        .estimated = facts.estimated,
    };
}

/* Half of it would be no JSON. */
static void trace_content_note(struct span_request *request, const struct turn_said *said) {
    request->left_out = !said->body.len || said->body.len > spans_content_most || said->answer.len > spans_content_most;
    if (request->left_out) return;
    request->asked_by = said->endpoint;
    request->streamed = said->streamed;
    request->path_model = said->path_model;
    request->sent = said->body;
    request->said = said->answer;
}

void report_trace(struct reporter *reporter, const struct flight *flight, const struct flight_facts *facts,
                  const struct turn_said *said, uint64_t overhead_ns, struct now now) {
    struct span_attempt attempts[spans_attempts_most];
    unsigned count = facts->attempts < spans_attempts_most ? facts->attempts : spans_attempts_most;
    struct span_request request = {
        .trace = facts->trace_id,
        .parent = facts->trace_parent,
        .state = facts->trace_state,
        .own_id = facts->own_id,
        .caller_id = str_eq(facts->own_id, facts->request_id) ? STR_NONE : facts->request_id,
        .operation = trace_operation(facts->endpoint),
        .endpoint = endpoint_facts(facts->endpoint)->name,
        .model = facts->model,
        .client = facts->client ? facts->client->name : STR_NONE,
        .route = facts->route,
        .rule = facts->rule,
        .session = facts->session,
        .error = facts->error ? error_name(facts->error) : STR_NONE,
        .provider = facts->provider ? facts->provider->name : STR_NONE,
        .system = facts->provider ? facts->provider->type : STR_NONE,
        .served = facts->served,
        .cache = facts->cache == cached_off ? STR_NONE : cached_word(facts->cache),
        .span = trace_span(facts->own_id, 0),
        .started_wall_ns = facts->arrived_wall_ns,
        .duration_us = now.mono_ns > facts->arrived_ns ? (now.mono_ns - facts->arrived_ns) / NS_PER_US : 0,
        .overhead_us = overhead_ns / NS_PER_US,
        .cost_nano_usd = facts->cost_nano_usd,
        .saved_nano_usd = facts->saved_nano_usd,
        .status = facts->status,
        .attempts = facts->attempts,
        .stream = facts->stream,
        .caller_gone = facts->caller_gone,
        .failed = facts->error != error_none || facts->status >= 500,
    };
    if (said) trace_content_note(&request, said);
    for (unsigned i = 0; i < count; i++) attempts[i] = trace_attempt(flight, facts, i);
    (void)spans_put(reporter->spans, &request, attempts, count);
}
