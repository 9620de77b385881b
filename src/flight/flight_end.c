/* flight_end.c - a request that no target served: its last failure becomes the answer, in the provider's own word where
 * that is the caller's to know; or what stood against all targets. A stream that was being continued ends broken. */
#include "base/check.h"
#include "flight/flight_internal.h"

/* Failures whose reply is the provider's word to the caller, and goes to it as it is. */
static bool is_providers_word(enum failure failure) {
    return failure == failure_bad_request || failure == failure_context_exceeded || failure == failure_filtered ||
           failure == failure_not_found || failure == failure_rate_limited || failure == failure_conflict ||
           failure == failure_server_error || failure == failure_overloaded || failure == failure_timeout_status;
}

/* It would be so for others that ask for the same: nothing of this request's own, such as its deadline. */
static bool is_everybodys(enum failure failure) {
    return failure != failure_request_deadline && failure != failure_caller_gone && failure != failure_shutdown &&
           failure != failure_system && failure != failure_outpaced;
}

/* An error that came in a reply of status 200: its sentence, as one of status 502; a filter's is a refusal. */
static bool answer_inside(struct flight *flight, const struct attempt *last, struct now now, struct actions *out) {
    struct message_error error = {.retry_after_ms = -1};
    struct str body = chunks_whole(&flight->attempts[last->number]->reply.held);
    if (!body.at) return false;
    way_read_error(last, body, flight->host->scratch, &error);
    if (!error.message.len) return false;
    error.message = masked_words(flight, last, error.message);
    bool filtered = refusal_is_filter(&(struct provider_word){.code = error.said_code, .type = error.type});
    enum error_code code = filtered ? error_content_filtered : error_provider_error;
    answer_error_status(flight, code, error_facts(code)->status, error.message, STR_NONE, last->reply.retry_after_ms,
                        last, now, out);
    return true;
}

void end_by_refusal(struct flight *flight, enum error_code code, uint64_t until_ns, struct now now,
                    struct actions *out) {
    if (degraded_end(flight, now, out)) return;
    if (flight->caller == caller_headed)
        answer_break(flight, failure_overloaded, now, out);
    else
        answer_refused(flight, code, until_ns, now, out);
}

void end_by_failure(struct flight *flight, const struct attempt *last, struct now now, struct actions *out) {
    CHECKF(!flight->live && last->state == attempt_settled, "attempt %u", last->number);
    if (is_everybodys(last->failure)) flight->cache.ends = making_failed;
    if (flight->caller == caller_headed) {
        answer_break(flight, last->failure, now, out);
        return;
    }
    if (degraded_end(flight, now, out)) return;
    bool word = last->reply.status >= 400 && is_providers_word(last->failure);
    struct str body =
        word && !last->reply.error_cut ? chunks_whole(&flight->attempts[last->number]->reply.held) : STR_NONE;
    if (body.at && last->way->error(flight, last, body, now, out)) return;
    bool inside = last->failure == failure_error_in_reply || last->failure == failure_filtered ||
                  last->failure == failure_context_exceeded;
    if (inside && answer_inside(flight, last, now, out)) return;
    const struct failure_facts *failure = failure_facts(last->failure);
    const struct error_facts *error = error_facts(failure->error);
    if (last->failure == failure_no_connection || failure->error == error_quota_exhausted)
        flight->answer.limit_scope = STR("provider");
    struct str message =
        failure->error == error_provider_auth
            ? error->sentence
            : arena_printf(&flight->arena, "%.*s (%.*s, after %u attempt%s.)", STR_ARG(error->sentence),
                           STR_ARG(failure->sentence), flight->attempt_count, str_plural(flight->attempt_count));
    answer_error_status(flight, failure->error, word ? last->reply.status : error->status, message, STR_NONE,
                        last->reply.retry_after_ms, last, now, out);
}
