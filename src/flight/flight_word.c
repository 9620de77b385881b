/* flight_word.c - a provider's own word on what went wrong: read in its dialect, kept for log and explain without
 * credentials, and what its code and type stand for. */
#include "flight/flight_internal.h"

void way_read_error(const struct attempt *attempt, struct str body, struct arena *arena, struct message_error *error) {
    attempt->dialect.codec->read_error(body, arena, error);
}

enum failure attempt_refusal(struct attempt *attempt, const struct provider_word *word) {
    bool may_go_on = attempt->state != attempt_delivering && !attempt->way->blind;
    if (may_go_on && refusal_is_filter(word) && word->status < 500) return failure_filtered;
    if (may_go_on && refusal_is_context(word)) return failure_context_exceeded;
    enum dialect dialect = attempt->dialect.codec->dialect;
    struct str vendor = attempt->target->provider->type;
    attempt->word.is_told = refusal_is_told(dialect, vendor, word);
    return refusal_failure(dialect, vendor, word);
}

void attempt_said(struct flight *flight, struct attempt *attempt, struct str words, bool provider_said) {
    attempt->word.is_providers = provider_said;
    attempt->word.text = arena_copy(&flight->arena, str_slice(masked_words(flight, attempt, words), 0, word_text_most));
}

/* Only what is a name: words of a provider's choice are not for a log. */
void attempt_said_code(struct flight *flight, struct attempt *attempt, struct str code, struct str type) {
    struct str name = masked_words(flight, attempt, code.len ? code : type);
    bool plain = name.len <= word_code_most && str_is_alnum(name, "_-.");
    attempt->word.code = arena_copy(&flight->arena, plain ? name : STR(""));
}
