/* header_names_test.c - the table of header names: kept as the look-up needs it, and what follows from it for those
 * that weigh most. */
#include "base/header_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void names_are_in_lower_case_and_stand_once(void **state) {
    (void)state;
    struct str name, other;
    unsigned uses;
    bool whole, other_whole;
    size_t rows = 0;
    for (; header_names_row(rows, &name, &uses, &whole); rows++) {
        assert_true(name.len > 0 && uses != 0);
        for (size_t i = 0; i < name.len; i++) assert_false(name.at[i] >= 'A' && name.at[i] <= 'Z');
        for (size_t i = 0; i < rows; i++) {
            assert_true(header_names_row(i, &other, &uses, &other_whole));
            assert_false(whole == other_whole && str_eq(name, other));
        }
    }
    assert_true(rows > 90);
    assert_false(header_names_row(rows + 1000, &name, &uses, &whole));
}

/* In a list of another length or letter it would not be. */
static void every_row_is_found_in_any_case(void **state) {
    (void)state;
    struct str name;
    unsigned uses;
    bool whole;
    for (size_t i = 0; header_names_row(i, &name, &uses, &whole); i++) {
        char written[64];
        size_t len = name.len;
        str_copy(written, sizeof written - 1, name);
        if (!whole) written[len++] = 'x';
        assert_int_equal(header_uses(str_make(written, len)) & uses, uses);
        for (size_t at = 0; at < len; at++)
            if (written[at] >= 'a' && written[at] <= 'z') written[at] = (char)(written[at] - 0x20);
        assert_int_equal(header_uses(str_make(written, len)) & uses, uses);
        written[0] = '!';
        assert_int_equal(header_uses(str_make(written, len)), 0);
    }
    assert_int_equal(header_uses(STR("")), 0);
    assert_int_equal(header_uses(STR("x")), 0);
    assert_int_equal(header_uses(STR("@ccept")), 0);
    assert_int_equal(header_uses(STR("acceptor")), 0);
    assert_int_equal(header_uses(STR("\xe1")), 0);
}

/* What carries a caller's credential is its own, and no list of the configuration forwards it. */
static void no_credential_or_cookie_goes_anywhere(void **state) {
    (void)state;
    static const struct str callers[] = {STR("Authorization"),  STR("Proxy-Authorization"),
                                         STR("X-Api-Key"),      STR("api-key"),
                                         STR("x-goog-api-key"), STR("Cookie"),
                                         STR("Cookie2"),        STR("X-Weir-Targets"),
                                         STR("X-Weir-Any"),     STR("Proxy-Authentication")};
    for (size_t i = 0; i < sizeof callers / sizeof *callers; i++)
        assert_true(header_uses(callers[i]) & header_of_caller);
    for (size_t i = 0; i + 1 < sizeof callers / sizeof *callers; i++)
        assert_true(header_uses(callers[i]) & header_fixed);
    static const struct str providers[] = {STR("Set-Cookie"), STR("Set-Cookie2"), STR("WWW-Authenticate")};
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        assert_true(header_uses(providers[i]) & header_of_provider);
        assert_true(header_uses(providers[i]) & header_fixed);
    }
    struct str name;
    unsigned uses;
    bool whole;
    for (size_t i = 0; header_names_row(i, &name, &uses, &whole); i++) {
        const unsigned passes = header_returns | header_of_openai | header_of_anthropic;
        assert_false((uses & passes) && (uses & (header_of_hop | header_fixed | header_of_caller)));
        assert_false((uses & header_harmless) && header_may_be_credential(name));
    }
}

static void what_may_be_a_credential_is_told_by_any_word(void **state) {
    (void)state;
    assert_true(header_may_be_credential(STR("X-Custom-Authz")));
    assert_true(header_may_be_credential(STR("api_keys")));
    assert_true(header_may_be_credential(STR("X-ApiKey-2")));
    assert_true(header_may_be_credential(STR("cf-aig-authorization")));
    assert_false(header_may_be_credential(STR("x-stainless-lang")));
    assert_true(header_is_account(STR("OpenAI-Organization")));
    assert_true(header_is_account(STR("x-goog-user-project")));
    assert_false(header_is_account(STR("openai-beta")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_in_lower_case_and_stand_once),
        cmocka_unit_test(every_row_is_found_in_any_case),
        cmocka_unit_test(no_credential_or_cookie_goes_anywhere),
        cmocka_unit_test(what_may_be_a_credential_is_told_by_any_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
