/* sim_limits.c - limits by model and end user, against plain counts: no value has more in flight, or in any stretch of
 * time, than it may; its words have as many places as attempts run under it; at rest all are free. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim.h"

static void limit_put(struct sim *sim, struct text *text, const char *what) {
    struct prng *draw = &sim->limits.draw;
    const unsigned long long rpm = sim_between(draw, 1, 60);
    const bool few = sim_chance(draw, 30) && strstr(what, "per");
    const unsigned long long concurrent = sim_between(draw, 1, 6), burst = sim_between(draw, 1, rpm);
    text_printf(text, "{rpm: %llu, burst: %llu, concurrent: %llu, %s%s}", rpm, burst, concurrent, what,
                few ? ", max_values: 2" : "");
}

void sim_limits_draw(struct sim *sim) { sim->limits.on = sim_chance(&sim->limits.draw, 25); }

void sim_limits_client(struct sim *sim, struct text *yaml) {
    static const char *const whats[] = {"per: model", "per: end_user", "models: [y]", "models: [m0, x], per: model"};
    if (!sim->limits.on) return;
    text_put(yaml, STR(", limits: ["));
    limit_put(sim, yaml, whats[prng_below(&sim->limits.draw, 4)]);
    text_put(yaml, STR("]"));
}

void sim_limits_user(struct sim *sim, char *into, size_t size) {
    into[0] = 0;
    if (sim->limits.on && sim_chance(&sim->limits.draw, 80))
        snprintf(into, size, ",\"user\":\"u%u\"", (unsigned)prng_below(&sim->limits.draw, 4));
}

/* The numbers as they are written, before a planted bug changes what the engine reads. */
void sim_limits_config(struct sim *sim) {
    const struct snapshot *snapshot = sim->config.snapshot;
    for (size_t c = 0; c < snapshot->client_count; c++)
        for (size_t i = 0; i < snapshot->clients[c].limits.count; i++) {
            struct rate_limit *limit = (struct rate_limit *)snapshot->clients[c].limits.list[i];
            unsigned at = 0;
            while (at < sim->limits.rule_count && sim->limits.rules[at].identity != limit->identity) at++;
            if (at == sim->limits.rule_count) sim->limits.rule_count++;
            CHECKF(at < sim_rate_limits_max, "limits=%u", at);
            sim->limits.rules[at].identity = limit->identity;
            sim->limits.rules[at].rules = limit->rules;
            if (sim->mutant == mutant_values_doubled) limit->rules.max_concurrent *= 2;
            if (sim->mutant == mutant_values_doubled) limit->rules.rates.requests_minute.burst *= 2;
        }
}

static struct sim_limit_words *words_of(struct sim *sim, const struct limit_hold *hold) {
    unsigned at = 0, rule = 0;
    while (at < sim->limits.word_count && sim->limits.words[at].words != hold->words) at++;
    CHECKF(at < sim_limit_words_max, "words=%u", at);
    struct sim_limit_words *words = &sim->limits.words[at];
    if (at < sim->limits.word_count) return words;
    while (rule < sim->limits.rule_count && sim->limits.rules[rule].identity != hold->limit->identity) rule++;
    CHECKF(rule < sim->limits.rule_count, "rule=%u", rule);
    *words = (struct sim_limit_words){.words = hold->words, .rules = &sim->limits.rules[rule].rules};
    sim->limits.word_count++;
    if (hold->value) sim_reached(sim, tag_is(&hold->value->tag, &value_other) ? mark_limit_crowded : mark_limit_split);
    return words;
}

/* Does what goes to this target count in it? By what is drawn: a limit has globs that are plain names, or none. */
static bool counts(const struct flight *flight, const struct limit_hold *hold, const struct target *target) {
    bool named = hold->limit->model_count == 0;
    for (size_t i = 0; i < hold->limit->model_count; i++)
        named = named || str_eq(hold->limit->models[i], target->model) ||
                str_eq(hold->limit->models[i], flight->choice.model);
    return named && (hold->limit->per != per_model || str_eq(hold->target->model, target->model));
}

static struct sim_limit_use *use_of(struct sim *sim, unsigned number, const struct limit_hold *hold) {
    struct sim_caller *caller = &sim->callers[number];
    unsigned at = 0;
    while (at < caller->limit_use_count && caller->limit_uses[at].words != hold->words) at++;
    CHECKF(at < sim_limit_uses_max, "uses=%u", at);
    if (at == caller->limit_use_count)
        caller->limit_uses[caller->limit_use_count++] = (struct sim_limit_use){.words = hold->words};
    return &caller->limit_uses[at];
}

static void limited_place_take(struct sim *sim, unsigned number, const struct limit_hold *hold, uint64_t at_ns) {
    struct sim_limit_words *words = words_of(sim, hold);
    struct sim_limit_use *use = use_of(sim, number, hold);
    if (use->under++ == 0) words->live++;
    if (use->taken_ns == 0) use->taken_ns = at_ns;
    sim_rule(sim, words->live <= words->rules->max_concurrent, "no value has more in flight than it may", number);
}

/* What went out counts, once a flight. */
static void limited_place_leave(struct sim *sim, unsigned number, const struct limit_hold *hold, bool reached) {
    struct sim_limit_words *words = words_of(sim, hold);
    struct sim_limit_use *use = use_of(sim, number, hold);
    if (!sim_rule(sim, use->under > 0, "who leaves a limit was under it", number)) return;
    if (reached && !use->counted && words->taken_count < sim_limit_taken_max)
        words->taken_ns[words->taken_count++] = use->taken_ns;
    use->counted = use->counted || reached;
    if (--use->under) return;
    words->live--;
    if (!use->counted) use->taken_ns = 0;
    if (!use->counted) sim_reached(sim, mark_limit_given_back);
}

void sim_limits_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct flight *flight = sim->callers[number].flight;
    for (const struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        bool whole = hold->limit->per != per_model && counts(flight, hold, attempt->target) && hold->whole;
        if (whole && attempt->number == 0) limited_place_take(sim, number, hold, flight->times.whole_ns);
        if (!hold->whole && counts(flight, hold, attempt->target))
            limited_place_take(sim, number, hold, sim->now.mono_ns);
    }
}

void sim_limits_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    if (attempt->number >= sim_attempts_max || !(caller->called >> attempt->number & 1)) return;
    bool sent = caller->quota_sent >> attempt->number & 1;
    for (const struct limit_hold *hold = caller->flight->limits; hold; hold = hold->next)
        if (!hold->whole && counts(caller->flight, hold, attempt->target)) limited_place_leave(sim, number, hold, sent);
}

/* A request that its client's limits refused was in company, or came after others. */
void sim_limits_closed(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    bool used = false;
    for (const struct limit_hold *hold = flight->limits; hold; hold = hold->next) {
        if (hold->whole && caller->called) limited_place_leave(sim, number, hold, true);
        struct sim_limit_words *words = words_of(sim, hold);
        used = used || words->live || words->taken_count || words->uncalled || gate_in_use(&hold->words->gate);
        words->uncalled += hold->whole && !caller->called && hold->tickets.requests_minute.units; /* and went nowhere */
    }
    if (!sim_limits_refused(flight)) return;
    sim_reached(sim, mark_limit_refused);
    sim_rule(sim, used, "no value pays for another's requests", number);
}

bool sim_limits_refused(const struct flight *flight) {
    return flight->limits && str_find(flight->answer.refused, STR("limit `")) != SIZE_MAX;
}

/* A flight that waits before its first attempt has its place too, where its target does not decide. */
void sim_limits_step(struct sim *sim, unsigned number) {
    for (unsigned i = 0; i < sim->limits.word_count; i++) {
        const struct sim_limit_words *words = &sim->limits.words[i];
        unsigned waiting = 0;
        for (unsigned c = 0; c < sim->caller_count; c++) {
            const struct flight *flight = sim->callers[c].flight;
            for (const struct limit_hold *hold = flight ? flight->limits : NULL; hold; hold = hold->next)
                waiting += hold->whole && hold->words == words->words && hold->under && !sim->callers[c].called;
        }
        sim_rule(sim, gate_in_use(&words->words->gate) == words->live + waiting,
                 "a limit's words have the places of those that are under it", number);
    }
}

static int by_time(const void *a, const void *b) {
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

static void rate_rest(struct sim *sim, struct sim_limit_words *words) {
    const struct limiter_rules *minute = &words->rules->rates.requests_minute;
    qsort(words->taken_ns, words->taken_count, sizeof *words->taken_ns, by_time);
    for (unsigned i = 0; i < words->taken_count; i++)
        for (unsigned k = i; k < words->taken_count; k++) {
            double stretch = (double)(words->taken_ns[k] - words->taken_ns[i]),
                   most = (double)minute->burst + stretch * (double)minute->limit / (double)minute->period_ns + 1e-6;
            if (!sim_rule(sim, k - i + 1 <= most, "no value passes its rate by more than its burst", 0)) return;
        }
}

void sim_limits_rest(struct sim *sim) {
    for (unsigned i = 0; i < sim->limits.word_count; i++) {
        sim_rule(sim, sim->limits.words[i].live == 0, "at the end nobody has a place in a limit", 0);
        rate_rest(sim, &sim->limits.words[i]);
    }
}
