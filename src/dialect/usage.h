/* usage.h - tokens as a provider counted them, and what else it says of the bill. Each is counted once, whoever counts
 * what inside what: here cached tokens, tokens written to a cache, tool prompts and each modality's are of the input,
 * reasoning and each modality's of the output. */
#ifndef WEIR_DIALECT_USAGE_H
#define WEIR_DIALECT_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/meter.h"

/* -1: not said. */
struct usage {
    int64_t input_tokens;  /* all input, cached included */
    int64_t output_tokens; /* all output, reasoning included */
    int64_t cached_input_tokens;
    int64_t cache_write_tokens; /* of the input: written to the provider's cache */
    int64_t reasoning_tokens;
    int64_t cost_nano_usd; /* where a provider says what it charges (OpenRouter's usage.cost), else -1 */
    struct meter *meter;   /* what else is said, borrowed; NULL: nothing, or nobody wants to know */
};
#define USAGE_NONE ((struct usage){-1, -1, -1, -1, -1, -1, NULL})

/* Takes every count that is said, what else is said too where that is wanted. true: there was a count. */
static inline bool usage_merge(struct usage *usage, const struct usage *more) {
    int64_t *const to[] = {&usage->input_tokens,       &usage->output_tokens,    &usage->cached_input_tokens,
                           &usage->cache_write_tokens, &usage->reasoning_tokens, &usage->cost_nano_usd};
    const int64_t from[] = {more->input_tokens,       more->output_tokens,    more->cached_input_tokens,
                            more->cache_write_tokens, more->reasoning_tokens, more->cost_nano_usd};
    bool any = false;
    for (unsigned i = 0; i < sizeof from / sizeof *from; i++) {
        if (from[i] < 0) continue;
        *to[i] = from[i];
        any = true;
    }
    if (usage->meter && more->meter) meter_merge(usage->meter, more->meter);
    return any;
}
/* As `said` has it; its own meter takes what that says. */
static inline void usage_take(struct usage *usage, const struct usage *said) {
    struct meter *meter = usage->meter;
    if (meter && said->meter) meter_merge(meter, said->meter);
    *usage = *said;
    usage->meter = meter;
}
/* -1 where one of them is not known: no sum is made of what was not said. */
static inline int64_t usage_total(const struct usage *usage) {
    bool known = usage->input_tokens >= 0 && usage->output_tokens >= 0;
    return known ? usage->input_tokens + usage->output_tokens : -1;
}
static inline bool usage_is_known(const struct usage *usage) {
    return usage->input_tokens >= 0 || usage->output_tokens >= 0;
}
/* Where else a reader notes what is said: made in the arena at its first use; NULL: no memory. */
static inline struct meter *usage_meter(struct usage *usage, struct arena *arena) {
    if (!usage->meter) usage->meter = arena_take_zeroed(arena, sizeof *usage->meter);
    return usage->meter;
}
/* The same where nothing was said yet until *has. */
static inline void usage_keep(struct usage *usage, bool *has, const struct usage *more) {
    if (!*has) *usage = USAGE_NONE; /* who writes has no use for the rest */
    *has |= usage_merge(usage, more);
}

#endif
