/* flight_level.c - routes that are targets of routes. Such a route is flattened: all its targets are the request's
 * candidates, side by side, and each level of routes chooses among its own.
 *
 *   candidates   a/m | b/m  c/m | d/m          level 0, the route that was asked for: a/m, level 1, level 2
 *   level         0  |  1    1  |  2           levels 1 and 2 are targets of it; one may stand in another
 *
 * Inner levels choose first, each for itself, so that the one around chooses among its own targets and the best of each
 * inner level. Nothing here recurses, and what is sent is one candidate, as ever. */
#include "base/check.h"
#include "flight/flight_internal.h"

/* The first candidate that is the route's target `leaf`, or stands behind it: they stand in that order. */
static size_t candidate_from(const struct flight *flight, size_t leaf) {
    size_t low = 0, high = flight->choice.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (flight->choice.candidates[middle].leaf < leaf)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool levels_make(struct flight *flight) {
    struct choice *choice = &flight->choice;
    const struct route *route = choice->route;
    bool nested = route->levels && !flight->steering.targets.at; /* else they are not the route's */
    choice->level_count = nested ? route->level_count : 1;
    choice->levels =
        nested ? arena_take_zeroed(&flight->arena, route->level_count * sizeof *choice->levels) : &choice->outermost;
    if (!choice->levels) return false;
    choice->levels[0] = (struct level){.route = route, .by = choice->by, .end = choice->count};
    for (size_t i = 1; i < choice->level_count; i++) {
        const struct route_level *as = &route->levels[i];
        CHECKF(as->around < i, "around=%u of %zu", as->around, i);
        choice->levels[i] = (struct level){.route = as->route,
                                           .by = as->route->strategy,
                                           .as = as,
                                           .around = &choice->levels[as->around],
                                           .first = candidate_from(flight, as->first),
                                           .end = candidate_from(flight, as->end)};
    }
    for (size_t i = 0; i < choice->count; i++) {
        struct candidate *candidate = &choice->candidates[i];
        bool own = nested && candidate->leaf < route->target_count;
        candidate->level = &choice->levels[own ? route->level_of[candidate->leaf] : 0];
    }
    return true;
}

struct level *level_under(const struct level *level, struct level *of) {
    if (of == level) return NULL;
    while (of->around != level) {
        of = of->around;
        CHECK(of); /* it stands in the level */
    }
    return of;
}

bool level_is_locked(const struct level *level) { return level->by == strategy_exclusive && level->route->cells; }

uint32_t level_epoch(const struct candidate *candidate) {
    const struct level *level = candidate->level;
    return level->around && level_is_locked(level) && level->best == candidate ? level->epoch : 0;
}

bool level_next(const struct flight *flight, const struct level *level, size_t *at, struct level_member *member) {
    if (*at >= level->end) return false;
    struct candidate *candidate = &flight->choice.candidates[*at];
    struct level *inner = level_under(level, candidate->level);
    *member = (struct level_member){inner ? inner->best : candidate, inner};
    *at = inner ? inner->end : *at + 1;
    return true;
}

struct level *level_going_on(const struct flight *flight, const struct level *level) {
    if (flight->choice.level_count == 1 || flight->live || !flight->attempt_count) return NULL;
    const struct candidate *last = flight->attempts[flight->attempt_count - 1]->candidate;
    size_t place = (size_t)(last - flight->choice.candidates);
    return place >= level->first && place < level->end ? level_under(level, last->level) : NULL;
}

bool level_was_asked(const struct flight *flight, const struct candidate *candidate) {
    if (candidate->tries) return true;
    for (unsigned i = 0; flight->choice.level_count > 1 && i < flight->attempt_count; i++)
        if (flight->attempts[i]->target == candidate->target && flight->attempts[i]->candidate->tries) return true;
    return false;
}
