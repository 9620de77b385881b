/* sim_prefix.c - prompts stay where they were answered, against a plain list: a request that begins like one that a
 * target answered within its lifetime goes there, while nothing stands against it; and when that is over, it is not
 * kept. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

void sim_prefix_draw(struct sim *sim) {
    sim->prefix.on = sim_chance(&sim->prefix.draw, 40);
    sim->prefix.count = 0;
}

void sim_prefix_route(const struct sim *sim, char *into, size_t size) {
    size_t len = strlen(into);
    if (sim->prefix.on) snprintf(into + len, size - len, ", affinity: on");
}

bool sim_prefix_session(struct sim *sim, char *into, size_t size) {
    if (!sim->prefix.on || !sim_chance(&sim->prefix.draw, 80)) return false;
    snprintf(into, size, "s%u", (unsigned)prng_below(&sim->prefix.draw, 3));
    return true;
}

static struct sim_prompt *prompt_of(struct sim *sim, uint64_t key) {
    for (unsigned i = 0; i < sim->prefix.count; i++)
        if (sim->prefix.prompts[i].key == key) return &sim->prefix.prompts[i];
    return NULL;
}

/* As the engine is told to remember it. */
static void prompt_note(struct sim *sim, const struct flight *flight, const struct target *target) {
    struct sim_prompt *prompt = prompt_of(sim, flight->prefix->key);
    if (flight->prefix->by == prefix_by_request || !target->cells) return;
    if (!prompt && sim->prefix.count == sim_prompts_max) return;
    if (!prompt) prompt = &sim->prefix.prompts[sim->prefix.count++];
    uint64_t until_s = sim->now.mono_ns / NS_PER_S + 300;
    *prompt = (struct sim_prompt){.key = flight->prefix->key, .at = target->cells, .until_s = until_s};
}

static bool looks_at_money(const struct level *level) {
    return level->by == strategy_cost_optimal || level->by == strategy_cost_optimized;
}

void sim_prefix_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct flight *flight = sim->callers[number].flight;
    const struct flight_prefix *prefix = flight->prefix;
    if (!prefix || attempt->number) return;
    const struct sim_prompt *prompt = prompt_of(sim, prefix->key);
    bool known = prompt && flight->times.whole_ns == sim->now.mono_ns; /* nothing came in between */
    bool lives = known && prompt->until_s > sim->now.mono_ns / NS_PER_S;
    sim_rule(sim, !known || lives || prefix->outcome != prefix_kept, "no prompt is kept past its lifetime", number);
    if (known && !lives) sim_reached(sim, mark_prefix_over);
    for (size_t i = 0; lives && i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        bool open = candidate->refusal == refusal_none && !candidate->raced && !candidate->held_back &&
                    candidate->demoted == demoted_not;
        bool leaves = prefix->outcome == prefix_unwell || prefix->outcome == prefix_loaded;
        if (candidate->target->cells != prompt->at || !open || leaves || looks_at_money(candidate->level)) continue;
        if (flight->choice.level_count > 1) continue; /* the route around chooses for itself */
        sim_rule(sim, attempt->target->cells == prompt->at, "a prompt stays where it was answered", number);
        if (prefix->outcome == prefix_kept) sim_reached(sim, mark_prefix_kept);
    }
    bool had = prefix->has && prefix->known.until_s > sim->now.mono_ns / NS_PER_S;
    if (!had) prompt_note(sim, flight, attempt->target);
}

void sim_prefix_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct flight *flight = sim->callers[number].flight;
    if (!flight->prefix || attempt->failure != failure_none) return;
    prompt_note(sim, flight, attempt->target);
    if (sim->mutant == mutant_prefix_for_ever)
        prefix_memory_keep(
            &sim->prefix.memory, flight->prefix->place,
            &(struct prefix_known){.target = (uint64_t)(uintptr_t)attempt->target->cells, .until_s = UINT32_MAX}, 0);
}
