/* cache_keeper.c - a queue in the order of asking, and its thread. */
#include "runtime/cache_keeper.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/loop.h"
#include "store/cache_db.h"

/* keeper_end_s: so long the end of the process waits for what is to be written; answers that are left can be made
 * again.
 */
enum { keeper_bytes_max = 64 * 1024 * 1024, keeper_path_max = 512, keeper_end_s = 2 };

/* A letter or a purge. */
struct keeper_job {
    struct keeper_job *next;
    struct cache_answer *answer;       /* held; NULL: */
    const struct cache_choice *choice; /* its asker waits */
    bool *done, *good;
};

struct cache_keeper {
    struct cache *cache;
    struct log *log;
    char path[keeper_path_max];
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t came, went;
    struct keeper_job *first, *last;
    size_t bytes;
    uint64_t end_by_ns; /* once it is ending */
    bool ending, told;
};

static int64_t keeper_now_s(void) { return clock_read().wall_ns / (int64_t)NS_PER_S; }

/* -- on the thread -- */

static void keeper_tell(struct cache_keeper *keeper, const char *problem) {
    if (keeper->told) return; /* once: it is a cache */
    keeper->told = true;
    log_error(keeper->log ? log_shared(keeper->log) : NULL, clock_read(), "cache_not_kept",
              f_text("path", keeper->path), f_text("problem", problem),
              f_text("mend", "free the disk or mend the rights of state_dir; `cache: {durable: false}` does without"));
}

/* The places of an answer's facts in a row. A version that changes them, or the endpoints, is another one. */
enum { fact_endpoint, fact_form, fact_input, fact_output, fact_cached, fact_cost, fact_stale };
enum { form_stream = 1, form_usage = 2, form_estimated = 4 };
_Static_assert((int)cache_row_texts == (int)cache_texts, "a row's texts are an answer's");

static struct cache_row keeper_row(const struct cache_answer *answer) {
    const struct cache_facts *facts = &answer->facts;
    struct cache_row row = {.key = answer->key,
                            .made_s = facts->made_s,
                            .expires_s = facts->expires_s + facts->stale_s,
                            .numbers = {[fact_endpoint] = (int64_t)facts->endpoint,
                                        [fact_form] = (facts->stream ? form_stream : 0) |
                                                      (facts->include_usage ? form_usage : 0) |
                                                      (facts->estimated ? form_estimated : 0),
                                        [fact_input] = facts->input_tokens,
                                        [fact_output] = facts->output_tokens,
                                        [fact_cached] = facts->cached_tokens,
                                        [fact_cost] = facts->cost_nano_usd,
                                        [fact_stale] = facts->stale_s},
                            .body = answer->body,
                            .bytes = answer->size};
    for (unsigned i = 0; i < cache_texts; i++) row.texts[i] = facts->texts[i];
    return row;
}

static struct cache_facts keeper_facts(const struct cache_row *row) {
    struct cache_facts facts = {.endpoint = (enum endpoint)row->numbers[fact_endpoint],
                                .stream = row->numbers[fact_form] & form_stream,
                                .include_usage = row->numbers[fact_form] & form_usage,
                                .estimated = row->numbers[fact_form] & form_estimated,
                                .made_s = row->made_s,
                                .expires_s = row->expires_s - row->numbers[fact_stale],
                                .stale_s = row->numbers[fact_stale],
                                .input_tokens = row->numbers[fact_input],
                                .output_tokens = row->numbers[fact_output],
                                .cached_tokens = row->numbers[fact_cached],
                                .cost_nano_usd = row->numbers[fact_cost]};
    for (unsigned i = 0; i < cache_texts; i++) facts.texts[i] = row->texts[i];
    return facts;
}

struct keeper_reading {
    struct cache *cache;
    size_t bytes; /* so far */
};

static bool keeper_take(void *context, const struct cache_row *row) {
    struct keeper_reading *reading = context;
    struct cache_facts facts = keeper_facts(row);
    if (row->numbers[fact_endpoint] < 0 || row->numbers[fact_endpoint] >= endpoints) return true;
    struct cache_answer *answer = cache_answer_new(&row->key, &facts, row->body.len);
    if (!answer) return false;
    if (row->body.len) memcpy((char *)(uintptr_t)answer->body.at, row->body.at, row->body.len);
    reading->bytes += answer->size;
    cache_keep(reading->cache, answer);
    cache_release(answer);
    return reading->bytes < atomic_load(&reading->cache->bytes_max);
}

static bool keeper_chooses(void *choice, const struct cache_row *row) {
    const struct cache_facts facts = keeper_facts(row);
    return cache_chooses(choice, &row->key, &facts);
}

static void keeper_do(struct cache_keeper *keeper, struct cache_db *db, struct keeper_job *job) {
    bool good = db != NULL;
    struct cache_row row;
    if (good && job->answer && cache_is_of_now(keeper->cache, job->answer)) { /* else a purge has been here */
        row = keeper_row(job->answer);
        good = cache_db_put(db, &row, atomic_load(&keeper->cache->bytes_max));
    }
    if (good && job->choice) good = cache_db_purge(db, keeper_chooses, (void *)(uintptr_t)job->choice, keeper_now_s());
    if (db && !good) keeper_tell(keeper, cache_db_problem(db));
    pthread_mutex_lock(&keeper->mutex);
    const size_t size = job->answer ? job->answer->size : 0;
    CHECKF(size <= keeper->bytes, "size=%zu bytes=%zu", size, keeper->bytes);
    keeper->bytes -= size;
    if (job->done) *job->done = true;
    if (job->good) *job->good = good;
    pthread_cond_broadcast(&keeper->went);
    pthread_mutex_unlock(&keeper->mutex);
    cache_release(job->answer);
    memory_give(job);
}

static void *cache_keeper_run(void *context) {
    struct cache_keeper *keeper = context;
    char problem[200];
    struct keeper_reading reading = {.cache = keeper->cache};
    struct cache_db *db = cache_db_open(keeper->path, problem, sizeof problem);
    if (!db)
        keeper_tell(keeper, problem);
    else if (!cache_db_each(db, keeper_now_s(), keeper_take, &reading))
        keeper_tell(keeper, cache_db_problem(db));
    pthread_mutex_lock(&keeper->mutex);
    for (;;) {
        while (!keeper->first && !keeper->ending) pthread_cond_wait(&keeper->came, &keeper->mutex);
        struct keeper_job *job = keeper->first;
        if (!job) break;
        keeper->first = job->next;
        if (!keeper->first) keeper->last = NULL;
        const bool late = keeper->ending && job->answer && clock_read().mono_ns > keeper->end_by_ns;
        pthread_mutex_unlock(&keeper->mutex);
        keeper_do(keeper, late ? NULL : db, job);
        pthread_mutex_lock(&keeper->mutex);
    }
    pthread_mutex_unlock(&keeper->mutex);
    cache_db_close(db);
    return NULL;
}

/* -- from anywhere -- */

struct cache_keeper *cache_keeper_open(struct cache *cache, const char *path, struct log *log) {
    struct cache_keeper *keeper = memory_take_zeroed(sizeof *keeper);
    sigset_t all, before;
    if (!keeper) return NULL;
    keeper->cache = cache;
    keeper->log = log;
    snprintf(keeper->path, sizeof keeper->path, "%s", path);
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_cond_init(&keeper->came, NULL);
    pthread_cond_init(&keeper->went, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&keeper->thread, NULL, cache_keeper_run, keeper) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) return keeper;
    memory_give(keeper);
    return NULL;
}

void cache_keeper_close(struct cache_keeper *keeper) {
    if (!keeper) return;
    pthread_mutex_lock(&keeper->mutex);
    keeper->ending = true;
    keeper->end_by_ns = clock_read().mono_ns + keeper_end_s * NS_PER_S;
    pthread_cond_signal(&keeper->came);
    pthread_mutex_unlock(&keeper->mutex);
    pthread_join(keeper->thread, NULL);
    CHECKF(!keeper->first && keeper->bytes == 0, "bytes=%zu", keeper->bytes);
    pthread_mutex_destroy(&keeper->mutex);
    pthread_cond_destroy(&keeper->came);
    pthread_cond_destroy(&keeper->went);
    memory_give(keeper);
}

/* Under the mutex. */
static void keeper_add(struct cache_keeper *keeper, struct keeper_job *job) {
    *(keeper->last ? &keeper->last->next : &keeper->first) = job;
    keeper->last = job;
    pthread_cond_signal(&keeper->came);
}

void cache_keeper_keep(struct cache_keeper *keeper, struct cache_answer *answer) {
    struct keeper_job *job = keeper ? memory_take_zeroed(sizeof *job) : NULL;
    if (!job) return;
    pthread_mutex_lock(&keeper->mutex);
    bool room = !keeper->ending && answer->size <= keeper_bytes_max - keeper->bytes;
    if (room) {
        cache_hold(answer);
        job->answer = answer;
        keeper->bytes += answer->size;
        keeper_add(keeper, job);
    }
    pthread_mutex_unlock(&keeper->mutex);
    if (!room) memory_give(job);
}

bool cache_keeper_purge(struct cache_keeper *keeper, const struct cache_choice *choice) {
    bool done = false, good = false;
    if (!keeper) return true;
    struct keeper_job *job = memory_take_zeroed(sizeof *job);
    if (!job) return false;
    *job = (struct keeper_job){.choice = choice, .done = &done, .good = &good};
    pthread_mutex_lock(&keeper->mutex);
    keeper_add(keeper, job);
    while (!done) pthread_cond_wait(&keeper->went, &keeper->mutex);
    pthread_mutex_unlock(&keeper->mutex);
    return good;
}
