/* price.h - tokens to money, in integers. Pure. */
#ifndef WEIR_CORE_PRICE_H
#define WEIR_CORE_PRICE_H

#include <stddef.h>
#include <stdint.h>

/* Prices that hold for a whole request whose input is longer than that; -1: as below it. */
struct price_tier {
    int64_t above_input_tokens;
    int64_t input, output, cached_input, cache_write;
};

/* Nano-dollars per million tokens; -1: not known. */
struct price_list {
    int64_t input, output, cached_input;
    int64_t request;                /* nano-dollars added to every request */
    int64_t cache_write;            /* input that the provider puts into its cache */
    const struct price_tier *tiers; /* from the lowest; borrowed from the catalogue, which lives as long */
    size_t tier_count;
};
#define PRICES_UNKNOWN ((struct price_list){-1, -1, -1, -1, -1, NULL, 0})

/* What is counted; below 0 counts as 0. Cached and cache_write are parts of the input. */
struct price_tokens {
    int64_t input, output, cached_input, cache_write;
};

/* What a request cost, in nano-dollars, rounded up. Cached input and what is written to the cache cost the input's
 * price where theirs is not known. -1 when no price is known. Saturates at INT64_MAX. */
int64_t price_cost(const struct price_list *prices, struct price_tokens tokens);

#endif
