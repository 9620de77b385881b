/* alerts_post.c - alerts to webhooks. Invariant: what is owed to one is posted to it once, and what it has not taken
 * when the process ends stands in the ledger, and is posted after the next start. */
#include "base/check.h"
#include "observe/alert_post.h"
#include "runtime/alerts_internal.h"

static uint32_t owed_bit(size_t hook, bool ended) {
    return (uint32_t)1 << (hook + (ended ? (size_t)alert_owed_ended : 0));
}

static void post_count(struct alerts *alerts, enum metrics_post post, struct str why) {
    pthread_mutex_lock(&alerts->mutex);
    alerts->posts[post]++;
    str_copy(alerts->post_why, sizeof alerts->post_why, why);
    pthread_mutex_unlock(&alerts->mutex);
    metrics_alert_post(alerts->weir->reports.metrics, post);
}

static void post_settle(struct alerts *alerts, uint64_t id, uint32_t bit) {
    for (size_t i = 0; i < alerts->board.count; i++) {
        struct alert *alert = &alerts->board.list[i];
        if (alert->id != id) continue;
        alert->undelivered &= ~bit;
        if (alert->stored && alerts->ledger) (void)ledger_alert_owes(alerts->ledger, id, alert->undelivered);
        return;
    }
}

static void alerts_posted(void *context, struct webhook_post of, enum webhook_outcome outcome, struct str why) {
    const struct alert_post_place *place = context;
    struct alerts *alerts = place->alerts;
    struct now now = loop_now(alerts->loop);
    const size_t hook = (size_t)(place - alerts->hooks);
    post_count(alerts,
               outcome == webhook_delivered ? metrics_post_delivered
               : outcome == webhook_failed  ? metrics_post_failed
                                            : metrics_post_dropped,
               why);
    if (outcome == webhook_failed)
        log_warn(alerts_log(alerts), now, "alert_not_posted", f_u64("id", of.id), f_u64("webhook", hook + 1),
                 f_said("why", why), f_str("next", STR("it is tried again")));
    if (outcome == webhook_dropped)
        log_error(alerts_log(alerts), now, "alert_post_dropped", f_u64("id", of.id), f_u64("webhook", hook + 1),
                  f_said("why", why));
    if (outcome != webhook_failed) post_settle(alerts, of.id, owed_bit(hook, of.ended));
}

/* false: *error. */
static bool hook_follow(struct alerts *alerts, size_t i, const struct alert_hook *hook, struct error *error) {
    struct alert_post_place *place = &alerts->hooks[i];
    if (!place->webhook && !hook) return true;
    place->alerts = alerts;
    if (!place->webhook) place->webhook = webhook_new(alerts->loop, alerts_posted, place);
    if (!place->webhook) return error_set(error, error_out_of_memory, "No memory for the webhook.");
    return webhook_set(place->webhook, hook, error);
}

void alerts_hooks_follow(struct alerts *alerts, const struct snapshot *snapshot, struct now now) {
    const struct alert_rules *rules = &snapshot->alerts;
    struct error error = {.code = error_none};
    bool good = true;
    if (snapshot->generation == alerts->generation) return;
    for (size_t i = 0; i < alert_hooks_max && good; i++)
        good = hook_follow(alerts, i, i < rules->hook_count ? &rules->hooks[i] : NULL, &error);
    if (good) alerts->generation = snapshot->generation;
    if (!good && !alerts->webhook_fails)
        log_error(alerts_log(alerts), now, "alert_webhook_unusable", f_text("why", error.message));
    alerts->webhook_fails = !good;
}

static bool hook_wants(const struct alert_hook *hook, const struct alert *alert) {
    const struct alert_kind_facts *facts = alert_kind_facts(alert->kind);
    if (hook->errors_only && facts->level != alert_error) return false;
    return !hook->kind_count || str_glob_any(hook->kinds, hook->kind_count, facts->name);
}

static uint32_t hooks_wanting(const struct alert_rules *rules, const struct alert *alert) {
    uint32_t wanted = 0;
    for (size_t i = 0; i < rules->hook_count; i++)
        if (hook_wants(&rules->hooks[i], alert)) wanted |= owed_bit(i, false) | owed_bit(i, true);
    return wanted;
}

void alerts_owed_fit(struct alerts *alerts, const struct alert_rules *rules) {
    for (size_t i = 0; i < alerts->board.count; i++) {
        struct alert *alert = &alerts->board.list[i];
        if (!alert->undelivered) continue;
        const uint32_t wanted = hooks_wanting(rules, alert);
        alert->owed &= wanted;
        alert->undelivered &= wanted;
    }
}

static void alert_hand(struct alerts *alerts, const struct alert_rules *rules, const struct alert *alert, size_t hook,
                       bool ended) {
    static void (*const shapes[])(const struct alert *, bool, struct text *) = {
        [alert_as_json] = alert_post_json, [alert_as_slack] = alert_post_slack, [alert_as_teams] = alert_post_teams};
    char body[alert_post_max];
    struct text text = text_in_buffer(body, sizeof body);
    shapes[rules->hooks[hook].format](alert, ended, &text);
    CHECK(!text.failed); /* subject and words are bounded, escapes too */
    if (alerts->hooks[hook].webhook)
        webhook_post(alerts->hooks[hook].webhook, (struct webhook_post){alert->id, ended}, text_str(&text));
}

void alerts_post(struct alerts *alerts, const struct alert_rules *rules) {
    for (size_t i = 0; i < alerts->board.count; i++) {
        struct alert *alert = &alerts->board.list[i];
        const uint32_t owed = alert->owed;
        alert->owed = 0;
        for (size_t hook = 0; hook < rules->hook_count && owed; hook++) {
            if (owed & owed_bit(hook, false)) alert_hand(alerts, rules, alert, hook, false);
            if (owed & owed_bit(hook, true)) alert_hand(alerts, rules, alert, hook, true);
        }
    }
}

size_t alerts_posts_waiting(const struct alerts *alerts) {
    size_t waiting = 0;
    for (size_t i = 0; i < alert_hooks_max; i++)
        waiting += alerts->hooks[i].webhook ? webhook_waiting(alerts->hooks[i].webhook) : 0;
    return waiting;
}

void alerts_hooks_free(struct alerts *alerts) {
    for (size_t i = 0; i < alert_hooks_max; i++) {
        webhook_free(alerts->hooks[i].webhook);
        alerts->hooks[i].webhook = NULL;
    }
}
