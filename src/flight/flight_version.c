/* flight_version.c - versions of Anthropic's API: which one the caller speaks, in which one a provider is asked, and
 * what the one has that the other refuses. Bytes pass with the version that they were written for. */
#include "dialect/anthropic/anthropic_version.h"
#include "flight/flight_internal.h"

/* The version of Anthropic's API that the caller speaks; empty: it says none. */
static struct str version_of_caller(const struct flight *flight) {
    return flight->codec->dialect == dialect_anthropic
               ? http_header_find(flight->head.headers, flight->head.header_count, STR("anthropic-version"))
               : STR("");
}

/* The provider is asked in a strict one: its configuration's, else the caller's. */
bool version_is_strict_towards(const struct flight *flight, const struct provider *provider) {
    if (provider->dialect != dialect_anthropic) return false;
    struct str own = http_header_find(provider->headers, provider->header_count, STR("anthropic-version"));
    return anthropic_version_is_strict(own.len ? own : version_of_caller(flight));
}

/* What one version has and the other has not. */
bool version_fits(struct flight *flight, const struct provider *provider, struct error *error) {
    const struct message_request *message = flight->canonical.message;
    bool strict = anthropic_version_is_strict(version_of_caller(flight));
    if (!message || (!strict && !version_is_strict_towards(flight, provider))) return true;
    uint64_t drops = anthropic_version_drops(message);
    for (unsigned f = 0; strict && provider->dialect != dialect_anthropic && f < features; f++) {
        if (!(drops >> f & 1)) continue;
        flight->choice.unfit_param = feature_name((enum feature)f);
        return error_set(error, error_invalid_request, "`%.*s` is not taken in the anthropic-version of this request.",
                         STR_ARG(feature_name((enum feature)f)));
    }
    if (strict || !anthropic_version_refuses(message)) return true; /* its own words, which its provider judges */
    flight->choice.unfit_param = STR("messages");
    return error_set(error, error_unsupported,
                     "The provider of this model takes no documents in the assistant's messages.");
}

bool version_differs(const struct flight *flight, const struct provider *provider) {
    return flight->canonical.message && version_is_strict_towards(flight, provider) &&
           !anthropic_version_is_strict(version_of_caller(flight));
}
