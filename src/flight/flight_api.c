/* flight_api.c - by which of OpenAI's two APIs a target is asked: as its provider's configuration says, else as its
 * model's facts do. Models from GPT-5.6 on refuse chats with tools, unless the effort is none. */
#include "dialect/skim.h"
#include "flight/flight_internal.h"

/* The vendor's own models that no list knows yet are asked as the latest that it does. */
static enum model_api api_of(const struct target *target) {
    static const char *const later[] = {"gpt-5.6*", "gpt-5.7*", "gpt-5.8*", "gpt-5.9*",
                                        "gpt-6*",   "gpt-7*",   "gpt-8*",   "gpt-9*"};
    if (target->facts) return target->facts->takes.api;
    for (size_t i = 0; i < sizeof later / sizeof *later && str_eq(target->provider->type, STR("openai")); i++)
        if (str_glob(str_from(later[i]), target->model)) return model_api_responses_for_tools;
    return model_api_unknown;
}

static bool effort_is_none(const struct flight *flight) {
    struct skim skim;
    if (flight->canonical.message) return flight->canonical.message->effort == effort_none;
    skim_begin(&skim, flight->body.whole, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end && token.kind != skim_error;)
        if (token.depth == 1 && token.kind == skim_string && skim_is(token.key, STR("reasoning_effort")))
            return skim_is(skim_inside(token.value), STR("none"));
    return false;
}

bool api_has(const struct provider *provider, enum endpoint endpoint) {
    if (provider->api == provider_api_chat) return false;
    return provider->api == provider_api_responses || (provider->endpoints & 1u << endpoint) != 0;
}

bool api_is_responses(const struct flight *flight, const struct target *target) {
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    const struct provider *provider = target->provider;
    if (endpoint->dialect == dialect_responses && endpoint->operation != operation_chat)
        return api_has(provider, flight->endpoint);
    if (endpoint->operation != operation_chat || flight->endpoint == endpoint_completions ||
        provider->api == provider_api_chat)
        return false;
    if (provider->api == provider_api_responses) return true;
    if (!(provider->endpoints & 1u << endpoint_responses)) return false;
    if (endpoint->dialect == dialect_responses) return !resume_has(flight);
    if (!target->facts && !flight->request.has_tools) return false; /* what is not known is asked as ever */
    enum model_api api = api_of(target);
    if (api != model_api_responses_for_tools || !flight->request.has_tools) return api == model_api_responses;
    uint32_t efforts = target->facts ? target->facts->takes.efforts : 0;
    return !effort_is_none(flight) || (efforts && !(efforts >> effort_none & 1));
}
