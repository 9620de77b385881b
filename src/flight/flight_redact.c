/* flight_redact.c - what a client's providers are not to read (`redact_to_providers`) is taken out of the body before
 * anything reads it, so that every way, attempt and dialect has it without; whoever answers the caller puts it back
 * (runtime/restored.h). What cannot be read as JSON is refused: nothing goes up that was not looked at. */
#include "dialect/placeholders.h"
#include "flight/flight_internal.h"

enum step redact_admit(struct flight *flight, struct now now, struct actions *out) {
    struct str body = flight->body.whole;
    if (!flight->client || flight->client->redacts == redacts_off || !body.len) return step_on;
    struct placeholders *placeholders = arena_take_zeroed(&flight->arena, sizeof *placeholders);
    if (!placeholders) return answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    placeholders->arena = &flight->arena;
    if (!placeholders_take(placeholders, body, flight->host->own, flight->host->scratch, &body))
        return answer_error(flight, error_invalid_request,
                            STR("This client's requests have personal data taken out before a provider gets them, "
                                "which can be done in JSON alone: this body cannot be read as JSON."),
                            STR_NONE, now, out);
    if (body.at == flight->body.whole.at) return step_on;
    if (!body_replace(flight, body)) return answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    flight->placeholders = placeholders;
    return step_on;
}

bool flight_streams_a_list(const struct flight *flight) { return flight->head.wants_array && flight->request.stream; }

const struct placeholders *flight_put_back(const struct flight *flight) {
    return flight->placeholders && flight->client->redacts == redacts_restores ? flight->placeholders : NULL;
}
