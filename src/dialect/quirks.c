/* quirks.c - the table. A row's model is a glob. Sources: the vendors' API references; docs/dialects.md lists them. */
#include "dialect/quirks.h"

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* What servers of open models add to OpenAI's API. */
#define OTHERS_SAMPLING (FEATURE_BIT(top_k) | FEATURE_BIT(min_p) | FEATURE_BIT(repetition_penalty))

/* What is OpenAI's alone. */
#define OPENAIS_OWN FEATURE_BIT(prompt_cache_retention)

static const struct {
    struct str type, model;
    struct codec_quirks quirks;
} rows[] = {
    {STR("openai"), STR("*"), {.name = STR("openai"), .many_servers = true, .refuses = OTHERS_SAMPLING}},
    {STR("azure"), STR("*"), {.name = STR("openai"), .refuses = OTHERS_SAMPLING}},
    {STR("mistral"),
     STR("*"),
     {.name = STR("mistral"),
      .no_stream_options = true,
      .max_tokens_old = true,
      .tool_choice_any = true,
      .seed_is_random_seed = true,
      .system_not_developer = true,
      .refuses = OTHERS_SAMPLING | FEATURE_BIT(logprobs) | FEATURE_BIT(logit_bias) | FEATURE_BIT(user) |
                 FEATURE_BIT(store) | FEATURE_BIT(service_tier) | FEATURE_BIT(verbosity) | OPENAIS_OWN,
      .tool_id_alphabet = LETTERS_AND_DIGITS,
      .tool_id_length = 9}},
    {STR("deepseek"),
     STR("*"),
     {.name = STR("deepseek"),
      .max_tokens_old = true,
      .no_json_schema = true,
      .system_not_developer = true,
      .refuses = OPENAIS_OWN}},
    {STR("xai"),
     STR("*"),
     {.name = STR("xai"), .reasoning_apart = true, .system_not_developer = true, .refuses = OPENAIS_OWN}},
    {STR("together"),
     STR("*"),
     {.name = STR("together"), .max_tokens_old = true, .system_not_developer = true, .refuses = OPENAIS_OWN}},
    {STR("groq"),
     STR("*"),
     {.name = STR("groq"), .system_not_developer = true, .refuses = FEATURE_BIT(n) | OPENAIS_OWN}},
    {STR("openrouter"), STR("*"), {.name = STR("openrouter"), .system_not_developer = true, .refuses = OPENAIS_OWN}},
    {STR("huggingface"),
     STR("*"),
     {.name = STR("huggingface"), .max_tokens_old = true, .system_not_developer = true, .refuses = OPENAIS_OWN}},
    {STR("cloudflare"),
     STR("*"),
     {.name = STR("cloudflare"), .max_tokens_old = true, .system_not_developer = true, .refuses = OPENAIS_OWN}},
    {STR("ollama"), /* which passes over that a tool must be called, and over how many answers are wanted */
     STR("*"),
     {.name = STR("ollama"),
      .max_tokens_old = true,
      .system_not_developer = true,
      .refuses = FEATURE_BIT(tool_choice) | FEATURE_BIT(n) | OPENAIS_OWN}},
    {STR("compatible"), /* most who took over OpenAI's first chat API and no more */
     STR("*"),
     {.name = STR("compatible"), .max_tokens_old = true, .system_not_developer = true, .refuses = OPENAIS_OWN}},
    {STR("anthropic"), STR("claude-opus-4-6*"), {.name = STR("anthropic-adaptive"), .thinking_adaptive = true}},
    {STR("gemini"), STR("gemini-3*"), {.name = STR("gemini-3"), .thinking_levels = true}},
};

const struct codec_quirks *quirks_of(struct str type, struct str model) {
    static const struct codec_quirks none;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_eq(type, rows[i].type) && str_glob(rows[i].model, model)) return &rows[i].quirks;
    return &none;
}
