/* flight_choose.c - which candidate is next: those who may serve now, the strategy's choice among them, until each has
 * been asked once; then the same target again after a pause; then waiting for a place or a rate; then the answer that
 * says why not.
 *
 * Must never: send without holds, wait past the deadline, try again once a byte has reached the caller. */
#include "base/check.h"
#include "flight/flight_internal.h"

struct str refusal_name(enum refusal refusal) {
    static const char *const names[refusals] = {[refusal_none] = "none",
#define X(name, sentence) [refusal_##name] = #name,
                                                REFUSAL_TABLE(X)
#undef X
    };
    CHECKF((unsigned)refusal < refusals, "refusal=%d", (int)refusal);
    return str_from(names[refusal]);
}

/* -- the choice -- */

/* A target that was tried may be tried again only so often in all. */
static bool may_repeat(const struct flight *flight) {
    return flight->choice.repeats < flight->choice.route->retry.max_retries;
}

/* Calls that made an answer are none of those that a route may have too many of. */
static unsigned attempts_counted(const struct flight *flight) { return flight->attempt_count - flight->calls.done; }

/* Another key of the same provider may do what the last one could not. */
static bool has_other_key(const struct flight *flight, const struct candidate *candidate) {
    enum failure failure = candidate->failure;
    return failure_facts(failure)->fault == fault_key && may_repeat(flight) &&
           candidate->tries < candidate->target->provider->key_count;
}

/* Two failovers are each request's own. Those beyond them are a share of the requests, so that an outage is not
 * multiplied by its targets. */
enum { failovers_own = 2 };

static bool is_far_failover(const struct flight *flight, const struct candidate *candidate) {
    return flight->attempt_count && !candidate->tries && flight->choice.failovers >= failovers_own &&
           flight->choice.route->cells && !calls_last(flight);
}

static bool failover_fits(const struct flight *flight, const struct candidate *candidate, struct now now) {
    return !is_far_failover(flight, candidate) || extra_would_take(flight, extra_failover, now);
}

static bool failover_take(const struct flight *flight, const struct candidate *candidate, struct now now) {
    return !is_far_failover(flight, candidate) || extra_take(flight, extra_failover, now);
}

void choice_look(struct flight *flight, struct candidate *candidate, struct now now, uint64_t *soonest_ns) {
    uint64_t until_ns = 0;
    candidate->demoted = hold_is_demoted(flight, candidate)                    ? demoted_by_probes
                         : candidate->emulates && !flight->steering.targets.at ? demoted_emulates
                                                                               : demoted_not;
    struct error error;
    bool goes_on = resume_has(flight) || calls_has(flight);
    if (goes_on && !way_of(flight, candidate->target)->fits(flight, candidate->target, &error)) {
        candidate->refusal = refusal_cannot_go_on;
        return;
    }
    if (level_was_asked(flight, candidate) && !(candidate->tries && has_other_key(flight, candidate)))
        candidate->refusal = refusal_tried;
    else if (!failover_fits(flight, candidate, now))
        candidate->refusal = refusal_failover_budget;
    else
        candidate->refusal = hold_look(flight, candidate, now, &until_ns);
    if (until_ns && until_ns < *soonest_ns) *soonest_ns = until_ns;
}

int64_t choice_cost(const struct flight *flight, const struct candidate *candidate) {
    return prefix_cost_at(flight, candidate, 0, 0, 0);
}

/* Which strategies look at load, latency and health. */
static const bool measures[strategies] = {[strategy_least_loaded] = true,
                                          [strategy_fastest_response] = true,
                                          [strategy_cost_optimized] = true,
                                          [strategy_adaptive] = true};

bool choice_measures(enum strategy strategy) { return measures[strategy]; }

static struct pick_candidate choose_facts_of(const struct flight *flight, const struct level *level,
                                             const struct candidate *candidate, struct now now) {
    const uint64_t fading_ns = 60 * NS_PER_S;
    const struct target *target = candidate->target;
    const struct provider *provider = target->provider;
    struct health_input health = {.success = 1};
    struct pick_candidate facts = {
        .priority = flight->steering.targets.at ? candidate - flight->choice.candidates : provider->priority,
        .weight = candidate->weight,
        .max_concurrent = provider->max_concurrent,
        .cost_nano_usd = -1,
        .quota_left = 1,
        .health = 1,
        .ramp = breaker_ramp(&provider->cells->breaker, &provider->breaker, blame_nobody, now.mono_ns),
        .name_hash = target->name_hash,
        .pass = candidate->place ? cell_load(&candidate->place->pass) : 0,
        .in_flight = gate_in_use(&provider->cells->gate),
    };
    if (level->by == strategy_adaptive) facts.quota_left = quota_left_of(provider, now);
    if (level->by == strategy_cost_optimal || level->by == strategy_cost_optimized)
        facts.cost_nano_usd = choice_cost(flight, candidate);
    if (target->cells) {
        double ramp = breaker_ramp(&target->cells->breaker, &provider->breaker, flight->client_hash, now.mono_ns);
        if (ramp < facts.ramp) facts.ramp = ramp;
        if (!measures[level->by]) return facts;
        facts.latency_ns = latency_read(&target->cells->latency, fading_ns, now.mono_ns);
        facts.in_flight = gate_in_use(&target->cells->in_flight);
        health.slowness = pace_slowness(&target->cells->pace.slowness);
        health.breaker =
            breaker_view(&target->cells->breaker, &provider->breaker, flight->client_hash, now.mono_ns).state;
    }
    health.success = success_read(&provider->cells->success);
    facts.health = health_score(&health);
    return facts;
}

/* An inner route is one target: as its best one is, with its own place, weight and name. */
static struct pick_candidate member_facts(const struct flight *flight, const struct level *level,
                                          const struct level_member *member, struct now now) {
    struct pick_candidate facts = choose_facts_of(flight, level, member->candidate, now);
    if (!member->inner) return facts;
    const struct route_level *as = member->inner->as;
    facts.priority = as->priority;
    facts.weight = as->place.weight;
    facts.name_hash = as->name_hash;
    facts.pass = as->place.cells ? cell_load(&as->place.cells->pass) : 0;
    return facts;
}

/* What tells that requests belong together; of targets that a caller names the session, else the client; without any
 * each request for itself. */
static uint64_t sticky_hash(const struct flight *flight) {
    if (flight->prefix) return flight->prefix->key;
    if (flight->steering.session.len) return str_hash(flight->steering.session) ^ flight->client_hash;
    return flight->client ? flight->client_hash : str_hash(flight->request_id);
}

static bool choose_is_open(const struct candidate *candidate) {
    return candidate && candidate->refusal == refusal_none && !candidate->raced && !candidate->held_back;
}

/* Those that nothing stands against, as the strategy looks at them: in scratch, as long as a route may be. */
struct opened {
    struct level_member *open;
    struct pick_candidate *facts;
    double *scores;
    size_t count;
};

/* Those whose probes fail come after all others; where all do, that changes nothing. */
static enum demoted least_demoted(const struct flight *flight, const struct level *level) {
    enum demoted least = demoted_by_probes;
    struct level_member member;
    for (size_t at = level->first; level_next(flight, level, &at, &member);)
        if (choose_is_open(member.candidate) && member.candidate->demoted < least) least = member.candidate->demoted;
    return least;
}

/* Without memory for it none are found. */
static struct opened opened_of(struct flight *flight, const struct level *level, struct now now) {
    struct arena *scratch = flight->host->scratch;
    struct opened opened = {.count = 0};
    struct level_member member;
    size_t most = level->end - level->first;
    opened.open = arena_take(scratch, most * sizeof *opened.open);
    opened.facts = arena_take(scratch, most * sizeof *opened.facts);
    opened.scores = arena_take(scratch, most * sizeof *opened.scores);
    if (!opened.open || !opened.facts || !opened.scores) return opened;
    enum demoted least = least_demoted(flight, level);
    for (size_t at = level->first; level_next(flight, level, &at, &member);) {
        if (!choose_is_open(member.candidate) || member.candidate->demoted > least) continue;
        opened.open[opened.count] = member;
        opened.facts[opened.count++] = member_facts(flight, level, &member, now);
    }
    return opened;
}

/* Its best, by its strategy; inner levels have theirs. */
static void level_choose(struct flight *flight, struct level *level, struct now now) {
    level->best = NULL;
    level->through = NULL;
    if (level->first == level->end) return;
    if (level->around && level_is_locked(level)) {
        level->best = lock_choose(flight, level, now);
        return;
    }
    struct level *going_on = level_going_on(flight, level);
    bool goes_on = going_on && choose_is_open(going_on->best); /* but who is demoted comes after all others */
    if (goes_on && going_on->best->demoted <= least_demoted(flight, level)) {
        level->best = going_on->best;
        level->through = going_on;
        level->floor = 0;
        return;
    }
    struct opened opened = opened_of(flight, level, now);
    if (opened.count == 0) return;
    bool by_priority = level->by == strategy_adaptive && flight->attempt_count && !flight->snapshot->fallback_by_score;
    struct pick_input input = {.strategy = by_priority ? strategy_priority : level->by,
                               .candidates = opened.facts,
                               .count = opened.count,
                               .weights = flight->snapshot->adaptive,
                               .sticky_hash = sticky_hash(flight),
                               .random = prng_next(flight->host->prng)};
    size_t best = prefix_sticks(flight, level)
                      ? prefix_pick(flight, level, opened.open, opened.facts, &input, opened.scores)
                      : pick(&input, opened.scores);
    CHECKF(best < opened.count, "best=%zu count=%zu", best, opened.count);
    for (size_t i = 0; i < opened.count; i++)
        if (!opened.open[i].inner) opened.open[i].candidate->score = opened.scores[i];
    level->best = opened.open[best].candidate;
    level->through = opened.open[best].inner;
    if (level->by == strategy_round_robin) level->floor = pick_pass_floor(&input, best);
}

/* Each level on the way to the chosen one has had a turn of its target there. One that is gone on with has had it. */
static void passes_advance(const struct flight *flight) {
    const struct level *level = &flight->choice.levels[0], *through;
    for (; (!flight->previews || flight->past) && level->best; level = through) {
        through = level->through;
        struct place_cells *place = through ? through->as->place.cells : level->best->place;
        double weight = through ? through->as->place.weight : level->best->weight;
        bool goes_on = through && through == level_going_on(flight, level);
        if (level->by == strategy_round_robin && place && !goes_on)
            pick_pass_advance(&place->pass, level->floor, weight);
        if (!through) return;
    }
}

/* While a budget leaves it to the cheapest, of those the cheapest that can be had now; one that was raced for cannot.
 */
static void cheapest_keep(struct flight *flight) {
    struct candidate *best = NULL;
    bool leaves = false;
    for (size_t i = 0; i < flight->choice.count; i++) {
        struct candidate *candidate = &flight->choice.candidates[i];
        candidate->held_back = candidate->stands_in = false;
        bool open = candidate->cheap && choose_is_open(candidate);
        leaves = leaves || candidate->refusal == refusal_downgraded || (open && candidate->instead);
        if (open && (!best || candidate->cheap < best->cheap)) best = candidate;
    }
    if (!leaves || !best) return;
    best->stands_in = true;
    for (size_t i = 0; i < flight->choice.count; i++) {
        struct candidate *candidate = &flight->choice.candidates[i];
        candidate->held_back = candidate->cheap && candidate != best;
    }
}

/* The best of those that nothing stands against; NULL: there is none. */
struct candidate *choice_best(struct flight *flight, struct now now) {
    struct candidate *only = flight->choice.candidates;
    if (flight->choice.has_cheap) cheapest_keep(flight);
    if (flight->choice.count == 1 && flight->choice.level_count == 1) return choose_is_open(only) ? only : NULL;
    for (size_t i = flight->choice.level_count; i-- > 0;) level_choose(flight, &flight->choice.levels[i], now);
    passes_advance(flight);
    return flight->choice.levels[0].best;
}

bool choice_has_unasked(struct flight *flight, struct now now) {
    unsigned most = flight->choice.route->retry.max_attempts;
    uint64_t ignored = UINT64_MAX;
    bool strict = flight->choice.by == strategy_exclusive && flight->choice.route->strict;
    if (strict || (most && attempts_counted(flight) >= most)) return false;
    for (size_t i = 0; i < flight->choice.count; i++) {
        struct candidate candidate = flight->choice.candidates[i];
        if (level_was_asked(flight, &candidate)) continue;
        choice_look(flight, &candidate, now, &ignored);
        if (candidate.refusal == refusal_none) return true;
    }
    return false;
}

/* -- the order of things -- */

/* On: it cannot be had after all, and the next one is to be tried. */
static enum step choose_begin(struct flight *flight, struct candidate *candidate, bool has_gate, uint32_t lock_epoch,
                              struct now now, struct actions *out) {
    struct holds holds;
    CHECK(!flight->live && flight->waiting.why == waiting_none);
    enum step step = has_gate ? step_on : files_fetch(flight, candidate->target, now, out);
    if (step != step_on) return step;
    candidate->refusal = hold_take(flight, candidate, has_gate, now, &holds, out);
    if (candidate->refusal == refusal_none && !failover_take(flight, candidate, now)) {
        hold_give_back(flight, candidate, &holds, now, out);
        candidate->refusal = refusal_failover_budget;
    }
    if (candidate->refusal != refusal_none) {
        candidate->raced = true;
        return step_on;
    }
    if (attempt_begin(flight, candidate, &holds, lock_epoch, now, out)) return step_waits;
    return answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
}

/* A place at its provider is the flight's own. */
static enum step turn_take(struct flight *flight, struct candidate *candidate, struct now now, struct actions *out) {
    enum step step = choose_begin(flight, candidate, true, 0, now, out);
    if (step != step_on) return step;
    flight_try_next(flight, now, out);
    return step_waits;
}

static bool is_retryable(const struct candidate *candidate) {
    const struct failure_facts *facts = failure_facts(candidate->failure);
    bool passing = facts->fault == fault_passing || candidate->failure == failure_rate_limited;
    return candidate->tries && passing && candidate->failure != failure_system &&
           candidate->tries <= candidate->target->provider->max_retries && candidate->level->by != strategy_exclusive;
}

/* The same target again after a pause, when no other is left: within the retry budget and the deadline. */
static enum step retry_later(struct flight *flight, const struct attempt *last, struct now now, struct actions *out) {
    const struct retry_rules *rules = &flight->choice.route->retry;
    struct candidate *best = NULL;
    for (size_t i = 0; i < flight->choice.count; i++) {
        struct candidate *candidate = &flight->choice.candidates[i];
        if (!is_retryable(candidate)) continue;
        bool better = !best || candidate->tries < best->tries;
        if (better) best = candidate;
    }
    if (!best || !last || !may_repeat(flight)) return step_on;
    CHECKF(best->tries > 0 && last->state == attempt_settled, "tries=%d", best->tries); /* again: not a first time */
    uint64_t pause_ns =
        NS_PER_MS * retry_backoff_ms(best->tries - 1u, rules->base_ms, rules->max_ms, prng_next(flight->host->prng));
    int64_t told_ms = last->candidate == best ? last->reply.retry_after_ms : -1;
    if (told_ms >= 0 && (uint64_t)told_ms > rules->max_ms) return step_on; /* the caller may decide to wait so long */
    if (told_ms >= 0) pause_ns = (uint64_t)told_ms * NS_PER_MS;
    uint64_t until_ns = now.mono_ns + pause_ns, open_ns = 0;
    struct now then = {.mono_ns = until_ns, .wall_ns = now.wall_ns};
    if (until_ns >= flight->times.deadline_ns) return step_on;
    enum refusal refusal = hold_look(flight, best, then, &open_ns);
    if (refusal != refusal_none && (open_ns == 0 || open_ns > now.mono_ns + rules->max_ms * NS_PER_MS)) return step_on;
    if (open_ns > until_ns) until_ns = open_ns;
    if (until_ns >= flight->times.deadline_ns) return step_on;
    if (flight->choice.route->cells && !extra_take(flight, extra_repeat, now)) return step_on;
    wait_until(flight, waiting_backoff, best, until_ns, now, out);
    return step_waits;
}

/* In line for a place, or until a rate allows; only where a provider's `queue` says so. */
static enum step wait_for_room(struct flight *flight, struct now now, struct actions *out) {
    enum step step;
    for (size_t i = 0; i < flight->choice.count; i++) {
        struct candidate *candidate = &flight->choice.candidates[i];
        const struct provider *provider = candidate->target->provider;
        uint64_t until_ns = now.mono_ns + provider->queue_wait_ns, open_ns = 0;
        bool rate = refusal_is_rate(candidate->refusal);
        bool waits = rate || candidate->refusal == refusal_too_many_in_flight;
        if (provider->queue_max == 0 || candidate->tries || !waits || level_is_locked(candidate->level)) continue;
        step = files_fetch(flight, candidate->target, now, out); /* before a place is taken */
        if (step != step_on) return step;
        if (until_ns > flight->times.deadline_ns) until_ns = flight->times.deadline_ns;
        if (rate) {
            hold_look(flight, candidate, now, &open_ns);
            if (open_ns == 0 || open_ns >= until_ns) continue;
            wait_until(flight, waiting_rate, candidate, open_ns, now, out);
            return step_waits;
        }
        switch (wait_in_line(flight, candidate, until_ns, now, out)) {
        case line_entered: return step_waits;
        case line_not_needed: return turn_take(flight, candidate, now, out);
        case line_has_its_share: candidate->refusal = refusal_line_share; break;
        case line_is_full: break;
        }
    }
    return step_on;
}

struct candidate *flight_choose_other(struct flight *flight, struct now now, struct holds *holds, struct actions *out) {
    uint64_t ignored = UINT64_MAX;
    CHECK(flight->live && !flight->rival);
    for (size_t i = 0; i < flight->choice.count; i++) {
        struct candidate *candidate = &flight->choice.candidates[i];
        candidate->raced = candidate->target == flight->live->target;
        choice_look(flight, candidate, now, &ignored);
    }
    for (struct candidate *next; (next = choice_best(flight, now)); next->raced = true) {
        if (files_needed(flight, next->target)) continue;
        next->refusal = hold_take(flight, next, false, now, holds, out);
        CHECK(next->target != flight->live->target);
        if (next->refusal == refusal_none) return next;
    }
    return NULL;
}

/* Nothing can be sent now: why, by what stands against the most hopeful candidate. */
static void answer_nothing(struct flight *flight, const struct attempt *last, uint64_t soonest_ns, struct now now,
                           struct actions *out) {
    if (flight->host->scratch->refused) {
        answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
        return;
    }
    enum refusal best = refusal_none;
    static const struct {
        enum refusal refusal;
        enum error_code error;
    } answers[] = {{refusal_client_barred, error_invalid_client_key},
                   {refusal_too_many_in_flight, error_too_many_in_flight},
                   {refusal_line_share, error_too_many_in_flight},
                   {refusal_rate_limited, error_rate_limited},
                   {refusal_target_full, error_too_many_in_flight},
                   {refusal_target_rate_limited, error_rate_limited},
                   {refusal_limit_full, error_too_many_in_flight},
                   {refusal_limit_rate, error_rate_limited},
                   {refusal_cooling, error_rate_limited},
                   {refusal_cooling_for_client, error_rate_limited},
                   {refusal_quota_room, error_rate_limited},
                   {refusal_provider_quota, error_quota_exhausted},
                   {refusal_budget_room, error_budget_exhausted},
                   {refusal_budget, error_budget_exhausted},
                   {refusal_provider_budget, error_budget_exhausted},
                   {refusal_downgraded, error_budget_exhausted},
                   {refusal_unbounded, error_unbounded},
                   {refusal_unpriced, error_unpriced},
                   {refusal_credential_refused, error_provider_auth},
                   {refusal_quota_exhausted, error_quota_exhausted}};
    if (last) {
        end_by_failure(flight, last, now, out);
        return;
    }
    enum error_code code = error_no_provider_available;
    for (size_t k = 0; k < sizeof answers / sizeof *answers && best == refusal_none; k++)
        for (size_t i = 0; i < flight->choice.count; i++)
            if (flight->choice.candidates[i].refusal == answers[k].refusal) {
                best = answers[k].refusal;
                code = answers[k].error;
            }
    if (code == error_too_many_in_flight || code == error_rate_limited || code == error_quota_exhausted)
        flight->answer.limit_scope = best == refusal_line_share ? STR("client") : STR("provider");
    if (best == refusal_limit_full || best == refusal_limit_rate) {
        flight->answer.limit_scope = STR("client");
        flight->answer.refused = limits_sentence(flight, best, now);
    }
    if (best == refusal_provider_quota) flight->answer.refused = quota_sentence(flight, now);
    if (best == refusal_client_barred)
        flight->answer.refused =
            STR("This client key was disabled or revoked, or has expired, while the request waited.");
    if (code == error_budget_exhausted || code == error_unpriced)
        flight->answer.refused = money_sentence(flight, best, now);
    if (flight->session_hold.exhausted) code = error_session_exhausted;
    end_by_refusal(flight, code, soonest_ns == UINT64_MAX ? 0 : soonest_ns, now, out);
}

static enum step try_guest(struct flight *flight, struct now now, struct actions *out) {
    enum step step = step_on;
    for (struct candidate *next; step == step_on && (next = lock_guest(flight, flight->choice.levels, now));)
        step = choose_begin(flight, next, false, 0, now, out);
    return step;
}

/* The route's lock says who: nobody else is asked, unless the holder fails this caller alone. On: nobody can serve. */
static enum step try_holder(struct flight *flight, struct now now, uint64_t *soonest_ns, struct actions *out) {
    for (size_t i = 0; i < flight->choice.count; i++) flight->choice.candidates[i].raced = false;
    struct level *level = flight->choice.levels;
    if (lock_ends(flight, level)) return step_on;
    for (size_t moves = 0; moves <= flight->choice.count; moves++) {
        uint32_t epoch = 0;
        uint64_t until_ns = 0;
        struct candidate *holder = lock_holder(flight, level, now, &epoch, &until_ns);
        if (until_ns && until_ns < *soonest_ns) *soonest_ns = until_ns;
        enum step step = try_guest(flight, now, out);
        if (step != step_on) return step;
        if (!holder) return step_on;
        if (holder->tries > flight->choice.route->failover_after) return step_on; /* each has had its turns */
        if (!lock_repeats(holder)) return step_on;
        step = choose_begin(flight, holder, false, epoch, now, out);
        if (step != step_on) return step;
    }
    return step_on;
}

static bool may_try(const struct flight *flight, const struct now *now) {
    unsigned most = flight->choice.route->retry.max_attempts;
    return (!most || attempts_counted(flight) < most) && now->mono_ns < flight->times.deadline_ns;
}

/* Who has made the last of several answers makes the next one, if it can; a lock says itself who does. On: it cannot.
 */
static enum step try_same(struct flight *flight, struct now now, struct actions *out) {
    const struct attempt *good = calls_last(flight);
    struct candidate *same = good ? good->candidate : NULL;
    if (!same || same->refusal != refusal_none || same->demoted == demoted_by_probes) return step_on;
    if (level_is_locked(same->level)) return step_on;
    return choose_begin(flight, same, false, 0, now, out);
}

void flight_try_next(struct flight *flight, struct now now, struct actions *out) {
    bool fresh = !flight->attempt_count || calls_last(flight); /* nobody has failed since */
    const struct attempt *last = fresh ? NULL : flight->attempts[flight->attempt_count - 1];
    uint64_t soonest_ns = UINT64_MAX;
    CHECKF(flight->waiting.why == waiting_none && !flight->live, "waiting=%d", (int)flight->waiting.why);
    if (!may_try(flight, &now)) {
        answer_nothing(flight, last, soonest_ns, now, out);
        return;
    }
    if (flight->choice.by == strategy_exclusive && flight->choice.route->cells) {
        if (try_holder(flight, now, &soonest_ns, out) == step_on) answer_nothing(flight, last, soonest_ns, now, out);
        return;
    }
    for (size_t i = 0; i < flight->choice.count; i++) {
        flight->choice.candidates[i].raced = false;
        choice_look(flight, &flight->choice.candidates[i], now, &soonest_ns);
    }
    if (try_same(flight, now, out) != step_on) return;
    for (struct candidate *next; (next = choice_best(flight, now));)
        if (choose_begin(flight, next, false, level_epoch(next), now, out) != step_on) return;
    if (retry_later(flight, last, now, out) != step_on || wait_for_room(flight, now, out) != step_on) return;
    answer_nothing(flight, last, soonest_ns, now, out);
}

void flight_turn(struct flight *flight, struct now now, struct actions *out) {
    CHECKF(flight->waiting.why == waiting_line, "waiting=%d", (int)flight->waiting.why);
    if (choose_begin(flight, wait_over(flight, now), true, 0, now, out) == step_on) flight_try_next(flight, now, out);
}

void flight_wait_over(struct flight *flight, struct now now, struct actions *out) {
    struct candidate *candidate = flight->waiting.candidate;
    switch (flight->waiting.why) {
    case waiting_line:
        wait_give_up(flight, now, out);
        flight->answer.limit_scope = STR("provider");
        end_by_refusal(flight, error_too_many_in_flight, 0, now, out);
        return;
    case waiting_fetch:
    case waiting_recall:
    case waiting_twin:
        wait_give_up(flight, now, out);
        answer_error(flight, error_request_timeout, STR_NONE, STR_NONE, now, out);
        return;
    case waiting_backoff:
    case waiting_rate:
        wait_over(flight, now);
        if (choose_begin(flight, candidate, false, 0, now, out) == step_on) flight_try_next(flight, now, out);
        return;
    default: CHECKF(false, "waiting=%d", (int)flight->waiting.why);
    }
}
