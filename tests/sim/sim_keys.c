/* sim_keys.c - credentials against plain facts: a key rests for what its provider said of it, or for what several
 * callers and models met, never for one caller's words; and whatever a provider echoes, no caller reads a key. */
#include "sim.h"

#include <string.h>

#include "core/limited.h"
#include "snapshot/keys.h"

enum { window_s = 60, refused_s = 60, rate_s = 1, quota_s = 3600, longest_s = 3600 };

static uint64_t told_ns(const struct attempt *attempt, uint64_t usual_s) {
    if (attempt->reply.retry_after_ms <= 0) return usual_s * NS_PER_S;
    uint64_t told = (uint64_t)attempt->reply.retry_after_ms * NS_PER_MS;
    return told < longest_s * NS_PER_S ? told : longest_s * NS_PER_S;
}

static unsigned who(const struct sim *sim, const struct sim_caller *caller) {
    return caller->client && sim->config.snapshot->client_count > 1 ? caller->client_index + 1 : 0;
}

/* Clients and models that met it within a minute, with nothing answered in between. */
static void met_count(struct sim *sim, struct sim_met *met, unsigned client, uint32_t target, bool *clients,
                      bool *targets) {
    *clients = *targets = false;
    if (met->count == sim_suspects_max) memmove(met->by, met->by + 1, --met->count * sizeof *met->by);
    met->by[met->count].at_ns = sim->now.mono_ns;
    met->by[met->count].client = client;
    met->by[met->count++].target = target;
    for (unsigned i = 0; i < met->count; i++) {
        if (met->by[i].at_ns + (window_s + 1) * NS_PER_S < sim->now.mono_ns) continue;
        *clients |= met->by[i].client != client;
        *targets |= met->by[i].target != target;
    }
}

static bool several_met_it(struct sim *sim, struct sim_key *key, unsigned client, uint32_t target) {
    bool clients, targets;
    met_count(sim, &key->refused, client, target, &clients, &targets);
    if (clients && targets) sim_reached(sim, mark_key_suspected);
    return clients && targets;
}

/* For its model alone, and its client, until other ones meet one too within a minute, with no answer in between. */
static uint64_t limited_rest(struct sim *sim, struct sim_key *key, unsigned client, const struct attempt *attempt) {
    unsigned target = sim_target_index(sim, attempt->target);
    uint64_t told = told_ns(attempt, rate_s), now_ns = sim->now.mono_ns;
    bool clients, targets;
    if (told > window_s * NS_PER_S) told = window_s * NS_PER_S;
    if (target >= sim_targets_max || !attempt->target->cells) return told;
    uint64_t until_ns = (now_ns + told) / 1000 * 1000, *latest = &key->limits[target].until_ns;
    bool stands = *latest > now_ns, same = key->limits[target].client == client;
    if (!stands || (same && until_ns > *latest) || (!same && client == 0))
        *latest = until_ns;
    else if (!same && key->limits[target].client && until_ns < *latest)
        *latest = until_ns; /* the shorter one is all's */
    key->limits[target].client = !stands || same ? client : 0;
    bool for_all = key->limits[target].client == 0;
    if (for_all && *latest > key->limits[target].all_until_ns) key->limits[target].all_until_ns = *latest;
    met_count(sim, &key->limited, client, target, &clients, &targets);
    bool others = targets && (clients || client == 0);
    sim_reached(sim, others ? mark_limited_as_key : mark_limited_for_a_model);
    return others ? told : 0;
}

void sim_keys_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    unsigned target = sim_target_index(sim, attempt->target), client = who(sim, &sim->callers[number]);
    if (!provider->key_count || attempt->holds.key >= sim_keys_max || target >= sim_targets_max) return;
    const struct sim_key *key = &sim->world[sim_index(provider)].keys[attempt->holds.key];
    bool held = sim->now.mono_ns < key->limits[target].until_ns &&
                (key->limits[target].client == 0 || key->limits[target].client == client);
    sim_rule(sim, !held, "no call goes out with a key whose limit for the model is reached", number);
}

/* Nobody is held by a limit that another client alone has met. */
static void limits_check(struct sim *sim, const struct sim_key *key, unsigned number, const struct attempt *attempt) {
    unsigned target = sim_target_index(sim, attempt->target);
    if (target >= sim_targets_max || !attempt->target->limited) return;
    uint64_t all_ns = limited_until_ns(attempt->target->limited[attempt->holds.key], blame_nobody);
    sim_rule(sim, all_ns <= sim->now.mono_ns || all_ns <= key->limits[target].all_until_ns,
             "no limit that one client met holds the others", number);
}

static uint64_t rest_of(struct sim *sim, struct sim_key *key, unsigned number, const struct attempt *attempt) {
    enum { any_model = 1000 }; /* a 401 says nothing of models */
    struct sim_caller *caller = &sim->callers[number];
    const struct sim_call *call = sim_call_of(caller, attempt->number);
    unsigned client = who(sim, caller), name = caller->client ? caller->client_index + 1 : 0;
    switch (attempt->failure) {
    case failure_authentication:
        return call->means == failure_authentication || client == 0 || several_met_it(sim, key, name, any_model + name)
                   ? told_ns(attempt, refused_s)
                   : 0;
    case failure_rate_limited: return limited_rest(sim, key, client, attempt);
    case failure_quota_exhausted: return quota_s * NS_PER_S;
    case failure_forbidden:
    case failure_payment: return several_met_it(sim, key, name, attempt->target->id) ? told_ns(attempt, refused_s) : 0;
    case failure_none: key->refused.count = key->limited.count = 0; return 0;
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
    if (limited && sim->mutant == mutant_limits_forgotten) cell_store(attempt->target->limited[attempt->holds.key], 0);
    if (limited && sim->mutant == mutant_limit_of_one && who(sim, caller))
        limited_note(attempt->target->limited[attempt->holds.key], blame_nobody, sim->now.mono_ns + NS_PER_S,
                     sim->now.mono_ns);
    alone |= limited && sim->mutant == mutant_limit_for_all;
    if (words || alone) key_rest(provider, attempt->holds.key, key_rest_refused, 0, sim->now.mono_ns);
    if (call->means != failure_none && call->said_all && attempt->reply.status == call->status)
        sim_rule(sim, attempt->failure == call->means, "a refusal means what its status and its code say", number);
    uint64_t until_ns = sim->now.mono_ns + rest_of(sim, key, number, attempt);
    if (until_ns > key->rests_until_ns) key->rests_until_ns = until_ns;
    sim_rule(sim, cooldown_until_ns(&provider->key_cells[attempt->holds.key]->cooldown) <= key->rests_until_ns,
             "no key rests for longer than its provider, or several callers, gave cause for", number);
    limits_check(sim, key, number, attempt);
}

/* Twelve bytes of a key and more are a credential wherever they stand: "sk-sim-" and what identifies it. */
void sim_keys_check_bytes(struct sim *sim, unsigned number, struct str bytes) {
    static const struct str mark = STR("sk-sim-");
    for (size_t from = 0, at; (at = str_find(str_slice(bytes, from, bytes.len), mark)) != SIZE_MAX; from += at + 1)
        if (!sim_rule(sim, bytes.len - from - at < 12, "no caller reads a key", number)) return;
}
