/* loop.c - the event loop: libuv's, with a mailbox for other threads, work deferred to the end of a turn, and our own
 * timers on one of libuv's. The only place that reads the system's clocks.
 *
 * A turn:  timers -> (deferred work) -> wait -> reads, mailbox -> next turn. What is written meanwhile leaves with the
 * deferred work, at the turn's end (cork.h). The clock is read at most once a turn, when first asked for after the
 * wait. */
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/pages.h"
#include "net/cork.h"
#include "net/loop_internal.h"
#include "net/timers.h"

struct letter {
    struct letter *next;
    void (*run)(void *context);
    void *context;
};

struct signal_watch {
    uv_signal_t handle;
    struct signal_watch *next;
    void (*run)(void *context, int signal_number);
    void *context;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t before_wait;
    uv_timer_t clock;
    struct timers timers;
    struct list deferred;
    struct now now;
    bool now_is_fresh;
    _Atomic(struct letter *) mailbox; /* newest first; pushed by any thread, taken whole by the loop */
    _Atomic bool stops, stopped;
    struct signal_watch *signals;
    struct budget *budget;
    struct spares head_spares;
    pthread_t thread;
    bool has_thread;
    char name[16];
    struct cork cork;
    char read_buffer[limit_read_buffer];
};

static _Thread_local struct loop *current;

uv_loop_t *loop_uv(struct loop *loop) { return &loop->uv; }
struct cork *loop_cork(struct loop *loop) {
    return &loop->cork;
}
char *loop_read_buffer(struct loop *loop) { return loop->read_buffer; }
struct spares *loop_head_spares(struct loop *loop) {
    return &loop->head_spares;
}
struct budget *loop_budget(struct loop *loop) {
    return loop->budget;
}
void loop_budget_set(struct loop *loop, struct budget *budget) { loop->budget = budget; }
struct loop *loop_current(void) {
    return current;
}

static uint64_t mono_read(void) {
    struct timespec mono;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (uint64_t)mono.tv_sec * NS_PER_S + (uint64_t)mono.tv_nsec;
}

struct now clock_read(void) {
    struct timespec wall;
    const uint64_t mono_ns = mono_read();
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct now){mono_ns, wall.tv_sec * 1000000000ll + wall.tv_nsec};
}

struct now loop_now(const struct loop *loop) {
    struct loop *writable = (struct loop *)(uintptr_t)loop; /* the cached clock is not part of what const promises */
    if (!loop->now_is_fresh) {
        writable->now = clock_read();
        writable->now_is_fresh = true;
    }
    return loop->now;
}

struct now loop_now_fresh(struct loop *loop) {
    (void)loop;
    return clock_read();
}

uint64_t loop_elapsed_ns(const struct loop *loop) {
    const uint64_t since_ns = loop_now(loop).mono_ns;
    return mono_read() - since_ns;
}

static void deferred_run(struct loop *loop) {
    while (!list_empty(&loop->deferred)) {
        struct loop_deferred *deferred = LIST_OWNER(loop->deferred.next, struct loop_deferred, node);
        list_remove(&deferred->node);
        deferred->run(deferred->context);
    }
}

static void clock_arm(struct loop *loop);

static void on_clock(uv_timer_t *handle) {
    struct loop *loop = handle->data;
    struct timer *timer;
    loop->now_is_fresh = false;
    uint64_t now_ns = loop_now(loop).mono_ns;
    while ((timer = timers_due(&loop->timers, now_ns))) timer->run(timer->context);
}

static void clock_arm(struct loop *loop) {
    uint64_t next_ns = timers_next(&loop->timers);
    if (next_ns == UINT64_MAX) {
        uv_timer_stop(&loop->clock);
        return;
    }
    uint64_t now_ns = loop_now(loop).mono_ns;
    uint64_t wait_ms = next_ns > now_ns ? (next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->clock, on_clock, wait_ms, 0);
}

static void on_before_wait(uv_prepare_t *handle) {
    struct loop *loop = handle->data;
    deferred_run(loop);
    if (timers_next(&loop->timers) != UINT64_MAX || uv_is_active((uv_handle_t *)&loop->clock)) {
        /* armed once a turn, not once a timer; uv rounds to milliseconds */
        uint64_t next_ns = timers_next(&loop->timers);
        uint64_t armed_ms = uv_is_active((uv_handle_t *)&loop->clock) ? uv_timer_get_due_in(&loop->clock) : UINT64_MAX;
        uint64_t now_ns = loop_now(loop).mono_ns;
        uint64_t wait_ms = next_ns == UINT64_MAX ? UINT64_MAX : next_ns > now_ns ? (next_ns - now_ns) / NS_PER_MS : 0;
        if (armed_ms == UINT64_MAX || wait_ms < armed_ms)
            clock_arm(loop); /* later ones: it fires early and is armed again */
    }
    loop->now_is_fresh = false;
}

static void mailbox_empty(struct loop *loop, bool run) {
    struct letter *newest = atomic_exchange_explicit(&loop->mailbox, NULL, memory_order_acquire), *oldest = NULL;
    while (newest) { /* turn the stack round */
        struct letter *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct letter *next = oldest->next;
        if (run) oldest->run(oldest->context);
        memory_give(oldest);
        oldest = next;
    }
}

static void on_wake(uv_async_t *handle) {
    struct loop *loop = handle->data;
    CHECK(loop == current);
    mailbox_empty(loop, true);
    if (atomic_load(&loop->stops)) uv_stop(&loop->uv);
}

struct loop *loop_new(void) {
    struct loop *loop = pages_take(sizeof *loop); /* heads with credentials are read into it */
    if (!loop) return NULL;
    memset(loop, 0, offsetof(struct loop, cork.bytes));
    list_init(&loop->deferred);
    cork_begin(&loop->cork);
    if (uv_loop_init(&loop->uv) != 0) goto fail;
    if (uv_async_init(&loop->uv, &loop->wake, on_wake) != 0) goto fail_loop;
    uv_prepare_init(&loop->uv, &loop->before_wait);
    uv_timer_init(&loop->uv, &loop->clock);
    loop->wake.data = loop->before_wait.data = loop->clock.data = loop;
    uv_prepare_start(&loop->before_wait, on_before_wait);
    uv_unref((uv_handle_t *)&loop->before_wait);
    return loop;
fail_loop:
    uv_loop_close(&loop->uv);
fail:
    pages_give(loop, sizeof *loop);
    return NULL;
}

void loop_run(struct loop *loop) {
    sigset_t broken_pipe, before;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before); /* libuv writes without MSG_NOSIGNAL */
    current = loop;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    atomic_store(&loop->stopped, true);
    current = NULL;
    if (sigismember(&before, SIGPIPE)) return;
    while (sigtimedwait(&broken_pipe, NULL, &(struct timespec){.tv_sec = 0}) > 0) { /* ours: not the host's to see */
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void *loop_thread_main(void *context) {
    struct loop *loop = context;
    pthread_setname_np(pthread_self(), loop->name);
    loop_run(loop);
    return NULL;
}

bool loop_start_thread(struct loop *loop, const char *name) {
    sigset_t all, before;
    CHECK(!loop->has_thread);
    str_copy(loop->name, sizeof loop->name, str_from(name));
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* inherited by the new thread */
    loop->has_thread = pthread_create(&loop->thread, NULL, loop_thread_main, loop) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return loop->has_thread;
}

void loop_join(struct loop *loop) {
    if (loop->has_thread) pthread_join(loop->thread, NULL);
    loop->has_thread = false;
}

/* No letter: where there is no memory for one, it must end nonetheless. */
void loop_stop(struct loop *loop) {
    atomic_store(&loop->stops, true);
    uv_async_send(&loop->wake);
}

struct letter *loop_letter_new(void) {
    return memory_take(sizeof(struct letter));
}
void loop_letter_throw(struct letter *letter) { memory_give(letter); }

bool loop_post(struct loop *loop, void (*run)(void *context), void *context) {
    struct letter *letter = atomic_load(&loop->stopped) ? NULL : loop_letter_new();
    return letter && loop_letter_post(loop, letter, run, context);
}

bool loop_letter_post(struct loop *loop, struct letter *letter, void (*run)(void *context), void *context) {
    if (atomic_load(&loop->stopped)) {
        memory_give(letter);
        return false;
    }
    CHECK(run);
    *letter = (struct letter){.run = run, .context = context};
    struct letter *newest = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);
    do letter->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&loop->mailbox, &newest, letter, memory_order_release,
                                                  memory_order_relaxed));
    uv_async_send(&loop->wake);
    return true;
}

void loop_defer(struct loop *loop, struct loop_deferred *deferred) {
    CHECK(deferred->run);
    if (!list_linked(&deferred->node)) list_add_last(&loop->deferred, &deferred->node);
}

void loop_defer_cancel(struct loop_deferred *deferred) { list_remove(&deferred->node); }

void timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ns, void (*run)(void *context),
               void *context) {
    CHECK(run);
    timer->run = run;
    timer->context = context;
    timers_set(&loop->timers, timer, deadline_ns);
}

void timer_cancel(struct loop *loop, struct timer *timer) { timers_cancel(&loop->timers, timer); }

static void loop_on_uv_signal(uv_signal_t *handle, int number) {
    struct signal_watch *watch = handle->data;
    watch->run(watch->context, number);
}

bool loop_on_signal(struct loop *loop, int signal_number, void (*run)(void *context, int signal_number),
                    void *context) {
    struct signal_watch *watch = memory_take_zeroed(sizeof *watch);
    if (!watch) return false;
    uv_signal_init(&loop->uv, &watch->handle);
    watch->handle.data = watch;
    watch->run = run;
    watch->context = context;
    watch->next = loop->signals;
    loop->signals = watch;
    uv_unref((uv_handle_t *)&watch->handle);
    return uv_signal_start(&watch->handle, loop_on_uv_signal, signal_number) == 0;
}

void loop_free(struct loop *loop) {
    CHECK(current != loop && !loop->has_thread);
    mailbox_empty(loop, false);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    uv_close((uv_handle_t *)&loop->clock, NULL);
    for (struct signal_watch *watch = loop->signals; watch; watch = watch->next)
        uv_close((uv_handle_t *)&watch->handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT); /* close callbacks */
    while (loop->signals) {
        struct signal_watch *next = loop->signals->next;
        memory_give(loop->signals);
        loop->signals = next;
    }
    int closed = uv_loop_close(&loop->uv);
    CHECKF(closed == 0, "a handle was left open: %s", uv_strerror(closed));
    CHECKF(loop->timers.count == 0, "timers=%zu", loop->timers.count); /* each lies in an owner that would be called */
    spares_free(&loop->head_spares);
    pages_give(loop, sizeof *loop);
}
