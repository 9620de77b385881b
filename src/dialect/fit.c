/* fit.c - see fit.h: fates by the table, then what hangs together: thinking, its budget and the cap on the answer,
 * sampling beside it. */
#include "dialect/fit.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "dialect/anthropic/anthropic_version.h"
#include "dialect/emulate.h"
#include "dialect/schema.h"

static const struct model_takes nothing_known = {.thinking_least = -1, .thinking_most = -1};

static const uint64_t tuning =
    FEATURE_BIT(temperature) | FEATURE_BIT(top_p) | FEATURE_BIT(top_k) | FEATURE_BIT(min_p) |
    FEATURE_BIT(frequency_penalty) | FEATURE_BIT(presence_penalty) | FEATURE_BIT(repetition_penalty) |
    FEATURE_BIT(seed) | FEATURE_BIT(logit_bias) | FEATURE_BIT(parallel_tool_calls) | FEATURE_BIT(reasoning_effort) |
    FEATURE_BIT(cache_control) | FEATURE_BIT(prompt_cache_key) | FEATURE_BIT(prompt_cache_retention) |
    FEATURE_BIT(user) | FEATURE_BIT(metadata) | FEATURE_BIT(service_tier) | FEATURE_BIT(verbosity) |
    FEATURE_BIT(store) | FEATURE_BIT(prediction) | FEATURE_BIT(max_tokens) | FEATURE_BIT(strict) | FEATURE_BIT(detail) |
    FEATURE_BIT(document_title);

/* What a message is about: without it another question would be answered. */
static const uint64_t media = FEATURE_BIT(image) | FEATURE_BIT(image_url) | FEATURE_BIT(audio) | FEATURE_BIT(document) |
                              FEATURE_BIT(document_url) | FEATURE_BIT(video) | FEATURE_BIT(file_id) |
                              FEATURE_BIT(tool_result_media);

bool fit_is_tuning(enum feature feature) { return tuning >> feature & 1; }

enum feature_fate fit_fate_refused(enum feature feature) {
    if (feature == feature_json_schema || feature == feature_tool_choice || feature == feature_n) return fate_emulated;
    return fit_is_tuning(feature) ? fate_dropped : fate_refused;
}

/* -- fates -- */

static bool is_carried(const struct codec *codec, uint64_t refuses, enum feature feature) {
    return codec->fates[feature] == fate_carried && !(refuses >> feature & 1);
}

/* A schema by a tool, or a tool by a schema: whichever is there must be taken as it is. Several answers by a call each.
 */
static bool is_emulated(const struct message_request *request, const struct codec *codec, uint64_t refuses,
                        enum feature feature) {
    if (request->n > limit_calls) return false;
    if (feature == feature_n) return true;
    if (!is_carried(codec, refuses, feature_tools)) return false;
    return feature == feature_json_schema
               ? is_carried(codec, refuses, feature_tool_choice) && emulate_can_schema(request)
               : is_carried(codec, refuses, feature_json_schema) && emulate_can_tool(request, codec->dialect);
}

static enum feature_fate fate_of(const struct message_request *request, const struct codec *codec, uint64_t refuses,
                                 enum feature feature, enum unsupported unsupported) {
    enum feature_fate fate = codec->fates[feature];
    if (fate != fate_refused && refuses >> feature & 1) fate = fit_fate_refused(feature);
    if (fate == fate_emulated && is_emulated(request, codec, refuses, feature)) return fate_emulated;
    if (fate == fate_emulated) fate = fate_refused;
    if (fate == fate_refused && unsupported == unsupported_drop && !(media >> feature & 1)) return fate_dropped;
    if (fate == fate_dropped && unsupported == unsupported_refuse) return fate_refused;
    return fate;
}

/* What a later rule leaves out. */
static void fit_drop(struct fit *fit, uint64_t bits, enum unsupported unsupported) {
    if (unsupported == unsupported_refuse)
        fit->refused |= bits;
    else
        fit->dropped |= bits;
}

static void change(struct fit *fit, uint64_t bits, enum unsupported unsupported) {
    if (unsupported == unsupported_refuse)
        fit->refused |= bits;
    else
        fit->changed |= bits;
}

/* -- thinking -- */

enum message_effort fit_effort(uint32_t efforts, enum message_effort asked) {
    if (!efforts || efforts >> asked & 1) return asked;
    for (unsigned e = asked; e-- > effort_minimal;)
        if (efforts >> e & 1) return (enum message_effort)e;
    for (unsigned e = asked; e < message_efforts; e++)
        if (efforts >> e & 1) return (enum message_effort)e;
    return asked;
}

static enum message_effort effort_of_tokens(int64_t tokens) {
    return tokens < 0 ? effort_medium : tokens < 4096 ? effort_low : tokens < 16384 ? effort_medium : effort_high;
}

/* Tokens of an effort where a budget is wanted. */
static int64_t tokens_of_effort(enum dialect dialect, enum message_effort effort) {
    static const int64_t of_anthropic[message_efforts] = {-1, 0, 1024, 2048, 8192, 16384, 24576, 32000},
                         of_gemini[message_efforts] = {-1, 0, 512, 1024, 8192, 16384, 24576, 24576};
    return dialect == dialect_anthropic ? of_anthropic[effort] : of_gemini[effort];
}

struct thinking {
    const struct codec_target *target;
    const struct model_takes *takes;
    enum dialect dialect;
    enum unsupported unsupported;
    struct message_request *fitted;
    struct fit *fit;
};

static void thinking_leave(const struct thinking *thinking, bool told) {
    thinking->fitted->effort = effort_unset;
    thinking->fitted->reasoning_tokens = MESSAGE_NO_INT;
    thinking->fit->dropped &= ~FEATURE_BIT(reasoning_effort);
    thinking->fit->refused &= ~FEATURE_BIT(reasoning_effort);
    if (told) fit_drop(thinking->fit, FEATURE_BIT(reasoning_effort), thinking->unsupported);
}

/* An effort that the model takes. */
static void effort_fit(const struct thinking *thinking) {
    struct message_request *fitted = thinking->fitted;
    if (!fitted->effort) return;
    enum message_effort nearest = fit_effort(thinking->takes->efforts, fitted->effort);
    if (nearest != fitted->effort) change(thinking->fit, FEATURE_BIT(reasoning_effort), thinking->unsupported);
    fitted->effort = nearest;
}

/* A number of tokens between the model's least and most, and below the caller's cap, of which it is part. */
static void budget_fit(const struct thinking *thinking) {
    enum { least_of_anthropic = 1024, least_of_others = 1 };
    struct message_request *fitted = thinking->fitted;
    const struct model_takes *takes = thinking->takes;
    bool is_anthropic = thinking->dialect == dialect_anthropic;
    int64_t least = takes->thinking_least > 0 ? takes->thinking_least
                    : is_anthropic            ? least_of_anthropic
                                              : least_of_others,
            asked = fitted->effort ? tokens_of_effort(thinking->dialect, fitted->effort) : fitted->reasoning_tokens,
            cap = fitted->max_tokens, tokens = asked;
    if (tokens < 0 && is_anthropic) tokens = tokens_of_effort(thinking->dialect, effort_medium);
    if (tokens > 0 && takes->thinking_most > 0 && tokens > takes->thinking_most) tokens = takes->thinking_most;
    if (tokens > 0 && tokens < least) tokens = least;
    if (!fitted->effort && tokens != asked && asked >= 0)
        change(thinking->fit, FEATURE_BIT(reasoning_effort), thinking->unsupported);
    if (cap != MESSAGE_NO_INT && tokens > 0 && tokens > cap - cap / 4) {
        bool fits = cap > least, stays = model_thinks(takes, thinking_always_on);
        if (!fits && !stays) {
            thinking_leave(thinking, true);
            if (!is_anthropic) fitted->reasoning_tokens = 0; /* it would think unasked */
            return;
        }
        tokens = cap - cap / 4 > least ? cap - cap / 4 : least;
        change(thinking->fit, FEATURE_BIT(reasoning_effort), thinking->unsupported);
    }
    fitted->effort = effort_unset;
    fitted->reasoning_tokens = tokens;
}

static void anthropic_fit(const struct thinking *thinking, bool off) {
    struct message_request *fitted = thinking->fitted;
    bool budget = model_thinks(thinking->takes, thinking_budget),
         adaptive = model_thinks(thinking->takes, thinking_adaptive) || thinking->target->quirks->thinking_adaptive;
    uint64_t emulated = thinking->fit->emulated;
    bool forced = fitted->tool_choice >= tools_required && fitted->tool_count && !(emulated & FEATURE_BIT(tool_choice));
    if (!off && (forced || emulated & FEATURE_BIT(json_schema))) { /* a tool is not forced beside it */
        thinking_leave(thinking, true);
    } else if (!adaptive || (budget && !fitted->effort && fitted->reasoning_tokens > 0)) {
        budget_fit(thinking);
    } else if (off) {
        fitted->effort = effort_none;
        fitted->reasoning_tokens = MESSAGE_NO_INT;
    } else {
        if (!fitted->effort && fitted->reasoning_tokens > 0)
            fitted->effort = effort_of_tokens(fitted->reasoning_tokens);
        effort_fit(thinking);
        fitted->reasoning_tokens = -1;
    }
}

static void thinking_fit(const struct thinking *thinking) {
    struct message_request *fitted = thinking->fitted;
    const struct model_takes *takes = thinking->takes;
    bool off = fitted->effort == effort_none || (!fitted->effort && fitted->reasoning_tokens == 0);
    bool levels = model_thinks(takes, thinking_levels) || thinking->target->quirks->thinking_levels;
    if (!fitted->effort && fitted->reasoning_tokens == MESSAGE_NO_INT) return;
    if (!thinking->target->reasons || takes->refuses & FEATURE_BIT(reasoning_effort)) {
        thinking_leave(thinking, !off);
    } else if (off && model_thinks(takes, thinking_always_on) && !takes->efforts) {
        thinking_leave(thinking, true);
    } else if (thinking->dialect == dialect_anthropic) {
        if (off && model_thinks(takes, thinking_always_on))
            thinking_leave(thinking, true);
        else
            anthropic_fit(thinking, off);
    } else if (thinking->dialect == dialect_gemini && !levels) {
        budget_fit(thinking);
    } else {
        if (!fitted->effort) fitted->effort = off ? effort_none : effort_of_tokens(fitted->reasoning_tokens);
        fitted->reasoning_tokens = MESSAGE_NO_INT;
        effort_fit(thinking);
    }
}

/* -- sampling -- */

static bool fit_thinks(const struct message_request *fitted) {
    return fitted->effort > effort_none || (fitted->reasoning_tokens != MESSAGE_NO_INT && fitted->reasoning_tokens);
}

static void sampling_fit(const struct thinking *thinking) {
    struct message_request *fitted = thinking->fitted;
    const uint64_t beside = FEATURE_BIT(temperature) | FEATURE_BIT(top_p) | FEATURE_BIT(top_k) | FEATURE_BIT(min_p);
    bool is_anthropic = thinking->dialect == dialect_anthropic;
    uint64_t asked = (isnan(fitted->temperature) ? 0 : FEATURE_BIT(temperature)) |
                     (isnan(fitted->top_p) ? 0 : FEATURE_BIT(top_p)) |
                     (fitted->top_k == MESSAGE_NO_INT ? 0 : FEATURE_BIT(top_k));
    bool apart = is_anthropic || model_thinks(thinking->takes, thinking_no_sampling);
    if (apart && fit_thinks(fitted)) {
        if (fitted->temperature == 1) asked &= ~FEATURE_BIT(temperature); /* it is taken */
        fit_drop(thinking->fit, asked & beside, thinking->unsupported);
    } else if (is_anthropic && fitted->temperature > 1) {
        fitted->temperature = 1;
        change(thinking->fit, FEATURE_BIT(temperature) & ~thinking->fit->dropped, thinking->unsupported);
    }
}

/* -- what the dialect has other words for -- */

/* Earlier reasoning goes back to whom it came from; a signature means nothing to others. */
static bool reasoning_is_lost(const struct message_part *part, enum dialect to) {
    if (part->kind != part_reasoning) return part->signature.len && part->of != to;
    if (to == dialect_anthropic) return part->of != to || (!part->signature.at && !part->data.at);
    if (to == dialect_gemini) return part->of != to;
    return to == dialect_ollama && !part->text.len;
}

static void history_fit(const struct thinking *thinking) {
    const struct message_request *fitted = thinking->fitted;
    bool by_openai = thinking->dialect == dialect_openai;
    for (size_t m = 0; m < fitted->message_count; m++)
        for (size_t p = 0; p < fitted->messages[m].part_count; p++) {
            const struct message_part *part = &fitted->messages[m].parts[p];
            if (reasoning_is_lost(part, thinking->dialect))
                fit_drop(thinking->fit, FEATURE_BIT(reasoning_history), thinking->unsupported);
            if (by_openai && part->kind == part_document && part->title.len && !part->media.data.at)
                fit_drop(thinking->fit, FEATURE_BIT(document_title), thinking->unsupported);
        }
}

static void words_fit(const struct thinking *thinking) {
    struct message_request *fitted = thinking->fitted;
    bool by_turns = thinking->dialect == dialect_anthropic || thinking->dialect == dialect_gemini;
    bool late = false; /* the system's words between later turns are said as the user's */
    for (size_t m = message_leading_system(fitted); by_turns && m < fitted->message_count; m++)
        late |= fitted->messages[m].role <= message_developer;
    if (late || (by_turns && message_is_of_system_alone(fitted))) thinking->fit->changed |= FEATURE_BIT(system);
    if (thinking->dialect != dialect_anthropic) return;
    if (fitted->parallel_tool_calls == flag_false && !fitted->tool_count)
        fit_drop(thinking->fit, FEATURE_BIT(parallel_tool_calls), thinking->unsupported);
    for (size_t i = 0; i < fitted->stop_count; i++) /* one of blanks alone is refused */
        if (!str_trim(fitted->stop[i]).len) fit_drop(thinking->fit, FEATURE_BIT(stop), thinking->unsupported);
    bool tier = !fitted->service_tier.len || str_eq(fitted->service_tier, STR("auto")) ||
                str_eq(fitted->service_tier, STR("standard_only"));
    if (!tier) fit_drop(thinking->fit, FEATURE_BIT(service_tier), thinking->unsupported);
}

/* -- what is dropped is left out -- */

#define LEAVE(name) (dropped & FEATURE_BIT(name))

static void numbers_leave(struct message_request *fitted, uint64_t dropped) {
    if (LEAVE(temperature)) fitted->temperature = NAN;
    if (LEAVE(top_p)) fitted->top_p = NAN;
    if (LEAVE(top_k)) fitted->top_k = MESSAGE_NO_INT;
    if (LEAVE(min_p)) fitted->min_p = NAN;
    if (LEAVE(frequency_penalty)) fitted->frequency_penalty = NAN;
    if (LEAVE(presence_penalty)) fitted->presence_penalty = NAN;
    if (LEAVE(repetition_penalty)) fitted->repetition_penalty = NAN;
    if (LEAVE(seed)) fitted->seed = MESSAGE_NO_INT;
    if (LEAVE(n)) fitted->n = MESSAGE_NO_INT;
    if (LEAVE(logprobs)) {
        fitted->logprobs = flag_unset;
        fitted->top_logprobs = MESSAGE_NO_INT;
    }
    if (LEAVE(store)) fitted->store = flag_unset;
    if (LEAVE(parallel_tool_calls)) fitted->parallel_tool_calls = flag_unset;
    if (LEAVE(echo)) fitted->echo = false;
    if (LEAVE(json_object) || LEAVE(json_schema)) fitted->format = format_unset;
    if (LEAVE(tool_choice)) fitted->tool_choice = tools_unset;
    if (LEAVE(tools)) fitted->tool_count = 0;
}

static void texts_leave(struct message_request *fitted, uint64_t dropped) {
    const struct {
        uint64_t bit;
        struct str *text;
    } texts[] = {{FEATURE_BIT(logit_bias), &fitted->logit_bias},
                 {FEATURE_BIT(prompt_cache_key), &fitted->prompt_cache_key},
                 {FEATURE_BIT(prompt_cache_retention), &fitted->prompt_cache_retention},
                 {FEATURE_BIT(prompt_cache_retention), &fitted->prompt_cache_options},
                 {FEATURE_BIT(user), &fitted->user},
                 {FEATURE_BIT(metadata), &fitted->metadata},
                 {FEATURE_BIT(service_tier), &fitted->service_tier},
                 {FEATURE_BIT(verbosity), &fitted->verbosity},
                 {FEATURE_BIT(modalities), &fitted->modalities},
                 {FEATURE_BIT(modalities), &fitted->audio},
                 {FEATURE_BIT(prediction), &fitted->prediction},
                 {FEATURE_BIT(safety_settings), &fitted->safety},
                 {FEATURE_BIT(suffix), &fitted->suffix}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (dropped & texts[i].bit) *texts[i].text = STR_NONE;
}

void fit_request(const struct message_request *request, const struct codec *codec, const struct codec_target *target,
                 enum unsupported unsupported, struct message_request *fitted, struct fit *fit) {
    const struct model_takes *takes = target->takes ? target->takes : &nothing_known;
    const struct thinking thinking = {target, takes, codec->dialect, unsupported, fitted, fit};
    uint64_t asked = message_features(request, codec->dialect), refuses = takes->refuses | target->quirks->refuses;
    *fitted = *request;
    *fit = (struct fit){.dropped = 0};
    for (unsigned f = 0; f < features; f++) {
        uint64_t bit = asked & UINT64_C(1) << f;
        enum feature_fate fate = bit ? fate_of(request, codec, refuses, (enum feature)f, unsupported) : fate_carried;
        if (fate == fate_dropped) fit->dropped |= bit;
        if (fate == fate_refused) fit->refused |= bit;
        if (fate == fate_fetched) fit->fetched |= bit;
        if (fate == fate_emulated) fit->emulated |= bit;
    }
    const uint64_t of_one = FEATURE_BIT(json_schema) | FEATURE_BIT(tool_choice); /* which is told of one answer */
    if (fit->emulated & of_one) fit->emulated |= asked & FEATURE_BIT(n);
    uint64_t in_words = asked & FEATURE_BIT(json_schema) & ~fit->emulated; /* and as JSON that may be any */
    if (target->quirks->no_json_schema) change(fit, in_words & ~fit->dropped, unsupported);
    bool apart = codec->fates[feature_reasoning_effort] == fate_carried;
    if (apart) thinking_fit(&thinking);
    sampling_fit(&thinking);
    bool all_of_stop = fit->dropped & FEATURE_BIT(stop);
    words_fit(&thinking);
    history_fit(&thinking);
    numbers_leave(fitted, fit->dropped | (fit->emulated & FEATURE_BIT(n)));
    texts_leave(fitted, fit->dropped);
    if (all_of_stop) fitted->stop_count = 0;
    if (target->strict_version) {
        fit->dropped |= anthropic_version_drops(fitted);
        anthropic_version_fit(fitted);
    }
    if (fit->dropped & FEATURE_BIT(prefill) && codec->dialect == dialect_anthropic) fitted->message_count--;
}

static bool schema_fit(struct str *schema, const struct schema_wants *wants, struct arena *arena, struct fit *fit,
                       uint64_t bit) {
    const char *problem;
    size_t at;
    const struct json_value *root = json_parse_in(arena, *schema, &problem, &at);
    if (!root) return true; /* its vendor says what is wrong with it */
    struct text text = text_in_arena(arena, schema->len + 64);
    if (schema_put(&text, root, wants)) {
        fit->changed |= bit;
        *schema = text_str(&text);
    }
    return !text.failed;
}

bool fit_schemas(struct message_request *fitted, const struct codec *codec, const struct codec_target *target,
                 struct arena *arena, struct fit *fit) {
    const uint32_t of_anthropic = MODEL_BIT(schema, closed) | MODEL_BIT(schema, plain); /* whichever model */
    const struct schema_wants wants = {.limits = (target->takes ? target->takes->schema : 0) |
                                                 (codec->dialect == dialect_anthropic ? of_anthropic : 0)};
    struct message_tool *tools = NULL;
    if (!wants.limits) return true;
    uint64_t whose = fit->emulated & FEATURE_BIT(tool_choice) ? FEATURE_BIT(tool_choice) : FEATURE_BIT(json_schema);
    if (fitted->format == format_schema && fitted->schema.len &&
        !schema_fit(&fitted->schema, &wants, arena, fit, whose))
        return false;
    for (size_t i = 0; i < fitted->tool_count; i++) { /* only a strict one is held to it */
        if (fitted->tools[i].strict != flag_true || !fitted->tools[i].parameters.len) continue;
        if (!tools && !(tools = arena_take(arena, fitted->tool_count * sizeof *tools))) return false;
        if (fitted->tools != tools) memcpy(tools, fitted->tools, fitted->tool_count * sizeof *tools);
        fitted->tools = tools;
        if (!schema_fit(&tools[i].parameters, &wants, arena, fit, FEATURE_BIT(strict))) return false;
    }
    return true;
}
