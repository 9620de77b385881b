/* flight_story.h - how the story of a request lies in memory from its end until somebody asks: numbers as they are, and
 * so much of each text as can be told. Between flight_story.c, which writes it, and flight_explain.c, which tells it.
 *
 *   story: [ head | its texts | attempt | its texts | ... | candidate | its texts | ... ]    nothing is aligned
 */
#ifndef WEIR_FLIGHT_STORY_H
#define WEIR_FLIGHT_STORY_H

#include "base/str.h"

enum {
    story_candidates_told = 8,
    story_attempts_bytes = 6 * 1024, /* no attempt begins behind it: the text has no room for so many */
    story_quoted_most = 1024,        /* of a text in which something is hidden first; a longer one is hidden whole */
    story_model_shown = 80,
    story_route_shown = 80,
    story_inner_route_shown = 40,
    story_rule_shown = 64,
    story_said_shown = 120,
    story_losses_shown = 120,
    story_candidate_shown = 64,
};

/* A text's length; story_no_text: there is none. */
typedef uint16_t story_len;
#define story_no_text UINT16_MAX

enum { head_streams = 1, head_caller_gone = 2, head_falls_back = 4 };
enum {
    head_own_id,
    head_caller_id,
    head_model,
    head_client,
    head_route,
    head_rule,
    head_said,
    head_redacted,
    head_cache_why,
    head_made_by,
    head_prefix_other,
    head_trace,
    head_texts
};
struct story_head {
    int64_t time_ms;
    int64_t saved_nano_usd; /* by an answer that was made before; -1: not known */
    int64_t prefix_nano_usd;
    uint64_t bytes_out;
    uint32_t candidate_count;
    int16_t status;
    uint8_t endpoint, strategy, error, flags, cached;
    uint8_t attempts, candidates;                   /* that follow */
    uint8_t prefix_by, prefix_outcome, prefix_miss; /* prefix_none: it was not chosen by */
    story_len texts[head_texts];
};

enum {
    attempt_good = 1,
    attempt_hedges = 2,
    attempt_estimated = 4,
    attempt_by_responses = 8,
    attempt_ended_for_money = 16
};
enum { attempt_target, attempt_route, attempt_words, attempt_code, attempt_dropped, attempt_changed, attempt_texts };
struct story_attempt {
    int64_t input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost_nano_usd;
    int64_t provider_nano_usd;
    uint64_t sent_us, first_token_us, duration_us;
    bool sent, first_token;
    uint8_t failure, flags, miss;
    int16_t status;
    uint32_t events_dropped, marked_s, missed_tokens;
    story_len texts[attempt_texts];
};

enum { candidate_target, candidate_route, candidate_texts };
struct story_candidate {
    double score;
    uint16_t tries;
    uint8_t refusal, demoted;
    story_len texts[candidate_texts];
};

#endif
