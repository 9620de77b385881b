/* flight_extra.c - extra work: repeats, hedges, and failovers beyond each request's own. A route allows a share of its
 * requests of each kind; one client takes at most half of that where there are several, so that what makes its
 * requests fail leaves the others theirs. */
#include "base/check.h"
#include "flight/flight_internal.h"

/* What a window has room for however few requests came. */
static const unsigned extra_floor[extras] = {[extra_repeat] = 10, [extra_hedge] = 1, [extra_failover] = 50};

struct allowance {
    struct share *taken;         /* the route's */
    const struct share *counted; /* its requests */
    struct share *clients;       /* what this client took of any route's; NULL: clients are not told apart */
    unsigned permille, floor;
};

/* The route's words must be there. */
static struct allowance extra_allowance(const struct flight *flight, enum extra kind) {
    const struct route *route = flight->choice.route;
    struct route_cells *cells = route->cells;
    CHECKF(cells && (unsigned)kind < extras, "kind=%d", (int)kind);
    struct share *const taken[extras] = {&cells->retries, &cells->hedges, &cells->failovers};
    const unsigned permille[extras] = {route->retry.budget_permille, route->hedge.share_permille,
                                       route->retry.failover_permille};
    return (struct allowance){.taken = taken[kind],
                              .counted = kind == extra_hedge ? &cells->hedges : &cells->retries,
                              .clients = flight_shares(flight) ? &flight->client->cells->extra[kind] : NULL,
                              .permille = permille[kind],
                              .floor = extra_floor[kind]};
}

bool extra_would_take(const struct flight *flight, enum extra kind, struct now now) {
    struct allowance of = extra_allowance(flight, kind);
    return share_would_take_of(of.taken, of.counted, of.permille, of.floor, now.mono_ns) &&
           (!of.clients ||
            share_would_take_of(of.clients, of.counted, (of.permille + 1) / 2, (of.floor + 1) / 2, now.mono_ns));
}

bool extra_take(const struct flight *flight, enum extra kind, struct now now) {
    struct allowance of = extra_allowance(flight, kind);
    if (of.clients && !share_take_of(of.clients, of.counted, (of.permille + 1) / 2, (of.floor + 1) / 2, now.mono_ns))
        return false;
    return share_take_of(of.taken, of.counted, of.permille, of.floor, now.mono_ns);
}
