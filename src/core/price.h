/* price.h - tokens to money, in integers. Pure. */
#ifndef WEIR_CORE_PRICE_H
#define WEIR_CORE_PRICE_H

#include <stdint.h>

/* Nano-dollars per million tokens; -1: not known. */
struct price_list {
    int64_t input, output, cached_input;
    int64_t request; /* nano-dollars added to every request */
};

/* What an attempt cost, in nano-dollars, rounded up; token counts below 0 count as 0; cached tokens are part of the
 * input and cost the input's price where theirs is not known. -1 when no price is known. Saturates at INT64_MAX. */
int64_t price_cost(const struct price_list *prices, int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens);

#endif
