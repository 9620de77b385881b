/* ledger_search_test.c - attempts of several processes and workers, searched page by page: each once, the newest
 * first. */
#include "store/ledger_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger_folder.h"

static const int64_t now_ms = 1795000000000, hour_ms = 3600000;

/* Three processes, one after the other, the second with three workers side by side; an attempt a minute. */
static const struct journal_source sources[] = {{7, 0}, {8, 2}, {8, 0}, {8, 1}, {9, 0}};
enum { source_count = sizeof sources / sizeof *sources, attempts_of_all = 600 };

static void attempts_add(struct ledger *ledger) {
    uint64_t sequences[source_count] = {0};
    assert_true(ledger_begin(ledger));
    for (int i = 0; i < attempts_of_all; i++) {
        const size_t source = i < 200 ? 0 : i < 500 ? 1 + (size_t)(i * 7 % 3) : 4;
        char id[32];
        snprintf(id, sizeof id, "req_%08d", i);
        struct record record = {.sequence = sequences[source]++,
                                .texts = {[record_request_id] = str_from(id),
                                          [record_provider] = i % 50 == 0 ? STR("rare") : STR("p"),
                                          [record_outcome] = i % 20 == 0 ? STR("timeout") : STR("ok")}};
        for (int n = 0; n < record_numbers; n++) record.numbers[n] = -1;
        record.numbers[record_time_ms] = now_ms - (int64_t)(attempts_of_all - i) * 60000;
        record.numbers[record_attempt] = 0;
        record.numbers[record_flags] = i % 20 == 0 ? 0 : record_succeeded;
        record.numbers[record_status] = i % 20 == 0 ? 504 : 200;
        record.numbers[record_cost_nano_usd] = i * 1000;
        record.numbers[record_duration_us] = 5;
        assert_true(ledger_add(ledger, sources[source], &record));
    }
    assert_true(ledger_commit(ledger));
}

static struct search_question question_any(void) {
    return (struct search_question){.status_least = INT64_MIN, .status_most = INT64_MAX, .rows_most = search_rows_max};
}

/* Asks until nothing is left; how many rows, each by its place in *ids. */
static size_t all_pages(struct ledger *ledger, struct search_question question, int *ids, size_t *pages) {
    static char bytes[1 << 20];
    size_t count = 0;
    for (*pages = 1;; (*pages)++) {
        struct text text = text_in_buffer(bytes, sizeof bytes - 1);
        assert_true(ledger_search(ledger, &question, &text));
        bytes[text.len] = 0;
        for (const char *at = bytes; (at = strstr(at, "\"req_")) != NULL; at += 5) {
            assert_true(count < attempts_of_all);
            ids[count++] = atoi(at + 5);
        }
        const char *next = strstr(bytes, "\"next\":\"");
        if (!next) return count;
        next += strlen("\"next\":\"");
        assert_true(search_place_read(str_make(next, (size_t)(strchr(next, '"') - next)), &question.from));
        assert_true(*pages < 2 * attempts_of_all);
    }
}

static void each_is_told_once_and_the_newest_first(void **state) {
    static const size_t rows[] = {1, 7, 100, 200, attempts_of_all, search_rows_max};
    struct ledger *ledger = opened();
    (void)state;
    attempts_add(ledger);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int ids[attempts_of_all];
        size_t pages;
        struct search_question question = question_any();
        question.rows_most = rows[i];
        assert_int_equal(all_pages(ledger, question, ids, &pages), attempts_of_all);
        for (int k = 0; k < attempts_of_all; k++) assert_int_equal(ids[k], attempts_of_all - 1 - k);
    }
    ledger_close(ledger);
}

static void what_is_searched_for_is_all_that_is_told(void **state) {
    struct ledger *ledger = opened();
    int ids[attempts_of_all];
    size_t pages;
    (void)state;
    attempts_add(ledger);
    struct search_question question = question_any();
    strcpy(question.names[search_provider], "rare");
    assert_int_equal(all_pages(ledger, question, ids, &pages), attempts_of_all / 50);
    strcpy(question.names[search_outcome], "timeout");
    assert_int_equal(all_pages(ledger, question, ids, &pages), attempts_of_all / 100);
    strcpy(question.names[search_provider], "unheard of");
    assert_int_equal(all_pages(ledger, question, ids, &pages), 0);
    question = question_any();
    question.failed = true;
    question.rows_most = 4;
    assert_int_equal(all_pages(ledger, question, ids, &pages), attempts_of_all / 20);
    question = question_any();
    question.status_least = 500, question.status_most = 599;
    assert_int_equal(all_pages(ledger, question, ids, &pages), attempts_of_all / 20);
    question = question_any();
    question.cost_nano_usd = 590 * 1000;
    assert_int_equal(all_pages(ledger, question, ids, &pages), 10);
    question = question_any();
    question.since_ms = now_ms - hour_ms, question.until_ms = now_ms - hour_ms / 2;
    assert_int_equal(all_pages(ledger, question, ids, &pages), 30);
    ledger_close(ledger);
}

static void a_request_is_found_by_its_id_whenever_it_was(void **state) {
    struct ledger *ledger = opened();
    int ids[attempts_of_all];
    size_t pages;
    (void)state;
    attempts_add(ledger);
    struct search_question question = question_any();
    question.since_ms = now_ms;
    strcpy(question.id, "req_00000003");
    assert_int_equal(all_pages(ledger, question, ids, &pages), 1);
    assert_int_equal(ids[0], 3);
    ledger_close(ledger);
}

static void places_that_nobody_wrote_do_no_harm(void **state) {
    static const int64_t places[] = {1, 2, INT64_MAX, (int64_t)1 << 44, ((int64_t)1 << 44) + 1, (int64_t)3 << 38};
    struct ledger *ledger = opened();
    int ids[attempts_of_all];
    size_t pages;
    (void)state;
    attempts_add(ledger);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct search_question question = question_any();
        question.from = (struct search_place){.before = {places[i]}, .count = 1};
        assert_true(all_pages(ledger, question, ids, &pages) <= attempts_of_all);
    }
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_told_once_and_the_newest_first, begin, end),
        cmocka_unit_test_setup_teardown(what_is_searched_for_is_all_that_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_request_is_found_by_its_id_whenever_it_was, begin, end),
        cmocka_unit_test_setup_teardown(places_that_nobody_wrote_do_no_harm, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
