/* prompt_marks.h - up to where a provider is asked to keep a prompt: of callers whose dialect has no marks for that,
 * towards one whose cache keeps what is marked and nothing else (Anthropic's `cache_control`).
 *
 *   tools, system | turns ... | the turn that the former request ended with | answer, results | its newest turn
 *                ^                                                         ^                                   ^
 *             always                               where the conversation has gone on: it was kept, it is kept
 *
 * What is kept is known again by what stands before a mark, and not by the marks: that they move on changes nothing.
 * Pure. */
#ifndef WEIR_DIALECT_PROMPT_MARKS_H
#define WEIR_DIALECT_PROMPT_MARKS_H

#include "dialect/fit.h"

/* What a provider or a route says of it, by the words of `prompt_cache` in the configuration, in this order. */
enum prompt_cache { prompt_cache_usual, prompt_cache_off, prompt_cache_5m, prompt_cache_1h };

enum {
    prompt_marks_max = 4,
    prompt_marks_usual_s = 300
}; /* more are refused by the vendor; what it keeps it for unless said */

struct prompt_marks {
    struct prompt_mark {
        const void *at; /* a struct message_part or message_tool of the request that is written */
        struct str ttl; /* empty: as the vendor has it */
    } list[prompt_marks_max];
    size_t count;
};

/* What decides about them, of where the request goes. */
struct prompt_marks_rules {
    enum prompt_cache prompt_cache;
    int64_t tokens_min; /* of a beginning that is kept; -1: not known */
    uint32_t lifetimes; /* a bit per enum model_lifetime; 0: not known */
    bool pays;          /* what is read again costs less than what is read anew */
};

/* How long the prompt is asked to be kept by marks of weir's own, in seconds; 0: none are made, whatever its length.
 * They are where the caller asks for a cache in other words (a key, a time), or where the configuration does; never
 * beside its own marks, nor where the caller says that those are all. */
uint32_t prompt_marks_lifetime_s(const struct message_request *request, enum dialect to,
                                 const struct prompt_marks_rules *rules);

/* Of a request that is fit for Anthropic's dialect and not in it: where its marks stand, the caller's own (the last
 * four, as long as the vendor can keep them) or weir's. What that changes is noted in `fit`. The lifetime of weir's
 * own; 0: there are none. */
uint32_t prompt_marks_find(const struct message_request *fitted, const struct prompt_marks_rules *rules,
                           struct prompt_marks *marks, struct fit *fit);

/* The mark of a part or a tool; NULL: it has none. */
const struct prompt_mark *prompt_marks_at(const struct prompt_marks *marks, const void *at);

#endif
