/* classify.c - the one table of failures. Statuses as the vendors' pages and recorded traffic have them. */
#include "core/classify.h"

#include "base/check.h"

static const struct failure_facts facts[failures] = {
    [failure_none] = {{"none", 4}, fault_caller, error_none, {"no failure", 10}},
#define X(label, whose, answer, words) \
    [failure_##label] = {{#label, sizeof #label - 1}, fault_##whose, error_##answer, {words, sizeof words - 1}},
    FAILURE_TABLE(X)
#undef X
};

const struct failure_facts *failure_facts(enum failure failure) {
    CHECKF((unsigned)failure < failures, "failure=%d", (int)failure);
    CHECKF((failure == failure_none) == (facts[failure].error == error_none), "failure=%d", (int)failure);
    return &facts[failure];
}

static const struct {
    int from, to;
    enum failure failure;
} statuses[] = {
    {300, 399, failure_redirect},       {401, 401, failure_authentication}, {402, 402, failure_payment},
    {403, 403, failure_forbidden},      {404, 404, failure_not_found},      {405, 405, failure_not_found},
    {408, 408, failure_timeout_status}, {409, 409, failure_conflict},       {425, 425, failure_conflict},
    {429, 429, failure_rate_limited},   {400, 499, failure_bad_request},    {503, 503, failure_overloaded},
    {504, 504, failure_timeout_status}, {524, 524, failure_timeout_status}, {529, 529, failure_overloaded},
    {501, 501, failure_not_found},      {505, 505, failure_not_found},      {500, 599, failure_server_error},
};

enum failure failure_of_status(int status) {
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (status >= statuses[i].from && status <= statuses[i].to) return statuses[i].failure;
    return failure_malformed;
}

bool failure_goes_on(enum failure failure) { return failure_facts(failure)->fault != fault_caller; }

bool failure_is_timeout(enum failure failure) {
    return failure_facts(failure)->fault == fault_target && failure_facts(failure)->error == error_upstream_timeout;
}
