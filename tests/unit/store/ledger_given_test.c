/* ledger_given_test.c - what was given without a provider is in the sums once, whoever it was for. */
#include "store/ledger_given.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ledger_folder.h"
#include "store/database_internal.h"
#include "store/ledger_erase.h"

static const struct journal_source source = {0xfedcba9876543210u, 1}, other_source = {7, 1};
static const int64_t hour_ms = 3600000, day_ms = 24 * 3600000;

static struct record given(uint64_t sequence, const char *client, int64_t hits, int64_t saved) {
    struct record record = {.kind = record_of_given,
                            .sequence = sequence,
                            .texts = {[record_provider] = STR("openai"),
                                      [record_model] = STR("gpt"),
                                      [record_client] = str_from(client),
                                      [record_route] = STR("faq")},
                            .given = {[record_given_cache_hits] = hits, [record_given_saved_nano_usd] = saved}};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    record.numbers[record_time_ms] = 20 * day_ms;
    return record;
}

static void add(struct ledger *ledger, struct journal_source from, const struct record *record) {
    assert_true(ledger_begin(ledger));
    if (!ledger_add(ledger, from, record) || !ledger_commit(ledger)) fail_msg("%s", ledger_problem(ledger));
}

static char told[65536];
static const char *usage(struct ledger *ledger, const struct usage_question *question) {
    struct text text = text_in_buffer(told, sizeof told - 1);
    if (!ledger_usage(ledger, question, &text)) fail_msg("%s", ledger_problem(ledger));
    told[text.len] = 0;
    return told;
}

static void assert_has(const char *text, const char *piece) {
    if (!strstr(text, piece)) fail_msg("%s is not in %s", piece, text);
}

static void a_place_counts_what_is_more_than_before(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_client}};
    struct record record = given(1, "app", 5, 500), other = given(1, "other", 1, 0);
    (void)state;
    struct ledger *ledger = opened();
    add(ledger, source, &record), add(ledger, source, &record), add(ledger, other_source, &other);
    assert_has(usage(ledger, &question), "{\"client\":\"app\",\"requests\":0,\"attempts\":0,");
    assert_has(told,
               "\"cache_hits\":5,\"cache_shared\":0,\"cache_stale\":0,\"fallbacks\":0,\"saved_usd\":\"0.000000500\"");
    assert_has(told, "{\"client\":\"other\",");
    ledger_close(ledger);
    ledger = opened(); /* and after a restart */
    record = given(1, "app", 12, 700);
    add(ledger, source, &record);
    record = given(1, "app", 9, 600); /* a copy of earlier takes nothing back */
    add(ledger, source, &record);
    add(ledger, source, &record);
    usage(ledger, &question);
    assert_has(told,
               "\"cache_hits\":12,\"cache_shared\":0,\"cache_stale\":0,\"fallbacks\":0,\"saved_usd\":\"0.000000700\"");
    assert_has(told, "\"total\":{\"requests\":0,");
    assert_has(told, "\"cache_hits\":13,");
    ledger_close(ledger);
}

static void what_was_undone_counts_again(void **state) {
    struct usage_question question = {0};
    struct record record = given(1, "app", 5, 500);
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_begin(ledger) && ledger_add(ledger, source, &record));
    ledger_undo(ledger);
    assert_has(usage(ledger, &question), "\"cache_hits\":0,");
    add(ledger, source, &record);
    assert_has(usage(ledger, &question), "\"cache_hits\":5,");
    ledger_close(ledger);
}

static void it_is_told_by_route_model_hour_and_day(void **state) {
    static const struct {
        enum usage_key by;
        const char *row;
    } rows[] = {{usage_by_route, "{\"route\":\"faq\","},
                {usage_by_model, "{\"model\":\"gpt\","},
                {usage_by_provider, "{\"provider\":\"openai\","},
                {usage_by_day, "{\"day\":\"1970-01-21\","},
                {usage_by_hour, "{\"hour\":\"1970-01-21T00:00Z\","}};
    struct record record = given(1, "app", 5, 500), later = given(2, "app", 2, 100);
    (void)state;
    later.numbers[record_time_ms] += 3 * hour_ms;
    struct ledger *ledger = opened();
    add(ledger, source, &record), add(ledger, source, &later);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct usage_question question = {.by_count = 1, .by = {rows[i].by}};
        assert_has(usage(ledger, &question), rows[i].row);
        assert_has(told, "\"cache_hits\":7,");
    }
    struct usage_question compared = {.compares = true};
    assert_has(usage(ledger, &compared), "\"rows\":[]"); /* nobody was asked: there is nothing to compare */
    ledger_close(ledger);
}

/* What cannot be told again is not remembered by its place; what can be is. */
static void places_are_forgotten_when_they_cannot_be_told_again(void **state) {
    struct usage_question question = {0};
    struct record first = given(1, "app", 5, 0), second = given(2, "app", 7, 0), others = given(1, "app", 11, 0);
    (void)state;
    second.numbers[record_time_ms] += hour_ms;
    struct ledger *ledger = opened();
    add(ledger, source, &first), add(ledger, source, &second), add(ledger, other_source, &others);
    assert_true(ledger_given_forget(ledger, source.instance, second.numbers[record_time_ms], 0));
    add(ledger, source, &second), add(ledger, other_source, &others);
    assert_has(usage(ledger, &question), "\"cache_hits\":23,");
    add(ledger, source, &first); /* as a place of the same number that counts something else */
    assert_has(usage(ledger, &question), "\"cache_hits\":28,");
    assert_true(ledger_given_forget(ledger, 99, INT64_MAX, 0)); /* of one that has none */
    add(ledger, other_source, &others);
    assert_has(usage(ledger, &question), "\"cache_hits\":28,");
    assert_true(ledger_given_forget(ledger, 99, 0, first.numbers[record_time_ms] + 1));
    add(ledger, other_source, &others);
    assert_has(usage(ledger, &question), "\"cache_hits\":39,");
    ledger_close(ledger);
}

/* A minute that had begun before the purge is the tombstone's to its end, what comes after it the client's. */
static void a_client_that_is_purged_has_none_of_it(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_client}};
    struct record record = given(1, "app", 5, 500), next = given(2, "app", 2, 100);
    char problem[512] = "";
    struct erased_told erased;
    (void)state;
    next.numbers[record_time_ms] += 60000;
    struct ledger *ledger = opened();
    add(ledger, source, &record);
    struct ledger *beside = ledger_open_beside(path, problem, sizeof problem);
    assert_non_null(beside);
    if (!ledger_erase(beside, STR("app"), 20 * day_ms + 1000, &erased, problem, sizeof problem))
        fail_msg("%s", problem);
    ledger_close(beside);
    record = given(1, "app", 8, 800);
    add(ledger, source, &record), add(ledger, source, &next);
    assert_has(usage(ledger, &question), "{\"client\":\"(erased ");
    assert_has(told, "\"cache_hits\":8,");
    assert_has(told, "{\"client\":\"app\",");
    assert_has(told, "\"cache_hits\":2,");
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(a_place_counts_what_is_more_than_before),
        TEST(what_was_undone_counts_again),
        TEST(it_is_told_by_route_model_hour_and_day),
        TEST(a_client_that_is_purged_has_none_of_it),
        TEST(places_are_forgotten_when_they_cannot_be_told_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
