/* flight_wait.c - what a flight without a live attempt waits for: a pause, a rate, a place in a provider's line, a file
 * from the web, a stored response, an answer that another flight makes, a vector of its words. One at a time; entering
 * takes what waiting takes, leaving gives it back, and nobody else writes flight->waiting. */
#include "base/check.h"
#include "flight/flight_internal.h"

static void wait_enter(struct flight *flight, enum flight_waiting why, struct candidate *candidate, uint64_t until_ns,
                       struct now now, struct actions *out) {
    CHECK(!flight->live && flight->state < flight_answered);
    state_move(flight, machine_waiting, 0, flight->waiting.why, why, now);
    flight->waiting.why = why;
    flight->waiting.candidate = candidate;
    flight->waiting.until_ns = until_ns;
    flight_arm(flight, until_ns, out);
}

static void wait_leave(struct flight *flight, struct now now) {
    state_move(flight, machine_waiting, 0, flight->waiting.why, waiting_none, now);
    flight->waiting.why = waiting_none;
}

void wait_until(struct flight *flight, enum flight_waiting why, struct candidate *candidate, uint64_t until_ns,
                struct now now, struct actions *out) {
    CHECKF(why == waiting_backoff || why == waiting_rate, "why=%d", (int)why);
    wait_enter(flight, why, candidate, until_ns, now, out);
}

/* -- the line -- */

/* Where there are several clients none takes all the places in line. false: it has its share of them. */
static bool line_share_take(struct flight *flight, const struct provider *provider) {
    bool *shares = &flight->waiting.shares_line;
    CHECK(!*shares);
    if (!flight_shares(flight)) return true;
    int32_t waiting = gate_waiting(&provider->cells->gate), free = (int32_t)provider->queue_max;
    if (waiting > 0) free -= waiting;
    return *shares = waiters_join(&provider->cells->waiters, flight->client_hash, free > 0 ? (uint32_t)free : 0);
}

static void line_share_give(struct flight *flight, const struct provider *provider) {
    if (flight->waiting.shares_line) waiters_leave(&provider->cells->waiters, flight->client_hash);
    flight->waiting.shares_line = false;
}

enum line_entry wait_in_line(struct flight *flight, struct candidate *candidate, uint64_t until_ns, struct now now,
                             struct actions *out) {
    const struct provider *provider = candidate->target->provider;
    bool place_is_free = false;
    if (!line_share_take(flight, provider)) return line_has_its_share;
    if (!gate_wait(&provider->cells->gate, provider->max_concurrent, provider->queue_max, &place_is_free)) {
        line_share_give(flight, provider);
        return line_is_full;
    }
    if (place_is_free) {
        line_share_give(flight, provider);
        return line_not_needed;
    }
    wait_enter(flight, waiting_line, candidate, until_ns, now, out);
    actions_add(out, action_wait)->provider = provider;
    return line_entered;
}

/* -- what the host gets -- */

void wait_for_file(struct flight *flight, struct str url, struct now now, struct actions *out) {
    wait_enter(flight, waiting_fetch, NULL, flight->times.deadline_ns, now, out);
    actions_add(out, action_fetch)->url = url;
}

void wait_for_response(struct flight *flight, struct str client, struct str id, struct now now, struct actions *out) {
    wait_enter(flight, waiting_recall, NULL, flight->times.whole_ns + flight->times.timeout_ns, now, out);
    struct action *action = actions_add(out, action_recall);
    action->recall.client = client;
    action->recall.id = id;
}

void wait_for_twin(struct flight *flight, struct now now, struct actions *out) {
    wait_enter(flight, waiting_twin, NULL, flight->times.deadline_ns, now, out);
}

void wait_for_embedding(struct flight *flight, uint64_t until_ns, struct now now, struct actions *out) {
    const struct semantic_rules *rules = flight->cache.rules.semantic;
    wait_enter(flight, waiting_embedding, NULL, until_ns, now, out);
    struct action *action = actions_add(out, action_embed);
    action->embed.model = rules->model;
    action->embed.words = flight->semantic->words;
    action->embed.timeout_ns = until_ns - now.mono_ns;
    action->embed.scope = flight->cache.rules.scope;
}

/* -- the end -- */

struct candidate *wait_over(struct flight *flight, struct now now) {
    CHECK(flight->waiting.why != waiting_none);
    struct candidate *candidate = flight->waiting.candidate;
    if (flight->waiting.why == waiting_line) line_share_give(flight, candidate->target->provider);
    wait_leave(flight, now);
    return candidate;
}

void wait_give_up(struct flight *flight, struct now now, struct actions *out) {
    switch (flight->waiting.why) {
    case waiting_none: return;
    case waiting_backoff:
    case waiting_rate:
    case waiting_twin: break;
    case waiting_line: {
        const struct provider *provider = flight->waiting.candidate->target->provider;
        line_share_give(flight, provider);
        actions_add(out, action_unwait)->provider = provider;
        gate_stop_waiting(&provider->cells->gate);
        break;
    }
    case waiting_embedding: actions_add(out, action_unembed); break;
    case waiting_fetch: actions_add(out, action_unfetch); break;
    case waiting_recall: actions_add(out, action_unrecall); break;
    case waitings: CHECK(false); break;
    }
    wait_leave(flight, now);
}
