/* ratelimit.h - what a provider says of its limits in the head of a reply: how much is left, when there will be more,
 * when to come again. Pure. Never believes a provider far: whatever it says, a time is at most a day. */
#ifndef WEIR_DIALECT_RATELIMIT_H
#define WEIR_DIALECT_RATELIMIT_H

#include "base/header.h"

#define ratelimit_ms_max (24ull * 60 * 60 * 1000)
#define ratelimit_left_max 1000000000000000ll

/* Where a provider tells of several limits of a kind (a minute's and a month's, input and output), the one with the
 * least left counts, with its own reset. */
struct ratelimit {
    int64_t requests_left, tokens_left;          /* -1: not said; at most ratelimit_left_max */
    int64_t requests_limit, tokens_limit;        /* the whole of it; -1: not said */
    uint64_t requests_reset_ms, tokens_reset_ms; /* from now until there is more; 0: now, or not said */
    int64_t retry_after_ms;                      /* from now; -1: not said */
};

/* `wall_ns` is the moment at which the reply came: dates count from it.
 *
 *   x-ratelimit-{limit,remaining,reset}-{requests,tokens}   OpenAI, Groq, xAI, Azure; reset "1s", "6m0s", "120ms", "2"
 *   x-ratelimit-{limit,remaining}-{req-minute,req-10-second,tokens-minute,tokens-month}   Mistral
 *   x-ratelimit-{limit,remaining,reset}, ratelimit-...      Together, OpenRouter (reset in ms since 1970), Replicate
 *   ratelimitbysize-{limit,remaining,reset}                 Mistral's tokens
 *   anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}   reset as RFC 3339
 *   retry-after-ms, then retry-after                        milliseconds; seconds or an HTTP date */
struct ratelimit ratelimit_read(const struct http_header *headers, size_t count, int64_t wall_ns);

#endif
