/* otlp_names.h - the names of OpenTelemetry's GenAI conventions, once: of attributes, metrics and providers. All of
 * them are still in development, and have moved before: `now` is open-telemetry/semantic-conventions-genai as it stood
 * in November 2026, `legacy` what semantic conventions up to 1.36 said and most dashboards still read. NULL: had no
 * name. */
#ifndef WEIR_OBSERVE_OTLP_NAMES_H
#define WEIR_OBSERVE_OTLP_NAMES_H

/* X(id, legacy, now) */
#define OTLP_ATTRIBUTES(X)                                                       \
    X(operation, "gen_ai.operation.name", "gen_ai.operation.name")               \
    X(provider, "gen_ai.system", "gen_ai.provider.name")                         \
    X(request_model, "gen_ai.request.model", "gen_ai.request.model")             \
    X(response_model, "gen_ai.response.model", "gen_ai.response.model")          \
    X(max_tokens, "gen_ai.request.max_tokens", "gen_ai.request.max_tokens")      \
    X(stream, NULL, "gen_ai.request.stream")                                     \
    X(conversation, "gen_ai.conversation.id", "gen_ai.conversation.id")          \
    X(first_chunk, NULL, "gen_ai.response.time_to_first_chunk")                  \
    X(input_tokens, "gen_ai.usage.input_tokens", "gen_ai.usage.input_tokens")    \
    X(output_tokens, "gen_ai.usage.output_tokens", "gen_ai.usage.output_tokens") \
    X(cache_read, NULL, "gen_ai.usage.cache_read.input_tokens")                  \
    X(cache_write, NULL, "gen_ai.usage.cache_write.input_tokens")                \
    X(reasoning, NULL, "gen_ai.usage.reasoning.output_tokens")                   \
    X(instructions, NULL, "gen_ai.system_instructions")                          \
    X(input_messages, NULL, "gen_ai.input.messages")                             \
    X(output_messages, NULL, "gen_ai.output.messages")                           \
    X(error_type, "error.type", "error.type")                                    \
    X(status, "http.response.status_code", "http.response.status_code")

enum otlp_attribute {
#define X(id, legacy, now) otlp_##id,
    OTLP_ATTRIBUTES(X)
#undef X
        otlp_attributes
};

/* What a type of provider is called; others by their type. X(type, legacy, now) */
#define OTLP_PROVIDERS(X)                         \
    X("gemini", "gemini", "gcp.gemini")           \
    X("vertex", "vertex_ai", "gcp.vertex_ai")     \
    X("bedrock", "aws.bedrock", "aws.bedrock")    \
    X("azure", "az.ai.openai", "azure.ai.openai") \
    X("mistral", "mistral_ai", "mistral_ai")      \
    X("xai", "xai", "x_ai")                       \
    X("moonshot", "moonshot_ai", "moonshot_ai")

/* weir's families that the conventions have a name for, too. X(family, direction, legacy, now): `direction` is the
 * value of that label, empty where there is none. */
#define OTLP_METRICS(X)                                                                                            \
    X("weir_attempt_duration_seconds", "", "gen_ai.client.operation.duration", "gen_ai.client.inference.duration") \
    X("weir_first_token_seconds", "", "gen_ai.server.time_to_first_token",                                         \
      "gen_ai.client.inference.time_to_first_chunk")                                                               \
    X("weir_between_tokens_seconds", "", "gen_ai.server.time_per_output_token",                                    \
      "gen_ai.client.inference.time_per_output_chunk")                                                             \
    X("weir_tokens_total", "input", NULL, "gen_ai.client.inference.usage.input_tokens")                            \
    X("weir_tokens_total", "output", NULL, "gen_ai.client.inference.usage.output_tokens")                          \
    X("weir_tokens_total", "cached", NULL, "gen_ai.client.inference.usage.cache_read.input_tokens")                \
    X("weir_tokens_total", "reasoning", NULL, "gen_ai.client.inference.usage.reasoning.output_tokens")

#endif
