/* flight_place.c - the limits that a route gives one of its targets: a rate, tokens, places, times. They hold for that
 * target in that route alone, beside the provider's, and are taken and given back with them (flight_hold.c).
 * Invariant: what place_take took, place_give_back or place_settle gives back, once. Nobody stands in line for a place
 * here: the next target is asked. */
#include "base/check.h"
#include "flight/flight_internal.h"

enum refusal place_look(const struct candidate *candidate, uint64_t tokens, struct now now, uint64_t *until_ns) {
    const struct target_limits *limits = candidate->limits;
    if (!limits) return refusal_none;
    const struct place_cells *cells = limits->cells;
    uint64_t requests_ns = limiter_wait_ns(&cells->requests_minute, &limits->requests_minute, 1, now.mono_ns),
             tokens_ns = limiter_wait_ns(&cells->tokens_minute, &limits->tokens_minute, tokens, now.mono_ns),
             wait_ns = requests_ns > tokens_ns ? requests_ns : tokens_ns;
    if (wait_ns) *until_ns = now.mono_ns + wait_ns;
    if (wait_ns) return refusal_target_rate_limited;
    bool room = !limits->max_concurrent || gate_would_enter(&cells->gate, limits->max_concurrent);
    return room ? refusal_none : refusal_target_full;
}

enum refusal place_take(const struct candidate *candidate, uint64_t tokens, struct now now, struct holds *holds) {
    const struct target_limits *limits = candidate->limits;
    if (!limits) return refusal_none;
    struct place_cells *cells = limits->cells;
    CHECK(!holds->place_gate && !holds->place_requests.units && !holds->place_tokens.units);
    if (limits->max_concurrent) {
        holds->place_gate = gate_enter(&cells->gate, limits->max_concurrent);
        if (!holds->place_gate) return refusal_target_full;
    }
    if (limiter_take(&cells->requests_minute, &limits->requests_minute, 1, now.mono_ns, &holds->place_requests) &&
        limiter_take(&cells->tokens_minute, &limits->tokens_minute, tokens, now.mono_ns, &holds->place_tokens))
        return refusal_none;
    return refusal_target_rate_limited;
}

static void place_leave(const struct target_limits *limits, struct holds *holds) {
    bool handed = holds->place_gate && gate_leave(&limits->cells->gate, limits->max_concurrent);
    CHECK(!handed); /* nobody waits there */
    holds->place_gate = false;
}

void place_give_back(const struct candidate *candidate, struct holds *holds, struct now now) {
    const struct target_limits *limits = candidate->limits;
    if (!limits) return;
    place_leave(limits, holds);
    limiter_refund(&limits->cells->requests_minute, &limits->requests_minute, holds->place_requests, now.mono_ns);
    limiter_refund(&limits->cells->tokens_minute, &limits->tokens_minute, holds->place_tokens, now.mono_ns);
    holds->place_requests = holds->place_tokens = (struct limiter_ticket){.units = 0};
}

void place_settle(struct attempt *attempt, int64_t tokens, struct now now) {
    const struct target_limits *limits = attempt->candidate->limits;
    struct holds *holds = &attempt->holds;
    if (!limits) return;
    if (attempt->sent_ns == 0 && attempt->reply.status == 0) { /* nothing reached it */
        place_give_back(attempt->candidate, holds, now);
        return;
    }
    place_leave(limits, holds);
    if (tokens >= 0)
        limiter_settle(&limits->cells->tokens_minute, &limits->tokens_minute, holds->place_tokens, (uint64_t)tokens,
                       now.mono_ns);
}

bool refusal_is_rate(enum refusal refusal) {
    return refusal == refusal_rate_limited || refusal == refusal_target_rate_limited;
}

bool refusal_is_busy(enum refusal refusal) {
    return refusal_is_rate(refusal) || refusal == refusal_too_many_in_flight || refusal == refusal_target_full ||
           refusal == refusal_quota_room;
}

uint64_t place_first_token_ns(const struct candidate *candidate) {
    uint64_t own_ns = candidate->limits ? candidate->limits->first_token_timeout_ns : 0;
    return own_ns ? own_ns : candidate->target->provider->first_token_timeout_ns;
}

uint64_t place_reply_ns(const struct candidate *candidate) {
    uint64_t own_ns = candidate->limits ? candidate->limits->reply_timeout_ns : 0;
    return own_ns ? own_ns : candidate->target->provider->reply_timeout_ns;
}
