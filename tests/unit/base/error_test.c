/* error_test.c - the table says what the contract says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/error.h"

static void every_code_is_complete_and_its_name_unique(void **state) {
    (void)state;
    for (int i = error_none + 1; i < error_codes; i++) {
        const struct error_facts *facts = error_facts((enum error_code)i);
        assert_true(facts->name.len > 0 && facts->category.len > 0 && facts->openai_type.len > 0);
        assert_in_range(facts->status, 400, 599);
        assert_true(str_ends(facts->sentence, STR(".")));
        for (int j = i + 1; j < error_codes; j++) assert_false(str_eq(facts->name, error_name((enum error_code)j)));
    }
    assert_true(str_eq(error_name(error_none), STR("none")));
}

static void categories_and_statuses_are_the_contracts(void **state) {
    (void)state;
    const struct {
        enum error_code code;
        int status;
        const char *category;
    } rows[] = {
        {error_invalid_request, 400, "configuration"},
        {error_invalid_client_key, 401, "configuration"},
        {error_not_allowed, 403, "configuration"},
        {error_model_not_found, 404, "configuration"},
        {error_rate_limited, 429, "rate_limit"},
        {error_quota_exhausted, 429, "rate_limit"},
        {error_upstream_unreachable, 502, "network"},
        {error_upstream_timeout, 504, "network"},
        {error_provider_error, 502, "provider"},
        {error_provider_auth, 502, "provider"},
        {error_internal, 500, "system"},
        {error_overloaded, 503, "system"},
        {error_no_provider_available, 503, "system"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(error_facts(rows[i].code)->status, rows[i].status);
        assert_true(str_eq(error_facts(rows[i].code)->category, str_from(rows[i].category)));
    }
}

static void setting_fills_cuts_and_answers_false(void **state) {
    (void)state;
    struct error error;
    assert_false(error_set(&error, error_unsupported, "cannot do %s in %d", "that", 5));
    assert_int_equal(error.code, error_unsupported);
    assert_string_equal(error.message, "cannot do that in 5");
    assert_false(error_set(&error, error_internal, "%1000d", 1));
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_false(error_set(NULL, error_internal, "nobody listens"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_complete_and_its_name_unique),
        cmocka_unit_test(categories_and_statuses_are_the_contracts),
        cmocka_unit_test(setting_fills_cuts_and_answers_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
