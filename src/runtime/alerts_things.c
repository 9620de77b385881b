/* alerts_things.c - locks that are away, providers that are taken out, models and certificates that end, a ledger that
 * is behind. */
#include <string.h>

#include "dialect/date.h"
#include "net/tls.h"
#include "runtime/alerts_internal.h"

static const int64_t day_s = 86400;

static int64_t things_now_s(struct now now) { return now.wall_ns > 0 ? now.wall_ns / (int64_t)NS_PER_S : 0; }

/* -- locks -- */

static void lock_away_watch(struct alerts *alerts, const struct route *route, struct now now) {
    char name[alert_subject_max], said[alert_said_max];
    struct text subject = text_in_buffer(name, sizeof name), text = text_in_buffer(said, sizeof said);
    struct lock_view view = lock_view(&route->cells->lock);
    struct str holder = STR("another target");
    if (!view.holder || view.holder == route->targets[0]->id) return;
    for (size_t i = 0; i < route->target_count; i++)
        if (route->targets[i]->id == view.holder) holder = route->targets[i]->name;
    text_printf(&subject, "route %.*s at %.*s", STR_ARG(str_slice(route->model, 0, 60)),
                STR_ARG(str_slice(holder, 0, 80)));
    text_printf(&text, "its lock has left %.*s, where the route begins: weir status says where it is and why",
                STR_ARG(str_slice(route->targets[0]->name, 0, 120)));
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_lock_away, .subject = text_str(&subject), .said = text_str(&text)},
               now);
}

/* -- models that are taken away -- */

/* Its provider says which models it has, and this is one of them; or it has been asked in this process. */
static bool model_is_used(const struct target *target) {
    return target->provider->models_written ||
           (target->cells && (latency_p95_read(&target->cells->p95[0]) || latency_p95_read(&target->cells->p95[1])));
}

static void retiring_watch(struct alerts *alerts, const struct alert_rules *rules, const struct target *target,
                           struct now now) {
    char name[alert_subject_max], said[alert_said_max], moment[40];
    struct text subject = text_in_buffer(name, sizeof name), text = text_in_buffer(said, sizeof said),
                at = text_in_buffer(moment, sizeof moment);
    int64_t ends_ms;
    if (!target->facts || !target->facts->retires.len || !model_is_used(target)) return;
    text_printf(&at, "%.*sT00:00:00Z", STR_ARG(target->facts->retires));
    if (!date_read_rfc3339(text_str(&at), &ends_ms)) return;
    const int64_t left_s = ends_ms / 1000 - things_now_s(now);
    const double days = (double)left_s / (double)day_s;
    if (days > (double)rules->retiring_days) return;
    text_printf(&subject, "model %.*s", STR_ARG(str_slice(target->name, 0, 140)));
    text_printf(&text, "its vendor %s it away on %.*s (catalogue): name another one", days > 0 ? "takes" : "took",
                STR_ARG(target->facts->retires));
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_model_retiring,
                                    .subject = text_str(&subject),
                                    .said = text_str(&text),
                                    .value = days,
                                    .threshold = (double)rules->retiring_days},
               now);
}

static void routes_watch(struct alerts *alerts, const struct snapshot *snapshot, struct now now) {
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct route *route = &snapshot->routes[i];
        if (route->strategy == strategy_exclusive && route->target_count && route->cells)
            lock_away_watch(alerts, route, now);
    }
    for (size_t i = 0; i < snapshot->target_count && snapshot->alerts.retiring_days; i++)
        retiring_watch(alerts, &snapshot->alerts, &snapshot->targets[i], now);
}

/* -- certificates -- */

/* Every ten minutes, and after each reload; an edit that is under way is not waited for. */
static void certificates_read(struct alerts *alerts, const struct snapshot *snapshot, struct now now) {
    enum { again_s = 600 };
    struct weir *weir = alerts->weir;
    bool due = now.mono_ns >= alerts->certificates_again_ns || snapshot->generation != alerts->certificates_generation;
    if (!due || !weir->host.serves || pthread_mutex_trylock(&weir->control) != 0) return;
    alerts->certificate_count = 0;
    for (size_t i = 0; i < weir->config.process.listen_count; i++) {
        const struct str file = weir->config.process.listens[i].cert_file;
        struct alert_certificate *at = &alerts->certificates[alerts->certificate_count];
        if (!file.len || file.len >= sizeof at->file || !tls_certificate_ends(file, &at->ends_s)) continue;
        str_copy(at->file, sizeof at->file, file);
        alerts->certificate_count++;
    }
    pthread_mutex_unlock(&weir->control);
    alerts->certificates_again_ns = now.mono_ns + again_s * NS_PER_S;
    alerts->certificates_generation = snapshot->generation;
}

static void certificate_watch(struct alerts *alerts, const struct alert_rules *rules,
                              const struct alert_certificate *certificate, struct now now) {
    char name[alert_subject_max], said[alert_said_max];
    struct text subject = text_in_buffer(name, sizeof name), text = text_in_buffer(said, sizeof said);
    const double days = (double)(certificate->ends_s - things_now_s(now)) / (double)day_s;
    if (days > (double)rules->certificate_days) return;
    text_printf(&subject, "certificate %.*s", STR_ARG(str_slice(str_from(certificate->file), 0, 140)));
    text_printf(&text, "%s ", days > 0 ? "it ends on" : "it has ended on");
    window_moment_put(&text, certificate->ends_s);
    text_put(&text, STR(": renew the file, and reload (SIGHUP)"));
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_certificate_ends,
                                    .subject = text_str(&subject),
                                    .said = text_str(&text),
                                    .value = days,
                                    .threshold = (double)rules->certificate_days},
               now);
}

/* What its host has shown when it was last called. */
static void peer_watch(struct alerts *alerts, const struct alert_rules *rules, const struct provider *provider,
                       const struct origin *origin, struct now now) {
    char name[alert_subject_max], said[alert_said_max];
    struct text subject = text_in_buffer(name, sizeof name), text = text_in_buffer(said, sizeof said);
    int64_t ends_s;
    if (!origin->tls || !tls_peer_ends(origin->tls, origin->host, &ends_s)) return;
    const double days = (double)(ends_s - things_now_s(now)) / (double)day_s;
    if (days > (double)rules->provider_certificate_days) return;
    text_printf(&subject, "certificate of provider %.*s", STR_ARG(str_slice(provider->name, 0, 120)));
    text_printf(&text, "%s ", days > 0 ? "it ends on" : "it has ended on");
    window_moment_put(&text, ends_s);
    text_printf(&text, ": who runs %.*s must renew it, or its calls fail", STR_ARG(str_slice(origin->host, 0, 80)));
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_certificate_ends,
                                    .subject = text_str(&subject),
                                    .said = text_str(&text),
                                    .value = days,
                                    .threshold = (double)rules->provider_certificate_days},
               now);
}

void alerts_peers_watch(struct alerts *alerts, const struct deployment *deployment, struct now now) {
    const struct snapshot *snapshot = deployment->snapshot;
    for (size_t i = 0; i < snapshot->provider_count && snapshot->alerts.provider_certificate_days; i++)
        peer_watch(alerts, &snapshot->alerts, &snapshot->providers[i], &deployment->origins[i], now);
}

/* -- the rest -- */

static void provider_out_watch(struct alerts *alerts, const struct provider *provider, struct now now) {
    char name[alert_subject_max];
    struct text subject = text_in_buffer(name, sizeof name);
    if (provider->state == provider_active) return;
    text_printf(&subject, "provider %.*s", STR_ARG(str_slice(provider->name, 0, 120)));
    alerts_see(
        alerts,
        &(struct alert_fact){.kind = alert_provider_out,
                             .subject = text_str(&subject),
                             .said = provider->state == provider_draining
                                         ? STR("it is drained and gets no new requests: weir provider resume")
                                         : STR("it is in maintenance and gets no requests: weir provider resume")},
        now);
}

static void behind_watch(struct alerts *alerts, const struct alert_rules *rules, struct now now) {
    char said[alert_said_max];
    struct text text = text_in_buffer(said, sizeof said);
    const struct books_state books = books_state(alerts->weir->books);
    if (!rules->ledger_behind_s || !books.caught_up_ns || now.mono_ns < books.caught_up_ns) return;
    const uint64_t behind_s = (now.mono_ns - books.caught_up_ns) / NS_PER_S;
    if (behind_s < rules->ledger_behind_s) return;
    text_printf(&text,
                "what was settled in the last %llu seconds waits in the journal: look at the disk, or at the "
                "ledger's server",
                (unsigned long long)behind_s);
    alerts_see(alerts,
               &(struct alert_fact){.kind = alert_ledger_behind,
                                    .subject = STR("ledger"),
                                    .said = text_str(&text),
                                    .value = (double)behind_s,
                                    .threshold = (double)rules->ledger_behind_s},
               now);
}

void alerts_things_watch(struct alerts *alerts, const struct snapshot *snapshot, struct now now) {
    for (size_t i = 0; i < snapshot->provider_count; i++) provider_out_watch(alerts, &snapshot->providers[i], now);
    routes_watch(alerts, snapshot, now);
    behind_watch(alerts, &snapshot->alerts, now);
    if (!snapshot->alerts.certificate_days) return;
    certificates_read(alerts, snapshot, now);
    for (size_t i = 0; i < alerts->certificate_count; i++)
        certificate_watch(alerts, &snapshot->alerts, &alerts->certificates[i], now);
}
