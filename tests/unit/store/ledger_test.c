/* ledger_test.c - an attempt is in the ledger once, its sums are exact, and what is asked of them is what was added. */
#include "store/database_internal.h"
#include "store/ledger.h"
#include "store/ledger_alerts.h"
#include "store/database_internal.h"
#include "store/ledger_internal.h"
#include "store/ledger_history.h"
#include "store/ledger_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ledger_folder.h"

static const struct journal_source source = {0xfedcba9876543210u, 1};
static const int64_t hour_ms = 3600000, day_ms = 24 * 3600000;

static struct record plain(uint64_t sequence) {
    struct record record = {.sequence = sequence,
                            .texts = {[record_request_id] = STR("req_1"),
                                      [record_endpoint] = STR("chat"),
                                      [record_outcome] = STR("ok"),
                                      [record_provider] = STR("openai"),
                                      [record_model] = STR("gpt"),
                                      [record_client] = STR("app")}};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    record.numbers[record_time_ms] = 20 * day_ms;
    record.numbers[record_attempt] = 0;
    record.numbers[record_flags] = record_succeeded;
    record.numbers[record_input_tokens] = 100;
    record.numbers[record_output_tokens] = 10;
    record.numbers[record_duration_us] = 1000;
    record.numbers[record_cost_nano_usd] = 1250000;
    return record;
}

static void add(struct ledger *ledger, const struct record *record) {
    assert_true(ledger_begin(ledger));
    if (!ledger_add(ledger, source, record) || !ledger_commit(ledger)) fail_msg("%s", ledger_problem(ledger));
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

static void an_attempt_is_there_once_however_often_it_is_told(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_provider}};
    struct record record = plain(1), other = plain(2);
    (void)state;
    struct ledger *ledger = opened();
    add(ledger, &record), add(ledger, &record);
    assert_true(ledger_begin(ledger));
    assert_true(ledger_add(ledger, source, &record) && ledger_add(ledger, source, &other));
    assert_true(ledger_add(ledger, source, &other) && ledger_commit(ledger));
    ledger_close(ledger);
    ledger = opened(); /* and after a restart */
    add(ledger, &other);
    usage(ledger, &question);
    assert_has(told, "{\"provider\":\"openai\",\"requests\":2,\"attempts\":2,\"errors\":0,");
    assert_has(told, "\"input_tokens\":200,\"output_tokens\":20,");
    assert_has(told, "\"cost_usd\":\"0.002500000\"");
    assert_has(told, "\"total\":{\"requests\":2,");
    ledger_close(ledger);
}

static void what_was_undone_is_not_there(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_model}};
    struct record record = plain(1);
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_begin(ledger) && ledger_add(ledger, source, &record));
    ledger_undo(ledger);
    assert_has(usage(ledger, &question), "\"rows\":[]");
    add(ledger, &record); /* its names are made anew */
    assert_has(usage(ledger, &question), "\"rows\":[{\"model\":\"gpt\",\"requests\":1,");
    ledger_close(ledger);
}

static void sums_are_told_apart_by_what_is_asked(void **state) {
    struct usage_question question = {.since_ms = 20 * day_ms, .by_count = 2, .by = {usage_by_day, usage_by_client}};
    struct record record = plain(1);
    (void)state;
    struct ledger *ledger = opened();
    add(ledger, &record);
    record = plain(2), record.numbers[record_time_ms] += day_ms + 5 * hour_ms, record.texts[record_client] = STR("b");
    add(ledger, &record);
    record = plain(3), record.numbers[record_time_ms] -= 1; /* the hour before */
    add(ledger, &record);
    usage(ledger, &question);
    assert_has(told, "[{\"day\":\"1970-01-21\",\"client\":\"app\",\"requests\":1,");
    assert_has(told, "{\"day\":\"1970-01-22\",\"client\":\"b\",\"requests\":1,");
    assert_has(told, "\"total\":{\"requests\":2,");
    question.until_ms = 21 * day_ms;
    assert_has(usage(ledger, &question), "\"total\":{\"requests\":1,");
    question = (struct usage_question){.by_count = 1, .by = {usage_by_hour}};
    str_copy(question.only[usage_by_client], sizeof question.only[0], STR("b"));
    assert_has(usage(ledger, &question), "\"rows\":[{\"hour\":\"1970-01-22T05:00Z\",\"requests\":1,");
    question.form = usage_as_csv;
    assert_has(usage(ledger, &question), "hour,requests,attempts,errors,");
    assert_has(told, "\r\n\"1970-01-22T05:00Z\",1,1,0,");
    ledger_close(ledger);
}

static void each_kind_of_attempt_is_counted_as_what_it_was(void **state) {
    static const struct {
        int64_t attempt, flags, cost;
        const char *says;
    } rows[] = {
        {0, record_succeeded, 5,
         "\"requests\":1,\"attempts\":1,\"errors\":0,\"cancelled\":0,\"estimated\":0,\"lost\":0,\"unpriced\":0,"},
        {1, record_succeeded, 5, "\"requests\":0,\"attempts\":1,\"errors\":0,"},
        {0, 0, 5, "\"requests\":1,\"attempts\":1,\"errors\":1,"},
        {1, record_cancelled, 5, "\"attempts\":1,\"errors\":0,\"cancelled\":1,"},
        {0, record_lost | record_estimated, 5, "\"errors\":1,\"cancelled\":0,\"estimated\":1,\"lost\":1,"},
        {0, record_succeeded, -1, "\"lost\":0,\"unpriced\":1,"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct usage_question question = {0};
        struct record record = plain(1);
        record.numbers[record_attempt] = rows[i].attempt;
        record.numbers[record_flags] = rows[i].flags;
        record.numbers[record_cost_nano_usd] = rows[i].cost;
        struct ledger *ledger = opened();
        add(ledger, &record);
        assert_has(usage(ledger, &question), rows[i].says);
        ledger_close(ledger);
        assert_int_equal(end(NULL) || begin(NULL), 0);
    }
}

/* More than sums in memory at once, and more names than are kept there. */
static void many_groups_in_one_transaction_lose_nothing(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_model}};
    char name[32];
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 0; i < 3000; i++) {
        struct record record = plain(i + 1);
        snprintf(name, sizeof name, "model-%u", (unsigned)(i % 1000));
        record.texts[record_model] = str_from(name);
        assert_true(ledger_add(ledger, source, &record));
    }
    assert_true(ledger_commit(ledger));
    question.by_count = 0;
    usage(ledger, &question);
    assert_has(told, "\"total\":{\"requests\":3000,");
    assert_has(told, "\"input_tokens\":300000,");
    assert_has(told, "\"cost_usd\":\"3.750000000\"");
    ledger_close(ledger);
}

static void sums_end_at_the_largest_and_stay_whole(void **state) {
    struct usage_question question = {0};
    (void)state;
    struct ledger *ledger = opened();
    for (uint64_t i = 1; i <= 3; i++) {
        struct record record = plain(i);
        record.numbers[record_cost_nano_usd] = INT64_MAX - 1;
        record.numbers[record_time_ms] += (int64_t)(i / 3) * hour_ms; /* in one row, and over two */
        add(ledger, &record);
    }
    assert_has(usage(ledger, &question), "\"cost_usd\":\"9223372036.854775807\"");
    ledger_close(ledger);
}

/* What was told of each budget, the last one's window and how many there are. */
struct spent {
    size_t count;
    int64_t nano_usd[8], window_s[8];
};

static void spent_note(void *context, const struct record_charge *of, int64_t nano_usd) {
    struct spent *spent = context;
    spent->window_s[spent->count % 8] = of->window_s;
    spent->nano_usd[spent->count++ % 8] = nano_usd;
}

static void total_note(void *context, const struct record_charge *of, int64_t nano_usd) {
    assert_int_equal(nano_usd,
                     3 * (int64_t)(of->budget + 1)); /* each budget's attempts cost one more than its number */
    *(int64_t *)context += nano_usd;
}

static void a_windows_money_is_the_sum_of_its_attempts_each_once(void **state) {
    static const struct record_charge charges[] = {{UINT64_MAX, 100}, {7, 0}}, later[] = {{UINT64_MAX, 200}};
    struct spent spent = {0};
    struct record record = plain(1);
    (void)state;
    record.charges = charges, record.charge_count = 2;
    struct ledger *ledger = opened();
    add(ledger, &record), add(ledger, &record);
    record.sequence = 2;
    add(ledger, &record);
    record.sequence = 3, record.charges = later, record.charge_count = 1;
    add(ledger, &record);
    record.sequence = 4, record.numbers[record_cost_nano_usd] = -1; /* unpriced: it spends nothing */
    add(ledger, &record);
    ledger_close(ledger);
    ledger = opened();
    assert_true(ledger_budgets(ledger, spent_note, &spent));
    assert_int_equal(spent.count, 3);
    assert_int_equal(spent.window_s[0], 0);
    assert_int_equal(spent.nano_usd[0], 2500000);
    assert_int_equal(spent.window_s[1], 100);
    assert_int_equal(spent.nano_usd[1], 2500000);
    assert_int_equal(spent.window_s[2], 200);
    assert_int_equal(spent.nano_usd[2], 1250000);
    ledger_close(ledger);
}

struct values_told {
    struct ledger_value values[8];
    size_t count;
};

static void value_note(void *context, const struct ledger_value *value) {
    struct values_told *noted = context;
    noted->values[noted->count++ % 8] = *value;
}

static void each_value_of_a_split_budget_has_rows_of_its_own(void **state) {
    static const struct hash_tag values[] = {{{5, 6}}, {{5, 7}}, {{UINT64_MAX, UINT64_MAX}}, {{0, 0}}};
    struct record_charge charges[8];
    struct values_told noted = {.count = 0};
    struct spent spent = {0};
    struct record record = plain(1);
    struct hash_secret secret = {.bytes = {1}}, again = {.bytes = {2}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        size_t places = record_charge_put(&charges[record.charge_count], 9, &values[i], 100 + (int64_t)i, 0);
        assert_int_equal(places, i < 3 ? 2 : 1);
        assert_int_equal(record_charge_window(&charges[record.charge_count]), 100 + i);
        assert_int_equal(record_charge_units(&charges[record.charge_count]), 0);
        record.charge_count += places;
    }
    record.charges = charges;
    struct ledger *ledger = opened();
    add(ledger, &record), add(ledger, &record);
    record.sequence = 2;
    add(ledger, &record);
    record.sequence = 3, record.charge_count = 1; /* cut off: whose it is does not stand there */
    add(ledger, &record);
    assert_true(ledger_values(ledger, value_note, &noted));
    assert_int_equal(noted.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(&noted.values[i].value, &values[i], sizeof *values);
        assert_true(noted.values[i].of.budget == 9 && noted.values[i].of.window_s == 100 + (int64_t)i);
        assert_int_equal(noted.values[i].nano_usd, 2500000);
    }
    assert_true(ledger_budgets(ledger, spent_note, &spent));
    assert_int_equal(spent.count, 1);
    assert_int_equal(spent.window_s[0], 103);
    noted.values[0].nano_usd = 2000000;
    assert_true(ledger_values_take_off(ledger, noted.values, 1));
    assert_true(ledger_values_forget(ledger, 102));
    noted.count = 0;
    assert_true(ledger_values(ledger, value_note, &noted));
    assert_int_equal(noted.count, 1);
    assert_true(ledger_value_secret(ledger, &secret));
    ledger_close(ledger);
    ledger = opened();
    assert_true(ledger_value_secret(ledger, &again));
    assert_memory_equal(&secret, &again, sizeof secret);
    ledger_close(ledger);
}

struct pasts {
    int64_t nano_usd, windows[4];
    size_t count;
    bool named;
};

static void past_note(void *context, const struct ledger_past *past) {
    struct pasts *pasts = context;
    pasts->nano_usd += past->nano_usd;
    pasts->windows[pasts->count++ % 4] = past->window_s;
    pasts->named = str_eq(past->client, STR("app")) && str_eq(past->owner, STR("search|acme")) &&
                   str_eq(past->provider, STR("openai")) && str_eq(past->model, STR("gpt"));
}

/* From the moment on at which a window begins, be it in the middle of an hour; and each attempt once. */
static void what_was_spent_before_a_budget_is_told_and_given_once(void **state) {
    static const int64_t ats_ms[] = {-1, 0, hour_ms / 2, hour_ms - 1, hour_ms, 30 * hour_ms};
    enum { count = sizeof ats_ms / sizeof *ats_ms };
    const int64_t hour_s = 3600, base_s = 20 * 24 * hour_s;
    const struct record_charge windows[] = {{7, base_s}, {7, base_s + 60}};
    const int64_t sums[] = {5, 6};
    const uint64_t budgets[] = {7, 8};
    (void)state;
    struct ledger *ledger = opened();
    for (size_t i = 0; i < count; i++) {
        struct record record = plain(1 + i);
        record.numbers[record_time_ms] = base_s * 1000 + hour_ms / 2 + ats_ms[i];
        record.numbers[record_cost_nano_usd] = (int64_t)1 << i;
        record.texts[record_owner] = STR("search|acme");
        add(ledger, &record);
    }
    struct pasts half = {0}, whole = {0}, all = {0}, buckets = {0};
    assert_true(ledger_history(ledger, base_s + hour_s / 2, 0, past_note, &half));
    assert_int_equal(half.nano_usd, (1 << count) - 2); /* all but the one a millisecond before */
    assert_true(half.named && half.windows[0] == base_s + hour_s / 2);
    assert_true(ledger_history(ledger, base_s + hour_s, 0, past_note, &whole));
    assert_int_equal(whole.nano_usd, (1 << count) - 1 - 1 - 2);
    assert_true(ledger_history(ledger, 0, 0, past_note, &all));
    assert_int_equal(all.nano_usd, (1 << count) - 1);
    assert_true(ledger_history(ledger, base_s + hour_s / 2, 1800, past_note, &buckets));
    assert_int_equal(buckets.nano_usd, (1 << count) - 2);
    assert_int_equal(buckets.count, 4);
    bool known = true;
    assert_true(ledger_budget_is_known(ledger, 7, &known) && !known);
    assert_true(ledger_history_give(ledger, windows, sums, 2, budgets, 2));
    assert_true(ledger_budget_is_known(ledger, 7, &known) && known);
    assert_true(ledger_budget_is_known(ledger, 8, &known) && known);
    assert_false(ledger_history_give(ledger, windows, sums, 2, budgets, 2)); /* all or nothing */
    struct spent spent = {0};
    assert_true(ledger_budgets(ledger, spent_note, &spent));
    assert_int_equal(spent.count, 2);
    assert_true(spent.nano_usd[0] == 5 && spent.nano_usd[1] == 6);
    ledger_close(ledger);
}

/* More windows than are kept between two transactions, so that many stand in one place; and what is undone is not
 * there. */
static void windows_of_many_budgets_do_not_mix(void **state) {
    enum { budgets = 700, each = 3 };
    int64_t total = 0;
    struct spent spent = {0};
    (void)state;
    struct ledger *ledger = opened();
    for (int round = 0; round < 2; round++) {
        assert_true(ledger_begin(ledger));
        for (uint64_t i = 0; i < (uint64_t)budgets * each; i++) {
            struct record record = plain(1 + i);
            const struct record_charge charge = {i % budgets, (int64_t)(i % budgets % 5) * 256};
            record.charges = &charge, record.charge_count = 1;
            record.numbers[record_cost_nano_usd] = (int64_t)(1 + i % budgets);
            assert_true(ledger_add(ledger, source, &record));
        }
        if (round == 0) {
            ledger_undo(ledger);
            continue;
        }
        assert_true(ledger_commit(ledger));
    }
    assert_true(ledger_budgets(ledger, total_note, &total));
    assert_int_equal(total, (int64_t)each * budgets * (budgets + 1) / 2);
    assert_true(ledger_budgets(ledger, spent_note, &spent));
    assert_int_equal(spent.count, budgets);
    ledger_close(ledger);
}

static void what_counts_for_quotas_is_summed_in_their_own_units(void **state) {
    const struct record_charge charges[] = {
        {7, 100},
        record_charge_of(UINT64_MAX - 1, 1700000000, 3),
        record_charge_of(9, ((int64_t)1 << record_window_bits) - 1, (1u << 28) - 1)};
    struct spent spent = {0};
    struct record record = plain(1);
    (void)state;
    assert_int_equal(record_charge_units(&charges[0]), 0);
    assert_int_equal(record_charge_window(&charges[2]), ((int64_t)1 << record_window_bits) - 1);
    record.charges = charges, record.charge_count = 3;
    struct ledger *ledger = opened();
    add(ledger, &record);
    record.sequence = 2, record.numbers[record_cost_nano_usd] = -1; /* unpriced: a request all the same */
    add(ledger, &record);
    assert_true(ledger_budgets(ledger, spent_note, &spent));
    assert_int_equal(spent.count, 3);
    assert_int_equal(spent.nano_usd[0], 1250000);
    assert_int_equal(spent.window_s[1], 1700000000);
    assert_int_equal(spent.nano_usd[1], 6);
    assert_int_equal(spent.nano_usd[2], 2 * ((1 << 28) - 1));
    ledger_close(ledger);
}

static void quantiles_are_those_of_all_rows(void **state) {
    struct usage_question question = {0};
    (void)state;
    struct ledger *ledger = opened();
    for (uint64_t i = 1; i <= 1000; i++) {
        struct record record = plain(i);
        record.numbers[record_time_ms] += (int64_t)(i % 7) * hour_ms;
        record.numbers[record_duration_us] = (int64_t)i * 1000;
        add(ledger, &record);
    }
    usage(ledger, &question);
    double p50, p95, p99;
    const char *at = strstr(told, "\"latency_ms\":");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"latency_ms\":{\"p50\":%lf,\"p95\":%lf,\"p99\":%lf}", &p50, &p95, &p99), 3);
    assert_true(p50 >= 437 && p50 <= 563 && p95 >= 831 && p95 <= 1069 && p99 >= 866 && p99 <= 1114); /* to 12.5% */
    ledger_close(ledger);
}

static void attempts_are_forgotten_and_their_sums_stay(void **state) {
    struct usage_question question = {0};
    struct record record = plain(1), later = plain(2);
    (void)state;
    later.numbers[record_time_ms] += day_ms;
    struct ledger *ledger = opened();
    add(ledger, &record), add(ledger, &later);
    assert_int_equal(ledger_forget(ledger, 20 * day_ms + 1), 1);
    assert_int_equal(ledger_forget(ledger, 20 * day_ms + 1), 0);
    assert_has(usage(ledger, &question), "\"requests\":2,");
    ledger_close(ledger);
}

/* Names are what callers and operators write. */
static void names_of_any_bytes_are_data(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_client}, .form = usage_as_csv};
    struct record record = plain(1);
    (void)state;
    record.texts[record_client] = STR("=x\"'); DROP TABLE usage; --");
    struct ledger *ledger = opened();
    add(ledger, &record);
    assert_has(usage(ledger, &question), "\"'=x\"\"'); DROP TABLE usage; '--\",1,");
    ledger_close(ledger);
}

static void a_file_that_is_none_says_so_and_is_left(void **state) {
    ONLY_A_FILE;
    char problem[512] = "";
    (void)state;
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(file, "this is no database, whatever else it is", 40), 40);
    close(file);
    assert_null(ledger_open(path, problem, sizeof problem));
    assert_has(problem, "ledger.db: file is not a database: bring back a copy");
    file = open(path, O_RDONLY);
    assert_int_equal(read(file, problem, sizeof problem), 40);
    close(file);
}

struct alerts_told {
    size_t count;
    uint64_t id[8];
    int64_t ended_ms[8];
    bool owed[8];
};

static void alert_note(void *context, const struct ledger_alert *alert) {
    struct alerts_told *noted = context;
    assert_true(str_eq(alert->kind, STR("quota")) && str_eq(alert->subject, STR("it's one")));
    noted->id[noted->count % 8] = alert->id;
    noted->ended_ms[noted->count % 8] = alert->ended_ms;
    noted->owed[noted->count++ % 8] = alert->owed;
}

static void alerts_are_kept_with_their_ends_and_the_oldest_go(void **state) {
    struct ledger_alert list[3];
    struct alerts_told noted = {0}, rest = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        list[i] = (struct ledger_alert){.id = i + 1,
                                        .kind = STR("quota"),
                                        .subject = STR("it's one"),
                                        .said = STR(""),
                                        .permille = 800,
                                        .raised_ms = 5,
                                        .owed = true};
    struct ledger *ledger = opened();
    assert_true(ledger_alerts_keep(ledger, list, 3));
    list[0].ended_ms = list[1].ended_ms = 9;
    assert_true(ledger_alert_owes(ledger, 3, list[1].owed = 0));
    assert_true(ledger_alerts_keep(ledger, list, 2));
    ledger_close(ledger);
    ledger = opened();
    assert_true(ledger_alerts(ledger, 100, alert_note, &noted));
    assert_int_equal(noted.count, 3);
    assert_true(noted.ended_ms[0] == 9 && noted.ended_ms[2] == 0 && noted.owed[0] && !noted.owed[1] && !noted.owed[2]);
    list[1].id = 3 + ledger_alerts_kept;
    assert_true(ledger_alerts_keep(ledger, &list[1], 1));
    assert_true(ledger_alerts(ledger, 1, alert_note, &rest));
    assert_int_equal(rest.count, 1);
    assert_int_equal(rest.id[0], 3 + ledger_alerts_kept);
    ledger_close(ledger);
}

/* Of each version that there was: made as it was then. */
static void a_file_of_an_earlier_version_gets_what_came_since(void **state) {
    ONLY_A_FILE;
    (void)state;
    for (int version = 1; version < ledger_version; version++) {
        sqlite3 *sqlite;
        struct alerts_told noted = {0};
        char noting[96], beside[sizeof path + 8];
        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_true(ledger_functions_register(sqlite)); /* steps add up by them */
        for (int made = 0; made < version; made++) {
            assert_int_equal(sqlite3_exec(sqlite, ledger_migrations[made], NULL, NULL, NULL), SQLITE_OK);
            snprintf(noting, sizeof noting, "INSERT INTO schema_versions VALUES(%d, 0)", made + 1);
            assert_int_equal(sqlite3_exec(sqlite, noting, NULL, NULL, NULL), SQLITE_OK);
        }
        sqlite3_close(sqlite);
        struct ledger *ledger = opened();
        assert_true(ledger_alerts(ledger, 1, alert_note, &noted));
        assert_int_equal(noted.count, 0);
        ledger_close(ledger);
        for (size_t i = 0; i < 3; i++) {
            snprintf(beside, sizeof beside, "%s%s", path, i == 0 ? "" : i == 1 ? "-wal" : "-shm");
            (void)unlink(beside);
        }
    }
}

static void a_file_of_a_later_version_is_left(void **state) {
    ONLY_A_FILE;
    char problem[512] = "";
    sqlite3 *sqlite;
    (void)state;
    ledger_close(opened());
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, "INSERT INTO schema_versions VALUES(1000, 0)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sqlite);
    assert_null(ledger_open(path, problem, sizeof problem));
    assert_has(problem, "a later version of weir");
}

static void who_reads_sees_what_was_committed_and_holds_up_nobody(void **state) {
    struct usage_question question = {0};
    char problem[256] = "";
    struct record record = plain(1), other = plain(2);
    (void)state;
    struct ledger *ledger = opened();
    struct ledger *reader = ledger_open_beside(path, problem, sizeof problem);
    assert_non_null(reader);
    add(ledger, &record);
    assert_true(ledger_begin(ledger) && ledger_add(ledger, source, &other));
    assert_has(usage(reader, &question), "\"requests\":1,");
    assert_true(ledger_commit(ledger));
    assert_has(usage(reader, &question), "\"requests\":2,");
    ledger_close(reader);
    ledger_close(ledger);
}

static struct record_said said(uint64_t tag) { return (struct record_said){.tag = {{tag, 1}}}; }

static void tell(struct ledger *ledger, uint64_t tag, const char *text) {
    struct record word = {.kind = record_of_word, .words = {{.tag = {{tag, 1}}, .text = str_from(text)}}};
    add(ledger, &word);
}

static void an_owner_has_what_those_below_it_have_and_each_tag_its_own(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_owner}};
    struct record record = plain(1);
    (void)state;
    struct ledger *ledger = opened();
    tell(ledger, 5, "env=prod, team = search,env=prod,,=x");
    record.texts[record_owner] = STR("search|acme");
    record.words[record_tags] = said(5);
    add(ledger, &record);
    record = plain(2), record.texts[record_owner] = STR("ads|acme");
    add(ledger, &record);
    add(ledger, &(struct record){.numbers = {[record_time_ms] = 20 * day_ms}, .sequence = 3});
    usage(ledger, &question);
    assert_has(told, "{\"owner\":\"acme\",\"requests\":2,");
    assert_has(told, "{\"owner\":\"search\",\"requests\":1,");
    assert_has(told, "{\"owner\":\"ads\",\"requests\":1,");
    assert_has(told, "{\"owner\":\"\",\"requests\":1,");
    assert_has(told, "\"total\":{\"requests\":3,");
    str_copy(question.only[usage_by_owner], sizeof question.only[0], STR("search"));
    question.by[0] = usage_by_tag;
    usage(ledger, &question);
    assert_has(told, "{\"tag\":\"env=prod\",\"requests\":1,");
    assert_has(told, "{\"tag\":\"team=search\",\"requests\":1,");
    assert_has(told, "],\"more\":0,\"total\":{\"requests\":1,");
    ledger_close(ledger);
}

static void a_session_is_its_clients_and_is_forgotten_with_its_attempts(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}};
    struct record record = plain(1);
    (void)state;
    struct ledger *ledger = opened();
    tell(ledger, 9, "s-1");
    record.words[record_session] = said(9);
    add(ledger, &record);
    record.sequence = 2, record.texts[record_client] = STR("b");
    add(ledger, &record);
    record = plain(3);
    add(ledger, &record);
    usage(ledger, &question);
    assert_has(told, "{\"session\":\"s-1\",\"client\":\"app\",\"requests\":1,");
    assert_has(told, "{\"session\":\"s-1\",\"client\":\"b\",\"requests\":1,");
    assert_has(told, "\"total\":{\"requests\":2,"); /* those in sessions */
    assert_true(ledger_forget(ledger, 40 * day_ms) == 3);
    assert_has(usage(ledger, &question), "\"rows\":[],");
    question.by[0] = usage_by_client;
    assert_has(usage(ledger, &question), "\"total\":{\"requests\":3,");
    ledger_close(ledger);
}

static void of_many_sessions_the_dearest_are_told_with_their_own_times(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}, .rows_most = 2};
    (void)state;
    ONLY_A_FILE;
    struct ledger *ledger = opened();
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 1; i <= usage_rows_max + 500; i++) {
        char name[2] = {(char)(i % 200 + 1), (char)(i / 200 + 1)};
        struct record record = plain(i),
                      word = {.words = {{{{i * 977, 1}}, str_make(name, 2)}}, .kind = record_of_word};
        record.words[record_session] = said(i * 977);
        record.numbers[record_cost_nano_usd] = (int64_t)(i * 7919 % 4507);
        record.numbers[record_duration_us] = 1000 * record.numbers[record_cost_nano_usd];
        assert_true(ledger_add(ledger, source, &word) && ledger_add(ledger, source, &record));
    }
    assert_true(ledger_commit(ledger));
    usage(ledger, &question);
    const char *next = strstr(told, "\"cost_usd\":\"0.000004505\""), *times = strstr(told, "\"latency_ms\":{\"p50\":4");
    assert_true(next && times && times < next); /* 4.5 s, to an eighth: the dearest's own */
    assert_has(told, "\"cost_usd\":\"0.000004506\"");
    assert_has(told, "\"more\":4498,\"total\":{\"requests\":4500,");
    ledger_close(ledger);
}

static void a_word_whose_text_was_lost_is_told_as_unknown_until_it_is_known(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_asked}};
    struct record record = plain(1);
    (void)state;
    struct ledger *ledger = opened();
    record.words[record_asked] = said(3);
    add(ledger, &record);
    assert_has(usage(ledger, &question), "{\"asked\":\"(unknown)\",\"requests\":1,");
    tell(ledger, 3, "gpt-next");
    record.sequence = 2;
    add(ledger, &record);
    assert_has(usage(ledger, &question), "{\"asked\":\"gpt-next\",\"requests\":1,");
    ledger_close(ledger);
}

/* By the hour, by the day, and over both, the sums are the same. */
static void long_times_are_the_sums_of_their_hours(void **state) {
    struct usage_question by_hour = {.by_count = 1, .by = {usage_by_hour}, .rows_most = 1};
    char expected[64];
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 0; i < 2000; i++) {
        struct record record = plain(i + 1);
        record.numbers[record_time_ms] = 20 * day_ms + (int64_t)i * 131 * 60000; /* 182 days */
        assert_true(ledger_add(ledger, source, &record));
    }
    assert_true(ledger_commit(ledger));
    for (int64_t since = 0; since < 180; since += 7) {
        struct usage_question question = {.since_ms = 20 * day_ms + since * 25 * hour_ms,
                                          .until_ms = 20 * day_ms + since * 27 * hour_ms + 30 * hour_ms};
        by_hour.since_ms = question.since_ms, by_hour.until_ms = question.until_ms;
        const char *total = strstr(usage(ledger, &by_hour), "\"total\":");
        assert_non_null(total);
        str_copy(expected, sizeof expected, str_make(total, 40));
        assert_has(usage(ledger, &question), expected);
    }
    ledger_close(ledger);
}

static void what_a_cost_is_for_is_added_up_and_what_a_cache_saved_is_told(void **state) {
    struct usage_question question = {0};
    struct record record = plain(1);
    (void)state;
    record.numbers[record_cached_tokens] = 80;
    record.numbers[record_input_nano_usd] = 20 * 1000; /* of 20 tokens that were not cached */
    record.numbers[record_cached_nano_usd] = 80 * 100;
    record.numbers[record_output_nano_usd] = 7;
    record.numbers[record_provider_nano_usd] = 9;
    struct ledger *ledger = opened();
    add(ledger, &record);
    assert_has(usage(ledger, &question), "\"cost_usd\":\"0.001250000\",\"input_usd\":\"0.000020000\",\"output_usd\":"
                                         "\"0.000000007\",\"cached_usd\":\"0.000008000\",\"cache_write_usd\":");
    assert_has(told, "\"provider_usd\":\"0.000000009\",\"cache_saved_usd\":\"0.000072000\"");
    ledger_close(ledger);
}

static void providers_of_the_same_model_are_compared_and_others_are_left_out(void **state) {
    struct usage_question question = {.compares = true};
    (void)state;
    struct ledger *ledger = opened();
    tell(ledger, 1, "fast"), tell(ledger, 2, "alone");
    for (uint64_t i = 0; i < 3; i++) {
        struct record record = plain(i + 1);
        record.words[record_asked] = said(i == 2 ? 2 : 1);
        if (i == 1) record.texts[record_provider] = STR("groq"), record.numbers[record_cost_nano_usd] = 110;
        add(ledger, &record);
    }
    usage(ledger, &question);
    assert_has(told, "[{\"asked\":\"fast\",\"provider\":\"openai\",\"model\":\"gpt\",");
    assert_has(told, "\"usd_per_million_tokens\":\"11.363636363\",\"usd_per_attempt\":\"0.001250000\","
                     "\"tokens_per_second\":10000.0,\"error_percent\":0.00");
    assert_has(told, "{\"asked\":\"fast\",\"provider\":\"groq\",");
    assert_null(strstr(told, "\"alone\""));
    ledger_close(ledger);
}

static void more_rows_than_are_told_are_counted_and_the_dearest_are_told(void **state) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_model}, .rows_most = 2};
    char name[16];
    (void)state;
    struct ledger *ledger = opened();
    for (uint64_t i = 0; i < 9; i++) {
        struct record record = plain(i + 1);
        snprintf(name, sizeof name, "m%d", (int)i);
        record.texts[record_model] = str_from(name);
        record.numbers[record_cost_nano_usd] = (int64_t)i;
        add(ledger, &record);
    }
    usage(ledger, &question);
    assert_has(told, "\"rows\":[{\"model\":\"m8\",");
    assert_has(told, "},{\"model\":\"m7\",");
    assert_has(told, "\"more\":7,\"total\":{\"requests\":9,");
    assert_has(told, "\"latency_ms\":{\"p50\":1.0");
    ledger_close(ledger);
}

/* Every earlier version's folder stands in tests/state. */
static void a_ledger_of_every_earlier_version_is_read_on(void **state) {
    ONLY_A_FILE;
    struct usage_question question = {.by_count = 1, .by = {usage_by_client}};
    const char *root = getenv("WEIR_SOURCE_ROOT");
    char command[600];
    (void)state;
    for (int version = 1; version <= 1; version++) {
        snprintf(command, sizeof command, "%s/tests/state/%d/ledger.sql", root ? root : ".", version);
        FILE *file = fopen(command, "r");
        if (!file) fail_msg("%s", command);
        static char sql[65536];
        sql[fread(sql, 1, sizeof sql - 1, file)] = 0;
        fclose(file);
        sqlite3 *sqlite;
        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(sqlite);
        struct ledger *ledger = opened();
        struct record record = plain(1);
        usage(ledger, &question);
        assert_has(told, "[{\"client\":\"app\",\"requests\":4,\"attempts\":7,\"errors\":4,");
        assert_has(told, "\"cost_usd\":\"0.000090000\"");
        record.numbers[record_time_ms] = 1795347951886;
        add(ledger, &record);
        assert_has(usage(ledger, &question), "[{\"client\":\"app\",\"requests\":5,");
        question.by[0] = usage_by_hour;
        assert_has(usage(ledger, &question), "\"rows\":[{\"hour\":\"2026-11-22T11:00Z\",\"requests\":5,");
        ledger_close(ledger);
        assert_int_equal(end(NULL) || begin(NULL), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(an_attempt_is_there_once_however_often_it_is_told),
        TEST(what_was_undone_is_not_there),
        TEST(sums_are_told_apart_by_what_is_asked),
        TEST(each_kind_of_attempt_is_counted_as_what_it_was),
        TEST(many_groups_in_one_transaction_lose_nothing),
        TEST(sums_end_at_the_largest_and_stay_whole),
        TEST(what_counts_for_quotas_is_summed_in_their_own_units),
        TEST(a_windows_money_is_the_sum_of_its_attempts_each_once),
        TEST(each_value_of_a_split_budget_has_rows_of_its_own),
        TEST(what_was_spent_before_a_budget_is_told_and_given_once),
        TEST(windows_of_many_budgets_do_not_mix),
        TEST(quantiles_are_those_of_all_rows),
        TEST(attempts_are_forgotten_and_their_sums_stay),
        TEST(names_of_any_bytes_are_data),
        TEST(a_file_that_is_none_says_so_and_is_left),
        TEST(a_file_of_a_later_version_is_left),
        TEST(a_file_of_an_earlier_version_gets_what_came_since),
        TEST(alerts_are_kept_with_their_ends_and_the_oldest_go),
        TEST(who_reads_sees_what_was_committed_and_holds_up_nobody),
        TEST(an_owner_has_what_those_below_it_have_and_each_tag_its_own),
        TEST(a_session_is_its_clients_and_is_forgotten_with_its_attempts),
        TEST(of_many_sessions_the_dearest_are_told_with_their_own_times),
        TEST(a_word_whose_text_was_lost_is_told_as_unknown_until_it_is_known),
        TEST(long_times_are_the_sums_of_their_hours),
        TEST(what_a_cost_is_for_is_added_up_and_what_a_cache_saved_is_told),
        TEST(providers_of_the_same_model_are_compared_and_others_are_left_out),
        TEST(more_rows_than_are_told_are_counted_and_the_dearest_are_told),
        TEST(a_ledger_of_every_earlier_version_is_read_on),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
