/* requests_query_test.c - what is searched for in the request log, as a URL has it, and what is said of what is not
 * understood. */
#include "gateway/requests_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void what_is_not_understood_is_said(void **state) {
    static const char *const rows[] = {"what=1",
                                       "status=6xx",
                                       "status=abc",
                                       "status=-1",
                                       "cost=-1",
                                       "cost=much",
                                       "limit=0",
                                       "limit=1001",
                                       "format=xml",
                                       "since=never",
                                       "before=",
                                       "before=0",
                                       "before=xyz",
                                       "before=1..2",
                                       "before=1.2.g",
                                       "client=%00ab",
                                       "before=11111111111111111",
                                       "before=ffffffffffffffff"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct search_question question;
        struct error error = {.code = error_none};
        if (requests_query_read(str_from(rows[i]), now_ms, &question, &error)) fail_msg("%s is taken", rows[i]);
        assert_int_equal(error.code, error_invalid_request);
        assert_true(error.message[0]);
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
        cmocka_unit_test(what_is_not_understood_is_said),    cmocka_unit_test(more_places_than_workers_are_no_place),
        cmocka_unit_test(a_place_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
