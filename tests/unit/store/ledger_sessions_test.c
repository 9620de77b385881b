/* ledger_sessions_test.c - usage by session: whichever way the total and the rows are read, they are the sums of the
 * same attempts; priced anew, forgotten, purged, and of earlier versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/prng.h"
#include "ledger_folder.h"
#include "store/database_internal.h"
#include "store/ledger_erase.h"
#include "store/ledger_forget.h"
#include "store/ledger_internal.h"
#include "store/ledger_past.h"
#include "store/ledger_recost.h"

static const struct journal_source source = {7, 0};
static const int64_t hour_ms = 3600 * 1000, begin_ms = INT64_C(20) * 24 * 3600 * 1000;
enum { attempts = 600, sessions = 90, hours = 30, clients = 3 };

static char told[4 << 20];
static const char *usage(struct ledger *ledger, const struct usage_question *question) {
    struct text text = text_in_buffer(told, sizeof told - 1);
    if (!ledger_usage(ledger, question, &text)) fail_msg("%s", ledger_problem(ledger));
    told[text.len] = 0;
    return told;
}

/* The total of what was told last; lives until the next but three. */
static const char *total_of(const char *text) {
    static char totals[4][2048];
    static unsigned turn;
    char *total = totals[turn++ % 4];
    const char *at = strstr(text, "\"total\":");
    assert_non_null(at);
    str_copy(total, sizeof totals[0], str_from(at));
    return total;
}

static struct record_said said(uint64_t tag) { return (struct record_said){.tag = {{tag, 1}}}; }

static void attempt_add(struct ledger *ledger, struct prng *prng, uint64_t i) {
    struct record record = {.sequence = i + 1};
    char client[8], owner[16];
    const uint64_t session = prng_below(prng, sessions);
    for (size_t n = 0; n < record_numbers; n++) record.numbers[n] = -1;
    record.numbers[record_time_ms] = begin_ms + (int64_t)prng_below(prng, hours) * hour_ms;
    record.numbers[record_attempt] = 0;
    record.numbers[record_flags] = prng_below(prng, 9) ? record_succeeded : 0;
    record.numbers[record_input_tokens] = (int64_t)prng_below(prng, 5000);
    record.numbers[record_output_tokens] = (int64_t)prng_below(prng, 500);
    record.numbers[record_duration_us] = 1000 + (int64_t)prng_below(prng, 4000000);
    record.numbers[record_first_token_us] = 1 + (int64_t)prng_below(prng, 900);
    record.numbers[record_cost_nano_usd] = (int64_t)prng_below(prng, 1000000);
    snprintf(client, sizeof client, "c%u", (unsigned)(session % clients));
    snprintf(owner, sizeof owner, "t%u|org", (unsigned)(session % clients));
    record.texts[record_provider] = prng_below(prng, 2) ? STR("a") : STR("b");
    record.texts[record_model] = STR("m");
    record.texts[record_client] = str_from(client);
    record.texts[record_owner] = str_from(owner);
    if (prng_below(prng, 10)) record.words[record_session] = said(session + 1);
    assert_true(ledger_add(ledger, source, &record));
}

static struct ledger *filled(void) {
    struct ledger *ledger = opened();
    struct prng prng;
    char text[16];
    prng_seed(&prng, 12);
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 0; i < sessions; i++) {
        struct record word = {.kind = record_of_word, .words = {said(i + 1)}};
        snprintf(text, sizeof text, "s-%u", (unsigned)i);
        word.words[0].text = str_from(text);
        assert_true(ledger_add(ledger, source, &word));
    }
    for (uint64_t i = 0; i < attempts; i++) {
        attempt_add(ledger, &prng, i);
        if (i % 97 == 0) assert_true(ledger_commit(ledger) && ledger_begin(ledger));
    }
    if (!ledger_commit(ledger)) fail_msg("%s", ledger_problem(ledger));
    return ledger;
}

struct nth {
    size_t left;
    int64_t id;
};

static bool nth_take(void *context, const struct past_attempt *attempt) {
    struct nth *nth = context;
    nth->id = attempt->id;
    return --nth->left > 0;
}

/* The n-th that is there costs another amount now. */
static void recost(struct ledger *ledger, size_t n, int64_t nano_usd) {
    const struct past_question all = {.since_ms = 0};
    struct nth nth = {n, 0};
    size_t changed;
    (void)ledger_past(ledger, &all, nth_take, NULL, &nth);
    assert_int_equal(nth.left, 0);
    const struct recosted row = {nth.id, nano_usd, STR("p")};
    assert_true(ledger_recost(ledger, &row, 1, &changed));
    assert_int_equal(changed, 1);
}

/* All rows, so that they make the total; a few, which other rows make; by owners, of which each has two. */
static void assert_same_totals(struct ledger *ledger, struct usage_question question) {
    question.by_count = 1;
    question.by[0] = usage_by_session;
    question.rows_most = usage_rows_max;
    const char *whole = total_of(usage(ledger, &question));
    assert_non_null(strstr(told, "\"more\":0,"));
    question.rows_most = 2;
    assert_string_equal(total_of(usage(ledger, &question)), whole);
    question.by_count = 2;
    question.by[1] = usage_by_owner;
    assert_string_equal(total_of(usage(ledger, &question)), whole);
    question.rows_most = usage_rows_max;
    assert_string_equal(total_of(usage(ledger, &question)), whole);
}

static void each_way_to_the_total_ends_at_the_same_sums(void **state) {
    (void)state;
    struct ledger *ledger = filled();
    struct usage_question question = {.recosted = true};
    for (int recosted = 0; recosted < 2; recosted++) {
        assert_same_totals(ledger, (struct usage_question){.recosted = true});
        question = (struct usage_question){.recosted = true, .only[usage_by_client] = "c1"};
        assert_same_totals(ledger, question);
        question = (struct usage_question){.recosted = true, .only[usage_by_owner] = "org"};
        assert_same_totals(ledger, question);
        question = (struct usage_question){.since_ms = begin_ms + 5 * hour_ms, .until_ms = begin_ms + 17 * hour_ms};
        assert_same_totals(ledger, question);
        question = (struct usage_question){.only[usage_by_day] = "1970-01-22", .recosted = true};
        assert_same_totals(ledger, question);
        if (!recosted) recost(ledger, 4, 5);
    }
    ledger_close(ledger);
}

/* A day's, of all and of one client, as its row among all days, alone, and of its hours. */
static void a_day_is_the_same_however_it_is_found(void **state) {
    static const char *const clients_only[] = {"", "c1"};
    (void)state;
    struct ledger *ledger = filled();
    for (size_t i = 0; i < 2; i++) {
        struct usage_question question = {.by_count = 1, .by = {usage_by_day}, .rows_most = usage_rows_max};
        char row[1024];
        str_copy(question.only[usage_by_client], sizeof question.only[0], str_from(clients_only[i]));
        const char *at = strstr(usage(ledger, &question), "{\"day\":\"1970-01-22\"");
        assert_non_null(at);
        at = strstr(at, "\"requests\"");
        str_copy(row, sizeof row, str_make(at, (size_t)(strchr(strstr(at, "first_token_ms"), '}') - at)));
        assert_null(strstr(row, "\"requests\":0,"));
        question.by_count = 0;
        str_copy(question.only[usage_by_day], sizeof question.only[0], STR("1970-01-22"));
        if (!strstr(total_of(usage(ledger, &question)), row)) fail_msg("%s is not in %s", row, told);
        question.by_count = 1, question.by[0] = usage_by_hour;
        if (!strstr(total_of(usage(ledger, &question)), row)) fail_msg("%s is not in %s", row, told);
    }
    ledger_close(ledger);
}

/* One session's, asked for in three ways. */
static void a_session_is_the_same_however_it_is_found(void **state) {
    (void)state;
    struct ledger *ledger = filled();
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}, .rows_most = 1};
    char name[32], row[1024];
    const char *at = strstr(usage(ledger, &question), "{\"session\":\"") + 12;
    str_copy(name, sizeof name, str_make(at, (size_t)(strchr(at, '"') - at)));
    at = strstr(at, "\"requests\"");
    str_copy(row, sizeof row, str_make(at, (size_t)(strchr(strstr(at, "first_token_ms"), '}') - at)));
    question = (struct usage_question){.by_count = 0};
    str_copy(question.only[usage_by_session], sizeof question.only[0], str_from(name));
    if (!strstr(total_of(usage(ledger, &question)), row)) fail_msg("%s is not in %s", row, told);
    question.by_count = 1, question.by[0] = usage_by_client;
    if (!strstr(usage(ledger, &question), row)) fail_msg("%s is not in %s", row, told);
    question.by[0] = usage_by_session, question.only[usage_by_session][0] = 0;
    question.rows_most = usage_rows_max;
    if (!strstr(usage(ledger, &question), row)) fail_msg("%s is not in %s", row, told);
    ledger_close(ledger);
}

static void what_is_forgotten_is_in_no_total(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}, .rows_most = 1};
    (void)state;
    struct ledger *ledger = filled();
    assert_true(ledger_forget(ledger, begin_ms + 10 * hour_ms) >= 0); /* attempts stand in no order: sessions go */
    const char *left = total_of(usage(ledger, &question));
    question.since_ms = begin_ms + 10 * hour_ms;
    assert_string_equal(left, total_of(usage(ledger, &question)));
    assert_same_totals(ledger, (struct usage_question){.since_ms = 0});
    assert_int_equal(ledger_forget(ledger, begin_ms + 100 * hour_ms), attempts);
    question.since_ms = 0;
    if (!strstr(usage(ledger, &question), "\"rows\":[],\"more\":0,\"total\":{\"requests\":0,")) fail_msg("%s", told);
    ledger_close(ledger);
}

static void a_purge_takes_names_and_leaves_sums(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}, .rows_most = 1};
    char problem[512];
    struct erased_told erased;
    (void)state;
    struct ledger *ledger = filled();
    const char *before = total_of(usage(ledger, &question));
    assert_true(ledger_erase(ledger, STR("c0"), INT64_MAX, &erased, problem, sizeof problem));
    assert_string_equal(total_of(usage(ledger, &question)), before);
    assert_same_totals(ledger, (struct usage_question){.since_ms = 0});
    ledger_close(ledger);
}

/* -- earlier versions -- */

static void sqlite_do(sqlite3 *sqlite, const char *sql) {
    char *problem = NULL;
    if (sqlite3_exec(sqlite, sql, NULL, NULL, &problem) != SQLITE_OK) fail_msg("%s: %s", sql, problem);
}

/* A ledger as the version before wrote it. */
static void what_the_version_before_did_not_write_is_made_of_what_it_did(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}, .rows_most = 1, .recosted = true};
    char sql[200];
    ONLY_A_FILE;
    (void)state;
    struct ledger *ledger = filled();
    recost(ledger, 5, 5);
    const char *before = total_of(usage(ledger, &question));
    ledger_close(ledger);
    sqlite3 *sqlite;
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    sqlite_do(sqlite, "DROP INDEX usage_sessions; DELETE FROM usage WHERE grain = 4;"
                      "DELETE FROM recosted_usage WHERE grain = 4");
    snprintf(sql, sizeof sql, "DELETE FROM schema_versions WHERE version >= %d", ledger_sums_filled);
    sqlite_do(sqlite, sql);
    sqlite3_close(sqlite);
    ledger = opened();
    assert_string_equal(total_of(usage(ledger, &question)), before);
    ledger_close(ledger);
}

/* Of each that had sessions: made as it was then. */
static void sessions_of_earlier_versions_have_a_total(void **state) {
    enum { first = 7 };
    static const char columns[] =
        "INSERT INTO usage(grain, at, provider, model, client, route, owner, rule, asked, tags, session, requests, "
        "attempts, errors, cancelled, estimated, lost, unpriced, input_tokens, output_tokens, cached_tokens, "
        "cache_write_tokens, reasoning_tokens, cost_nano_usd, input_nano_usd, output_nano_usd, cached_nano_usd, "
        "cache_write_nano_usd, tools_nano_usd, fees_nano_usd, provider_nano_usd, cache_saved_nano_usd, duration_us, "
        "durations, first_tokens) ";
    char sql[2000];
    ONLY_A_FILE;
    (void)state;
    for (int version = first; version < ledger_sums_filled; version++) {
        struct usage_question question = {.by_count = 1, .by = {usage_by_session}, .rows_most = 1};
        sqlite3 *sqlite;
        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_true(ledger_functions_register(sqlite));
        for (int made = 0; made < version; made++) {
            sqlite_do(sqlite, ledger_migrations[made]);
            snprintf(sql, sizeof sql, "INSERT INTO schema_versions VALUES(%d, 0)", made + 1);
            sqlite_do(sqlite, sql);
        }
        for (int i = 0; i < 3; i++) {
            snprintf(sql, sizeof sql,
                     "%sVALUES(2, %d, 1, 1, 1, 0, 0, 0, 0, 0, %d, 1, 2, 0, 0, 0, 0, 0, 10, 5, 0, 0, 0, 700, 0, 0, 0, "
                     "0, 0, 0, 0, 0, 1000, x'0a0001000000', x'0b0001000000')",
                     columns, 480 + i / 2, i + 1);
            sqlite_do(sqlite, sql);
        }
        sqlite3_close(sqlite);
        struct ledger *ledger = opened();
        usage(ledger, &question);
        if (!strstr(told, "\"more\":2,\"total\":{\"requests\":3,\"attempts\":6,")) fail_msg("%d: %s", version, told);
        assert_same_totals(ledger, (struct usage_question){.since_ms = 0});
        ledger_close(ledger);
        assert_int_equal(end(NULL) || begin(NULL), 0);
    }
}

/* Between the brackets of what was told last; owned. */
static char *rows_of(const char *text, size_t *count) {
    const char *from = strstr(text, "\"rows\":["), *to = strstr(text, "],\"more\":");
    assert_true(from && to);
    from += strlen("\"rows\":[");
    char *rows = strndup(from, (size_t)(to - from));
    *count = 0;
    for (const char *at = rows; (at = strstr(at, "\"requests\":")); at++) ++*count;
    return rows;
}

/* Whatever has chosen them: a heap, or an index. */
static void few_are_first(struct ledger *ledger, struct usage_question question) {
    size_t all, few;
    char *whole = rows_of(usage(ledger, &question), &all);
    assert_true(all > sessions / 2);
    for (size_t most = 1; most <= all; most++) {
        question.rows_most = most;
        char *rows = rows_of(usage(ledger, &question), &few), more[32];
        assert_int_equal(few, most);
        snprintf(more, sizeof more, "],\"more\":%zu,", all - most);
        if (!strstr(told, more)) fail_msg("%s in %s", more, told);
        assert_true(strncmp(rows, whole, strlen(rows)) == 0 && (most == all || whole[strlen(rows)] == ','));
        free(rows);
    }
    free(whole);
}

static void a_few_rows_are_the_first_of_all_of_them(void **state) {
    const struct usage_question most = {.rows_most = usage_rows_max};
    struct usage_question of_sessions = most, of_both = most;
    (void)state;
    struct ledger *ledger = filled();
    of_sessions.by[0] = usage_by_session, of_sessions.by_count = 1;
    few_are_first(ledger, of_sessions);
    of_both.by[0] = usage_by_client, of_both.by[1] = usage_by_hour, of_both.by_count = 2;
    few_are_first(ledger, of_both);
    ledger_close(ledger);
}

/* Two had no price, of which one has one now. */
static void what_is_still_without_a_price_is_told_in_both_forms(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_client}, .recosted = true};
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 0; i < 2; i++) {
        struct record record = {.sequence = i + 1};
        for (size_t n = 0; n < record_numbers; n++) record.numbers[n] = -1;
        record.numbers[record_time_ms] = begin_ms;
        record.numbers[record_attempt] = 0;
        record.numbers[record_flags] = record_succeeded;
        record.numbers[record_input_tokens] = 7;
        record.texts[record_client] = STR("c");
        assert_true(ledger_add(ledger, source, &record));
    }
    assert_true(ledger_commit(ledger));
    recost(ledger, 2, 9);
    recost(ledger, 2, 5); /* it counts once */

    if (!strstr(usage(ledger, &question), "\"recosted_attempts\":1,\"recosted_unpriced\":1")) fail_msg("%s", told);
    question.form = usage_as_csv;
    if (!strstr(usage(ledger, &question), ",0.000000005,1,1\r\n")) fail_msg("%s", told);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(each_way_to_the_total_ends_at_the_same_sums),
        TEST(a_day_is_the_same_however_it_is_found),
        TEST(a_session_is_the_same_however_it_is_found),
        TEST(a_few_rows_are_the_first_of_all_of_them),
        TEST(what_is_still_without_a_price_is_told_in_both_forms),
        TEST(what_is_forgotten_is_in_no_total),
        TEST(a_purge_takes_names_and_leaves_sums),
        TEST(what_the_version_before_did_not_write_is_made_of_what_it_did),
        TEST(sessions_of_earlier_versions_have_a_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
