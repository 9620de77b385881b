/* rate_limits.c - see rate_limits.h. Invariant: of a limit's rates all are taken or none. */
#include "snapshot/rate_limits.h"

uint64_t limit_wait_ns(const struct limit_words *words, const struct limit_rules *rules, uint64_t tokens,
                       uint64_t now_ns) {
    const struct rate_rules *rates = &rules->rates;
    const uint64_t waits[] = {limiter_wait_ns(&words->requests_minute, &rates->requests_minute, 1, now_ns),
                              limiter_wait_ns(&words->requests_hour, &rates->requests_hour, 1, now_ns),
                              limiter_wait_ns(&words->tokens_minute, &rates->tokens_minute, tokens, now_ns)};
    uint64_t longest = 0;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] > longest) longest = waits[i];
    return longest;
}

bool limit_take(struct limit_words *words, const struct limit_rules *rules, uint64_t tokens, uint64_t now_ns,
                struct limit_tickets *tickets) {
    const struct rate_rules *rates = &rules->rates;
    *tickets = (struct limit_tickets){.requests_minute = {.units = 0}};
    if (limiter_take(&words->requests_minute, &rates->requests_minute, 1, now_ns, &tickets->requests_minute) &&
        limiter_take(&words->requests_hour, &rates->requests_hour, 1, now_ns, &tickets->requests_hour) &&
        limiter_take(&words->tokens_minute, &rates->tokens_minute, tokens, now_ns, &tickets->tokens_minute))
        return true;
    limit_refund(words, rules, tickets, now_ns);
    return false;
}

void limit_refund(struct limit_words *words, const struct limit_rules *rules, const struct limit_tickets *tickets,
                  uint64_t now_ns) {
    const struct rate_rules *rates = &rules->rates;
    limiter_refund(&words->requests_minute, &rates->requests_minute, tickets->requests_minute, now_ns);
    limiter_refund(&words->requests_hour, &rates->requests_hour, tickets->requests_hour, now_ns);
    limiter_refund(&words->tokens_minute, &rates->tokens_minute, tickets->tokens_minute, now_ns);
}

const struct limit_rules *limit_rules_of(const struct rate_limit *limit, struct str value) {
    const struct limit_rules *own = limit->limits.count ? map_find(&limit->limits, value) : NULL;
    return own ? own : &limit->rules;
}

struct values_window limit_values_window(const struct rate_limit *limit, uint64_t mono_ns) {
    return (struct values_window){
        .most = limit->value_most, .of = values_of_limit, .now_s = mono_ns / UINT64_C(1000000000), .mono_ns = mono_ns};
}
