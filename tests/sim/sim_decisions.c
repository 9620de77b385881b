/* sim_decisions.c - what decisions must keep, checked against plain counts that know nothing of words: places, rates,
 * breakers, the lock, the line. */
#include "sim.h"

#include <string.h>

void sim_reached(struct sim *sim, enum sim_mark mark) { sim->marks |= 1ull << mark; }

static unsigned target_index(struct sim *sim, const struct target *target) {
    for (unsigned i = 0; i < sim_targets_max && target->cells; i++) {
        if (sim->target_ids[i] == 0) sim->target_ids[i] = target->id + 1;
        if (sim->target_ids[i] == target->id + 1) return i;
    }
    return sim_targets_max;
}

/* -- the naive breaker ------------------------------------------------------------------------------------------------
 */

static void breaker_begin(struct sim *sim, struct sim_breaker *breaker, const struct breaker_rules *rules,
                          unsigned number, bool *probe, unsigned *epoch) {
    if (breaker->state == breaker_open) {
        sim_rule(sim, sim->now.mono_ns >= breaker->until_ns, "no call goes to an open breaker", number);
        breaker->state = breaker_half_open;
        breaker->probes = breaker->successes = 0;
        sim_reached(sim, mark_breaker_probed);
    }
    *probe = breaker->state == breaker_half_open;
    *epoch = breaker->epoch;
    if (!*probe) return;
    sim_rule(sim, breaker->probes < rules->half_open_max_calls || sim->now.mono_ns >= breaker->until_ns,
             "a half-open breaker lets out no more than its calls", number);
    if (breaker->probes >= rules->half_open_max_calls) { /* places that expired */
        breaker->probes = breaker->successes = 0;
        *epoch = ++breaker->epoch;
    }
    breaker->until_ns = sim->now.mono_ns + rules->open_ns; /* when the places expire */
    breaker->probes++;
}

static void breaker_tell(struct sim *sim, struct sim_breaker *breaker, const struct breaker_rules *rules, bool probe,
                         unsigned epoch, int verdict, uint64_t not_before_ns) {
    if (epoch != breaker->epoch || probe != (breaker->state == breaker_half_open)) return;
    if (verdict == 0) {
        if (probe && breaker->probes) {
            breaker->probes--;
            sim_reached(sim, mark_probe_released);
        }
        return;
    }
    if (verdict > 0) {
        breaker->in_a_row = 0;
        if (!probe) return;
        breaker->probes--;
        if (++breaker->successes < rules->success_threshold) return;
        breaker->state = breaker_closed;
        breaker->epoch++;
        sim_reached(sim, mark_breaker_closed_again);
        return;
    }
    if (!probe && ++breaker->in_a_row < rules->failure_threshold) return;
    uint64_t until = sim->now.mono_ns + rules->open_ns;
    breaker->until_ns = until > not_before_ns ? until : not_before_ns;
    breaker->state = breaker_open;
    breaker->in_a_row = 0;
    breaker->epoch++;
    sim_reached(sim, mark_breaker_opened);
}

/* -- rates ------------------------------------------------------------------------------------------------------------
 */

/* In no stretch of time more than the burst and what the rate gives: every earlier request is a stretch's beginning. */
static void rate_check(struct sim *sim, unsigned number, const struct provider *provider) {
    struct sim_provider *world = &sim->world[sim_index(provider)];
    const struct limiter_rules *rules = &world->minute;
    if (rules->limit == 0 || world->sent_count == sim_calls_max) return;
    world->sent_ns[world->sent_count++] = sim->now.mono_ns;
    for (unsigned i = 0; i < world->sent_count; i++) {
        uint64_t stretch = sim->now.mono_ns - world->sent_ns[i];
        double most = (double)rules->burst + (double)stretch * (double)rules->limit / (double)rules->period_ns + 1e-6;
        if (!sim_rule(sim, world->sent_count - i <= most, "a rate is never passed by more than its burst", number))
            return;
    }
}

/* What went back unsent never counted. */
static void rate_forget(struct sim *sim, const struct attempt *attempt) {
    struct sim_provider *world = &sim->world[sim_index(attempt->target->provider)];
    for (unsigned i = world->sent_count; i-- > 0;)
        if (world->sent_ns[i] == attempt->started_ns) {
            memmove(world->sent_ns + i, world->sent_ns + i + 1, (--world->sent_count - i) * sizeof *world->sent_ns);
            return;
        }
}

/* -- events -----------------------------------------------------------------------------------------------------------
 */

/* Of the requests of 10 s no more than the share is hedged, or one: the engine's window is between 5 and 10 s long. */
static void hedge_check(struct sim *sim, unsigned number) {
    unsigned hedged = 1, came = 0;
    uint64_t now_ns = sim->now.mono_ns;
    for (unsigned i = 0; i < sim->hedged_count; i++) hedged += sim->hedged_ns[i] + 5 * NS_PER_S > now_ns;
    for (unsigned i = 0; i < sim->hedgeable_count; i++) came += sim->hedgeable_ns[i] + 10 * NS_PER_S >= now_ns;
    if (sim->hedgeable_count == sim_calls_max || sim->hedged_count == sim_calls_max) return;
    sim->hedged_ns[sim->hedged_count++] = now_ns;
    sim_rule(sim, hedged <= 1 || (uint64_t)hedged * 1000 <= (uint64_t)came * sim->hedge_permille,
             "no more than the share is hedged", number);
}

void sim_decisions_admitted(struct sim *sim, const struct flight *flight) {
    if (flight->route && flight->route->hedge.on && flight->route->cells && sim->hedgeable_count < sim_calls_max)
        sim->hedgeable_ns[sim->hedgeable_count++] = sim->now.mono_ns;
}

void sim_decisions_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    const struct provider *provider = attempt->target->provider;
    struct sim_provider *world = &sim->world[sim_index(provider)];
    unsigned target = target_index(sim, attempt->target);
    sim_rule(sim, provider->state == provider_active, "no call goes to a drained provider", number);
    sim_rule(sim, !(caller->forbidden >> sim_index(provider) & 1),
             "who came after a provider was removed or drained is not sent there", number);
    if (world->absent) sim_reached(sim, mark_removed_in_flight);
    world->live++;
    sim_rule(sim, provider->max_concurrent == 0 || world->live <= provider->max_concurrent,
             "no provider has more requests than it takes", number);
    caller->began |= 1u << attempt->number;
    breaker_begin(sim, &sim->provider_breakers[sim_index(provider)], &world->breaker, number,
                  &caller->provider_probes[attempt->number], &caller->provider_epochs[attempt->number]);
    if (target < sim_targets_max && attempt->target->cells)
        breaker_begin(sim, &sim->target_breakers[target], &world->breaker, number, &caller->probes[attempt->number],
                      &caller->epochs[attempt->number]);
    rate_check(sim, number, provider);
    if (attempt->hedge) hedge_check(sim, number);
    if (flight->by == strategy_exclusive && flight->route->cells) {
        struct lock_view view = lock_view(&flight->route->cells->lock);
        sim_rule(sim, view.holder == attempt->target->id && view.epoch == attempt->lock_epoch,
                 "an exclusive route sends to the lock's holder only", number);
    }
    if (attempt->holds.key) sim_reached(sim, mark_key_rotated);
    if (attempt->candidate->tries > 1) sim_reached(sim, mark_retried_same_target);
    sim_rule(sim,
             attempt->candidate->tries <= 1 + provider->max_retries || flight->by == strategy_exclusive ||
                 provider->key_count > 1,
             "a provider's own cap on attempts holds", number);
}

/* The same table as the engine's would prove nothing: this one is written from the manual. */
static int verdict_of(enum failure failure, bool provider) {
    switch (failure) {
    case failure_none:
    case failure_bad_request:
    case failure_conflict:
    case failure_not_found: return 1;
    case failure_authentication:
    case failure_forbidden:
    case failure_payment:
    case failure_quota_exhausted:
    case failure_rate_limited: return provider ? 1 : 0;
    case failure_no_connection:
    case failure_system:
    case failure_request_deadline:
    case failure_outpaced:
    case failure_caller_gone: return 0;
    case failure_dns:
    case failure_connect:
    case failure_connect_timeout:
    case failure_tls:
    case failure_proxy: return provider ? -1 : 0;
    default: return provider ? 1 : -1;
    }
}

static void tell_both(struct sim *sim, struct sim_caller *caller, const struct attempt *attempt, bool good_token) {
    const struct provider *provider = attempt->target->provider;
    const struct breaker_rules *rules = &sim->world[sim_index(provider)].breaker;
    unsigned target = target_index(sim, attempt->target), n = attempt->number;
    int of_provider = good_token ? 1 : verdict_of(attempt->failure, true),
        of_target = good_token ? 1 : verdict_of(attempt->failure, false);
    bool told = caller->told[n] && !good_token;
    if (!told || of_provider < 0)
        breaker_tell(sim, &sim->provider_breakers[sim_index(provider)], rules, caller->provider_probes[n],
                     caller->provider_epochs[n], of_provider, 0);
    if (target < sim_targets_max && attempt->target->cells && (!told || of_target < 0))
        breaker_tell(sim, &sim->target_breakers[target], rules, caller->probes[n], caller->epochs[n], of_target,
                     attempt->retry_after_ms > 0 ? sim->now.mono_ns + (uint64_t)attempt->retry_after_ms * NS_PER_MS
                                                 : 0);
}

void sim_decisions_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    if (!(caller->began >> attempt->number & 1)) return; /* it could not even begin */
    caller->began &= ~(1u << attempt->number);
    sim->world[sim_index(attempt->target->provider)].live--;
    if (attempt->holds.reported && !caller->told[attempt->number]) { /* in the same step */
        caller->told[attempt->number] = true;
        tell_both(sim, caller, attempt, true);
    }
    tell_both(sim, caller, attempt, false);
    if (attempt->sent_ns == 0 && attempt->status == 0) rate_forget(sim, attempt);
}

/* After each step: first tokens are told, the lock has moved with its epoch, the line is as long as its word says. */
void sim_decisions_step(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    const struct snapshot *snapshot = sim->config.snapshot;
    const struct attempt *live = flight ? flight->live : NULL;
    if (live && live->holds.reported && !caller->told[live->number] && live->state != attempt_settled) {
        caller->told[live->number] = true;
        tell_both(sim, caller, live, true);
    }
    const struct route *route = map_find(&snapshot->exact_routes, STR("lock"));
    if (route) {
        struct lock_view view = lock_view(&route->cells->lock);
        sim_rule(sim,
                 (view.epoch == sim->lock.epoch) == (view.holder == sim->lock.holder) || view.epoch == 0 ||
                     view.epoch > sim->lock.epoch + 1,
                 "the lock moves with its epoch, and its epoch with it", number);
        sim_rule(sim, view.epoch >= sim->lock.epoch, "an epoch never goes back", number);
        if (view.epoch > sim->lock.epoch && sim->lock.epoch) sim_reached(sim, mark_lock_moved);
        sim->lock = view;
    }
    for (size_t p = 0; p < snapshot->provider_count; p++) {
        const struct provider *provider = &snapshot->providers[p];
        const struct sim_provider *world = &sim->world[sim_index(provider)];
        unsigned in_line = 0;
        for (unsigned i = 0; i < sim->line_count; i++)
            in_line += sim->callers[sim->line[i]].flight->waits_for->target->provider->cells == provider->cells;
        sim_rule(sim, gate_waiting(&provider->cells->gate) == (int)in_line - (int)world->places_on_the_way,
                 "who waits by the word stands in line", number);
        sim_rule(sim, in_line <= provider->queue_max + world->places_on_the_way, "the line keeps to its limit", number);
        sim_rule(sim, gate_in_use(&provider->cells->gate) <= world->live + world->places_on_the_way,
                 "every place in use has its attempt", number);
    }
}

void sim_decisions_rest(struct sim *sim) {
    const struct snapshot *snapshot = sim->config.snapshot;
    sim_rule(sim, sim->line_count == 0, "at rest nobody stands in line", 0);
    for (size_t p = 0; p < snapshot->provider_count; p++)
        sim_rule(sim, cell_load(&snapshot->providers[p].cells->gate) == 0, "at rest every place is free", 0);
    for (size_t t = 0; t < snapshot->target_count; t++) {
        const struct target *target = &snapshot->targets[t];
        struct breaker_view view = breaker_view(&target->cells->breaker, &target->provider->breaker, sim->now.mono_ns);
        sim_rule(sim, cell_load(&target->cells->in_flight) == 0, "at rest nothing is in flight", 0);
        sim_rule(sim, view.calls_out == 0, "at rest no probe is out", 0);
    }
    for (size_t c = 0; c < snapshot->client_count; c++)
        sim_rule(sim, cell_load(&snapshot->clients[c].cells->gate) == 0, "at rest no client has requests", 0);
}
