/* prefix.c - one pass over a body: the strings of its beginning are hashed, the marks and times for a provider's cache
 * are noted wherever they stand. */
#include "dialect/prefix.h"

#include "dialect/skim.h"

enum { told_depth = 8, member_depth = 1, turn_depth = 2, turn_member_depth = 3 };

enum section { section_other, section_stable, section_turns };

static const struct {
    struct str name;
    enum section section;
} sections[] = {
    {STR("tools"), section_stable},
    {STR("functions"), section_stable},
    {STR("system"), section_stable},
    {STR("instructions"), section_stable},
    {STR("systemInstruction"), section_stable},
    {STR("system_instruction"), section_stable},
    {STR("messages"), section_turns},
    {STR("input"), section_turns},
    {STR("contents"), section_turns},
    {STR("prompt"), section_turns},
};

struct reading {
    struct prompt_prefix *prefix;
    enum section section;
    uint64_t sum;          /* of the section */
    bool by_user, by_else; /* of the turn: its role */
    bool turns_over;       /* the first one of a user has ended */
};

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t prefix_mixed(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static enum section section_of(struct str key) {
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (skim_is(key, sections[i].name)) return sections[i].section;
    return section_other;
}

uint32_t prompt_lifetime_s(struct str text) {
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
    uint64_t count = 0;
    if (text.len < 2 || text.len > 6 || !str_to_u64(str_slice(text, 0, text.len - 1), &count)) return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (text.at[text.len - 1] != units[i].unit) continue;
        uint64_t seconds = count * units[i].seconds;
        return seconds < prefix_lifetime_most_s ? (uint32_t)seconds : prefix_lifetime_most_s;
    }
    return 0;
}

static void lifetime_note(struct prompt_prefix *prefix, struct str value) {
    uint32_t lifetime_s = prompt_lifetime_s(skim_inside(value));
    if (lifetime_s > prefix->lifetime_s) prefix->lifetime_s = lifetime_s;
}

/* The `ttl` of {"type": "ephemeral", "ttl": "1h"}. */
static void mark_note(struct prompt_prefix *prefix, struct str object) {
    struct skim skim;
    skim_begin(&skim, object, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;)
        if (token.kind == skim_string && skim_is(token.key, STR("ttl"))) lifetime_note(prefix, token.value);
}

/* What is said to the provider's cache, and is no part of the prompt. true: it was that, and is passed. */
static bool is_of_the_cache(struct reading *reading, struct skim *skim, struct skim_token *token) {
    bool mark = skim_is(token->key, STR("cache_control")) || skim_is(token->key, STR("prompt_cache_breakpoint"));
    bool options = token->depth == member_depth && skim_is(token->key, STR("prompt_cache_options"));
    bool time = token->kind == skim_string && ((token->depth == member_depth && //
                                                skim_is(token->key, STR("prompt_cache_retention"))) ||
                                               skim_is(token->key, STR("ttl")));
    if (time) lifetime_note(reading->prefix, token->value);
    if (time || !(mark || options) || token->kind != skim_object) return time;
    if (!token->passed && !skim_skip(skim, token)) return true;
    reading->prefix->marked |= mark;
    mark_note(reading->prefix, token->value);
    return true;
}

/* Each section for itself: their order in the body is nobody's prompt. */
static void prefix_section_end(struct reading *reading) {
    if (reading->sum) reading->prefix->hash += prefix_mixed(reading->sum + (uint64_t)reading->section);
    reading->sum = 0;
    reading->section = section_other;
}

static void turn_end(struct reading *reading) {
    if (reading->by_user || !reading->by_else) reading->turns_over = true;
    reading->by_user = reading->by_else = false;
}

static void prefix_value_note(struct reading *reading, const struct skim_token *token) {
    bool in_turns = reading->section == section_turns;
    if (in_turns && token->depth == turn_member_depth && token->kind == skim_string &&
        (skim_is(token->key, STR("role")) || skim_is(token->key, STR("type")))) {
        bool user = skim_is(skim_inside(token->value), STR("user"));
        bool role = skim_is(token->key, STR("role"));
        reading->by_user |= role && user;
        reading->by_else |= role ? !user : !skim_is(skim_inside(token->value), STR("message"));
        return;
    }
    bool said = token->kind == skim_string || token->passed;
    if (!said || skim_is(token->key, STR("type")) || (in_turns && reading->turns_over)) return;
    struct str value = token->kind == skim_string ? skim_inside(token->value) : token->value;
    reading->sum = prefix_mixed(reading->sum ^ str_hash(value)) + value.len;
}

static void prefix_token_take(struct reading *reading, struct skim *skim, struct skim_token token) {
    if (token.kind == skim_close) {
        if (token.depth == member_depth) prefix_section_end(reading);
        if (token.depth == turn_depth && reading->section == section_turns) turn_end(reading);
        return;
    }
    if (is_of_the_cache(reading, skim, &token)) return;
    if (token.depth == member_depth) reading->section = section_of(token.key);
    if (reading->section == section_other) return;
    prefix_value_note(reading, &token);
    if (token.depth == member_depth && (token.kind != skim_object && token.kind != skim_array))
        prefix_section_end(reading);
    else if (token.depth == member_depth && token.passed)
        prefix_section_end(reading);
}

struct prompt_prefix prompt_prefix_read(struct str body) {
    struct prompt_prefix prefix = {0};
    struct reading reading = {.prefix = &prefix};
    struct skim skim;
    skim_begin(&skim, body, told_depth);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;)
        prefix_token_take(&reading, &skim, token);
    return prefix;
}
