/* alerts_watch.c - what holds now: quotas, budgets, books, credentials, providers. Reads words. */
#include "core/false_share.h"
#include "runtime/alerts_internal.h"
#include "runtime/run_clients.h"

static const int64_t day_s = 86400;

static int64_t watch_now_s(struct now now) { return now.wall_ns > 0 ? now.wall_ns / (int64_t)NS_PER_S : 0; }

static bool reaches(int64_t used, int64_t limit, uint32_t permille) {
    return limit > 0 && (double)used >= (double)limit * permille / 1000;
}

static double watch_share(int64_t used, int64_t limit) { return limit > 0 ? (double)used / (double)limit : 0; }

static void until_put(struct text *text, int64_t end_s) {
    if (end_s == INT64_MAX) return;
    text_put(text, STR(", until "));
    window_moment_put(text, end_s);
}

static void quota_watch(struct alerts *alerts, const struct alert_rules *rules, const struct provider *provider,
                        const struct quota *quota, struct now now) {
    struct quota_view view = quota_look(quota, watch_now_s(now));
    for (size_t i = 0; i < rules->quota_count; i++) {
        char subject[alert_subject_max], said[alert_said_max];
        struct text name = text_in_buffer(subject, sizeof subject), text = text_in_buffer(said, sizeof said);
        if (!reaches(view.counted, quota->limit, rules->quota_permille[i])) continue;
        text_printf(&name, "provider %.*s %.*s", STR_ARG(str_slice(provider->name, 0, 100)), STR_ARG(quota->name));
        text_printf(&text, "%u%% of the quota %.*s is used: %lld of %lld", rules->quota_permille[i] / 10,
                    STR_ARG(quota->name), (long long)view.counted, (long long)quota->limit);
        until_put(&text, view.span.end_s);
        alerts_see(alerts,
                   &(struct alert_fact){.kind = alert_quota,
                                        .permille = rules->quota_permille[i],
                                        .value = watch_share(view.counted, quota->limit),
                                        .threshold = rules->quota_permille[i] / 1000.0,
                                        .window_s = view.span.start_s,
                                        .subject = text_str(&name),
                                        .said = text_str(&text)},
                   now);
    }
}

/* A budget, or a value of one. */
struct budget_seen {
    const struct money_budget *budget;
    struct str value; /* empty: it is not split */
    struct spend_view view;
    int64_t limit;
};

static void seen_tell(struct alerts *alerts, const struct alert_rules *rules, const struct budget_seen *seen,
                      struct now now) {
    const struct money_budget *budget = seen->budget;
    for (size_t i = 0; i < rules->budget_count; i++) {
        char subject[alert_subject_max], said[alert_said_max];
        struct text name = text_in_buffer(subject, sizeof subject), text = text_in_buffer(said, sizeof said);
        if (!reaches(seen->view.spent, seen->limit, rules->budget_permille[i])) continue;
        if (budget->owner.len) text_printf(&name, "%.*s ", STR_ARG(str_slice(budget->owner, 0, 90)));
        text_printf(&name, "budget %.*s", STR_ARG(str_slice(budget->name, 0, 60)));
        if (seen->value.len) text_printf(&name, ": %.*s", STR_ARG(seen->value));
        text_printf(&text, "%u%% of it is spent: ", rules->budget_permille[i] / 10);
        text_put_money(&text, seen->view.spent);
        text_put(&text, STR(" of "));
        text_put_money(&text, seen->limit);
        text_put(&text, STR(" USD"));
        until_put(&text, money_budget_window(budget, now.wall_ns).end_s);
        alerts_see(
            alerts,
            &(struct alert_fact){.kind = alert_budget,
                                 .permille = rules->budget_permille[i],
                                 .value = watch_share(seen->view.spent, seen->limit),
                                 .threshold = rules->budget_permille[i] / 1000.0,
                                 .window_s = budget->rolling || budget->bucket_s ? 0 : (int64_t)seen->view.start_s,
                                 .subject = text_str(&name),
                                 .said = text_str(&text)},
            now);
    }
}

static void crowd_tell(struct alerts *alerts, const struct money_budget *budget, struct now now) {
    char subject[alert_subject_max], said[alert_said_max];
    struct text name = text_in_buffer(subject, sizeof subject), text = text_in_buffer(said, sizeof said);
    int64_t start_s = money_budget_window(budget, now.wall_ns).start_s;
    if (!values_are_crowded(budget->values, start_s > 0 ? (uint64_t)start_s : 0)) return;
    if (budget->owner.len) text_printf(&name, "%.*s ", STR_ARG(str_slice(budget->owner, 0, 90)));
    text_printf(&name, "budget %.*s", STR_ARG(str_slice(budget->name, 0, 60)));
    text_printf(&text, "it has more than %zu value%s of `%.*s`: further ones share the sum of `(other)`",
                budget->value_most, str_plural(budget->value_most), STR_ARG(str_slice(budget->per_word, 0, 60)));
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_values_crowded,
                                    .window_s = budget->bucket_s ? 0 : start_s,
                                    .subject = text_str(&name),
                                    .said = text_str(&text)},
               now);
}

static void budget_watch(struct alerts *alerts, const struct alert_rules *rules, const struct money_budget *budget,
                         struct now now) {
    uint32_t least = 1000;
    alerts_burn_watch(alerts, rules, budget, now);
    if (!rules->budget_count) return;
    if (!budget->values) {
        seen_tell(alerts, rules,
                  &(struct budget_seen){.budget = budget,
                                        .view = money_budget_look(budget, now.wall_ns),
                                        .limit = money_budget_limit(budget, now.wall_ns)},
                  now);
        return;
    }
    struct values_near near;
    for (size_t i = 0; i < rules->budget_count; i++)
        if (rules->budget_permille[i] < least) least = rules->budget_permille[i];
    money_values_near(budget, now.wall_ns, least, &near);
    for (size_t i = 0; i < near.count; i++)
        seen_tell(alerts, rules,
                  &(struct budget_seen){.budget = budget,
                                        .value = str_from(near.list[i].said),
                                        .view = near.list[i].view,
                                        .limit = near.list[i].limit},
                  now);
    crowd_tell(alerts, budget, now);
}

/* Of those that clients have which were made at run time. */
struct run_watch {
    struct alerts *alerts;
    const struct alert_rules *rules;
    struct now now;
};

static void run_budget_watch(void *context, const struct money_budget *budget) {
    const struct run_watch *watch = context;
    budget_watch(watch->alerts, watch->rules, budget, watch->now);
}

static void identity_watch(void *context, const struct client *client) {
    for (size_t i = 0; i < client->money.count; i++)
        if (client->money.list[i]->own) run_budget_watch(context, client->money.list[i]);
}

static void plain_see(struct alerts *alerts, enum alert_kind kind, int64_t window_s, struct str subject,
                      struct str said, struct now now) {
    alerts_see(alerts, &(struct alert_fact){.kind = kind, .window_s = window_s, .subject = subject, .said = said}, now);
}

static void provider_watch(struct alerts *alerts, const struct snapshot *snapshot, const struct provider *provider,
                           struct now now) {
    char subject[alert_subject_max];
    struct text name = text_in_buffer(subject, sizeof subject);
    struct provider_health health = provider_health(snapshot, provider, now.mono_ns);
    int64_t today = watch_now_s(now) / day_s, window_s = today * day_s;
    text_printf(&name, "provider %.*s", STR_ARG(str_slice(provider->name, 0, 120)));
    for (size_t i = 0; i < provider->quota_count; i++)
        quota_watch(alerts, &snapshot->alerts, provider, &provider->quotas[i], now);
    if (provider->state == provider_active && health.breaker == breaker_open && !health.breaker_client)
        plain_see(alerts, alert_breaker_open, 0, text_str(&name),
                  STR("its circuit breaker is open: others serve, and it is tried again in its time"), now);
    /* One that was so before a restart is so until something is heard of it. */
    double threshold;
    bool unheard = !cell_load(&provider->cells->success) &&
                   alerts_lasting(alerts, alert_provider_down, text_str(&name), &threshold);
    if (provider->state == provider_active && (health.state == health_unhealthy || unheard))
        plain_see(alerts, alert_provider_down, 0, text_str(&name), STR("it is unhealthy: weir status says of what"),
                  now);
    if (today && (int64_t)cell_load(&provider->cells->differed_day) == today)
        plain_see(alerts, alert_cost_differs, window_s, text_str(&name),
                  STR("it says another cost than weir's prices: look at its prices and discount (log: cost_differs)"),
                  now);
    if (today && !provider->unbilled && provider->row->place != place_local &&
        (int64_t)cell_load(&provider->cells->unpriced_day) == today)
        plain_see(alerts, alert_price_unknown, window_s, text_str(&name),
                  STR("a model of it has no price: write `prices`, or take a newer catalogue (weir usage --by model)"),
                  now);
    if (today && (int64_t)cell_load(&provider->cells->estimated_day) == today)
        plain_see(alerts, alert_cost_estimated, window_s, text_str(&name),
                  STR("it answered and did not say what it took: that is charged by estimate"), now);
}

static void cached_watch(struct alerts *alerts, const struct cell *cell, const char *what, struct str whose,
                         struct now now) {
    char subject[alert_subject_max], said[alert_said_max];
    struct text name = text_in_buffer(subject, sizeof subject), text = text_in_buffer(said, sizeof said);
    struct cached_share share = cached_share_read(cell);
    if (!cached_share_fell(&share)) return;
    text_printf(&name, "%s %.*s", what, STR_ARG(str_slice(whose, 0, 140)));
    text_put(&text, STR("less than half of the share of its input that used to come from prompt caches does now: "
                        "weir usage has cached_share by day, weir explain says why"));
    plain_see(alerts, alert_prompt_cache_fell, 0, text_str(&name), text_str(&text), now);
}

/* Of one that the file does not have. */
static void run_cached_watch(void *context, const struct client *client) {
    const struct run_watch *watch = context;
    if (client->cells) cached_watch(watch->alerts, &client->cells->cached, "client", client->name, watch->now);
}

static void semantic_watch(struct alerts *alerts, const struct route *route, struct now now) {
    char subject[alert_subject_max], said[alert_said_max];
    struct text name = text_in_buffer(subject, sizeof subject), text = text_in_buffer(said, sizeof said);
    if (!route->cells || !route->cache.semantic) return;
    const struct false_share share = false_share_read(&route->cells->semantic);
    if (!share.off) return;
    text_printf(&name, "route %.*s", STR_ARG(str_slice(route->model, 0, 140)));
    text_printf(&text,
                "%u of %u answers to other words that were compared say something else: it finds none by other words "
                "until a reload or `weir cache purge --route`",
                share.wrong, share.compared);
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_false_semantic_hits,
                                    .subject = text_str(&name),
                                    .said = text_str(&text),
                                    .value = (double)share.wrong / (double)share.compared,
                                    .threshold = route->cache.semantic->false_max},
               now);
}

static void books_watch(struct alerts *alerts, struct now now) {
    struct books_state books = books_state(alerts->weir->books);
    int64_t today = watch_now_s(now) / day_s;
    if (books.not_kept != alerts->not_kept) alerts->unrecorded_day = today;
    alerts->not_kept = books.not_kept;
    if (alerts->unrecorded_day == today && today)
        plain_see(alerts, alert_usage_unrecorded, today * day_s, STR("ledger"),
                  STR("attempts were served for which the journal had no room: free the disk (log: usage_lost)"), now);
    if (books.failing)
        plain_see(alerts, alert_ledger_failed, 0, STR("ledger"),
                  STR("it cannot be written; what is spent waits in the journal (log: ledger_failed)"), now);
}

static void credentials_watch(struct alerts *alerts, struct now now) {
    const uint64_t forgotten_ns = 150 * NS_PER_S;
    for (size_t i = 0; i < credentials_old_max; i++) {
        pthread_mutex_lock(&alerts->mutex);
        struct credential_old old = i < alerts->old_count ? alerts->old[i] : (struct credential_old){.noted_ns = 0};
        pthread_mutex_unlock(&alerts->mutex);
        char said[alert_said_max];
        struct text text = text_in_buffer(said, sizeof said);
        if (!old.name[0] || now.mono_ns > old.noted_ns + forgotten_ns) continue; /* it may be noted after this now */
        text_printf(&text, "it is %lld day%s old, and should be at most %lld: weir key rotate", (long long)old.age_days,
                    str_plural((uint64_t)old.age_days), (long long)old.most_days);
        alerts_see(alerts,
                   &(struct alert_fact){.kind = alert_credential_old,
                                        .subject = str_from(old.name),
                                        .said = text_str(&text),
                                        .value = (double)old.age_days,
                                        .threshold = (double)old.most_days},
                   now);
    }
}

/* Before its keys have been asked for once there is nothing to say of it. */
static void issuer_watch(struct alerts *alerts, const struct identity_issuer *issuer, struct now now) {
    char subject[alert_subject_max];
    struct text name = text_in_buffer(subject, sizeof subject);
    enum issuer_state state = issuer_state(issuer->keys, now);
    text_printf(&name, "issuer %.*s", STR_ARG(str_slice(issuer->issuer, 0, 120)));
    if (state == issuer_on_last_keys)
        plain_see(alerts, alert_issuer_keys_old, 0, text_str(&name),
                  STR("its keys cannot be read: the last ones serve, for a day (weir status says why)"), now);
    if (state == issuer_closed)
        plain_see(alerts, alert_issuer_keys_gone, 0, text_str(&name),
                  STR("none of its tokens is let in until its keys can be read (weir status says why)"), now);
}

/* Clients made at run time, and the subjects of tokens. */
static void run_clients_watch(struct alerts *alerts, struct snapshot *snapshot, bool budgets, struct now now) {
    struct run_watch watch = {alerts, &snapshot->alerts, now};
    struct run_clients *clients = alerts->weir->clients;
    struct identities *identities = alerts->weir->identities;
    if (clients && budgets) run_clients_budgets(clients, snapshot, run_budget_watch, &watch);
    if (clients) run_clients_used(clients, snapshot, run_cached_watch, &watch);
    if (identities && budgets)
        (void)identities_each(identities, snapshot, identities_watched_most, identity_watch, &watch);
    if (identities) (void)identities_each(identities, snapshot, identities_watched_most, run_cached_watch, &watch);
}

void alerts_watch(struct alerts *alerts, struct snapshot *snapshot, struct now now) {
    const bool told = snapshot->alerts.budget_count || snapshot->alerts.burn_after_permille; /* of budgets */
    for (size_t i = 0; i < snapshot->provider_count; i++)
        provider_watch(alerts, snapshot, &snapshot->providers[i], now);
    for (size_t i = 0; i < snapshot->budget_count && told; i++)
        budget_watch(alerts, &snapshot->alerts, snapshot->budgets[i], now);
    for (size_t i = 0; i < snapshot->issuer_count; i++) issuer_watch(alerts, &snapshot->issuers[i], now);
    run_clients_watch(alerts, snapshot, told, now);
    for (size_t i = 0; i < snapshot->target_count; i++)
        if (snapshot->targets[i].cells)
            cached_watch(alerts, &snapshot->targets[i].cells->cached, "model", snapshot->targets[i].name, now);
    for (size_t i = 0; i < snapshot->client_count; i++)
        cached_watch(alerts, &snapshot->clients[i].cells->cached, "client", snapshot->clients[i].name, now);
    for (size_t i = 0; i < snapshot->route_count; i++) semantic_watch(alerts, &snapshot->routes[i], now);
    books_watch(alerts, now);
    credentials_watch(alerts, now);
    alerts_trends_watch(alerts, snapshot, now);
    alerts_spend_watch(alerts, snapshot, now);
    alerts_things_watch(alerts, snapshot, now);
}
