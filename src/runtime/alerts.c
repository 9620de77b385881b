/* alerts.c - the thread: looks, tells, keeps, posts. Invariant: an alert is told (log, metrics, webhook) once when it
 * is raised and once when it has ended, whether the disk takes it at once or later. */
#include "runtime/alerts_internal.h"

#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"

enum { look_every_ms = 500, looks_share = 20, keep_batch = 64 };

struct log_writer *alerts_log(const struct alerts *alerts) {
    return alerts->weir->reports.log ? log_shared(alerts->weir->reports.log) : NULL;
}

/* -- the board, as others see it -- */

void alerts_see(struct alerts *alerts, const struct alert_fact *fact, struct now now) {
    pthread_mutex_lock(&alerts->mutex);
    (void)alert_board_see(&alerts->board, fact, now.wall_ns / (int64_t)NS_PER_MS);
    pthread_mutex_unlock(&alerts->mutex);
}

bool alerts_lasting(struct alerts *alerts, enum alert_kind kind, struct str subject, double *threshold) {
    pthread_mutex_lock(&alerts->mutex);
    const struct alert *alert = alert_board_lasting(&alerts->board, kind, subject);
    if (alert) *threshold = (double)alert->threshold_micro / 1e6;
    pthread_mutex_unlock(&alerts->mutex);
    return alert != NULL;
}

void alerts_credential_old(struct alerts *alerts, struct str credential, int64_t age_days, int64_t most_days) {
    size_t at = 0;
    if (!alerts) return;
    credential = str_slice(credential, 0, alert_subject_max - 1);
    pthread_mutex_lock(&alerts->mutex);
    while (at < alerts->old_count && !str_eq(str_from(alerts->old[at].name), credential)) at++;
    if (at < credentials_old_max) {
        struct credential_old *old = &alerts->old[at];
        *old = (struct credential_old){.age_days = age_days, .most_days = most_days, .noted_ns = clock_read().mono_ns};
        str_copy(old->name, sizeof old->name, credential);
        if (at == alerts->old_count) alerts->old_count++;
    }
    pthread_mutex_unlock(&alerts->mutex);
}

/* -- a name that goes -- */

struct alerts_erasing {
    struct alerts *alerts;
    char client[alert_subject_max], tombstone[64];
};

static void alerts_erase_run(void *context) {
    struct alerts_erasing *erasing = context;
    struct alerts *alerts = erasing->alerts;
    const struct str client = str_from(erasing->client);
    pthread_mutex_lock(&alerts->mutex);
    for (size_t i = 0; i < alerts->board.count; i++) {
        struct alert *alert = &alerts->board.list[i];
        char renamed[alert_subject_max + 64];
        const bool its = str_starts(str_from(alert->subject), client);
        if (!its || (alert->subject[client.len] && alert->subject[client.len] != ' ')) continue;
        snprintf(renamed, sizeof renamed, "%s%s", erasing->tombstone, alert->subject + client.len);
        str_copy(alert->subject, sizeof alert->subject, str_from(renamed));
    }
    pthread_mutex_unlock(&alerts->mutex);
    memory_give(erasing);
}

void alerts_erase(struct alerts *alerts, struct str client, const char *tombstone) {
    struct alerts_erasing *erasing = alerts ? memory_take_zeroed(sizeof *erasing) : NULL;
    if (!erasing) return;
    erasing->alerts = alerts;
    snprintf(erasing->client, sizeof erasing->client, "client %.*s", STR_ARG(client));
    str_copy(erasing->tombstone, sizeof erasing->tombstone, str_from(tombstone));
    if (!loop_post(alerts->loop, alerts_erase_run, erasing)) memory_give(erasing);
}

static void webhook_put(const struct alerts *alerts, struct text *text) {
    text_put(text, STR(",\"webhook\":{"));
    text_json_u64(text, STR("delivered"), alerts->posts[metrics_post_delivered]);
    text_json_u64(text, STR("failed"), alerts->posts[metrics_post_failed]);
    text_json_u64(text, STR("dropped"), alerts->posts[metrics_post_dropped]);
    text_json_u64(text, STR("waiting"), alerts->posts_waiting);
    if (alerts->post_why[0]) text_json_str(text, STR("last_failure"), str_from(alerts->post_why));
    text_put_byte(text, '}');
}

/* The newest that is older than `below`; NULL: none. */
static const struct alert *alert_below(const struct alert_board *board, uint64_t below, bool active_only) {
    const struct alert *newest = NULL;
    for (size_t i = 0; i < board->count; i++) {
        const struct alert *alert = &board->list[i];
        if (alert->id < below && !(active_only && alert->ended_ms) && (!newest || alert->id > newest->id))
            newest = alert;
    }
    return newest;
}

void alerts_write(struct alerts *alerts, bool active_only, struct text *text) {
    uint64_t below = UINT64_MAX;
    text_put(text, STR("{\"alerts\":["));
    if (!alerts) {
        text_put(text, STR("]}"));
        return;
    }
    pthread_mutex_lock(&alerts->mutex);
    for (const struct alert *alert; (alert = alert_below(&alerts->board, below, active_only)); below = alert->id) {
        text_json_comma(text);
        text_put_byte(text, '{');
        alert_put(alert, text);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
    text_json_u64(text, STR("dropped"), alerts->board.dropped);
    webhook_put(alerts, text);
    pthread_mutex_unlock(&alerts->mutex);
    text_put_byte(text, '}');
}

/* -- the database -- */

void alerts_troubled(struct alerts *alerts, const char *problem, struct now now) {
    char shown[400];
    ledger_place_shown(alerts->weir->ledger_place, shown, sizeof shown);
    if (!alerts->ledger_fails)
        log_warn(alerts_log(alerts), now, "alerts_not_kept", f_text("path", shown), f_text("problem", problem),
                 f_str("means", STR("they are told, and written when the ledger works again")));
    alerts->ledger_fails = true;
    ledger_close(alerts->ledger);
    alerts->ledger = NULL;
}

static void alert_restore(void *context, const struct ledger_alert *stored) {
    struct alerts *alerts = context;
    struct alert alert = {.id = stored->id,
                          .permille = (uint32_t)stored->permille,
                          .window_s = stored->window_s,
                          .raised_ms = stored->raised_ms,
                          .value_micro = stored->value_micro,
                          .threshold_micro = stored->threshold_micro,
                          .ended_ms = stored->ended_ms,
                          .told = true};
    if (!alert_kind_of(stored->kind, &alert.kind)) return; /* a later version's */
    str_copy(alert.subject, sizeof alert.subject, stored->subject);
    str_copy(alert.said, sizeof alert.said, stored->said);
    alert.owed = alert.undelivered = (uint32_t)stored->owed;
    pthread_mutex_lock(&alerts->mutex);
    alert_board_restore(&alerts->board, &alert);
    pthread_mutex_unlock(&alerts->mutex);
}

bool alerts_ledger_ready(struct alerts *alerts, struct now now) {
    enum { again_s = 10 }; /* a server that does not answer takes its time */
    char problem[300] = "";
    if (!alerts->ledger && now.mono_ns < alerts->ledger_again_ns) return false;
    if (!alerts->ledger) alerts->ledger_again_ns = now.mono_ns + again_s * NS_PER_S;
    if (!alerts->ledger) alerts->ledger = ledger_open_beside(alerts->weir->ledger_place, problem, sizeof problem);
    if (!alerts->ledger) alerts_troubled(alerts, problem, now);
    return alerts->ledger != NULL;
}

static void alerts_keep(struct alerts *alerts, struct now now) {
    struct ledger_alert list[keep_batch];
    struct alert *kept[keep_batch];
    for (size_t i = 0, count = 0; i <= alerts->board.count; i++) {
        bool last = i == alerts->board.count;
        struct alert *alert = last ? NULL : &alerts->board.list[i];
        if (alert && !alert->stored) {
            kept[count] = alert;
            list[count++] = (struct ledger_alert){.id = alert->id,
                                                  .kind = alert_kind_facts(alert->kind)->name,
                                                  .subject = str_from(alert->subject),
                                                  .said = str_from(alert->said),
                                                  .permille = alert->permille,
                                                  .window_s = alert->window_s,
                                                  .raised_ms = alert->raised_ms,
                                                  .ended_ms = alert->ended_ms,
                                                  .value_micro = alert->value_micro,
                                                  .threshold_micro = alert->threshold_micro,
                                                  .owed = alert->undelivered};
        }
        if (count == 0 || (!last && count < keep_batch)) continue;
        if (!alerts_ledger_ready(alerts, now)) return;
        if (!ledger_alerts_keep(alerts->ledger, list, count)) {
            alerts_troubled(alerts, ledger_problem(alerts->ledger), now);
            return;
        }
        pthread_mutex_lock(&alerts->mutex);
        while (count) kept[--count]->stored = true;
        pthread_mutex_unlock(&alerts->mutex);
        alerts->ledger_fails = false;
    }
}

/* -- a look -- */

/* At its kind's own level. */
static void alert_log(struct log_writer *log, const struct alert_kind_facts *facts, const struct alert *alert,
                      struct now now) {
    static const struct log_site warning = {"alert", log_level_warn};
    static const struct log_site site = {"alert", log_level_error};
    const struct log_site *at = facts->level == alert_error ? &site : &warning;
    const struct log_field fields[] = {
        f_u64("id", alert->id), f_str("kind", facts->name), f_text("subject", alert->subject),
        alert->permille ? f_u64("percent", alert->permille / 10) : f_none(), f_text("said", alert->said)};
    if (log_wants(log, at->level)) log_put(log, at, now, fields, sizeof fields / sizeof *fields);
}

static void alert_notice_put(struct alerts *alerts, const struct alert *alert, struct now now) {
    char members[notice_bytes_max];
    struct text text = text_in_buffer(members, sizeof members);
    text_json_str(&text, STR("event"), alert->ended_ms ? STR("ended") : STR("raised"));
    alert_put(alert, &text);
    notices_put(alerts->weir->notices, notice_alert, now.wall_ns / (int64_t)NS_PER_MS, text_str(&text));
}

static void alert_tell(struct alerts *alerts, struct alert *alert, struct now now) {
    const struct alert_kind_facts *facts = alert_kind_facts(alert->kind);
    alert_notice_put(alerts, alert, now);
    pthread_mutex_lock(&alerts->mutex);
    alert->told = true;
    size_t active = alert_board_active(&alerts->board, alert->kind);
    pthread_mutex_unlock(&alerts->mutex);
    metrics_alerts(alerts->weir->reports.metrics, alert->kind, !alert->ended_ms, active);
    if (alert->ended_ms)
        log_info(alerts_log(alerts), now, "alert_ended", f_u64("id", alert->id), f_str("kind", facts->name),
                 f_text("subject", alert->subject));
    else
        alert_log(alerts_log(alerts), facts, alert, now);
}

static void alerts_tell(struct alerts *alerts, const struct alert_rules *rules, struct now now) {
    alerts_owed_fit(alerts, rules);
    for (size_t i = 0; i < alerts->board.count; i++)
        if (!alerts->board.list[i].told) alert_tell(alerts, &alerts->board.list[i], now);
    alerts_keep(alerts, now);
    alerts_post(alerts, rules);
    if (alerts->board.dropped != alerts->dropped_told)
        log_error(alerts_log(alerts), now, "alerts_dropped",
                  f_u64("count", alerts->board.dropped - alerts->dropped_told),
                  f_str("means", STR("more last at once than are kept")));
    alerts->dropped_told = alerts->board.dropped;
}

static void alerts_look(void *context) {
    struct alerts *alerts = context;
    struct now now = loop_now_fresh(alerts->loop);
    struct deployment *deployment = library_deployment(alerts->weir);
    pthread_mutex_lock(&alerts->mutex);
    alert_board_look(&alerts->board);
    pthread_mutex_unlock(&alerts->mutex);
    alerts_hooks_follow(alerts, deployment->snapshot, now);
    alerts_watch(alerts, deployment->snapshot, now);
    alerts_peers_watch(alerts, deployment, now);
    const uint64_t watched_ns = loop_now_fresh(alerts->loop).mono_ns - now.mono_ns;
    notices_watch(&alerts->notices, &(struct notices_into){alerts->weir->notices, &alerts->weir->health},
                  deployment->snapshot, now);
    pthread_mutex_lock(&alerts->mutex);
    while (alert_board_end(&alerts->board, now.wall_ns / (int64_t)NS_PER_MS)) continue;
    pthread_mutex_unlock(&alerts->mutex);
    alerts_tell(alerts, &deployment->snapshot->alerts, now);
    alerts_health_keep(alerts, deployment->snapshot->health_keep_days, now);
    alerts_spend_read(alerts, deployment->snapshot, now);
    deployment_release(deployment);
    pthread_mutex_lock(&alerts->mutex);
    alerts->posts_waiting = alerts_posts_waiting(alerts);
    pthread_mutex_unlock(&alerts->mutex);
    uint64_t done_ns = loop_now_fresh(alerts->loop).mono_ns; /* a million budgets are looked at less often */
    timer_set(alerts->loop, &alerts->tick, done_ns + look_every_ms * NS_PER_MS + looks_share * watched_ns, alerts_look,
              alerts);
}

/* -- beginning and end -- */

struct alerts *alerts_open(struct weir *weir) {
    struct alerts *alerts = memory_take_zeroed(sizeof *alerts);
    struct now now = clock_read();
    if (!alerts) return NULL;
    alerts->weir = weir;
    alerts->generation = UINT64_MAX;
    pthread_mutex_init(&alerts->mutex, NULL);
    alerts->loop = loop_new();
    bool good = alerts->loop && alert_board_init(&alerts->board);
    if (good && alerts_ledger_ready(alerts, now) &&
        !ledger_alerts(alerts->ledger, alerts_max / 2, alert_restore, alerts))
        alerts_troubled(alerts, ledger_problem(alerts->ledger), now);
    good = good && loop_start_thread(alerts->loop, "weir-alerts");
    alerts->running = good;
    if (good && loop_post(alerts->loop, alerts_look, alerts)) return alerts;
    alerts_close(alerts);
    return NULL;
}

static void alerts_stop(void *context) {
    struct alerts *alerts = context;
    timer_cancel(alerts->loop, &alerts->tick);
    alerts_health_keep(alerts, 0, loop_now_fresh(alerts->loop));
    alerts_hooks_free(alerts);
    loop_stop(alerts->loop);
}

void alerts_close(struct alerts *alerts) {
    if (!alerts) return;
    if (alerts->running) {
        CHECK(loop_post(alerts->loop, alerts_stop, alerts));
        loop_join(alerts->loop);
    }
    alerts_hooks_free(alerts);
    if (alerts->loop) loop_free(alerts->loop);
    ledger_close(alerts->ledger);
    alert_board_free(&alerts->board);
    notices_watch_free(&alerts->notices);
    alerts_trends_free(alerts->trends);
    memory_give(alerts->spenders);
    pthread_mutex_destroy(&alerts->mutex);
    memory_give(alerts);
}
