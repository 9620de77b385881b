/* report_live.c - requests as they happen, for those who watch (observe/live.h): what a row of the request log has, put
 * down raw. Texts that callers choose stand last, as the end of an event that is too long is left out. */
#include "runtime/report.h"

static struct log_field f_known(const char *name, int64_t value) { return value < 0 ? f_none() : f_int(name, value); }
static struct log_field f_if(const char *name, bool value) { return value ? f_bool(name, true) : f_none(); }
static struct log_field f_some_us(const char *name, uint64_t value_us) {
    return value_us ? f_us(name, value_us) : f_none();
}
static struct log_field f_some_str(const char *name, struct str value) {
    return value.len ? f_str(name, value) : f_none();
}
static struct log_field f_some_said(const char *name, struct str value) {
    return value.len ? f_said(name, value) : f_none();
}

static struct str live_client(const struct flight_facts *facts) {
    return facts->client ? facts->client->name : STR_NONE;
}

static struct str live_caller_id(const struct flight_facts *facts) {
    return str_eq(facts->own_id, facts->request_id) ? STR_NONE : facts->request_id;
}

/* `ended`: it is settled, and what it took is known. */
static void attempt_tell(struct reporter *reporter, const struct flight *flight, unsigned number, bool ended,
                         struct now now) {
    const struct flight_facts facts = flight_facts(flight);
    const struct attempt_facts of = attempt_facts(flight, number);
    const struct usage *usage = &of.usage;
    const struct str outcome = !ended ? STR_NONE : of.failure ? failure_facts(of.failure)->name : STR("ok");
    live_put(reporter->live, now, "attempt", f_str("id", facts.own_id), f_u64("attempt", number),
             f_some_str("outcome", outcome), ended && of.status ? f_int("status", of.status) : f_none(),
             ended ? f_us("duration_us", of.duration_us) : f_none(),
             f_some_us("first_token_us", ended ? of.first_token_us : 0),
             f_known("input_tokens", ended ? usage->input_tokens : -1),
             f_known("output_tokens", ended ? usage->output_tokens : -1),
             f_money("cost_usd", ended ? of.cost_nano_usd : -1), f_if("streamed", facts.stream),
             f_if("hedge", of.hedge), f_if("failover", of.failover),
             f_str("endpoint", endpoint_facts(facts.endpoint)->name), f_str("provider", of.target->provider->name),
             f_some_str("client", live_client(&facts)), f_some_said("model", of.target->model),
             f_some_str("route", facts.route), f_some_said("asked", facts.model));
}

bool report_is_watched(const struct reporter *reporter) { return log_wants(reporter->live, log_level_info); }

void report_live_begun(struct reporter *reporter, enum live_telling *telling, const struct flight *flight,
                       unsigned number, struct now now) {
    if (report_is_watched(reporter) && live_tells(reporter->reports->live, telling, live_served, now))
        attempt_tell(reporter, flight, number, false, now);
}

void report_live_attempt(struct reporter *reporter, enum live_telling *telling, const struct flight *flight,
                         unsigned number, struct now now) {
    if (report_is_watched(reporter) && live_tells(reporter->reports->live, telling, live_served, now))
        attempt_tell(reporter, flight, number, true, now);
}

void report_live_request(struct reporter *reporter, enum live_telling *telling, const struct flight *flight,
                         struct now now) {
    if (!report_is_watched(reporter)) return;
    const struct flight_facts facts = flight_facts(flight);
    const enum live_kind kind = facts.attempts ? live_served : live_unserved;
    if (!live_tells(reporter->reports->live, telling, kind, now)) return;
    const uint64_t took_us = now.mono_ns > facts.arrived_ns ? (now.mono_ns - facts.arrived_ns) / NS_PER_US : 0;
    live_put(reporter->live, now, "request", f_str("id", facts.own_id), f_int("status", facts.status),
             f_some_str("error", facts.error ? error_name(facts.error) : STR_NONE), f_u64("attempts", facts.attempts),
             f_us("duration_us", took_us), f_some_us("first_byte_us", facts.headed_us),
             f_known("input_tokens", facts.input_tokens), f_known("output_tokens", facts.output_tokens),
             f_known("cached_tokens", facts.cached_tokens), f_money("cost_usd", facts.cost_nano_usd),
             f_str("cache", facts.cache == cached_off ? STR_NONE : cached_word(facts.cache)),
             f_money("saved_usd", facts.saved_nano_usd), f_if("fallback", facts.is_fallback),
             f_if("caller_gone", facts.caller_gone), f_if("streamed", facts.stream),
             f_str("endpoint", endpoint_facts(facts.endpoint)->name),
             f_some_str("provider", facts.provider ? facts.provider->name : STR_NONE),
             f_some_str("client", live_client(&facts)), f_some_said("model", facts.served),
             f_some_str("route", facts.route), f_some_said("asked", facts.model), f_some_said("session", facts.session),
             f_some_said("caller_id", live_caller_id(&facts)));
}
