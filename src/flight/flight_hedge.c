/* flight_hedge.c - a second attempt at another target, once the first one's first byte is later than it is for 95 in
 * 100. The first good byte decides; the other attempt is broken off, and what it cost is counted all the same.
 *
 * Must never: hedge a request that goes on from delivered text, hedge twice, begin past the share that is allowed. */
#include "base/check.h"
#include "flight/flight_internal.h"

uint64_t hedge_due_ns(const struct flight *flight) {
    const struct hedge_rules *rules = flight->choice.route ? &flight->choice.route->hedge : NULL;
    const struct attempt *live = flight->live;
    if (!rules || !rules->on || !live || flight->rival || flight->hedge != hedge_unused ||
        flight->state != flight_trying || live->one_of_several)
        return UINT64_MAX;
    if (resume_has(flight) || flight->choice.by == strategy_exclusive || live->state > attempt_replying)
        return UINT64_MAX;
    uint64_t after_ns = rules->after_ns;
    if (after_ns == 0 && live->target->cells)
        after_ns = latency_p95_read(&live->target->cells->p95[flight->request.stream]);
    return after_ns ? live->started_ns + after_ns : UINT64_MAX; /* nothing known of it: nothing to be late by */
}

/* A candidate beside the live one, its holds and the route's share taken; NULL: there may be none. */
static struct candidate *hedge_candidate(struct flight *flight, struct holds *holds, struct now now,
                                         struct actions *out) {
    const struct route *route = flight->choice.route;
    CHECK(flight->live && !flight->rival && flight->hedge == hedge_unused);
    if (route->retry.max_attempts && flight->attempt_count >= route->retry.max_attempts) return NULL;
    if (!route->cells || !extra_would_take(flight, extra_hedge, now)) return NULL;
    struct candidate *candidate = flight_choose_other(flight, now, holds, out);
    if (!candidate || extra_take(flight, extra_hedge, now)) return candidate;
    hold_give_back(flight, candidate, holds, now, out); /* another took the last of it */
    return NULL;
}

void hedge_begin(struct flight *flight, struct now now, struct actions *out) {
    struct holds holds;
    struct candidate *candidate = hedge_candidate(flight, &holds, now, out);
    if (!candidate || !attempt_begin(flight, candidate, &holds, level_epoch(candidate), now, out))
        if (flight->hedge == hedge_unused) hedge_enter(flight, hedge_refused, now);
}
