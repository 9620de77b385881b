/* price.c - products in 128 bits, one rounding at the end. */
#include "core/price.h"

static __int128 product(int64_t tokens, int64_t price) {
    return tokens > 0 && price > 0 ? (__int128)tokens * price : 0;
}

int64_t price_cost(const struct price_list *prices, int64_t input_tokens, int64_t output_tokens,
                   int64_t cached_tokens) {
    if (prices->input < 0 && prices->output < 0 && prices->request < 0) return -1;
    int64_t cached = cached_tokens > 0 ? cached_tokens : 0;
    if (cached > input_tokens) cached = input_tokens > 0 ? input_tokens : 0;
    int64_t cached_price = prices->cached_input >= 0 ? prices->cached_input : prices->input;
    __int128 sum = product(input_tokens - cached, prices->input) + product(cached, cached_price) +
                   product(output_tokens, prices->output);
    __int128 cost = (sum + 999999) / 1000000 + (prices->request > 0 ? prices->request : 0);
    return cost > INT64_MAX ? INT64_MAX : (int64_t)cost;
}
