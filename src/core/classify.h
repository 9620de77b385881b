/* classify.h - what a failed attempt means, in one table: whose fault it is, whether another target may help, and what
 * the caller is told when nothing is left. Pure. */
#ifndef WEIR_CORE_CLASSIFY_H
#define WEIR_CORE_CLASSIFY_H

#include "base/error.h"

enum fault {
    fault_caller,  /* answer it: no other target would do better */
    fault_key,     /* this credential's: another key or target may help */
    fault_target,  /* this target's: the next one may help */
    fault_passing, /* may be gone in a moment: next target, or the same one later */
};

/* X(name, fault, error answered when nothing is left, sentence for explain and the log) */
#define FAILURE_TABLE(X)                                                                                           \
    X(dns, target, upstream_unreachable, "the provider's name does not resolve")                                   \
    X(connect, target, upstream_unreachable, "the provider refused the connection")                                \
    X(connect_timeout, target, upstream_timeout, "connecting to the provider took too long")                       \
    X(tls, target, upstream_unreachable, "the TLS handshake with the provider failed")                             \
    X(proxy, target, upstream_unreachable, "the proxy refused the connection to the provider")                     \
    X(no_connection, target, too_many_in_flight, "as many connections as the provider's pool may have are in use") \
    X(reset, passing, upstream_unreachable, "the provider broke the connection")                                   \
    X(reset_reused, passing, upstream_unreachable,                                                                 \
      "the provider broke a connection that it had kept open, after the request had gone out on it")               \
    X(cut, passing, provider_error, "the provider's reply was cut off")                                            \
    X(malformed, target, provider_error, "the provider's reply is not valid HTTP")                                 \
    X(invalid_json, target, provider_error, "the provider's reply is not valid JSON")                              \
    X(wrong_content_type, target, provider_error, "the provider's reply has the wrong content type")               \
    X(too_large, target, provider_error, "the provider sent more than weir holds before the first token")          \
    X(empty_stream, target, provider_error, "the provider's stream ended before its first token")                  \
    X(first_token_timeout, target, upstream_timeout, "the provider's first token took too long")                   \
    X(reply_timeout, target, upstream_timeout, "the provider's reply took too long")                               \
    X(stall, target, upstream_timeout, "the provider's stream stalled")                                            \
    X(error_in_reply, target, provider_error, "the provider answered 200 with an error inside")                    \
    X(error_in_stream, target, provider_error, "the provider sent an error in its stream")                         \
    X(disagrees, target, provider_error, "what the model said is not the rest of the text that broke off")         \
    X(bad_request, caller, provider_error, "the provider refused the request")                                     \
    X(context_exceeded, caller, provider_error, "the request is longer than the model's context")                  \
    X(filtered, caller, content_filtered, "the provider's content filter refused the request")                     \
    X(authentication, key, provider_auth, "the provider refused the gateway's credential")                         \
    X(forbidden, key, provider_auth, "the provider does not let the gateway's credential do this")                 \
    X(payment, key, provider_error, "the provider wants payment for this")                                         \
    X(quota_exhausted, key, quota_exhausted, "the credit or quota of this credential is used up")                  \
    X(not_found, target, provider_error, "the provider does not know the model or path")                           \
    X(rate_limited, key, rate_limited, "the provider's rate limit is reached")                                     \
    X(timeout_status, passing, upstream_timeout, "the provider timed out")                                         \
    X(conflict, passing, provider_error, "the provider reported a conflict")                                       \
    X(server_error, passing, provider_error, "the provider failed")                                                \
    X(overloaded, passing, provider_error, "the provider is overloaded")                                           \
    X(redirect, target, provider_error, "the provider answered with a redirect, which is not followed")            \
    X(system, passing, overloaded, "the gateway lacked memory or descriptors for the attempt")                     \
    X(request_deadline, caller, upstream_timeout, "the request's own deadline passed")                             \
    X(outpaced, caller, internal, "a hedged attempt at another target was faster")                                 \
    X(shutdown, caller, shutting_down, "the gateway ended before it")                                              \
    X(caller_gone, caller, internal, "the caller hung up")

enum failure {
    failure_none,
#define X(name, fault, error, sentence) failure_##name,
    FAILURE_TABLE(X)
#undef X
        failures
};

struct failure_facts {
    struct str name;
    enum fault fault;
    enum error_code error;
    struct str sentence;
};

/* What the operator does next about it: for log and explain. */
struct str failure_cure(enum failure failure);

const struct failure_facts *failure_facts(enum failure failure);

/* The failure that an HTTP status of 300 and more stands for, where the provider's own codes say nothing else. */
enum failure failure_of_status(int status);

/* May another target be tried after this one? A route may say otherwise of context_exceeded and filtered. */
bool failure_goes_on(enum failure failure);
/* It took too long, by weir's own clock: the same target is not asked again for this request. */
bool failure_is_timeout(enum failure failure);

#endif
