/* weir.c - opening, reloading and closing the library. Requests are in weir_call.c, what can be asked in weir_views.c.
 */
#include "runtime/weir_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/pattern.h"
#include "net/loop.h"
#include "runtime/cache_keeper.h"
#include "runtime/erasers.h"

static const char *system_environment(void *context, const char *name) {
    (void)context;
    return getenv(name);
}

const struct audit_who library_who = {STR("library"), STR("process"), STR_NONE};
const struct weir_host weir_host_default = {.environment = system_environment,
                                            .who = {STR("library"), STR("process"), STR_NONE}};

const char *weir_version(void) { return WEIR_VERSION; }
void weir_free(void *text) { memory_give(text); }

void library_error_set(struct weir_error *error, enum error_code code, struct str message) {
    if (!error) return;
    const struct error_facts *facts = error_facts(code);
    str_copy(error->code, sizeof error->code, facts->name);
    str_copy(error->message, sizeof error->message, message.len ? message : facts->sentence);
    error->status = facts->status;
}

/* Before anybody else sees the snapshot. */
static void targets_register(struct weir *weir, struct snapshot *snapshot) {
    library_clients_register(weir, snapshot);
    for (size_t i = 0; i < snapshot->provider_count; i++)
        metrics_target_register(weir->reports.metrics, snapshot->providers[i].other_id, snapshot->providers[i].name,
                                STR("(other)"));
    for (size_t i = 0; i < snapshot->client_count; i++)
        snapshot->clients[i].metrics_id = metrics_client_register(weir->reports.metrics, snapshot->clients[i].name);
    for (size_t i = 0; i < snapshot->target_count; i++) {
        const struct target *target = &snapshot->targets[i];
        metrics_target_register(weir->reports.metrics, target->id, target->provider->name, target->model);
    }
}

/* -- opening -- */

static unsigned worker_count_of(const struct weir *weir, const struct weir_options *options) {
    unsigned wanted = options->workers ? options->workers : weir->config.process.workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (wanted) return wanted < limit_loops ? wanted : limit_loops;
    return cores < 1 ? 1 : cores > 4 ? 4 : (unsigned)cores;
}

static bool reports_open(struct weir *weir) {
    static struct str endpoint_names[endpoints], failure_names[failures];
    for (unsigned i = 0; i < endpoints; i++) endpoint_names[i] = endpoint_facts((enum endpoint)i)->name;
    for (unsigned i = 0; i < failures; i++) failure_names[i] = failure_facts((enum failure)i)->name;
    const struct config_process *process = &weir->config.process;
    if (weir->host.log) weir->log_options = *weir->host.log;
    log_level_parse(process->log_level, &weir->log_options.level);
    if (str_eq(process->log_format, STR("json"))) weir->log_options.format = log_format_json;
    if (str_eq(process->log_format, STR("readable"))) weir->log_options.format = log_format_readable;
    if (process->redact_pattern_count) {
        size_t bad;
        const char *problem;
        weir->redacts = pattern_new(process->redact_patterns, process->redact_pattern_count, &bad, &problem);
        if (!weir->redacts) return false; /* they have been looked at: there is no memory */
    }
    weir->log_options.own = weir->redacts;
    if (weir->host.log) {
        weir->reports.log = log_open(&weir->log_options);
        if (!weir->reports.log) return false;
    }
    if (weir->host.serves) {
        weir->reports.live = live_open(weir->redacts, library_now_s());
        if (!weir->reports.live) return false;
    }
    weir->reports.workers = weir->worker_count;
    weir->reports.spans = spans_new();
    if (!weir->reports.spans) return false;
    weir->reports.metrics = metrics_open(&(struct metrics_options){.endpoint_names = endpoint_names,
                                                                   .endpoint_count = endpoints,
                                                                   .failure_names = failure_names,
                                                                   .failure_count = failures,
                                                                   .miss_names = prefix_miss_names,
                                                                   .miss_count = prefix_misses,
                                                                   .version = STR(WEIR_VERSION),
                                                                   .started_wall_ns = weir->started.wall_ns,
                                                                   .spans = weir->reports.spans,
                                                                   .log = weir->reports.log});
    return weir->reports.metrics != NULL;
}

static void worker_run(void *context) { worker_start(context); }
static void prober_run(void *context) { prober_start(context); }

static bool workers_start(struct weir *weir) {
    weir->workers = memory_take_zeroed(weir->worker_count * sizeof *weir->workers);
    if (!weir->workers) return false;
    for (unsigned i = 0; i < weir->worker_count; i++) {
        deployment_hold(weir->deployment);
        if (!worker_init(&weir->workers[i], i, weir->deployment, &weir->memory, &weir->reports)) return false;
        weir->workers[i].host.strangers = &weir->strangers;
        weir->workers[i].host.reasoning = &weir->reasoning;
        weir->workers[i].host.prefixes = &weir->prefixes;
        weir->workers[i].host.cache = &weir->cache;
        weir->workers[i].host.makings = &weir->makings;
        weir->workers[i].host.loop = i;
        weir->workers[i].host.cells = &weir->cells;
        weir->workers[i].host.own = weir->redacts;
        weir->workers[i].host.kept = &weir->sessions_kept;
        weir->workers[i].drain_letter = loop_letter_new();
        weir->workers[i].stop_letter = loop_letter_new();
        if (!weir->workers[i].drain_letter || !weir->workers[i].stop_letter) return false;
        weir->workers[i].responses = weir->responses;
        weir->workers[i].books = weir->books;
        weir->workers[i].peers = weir->workers;
        weir->workers[i].peer_count = weir->worker_count;
    }
    prober_init(&weir->prober, &weir->workers[0], &weir->health, weir->config.process.state_dir);
    prober_locks_read(&weir->prober, weir->deployment->snapshot);
    library_cache_follow(weir, weir->deployment->snapshot);
    for (unsigned i = 0; i < weir->worker_count; i++) {
        char name[16];
        struct text text = TEXT_IN_STRING(name);
        text_printf(&text, "weir-loop-%u", i);
        name[text.len] = 0;
        if (!loop_start_thread(weir->workers[i].loop, name)) return false;
        weir->workers[i].running = true;
        if (!loop_post(weir->workers[i].loop, worker_run, &weir->workers[i])) return false;
    }
    return loop_post(weir->workers[0].loop, prober_run, &weir->prober);
}

struct log_bridge {
    void (*log)(void *user, const char *line, size_t len);
    void *user;
};

static char *copy_of(const char *text) {
    size_t size = text ? strlen(text) + 1 : 0;
    char *copy = text ? memory_take(size) : NULL;
    if (copy) memcpy(copy, text, size);
    return copy;
}

static void bridge_write(void *owner, struct str line) {
    const struct log_bridge *bridge = owner;
    bridge->log(bridge->user, line.at, line.len);
}

/* Of a budget that the configuration does not have it is kept for a client that was made at run time. */
static void budget_restore(void *context, const struct record_charge *of, const struct hash_tag *value,
                           int64_t nano_usd) {
    struct weir *weir = context;
    const struct money_row row = {
        .budget = of->budget, .value = *value, .window_s = of->window_s, .nano_usd = nano_usd};
    if (of->window_s >= session_window_mark) {
        sessions_kept_add(&weir->sessions_kept, of->budget, of->window_s, nano_usd);
        return;
    }
    if (!money_restore(weir->deployment->snapshot, &row, clock_read().wall_ns))
        library_clients_spent(weir->clients, &row);
}

static struct log_writer *log_shared_of(const struct weir *weir) {
    return weir->reports.log ? log_shared(weir->reports.log) : NULL;
}

/* From the first configuration on that sends traces. Without memory for it the next one tries again. */
static void library_exporter_want(struct weir *weir, const struct snapshot *snapshot) {
    if (!snapshot->traces.on || weir->exporter) return;
    weir->exporter = exporter_open(weir);
    if (!weir->exporter)
        log_error(log_shared_of(weir), clock_read(), "otlp_unusable",
                  f_str("why", STR("there is no memory, or no thread, for it")));
}

static bool books_of(struct weir *weir, struct error *error) {
    const struct config_process *process = &weir->config.process;
    struct hash_secret *secret = value_secret_find(&weir->cells, NULL);
    if (!secret) return error_set(error, error_out_of_memory, "No memory for the budgets.");
    random_bytes(secret, sizeof *secret);
    if (!weir->host.keeps_marks || !process->state_dir.len) return true; /* the folder is another's */
    late_ledger_make(&weir->late, weir);
    weir->books = books_open(&(struct books_options){.state_dir = process->state_dir,
                                                     .ledger = weir->ledger_place,
                                                     .workers = weir->worker_count,
                                                     .journal_bytes_max = process->journal_bytes_max,
                                                     .keep_days = process->ledger_keep_days,
                                                     .refuses = process->ledger_refuses,
                                                     .log = weir->reports.log,
                                                     .spent = budget_restore,
                                                     .spent_late = late_ledger_came,
                                                     .value_secret = secret,
                                                     .context = weir},
                             error);
    if (!books_are_late(weir->books)) sessions_kept_sort(&weir->sessions_kept);
    if (weir->books && weir->sessions_kept.lost)
        return error_set(error, error_out_of_memory, "No memory for what sessions have used.");
    return weir->books != NULL;
}

static bool health_of(struct weir *weir) {
    if (!health_log_init(&weir->health, clock_read().wall_ns)) return false;
    if (weir->host.keeps_marks) health_log_open(&weir->health, weir->config.process.state_dir, log_shared_of(weir));
    return true;
}

static bool responses_of(struct weir *weir) {
    const struct snapshot *snapshot = weir->deployment->snapshot;
    weir->responses = response_store_open(&(struct response_store_options){
        .state_dir = weir->config.process.state_dir,
        .keep_days = snapshot->responses.keep_days,
        .limits = {snapshot->responses.bytes_max, snapshot->responses.client_bytes_max},
        .log = weir->reports.log});
    return weir->responses != NULL;
}

/* The configuration, with the overlay's credentials in the vault; nothing runs yet. */
static bool configured(struct weir *weir, struct weir_error *error) {
    char problems[sizeof error->message];
    struct error why = {.code = error_none};
    struct config_source source = library_source(weir);
    bool unread = false;
    source.keep = &weir->texts;
    if (weir->host.keeps_marks) source.clients_unread = &unread; /* who has the folder reads it later */
    bool loaded =
        library_config_load(&source, &weir->config, problems, sizeof problems) && !weir->config.protects_count;
    if (loaded && unread && weir->config.process.ledger_refuses) {
        source.clients_unread = NULL; /* once more, to say why */
        unread = false;
        config_free(&weir->config);
        loaded = library_config_load(&source, &weir->config, problems, sizeof problems);
    }
    atomic_store(&weir->clients_unread, unread);
    if (loaded &&
        (!library_marks_keep(weir, &weir->config, &why) || !library_vault_move_in(weir, &weir->vault_moved, &why))) {
        library_error_set(error, why.code, str_from(why.message));
        return false;
    }
    if (loaded && weir->vault_moved) { /* once more, as the next start will find it */
        source.keep = NULL;
        source.texts = &weir->texts;
        config_free(&weir->config);
        loaded = library_config_load(&source, &weir->config, problems, sizeof problems);
    }
    if (!loaded) library_error_set(error, error_bad_configuration, str_from(problems));
    return loaded;
}

/* What any thread may ask of the configuration that was read last. */
static void config_tell(struct weir *weir) {
    atomic_store(&weir->drain_ns, weir->config.process.drain_ns);
    atomic_store(&weir->ledger_refuses, weir->config.process.ledger_refuses);
}

static bool caches_open(struct weir *weir) {
    weir->cached = cache_init(&weir->cache) && makings_init(&weir->makings, &weir->memory);
    return weir->cached && prefix_memory_init(&weir->prefixes);
}

/* What of the ledger could not be read at the start. */
static bool late_begin(struct weir *weir) {
    const bool late = books_are_late(weir->books);
    return !(late || atomic_load(&weir->clients_unread)) || late_ledger_wait(&weir->late, late);
}

struct weir *library_open_in(const struct weir_options *options, const struct weir_host *host,
                             struct weir_error *error) {
    struct weir *weir = hash_start() ? memory_take_zeroed(sizeof *weir) : NULL;
    if (!weir) library_error_set(error, error_out_of_memory, STR("No memory to open weir."));
    if (!weir) return NULL;
    weir->host = *host;
    weir->started = clock_read();
    weir->config_path = copy_of(options->config_path);
    weir->config_text = options->config_path ? NULL : copy_of(options->config_text);
    char url[256];
    str_copy(url, sizeof url, host->simulated_base_url);
    weir->simulated_base_url = copy_of(url);
    weir->host.simulated_base_url = str_from(weir->simulated_base_url);
    pthread_mutex_init(&weir->mutex, NULL);
    pthread_mutex_init(&weir->control, NULL);
    key_uses_init(&weir->key_uses);
    in_force_begin(&weir->texts);
    if (!configured(weir, error)) {
        weir_close(weir, 0);
        return NULL;
    }
    struct error why = {.code = error_none};
    weir->worker_count = worker_count_of(weir, options);
    weir->memory.limit = weir->config.process.memory_bytes_max;
    config_tell(weir);
    budget_share(&weir->connections, &weir->memory);
    budget_share(&weir->strangers, &weir->memory);
    reasoning_memory_init(&weir->reasoning, &weir->memory);
    weir->deployment = deployment_new(weir->config.snapshot, NULL, &weir->live_deployments, &why);
    weir->config.snapshot = NULL;
    if (!weir->deployment) {
        library_error_set(error, why.code, str_from(why.message));
        weir_close(weir, 0);
        return NULL;
    }
    bool opened = caches_open(weir) && reports_open(weir) && (weir->clients = library_clients_new(weir)) != NULL &&
                  (weir->notices = notices_new(library_now_s())) != NULL && health_of(weir);
    opened = opened && (weir->issuers = issuers_new(weir)) != NULL &&
             (weir->identities = identities_new(weir)) != NULL && (weir->erasers = erasers_new(weir)) != NULL &&
             responses_of(weir);
    if (opened) targets_register(weir, weir->deployment->snapshot);
    if (opened) issuers_register(weir->issuers, weir->deployment->snapshot, true);
    if (opened && (!books_of(weir, &why) || !library_clients_begin(weir, &why) ||
                   !library_history_begin(weir, weir->deployment->snapshot, &why))) {
        library_error_set(error, why.code, str_from(why.message));
        weir_close(weir, 0);
        return NULL;
    }
    if (opened && !library_audit_start(weir, &why)) {
        library_error_set(error, why.code, str_from(why.message));
        weir_close(weir, 0);
        return NULL;
    }
    if (opened && weir->books && !library_budgets_restore(weir, weir->deployment->snapshot, &why))
        log_error(log_shared_of(weir), clock_read(), "budget_changes_unread", f_text("why", why.message));
    if (opened) library_vault_tell(weir);
    if (opened) library_entries_tell(weir, NULL, weir->deployment->snapshot);
    if (opened && weir->books) opened = (weir->alerts = alerts_open(weir)) != NULL;
    opened = opened && workers_start(weir) && late_begin(weir);
    if (opened) {
        pthread_mutex_lock(&weir->control);
        key_keeper_make(&weir->keeper, weir);
        key_keeper_wake(&weir->keeper);
        issuers_read(weir->issuers);
        library_exporter_want(weir, weir->deployment->snapshot);
        pthread_mutex_unlock(&weir->control);
        return weir;
    }
    library_error_set(error, error_out_of_memory, STR("No memory, descriptors or threads to open weir."));
    weir_close(weir, 0);
    return NULL;
}

struct weir *weir_open(const struct weir_options *options, struct weir_error *error) {
    if (!options || options->size < sizeof *options) {
        library_error_set(error, error_invalid_request, STR("weir_options.size must be sizeof(struct weir_options)."));
        return NULL;
    }
    struct log_bridge *bridge = options->log ? memory_take(sizeof *bridge) : NULL;
    if (options->log && !bridge) {
        library_error_set(error, error_out_of_memory, STR_NONE);
        return NULL;
    }
    struct weir_host host = weir_host_default;
    struct log_options log = {.fd = -1, .write = bridge_write, .owner = bridge};
    if (bridge) {
        *bridge = (struct log_bridge){options->log, options->user};
        host.log = &log;
    }
    struct weir_options plain = *options;
    plain.log = NULL;
    struct weir *weir = library_open_in(&plain, &host, error);
    if (weir)
        weir->log_bridge = bridge;
    else
        memory_give(bridge);
    return weir;
}

/* -- reloading -- */

/* Beside the letter that carries it. */
struct deploy_letter {
    struct worker *worker;
    struct deployment *deployment;
    bool fresh_connections;
    struct letter *letter; /* until it is sent */
};

static void deploy_run(void *context) {
    struct deploy_letter *letter = context;
    worker_deploy(letter->worker, letter->deployment, letter->fresh_connections);
    memory_give(letter);
}

static void letters_throw(struct deploy_letter *letters[limit_loops], unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (letters[i]) loop_letter_throw(letters[i]->letter);
        memory_give(letters[i]);
    }
}

/* For every loop, or for none: after this no loop can stay behind. */
static bool letters_write(struct weir *weir, struct deploy_letter *letters[limit_loops]) {
    for (unsigned i = 0; i < weir->worker_count; i++) {
        letters[i] = memory_take_zeroed(sizeof *letters[i]);
        if (letters[i] && (letters[i]->letter = loop_letter_new())) continue;
        letters_throw(letters, i + 1);
        return false;
    }
    return true;
}

static void deploy_to_all(struct weir *weir, struct deploy_letter *letters[limit_loops], struct deployment *deployment,
                          bool fresh_connections) {
    for (unsigned i = 0; i < weir->worker_count; i++) {
        struct letter *letter = letters[i]->letter;
        CHECK(letter); /* all were written before the first is sent */
        *letters[i] = (struct deploy_letter){&weir->workers[i], deployment, fresh_connections, NULL};
        deployment_hold(deployment);
        if (loop_letter_post(weir->workers[i].loop, letter, deploy_run, letters[i])) continue;
        deployment_release(deployment); /* the loop has stopped: nothing begins there any more */
        memory_give(letters[i]);
    }
}

static void deployed_tell(struct weir *weir, const struct snapshot *snapshot) {
    char members[64];
    struct text text = text_in_buffer(members, sizeof members);
    text_json_u64(&text, STR("generation"), snapshot->generation);
    notices_put(weir->notices, notice_configuration, clock_read().wall_ns / (int64_t)NS_PER_MS, text_str(&text));
}

bool library_deploy(struct weir *weir, struct config *config, enum deploying how, struct error *error) {
    if (atomic_load(&weir->live_deployments) >= limit_deployments)
        return error_set(error, error_overloaded, WEIR_TOO_MANY_DEPLOYMENTS);
    struct deploy_letter *letters[limit_loops] = {NULL};
    if (!library_history_begin(weir, config->snapshot, error)) return false;
    if (!letters_write(weir, letters))
        return error_set(error, error_out_of_memory, "%s", error_facts(error_out_of_memory)->sentence.at);
    struct deployment *fresh = deployment_new(config->snapshot, how == deploying_edit ? weir->deployment : NULL,
                                              &weir->live_deployments, error);
    config->snapshot = NULL; /* taken over, or given back */
    if (!fresh) {
        letters_throw(letters, weir->worker_count);
        return false;
    }
    key_uses_gather(&weir->key_uses, weir->deployment->snapshot); /* keys may go with it */
    fresh->snapshot->generation = weir->deployment->snapshot->generation + 1;
    targets_register(weir, fresh->snapshot);
    library_clients_meet(weir->clients, fresh->snapshot);
    library_entries_tell(weir, weir->deployment->snapshot, fresh->snapshot);
    issuers_register(weir->issuers, fresh->snapshot, how == deploying_reload);
    pthread_mutex_lock(&weir->mutex);
    struct deployment *old = weir->deployment;
    weir->deployment = fresh;
    pthread_mutex_unlock(&weir->mutex);
    library_cache_follow(weir, fresh->snapshot);
    if (how == deploying_reload) library_semantic_reset(fresh->snapshot);
    deploy_to_all(weir, letters, fresh, how == deploying_reload);
    deployed_tell(weir, fresh->snapshot);
    struct config before = weir->config;
    weir->config = *config;
    config_tell(weir);
    memset(config, 0, sizeof *config);
    issuers_read(weir->issuers);
    library_exporter_want(weir, fresh->snapshot);
    deployment_release(old);
    config_free(&before);
    return true;
}

/* Which keys of the file that has been read count only after a restart. */
static void restart_note(struct weir *weir, const struct config_process *process) {
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    struct text fresh = text_in_arena(&arena, 2048), names = TEXT_IN_STRING(weir->restart_for);
    if (!weir->fixed) {
        struct text started = text_in_arena(&arena, 2048);
        config_process_fixed(&weir->config.process, &started);
        text_put_byte(&started, 0);
        weir->fixed = started.failed ? NULL : copy_of(started.at);
    }
    config_process_fixed(process, &fresh);
    if (weir->fixed && !fresh.failed) config_process_differ(str_from(weir->fixed), text_str(&fresh), &names);
    weir->restart_for[names.len] = 0;
    arena_free(&arena);
}

/* Of a state folder that is another's nothing is changed by it. */
static bool reload_audit(struct weir *weir, const struct in_force *texts, const struct audit_who *who,
                         struct error *error) {
    char said[audit_word_most];
    struct text text = text_in_buffer(said, sizeof said);
    if (!weir->host.keeps_marks) return true;
    library_audit_texts(texts, &text);
    return library_audit(
        weir, &(struct audit_entry){.action = audit_config_reload, .who = *who, .detail = text_str(&text)}, error);
}

int weir_reload(struct weir *weir, struct weir_error *error) { return library_reload(weir, &library_who, error); }

int library_reload(struct weir *weir, const struct audit_who *who, struct weir_error *error) {
    char problems[sizeof error->message];
    struct config config;
    struct error why = {.code = error_none};
    bool audited = false;
    struct in_force texts;
    in_force_begin(&texts);
    pthread_mutex_lock(&weir->control);
    struct config_source source = library_source(weir);
    source.keep = &texts;
    bool fine = library_config_load(&source, &config, problems, sizeof problems) && !config.protects_count;
    if (fine) restart_note(weir, &config.process);
    if (!fine)
        library_error_set(error, error_bad_configuration, str_from(problems));
    else if (!(fine = audited = reload_audit(weir, &texts, who, &why)))
        library_error_set(error, why.code, str_from(why.message));
    else if (!(fine = library_marks_keep(weir, &config, &why) && library_deploy(weir, &config, deploying_reload, &why)))
        library_error_set(error, why.code, str_from(why.message));
    if (audited && !fine && weir->host.keeps_marks)
        library_audit_failed(weir, &(struct audit_entry){.action = audit_config_reload, .who = *who});
    if (fine && weir->books && !library_budgets_restore(weir, weir->deployment->snapshot, &why))
        log_error(log_shared_of(weir), clock_read(), "budget_changes_unread", f_text("why", why.message));
    if (fine) {
        struct in_force before = weir->texts;
        weir->texts = texts;
        texts = before;
    }
    library_file_look(weir);
    in_force_free(&texts);
    pthread_mutex_unlock(&weir->control);
    config_free(&config);
    return fine ? 0 : -1;
}

struct deployment *library_deployment(struct weir *weir) {
    pthread_mutex_lock(&weir->mutex);
    struct deployment *deployment = weir->deployment;
    deployment_hold(deployment);
    pthread_mutex_unlock(&weir->mutex);
    return deployment;
}

/* -- closing -- */

static void library_drain_run(void *context) { worker_drain(context); }

static void library_stop_run(void *context) {
    struct worker *worker = context;
    if (worker->prober) prober_stop(worker->prober);
    worker_stop(worker);
    loop_stop(worker->loop);
}

/* The letter is sent once, or thrown away with the worker. */
static bool letter_send(struct worker *worker, struct letter **letter, void (*run)(void *context)) {
    struct letter *sent = *letter;
    CHECK(sent);
    *letter = NULL;
    return loop_letter_post(worker->loop, sent, run, worker);
}

static void workers_end(struct weir *weir, unsigned drain_ms) {
    latch_init(&weir->drained, weir->worker_count);
    for (unsigned i = 0; i < weir->worker_count; i++) {
        struct worker *worker = &weir->workers[i];
        worker->drained = &weir->drained;
        if (!worker->running || !letter_send(worker, &worker->drain_letter, library_drain_run))
            latch_down(&weir->drained);
    }
    if (drain_ms) latch_wait_for(&weir->drained, drain_ms * NS_PER_MS);
    if (weir->responses) response_store_finish(weir->responses);
    books_finish(weir->books);
    for (unsigned i = 0; i < weir->worker_count; i++) {
        struct worker *worker = &weir->workers[i];
        if (!worker->running) continue;
        letter_send(worker, &worker->stop_letter, library_stop_run); /* false: it has stopped */
        loop_join(worker->loop);
    }
    prober_free(&weir->prober);
    for (unsigned i = 0; i < weir->worker_count; i++) {
        loop_letter_throw(weir->workers[i].drain_letter);
        loop_letter_throw(weir->workers[i].stop_letter);
        worker_free(&weir->workers[i]);
    }
    latch_free(&weir->drained);
}

void weir_close(struct weir *weir, unsigned drain_ms) {
    if (!weir) return;
    key_keeper_end(&weir->keeper);
    late_ledger_end(&weir->late);
    issuers_close(weir->issuers);
    erasers_finish(weir->erasers);
    alerts_close(weir->alerts);
    weir->alerts = NULL;
    if (weir->workers)
        workers_end(weir, drain_ms);
    else if (weir->responses)
        response_store_finish(weir->responses);
    exporter_close(weir->exporter);
    key_keeper_write(weir);
    response_store_free(weir->responses);
    erasers_free(weir->erasers);
    books_close(weir->books);
    late_ledger_free(&weir->late);
    reasoning_memory_free(&weir->reasoning);
    prefix_memory_free(&weir->prefixes);
    cache_keeper_close(weir->cache_keeper);
    if (weir->cached) makings_free(&weir->makings);
    if (weir->cached) cache_free(&weir->cache);
    if (weir->deployment) deployment_release(weir->deployment);
    identities_free(weir->identities);
    issuers_free(weir->issuers);
    library_clients_free(weir->clients);
    health_log_free(&weir->health);
    notices_free(weir->notices);
    spans_free(weir->reports.spans);
    live_close(weir->reports.live);
    log_close(weir->reports.log);
    pattern_free(weir->redacts);
    metrics_close(weir->reports.metrics);
    config_free(&weir->config);
    memory_wipe(weir->ledger_place, sizeof weir->ledger_place);
    in_force_free(&weir->texts);
    vault_free(weir->vault);
    key_uses_free(&weir->key_uses);
    config_ids_free(&weir->ids);
    cells_free(&weir->cells);
    sessions_kept_free(&weir->sessions_kept);
    pthread_mutex_destroy(&weir->mutex);
    pthread_mutex_destroy(&weir->control);
    if (weir->config_text) memory_wipe(weir->config_text, strlen(weir->config_text));
    memory_give(weir->config_path);
    memory_give(weir->config_text);
    memory_give(weir->simulated_base_url);
    memory_give(weir->fixed);
    memory_give(weir->log_bridge);
    memory_give(weir->workers);
    memory_give(weir);
}
