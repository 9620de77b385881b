/* flight_quota.c - an attempt takes of each of its provider's quotas what it is expected to use before it is sent; once
 * it was sent it counts, whatever becomes of it, for what it used.
 *
 * Invariant: of all its provider's quotas something is held or of none; what quota_hold_take took, quota_hold_settle
 * settles or quota_give_back gives back, once. */
#include "base/check.h"
#include "dialect/characters.h"
#include "flight/flight_internal.h"

static int64_t quota_now_s(struct now now) { return now.wall_ns > 0 ? now.wall_ns / (int64_t)NS_PER_S : 0; }

/* The first of which nothing is left; NULL: none. */
static const struct quota *first_used_up(const struct provider *provider, struct now now, struct quota_view *view) {
    for (size_t i = 0; i < provider->quota_count; i++) {
        *view = quota_look(&provider->quotas[i], quota_now_s(now));
        if (view->left <= 0) return &provider->quotas[i];
    }
    return NULL;
}

enum refusal quota_refuses(const struct target *target, struct now now, uint64_t *until_ns) {
    struct quota_view view;
    const struct quota *quota = first_used_up(target->provider, now, &view);
    if (!quota) return refusal_none;
    bool waits = view.counted < quota->limit; /* what is in flight may use less than it holds */
    int64_t seconds = waits ? 1 : view.span.end_s - quota_now_s(now);
    *until_ns = now.mono_ns + (seconds > 0 ? (uint64_t)seconds : 1) * NS_PER_S;
    return waits ? refusal_quota_room : refusal_provider_quota;
}

static int64_t prompt_characters(const struct flight *flight) {
    struct characters characters = {.texts = 0};
    if (endpoint_facts(flight->endpoint)->body == endpoint_body_json) characters_feed(&characters, flight->body.whole);
    return characters_count(&characters);
}

void quota_give_back(struct quota_hold *hold) {
    for (unsigned i = 0; i < hold->count; i++)
        (void)quota_settle(hold->tickets[i].quota, hold->tickets[i].window_s, hold->tickets[i].units, 0);
    *hold = (struct quota_hold){.count = 0};
}

static int64_t quota_units_of(enum quota_unit unit, int64_t tokens, int64_t characters) {
    switch (unit) {
    case quota_tokens: return tokens;
    case quota_characters: return characters;
    default: return 1;
    }
}

enum refusal quota_hold_take(struct flight *flight, const struct target *target, uint64_t tokens, struct now now,
                             struct quota_hold *hold) {
    const struct provider *provider = target->provider;
    *hold = (struct quota_hold){.count = 0};
    if (!provider->quota_count) return refusal_none;
    hold->tickets = arena_take(&flight->arena, provider->quota_count * sizeof *hold->tickets);
    if (hold->tickets && provider->counts_characters) {
        hold->reply = arena_take_zeroed(&flight->arena, sizeof *hold->reply);
        hold->characters = prompt_characters(flight);
    }
    if (!hold->tickets || (provider->counts_characters && !hold->reply)) return refusal_quota_room;
    for (size_t i = 0; i < provider->quota_count; i++) {
        const struct quota *quota = &provider->quotas[i];
        uint64_t window_s;
        int64_t taken = quota_take(quota, quota_now_s(now),
                                   quota_units_of(quota->unit, (int64_t)tokens, hold->characters), &window_s);
        if (taken < 0) {
            quota_give_back(hold);
            return refusal_quota_room;
        }
        hold->tickets[hold->count++] =
            (struct quota_ticket){.quota = quota, .window_s = (uint32_t)window_s, .units = (uint32_t)taken};
    }
    return refusal_none;
}

void quota_reply_read(struct attempt *attempt, struct str bytes) {
    struct characters *reply = attempt->holds.quota.reply;
    if (reply && attempt->reply.mode != reply_opaque) characters_feed(reply, bytes);
}

void quota_hold_settle(struct quota_hold *hold, int64_t tokens) {
    CHECK(!hold->settled);
    int64_t characters = hold->characters + (hold->reply ? characters_count(hold->reply) : 0);
    for (unsigned i = 0; i < hold->count; i++) {
        struct quota_ticket *ticket = &hold->tickets[i];
        int64_t used = quota_units_of(ticket->quota->unit, tokens >= 0 ? tokens : ticket->units, characters);
        ticket->units = (uint32_t)quota_settle(ticket->quota, ticket->window_s, ticket->units, used);
    }
    hold->settled = true;
}

double quota_left_of(const struct provider *provider, struct now now) {
    double least = 1;
    for (size_t i = 0; i < provider->quota_count; i++) {
        double left = quota_look(&provider->quotas[i], quota_now_s(now)).left;
        if (left < least) least = left;
    }
    return least;
}

struct str quota_sentence(struct flight *flight, struct now now) {
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        struct quota_view view;
        const struct quota *quota = NULL;
        if (candidate->refusal == refusal_provider_quota)
            quota = first_used_up(candidate->target->provider, now, &view);
        if (!quota) continue;
        struct text text = text_in_arena(&flight->arena, 160);
        text_printf(&text, "The quota of %.*s of the model's provider is used up: it begins anew at ",
                    STR_ARG(quota_unit_word(quota->unit)));
        window_moment_put(&text, view.span.end_s);
        text_put_byte(&text, '.');
        return text.failed ? STR_NONE : text_str(&text);
    }
    return STR_NONE;
}
