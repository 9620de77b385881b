/* flight_hold.c - what an attempt takes of the words that all requests share, in one order, and how each is given back:
 * the provider's place, its rates, the breakers last. Invariant: what hold_take took, hold_settle settles, once. */
#include "base/check.h"
#include "flight/flight_internal.h"

/* A caller may write any number for both. */
static int64_t output_tokens_of(const struct flight *flight, int64_t answers, int64_t otherwise) {
    const int64_t most = 1000000000000;
    int64_t output = flight->request.max_tokens >= 0 ? flight->request.max_tokens : otherwise;
    return output > most / answers ? most : output * answers;
}

int64_t flight_output_tokens(const struct flight *flight, int64_t otherwise) {
    return output_tokens_of(flight, flight->request.n > 0 ? flight->request.n : 1, otherwise);
}

/* A prompt that is mostly an image is not so many tokens. */
static int64_t tokens_reserved_of(const struct flight *flight, int64_t output, const struct cell *taken) {
    CHECKF(flight->prompt_tokens >= 0 && output >= 0, "prompt=%lld output=%lld", (long long)flight->prompt_tokens,
           (long long)output);
    return flight->prompt_tokens + taken_reserve(taken, output);
}

int64_t flight_tokens_reserved(const struct flight *flight, const struct cell *taken) {
    return tokens_reserved_of(flight, flight_output_tokens(flight, flight->snapshot->reserve_output_tokens), taken);
}

/* Of one call: where each answer is one of its own, of one answer. */
static uint64_t tokens_reserved_at(const struct flight *flight, const struct candidate *candidate) {
    const struct target *target = candidate->target;
    const struct cell *taken = target->cells ? &target->cells->taken : NULL;
    bool one = candidate->calls || calls_has(flight);
    int64_t output = output_tokens_of(flight, 1, flight->snapshot->reserve_output_tokens);
    return (uint64_t)(one ? tokens_reserved_of(flight, output, taken) : flight_tokens_reserved(flight, taken));
}

static uint64_t tokens_at_place(const struct flight *flight, const struct candidate *candidate) {
    return candidate->limits ? tokens_reserved_at(flight, candidate) : 0;
}

static uint64_t tokens_at_quota(const struct flight *flight, const struct candidate *candidate) {
    return candidate->target->provider->quota_count ? tokens_reserved_at(flight, candidate) : 0;
}

bool flight_shares(const struct flight *flight) { return flight->client && snapshot_has_several(flight->snapshot); }

/* Whose doing it may be; blame_nobody where clients are not told apart. */
static uint64_t hold_who(const struct flight *flight) {
    return flight_shares(flight) ? flight->client_hash : blame_nobody;
}

/* When the first of its keys may be used; 0: now. */
static uint64_t keys_until(const struct flight *flight, const struct target *target, struct now now) {
    const struct provider *provider = target->provider;
    uint64_t soonest = UINT64_MAX;
    for (size_t i = 0; i < provider->key_count; i++) {
        uint64_t until = key_until_ns(target, i, hold_who(flight));
        if (until <= now.mono_ns) return 0;
        if (until < soonest) soonest = until;
    }
    return provider->key_count ? soonest : 0;
}

/* All its keys rest, for this client at least: why. One that is only limited comes back by itself. */
static enum refusal keys_refusal(const struct target *target, struct now now) {
    const struct provider *provider = target->provider;
    static const enum refusal refusals_of[key_rests] = {[key_rest_none] = refusal_cooling,
                                                        [key_rest_rate] = refusal_cooling,
                                                        [key_rest_refused] = refusal_credential_refused,
                                                        [key_rest_quota] = refusal_quota_exhausted};
    for (size_t i = 0; i < provider->key_count; i++)
        if (key_until_ns(target, i, blame_nobody) <= now.mono_ns) return refusal_cooling_for_client;
    for (size_t i = 0; i < provider->key_count; i++)
        if (cooldown_until_ns(&provider->key_cells[i]->cooldown) <= now.mono_ns) return refusal_cooling; /* the model */
    enum refusal all = refusals_of[key_rest_why(provider, 0)];
    for (size_t i = 1; i < provider->key_count && all != refusal_cooling; i++) {
        enum refusal one = refusals_of[key_rest_why(provider, i)];
        if (one != all) all = one == refusal_cooling ? refusal_cooling : refusal_credential_refused;
    }
    return all;
}

static uint64_t rates_wait(const struct flight *flight, const struct candidate *candidate, struct now now) {
    const struct provider *provider = candidate->target->provider;
    const struct rate_rules *rules = &provider->rates;
    uint64_t waits[] = {limiter_wait_ns(&provider->cells->requests_minute, &rules->requests_minute, 1, now.mono_ns),
                        limiter_wait_ns(&provider->cells->requests_hour, &rules->requests_hour, 1, now.mono_ns),
                        limiter_wait_ns(&provider->cells->tokens_minute, &rules->tokens_minute,
                                        tokens_reserved_at(flight, candidate), now.mono_ns)};
    uint64_t longest = 0;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] > longest) longest = waits[i];
    return longest;
}

static enum refusal breakers_look(const struct flight *flight, const struct target *target, struct now now,
                                  uint64_t *until_ns) {
    const struct provider *provider = target->provider;
    const struct breaker_rules *rules = &provider->breaker;
    const struct breaker *of_provider = &provider->cells->breaker,
                         *of_target = target->cells ? &target->cells->breaker : NULL;
    if (!breaker_would_admit(of_provider, rules, blame_nobody, now.mono_ns)) {
        *until_ns = breaker_view(of_provider, rules, blame_nobody, now.mono_ns).until_ns;
        return refusal_breaker_open;
    }
    if (!of_target || breaker_would_admit(of_target, rules, flight->client_hash, now.mono_ns)) return refusal_none;
    *until_ns = breaker_view(of_target, rules, flight->client_hash, now.mono_ns).until_ns;
    return flight_shares(flight) && breaker_would_admit(of_target, rules, blame_nobody, now.mono_ns)
               ? refusal_breaker_open_for_client
               : refusal_breaker_open;
}

/* No larger than one that was too small for this request. What is not known may be larger. */
static bool context_is_too_small(const struct flight *flight, const struct candidate *candidate) {
    const struct catalog_model *facts = candidate->target->facts;
    return flight->choice.context_least > 0 && facts && facts->context_tokens >= 0 &&
           facts->context_tokens <= flight->choice.context_least;
}

enum refusal hold_look(struct flight *flight, const struct candidate *candidate, struct now now, uint64_t *until_ns) {
    const struct target *target = candidate->target;
    const struct provider *provider = target->provider;
    *until_ns = 0;
    if (client_is_barred(flight->client, now.wall_ns)) return refusal_client_barred;
    if (context_is_too_small(flight, candidate)) return refusal_context;
    if (provider->state != provider_active) return refusal_draining;
    enum refusal shut = breakers_look(flight, target, now, until_ns);
    if (shut != refusal_none) return shut;
    *until_ns = keys_until(flight, target, now);
    if (*until_ns) return keys_refusal(target, now);
    uint64_t wait = rates_wait(flight, candidate, now);
    if (wait) {
        *until_ns = now.mono_ns + wait;
        return refusal_rate_limited;
    }
    if (!gate_would_enter(&provider->cells->gate, provider->max_concurrent)) return refusal_too_many_in_flight;
    enum refusal place = place_look(candidate, tokens_at_place(flight, candidate), now, until_ns);
    if (place == refusal_none) place = quota_refuses(target, now, until_ns);
    if (place == refusal_none) place = limits_target_look(flight, target, now, until_ns);
    return place != refusal_none ? place : money_look(flight, candidate, now, until_ns);
}

bool hold_is_demoted(const struct flight *flight, const struct candidate *candidate) {
    return !flight->steering.targets.at && probes_demote(&candidate->target->provider->cells->probes);
}

/* The next key in rotation that does not cool down; one that stands by, or has refused this request, only where there
 * is no other. */
static bool key_take(const struct flight *flight, const struct candidate *candidate, struct now now, unsigned *key) {
    const struct target *target = candidate->target;
    const struct provider *provider = target->provider;
    *key = 0;
    if (provider->key_count == 0) return true;
    bool found = false;
    uint64_t seen = cell_load(&provider->cells->next_key);
    while (!cell_swap(&provider->cells->next_key, &seen, seen + 1)) continue;
    for (size_t i = 0; i < provider->key_count; i++) {
        size_t turns = provider->key_count - provider->key_standby; /* the others come behind, in their order */
        unsigned at = (unsigned)(i < turns ? (seen + i) % turns : i);
        if (key_until_ns(target, at, hold_who(flight)) > now.mono_ns) continue;
        if (!found) *key = at;
        found = true;
        if (at < 64 && candidate->refused_keys >> at & 1) continue;
        *key = at;
        return true;
    }
    return found;
}

static bool rates_take(const struct flight *flight, const struct candidate *candidate, struct now now,
                       struct holds *holds) {
    const struct provider *provider = candidate->target->provider;
    const struct rate_rules *rules = &provider->rates;
    struct provider_cells *cells = provider->cells;
    return limiter_take(&cells->requests_minute, &rules->requests_minute, 1, now.mono_ns, &holds->requests_minute) &&
           limiter_take(&cells->requests_hour, &rules->requests_hour, 1, now.mono_ns, &holds->requests_hour) &&
           limiter_take(&cells->tokens_minute, &rules->tokens_minute, tokens_reserved_at(flight, candidate),
                        now.mono_ns, &holds->tokens_minute);
}

static void rates_refund(const struct provider *provider, const struct holds *holds, struct now now) {
    const struct rate_rules *rules = &provider->rates;
    struct provider_cells *cells = provider->cells;
    limiter_refund(&cells->requests_minute, &rules->requests_minute, holds->requests_minute, now.mono_ns);
    limiter_refund(&cells->requests_hour, &rules->requests_hour, holds->requests_hour, now.mono_ns);
    limiter_refund(&cells->tokens_minute, &rules->tokens_minute, holds->tokens_minute, now.mono_ns);
}

static void gate_give(const struct provider *provider, struct actions *out) {
    if (gate_leave(&provider->cells->gate, provider->max_concurrent))
        actions_add(out, action_handover)->provider = provider;
}

enum refusal hold_take(struct flight *flight, const struct candidate *candidate, bool has_gate, struct now now,
                       struct holds *holds, struct actions *out) {
    const struct target *target = candidate->target;
    const struct provider *provider = target->provider;
    struct provider_cells *cells = provider->cells;
    enum refusal refusal = refusal_none;
    *holds = (struct holds){.gate = has_gate || gate_enter(&cells->gate, provider->max_concurrent)};
    if (!holds->gate)
        refusal = refusal_too_many_in_flight;
    else if (now.mono_ns >= flight->times.deadline_ns) /* what was waited for came too late */
        refusal = refusal_too_late;
    else if (client_is_barred(flight->client, now.wall_ns)) /* revoked while it waited */
        refusal = refusal_client_barred;
    else if (provider->state != provider_active)
        refusal = refusal_draining;
    else if (!key_take(flight, candidate, now, &holds->key))
        refusal = refusal_cooling;
    else if (!rates_take(flight, candidate, now, holds))
        refusal = refusal_rate_limited;
    else if ((refusal = place_take(candidate, tokens_at_place(flight, candidate), now, holds)) != refusal_none)
        CHECK(refusal_is_busy(refusal));
    else if ((refusal = quota_hold_take(flight, target, tokens_at_quota(flight, candidate), now, &holds->quota)) !=
             refusal_none)
        CHECK(holds->quota.count == 0); /* of all of them, or none */
    else if ((refusal = limits_target_take(flight, target, now, holds)) != refusal_none)
        CHECK(!holds->limits);
    else if ((refusal = money_take(flight, candidate, now, &holds->money)) != refusal_none)
        CHECK(holds->money.count == 0); /* all of them, or none */
    else if (!breaker_admit(&cells->breaker, &provider->breaker, blame_nobody, now.mono_ns, &holds->provider_ticket))
        refusal = refusal_breaker_open;
    else if (target->cells && !breaker_admit(&target->cells->breaker, &provider->breaker, flight->client_hash,
                                             now.mono_ns, &holds->ticket)) {
        breaker_release(&cells->breaker, holds->provider_ticket);
        refusal = refusal_breaker_open;
    }
    if (refusal != refusal_none) {
        rates_refund(provider, holds, now);
        place_give_back(candidate, holds, now);
        quota_give_back(&holds->quota);
        limits_target_leave(flight, target, holds, false, 0, now);
        money_give_back(&holds->money);
        if (holds->gate) gate_give(provider, out);
        *holds = (struct holds){.gate = false};
        return refusal;
    }
    CHECKF(holds->key < provider->key_count || provider->key_count == 0, "key=%u", holds->key);
    key_used(provider, holds->key, now.wall_ns);
    holds->provider_breaker = true;
    holds->breaker = target->cells != NULL;
    if (target->cells) holds->in_flight = gate_enter(&target->cells->in_flight, 0);
    return refusal_none;
}

/* -- settling -- */

/* What an attempt's end says of target and provider: +1 well, -1 ill, 0 nothing. */
struct verdict {
    int target, provider;
};

static struct verdict verdict_of(enum failure failure) {
    switch (failure) {
    case failure_none:
    case failure_bad_request: /* it has answered */
    case failure_context_exceeded:
    case failure_filtered:
    case failure_conflict:
    case failure_disagrees: /* it answered, and did not follow an instruction */
    case failure_not_found: return (struct verdict){1, 1};
    case failure_dns:
    case failure_connect:
    case failure_connect_timeout:
    case failure_tls:
    case failure_proxy: return (struct verdict){0, -1};
    case failure_authentication: /* the key's affair */
    case failure_forbidden:
    case failure_payment:
    case failure_quota_exhausted:
    case failure_rate_limited: return (struct verdict){0, 1};
    case failure_no_connection: /* ours, or the caller's */
    case failure_system:
    case failure_request_deadline:
    case failure_outpaced:
    case failure_shutdown:
    case failure_caller_gone: return (struct verdict){0, 0};
    default: return (struct verdict){-1, 1};
    }
}

static void row_count(struct cell *row, bool failed) {
    uint64_t seen = cell_load(row);
    if (failed)
        while (!cell_swap(row, &seen, seen + 1)) continue;
    else if (seen)
        cell_store(row, 0);
}

/* Failures that one client alone has met lower nobody's opinion of the provider but through that client's breaker. */
static void outcome_tell(const struct flight *flight, const struct attempt *attempt, struct verdict verdict,
                         struct now now) {
    const uint64_t window_ns = 60 * NS_PER_S;
    struct provider_cells *cells = attempt->target->provider->cells;
    bool failed = verdict.target < 0 || verdict.provider < 0;
    if (attempt->target->cells && (failed || verdict.target > 0)) row_count(&attempt->target->cells->failures, failed);
    if (!failed) {
        success_report(&cells->success, true, now.mono_ns);
        return;
    }
    uint64_t whose = verdict.provider < 0 ? blame_nobody : hold_who(flight);
    unsigned count = blame_count(&cells->failed, (uint16_t)(now.mono_ns / window_ns), whose);
    for (unsigned i = 0; i < count; i++) success_report(&cells->success, false, now.mono_ns);
}

bool hold_is_nobodys(enum failure failure) { return verdict_of(failure).provider < 0; }

static void breaker_end(struct breaker *breaker, const struct breaker_rules *rules, struct breaker_ticket ticket,
                        int verdict, uint64_t not_before_ns, struct now now) {
    if (verdict)
        breaker_report(breaker, rules, now.mono_ns, ticket, verdict > 0, not_before_ns);
    else
        breaker_release(breaker, ticket);
}

static enum pace_kind pace_kind_of(const struct attempt *attempt) {
    switch (attempt->reply.mode) {
    case reply_events: return pace_stream;
    case reply_opaque: return pace_opaque;
    default: return pace_kind_of_bytes(attempt->reply.held.len);
    }
}

/* Its first good token: a probe has shown what it was sent for, and the latency is known. */
void hold_good(struct flight *flight, struct attempt *attempt, struct now now) {
    const struct provider *provider = attempt->target->provider;
    struct target_cells *cells = attempt->target->cells;
    uint64_t took_ns = now.mono_ns - attempt->started_ns;
    if (attempt->holds.reported) return;
    if (attempt->way->blind) return; /* how fast a list comes says nothing of a model; the end is told */
    attempt->holds.reported = true;
    probes_answered(&provider->cells->probes);
    breaker_report(&provider->cells->breaker, &provider->breaker, now.mono_ns, attempt->holds.provider_ticket, true, 0);
    attempt->holds.provider_ticket.told = true;
    latency_peak(&provider->cells->latency, took_ns, now.mono_ns);
    if (!cells) return;
    breaker_report(&cells->breaker, &provider->breaker, now.mono_ns, attempt->holds.ticket, true, 0);
    attempt->holds.ticket.told = true;
    latency_peak(&cells->latency, took_ns, now.mono_ns);
    uint32_t was = pace_note(&cells->pace, pace_kind_of(attempt), took_ns, now.mono_ns);
    pace_slowness_note(&provider->cells->slowness, was, now.mono_ns);
    latency_p95(&cells->p95[flight->request.stream], took_ns);
    if (!flight->request.stream) latency_p99(&cells->p99, took_ns);
}

/* It was broken off, as another was faster, or given up: it takes at least as long as it has taken. Below its own 95th
 * percentile that would say nothing. */
static void slow_report(const struct flight *flight, const struct attempt *attempt, struct now now) {
    struct target_cells *cells = attempt->target->cells;
    uint64_t took_ns = now.mono_ns - attempt->started_ns;
    if (!cells) return;
    if (attempt->failure == failure_reply_timeout) latency_p99(&cells->p99, took_ns);
    if (attempt->failure != failure_outpaced) return;
    struct cell *p95 = &cells->p95[flight->request.stream];
    if (took_ns > latency_p95_read(p95)) latency_p95(p95, took_ns);
    if (took_ns > latency_read(&cells->latency, 0, now.mono_ns)) latency_peak(&cells->latency, took_ns, now.mono_ns);
}

/* Do the limits that the reply's head tells of belong to the key, whatever the model? The catalogue says. */
static bool limits_are_keys(const struct attempt *attempt) {
    const struct ratelimit *limits = &attempt->reply.limits;
    return attempt->target->provider->row->key_limits && (limits->requests_left >= 0 || limits->tokens_left >= 0);
}

/* The provider says that this was the last request, or token, until a moment: the key rests until then for the model,
 * or for all where the limits are its own, but no longer than a minute without being tried: it may be one caller's
 * doing.
 */
static void key_throttle(const struct attempt *attempt, struct now now) {
    enum { longest_ms = 60000 };
    const struct ratelimit *limits = &attempt->reply.limits;
    const struct provider *provider = attempt->target->provider;
    if (!provider->adaptive_throttling || attempt->reply.status == 0 || attempt->way->blind) return;
    uint64_t rest_ms = 0;
    if (limits->requests_left == 0 && limits->requests_reset_ms > rest_ms) rest_ms = limits->requests_reset_ms;
    if (limits->tokens_left == 0 && limits->tokens_reset_ms > rest_ms) rest_ms = limits->tokens_reset_ms;
    if (rest_ms > longest_ms) rest_ms = longest_ms;
    if (rest_ms == 0) return;
    if (limits_are_keys(attempt))
        key_rest_until(provider, attempt->holds.key, key_rest_rate, now.mono_ns + rest_ms * NS_PER_MS);
    else
        key_limit_until(attempt->target, attempt->holds.key, now.mono_ns + rest_ms * NS_PER_MS, now.mono_ns);
}

/* What a provider says of a path that weir knows nothing of, whoever is to blame: a raw caller must not be able to take
 * a key, a model or the provider from everybody else by asking for what the key may not. */
static bool says_nothing(const struct attempt *attempt) { return attempt->way->blind && attempt->reply.status >= 400; }

/* Is this failure a fact about the key? A 403 or a 402 may be one caller's or one model's, a 429 one model's, and a 401
 * without the vendor's own code for a bad key one caller's (a path that the key has no scope for): it is when several
 * met it. */
static enum key_rest key_rest_of(const struct flight *flight, const struct attempt *attempt, struct now now) {
    switch (attempt->failure) {
    case failure_rate_limited: return limits_are_keys(attempt) ? key_rest_rate : key_rest_none;
    case failure_authentication: /* whatever the model: a second client tells */
        return attempt->word.is_told || !flight_shares(flight) ||
                       key_suspect(attempt->target->provider, attempt->holds.key, flight->client_hash,
                                   flight->client_hash, now.mono_ns)
                   ? key_rest_refused
                   : key_rest_none;
    case failure_quota_exhausted: return key_rest_quota;
    case failure_forbidden:
    case failure_payment:
        return key_suspect(attempt->target->provider, attempt->holds.key, flight->client_hash,
                           attempt->target->name_hash, now.mono_ns)
                   ? key_rest_refused
                   : key_rest_none;
    default: return key_rest_none;
    }
}

static void key_cool(const struct flight *flight, struct attempt *attempt, struct now now) {
    const struct provider *provider = attempt->target->provider;
    unsigned key = attempt->holds.key;
    if (provider->key_count == 0) return;
    CHECKF(key < provider->key_count, "key=%u of %zu", key, (size_t)provider->key_count);
    key_throttle(attempt, now);
    if (attempt->failure == failure_none) key_answered(provider, key);
    if (failure_facts(attempt->failure)->fault != fault_key) return;
    attempt->rests = key_rest_of(flight, attempt, now);
    if (attempt->rests != key_rest_none) {
        key_rest(provider, key, attempt->rests, attempt->reply.retry_after_ms, now.mono_ns);
        return;
    }
    if (attempt->failure == failure_rate_limited &&
        key_limited(attempt->target, key, hold_who(flight), attempt->reply.retry_after_ms, now.mono_ns))
        attempt->rests = key_rest_rate;
    if (key < 64) attempt->candidate->refused_keys |= (uint64_t)1 << key;
}

/* What came of its stream: of text that was read a token each four bytes. A spliced event is one token, as vendors send
 * them, or more where events are so much longer than the shortest one that they must be. */
int64_t attempt_delivered(const struct attempt *attempt) {
    enum { token_bytes = 4, usual_bytes = 16 };
    uint64_t count = attempt->stream.tokens.count, least = count * (attempt->stream.tokens.least + usual_bytes);
    uint64_t more = attempt->stream.tokens.bytes > least ? (attempt->stream.tokens.bytes - least) / token_bytes : 0;
    uint64_t said = (attempt->dialect.said_bytes + token_bytes - 1) / token_bytes;
    int64_t seen = (int64_t)((more > count ? more : count) + said), came = extent_came(&attempt->holds.money.extent);
    return came > seen ? came : seen;
}

int64_t attempt_tokens(const struct flight *flight, const struct attempt *attempt) {
    const struct usage *usage = &attempt->usage;
    int64_t input = usage->input_tokens, output = usage->output_tokens;
    if (input >= 0 || output >= 0) return (input > 0 ? input : 0) + (output > 0 ? output : 0);
    if (attempt->failure != failure_none) return 0; /* it was refused */
    return attempt->reply.mode == reply_events ? flight->prompt_tokens + attempt_delivered(attempt) : -1;
}

static void rates_settle(const struct flight *flight, struct attempt *attempt, struct now now) {
    const struct provider *provider = attempt->target->provider;
    struct holds *holds = &attempt->holds;
    if (attempt->sent_ns == 0 && attempt->reply.status == 0) { /* nothing reached it */
        rates_refund(provider, holds, now);
        quota_give_back(&holds->quota);
        return;
    }
    int64_t tokens = attempt_tokens(flight, attempt);
    quota_hold_settle(&holds->quota, tokens);
    if (tokens >= 0)
        limiter_settle(&provider->cells->tokens_minute, &provider->rates.tokens_minute, holds->tokens_minute,
                       (uint64_t)tokens, now.mono_ns);
}

/* What was told of its answer's tokens is what the next one is expected to take. */
static void taken_tell(const struct attempt *attempt) {
    struct target_cells *cells = attempt->target->cells;
    if (cells && attempt->failure == failure_none && !attempt->usage_estimated && !attempt->way->blind)
        taken_note(&cells->taken, attempt->usage.output_tokens);
}

static void in_flight_leave(const struct target *target, struct holds *holds) {
    if (!holds->in_flight) return;
    bool handed = gate_leave(&target->cells->in_flight, 0);
    CHECK(!handed); /* nobody waits there */
    holds->in_flight = false;
}

/* Nothing was done with it: no breaker, key or rate has anything to learn from that. */
void hold_give_back(struct flight *flight, const struct candidate *candidate, const struct holds *taken, struct now now,
                    struct actions *out) {
    const struct target *target = candidate->target;
    const struct provider *provider = target->provider;
    struct holds holds = *taken;
    CHECK(holds.gate && holds.provider_breaker && holds.breaker == (target->cells != NULL));
    breaker_release(&provider->cells->breaker, holds.provider_ticket);
    if (target->cells) breaker_release(&target->cells->breaker, holds.ticket);
    rates_refund(provider, &holds, now);
    place_give_back(candidate, &holds, now);
    quota_give_back(&holds.quota);
    limits_target_leave(flight, target, &holds, false, 0, now);
    money_give_back(&holds.money);
    in_flight_leave(target, &holds);
    gate_give(provider, out);
}

void hold_settle(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    const struct provider *provider = attempt->target->provider;
    struct target_cells *cells = attempt->target->cells;
    struct holds *holds = &attempt->holds;
    bool nothing = says_nothing(attempt);
    struct verdict verdict = nothing ? (struct verdict){0, 0} : verdict_of(attempt->failure);
    CHECK(holds->gate && holds->provider_breaker); /* not settled yet */
    uint64_t not_before_ns =
        attempt->reply.retry_after_ms > 0 && verdict.target < 0 && attempt->reply.retry_after_ms < 3600000
            ? now.mono_ns + (uint64_t)attempt->reply.retry_after_ms * NS_PER_MS
            : 0;
    if (!holds->reported || verdict.provider < 0)
        breaker_end(&provider->cells->breaker, &provider->breaker, holds->provider_ticket, verdict.provider, 0, now);
    if (cells && (!holds->reported || verdict.target < 0))
        breaker_end(&cells->breaker, &provider->breaker, holds->ticket, verdict.target, not_before_ns, now);
    if (verdict.target || verdict.provider) outcome_tell(flight, attempt, verdict, now);
    if (verdict.target > 0) probes_answered(&provider->cells->probes);
    slow_report(flight, attempt, now);
    if (!nothing) key_cool(flight, attempt, now);
    rates_settle(flight, attempt, now);
    place_settle(attempt, attempt_tokens(flight, attempt), now);
    bool reached = attempt->sent_ns || attempt->reply.status;
    limits_target_leave(flight, attempt->target, holds, reached, reached ? attempt_tokens(flight, attempt) : 0, now);
    money_settle(flight, attempt);
    taken_tell(attempt);
    in_flight_leave(attempt->target, holds);
    holds->breaker = holds->provider_breaker = holds->gate = false;
    gate_give(provider, out);
}

/* -- the client's own limits -- */

static uint64_t client_rates_wait(const struct flight *flight, struct now now) {
    const struct rate_rules *rules = &flight->client->rates;
    const struct client_cells *cells = flight->client->cells;
    uint64_t tokens = (uint64_t)flight_tokens_reserved(flight, &flight->client->cells->taken), longest = 0;
    uint64_t waits[] = {limiter_wait_ns(&cells->requests_minute, &rules->requests_minute, 1, now.mono_ns),
                        limiter_wait_ns(&cells->requests_hour, &rules->requests_hour, 1, now.mono_ns),
                        limiter_wait_ns(&cells->tokens_minute, &rules->tokens_minute, tokens, now.mono_ns)};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] > longest) longest = waits[i];
    return longest;
}

enum error_code hold_client_look(const struct flight *flight, struct now now, uint64_t *until_ns) {
    const struct client *client = flight->client;
    if (!client) return error_none;
    if (!gate_would_enter(&client->cells->gate, client->max_concurrent)) return error_too_many_in_flight;
    uint64_t wait = client_rates_wait(flight, now);
    if (wait) *until_ns = now.mono_ns + wait;
    if (wait) return error_rate_limited;
    enum error_code code =
        owners_look(flight, flight_output_tokens(flight, flight->snapshot->reserve_output_tokens), now, until_ns);
    return code == error_none ? limits_look(flight, now, until_ns) : code;
}

enum step hold_client(struct flight *flight, struct now now, struct actions *out) {
    const struct client *client = flight->client;
    if (!client || flight->inner.is) return step_on;
    const struct rate_rules *rules = &client->rates;
    struct client_cells *cells = client->cells;
    CHECK(!flight->client_holds.gate && flight->attempt_count == 0);
    if (!gate_enter(&cells->gate, client->max_concurrent)) {
        flight->answer.limit_scope = STR("client");
        return answer_refused(flight, error_too_many_in_flight, 0, now, out);
    }
    flight->client_holds.gate = true;
    uint64_t tokens = (uint64_t)flight_tokens_reserved(flight, &flight->client->cells->taken), until_ns = 0;
    enum error_code code = error_rate_limited;
    if (limiter_take(&cells->requests_minute, &rules->requests_minute, 1, now.mono_ns,
                     &flight->client_holds.requests_minute) &&
        limiter_take(&cells->requests_hour, &rules->requests_hour, 1, now.mono_ns,
                     &flight->client_holds.requests_hour) &&
        limiter_take(&cells->tokens_minute, &rules->tokens_minute, tokens, now.mono_ns, &flight->client_holds.tokens)) {
        code =
            owners_take(flight, flight_output_tokens(flight, flight->snapshot->reserve_output_tokens), now, &until_ns);
        if (code == error_none) {
            code = limits_take(flight, now, &until_ns);
            if (code == error_none) return step_on;
            owners_give_back(flight, now);
        }
    } else {
        until_ns = now.mono_ns + client_rates_wait(flight, now);
    }
    limiter_refund(&cells->requests_minute, &rules->requests_minute, flight->client_holds.requests_minute, now.mono_ns);
    limiter_refund(&cells->requests_hour, &rules->requests_hour, flight->client_holds.requests_hour, now.mono_ns);
    limiter_refund(&cells->tokens_minute, &rules->tokens_minute, flight->client_holds.tokens, now.mono_ns);
    flight->client_holds.requests_minute = flight->client_holds.requests_hour = flight->client_holds.tokens =
        (struct limiter_ticket){.units = 0};
    flight->answer.limit_scope = STR("client");
    return answer_refused(flight, code, until_ns, now, out);
}

/* All that the request's attempts used counts; one of which nothing is known keeps what was reserved. */
void hold_client_settle(struct flight *flight, struct now now) {
    const struct client *client = flight->client;
    if (!flight->client_holds.gate) return;
    flight->client_holds.gate = false;
    int64_t sum = 0;
    bool known = true;
    for (unsigned i = 0; i < flight->attempt_count; i++) {
        const struct attempt *attempt = flight->attempts[i];
        int64_t tokens = attempt_tokens(flight, attempt);
        known = known && tokens >= 0;
        if (tokens > 0) sum += tokens;
        if (attempt->failure == failure_none && !attempt->usage_estimated)
            taken_note(&client->cells->taken, attempt->usage.output_tokens);
    }
    if (known)
        limiter_settle(&client->cells->tokens_minute, &client->rates.tokens_minute, flight->client_holds.tokens,
                       (uint64_t)sum, now.mono_ns);
    owners_settle(flight, known ? sum : -1, now);
    limits_settle(flight, known ? sum : -1, now);
    bool handed = gate_leave(&client->cells->gate, client->max_concurrent);
    CHECK(!handed); /* clients have no line */
}
