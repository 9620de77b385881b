/* flight_lock.c - exclusive routes: one target at a time serves, and who it is stands in the route's lock. The order of
 * the targets is the order of the moves. */
#include "base/check.h"
#include "flight/flight_internal.h"

static struct candidate *candidate_of(const struct flight *flight, const struct level *level, uint32_t id) {
    for (size_t i = level->first; i < level->end; i++)
        if (flight->choice.candidates[i].target->id == id) return &flight->choice.candidates[i];
    return NULL;
}

/* It holds the route, but this request may not use it: no reason to take the lock from it. */
static bool is_others(const struct flight *flight, const struct level *level, uint32_t id) {
    for (size_t i = 0; i < level->route->target_count; i++)
        if (level->route->targets[i]->id == id) return !candidate_of(flight, level, id);
    return false;
}

/* The next one behind `holder` in the route's order that can serve, round and round; NULL: no other can. demoted: one
 * whose probes fail will do. */
static struct candidate *lock_next_of(struct flight *flight, const struct level *level, const struct candidate *holder,
                                      bool demoted, struct now now, uint64_t *until_ns) {
    struct candidate *candidates = flight->choice.candidates + level->first;
    size_t count = level->end - level->first;
    CHECK(count > 0 && (!holder || holder < candidates + count));
    size_t from = holder ? (size_t)(holder - candidates) : count - 1;
    for (size_t step = 1; step <= count; step++) {
        struct candidate *candidate = &candidates[(from + step) % count];
        uint64_t open_ns = 0;
        if (candidate == holder || candidate->instead) continue; /* no route's lock goes to what is not its own */
        candidate->refusal = hold_look(flight, candidate, now, &open_ns);
        candidate->demoted = hold_is_demoted(flight, candidate) ? demoted_by_probes : demoted_not;
        if (candidate->refusal == refusal_none && (demoted || !candidate->demoted)) return candidate;
        if (open_ns && (*until_ns == 0 || open_ns < *until_ns)) *until_ns = open_ns;
    }
    return NULL;
}

static struct candidate *next_behind(struct flight *flight, const struct level *level, const struct candidate *holder,
                                     struct now now, uint64_t *until_ns) {
    struct candidate *next = lock_next_of(flight, level, holder, false, now, until_ns);
    return next ? next : lock_next_of(flight, level, holder, true, now, until_ns);
}

/* It stands against this client, or this request, alone: it says nothing of the others. */
static bool for_it_alone(enum refusal refusal) {
    return refusal == refusal_breaker_open_for_client || refusal == refusal_cooling_for_client ||
           refusal == refusal_context || refusal == refusal_budget || refusal == refusal_budget_room ||
           refusal == refusal_unpriced || refusal == refusal_unbounded || refusal == refusal_downgraded ||
           refusal == refusal_limit_rate || refusal == refusal_limit_full;
}

/* A preview looks at the lock and leaves it as it is. */
static struct lock_view held(const struct flight *flight, const struct level *level) {
    uint32_t first = level->route->targets[0]->id;
    struct cell *lock = &level->route->cells->lock;
    struct lock_view view = lock_view(lock);
    if (!flight->previews) return lock_hold(lock, first);
    if (!view.holder) view.holder = first;
    return view;
}

/* For the log: a request that moves the lock says from whom, to whom and why. */
static void moved(struct flight *flight, const struct level *level, const struct candidate *from,
                  const struct candidate *to, const char *why) {
    flight->lock_moved = (struct lock_moved_by){
        .route = level->route->model, .from = from ? from->target->name : STR(""), .to = to->target, .why = why};
}

/* The primary has been well for long enough: the lock goes home. */
static bool primary_is_back(struct flight *flight, const struct level *level, const struct candidate *holder,
                            struct now now) {
    const struct route *route = level->route;
    struct candidate *primary = &flight->choice.candidates[level->first];
    uint64_t ignored = 0;
    if (route->return_to_primary_ns == 0 || holder == primary || primary->target != route->targets[0]) return false;
    enum refusal refusal = hold_look(flight, primary, now, &ignored);
    if (for_it_alone(refusal) || refusal_is_busy(refusal)) return false; /* that is not to be ill */
    bool well = refusal == refusal_none && !hold_is_demoted(flight, primary);
    uint64_t since = cell_load(&route->cells->healthy_since_ns);
    if (!well || since == 0) {
        if (flight->previews) return false;
        cell_store(&route->cells->healthy_since_ns, well ? now.mono_ns : 0);
        return false;
    }
    return now.mono_ns - since >= route->return_to_primary_ns;
}

struct candidate *lock_holder(struct flight *flight, struct level *level, struct now now, uint32_t *epoch,
                              uint64_t *until_ns) {
    struct cell *lock = &level->route->cells->lock;
    struct candidate *primary = &flight->choice.candidates[level->first];
    for (size_t moves = 0; moves <= level->end - level->first + 1; moves++) {
        struct lock_view view = held(flight, level);
        struct candidate *holder = candidate_of(flight, level, view.holder), *next;
        uint64_t open_ns = 0, ignored = 0;
        *epoch = view.epoch;
        if (is_others(flight, level, view.holder)) return NULL;
        enum refusal refusal = holder ? hold_look(flight, holder, now, &open_ns) : refusal_not_holder;
        if (holder) holder->refusal = refusal;
        if (holder) holder->demoted = hold_is_demoted(flight, holder) ? demoted_by_probes : demoted_not;
        if (holder && holder->demoted && refusal == refusal_none &&
            (next = lock_next_of(flight, level, holder, false, now, &ignored))) { /* who is well takes it */
            if (flight->previews) return next;
            lock_move(lock, view.epoch, next->target->id);
            continue;
        }
        if (refusal == refusal_none && primary_is_back(flight, level, holder, now)) {
            if (flight->previews) return primary;
            if (lock_move(lock, view.epoch, primary->target->id))
                moved(flight, level, holder, primary, "primary_is_back");
            continue;
        }
        if (for_it_alone(refusal)) { /* nor does that lose it */
            *until_ns = open_ns;
            return NULL;
        }
        bool full = refusal_is_busy(refusal);
        if (refusal == refusal_none || full) { /* being busy does not lose the lock */
            if (full && open_ns) *until_ns = open_ns;
            return full ? NULL : holder;
        }
        if (open_ns && (*until_ns == 0 || open_ns < *until_ns)) *until_ns = open_ns;
        next = next_behind(flight, level, holder, now, until_ns);
        if (!next || flight->previews) return next;
        if (lock_move(lock, view.epoch, next->target->id)) /* else somebody else did */
            moved(flight, level, holder, next, "holder_cannot_serve");
    }
    return NULL;
}

bool lock_repeats(const struct candidate *holder) {
    enum failure failure = holder->failure;
    return !holder->tries ||
           (!failure_is_timeout(failure) && failure != failure_context_exceeded && failure != failure_filtered);
}

bool lock_ends(const struct flight *flight, const struct level *level) {
    const struct attempt *last = flight->attempt_count ? flight->attempts[flight->attempt_count - 1] : NULL;
    return level->route->strict && last && last->candidate->level == level && failure_is_timeout(last->failure);
}

struct candidate *lock_guest(struct flight *flight, struct level *level, struct now now) {
    struct candidate *candidates = flight->choice.candidates + level->first;
    struct candidate *holder = candidate_of(flight, level, held(flight, level).holder);
    size_t count = level->end - level->first;
    uint64_t ignored = 0;
    if (!holder) return NULL;
    bool elsewhere = !holder->tries && level_was_asked(flight, holder); /* through another route */
    bool shut = for_it_alone(holder->refusal) || !lock_repeats(holder) || elsewhere;
    if (!shut && holder->tries < level->route->failover_after) return NULL;
    size_t from = (size_t)(holder - candidates);
    struct candidate *demoted = NULL;
    for (size_t step = 1; step < count; step++) {
        struct candidate *candidate = &candidates[(from + step) % count];
        if (level_was_asked(flight, candidate) || candidate->raced) continue;
        candidate->refusal = hold_look(flight, candidate, now, &ignored);
        candidate->demoted = hold_is_demoted(flight, candidate) ? demoted_by_probes : demoted_not;
        if (candidate->refusal == refusal_none && !candidate->demoted) return candidate;
        if (candidate->refusal == refusal_none && !demoted) demoted = candidate;
    }
    return demoted;
}

/* As flight_try_next goes about it for a whole route, but for the sending. */
static struct candidate *locked_choose(struct flight *flight, struct level *level, struct now now) {
    uint64_t ignored = 0;
    uint32_t epoch = 0;
    struct candidate *holder = lock_holder(flight, level, now, &epoch, &ignored),
                     *guest = lock_guest(flight, level, now);
    if (guest) return guest;
    bool spent = !holder || holder->raced || holder->tries > level->route->failover_after || !lock_repeats(holder) ||
                 (!holder->tries && level_was_asked(flight, holder));
    if (!spent) level->epoch = epoch;
    return spent ? NULL : holder;
}

/* Who does not serve is told so. */
struct candidate *lock_choose(struct flight *flight, struct level *level, struct now now) {
    bool is_live = flight->live && flight->live->candidate->level == level; /* one at a time: no hedge beside it */
    bool nobody = level->first == level->end || is_live || lock_ends(flight, level);
    level->epoch = 0;
    struct candidate *chosen = nobody ? NULL : locked_choose(flight, level, now);
    for (size_t i = level->first; i < level->end; i++) {
        struct candidate *candidate = &flight->choice.candidates[i];
        if (candidate != chosen && candidate->refusal == refusal_none)
            candidate->refusal = level_was_asked(flight, candidate) ? refusal_tried : refusal_not_holder;
    }
    return chosen;
}

/* One more failure of the holder: may the lock move for it? The failures of one client alone move it only where no
 * other has been served lately: else a prompt that makes a provider fail would move it for everybody. */
static bool may_move(const struct flight *flight, const struct route *route, enum failure failure, struct now now) {
    const uint64_t lately_ns = 60 * NS_PER_S;
    struct route_cells *cells = route->cells;
    uint64_t client = hold_is_nobodys(failure) ? blame_nobody : flight->client_hash, seen = cell_load(&cells->row),
             next;
    do next = blame_noted(seen, client);
    while (!cell_swap(&cells->row, &seen, next));
    return blame_for_all(next) >= route->failover_after ||
           !company_has_other(&cells->company, client, lately_ns, now.mono_ns);
}

void lock_settle(struct flight *flight, struct attempt *attempt, struct now now) {
    const struct level *level = attempt->candidate->level;
    const struct route *route = level->route;
    if (!level_is_locked(level) || attempt->lock_epoch == 0) return;
    struct route_cells *cells = route->cells;
    struct cell *lock = &cells->lock;
    uint64_t ignored = 0;
    CHECKF(attempt->state == attempt_settled, "state=%d", (int)attempt->state); /* its failure is what it ended with */
    if (attempt->failure == failure_none) {
        company_note(&cells->company, flight->client_hash, now.mono_ns);
        if (lock_view(lock).epoch == attempt->lock_epoch && cell_load(&cells->row)) cell_store(&cells->row, 0);
        lock_succeeded(lock, attempt->lock_epoch);
        return;
    }
    enum fault fault = failure_facts(attempt->failure)->fault;
    bool ours = attempt->failure == failure_system || attempt->failure == failure_no_connection;
    if (fault == fault_caller || ours) return;
    if (attempt->target == route->targets[0]) cell_store(&cells->healthy_since_ns, 0);
    if (lock_view(lock).epoch != attempt->lock_epoch) return;
    struct candidate *next = next_behind(flight, level, attempt->candidate, now, &ignored);
    if (!may_move(flight, route, attempt->failure, now)) next = NULL;
    if (lock_failed(lock, attempt->lock_epoch, route->failover_after, next ? next->target->id : 0) != lock_moved)
        return;
    moved(flight, level, attempt->candidate, next, "failures");
    cell_store(&cells->row, 0);
}
