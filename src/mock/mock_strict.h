/* mock_strict.h - what the vendors refuse with a 400, as tables: keys they do not know, numbers out of range, empty
 * messages, roles, schemas in another vendor's spelling, results of tools that nobody called. In the vendor's words.
 * Pure. Only src/mock includes it. */
#ifndef WEIR_MOCK_MOCK_STRICT_H
#define WEIR_MOCK_MOCK_STRICT_H

#include "base/arena.h"
#include "base/error.h"
#include "dialect/endpoint.h"
#include "dialect/json.h"

/* One request as it came. */
struct mock_asked {
    enum dialect dialect;
    enum operation operation;
    enum endpoint endpoint; /* of OpenAI's dialect: chat, completions, embeddings; else not read */
    bool other_vendor;      /* who speaks OpenAI's API with keys of its own */
    struct str path;        /* names that vendor: /mistral/v1/chat/completions; and Google's model */
    struct str version;     /* anthropic-version */
    const struct json_value *root;
};

/* What is wrong with it. Texts are the request's or last as long as the program; the message is copied. */
struct mock_refusal {
    struct error error;
    char param[128]; /* of OpenAI's errors; empty: null */
    struct str code; /* the same */
};

/* false: *refusal. */
bool mock_strict_check(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal);

/* -- for mock_strict_*.c -- */

/* The turns of a conversation: roles, contents, calls and their results. */
bool mock_strict_openai_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal);
bool mock_strict_responses_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal);
bool mock_strict_anthropic_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal);
bool mock_strict_gemini_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal);
/* What is refused for some models, and by one vendor of OpenAI's API. */
bool mock_strict_models(const struct mock_asked *asked, struct mock_refusal *refusal);
/* Says what is wrong and answers false. */
__attribute__((format(printf, 4, 5))) bool mock_strict_refuse(struct mock_refusal *refusal, const char *param,
                                                              struct str code, const char *format, ...);
/* Is the name one of these, which are parted by blanks? */
bool mock_strict_is_one_of(struct str names, struct str name);

#endif
