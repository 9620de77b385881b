/* flight_trace.c - the trace that a request belongs to (W3C Trace Context): its caller's, or, where traces are made,
 * one that begins with it; and how it is said to providers. A request without either pays for one look. */
#include "flight/flight_trace.h"

#include "core/traceparent.h"

/* What is said of a trace is no reason to refuse a request: what is bad, or said twice, is as if it were not there. */
bool trace_begin(struct flight *flight) {
    const struct trace_rules *rules = &flight->snapshot->traces;
    struct flight_trace *trace = &flight->trace;
    struct traceparent said;
    bool callers = flight->steering.trace.at && !flight->steering.trace_twice &&
                   traceparent_read(str_trim(flight->steering.trace), &said);
    if (callers) {
        struct str state = str_trim(flight->steering.tracestate);
        *trace = (struct flight_trace){.id = said.trace, .parent = said.parent, .sampled = said.sampled};
        if (state.len && tracestate_is_fit(state)) trace->state = state;
        return true;
    }
    if (!rules->on) return true;
    char *digits = arena_take(&flight->arena, trace_id_digits);
    if (!digits) return false;
    trace_id_of(flight->own_id, digits);
    trace->id = str_make(digits, trace_id_digits);
    trace->sampled = trace_is_among(trace->id, rules->sample);
    return true;
}

bool trace_is_said(const struct flight *flight, struct str name) {
    if (!flight->trace.id.at || !flight->snapshot->traces.propagate) return false;
    return str_eq_nocase(name, STR("traceparent")) || str_eq_nocase(name, STR("tracestate"));
}

bool trace_say(struct flight *flight, unsigned attempt, struct http_header *headers, size_t *count) {
    const struct flight_trace *trace = &flight->trace;
    if (!trace->id.at || !flight->snapshot->traces.propagate) return true;
    char *parent = arena_take(&flight->arena, traceparent_len);
    if (!parent) return false;
    traceparent_write(trace->id, trace_span(flight->own_id, attempt + 1), trace->sampled, parent);
    headers[(*count)++] = (struct http_header){STR("traceparent"), str_make(parent, traceparent_len)};
    if (trace->state.len) headers[(*count)++] = (struct http_header){STR("tracestate"), trace->state};
    return true;
}
