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

/* Time in milliseconds, provider, state, score and success in thousandths, latency in microseconds, probe + 1, with
 * tabs between them. */
static void health_record_put(const struct health_record *record, struct text *text) {
    text_printf(text, "%llu\t%s\t%u\t%u\t%u\t%u\t%d", (unsigned long long)record->wall_ms, record->provider,
                (unsigned)record->state, record->score_permille, record->success_permille, record->latency_us,
                record->probe + 1);
}

bool health_record_read(struct str line, struct health_record *record) {
    struct str rest = line, word, name = STR("");
    uint64_t numbers[7] = {0};
    static const uint64_t most[7] = {INT64_MAX, 0, health_states - 1, 1000, 1000, UINT32_MAX, 2};
    for (size_t i = 0; i < 7; i++) {
        if (!str_split_next(&rest, '\t', &word)) return false;
        if (i == 1)
            name = word;
        else if (!str_to_u64(word, &numbers[i]) || numbers[i] > most[i])
            return false;
    }
    if (rest.len || !name.len || name.len > limit_name || str_find_byte(name, 0) != SIZE_MAX) return false;
    *record = (struct health_record){.wall_ms = (int64_t)numbers[0],
                                     .state = (enum health_state)numbers[2],
                                     .score_permille = (uint16_t)numbers[3],
                                     .success_permille = (uint16_t)numbers[4],
                                     .latency_us = (uint32_t)numbers[5],
                                     .probe = (int8_t)((int)numbers[6] - 1)};
    str_copy(record->provider, sizeof record->provider, name);
    return true;
}

/* Under the mutex, or before any other thread. */
static void record_keep(struct prober *prober, const struct health_record *record) {
    CHECKF(prober->record_next < health_records_max && prober->record_count <= health_records_max, "next=%zu count=%zu",
           prober->record_next, prober->record_count);
    prober->records[prober->record_next] = *record;
    prober->record_next = (prober->record_next + 1) % health_records_max;
    if (prober->record_count < health_records_max) prober->record_count++;
}

static void record_add(struct prober *prober, const struct provider *provider, const struct provider_health *health,
                       int8_t probe, struct now now) {
    CHECKF(health->score >= 0 && health->score <= 1 && health->success >= 0 && health->success <= 1,
           "score=%f success=%f", health->score, health->success);
    char line[line_file_line_max];
    struct text text = text_in_buffer(line, sizeof line);
    struct health_record record = {.wall_ms = now.wall_ns / 1000000,
                                   .state = health->state,
                                   .score_permille = (uint16_t)(health->score * 1000 + 0.5),
                                   .success_permille = (uint16_t)(health->success * 1000 + 0.5),
                                   .latency_us = (uint32_t)(health->latency_ns / NS_PER_US),
                                   .probe = probe};
    str_copy(record.provider, sizeof record.provider, provider->name);
    pthread_mutex_lock(&prober->mutex);
    record_keep(prober, &record);
    pthread_mutex_unlock(&prober->mutex);
    if (!prober->history) return;
    health_record_put(&record, &text);
    line_file_add(prober->history, text_str(&text));
}

static void record_restore(void *context, struct str line) {
    struct health_record record;
    if (health_record_read(line, &record)) record_keep(context, &record);
}

void prober_history_open(struct prober *prober, struct str state_dir) {
    enum { history_bytes_most = 256 * 1024 };
    char path[512];
    size_t damaged = 0;
    struct text text = text_in_buffer(path, sizeof path - 1);
    text_printf(&text, "%.*s/health", STR_ARG(state_dir));
    path[text.len] = 0;
    if (text.failed || !state_dir.len) return;
    prober->history = line_file_open(path, history_bytes_most, record_restore, prober, &damaged);
    if (damaged)
        log_warn(prober->worker->reporter.log, loop_now(prober->worker->loop), "health_history_damaged",
                 f_text("path", path), f_int("lines", (int64_t)damaged),
                 f_str("kept", STR("what could be read; the file is beside it as health.bad")));
}

/* Once; it goes on trying. */
static void history_look(struct prober *prober, struct now now) {
    int number = prober->history ? line_file_failed(prober->history) : 0;
    if (number && !prober->history_fails)
        log_error(prober->worker->reporter.log, now, "health_history_not_saved", f_text("why", strerror(number)),
                  f_str("mend", STR("free the disk or mend the rights of state_dir")));
    prober->history_fails = prober->history_fails || number;
}

static void permille_put(struct text *text, struct str name, unsigned permille) {
    text_json_key(text, name);
    text_printf(text, "%u.%03u", permille / 1000, permille % 1000);
}

size_t prober_history(struct prober *prober, struct str provider, struct text *text) {
    size_t told = 0;
    text_put_byte(text, '[');
    pthread_mutex_lock(&prober->mutex);
    for (size_t i = 0; i < prober->record_count; i++) {
        size_t at = (prober->record_next + health_records_max - prober->record_count + i) % health_records_max;
        const struct health_record *record = &prober->records[at];
        if (provider.len && !str_eq(provider, str_from(record->provider))) continue;
        told++;
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_i64(text, STR("time_ms"), record->wall_ms);
        text_json_str(text, STR("provider"), str_from(record->provider));
        text_json_str(text, STR("state"), health_state_name(record->state));
        permille_put(text, STR("score"), record->score_permille);
        permille_put(text, STR("success"), record->success_permille);
        text_json_u64(text, STR("latency_us"), record->latency_us);
        if (record->probe >= 0) text_json_bool(text, STR("probe"), record->probe == 1);
        text_put_byte(text, '}');
    }
    pthread_mutex_unlock(&prober->mutex);
    text_put_byte(text, ']');
    return told;
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
        record_add(prober, provider, &health, good, now);
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
        record_add(prober, provider, &health, -1, now);
        log_warn(prober->worker->reporter.log, now, "provider_health", f_str("provider", provider->name),
                 f_str("state", health_state_name(health.state)), f_str("before", health_state_name(before)),
                 f_str("breaker", breaker_state_name(health.breaker)));
    } else if (second % record_every_s == 0) {
        record_add(prober, provider, &health, -1, now);
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
    history_look(prober, now);
    timer_set(worker->loop, &prober->tick, now.mono_ns + tick_s * NS_PER_S, on_tick, prober);
}

bool prober_init(struct prober *prober, struct worker *worker, struct str state_dir) {
    *prober = (struct prober){.worker = worker};
    worker->prober = prober;
    list_init(&prober->probes);
    pthread_mutex_init(&prober->mutex, NULL);
    prng_seed(&prober->prng, prng_next(&worker->prng));
    struct text path = text_in_buffer(prober->locks_path, sizeof prober->locks_path - 1);
    if (state_dir.len) text_printf(&path, "%.*s/locks", STR_ARG(state_dir));
    if (path.failed) path.len = 0;
    prober->locks_path[path.len] = 0;
    prober->records = memory_take_zeroed(health_records_max * sizeof *prober->records);
    return prober->records != NULL;
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
    if (!prober->records) return;
    CHECK(list_empty(&prober->probes));
    line_file_close(prober->history);
    prober->history = NULL;
    memory_give(prober->records);
    prober->records = NULL;
    pthread_mutex_destroy(&prober->mutex);
}
