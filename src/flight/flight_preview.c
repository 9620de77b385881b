/* flight_preview.c - which target a request would get now, and why, without sending it: admitted as a real one is and
 * chosen for as a real one is, by the same functions. Takes nothing, moves nothing. */
#include "base/check.h"
#include "dialect/endpoint.h"
#include "flight/flight_internal.h"

/* -- a plain request -- */

/* Around the model's name as JSON; where `end` is empty the model stands in the path, and `begin` is all. */
struct sample {
    struct str begin, end;
};
#define SAMPLE(begin, end) \
    { STR(begin), STR(end) }
#define SAMPLE_MODEL(rest) SAMPLE("{\"model\":", rest)
#define SAMPLE_TURN "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define SAMPLE_CONTENTS "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}"

/* Multipart ones have none: their body must be given. */
static const struct sample samples[endpoints] = {
    [endpoint_chat] = SAMPLE_MODEL("," SAMPLE_TURN),
    [endpoint_completions] = SAMPLE_MODEL(",\"prompt\":\"hi\"}"),
    [endpoint_embeddings] = SAMPLE_MODEL(",\"input\":\"hi\"}"),
    [endpoint_images_generations] = SAMPLE_MODEL(",\"prompt\":\"hi\"}"),
    [endpoint_audio_speech] = SAMPLE_MODEL(",\"input\":\"hi\",\"voice\":\"alloy\"}"),
    [endpoint_moderations] = SAMPLE_MODEL(",\"input\":\"hi\"}"),
    [endpoint_rerank] = SAMPLE_MODEL(",\"query\":\"hi\",\"documents\":[\"hi\"]}"),
    [endpoint_responses] = SAMPLE_MODEL(",\"input\":\"hi\"}"),
    [endpoint_responses_input_tokens] = SAMPLE_MODEL(",\"input\":\"hi\"}"),
    [endpoint_responses_compact] = SAMPLE_MODEL(",\"input\":\"hi\"}"),
    [endpoint_forecasts] = SAMPLE_MODEL(",\"inputs\":[1,2,3]}"),
    [endpoint_messages] = SAMPLE_MODEL(",\"max_tokens\":16," SAMPLE_TURN),
    [endpoint_messages_count] = SAMPLE_MODEL("," SAMPLE_TURN),
    [endpoint_generate] = SAMPLE(SAMPLE_CONTENTS, ""),
    [endpoint_generate_stream] = SAMPLE(SAMPLE_CONTENTS, ""),
    [endpoint_generate_count] = SAMPLE(SAMPLE_CONTENTS, ""),
    [endpoint_generate_embed] = SAMPLE("{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}", ""),
    [endpoint_generate_embed_batch] = SAMPLE("{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}", ""),
};

bool preview_has_sample(enum endpoint endpoint) { return samples[endpoint].begin.len > 0; }

static struct str preview_body(struct flight *flight, const struct flight_question *question) {
    const struct sample *sample = &samples[flight->endpoint];
    if (question->body.len || !sample->end.len) return question->body.len ? question->body : sample->begin;
    struct text text = text_in_arena(&flight->arena, 256);
    text_put(&text, sample->begin);
    text_put_byte(&text, '"');
    text_put_json_inside(&text, question->model.len ? question->model : STR("default"));
    text_put_byte(&text, '"');
    text_put(&text, sample->end);
    return text.failed ? STR_NONE : text_str(&text);
}

/* -- what is told -- */

/* What the strategy would draw for each request anew: another one may be sent elsewhere. */
static bool preview_draws(const struct flight *flight) {
    bool sticks =
        flight->prefix ? flight->prefix->by != prefix_by_request : flight->steering.session.len || flight->client;
    return flight->choice.count > 1 &&
           (flight->choice.by == strategy_weighted || (flight->choice.by == strategy_sticky && !sticks));
}

static void preview_candidate_put(const struct flight *flight, const struct candidate *candidate, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("target"), candidate->target->name);
    if (candidate->level->around) text_json_str(text, STR("route"), candidate->level->route->model);
    text_json_i64(text, STR("priority"), candidate->target->provider->priority);
    text_json_str(text, STR("way"), str_from(way_of(flight, candidate->target)->name));
    int64_t cost = choice_cost(flight, candidate);
    if (cost >= 0) text_json_money(text, STR("expected_cost_usd"), cost);
    if (candidate->demoted)
        text_json_str(text, STR("demoted"),
                      candidate->demoted == demoted_emulates ? STR("emulates") : STR("probes_fail"));
    if (candidate->refusal) {
        text_json_str(text, STR("refused"), refusal_name(candidate->refusal));
    } else if (candidate->level->by != strategy_exclusive) {
        text_json_key(text, STR("score"));
        text_printf(text, "%.6g", candidate->score);
    }
    params_tell(flight, candidate, text);
    text_put_byte(text, '}');
}

static void preview_prefix_put(const struct flight_prefix *prefix, struct text *text) {
    text_json_key(text, STR("prompt_cache"));
    text_put_byte(text, '{');
    text_json_str(text, STR("by"), prefix_by_name(prefix->by));
    text_json_str(text, STR("choice"), prefix_outcome_name(prefix->outcome));
    if (prefix->other)
        text_json_str(text, prefix->outcome == prefix_kept ? STR("instead_of") : STR("left"), prefix->other->name);
    if (prefix->nano_usd >= 0) text_json_i64(text, STR("nano_usd"), prefix->nano_usd);
    text_put_byte(text, '}');
}

static void preview_put(const struct flight *flight, const struct candidate *chosen, enum error_code refused,
                        uint64_t soonest_ns, struct now now, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("model"), flight->choice.model);
    text_json_str(text, STR("route"), flight->choice.route->model);
    if (flight->choice.rule) text_json_str(text, STR("rule"), flight->choice.rule->name);
    text_json_str(text, STR("strategy"), strategy_name(flight->choice.by));
    if (chosen) text_json_str(text, STR("chosen"), chosen->target->name);
    if (chosen && preview_draws(flight)) text_json_bool(text, STR("drawn"), true);
    if (chosen && flight->prefix) preview_prefix_put(flight->prefix, text);
    if (refused) text_json_str(text, STR("client_refused"), error_name(refused));
    if (!chosen && soonest_ns != UINT64_MAX && soonest_ns > now.mono_ns)
        text_json_u64(text, STR("retry_after_ms"), (soonest_ns - now.mono_ns) / NS_PER_MS);
    text_json_key(text, STR("candidates"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < flight->choice.count; i++)
        preview_candidate_put(flight, &flight->choice.candidates[i], text);
    text_put(text, STR("]}"));
}

/* -- the choice -- */

enum step preview_admit(struct flight *flight, const struct flight_question *question, struct now now,
                        struct actions *out) {
    if (flight_admit_head(flight, now, out) != step_on) return step_over;
    flight->body.whole = preview_body(flight, question);
    return stored_recall(flight, now, out) == step_on ? flight_find(flight, now, out) : step_over;
}

/* As flight_try_next does. */
static struct candidate *preview_choose(struct flight *flight, struct now now, uint64_t *soonest_ns) {
    for (size_t i = 0; i < flight->choice.count; i++)
        choice_look(flight, &flight->choice.candidates[i], now, soonest_ns);
    if (flight->choice.by != strategy_exclusive || !flight->choice.route->cells) return choice_best(flight, now);
    uint32_t epoch;
    uint64_t until_ns = 0;
    struct level *level = flight->choice.levels;
    struct candidate *holder = lock_holder(flight, level, now, &epoch, &until_ns),
                     *guest = lock_guest(flight, level, now);
    if (until_ns && until_ns < *soonest_ns) *soonest_ns = until_ns;
    return guest ? guest : holder;
}

static void preview_tell(struct flight *flight, struct now now, struct text *text) {
    uint64_t soonest_ns = UINT64_MAX, client_ns = UINT64_MAX;
    enum error_code refused = session_preview(flight, now);
    struct candidate *chosen = preview_choose(flight, now, &soonest_ns);
    if (!refused) refused = hold_client_look(flight, now, &client_ns);
    preview_put(flight, refused ? NULL : chosen, refused, refused ? client_ns : soonest_ns, now, text);
}

void preview_end(struct flight *flight, struct now now) {
    CHECK(flight->attempt_count == 0 && flight->waiting.why == waiting_none); /* nobody was asked or waited for */
    CHECK(!flight->client_holds.gate);
    if (flight->caller == caller_waiting) caller_enter(flight, caller_gone, now);
    if (flight->state != flight_closed) flight_enter(flight, flight_closed, now);
    flight_free(flight);
}

bool flight_preview(const struct flight_host *host, const struct snapshot *snapshot,
                    const struct flight_question *question, struct now now, struct text *text, struct error *error) {
    struct flight_request asked = question->asked;
    struct actions out;
    asked.content_length = -1;
    asked.arrived = now;
    if (!asked.request_id.len) asked.request_id = STR("preview");
    if (!asked.path_model.len) asked.path_model = question->model;
    struct flight *flight = flight_new(host, snapshot, &asked);
    if (!flight) return error_set(error, error_out_of_memory, "%s", error_facts(error_out_of_memory)->sentence.at);
    actions_begin(&out, host->scratch);
    flight->previews = true;
    bool found = preview_admit(flight, question, now, &out) == step_on;
    if (found)
        preview_tell(flight, now, text);
    else
        error_set(error, flight->answer.error, "%.*s", STR_ARG(flight->answer.said));
    preview_end(flight, now);
    return found;
}
