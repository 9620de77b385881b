/* error.h - every error weir can answer: one table of code, name, status, category and sentence (the contract's section
 * 5). `struct error` is filled at the border where a thing fails; it is passed up, never logged and passed on. */
#ifndef WEIR_BASE_ERROR_H
#define WEIR_BASE_ERROR_H

#include "base/str.h"

/* X(code, status, category, openai_type, sentence). The name on the wire is the code in lower case. */
#define ERROR_TABLE(X)                                                                                                \
    X(invalid_request, 400, configuration, "invalid_request_error", "The request is not valid.")                      \
    X(invalid_client_key, 401, configuration, "invalid_request_error",                                                \
      "The client key is missing or not known to this gateway. Send it as Authorization: Bearer KEY.")                \
    X(not_allowed, 403, configuration, "permission_error", "This client key may not do that.")                        \
    X(tool_loop, 403, configuration, "permission_error",                                                              \
      "The same tool was called with the same arguments too often.")                                                  \
    X(model_not_found, 404, configuration, "invalid_request_error", "No route and no provider serves this model.")    \
    X(unknown_path, 404, configuration, "invalid_request_error", "There is nothing at this path.")                    \
    X(unknown_response, 404, configuration, "invalid_request_error", "There is no stored response of that id.")       \
    X(unknown_provider, 404, configuration, "invalid_request_error", "There is no provider of that name.")            \
    X(unknown_request, 404, configuration, "invalid_request_error", "No request of that id is remembered.")           \
    X(unknown_client, 404, configuration, "invalid_request_error", "There is no client of that name.")                \
    X(unknown_route, 404, configuration, "invalid_request_error", "There is no route of that name.")                  \
    X(unknown_entry, 404, configuration, "invalid_request_error", "The configuration has no entry of that name.")     \
    X(unknown_credential, 404, configuration, "invalid_request_error", "The vault has no credential of that name.")   \
    X(name_exists, 409, configuration, "invalid_request_error", "There is one of that name already.")                 \
    X(in_use, 409, configuration, "invalid_request_error", "What was changed at run time names it.")                  \
    X(method_not_allowed, 405, configuration, "invalid_request_error", "This path does not take that method.")        \
    X(request_timeout, 408, configuration, "invalid_request_error", "The request did not arrive in time.")            \
    X(body_too_large, 413, configuration, "invalid_request_error", "The request body is larger than allowed.")        \
    X(target_too_long, 414, configuration, "invalid_request_error", "The request target is longer than allowed.")     \
    X(unsupported_media_type, 415, configuration, "invalid_request_error", "The request body must be JSON.")          \
    X(expectation_failed, 417, configuration, "invalid_request_error", "Only Expect: 100-continue is understood.")    \
    X(headers_too_large, 431, configuration, "invalid_request_error", "The request headers are larger than allowed.") \
    X(unsupported, 400, configuration, "invalid_request_error", "The chosen provider cannot do that.")                \
    X(rate_limited, 429, rate_limit, "rate_limit_error", "Too many requests: try again later.")                       \
    X(too_many_in_flight, 429, rate_limit, "rate_limit_error", "Too many requests at once: try again later.")         \
    X(quota_exhausted, 429, rate_limit, "insufficient_quota", "The quota is used up.")                                \
    X(budget_exhausted, 429, rate_limit, "insufficient_quota", "A budget is spent.")                                  \
    X(session_exhausted, 429, rate_limit, "insufficient_quota", "The session has had all that it may have.")          \
    X(unbounded, 403, configuration, "permission_error",                                                              \
      "A hard budget allows nothing whose cost cannot be bounded before it is sent: set max_tokens, leave files, "    \
      "conversations and tools of the provider out, or ask the operator for `unbounded: allow`.")                     \
    X(unpriced, 403, configuration, "permission_error",                                                               \
      "A hard budget allows nothing whose price is not known: ask the operator to write it.")                         \
    X(upstream_unreachable, 502, network, "api_error", "No provider could be reached.")                               \
    X(upstream_timeout, 504, network, "api_error", "The provider did not answer in time.")                            \
    X(not_cached, 504, system, "api_error", "No answer to this is kept, and x-weir-cache: only asks for no other.")   \
    X(provider_error, 502, provider, "api_error", "The provider failed.")                                             \
    X(content_filtered, 400, provider, "invalid_request_error", "The provider refused the content.")                  \
    X(provider_auth, 502, provider, "api_error",                                                                      \
      "The gateway's own credential was refused by the provider: its operator must mend it.")                         \
    X(internal, 500, system, "api_error", "The gateway failed: this is a bug in it.")                                 \
    X(identity_unavailable, 503, system, "api_error",                                                                 \
      "The keys of this token's issuer cannot be read now: try again shortly.")                                       \
    X(overloaded, 503, system, "api_error", "The gateway is overloaded: try again shortly.")                          \
    X(no_provider_available, 503, system, "api_error", "No provider is available for this model now.")                \
    X(shutting_down, 503, system, "api_error", "The gateway is shutting down: try again shortly.")                    \
    X(bad_configuration, 500, configuration, "api_error", "The configuration is not valid.")                          \
    X(usage_unrecorded, 503, system, "api_error",                                                                     \
      "What this request spends could not be recorded: the gateway's disk may be full. Its log says more.")           \
    X(storage_failed, 500, system, "api_error", "The gateway could not write its state: its disk may be full.")       \
    X(out_of_memory, 503, system, "api_error", "The gateway is out of memory: try again shortly.")

enum error_code {
    error_none = 0,
#define X(code, status, category, type, sentence) error_##code,
    ERROR_TABLE(X)
#undef X
        error_codes
};

struct error_facts {
    struct str name;
    struct str path; /* "category/name": x-weir-error */
    int status;      /* HTTP */
    struct str category;
    struct str openai_type;
    struct str sentence;
};

const struct error_facts *error_facts(enum error_code code);
struct str error_name(enum error_code code);

enum { error_message_most = 255 };
struct error {
    enum error_code code;
    char message[error_message_most + 1]; /* one plain sentence that says what to do; never a credential */
};

/* Fills *error (may be NULL) and returns false, so that `return error_set(...)` reads well. */
bool error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
