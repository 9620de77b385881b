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

/* Of those that want another than their fault's. */
static const struct str cures[failures] = {
    [failure_dns] = STR("check base_url and the resolver"),
    [failure_connect] = STR("check base_url and whether it is up"),
    [failure_connect_timeout] = STR("check network, firewall and proxy"),
    [failure_tls] = STR("check ca_file and the provider's certificate"),
    [failure_proxy] = STR("check `proxy` and its password"),
    [failure_no_connection] = STR("raise pool.max_connections"),
    [failure_malformed] = STR("check that base_url leads to an API"),
    [failure_invalid_json] = STR("check that base_url leads to an API"),
    [failure_wrong_content_type] = STR("check base_url and type"),
    [failure_first_token_timeout] = STR("raise timeout_seconds, or put a faster target first"),
    [failure_reply_timeout] = STR("raise reply_timeout_seconds, or stream"),
    [failure_stall] = STR("raise stall_timeout_seconds, or look at the provider's status page"),
    [failure_disagrees] = STR("write resume_prompt, or continue with models that take a prefill"),
    [failure_bad_request] = STR("mend the request: the provider's words say what is wrong"),
    [failure_authentication] = STR("replace api_key, then probe the provider"),
    [failure_forbidden] = STR("give the key the right to this model, or take the target out"),
    [failure_payment] = STR("pay, or add a key of another account"),
    [failure_quota_exhausted] = STR("raise the quota, or add a key or a target"),
    [failure_not_found] = STR("check the model's name and base_url"),
    [failure_rate_limited] = STR("lower rate_limit_rpm, or add a key or a target"),
    [failure_redirect] = STR("write the address that it redirects to as base_url"),
    [failure_system] = STR("give weir more memory or descriptors"),
    [failure_request_deadline] = STR("raise request_timeout_seconds, or x-weir-timeout-ms"),
    [failure_outpaced] = STR("nothing: the other attempt answered"),
    [failure_shutdown] = STR("raise drain_seconds"),
    [failure_caller_gone] = STR("nothing: the caller left"),
};

struct str failure_cure(enum failure failure) {
    static const struct str of_fault[] = {[fault_caller] = STR("mend the request"),
                                          [fault_key] = STR("look at the key"),
                                          [fault_target] = STR("look at the provider, or add a target"),
                                          [fault_passing] = STR("nothing, unless it goes on: then add a target")};
    const struct str *own = &cures[failure];
    return own->at ? *own : of_fault[failure_facts(failure)->fault];
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
