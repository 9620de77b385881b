/* provider_health.c - the worst breaker, the success share and the latency of a provider, as one score and one state.
 */
#include "snapshot/provider_health.h"

#include "base/check.h"
#include "snapshot/keys.h"

struct str breaker_state_name(enum breaker_state state) {
    static const char *const names[] = {"closed", "open", "half_open"};
    CHECKF((unsigned)state < sizeof names / sizeof *names, "state=%d", (int)state);
    return str_from(names[state]);
}

static int badness(enum breaker_state state) { return state == breaker_open ? 2 : state == breaker_half_open; }

static void breaker_worse(struct provider_health *health, const struct breaker *breaker,
                          const struct breaker_rules *rules, uint64_t client, uint64_t now_ns) {
    struct breaker_view view = breaker_view(breaker, rules, client, now_ns);
    if (badness(view.state) > badness(health->breaker)) health->breaker = view.state;
    if (view.until_ns && (health->breaker_until_ns == 0 || view.until_ns < health->breaker_until_ns))
        health->breaker_until_ns = view.until_ns;
}

/* Open for one client alone: where there is no other, that is all there is to say of it. */
static void target_look(struct provider_health *health, const struct snapshot *snapshot, const struct breaker *breaker,
                        const struct breaker_rules *rules, uint64_t now_ns) {
    uint64_t owner = breaker_owner(breaker);
    bool several = snapshot_has_several(snapshot) && owner != 0;
    breaker_worse(health, breaker, rules, several ? blame_nobody : owner, now_ns);
    if (several && breaker_view(breaker, rules, owner, now_ns).state == breaker_open &&
        breaker_view(breaker, rules, blame_nobody, now_ns).state != breaker_open)
        health->breaker_client = owner;
}

struct provider_health provider_health(const struct snapshot *snapshot, const struct provider *provider,
                                       uint64_t now_ns) {
    struct provider_cells *cells = provider->cells;
    struct provider_health health = {.success = success_read(&cells->success),
                                     .latency_ns = latency_read(&cells->latency, 0, now_ns),
                                     .slowness = pace_slowness(&cells->slowness),
                                     .in_flight = gate_in_use(&cells->gate),
                                     .waiting = gate_waiting(&cells->gate),
                                     .probes_failed = probes_failed(&cells->probes),
                                     .demoted = probes_demote(&cells->probes)};
    breaker_worse(&health, &cells->breaker, &provider->breaker, blame_nobody, now_ns);
    for (size_t i = 0; i < snapshot->target_count; i++)
        if (snapshot->targets[i].provider == provider)
            target_look(&health, snapshot, &snapshot->targets[i].cells->breaker, &provider->breaker, now_ns);
    for (size_t i = 0; i < provider->key_count; i++) {
        if (cooldown_until_ns(&provider->key_cells[i]->cooldown) <= now_ns) continue;
        health.keys_cooling++;
        health.keys_refused += key_rest_why(provider, i) == key_rest_refused;
        health.keys_quota_exhausted += key_rest_why(provider, i) == key_rest_quota;
    }
    health.score = health_score(
        &(struct health_input){.success = health.success, .slowness = health.slowness, .breaker = health.breaker});
    enum health_state before = (enum health_state)cell_load(&cells->health);
    health.state = provider->state == provider_maintenance ? health_maintenance
                                                           : health_state_of(health.score, &provider->health, before);
    return health;
}
