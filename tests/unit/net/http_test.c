/* http_test.c - the words that both sides of net share. */
#include "net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void every_method_has_its_name_and_no_two_the_same(void **state) {
    (void)state;
    for (int i = 0; i < http_methods; i++) {
        struct str name = http_method_name((enum http_method)i);
        assert_true(name.len >= 3);
        for (size_t c = 0; c < name.len; c++) assert_true(name.at[c] >= 'A' && name.at[c] <= 'Z');
        for (int other = 0; other < i; other++) assert_false(str_eq(name, http_method_name((enum http_method)other)));
    }
    assert_true(str_eq(http_method_name(http_get), STR("GET")));
    assert_true(str_eq(http_method_name(http_options), STR("OPTIONS")));
}

static void a_status_has_its_phrase_and_an_odd_one_a_plain_word(void **state) {
    static const int ours[] = {200, 201, 202, 204, 303, 304, 400, 401, 403, 404, 405, 408, 409, 411,
                               413, 414, 415, 417, 422, 429, 431, 500, 501, 502, 503, 504, 505};
    (void)state;
    assert_true(str_eq(http_reason(404), STR("Not Found")));
    assert_true(str_eq(http_reason(529), STR("Status")));
    assert_true(str_eq(http_reason(0), STR("Status")));
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        struct str reason = http_reason(ours[i]);
        assert_false(str_eq(reason, STR("Status")));
        assert_int_equal(reason.at[reason.len], 0); /* the length is the phrase's own */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_has_its_name_and_no_two_the_same),
        cmocka_unit_test(a_status_has_its_phrase_and_an_odd_one_a_plain_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
