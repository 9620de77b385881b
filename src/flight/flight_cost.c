/* flight_cost.c - what a stream has cost, told to a caller that asks for it (`x-weir-cost: true`): a member `weir_cost`
 * of the usage that stands at its end, in every dialect.
 *
 * Must never: change a byte of a stream whose caller did not ask. */
#include "base/check.h"
#include "dialect/skim.h"
#include "flight/flight_internal.h"

bool cost_is_wanted(const struct flight *flight) { return str_eq_nocase(str_trim(flight->steering.cost), STR("true")); }

/* The place of the closing brace of the last usage object in a document; 0: it has none. As the dialects have it: a
 * member of the document, or of its response. */
static size_t usage_end(struct str document, bool *empty) {
    struct skim skim;
    size_t end = 0;
    bool in_response = false;
    skim_begin(&skim, document, 2);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.depth == 1 && token.kind != skim_close) in_response = skim_is(token.key, STR("response"));
        bool there = token.depth == 1 || (token.depth == 2 && in_response);
        bool usage = token.kind == skim_object && there && token.key.at &&
                     (skim_is(token.key, STR("usage")) || skim_is(token.key, STR("usageMetadata")));
        if (!usage || (!token.passed && !skim_skip(&skim, &token))) continue;
        end = (size_t)(token.value.at - document.at) + token.value.len - 1;
        *empty = token.value.len < 3;
    }
    return end;
}

struct str cost_put(struct str bytes, struct str member, struct arena *arena) {
    struct text text = text_in_arena(arena, bytes.len + member.len + 64);
    struct str rest = bytes, line;
    bool more = bytes.len > 0;
    while (more && str_split_next(&rest, '\n', &line)) {
        size_t brace = str_find_byte(line, '{');
        bool empty = false;
        size_t end = brace == SIZE_MAX ? 0 : usage_end(str_slice(line, brace, line.len), &empty);
        if (end) {
            text_put(&text, str_slice(line, 0, brace + end));
            if (!empty) text_put_byte(&text, ',');
            text_put(&text, member);
            text_put(&text, str_slice(line, brace + end, line.len));
        } else {
            text_put(&text, line);
        }
        more = rest.at != NULL;
        if (more) text_put_byte(&text, '\n');
    }
    return text.failed ? STR_NONE : text_str(&text);
}

struct str cost_tell(struct flight *flight, struct attempt *attempt, struct str bytes) {
    static const struct str names[price_shares] = {
        [price_share_input] = STR("input_usd"),   [price_share_output] = STR("output_usd"),
        [price_share_cached] = STR("cached_usd"), [price_share_cache_writes] = STR("cache_write_usd"),
        [price_share_tools] = STR("tools_usd"),   [price_share_fees] = STR("fees_usd")};
    int64_t shares[price_shares];
    char member[256];
    struct text text = text_in_buffer(member, sizeof member);
    if (!cost_is_wanted(flight) || str_find(bytes, STR("\"usage")) == SIZE_MAX) return bytes;
    if (str_find(bytes, STR("\"usageMetadata\"")) != SIZE_MAX && !attempt->stream.finishes) return bytes;
    attempt_price(flight, attempt);
    if (attempt->cost_nano_usd < 0) return bytes;
    calls_cost_shares(flight, attempt, shares);
    text_put(&text, STR("\"weir_cost\":{"));
    text_json_money(&text, STR("cost_usd"), calls_cost(flight, attempt));
    for (unsigned i = 0; i < price_shares; i++)
        if (shares[i] > 0) text_json_money(&text, names[i], shares[i]);
    text_put_byte(&text, '}');
    CHECK(!text.failed);
    return cost_put(bytes, text_str(&text), flight->host->scratch);
}
