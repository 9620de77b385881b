/* deployment.c - from a provider's base URL to an origin that net can call. */
#include "runtime/deployment.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "dialect/outbound.h"
#include "net/tls.h"

enum { rested_s = 1 };

/* Equal for connections that may be shared: to the same place, by the same credentials, verified by the same roots. */
static uint64_t pool_id(const struct provider *provider, const struct tls_context *tls) {
    uint64_t both[] = {provider->origin_id, tls ? tls_context_id(tls) : 0};
    return str_hash(str_make((const char *)both, sizeof both));
}

static struct origin deployment_origin_of(const struct provider *provider, struct tls_context *tls) {
    return (struct origin){.tls = tls,
                           .host = provider->base.host,
                           .port = provider->base.port,
                           .unix_path = provider->base.unix_path,
                           .proxy = provider->proxy,
                           .connect_timeout_ns = provider->connect_timeout_ns,
                           .idle_timeout_ns = limit_pool_idle_s * NS_PER_S,
                           .rested_ns = rested_s * NS_PER_S,
                           .connections_idle_max = provider->pool_idle_max,
                           .connections_max = provider->pool_connections_max,
                           .id = pool_id(provider, tls)};
}

/* Those that take no URLs of images or documents get their bytes from weir. */
static bool fetches(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->provider_count && snapshot->fetch.on; i++) {
        const struct codec *codec = codec_of(snapshot->providers[i].dialect);
        if (!codec || codec->fates[feature_image_url] == fate_fetched ||
            codec->fates[feature_document_url] == fate_fetched)
            return true;
    }
    return false;
}

static void deployment_free(struct deployment *deployment) {
    for (size_t i = 0; deployment->origins && i < deployment->snapshot->provider_count; i++)
        tls_context_release(deployment->origins[i].tls);
    tls_context_release(deployment->fetch_tls);
    snapshot_release(deployment->snapshot);
    memory_give(deployment->origins);
    memory_give(deployment);
}

/* NULL: none. Held by the deployment. */
static struct tls_context *tls_of(const struct deployment *deployment, struct str ca_file, bool insecure) {
    const struct snapshot *snapshot = deployment->snapshot;
    for (size_t i = 0; i < snapshot->provider_count; i++)
        if (deployment->origins[i].tls && snapshot->providers[i].insecure == insecure &&
            str_eq(snapshot->providers[i].ca_file, ca_file))
            return deployment->origins[i].tls;
    return NULL;
}

bool deployment_has_ca(const struct deployment *deployment, struct str ca_file) {
    return tls_of(deployment, ca_file, false) != NULL;
}

/* NULL: *error. */
static struct tls_context *tls_take(const struct deployment *in_force, const struct provider *provider,
                                    struct error *error) {
    struct tls_context *tls = in_force ? tls_of(in_force, provider->ca_file, provider->insecure) : NULL;
    if (!tls) return tls_client_context(provider->ca_file, provider->insecure, tls_for_providers, error);
    tls_context_hold(tls);
    return tls;
}

static bool origins_make(struct deployment *deployment, const struct deployment *in_force, struct error *error) {
    const struct snapshot *snapshot = deployment->snapshot;
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        const struct provider *provider = &snapshot->providers[i];
        struct tls_context *tls = NULL;
        if (provider->base.tls && !(tls = tls_take(in_force, provider, error))) return false;
        deployment->origins[i] = deployment_origin_of(provider, tls);
    }
    if (!fetches(snapshot)) return true;
    deployment->fetch_tls = in_force ? in_force->fetch_tls : NULL;
    if (deployment->fetch_tls)
        tls_context_hold(deployment->fetch_tls);
    else
        deployment->fetch_tls = tls_client_context(STR_NONE, false, tls_for_callers, error);
    return deployment->fetch_tls != NULL;
}

struct deployment *deployment_new(struct snapshot *snapshot, const struct deployment *in_force, _Atomic unsigned *live,
                                  struct error *error) {
    struct deployment *deployment = memory_take_zeroed(sizeof *deployment);
    error_set(error, error_out_of_memory, "No memory for the configuration.");
    if (!deployment) {
        snapshot_release(snapshot);
        return NULL;
    }
    *deployment =
        (struct deployment){.snapshot = snapshot,
                            .origins = memory_take_zeroed((snapshot->provider_count + 1) * sizeof *deployment->origins),
                            .live = live};
    if (!deployment->origins || !origins_make(deployment, in_force, error)) {
        deployment_free(deployment);
        return NULL;
    }
    atomic_fetch_add(live, 1);
    atomic_init(&deployment->holds, 1);
    return deployment;
}

void deployment_hold(struct deployment *deployment) {
    uint32_t before = atomic_fetch_add_explicit(&deployment->holds, 1, memory_order_relaxed);
    CHECKF(before > 0 && before < UINT32_MAX, "holds=%u", before); /* who holds it may give it on; nobody else */
}

void deployment_release(struct deployment *deployment) {
    uint32_t before = atomic_fetch_sub_explicit(&deployment->holds, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1) return;
    unsigned live = atomic_fetch_sub(deployment->live, 1);
    CHECKF(live > 0 && live <= limit_deployments, "live=%u", live);
    deployment_free(deployment);
}
