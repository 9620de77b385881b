/* flight_params.c - what a route says to the model of one of its targets beside what the caller says
 * (dialect/params.h): put into the message, where that is written; set in the caller's own body, member by member,
 * where that goes up, in the words that the target's own codec has for it. Raw requests and what is no chat are left
 * alone. */
#include "base/check.h"
#include "dialect/params.h"
#include "dialect/quirks.h"
#include "dialect/skim.h"
#include "flight/flight_internal.h"

/* What the older completions have no word for. */
static const uint64_t chats_alone = FEATURE_BIT(reasoning_effort) | FEATURE_BIT(verbosity) | FEATURE_BIT(service_tier) |
                                    FEATURE_BIT(parallel_tool_calls);

const struct target_params *params_at(const struct flight *flight, const struct candidate *candidate) {
    return endpoint_facts(flight->endpoint)->operation == operation_chat ? candidate->params : NULL;
}

struct codec_target params_plain_target(const struct flight *flight, const struct target *target) {
    const struct catalog_model *row = target->facts;
    return (struct codec_target){.model = target->model,
                                 .quirks = quirks_of(target->provider->row->quirks, target->model),
                                 .output_tokens_max = row ? row->output_tokens_max : -1,
                                 .reasons = catalog_can(row, ability_reasoning),
                                 .stream = flight->request.stream,
                                 .strict_version = version_is_strict_towards(flight, target->provider),
                                 .counts = endpoint_facts(flight->endpoint)->operation == operation_count_tokens,
                                 .takes = row ? &row->takes : NULL};
}

/* A model that nobody knows thinks where its route says how long. */
struct codec_target params_target(const struct flight *flight, const struct candidate *candidate) {
    const struct target_params *params = params_at(flight, candidate);
    struct codec_target there = params_plain_target(flight, candidate->target);
    uint64_t says = params ? params->defaults.says | params->overrides.says : 0;
    there.reasons |= !candidate->target->facts && says & FEATURE_BIT(reasoning_effort);
    return there;
}

/* What of it would be out of place in this request. */
static uint64_t misplaced(const struct flight *flight, const struct attempt *attempt) {
    const struct catalog_model *facts = attempt->target->facts;
    bool thinks_apart = facts && facts->takes.api == model_api_responses_for_tools; /* no effort beside tools there */
    bool tools = flight->request.has_tools;
    return (tools ? 0 : FEATURE_BIT(parallel_tool_calls)) |
           (tools && thinks_apart && !attempt->way->writes_anew ? FEATURE_BIT(reasoning_effort) : 0);
}

void params_fit(const struct flight *flight, const struct attempt *attempt, const struct codec_target *there,
                enum unsupported unsupported, uint64_t said, struct message_request *asked,
                struct message_request *fitted, struct fit *fit) {
    const struct target_params *params = params_at(flight, attempt->candidate);
    const struct codec *codec = attempt->dialect.codec;
    fit_request(asked, codec, there, unsupported, fitted, fit);
    if (!params) return;
    const struct message_request plain = *asked;
    bool old = flight->endpoint == endpoint_completions && !attempt->way->writes_anew;
    uint64_t lost = old ? (params->defaults.says | params->overrides.says) & chats_alone : 0, refused = fit->refused,
             bits, anew;
    for (;;) { /* what of them is refused there is left out; where something else is for their sake, all of them */
        *asked = plain;
        bits = params_apply(params, said, lost | misplaced(flight, attempt), asked);
        fit_request(asked, codec, there, unsupported, fitted, fit);
        anew = fit->refused & ~refused;
        if (!anew || !bits) break;
        lost |= anew & bits ? anew & bits : bits;
    }
    fit->dropped |= lost;
    fit->changed |= bits & ~fit->dropped;
}

/* -- the same in the caller's own body -- */

/* Members that stand there and say nothing: bits of enum feature. */
static uint64_t nulls_of(struct str body) {
    uint64_t bits = 0;
    struct skim skim;
    skim_begin(&skim, body, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;)
        for (unsigned f = 0; f < features && token.depth == 1 && token.kind == skim_null; f++)
            if (skim_is(token.key, feature_name((enum feature)f))) bits |= UINT64_C(1) << f;
    return bits;
}

/* What the caller says, as far as it matters to them; in OpenAI's words its body was not built. */
static struct message_request params_base(const struct flight *flight, uint64_t *said) {
    static const struct message_tool any = {.name = {"any", 3}};
    const struct openai_request *request = &flight->request;
    struct message_request base;
    *said = 0;
    if (flight->canonical.message) {
        base = *flight->canonical.message;
        base.messages = NULL;
        base.message_count = base.extra_count = 0;
        base.format = format_unset;
        base.seen = NULL;
        base.tools = (struct message_tool *)&any; /* which nobody writes to */
        base.tool_count = base.tool_count > 0;
        return base;
    }
    message_request_init(&base, flight->codec->dialect);
    *said = request->members & ~nulls_of(flight->body.whole) & ~FEATURE_BIT(max_tokens); /* the cap stands below */
    if (request->max_tokens >= 0) base.max_tokens = request->max_tokens;
    base.effort = request->effort;
    return base;
}

struct setting {
    struct edit_rule *list;
    size_t count, room;
    struct arena *arena;
    bool failed;
};

static void rule_put(struct setting *setting, struct edit_rule rule) {
    CHECKF(setting->count < setting->room, "rules=%zu", setting->count);
    setting->list[setting->count++] = rule;
}

static const struct json_value *member_of(const struct json_value *object, struct str name) {
    size_t place = 0;
    struct str key;
    for (const struct json_value *value; json_kind(object) == json_object && (value = json_each(object, &place, &key));)
        if (str_eq(key, name)) return value;
    return NULL;
}

/* It is said as a whole, and not by its members. */
static bool is_whole(struct str name) { return str_eq(name, STR("thinking")) || str_eq(name, STR("tools")); }

/* From what was said to what is said now, of an object at the top or of the top itself. */
static void members_differ(struct setting *setting, struct str inside, const struct json_value *was,
                           const struct json_value *is) {
    size_t place = 0;
    struct str name;
    for (const struct json_value *value; (value = json_each(is, &place, &name));) {
        const struct json_value *old = member_of(was, name);
        struct str raw = json_raw(value, setting->arena);
        if (!raw.at) setting->failed = true;
        if (old && str_eq(raw, json_raw(old, setting->arena))) continue;
        if (!inside.len && json_kind(value) == json_object && !is_whole(name))
            members_differ(setting, name, old, value);
        else
            rule_put(setting, (struct edit_rule){.inside = inside, .key = name, .what = edit_set, .with = raw});
    }
    place = 0;
    while (json_kind(was) == json_object && json_each(was, &place, &name))
        if (!member_of(is, name))
            rule_put(setting, (struct edit_rule){.inside = inside, .key = name, .what = edit_remove});
}

/* Two names for one thing: of the one that is set the other does not stand beside it. */
static void rivals_remove(struct setting *setting) {
    static const struct str pairs[][2] = {{STR("max_tokens"), STR("max_completion_tokens")},
                                          {STR("seed"), STR("random_seed")}};
    for (size_t i = 0, count = setting->count; i < count; i++)
        for (size_t p = 0; p < 4; p++)
            if (str_eq(setting->list[i].key, pairs[p / 2][p % 2]))
                rule_put(setting, (struct edit_rule){.inside = setting->list[i].inside,
                                                     .key = pairs[p / 2][!(p % 2)],
                                                     .what = edit_remove});
}

static const struct json_value *written(const struct attempt *attempt, const struct message_request *fitted,
                                        const struct codec_target *there, struct arena *arena) {
    const char *problem;
    size_t at;
    struct text text = text_in_arena(arena, 512);
    attempt->dialect.codec->write_request(fitted, there, &text);
    return text.failed ? NULL : json_parse_in(arena, text_str(&text), &problem, &at);
}

bool params_rules(struct flight *flight, struct attempt *attempt, enum unsupported unsupported, struct edit_rule *rules,
                  size_t room, size_t *count, struct fit *told, enum message_effort *effort) {
    struct setting setting = {.list = rules, .room = room, .arena = &flight->arena};
    struct codec_target there = params_target(flight, attempt->candidate);
    struct codec_quirks quirks = *there.quirks;
    struct message_request fitted;
    struct fit before, after;
    uint64_t said;
    struct message_request asked = params_base(flight, &said);
    bool built = flight->canonical.message != NULL;
    *count = 0;
    *told = (struct fit){.dropped = 0};
    quirks.max_tokens_old |= flight->endpoint == endpoint_completions;
    there.quirks = &quirks;
    if (!built && !attempt->target->facts) there.reasons = true; /* what is not known is taken to be taken */
    fit_request(&asked, attempt->dialect.codec, &there, unsupported, &fitted, &before);
    const struct json_value *was = written(attempt, &fitted, &there, &flight->arena);
    params_fit(flight, attempt, &there, unsupported, said, &asked, &fitted, &after);
    const struct json_value *is = written(attempt, &fitted, &there, &flight->arena);
    if (!was || !is) return false;
    members_differ(&setting, STR(""), was, is);
    rivals_remove(&setting);
    *count = setting.count;
    *told = (struct fit){.dropped = after.dropped & ~before.dropped, .changed = after.changed & ~before.changed};
    *effort = asked.effort;
    return !setting.failed;
}

/* -- what is told of them beforehand -- */

void params_tell(const struct flight *flight, const struct candidate *candidate, struct text *text) {
    const struct target_params *params = params_at(flight, candidate);
    uint64_t said, except = flight->request.has_tools ? 0 : FEATURE_BIT(parallel_tool_calls);
    if (!params) return;
    struct message_request asked = params_base(flight, &said);
    uint64_t bits = params_apply(params, said, except, &asked);
    text_json_key(text, STR("params"));
    params_put(&asked, bits, text);
}
