/* classify_test.c - each status has its failure, to the edges of each range, and each failure its facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/classify.h"

/* The plain rules, one after the other. */
static enum failure wanted_of(int status) {
    switch (status) {
    case 401: return failure_authentication;
    case 402: return failure_payment;
    case 403: return failure_forbidden;
    case 404:
    case 405:
    case 501:
    case 505: return failure_not_found;
    case 408:
    case 504:
    case 524: return failure_timeout_status;
    case 409:
    case 425: return failure_conflict;
    case 429: return failure_rate_limited;
    case 503:
    case 529: return failure_overloaded;
    default: break;
    }
    if (status >= 300 && status < 400) return failure_redirect;
    if (status >= 400 && status < 500) return failure_bad_request;
    return status >= 500 && status < 600 ? failure_server_error : failure_malformed;
}

static void every_status_has_its_failure(void **state) {
    (void)state;
    for (int status = -1; status < 1100; status++) {
        if (status >= 0 && status < 300) continue; /* no failure, and not asked */
        if (failure_of_status(status) != wanted_of(status))
            fail_msg("%d: %.*s", status, STR_ARG(failure_facts(failure_of_status(status))->name));
    }
}

static void every_failure_has_a_name_of_its_own_and_a_sentence(void **state) {
    (void)state;
    for (int i = 0; i < failures; i++) {
        const struct failure_facts *facts = failure_facts((enum failure)i);
        assert_true(facts->name.len > 0 && facts->sentence.len > 0);
        assert_int_equal(failure_goes_on((enum failure)i), facts->fault != fault_caller);
        for (int k = 0; k < i; k++) assert_false(str_eq(facts->name, failure_facts((enum failure)k)->name));
    }
}

static void what_the_caller_did_is_answered_and_all_else_goes_on(void **state) {
    (void)state;
    assert_false(failure_goes_on(failure_none));
    assert_false(failure_goes_on(failure_bad_request));
    assert_false(failure_goes_on(failure_caller_gone));
    assert_false(failure_goes_on(failure_request_deadline));
    assert_true(failure_goes_on(failure_authentication));
    assert_true(failure_goes_on(failure_connect));
    assert_true(failure_goes_on(failure_overloaded));
    assert_int_equal(failure_facts(failure_none)->error, error_none);
    assert_int_equal(failure_facts(failure_rate_limited)->error, error_rate_limited);
}

static void what_is_timed_by_weir_is_a_timeout(void **state) {
    (void)state;
    for (int failure = 1; failure < failures; failure++) {
        bool is = failure == failure_connect_timeout || failure == failure_first_token_timeout ||
                  failure == failure_reply_timeout || failure == failure_stall;
        assert_int_equal(failure_is_timeout((enum failure)failure), is);
    }
}

static void each_failure_says_what_to_do_next(void **state) {
    (void)state;
    for (unsigned f = failure_none + 1; f < failures; f++) {
        struct str cure = failure_cure((enum failure)f);
        assert_true(cure.len > 0 && cure.len <= 80);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_failure),
        cmocka_unit_test(every_failure_has_a_name_of_its_own_and_a_sentence),
        cmocka_unit_test(what_the_caller_did_is_answered_and_all_else_goes_on),
        cmocka_unit_test(what_is_timed_by_weir_is_a_timeout),
        cmocka_unit_test(each_failure_says_what_to_do_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
