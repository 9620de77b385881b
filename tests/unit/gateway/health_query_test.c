/* health_query_test.c - what of the history of health is asked for, and what is not understood. */
#include "gateway/health_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const int64_t now_ms = INT64_C(1795348800000); /* 2026-11-22T12:00:00Z */

static void what_is_asked_for_is_read(void **state) {
    struct health_asked asked;
    struct error error;
    (void)state;
    assert_true(health_query_read(STR(""), STR(""), now_ms, &asked, &error));
    assert_true(asked.question.most == ledger_health_usual && asked.question.since_ms == 0);
    assert_int_equal(asked.question.subject.len, 0);
    assert_true(
        health_query_read(STR(""), STR("provider=a%2Fb&since=2h&until=2026-11-22&limit=7"), now_ms, &asked, &error));
    assert_string_equal(asked.name, "a/b");
    assert_true(asked.question.since_ms == now_ms - 7200000);
    assert_true(asked.question.until_ms == now_ms - 12 * 3600000);
    assert_int_equal(asked.question.most, 7);
    assert_true(health_query_read(STR("one"), STR("limit=10000"), now_ms, &asked, &error));
    assert_true(str_eq(asked.question.subject, STR("one")));
}

static void what_is_not_understood_is_said(void **state) {
    static const char *const queries[] = {
        "limit=0", "limit=10001",  "limit=x", "since=yesterday", "provider=a&provider=b",
        "who=me",  "provider=%00", "until="};
    struct health_asked asked;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        error = (struct error){.code = error_none};
        if (health_query_read(STR(""), str_from(queries[i]), now_ms, &asked, &error)) fail_msg("%s", queries[i]);
        assert_int_equal(error.code, error_invalid_request);
    }
    assert_false(health_query_read(STR("one"), STR("provider=two"), now_ms, &asked, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_read),
        cmocka_unit_test(what_is_not_understood_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
