/* mock_strict_models.c - see mock_strict.h: what a vendor refuses for some of its models, by their names, and what one
 * vendor of OpenAI's API refuses that its inventor takes. Read on the vendors' pages and in what their users were told;
 * not out of the catalogue, which is to be tested by it. */
#include <stdio.h>

#include "mock/mock_strict.h"

static struct str models_text(const struct json_value *object, const char *name) {
    return json_str(json_member(object, name), STR(""));
}

/* Globs, parted by blanks; those behind a `!` take out again. */
static bool model_is(struct str model, struct str globs) {
    bool found = false;
    struct str glob;
    while (str_split_next(&globs, ' ', &glob)) {
        bool out = glob.len && glob.at[0] == '!';
        if (str_glob(str_slice(glob, out, glob.len), model)) found = !out;
    }
    return found;
}

/* -- OpenAI -- */

#define THINKERS "o1* o3* o4* gpt-5* gpt-6* !gpt-5*chat*"

/* A value that says nothing: what it is where it is not said. */
static bool is_usual(const struct json_value *value, double usual) {
    enum json_kind kind = json_kind(value);
    return kind <= json_false || (kind == json_number && json_double(value, usual) == usual);
}

static bool openai_models(const struct mock_asked *asked, struct mock_refusal *refusal) {
    static const struct {
        const char *name;
        double usual;
        bool sampling; /* taken by those that need not think, when they do not */
    } members[] = {{"temperature", 1, true},
                   {"top_p", 1, true},
                   {"presence_penalty", 0, false},
                   {"frequency_penalty", 0, false},
                   {"logprobs", 0, false},
                   {"logit_bias", 0, false},
                   {"stop", 0, false},
                   {"max_tokens", -1, false}};
    struct str model = models_text(asked->root, "model"), effort = models_text(asked->root, "reasoning_effort");
    bool thinks = model_is(model, STR(THINKERS));
    bool need_not = model_is(model, STR("gpt-5.*")) && (!effort.len || str_eq(effort, STR("none")));
    struct str format = models_text(json_member(asked->root, "response_format"), "type");
    if (str_eq(format, STR("json_schema")) && model_is(model, STR("gpt-3.5* gpt-4 gpt-4-0* gpt-4-1* gpt-4-turbo*")))
        return mock_strict_refuse(refusal, "response_format", STR(""),
                                  "Invalid parameter: 'response_format' of type 'json_schema' is not supported with "
                                  "this model. Learn more about supported models at the Structured Outputs guide.");
    if (!thinks && effort.len && model_is(model, STR("gpt-4* gpt-3.5*")))
        return mock_strict_refuse(refusal, "reasoning_effort", STR(""),
                                  "Unrecognized request argument supplied: reasoning_effort");
    for (size_t i = 0; thinks && i < sizeof members / sizeof *members; i++) {
        const struct json_value *value = json_member(asked->root, members[i].name);
        if (!value || is_usual(value, members[i].usual) || (members[i].sampling && need_not)) continue;
        if (members[i].sampling)
            return mock_strict_refuse(refusal, members[i].name, STR("unsupported_value"),
                                      "Unsupported value: '%s' does not support %g with this model. Only the default "
                                      "(1) value is supported.",
                                      members[i].name, json_double(value, 0));
        return mock_strict_refuse(refusal, members[i].name, STR("unsupported_parameter"),
                                  "Unsupported parameter: '%s' is not supported with this model.%s", members[i].name,
                                  members[i].usual < 0 ? " Use 'max_completion_tokens' instead." : "");
    }
    return true;
}

/* -- Mistral -- */

static bool is_mistrals_id(struct str id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return false;
    }
    return id.len == 9;
}

static bool mistral_id(struct str id, struct mock_refusal *refusal) {
    return !id.len || is_mistrals_id(id) ||
           mock_strict_refuse(refusal, "", STR(""),
                              "Tool call id was %.*s but must be a-z, A-Z, 0-9, with a length of 9.",
                              STR_ARG(str_slice(id, 0, 40)));
}

static bool mistral_message(const struct json_value *message, struct mock_refusal *refusal) {
    struct str role = models_text(message, "role");
    const struct json_value *calls = json_member(message, "tool_calls");
    size_t place = 0;
    if (!mock_strict_is_one_of(STR("system user assistant tool"), role))
        return mock_strict_refuse(refusal, "messages", STR(""),
                                  "Input tag '%.*s' found using 'role' does not match any of the expected tags: "
                                  "'assistant', 'system', 'tool', 'user'",
                                  STR_ARG(str_slice(role, 0, 40)));
    for (const struct json_value *call; json_count(calls) && (call = json_each(calls, &place, NULL));)
        if (!mistral_id(models_text(call, "id"), refusal)) return false;
    return mistral_id(models_text(message, "tool_call_id"), refusal);
}

static bool mistral_check(const struct mock_asked *asked, struct mock_refusal *refusal) {
    static const struct str keys =
        STR("model messages temperature top_p max_tokens stream stop random_seed response_format tools tool_choice "
            "presence_penalty frequency_penalty n prediction parallel_tool_calls prompt_mode safe_prompt metadata "
            "reasoning_effort prompt_cache_key guardrails");
    const struct json_value *messages = json_member(asked->root, "messages");
    struct str name;
    size_t place = 0;
    char shown[100];
    while (json_each(asked->root, &place, &name)) {
        if (mock_strict_is_one_of(keys, name)) continue;
        snprintf(shown, sizeof shown, "%.*s", STR_ARG(name));
        return mock_strict_refuse(refusal, shown, STR("extra_forbidden"), "%s: Extra inputs are not permitted", shown);
    }
    place = 0;
    for (const struct json_value *at; json_kind(messages) == json_array && (at = json_each(messages, &place, NULL));)
        if (!mistral_message(at, refusal)) return false;
    return true;
}

/* -- Anthropic -- */

#define NEWER_CLAUDES                                                                                   \
    "claude-opus-4-7* claude-opus-4-8* claude-opus-5* claude-sonnet-5* claude-haiku-5* claude-fable-* " \
    "claude-mythos-*"

/* Before structured output; and those that think all the time, and cannot be made to call a tool. */
#define OLDER_CLAUDES                                                                              \
    "claude-2* claude-3* claude-instant* claude-opus-4-0* claude-opus-4-2025* claude-sonnet-4-0* " \
    "claude-sonnet-4-2025*"
#define FREE_CLAUDES "claude-opus-5-5* claude-sonnet-5-5* claude-fable-5-* claude-mythos-5-*"

static bool anthropic_formats(const struct mock_asked *asked, struct mock_refusal *refusal) {
    struct str model = models_text(asked->root, "model"),
               choice = models_text(json_member(asked->root, "tool_choice"), "type");
    const struct json_value *config = json_member(asked->root, "output_config"),
                            *format = json_member(config, "format");
    if (model_is(model, STR(OLDER_CLAUDES)) && (format || json_member(asked->root, "output_format")))
        return mock_strict_refuse(refusal, "", STR(""), "output_config.format: This model does not support it.");
    if (model_is(model, STR(FREE_CLAUDES)) && (str_eq(choice, STR("any")) || str_eq(choice, STR("tool"))))
        return mock_strict_refuse(refusal, "", STR(""), "tool_choice: `%.*s` is not supported for this model.",
                                  STR_ARG(choice));
    return true;
}

static bool is_last_assistant(const struct json_value *messages) {
    size_t place = 0;
    struct str role = STR("");
    for (const struct json_value *at; json_kind(messages) == json_array && (at = json_each(messages, &place, NULL));)
        role = models_text(at, "role");
    return str_eq(role, STR("assistant"));
}

static bool anthropic_thinking(const struct mock_asked *asked, struct mock_refusal *refusal) {
    struct str type = models_text(json_member(asked->root, "thinking"), "type"),
               choice = models_text(json_member(asked->root, "tool_choice"), "type");
    const struct json_value *temperature = json_member(asked->root, "temperature");
    if (!str_eq(type, STR("enabled")) && !str_eq(type, STR("adaptive"))) return true;
    if (temperature && json_double(temperature, 1) != 1)
        return mock_strict_refuse(refusal, "", STR(""),
                                  "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.");
    if (json_member(asked->root, "top_k"))
        return mock_strict_refuse(refusal, "", STR(""), "`top_k` must be unset when thinking is enabled.");
    if (json_double(json_member(asked->root, "top_p"), 1) < 0.95)
        return mock_strict_refuse(refusal, "", STR(""),
                                  "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.");
    if (str_eq(choice, STR("any")) || str_eq(choice, STR("tool")))
        return mock_strict_refuse(refusal, "", STR(""),
                                  "Thinking may not be enabled when tool_choice forces tool use.");
    return true;
}

static bool anthropic_newer(const struct mock_asked *asked, struct mock_refusal *refusal) {
    static const char *const sampling[] = {"temperature", "top_p", "top_k"};
    for (size_t i = 0; i < sizeof sampling / sizeof *sampling; i++)
        if (json_member(asked->root, sampling[i]))
            return mock_strict_refuse(refusal, "", STR(""), "`%s` is deprecated for this model.", sampling[i]);
    if (str_eq(models_text(json_member(asked->root, "thinking"), "type"), STR("enabled")))
        return mock_strict_refuse(refusal, "", STR(""),
                                  "\"thinking.type.enabled\" is not supported for this model. Use "
                                  "\"thinking.type.adaptive\" and \"output_config.effort\" to control thinking "
                                  "behavior.");
    if (is_last_assistant(json_member(asked->root, "messages")))
        return mock_strict_refuse(refusal, "", STR(""),
                                  "This model does not support assistant message prefill. The conversation must end "
                                  "with a user message.");
    return true;
}

/* -- Google -- */

static const struct json_value *either(const struct json_value *object, const char *camel, const char *snake) {
    const struct json_value *found = json_member(object, camel);
    return found ? found : json_member(object, snake);
}

static bool gemini_models(const struct mock_asked *asked, struct mock_refusal *refusal) {
    const struct json_value *config = either(asked->root, "generationConfig", "generation_config"),
                            *budget = either(either(config, "thinkingConfig", "thinking_config"), "thinkingBudget",
                                             "thinking_budget");
    size_t from = str_find(asked->path, STR("/models/"));
    struct str model = from == SIZE_MAX ? STR("") : str_slice(asked->path, from + 8, asked->path.len);
    if (!budget || !model_is(model, STR("gemini-2.5-pro*"))) return true;
    int64_t tokens = json_i64(budget, -1);
    if (tokens == 0)
        return mock_strict_refuse(refusal, "", STR(""), "Budget 0 is invalid. This model only works in thinking mode.");
    return tokens < 0 || tokens >= 128 ||
           mock_strict_refuse(refusal, "", STR(""),
                              "The thinking budget %lld is invalid. Please choose a value "
                              "between 128 and 32768.",
                              (long long)tokens);
}

/* -- Cloudflare -- */

static bool cloudflare_models(const struct mock_asked *asked, struct mock_refusal *refusal) {
    bool json = json_kind(json_member(asked->root, "response_format")) == json_object;
    return !json || !json_bool(json_member(asked->root, "stream"), false) ||
           mock_strict_refuse(refusal, "", STR(""), "JSON Mode does not support streaming: set `stream` to false.");
}

bool mock_strict_models(const struct mock_asked *asked, struct mock_refusal *refusal) {
    if (asked->operation != operation_chat) return true;
    if (asked->dialect == dialect_cloudflare) return cloudflare_models(asked, refusal);
    if (asked->dialect == dialect_openai && asked->endpoint == endpoint_chat) {
        if (str_starts(asked->path, STR("/mistral/"))) return mistral_check(asked, refusal);
        return asked->other_vendor || openai_models(asked, refusal);
    }
    if (asked->dialect == dialect_gemini) return gemini_models(asked, refusal);
    if (asked->dialect != dialect_anthropic) return true;
    bool newer = model_is(models_text(asked->root, "model"), STR(NEWER_CLAUDES));
    return (!newer || anthropic_newer(asked, refusal)) && anthropic_thinking(asked, refusal) &&
           anthropic_formats(asked, refusal);
}
