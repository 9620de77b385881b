/* sim_decisions.c - what decisions must keep, checked against plain counts that know nothing of words: places, rates,
 * breakers, the lock, the line. */
#include "sim.h"

#include <string.h>

void sim_reached(struct sim *sim, enum sim_mark mark) { sim->marks |= (sim_marks)1 << mark; }

unsigned sim_target_index(struct sim *sim, const struct target *target) {
    for (unsigned i = 0; i < sim_targets_max && target->cells; i++) {
        if (sim->target_ids[i] == 0) sim->target_ids[i] = target->id + 1;
        if (sim->target_ids[i] == target->id + 1) return i;
    }
    return sim_targets_max;
}

/* -- the naive breaker -- */

enum { nobodys = 1000 }; /* in a client's place */

static void circuit_begin(struct sim *sim, struct sim_circuit *circuit, const struct breaker_rules *rules,
                          unsigned number, bool *probe, unsigned *epoch) {
    if (circuit->state == breaker_open) {
        sim_rule(sim, sim->now.mono_ns >= circuit->until_ns, "no call goes to an open breaker", number);
        circuit->state = breaker_half_open;
        circuit->probes = circuit->successes = 0;
        sim_reached(sim, mark_breaker_probed);
    }
    *probe = circuit->state == breaker_half_open;
    *epoch = circuit->epoch;
    if (!*probe) return;
    sim_rule(sim, circuit->probes < rules->half_open_max_calls || sim->now.mono_ns >= circuit->until_ns,
             "a half-open breaker lets out no more than its calls", number);
    if (circuit->probes >= rules->half_open_max_calls) { /* places that expired */
        circuit->probes = circuit->successes = 0;
        *epoch = ++circuit->epoch;
    }
    circuit->until_ns = sim->now.mono_ns + rules->open_ns; /* when the places expire */
    circuit->probes++;
}

static void breaker_begin(struct sim *sim, struct sim_breaker *breaker, const struct breaker_rules *rules,
                          unsigned number, unsigned client, struct sim_ticket *ticket) {
    circuit_begin(sim, &breaker->all, rules, number, &ticket->all.probe, &ticket->all.epoch);
    ticket->own.probe = ticket->told = false;
    ticket->own.epoch = breaker->own.epoch;
    if (breaker->has_owner && breaker->owner == client)
        circuit_begin(sim, &breaker->own, rules, number, &ticket->own.probe, &ticket->own.epoch);
}

static void circuit_open(struct sim *sim, struct sim_circuit *circuit, const struct breaker_rules *rules,
                         uint64_t not_before_ns) {
    uint64_t until = sim->now.mono_ns + rules->open_ns;
    circuit->until_ns = until > not_before_ns ? until : not_before_ns;
    circuit->state = breaker_open;
    circuit->epoch++;
}

static bool counts(const struct sim_circuit *circuit, bool probe, unsigned epoch) {
    return epoch == circuit->epoch && probe == (circuit->state == breaker_half_open);
}

static void probe_release(struct sim *sim, struct sim_circuit *circuit, bool probe, unsigned epoch) {
    if (!probe || !counts(circuit, probe, epoch) || !circuit->probes) return;
    circuit->probes--;
    sim_reached(sim, mark_probe_released);
}

static bool probe_succeeds(struct sim *sim, struct sim_circuit *circuit, const struct breaker_rules *rules) {
    circuit->probes--;
    if (++circuit->successes < rules->success_threshold) return false;
    circuit->state = breaker_closed;
    circuit->epoch++;
    sim_reached(sim, mark_breaker_closed_again);
    return true;
}

/* One more failure in the row: with another client's they are two that count. */
static void row_count(struct sim_breaker *breaker, unsigned client) {
    if (client == nobodys) {
        breaker->struck++;
    } else if (breaker->left == 0 || breaker->left_of == client) {
        breaker->left++;
        breaker->left_of = client;
    } else {
        breaker->left--;
        breaker->struck += 2;
    }
}

static void breaker_fails(struct sim *sim, struct sim_breaker *breaker, const struct breaker_rules *rules,
                          const struct sim_ticket *ticket, unsigned client, uint64_t not_before_ns) {
    row_count(breaker, client);
    unsigned for_all = breaker->struck ? breaker->struck + (breaker->left > 0) : 0;
    if (for_all >= (ticket->all.probe ? 1 : rules->failure_threshold)) {
        circuit_open(sim, &breaker->all, rules, not_before_ns);
        breaker->left = breaker->struck = 0;
        sim_reached(sim, mark_breaker_opened);
        return;
    }
    if (!ticket->told) probe_release(sim, &breaker->all, ticket->all.probe, ticket->all.epoch);
    bool its = breaker->left >= rules->failure_threshold && breaker->left_of == client;
    if (ticket->own.probe || !(ticket->all.probe || its)) return;
    breaker->has_owner = true;
    breaker->owner = client;
    circuit_open(sim, &breaker->own, rules, not_before_ns);
    sim_reached(sim, ticket->all.probe ? mark_probe_spoiled_by_one : mark_breaker_opened_for_one);
}

static void breaker_tell(struct sim *sim, struct sim_breaker *breaker, const struct breaker_rules *rules,
                         const struct sim_ticket *ticket, unsigned client, int verdict, uint64_t not_before_ns) {
    bool mine = breaker->has_owner && breaker->owner == client, closed = false;
    bool old = mine && !counts(&breaker->own, ticket->own.probe, ticket->own.epoch);
    if (old || verdict == 0) {
        if (!ticket->told) probe_release(sim, &breaker->all, ticket->all.probe, ticket->all.epoch);
        if (mine && !ticket->told) probe_release(sim, &breaker->own, ticket->own.probe, ticket->own.epoch);
        return;
    }
    struct sim_ticket its = *ticket;
    its.own.probe = its.own.probe && mine;
    if (its.own.probe && verdict > 0) closed = probe_succeeds(sim, &breaker->own, rules);
    if (its.own.probe && verdict < 0) circuit_open(sim, &breaker->own, rules, not_before_ns);
    if (counts(&breaker->all, its.all.probe, its.all.epoch)) {
        if (verdict < 0) breaker_fails(sim, breaker, rules, &its, client, not_before_ns);
        if (verdict > 0) breaker->left = breaker->struck = 0;
        if (verdict > 0 && its.all.probe) closed |= probe_succeeds(sim, &breaker->all, rules);
    }
    if (closed) breaker->left = breaker->struck = 0;
}

static unsigned client_of(const struct sim_caller *caller) { return caller->client ? caller->client_index + 1 : 0; }

/* -- the line -- */

static const struct provider *line_of(const struct sim *sim, unsigned number) {
    return sim->callers[number].flight->waiting.candidate->target->provider;
}

/* Before it stands there: of several clients none takes all the places that are left. */
void sim_decisions_wait(struct sim *sim, unsigned number) {
    const struct provider *provider = line_of(sim, number);
    unsigned in_line = 0, own = 0;
    for (unsigned i = 0; i < sim->line_count; i++) {
        if (line_of(sim, sim->line[i])->cells != provider->cells) continue;
        in_line++;
        own += client_of(&sim->callers[sim->line[i]]) == client_of(&sim->callers[number]);
    }
    unsigned on_way = sim->world[sim_index(provider)].places_on_the_way;
    if (sim->callers[number].client && sim->client_total > 1)
        sim_rule(sim, own < provider->queue_max + on_way - in_line, "no client takes more of a line than it leaves",
                 number);
    sim->callers[number].joined = ++sim->line_order;
}

/* Who is served now is the first of its client, and no other client has waited for longer since both had a turn. */
void sim_decisions_turn(struct sim *sim, unsigned number) {
    const struct sim_caller *served = &sim->callers[number];
    const struct provider *provider = line_of(sim, number);
    uint64_t *turns = sim->turn_of[sim_index(provider)], last = turns[client_of(served)];
    for (unsigned i = 0; i < sim->line_count; i++) {
        const struct sim_caller *other = &sim->callers[sim->line[i]];
        if (sim->line[i] == number || line_of(sim, sim->line[i])->cells != provider->cells) continue;
        if (client_of(other) == client_of(served)) {
            sim_rule(sim, other->joined > served->joined, "in line a client's requests keep their order", number);
            continue;
        }
        bool passed_over = other->joined < last && turns[client_of(other)] < last;
        sim_rule(sim, !passed_over, "no client has two turns in line while another waits", number);
        if (other->joined < served->joined) sim_reached(sim, mark_clients_took_turns);
    }
    turns[client_of(served)] = ++sim->line_order;
}

/* -- rates -- */

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

/* -- events -- */

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

/* Beyond two, failovers of a route are a share of the requests, or fifty; the engine's window as above. */
static void failover_check(struct sim *sim, unsigned number, const struct flight *flight) {
    unsigned far = 1, came = 0;
    uint64_t now_ns = sim->now.mono_ns;
    const struct route_cells *route = flight->choice.route->cells;
    for (unsigned i = 0; i < sim->far_count; i++)
        far += sim->far[i].route == route && sim->far[i].at_ns + 5 * NS_PER_S > now_ns;
    for (unsigned i = 0; i < sim->came_count; i++) came += sim->came_ns[i] + 10 * NS_PER_S >= now_ns;
    if (!route || sim->far_count == sim_calls_max || sim->came_count == sim_calls_max) return;
    sim->far[sim->far_count].at_ns = now_ns;
    sim->far[sim->far_count++].route = route;
    sim_rule(sim, far <= 50 || (uint64_t)far * 1000 <= (uint64_t)came * sim->failover_permille,
             "no more failovers than their budget allows", number);
}

void sim_decisions_outage(struct sim *sim) {
    const struct route *route = map_find(&sim->config.snapshot->exact_routes, STR("fast"));
    struct route_cells *cells = route ? route->cells : NULL;
    while (cells && sim->far_count < sim_calls_max / 2 &&
           share_take_of(&cells->failovers, &cells->retries, sim->failover_permille, 50, sim->now.mono_ns)) {
        sim->far[sim->far_count].at_ns = sim->now.mono_ns;
        sim->far[sim->far_count++].route = cells;
    }
}

/* Good ones, bad ones, and such as say nothing. */
void sim_decisions_probes(struct sim *sim, unsigned index) {
    struct sim_provider *world = &sim->world[index];
    if (index >= sim->provider_total || !world->latest) return;
    unsigned count = (unsigned)sim_between(&sim->poison, 1, 4), bad = sim_chance(&sim->poison, 50) ? 90 : 30;
    for (unsigned i = 0; i < count; i++) {
        bool fails = sim_chance(&sim->poison, bad), refused = !fails && sim_chance(&sim->poison, 30);
        probes_note(&world->latest->cells->probes, fails ? probe_bad : refused ? probe_says_nothing : probe_good);
        if (fails)
            world->probes_bad++;
        else if (!refused || world->probes_bad < 2)
            world->probes_bad = 0;
    }
}

/* Does a lock say who of its route serves? */
static bool is_locked(const struct candidate *candidate) {
    return candidate->level->by == strategy_exclusive && candidate->level->route->cells;
}

/* Whose last two probes were bad, with no answer since, is asked when nobody else is left that could be. */
static void demoted_check(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct flight *flight = sim->callers[number].flight;
    bool demoted = sim->world[sim_index(attempt->target->provider)].probes_bad >= 2, other = false, passed = false;
    if (flight->choice.by == strategy_exclusive || flight->steering.targets.at || attempt->candidate->tries > 1) return;
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        if (candidate->refusal != refusal_none || candidate->raced || candidate->tries) continue;
        bool well = sim->world[sim_index(candidate->target->provider)].probes_bad < 2;
        other |= well;
        passed |= !well;
    }
    sim_rule(sim, !demoted || !other, "whose probes fail is asked after all others", number);
    if (passed && !demoted) sim_reached(sim, mark_demoted_passed_over);
    if (demoted) sim_reached(sim, mark_demoted_asked);
}

/* Is it a retry, or a failover? Each has its own bound. */
static void repeats_check(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    unsigned repeats = 0;
    for (size_t i = 0; i < flight->choice.count; i++)
        if (flight->choice.candidates[i].tries > 1 && !is_locked(&flight->choice.candidates[i]))
            repeats += flight->choice.candidates[i].tries - 1u;
    sim_rule(sim, repeats <= sim->retries_max || flight->choice.by == strategy_exclusive,
             "targets that were tried are tried again within their limit", number);
    bool next = attempt->number && attempt_made_one(flight->attempts[attempt->number - 1]); /* of several answers */
    if (attempt->number && !attempt->hedge && !next && attempt->candidate->tries == 1 && ++caller->failovers > 2)
        failover_check(sim, number, flight);
}

void sim_decisions_admitted(struct sim *sim, const struct flight *flight) {
    if (sim->came_count < sim_calls_max) sim->came_ns[sim->came_count++] = sim->now.mono_ns;
    if (flight->choice.route && flight->choice.route->hedge.on && flight->choice.route->cells &&
        sim->hedgeable_count < sim_calls_max)
        sim->hedgeable_ns[sim->hedgeable_count++] = sim->now.mono_ns;
}

/* It had its turns there, or through another route, or its client is kept out alone. */
static bool is_failed_by(const struct flight *flight, const struct level *level, uint32_t holder) {
    for (unsigned i = 0; i < flight->attempt_count; i++)
        if (flight->attempts[i]->target->id == holder && flight->attempts[i]->candidate->level != level) return true;
    for (size_t i = level->first; i < level->end; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        if (candidate->target->id != holder) continue;
        bool once = candidate->tries &&
                    (failure_is_timeout(candidate->failure) || candidate->failure == failure_context_exceeded ||
                     candidate->failure == failure_filtered);
        return once || candidate->tries >= level->route->failover_after ||
               candidate->refusal == refusal_breaker_open_for_client ||
               candidate->refusal == refusal_cooling_for_client || candidate->refusal == refusal_budget ||
               candidate->refusal == refusal_budget_room || candidate->refusal == refusal_limit_rate ||
               candidate->refusal == refusal_limit_full;
    }
    return false;
}

void sim_decisions_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    const struct provider *provider = attempt->target->provider;
    struct sim_provider *world = &sim->world[sim_index(provider)];
    unsigned target = sim_target_index(sim, attempt->target);
    sim_rule(sim, provider->state == provider_active, "no call goes to a drained provider", number);
    sim_rule(sim, !(caller->forbidden >> sim_index(provider) & 1),
             "who came after a provider was removed or drained is not sent there", number);
    if (world->absent) sim_reached(sim, mark_removed_in_flight);
    world->live++;
    sim_rule(sim, provider->max_concurrent == 0 || world->live <= provider->max_concurrent,
             "no provider has more requests than it takes", number);
    caller->began |= 1ull << attempt->number;
    breaker_begin(sim, &sim->provider_breakers[sim_index(provider)], &world->breaker, number, nobodys,
                  &caller->provider_tickets[attempt->number]);
    if (target < sim_targets_max && attempt->target->cells)
        breaker_begin(sim, &sim->target_breakers[target], &world->breaker, number, client_of(caller),
                      &caller->tickets[attempt->number]);
    rate_check(sim, number, provider);
    repeats_check(sim, number, attempt);
    sim_keys_call(sim, number, attempt);
    sim_rule(sim, attempt->candidate->tries == 1 || !failure_is_timeout(attempt->candidate->failure),
             "what timed out is not asked again for the same request", number);
    demoted_check(sim, number, attempt);
    sim_prefix_call(sim, number, attempt);
    if (attempt->hedge) hedge_check(sim, number);
    if (is_locked(attempt->candidate)) {
        const struct level *level = attempt->candidate->level;
        struct lock_view view = lock_view(&level->route->cells->lock);
        bool guest = attempt->lock_epoch == 0 && is_failed_by(flight, level, view.holder);
        if (level->around) sim_reached(sim, mark_lock_inside);
        sim_rule(sim, guest || (view.holder == attempt->target->id && view.epoch == attempt->lock_epoch),
                 "an exclusive route sends to the lock's holder only, or as a guest who was failed by it", number);
        if (guest) sim_reached(sim, mark_lock_guest);
    }
    if (attempt->holds.key) sim_reached(sim, mark_key_rotated);
    if (attempt->candidate->tries > 1) sim_reached(sim, mark_retried_same_target);
    sim_rule(sim,
             attempt->candidate->tries <= 1 + provider->max_retries || is_locked(attempt->candidate) ||
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

/* A planted bug: the failure counts for all, whoever met it. */
static void tamper_breaker(struct sim *sim, const struct attempt *attempt, int of_target) {
    struct breaker_ticket ticket;
    const struct breaker_rules *rules = &attempt->target->provider->breaker;
    if (sim->mutant != mutant_one_opens || of_target >= 0 || !attempt->target->cells) return;
    struct breaker *breaker = &attempt->target->cells->breaker;
    if (breaker_admit(breaker, rules, blame_nobody, sim->now.mono_ns, &ticket))
        (void)breaker_report(breaker, rules, sim->now.mono_ns, ticket, false, 0);
}

static void tell_both(struct sim *sim, struct sim_caller *caller, const struct attempt *attempt, bool good_token) {
    const struct provider *provider = attempt->target->provider;
    const struct breaker_rules *rules = &sim->world[sim_index(provider)].breaker;
    unsigned target = sim_target_index(sim, attempt->target), n = attempt->number;
    int of_provider = good_token ? 1 : verdict_of(attempt->failure, true),
        of_target = good_token ? 1 : verdict_of(attempt->failure, false);
    bool told = caller->told[n] && !good_token;
    if (!told || of_provider < 0)
        breaker_tell(sim, &sim->provider_breakers[sim_index(provider)], rules, &caller->provider_tickets[n], nobodys,
                     of_provider, 0);
    if (target < sim_targets_max && attempt->target->cells && (!told || of_target < 0))
        breaker_tell(sim, &sim->target_breakers[target], rules, &caller->tickets[n], client_of(caller), of_target,
                     attempt->reply.retry_after_ms > 0
                         ? sim->now.mono_ns + (uint64_t)attempt->reply.retry_after_ms * NS_PER_MS
                         : 0);
    caller->tickets[n].told = caller->provider_tickets[n].told |= good_token;
    if (of_target > 0) sim->world[sim_index(provider)].probes_bad = 0;
    if (sim->mutant == mutant_probes_ignored) probes_answered(&provider->cells->probes);
    tamper_breaker(sim, attempt, of_target);
}

void sim_decisions_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    if (!(caller->began >> attempt->number & 1)) return; /* it could not even begin */
    caller->began &= ~(1ull << attempt->number);
    sim->world[sim_index(attempt->target->provider)].live--;
    if (attempt->holds.reported && !caller->told[attempt->number]) { /* in the same step */
        caller->told[attempt->number] = true;
        tell_both(sim, caller, attempt, true);
    }
    tell_both(sim, caller, attempt, false);
    sim_prefix_settled(sim, number, attempt);
    if (attempt->sent_ns == 0 && attempt->reply.status == 0) rate_forget(sim, attempt);
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
    for (size_t t = 0; t < snapshot->target_count; t++) {
        const struct target *target = &snapshot->targets[t];
        unsigned index = sim_target_index(sim, target);
        struct breaker_view view =
            breaker_view(&target->cells->breaker, &target->provider->breaker, blame_nobody, sim->now.mono_ns);
        if (index < sim_targets_max && view.state == breaker_open)
            sim_rule(sim, sim->target_breakers[index].all.state == breaker_open,
                     "a breaker opens for all by several clients' failures only", number);
    }
    for (size_t p = 0; p < snapshot->provider_count; p++) {
        const struct provider *provider = &snapshot->providers[p];
        const struct sim_provider *world = &sim->world[sim_index(provider)];
        unsigned in_line = 0;
        for (unsigned i = 0; i < sim->line_count; i++)
            in_line += sim->callers[sim->line[i]].flight->waiting.candidate->target->provider->cells == provider->cells;
        sim_rule(sim, gate_waiting(&provider->cells->gate) == (int)in_line - (int)world->places_on_the_way,
                 "who waits by the word stands in line", number);
        sim_rule(sim, in_line <= provider->queue_max + world->places_on_the_way, "the line keeps to its limit", number);
        sim_rule(sim, gate_in_use(&provider->cells->gate) <= world->live + world->places_on_the_way,
                 "every place in use has its attempt", number);
    }
}

void sim_decisions_rest(struct sim *sim) {
    const struct snapshot *snapshot = sim->config.snapshot;
    sim_money_rest(sim);
    sim_quota_rest(sim);
    sim_limits_rest(sim);
    sim_rule(sim, sim->line_count == 0, "at rest nobody stands in line", 0);
    for (size_t p = 0; p < snapshot->provider_count; p++)
        sim_rule(sim, cell_load(&snapshot->providers[p].cells->gate) == 0, "at rest every place is free", 0);
    for (size_t t = 0; t < snapshot->target_count; t++) {
        const struct target *target = &snapshot->targets[t];
        const struct breaker *breaker = &target->cells->breaker;
        const struct breaker_rules *rules = &target->provider->breaker;
        uint64_t owner = cell_load(&breaker->owner), now_ns = sim->now.mono_ns;
        sim_rule(sim, cell_load(&target->cells->in_flight) == 0, "at rest nothing is in flight", 0);
        sim_rule(sim,
                 breaker_view(breaker, rules, blame_nobody, now_ns).calls_out == 0 &&
                     breaker_view(breaker, rules, owner, now_ns).calls_out == 0,
                 "at rest no probe is out", 0);
    }
    for (size_t c = 0; c < snapshot->client_count; c++)
        sim_rule(sim, cell_load(&snapshot->clients[c].cells->gate) == 0, "at rest no client has requests", 0);
}
