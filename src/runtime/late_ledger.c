/* late_ledger.c - see late_ledger.h. What was spent counts once, whatever fails behind it; the rest is tried until it
 * is done. */
#include "runtime/late_ledger.h"

#include <signal.h>
#include <string.h>

#include "base/memory.h"
#include "observe/log.h"
#include "runtime/weir_internal.h"
#include "store/ledger_values.h"

enum { late_again_s = 2 };

static struct log_writer *late_log(const struct weir *weir) {
    return weir->reports.log ? log_shared(weir->reports.log) : NULL;
}

/* -- what was spent -- */

static struct money_row late_row_of(const struct ledger_value *spent) {
    return (struct money_row){
        .budget = spent->of.budget, .value = spent->value, .window_s = spent->of.window_s, .nano_usd = spent->nano_usd};
}

/* Sessions, budgets and quotas of the configuration; what is nobody's there is kept for who comes with it. */
static void late_spent(struct weir *weir, struct ledger_value *rows, size_t count) {
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        const struct money_row row = late_row_of(&rows[i]);
        if (row.window_s >= session_window_mark)
            sessions_kept_add(&weir->sessions_kept, row.budget, row.window_s, row.nano_usd);
        else if (!money_restore_late(weir->deployment->snapshot, &row, clock_read().wall_ns))
            rows[left++] = rows[i];
    }
    if (weir->sessions_kept.lost)
        log_error(late_log(weir), clock_read(), "ledger_restore_failed",
                  f_str("why", STR("no memory for what sessions have used")));
    sessions_kept_sort(&weir->sessions_kept);
    library_clients_spent_late(weir, rows, left);
}

/* -- what was changed at run time -- */

/* What is in force, with what the ledger says of it. */
static bool late_load(struct weir *weir, struct error *error) {
    char problems[sizeof error->message];
    struct config config;
    struct config_source source = library_source(weir);
    source.texts = &weir->texts;
    source.deployment = weir->deployment;
    bool good = (library_config_load(&source, &config, problems, sizeof problems) && !config.protects_count) ||
                error_set(error, error_bad_configuration, "%s", problems);
    good = good && library_deploy(weir, &config, deploying_edit, error);
    config_free(&config);
    return good;
}

/* Under `control`. */
static bool late_restore(struct late_ledger *late, struct error *error) {
    struct weir *weir = late->weir;
    if (!late->spent) late_spent(weir, late->rows, late->count);
    late->spent = true;
    /* Raises and credits before the clients: one of them may be made at once, by whoever looks at all budgets. */
    bool good = library_budgets_restore(weir, weir->deployment->snapshot, error) &&
                (!atomic_load(&weir->clients_unread) || library_clients_open(weir, error)) && late_load(weir, error) &&
                library_budgets_restore(weir, weir->deployment->snapshot, error);
    if (good) atomic_store(&weir->clients_unread, false);
    return good;
}

/* -- the thread -- */

static void late_rest(struct late_ledger *late) {
    uint64_t deadline_ns = clock_read().mono_ns + late_again_s * NS_PER_S;
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    int waited = 0;
    while (!late->ends && waited == 0) waited = pthread_cond_timedwait(&late->changed, &late->mutex, &until);
}

static void *late_run(void *context) {
    struct late_ledger *late = context;
    struct weir *weir = late->weir;
    char told[sizeof((struct error *)NULL)->message] = "";
    bool done = false;
    pthread_mutex_lock(&late->mutex);
    while (!late->came && !late->ends) pthread_cond_wait(&late->changed, &late->mutex);
    while (!late->ends && !done) {
        struct error error = {.code = error_none};
        pthread_mutex_unlock(&late->mutex);
        pthread_mutex_lock(&weir->control);
        done = late_restore(late, &error);
        pthread_mutex_unlock(&weir->control);
        if (!done && strcmp(told, error.message) != 0)
            log_error(late_log(weir), clock_read(), "ledger_restore_failed", f_text("why", error.message));
        if (!done) str_copy(told, sizeof told, str_from(error.message));
        pthread_mutex_lock(&late->mutex);
        if (!done) late_rest(late);
    }
    const size_t count = late->count;
    pthread_mutex_unlock(&late->mutex);
    if (done) log_info(late_log(weir), clock_read(), "ledger_restored", f_u64("windows", count));
    return NULL;
}

void late_ledger_make(struct late_ledger *late, struct weir *weir) {
    pthread_condattr_t attributes;
    *late = (struct late_ledger){.weir = weir, .made = true};
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&late->mutex, NULL);
    pthread_cond_init(&late->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void late_ledger_came(void *context, struct ledger_value *rows, size_t count) {
    struct late_ledger *late = &((struct weir *)context)->late;
    pthread_mutex_lock(&late->mutex);
    late->rows = rows;
    late->count = count;
    late->came = true;
    pthread_cond_signal(&late->changed);
    pthread_mutex_unlock(&late->mutex);
}

bool late_ledger_wait(struct late_ledger *late, bool spent_comes) {
    sigset_t all, before;
    if (!spent_comes) late->came = late->spent = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    late->running = pthread_create(&late->thread, NULL, late_run, late) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return late->running;
}

void late_ledger_end(struct late_ledger *late) {
    if (!late->made) return;
    pthread_mutex_lock(&late->mutex);
    late->ends = true;
    pthread_cond_signal(&late->changed);
    pthread_mutex_unlock(&late->mutex);
    if (late->running) pthread_join(late->thread, NULL);
    late->running = false;
}

void late_ledger_free(struct late_ledger *late) {
    if (!late->made) return;
    memory_give(late->rows);
    pthread_mutex_destroy(&late->mutex);
    pthread_cond_destroy(&late->changed);
    late->made = false;
}
