/* flight_given.c - an answer that is kept, given to a caller: by whom it was made, in which form, at no cost.
 *
 * Must never: give an answer to whom its target may not serve. */
#include "base/check.h"
#include "flight/flight_internal.h"

const struct target *cache_maker(const struct flight *flight, const struct cache_facts *facts) {
    struct str name = facts->texts[cache_text_target];
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        if (!candidate->instead && str_eq(candidate->target->name, name)) return candidate->target;
    }
    return NULL;
}

void given_facts(struct flight *flight, enum cached state, const struct target *target,
                 const struct cache_facts *facts) {
    flight->cache.state = state;
    flight->cache.target = target;
    flight->cache.given.estimated = facts->estimated;
    for (unsigned i = 0; i < cache_texts; i++) flight->cache.given.texts[i] = facts->texts[i];
}

void given_counts(struct flight *flight, const struct cache_facts *facts) {
    flight->cache.given.input_tokens = facts->input_tokens;
    flight->cache.given.output_tokens = facts->output_tokens;
    flight->cache.given.cached_tokens = facts->cached_tokens;
    flight->cache.given.cost_nano_usd = facts->cost_nano_usd;
}

bool given_answer(struct flight *flight, struct cache_answer *answer, enum cached state, struct now now,
                  struct actions *out) {
    const struct cache_facts *facts = &answer->facts;
    const struct target *target = cache_maker(flight, facts);
    const int64_t age_s = now.wall_ns / (int64_t)NS_PER_S - facts->made_s;
    bool old = flight->cache.age_max_s >= 0 && age_s >= flight->cache.age_max_s;
    struct str body = target && !old ? cache_form(flight, facts, answer->body, now) : STR_NONE;
    CHECKF(!flight->cache.answer && flight->caller == caller_waiting, "caller=%d", (int)flight->caller);
    if (!body.at) {
        flight->cache.why = old       ? "what there is is older than it takes"
                            : !target ? "the target that made what there is may not serve it"
                                      : "what there is cannot be said in this form";
        cache_release(answer);
        return false;
    }
    flight->cache.answer = answer;
    flight->cache.why = NULL;
    given_facts(flight, state, target, facts);
    given_counts(flight, facts);
    actions_add(out, action_given);
    answer_given_head(flight, flight->request.stream ? -1 : (int64_t)body.len, now, out);
    answer_bytes(flight, body, out);
    answer_end(flight, now, out);
    return true;
}
