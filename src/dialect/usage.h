/* usage.h - tokens as a provider counted them. */
#ifndef WEIR_DIALECT_USAGE_H
#define WEIR_DIALECT_USAGE_H

#include <stdbool.h>
#include <stdint.h>

/* -1: not said. */
struct usage {
    int64_t input_tokens;  /* all input, cached included */
    int64_t output_tokens; /* all output, reasoning included */
    int64_t cached_input_tokens;
    int64_t cache_write_tokens; /* of the input: written to the provider's cache */
    int64_t reasoning_tokens;
    int64_t cost_nano_usd; /* where a provider says what it charges (OpenRouter's usage.cost), else -1 */
};
#define USAGE_NONE ((struct usage){-1, -1, -1, -1, -1, -1})

/* Takes every count that is said. true: there was one. */
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
    return any;
}
/* -1 where one of them is not known: no sum is made of what was not said. */
static inline int64_t usage_total(const struct usage *usage) {
    bool known = usage->input_tokens >= 0 && usage->output_tokens >= 0;
    return known ? usage->input_tokens + usage->output_tokens : -1;
}
static inline bool usage_is_known(const struct usage *usage) {
    return usage->input_tokens >= 0 || usage->output_tokens >= 0;
}
/* The same where nothing was said yet until *has. */
static inline void usage_keep(struct usage *usage, bool *has, const struct usage *more) {
    if (!*has) *usage = USAGE_NONE;
    *has |= usage_merge(usage, more);
}

#endif
