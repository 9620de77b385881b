/* flight_story.c - the story of a request put down when it is over, as nobody may ever ask for it: no text is made
 * here, and nothing is looked for in one. */
#include "flight/flight_story.h"

#include "dialect/placeholders.h"
#include "flight/flight_internal.h"

static uint64_t story_us_between(uint64_t from_ns, uint64_t to_ns) {
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}

static struct str story_cut(struct str words, size_t most) {
    return str_make(words.at, words.len < most ? words.len : most);
}

/* Words in which something may have to be hidden before they are cut: then all of them, or more than may be told. */
static struct str story_quoted(const struct flight *flight, struct str words, size_t shown) {
    return story_cut(words, flight->host->own ? story_quoted_most + 1 : shown);
}

static struct str story_inner_route(const struct level *level) {
    return level && level->around ? story_cut(level->route->model, story_inner_route_shown) : STR_NONE;
}

static void lens_fill(story_len *lens, const struct str *texts, size_t count) {
    for (size_t i = 0; i < count; i++) lens[i] = texts[i].at ? (story_len)texts[i].len : story_no_text;
}

static void texts_put(struct text *story, const void *fixed, size_t bytes, const struct str *texts, size_t count) {
    text_put(story, str_make(fixed, bytes));
    for (size_t i = 0; i < count; i++) text_put(story, texts[i]);
}

static struct str said_or_none(struct str said, size_t most) { return said.len ? story_cut(said, most) : STR_NONE; }

static void story_attempt_put(const struct flight *flight, struct text *story, const struct attempt *attempt) {
    const struct usage *usage = &attempt->usage;
    const struct str texts[attempt_texts] = {
        [attempt_target] = story_quoted(flight, attempt->target->name, story_quoted_most),
        [attempt_route] = story_inner_route(attempt->candidate->level),
        [attempt_words] = said_or_none(attempt->word.text, word_text_most),
        [attempt_code] = said_or_none(attempt->word.code, word_code_most),
        [attempt_dropped] = said_or_none(attempt->dialect.dropped, story_losses_shown),
        [attempt_changed] = said_or_none(attempt->dialect.changed, story_losses_shown),
    };
    bool good = attempt->state == attempt_settled && attempt->failure == failure_none;
    bool by_responses = attempt->way->writes_anew && attempt->dialect.codec == &codec_responses;
    struct story_attempt put = {
        .input_tokens = usage->input_tokens,
        .output_tokens = usage->output_tokens,
        .cached_tokens = usage->cached_input_tokens,
        .cache_write_tokens = usage->cache_write_tokens,
        .reasoning_tokens = usage->reasoning_tokens,
        .cost_nano_usd = attempt->cost_nano_usd,
        .provider_nano_usd = usage->cost_nano_usd,
        .sent_us = story_us_between(attempt->started_ns, attempt->sent_ns),
        .first_token_us = story_us_between(attempt->started_ns, attempt->first_token_ns),
        .duration_us = story_us_between(attempt->started_ns, attempt->ended_ns),
        .sent = attempt->sent_ns != 0,
        .first_token = attempt->first_token_ns != 0,
        .failure = (uint8_t)attempt->failure,
        .flags =
            (uint8_t)((good ? attempt_good : 0) | (attempt->hedge ? attempt_hedges : 0) |
                      (attempt->usage_estimated ? attempt_estimated : 0) | (by_responses ? attempt_by_responses : 0) |
                      (attempt->holds.money.ended_for_money ? attempt_ended_for_money : 0)),
        .status = (int16_t)attempt->reply.status,
        .events_dropped = attempt->stream.events_dropped,
        .marked_s = attempt->dialect.marked_s,
        .miss = (uint8_t)attempt->miss,
        .missed_tokens = attempt->missed_tokens < UINT32_MAX ? (uint32_t)attempt->missed_tokens : UINT32_MAX,
    };
    lens_fill(put.texts, texts, attempt_texts);
    texts_put(story, &put, sizeof put, texts, attempt_texts);
}

static void story_candidate_put(const struct flight *flight, struct text *story, const struct candidate *candidate) {
    const struct str texts[candidate_texts] = {
        [candidate_target] = story_quoted(flight, candidate->target->name, story_candidate_shown),
        [candidate_route] = story_inner_route(candidate->level),
    };
    struct story_candidate put = {.score = candidate->score,
                                  .tries = candidate->tries,
                                  .refusal = (uint8_t)candidate->refusal,
                                  .demoted = (uint8_t)candidate->demoted};
    lens_fill(put.texts, texts, candidate_texts);
    texts_put(story, &put, sizeof put, texts, candidate_texts);
}

static void story_head_put(const struct flight *flight, struct text *story, struct story_head *head) {
    const struct choice *choice = &flight->choice;
    const struct target *made_by = flight->cache.target;
    const struct flight_prefix *prefix = flight->prefix;
    bool of_callers = !str_eq(flight->own_id, flight->request_id);
    char counts[256];
    struct text redacted = text_in_buffer(counts, sizeof counts);
    if (flight->placeholders) placeholders_told_put(flight->placeholders, &redacted);
    const struct str texts[head_texts] = {
        [head_own_id] = flight->own_id,
        [head_caller_id] = of_callers ? flight->request_id : STR_NONE,
        [head_model] = story_quoted(flight, choice->model, story_model_shown),
        [head_client] = flight->client ? flight->client->name : STR_NONE,
        [head_route] = choice->route ? story_quoted(flight, choice->route->model, story_route_shown) : STR_NONE,
        [head_rule] = choice->rule ? story_cut(choice->rule->name, story_rule_shown) : STR_NONE,
        [head_said] = flight->answer.said.len ? story_quoted(flight, flight->answer.said, story_said_shown) : STR_NONE,
        [head_redacted] = flight->placeholders ? text_str(&redacted) : STR_NONE,
        [head_cache_why] = flight->cache.why ? str_from(flight->cache.why) : STR_NONE,
        [head_made_by] = made_by ? story_quoted(flight, made_by->name, story_candidate_shown) : STR_NONE,
        [head_prefix_other] =
            prefix && prefix->other ? story_quoted(flight, prefix->other->name, story_candidate_shown) : STR_NONE,
        [head_trace] = flight->trace.id,
    };
    head->time_ms = flight->times.arrived_wall_ns / 1000000;
    head->saved_nano_usd = made_by ? flight->cache.given.cost_nano_usd : -1;
    head->prefix_nano_usd = prefix ? prefix->nano_usd : -1;
    head->prefix_by = prefix ? (uint8_t)prefix->by : 0;
    head->prefix_outcome = prefix ? (uint8_t)prefix->outcome : 0;
    head->prefix_miss = prefix ? (uint8_t)prefix->miss : 0;
    head->bytes_out = flight->answer.bytes;
    head->candidate_count = (uint32_t)choice->count;
    head->status = (int16_t)flight->answer.status;
    head->endpoint = (uint8_t)flight->endpoint;
    head->strategy = (uint8_t)choice->by;
    head->error = (uint8_t)flight->answer.error;
    head->cached = (uint8_t)flight->cache.state;
    head->flags =
        (uint8_t)((flight->request.stream ? head_streams : 0) | (flight->caller == caller_gone ? head_caller_gone : 0) |
                  (flight->answer.is_fallback ? head_falls_back : 0));
    lens_fill(head->texts, texts, head_texts);
    texts_put(story, head, sizeof *head, texts, head_texts);
}

void flight_story(const struct flight *flight, struct text *story) {
    _Static_assert(error_codes <= UINT8_MAX && refusals <= UINT8_MAX, "they stand in a byte");
    struct story_head head = {0};
    size_t at = story->len;
    story_head_put(flight, story, &head);
    size_t first = story->len;
    for (; head.attempts < flight->attempt_count && story->len - first < story_attempts_bytes; head.attempts++)
        story_attempt_put(flight, story, flight->attempts[head.attempts]);
    for (; head.candidates < flight->choice.count && head.candidates < story_candidates_told; head.candidates++)
        story_candidate_put(flight, story, &flight->choice.candidates[head.candidates]);
    if (!story->failed) memcpy(story->at + at, &head, sizeof head);
}
