/* alerts_internal.h - the alerts' parts: the thread and what it does with them (alerts.c), what it looks at
 * (alerts_watch.c). */
#ifndef WEIR_RUNTIME_ALERTS_INTERNAL_H
#define WEIR_RUNTIME_ALERTS_INTERNAL_H

#include <pthread.h>

#include "observe/alert.h"
#include "runtime/alerts.h"
#include "runtime/notices_watch.h"
#include "runtime/webhook.h"
#include "runtime/weir_internal.h"
#include "store/ledger_alerts.h"
#include "store/ledger_hours.h"

enum { credentials_old_max = 64, alert_hours = 168, alert_spenders_max = 64 };

struct credential_old {
    char name[alert_subject_max];
    int64_t age_days, most_days;
    uint64_t noted_ns;
};

/* alerts_trends.c: of each provider that has answered; NULL: none has. */
struct alert_trends;

/* What each provider has cost in each hour of the week that ends with `hour`, as the ledger had it. */
struct alert_spender {
    char name[limit_name + 1];
    int64_t nano_usd[alert_hours]; /* the last one is this hour's, so far */
};

struct alert_certificate {
    char file[256];
    int64_t ends_s;
};

struct alerts {
    struct weir *weir;
    struct loop *loop;
    bool running;
    struct alert_post_place {
        struct alerts *alerts;
        struct webhook *webhook; /* NULL: there was none so far */
    } hooks[alert_hooks_max];
    struct timer tick;
    pthread_mutex_t mutex; /* guards what follows, of which others read; the board is written by the loop alone */
    struct alert_board board;
    struct credential_old old[credentials_old_max];
    size_t old_count;
    uint64_t posts[metrics_posts];
    char post_why[200]; /* the last that failed; empty: none did since one was delivered */
    size_t posts_waiting;
    /* the loop's alone */
    struct ledger *ledger;
    bool ledger_fails, webhook_fails;
    uint64_t ledger_again_ns; /* not before, where it could not be opened */
    uint64_t generation, dropped_told, not_kept;
    int64_t unrecorded_day;
    struct notices_watch notices; /* what was, for the events */
    struct alert_trends *trends;
    struct alert_spender *spenders; /* alert_spenders_max of them; NULL: not looked yet */
    size_t spender_count;
    int64_t spend_hour;
    uint64_t spend_again_ns, certificates_again_ns, certificates_generation;
    struct alert_certificate certificates[config_listens_max];
    size_t certificate_count;
    bool health_begun;         /* what of the history of health is in the ledger is known */
    uint64_t health_forget_ns; /* not before then */
};

/* It holds now. On the alerts' loop. */
void alerts_see(struct alerts *alerts, const struct alert_fact *fact, struct now now);
/* alerts_post.c: posting, as the configuration of the moment has it. */
void alerts_hooks_follow(struct alerts *alerts, const struct snapshot *snapshot, struct now now);
/* What of an alert goes nowhere is taken away, before it is kept. */
void alerts_owed_fit(struct alerts *alerts, const struct alert_rules *rules);
void alerts_post(struct alerts *alerts, const struct alert_rules *rules);
size_t alerts_posts_waiting(const struct alerts *alerts);
void alerts_hooks_free(struct alerts *alerts);
struct log_writer *alerts_log(const struct alerts *alerts);
/* Its connection to the ledger is open. */
bool alerts_ledger_ready(struct alerts *alerts, struct now now);
/* It has failed: said once, and opened anew later. */
void alerts_troubled(struct alerts *alerts, const char *problem, struct now now);
/* alerts_health.c: what is new of the history of health goes into the ledger, and what is old leaves it. 0: none. */
void alerts_health_keep(struct alerts *alerts, int64_t keep_days, struct now now);
/* The threshold with which one began that lasts; false: none does. */
bool alerts_lasting(struct alerts *alerts, enum alert_kind kind, struct str subject, double *threshold);
/* alerts_trends.c, alerts_money.c, alerts_things.c: see what holds of answers, of spending, and of all else that is no
 * request's. */
void alerts_trends_watch(struct alerts *alerts, const struct snapshot *snapshot, struct now now);
void alerts_trends_free(struct alert_trends *trends);
void alerts_spend_watch(struct alerts *alerts, const struct snapshot *snapshot, struct now now);
/* Asks the ledger what is spent, once a minute: it may wait for the disk. */
void alerts_spend_read(struct alerts *alerts, const struct snapshot *snapshot, struct now now);
void alerts_burn_watch(struct alerts *alerts, const struct alert_rules *rules, const struct money_budget *budget,
                       struct now now);
/* Certificates of providers that were called. */
void alerts_peers_watch(struct alerts *alerts, const struct deployment *deployment, struct now now);
void alerts_things_watch(struct alerts *alerts, const struct snapshot *snapshot, struct now now);
/* alerts_watch.c: sees all that holds. */
void alerts_watch(struct alerts *alerts, struct snapshot *snapshot, struct now now);

#endif
