/* flight_explain.c - the story of a request as JSON: what was asked, which targets could serve it, what each attempt
 * came to. */
#include "base/redact.h"
#include "flight/flight_internal.h"

enum { candidates_told = 8 };

static uint64_t explain_us_between(uint64_t from_ns, uint64_t to_ns) {
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}

static void explain_usage_put(struct text *text, const struct usage *usage) {
    if (usage->input_tokens >= 0) text_json_i64(text, STR("input_tokens"), usage->input_tokens);
    if (usage->output_tokens >= 0) text_json_i64(text, STR("output_tokens"), usage->output_tokens);
    if (usage->cached_input_tokens > 0) text_json_i64(text, STR("cached_tokens"), usage->cached_input_tokens);
    if (usage->reasoning_tokens > 0) text_json_i64(text, STR("reasoning_tokens"), usage->reasoning_tokens);
}

/* It may quote the prompt. */
static void said_put(const struct flight *flight, struct text *text, struct str words) {
    enum { shown = 80, stars = 3 };
    char redacted[(shown + 80) * stars];
    struct text into = text_in_buffer(redacted, sizeof redacted);
    redact_put_by(flight->host->own, &into, words); /* the whole of it: an address that is cut is none any more */
    if (words.len) text_json_str(text, STR("said"), str_slice(into.failed ? STR("***") : text_str(&into), 0, shown));
}

/* A caller's words, or weir's own that quote them. */
static void quoted_put(const struct flight *flight, struct text *text, struct str name, struct str words, size_t most) {
    char bytes[2048];
    struct text into = text_in_buffer(bytes, sizeof bytes);
    if (flight->host->own) redact_own(flight->host->own, &into, words);
    if (flight->host->own) words = into.failed ? STR("***") : text_str(&into);
    text_json_str(text, name, str_slice(words, 0, most));
}

/* What its provider could not be told; the first names, where there is little room. */
static void losses_put(struct text *text, const struct attempt *attempt) {
    size_t shown = text->size - text->len > 720 ? 120 : 24;
    if (attempt->dialect.dropped.len)
        text_json_str(text, STR("dropped"), str_slice(attempt->dialect.dropped, 0, shown));
    if (attempt->dialect.changed.len)
        text_json_str(text, STR("changed"), str_slice(attempt->dialect.changed, 0, shown));
}

static void attempt_put(const struct flight *flight, struct text *text, const struct attempt *attempt) {
    text_json_comma(text);
    text_put_byte(text, '{');
    quoted_put(flight, text, STR("target"), attempt->target->name, SIZE_MAX);
    if (attempt->candidate->level->around)
        text_json_str(text, STR("route"), str_slice(attempt->candidate->level->route->model, 0, 40));
    bool good = attempt->state == attempt_settled && attempt->failure == failure_none;
    if (attempt->hedge) text_json_bool(text, STR("hedge"), true);
    text_json_str(text, STR("outcome"), good ? STR("ok") : failure_facts(attempt->failure)->name);
    if (attempt->reply.status) text_json_i64(text, STR("status"), attempt->reply.status);
    said_put(flight, text, attempt->word.text);
    if (attempt->word.code.len) text_json_str(text, STR("code"), attempt->word.code);
    if (!good && attempt->failure) text_json_str(text, STR("next"), failure_cure(attempt->failure));
    if (attempt->sent_ns)
        text_json_u64(text, STR("sent_us"), explain_us_between(attempt->started_ns, attempt->sent_ns));
    if (attempt->first_token_ns)
        text_json_u64(text, STR("first_token_us"), explain_us_between(attempt->started_ns, attempt->first_token_ns));
    text_json_u64(text, STR("duration_us"), explain_us_between(attempt->started_ns, attempt->ended_ns));
    explain_usage_put(text, &attempt->usage);
    if (attempt->usage_estimated) text_json_bool(text, STR("usage_estimated"), true);
    if (attempt->cost_nano_usd >= 0) text_json_money(text, STR("cost_usd"), attempt->cost_nano_usd);
    if (attempt->usage.cost_nano_usd >= 0 && attempt->usage.cost_nano_usd != attempt->cost_nano_usd)
        text_json_money(text, STR("provider_cost_usd"), attempt->usage.cost_nano_usd);
    losses_put(text, attempt);
    if (attempt->way->writes_anew && attempt->dialect.codec == &codec_responses)
        text_json_str(text, STR("api"), STR("responses"));
    if (attempt->stream.events_dropped) text_json_u64(text, STR("events_dropped"), attempt->stream.events_dropped);
    text_put_byte(text, '}');
}

/* Its name alone when it was simply next; why not, where something stood against it; its score at the last choice. */
static void candidate_put(const struct flight *flight, struct text *text, const struct candidate *candidate) {
    text_json_comma(text);
    text_put_byte(text, '{');
    quoted_put(flight, text, STR("target"), candidate->target->name, 64);
    if (candidate->level && candidate->level->around)
        text_json_str(text, STR("route"), str_slice(candidate->level->route->model, 0, 40));
    if (candidate->tries)
        text_json_u64(text, STR("tries"), candidate->tries);
    else if (candidate->refusal)
        text_json_str(text, STR("refused"), refusal_name(candidate->refusal));
    if (candidate->demoted)
        text_json_str(text, STR("demoted"),
                      candidate->demoted == demoted_emulates ? STR("emulates") : STR("probes_fail"));
    if (candidate->score != 0) {
        text_json_key(text, STR("score"));
        text_printf(text, "%.4g", candidate->score);
    }
    text_put_byte(text, '}');
}

void flight_explain(const struct flight *flight, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("request_id"), flight->own_id);
    if (!str_eq(flight->own_id, flight->request_id)) text_json_str(text, STR("caller_id"), flight->request_id);
    text_json_i64(text, STR("time_ms"), flight->times.arrived_wall_ns / 1000000);
    text_json_str(text, STR("endpoint"), endpoint_facts(flight->endpoint)->name);
    quoted_put(flight, text, STR("model"), flight->choice.model, 80);
    if (flight->client) text_json_str(text, STR("client"), flight->client->name);
    text_json_bool(text, STR("stream"), flight->request.stream);
    if (flight->choice.route) quoted_put(flight, text, STR("route"), flight->choice.route->model, 80);
    if (flight->choice.rule) text_json_str(text, STR("rule"), str_slice(flight->choice.rule->name, 0, 64));
    text_json_str(text, STR("strategy"), strategy_name(flight->choice.by));
    text_json_i64(text, STR("status"), flight->answer.status);
    if (flight->answer.error) text_json_str(text, STR("error"), error_name(flight->answer.error));
    if (flight->answer.said.len) quoted_put(flight, text, STR("said"), flight->answer.said, 120);
    if (flight->caller == caller_gone) text_json_bool(text, STR("caller_gone"), true);
    text_json_u64(text, STR("bytes_out"), flight->answer.bytes);
    text_json_u64(text, STR("candidate_count"), flight->choice.count);
    text_json_key(text, STR("attempts"));
    text_put_byte(text, '[');
    for (unsigned i = 0; i < flight->attempt_count && text->size - text->len > 540; i++)
        attempt_put(flight, text, flight->attempts[i]);
    text_put_byte(text, ']');
    text_json_key(text, STR("candidates"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < flight->choice.count && i < candidates_told && text->size - text->len > 160; i++) {
        candidate_put(flight, text, &flight->choice.candidates[i]);
    }
    text_put(text, STR("]}"));
}
