/* usage.h - tokens as a provider counted them. */
#ifndef WEIR_DIALECT_USAGE_H
#define WEIR_DIALECT_USAGE_H

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

#endif
