/* refusals.h - what a provider's refusal means, by its status, its code and its type alone: one table of the vendors'
 * own words. The sentence beside them quotes callers, and decides nothing about a key. Pure. */
#ifndef WEIR_FLIGHT_REFUSALS_H
#define WEIR_FLIGHT_REFUSALS_H

#include "core/classify.h"
#include "dialect/message.h"

/* As the dialect's code read it (message_error, openai_error). */
struct provider_word {
    int status; /* below 300: an error inside a good reply or a stream */
    struct str code, type;
    struct str message; /* compared whole with a vendor's own; may be empty */
};

/* `vendor`: the provider's type ("deepseek"). failure_none: an error inside a good reply that no row knows. */
enum failure refusal_failure(enum dialect dialect, struct str vendor, const struct provider_word *word);
/* Do its code, its type or a status that has one meaning tell of it in a row of the table? */
bool refusal_is_told(enum dialect dialect, struct str vendor, const struct provider_word *word);
/* A content filter's word: not a failing provider. */
bool refusal_is_filter(const struct provider_word *word);
/* The request is longer than the model's context. Vendors without a code for it are known by how their own sentence
 * begins: a caller that has it said changes where its own request goes, and nothing else. */
bool refusal_is_context(const struct provider_word *word);

#endif
