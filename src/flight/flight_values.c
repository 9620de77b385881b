/* flight_values.c - of budgets that are split by model, route, tag, end user or session: the value that a request
 * counts in. What its caller says of itself counts within its own client, unless callers' words are trusted
 * (`trust_tags`): in a budget of several it stands behind its client's name, and may use up no other's sum.
 *
 * Invariant: what values_admit holds, values_let_go gives back, once, when nothing of the flight is reserved. */
#include "base/check.h"
#include "dialect/skim.h"
#include "flight/flight_internal.h"

/* -- what it says -- */

/* The first of a key that stands twice. */
static struct str body_user(struct flight *flight) {
    struct str found[3] = {STR_NONE, STR_NONE, STR_NONE}, said = STR_NONE;
    struct skim skim;
    bool inside = false;
    skim_begin(&skim, flight->body.whole, 2);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.depth == 1 && token.kind != skim_close)
            inside = token.kind == skim_object && skim_is(token.key, STR("metadata"));
        if (token.kind != skim_string || !token.key.at) continue;
        struct str *place = NULL;
        if (token.depth == 1 && skim_is(token.key, STR("safety_identifier"))) place = &found[0];
        if (token.depth == 1 && skim_is(token.key, STR("user"))) place = &found[1];
        if (token.depth == 2 && inside && skim_is(token.key, STR("user_id"))) place = &found[2];
        if (place && !place->len) *place = skim_inside(token.value);
    }
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        if (found[i].len && skim_unescape(found[i], &flight->arena, &said) && said.len) return said;
    return STR_NONE;
}

static struct str end_user_of(struct flight *flight) {
    if (flight->steering.end_user.len) return flight->steering.end_user;
    bool json = endpoint_facts(flight->endpoint)->body == endpoint_body_json;
    return json && flight->body.whole.len ? body_user(flight) : STR_NONE;
}

/* Only what was said as a session: what merely steers affinity is none. */
static struct str session_of(const struct flight *flight) {
    struct str own = str_trim(flight->steering.session), agents = str_trim(flight->steering.agent_session);
    return str_slice(own.len ? own : agents, 0, limit_session);
}

/* The client's own, else its caller's where that is trusted. */
static struct str tag_of(const struct flight *flight, struct str key) {
    struct rule_tag tags[rule_tags_max];
    for (size_t i = 0; flight->client && i < flight->client->tag_count; i++)
        if (str_eq(flight->client->tags[i].key, key)) return flight->client->tags[i].value;
    bool trusted = flight->snapshot->trust_tags && flight->steering.tags.at;
    size_t count = trusted ? rule_read_tags(flight->steering.tags, tags) : 0;
    for (size_t i = 0; i < count; i++)
        if (str_eq(tags[i].key, key)) return tags[i].value;
    return STR_NONE;
}

/* In front of its caller's words, so that the first `/` ends it: a token's subject may hold slashes, and so may what
 * another subject's caller says. No client's name has a `/`, a `%` or a `:`, with which a token's URL of an issuer
 * begins before its first `/`, and no issuer a `#`. */
static struct str speaker_of(struct flight *flight) {
    const struct str name = flight->client ? flight->client->name : STR("");
    size_t issuer = str_find_byte(name, '#'), url = str_find_byte(name, ':'), slash = str_find_byte(name, '/');
    if (issuer == SIZE_MAX || (slash == SIZE_MAX && str_find_byte(name, '%') == SIZE_MAX)) return name;
    struct text text = text_in_arena(&flight->arena, name.len + 64);
    size_t plain = url < slash && url < issuer ? issuer : 0;
    text_put(&text, str_slice(name, 0, plain));
    for (size_t i = plain; i < name.len; i++) {
        bool escapes = name.at[i] == '/' || name.at[i] == '%';
        if (escapes)
            text_put(&text, name.at[i] == '/' ? STR("%2F") : STR("%25"));
        else
            text_put_byte(&text, name.at[i]);
    }
    return text.failed ? STR_NONE : text_str(&text);
}

/* Empty: it says none. *speaker: the client behind whose name it stands; {NULL,0}: it stands for itself. */
static struct str split_word(struct flight *flight, const struct target *target, const struct split_by *by,
                             struct str *speaker) {
    const struct route *route = flight->choice.route;
    struct str said = STR_NONE;
    *speaker = STR_NONE;
    switch (by->per) {
    case per_model: return target->model;
    case per_route: return route ? route->model : STR_NONE;
    case per_tag: return tag_of(flight, by->tag);
    case per_end_user: said = end_user_of(flight); break;
    case per_session: said = session_of(flight); break;
    case per_nothing: break;
    }
    if (!said.len || by->own || flight->snapshot->trust_tags) return said;
    *speaker = speaker_of(flight);
    return speaker->at ? arena_printf(&flight->arena, "%.*s/%.*s", STR_ARG(*speaker), STR_ARG(said)) : STR_NONE;
}

/* -- holding them -- */

static const struct money_split *split_find(const struct flight *flight, const struct target *target,
                                            const struct money_budget *budget) {
    for (const struct money_split *split = flight->splits; split; split = split->next)
        if (split->budget == budget && (!split->target || str_eq(split->target->model, target->model))) return split;
    return NULL;
}

static const struct str none = STR("(none)"), other = STR("(other)");

static struct hash_tag word_tag(const struct flight *flight, struct str word) {
    return hash_tag_of(flight->snapshot->value_secret, word);
}

/* There is no place for its word: its client's further words share one of their own, so that whoever says many takes
 * nothing from anybody else; but where the operator wrote what `(other)` may have, that is for all. There is one more
 * for each value that may be, and for 1,000 at least. */
static void split_share(struct flight *flight, const struct split_by *by, struct str speaker,
                        struct split_found *found) {
    enum { least = 1000 };
    found->said = other;
    if (!speaker.at || map_find(by->named, other)) return;
    struct str own = arena_printf(&flight->arena, "%.*s/%.*s", STR_ARG(speaker), STR_ARG(other));
    if (!own.at) return;
    struct hash_tag tag = word_tag(flight, own);
    struct values_window window = by->window;
    window.most += window.most > least ? window.most : least;
    values_release(by->values, found->value);
    found->value = values_hold(by->values, &tag, own, &window, true);
    if (!tag_is(&found->value->tag, &value_other)) found->said = own;
}

struct split_found values_split(struct flight *flight, const struct target *target, const struct split_by *by) {
    struct str speaker, said = split_word(flight, target, by, &speaker);
    struct hash_tag tag = said.len ? word_tag(flight, said) : value_none;
    struct split_found found = {.value = values_hold(by->values, &tag, said, &by->window, !flight->previews),
                                .said = said.len ? said : none};
    bool is_other = found.value && tag_is(&found.value->tag, &value_other);
    if (is_other) split_share(flight, by, speaker, &found);
    /* no word of a caller's is one of the two */
    found.is_named = is_other || !said.len || said.at[0] != '(';
    return found;
}

static bool split_add(struct flight *flight, const struct target *target, const struct money_budget *budget,
                      struct now now) {
    struct money_split *split = arena_take(&flight->arena, sizeof *split);
    if (!split) return false;
    const struct split_by by = {.per = budget->per,
                                .tag = budget->tag,
                                .own = budget->own,
                                .named = &budget->limits,
                                .values = budget->values,
                                .window = money_values_window(budget, now.wall_ns)};
    struct split_found found = values_split(flight, target, &by);
    *split = (struct money_split){.next = flight->splits,
                                  .budget = budget,
                                  .target = budget->per == per_model ? target : NULL,
                                  .value = found.value,
                                  .said = found.said};
    split->limit_nano_usd = found.is_named ? money_limit_of(budget, found.said) : budget->limit_nano_usd;
    flight->splits = split;
    return true;
}

bool values_admit(struct flight *flight, struct now now) {
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct target *target = flight->choice.candidates[i].target;
        for (size_t k = 0; k < money_way_count(flight, target); k++) {
            const struct money_budget *budget = money_way_budget(flight, target, k);
            if (budget->per && !split_find(flight, target, budget) && !split_add(flight, target, budget, now))
                return false;
        }
    }
    return true;
}

struct money_purse values_purse(const struct flight *flight, const struct target *target,
                                const struct money_budget *budget, struct money_value **value) {
    static const struct spend nothing = {.windows = {{.number = {0}}}};
    *value = NULL;
    if (!budget->per) return money_purse_of(budget);
    const struct money_split *split = split_find(flight, target, budget);
    CHECK(split); /* of every candidate, when it was admitted */
    *value = split->value;
    if (split->value) return money_purse_of_value(budget, split->value, split->limit_nano_usd);
    return (struct money_purse){
        .budget = budget, .spend = (struct spend *)&nothing, .limit_nano_usd = split->limit_nano_usd};
}

struct str values_said(const struct flight *flight, const struct target *target, const struct money_budget *budget) {
    const struct money_split *split = budget->per ? split_find(flight, target, budget) : NULL;
    return split ? split->said : STR_NONE;
}

void values_let_go(struct flight *flight) {
    for (struct money_split *split = flight->splits; split; split = split->next)
        if (split->value) values_release(split->budget->values, split->value);
    flight->splits = NULL;
}
