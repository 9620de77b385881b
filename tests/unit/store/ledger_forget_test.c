/* ledger_forget_test.c - what is old goes in small pieces, of every worker of every process, and nothing else. */
#include "store/ledger_forget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger_folder.h"
#include "store/ledger_internal.h"
#include "store/ledger_past.h"
#include "store/ledger_recost.h"

static const int64_t hour_ms = 3600000;
static const struct journal_source sources[] = {{7, 0}, {7, 1}, {8, 0}, {9, 3}};
enum { source_count = sizeof sources / sizeof *sources };

static void add(struct ledger *ledger, struct journal_source source, uint64_t first, uint64_t count, int64_t time_ms) {
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 0; i < count; i++) {
        struct record record = {.sequence = first + i,
                                .texts = {[record_request_id] = STR("req_1"), [record_provider] = STR("p")}};
        record.numbers[record_time_ms] = time_ms + (int64_t)i;
        record.numbers[record_cost_nano_usd] = 5;
        assert_true(ledger_add(ledger, source, &record));
    }
    if (!ledger_commit(ledger)) fail_msg("%s", ledger_problem(ledger));
}

struct left {
    size_t count;
    int64_t oldest_ms, last_id;
};

static bool left_take(void *context, const struct past_attempt *attempt) {
    struct left *left = context;
    if (!left->count || attempt->numbers[record_time_ms] < left->oldest_ms)
        left->oldest_ms = attempt->numbers[record_time_ms];
    left->last_id = attempt->id;
    left->count++;
    return true;
}

static struct left left_in(struct ledger *ledger) {
    struct left left = {0, 0, 0};
    const struct past_question question = {.since_ms = 0};
    if (!ledger_past(ledger, &question, left_take, NULL, &left)) fail_msg("%s", ledger_problem(ledger));
    return left;
}

static int64_t count_of(struct ledger *ledger, const char *sql) {
    struct statement *count = statement_make(ledger_database(ledger), sql);
    assert_true(count && statement_step(count) == database_row);
    int64_t number = row_number(count, 0);
    statement_end(count);
    return number;
}

static void what_is_old_goes_in_small_pieces_and_the_rest_stays(void **state) {
    enum { old = 2500, young = 10 };
    struct ledger_forgetting forgetting;
    size_t pieces = 0;
    (void)state;
    struct ledger *ledger = opened();
    for (size_t i = 0; i < source_count; i++) {
        add(ledger, sources[i], 1, old, 20 * hour_ms);
        add(ledger, sources[i], old + 1, young, 40 * hour_ms);
    }
    ledger_forget_begin(&forgetting, 30 * hour_ms);
    for (size_t before = left_in(ledger).count; forgetting.what == forgets_attempts; pieces++) {
        if (!ledger_forget_some(ledger, &forgetting)) fail_msg("%s", ledger_problem(ledger));
        size_t now = left_in(ledger).count;
        assert_true(before - now <= forget_piece);
        before = now;
        if (pieces == 3)
            add(ledger, sources[0], old + young + 1, 1, 41 * hour_ms); /* who writes goes on between them */
    }
    assert_true(pieces >= source_count * 3 && forgetting.attempts == source_count * old);
    struct left left = left_in(ledger);
    assert_int_equal(left.count, source_count * young + 1);
    assert_int_equal(left.oldest_ms, 40 * hour_ms);
    while (forgetting.what != forgets_nothing) assert_true(ledger_forget_some(ledger, &forgetting));
    assert_int_equal(count_of(ledger, "SELECT numbers_all(attempts) FROM usage WHERE grain = 0"),
                     source_count * (old + young) + 1); /* the sums stay */
    assert_int_equal(ledger_forget(ledger, 30 * hour_ms), 0);
    ledger_close(ledger);
}

static void what_was_priced_anew_goes_with_its_attempt(void **state) {
    size_t changed;
    (void)state;
    struct ledger *ledger = opened();
    add(ledger, sources[0], 1, 1, 20 * hour_ms);
    const struct recosted row = {left_in(ledger).last_id, 9, STR("2026-11-20 1f")};
    assert_true(ledger_recost(ledger, &row, 1, &changed) && changed == 1);
    assert_int_equal(count_of(ledger, "SELECT count(*) FROM recosted"), 1);
    assert_int_equal(ledger_forget(ledger, 30 * hour_ms), 1);
    assert_int_equal(count_of(ledger, "SELECT count(*) FROM recosted"), 0);
    assert_int_equal(count_of(ledger, "SELECT numbers_all(recosted_nano_usd) FROM recosted_usage WHERE grain = 0"), 4);
    ledger_close(ledger);
}

/* Within an hour a worker's attempts may stand in another order; a younger one further on hides nothing. */
static void an_attempt_that_stands_behind_a_younger_one_goes_too(void **state) {
    (void)state;
    struct ledger *ledger = opened();
    add(ledger, sources[0], 1, 1, 30 * hour_ms + 5), add(ledger, sources[0], 2, 1, 30 * hour_ms - 5);
    add(ledger, sources[2], 1, 1, 10 * hour_ms);
    assert_int_equal(ledger_forget(ledger, 30 * hour_ms), 2);
    assert_int_equal(left_in(ledger).count, 1);
    ledger_close(ledger);
}

/* Words go by their numbers, some thousands at once: those that were said too long ago, unless they stay. */
static void words_go_to_the_last_one(void **state) {
    enum { count = 12000, tenth = count / 10 };
    (void)state;
    struct ledger *ledger = opened();
    add(ledger, sources[0], 1, 1, 40 * hour_ms); /* by whom is known since */
    struct statement *add_words = statement_make(
        ledger_database(ledger),
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?1) INSERT INTO words(id, word, "
        "told_s, stays) SELECT 1000 + n, 'word ' || n, CASE n % 10 WHEN 1 THEN ?2 ELSE ?2 - 1 END, n % 10 = 2 FROM c");
    assert_non_null(add_words);
    param_numbers(add_words, 1, (const int64_t[]){count, 30 * hour_ms / 1000}, 2);
    assert_true(statement_run_once(add_words));
    assert_int_equal(ledger_forget(ledger, 30 * hour_ms), 0);
    assert_int_equal(count_of(ledger, "SELECT count(*) FROM words WHERE word LIKE 'word %'"), 2 * tenth);
    assert_int_equal(count_of(ledger, "SELECT count(*) FROM words WHERE word LIKE 'word %1'"), tenth);
    assert_int_equal(count_of(ledger, "SELECT count(*) FROM words WHERE word LIKE 'word %2'"), tenth);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_old_goes_in_small_pieces_and_the_rest_stays, begin, end),
        cmocka_unit_test_setup_teardown(what_was_priced_anew_goes_with_its_attempt, begin, end),
        cmocka_unit_test_setup_teardown(an_attempt_that_stands_behind_a_younger_one_goes_too, begin, end),
        cmocka_unit_test_setup_teardown(words_go_to_the_last_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
