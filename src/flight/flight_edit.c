/* flight_edit.c - a body in its caller's own dialect goes up as it is, but for what its target refuses: which members
 * those are is a fact of the target, made when it was deployed (target->touches), and which stand in the body was noted
 * when it was read. Nothing is walked again where the two have nothing in common. */
#include "base/check.h"
#include "dialect/edit.h"
#include "dialect/fit.h"
#include "dialect/openai/openai_codec.h"
#include "flight/flight_internal.h"

struct rules {
    struct edit_rule list[edit_rules_max];
    size_t count;
    uint64_t dropped, changed; /* features of the rules */
    struct fit params;         /* what those of the params at the list's beginning come to */
    enum message_effort effort;
};

static void rules_begin(struct rules *rules, enum message_effort effort) {
    rules->count = 0;
    rules->dropped = rules->changed = 0;
    rules->params = (struct fit){.dropped = 0};
    rules->effort = effort;
}

static void rule_add(struct rules *rules, struct edit_rule rule) {
    CHECKF(rules->count < edit_rules_max, "count=%zu", rules->count);
    rules->list[rules->count++] = rule;
}

/* -- names -- */

static struct str feature_at(unsigned f) { return feature_name((enum feature)f); }
static struct str emulation_at(unsigned f) { return emulate_name((enum feature)f); }

struct str names_join(struct flight *flight, uint64_t bits, struct str (*name)(unsigned)) {
    if (!bits) return STR_NONE;
    struct text text = text_in_arena(&flight->arena, 128);
    for (unsigned i = 0; i < 64; i++) {
        if (!(bits >> i & 1)) continue;
        if (text.len) text_put(&text, STR(", "));
        text_put(&text, name(i));
    }
    return text.failed ? STR_NONE : text_str(&text);
}

void losses_tell(struct flight *flight, struct attempt *attempt, const struct fit *fit) {
    struct attempt_dialect *dialect = &attempt->dialect;
    dialect->lost |= fit->dropped;
    dialect->altered |= fit->changed;
    dialect->emulated |= fit->emulated;
    dialect->dropped = names_join(flight, dialect->lost, feature_at);
    struct str changed = names_join(flight, dialect->altered & ~dialect->lost & ~dialect->emulated, feature_at),
               emulated = names_join(flight, dialect->emulated, emulation_at);
    bool both = changed.len && emulated.len;
    dialect->changed = both           ? arena_printf(&flight->arena, "%.*s, %.*s", STR_ARG(changed), STR_ARG(emulated))
                       : emulated.len ? emulated
                                      : changed;
}

/* -- what is refused and means something -- */

bool losses_fit(const struct flight *flight, const struct target *target, uint64_t lost, struct error *error) {
    enum unsupported unsupported = flight_unsupported(flight, target);
    for (unsigned f = 0; lost && f < features; f++) {
        bool tuning = fit_is_tuning((enum feature)f);
        if (lost >> f & 1 && (unsupported == unsupported_refuse || (unsupported == unsupported_usual && !tuning)))
            return error_set(error, error_unsupported, "No provider of this model can be asked for `%.*s`.",
                             STR_ARG(feature_name((enum feature)f)));
    }
    return true;
}

bool edit_fits(const struct flight *flight, const struct target *target, struct error *error) {
    uint64_t lost = flight->request.members & target->refuses & ~FEATURE_BIT(max_tokens); /* that has another name */
    return losses_fit(flight, target, lost, error);
}

/* -- OpenAI's -- */

static const struct {
    struct str key;
    enum feature feature;
} members[] = {{STR("temperature"), feature_temperature},
               {STR("top_p"), feature_top_p},
               {STR("top_k"), feature_top_k},
               {STR("min_p"), feature_min_p},
               {STR("frequency_penalty"), feature_frequency_penalty},
               {STR("presence_penalty"), feature_presence_penalty},
               {STR("repetition_penalty"), feature_repetition_penalty},
               {STR("seed"), feature_seed},
               {STR("n"), feature_n},
               {STR("stop"), feature_stop},
               {STR("logprobs"), feature_logprobs},
               {STR("top_logprobs"), feature_logprobs},
               {STR("logit_bias"), feature_logit_bias},
               {STR("parallel_tool_calls"), feature_parallel_tool_calls},
               {STR("reasoning_effort"), feature_reasoning_effort},
               {STR("verbosity"), feature_verbosity},
               {STR("user"), feature_user},
               {STR("metadata"), feature_metadata},
               {STR("store"), feature_store},
               {STR("service_tier"), feature_service_tier},
               {STR("prompt_cache_key"), feature_prompt_cache_key}};

/* The cap on the answer, by the name that is known there. Of two the newer one counts, as it does everywhere. */
static void cap_rules(const struct flight *flight, const struct target *target, struct rules *rules) {
    uint64_t has = flight->request.members;
    bool both = has & OPENAI_HAS_NEW_CAP && has & FEATURE_BIT(max_tokens);
    bool by_old = target->quirks->max_tokens_old && has & OPENAI_HAS_NEW_CAP;
    bool by_new = target->refuses & has & FEATURE_BIT(max_tokens);
    if ((by_old || by_new) && both)
        rule_add(rules, (struct edit_rule){.inside = STR(""), .key = STR("max_tokens"), .what = edit_remove});
    if (by_old)
        rule_add(rules, (struct edit_rule){.inside = STR(""),
                                           .key = STR("max_completion_tokens"),
                                           .what = edit_rename,
                                           .with = STR("max_tokens")});
    else if (by_new && !both)
        rule_add(rules, (struct edit_rule){.inside = STR(""),
                                           .key = STR("max_tokens"),
                                           .what = edit_rename,
                                           .with = STR("max_completion_tokens")});
}

/* An effort that the model takes, as its vendor calls it. */
static void effort_rule(struct flight *flight, const struct model_takes *takes, struct rules *rules) {
    enum message_effort asked = rules->effort, nearest = fit_effort(takes->efforts, asked);
    struct str named = takes->effort_names ? takes->effort_names[nearest] : STR_NONE;
    if (!asked || (nearest == asked && !named.len)) return;
    struct text text = text_in_arena(&flight->arena, 32);
    text_put_json(&text, named.len ? named : openai_effort_name(nearest));
    if (text.failed) return; /* its vendor says that it does not know it */
    rule_add(rules, (struct edit_rule){.inside = STR(""),
                                       .key = STR("reasoning_effort"),
                                       .what = edit_replace,
                                       .with = text_str(&text),
                                       .feature = FEATURE_BIT(reasoning_effort)});
    if (nearest != asked) rules->changed |= FEATURE_BIT(reasoning_effort);
}

static void openai_rules(struct flight *flight, const struct target *target, struct rules *rules) {
    const struct model_takes *takes = target->facts ? &target->facts->takes : NULL;
    uint64_t sampling = FEATURE_BIT(temperature) | FEATURE_BIT(top_p) | FEATURE_BIT(top_k) | FEATURE_BIT(min_p);
    uint64_t lost = target->refuses & ~FEATURE_BIT(max_tokens);
    if (takes && model_thinks(takes, thinking_no_sampling) && rules->effort > effort_none) lost |= sampling;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        uint64_t bit = UINT64_C(1) << members[i].feature;
        if (!(lost & flight->request.members & bit)) continue;
        rule_add(rules,
                 (struct edit_rule){.inside = STR(""), .key = members[i].key, .what = edit_remove, .feature = bit});
        rules->dropped |= bit;
    }
    if (target->quirks->seed_is_random_seed && flight->request.members & FEATURE_BIT(seed) & ~lost)
        rule_add(rules, (struct edit_rule){
                            .inside = STR(""), .key = STR("seed"), .what = edit_rename, .with = STR("random_seed")});
    cap_rules(flight, target, rules);
    if (takes && !(lost & FEATURE_BIT(reasoning_effort))) effort_rule(flight, takes, rules);
}

/* What the route says of it comes first: of two rules for a member the first counts. */
static bool params_put_first(struct flight *flight, struct attempt *attempt, struct rules *rules) {
    enum { params_most = 40 };
    if (!params_at(flight, attempt->candidate)) return true;
    return params_rules(flight, attempt, flight_unsupported(flight, attempt->target), rules->list, params_most,
                        &rules->count, &rules->params, &rules->effort);
}

static bool edit_tell(struct flight *flight, struct attempt *attempt, const struct rules *rules, uint64_t touched) {
    struct fit fit = {.dropped = (touched & rules->dropped) | rules->params.dropped,
                      .changed = (touched & rules->changed) | rules->params.changed};
    losses_tell(flight, attempt, &fit);
    return true;
}

/* What is set is told by its name, where the caller said something else. */
static void params_note(struct rules *rules) {
    rules->changed |= rules->params.changed;
    for (size_t r = 0; r < rules->count; r++) {
        struct str key = rules->list[r].key;
        bool cap = str_eq(key, STR("max_tokens")) || str_eq(key, STR("max_completion_tokens"));
        if (cap) rules->list[r].feature = FEATURE_BIT(max_tokens);
        if (str_eq(key, STR("random_seed"))) rules->list[r].feature = FEATURE_BIT(seed);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            if (str_eq(key, members[i].key)) rules->list[r].feature = UINT64_C(1) << members[i].feature;
        if (rules->list[r].what != edit_set) rules->list[r].feature = 0;
    }
    rules->params.changed = 0;
}

bool edit_openai(struct flight *flight, struct attempt *attempt, struct str *body) {
    const struct target *target = attempt->target;
    uint64_t has = flight->request.members, touched = 0;
    struct rules rules;
    bool refuses = has & target->touches && flight->endpoint == endpoint_chat;
    if (!refuses && !params_at(flight, attempt->candidate)) return true;
    rules_begin(&rules, flight->request.effort);
    if (!params_put_first(flight, attempt, &rules)) return false;
    params_note(&rules);
    if (flight->endpoint == endpoint_chat) openai_rules(flight, target, &rules);
    struct edit_wants wants = {
        .rules = rules.list,
        .rule_count = rules.count,
        .system_not_developer = target->quirks->system_not_developer && has & OPENAI_HAS_DEVELOPER,
        .ids_of = target->quirks->tool_id_alphabet && has & OPENAI_HAS_CALLS ? target->quirks : NULL};
    if (!rules.count && !rules.params.dropped && !wants.system_not_developer && !wants.ids_of) return true;
    return edit_body(*body, &wants, &flight->arena, body, &touched) && edit_tell(flight, attempt, &rules, touched);
}

/* -- Anthropic's and Google's, whose bodies are read anyway -- */

static void alike_rule(struct rules *rules, struct str inside, struct str key, enum feature feature) {
    uint64_t bit = UINT64_C(1) << feature;
    rule_add(rules, (struct edit_rule){.inside = inside, .key = key, .what = edit_remove, .feature = bit});
    rules->dropped |= bit;
}

static void anthropic_rules(const struct message_request *message, const struct model_takes *takes,
                            struct rules *rules) {
    bool off = message->effort == effort_none, budget = message->reasoning_tokens > 0;
    bool only_adaptive = model_thinks(takes, thinking_adaptive) && !model_thinks(takes, thinking_budget);
    if (takes->refuses & FEATURE_BIT(temperature)) alike_rule(rules, STR(""), STR("temperature"), feature_temperature);
    if (takes->refuses & FEATURE_BIT(top_p)) alike_rule(rules, STR(""), STR("top_p"), feature_top_p);
    if (takes->refuses & FEATURE_BIT(top_k)) alike_rule(rules, STR(""), STR("top_k"), feature_top_k);
    if ((takes->refuses & FEATURE_BIT(reasoning_effort) && message->reasoning_tokens != MESSAGE_NO_INT) ||
        (off && model_thinks(takes, thinking_always_on))) {
        alike_rule(rules, STR(""), STR("thinking"), feature_reasoning_effort);
    } else if (budget && only_adaptive) {
        rule_add(rules, (struct edit_rule){.inside = STR(""),
                                           .key = STR("thinking"),
                                           .what = edit_replace,
                                           .with = STR("{\"type\":\"adaptive\"}"),
                                           .feature = FEATURE_BIT(reasoning_effort)});
        rules->changed |= FEATURE_BIT(reasoning_effort);
    }
}

static void gemini_rules(const struct model_takes *takes, struct rules *rules) {
    const struct str config = STR("generationConfig");
    if (takes->refuses & FEATURE_BIT(temperature)) alike_rule(rules, config, STR("temperature"), feature_temperature);
    if (takes->refuses & FEATURE_BIT(top_p)) alike_rule(rules, config, STR("topP"), feature_top_p);
    if (takes->refuses & FEATURE_BIT(top_k)) alike_rule(rules, config, STR("topK"), feature_top_k);
    if (takes->refuses & FEATURE_BIT(reasoning_effort))
        alike_rule(rules, config, STR("thinkingConfig"), feature_reasoning_effort);
}

bool edit_alike(struct flight *flight, struct attempt *attempt, struct str *body) {
    const struct catalog_model *row = attempt->target->facts;
    const struct message_request *message = flight->canonical.message;
    enum dialect dialect = endpoint_facts(flight->endpoint)->dialect;
    struct rules rules;
    uint64_t touched = 0;
    if (!message || (!row && !params_at(flight, attempt->candidate))) return true;
    rules_begin(&rules, effort_unset);
    if (!params_put_first(flight, attempt, &rules)) return false;
    if (row && dialect == dialect_anthropic) anthropic_rules(message, &row->takes, &rules);
    if (row && dialect == dialect_gemini) gemini_rules(&row->takes, &rules);
    struct edit_wants wants = {.rules = rules.list, .rule_count = rules.count};
    if (!rules.count && !rules.params.dropped) return true;
    return edit_body(*body, &wants, &flight->arena, body, &touched) && edit_tell(flight, attempt, &rules, touched);
}

/* -- the cap that a budget's reservation covers -- */

bool edit_cap(struct flight *flight, struct attempt *attempt, struct str *body) {
    enum dialect dialect = endpoint_facts(flight->endpoint)->dialect;
    int64_t cap = attempt->holds.money.output_cap;
    bool google = dialect == dialect_gemini;
    if (google && cap < 0 && attempt->holds.money.nano_usd > 0) /* it may stand there twice, in other words */
        cap = flight->request.max_tokens;
    if (cap < 0) return true;
    struct str key = google                                    ? STR("maxOutputTokens")
                     : dialect == dialect_responses            ? STR("max_output_tokens")
                     : flight->endpoint != endpoint_chat       ? STR("max_tokens")
                     : attempt->target->quirks->max_tokens_old ? STR("max_tokens")
                                                               : STR("max_completion_tokens");
    struct fit fit = {.changed = attempt->holds.money.output_cap >= 0 ? FEATURE_BIT(max_tokens) : 0};
    if (!edit_number(*body, google ? STR("generationConfig") : STR(""), key, cap, &flight->arena, body)) return false;
    losses_tell(flight, attempt, &fit);
    return true;
}

/* -- who says what becomes of it -- */

enum unsupported flight_unsupported(const struct flight *flight, const struct target *target) {
    if (flight->steering.unsupported_as) return flight->steering.unsupported_as;
    if (flight->choice.route && flight->choice.route->unsupported) return flight->choice.route->unsupported;
    return target->provider->unsupported;
}
