/* mock_strict.c - see mock_strict.h: the tables of keys and ranges, and schemas. Must never: refuse what a vendor
 * takes; what is not known for sure is let pass. Keys are those of the vendors' SDKs and pages of November 2026. */
#include "mock/mock_strict.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"

enum { schema_depth_max = 64 };

/* Of one path; for Google's nested ones `inside` is the member whose keys they are. */
static const struct keys {
    enum dialect dialect;
    enum operation operation;
    enum endpoint endpoint; /* OpenAI's only */
    const char *inside;
    struct str names;
} tables[] = {
    {dialect_openai, operation_chat, endpoint_chat, NULL,
     STR("messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens "
         "max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key "
         "prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed "
         "service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user "
         "verbosity web_search_options")},
    {dialect_openai, operation_chat, endpoint_completions, NULL,
     STR("model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop "
         "stream stream_options suffix temperature top_p user")},
    {dialect_openai, operation_embed, endpoint_embeddings, NULL, STR("input model dimensions encoding_format user")},
    {dialect_responses, operation_chat, endpoint_responses, NULL,
     STR("access_programs background context_management conversation image include input instructions "
         "max_output_tokens max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt "
         "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store "
         "stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user")},
    {dialect_responses, operation_count_tokens, endpoint_responses_input_tokens, NULL,
     STR("conversation input instructions model parallel_tool_calls personality previous_response_id reasoning text "
         "tool_choice tools truncation")},
    {dialect_responses, operation_compact, endpoint_responses_compact, NULL,
     STR("image input instructions model previous_response_id prompt_cache_key prompt_cache_options "
         "prompt_cache_retention service_tier")},
    {dialect_anthropic, operation_chat, endpoint_messages, NULL,
     STR("max_tokens messages model billing_policy cache_control compaction container context_management diagnostics "
         "fallback_credit_token fallbacks inference_geo mcp_servers metadata output_config output_format service_tier "
         "speed stop_sequences stream system temperature thinking thread tool_choice tools top_k top_p user_profile_id "
         "workspace_id")},
    {dialect_anthropic, operation_count_tokens, endpoint_messages_count, NULL,
     STR("messages model billing_policy cache_control compaction context_management mcp_servers output_config "
         "output_format speed system thinking thread tool_choice tools user_profile_id workspace_id")},
    {dialect_gemini, operation_chat, endpoint_generate, NULL,
     STR("model contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent labels store "
         "serviceTier continuationToken automaticContinuation modelArmorConfig")},
    {dialect_gemini, operation_chat, endpoint_generate, "generationConfig",
     STR("modelSelectionConfig responseJsonSchema audioTranscriptionConfig audioTimestamp candidateCount "
         "enableAffectiveDialog frequencyPenalty imageConfig logprobs maxOutputTokens mediaResolution presencePenalty "
         "responseFormat responseLogprobs responseMimeType responseModalities responseSchema routingConfig seed "
         "speechConfig stopSequences temperature thinkingConfig topK topP enableEnhancedCivicAnswers "
         "translationConfig")},
    {dialect_gemini, operation_count_tokens, endpoint_generate_count, NULL,
     STR("model contents generateContentRequest")},
    {dialect_gemini, operation_embed, endpoint_generate_embed, NULL,
     STR("model content taskType title outputDimensionality autoTruncate requests")},
};

/* Both bounds are allowed. */
static const struct range {
    enum dialect dialect;
    const char *inside, *name;
    double least, most;
} ranges[] = {
    {dialect_openai, NULL, "temperature", 0, 2},
    {dialect_openai, NULL, "top_p", 0, 1},
    {dialect_openai, NULL, "presence_penalty", -2, 2},
    {dialect_openai, NULL, "frequency_penalty", -2, 2},
    {dialect_openai, NULL, "top_logprobs", 0, 20},
    {dialect_responses, NULL, "temperature", 0, 2},
    {dialect_responses, NULL, "top_p", 0, 1},
    {dialect_responses, NULL, "top_logprobs", 0, 20},
    {dialect_responses, NULL, "max_output_tokens", 16, 1e9},
    {dialect_anthropic, NULL, "temperature", 0, 1},
    {dialect_anthropic, NULL, "top_p", 0, 1},
    {dialect_anthropic, NULL, "max_tokens", 1, 1e9},
    {dialect_gemini, "generationConfig", "temperature", 0, 2},
    {dialect_gemini, "generationConfig", "topP", 0, 1},
};

bool mock_strict_refuse(struct mock_refusal *refusal, const char *param, struct str code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refusal->error.code = error_invalid_request;
    vsnprintf(refusal->error.message, sizeof refusal->error.message, format, arguments);
    va_end(arguments);
    snprintf(refusal->param, sizeof refusal->param, "%s", param);
    refusal->code = code;
    return false;
}

bool mock_strict_is_one_of(struct str names, struct str name) {
    struct str piece;
    while (str_split_next(&names, ' ', &piece))
        if (str_eq(piece, name)) return true;
    return false;
}

/* Google takes both spellings: generationConfig, generation_config. */
static bool is_spelt(struct str camel, struct str given) {
    size_t at = 0;
    for (size_t i = 0; i < given.len; i++) {
        if (given.at[i] == '_') continue;
        if (at == camel.len || !str_eq_nocase(str_slice(camel, at, at + 1), str_slice(given, i, i + 1))) return false;
        at++;
    }
    return at == camel.len;
}

static bool mock_strict_is_known(const struct keys *keys, struct str name) {
    if (keys->dialect != dialect_gemini) return mock_strict_is_one_of(keys->names, name);
    struct str names = keys->names, piece;
    while (str_split_next(&names, ' ', &piece))
        if (is_spelt(piece, name)) return true;
    return false;
}

static const struct json_value *mock_strict_inside(const struct json_value *root, const char *name) {
    struct str key;
    size_t place = 0;
    if (!name) return root;
    for (const struct json_value *at; (at = json_each(root, &place, &key));)
        if (is_spelt(str_from(name), key)) return at;
    return NULL;
}

static bool unknown(const struct keys *keys, struct str name, struct mock_refusal *refusal) {
    char shown[100];
    snprintf(shown, sizeof shown, "%.*s", STR_ARG(name));
    if (keys->dialect == dialect_anthropic)
        return mock_strict_refuse(refusal, "", STR(""), "%s: Extra inputs are not permitted", shown);
    if (keys->dialect == dialect_gemini)
        return mock_strict_refuse(refusal, "", STR(""),
                                  "Invalid JSON payload received. Unknown name \"%s\"%s: Cannot find field.", shown,
                                  keys->inside ? " at 'generation_config'" : "");
    return mock_strict_refuse(refusal, shown, STR("unknown_parameter"), "Unknown parameter: '%s'.", shown);
}

static bool keys_check(const struct mock_asked *asked, struct mock_refusal *refusal) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const struct keys *keys = &tables[i];
        if (keys->dialect != asked->dialect || keys->operation != asked->operation) continue;
        if (asked->dialect == dialect_openai && (asked->other_vendor || keys->endpoint != asked->endpoint)) continue;
        const struct json_value *object = mock_strict_inside(asked->root, keys->inside);
        struct str name;
        size_t place = 0;
        while (json_each(object, &place, &name))
            if (!mock_strict_is_known(keys, name)) return unknown(keys, name, refusal);
    }
    return true;
}

static bool out_of_range(const struct range *range, double value, struct mock_refusal *refusal) {
    bool above = value > range->most;
    double bound = above ? range->most : range->least;
    if (range->dialect == dialect_anthropic)
        return mock_strict_refuse(refusal, "", STR(""), "%s: Input should be %s than or equal to %g", range->name,
                                  above ? "less" : "greater", bound);
    if (range->dialect == dialect_gemini)
        return mock_strict_refuse(refusal, "", STR(""),
                                  "* GenerateContentRequest.generation_config.%s: the value %g is out of the supported "
                                  "range [%g, %g].",
                                  range->name, value, range->least, range->most);
    return mock_strict_refuse(refusal, range->name,
                              above ? STR("decimal_above_max_value") : STR("decimal_below_min_value"),
                              "Invalid '%s': value %s. Expected a value %s %g, but got %g instead.", range->name,
                              above ? "above maximum" : "below minimum", above ? "<=" : ">=", bound, value);
}

static bool ranges_check(const struct mock_asked *asked, struct mock_refusal *refusal) {
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct range *range = &ranges[i];
        const struct json_value *given = mock_strict_inside(asked->root, range->inside);
        given = given ? json_member(given, range->name) : NULL;
        if (range->dialect != asked->dialect || json_kind(given) != json_number) continue;
        double value = json_double(given, range->least);
        if (value < range->least || value > range->most) return out_of_range(range, value, refusal);
    }
    return true;
}

/* -- schemas -- */

/* The first `type` in it that is none of JSON Schema's; {NULL,0}: none. Values that a schema quotes are passed over. */
static struct str schema_wrong_type(const struct json_value *schema) {
    const struct json_value *open[schema_depth_max] = {schema};
    size_t places[schema_depth_max] = {0}, depth = 1;
    while (depth) {
        struct str key = STR("");
        const struct json_value *at = json_each(open[depth - 1], &places[depth - 1], &key);
        if (!at) {
            depth--;
            continue;
        }
        if (mock_strict_is_one_of(STR("enum const default examples example"), key)) continue;
        if (str_eq(key, STR("type")) && json_kind(at) == json_string &&
            !mock_strict_is_one_of(STR("object array string number integer boolean null"), json_str(at, STR(""))))
            return json_str(at, STR(""));
        if (json_kind(at) < json_array || depth == schema_depth_max) continue;
        places[depth] = 0;
        open[depth++] = at;
    }
    return STR_NONE;
}

/* Has it an object that does not say that it is closed? Values that a schema quotes are passed over. */
static bool schema_is_open(const struct json_value *schema) {
    const struct json_value *open[schema_depth_max] = {schema};
    size_t places[schema_depth_max] = {0}, depth = json_kind(schema) == json_object;
    if (depth && str_eq(json_str(json_member(schema, "type"), STR("")), STR("object")) &&
        json_kind(json_member(schema, "additionalProperties")) != json_false)
        return true;
    while (depth) {
        struct str key = STR("");
        const struct json_value *at = json_each(open[depth - 1], &places[depth - 1], &key);
        if (!at) {
            depth--;
            continue;
        }
        if (mock_strict_is_one_of(STR("enum const default examples example"), key)) continue;
        if (json_kind(at) < json_array || depth == schema_depth_max) continue;
        if (str_eq(json_str(json_member(at, "type"), STR("")), STR("object")) &&
            json_kind(json_member(at, "additionalProperties")) != json_false)
            return true;
        places[depth] = 0;
        open[depth++] = at;
    }
    return false;
}

static bool openai_schemas(const struct mock_asked *asked, struct mock_refusal *refusal) {
    size_t place = 0, index = 0;
    bool flat = asked->dialect == dialect_responses;
    const struct json_value *tools = json_member(asked->root, "tools");
    for (const struct json_value *tool; (tool = json_each(tools, &place, NULL)); index++) {
        const struct json_value *function = flat ? tool : json_member(tool, "function");
        struct str wrong = schema_wrong_type(json_member(function, "parameters"));
        char param[64];
        snprintf(param, sizeof param, "tools[%zu].%sparameters", index, flat ? "" : "function.");
        if (wrong.at)
            return mock_strict_refuse(refusal, param, STR("invalid_function_parameters"),
                                      "Invalid schema for function '%.*s': '%.*s' is not valid under any of the given "
                                      "schemas.",
                                      STR_ARG(json_str(json_member(function, "name"), STR(""))), STR_ARG(wrong));
    }
    const struct json_value *format = flat ? json_member(json_member(asked->root, "text"), "format")
                                           : json_member(json_member(asked->root, "response_format"), "json_schema");
    struct str wrong = schema_wrong_type(json_member(format, "schema"));
    if (!wrong.at) return true;
    return mock_strict_refuse(refusal, flat ? "text.format.schema" : "response_format", STR(""),
                              "Invalid schema for response_format '%.*s': '%.*s' is not valid under any of the given "
                              "schemas.",
                              STR_ARG(json_str(json_member(format, "name"), STR(""))), STR_ARG(wrong));
}

static bool anthropic_schemas(const struct mock_asked *asked, struct mock_refusal *refusal) {
    size_t place = 0, index = 0;
    const struct json_value *tools = json_member(asked->root, "tools");
    for (const struct json_value *tool; (tool = json_each(tools, &place, NULL)); index++)
        if (schema_wrong_type(json_member(tool, "input_schema")).at)
            return mock_strict_refuse(refusal, "", STR(""),
                                      "tools.%zu.custom.input_schema: JSON schema is invalid. It must match JSON "
                                      "Schema draft 2020-12.",
                                      index);
    const struct json_value *format = json_member(json_member(asked->root, "output_config"), "format");
    if (schema_is_open(json_member(format, "schema")))
        return mock_strict_refuse(refusal, "", STR(""),
                                  "output_config.format.schema: For 'object' type, 'additionalProperties' must be "
                                  "explicitly set to false");
    return true;
}

/* -- a dialect's own -- */

static bool anthropic_check(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal) {
    static const char *const wanted[] = {"model", "messages", "max_tokens"}, *const sampling[] = {"temperature",
                                                                                                  "top_p", "top_k"};
    bool counts = asked->operation == operation_count_tokens;
    for (size_t i = 0; i < (counts ? 2 : 3); i++)
        if (json_kind(json_member(asked->root, wanted[i])) <= json_null)
            return mock_strict_refuse(refusal, "", STR(""), "%s: Field required", wanted[i]);
    for (size_t i = 0; i < sizeof sampling / sizeof *sampling; i++)
        if (str_eq(asked->version, STR("2026-10-21")) && json_member(asked->root, sampling[i]))
            return mock_strict_refuse(refusal, "", STR(""), "%s: Extra inputs are not permitted", sampling[i]);
    const struct json_value *budget = json_member(json_member(asked->root, "thinking"), "budget_tokens");
    if (budget && json_i64(budget, 0) < 1024)
        return mock_strict_refuse(refusal, "", STR(""),
                                  "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
    if (!counts && budget && json_i64(budget, 0) >= json_i64(json_member(asked->root, "max_tokens"), 0))
        return mock_strict_refuse(refusal, "", STR(""), "`max_tokens` must be greater than `thinking.budget_tokens`.");
    return anthropic_schemas(asked, refusal) && mock_strict_anthropic_turns(asked, arena, refusal);
}

/* From GPT-5.6 on: functions by /responses only, unless no reasoning is asked for, which some of them refuse. */
static bool openai_tools(const struct mock_asked *asked, struct mock_refusal *refusal) {
    static const char *const new_ones[] = {"gpt-5.6*", "gpt-6*"}, *const always[] = {"gpt-6-astra*", "gpt-6.1-sol*"};
    struct str model = json_str(json_member(asked->root, "model"), STR("")),
               effort = json_str(json_member(asked->root, "reasoning_effort"), STR(""));
    bool is_new = false, none = str_eq(effort, STR("none"));
    for (size_t i = 0; i < sizeof new_ones / sizeof *new_ones; i++) is_new |= str_glob(str_from(new_ones[i]), model);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (none && str_glob(str_from(always[i]), model))
            return mock_strict_refuse(refusal, "reasoning_effort", STR("unsupported_value"),
                                      "Unsupported value: 'reasoning_effort' does not support 'none' with this model.");
    if (!is_new || none || !json_count(json_member(asked->root, "tools"))) return true;
    return mock_strict_refuse(refusal, "reasoning_effort", STR(""),
                              "Function tools with reasoning_effort are not supported for %.*s in "
                              "/v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort "
                              "to 'none'.",
                              STR_ARG(str_slice(model, 0, 64)));
}

bool mock_strict_check(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal) {
    *refusal = (struct mock_refusal){.code = STR("")};
    if (json_kind(asked->root) != json_object) return true; /* refused elsewhere */
    if (!keys_check(asked, refusal) || !ranges_check(asked, refusal)) return false;
    if (!mock_strict_models(asked, refusal)) return false;
    bool talks = asked->operation == operation_chat;
    switch (asked->dialect) {
    case dialect_openai:
        if (!talks || asked->endpoint != endpoint_chat) return true;
        return openai_tools(asked, refusal) && openai_schemas(asked, refusal) &&
               mock_strict_openai_turns(asked, arena, refusal);
    case dialect_responses:
        if (asked->operation == operation_compact && !json_str(json_member(asked->root, "model"), STR("")).len)
            return mock_strict_refuse(refusal, "model", STR("missing_required_parameter"),
                                      "Missing required parameter: 'model'.");
        return openai_schemas(asked, refusal) && mock_strict_responses_turns(asked, arena, refusal);
    case dialect_anthropic: return anthropic_check(asked, arena, refusal);
    case dialect_gemini: return !talks || mock_strict_gemini_turns(asked, arena, refusal);
    case dialect_ollama:      /* takes what it does not know */
    case dialect_cloudflare:  /* the same */
    case dialect_huggingface: /* the same */
    case dialects: return true;
    }
    return true;
}
