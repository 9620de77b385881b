/* prefix.c - a prompt's place in a table of words, and the choice between staying with it and leaving it. */
#include "core/prefix.h"

#include "base/check.h"

enum { whose_mask = 0xfff, tokens_mask = 0xfffff };

static uint64_t prefix_fate_of(const struct prefix_known *known) {
    uint32_t tokens = known->tokens > prefix_tokens_most ? prefix_tokens_most : known->tokens;
    return (uint64_t)known->until_s << 32 | (uint64_t)(tokens / prefix_tokens_unit) << 12 | (known->whose & whose_mask);
}

static uint32_t until_of(uint64_t fate) { return (uint32_t)(fate >> 32); }

bool prefix_read(const struct prefix_place *place, uint64_t key, struct prefix_known *known) {
    CHECK(key != 0);
    uint64_t check = cell_load(&place->check), target = cell_load(&place->target), fate = cell_load(&place->fate);
    if ((check ^ target ^ fate) != key) return false;
    *known = (struct prefix_known){.target = target,
                                   .until_s = until_of(fate),
                                   .tokens = (uint32_t)(fate >> 12 & tokens_mask) * prefix_tokens_unit,
                                   .whose = (uint16_t)(fate & whose_mask)};
    return true;
}

void prefix_write(struct prefix_place *place, uint64_t key, const struct prefix_known *known) {
    uint64_t fate = prefix_fate_of(known);
    CHECK(key != 0);
    cell_store(&place->target, known->target);
    cell_store(&place->fate, fate);
    cell_store(&place->check, key ^ known->target ^ fate);
}

static unsigned places_of(const struct prefix_place *places, size_t count, uint64_t whose) {
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) found += (cell_load(&places[i].fate) & whose_mask) == whose;
    return found;
}

size_t prefix_place_for(const struct prefix_place *places, size_t count, uint64_t key, uint16_t whose, uint32_t now_s) {
    size_t free = count, victim = 0;
    unsigned victim_has = 0;
    uint32_t victim_until = 0;
    struct prefix_known known;
    CHECKF(count > 0, "count=%zu", count);
    for (size_t i = 0; i < count; i++) {
        uint64_t fate = cell_load(&places[i].fate);
        if (prefix_read(&places[i], key, &known)) return i;
        if (until_of(fate) <= now_s && (free == count || until_of(fate) < until_of(cell_load(&places[free].fate))))
            free = i;
        /* as it would be with the new one there: who has as many as another gives up its own */
        unsigned has = places_of(places, count, fate & whose_mask) + ((fate & whose_mask) == (whose & whose_mask));
        if (i && (has < victim_has || (has == victim_has && until_of(fate) >= victim_until))) continue;
        victim = i;
        victim_has = has;
        victim_until = until_of(fate);
    }
    return free < count ? free : victim;
}

struct str prefix_outcome_name(enum prefix_outcome outcome) {
    static const struct str names[] = {
#define X(name, sentence) STR(#name),
        PREFIX_TABLE(X)
#undef X
    };
    return (unsigned)outcome < prefix_outcomes ? names[outcome] : STR("");
}

const struct str prefix_miss_names[prefix_misses] = {
#define X(name) STR(#name),
    CACHE_MISS_TABLE(X)
#undef X
};

struct str prefix_miss_name(enum prefix_miss miss) {
    return (unsigned)miss < prefix_misses ? prefix_miss_names[miss] : STR("");
}

/* -- staying or leaving -- */

static bool looks_at_money(enum strategy strategy) {
    return strategy == strategy_cost_optimal || strategy == strategy_cost_optimized;
}

static bool looks_at_load(enum strategy strategy) {
    return strategy == strategy_least_loaded || strategy == strategy_fastest_response || strategy == strategy_adaptive;
}

static bool is_unwell(const struct pick_candidate *candidate) { return candidate->health < 0.5 || candidate->ramp < 1; }

static bool is_loaded(const struct pick_input *input, size_t kept) {
    const struct pick_candidate *candidate = &input->candidates[kept];
    uint64_t most = candidate->max_concurrent, least = UINT32_MAX;
    if (most && (uint64_t)candidate->in_flight * 10 >= most * 9) return true;
    for (size_t i = 0; i < input->count; i++)
        if (i != kept && input->candidates[i].in_flight < least) least = input->candidates[i].in_flight;
    return looks_at_load(input->strategy) && input->count > 1 && candidate->in_flight > prefix_load_more + 2 * least;
}

/* a - b; -1 where one of them is not known, or b is more. */
static int64_t more_by(int64_t a, int64_t b) { return a >= 0 && b >= 0 && a >= b ? a - b : -1; }

struct prefix_choice prefix_choose(struct pick_input *input, struct pick_candidate *candidates, size_t kept,
                                   const struct prefix_cost *costs, double *scores) {
    CHECKF(kept < input->count && candidates == input->candidates, "kept=%zu count=%zu", kept, input->count);
    bool money = looks_at_money(input->strategy);
    size_t best = pick(input, scores);
    if (money) {
        for (size_t i = 0; i < input->count; i++) candidates[i].cost_nano_usd = costs[i].warm;
        size_t warm = pick(input, scores);
        if (warm == kept && best == kept) return (struct prefix_choice){kept, prefix_same, kept, -1};
        if (warm == kept)
            return (struct prefix_choice){kept, prefix_kept, best, more_by(costs[best].warm, costs[kept].warm)};
        return (struct prefix_choice){warm, prefix_gains, kept, more_by(costs[kept].warm, costs[warm].warm)};
    }
    if (best == kept) return (struct prefix_choice){kept, prefix_same, kept, -1};
    int64_t again = more_by(costs[best].warm, costs[kept].warm);
    if (is_unwell(&candidates[kept])) return (struct prefix_choice){best, prefix_unwell, kept, again};
    if (is_loaded(input, kept)) return (struct prefix_choice){best, prefix_loaded, kept, again};
    return (struct prefix_choice){kept, prefix_kept, best, again};
}

/* -- what is learnt of an answer -- */

enum prefix_miss prefix_missed(bool has, const struct prefix_known *known, uint64_t target,
                               const struct prefix_counted *counted, uint32_t now_s) {
    bool was_here = has && known->target == target && known->until_s > now_s;
    int64_t expected = was_here ? known->tokens : 0;
    if (counted->cached < 0 || counted->input < prefix_least_tokens) return prefix_miss_none;
    if (counted->cached > 0 && counted->cached >= expected / 2) return prefix_miss_none;
    if (!has) return prefix_miss_first_use;
    if (known->target != target) return prefix_miss_target_changed;
    if (known->until_s <= now_s) return prefix_miss_lifetime_over;
    return expected ? prefix_miss_prefix_changed : prefix_miss_first_use;
}

uint32_t prefix_learnt(const struct prefix_counted *counted) {
    int64_t cached = counted->cached > 0 ? counted->cached : 0;
    int64_t all = counted->input >= prefix_least_tokens ? counted->input : 0;
    int64_t learnt = counted->written >= 0 ? cached + counted->written : all > cached ? all : cached;
    return learnt > prefix_tokens_most ? prefix_tokens_most : (uint32_t)learnt;
}
