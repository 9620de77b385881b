/* outbound.c - the tables behind outbound.h. Sources: the vendors' API references, as docs/dialects.md names them. */
#include "dialect/outbound.h"

#include "base/check.h"
#include "base/url.h"

#define BEARER STR("Authorization"), STR("Bearer ")

static const struct outbound_facts facts[dialects] = {
    [dialect_openai] = {BEARER, {{NULL, 0}, {NULL, 0}}, STR("/models"), header_of_openai},
    [dialect_anthropic] = {STR("x-api-key"),
                           STR(""),
                           {STR("anthropic-version"), STR("2023-06-01")},
                           STR("/v1/models"),
                           header_of_anthropic},
    [dialect_gemini] = {STR("x-goog-api-key"), STR(""), {{NULL, 0}, {NULL, 0}}, STR("/models"), 0},
    [dialect_ollama] = {BEARER, {{NULL, 0}, {NULL, 0}}, STR("/api/tags"), 0},
    [dialect_cloudflare] = {BEARER, {{NULL, 0}, {NULL, 0}}, STR("/ai/models/search"), 0},
    [dialect_huggingface] = {BEARER, {{NULL, 0}, {NULL, 0}}, STR(""), 0},
    [dialect_responses] = {BEARER, {{NULL, 0}, {NULL, 0}}, STR("/models"), header_of_openai},
};

const struct outbound_facts *outbound_facts(enum dialect dialect) {
    CHECKF((unsigned)dialect < dialects, "dialect=%d", (int)dialect);
    return &facts[dialect];
}

bool outbound_forwards(enum dialect dialect, unsigned uses) { return (uses & facts[dialect].forwards) != 0; }

const struct codec *codec_of(enum dialect dialect) {
    static const struct codec *const codecs[dialects] = {
        [dialect_openai] = &codec_openai,         [dialect_anthropic] = &codec_anthropic,
        [dialect_gemini] = &codec_gemini,         [dialect_ollama] = &codec_ollama,
        [dialect_cloudflare] = &codec_cloudflare, [dialect_huggingface] = &codec_huggingface,
        [dialect_responses] = &codec_responses,
    };
    CHECKF((unsigned)dialect < dialects, "dialect=%d", (int)dialect);
    return codecs[dialect];
}

/* `{model}` is the model, escaped but for its slashes. The first row that fits counts. */
static const struct {
    enum dialect dialect;
    enum operation operation;
    enum { any, streamed, whole, single, several } when;
    struct str path;
} paths[] = {
    {dialect_openai, operation_chat, any, STR("/chat/completions")},
    {dialect_openai, operation_embed, any, STR("/embeddings")},
    {dialect_responses, operation_chat, any, STR("/responses")},
    {dialect_responses, operation_count_tokens, any, STR("/responses/input_tokens")},
    {dialect_responses, operation_compact, any, STR("/responses/compact")},
    {dialect_anthropic, operation_chat, any, STR("/v1/messages")},
    {dialect_anthropic, operation_count_tokens, any, STR("/v1/messages/count_tokens")},
    {dialect_gemini, operation_chat, streamed, STR("/models/{model}:streamGenerateContent?alt=sse")},
    {dialect_gemini, operation_chat, whole, STR("/models/{model}:generateContent")},
    {dialect_gemini, operation_count_tokens, any, STR("/models/{model}:countTokens")},
    {dialect_gemini, operation_embed, single, STR("/models/{model}:embedContent")},
    {dialect_gemini, operation_embed, several, STR("/models/{model}:batchEmbedContents")},
    {dialect_ollama, operation_chat, any, STR("/api/chat")},
    {dialect_ollama, operation_embed, any, STR("/api/embed")},
    {dialect_cloudflare, operation_chat, any, STR("/ai/run/{model}")},
    {dialect_cloudflare, operation_embed, any, STR("/ai/run/{model}")},
    {dialect_huggingface, operation_chat, any, STR("/models/{model}")},
    {dialect_huggingface, operation_embed, any, STR("/models/{model}/pipeline/feature-extraction")},
    {dialect_huggingface, operation_forecast, any, STR("/models/{model}")},
};

bool outbound_model_fits(enum dialect dialect, enum operation operation, struct str model) {
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (paths[i].dialect == dialect && paths[i].operation == operation &&
            str_find(paths[i].path, STR("{model}")) != SIZE_MAX)
            return url_name_stays(model);
    return true;
}

bool outbound_path(enum dialect dialect, enum operation operation, struct str model, bool stream, bool many,
                   struct text *path) {
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const int when = paths[i].when;
        if (paths[i].dialect != dialect || paths[i].operation != operation) continue;
        if ((when == streamed && !stream) || (when == whole && stream) || (when == single && many) ||
            (when == several && !many))
            continue;
        struct str pattern = paths[i].path;
        size_t open = str_find(pattern, STR("{model}"));
        if (open != SIZE_MAX && !url_name_stays(model)) return false;
        text_put(path, str_slice(pattern, 0, open));
        if (open != SIZE_MAX) text_put_percent(path, model, "/@:=+,!");
        if (open != SIZE_MAX) text_put(path, str_slice(pattern, open + 7, pattern.len));
        return true;
    }
    return false;
}
