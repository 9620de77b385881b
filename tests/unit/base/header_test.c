/* header_test.c - looking header lines up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/header.h"

static void the_first_of_a_name_is_found_whatever_its_case(void **state) {
    (void)state;
    const struct http_header headers[] = {
        {STR("Host"), STR("a")}, {STR("X-One"), STR("1")}, {STR("x-one"), STR("2")}, {STR("Empty"), STR("")}};
    assert_true(str_eq(http_header_find(headers, 4, STR("x-ONE")), STR("1")));
    assert_true(str_eq(http_header_find(headers, 4, STR("host")), STR("a")));
    assert_true(str_empty(http_header_find(headers, 4, STR("empty"))));
    assert_null(http_header_find(headers, 4, STR("x-on")).at);
    assert_null(http_header_find(headers, 1, STR("x-one")).at);
    assert_null(http_header_find(NULL, 0, STR("x")).at);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_of_a_name_is_found_whatever_its_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
