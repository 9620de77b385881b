/* flight_preview.c - which target a request would get now, and why, without sending it: admitted as a real one is, up
 * to the choice. Takes nothing, moves nothing. */
#include "flight/flight_internal.h"

static void preview_put(const struct flight *flight, const struct candidate *chosen, uint64_t soonest_ns,
                        struct now now, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("model"), flight->choice.model);
    text_json_str(text, STR("route"), flight->choice.route->model);
    if (flight->choice.rule) text_json_str(text, STR("rule"), flight->choice.rule->name);
    text_json_str(text, STR("strategy"), strategy_name(flight->choice.by));
    if (chosen) text_json_str(text, STR("chosen"), chosen->target->name);
    if (!chosen && soonest_ns != UINT64_MAX && soonest_ns > now.mono_ns)
        text_json_u64(text, STR("retry_after_ms"), (soonest_ns - now.mono_ns) / NS_PER_MS);
    text_json_key(text, STR("candidates"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("target"), candidate->target->name);
        text_json_i64(text, STR("priority"), candidate->target->provider->priority);
        int64_t cost = choice_cost(flight, candidate->target);
        if (cost >= 0) text_json_money(text, STR("expected_cost_usd"), cost);
        if (candidate->refusal)
            text_json_str(text, STR("refused"), refusal_name(candidate->refusal));
        else if (flight->choice.by != strategy_exclusive) {
            text_json_key(text, STR("score"));
            text_printf(text, "%.6g", candidate->score);
        }
        text_put_byte(text, '}');
    }
    text_put(text, STR("]}"));
}

/* As flight_step does for the real one, up to the choice. */
static enum step preview_admit(struct flight *flight, const struct flight_question *question, struct now now,
                               struct actions *out) {
    if (flight_admit_head(flight, now, out) != step_on) return step_over;
    flight->request = (struct openai_request){.model = question->model, .max_tokens = -1, .n = 1};
    flight->body.whole = question->body;
    if (question->body.len && flight_read(flight, now, out) != step_on) return step_over;
    return flight_candidates(flight, now, out);
}

bool flight_preview(const struct flight_host *host, const struct snapshot *snapshot,
                    const struct flight_question *question, struct now now, struct text *text, struct error *error) {
    struct flight_request asked = {.endpoint = question->endpoint,
                                   .request_id = STR("preview"),
                                   .client = question->client,
                                   .headers = question->headers,
                                   .header_count = question->header_count,
                                   .content_length = -1,
                                   .arrived = now};
    struct actions out;
    uint64_t soonest_ns = UINT64_MAX;
    struct flight *flight = flight_new(host, snapshot, &asked);
    if (!flight) return error_set(error, error_out_of_memory, "%s", error_facts(error_out_of_memory)->sentence.at);
    actions_begin(&out, host->scratch);
    flight->previews = true;
    bool found = preview_admit(flight, question, now, &out) == step_on;
    if (found) {
        struct candidate *chosen = NULL;
        for (size_t i = 0; i < flight->choice.count; i++)
            choice_look(flight, &flight->choice.candidates[i], now, &soonest_ns);
        if (flight->choice.by == strategy_exclusive && flight->choice.route->cells)
            chosen = lock_shown(flight);
        else
            chosen = choice_best(flight, now);
        preview_put(flight, chosen, soonest_ns, now, text);
    } else {
        *error = flight->answer.said;
    }
    if (flight->caller == caller_waiting) caller_enter(flight, caller_gone, now);
    if (flight->state != flight_closed) flight_enter(flight, flight_closed, now);
    flight_free(flight);
    return found;
}
