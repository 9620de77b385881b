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
#include "runtime/weir_internal.h"

enum { parallel_first = 4, tries_usual = 5, look_ms = 100, backoff_ms = 500, backoff_ms_max = 30000 };

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

/* The object under "body" as it stands in the line. */
static bool body_find(struct str line, struct str *body) {
    unsigned depth = 0;
    bool in_string = false;
    size_t from = SIZE_MAX, key_at = 0;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.at[i];
        if (in_string) {
            if (c == '\\') i++;
            if (c == '"') {
                in_string = false;
                if (depth == 1 && str_eq(str_slice(line, key_at, i + 1), STR("\"body\"")) && from == SIZE_MAX) {
                    size_t colon = i + 1;
                    while (colon < line.len && (line.at[colon] == ' ' || line.at[colon] == '\t')) colon++;
                    if (colon < line.len && line.at[colon] == ':') from = colon + 1;
                }
            }
        } else if (c == '"') {
            in_string = true;
            key_at = i;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
            if (depth == 1 && from != SIZE_MAX) {
                *body = str_trim(str_slice(line, from, i + 1));
                return true;
            }
        }
    }
    return false;
}

static const char *line_problem(const struct json_value *root, struct str line, struct str *body) {
    const struct json_value *content = json_member(root, "body");
    if (json_kind(root) != json_object) return "it is not a JSON object";
    if (json_kind(json_member(root, "custom_id")) != json_string) return "it has no custom_id";
    if (!str_eq(json_str(json_member(root, "method"), STR("POST")), STR("POST"))) return "its method is not POST";
    if (json_kind(json_member(root, "url")) != json_string) return "it has no url";
    if (json_kind(content) != json_object || !body_find(line, body)) return "its body is not a JSON object";
    if (json_bool(json_member(content, "stream"), false)) return "a batch does not stream: leave `stream` out";
    return NULL;
}

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
    const char *refusal = json ? line_problem(root, line, &body) : "it is not JSON";
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

static bool may_pass(const struct item *item) {
    static const char *const codes[] = {"rate_limited",          "too_many_in_flight",   "overloaded",
                                        "no_provider_available", "upstream_unreachable", "upstream_timeout",
                                        "out_of_memory"};
    if (!item->failed) return false;
    if (item->status == 408 || item->status == 429 || item->status >= 500) return true;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(item->error.code, codes[i]) == 0) return true;
    return false;
}

/* What weir itself said of when to come again, else a longer and longer pause. */
static uint64_t pause_ms(struct batch *batch, const struct item *item) {
    const char *problem;
    size_t at;
    struct json *json = json_parse(str_make(item->reply, item->reply_len), &problem, &at);
    const struct json_value *said = json_member(json_member(json_root(json), "error"), "weir");
    int64_t told = json_i64(json_member(said, "retry_after_ms"), -1);
    json_free(json);
    uint64_t drawn = retry_backoff_ms(item->tries, backoff_ms, backoff_ms_max, prng_next(&batch->prng));
    return told > 0 && told <= 10 * backoff_ms_max ? (uint64_t)told : drawn;
}

static void parallel_adapt(struct batch *batch, const struct item *item) {
    bool overloaded = item->failed && (item->status == 429 || item->status == 503 || item->status == 529);
    batch->parallel = overloaded ? batch->parallel / 2 : batch->parallel + 1 / batch->parallel;
    if (batch->parallel < 1) batch->parallel = 1;
    if (batch->parallel > batch->parallel_max) batch->parallel = batch->parallel_max;
    CHECKF(batch->parallel >= 1, "parallel=%f", (double)batch->parallel); /* 0 would never send anything again */
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
    parallel_adapt(batch, item);
    weir_call_free(item->call);
    item->call = NULL;
    if (may_pass(item) && item->tries < batch->tries_max) {
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
