/* sim_keys.c - credentials against plain facts: a key rests for what its provider said of it, or for what several
 * callers and models met, never for one caller's words; and whatever a provider echoes, no caller reads a key. */
#include "sim.h"

#include <string.h>

#include "snapshot/keys.h"

enum { window_s = 60, refused_s = 60, rate_s = 1, quota_s = 3600, longest_s = 3600 };

static uint64_t told_ns(const struct attempt *attempt, uint64_t usual_s) {
    if (attempt->reply.retry_after_ms <= 0) return usual_s * NS_PER_S;
    uint64_t told = (uint64_t)attempt->reply.retry_after_ms * NS_PER_MS;
    return told < longest_s * NS_PER_S ? told : longest_s * NS_PER_S;
}

/* Two clients and two models within a minute, and nothing answered in between. */
static bool several_met_it(struct sim *sim, struct sim_key *key, unsigned client, uint32_t target) {
    bool clients = false, targets = false;
    if (key->suspect_count == sim_suspects_max)
        memmove(key->suspects, key->suspects + 1, --key->suspect_count * sizeof *key->suspects);
    key->suspects[key->suspect_count].at_ns = sim->now.mono_ns;
    key->suspects[key->suspect_count].client = client;
    key->suspects[key->suspect_count++].target = target;
    for (unsigned i = 0; i < key->suspect_count; i++) {
        if (key->suspects[i].at_ns + (window_s + 1) * NS_PER_S < sim->now.mono_ns) continue;
        clients |= key->suspects[i].client != client;
        targets |= key->suspects[i].target != target;
    }
    if (clients && targets) sim_reached(sim, mark_key_suspected);
    return clients && targets;
}

/* For its model alone, until another model's meets one too within a minute, with no answer in between. */
static uint64_t limited_rest(struct sim *sim, struct sim_key *key, const struct attempt *attempt) {
    unsigned target = sim_target_index(sim, attempt->target);
    uint64_t told = told_ns(attempt, rate_s), until_ns = sim->now.mono_ns + told;
    bool stands = key->limit.at_ns && key->limit.at_ns + (window_s + 1) * NS_PER_S >= sim->now.mono_ns;
    bool sure = key->limit.at_ns && key->limit.at_ns + (window_s - 1) * NS_PER_S >= sim->now.mono_ns;
    bool other = stands && key->limit.target != target;
    if (target >= sim_targets_max || !attempt->target->cells) return told;
    if (until_ns > key->limited_until_ns[target]) key->limited_until_ns[target] = until_ns;
    sim_reached(sim, other && sure ? mark_limited_as_key : mark_limited_for_a_model);
    key->limit.at_ns = other && sure ? 0 : sim->now.mono_ns;
    key->limit.target = target;
    return !other ? 0 : told < window_s * NS_PER_S ? told : window_s * NS_PER_S;
}

void sim_keys_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    unsigned target = sim_target_index(sim, attempt->target);
    if (!provider->key_count || attempt->holds.key >= sim_keys_max || target >= sim_targets_max) return;
    const struct sim_key *key = &sim->world[sim_index(provider)].keys[attempt->holds.key];
    sim_rule(sim, sim->now.mono_ns >= key->limited_until_ns[target],
             "no call goes out with a key whose limit for the model is reached", number);
}

static uint64_t rest_of(struct sim *sim, struct sim_key *key, unsigned number, const struct attempt *attempt) {
    const struct sim_caller *caller = &sim->callers[number];
    switch (attempt->failure) {
    case failure_authentication: return told_ns(attempt, refused_s);
    case failure_rate_limited: return limited_rest(sim, key, attempt);
    case failure_quota_exhausted: return quota_s * NS_PER_S;
    case failure_forbidden:
    case failure_payment:
        return several_met_it(sim, key, caller->client ? caller->client_index + 1 : 0, attempt->target->id)
                   ? told_ns(attempt, refused_s)
                   : 0;
    case failure_none:
        key->suspect_count = 0;
        key->limit.at_ns = 0;
        return 0;
    default: return 0;
    }
}

void sim_keys_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    struct sim_caller *caller = &sim->callers[number];
    const struct sim_call *call = sim_call_of(caller, attempt->number);
    if (!provider->key_count || !call || attempt->holds.key >= sim_keys_max) return;
    struct sim_key *key = &sim->world[sim_index(provider)].keys[attempt->holds.key];
    bool words = sim->mutant == mutant_words_decide && call->quotes && attempt->failure == failure_bad_request;
    bool alone = sim->mutant == mutant_one_caller && attempt->failure == failure_forbidden;
    bool limited = attempt->failure == failure_rate_limited && attempt->target->limited;
    if (limited && sim->mutant == mutant_limits_forgotten) cooldown_clear(attempt->target->limited[attempt->holds.key]);
    alone |= limited && sim->mutant == mutant_limit_for_all;
    if (words || alone) key_rest(provider, attempt->holds.key, key_rest_refused, 0, sim->now.mono_ns);
    if (call->means != failure_none && call->said_all && attempt->reply.status == call->status)
        sim_rule(sim, attempt->failure == call->means, "a refusal means what its status and its code say", number);
    uint64_t until_ns = sim->now.mono_ns + rest_of(sim, key, number, attempt);
    if (until_ns > key->rests_until_ns) key->rests_until_ns = until_ns;
    sim_rule(sim, cooldown_until_ns(&provider->key_cells[attempt->holds.key]->cooldown) <= key->rests_until_ns,
             "no key rests for longer than its provider, or several callers, gave cause for", number);
}

/* Twelve bytes of a key and more are a credential wherever they stand: "sk-sim-" and what identifies it. */
void sim_keys_check_bytes(struct sim *sim, unsigned number, struct str bytes) {
    static const struct str mark = STR("sk-sim-");
    for (size_t from = 0, at; (at = str_find(str_slice(bytes, from, bytes.len), mark)) != SIZE_MAX; from += at + 1)
        if (!sim_rule(sim, bytes.len - from - at < 12, "no caller reads a key", number)) return;
}
