/* deployment.c - from a provider's base URL to an origin that net can call. */
#include "runtime/deployment.h"

#include "base/check.h"
#include "base/memory.h"

enum { idle_timeout_s = 55, rested_s = 1, connections_idle_max = 128 };

static struct origin origin_of(const struct provider *provider) {
    return (struct origin){.tls = provider->base.tls,
                           .host = provider->base.host,
                           .port = provider->base.port,
                           .unix_path = provider->base.unix_path,
                           .ca_file = provider->ca_file,
                           .insecure = provider->insecure,
                           .proxy = provider->proxy,
                           .connect_timeout_ns = provider->connect_timeout_ns,
                           .idle_timeout_ns = idle_timeout_s * NS_PER_S,
                           .rested_ns = rested_s * NS_PER_S,
                           .connections_idle_max = connections_idle_max,
                           .id = provider->origin_id};
}

struct deployment *deployment_new(struct snapshot *snapshot, _Atomic unsigned *live) {
    struct deployment *deployment = memory_take(sizeof *deployment);
    struct origin *origins = memory_take(snapshot->provider_count * sizeof *origins);
    if (!deployment || !origins) {
        memory_give(deployment);
        memory_give(origins);
        snapshot_release(snapshot);
        return NULL;
    }
    for (size_t i = 0; i < snapshot->provider_count; i++) origins[i] = origin_of(&snapshot->providers[i]);
    *deployment = (struct deployment){.snapshot = snapshot, .origins = origins, .live = live};
    atomic_fetch_add(live, 1);
    atomic_init(&deployment->holds, 1);
    return deployment;
}

void deployment_hold(struct deployment *deployment) {
    atomic_fetch_add_explicit(&deployment->holds, 1, memory_order_relaxed);
}

void deployment_release(struct deployment *deployment) {
    uint32_t before = atomic_fetch_sub_explicit(&deployment->holds, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1) return;
    snapshot_release(deployment->snapshot);
    memory_give(deployment->origins);
    atomic_fetch_sub(deployment->live, 1);
    memory_give(deployment);
}
