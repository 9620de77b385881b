/* provider_health.h - how a provider is, from its cells: what status, history and alerts show. Reads words only; any
 * thread. */
#ifndef WEIR_SNAPSHOT_PROVIDER_HEALTH_H
#define WEIR_SNAPSHOT_PROVIDER_HEALTH_H

#include "snapshot/snapshot.h"

struct provider_health {
    enum health_state state;
    double score, success;
    uint64_t latency_ns;        /* to the first token; 0: not known */
    double slowness;            /* of its answers, against its targets' own baselines: 1: as usual */
    enum breaker_state breaker; /* the worst of the provider's and its targets' */
    uint64_t breaker_until_ns;  /* open: when the first may be tried again */
    uint64_t breaker_client;    /* of several: the one for whom alone a target's is open (a hash); 0: none */
    uint32_t in_flight;
    int32_t waiting;
    unsigned probes_failed; /* in a row, with no request answered since */
    bool demoted;           /* for that: its targets are asked after all others */
    unsigned keys_cooling;  /* for whatever reason; of these: */
    unsigned keys_refused, keys_quota_exhausted;
};

/* The state that the prober last wrote into the cells decides which edge counts, so that it does not flutter. */
struct provider_health provider_health(const struct snapshot *snapshot, const struct provider *provider,
                                       uint64_t now_ns);
struct str breaker_state_name(enum breaker_state state);

#endif
