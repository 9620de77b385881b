/* flight_explain.c - the story of a request as JSON: what was asked, which targets could serve it, what each attempt
 * came to. Made when somebody asks, of what flight_story.c has put down. */
#include "base/check.h"
#include "base/redact.h"
#include "flight/flight_internal.h"
#include "flight/flight_story.h"

/* A story as it is read, and what is hidden in it. */
struct telling {
    struct str rest;
    const struct pattern *own;
};

static void fixed_take(struct telling *telling, void *into, size_t bytes) {
    CHECKF(telling->rest.len >= bytes, "left=%zu bytes=%zu", telling->rest.len, bytes);
    memcpy(into, telling->rest.at, bytes);
    telling->rest = str_slice(telling->rest, bytes, telling->rest.len);
}

static void texts_take(struct telling *telling, const story_len *lens, struct str *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t len = lens[i] == story_no_text ? 0 : lens[i];
        CHECKF(telling->rest.len >= len, "left=%zu len=%zu", telling->rest.len, len);
        texts[i] = lens[i] == story_no_text ? STR_NONE : str_make(telling->rest.at, len);
        telling->rest = str_slice(telling->rest, len, telling->rest.len);
    }
}

static void explain_usage_put(struct text *text, const struct story_attempt *attempt) {
    if (attempt->input_tokens >= 0) text_json_i64(text, STR("input_tokens"), attempt->input_tokens);
    if (attempt->output_tokens >= 0) text_json_i64(text, STR("output_tokens"), attempt->output_tokens);
    if (attempt->cached_tokens > 0) text_json_i64(text, STR("cached_tokens"), attempt->cached_tokens);
    if (attempt->cache_write_tokens > 0) text_json_i64(text, STR("cache_write_tokens"), attempt->cache_write_tokens);
    if (attempt->reasoning_tokens > 0) text_json_i64(text, STR("reasoning_tokens"), attempt->reasoning_tokens);
}

/* It may quote the prompt. */
static void said_put(const struct pattern *own, struct text *text, struct str words) {
    enum { shown = 80, stars = 3 };
    char redacted[(shown + 80) * stars];
    struct text into = text_in_buffer(redacted, sizeof redacted);
    if (!words.len) return;
    redact_put_by(own, &into, words); /* the whole of it: an address that is cut is none any more */
    text_json_str(text, STR("said"), str_slice(into.failed ? STR("***") : text_str(&into), 0, shown));
}

/* A caller's words, or weir's own that quote them. */
static void quoted_put(const struct pattern *own, struct text *text, struct str name, struct str words, size_t most) {
    char bytes[2048];
    struct text into = text_in_buffer(bytes, sizeof bytes);
    if (own && words.len <= story_quoted_most) redact_own(own, &into, words);
    if (own) words = into.failed || words.len > story_quoted_most ? STR("***") : text_str(&into);
    text_json_str(text, name, str_slice(words, 0, most));
}

/* What its provider could not be told; the first names, where there is little room. */
static void losses_put(struct text *text, const struct str *texts) {
    size_t shown = text->size - text->len > 720 ? story_losses_shown : 24;
    if (texts[attempt_dropped].at) text_json_str(text, STR("dropped"), str_slice(texts[attempt_dropped], 0, shown));
    if (texts[attempt_changed].at) text_json_str(text, STR("changed"), str_slice(texts[attempt_changed], 0, shown));
}

static void told_outcome_put(const struct pattern *own, struct text *text, const struct story_attempt *attempt,
                             const struct str *texts) {
    bool good = attempt->flags & attempt_good;
    enum failure failure = (enum failure)attempt->failure;
    if (attempt->flags & attempt_hedges) text_json_bool(text, STR("hedge"), true);
    text_json_str(text, STR("outcome"), good ? STR("ok") : failure_facts(failure)->name);
    if (attempt->status) text_json_i64(text, STR("status"), attempt->status);
    said_put(own, text, texts[attempt_words]);
    if (texts[attempt_code].at) text_json_str(text, STR("code"), texts[attempt_code]);
    if (!good && failure) text_json_str(text, STR("next"), failure_cure(failure));
}

static void told_cost_put(struct text *text, const struct story_attempt *attempt) {
    if (attempt->flags & attempt_estimated) text_json_bool(text, STR("usage_estimated"), true);
    if (attempt->cost_nano_usd >= 0) text_json_money(text, STR("cost_usd"), attempt->cost_nano_usd);
    if (attempt->provider_nano_usd >= 0 && attempt->provider_nano_usd != attempt->cost_nano_usd)
        text_json_money(text, STR("provider_cost_usd"), attempt->provider_nano_usd);
}

static void attempt_put(struct telling *telling, struct text *text) {
    struct story_attempt attempt;
    struct str texts[attempt_texts];
    fixed_take(telling, &attempt, sizeof attempt);
    texts_take(telling, attempt.texts, texts, attempt_texts);
    if (text->size - text->len <= 540) return; /* there is no room for it, nor for those behind it */
    text_json_comma(text);
    text_put_byte(text, '{');
    quoted_put(telling->own, text, STR("target"), texts[attempt_target], SIZE_MAX);
    if (texts[attempt_route].at) text_json_str(text, STR("route"), texts[attempt_route]);
    told_outcome_put(telling->own, text, &attempt, texts);
    if (attempt.sent) text_json_u64(text, STR("sent_us"), attempt.sent_us);
    if (attempt.first_token) text_json_u64(text, STR("first_token_us"), attempt.first_token_us);
    text_json_u64(text, STR("duration_us"), attempt.duration_us);
    explain_usage_put(text, &attempt);
    told_cost_put(text, &attempt);
    if (attempt.flags & attempt_ended_for_money) text_json_str(text, STR("ended"), STR("budget"));
    losses_put(text, texts);
    if (attempt.miss) text_json_str(text, STR("cache_miss"), prefix_miss_name((enum prefix_miss)attempt.miss));
    if (attempt.missed_tokens) text_json_u64(text, STR("cache_missed_tokens"), attempt.missed_tokens);
    if (attempt.marked_s) text_json_u64(text, STR("prompt_marked_s"), attempt.marked_s);
    if (attempt.flags & attempt_by_responses) text_json_str(text, STR("api"), STR("responses"));
    if (attempt.events_dropped) text_json_u64(text, STR("events_dropped"), attempt.events_dropped);
    text_put_byte(text, '}');
}

/* Its name alone when it was simply next; why not, where something stood against it; its score at the last choice. */
static void candidate_put(struct telling *telling, struct text *text) {
    struct story_candidate candidate;
    struct str texts[candidate_texts];
    fixed_take(telling, &candidate, sizeof candidate);
    texts_take(telling, candidate.texts, texts, candidate_texts);
    if (text->size - text->len <= 160) return;
    text_json_comma(text);
    text_put_byte(text, '{');
    quoted_put(telling->own, text, STR("target"), texts[candidate_target], story_candidate_shown);
    if (texts[candidate_route].at) text_json_str(text, STR("route"), texts[candidate_route]);
    if (candidate.tries)
        text_json_u64(text, STR("tries"), candidate.tries);
    else if (candidate.refusal)
        text_json_str(text, STR("refused"), refusal_name((enum refusal)candidate.refusal));
    if (candidate.demoted)
        text_json_str(text, STR("demoted"),
                      candidate.demoted == demoted_emulates ? STR("emulates") : STR("probes_fail"));
    if (candidate.score != 0) {
        text_json_key(text, STR("score"));
        text_printf(text, "%.4g", candidate.score);
    }
    text_put_byte(text, '}');
}

static void told_head_put(const struct pattern *own, struct text *text, const struct story_head *head,
                          const struct str *texts) {
    text_json_str(text, STR("request_id"), texts[head_own_id]);
    if (texts[head_caller_id].at) text_json_str(text, STR("caller_id"), texts[head_caller_id]);
    if (texts[head_trace].at) text_json_str(text, STR("trace_id"), texts[head_trace]);
    text_json_i64(text, STR("time_ms"), head->time_ms);
    text_json_str(text, STR("endpoint"), endpoint_facts((enum endpoint)head->endpoint)->name);
    quoted_put(own, text, STR("model"), texts[head_model], story_model_shown);
    if (texts[head_client].at) text_json_str(text, STR("client"), texts[head_client]);
    text_json_bool(text, STR("stream"), head->flags & head_streams);
    if (texts[head_route].at) quoted_put(own, text, STR("route"), texts[head_route], story_route_shown);
    if (texts[head_rule].at) text_json_str(text, STR("rule"), texts[head_rule]);
    text_json_str(text, STR("strategy"), strategy_name((enum strategy)head->strategy));
}

/* What the response cache did, and what that saved. */
static void cached_put(const struct pattern *own, struct text *text, const struct story_head *head,
                       const struct str *texts) {
    if (head->cached != cached_off) text_json_str(text, STR("cache"), cached_word((enum cached)head->cached));
    if (texts[head_cache_why].at) text_json_str(text, STR("cache_why"), texts[head_cache_why]);
    if (!texts[head_made_by].at) return;
    quoted_put(own, text, STR("made_by"), texts[head_made_by], story_candidate_shown);
    if (head->saved_nano_usd >= 0) text_json_money(text, STR("saved_usd"), head->saved_nano_usd);
}

/* Where the prompt's beginning lay, and what that came to. */
static void prompt_cache_put(const struct pattern *own, struct text *text, const struct story_head *head,
                             const struct str *texts) {
    enum prefix_outcome outcome = (enum prefix_outcome)head->prefix_outcome;
    if (outcome == prefix_none) return;
    text_json_key(text, STR("prompt_cache"));
    text_put_byte(text, '{');
    text_json_str(text, STR("by"), prefix_by_name((enum prefix_by)head->prefix_by));
    text_json_str(text, STR("choice"), prefix_outcome_name(outcome));
    if (texts[head_prefix_other].at)
        quoted_put(own, text, outcome == prefix_kept ? STR("instead_of") : STR("left"), texts[head_prefix_other],
                   story_candidate_shown);
    if (head->prefix_nano_usd >= 0) text_json_i64(text, STR("nano_usd"), head->prefix_nano_usd);
    if (head->prefix_miss) text_json_str(text, STR("miss"), prefix_miss_name((enum prefix_miss)head->prefix_miss));
    text_put_byte(text, '}');
}

void story_explain(struct str story, const struct pattern *own, struct text *text) {
    struct telling telling = {story, own};
    struct story_head head;
    struct str texts[head_texts];
    fixed_take(&telling, &head, sizeof head);
    texts_take(&telling, head.texts, texts, head_texts);
    text_put_byte(text, '{');
    told_head_put(own, text, &head, texts);
    text_json_i64(text, STR("status"), head.status);
    if (head.error) text_json_str(text, STR("error"), error_name((enum error_code)head.error));
    if (texts[head_said].at) quoted_put(own, text, STR("said"), texts[head_said], story_said_shown);
    if (texts[head_redacted].at) text_json_str(text, STR("redacted"), texts[head_redacted]);
    cached_put(own, text, &head, texts);
    if (head.flags & head_falls_back) text_json_bool(text, STR("fallback"), true);
    prompt_cache_put(own, text, &head, texts);
    if (head.flags & head_caller_gone) text_json_bool(text, STR("caller_gone"), true);
    text_json_u64(text, STR("bytes_out"), head.bytes_out);
    text_json_u64(text, STR("candidate_count"), head.candidate_count);
    text_json_key(text, STR("attempts"));
    text_put_byte(text, '[');
    for (unsigned i = 0; i < head.attempts; i++) attempt_put(&telling, text);
    text_put_byte(text, ']');
    text_json_key(text, STR("candidates"));
    text_put_byte(text, '[');
    for (unsigned i = 0; i < head.candidates; i++) candidate_put(&telling, text);
    text_put(text, STR("]}"));
    CHECKF(telling.rest.len == 0, "left=%zu", telling.rest.len);
}
