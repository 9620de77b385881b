/* alerts_trends.c - how providers answer: the share of failures and the time to the first token, over the last minutes.
 * Reads the metrics' counts. */
#include <string.h>

#include "base/memory.h"
#include "core/alarm.h"
#include "core/classify.h"
#include "observe/metrics_providers.h"
#include "runtime/alerts_internal.h"

_Static_assert((int)trend_buckets == (int)metrics_provider_times, "the same buckets");

enum { past_answers_least = 100 };

struct provider_trend {
    uint64_t name;
    struct trend trend;
};

struct alert_trends {
    struct metrics_provider_counts counts[limit_providers];
    struct provider_trend *list[limit_providers];
    size_t count;
};

static void trends_forget(struct alert_trends *trends) {
    while (trends->count) memory_give(trends->list[--trends->count]);
}

void alerts_trends_free(struct alert_trends *trends) {
    if (trends) trends_forget(trends);
    memory_give(trends);
}

/* NULL: no memory. More names than there can be providers: those of providers that have gone are among them. */
static struct trend *trend_of(struct alert_trends *trends, struct str provider) {
    const uint64_t name = str_hash(provider);
    for (size_t i = 0; i < trends->count; i++)
        if (trends->list[i]->name == name) return &trends->list[i]->trend;
    if (trends->count == limit_providers) trends_forget(trends);
    struct provider_trend *made = memory_take_zeroed(sizeof *made);
    if (!made) return NULL;
    made->name = name;
    trends->list[trends->count++] = made;
    return &made->trend;
}

/* What a caller asked for wrongly, a rate limit, and what weir itself lacked say nothing of it. */
static bool is_its_own(unsigned failure) {
    enum fault fault = failure_facts(failure)->fault;
    return fault != fault_caller && failure != failure_rate_limited && failure != failure_no_connection &&
           failure != failure_system;
}

static struct trend_counts counts_of(const struct metrics_provider_counts *counts) {
    struct trend_counts trend = {.good = counts->succeeded};
    for (unsigned i = failure_none + 1; i < failures; i++)
        if (is_its_own(i)) trend.bad += counts->failures[i];
    memcpy(trend.buckets, counts->times, sizeof trend.buckets);
    return trend;
}

static void errors_watch(struct alerts *alerts, const struct alert_rules *rules, const struct trend_window *window,
                         struct str subject, struct now now) {
    char said[alert_said_max];
    struct text text = text_in_buffer(said, sizeof said);
    const uint64_t bad = window->within.bad, all = window->within.good + bad;
    struct alarm alarm = {.value = all ? (double)bad / (double)all : 0,
                          .threshold = rules->error_share,
                          .count = all,
                          .least = rules->least_answers,
                          .young = window->young};
    alarm.lasts = alerts_lasting(alerts, alert_provider_errors, subject, &alarm.threshold);
    if (rules->error_share <= 0 || !alarm_holds(&alarm)) return;
    text_printf(&text, "%llu of its last %llu answers are failures of its own: weir_attempt_failures_total says which",
                (unsigned long long)bad, (unsigned long long)all);
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_provider_errors,
                                    .subject = subject,
                                    .said = text_str(&text),
                                    .value = alarm.value,
                                    .threshold = alarm.threshold},
               now);
}

/* The lower one of what is written and what its past says; 0: neither says anything. */
static double slow_threshold_ms(const struct alert_rules *rules, const struct trend_window *window) {
    const double us_per_ms = 1000;
    double written = (double)rules->latency_ms, past = 0;
    if (rules->latency_factor > 0 && trend_answers(&window->before) >= past_answers_least)
        past =
            rules->latency_factor * (double)trend_quantile(&window->before, metrics_provider_most_us, 0.95) / us_per_ms;
    return past > 0 && (written == 0 || past < written) ? past : written;
}

static void slow_watch(struct alerts *alerts, const struct alert_rules *rules, const struct trend_window *window,
                       struct str subject, struct now now) {
    const double us_per_ms = 1000;
    char said[alert_said_max];
    struct text text = text_in_buffer(said, sizeof said);
    struct alarm alarm = {.value = (double)trend_quantile(&window->within, metrics_provider_most_us, 0.95) / us_per_ms,
                          .threshold = slow_threshold_ms(rules, window),
                          .count = trend_answers(&window->within),
                          .least = rules->least_answers,
                          .young = window->young};
    alarm.lasts = alerts_lasting(alerts, alert_provider_slow, subject, &alarm.threshold);
    if ((rules->latency_factor <= 0 && !rules->latency_ms) || !alarm_holds(&alarm)) return;
    text_printf(&text,
                "one in twenty of its last %llu answers took %.0f ms or more to the first token, where %.0f is "
                "much",
                (unsigned long long)alarm.count, alarm.value, alarm.threshold);
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_provider_slow,
                                    .subject = subject,
                                    .said = text_str(&text),
                                    .value = alarm.value,
                                    .threshold = alarm.threshold},
               now);
}

/* Of each provider, also of one that has not answered in this process: what lasted over a restart is judged then. */
static void provider_trend_watch(struct alerts *alerts, const struct alert_rules *rules, struct str provider,
                                 size_t counted, struct now now) {
    char name[alert_subject_max];
    struct text subject = text_in_buffer(name, sizeof name);
    struct trend *trend = trend_of(alerts->trends, provider);
    struct trend_counts counts = {.good = 0};
    struct trend_window window;
    if (!trend) return;
    for (size_t i = 0; i < counted; i++)
        if (str_eq(alerts->trends->counts[i].provider, provider)) counts = counts_of(&alerts->trends->counts[i]);
    trend_look(trend, &counts, now.mono_ns / NS_PER_S, rules->window_s, &window);
    text_printf(&subject, "provider %.*s", STR_ARG(str_slice(provider, 0, 120)));
    errors_watch(alerts, rules, &window, text_str(&subject), now);
    slow_watch(alerts, rules, &window, text_str(&subject), now);
}

void alerts_trends_watch(struct alerts *alerts, const struct snapshot *snapshot, struct now now) {
    if (!alerts->trends) alerts->trends = memory_take_zeroed(sizeof *alerts->trends);
    if (!alerts->trends) return;
    size_t counted = metrics_providers_count(alerts->weir->reports.metrics, alerts->trends->counts, limit_providers);
    for (size_t i = 0; i < snapshot->provider_count; i++)
        provider_trend_watch(alerts, &snapshot->alerts, snapshot->providers[i].name, counted, now);
}
