/* report.c - settled attempts and closed flights as log lines, metrics and explain records. */
#include "runtime/report.h"

bool reporter_init(struct reporter *reporter, struct reports *reports, unsigned index) {
    (void)index;
    *reporter = (struct reporter){.reports = reports};
    reporter->log = reports->log ? log_writer_open(reports->log) : NULL;
    reporter->metrics = metrics_loop_open(reports->metrics);
    reporter->explain = explain_new(explain_process_bytes / (reports->workers ? reports->workers : 1));
    reporter->spans = reports->spans ? spans_ring_open(reports->spans) : NULL;
    reporter->live = reports->live ? live_writer_open(reports->live) : NULL;
    return reporter->metrics && reporter->explain && (reporter->spans || !reports->spans) &&
           (reporter->log || !reports->log) && (reporter->live || !reports->live);
}

void reporter_free(struct reporter *reporter) { explain_free(reporter->explain); }

void reporter_in_flight(struct reporter *reporter, size_t count) {
    metrics_gauge_set(reporter->metrics, metrics_in_flight, count);
}

void reporter_streams_open(struct reporter *reporter, size_t count) {
    metrics_gauge_set(reporter->metrics, metrics_streams_open, count);
}

static uint64_t report_us_between(uint64_t from_ns, uint64_t to_ns) {
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}
static uint64_t report_count_of(int64_t tokens) { return tokens > 0 ? (uint64_t)tokens : 0; }

static uint32_t report_client_of(const struct flight *flight) {
    const struct client *client = flight_client(flight);
    return client ? client->metrics_id : 0;
}

/* Empty: the caller chose none. */
static struct str caller_id_of(const struct flight_facts *facts) {
    return str_eq(facts->own_id, facts->request_id) ? STR("") : facts->request_id;
}
/* Empty: request_id is weir's own. */
static struct str own_id_of(const struct flight_facts *facts) {
    return str_eq(facts->own_id, facts->request_id) ? STR_NONE : facts->own_id;
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

static void attempt_failed_log(struct reporter *reporter, const struct flight *flight,
                               const struct attempt_facts *attempt, struct now now) {
    struct flight_facts facts = flight_facts(flight);
    log_warn(reporter->log, now, "attempt_failed", f_str("request_id", facts.request_id),
             f_str("own_id", own_id_of(&facts)), f_str("trace_id", facts.trace_id),
             f_str("provider", attempt->target->provider->name), f_str("model", attempt->target->model),
             f_str("failure", failure_facts(attempt->failure)->name), f_int("status", attempt->status),
             f_said("said", attempt->said), f_str("code", attempt->code), f_us("duration_us", attempt->duration_us),
             f_str("next", failure_cure(attempt->failure)));
    if (attempt->rests != key_rest_none)
        report_key_rests(reporter, attempt->target->provider, attempt->key, attempt->said, now);
}

/* Both are kept; it is charged ours. */
static void cost_differs_log(struct reporter *reporter, const struct flight *flight,
                             const struct attempt_facts *attempt, struct now now) {
    struct flight_facts facts = flight_facts(flight);
    log_warn(reporter->log, now, "cost_differs", f_str("request_id", facts.request_id),
             f_str("own_id", own_id_of(&facts)), f_str("provider", attempt->target->provider->name),
             f_str("model", attempt->target->model), f_money("cost_usd", attempt->cost_nano_usd),
             f_money("provider_cost_usd", attempt->usage.cost_nano_usd));
}

/* For the alerts, which look at the words. */
static void days_note(const struct attempt_facts *attempt, bool differs, struct now now) {
    struct provider_cells *cells = attempt->target->provider->cells;
    uint64_t day = now.wall_ns > 0 ? (uint64_t)now.wall_ns / (86400 * NS_PER_S) : 0;
    if (differs) cell_store(&cells->differed_day, day);
    if (attempt->failure == failure_none && attempt->estimated) cell_store(&cells->estimated_day, day);
    if (attempt->failure == failure_none && attempt->cost_nano_usd < 0) cell_store(&cells->unpriced_day, day);
}

void report_attempt(struct reporter *reporter, const struct flight *flight, unsigned number, struct now now) {
    struct attempt_facts attempt = attempt_facts(flight, number);
    const struct usage *usage = &attempt.usage;
    bool cancelled = attempt.failure == failure_caller_gone || attempt.failure == failure_outpaced;
    bool differs = price_differs(attempt.cost_nano_usd, usage->cost_nano_usd);
    metrics_attempt(reporter->metrics, &(struct metrics_attempt_facts){
                                           .target_id = attempt.target->id,
                                           .client = report_client_of(flight),
                                           .outcome = attempt.failure == failure_none ? metrics_succeeded
                                                      : cancelled                     ? metrics_cancelled
                                                                                      : metrics_failed,
                                           .failure = attempt.failure,
                                           .failover = attempt.failover,
                                           .duration_us = attempt.duration_us,
                                           .first_token_us = attempt.first_token_us,
                                           .token_us = attempt.token_us,
                                           .input_tokens = report_count_of(usage->input_tokens),
                                           .output_tokens = report_count_of(usage->output_tokens),
                                           .cached_tokens = report_count_of(usage->cached_input_tokens),
                                           .reasoning_tokens = report_count_of(usage->reasoning_tokens),
                                           .cache_write_tokens = report_count_of(usage->cache_write_tokens),
                                           .cache_miss = attempt.miss,
                                           .cost_nano_usd = attempt.cost_nano_usd,
                                           .cost_differs = differs,
                                           .stream_events = attempt.events,
                                           .stream_events_dropped = attempt.events_dropped,
                                           .stream_cut = attempt.cut,
                                       });
    if (attempt.failure != failure_none && !cancelled) attempt_failed_log(reporter, flight, &attempt, now);
    if (differs) cost_differs_log(reporter, flight, &attempt, now);
    days_note(&attempt, differs, now);
    log_debug(reporter->log, now, "attempt_done", f_str("request_id", flight_facts(flight).request_id),
              f_u64("attempt", number + 1), f_str("target", attempt.target->name),
              f_str("outcome", attempt.failure ? failure_facts(attempt.failure)->name : STR("ok")),
              f_int("status", attempt.status), f_u64("key", attempt.key + 1),
              f_us("first_token_us", attempt.first_token_us), f_us("duration_us", attempt.duration_us),
              f_int("input_tokens", usage->input_tokens), f_int("output_tokens", usage->output_tokens),
              f_u64("events", attempt.events), f_u64("events_dropped", attempt.events_dropped));
}

static void lock_move_log(struct reporter *reporter, const struct flight_facts *facts, struct now now) {
    if (!facts->lock_to.at) return;
    log_info(reporter->log, now, "lock_moved", f_str("route", facts->lock_route), f_str("from", facts->lock_from),
             f_str("to", facts->lock_to), f_text("why", facts->lock_why), f_str("request_id", facts->request_id));
}

static void tool_loop_log(struct reporter *reporter, const struct flight_facts *facts, struct now now) {
    if (!facts->loop_calls) return;
    log_warn(reporter->log, now, "tool_loop", f_str("request_id", facts->request_id), f_str("own_id", own_id_of(facts)),
             f_str("client", facts->client ? facts->client->name : STR_NONE), f_said("tool", facts->loop_tool),
             f_u64("calls", facts->loop_calls), f_bool("refused", facts->error == error_tool_loop));
}

/* What it may have is not what is written: a person must know. */
static void session_shared_log(struct reporter *reporter, const struct flight_facts *facts, struct now now) {
    if (!facts->session_shared) return;
    log_warn(reporter->log, now, "session_shared", f_str("request_id", facts->request_id),
             f_str("own_id", own_id_of(facts)), f_str("client", facts->client ? facts->client->name : STR_NONE),
             f_str("means", STR("as many sessions of the client are remembered as there is room for: all others share "
                                "the caps of one until some are forgotten")),
             f_str("mend", STR("lower `idle_minutes`, or have its sessions named less often")));
}

/* Its words are the flight's, in their order. */
_Static_assert((int)metrics_cache_off == (int)cached_off && (int)metrics_cache_stale == (int)cached_stale, "cached");

_Static_assert((int)metrics_semantics == (int)semantic_outcomes && (int)metrics_semantic_hit == (int)semantic_hit &&
                   (int)metrics_compared_false == (int)compared_false,
               "semantic");

/* As it is: it is told when somebody asks. */
static void story_keep(struct reporter *reporter, const struct flight *flight, const struct flight_facts *facts) {
    char bytes[explain_record_bytes];
    struct text story = text_in_buffer(bytes, sizeof bytes);
    const struct explain_key key = {.request_id = facts->own_id,
                                    .caller_id = caller_id_of(facts),
                                    .client = facts->client ? facts->client->name : STR(""),
                                    .time_ms = facts->arrived_wall_ns / 1000000};
    flight_story(flight, &story);
    if (!story.failed) (void)explain_put(reporter->explain, &key, text_str(&story));
}

void report_request(struct reporter *reporter, const struct flight *flight, const struct turn_said *said,
                    uint64_t overhead_ns, struct now now) {
    struct flight_facts facts = flight_facts(flight);
    uint64_t duration_us = report_us_between(facts.arrived_ns, now.mono_ns);
    metrics_request(reporter->metrics,
                    &(struct metrics_request_facts){.endpoint = facts.endpoint,
                                                    .client = report_client_of(flight),
                                                    .status = facts.status,
                                                    .error = facts.error,
                                                    .caller_gone = facts.caller_gone,
                                                    .attempts = facts.attempts,
                                                    .tool_loop = facts.loop_calls > 0,
                                                    .cache = (enum metrics_cache)facts.cache,
                                                    .semantic = (enum metrics_semantic)facts.semantic,
                                                    .compared = (enum metrics_compared)facts.compared,
                                                    .saved_nano_usd = facts.saved_nano_usd,
                                                    .is_fallback = facts.is_fallback,
                                                    .duration_us = duration_us,
                                                    .first_byte_us = facts.headed_us,
                                                    .overhead_us = overhead_ns / NS_PER_US});
    story_keep(reporter, flight, &facts);
    if (facts.is_sampled && reporter->spans) report_trace(reporter, flight, &facts, said, overhead_ns, now);
    lock_move_log(reporter, &facts, now);
    tool_loop_log(reporter, &facts, now);
    session_shared_log(reporter, &facts, now);
    log_info(reporter->log, now, "request_done", f_str("request_id", facts.request_id),
             f_str("own_id", own_id_of(&facts)), f_str("trace_id", facts.trace_id),
             f_str("endpoint", endpoint_facts(facts.endpoint)->name), f_str("model", facts.model),
             f_str("client", facts.client ? facts.client->name : STR_NONE), f_int("status", facts.status),
             f_str("provider", facts.provider ? facts.provider->name : STR_NONE), f_str("served", facts.served),
             f_u64("attempts", facts.attempts), f_str("error", facts.error ? error_name(facts.error) : STR_NONE),
             f_bool("stream", facts.stream), f_int("input_tokens", facts.input_tokens),
             f_int("output_tokens", facts.output_tokens), f_int("cached_tokens", facts.cached_tokens),
             f_bool("cached", facts.cache >= cached_hit),
             f_str("cache", facts.cache == cached_off ? STR_NONE : cached_word(facts.cache)),
             f_money("cost_usd", facts.cost_nano_usd), f_money("saved_usd", facts.saved_nano_usd),
             f_bool("fallback", facts.is_fallback), f_bool("caller_gone", facts.caller_gone),
             f_u64("answer_bytes", facts.answer_bytes), f_us("duration_us", duration_us),
             f_us("overhead_us", overhead_ns / NS_PER_US));
}
