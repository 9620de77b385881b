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
    assert_int_equal(asked.question.most, 10000);
    assert_true(str_eq(asked.question.subject, STR("one")));
}

#define FORTY "0123456789012345678901234567890123456789"
#define PARTS " is not understood: write provider, since, until or limit, each once."
#define LIMIT "`limit` is a whole number from 1 to 10000."
#define TIMES " must be a time back from now (90m, 24h, 7d, 4w) or a day (2026-11-01), not `"

static void what_is_not_understood_is_said(void **state) {
    static const struct {
        const char *name, *query, *said;
    } rows[] = {
        {"", "limit=0", LIMIT},
        {"", "limit=10001", LIMIT},
        {"", "limit=x", LIMIT},
        {"", "since=yesterday", "`since`" TIMES "yesterday`."},
        {"", "until=", "`until`" TIMES "`."},
        {"", "provider=a&provider=b", "`provider`" PARTS},
        {"", "provider=%00", "`provider`" PARTS},
        {"one", "provider=two", "`provider`" PARTS},
        {"", "who=me", "`who`" PARTS},
        {"", FORTY "1=2", "`" FORTY "`" PARTS},
    };
    struct health_asked asked;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {.code = error_none};
        if (health_query_read(str_from(rows[i].name), str_from(rows[i].query), now_ms, &asked, &error) ||
            error.code != error_invalid_request || strcmp(error.message, rows[i].said) != 0)
            fail_msg("%s: %s", rows[i].query, error.message);
    }
}

/* In the path and in the query. */
static void a_provider_has_a_name_of_256_bytes_at_most(void **state) {
    char query[300] = "&provider=";
    struct health_asked asked;
    (void)state;
    for (size_t len = 256; len <= 257; len++) {
        struct error error = {.code = error_none};
        const bool fits = len == 256;
        memset(query + 10, 'n', len);
        query[10 + len] = 0;
        assert_true(health_query_read(STR(""), str_from(query), now_ms, &asked, &error) == fits);
        assert_string_equal(error.message, fits ? "" : "`provider` is too long.");
        if (fits) assert_true(str_eq(asked.question.subject, str_from(query + 10)));
        assert_true(health_query_read(str_from(query + 10), STR(""), now_ms, &asked, &error) == fits);
        assert_string_equal(error.message, fits ? "" : "No provider has so long a name.");
        assert_int_equal(error.code, fits ? error_none : error_unknown_provider);
        if (fits) assert_true(str_eq(asked.question.subject, str_from(query + 10)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_read),
        cmocka_unit_test(what_is_not_understood_is_said),
        cmocka_unit_test(a_provider_has_a_name_of_256_bytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
