/* flight_limits.c - rates and places by model, route, tag or end user, of a request's client and of all who own it. A
 * request counts once in each limit, and in one value of each that is split: from its admission to its end; or, where
 * its target decides whether it counts, from the first attempt that goes there, with a place for as long as one runs.
 *
 * Invariant: a hold has a place while anything is under it, and what was taken of its rates is given back, or settled,
 * once. */
#include "base/check.h"
#include "flight/flight_internal.h"

static uint64_t limit_tokens(const struct flight *flight, const struct limit_hold *hold) {
    return (uint64_t)(flight->prompt_tokens + taken_reserve(&flight->client->cells->taken, hold->output_tokens));
}

/* -- which limits count it -- */

static bool limit_counts_route(const struct flight *flight, const struct rate_limit *limit) {
    const struct route *route = flight->choice.route;
    return !limit->route_count || (route && str_glob_any(limit->routes, limit->route_count, route->model));
}

/* Whatever its target is? */
static bool limit_is_whole(const struct flight *flight, const struct rate_limit *limit) {
    return limit->per != per_model &&
           (!limit->model_count || str_glob_any(limit->models, limit->model_count, flight->choice.model));
}

static bool limit_counts_target(const struct flight *flight, const struct rate_limit *limit,
                                const struct target *target) {
    return !limit->model_count || str_glob_any(limit->models, limit->model_count, flight->choice.model) ||
           str_glob_any(limit->models, limit->model_count, target->model) ||
           str_glob_any(limit->models, limit->model_count, target->name);
}

static bool hold_counts(const struct flight *flight, const struct limit_hold *hold, const struct target *target) {
    return (!hold->target || str_eq(hold->target->model, target->model)) &&
           limit_counts_target(flight, hold->limit, target);
}

/* -- the values of those that are split -- */

static bool limit_hold_add(struct flight *flight, const struct rate_limit *limit, const struct target *target,
                           int64_t output, struct now now) {
    static const struct limit_words nothing = {.gate = {0}};
    struct limit_hold *hold = arena_take_zeroed(&flight->arena, sizeof *hold), **end = &flight->limits;
    if (!hold) return false;
    *hold = (struct limit_hold){.limit = limit,
                                .rules = &limit->rules,
                                .target = limit->per == per_model ? target : NULL,
                                .words = limit->words,
                                .output_tokens = output,
                                .whole = limit_is_whole(flight, limit)};
    if (limit->per) {
        const struct split_by by = {.per = limit->per,
                                    .tag = limit->tag,
                                    .own = limit->own,
                                    .named = &limit->limits,
                                    .values = limit->values,
                                    .window = limit_values_window(limit, now.mono_ns)};
        struct split_found found = values_split(flight, target, &by);
        hold->value = found.value;
        hold->said = found.said;
        if (found.is_named) hold->rules = limit_rules_of(limit, found.said);
        /* a preview of a value that nobody has said takes nothing */
        hold->words = found.value ? value_limit(found.value) : (struct limit_words *)&nothing;
    }
    while (*end) end = &(*end)->next;
    *end = hold;
    return true;
}

static bool limit_is_held(const struct flight *flight, const struct rate_limit *limit, const struct target *target) {
    for (const struct limit_hold *hold = flight->limits; hold; hold = hold->next)
        if (hold->limit == limit && (!hold->target || str_eq(hold->target->model, target->model))) return true;
    return false;
}

bool limits_admit(struct flight *flight, int64_t output, struct now now) {
    const struct rate_limits *limits = &flight->client->limits;
    for (size_t i = 0; i < limits->count; i++) {
        const struct rate_limit *limit = limits->list[i];
        if (!limit_counts_route(flight, limit)) continue;
        for (size_t k = 0; k < flight->choice.count; k++) {
            const struct target *target = flight->choice.candidates[k].target;
            if (limit_counts_target(flight, limit, target) && !limit_is_held(flight, limit, target) &&
                !limit_hold_add(flight, limit, target, output, now))
                return false;
        }
    }
    return true;
}

void limits_let_go(struct flight *flight) {
    for (struct limit_hold *hold = flight->limits; hold; hold = hold->next)
        if (hold->value) values_release(hold->limit->values, hold->value);
    flight->limits = NULL;
}

/* -- one hold -- */

/* What stands against one more under it. */
static enum limit_answer limit_hold_look(const struct flight *flight, const struct limit_hold *hold, struct now now,
                                         uint64_t *wait_ns) {
    *wait_ns = 0;
    if (hold->under) return limit_passes;
    if (!gate_would_enter(&hold->words->gate, hold->rules->max_concurrent)) return limit_full;
    if (!hold->counted) *wait_ns = limit_wait_ns(hold->words, hold->rules, limit_tokens(flight, hold), now.mono_ns);
    return *wait_ns ? limit_reached : limit_passes;
}

static void limit_place_leave(const struct limit_hold *hold) {
    bool handed = gate_leave(&hold->words->gate, hold->rules->max_concurrent);
    CHECK(!handed); /* limits have no line */
}

static enum limit_answer limit_hold_enter(const struct flight *flight, struct limit_hold *hold, struct now now) {
    if (!hold->under && !gate_enter(&hold->words->gate, hold->rules->max_concurrent)) return limit_full;
    if (!hold->counted &&
        !limit_take(hold->words, hold->rules, limit_tokens(flight, hold), now.mono_ns, &hold->tickets)) {
        CHECK(!hold->under); /* who is under it has taken them */
        limit_place_leave(hold);
        return limit_reached;
    }
    hold->counted = true;
    hold->under++;
    return limit_passes;
}

/* Of the last one that leaves, where nothing went out under it, the rates are given back too. */
static void limit_hold_leave(struct limit_hold *hold, struct now now) {
    CHECKF(hold->under > 0 && hold->counted, "under=%u", hold->under);
    if (--hold->under) return;
    limit_place_leave(hold);
    if (hold->reached) return;
    limit_refund(hold->words, hold->rules, &hold->tickets, now.mono_ns);
    hold->counted = false;
}

/* -- what is told -- */

static struct str limit_sentence(struct flight *flight, const struct limit_hold *hold, bool full) {
    enum { shown = 64 };
    const struct rate_limit *limit = hold->limit;
    struct str said = str_slice(hold->said, 0, shown);
    struct text text = text_in_arena(&flight->arena, 160);
    text_printf(&text, "%s `%.*s` of %.*s",
                full ? "As many requests are in flight as may be by the limit" : "The limit", STR_ARG(limit->name),
                STR_ARG(limit->owner));
    if (said.len) text_printf(&text, " for %.*s `%.*s`", STR_ARG(limit->per_word), STR_ARG(said));
    text_put(&text, full ? STR(": try again later.") : STR(" is reached: try again later."));
    return text.failed ? STR_NONE : text_str(&text);
}

/* -- those that count it whatever its target is -- */

static enum error_code limit_error(enum limit_answer answer) {
    return answer == limit_full ? error_too_many_in_flight : answer == limit_reached ? error_rate_limited : error_none;
}

enum error_code limits_look(const struct flight *flight, struct now now, uint64_t *until_ns) {
    for (const struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        uint64_t wait_ns;
        enum limit_answer answer = hold->whole ? limit_hold_look(flight, hold, now, &wait_ns) : limit_passes;
        if (answer == limit_reached) *until_ns = now.mono_ns + wait_ns;
        if (answer != limit_passes) return limit_error(answer);
    }
    return error_none;
}

enum error_code limits_take(struct flight *flight, struct now now, uint64_t *until_ns) {
    for (struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        uint64_t wait_ns;
        enum limit_answer answer = hold->whole ? limit_hold_enter(flight, hold, now) : limit_passes;
        if (answer == limit_passes) continue;
        limit_hold_look(flight, hold, now, &wait_ns);
        *until_ns = answer == limit_reached && wait_ns ? now.mono_ns + wait_ns : 0;
        flight->answer.refused = limit_sentence(flight, hold, answer == limit_full);
        for (struct limit_hold *taken = flight->limits; taken != hold; taken = taken->next)
            if (taken->whole) limit_hold_leave(taken, now);
        return limit_error(answer);
    }
    for (struct limit_hold *hold = flight->limits; hold; hold = hold->next) hold->reached = hold->whole;
    return error_none;
}

void limits_settle(struct flight *flight, int64_t tokens, struct now now) {
    for (struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        if (hold->whole && hold->under) limit_hold_leave(hold, now);
        CHECKF(hold->under == 0, "under=%u", hold->under);
        if (!hold->counted) continue;
        int64_t used = hold->whole ? tokens : hold->used_unknown ? -1 : hold->used;
        if (used >= 0)
            limiter_settle(&hold->words->tokens_minute, &hold->rules->rates.tokens_minute, hold->tickets.tokens_minute,
                           (uint64_t)used, now.mono_ns);
        hold->counted = false;
    }
}

/* -- those that count what goes to a target -- */

enum refusal limits_target_look(const struct flight *flight, const struct target *target, struct now now,
                                uint64_t *until_ns) {
    for (const struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        uint64_t wait_ns;
        if (hold->whole || !hold_counts(flight, hold, target)) continue;
        enum limit_answer answer = limit_hold_look(flight, hold, now, &wait_ns);
        if (answer == limit_full) return refusal_limit_full;
        if (answer == limit_reached) *until_ns = now.mono_ns + wait_ns;
        if (answer == limit_reached) return refusal_limit_rate;
    }
    return refusal_none;
}

enum refusal limits_target_take(struct flight *flight, const struct target *target, struct now now,
                                struct holds *holds) {
    CHECK(!holds->limits);
    for (struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        if (hold->whole || !hold_counts(flight, hold, target)) continue;
        enum limit_answer answer = limit_hold_enter(flight, hold, now);
        if (answer == limit_passes) continue;
        for (struct limit_hold *taken = flight->limits; taken != hold; taken = taken->next)
            if (!taken->whole && hold_counts(flight, taken, target)) limit_hold_leave(taken, now);
        return answer == limit_full ? refusal_limit_full : refusal_limit_rate;
    }
    holds->limits = true;
    return refusal_none;
}

void limits_target_leave(struct flight *flight, const struct target *target, struct holds *holds, bool reached,
                         int64_t tokens, struct now now) {
    if (!holds->limits) return;
    holds->limits = false;
    for (struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        if (hold->whole || !hold_counts(flight, hold, target)) continue;
        hold->reached = hold->reached || reached;
        hold->used_unknown = hold->used_unknown || tokens < 0;
        hold->used += tokens > 0 ? tokens : 0;
        limit_hold_leave(hold, now);
    }
}

struct str limits_sentence(struct flight *flight, enum refusal refusal, struct now now) {
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        if (candidate->refusal != refusal) continue;
        for (const struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
            uint64_t wait_ns;
            if (hold->whole || !hold_counts(flight, hold, candidate->target)) continue;
            if (limit_hold_look(flight, hold, now, &wait_ns) != limit_passes)
                return limit_sentence(flight, hold, refusal == refusal_limit_full);
        }
    }
    return STR_NONE;
}
