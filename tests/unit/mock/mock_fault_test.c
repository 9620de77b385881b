/* What a fault's SPEC means. */
#include "mock/mock_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct mock_fault parsed(const char *spec) {
    struct mock_fault fault;
    struct error error = {.code = error_none};
    if (!mock_fault_parse(str_from(spec), &fault, &error)) fail_msg("%s: %s", spec, error.message);
    return fault;
}

static void refused(const char *spec, const char *words) {
    struct mock_fault fault;
    struct error error = {.code = error_none};
    assert_false(mock_fault_parse(str_from(spec), &fault, &error));
    assert_non_null(strstr(error.message, words));
}

static void nothing_is_no_fault(void **state) {
    (void)state;
    assert_int_equal(parsed("").kind, mock_fault_none);
    assert_int_equal(parsed(" none ").kind, mock_fault_none);
}

static void every_name_of_the_table_is_read(void **state) {
    struct str name, parameter, sentence;
    (void)state;
    for (size_t i = 0; mock_fault_describe(i, &name, &parameter, &sentence); i++) {
        char spec[64];
        str_copy(spec, sizeof spec, name);
        assert_int_equal(parsed(spec).kind, i);
        assert_true(str_eq(mock_fault_name((enum mock_fault_kind)i), name));
        assert_true(sentence.len > 0);
    }
}

static void a_value_stands_behind_the_name_or_by_its_own(void **state) {
    (void)state;
    assert_int_equal(parsed("status=429").value, 429);
    assert_int_equal(parsed("status").value, 503);
    assert_int_equal(parsed("reset-mid-stream,after=7").value, 7);
    assert_int_equal(parsed("slow-bytes,ms=3").value, 3);
}

static void retry_after_is_seconds_or_a_date(void **state) {
    struct mock_fault fault = parsed("status=503,retry-after=2,retry-after-ms=1500");
    (void)state;
    assert_string_equal(fault.retry_after, "2");
    assert_int_equal(fault.retry_after_ms, 1500);
    fault = parsed("status=503,retry-after=Wed, 21 Oct 2026 07:28:00 GMT,retry-after-ms=1");
    assert_string_equal(fault.retry_after, "Wed, 21 Oct 2026 07:28:00 GMT");
    assert_int_equal(parsed("hang").retry_after_ms, -1);
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    refused("hag", "\"hang\"");
    refused("hang=5", "takes no value");
    refused("status=9", "takes a number");
    refused("status=x", "takes a number");
    refused("status=503,color=red", "color");
    refused("status=503,retry-after-ms=soon", "milliseconds");
    refused("slow-bytes=999999999999", "takes a number");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_no_fault),
        cmocka_unit_test(every_name_of_the_table_is_read),
        cmocka_unit_test(a_value_stands_behind_the_name_or_by_its_own),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
