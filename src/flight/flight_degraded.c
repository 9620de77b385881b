/* flight_degraded.c - what a request gets that no target of its route could be asked, or answered: an answer that has
 * expired, where there is one; else its route's own last words, where it has any. Only an outage counts as that: not
 * what its caller did, may spend or is limited to.
 *
 * Must never: hide from a caller what is wrong with its own request, or keep anything of this. */
#include "base/check.h"
#include "dialect/gather.h"
#include "flight/flight_internal.h"

/* What stands against a target, to its route. What has no row is none of an outage, and there is none then. */
enum standing { standing_own, standing_out, standing_nothing };

static enum standing standing_of_refusal(enum refusal refusal) {
    static const uint8_t standings[refusals] = {
        [refusal_none] = standing_nothing, /* it was not looked at: as many were asked as may be */
        [refusal_not_needed] = standing_nothing,
        [refusal_not_holder] = standing_nothing,
        [refusal_failover_budget] = standing_nothing,
        [refusal_too_late] = standing_nothing,
        [refusal_cannot_go_on] = standing_nothing,
        [refusal_tried] = standing_nothing, /* through another route: there it counts */
        [refusal_draining] = standing_out,
        [refusal_breaker_open] = standing_out,
        [refusal_breaker_open_for_client] = standing_out,
        [refusal_cooling] = standing_out,
        [refusal_credential_refused] = standing_out,
        [refusal_quota_exhausted] = standing_out,
        [refusal_rate_limited] = standing_out,
        [refusal_too_many_in_flight] = standing_out,
        [refusal_target_rate_limited] = standing_out,
        [refusal_target_full] = standing_out,
        [refusal_provider_quota] = standing_out,
        [refusal_quota_room] = standing_out,
    };
    return (enum standing)standings[refusal];
}

static enum standing standing_of_failure(const struct flight *flight, enum failure failure) {
    switch (failure) {
    case failure_request_deadline: return flight->times.timeout_given ? standing_own : standing_out;
    case failure_rate_limited:
    case failure_authentication:
    case failure_payment:
    case failure_quota_exhausted: return standing_out;
    case failure_not_found: /* a model that its caller names may be none */
    case failure_conflict:
    case failure_system: return standing_own;
    default: {
        enum fault fault = failure_facts(failure)->fault;
        return fault == fault_target || fault == fault_passing ? standing_out : standing_own;
    }
    }
}

/* Every target that stands in its route is out; at least one is. */
static bool route_is_out(const struct flight *flight) {
    bool any = false;
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        enum standing standing = candidate->tries ? standing_of_failure(flight, candidate->failure)
                                                  : standing_of_refusal(candidate->refusal);
        if (standing == standing_own) return false;
        any = any || standing == standing_out;
    }
    return any;
}

static bool stale_give(struct flight *flight, struct now now, struct actions *out) {
    const struct flight_cache *cache = &flight->cache;
    if (cache->state != cached_miss || !cache->looks || !cache->rules.stale_s) return false;
    if (inputs_find(flight, cached_stale, cache->rules.stale_s, now, out)) return true;
    struct cache_answer *answer =
        cache_find_stale(flight->host->cache, &cache->key, now.wall_ns / (int64_t)NS_PER_S, cache->rules.stale_s);
    if (!answer || !given_answer(flight, answer, cached_stale, now, out)) return false;
    flight->cache.why = "every target is out";
    return true;
}

/* Who asked for JSON can read no other words. */
static bool fallback_fits(const struct flight *flight, struct str words) {
    const char *problem;
    size_t at;
    const bool chat = endpoint_facts(flight->endpoint)->operation == operation_chat;
    return words.len && chat && flight->codec->write_reply && flight->codec->write_event &&
           (!flight->request.wants_json ||
            json_kind(json_parse_in(flight->host->scratch, words, &problem, &at)) == json_object);
}

/* As often as answers were asked for, in the caller's dialect. */
static struct str fallback_body(struct flight *flight, struct now now) {
    struct message_part part = {.kind = part_text, .text = flight->choice.route->fallback};
    struct message_choice choices[gather_choices_max];
    struct message_reply reply = {.created_s = MESSAGE_NO_INT, .choices = choices, .usage = USAGE_NONE};
    reply.choice_count =
        flight->request.n > 1 && flight->request.n <= gather_choices_max ? (size_t)flight->request.n : 1;
    for (size_t i = 0; i < reply.choice_count; i++)
        choices[i] = (struct message_choice){.parts = &part, .part_count = 1, .finish = finish_stop};
    reply.usage.input_tokens = reply.usage.output_tokens = 0;
    return cache_form_reply(flight, &reply, now);
}

static bool fallback_give(struct flight *flight, struct now now, struct actions *out) {
    const bool stream = flight->request.stream;
    if (!fallback_fits(flight, flight->choice.route->fallback)) return false;
    struct str body = fallback_body(flight, now);
    if (!body.at) return false;
    flight->answer.is_fallback = true;
    if (flight->stored.state == storing_wanted) flight->stored.state = storing_given_up;
    flight->cache.given.texts[cache_text_type] =
        stream && !flight->head.wants_array ? flight->codec->stream_content_type : STR("application/json");
    actions_add(out, action_given);
    answer_given_head(flight, stream ? -1 : (int64_t)body.len, now, out);
    answer_bytes(flight, body, out);
    answer_end(flight, now, out);
    return true;
}

bool degraded_answer(struct flight *flight, struct now now, struct actions *out) {
    CHECKF(flight->caller == caller_waiting && !flight->live, "caller=%d", (int)flight->caller);
    return stale_give(flight, now, out) || fallback_give(flight, now, out);
}

bool degraded_end(struct flight *flight, struct now now, struct actions *out) {
    if (flight->caller != caller_waiting || !route_is_out(flight)) return false;
    flight->cache.outage = true;
    return degraded_answer(flight, now, out);
}
