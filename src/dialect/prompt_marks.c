/* prompt_marks.c - see prompt_marks.h. */
#include "dialect/prompt_marks.h"

#include "base/check.h"
#include "dialect/prefix.h"
#include "dialect/skim.h"

enum {
    least_usual = 1024, /* tokens of a beginning that is kept, where the model's own least is not known */
    hour_s = 3600,
};

const struct prompt_mark *prompt_marks_at(const struct prompt_marks *marks, const void *at) {
    for (size_t i = 0; marks && i < marks->count; i++)
        if (marks->list[i].at == at) return &marks->list[i];
    return NULL;
}

/* -- whether, and for how long -- */

/* What the caller says in other words than marks. */
struct asked {
    bool at_all, explicit_only; /* the latter: what it marks is all that it wants to be kept */
    uint32_t seconds;           /* 0: it does not say */
};

static struct asked marks_asked(const struct message_request *request) {
    struct asked asked = {.at_all = request->prompt_cache_key.len || request->prompt_cache_retention.len ||
                                    request->prompt_cache_options.len,
                          .seconds = prompt_lifetime_s(request->prompt_cache_retention)};
    struct skim skim;
    skim_begin(&skim, request->prompt_cache_options, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.kind != skim_string) continue;
        uint32_t seconds = skim_is(token.key, STR("ttl")) ? prompt_lifetime_s(skim_inside(token.value)) : 0;
        if (seconds > asked.seconds) asked.seconds = seconds;
        asked.explicit_only |= skim_is(token.key, STR("mode")) && skim_is(skim_inside(token.value), STR("explicit"));
    }
    return asked;
}

/* The vendor knows two: the shorter one, unless more is asked for. */
static uint32_t lifetime_there(uint32_t seconds, uint32_t lifetimes) {
    bool hour = !lifetimes || lifetimes & MODEL_BIT(lifetime, 1h);
    return seconds > prompt_marks_usual_s && hour ? hour_s : prompt_marks_usual_s;
}

uint32_t prompt_marks_lifetime_s(const struct message_request *request, enum dialect to,
                                 const struct prompt_marks_rules *rules) {
    const struct asked asked = marks_asked(request);
    bool by_rules = rules->prompt_cache > prompt_cache_off;
    if (to != dialect_anthropic || request->from == to || rules->prompt_cache == prompt_cache_off || !rules->pays)
        return 0;
    if (asked.explicit_only || !(asked.at_all || by_rules)) return 0;
    if (message_features(request, to) & FEATURE_BIT(cache_control)) return 0;
    return lifetime_there(asked.seconds                            ? asked.seconds
                          : rules->prompt_cache == prompt_cache_1h ? hour_s
                                                                   : prompt_marks_usual_s,
                          rules->lifetimes);
}

/* -- the caller's own -- */

static void prompt_mark_add(struct prompt_marks *marks, const void *at, struct str ttl, struct fit *fit) {
    if (marks->count == prompt_marks_max) { /* the newest ones are those that the next request finds */
        for (size_t i = 1; i < prompt_marks_max; i++) marks->list[i - 1] = marks->list[i];
        marks->count--;
        fit->changed |= FEATURE_BIT(cache_control);
    }
    marks->list[marks->count++] = (struct prompt_mark){at, ttl};
}

/* `30m` and `12h` are another vendor's. */
static struct str ttl_there(struct str ttl, uint32_t lifetimes, struct fit *fit) {
    uint32_t seconds = prompt_lifetime_s(ttl);
    if (!seconds) return ttl; /* its vendor says what is wrong with it */
    uint32_t there = lifetime_there(seconds, lifetimes);
    if (there != seconds) fit->changed |= FEATURE_BIT(cache_control);
    return there == seconds ? ttl : there == hour_s ? STR("1h") : STR("5m");
}

/* What is kept for longer stands before what is kept for less, or all is refused. */
static void order_keep(struct prompt_marks *marks, struct fit *fit) {
    bool longer = false;
    for (size_t i = marks->count; i-- > 0;) {
        if (longer && !str_eq(marks->list[i].ttl, STR("1h"))) {
            marks->list[i].ttl = STR("1h");
            fit->changed |= FEATURE_BIT(cache_control);
        }
        longer |= str_eq(marks->list[i].ttl, STR("1h"));
    }
}

static void own_find(const struct message_request *fitted, uint32_t lifetimes, struct prompt_marks *marks,
                     struct fit *fit) {
    for (size_t i = 0; i < fitted->tool_count; i++)
        if (fitted->tools[i].cache_mark)
            prompt_mark_add(marks, &fitted->tools[i], ttl_there(fitted->tools[i].cache_ttl, lifetimes, fit), fit);
    for (size_t m = 0; m < fitted->message_count; m++)
        for (size_t p = 0; p < fitted->messages[m].part_count; p++) {
            const struct message_part *part = &fitted->messages[m].parts[p];
            if (part->cache_mark) prompt_mark_add(marks, part, ttl_there(part->cache_ttl, lifetimes, fit), fit);
        }
}

/* -- weir's -- */

static bool is_markable(const struct message_part *part) {
    switch (part->kind) {
    case part_text:
    case part_refusal: return part->text.len > 0;
    case part_image:
    case part_document:
    case part_tool_call:
    case part_tool_result: return true;
    case part_audio:
    case part_reasoning:
    case part_foreign:
    case part_kinds: return false;
    }
    return false;
}

/* Messages of one side, which are one turn there; [first, end). */
struct turn_range {
    size_t first, end;
};

/* The last one of the user before `end`. */
static struct turn_range turn_before(const struct message_request *fitted, size_t first, size_t end) {
    struct turn_range turn = {.end = end};
    while (turn.end > first && fitted->messages[turn.end - 1].role == message_assistant) turn.end--;
    turn.first = turn.end;
    while (turn.first > first && fitted->messages[turn.first - 1].role != message_assistant) turn.first--;
    return turn;
}

/* The part that is written last: tools' results are written before the rest. NULL: none that can be marked. */
static const struct message_part *turn_last(const struct message_request *fitted, struct turn_range turn) {
    const struct message_part *result = NULL;
    for (size_t m = turn.end; m-- > turn.first;)
        for (size_t p = fitted->messages[m].part_count; p-- > 0;) {
            const struct message_part *part = &fitted->messages[m].parts[p];
            if (!is_markable(part)) continue;
            if (part->kind != part_tool_result) return part;
            if (!result) result = part;
        }
    return result;
}

static const struct message_tool *last_tool(const struct message_request *fitted) {
    for (size_t i = fitted->tool_count; i-- > 0;)
        if (!fitted->tools[i].raw.at) return &fitted->tools[i];
    return NULL;
}

/* Three bytes a token: rather too many tokens than too few, as a mark that is too early costs nothing. */
static int64_t tokens_to(const struct message_request *fitted, size_t end) {
    struct message_request begun = *fitted;
    begun.message_count = end;
    return message_tokens(&begun) * 4 / 3;
}

static void weirs_find(const struct message_request *fitted, int64_t least, struct str ttl, struct prompt_marks *marks,
                       struct fit *fit) {
    const size_t leading = message_is_of_system_alone(fitted) ? 0 : message_leading_system(fitted);
    const struct message_part *system = turn_last(fitted, (struct turn_range){0, leading});
    const void *head = system ? (const void *)system : last_tool(fitted);
    const struct turn_range newest = turn_before(fitted, leading, fitted->message_count),
                            former = turn_before(fitted, leading, newest.first);
    if (head && tokens_to(fitted, leading) >= least) prompt_mark_add(marks, head, ttl, fit);
    if (former.end == former.first) return; /* who knows whether it goes on */
    const struct message_part *was = turn_last(fitted, former), *is = turn_last(fitted, newest);
    if (was && tokens_to(fitted, former.end) >= least) prompt_mark_add(marks, was, ttl, fit);
    if (is && tokens_to(fitted, newest.end) >= least) prompt_mark_add(marks, is, ttl, fit);
}

uint32_t prompt_marks_find(const struct message_request *fitted, const struct prompt_marks_rules *rules,
                           struct prompt_marks *marks, struct fit *fit) {
    const uint32_t lifetime_s = prompt_marks_lifetime_s(fitted, dialect_anthropic, rules);
    *marks = (struct prompt_marks){.count = 0};
    CHECK(fitted->from != dialect_anthropic);
    if (!lifetime_s) {
        own_find(fitted, rules->lifetimes, marks, fit);
        order_keep(marks, fit);
        return 0;
    }
    const struct asked asked = marks_asked(fitted);
    weirs_find(fitted, rules->tokens_min > 0 ? rules->tokens_min : least_usual,
               lifetime_s == hour_s ? STR("1h") : STR_NONE, marks, fit);
    if (!marks->count) return 0;
    fit->changed |= FEATURE_BIT(cache_control);
    if (asked.seconds && asked.seconds != lifetime_s) fit->changed |= FEATURE_BIT(prompt_cache_retention);
    return lifetime_s;
}
