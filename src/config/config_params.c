/* config_params.c - what a route says to the model of one of its targets (dialect/params.h). That each is known, and is
 * of its type and range, the table has seen to; here is what only the whole can tell: what stands twice, and what the
 * target cannot be told. */
#include "config/config_decisions.h"
#include "config/config_read.h"
#include "dialect/openai/openai_codec.h"
#include "dialect/outbound.h"
#include "dialect/params.h"

enum { stop_most = 4 };

struct param_reading {
    struct config_reading *reading;
    struct snapshot *snapshot;
    const struct target *target;
    struct section section; /* that is read now */
    struct params *into;
};

static const struct config_node *params_node_of(const struct param_reading *params, const char *key) {
    return config_member(params->section.map, str_from(key));
}

static bool params_has(const struct param_reading *params, const char *key, enum feature feature) {
    if (!read_is_written(params->section, key)) return false;
    if (params->into->says >> feature & 1)
        config_report(params->reading, params_node_of(params, key), config_error,
                      "`%s` stands beside `defaults` and in it: write it once", key);
    params->into->says |= UINT64_C(1) << feature;
    return true;
}

static void params_number_take(struct param_reading *params, const char *key, enum feature feature, double *value) {
    if (params_has(params, key, feature)) *value = read_number(params->section, key);
}

static void params_whole_take(struct param_reading *params, const char *key, enum feature feature, int64_t *value) {
    if (params_has(params, key, feature)) *value = (int64_t)read_whole(params->section, key);
}

static void params_text_take(struct param_reading *params, const char *key, enum feature feature, struct str *value) {
    if (params_has(params, key, feature)) *value = arena_copy(&params->snapshot->arena, read_str(params->section, key));
}

static void params_stop_take(struct param_reading *params) {
    struct message_request *request = &params->into->request;
    struct arena *arena = &params->snapshot->arena;
    const struct config_node *node = params_node_of(params, "stop");
    if (!node || config_is_null(node)) return;
    request->stop = read_strings(params->section, "stop", arena, &request->stop_count);
    for (size_t i = 0; i < request->stop_count; i++) request->stop[i] = arena_copy(arena, request->stop[i]);
    if (request->stop_count == 0 || request->stop_count > stop_most)
        config_report(params->reading, node, config_error, "`stop` holds 1 to %d strings", stop_most);
    if (params->into->says & FEATURE_BIT(stop))
        config_report(params->reading, node, config_error, "`stop` stands beside `defaults` and in it: write it once");
    params->into->says |= FEATURE_BIT(stop);
}

static void params_values_take(struct param_reading *params, struct section section, struct params *into) {
    struct message_request *request = &into->request;
    params->section = section;
    params->into = into;
    if (!section.map) return;
    params_number_take(params, "temperature", feature_temperature, &request->temperature);
    params_number_take(params, "top_p", feature_top_p, &request->top_p);
    params_number_take(params, "min_p", feature_min_p, &request->min_p);
    params_number_take(params, "presence_penalty", feature_presence_penalty, &request->presence_penalty);
    params_number_take(params, "frequency_penalty", feature_frequency_penalty, &request->frequency_penalty);
    params_number_take(params, "repetition_penalty", feature_repetition_penalty, &request->repetition_penalty);
    params_whole_take(params, "top_k", feature_top_k, &request->top_k);
    params_whole_take(params, "seed", feature_seed, &request->seed);
    params_whole_take(params, "max_tokens", feature_max_tokens, &request->max_tokens);
    params_text_take(params, "service_tier", feature_service_tier, &request->service_tier);
    params_text_take(params, "verbosity", feature_verbosity, &request->verbosity);
    params_text_take(params, "user", feature_user, &request->user);
    if (params_has(params, "parallel_tool_calls", feature_parallel_tool_calls))
        request->parallel_tool_calls = read_bool(section, "parallel_tool_calls") ? flag_true : flag_false;
    if (params_has(params, "reasoning_effort", feature_reasoning_effort))
        request->effort = openai_read_effort(read_str(section, "reasoning_effort"));
    params_stop_take(params);
}

/* One set stands in no other. */
static void params_nested_look(struct config_reading *reading, struct section set) {
    static const char *const sets[] = {"defaults", "overrides"};
    for (size_t i = 0; set.map && i < sizeof sets / sizeof *sets; i++) {
        const struct config_node *node = config_member(set.map, str_from(sets[i]));
        if (node) config_report(reading, node, config_error, "`%s` stands in `params` alone", sets[i]);
    }
}

/* -- what the target cannot be told -- */

static void params_tell_each(const struct param_reading *params, const struct config_node *at, uint64_t bits,
                             enum config_severity severity, const char *why) {
    for (unsigned f = 0; f < features; f++)
        if (bits >> f & 1)
            config_report(params->reading, at, severity, "`%.*s` %s: leave it out at `%.*s`",
                          STR_ARG(feature_name((enum feature)f)), why, STR_ARG(str_slice(params->target->name, 0, 80)));
}

/* The cap has another name where a model refuses it. */
static void params_look(const struct param_reading *params, const struct config_node *at, uint64_t says) {
    const struct target *target = params->target;
    const struct provider *provider = target->provider;
    bool responses = provider->api == provider_api_responses;
    const struct codec *codec = codec_of(responses ? dialect_responses : provider->dialect);
    uint64_t carried = 0, takes = target->facts ? target->facts->takes.refuses : 0;
    for (unsigned f = 0; f < features; f++)
        if (codec->fates[f] == fate_carried) carried |= UINT64_C(1) << f;
    uint64_t unsaid = says & ~carried, refused = says & target->refuses & ~unsaid & ~FEATURE_BIT(max_tokens);
    if (target->facts && !catalog_can(target->facts, ability_reasoning)) takes |= FEATURE_BIT(reasoning_effort);
    params_tell_each(params, at, unsaid, config_error, "has no word in the API of this target's provider");
    params_tell_each(params, at, refused & ~takes, config_error, "is refused by this target's vendor");
    params_tell_each(params, at, (refused | (says & carried & FEATURE_BIT(reasoning_effort))) & takes, config_warning,
                     "is not taken by this model");
}

const struct target_params *params_of_target(struct config_reading *reading, struct snapshot *snapshot,
                                             struct section section, const struct target *target) {
    const struct section beside = read_section(section, "params");
    struct param_reading params = {.reading = reading, .snapshot = snapshot, .target = target};
    if (!beside.map) return NULL;
    struct target_params *kept = arena_take_zeroed(&snapshot->arena, sizeof *kept);
    if (!kept) {
        config_report(reading, beside.map, config_error, "no memory for the configuration");
        return NULL;
    }
    params_init(&kept->defaults);
    params_init(&kept->overrides);
    const struct section defaults = read_section(beside, "defaults"), overrides = read_section(beside, "overrides");
    params_nested_look(reading, defaults);
    params_nested_look(reading, overrides);
    params_values_take(&params, defaults, &kept->defaults);
    params_values_take(&params, beside, &kept->defaults);
    params_values_take(&params, overrides, &kept->overrides);
    uint64_t both = kept->defaults.says & kept->overrides.says;
    for (unsigned f = 0; f < features; f++)
        if (both >> f & 1)
            config_report(reading, beside.map, config_error,
                          "`%.*s` is a default and an override: the default would never count",
                          STR_ARG(feature_name((enum feature)f)));
    params_look(&params, beside.map, kept->defaults.says | kept->overrides.says);
    return kept->defaults.says | kept->overrides.says ? kept : NULL;
}
