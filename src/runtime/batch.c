/* batch.c - a batch file run to its end: so many lines at once as the providers bear. More while they succeed, half as
 * many when they are overloaded (additive increase, multiplicative decrease: Chiu and Jain 1989). The calling thread
 * does the work; callbacks of the loops only hand results over. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "core/retry.h"
#include "dialect/json.h"
#include "net/loop.h"
#include "runtime/batch_file.h"
#include "runtime/batch_line.h"
#include "runtime/weir_internal.h"

enum { parallel_first = 4, tries_usual = 5, look_ms = 100 };

/* One line on its way. */
struct item {
    struct batch *batch;
    struct item *next; /* among the finished, or those that wait for their next try */
    uint64_t line;
    unsigned tries;
    uint64_t not_before_ns;
    char *text; /* the input's line */
    size_t text_len;
    struct weir_call *call;
    char *reply;
    size_t reply_len, reply_size;
    int status;
    bool failed, no_memory;
    struct weir_error error;
};

struct batch {
    struct weir *weir;
    const struct weir_batch_options *options;
    struct batch_file file;
    struct weir_batch_progress progress;
    struct prng prng;
    uint64_t next_line, started_ns;
    unsigned in_flight, parallel_max, tries_max;
    double parallel;
    struct item *waiting; /* for their next try */
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    struct item *finished; /* guarded by mutex */
    bool stopping;
    struct error error;
};

/* -- on the loops' threads -- */

static void batch_on_head(void *user, int status, const char *content_type, const char *provider, const char *model) {
    (void)content_type, (void)provider, (void)model;
    ((struct item *)user)->status = status;
}

static void batch_on_bytes(void *user, const char *bytes, size_t len) {
    struct item *item = user;
    if (item->reply_len + len > item->reply_size) {
        size_t size = (item->reply_len + len) * 2;
        char *bigger = memory_resize(item->reply, size);
        if (!bigger) {
            item->no_memory = true;
            return;
        }
        item->reply = bigger;
        item->reply_size = size;
    }
    memcpy(item->reply + item->reply_len, bytes, len);
    item->reply_len += len;
}

static void batch_on_done(void *user, const struct weir_error *error) {
    struct item *item = user;
    struct batch *batch = item->batch;
    item->failed = error != NULL;
    if (error) item->error = *error;
    pthread_mutex_lock(&batch->mutex);
    item->next = batch->finished;
    batch->finished = item;
    pthread_cond_signal(&batch->arrived);
    pthread_mutex_unlock(&batch->mutex);
}

/* -- lines out -- */

static void item_free(struct item *item) {
    weir_call_free(item->call);
    memory_give(item->text);
    memory_give(item->reply);
    memory_give(item);
}

/* OpenAI's output line. `code` empty: there is a response. */
static void result_write(const struct item *item, struct str custom_id, struct str request_id, struct str code,
                         struct str message, struct text *text) {
    text_printf(text, "{\"id\":\"batch_req_%" PRIu64 "\"", item->line + 1);
    text_json_key(text, STR("custom_id"));
    if (custom_id.at)
        text_put_json(text, custom_id);
    else
        text_put(text, STR("null"));
    if (code.len) {
        text_put(text, STR(",\"response\":null,\"error\":{"));
        text_json_str(text, STR("code"), code);
        text_json_str(text, STR("message"), message);
        text_put(text, STR("}}"));
        return;
    }
    text_printf(text, ",\"response\":{\"status_code\":%d", item->status);
    text_json_str(text, STR("request_id"), request_id);
    text_json_key(text, STR("body"));
    for (size_t i = 0; i < item->reply_len; i++) /* one line: JSON's own line ends are blanks */
        text_put_byte(text, item->reply[i] == '\n' || item->reply[i] == '\r' ? ' ' : item->reply[i]);
    text_put(text, STR("},\"error\":null}"));
}

static void result_keep(struct batch *batch, struct item *item, struct str custom_id, struct str request_id,
                        struct str code, struct str message) {
    struct arena arena;
    arena_init(&arena, 4096, SIZE_MAX);
    struct text text = text_in_arena(&arena, item->reply_len + 1024);
    result_write(item, custom_id, request_id, code, message, &text);
    if (text.failed)
        error_set(&batch->error, error_out_of_memory, "no memory for a result");
    else
        batch_keep(&batch->file, item->line, text_str(&text), &batch->error);
    batch->progress.done++;
    CHECKF(batch->progress.done <= batch->progress.total, "done=%llu total=%llu",
           (unsigned long long)batch->progress.done, (unsigned long long)batch->progress.total);
    batch->progress.failed += code.len || item->status >= 300;
    arena_free(&arena);
}

static void result_refuse(struct batch *batch, struct item *item, struct str custom_id, const char *message) {
    char said[256];
    snprintf(said, sizeof said, "Line %" PRIu64 ": %.200s", item->line + 1, message);
    result_keep(batch, item, custom_id, STR(""), STR("invalid_request"), str_from(said));
}

/* -- lines in -- */

static bool item_send(struct batch *batch, struct item *item, const struct json_value *root, struct str body,
                      struct weir_error *error) {
    static const struct weir_callbacks callbacks = {batch_on_head, batch_on_bytes, batch_on_done};
    char path[128];
    str_copy(path, sizeof path, json_str(json_member(root, "url"), STR("")));
    struct weir_request request = {.size = sizeof request, .path = path, .body = body.at, .body_len = body.len};
    item->status = 0;
    item->reply_len = 0;
    item->failed = item->no_memory = false;
    item->tries++;
    item->call = weir_start(batch->weir, &request, &callbacks, item, error);
    return item->call != NULL;
}

/* Sends the line, or writes down at once why it cannot be. */
static void item_begin(struct batch *batch, struct item *item) {
    const char *problem;
    size_t at;
    struct weir_error error;
    struct str line = str_make(item->text, item->text_len), body = STR("");
    struct json *json = json_parse(line, &problem, &at);
    const struct json_value *root = json_root(json);
    const char *refusal = json ? batch_line_problem(root, line, &body) : "it is not JSON";
    struct str custom_id = json_str(json_member(root, "custom_id"), STR_NONE);
    if (!refusal && item_send(batch, item, root, body, &error)) {
        batch->in_flight++;
        json_free(json);
        return;
    }
    result_refuse(batch, item, custom_id, refusal ? refusal : error.message);
    json_free(json);
    item_free(item);
}

static struct item *item_next(struct batch *batch) {
    uint64_t now_ns = clock_read().mono_ns;
    for (struct item **at = &batch->waiting; *at; at = &(*at)->next) {
        struct item *item = *at;
        if (item->not_before_ns > now_ns) continue;
        *at = item->next;
        return item;
    }
    while (batch->next_line < batch->file.count && batch->file.lines[batch->next_line].done_at) batch->next_line++;
    if (batch->next_line == batch->file.count) return NULL;
    struct item *item = memory_take_zeroed(sizeof *item);
    if (!item) {
        error_set(&batch->error, error_out_of_memory, "no memory for the next line");
        return NULL;
    }
    item->batch = batch;
    item->line = batch->next_line++;
    item->text = batch_read(&batch->file, item->line, &item->text_len, &batch->error);
    if (item->text) return item;
    item_free(item);
    return NULL;
}

/* -- results -- */

/* What weir itself said of when to come again, else a longer and longer pause. */
static uint64_t pause_ms(struct batch *batch, const struct item *item) {
    uint64_t told = batch_told_ms(str_make(item->reply, item->reply_len));
    uint64_t drawn = retry_backoff_ms(item->tries, batch_backoff_ms, batch_backoff_ms_max, prng_next(&batch->prng));
    return told ? told : drawn;
}

/* Its route's own words, as nobody could serve, are no answer to the line: it is as if they had not been said. */
static void fallback_refuse(struct item *item) {
    library_error_set(&item->error, error_no_provider_available, STR_NONE);
    item->failed = true;
    item->status = item->error.status;
    item->reply_len = 0;
}

static void item_end(struct batch *batch, struct item *item) {
    struct weir_call_facts facts = {.size = sizeof facts};
    const char *problem;
    size_t at;
    CHECKF(batch->in_flight > 0 && item->batch == batch, "in_flight=%u", (unsigned)batch->in_flight);
    batch->in_flight--;
    weir_call_facts(item->call, &facts);
    if (facts.input_tokens > 0) batch->progress.input_tokens += facts.input_tokens;
    if (facts.output_tokens > 0) batch->progress.output_tokens += facts.output_tokens;
    if (facts.cost_nano_usd > 0) batch->progress.cost_nano_usd += facts.cost_nano_usd;
    if (facts.fallback) fallback_refuse(item);
    batch->parallel = batch_parallel_next(batch->parallel, batch->parallel_max, item->failed, item->status);
    weir_call_free(item->call);
    item->call = NULL;
    if (item->failed && batch_may_pass(item->status, str_from(item->error.code)) && item->tries < batch->tries_max) {
        item->not_before_ns = clock_read().mono_ns + pause_ms(batch, item) * NS_PER_MS;
        item->next = batch->waiting;
        batch->waiting = item;
        return;
    }
    struct json *json = json_parse(str_make(item->text, item->text_len), &problem, &at);
    struct str custom_id = json_str(json_member(json_root(json), "custom_id"), STR_NONE);
    struct json *reply = item->no_memory ? NULL : json_parse(str_make(item->reply, item->reply_len), &problem, &at);
    if (reply)
        result_keep(batch, item, custom_id, str_from(facts.request_id), STR(""), STR(""));
    else
        result_keep(batch, item, custom_id, STR(""), item->failed ? str_from(item->error.code) : STR("provider_error"),
                    item->failed ? str_from(item->error.message) : STR("The reply is not JSON."));
    json_free(reply);
    json_free(json);
    item_free(item);
}

/* What has arrived; waits a moment when nothing has. */
static struct item *finished_take(struct batch *batch) {
    struct timespec until;
    int64_t wall_ns = clock_read().wall_ns + look_ms * (int64_t)NS_PER_MS;
    until = (struct timespec){.tv_sec = (time_t)(wall_ns / (int64_t)NS_PER_S),
                              .tv_nsec = (long)(wall_ns % (int64_t)NS_PER_S)};
    pthread_mutex_lock(&batch->mutex);
    if (!batch->finished) pthread_cond_timedwait(&batch->arrived, &batch->mutex, &until);
    struct item *finished = batch->finished;
    batch->finished = NULL;
    pthread_mutex_unlock(&batch->mutex);
    return finished;
}

static void progress_tell(struct batch *batch) {
    struct weir_batch_progress *progress = &batch->progress;
    progress->parallel = (unsigned)batch->parallel;
    progress->seconds = (double)(clock_read().mono_ns - batch->started_ns) / 1e9;
    const struct weir_batch_options *options = batch->options;
    if (options->progress && options->progress(options->user, progress)) batch->stopping = true;
}

static void batch_run(struct batch *batch) {
    uint64_t told_ns = 0;
    while (batch->error.code == error_none) {
        while (!batch->stopping && batch->in_flight < (unsigned)batch->parallel && batch->error.code == error_none) {
            struct item *item = item_next(batch);
            if (!item) break;
            if (item->text) item_begin(batch, item);
        }
        bool more = batch->file.done < batch->file.count && !batch->stopping;
        if (!more && batch->in_flight == 0) break;
        for (struct item *item = finished_take(batch), *next; item; item = next) {
            next = item->next;
            item_end(batch, item);
        }
        uint64_t now_ns = clock_read().mono_ns;
        if (now_ns - told_ns < look_ms * NS_PER_MS) continue;
        told_ns = now_ns;
        progress_tell(batch);
    }
    while (batch->in_flight) /* after an error: what runs is waited for, and kept where it can be */
        for (struct item *item = finished_take(batch), *next; item; item = next) {
            next = item->next;
            item_end(batch, item);
        }
    progress_tell(batch);
}

int weir_batch(struct weir *weir, const struct weir_batch_options *options, struct weir_batch_progress *progress,
               struct weir_error *error) {
    struct batch batch = {.weir = weir, .options = options, .error = {.code = error_none}};
    if (options->size < sizeof *options || !options->in_path || !options->out_path) {
        library_error_set(error, error_invalid_request, STR("weir_batch_options need size, in_path and out_path."));
        return -1;
    }
    struct deployment *deployment = library_deployment(weir);
    batch.parallel_max = options->parallel ? options->parallel : deployment->snapshot->batch_size;
    deployment_release(deployment);
    batch.parallel = batch.parallel_max < parallel_first ? batch.parallel_max : parallel_first;
    batch.tries_max = options->tries ? options->tries : tries_usual;
    batch.started_ns = clock_read().mono_ns;
    prng_seed(&batch.prng, batch.started_ns);
    pthread_mutex_init(&batch.mutex, NULL);
    pthread_cond_init(&batch.arrived, NULL);
    if (batch_open(&batch.file, options->in_path, options->out_path, &batch.error)) {
        batch.progress = (struct weir_batch_progress){.size = sizeof batch.progress,
                                                      .total = batch.file.count,
                                                      .done = batch.file.done,
                                                      .skipped = batch.file.done};
        batch_run(&batch);
    }
    for (struct item *item = batch.waiting, *next; item; item = next) {
        next = item->next;
        item_free(item);
    }
    if (batch.error.code == error_none && batch.file.done < batch.file.count)
        error_set(&batch.error, error_shutting_down, "Stopped: run it again, and it goes on from here.");
    if (batch.error.code == error_none) batch_finish(&batch.file, &batch.error);
    batch_close(&batch.file);
    pthread_cond_destroy(&batch.arrived);
    pthread_mutex_destroy(&batch.mutex);
    if (progress) *progress = batch.progress;
    if (batch.error.code == error_none) return 0;
    library_error_set(error, batch.error.code, str_from(batch.error.message));
    return -1;
}
