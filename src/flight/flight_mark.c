/* flight_mark.c - a prompt is marked for its provider's cache where its caller's dialect cannot say up to where: by
 * whose word (the caller's, its route's, its provider's), and by what is known of the target. Where the marks stand is
 * dialect/prompt_marks.h's. */
#include "flight/flight_mark.h"

#include "flight/flight_internal.h"

/* Where what is read again costs no less, nothing is gained by writing it. */
static bool mark_pays(const struct flight *flight, const struct price_list *prices) {
    enum { tokens = 1000000 };
    const int64_t now_s = flight->times.arrived_wall_ns / (int64_t)NS_PER_S,
                  anew = price_cost(prices, (struct price_tokens){.input = tokens}, now_s),
                  again = price_cost(prices, (struct price_tokens){.input = tokens, .cached_input = tokens}, now_s);
    return anew < 0 || again < anew; /* of unknown ones the word of whoever asks for it counts */
}

static struct prompt_marks_rules mark_rules(const struct flight *flight, const struct target *target) {
    const struct route *route = flight->choice.route;
    const struct catalog_model *row = target->facts;
    return (struct prompt_marks_rules){.prompt_cache = route && route->prompt_cache ? route->prompt_cache
                                                                                    : target->provider->prompt_cache,
                                       .tokens_min = row ? row->cache_tokens_min : -1,
                                       .lifetimes = row ? row->cache_lifetimes : 0,
                                       .pays = mark_pays(flight, &target->prices)};
}

static bool marks_there(const struct message_request *message, enum dialect towards) {
    return towards == dialect_anthropic && message->from != towards;
}

uint32_t mark_lifetime_s(const struct flight *flight, const struct target *target) {
    const struct message_request *message = flight->canonical.message;
    if (!message || !marks_there(message, target->provider->dialect)) return 0;
    const struct prompt_marks_rules rules = mark_rules(flight, target);
    return prompt_marks_lifetime_s(message, target->provider->dialect, &rules);
}

/* What asks for a cache in other words than marks: bits of enum feature. */
static uint64_t mark_asks(const struct message_request *message) {
    return message_features(message, dialect_anthropic) &
           (FEATURE_BIT(prompt_cache_key) | FEATURE_BIT(prompt_cache_retention));
}

uint64_t mark_lost(const struct flight *flight, const struct target *target) {
    const struct message_request *message = flight->canonical.message;
    if (!message || !marks_there(message, target->provider->dialect) || mark_lifetime_s(flight, target)) return 0;
    return mark_asks(message);
}

const struct prompt_marks *mark_prompt(const struct flight *flight, struct attempt *attempt,
                                       const struct message_request *fitted, struct prompt_marks *marks,
                                       struct fit *fit) {
    const struct prompt_marks_rules rules = mark_rules(flight, attempt->target);
    if (!marks_there(fitted, attempt->dialect.codec->dialect)) return NULL;
    attempt->dialect.marked_s = prompt_marks_find(fitted, &rules, marks, fit);
    if (!attempt->dialect.marked_s) fit->dropped |= mark_asks(fitted);
    return marks;
}
