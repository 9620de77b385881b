/* response_store.c - a queue and its thread. */
#include "runtime/response_store.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/memory.h"

enum {
    waiting_bytes_max = 64 * 1024 * 1024,
    waiting_max = 4096,
    share = 4, /* a client takes no more than one part in so many of the queue */
    lanes = 256,
    forget_every_s = 3600,
    text_bytes_max = 256 * 1024 * 1024
};

/* One that is to be written; its ranges stand behind it. */
struct letter {
    bool is_turn;
    union {
        struct stored_response response;
        struct turn_heard turn;
    };
    int64_t now_s;
    size_t bytes;
    char text[];
};

/* In the order of asking: a letter or a question. */
struct job {
    struct job *next;
    struct letter *letter;
    struct response_question *question;
};

/* What clients of one lane (their names' hash) have in the queue. */
struct waiting {
    size_t jobs, bytes;
};

struct response_store {
    char path[512];
    int64_t keep_s;
    struct response_limits limits;
    struct waiting lanes[lanes];
    struct log *log;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t came;
    struct job *first, *last;
    size_t waiting, waiting_bytes;
    bool ending;
    struct response_db *db; /* the thread's alone */
    int64_t forgotten_s;
    bool last_wishes; /* the thread's: ending, so that what fails is not tried again for the next */
    size_t given_up;  /* responses that were not stored for that */
    char problem[160];
};

static struct str response_store_client_of(const struct letter *letter) {
    return letter->is_turn ? letter->turn.client : letter->response.client;
}

static struct waiting *response_store_lane_of(struct response_store *responses, const struct job *job) {
    CHECK((job->letter != NULL) != (job->question != NULL)); /* one of the two */
    struct str client = job->letter ? response_store_client_of(job->letter) : str_from(job->question->client);
    return &responses->lanes[str_hash(client) % lanes];
}

/* What job_add took. Under the mutex. */
static void lane_give(struct response_store *responses, const struct job *job) {
    struct waiting *lane = response_store_lane_of(responses, job);
    size_t bytes = job->letter ? job->letter->bytes : 0;
    CHECKF(lane->jobs > 0 && lane->jobs <= responses->waiting, "jobs=%zu of %zu", lane->jobs, responses->waiting);
    CHECKF(lane->bytes >= bytes && lane->bytes <= responses->waiting_bytes, "bytes=%zu of %zu, %zu", lane->bytes,
           responses->waiting_bytes, bytes);
    lane->jobs--;
    lane->bytes -= bytes;
    responses->waiting--;
    responses->waiting_bytes -= bytes;
}

/* -- on the thread -- */

static bool db_ready(struct response_store *responses) {
    if (!responses->db)
        responses->db = response_db_open(responses->path, responses->problem, sizeof responses->problem);
    return responses->db != NULL;
}

static void told(struct response_store *responses, const char *what) {
    log_error(
        responses->log ? log_shared(responses->log) : NULL, clock_read(), "responses_store_failed",
        f_text("what", what), f_text("path", responses->path), f_text("problem", responses->problem),
        f_text("mend", "free the disk or mend the rights of state_dir; `responses: {store: false}` does without"));
}

static bool turn_write(struct response_store *responses, const struct turn_heard *heard, const struct turn *turn,
                       int64_t now_s, struct arena *arena) {
    struct conversation_link *links = arena_take(arena, (turn->link_count + 1) * sizeof *links);
    if (!links) return false;
    for (size_t i = 0; i < turn->link_count; i++)
        links[i] = (struct conversation_link){turn->links[i].hash, turn->links[i].known};
    const struct conversation_turn put = {.client = heard->client,
                                          .session = heard->session,
                                          .request_id = heard->request_id,
                                          .api = endpoint_facts(heard->said.endpoint)->name,
                                          .model = turn->model,
                                          .answer_id = turn->answer_id,
                                          .previous = turn->previous,
                                          .cut = turn->cut,
                                          .messages = turn->messages,
                                          .message_count = turn->message_count,
                                          .links = links,
                                          .link_count = turn->link_count,
                                          .link = turn->link,
                                          .answer = turn->answer,
                                          .alternatives = turn->alternatives};
    return conversation_db_put(responses->db, &put, &responses->limits, now_s, responses->problem,
                               sizeof responses->problem);
}

static bool letter_put(struct response_store *responses, const struct letter *letter) {
    struct arena arena;
    struct turn turn;
    if (!letter->is_turn)
        return response_db_put(responses->db, &letter->response, &responses->limits, letter->now_s, responses->problem,
                               sizeof responses->problem);
    arena_init(&arena, 64 * 1024, text_bytes_max);
    str_copy(responses->problem, sizeof responses->problem, STR("it cannot be read"));
    bool good = turn_read(&letter->turn.said, &arena, &turn) &&
                turn_write(responses, &letter->turn, &turn, letter->now_s, &arena);
    arena_free(&arena);
    return good;
}

static void letter_write(struct response_store *responses, const struct letter *letter) {
    if (responses->given_up) { /* each may take as long as another process keeps its lock */
        responses->given_up++;
        return;
    }
    if (!db_ready(responses) || !letter_put(responses, letter)) {
        responses->given_up = responses->last_wishes;
        told(responses, letter->is_turn ? "a turn of a conversation was not stored" : "a response was not stored");
        return;
    }
    if (responses->keep_s == 0 || letter->now_s < responses->forgotten_s + forget_every_s) return;
    responses->forgotten_s = letter->now_s;
    if (response_db_forget(responses->db, letter->now_s - responses->keep_s, responses->problem,
                           sizeof responses->problem) < 0)
        told(responses, "old responses were not forgotten");
}

static enum stored question_ask(struct response_store *responses, struct response_question *question,
                                struct text *text) {
    struct str client = str_from(question->client), id = str_from(question->id);
    size_t size = sizeof question->problem;
    char *problem = question->problem;
    struct response_db *db = responses->db;
    switch (question->wish) {
    case response_wish_get: return response_db_get(db, client, id, "response", text, problem, size);
    case response_wish_input: return response_db_get(db, client, id, "input", text, problem, size);
    case response_wish_history: return response_db_history(db, client, id, question->most, text, problem, size);
    case response_wish_remove: return response_db_remove(db, client, id, problem, size);
    case response_wish_conversations:
        return conversation_db_list(db, client, id, (int64_t)question->most, text, problem, size);
    case response_wish_conversation:
        return conversation_db_show(db, client, id, question->after, question->most, text, problem, size);
    case response_wish_lines:
        return conversation_db_lines(db, client, id, &question->after, question->most, text, problem, size);
    case response_wish_forget: return conversation_db_remove(db, client, id, &question->after, problem, size);
    }
    CHECKF(false, "wish=%d", (int)question->wish);
    return stored_failed;
}

static void question_answer(struct response_store *responses, struct response_question *question) {
    struct text text = text_in_arena(&question->arena, 4096);
    question->found = stored_failed;
    if (responses->given_up || !db_ready(responses))
        str_copy(question->problem, sizeof question->problem, str_from(responses->problem));
    else
        question->found = question_ask(responses, question, &text);
    question->text = text.failed ? STR_NONE : text_str(&text);
}

static void question_done(void *context) {
    struct response_question *question = context;
    question->done(question);
}

static void *thread_run(void *context) {
    struct response_store *responses = context;
    pthread_mutex_lock(&responses->mutex);
    for (;;) {
        while (!responses->first && !responses->ending) pthread_cond_wait(&responses->came, &responses->mutex);
        struct job *job = responses->first;
        if (!job) break;
        responses->first = job->next;
        if (!responses->first) responses->last = NULL;
        lane_give(responses, job);
        responses->last_wishes = responses->ending;
        pthread_mutex_unlock(&responses->mutex);
        if (responses->last_wishes && responses->db) response_db_hurry(responses->db);
        if (job->letter) {
            letter_write(responses, job->letter);
            memory_give(job->letter);
        } else {
            question_answer(responses, job->question);
            loop_post(job->question->loop, question_done, job->question);
        }
        memory_give(job);
        pthread_mutex_lock(&responses->mutex);
    }
    CHECKF(responses->waiting == 0 && responses->waiting_bytes == 0 && !responses->last, "waiting=%zu bytes=%zu",
           responses->waiting, responses->waiting_bytes);
    pthread_mutex_unlock(&responses->mutex);
    if (responses->given_up > 1)
        log_error(responses->log ? log_shared(responses->log) : NULL, clock_read(), "responses_store_failed",
                  f_text("what", "those that waited were not stored either"),
                  f_u64("responses", responses->given_up - 1));
    return NULL;
}

/* -- from anywhere -- */

struct response_store *response_store_open(const struct response_store_options *options) {
    struct response_store *responses = memory_take_zeroed(sizeof *responses);
    sigset_t all, before;
    if (!responses) return NULL;
    snprintf(responses->path, sizeof responses->path, "%.*s/responses.db", STR_ARG(options->state_dir));
    responses->keep_s = options->keep_days * 86400;
    responses->limits = options->limits;
    responses->log = options->log;
    pthread_mutex_init(&responses->mutex, NULL);
    pthread_cond_init(&responses->came, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&responses->thread, NULL, thread_run, responses) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) return responses;
    memory_give(responses);
    return NULL;
}

void response_store_finish(struct response_store *responses) {
    pthread_mutex_lock(&responses->mutex);
    CHECK(!responses->ending);
    responses->ending = true;
    pthread_cond_signal(&responses->came);
    pthread_mutex_unlock(&responses->mutex);
    pthread_join(responses->thread, NULL);
    response_db_close(responses->db);
}

void response_store_free(struct response_store *responses) {
    if (!responses) return;
    pthread_mutex_destroy(&responses->mutex);
    pthread_cond_destroy(&responses->came);
    memory_give(responses);
}

static bool job_add(struct response_store *responses, struct letter *letter, struct response_question *question) {
    struct job *job = memory_take_zeroed(sizeof *job);
    if (!job) return false;
    job->letter = letter;
    job->question = question;
    pthread_mutex_lock(&responses->mutex);
    size_t bytes = letter ? letter->bytes : 0;
    struct waiting *lane = response_store_lane_of(responses, job);
    bool room =
        !responses->ending && responses->waiting < waiting_max && bytes <= waiting_bytes_max - responses->waiting_bytes;
    /* An answer of the largest size fits into an empty lane. */
    room = room && lane->jobs < waiting_max / share &&
           (lane->bytes == 0 || lane->bytes + bytes <= waiting_bytes_max / share);
    if (room) {
        lane->jobs++;
        lane->bytes += bytes;
        *(responses->last ? &responses->last->next : &responses->first) = job;
        responses->last = job;
        responses->waiting++;
        responses->waiting_bytes += bytes;
        CHECKF(responses->waiting <= waiting_max && responses->waiting_bytes <= waiting_bytes_max,
               "waiting=%zu bytes=%zu", responses->waiting, responses->waiting_bytes);
        pthread_cond_signal(&responses->came);
    }
    pthread_mutex_unlock(&responses->mutex);
    if (!room) memory_give(job);
    return room;
}

enum { ranges_max = 8 };

/* What a letter holds: where each range stands in what was given, and in the letter. */
struct letter_ranges {
    const struct str *from[ranges_max];
    struct str *to[ranges_max];
    size_t count;
};

static void range_add(struct letter_ranges *ranges, const struct str *from, struct str *to) {
    CHECKF(ranges->count < ranges_max, "count=%zu", ranges->count);
    ranges->from[ranges->count] = from;
    ranges->to[ranges->count++] = to;
}

static size_t ranges_bytes(const struct letter_ranges *ranges) {
    size_t bytes = 0;
    for (size_t i = 0; i < ranges->count; i++) bytes += ranges->from[i]->len;
    return bytes;
}

static bool keep_letter(struct response_store *responses, struct letter *letter, const struct letter_ranges *ranges) {
    size_t at = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct str *from = ranges->from[i];
        if (from->len) memcpy(letter->text + at, from->at, from->len);
        *ranges->to[i] = str_make(letter->text + at, from->len);
        at += from->len;
    }
    CHECKF(at == letter->bytes && at == ranges_bytes(ranges), "at=%zu bytes=%zu", at, letter->bytes);
    if (job_add(responses, letter, NULL)) return true;
    memory_give(letter);
    return false;
}

static struct letter *keep_letter_new(size_t bytes, int64_t now_s) {
    struct letter *letter = bytes <= waiting_bytes_max ? memory_take(sizeof *letter + bytes) : NULL;
    if (letter) *letter = (struct letter){.now_s = now_s, .bytes = bytes};
    return letter;
}

static struct log_writer *keep_log(const struct response_store *responses) {
    return responses->log ? log_shared(responses->log) : NULL;
}

static const char keep_no_room[] = "too much waits to be written";

void response_store_keep(struct response_store *responses, const struct stored_response *response, int64_t now_s) {
    struct letter *letter = keep_letter_new(stored_response_bytes(response), now_s);
    struct letter_ranges ranges = {.count = 0};
    if (letter) {
        range_add(&ranges, &response->client, &letter->response.client);
        range_add(&ranges, &response->id, &letter->response.id);
        range_add(&ranges, &response->previous, &letter->response.previous);
        range_add(&ranges, &response->input, &letter->response.input);
        range_add(&ranges, &response->output, &letter->response.output);
        range_add(&ranges, &response->response, &letter->response.response);
        if (keep_letter(responses, letter, &ranges)) return;
    }
    log_error(keep_log(responses), clock_read(), "responses_store_failed", f_text("what", "a response was not stored"),
              f_text("problem", keep_no_room), f_said("response_id", response->id));
}

void response_store_hear(struct response_store *responses, const struct turn_heard *turn, int64_t now_s) {
    const struct turn_said *said = &turn->said;
    struct letter *letter = keep_letter_new(turn->client.len + turn->session.len + turn->request_id.len +
                                                said->path_model.len + said->body.len + said->answer.len,
                                            now_s);
    struct letter_ranges ranges = {.count = 0};
    if (letter) {
        letter->is_turn = true;
        letter->turn = *turn;
        range_add(&ranges, &turn->client, &letter->turn.client);
        range_add(&ranges, &turn->session, &letter->turn.session);
        range_add(&ranges, &turn->request_id, &letter->turn.request_id);
        range_add(&ranges, &said->path_model, &letter->turn.said.path_model);
        range_add(&ranges, &said->body, &letter->turn.said.body);
        range_add(&ranges, &said->answer, &letter->turn.said.answer);
        if (keep_letter(responses, letter, &ranges)) return;
    }
    log_error(keep_log(responses), clock_read(), "responses_store_failed",
              f_text("what", "a turn of a conversation was not stored"), f_text("problem", keep_no_room),
              f_str("request_id", turn->request_id));
}

bool response_store_ask(struct response_store *responses, struct response_question *question) {
    arena_init(&question->arena, 4096, text_bytes_max);
    arena_hold_within(&question->arena, question->budget);
    if (responses && job_add(responses, NULL, question)) return true;
    return false;
}

void response_store_question_free(struct response_question *question) {
    if (question->arena.newest) arena_free(&question->arena);
    memory_give(question);
}
