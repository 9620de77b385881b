/* health.h - how well a provider is: one number from what its traffic and its probes show, and a state from the number.
 * Pure. */
#ifndef WEIR_CORE_HEALTH_H
#define WEIR_CORE_HEALTH_H

#include "base/str.h"
#include "core/breaker.h"

enum health_state { health_healthy, health_degraded, health_unhealthy, health_maintenance, health_states };

struct health_rules {
    double degraded_below;  /* 0.8 */
    double unhealthy_below; /* 0.4 */
};

struct health_input {
    double success;             /* 0 to 1; see success_read */
    double slowness;            /* against its own baseline: see pace_slowness; 0: not known */
    enum breaker_state breaker; /* the worst of its targets' */
};

/* success x latency term x breaker term. Latency term: 1 up to twice as slow as usual, then 2 / slowness, never below
 * 0.5. Breaker term: closed 1, half-open 0.5, open 0. */
double health_score(const struct health_input *input);
/* Below an edge the worse state begins at once; a better one begins only 0.05 above the edge (at most at 1), so that it
 * does not flutter. Never maintenance: an operator says that. */
enum health_state health_state_of(double score, const struct health_rules *rules, enum health_state before);
struct str health_state_name(enum health_state state);

#endif
