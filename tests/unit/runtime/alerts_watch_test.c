/* alerts_watch_test.c - what an alert is raised for, from which share on, and what it says. */
#include "runtime/alerts_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/classify.h"
#include "core/false_share.h"

static struct alerts alerts;
static struct metrics_loop *answering; /* of the one that is open */

static struct weir *opened_with(const char *providers, const char *more) {
    char text[2048];
    struct weir_error error;
    snprintf(text, sizeof text,
             "state_dir: \"\"\nworkers: 1\nresponses: {store: false}\nproviders: {a: {type: openai, api_key: k, "
             "models: [m], quota: {requests_per_day: 10}}%s}\n%s",
             providers, more);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = weir_open(&options, &error);
    if (!weir) fail_msg("%s", error.message);
    memset(&alerts, 0, sizeof alerts);
    pthread_mutex_init(&alerts.mutex, NULL);
    assert_true(alert_board_init(&alerts.board));
    alerts.weir = weir;
    return weir;
}

static struct weir *opened(const char *more) { return opened_with("", more); }

static void closed(struct weir *weir) {
    answering = NULL;
    alert_board_free(&alerts.board);
    alerts_trends_free(alerts.trends);
    free(alerts.spenders);
    pthread_mutex_destroy(&alerts.mutex);
    weir_close(weir, 0);
}

/* What is told of all that holds now: `kind permille subject: said` each, in the order of seeing, and in brackets its
 * value and threshold in millionths, and when its window began, where it has any. */
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
        text_printf(&text, "%.*s %u %s: %s", STR_ARG(alert_kind_facts(alert->kind)->name), alert->permille,
                    alert->subject, alert->said);
        if (alert->value_micro || alert->threshold_micro || alert->window_s)
            text_printf(&text, " [%lld %lld %lld]", (long long)alert->value_micro, (long long)alert->threshold_micro,
                        (long long)alert->window_s);
        text_put_byte(&text, '\n');
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
            "2026-11-23T00:00:00Z [800000 800000 1795305600]\n"},
        {9, "quota 800 provider a requests_per_day: 80% of the quota requests_per_day is used: 9 of 10, until "
            "2026-11-23T00:00:00Z [900000 800000 1795305600]\n"
            "quota 900 provider a requests_per_day: 90% of the quota requests_per_day is used: 9 of 10, until "
            "2026-11-23T00:00:00Z [900000 900000 1795305600]\n"},
        {10, "quota 800 provider a requests_per_day: 80% of the quota requests_per_day is used: 10 of 10, until "
             "2026-11-23T00:00:00Z [1000000 800000 1795305600]\n"
             "quota 900 provider a requests_per_day: 90% of the quota requests_per_day is used: 10 of 10, until "
             "2026-11-23T00:00:00Z [1000000 900000 1795305600]\n"
             "quota 1000 provider a requests_per_day: 100% of the quota requests_per_day is used: 10 of 10, until "
             "2026-11-23T00:00:00Z [1000000 1000000 1795305600]\n"},
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
        {INT64_C(500000000), "budget 500 budget pot: 50% of it is spent: 0.500000000 of 1.000000000 USD "
                             "[500000 500000 0]\n"},
        {INT64_C(999999999), "budget 500 budget pot: 50% of it is spent: 0.999999999 of 1.000000000 USD "
                             "[999999 500000 0]\n"},
        {INT64_C(1000000000), "budget 500 budget pot: 50% of it is spent: 1.000000000 of 1.000000000 USD "
                              "[1000000 500000 0]\n"
                              "budget 1000 budget pot: 100% of it is spent: 1.000000000 of 1.000000000 USD "
                              "[1000000 1000000 0]\n"},
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
        "(log: cost_differs) [0 0 1795305600]\n");
    cell_store(&cells->estimated_day, today);
    cell_store(&cells->differed_day, 0);
    assert_watched(weir, now,
                   "cost_estimated 0 provider a: it answered and did not say what it took: that is charged by estimate "
                   "[0 0 1795305600]\n");
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
        "credential_old 0 a/first: it is 92 days old, and should be at most 90: weir key rotate [92000000 90000000 0]\n"
        "credential_old 0 a/second: it is 7 days old, and should be at most 6: weir key rotate [7000000 6000000 0]\n";
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
        const char *said;
    } rows[] = {{2, 2, ""},
                {4, 2, ""},
                {4, 4,
                 "budget_burn 0 budget all: if it goes on as it did it is empty on 2026-11-18T12:00:00Z, and the "
                 "window ends on "
                 "2026-12-01T00:00:00Z: 4.000000000 of 20.000000000 USD are spent [34285714 20000000 1793491200]\n"},
                {21, 13, ""},
                {21, 19,
                 "budget_burn 0 budget all: if it goes on as it did it is empty on 2026-11-22T13:53:41Z, and the "
                 "window ends on "
                 "2026-12-01T00:00:00Z: 19.000000000 of 20.000000000 USD are spent [27804878 20000000 1793491200]\n"}};
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
        assert_watched(weir, now, rows[i].said);
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
                   "client,model --since 2h says whose [6500000 6000000 0]\n");
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
        const char *wanted = days[i] > 21 ? ""
                             : days[i] > 0
                                 ? "certificate_ends 0 certificate c.pem: it ends on 2026-11-22T12:00:00Z: "
                                   "renew the file, and reload (SIGHUP) [20000000 21000000 0]\n"
                                 : "certificate_ends 0 certificate c.pem: it has ended on "
                                   "2026-11-22T12:00:00Z: renew the file, and reload (SIGHUP) [-1000000 21000000 0]\n";
        if (strcmp(said, wanted) != 0) fail_msg("%s", said);
    }
    closed(weir);
}

/* Its own failures are what is not the caller's, no limit of rates, and nothing that weir lacked. */
static void which_failures_are_a_providers_own(void **state) {
    static char room[2048];
    struct text text = text_in_buffer(room, sizeof room - 1);
    (void)state;
    for (unsigned failure = failure_none + 1; failure < failures; failure++) {
        struct weir *weir = opened("");
        struct metrics_loop *loop = metrics_loop_open(weir->reports.metrics);
        assert_string_equal(watched(weir, (struct now){.mono_ns = NS_PER_S}), "");
        for (unsigned i = 0; i < 20; i++)
            metrics_attempt(loop,
                            &(struct metrics_attempt_facts){.target_id = weir->deployment->snapshot->targets[0].id,
                                                            .outcome = metrics_failed,
                                                            .failure = failure});
        if (!watched(weir, (struct now){.mono_ns = 301 * NS_PER_S})[0])
            text_printf(&text, "%.*s ", STR_ARG(failure_facts(failure)->name));
        closed(weir);
    }
    assert_string_equal(
        room, "no_connection bad_request context_exceeded filtered rate_limited system request_deadline outpaced "
              "shutdown caller_gone ");
}

/* So many that succeeded in this time each, and so many that failed, of one provider. */
static void answers(struct weir *weir, unsigned good, uint64_t first_token_us, unsigned bad) {
    if (!answering) answering = metrics_loop_open(weir->reports.metrics);
    for (unsigned i = 0; i < good + bad; i++)
        metrics_attempt(answering,
                        &(struct metrics_attempt_facts){.target_id = weir->deployment->snapshot->targets[0].id,
                                                        .outcome = i < good ? metrics_succeeded : metrics_failed,
                                                        .first_token_us = i < good ? first_token_us : 0,
                                                        .failure = i < good ? 0 : failure_server_error});
}

static void a_share_of_failures_is_told_from_its_threshold_and_enough_answers_on(void **state) {
    static const struct {
        unsigned good, bad;
        const char *more, *said;
    } rows[] = {
        {17, 4, "", ""},
        {16, 4, "",
         "provider_errors 0 provider a: 4 of its last 20 answers are failures of its own: "
         "weir_attempt_failures_total says which [200000 200000 0]\n"},
        {15, 4, "", ""},
        {0, 19, "", ""},
        {0, 20, "alerts: {error_share: 0}", ""},
        {0, 2, "alerts: {least_answers: 2, error_share: 1}",
         "provider_errors 0 provider a: 2 of its last 2 answers are failures of its own: "
         "weir_attempt_failures_total says which [1000000 1000000 0]\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir *weir = opened(rows[i].more);
        answers(weir, 50, 0, 50);
        assert_watched(weir, (struct now){.mono_ns = NS_PER_S}, "");
        answers(weir, rows[i].good, 0, rows[i].bad);
        assert_watched(weir, (struct now){.mono_ns = 301 * NS_PER_S}, rows[i].said);
        assert_watched(weir, (struct now){.mono_ns = 602 * NS_PER_S}, "");
        closed(weir);
    }
}

/* Against what is written, and against three times its own past of a hundred answers and more; the lower one counts. */
static void slow_answers_are_told_against_their_past_and_what_is_written(void **state) {
    static const struct {
        unsigned before, count;
        uint64_t before_us, us;
        const char *more, *said;
    } rows[] = {
        {99, 20, 1000, 900000, "", ""},
        {100, 20, 1000, 900000, "",
         "provider_slow 0 provider a: one in twenty of its last 20 answers took 975 ms or more to the first token, "
         "where 3 "
         "is much [975000000 2925000 0]\n"},
        {100, 19, 1000, 900000, "", ""},
        {100, 20, 1000, 900000, "alerts: {latency_factor: 0}", ""},
        {0, 20, 1000, 900000, "alerts: {latency_factor: 0, latency_ms: 975}",
         "provider_slow 0 provider a: one in twenty of its last 20 answers took 975 ms or more to the first token, "
         "where 975 "
         "is much [975000000 975000000 0]\n"},
        {0, 20, 1000, 900000, "alerts: {latency_factor: 0, latency_ms: 976}", ""},
        {100, 20, 1000, 900000, "alerts: {latency_ms: 100}",
         "provider_slow 0 provider a: one in twenty of its last 20 answers took 975 ms or more to the first token, "
         "where 3 "
         "is much [975000000 2925000 0]\n"},
        {100, 20, 100000, 900000, "alerts: {latency_ms: 100}",
         "provider_slow 0 provider a: one in twenty of its last 20 answers took 975 ms or more to the first token, "
         "where 100 "
         "is much [975000000 100000000 0]\n"},
        {100, 20, 900000, 900000, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir *weir = opened(rows[i].more);
        answers(weir, rows[i].before, rows[i].before_us, 0);
        assert_watched(weir, (struct now){.mono_ns = NS_PER_S}, "");
        answers(weir, rows[i].count, rows[i].us, 0);
        assert_watched(weir, (struct now){.mono_ns = 301 * NS_PER_S}, rows[i].said);
        closed(weir);
    }
}

static void a_lock_that_is_away_is_told_with_who_has_it(void **state) {
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S};
    (void)state;
    struct weir *weir = opened("routes: [{model: one, strategy: exclusive, targets: [a/m, a/n]}, {model: two, "
                               "strategy: priority, targets: [a/n, a/m]}]\n");
    const struct route *routes = weir->deployment->snapshot->routes;
    assert_watched(weir, now, "");
    lock_restore(&routes[0].cells->lock, routes[0].targets[0]->id, 1);
    lock_restore(&routes[1].cells->lock, routes[1].targets[1]->id, 1);
    assert_watched(weir, now, "");
    lock_restore(&routes[0].cells->lock, routes[0].targets[1]->id, 2);
    assert_watched(weir, now,
                   "lock_away 0 route one at a/n: its lock has left a/m, where the route begins: "
                   "weir status says where it is and why\n");
    lock_restore(&routes[0].cells->lock, 4000, 3);
    assert_watched(weir, now,
                   "lock_away 0 route one at another target: its lock has left a/m, where the route begins: "
                   "weir status says where it is and why\n");
    closed(weir);
}

static void a_provider_that_is_out_is_told_with_how(void **state) {
    static const char *const rows[][2] = {
        {"active", ""},
        {"draining", "provider_out 0 provider b: it is drained and gets no new requests: weir "
                     "provider resume\n"},
        {"maintenance", "provider_out 0 provider b: it is in maintenance and gets no requests: "
                        "weir provider resume\n"}};
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char more[128];
        snprintf(more, sizeof more, ", b: {type: openai, api_key: k, models: [m], state: %s}", rows[i][0]);
        struct weir *weir = opened_with(more, "");
        assert_watched(weir, now, rows[i][1]);
        closed(weir);
    }
}

/* Where the configuration names it. The day itself is over when it begins. */
static void a_model_that_is_taken_away_is_told_from_its_days_on(void **state) {
    static const struct {
        int64_t now_s;
        const char *more, *said;
    } rows[] = {
        {1795392000 - 30 * 86400 - 1, "", ""}, /* 23 November, 0:00 */
        {1795392000 - 30 * 86400, "",
         "model_retiring 0 model b/m: its vendor takes it away on 2026-11-23 (catalogue): name another one "
         "[30000000 30000000 0]\n"},
        {1795392000 - 1, "",
         "model_retiring 0 model b/m: its vendor takes it away on 2026-11-23 (catalogue): name another one "
         "[11 30000000 0]\n"},
        {1795392000, "",
         "model_retiring 0 model b/m: its vendor took it away on 2026-11-23 (catalogue): name another one "
         "[0 30000000 0]\n"},
        {1795392000, "alerts: {retiring_days: 0}\n", ""},
        {1795392000 - 86400, "alerts: {retiring_days: 1}\n",
         "model_retiring 0 model b/m: its vendor takes it away on 2026-11-23 (catalogue): name another one "
         "[1000000 1000000 0]\n"},
        {1795392000 - 86401, "alerts: {retiring_days: 1}\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir *weir = opened_with(
            ", b: {type: openai, api_key: k, models: [m, n], facts: {m: {retires: 2026-11-23}}}", rows[i].more);
        assert_watched(weir, (struct now){.mono_ns = NS_PER_S, .wall_ns = rows[i].now_s * (int64_t)NS_PER_S},
                       rows[i].said);
        closed(weir);
    }
}

/* The hour before counts in the first half of this one, where it was the dearer one. */
static void an_unusual_hour_is_told_into_the_half_of_the_next(void **state) {
    static const struct {
        int64_t into_s, last, hour; /* in cents */
        const char *said;
    } rows[] = {
        {1799, 700, 600,
         "spend_unusual 0 provider a: 7.000000000 USD in an hour, where 2.000000000 is much: weir usage --by "
         "client,model "
         "--since 2h says whose [7000000 6000000 0]\n"},
        {1799, 599, 0, ""},
        {1800, 700, 0, ""},
        {1800, 0, 600,
         "spend_unusual 0 provider a: 6.000000000 USD in an hour, where 2.000000000 is much: weir usage --by "
         "client,model "
         "--since 2h says whose [6000000 6000000 0]\n"},
        {1800, 0, 599, ""},
        {0, 600, 600,
         "spend_unusual 0 provider a: 6.000000000 USD in an hour, where 2.000000000 is much: weir usage --by "
         "client,model "
         "--since 2h says whose [6000000 6000000 0]\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir *weir = opened("");
        const int64_t cent = 10000000;
        alerts.spenders = calloc(alert_spenders_max, sizeof *alerts.spenders);
        alerts.spender_count = 1;
        strcpy(alerts.spenders[0].name, "a");
        for (size_t h = 0; h < alert_hours - 2; h++) alerts.spenders[0].nano_usd[h] = 200 * cent;
        alerts.spenders[0].nano_usd[alert_hours - 2] = rows[i].last * cent;
        alerts.spenders[0].nano_usd[alert_hours - 1] = rows[i].hour * cent;
        assert_watched(weir,
                       (struct now){.mono_ns = NS_PER_S, .wall_ns = (1795348800 + rows[i].into_s) * (int64_t)NS_PER_S},
                       rows[i].said);
        closed(weir);
    }
}

/* Below what an hour must cost nothing is told, and where it is turned off neither. */
static void what_is_little_in_an_hour_is_not_told(void **state) {
    static const struct {
        int64_t cents;
        const char *more, *said;
    } rows[] = {{99, "", ""},
                {100, "",
                 "spend_unusual 0 provider a: 1.000000000 USD in an hour, where 0.010000000 is much: weir usage --by "
                 "client,model "
                 "--since 2h says whose [1000000 30000 0]\n"},
                {100, "alerts: {spend_factor: 0}", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir *weir = opened(rows[i].more);
        const int64_t cent = 10000000;
        alerts.spenders = calloc(alert_spenders_max, sizeof *alerts.spenders);
        alerts.spender_count = 1;
        strcpy(alerts.spenders[0].name, "a");
        for (size_t h = 0; h < alert_hours - 1; h++) alerts.spenders[0].nano_usd[h] = cent;
        alerts.spenders[0].nano_usd[alert_hours - 1] = rows[i].cents * cent;
        assert_watched(weir, (struct now){.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S},
                       rows[i].said);
        closed(weir);
    }
}

static void false_hits_are_told_with_their_share(void **state) {
    const struct now now = {.mono_ns = NS_PER_S, .wall_ns = INT64_C(1795348800) * (int64_t)NS_PER_S};
    (void)state;
    struct weir *weir = opened("routes: [{model: r, targets: [a/m], cache: {mode: all, semantic: {model: a/m, "
                               "max_false_share: 0.1}}}]\n");
    const struct route *route = &weir->deployment->snapshot->routes[0];
    for (unsigned i = 0; i < 20; i++) {
        assert_watched(weir, now, "");
        false_share_note(&route->cells->semantic, i % 10 == 0, 0.1);
    }
    assert_watched(weir, now, "");
    false_share_note(&route->cells->semantic, true, 0.1);
    assert_watched(weir, now,
                   "false_semantic_hits 0 route r: 3 of 21 answers to other words that were compared say something "
                   "else: it finds none by other words until a reload or `weir cache purge --route` [142857 100000 "
                   "0]\n");
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
        cmocka_unit_test(which_failures_are_a_providers_own),
        cmocka_unit_test(a_share_of_failures_is_told_from_its_threshold_and_enough_answers_on),
        cmocka_unit_test(slow_answers_are_told_against_their_past_and_what_is_written),
        cmocka_unit_test(a_lock_that_is_away_is_told_with_who_has_it),
        cmocka_unit_test(a_provider_that_is_out_is_told_with_how),
        cmocka_unit_test(a_model_that_is_taken_away_is_told_from_its_days_on),
        cmocka_unit_test(an_unusual_hour_is_told_into_the_half_of_the_next),
        cmocka_unit_test(what_is_little_in_an_hour_is_not_told),
        cmocka_unit_test(false_hits_are_told_with_their_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
