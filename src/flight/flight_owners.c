/* flight_owners.c - the rates and places of all who own a request's client: it passes when each of them passes, from
 * the nearest up. Invariant: of all that have limits something is taken, or of none; what owners_take took,
 * owners_settle gives back or settles, once. */
#include "base/check.h"
#include "flight/flight_internal.h"

static size_t owners_with_limits(const struct client *client) {
    size_t count = 0;
    for (const struct owner *owner = client->in; owner; owner = owner->in) count += owner->has_limits;
    return count;
}

static uint64_t owner_tokens(const struct flight *flight, const struct owner *owner, int64_t output) {
    return (uint64_t)(flight->prompt_tokens + taken_reserve(&owner->cells->taken, output));
}

static uint64_t owner_wait(const struct flight *flight, const struct owner *owner, int64_t output, struct now now) {
    const struct rate_rules *rules = &owner->rates;
    const struct client_cells *cells = owner->cells;
    uint64_t waits[] = {limiter_wait_ns(&cells->requests_minute, &rules->requests_minute, 1, now.mono_ns),
                        limiter_wait_ns(&cells->requests_hour, &rules->requests_hour, 1, now.mono_ns),
                        limiter_wait_ns(&cells->tokens_minute, &rules->tokens_minute,
                                        owner_tokens(flight, owner, output), now.mono_ns)},
             longest = 0;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] > longest) longest = waits[i];
    return longest;
}

enum error_code owners_look(const struct flight *flight, int64_t output, struct now now, uint64_t *until_ns) {
    for (const struct owner *owner = flight->client->in; owner; owner = owner->in) {
        if (!owner->has_limits) continue;
        if (!gate_would_enter(&owner->cells->gate, owner->max_concurrent)) return error_too_many_in_flight;
        uint64_t wait = owner_wait(flight, owner, output, now);
        if (wait) *until_ns = now.mono_ns + wait;
        if (wait) return error_rate_limited;
    }
    return error_none;
}

static void owner_refund(const struct owner_hold *hold, struct now now) {
    const struct rate_rules *rules = &hold->owner->rates;
    struct client_cells *cells = hold->owner->cells;
    limiter_refund(&cells->requests_minute, &rules->requests_minute, hold->requests_minute, now.mono_ns);
    limiter_refund(&cells->requests_hour, &rules->requests_hour, hold->requests_hour, now.mono_ns);
    limiter_refund(&cells->tokens_minute, &rules->tokens_minute, hold->tokens, now.mono_ns);
}

static void owner_leave(const struct owner *owner) {
    bool handed = gate_leave(&owner->cells->gate, owner->max_concurrent);
    CHECK(!handed); /* owners have no line */
}

static enum error_code owner_take(const struct flight *flight, const struct owner *owner, int64_t output,
                                  struct now now, struct owner_hold *hold) {
    const struct rate_rules *rules = &owner->rates;
    struct client_cells *cells = owner->cells;
    *hold = (struct owner_hold){.owner = owner};
    if (!gate_enter(&cells->gate, owner->max_concurrent)) return error_too_many_in_flight;
    if (limiter_take(&cells->requests_minute, &rules->requests_minute, 1, now.mono_ns, &hold->requests_minute) &&
        limiter_take(&cells->requests_hour, &rules->requests_hour, 1, now.mono_ns, &hold->requests_hour) &&
        limiter_take(&cells->tokens_minute, &rules->tokens_minute, owner_tokens(flight, owner, output), now.mono_ns,
                     &hold->tokens))
        return error_none;
    owner_refund(hold, now);
    owner_leave(owner);
    return error_rate_limited;
}

enum error_code owners_take(struct flight *flight, int64_t output, struct now now, uint64_t *until_ns) {
    struct client_holds *holds = &flight->client_holds;
    size_t count = owners_with_limits(flight->client);
    CHECKF(holds->owner_count == 0, "owners=%u", holds->owner_count);
    if (count == 0) return error_none;
    holds->owners = arena_take(&flight->arena, count * sizeof *holds->owners);
    if (!holds->owners) return error_out_of_memory;
    for (const struct owner *owner = flight->client->in; owner; owner = owner->in) {
        if (!owner->has_limits) continue;
        enum error_code code = owner_take(flight, owner, output, now, &holds->owners[holds->owner_count]);
        if (code == error_none) {
            holds->owner_count++;
            continue;
        }
        uint64_t wait = code == error_rate_limited ? owner_wait(flight, owner, output, now) : 0;
        *until_ns = wait ? now.mono_ns + wait : 0;
        flight->answer.refused =
            arena_printf(&flight->arena, "%.*s %.*s %.*s: try again later.",
                         STR_ARG(code == error_rate_limited ? STR("The rate limit of")
                                                            : STR("As many requests are in flight as may be of")),
                         STR_ARG(owner->kind), STR_ARG(owner->name));
        owners_give_back(flight, now);
        return code;
    }
    return error_none;
}

void owners_give_back(struct flight *flight, struct now now) {
    struct client_holds *holds = &flight->client_holds;
    while (holds->owner_count) {
        const struct owner_hold *hold = &holds->owners[--holds->owner_count];
        owner_refund(hold, now);
        owner_leave(hold->owner);
    }
}

void owners_settle(struct flight *flight, int64_t tokens, struct now now) {
    struct client_holds *holds = &flight->client_holds;
    while (holds->owner_count) {
        const struct owner_hold *hold = &holds->owners[--holds->owner_count];
        struct client_cells *cells = hold->owner->cells;
        if (tokens >= 0)
            limiter_settle(&cells->tokens_minute, &hold->owner->rates.tokens_minute, hold->tokens, (uint64_t)tokens,
                           now.mono_ns);
        for (unsigned i = 0; i < flight->attempt_count; i++)
            if (flight->attempts[i]->failure == failure_none && !flight->attempts[i]->usage_estimated)
                taken_note(&cells->taken, flight->attempts[i]->usage.output_tokens);
        owner_leave(hold->owner);
    }
}
