/* prefix.h - which target a prompt's beginning lies at, in the prompt cache of its provider, and whether that is worth
 * staying for. Pure but for the words, and the clock is an argument.
 *
 *   check   the prompt's key, xor the next two: who finds another sum has found another prompt, or half of a change
 *   target  the target's identity
 *   fate    63..32 until, s of the process's clock | 31..12 tokens of it, in sixteens | 11..0 whose: a hash of a client
 *
 * Readers take no lock: a place that is being written reads as empty. One writer at a time (snapshot/prefix_memory.h).
 * All zero: empty. */
#ifndef WEIR_CORE_PREFIX_H
#define WEIR_CORE_PREFIX_H

#include <stddef.h>

#include "base/meter.h"
#include "core/cell.h"
#include "core/pick.h"

struct prefix_place {
    struct cell check, target, fate;
};

enum { prefix_tokens_unit = 16, prefix_tokens_most = ((1 << 20) - 1) * prefix_tokens_unit };

/* What is known of a prompt. `until_s` may be over: it was there once. */
struct prefix_known {
    uint64_t target;
    uint32_t until_s;
    uint32_t tokens; /* of its beginning, kept by the provider; rounded down to sixteens */
    uint16_t whose;  /* its lower 12 bits */
};

/* `key` is not 0. false: the place has nothing of it. */
bool prefix_read(const struct prefix_place *place, uint64_t key, struct prefix_known *known);
void prefix_write(struct prefix_place *place, uint64_t key, const struct prefix_known *known);
/* Which of a bucket's places it may have: its own, an empty one, one that is over; else one of whoever has most of
 * them, the one that is over first: so that nobody who names many prompts puts out those of all others. */
size_t prefix_place_for(const struct prefix_place *places, size_t count, uint64_t key, uint16_t whose, uint32_t now_s);

/* What became of it in a choice. X(name, what explain says) */
#define PREFIX_TABLE(X)                                                                       \
    X(none, "nothing is remembered")                                                          \
    X(first, "it is its first use")                                                           \
    X(over, "its lifetime was over")                                                          \
    X(gone, "the target that has it is no candidate any more")                                \
    X(barred, "the target that has it cannot serve now")                                      \
    X(same, "the target that has it was the strategy's choice too")                           \
    X(kept, "kept for the prompt cache, though the strategy would have chosen another")       \
    X(gains, "switched although the prompt has to be written again: the strategy gains more") \
    X(unwell, "switched although the prompt has to be written again: its target is not well") \
    X(loaded, "switched although the prompt has to be written again: its target has too much to do")
enum prefix_outcome {
#define X(name, sentence) prefix_##name,
    PREFIX_TABLE(X)
#undef X
        prefix_outcomes
};
/* "kept", ...; empty behind the last. */
struct str prefix_outcome_name(enum prefix_outcome outcome);

/* What this request is expected to cost at a candidate, in nano-dollars; -1: not known. */
struct prefix_cost {
    int64_t cold; /* as if no prompt were kept anywhere */
    int64_t warm; /* its beginning is read where it lies, and written anew elsewhere */
};

struct prefix_choice {
    size_t chosen;
    enum prefix_outcome outcome; /* same and what follows */
    size_t instead;              /* kept: whom the strategy would have chosen; switched: whom it left */
    int64_t nano_usd; /* kept: what that would cost more; gains: what it costs less; else what writing it again
                         costs. -1: not known */
};

/* `kept` has the prompt's beginning. A strategy that looks at money (cost_optimal, cost_optimized) is told what each
 * candidate costs with that in mind, and chooses. The others stay, while it is well (health of half and more, no ramp)
 * and not overloaded: fewer in flight than nine tenths of what it takes, and, where the strategy looks at load, not
 * more than `prefix_load_more` and twice the least loaded one's. Costs of `input`'s candidates are set to the warm
 * ones. */
enum { prefix_load_more = 16 };
struct prefix_choice prefix_choose(struct pick_input *input, struct pick_candidate *candidates, size_t kept,
                                   const struct prefix_cost *costs, double *scores);

/* Why a provider has not read from its cache what it was sent (base/meter.h). */
enum prefix_miss {
#define X(name) prefix_miss_##name,
    CACHE_MISS_TABLE(X)
#undef X
        prefix_misses
};
extern const struct str prefix_miss_names[prefix_misses];
struct str prefix_miss_name(enum prefix_miss miss);

enum { prefix_least_tokens = 1024 }; /* providers keep no shorter ones */

/* What a provider counted: -1, not said. */
struct prefix_counted {
    int64_t input, cached, written;
};
/* Of what is remembered (has: at all) and what an answer of `target` has counted. */
enum prefix_miss prefix_missed(bool has, const struct prefix_known *known, uint64_t target,
                               const struct prefix_counted *counted, uint32_t now_s);
/* How much of the prompt lies there now. Providers that say what they write keep that and what they have read; the
 * others keep all of it, if it is long enough. */
uint32_t prefix_learnt(const struct prefix_counted *counted);

#endif
