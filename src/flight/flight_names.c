/* flight_names.c - what a body names beside the model that it asks for, and whether its client may: other models only
 * where it may use them, things stored at a provider only with `raw: true`, as they lie in one account for all. */
#include "dialect/names.h"
#include "flight/flight_internal.h"
#include "snapshot/rights.h"

bool client_may_name_stored(const struct flight *flight) { return !flight->client || flight->client->raw; }

bool client_is_kept(const struct flight *flight) { return !client_may_ask(flight->client, STR("*")); }

bool client_may_model(const struct flight *flight, struct str provider, struct str model) {
    if (client_may_ask(flight->client, model)) return true;
    if (!provider.len) return false;
    struct str name = arena_printf(flight->host->scratch, "%.*s/%.*s", STR_ARG(provider), STR_ARG(model));
    return name.at && client_may_ask(flight->client, name);
}

/* Google's own way to say it. */
struct str name_of_model(struct flight *flight, struct str raw) {
    struct str model;
    if (!skim_unescape(raw, &flight->arena, &model)) return STR_NONE;
    return str_starts(model, STR("models/")) ? str_slice(model, 7, model.len) : model;
}

static enum step answer_not_theirs(struct flight *flight, struct str member, struct now now, struct actions *out) {
    return answer_error(
        flight, error_not_allowed,
        STR("This client key may not name what is stored at a provider (files, vector stores, containers, "
            "conversations, prompts): send the content itself, or ask the operator for `raw: true`."),
        member, now, out);
}

enum step names_admit(struct flight *flight, struct now now, struct actions *out) {
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    bool kept = client_is_kept(flight), theirs = client_may_name_stored(flight);
    struct names names;
    struct name name;
    if ((!kept && theirs) || endpoint->body != endpoint_body_json) return step_on;
    names_begin(&names, flight->body.whole, endpoint->dialect);
    while (names_next(&names, &name)) {
        struct str member = arena_copy(&flight->arena, str_slice(name.member, 0, limit_name));
        if (name.kind == name_stored && !theirs) return answer_not_theirs(flight, member, now, out);
        if (name.kind != name_model || name.top || !kept)
            continue; /* at the top: the name that its route is found by */
        struct str model = name_of_model(flight, name.value);
        if (model.at && client_may_model(flight, STR(""), model)) continue;
        return answer_error(flight, error_not_allowed,
                            arena_printf(&flight->arena, "This client key may not use the model `%.*s`.",
                                         STR_ARG(str_slice(model, 0, limit_model))),
                            member, now, out);
    }
    return step_on;
}
