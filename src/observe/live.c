/* live.c - see live.h. */
#include "observe/live.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

struct live {
    struct log *lines;
    struct notices *ring;
    pthread_mutex_t mutex;                 /* guards the next; taken before the log's own */
    unsigned watchers;                     /* how many watch */
    _Atomic bool watched;                  /* for the thread: somebody does */
    _Atomic uint64_t admitted[live_kinds]; /* live_admit's */
    _Atomic uint64_t left_out;             /* requests */
};

enum { time_bytes = 36 }; /* what notices_put adds */
_Static_assert((int)log_members_bytes + (int)time_bytes <= (int)notice_bytes_max, "all members fit into an event");

/* On the log's thread. */
static void live_take(void *owner, const char *event, int64_t wall_ns, struct str members) {
    struct live *live = owner;
    if (!atomic_load(&live->watched)) return; /* of the moment in which the last one left */
    for (int type = 0; type < notice_types; type++)
        if (str_eq(notice_facts((enum notice_type)type)->name, str_from(event)))
            notices_put(live->ring, (enum notice_type)type, wall_ns / (int64_t)NS_PER_MS, members);
}

struct live *live_open(const struct pattern *own, int64_t now_s) {
    struct live *live = memory_take_zeroed(sizeof *live);
    if (!live) return NULL;
    pthread_mutex_init(&live->mutex, NULL);
    live->ring = notices_new(now_s);
    if (live->ring)
        live->lines = log_open(&(struct log_options){
            .level = log_level_off, .format = log_format_json, .own = own, .fd = -1, .tell = live_take, .owner = live});
    if (live->lines) return live;
    live_close(live);
    return NULL;
}

void live_close(struct live *live) {
    if (!live) return;
    log_close(live->lines);
    notices_free(live->ring);
    pthread_mutex_destroy(&live->mutex);
    memory_give(live);
}

struct log_writer *live_writer_open(struct live *live) {
    return log_writer_open(live->lines);
}

bool live_admit(uint64_t *word, uint64_t second, uint32_t most) {
    const uint32_t now = (uint32_t)second, then = (uint32_t)(*word >> 32);
    const bool is_new = (int32_t)(now - then) > 0;
    const uint32_t count = is_new ? 0 : (uint32_t)*word;
    if (count >= most) return false;
    *word = (uint64_t)(is_new ? now : then) << 32 | (count + 1);
    return true;
}

bool live_tells(struct live *live, enum live_telling *telling, enum live_kind kind, struct now now) {
    if (*telling != live_undecided) return *telling == live_told;
    _Atomic uint64_t *at = &live->admitted[kind];
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed), next;
    bool admitted;
    do {
        next = word;
        admitted = live_admit(&next, now.mono_ns / NS_PER_S, live_rate);
    } while (admitted &&
             !atomic_compare_exchange_weak_explicit(at, &word, next, memory_order_relaxed, memory_order_relaxed));
    if (!admitted) atomic_fetch_add_explicit(&live->left_out, 1, memory_order_relaxed);
    *telling = admitted ? live_told : live_left_out;
    return admitted;
}

void live_watch(struct live *live) {
    if (!live) return;
    pthread_mutex_lock(&live->mutex);
    if (live->watchers++ == 0) {
        log_flush(live->lines); /* what was put when the last one left is nobody's */
        atomic_store(&live->watched, true);
        log_set_level(live->lines, log_level_info);
    }
    pthread_mutex_unlock(&live->mutex);
}

void live_leave(struct live *live) {
    if (!live) return;
    pthread_mutex_lock(&live->mutex);
    if (--live->watchers == 0) {
        log_set_level(live->lines, log_level_off);
        atomic_store(&live->watched, false);
        notices_forget(live->ring);
    }
    pthread_mutex_unlock(&live->mutex);
}

uint64_t live_last(struct live *live) { return live ? notices_last(live->ring) : 0; }

bool live_next(struct live *live, uint64_t after, struct notice *notice, uint64_t *missed) {
    *missed = 0;
    return live && notices_next(live->ring, after, notice, missed);
}

struct live_left live_left(const struct live *live) {
    if (!live) return (struct live_left){0, 0};
    return (struct live_left){atomic_load_explicit(&live->left_out, memory_order_relaxed), log_dropped(live->lines)};
}

void live_settle(struct live *live) {
    if (live) log_flush(live->lines);
}

void live_forget(struct live *live) {
    if (!live) return;
    live_settle(live);
    notices_forget(live->ring);
}
