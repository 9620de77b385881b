/* endpoint.h - the paths that callers ask for, of every dialect, as one table. Read by the gateway (which path is it),
 * by the engine (what is asked for, in which words, may it stream, where does its model stand) and by the mock. */
#ifndef WEIR_DIALECT_ENDPOINT_H
#define WEIR_DIALECT_ENDPOINT_H

#include "base/str.h"
#include "dialect/message.h"

enum endpoint_body { endpoint_body_json, endpoint_body_multipart };
enum endpoint_reply { endpoint_reply_json, endpoint_reply_any /* audio, text: not read for usage unless it is JSON */ };

/* What is asked for, whatever the words: what a provider of another dialect must be able to do. */
enum operation {
    operation_chat,
    operation_embed,
    operation_count_tokens,
    operation_compact, /* a conversation, by the Responses API alone */
    operation_forecast,
    operation_other, /* within OpenAI's dialect only */
};

/* raw: a provider's own API, found by no path here. X(name, dialect, operation, path, body, reply, may stream by
 * "stream":true). OpenAI's paths stand below /v1, and below a provider's base URL; the others are whole, `{model}`
 * stands for the model. */
#define ENDPOINT_TABLE(X)                                                                              \
    X(chat, openai, chat, "/chat/completions", json, json, true)                                       \
    X(completions, openai, chat, "/completions", json, json, true)                                     \
    X(embeddings, openai, embed, "/embeddings", json, json, false)                                     \
    X(images_generations, openai, other, "/images/generations", json, json, true)                      \
    X(images_edits, openai, other, "/images/edits", multipart, json, false)                            \
    X(audio_speech, openai, other, "/audio/speech", json, any, false)                                  \
    X(audio_transcriptions, openai, other, "/audio/transcriptions", multipart, any, false)             \
    X(audio_translations, openai, other, "/audio/translations", multipart, any, false)                 \
    X(moderations, openai, other, "/moderations", json, json, false)                                   \
    X(rerank, openai, other, "/rerank", json, json, false)                                             \
    X(responses, responses, chat, "/responses", json, json, true)                                      \
    X(responses_input_tokens, responses, count_tokens, "/responses/input_tokens", json, json, false)   \
    X(responses_compact, responses, compact, "/responses/compact", json, json, false)                  \
    X(forecasts, openai, forecast, "/forecasts", json, json, false)                                    \
    X(raw, openai, other, "/providers/{name}/...", json, any, false)                                   \
    X(messages, anthropic, chat, "/v1/messages", json, json, true)                                     \
    X(messages_count, anthropic, count_tokens, "/v1/messages/count_tokens", json, json, false)         \
    X(generate, gemini, chat, "/v1beta/models/{model}:generateContent", json, json, false)             \
    X(generate_stream, gemini, chat, "/v1beta/models/{model}:streamGenerateContent", json, json, true) \
    X(generate_count, gemini, count_tokens, "/v1beta/models/{model}:countTokens", json, json, false)   \
    X(generate_embed, gemini, embed, "/v1beta/models/{model}:embedContent", json, json, false)         \
    X(generate_embed_batch, gemini, embed, "/v1beta/models/{model}:batchEmbedContents", json, json, false)

enum endpoint {
#define X(name, dialect, operation, path, body, reply, streams) endpoint_##name,
    ENDPOINT_TABLE(X)
#undef X
        endpoints
};

struct endpoint_facts {
    struct str name;
    enum dialect dialect;
    enum operation operation;
    struct str path;
    enum endpoint_body body;
    enum endpoint_reply reply;
    bool streams;
};

const struct endpoint_facts *endpoint_facts(enum endpoint endpoint);
/* The endpoint of a path, with or without its /v1 where it is OpenAI's; Gemini's with /v1 too. *model (may be NULL): as
 * it stands in the path, still escaped; empty where it stands in the body. false: there is none. */
bool endpoint_find(struct str path, enum endpoint *endpoint, struct str *model);

#endif
