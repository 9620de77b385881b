/* alerts_watch_test.c - what an alert is raised for, from which share on, and what it says. */
#include "runtime/alerts_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct alerts alerts;

static struct weir *opened(const char *more) {
    char text[2048];
    struct weir_error error;
    snprintf(text, sizeof text,
             "state_dir: \"\"\nworkers: 1\nresponses: {store: false}\nproviders: {a: {type: openai, api_key: k, "
             "models: [m], quota: {requests_per_day: 10}}}\n%s",
             more);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = weir_open(&options, &error);
    if (!weir) fail_msg("%s", error.message);
    memset(&alerts, 0, sizeof alerts);
    pthread_mutex_init(&alerts.mutex, NULL);
    assert_true(alert_board_init(&alerts.board));
    alerts.weir = weir;
    return weir;
}

static void closed(struct weir *weir) {
    alert_board_free(&alerts.board);
    alerts_trends_free(alerts.trends);
    free(alerts.spenders);
    pthread_mutex_destroy(&alerts.mutex);
    weir_close(weir, 0);
}

/* What is told of all that holds now: `kind permille subject: said` each, in the order of seeing. */
static const char *watched(struct weir *weir, struct now now) {
    static char room[8192];
    struct text text = text_in_buffer(room, sizeof room - 1);
    alert_board_free(&alerts.board);
    memset(&alerts.board, 0, sizeof alerts.board);
    assert_true(alert_board_init(&alerts.board));
    alert_board_look(&alerts.board);
    alerts_watch(&alerts, weir->deployment->snapshot, now);
    for (size_t i = 0; i < alerts.board.count; i++) {
        const struct alert *alert = &alerts.board.list[i];
        text_printf(&text, "%.*s %u %s: %s\n", STR_ARG(alert_kind_facts(alert->kind)->name), alert->permille,
                    alert->subject, alert->said);
    }
    assert_false(text.failed);
    room[text.len] = 0;
    return room;
}

static void assert_watched(struct weir *weir, struct now now, const char *wanted) {
    const char *is = watched(weir, now);
    if (strcmp(is, wanted) != 0) fail_msg("%s", is);
}

static void a_quota_alerts_from_each_share_on(void **state) {
    static const struct {
        unsigned used;
        const char *said;
    } rows[] = {
        {0, ""},
        {7, ""},
        {8, "quota 800 provider a requests_per_day: 80% of the quota requests_per_day is used: 8 of 10, until "
            "2026-11-23T00:00:00Z\n"},
        {9, "quota 800 provider a requests_per_day: 80% of the quota requests_per_day is used: 9 of 10, until "
            "2026-11-23T00:00:00Z\n"
            "quota 900 provider a requests_per_day: 90% of the quota requests_per_day is used: 9 of 10, until "
            "2026-11-23T00:00:00Z\n"},
        {10, "quota 800 provider a requests_per_day: 80% of the quota requests_per_day is used: 10 of 10, until "
             "2026-11-23T00:00:00Z\n"
             "quota 900 provider a requests_per_day: 90% of the quota requests_per_day is used: 10 of 10, until "
             "2026-11-23T00:00:00Z\n"
             "quota 1000 provider a requests_per_day: 100% of the quota requests_per_day is used: 10 of 10, until "
             "2026-11-23T00:00:00Z\n"},
    };
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S}; /* 22 November */
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir *weir = opened("");
        const struct quota *quota = &weir->deployment->snapshot->providers[0].quotas[0];
        for (unsigned n = 0; n < rows[i].used; n++) {
            uint64_t window_s;
            int64_t taken = quota_take(quota, 1795348800, 1, &window_s);
            quota_settle(quota, window_s, taken, 1);
        }
        assert_watched(weir, now, rows[i].said);
        closed(weir);
    }
}

static void a_budget_alerts_from_the_shares_that_are_written_on(void **state) {
    static const struct {
        int64_t spent;
        const char *said;
    } rows[] = {
        {INT64_C(499999999), ""},
        {INT64_C(500000000), "budget 500 budget pot: 50% of it is spent: 0.500000000 of 1.000000000 USD\n"},
        {INT64_C(999999999), "budget 500 budget pot: 50% of it is spent: 0.999999999 of 1.000000000 USD\n"},
        {INT64_C(1000000000), "budget 500 budget pot: 50% of it is spent: 1.000000000 of 1.000000000 USD\n"
                              "budget 1000 budget pot: 100% of it is spent: 1.000000000 of 1.000000000 USD\n"},
    };
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir *weir = opened("alerts: {budget: [0.5, 1.0]}\nbudgets: {pot: {usd: 1, window: lifetime}}\n"
                                   "clients: [{name: app, budgets: [pot], key_hash: "
                                   "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}]\n");
        const struct money_budget *budget = weir->deployment->snapshot->budgets[0];
        money_budget_settle(budget, money_budget_enter(budget, now.wall_ns), 0, rows[i].spent);
        assert_watched(weir, now, rows[i].said);
        closed(weir);
    }
}

/* Of a model and of a client, against its own past. */
static void prompt_caches_that_read_less_are_told(void **state) {
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S};
    (void)state;
    struct weir *weir = opened("clients: [{name: app, key_hash: "
                               "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}]\n");
    struct cell *cell = &weir->deployment->snapshot->clients[0].cells->cached;
    for (unsigned i = 0; i < 200; i++) cached_share_note(cell, 800, 1000);
    assert_watched(weir, now, "");
    for (unsigned i = 0; i < 20; i++) cached_share_note(cell, 0, 1000);
    assert_watched(weir, now,
                   "prompt_cache_fell 0 client app: less than half of the share of its input that used to come from "
                   "prompt caches does now: weir usage has cached_share by day, weir explain says why\n");
    for (unsigned i = 0; i < 40; i++) cached_share_note(cell, 800, 1000);
    assert_watched(weir, now, "");
    closed(weir);
}

/* The day of today, and not that of any other. */
static void what_was_noted_today_is_told(void **state) {
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S};
    const uint64_t today = 1795348800 / 86400;
    (void)state;
    struct weir *weir = opened("");
    struct provider_cells *cells = weir->deployment->snapshot->providers[0].cells;
    assert_watched(weir, now, "");
    cell_store(&cells->differed_day, today - 1);
    cell_store(&cells->estimated_day, today + 1);
    assert_watched(weir, now, "");
    cell_store(&cells->differed_day, today);
    assert_watched(
        weir, now,
        "cost_differs 0 provider a: it says another cost than weir's prices: look at its prices and discount "
        "(log: cost_differs)\n");
    cell_store(&cells->estimated_day, today);
    cell_store(&cells->differed_day, 0);
    assert_watched(
        weir, now,
        "cost_estimated 0 provider a: it answered and did not say what it took: that is charged by estimate\n");
    cell_store(&cells->estimated_day, 0);
    closed(weir);
}

/* Said again at least each minute, or it holds no more. */
static void an_old_credential_is_told_while_it_is_said(void **state) {
    struct now now = clock_read();
    (void)state;
    struct weir *weir = opened("");
    alerts_credential_old(&alerts, STR("a/first"), 91, 90);
    alerts_credential_old(&alerts, STR("a/second"), 7, 6);
    alerts_credential_old(&alerts, STR("a/first"), 92, 90);
    static const char told[] =
        "credential_old 0 a/first: it is 92 days old, and should be at most 90: weir key rotate\n"
        "credential_old 0 a/second: it is 7 days old, and should be at most 6: weir key rotate\n";
    assert_watched(weir, now, told);
    now.mono_ns = alerts.old[0].noted_ns + 150 * NS_PER_S;
    alerts.old[1].noted_ns = alerts.old[0].noted_ns;
    assert_watched(weir, now, told);
    now.mono_ns++;
    assert_watched(weir, now, "");
    closed(weir);
}

/* A month that begins with $1 a day of $20: from its fourth day on it is foretold, and not before. */
static void a_budget_that_burns_is_foretold_when_enough_of_its_window_is_over(void **state) {
    static const struct {
        int day, usd;
        bool told;
    } rows[] = {{2, 2, false}, {4, 2, false}, {4, 4, true}, {21, 13, false}, {21, 19, true}};
    const int64_t first_s = 1793491200, day_s = 86400; /* 1 November 2026 */
    struct weir *weir =
        opened("alerts: {budget: [], burn_after: 0.1}\nbudgets: {all: {usd: 20, window: month}}\n"
               "clients: [{name: app, key_hash: "
               "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\", budgets: [all]}]\n");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct now now = {.mono_ns = NS_PER_S,
                                .wall_ns = (first_s + (rows[i].day - 1) * day_s + day_s / 2) * (int64_t)NS_PER_S};
        const struct money_budget *budget = weir->deployment->snapshot->budgets[0];
        const int64_t wanted = rows[i].usd * INT64_C(1000000000), is = money_budget_look(budget, now.wall_ns).spent;
        money_budget_settle(budget, money_budget_enter(budget, now.wall_ns), 0, wanted - is);
        const char *said = watched(weir, now);
        if ((strstr(said, "budget_burn 0 budget all: if it goes on as it did it is empty on 2026-11-") != NULL) !=
            rows[i].told)
            fail_msg("row %zu: %s", i, said);
    }
    closed(weir);
}

static void an_hour_far_above_the_week_before_is_told_and_one_that_is_usual_is_not(void **state) {
    struct weir *weir = opened("");
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S};
    (void)state;
    alerts.spenders = calloc(alert_spenders_max, sizeof *alerts.spenders);
    alerts.spender_count = 1;
    strcpy(alerts.spenders[0].name, "a");
    for (size_t i = 0; i < alert_hours; i++) alerts.spenders[0].nano_usd[i] = INT64_C(2000000000);
    assert_watched(weir, now, "");
    alerts.spenders[0].nano_usd[alert_hours - 1] = INT64_C(6500000000);
    assert_watched(weir, now,
                   "spend_unusual 0 provider a: 6.500000000 USD in an hour, where 2.000000000 is much: weir usage --by "
                   "client,model --since 2h says whose\n");
    for (size_t i = 0; i < alert_hours - 1; i++) alerts.spenders[0].nano_usd[i] /= 1000; /* far more, and little */
    alerts.spenders[0].nano_usd[alert_hours - 1] = INT64_C(900000000);
    assert_watched(weir, now, "");
    closed(weir);
}

static void a_certificate_is_told_from_its_days_on(void **state) {
    struct weir *weir = opened("");
    (void)state;
    const int64_t ends_s = 1795348800;
    static const int64_t days[] = {-1, 20, 22};
    alerts.certificates[0].ends_s = ends_s;
    strcpy(alerts.certificates[0].file, "c.pem");
    alerts.certificate_count = 1;
    for (size_t i = 0; i < 3; i++) {
        const struct now now = {.mono_ns = NS_PER_S, .wall_ns = (ends_s - days[i] * 86400) * (int64_t)NS_PER_S};
        const char *said = watched(weir, now);
        const char *wanted = days[i] > 21  ? ""
                             : days[i] > 0 ? "certificate_ends 0 certificate c.pem: it ends on 2026-11-22T12:00:00Z: "
                                             "renew the file, and reload (SIGHUP)\n"
                                           : "certificate_ends 0 certificate c.pem: it has ended on "
                                             "2026-11-22T12:00:00Z: renew the file, and reload (SIGHUP)\n";
        if (strcmp(said, wanted) != 0) fail_msg("%s", said);
    }
    closed(weir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quota_alerts_from_each_share_on),
        cmocka_unit_test(a_budget_alerts_from_the_shares_that_are_written_on),
        cmocka_unit_test(prompt_caches_that_read_less_are_told),
        cmocka_unit_test(what_was_noted_today_is_told),
        cmocka_unit_test(an_old_credential_is_told_while_it_is_said),
        cmocka_unit_test(a_budget_that_burns_is_foretold_when_enough_of_its_window_is_over),
        cmocka_unit_test(an_hour_far_above_the_week_before_is_told_and_one_that_is_usual_is_not),
        cmocka_unit_test(a_certificate_is_told_from_its_days_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
