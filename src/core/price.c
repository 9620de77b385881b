/* price.c - products in 128 bits, one rounding at the end. */
#include "core/price.h"

#include "base/check.h"

static __int128 product(int64_t tokens, int64_t price) {
    return tokens > 0 && price > 0 ? (__int128)tokens * price : 0;
}

/* The first that is known. */
static int64_t known(int64_t price, int64_t otherwise) { return price >= 0 ? price : otherwise; }

/* The list as the highest tier that the input reaches has it. */
static struct price_list at_tier(const struct price_list *prices, int64_t input_tokens) {
    struct price_list list = *prices;
    for (size_t i = 0; i < prices->tier_count && input_tokens > prices->tiers[i].above_input_tokens; i++) {
        const struct price_tier *tier = &prices->tiers[i];
        CHECKF(i == 0 || tier->above_input_tokens > tier[-1].above_input_tokens, "tier=%zu", i); /* they rise */
        list.input = known(tier->input, list.input);
        list.output = known(tier->output, list.output);
        list.cached_input = known(tier->cached_input, list.cached_input);
        list.cache_write = known(tier->cache_write, list.cache_write);
    }
    return list;
}

/* Of `tokens`, at most what is left of the input. */
static int64_t part(int64_t tokens, int64_t left) { return tokens <= 0 ? 0 : tokens < left ? tokens : left; }

int64_t price_cost(const struct price_list *prices, struct price_tokens tokens) {
    if (prices->input < 0 && prices->output < 0 && prices->request < 0) return -1;
    struct price_list list = at_tier(prices, tokens.input);
    int64_t plain = tokens.input > 0 ? tokens.input : 0;
    int64_t cached = part(tokens.cached_input, plain), written = part(tokens.cache_write, plain - cached);
    plain -= cached + written;
    CHECKF(plain >= 0, "plain=%lld", (long long)plain); /* both are parts of the input, and not of each other */
    __int128 sum = product(plain, list.input) + product(cached, known(list.cached_input, list.input)) +
                   product(written, known(list.cache_write, list.input)) + product(tokens.output, list.output);
    __int128 cost = (sum + 999999) / 1000000 + (list.request > 0 ? list.request : 0);
    CHECK(cost >= 0);
    return cost > INT64_MAX ? INT64_MAX : (int64_t)cost;
}
