/* prober.c - once a second: probes that are due, states that have changed, locks that have moved. A probe is a GET of
 * the provider's model list, with its credential: it costs nothing and shows name, network, TLS, credential and the
 * service itself. */
#include "runtime/prober.h"

#include "dialect/outbound.h"
#include "snapshot/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/memory.h"

enum { tick_s = 1, probe_timeout_s = 10, record_every_s = 60, locks_bytes_max = 64 * 1024 };

struct probe {
    struct list node;
    struct prober *prober;
    struct deployment *deployment; /* held */
    const struct provider *provider;
    struct call *call;
    struct timer timer;
    uint64_t started_ns;
    size_t key;
    int status;
    bool repeated;
    bool unasked;     /* weir's own pool had no place: that says nothing of the provider */
    bool unreachable; /* no name, no connection, no TLS, or no answer in time */
    struct call_request asked;
    struct http_header headers[4];
    char path[512];
    void (*done)(void *context, const struct probe_result *result);
    void *context;
};

/* -- history -- */

static void record_add(struct prober *prober, const struct provider *provider, const struct provider_health *health,
                       enum health_event event, struct health_record record, struct now now) {
    CHECKF(health->score >= 0 && health->score <= 1 && health->success >= 0 && health->success <= 1,
           "score=%f success=%f", health->score, health->success);
    record.wall_ms = now.wall_ns / (int64_t)NS_PER_MS;
    record.event = event;
    record.state = health->state;
    record.score_permille = (uint16_t)(health->score * 1000 + 0.5);
    record.success_permille = (uint16_t)(health->success * 1000 + 0.5);
    record.latency_us = (uint32_t)(health->latency_ns / NS_PER_US);
    str_copy(record.subject, sizeof record.subject, provider->name);
    health_log_add(prober->health, &record);
}

/* -- probes -- */

static void probe_end(struct probe *probe, bool good, struct str said) {
    struct prober *prober = probe->prober;
    struct now now = loop_now(prober->worker->loop);
    const struct provider *provider = probe->provider;
    struct probe_result result = {.good = good, .status = probe->status, .took_ns = now.mono_ns - probe->started_ns};
    str_copy(result.said, sizeof result.said, said);
    CHECK(!probe->call && list_linked(&probe->node));
    timer_cancel(prober->worker->loop, &probe->timer);
    list_remove(&probe->node);
    if (!probe->unasked) {
        enum probe_verdict verdict = probe_verdict_of(probe->status, probe->unreachable);
        bool refused =
            probe->status && verdict == probe_says_nothing; /* a key that may not list models may do the rest */
        bool rests = key_probed(provider, probe->key, probe->status, now.mono_ns);
        if (!refused || rests) success_report(&provider->cells->success, good, now.mono_ns);
        probes_note(&provider->cells->probes, verdict);
        if (rests) report_key_rests(&prober->worker->reporter, provider, probe->key, said, now);
        struct provider_health health = provider_health(probe->deployment->snapshot, provider, now.mono_ns);
        struct health_record record = {.good = good, .status = probe->status, .took_us = result.took_ns / NS_PER_US};
        str_copy(record.said, sizeof record.said, said);
        record_add(prober, provider, &health, health_event_probe, record, now);
    }
    if (!good)
        log_warn(prober->worker->reporter.log, now, "probe_failed", f_str("provider", provider->name),
                 f_int("status", probe->status), f_said("said", said));
    if (probe->done) probe->done(probe->context, &result);
    deployment_release(probe->deployment);
    memory_give(probe);
}

static void prober_on_sent(void *owner) { (void)owner; }

/* Any answer but a refused credential or a failing server shows that it lives; some have no model list. */
static void prober_on_head(void *owner, const struct http_reply *reply) {
    struct probe *probe = owner;
    probe->status = reply->status;
}

static void prober_on_body(void *owner, struct str piece) { (void)owner, (void)piece; }

static void prober_on_ended(void *owner) {
    struct probe *probe = owner;
    probe->call = NULL;
    bool good = probe->status < 500 && probe->status != 401 && probe->status != 403;
    probe_end(probe, good, good ? STR("") : STR("the provider answered the probe with an error"));
}

static void probe_call(struct probe *probe);

/* What fails later says that somebody is there. */
static bool probe_is_unreachable(enum call_failure failure) {
    return failure == call_failure_dns || failure == call_failure_connect || failure == call_failure_connect_timeout ||
           failure == call_failure_tls || failure == call_failure_proxy || failure == call_failure_not_public;
}

/* A GET may be said twice (RFC 9110, 9.2.2): a kept connection that the provider closed as it came says nothing. */
static void prober_on_failed(void *owner, enum call_failure failure, struct str text) {
    struct probe *probe = owner;
    probe->call = NULL;
    probe->unasked = failure == call_failure_no_connection || failure == call_failure_system;
    probe->unreachable = probe_is_unreachable(failure);
    if (failure != call_failure_reset_reused || probe->repeated) {
        probe_end(probe, false, text);
        return;
    }
    probe->repeated = true;
    probe_call(probe);
}

static const struct call_handler handler = {prober_on_sent, prober_on_head, prober_on_body, prober_on_ended,
                                            prober_on_failed};

/* One that could not begin runs into the timer. */
static void probe_call(struct probe *probe) {
    const struct origin *origin = &probe->deployment->origins[probe->provider->index];
    CHECK(!probe->call && !probe->prober->stopping);
    probe->call = call_start(probe->prober->worker->client, origin, &probe->asked, &handler, probe);
}

static void on_timeout(void *context) {
    struct probe *probe = context;
    if (probe->call) call_cancel(probe->call);
    probe->call = NULL;
    probe->unreachable = probe->status == 0;
    probe_end(probe, false, STR("no whole answer within 10 seconds"));
}

/* The key of the vault's entry of that name; of a provider's own name the first one of any. SIZE_MAX: none is sent. */
static size_t key_of_entry(const struct provider *provider, struct str entry) {
    bool any = str_eq(entry, provider->name);
    size_t first = SIZE_MAX;
    for (size_t i = 0; provider->key_entries && i < provider->key_count; i++) {
        if (str_eq(provider->key_entries[i], entry)) return i;
        if (any && provider->key_entries[i].len && first == SIZE_MAX) first = i;
    }
    return first;
}

bool prober_probe(struct prober *prober, struct str name, struct str entry,
                  void (*done)(void *context, const struct probe_result *), void *context) {
    struct worker *worker = prober->worker;
    const struct provider *provider = map_find(&worker->deployment->snapshot->providers_by_name, name);
    struct probe *probe = provider && !prober->stopping ? memory_take_zeroed(sizeof *probe) : NULL;
    if (!probe) return false;
    probe->started_ns = loop_now(worker->loop).mono_ns;
    probe->key = entry.len ? key_of_entry(provider, entry) : key_to_probe(provider, probe->started_ns);
    if (entry.len && probe->key == SIZE_MAX) {
        memory_give(probe);
        return false;
    }
    probe->prober = prober;
    probe->deployment = worker->deployment;
    probe->provider = provider;
    probe->done = done;
    probe->context = context;
    deployment_hold(probe->deployment);
    list_add_last(&prober->probes, &probe->node);
    struct text path = text_in_buffer(probe->path, sizeof probe->path);
    text_put(&path, provider->base.path);
    text_put(&path, provider->row->probe_path);
    if (path.len == 0) text_put_byte(&path, '/');
    size_t count = 0;
    key_used(provider, probe->key, loop_now(worker->loop).wall_ns);
    if (provider->key_count)
        probe->headers[count++] = (struct http_header){provider->key_header, provider->authorization[probe->key]};
    const struct http_header *also = &outbound_facts(provider->dialect)->also;
    if (also->name.len) probe->headers[count++] = *also;
    probe->headers[count++] = (struct http_header){STR("User-Agent"), STR("weir")};
    probe->asked = (struct call_request){
        .method = http_get, .target = text_str(&path), .headers = probe->headers, .header_count = count};
    timer_set(worker->loop, &probe->timer, probe->started_ns + probe_timeout_s * NS_PER_S, on_timeout, probe);
    probe_call(probe);
    return true;
}

/* -- once a second -- */

/* Within a tenth of the interval, so that many gateways do not probe together. */
static uint64_t jittered(struct prober *prober, uint64_t interval_ns) {
    return interval_ns - interval_ns / 10 + prng_below(&prober->prng, interval_ns / 5 + 1);
}

static void provider_tick(struct prober *prober, const struct snapshot *snapshot, const struct provider *provider,
                          struct now now) {
    enum health_state before = (enum health_state)cell_load(&provider->cells->health);
    struct provider_health health = provider_health(snapshot, provider, now.mono_ns);
    uint64_t second = now.mono_ns / NS_PER_S;
    cell_store(&provider->cells->health, health.state);
    if (health.state != before) {
        struct health_record record = {.status = 0};
        str_copy(record.from, sizeof record.from, health_state_name(before));
        str_copy(record.to, sizeof record.to, health_state_name(health.state));
        record_add(prober, provider, &health, health_event_health, record, now);
        log_warn(prober->worker->reporter.log, now, "provider_health", f_str("provider", provider->name),
                 f_str("state", health_state_name(health.state)), f_str("before", health_state_name(before)),
                 f_str("breaker", breaker_state_name(health.breaker)));
    } else if (second % record_every_s == 0) {
        record_add(prober, provider, &health, health_event_sample, (struct health_record){.status = 0}, now);
    }
    uint64_t due = cell_load(&provider->cells->probed_ns);
    if (provider->health_check_ns == 0 || provider->state == provider_maintenance) return;
    if (due == 0) {
        cell_store(&provider->cells->probed_ns, now.mono_ns + jittered(prober, provider->health_check_ns));
    } else if (now.mono_ns >= due) {
        cell_store(&provider->cells->probed_ns, now.mono_ns + jittered(prober, provider->health_check_ns));
        prober_probe(prober, provider->name, STR_NONE, NULL, NULL);
    }
}

/* "ROUTE\tTARGET\tEPOCH\n" for each lock that is held. */
static void locks_write(const struct snapshot *snapshot, struct text *text) {
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct route *route = &snapshot->routes[i];
        struct lock_view view = lock_view(&route->cells->lock);
        if (route->strategy != strategy_exclusive || view.holder == 0) continue;
        for (size_t t = 0; t < route->target_count; t++)
            if (route->targets[t]->id == view.holder)
                text_printf(text, "%.*s\t%.*s\t%u\n", STR_ARG(route->model), STR_ARG(route->targets[t]->name),
                            view.epoch);
    }
}

/* Written beside and renamed, so that what stands there is whole. */
static void locks_save(struct prober *prober, const struct snapshot *snapshot) {
    struct arena arena;
    char beside[sizeof prober->locks_path + 8];
    arena_init(&arena, 4096, locks_bytes_max * 4);
    struct text text = text_in_arena(&arena, 1024);
    locks_write(snapshot, &text);
    uint64_t hash = text.failed ? 0 : str_hash(text_str(&text));
    if (prober->locks_path[0] && hash && hash != prober->locks_hash && (text.len || prober->locks_hash)) {
        snprintf(beside, sizeof beside, "%s.new", prober->locks_path);
        (void)unlink(beside); /* of an older version, and readable by all */
        int descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
        if (descriptor >= 0 && !file) close(descriptor);
        bool written = file && fwrite(text.at, 1, text.len, file) == text.len;
        if (file) written = fclose(file) == 0 && written;
        if (written && rename(beside, prober->locks_path) == 0) {
            prober->locks_hash = hash;
        } else {
            log_error(prober->worker->reporter.log, loop_now(prober->worker->loop), "locks_not_saved",
                      f_text("path", prober->locks_path), f_text("why", strerror(errno)));
            prober->locks_path[0] = 0; /* said once; kept in memory alone from here on */
        }
    }
    arena_free(&arena);
}

void prober_locks_read(struct prober *prober, const struct snapshot *snapshot) {
    char line[limit_model + limit_name + limit_model + 32];
    const char *problem;
    int descriptor = prober->locks_path[0] ? file_open(prober->locks_path, 0, &problem) : -1;
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");
    if (descriptor >= 0 && !file) close(descriptor);
    while (file && fgets(line, sizeof line, file)) {
        struct str rest = str_trim(str_from(line)), model, target, epoch;
        uint64_t number;
        if (!str_split_next(&rest, '\t', &model) || !str_split_next(&rest, '\t', &target) ||
            !str_split_next(&rest, '\t', &epoch) || !str_to_u64(epoch, &number))
            continue;
        const struct route *route = map_find(&snapshot->exact_routes, model);
        for (size_t t = 0; route && t < route->target_count; t++)
            if (str_eq(route->targets[t]->name, target))
                lock_restore(&route->cells->lock, route->targets[t]->id, (uint32_t)number);
    }
    if (file) fclose(file);
}

static void on_tick(void *context) {
    struct prober *prober = context;
    struct worker *worker = prober->worker;
    struct now now = loop_now(worker->loop);
    const struct snapshot *snapshot = worker->deployment->snapshot;
    for (size_t i = 0; i < snapshot->provider_count; i++) provider_tick(prober, snapshot, &snapshot->providers[i], now);
    locks_save(prober, snapshot);
    health_log_look(prober->health, prober->worker->reporter.log, now);
    timer_set(worker->loop, &prober->tick, now.mono_ns + tick_s * NS_PER_S, on_tick, prober);
}

void prober_init(struct prober *prober, struct worker *worker, struct health_log *health, struct str state_dir) {
    *prober = (struct prober){.worker = worker, .health = health};
    worker->prober = prober;
    list_init(&prober->probes);
    prng_seed(&prober->prng, prng_next(&worker->prng));
    struct text path = TEXT_IN_STRING(prober->locks_path);
    if (state_dir.len) text_printf(&path, "%.*s/locks", STR_ARG(state_dir));
    if (path.failed) path.len = 0;
    prober->locks_path[path.len] = 0;
}

void prober_start(struct prober *prober) {
    struct loop *loop = prober->worker->loop;
    timer_set(loop, &prober->tick, loop_now(loop).mono_ns + tick_s * NS_PER_S, on_tick, prober);
}

void prober_stop(struct prober *prober) {
    if (prober->stopping) return;
    prober->stopping = true;
    timer_cancel(prober->worker->loop, &prober->tick);
    locks_save(prober, prober->worker->deployment->snapshot);
    while (!list_empty(&prober->probes)) {
        struct probe *probe = LIST_OWNER(prober->probes.next, struct probe, node);
        if (probe->call) call_cancel(probe->call);
        probe->call = NULL;
        probe->unasked = true;
        probe_end(probe, false, STR("weir is closing"));
    }
}

void prober_free(struct prober *prober) {
    if (!prober->worker) return;
    CHECK(list_empty(&prober->probes));
}
