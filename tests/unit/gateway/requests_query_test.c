/* requests_query_test.c - what is searched for in the request log, as a URL has it, and what is said of what is not
 * understood. */
#include "gateway/requests_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const int64_t now_ms = 1795000000000, hour_ms = 3600000;

static struct search_question good(const char *query) {
    struct search_question question;
    struct error error = {.code = error_none};
    bool read = requests_query_read(str_from(query), now_ms, &question, &error);
    if (!read) fail_msg("%s: %s", query, error.message);
    return question;
}

static void nothing_said_is_the_last_day(void **state) {
    (void)state;
    struct search_question question = good("");
    assert_int_equal(question.since_ms, now_ms - 24 * hour_ms);
    assert_int_equal(question.until_ms, 0);
    assert_int_equal(question.rows_most, search_rows_usual);
    assert_true(question.status_least < 0 && question.status_most == INT64_MAX);
    assert_false(question.failed || question.csv || question.from.count);
}

static void what_is_asked_is_read(void **state) {
    (void)state;
    struct search_question question =
        good("client=a%20b&&session=s&outcome=timeout&status=5xx&cost=0.5&since=2h&limit=1000&format=csv&id=req_1");
    assert_string_equal(question.names[search_client], "a b");
    assert_string_equal(question.names[search_session], "s");
    assert_string_equal(question.names[search_outcome], "timeout");
    assert_int_equal(question.status_least, 500);
    assert_int_equal(question.status_most, 599);
    assert_int_equal(question.cost_nano_usd, 500000000);
    assert_int_equal(question.since_ms, now_ms - 2 * hour_ms);
    assert_int_equal(question.rows_most, 1000);
    assert_string_equal(question.id, "req_1");
    assert_true(question.csv);
    question = good("outcome=failed&status=429&before=10000000001.2a");
    assert_true(question.failed && !question.names[search_outcome][0]);
    assert_int_equal(question.status_least, 429);
    assert_int_equal(question.status_most, 429);
    assert_int_equal(question.from.count, 2);
    assert_int_equal(question.from.before[1], 42);
}

static void each_name_and_each_bound_is_read(void **state) {
    static const struct {
        const char *query;
        int64_t least, most;
    } statuses[] = {{"status=1xx", 100, 199}, {"status=5xx", 500, 599}, {"status=0", 0, 0}, {"status=999", 999, 999}};
    char query[64];
    (void)state;
    for (int i = 0; i < search_names; i++) {
        snprintf(query, sizeof query, "%.*s=a", STR_ARG(search_name_of((enum search_name)i)));
        const struct search_question question = good(query);
        for (int name = 0; name < search_names; name++) assert_string_equal(question.names[name], name == i ? "a" : "");
    }
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        const struct search_question question = good(statuses[i].query);
        assert_int_equal(question.status_least, statuses[i].least);
        assert_int_equal(question.status_most, statuses[i].most);
    }
    assert_int_equal(good("limit=1").rows_most, 1);
    assert_int_equal(good("cost=0").cost_nano_usd, 0);
    assert_int_equal(good("cost=0.000000001").cost_nano_usd, 1);
    assert_int_equal(good("until=1h").until_ms, now_ms - hour_ms);
    assert_false(good("format=csv&format=json").csv);
    assert_true(good("outcome=failed&outcome=timeout").failed);
    assert_false(good("client=failed").failed || good("outcome=ok").failed);
    struct search_question question;
    assert_true(requests_query_read(STR(""), 24 * hour_ms - 1, &question, NULL));
    assert_int_equal(question.since_ms, 0);
}

/* As long as it may be, and one byte longer; and what no question has room for. */
static void a_value_has_room_up_to_its_bound(void **state) {
    static const struct {
        const char *name;
        size_t most;
        const char *said;
    } rows[] = {{"id", 79, "`id` is too long."},
                {"asked", 519, "`asked` is too long."},
                {"before", 1087, "`before` is too long, or no text."}};
    static char query[1200];
    struct search_question question;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t len = rows[i].most; len <= rows[i].most + 1; len++) {
            struct error error = {.code = error_none};
            size_t at = (size_t)snprintf(query, sizeof query, "%s=", rows[i].name);
            memset(query + at, 'x', len);
            query[at + len] = 0;
            if (requests_query_read(str_from(query), now_ms, &question, &error)) {
                assert_int_equal(len, rows[i].most);
                assert_string_equal(i == 0 ? question.id : question.names[search_asked], query + at);
            } else {
                bool fits = len == rows[i].most;
                assert_true(!fits || i == 2);
                assert_string_equal(error.message, fits ? "`before` is the `next` of an answer." : rows[i].said);
            }
        }
}

#define FORTY "0123456789012345678901234567890123456789"
#define NAMES                                                                                                      \
    " is not understood: write client, provider, model, route, asked, session, outcome, id, status, cost, since, " \
    "until, before, limit, or format (json, csv)."
#define STATUS "`status` is a status, such as 429, or a class of them, such as 5xx."
#define COST "`cost` is an amount of dollars, such as 0.05."
#define LIMIT "`limit` is a number of rows from 1 to 1000."
#define BEFORE "`before` is the `next` of an answer."
#define TIMES " must be a time back from now (90m, 24h, 7d, 4w) or a day (2026-11-01), not `never`."

static void what_is_not_understood_is_said(void **state) {
    static const struct {
        const char *query, *said;
    } rows[] = {{"what=1", "`what`" NAMES},
                {FORTY "1=1", "`" FORTY "`" NAMES},
                {"status=0xx", STATUS},
                {"status=6xx", STATUS},
                {"status=5xy", STATUS},
                {"status=5yx", STATUS},
                {"status=5xxx", STATUS},
                {"status=abc", STATUS},
                {"status=-1", STATUS},
                {"status=1000", STATUS},
                {"status=", STATUS},
                {"cost=-1", COST},
                {"cost=much", COST},
                {"limit=0", LIMIT},
                {"limit=1001", LIMIT},
                {"limit=x", LIMIT},
                {"format=xml", "`format` is json or csv."},
                {"since=never", "`since`" TIMES},
                {"until=never", "`until`" TIMES},
                {"before=", BEFORE},
                {"before=0", BEFORE},
                {"before=xyz", BEFORE},
                {"before=1..2", BEFORE},
                {"before=1.2.g", BEFORE},
                {"client=%00ab", "`client` is too long, or no text."},
                {FORTY "1=%00", "`" FORTY "` is too long, or no text."},
                {"before=11111111111111111", BEFORE},
                {"before=ffffffffffffffff", BEFORE}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct search_question question;
        struct error error = {.code = error_none};
        if (requests_query_read(str_from(rows[i].query), now_ms, &question, &error))
            fail_msg("%s is taken", rows[i].query);
        assert_int_equal(error.code, error_invalid_request);
        if (strcmp(error.message, rows[i].said) != 0) fail_msg("%s: %s", rows[i].query, error.message);
    }
}

static void more_places_than_workers_are_no_place(void **state) {
    char word[4 * limit_loops + 16] = "1";
    struct search_place place;
    (void)state;
    for (size_t i = 1; i < limit_loops; i++) strcat(word, ".1");
    assert_true(search_place_read(str_from(word), &place));
    assert_int_equal(place.count, limit_loops);
    strcat(word, ".1");
    assert_false(search_place_read(str_from(word), &place));
}

static void a_place_is_read_as_it_was_written(void **state) {
    char word[search_place_bytes];
    struct text text = text_in_buffer(word, sizeof word);
    struct search_place place = {.count = limit_loops}, read;
    (void)state;
    for (size_t i = 0; i < limit_loops; i++) place.before[i] = INT64_MAX - (int64_t)i;
    search_place_put(&place, &text);
    assert_false(text.failed);
    assert_true(search_place_read(text_str(&text), &read));
    assert_memory_equal(&place, &read, sizeof read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_the_last_day),      cmocka_unit_test(what_is_asked_is_read),
        cmocka_unit_test(each_name_and_each_bound_is_read),  cmocka_unit_test(a_value_has_room_up_to_its_bound),
        cmocka_unit_test(what_is_not_understood_is_said),    cmocka_unit_test(more_places_than_workers_are_no_place),
        cmocka_unit_test(a_place_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
