/* model.h - what a model takes beyond its dialect: the facts that decide how a request is said to it. Rows of the
 * catalogue and of the configuration tell them; what is not known is taken to be taken. Tables, no code. */
#ifndef WEIR_DIALECT_MODEL_H
#define WEIR_DIALECT_MODEL_H

#include "dialect/message.h"

/* How a model thinks and is told to. X(name, what it means) */
#define MODEL_THINKING_TABLE(X)                                                                                      \
    X(budget, "takes a budget of tokens: Anthropic's `budget_tokens`, Google's `thinkingBudget`")                    \
    X(adaptive, "decides itself how much: Anthropic's `adaptive` beside an effort; no budget unless it is said too") \
    X(levels, "takes a level, not a budget: Google's `thinkingLevel`")                                               \
    X(always_on, "cannot be told not to")                                                                            \
    X(between_tools, "thinks between the calls of tools too")                                                        \
    X(no_sampling, "takes no sampling options while it thinks")
enum model_thinking {
#define X(name, phrase) thinking_##name,
    MODEL_THINKING_TABLE(X)
#undef X
        model_thinkings
};

/* What a schema for a structured answer must be. X(name, what it means) */
#define MODEL_SCHEMA_TABLE(X)                                         \
    X(closed, "each object says `\"additionalProperties\":false`")    \
    X(required, "each object lists all its properties in `required`") \
    X(plain, "no bounds: `minimum`, `maxLength`, `pattern`, `maxItems` and the like")
enum model_schema {
#define X(name, phrase) schema_##name,
    MODEL_SCHEMA_TABLE(X)
#undef X
        model_schemas
};

/* By which of OpenAI's two APIs a model is asked. X(name, what it means) */
#define MODEL_API_TABLE(X)            \
    X(chat, "chat completions")       \
    X(responses, "`/responses` only") \
    X(responses_for_tools, "chat completions; with tools `/responses` only, unless the effort is `none`")
enum model_api {
    model_api_unknown,
#define X(name, phrase) model_api_##name,
    MODEL_API_TABLE(X)
#undef X
        model_apis
};

/* How long a vendor keeps what it has read of a prompt. */
#define MODEL_LIFETIME_TABLE(X) X(5m) X(30m) X(1h) X(12h) X(24h)
enum model_lifetime {
#define X(name) lifetime_##name,
    MODEL_LIFETIME_TABLE(X)
#undef X
        model_lifetimes
};

struct model_takes {
    uint64_t refuses;  /* a bit per enum feature */
    uint32_t thinking; /* a bit per enum model_thinking; 0: not known */
    uint32_t efforts;  /* a bit per enum message_effort; 0: not known */
    uint32_t schema;   /* a bit per enum model_schema */
    enum model_api api;
    int64_t thinking_least, thinking_most; /* tokens that it can be told to think; -1: not known */
    const struct str *effort_names;        /* [message_efforts]; {NULL,0} or NULL: by its own name */
};
#define MODEL_TAKES_UNKNOWN ((struct model_takes){.thinking_least = -1, .thinking_most = -1})

#define MODEL_BIT(kind, name) (1u << kind##_##name)
static inline bool model_thinks(const struct model_takes *takes, enum model_thinking way) {
    return takes->thinking >> way & 1;
}

#endif
