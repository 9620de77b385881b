/* health.c - the score's three terms and the states' edges. */
#include "core/health.h"

#include "base/check.h"

static double latency_term(const struct health_input *input) {
    if (!(input->slowness > 0)) return 1;
    double term = 2 / input->slowness;
    return term < 0.5 ? 0.5 : term > 1 ? 1 : term;
}

static double breaker_term(enum breaker_state state) {
    switch (state) {
    case breaker_closed: return 1;
    case breaker_half_open: return 0.5;
    case breaker_open: return 0;
    }
    CHECKF(false, "state=%d", (int)state);
    return 0;
}

double health_score(const struct health_input *input) {
    double success = input->success > 0 ? input->success : 0; /* 0 for what is no number too */
    if (success > 1) success = 1;
    double score = success * latency_term(input) * breaker_term(input->breaker);
    CHECKF(score >= 0 && score <= 1, "score=%f", score);
    return score;
}

enum health_state health_state_of(double score, const struct health_rules *rules, enum health_state before) {
    const double margin = 0.05;
    CHECKF((unsigned)before < health_states, "before=%d", (int)before);
    double degraded = rules->degraded_below, unhealthy = rules->unhealthy_below;
    if (before == health_degraded || before == health_unhealthy) degraded += margin; /* harder to leave upwards */
    if (before == health_unhealthy) unhealthy += margin;
    if (degraded > 1) degraded = 1; /* full health always is enough */
    if (unhealthy > 1) unhealthy = 1;
    if (score < unhealthy) return health_unhealthy;
    return score < degraded ? health_degraded : health_healthy;
}

struct str health_state_name(enum health_state state) {
    static const char *const names[health_states] = {"healthy", "degraded", "unhealthy", "maintenance"};
    CHECKF((unsigned)state < health_states, "state=%d", (int)state);
    return str_from(names[state]);
}
