/* books.c - the journal's and the ledger's threads, and what workers write. */
#include "runtime/books.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "runtime/attempt_records.h"
#include "runtime/value_secret.h"
#include "snapshot/sessions.h"
#include "store/ledger_forget.h"
#include "store/ledger_given.h"
#include "store/ledger_sessions.h"

enum {
    every_ms = 500,
    batch = 8192,
    asked_max = 64,
    asked_by_clients_max = 48, /* of these */
    asked_by_one_max = 6,
    forget_every_s = 3600,
    forget_most_ms = 100,
    flush_wait_s = 5,
    text_max = 64 * 1024 * 1024
};

struct books {
    char state_dir[400];
    char place[ledger_place_max], shown[400]; /* where the ledger lies, and as it may be seen */
    struct journal *journal;
    struct log *log;
    bool refuses;
    void (*spent)(void *context, const struct record_charge *of, const struct hash_tag *value, int64_t nano_usd);
    void (*spent_late)(void *context, struct ledger_value *rows, size_t count);
    struct hash_secret *value_secret;
    bool is_late; /* the ledger could not be read when it began */
    void *context;
    int64_t keep_ms;
    _Atomic uint64_t not_kept; /* attempts that found no room */
    _Atomic bool failing;      /* the ledger: it has been said */
    _Atomic uint64_t caught_up_ns;
    _Atomic bool no_room;  /* the last time none could be made: it is tried again in its time */
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake, turned, came;
    uint64_t turns_wanted, turns;
    bool ending, answering_ends;
    struct books_asked *first, *last;
    size_t asked;
    pthread_t writer, reader;
    bool writes, reads; /* the threads run */
    /* the writer's alone */
    struct ledger *ledger;
    bool begun, failed, troubled;
    bool replayed;     /* what others left in the journal, and what was spent before, is known */
    uint64_t again_ns; /* not before: where it could not be opened */
    uint64_t wait_ns;  /* the last time */
    uint64_t not_kept_told;
    int64_t forgotten_ms, values_forgotten_ms;
    struct ledger_forgetting forgetting;
};

static struct log_writer *books_log(const struct books *books) { return books->log ? log_shared(books->log) : NULL; }

/* -- on workers -- */

bool books_may_begin(struct books *books, unsigned worker) {
    return !books || !books->refuses || journal_has_room(books->journal, worker);
}

/* The room that it took the last of is made again soon. */
static void books_want_room(struct books *books) {
    if (atomic_load_explicit(&books->no_room, memory_order_relaxed)) return;
    pthread_mutex_lock(&books->mutex);
    books->turns_wanted = books->turns + 1;
    pthread_cond_signal(&books->wake);
    pthread_mutex_unlock(&books->mutex);
}

void books_sent(struct books *books, unsigned worker, struct flight *flight, unsigned attempt) {
    if (books && !attempt_record_sent(books->journal, worker, flight, attempt)) books_want_room(books);
}

void books_delivered(struct books *books, struct flight *flight, unsigned attempt) {
    if (books) attempt_record_delivered(flight, attempt);
}

void books_settled(struct books *books, unsigned worker, struct flight *flight, unsigned attempt) {
    if (!books) return;
    if (!attempt_record_settled(books->journal, worker, flight, attempt)) atomic_fetch_add(&books->not_kept, 1);
    if (journal_wants_room(books->journal, worker)) books_want_room(books);
}

void books_given(struct books *books, unsigned worker, const struct flight *flight, struct now now) {
    if (!books) return;
    if (!given_record_add(books->journal, worker, flight, now)) atomic_fetch_add(&books->not_kept, 1);
    if (journal_wants_places(books->journal, worker)) books_want_room(books);
}

struct books_state books_state(const struct books *books) {
    if (!books) return (struct books_state){.failing = false};
    return (struct books_state){atomic_load(&books->not_kept), atomic_load(&books->failing),
                                atomic_load(&books->caught_up_ns)};
}

/* -- the writer -- */

static bool books_take(void *context, struct journal_source source, const struct record *record) {
    struct books *books = context;
    if (!books->begun) books->begun = ledger_begin(books->ledger);
    books->failed = !books->begun || !ledger_add(books->ledger, source, record);
    return !books->failed;
}

/* A failure of the ledger's, told once until it works again. */
static void books_troubled(struct books *books, const char *problem) {
    if (!books->troubled)
        log_error(
            books_log(books), clock_read(), "ledger_failed", f_text("path", books->shown), f_text("problem", problem),
            f_str("means", STR("what is spent stays in the journal, and goes into the ledger when it works")),
            f_text("mend", ledger_is_file(books->place) ? "free the disk, or mend the file or its rights"
                                                        : "mend the server, or the way to it; it is asked again"));
    books->troubled = true;
    atomic_store(&books->failing, true);
}

/* Opened, and nobody else's. */
static struct ledger *books_ledger_open(const struct books *books, char *problem, size_t size) {
    struct ledger *ledger = ledger_open(books->place, problem, size);
    if (!ledger || ledger_keep(ledger, problem, size)) return ledger;
    ledger_close(ledger);
    return NULL;
}

static bool books_restore(struct books *books);

/* A server that is away is asked again after a while, each time a longer one; a file at each turn. */
static bool books_ledger_ready(struct books *books) {
    const uint64_t wait_most_ns = ledger_is_file(books->place) ? 0 : 15 * NS_PER_S;
    uint64_t now_ns = clock_read().mono_ns;
    char problem[600] = "";
    if (books->ledger && ledger_is_gone(books->ledger)) {
        books_troubled(books, ledger_problem(books->ledger));
        ledger_close(books->ledger);
        books->ledger = NULL;
    }
    if (!books->ledger && now_ns < books->again_ns) return false;
    if (!books->ledger) books->ledger = books_ledger_open(books, problem, sizeof problem);
    if (!books->ledger) {
        books_troubled(books, problem);
        books->wait_ns = books->wait_ns ? 2 * books->wait_ns : NS_PER_S / 2;
        if (books->wait_ns > wait_most_ns) books->wait_ns = wait_most_ns;
        books->again_ns = clock_read().mono_ns + books->wait_ns;
        return false;
    }
    books->wait_ns = 0;
    return books->replayed || books_restore(books);
}

static void books_failed(struct books *books) {
    books_troubled(books, ledger_problem(books->ledger));
    ledger_undo(books->ledger);
    journal_again(books->journal);
    books->begun = books->failed = false;
}

/* Everything that is in the journal. */
static bool books_drain(struct books *books) {
    if (!books_ledger_ready(books)) return false;
    /* In small pieces where there was no room for a large one: each that is kept gives some back. */
    const size_t most = books->troubled && ledger_is_file(books->place) ? batch / 16 : batch;
    for (size_t told = most; told == most;) {
        books->begun = false;
        told = journal_tell(books->journal, most, books_take, books);
        if (!told && !books->failed) break;
        if (books->failed || !ledger_commit(books->ledger)) {
            books_failed(books);
            return false;
        }
        journal_keep(books->journal);
        if (books->troubled) ledger_shrink(books->ledger);
    }
    if (books->troubled) log_info(books_log(books), clock_read(), "ledger_works", f_text("path", books->shown));
    if (books->troubled) atomic_store(&books->failing, false);
    books->troubled = false;
    return true;
}

static void books_provide(struct books *books) {
    char problem[600] = "";
    bool good = journal_provide(books->journal, problem, sizeof problem);
    if (!good && !books->no_room)
        log_error(books_log(books), clock_read(), "journal_failed", f_text("problem", problem),
                  f_text("means", books->refuses ? "requests are refused as soon as what is left is full"
                                                 : "what cannot be kept is served, and missing in the ledger"),
                  f_text("mend", "free the disk, or mend the rights of state_dir"));
    books->no_room = !good;
    uint64_t not_kept = atomic_load(&books->not_kept);
    if (not_kept != books->not_kept_told)
        log_error(books_log(books), clock_read(), "usage_lost", f_u64("attempts", not_kept - books->not_kept_told),
                  f_str("means", STR("they were served, and are in no ledger")));
    books->not_kept_told = not_kept;
}

/* Some of it: the rest in the next turns, when what is new has gone into the ledger. */
static bool books_forget_some(struct books *books) {
    const uint64_t until_ns = clock_read().mono_ns + forget_most_ms * NS_PER_MS;
    bool good = true;
    while (good && books->forgetting.what != forgets_nothing && clock_read().mono_ns < until_ns)
        good = ledger_forget_some(books->ledger, &books->forgetting);
    if (!good) books->forgetting.what = forgets_nothing; /* again in an hour */
    return good;
}

/* Of values' windows, as callers make as many as they like; no window is longer than that. */
static void books_values_forget(struct books *books, int64_t now_ms) {
    const int64_t longest_s = INT64_C(400) * 86400;
    if (now_ms < books->values_forgotten_ms + forget_every_s * 1000) return;
    books->values_forgotten_ms = now_ms;
    if (!ledger_values_forget(books->ledger, now_ms / 1000 - longest_s))
        books_troubled(books, ledger_problem(books->ledger));
}

static bool books_given_forget(struct books *books, int64_t now_ms) {
    uint64_t instance;
    const int64_t until_ms = journal_given_until(books->journal, now_ms, &instance);
    return ledger_given_forget(books->ledger, instance, until_ms, books->keep_ms ? now_ms - books->keep_ms : 0);
}

static void books_forget(struct books *books, int64_t now_ms) {
    books_values_forget(books, now_ms);
    if (!books_forget_some(books)) books_troubled(books, ledger_problem(books->ledger));
    if (now_ms < books->forgotten_ms + forget_every_s * 1000) return;
    books->forgotten_ms = now_ms;
    const struct ledger_sessions sessions = {session_window_mark, session_seconds};
    bool good = ledger_sessions_forget(books->ledger, &sessions, now_ms / 1000 - ledger_sessions_keep_s) &&
                books_given_forget(books, now_ms);
    if (books->keep_ms && books->forgetting.what == forgets_nothing)
        ledger_forget_begin(&books->forgetting, now_ms - books->keep_ms);
    if (!good) books_troubled(books, ledger_problem(books->ledger));
}

/* Where the ledger had no room, it has the first of what there is again: what goes into it gives room back. */
static void books_turn(struct books *books) {
    bool ledger_first = books->troubled;
    if (!ledger_first) books_provide(books);
    const uint64_t begun_ns = clock_read().mono_ns;
    bool drained = books_drain(books);
    if (drained) atomic_store(&books->caught_up_ns, begun_ns);
    if (ledger_first) books_provide(books);
    if (drained) books_forget(books, clock_read().wall_ns / (int64_t)NS_PER_MS);
    if (books->no_room) books_provide(books);
}

static struct timespec books_until(uint64_t wait_ns) {
    uint64_t at_ns = clock_read().mono_ns + wait_ns;
    return (struct timespec){.tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S)};
}

static void *books_write(void *context) {
    struct books *books = context;
    bool ending = false;
    while (!ending) {
        pthread_mutex_lock(&books->mutex);
        struct timespec until = books_until(every_ms * NS_PER_MS);
        int waited = 0;
        while (!books->ending && books->turns_wanted <= books->turns && waited == 0)
            waited = pthread_cond_timedwait(&books->wake, &books->mutex, &until);
        uint64_t turn = books->turns + 1;
        ending = books->ending;
        pthread_mutex_unlock(&books->mutex);
        books_turn(books);
        pthread_mutex_lock(&books->mutex);
        books->turns = turn;
        pthread_cond_broadcast(&books->turned);
        pthread_mutex_unlock(&books->mutex);
    }
    return NULL;
}

/* -- the reader -- */

static void books_done(void *context) {
    struct books_asked *asked = context;
    asked->done(asked);
}

void books_flush(struct books *books) {
    pthread_mutex_lock(&books->mutex);
    struct timespec until = books_until(flush_wait_s * NS_PER_S);
    uint64_t wanted = books->turns + 2; /* one may be under way */
    if (books->turns_wanted < wanted) books->turns_wanted = wanted;
    pthread_cond_signal(&books->wake);
    for (int waited = 0; books->turns < wanted && !books->ending && waited == 0;)
        waited = pthread_cond_timedwait(&books->turned, &books->mutex, &until);
    pthread_mutex_unlock(&books->mutex);
}

static void books_answer(struct books *books, struct books_asked *asked) {
    if (!asked->answer) books_flush(books); /* other rows are there when they are told */
    struct ledger *ledger = ledger_open_beside(books->place, asked->problem, sizeof asked->problem);
    asked->text = text_in_arena(&asked->arena, 16 * 1024);
    asked->good =
        ledger && (asked->answer          ? asked->answer(asked, ledger)
                   : asked->request.id[0] ? ledger_request(ledger, &asked->request, &asked->text, &asked->found)
                                          : ledger_usage(ledger, &asked->question, &asked->text));
    if (ledger && !asked->good) str_copy(asked->problem, sizeof asked->problem, str_from(ledger_problem(ledger)));
    ledger_close(ledger);
    struct letter *letter = asked->letter;
    asked->letter = NULL;
    if (!loop_letter_post(asked->loop, letter, books_done, asked)) books_asked_free(asked);
}

static void *books_read(void *context) {
    struct books *books = context;
    pthread_mutex_lock(&books->mutex);
    for (;;) {
        while (!books->first && !books->answering_ends) pthread_cond_wait(&books->came, &books->mutex);
        struct books_asked *asked = books->first;
        if (!asked) break;
        books->first = asked->next;
        if (!books->first) books->last = NULL;
        books->asked--;
        pthread_mutex_unlock(&books->mutex);
        books_answer(books, asked);
        pthread_mutex_lock(&books->mutex);
    }
    pthread_mutex_unlock(&books->mutex);
    return NULL;
}

/* One client that asks without end keeps no other from asking, nor all of them an operator. */
static bool books_has_room(const struct books *books, uint64_t by) {
    size_t by_clients = 0, by_it = 0;
    for (const struct books_asked *asked = books->first; by && asked; asked = asked->next) {
        by_clients += asked->by != 0;
        by_it += asked->by == by;
    }
    return books->asked < asked_max && by_clients < asked_by_clients_max && by_it < asked_by_one_max;
}

bool books_ask(struct books *books, struct books_asked *asked) {
    asked->next = NULL;
    asked->letter = loop_letter_new();
    if (!asked->letter) return false;
    arena_init(&asked->arena, 16 * 1024, text_max);
    pthread_mutex_lock(&books->mutex);
    bool taken = books_has_room(books, asked->by) && !books->answering_ends;
    if (taken) {
        if (books->last)
            books->last->next = asked;
        else
            books->first = asked;
        books->last = asked;
        books->asked++;
        pthread_cond_signal(&books->came);
    }
    pthread_mutex_unlock(&books->mutex);
    if (!taken) loop_letter_throw(asked->letter);
    return taken;
}

void books_asked_free(struct books_asked *asked) {
    arena_free(&asked->arena);
    memory_give(asked);
}

/* -- beginning and end -- */

struct books_replaying {
    struct books *books;
    size_t count;
};

static bool books_replay_take(void *context, struct journal_source source, const struct record *record) {
    struct books_replaying *replaying = context;
    struct books *books = replaying->books;
    if (!books_take(books, source, record)) return false;
    if (++replaying->count % batch) return true;
    books->begun = false;
    return ledger_commit(books->ledger);
}

static bool books_replay(struct books *books) {
    struct books_replaying replaying = {.books = books};
    struct journal_rest rest;
    books->begun = false;
    bool good = journal_replay(books->state_dir, books->journal, books_replay_take, &replaying, &rest);
    good = good && (!books->begun || ledger_commit(books->ledger));
    if (!good) {
        books_failed(books);
        return false;
    }
    books->begun = false;
    journal_replayed(books->state_dir, books->journal);
    if (rest.instances)
        log_info(books_log(books), clock_read(), "journal_replayed", f_u64("records", rest.records),
                 f_u64("lost", rest.sent));
    if (rest.damaged)
        log_error(
            books_log(books), clock_read(), "journal_damaged", f_u64("files", rest.damaged),
            f_str("kept", STR("what could be read is in the ledger; the rest stands in state_dir/journal/*.bad")));
    return true;
}

/* All that was spent, and then it is told: what is read only in part is read again, and nobody has heard of it. Before
 * anything of this process's own is in the ledger: so what is told was spent before. */
struct books_spent {
    struct ledger_value *rows;
    size_t count, room;
    bool lacks; /* memory */
};

static void books_value_note(void *context, const struct ledger_value *value) {
    struct books_spent *spent = context;
    if (spent->count == spent->room) {
        size_t room = spent->room ? spent->room * 2 : 256, bytes;
        struct ledger_value *rows = size_mul(room, sizeof *rows, &bytes) ? memory_resize(spent->rows, bytes) : NULL;
        spent->lacks = spent->lacks || !rows;
        if (!rows) return;
        spent->rows = rows;
        spent->room = room;
    }
    spent->rows[spent->count++] = *value;
}

static void books_budget_note(void *context, const struct record_charge *of, int64_t nano_usd) {
    books_value_note(context, &(struct ledger_value){.of = *of, .nano_usd = nano_usd});
}

static void books_spent_tell(struct books *books, struct books_spent *spent) {
    if (books->is_late) {
        books->spent_late(books->context, spent->rows, spent->count);
        *spent = (struct books_spent){.rows = NULL};
    }
    for (size_t i = 0; i < spent->count; i++)
        books->spent(books->context, &spent->rows[i].of, &spent->rows[i].value, spent->rows[i].nano_usd);
}

/* Values that were told apart by another secret before the ledger could be read are not known again: of a state folder
 * that has never seen this ledger. What they spent before counts from the next start on. */
static bool books_spent_read(struct books *books, const char **problem) {
    struct hash_secret secret = *books->value_secret;
    struct books_spent spent = {.rows = NULL};
    if (!ledger_value_secret(books->ledger, &secret)) return false;
    (void)value_secret_keep(books->state_dir, &secret); /* where it cannot be, the ledger has it yet */
    bool same = !books->is_late || memcmp(&secret, books->value_secret, sizeof secret) == 0;
    bool good = ledger_budgets(books->ledger, books_budget_note, &spent) &&
                (!same || ledger_values(books->ledger, books_value_note, &spent));
    if (spent.lacks) *problem = "no memory for what was spent";
    good = good && !spent.lacks;
    if (good && !books->is_late) *books->value_secret = secret;
    if (good) books_spent_tell(books, &spent);
    memory_give(spent.rows);
    return good;
}

static bool books_restore(struct books *books) {
    const char *problem = NULL;
    books->replayed =
        books_replay(books) && (!books->spent || books_spent_read(books, &problem) ||
                                (books_troubled(books, problem ? problem : ledger_problem(books->ledger)), false));
    return books->replayed;
}

static bool books_threads(struct books *books) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the process's own threads */
    books->writes = pthread_create(&books->writer, NULL, books_write, books) == 0;
    books->reads = books->writes && pthread_create(&books->reader, NULL, books_read, books) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return books->reads;
}

static bool books_begin(struct books *books, const struct books_options *options, struct error *error) {
    char problem[600] = "";
    books->journal =
        journal_open(books->state_dir, options->workers, options->journal_bytes_max, problem, sizeof problem);
    if (!books->journal)
        return error_set(error, error_storage_failed,
                         "What is spent cannot be kept: %.120s. Free the disk or mend the rights of state_dir.",
                         problem);
    value_secret_read(books->state_dir, books->value_secret);
    books->ledger = books_ledger_open(books, problem, sizeof problem);
    bool good = books->ledger && books_restore(books);
    books->is_late = !good;
    if (!good && books->ledger)
        snprintf(problem, sizeof problem, "%s: %s", books->shown, ledger_problem(books->ledger));
    if (!good && options->refuses)
        return error_set(error, error_storage_failed, "What is spent cannot be kept: %.200s", problem);
    if (!good) books_troubled(books, problem);
    return books_threads(books) || error_set(error, error_out_of_memory, "There is no thread for the ledger.");
}

struct books *books_open(const struct books_options *options, struct error *error) {
    pthread_condattr_t attributes;
    struct books *books = memory_take_zeroed(sizeof *books);
    if (!books) {
        error_set(error, error_out_of_memory, "There is no memory for the ledger.");
        return NULL;
    }
    str_copy(books->state_dir, sizeof books->state_dir, options->state_dir);
    str_copy(books->place, sizeof books->place, str_from(options->ledger));
    ledger_place_shown(books->place, books->shown, sizeof books->shown);
    books->spent = options->spent;
    books->spent_late = options->spent_late;
    books->value_secret = options->value_secret;
    books->context = options->context;
    books->log = options->log;
    books->refuses = options->refuses;
    books->keep_ms = options->keep_days * 24 * 3600 * 1000;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&books->mutex, NULL);
    pthread_cond_init(&books->wake, &attributes);
    pthread_cond_init(&books->turned, &attributes);
    pthread_cond_init(&books->came, &attributes);
    pthread_condattr_destroy(&attributes);
    if (books_begin(books, options, error)) return books;
    books_close(books);
    return NULL;
}

bool books_are_late(const struct books *books) { return books && books->is_late; }

void books_finish(struct books *books) {
    if (!books || !books->reads) return;
    pthread_mutex_lock(&books->mutex);
    books->answering_ends = true;
    pthread_cond_broadcast(&books->came);
    pthread_mutex_unlock(&books->mutex);
    pthread_join(books->reader, NULL);
    books->reads = false;
}

void books_close(struct books *books) {
    if (!books) return;
    books_finish(books);
    pthread_mutex_lock(&books->mutex);
    books->ending = true;
    pthread_cond_broadcast(&books->wake);
    pthread_mutex_unlock(&books->mutex);
    if (books->writes) pthread_join(books->writer, NULL);
    ledger_close(books->ledger);
    journal_close(books->journal);
    pthread_cond_destroy(&books->wake);
    pthread_cond_destroy(&books->turned);
    pthread_cond_destroy(&books->came);
    pthread_mutex_destroy(&books->mutex);
    memory_wipe(books->place, sizeof books->place);
    memory_give(books);
}
