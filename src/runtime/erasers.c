/* erasers.c - see erasers.h. A job has two holds: whoever asks, and the thread. The thread tells of a page and waits
 * until the next one is wanted, or nobody wants more. */
#include "runtime/erasers.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "runtime/alerts.h"
#include "runtime/weir_internal.h"

enum { erasers_waiting_max = 8 };

struct erasers {
    struct weir *weir;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows, and each job's `wanted`, `dropped` and `holds` */
    pthread_cond_t changed;
    struct erasure_job *first, *last;
    size_t waiting;
    bool started, ending;
};

/* -- what the process remembers -- */

struct erasure_forgetting {
    struct worker *worker;
    struct str client;
    struct latch *latch;
};

static void stories_forget(void *context) {
    struct erasure_forgetting *forgetting = context;
    explain_forget(forgetting->worker->reporter.explain, forgetting->client);
    latch_down(forgetting->latch);
}

/* Answers that it asked for, in memory and in the file. */
static bool answers_forget(struct weir *weir, struct str client) {
    const struct cache_choice choice = {.by = cache_text_client, .value = client};
    bool gone = false;
    pthread_mutex_lock(&weir->control);
    library_cache_forget(weir, &choice, &gone);
    pthread_mutex_unlock(&weir->control);
    return gone;
}

/* On no worker's thread. */
static bool erasure_live(void *context, struct str client, const struct erased_told *told) {
    struct weir *weir = context;
    struct erasure_forgetting *all = memory_take_zeroed(weir->worker_count * sizeof *all);
    struct latch latch;
    if (!all) return false;
    latch_init(&latch, weir->worker_count);
    for (unsigned i = 0; i < weir->worker_count; i++) {
        all[i] = (struct erasure_forgetting){&weir->workers[i], client, &latch};
        if (!weir->workers[i].running || !loop_post(weir->workers[i].loop, stories_forget, &all[i])) latch_down(&latch);
    }
    latch_wait(&latch);
    latch_free(&latch);
    memory_give(all);
    live_forget(weir->reports.live);
    alerts_erase(weir->alerts, client, told->tombstone);
    return answers_forget(weir, client);
}

/* -- one of them -- */

bool erasure_alone(struct weir *weir, struct erasure *erasure, const struct audit_who *who, struct error *error) {
    const enum audit_action actions[2][2] = {{audit_client_export, audit_client_purge},
                                             {audit_owner_export, audit_owner_purge}};
    const struct audit_entry entry = {.action = actions[erasure->owner.len > 0][erasure->purges],
                                      .who = *who,
                                      .subject = erasure->owner.len ? erasure->owner : erasure->client};
    char state_dir[overlay_path_max];
    if (!weir->books || !weir->overlay_path[0])
        return error_set(error, error_unsupported, "This gateway keeps no ledger: it has no state folder of its own.");
    if (!library_audit(weir, &entry, error)) return false;
    str_copy(state_dir, sizeof state_dir, weir->config.process.state_dir);
    erasure->state_dir = state_dir;
    erasure->place = weir->ledger_place;
    if (erasure->purges) erasure->purged = erasure_live;
    if (erasure->purges) erasure->context = weir;
    books_flush(weir->books);
    if (erasure_run(erasure)) return true;
    library_audit_failed(weir, &entry);
    return error_set(error, error_storage_failed, "%.300s", erasure->problem);
}

/* -- the thread -- */

static void job_told(void *context) {
    struct erasure_job *job = context;
    job->told(job);
}

static void job_let_go(struct erasers *erasers, struct erasure_job *job) {
    pthread_mutex_lock(&erasers->mutex);
    bool last = --job->holds == 0;
    pthread_mutex_unlock(&erasers->mutex);
    if (!last) return;
    if (job->letter) loop_letter_throw(job->letter);
    arena_free(&job->arena);
    memory_give(job);
}

/* Hands over what the page has. Does anybody want more? */
static bool job_tell(struct erasers *erasers, struct erasure_job *job) {
    struct letter *letter = job->letter;
    job->letter = NULL;
    pthread_mutex_lock(&erasers->mutex);
    job->wanted = false;
    pthread_mutex_unlock(&erasers->mutex);
    if (!loop_letter_post(job->loop, letter, job_told, job)) return false;
    pthread_mutex_lock(&erasers->mutex);
    while (!job->wanted && !job->dropped && !erasers->ending) pthread_cond_wait(&erasers->changed, &erasers->mutex);
    bool wanted = job->wanted && !job->dropped;
    pthread_mutex_unlock(&erasers->mutex);
    if (wanted) {
        arena_reset(&job->arena);
        job->page = text_in_arena(&job->arena, 64 * 1024);
    }
    return wanted;
}

struct job_lines {
    struct erasers *erasers;
    struct erasure_job *job;
    bool gone; /* nobody wants more */
};

static bool job_lines_put(void *context, struct str lines) {
    struct job_lines *putting = context;
    text_put(&putting->job->page, lines);
    if (putting->job->page.failed || putting->erasers->ending) return false;
    if (putting->job->page.len < erasure_page_bytes) return true;
    putting->gone = !job_tell(putting->erasers, putting->job);
    return !putting->gone;
}

static void job_run(struct erasers *erasers, struct erasure_job *job) {
    struct job_lines putting = {.erasers = erasers, .job = job};
    struct erasure erasure = {.client = str_from(job->client),
                              .owner = str_from(job->owner),
                              .purges = job->purges,
                              .put = job_lines_put,
                              .context = &putting};
    const struct audit_who who = {str_from(job->actor), str_from(job->address), str_from(job->request_id)};
    struct error error = {.code = error_none};
    job->page = text_in_arena(&job->arena, 64 * 1024);
    bool good = erasure_alone(erasers->weir, &erasure, &who, &error);
    if (!putting.gone && good && !job->purges && job->page.len) putting.gone = !job_tell(erasers, job);
    if (!putting.gone) {
        if (good && job->purges) erasure_tell(&erasure, &job->page);
        job->failed = !good || job->page.failed;
        str_copy(job->problem, sizeof job->problem, str_from(good ? "out of memory" : error.message));
        struct letter *letter = job->letter;
        job->letter = NULL;
        (void)loop_letter_post(job->loop, letter, job_told, job); /* false: nobody is left to tell */
    }
    erasure_free(&erasure);
    job_let_go(erasers, job);
}

static void *erasers_run(void *context) {
    struct erasers *erasers = context;
    pthread_mutex_lock(&erasers->mutex);
    for (;;) {
        while (!erasers->first && !erasers->ending) pthread_cond_wait(&erasers->changed, &erasers->mutex);
        struct erasure_job *job = erasers->first;
        if (!job) break;
        erasers->first = job->next;
        if (!erasers->first) erasers->last = NULL;
        erasers->waiting--;
        pthread_mutex_unlock(&erasers->mutex);
        job_run(erasers, job);
        pthread_mutex_lock(&erasers->mutex);
    }
    pthread_mutex_unlock(&erasers->mutex);
    return NULL;
}

/* -- from the loops -- */

struct erasers *erasers_new(struct weir *weir) {
    struct erasers *erasers = memory_take_zeroed(sizeof *erasers);
    if (!erasers) return NULL;
    erasers->weir = weir;
    pthread_mutex_init(&erasers->mutex, NULL);
    pthread_cond_init(&erasers->changed, NULL);
    return erasers;
}

void erasers_finish(struct erasers *erasers) {
    if (!erasers) return;
    pthread_mutex_lock(&erasers->mutex);
    bool started = erasers->started;
    erasers->ending = true;
    pthread_cond_broadcast(&erasers->changed);
    pthread_mutex_unlock(&erasers->mutex);
    if (started) pthread_join(erasers->thread, NULL);
}

void erasers_free(struct erasers *erasers) {
    if (!erasers) return;
    pthread_mutex_destroy(&erasers->mutex);
    pthread_cond_destroy(&erasers->changed);
    memory_give(erasers);
}

struct erasure_job *erasure_job_new(void) {
    struct erasure_job *job = memory_take_zeroed(sizeof *job);
    if (!job) return NULL;
    job->holds = 1;
    arena_init(&job->arena, 64 * 1024, 512 * 1024 * 1024);
    return job;
}

/* Under the mutex. The thread is begun when it is wanted first. */
static bool erasers_start(struct erasers *erasers) {
    sigset_t all, before;
    if (erasers->started) return true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    erasers->started = pthread_create(&erasers->thread, NULL, erasers_run, erasers) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return erasers->started;
}

bool erasers_ask(struct erasers *erasers, struct erasure_job *job) {
    job->letter = loop_letter_new();
    if (!job->letter) return false;
    pthread_mutex_lock(&erasers->mutex);
    bool taken = !erasers->ending && erasers->waiting < erasers_waiting_max && erasers_start(erasers);
    if (taken) {
        job->holds++;
        *(erasers->last ? &erasers->last->next : &erasers->first) = job;
        erasers->last = job;
        erasers->waiting++;
        pthread_cond_broadcast(&erasers->changed);
    }
    pthread_mutex_unlock(&erasers->mutex);
    return taken;
}

bool erasure_job_next(struct erasers *erasers, struct erasure_job *job) {
    struct letter *letter = loop_letter_new();
    if (!letter) return false;
    pthread_mutex_lock(&erasers->mutex);
    CHECK(!job->wanted && !job->letter);
    job->letter = letter;
    job->wanted = true;
    pthread_cond_broadcast(&erasers->changed);
    pthread_mutex_unlock(&erasers->mutex);
    return true;
}

void erasure_job_drop(struct erasers *erasers, struct erasure_job *job) {
    pthread_mutex_lock(&erasers->mutex);
    job->dropped = true;
    pthread_cond_broadcast(&erasers->changed);
    pthread_mutex_unlock(&erasers->mutex);
    job_let_go(erasers, job);
}
