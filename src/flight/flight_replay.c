/* flight_replay.c - where a request of the past would go under another configuration: admitted as a real one is and
 * chosen for as a real one is, by the same functions, with a body made up that asks for what it asked for. What nobody
 * kept is as if nothing were under way: strategies that look at load, latency and health are priority, an exclusive
 * route's lock stands where it begins. Round robin takes its turns, weights are drawn.
 *
 * Must never: send, hold, spend. */
#include "base/check.h"
#include "flight/flight_internal.h"

bool flight_can_replay(enum endpoint endpoint) { return preview_has_sample(endpoint); }

static bool replay_is_live(enum strategy strategy) {
    return choice_measures(strategy) || strategy == strategy_exclusive;
}

/* Was one of its levels shown as priority? */
static bool levels_calm(struct flight *flight) {
    bool calmed = false;
    for (size_t i = 0; i < flight->choice.level_count; i++) {
        struct level *level = &flight->choice.levels[i];
        if (!replay_is_live(level->by)) continue;
        level->by = strategy_priority;
        calmed = true;
    }
    if (replay_is_live(flight->choice.by)) flight->choice.by = strategy_priority;
    return calmed;
}

/* As flight_try_next does, after so many that failed. */
static const struct candidate *replay_choose(struct flight *flight, unsigned failed, struct now then, bool *again) {
    struct candidate *last = NULL, *next;
    uint64_t ignored = UINT64_MAX;
    for (unsigned tried = 0;; tried++) {
        for (size_t i = 0; i < flight->choice.count; i++)
            choice_look(flight, &flight->choice.candidates[i], then, &ignored);
        next = choice_best(flight, then);
        *again = !next && last;
        if (!next || tried == failed) return next ? next : last;
        next->tries = 1;
        next->failure = failure_server_error;
        last = next;
    }
}

/* Why none of them would be asked: by what stands against the first. */
static bool replay_refused(const struct flight *flight, struct error *error) {
    const enum refusal refusal = flight->choice.count ? flight->choice.candidates[0].refusal : refusal_none;
    return error_set(error, error_no_provider_available, "No target could have served it: %.*s.",
                     STR_ARG(refusal_name(refusal)));
}

static bool replay_answer(struct flight *flight, unsigned failed, struct now then, struct flight_replayed *replayed,
                          struct error *error) {
    struct arena *scratch = flight->host->scratch;
    *replayed = (struct flight_replayed){.strategy = flight->choice.by};
    replayed->as_priority = levels_calm(flight);
    const struct candidate *chosen = replay_choose(flight, failed, then, &replayed->again);
    if (!chosen) return replay_refused(flight, error);
    replayed->provider = arena_copy(scratch, chosen->target->provider->name);
    replayed->model = arena_copy(scratch, chosen->target->model);
    replayed->route = arena_copy(scratch, flight->choice.route->model);
    return true;
}

bool flight_replay(const struct flight_host *host, const struct snapshot *snapshot,
                   const struct flight_question *question, const struct flight_past *past, struct now then,
                   struct flight_replayed *replayed, struct error *error) {
    struct flight_request asked = question->asked;
    struct actions out;
    CHECKF(flight_can_replay(asked.endpoint), "endpoint=%d", (int)asked.endpoint);
    asked.content_length = -1;
    asked.arrived = then;
    if (!asked.path_model.len) asked.path_model = question->model;
    struct flight *flight = flight_new(host, snapshot, &asked);
    if (!flight) return error_set(error, error_out_of_memory, "%s", error_facts(error_out_of_memory)->sentence.at);
    actions_begin(&out, host->scratch);
    flight->previews = true;
    flight->past = past;
    bool found = preview_admit(flight, question, then, &out) == step_on;
    if (found)
        found = replay_answer(flight, past->failed, then, replayed, error);
    else if (flight->answer.error == error_none)
        error_set(error, error_no_provider_available, "No provider would have been asked: weir answers it itself.");
    else
        error_set(error, flight->answer.error, "%.*s", STR_ARG(flight->answer.said));
    preview_end(flight, then);
    return found;
}
