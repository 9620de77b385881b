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
                {"since=100000m", now_ms - INT64_C(6000000000)},
                {"since=0m", now_ms},
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

static void what_is_asked_beside_keys_and_times_is_read(void **state) {
    struct usage_question question;
    (void)state;
    read("", &question);
    assert_int_equal(question.rows_most, 0);
    assert_false(question.compares || question.recosted);
    read("limit=1&compare=true&recosted=false&format=csv&format=json", &question);
    assert_int_equal(question.rows_most, 1);
    assert_true(question.compares && !question.recosted && question.form == usage_as_json);
    read("limit=4000&compare=false&recosted=true", &question);
    assert_int_equal(question.rows_most, 4000);
    assert_true(!question.compares && question.recosted);
}

/* As long as a name may be, and one byte longer; and what no question has room for. */
static void a_name_has_255_bytes_at_most(void **state) {
    struct usage_question question;
    struct error error;
    char query[600] = "model=";
    (void)state;
    for (size_t len = 255; len < 520; len++) {
        memset(query + 6, 'n', len);
        query[6 + len] = 0;
        error.message[0] = 0;
        bool good = usage_query_read(str_from(query), now_ms, &question, &error);
        assert_true(good == (len == 255));
        assert_string_equal(error.message, good        ? ""
                                           : len < 511 ? "`model` must be a name."
                                                       : "`model` is too long, or no text.");
        if (good) assert_string_equal(question.only[usage_by_model], query + 6);
    }
}

#define TIMES " must be a time back from now (90m, 24h, 7d, 4w) or a day (2026-11-01), not `"
#define KEYS "provider, model, client, route, owner, rule, asked, tag, session, day and hour"
#define FORTY "0123456789012345678901234567890123456789"

static void what_is_wrong_is_said(void **state) {
    static const struct {
        const char *query, *says;
    } rows[] = {
        {"by=x", "`by` takes " KEYS ", with commas between them, not `x`."},
        {"by=day," FORTY "1", "`by` takes " KEYS ", with commas between them, not `" FORTY "`."},
        {"by=day,day", "`by` names day twice."},
        {"by=hour,day,model,hour", "`by` names hour twice."},
        {"since=7", "`since`" TIMES "7`."},
        {"since=d", "`since`" TIMES "d`."},
        {"since=7y", "`since`" TIMES "7y`."},
        {"since=100001d", "`since`" TIMES "100001d`."},
        {"since=2025-02-29", "`since`" TIMES "2025-02-29`."},
        {"since=2025-1-01", "`since`" TIMES "2025-1-01`."},
        {"until=-1d", "`until`" TIMES "-1d`."},
        {"until=" FORTY "1", "`until`" TIMES FORTY "`."},
        {"format=xml", "`format` is json or csv, not `xml`."},
        {"format=" FORTY "1", "`format` is json or csv, not `" FORTY "`."},
        {"limit=0", "`limit` is a number of rows from 1 to 4000."},
        {"limit=4001", "`limit` is a number of rows from 1 to 4000."},
        {"limit=x", "`limit` is a number of rows from 1 to 4000."},
        {"compare=yes", "`compare` is true or false."},
        {"recosted=yes", "`recosted` is true or false."},
        {"model=", "`model` must be a name."},
        {"x", "`x` is not understood: write by, since, until, format, limit, compare, recosted, or one of " KEYS "."},
        {FORTY "1=1", "`" FORTY "` is not understood: write by, since, until, format, limit, compare, "
                      "recosted, or one of " KEYS "."},
        {"model=%00", "`model` is too long, or no text."},
        {FORTY "1=%00", "`" FORTY "` is too long, or no text."}};
    struct usage_question question;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error = (struct error){.code = error_none};
        if (usage_query_read(str_from(rows[i].query), now_ms, &question, &error) ||
            error.code != error_invalid_request || strcmp(error.message, rows[i].says) != 0)
            fail_msg("%s: %s", rows[i].query, error.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_is_the_last_day_in_all),
        cmocka_unit_test(keys_are_taken_in_their_order),
        cmocka_unit_test(times_are_back_from_now_or_days),
        cmocka_unit_test(what_is_asked_beside_keys_and_times_is_read),
        cmocka_unit_test(a_name_has_255_bytes_at_most),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
