/* first_link_test.c - the link of a first start opens once, within its hour, by its own code. */
#include "cli/first_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const uint64_t now_ns = 5000000000, hour_ns = 3600000000000;

static void it_opens_once(void **state) {
    struct first_link link;
    char code[first_link_code_len + 1];
    (void)state;
    assert_true(hash_start());
    first_link_make(&link, now_ns, code);
    assert_int_equal(strlen(code), first_link_code_len);
    assert_true(first_link_use(&link, str_from(code), now_ns + 1));
    assert_false(first_link_use(&link, str_from(code), now_ns + 2));
}

static void another_code_opens_nothing_and_takes_nothing_away(void **state) {
    struct first_link link, none = {.until_ns = 0};
    char code[first_link_code_len + 1], other[first_link_code_len + 1];
    (void)state;
    assert_true(hash_start());
    first_link_make(&link, now_ns, code);
    strcpy(other, code);
    other[31] = other[31] == '0' ? '1' : '0';
    assert_false(first_link_use(&link, str_from(other), now_ns));
    assert_false(first_link_use(&link, STR(""), now_ns));
    assert_false(first_link_use(&link, str_make(code, first_link_code_len - 1), now_ns));
    assert_false(first_link_use(&none, str_from(code), now_ns));
    assert_false(first_link_use(&none, STR(""), now_ns));
    assert_true(first_link_use(&link, str_from(code), now_ns));
}

static void after_its_hour_it_opens_nothing(void **state) {
    struct first_link link;
    char code[first_link_code_len + 1];
    (void)state;
    assert_true(hash_start());
    first_link_make(&link, now_ns, code);
    assert_false(first_link_use(&link, str_from(code), now_ns + hour_ns));
    assert_true(first_link_use(&link, str_from(code), now_ns + hour_ns - 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_opens_once),
                                       cmocka_unit_test(another_code_opens_nothing_and_takes_nothing_away),
                                       cmocka_unit_test(after_its_hour_it_opens_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
