/* usage_query_test.c - what is asked of the ledger, as a URL has it. */
#include "gateway/usage_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const int64_t now_ms = 1795000000000, hour_ms = 3600000;

static void read(const char *query, struct usage_question *question) {
    struct error error;
    if (!usage_query_read(str_from(query), now_ms, question, &error)) fail_msg("%s: %s", query, error.message);
}

static void nothing_asked_is_the_last_day_in_all(void **state) {
    struct usage_question question;
    (void)state;
    read("", &question);
    assert_int_equal(question.by_count, 0);
    assert_int_equal(question.since_ms, now_ms - 24 * hour_ms);
    assert_int_equal(question.until_ms, 0);
    assert_int_equal(question.form, usage_as_json);
}

static void keys_are_taken_in_their_order(void **state) {
    struct usage_question question;
    (void)state;
    read("by=day,client,model&format=csv&client=a%20b&&", &question);
    assert_int_equal(question.by_count, 3);
    assert_int_equal(question.by[0], usage_by_day);
    assert_int_equal(question.by[1], usage_by_client);
    assert_int_equal(question.by[2], usage_by_model);
    assert_int_equal(question.form, usage_as_csv);
    assert_string_equal(question.only[usage_by_client], "a b");
    for (int i = 0; i < usage_keys; i++) {
        char query[64] = "by=";
        struct str name = usage_key_name((enum usage_key)i);
        strncat(query, name.at, name.len);
        read(query, &question);
        assert_int_equal(question.by[0], i);
    }
}

static void times_are_back_from_now_or_days(void **state) {
    static const struct {
        const char *query;
        int64_t since_ms;
    } rows[] = {{"since=90m", now_ms - 90 * 60000},
                {"since=24h", now_ms - 24 * hour_ms},
                {"since=7d", now_ms - 7 * 24 * hour_ms},
                {"since=4w", now_ms - 28 * 24 * hour_ms},
                {"since=100000w", 0},
                {"since=1970-01-02", 24 * hour_ms},
                {"since=2024-02-29", 1709164800000}};
    struct usage_question question;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read(rows[i].query, &question);
        if (question.since_ms != rows[i].since_ms) fail_msg("%s: %lld", rows[i].query, (long long)question.since_ms);
    }
    read("until=1970-01-03", &question);
    assert_int_equal(question.until_ms, 48 * hour_ms);
}

static void what_is_wrong_is_said(void **state) {
    static const struct {
        const char *query, *says;
    } rows[] = {{"by=x", "provider, model"},  {"by=day,day", "twice"},
                {"since=7", "24h"},           {"since=d", "24h"},
                {"since=7y", "24h"},          {"since=100001d", "24h"},
                {"since=2025-02-29", "24h"},  {"since=2025-1-01", "24h"},
                {"until=-1d", "24h"},         {"format=xml", "json or csv"},
                {"model=", "must be a name"}, {"x", "is not understood"},
                {"model=%00", "no text"}};
    struct usage_question question;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (usage_query_read(str_from(rows[i].query), now_ms, &question, &error) ||
            !strstr(error.message, rows[i].says))
            fail_msg("%s: %s", rows[i].query, error.message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_is_the_last_day_in_all),
        cmocka_unit_test(keys_are_taken_in_their_order),
        cmocka_unit_test(times_are_back_from_now_or_days),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
