/* report.c - settled attempts and closed flights as log lines, metrics and explain records. */
#include "runtime/report.h"

bool reporter_init(struct reporter *reporter, struct reports *reports, unsigned index) {
    (void)index;
    *reporter = (struct reporter){.reports = reports};
    reporter->log = reports->log ? log_writer_open(reports->log) : NULL;
    reporter->metrics = metrics_loop_open(reports->metrics);
    reporter->explain = explain_new(explain_process_bytes / (reports->workers ? reports->workers : 1));
    return reporter->metrics && reporter->explain && (reporter->log || !reports->log);
}

void reporter_free(struct reporter *reporter) { explain_free(reporter->explain); }

void reporter_in_flight(struct reporter *reporter, size_t count) {
    metrics_gauge_set(reporter->metrics, metrics_in_flight, count);
}

static uint64_t report_us_between(uint64_t from_ns, uint64_t to_ns) {
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}
static uint64_t report_count_of(int64_t tokens) { return tokens > 0 ? (uint64_t)tokens : 0; }

/* Empty: the caller chose none. */
static struct str caller_id_of(const struct flight *flight) {
    return str_eq(flight->own_id, flight->request_id) ? STR("") : flight->request_id;
}
/* Empty: request_id is weir's own. */
static struct str own_id_of(const struct flight *flight) {
    return str_eq(flight->own_id, flight->request_id) ? STR_NONE : flight->own_id;
}

void report_key_rests(struct reporter *reporter, const struct provider *provider, size_t key, struct str said,
                      struct now now) {
    enum key_rest why = key_rest_why(provider, key);
    if (why == key_rest_rate || why == key_rest_none) return;
    uint64_t until_ns = cooldown_until_ns(&provider->key_cells[key]->cooldown);
    log_error(reporter->log, now, "key_rests", f_str("provider", provider->name), f_u64("key", key + 1),
              f_str("reason", key_rest_name(why)), f_str("means", key_rest_sentence(why)),
              f_u64("rests_s", until_ns > now.mono_ns ? (until_ns - now.mono_ns + NS_PER_S - 1) / NS_PER_S : 0),
              f_said("said", said));
}

void report_attempt(struct reporter *reporter, const struct flight *flight, const struct attempt *attempt,
                    struct now now) {
    const struct usage *usage = &attempt->usage;
    const struct attempt *before = attempt->number ? flight->attempts[attempt->number - 1] : NULL;
    bool cancelled = attempt->failure == failure_caller_gone || attempt->failure == failure_outpaced;
    metrics_attempt(reporter->metrics,
                    &(struct metrics_attempt_facts){
                        .target_id = attempt->target->id,
                        .outcome = attempt->failure == failure_none ? metrics_succeeded
                                   : cancelled                      ? metrics_cancelled
                                                                    : metrics_failed,
                        .failure = attempt->failure,
                        .failover = before && !attempt->hedge && before->target != attempt->target,
                        .duration_us = report_us_between(attempt->started_ns, attempt->ended_ns),
                        .first_token_us = report_us_between(attempt->started_ns, attempt->first_token_ns),
                        .input_tokens = report_count_of(usage->input_tokens),
                        .output_tokens = report_count_of(usage->output_tokens),
                        .cached_tokens = report_count_of(usage->cached_input_tokens),
                        .reasoning_tokens = report_count_of(usage->reasoning_tokens),
                        .cost_nano_usd = attempt->cost_nano_usd,
                        .stream_events = attempt->events,
                        .stream_events_dropped = attempt->events_dropped,
                    });
    if (attempt->failure == failure_none || cancelled) return;
    struct str said = attempt->provider_said ? STR_NONE : str_from(attempt->failure_text); /* what may quote a prompt
                                                                                              is a body: not logged */
    log_warn(reporter->log, now, "attempt_failed", f_str("request_id", flight->request_id),
             f_str("own_id", own_id_of(flight)), f_str("provider", attempt->target->provider->name),
             f_str("model", attempt->target->model), f_str("failure", failure_facts(attempt->failure)->name),
             f_int("status", attempt->status), f_said("said", said),
             f_str("code", attempt->failure_code[0] ? str_from(attempt->failure_code) : STR_NONE),
             f_us("duration_us", report_us_between(attempt->started_ns, attempt->ended_ns)));
    if (attempt->rests != key_rest_none)
        report_key_rests(reporter, attempt->target->provider, attempt->holds.key, said, now);
}

void report_request(struct reporter *reporter, const struct flight *flight, uint64_t overhead_ns, struct now now) {
    char record[explain_record_bytes];
    struct text text = text_in_buffer(record, sizeof record);
    const struct attempt *last = flight->attempt_count ? flight->attempts[flight->attempt_count - 1] : NULL;
    if (flight->winner && !flight->resumed) last = flight->winner;
    uint64_t duration_us = report_us_between(flight->arrived_ns, now.mono_ns);
    metrics_request(reporter->metrics, &(struct metrics_request_facts){.endpoint = flight->endpoint,
                                                                       .status = flight->status,
                                                                       .error = flight->error,
                                                                       .caller_gone = flight->caller == caller_gone,
                                                                       .attempts = flight->attempt_count,
                                                                       .duration_us = duration_us,
                                                                       .overhead_us = overhead_ns / NS_PER_US});
    flight_explain(flight, &text);
    if (!text.failed)
        explain_put_story(reporter->explain, flight->own_id, caller_id_of(flight),
                          flight->client ? flight->client->name : STR(""), flight->arrived_wall_ns / 1000000,
                          text_str(&text));
    log_info(reporter->log, now, "request_done", f_str("request_id", flight->request_id),
             f_str("own_id", own_id_of(flight)), f_str("endpoint", endpoint_facts(flight->endpoint)->name),
             f_str("model", flight->route_name), f_str("client", flight->client ? flight->client->name : STR_NONE),
             f_int("status", flight->status), f_str("provider", last ? last->target->provider->name : STR_NONE),
             f_u64("attempts", flight->attempt_count),
             f_str("error", flight->error ? error_name(flight->error) : STR_NONE),
             f_bool("stream", flight->request.stream), f_int("input_tokens", last ? last->usage.input_tokens : -1),
             f_int("output_tokens", last ? last->usage.output_tokens : -1), f_money("cost_usd", flight_cost(flight)),
             f_bool("caller_gone", flight->caller == caller_gone), f_us("duration_us", duration_us),
             f_us("overhead_us", overhead_ns / NS_PER_US));
}
