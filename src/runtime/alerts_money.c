/* alerts_money.c - budgets that will be empty too early, and providers that cost far more than they did. What is spent
 * is asked of the ledger, once a minute. */
#include <string.h>

#include "base/memory.h"
#include "core/alarm.h"
#include "runtime/alerts_internal.h"

static const double nano_per_usd = 1e9;

static void moment_say(struct text *text, int64_t moment_s) { window_moment_put(text, moment_s); }

void alerts_burn_watch(struct alerts *alerts, const struct alert_rules *rules, const struct money_budget *budget,
                       struct now now) {
    char subject[alert_subject_max], said[alert_said_max];
    struct text name = text_in_buffer(subject, sizeof subject), text = text_in_buffer(said, sizeof said);
    struct window_forecast forecast;
    if (budget->values || budget->rolling || budget->bucket_s) return; /* they have no end */
    const int64_t limit = money_budget_limit(budget, now.wall_ns), now_s = now.wall_ns / (int64_t)NS_PER_S;
    const struct window_span span = money_budget_window(budget, now.wall_ns);
    const struct spend_view view = money_budget_look(budget, now.wall_ns);
    if (limit <= 0 || !window_forecast(span, now_s, view.spent, limit, &forecast)) return;
    if (!spend_burns(span.start_s, span.end_s, now_s, rules->burn_after_permille, forecast.reached_s)) return;
    if (budget->owner.len) text_printf(&name, "%.*s ", STR_ARG(str_slice(budget->owner, 0, 90)));
    text_printf(&name, "budget %.*s", STR_ARG(str_slice(budget->name, 0, 60)));
    text_put(&text, STR("if it goes on as it did it is empty on "));
    moment_say(&text, forecast.reached_s);
    text_put(&text, STR(", and the window ends on "));
    moment_say(&text, span.end_s);
    text_put(&text, STR(": "));
    text_put_money(&text, view.spent);
    text_put(&text, STR(" of "));
    text_put_money(&text, limit);
    text_put(&text, STR(" USD are spent"));
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_budget_burn,
                                    .window_s = span.start_s,
                                    .subject = text_str(&name),
                                    .said = text_str(&text),
                                    .value = (double)forecast.total / nano_per_usd,
                                    .threshold = (double)limit / nano_per_usd},
               now);
}

/* -- an unusual hour -- */

static void spender_note(void *context, struct str provider, int64_t hour, int64_t nano_usd) {
    struct alerts *alerts = context;
    size_t i = 0;
    while (i < alerts->spender_count && !str_eq(str_from(alerts->spenders[i].name), provider)) i++;
    if (i == alert_spenders_max || provider.len > limit_name) return;
    struct alert_spender *spender = &alerts->spenders[i];
    if (i == alerts->spender_count) {
        *spender = (struct alert_spender){.name = ""};
        str_copy(spender->name, sizeof spender->name, provider);
        alerts->spender_count++;
    }
    int64_t place = alert_hours - 1 - (alerts->spend_hour - hour);
    if (place >= 0 && place < alert_hours) spender->nano_usd[place] = nano_usd;
}

void alerts_spend_read(struct alerts *alerts, const struct snapshot *snapshot, struct now now) {
    enum { again_s = 60 };
    const int64_t hour_s = 3600;
    if (snapshot->alerts.spend_factor <= 0 || now.mono_ns < alerts->spend_again_ns || !alerts->ledger) return;
    if (!alerts->spenders) alerts->spenders = memory_take(alert_spenders_max * sizeof *alerts->spenders);
    if (!alerts->spenders) return;
    alerts->spend_again_ns = now.mono_ns + again_s * NS_PER_S;
    alerts->spend_hour = now.wall_ns / (int64_t)NS_PER_S / hour_s;
    alerts->spender_count = 0;
    if (!ledger_hours(alerts->ledger, alerts->spend_hour - alert_hours + 1, spender_note, alerts))
        alerts_troubled(alerts, ledger_problem(alerts->ledger), now);
}

/* This hour, or the one before it while that is the dearer one and this one has only begun. */
static int64_t spender_hour(const struct alert_spender *spender, int64_t into_s) {
    const int64_t this = spender->nano_usd[alert_hours - 1], last = spender->nano_usd[alert_hours - 2];
    return into_s < 1800 && last > this ? last : this;
}

static void spender_watch(struct alerts *alerts, const struct alert_rules *rules, const struct alert_spender *spender,
                          struct now now) {
    char name[alert_subject_max], said[alert_said_max];
    struct text subject = text_in_buffer(name, sizeof name), text = text_in_buffer(said, sizeof said);
    int64_t past[alert_hours - 2], hour = spender_hour(spender, now.wall_ns / (int64_t)NS_PER_S % 3600);
    memcpy(past, spender->nano_usd, sizeof past);
    const int64_t usual = spend_usual(past, alert_hours - 2);
    text_printf(&subject, "provider %s", spender->name);
    struct alarm alarm = {.value = (double)hour / nano_per_usd,
                          .threshold = rules->spend_factor * (double)usual / nano_per_usd};
    alarm.lasts = alerts_lasting(alerts, alert_spend_unusual, text_str(&subject), &alarm.threshold);
    if (!alarm.lasts && hour < rules->spend_least_nano_usd) return;
    if (!alarm_holds(&alarm)) return;
    text_put_money(&text, hour);
    text_put(&text, STR(" USD in an hour, where "));
    text_put_money(&text, usual);
    text_put(&text, STR(" is much: weir usage --by client,model --since 2h says whose"));
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_spend_unusual,
                                    .subject = text_str(&subject),
                                    .said = text_str(&text),
                                    .value = alarm.value,
                                    .threshold = alarm.threshold},
               now);
}

void alerts_spend_watch(struct alerts *alerts, const struct snapshot *snapshot, struct now now) {
    if (snapshot->alerts.spend_factor <= 0) return;
    for (size_t i = 0; i < alerts->spender_count; i++)
        spender_watch(alerts, &snapshot->alerts, &alerts->spenders[i], now);
}
