/* timers.c - sift up, sift down; each timer knows its place, so that moving and cancelling need no search. */
#include "net/timers.h"

#include "base/check.h"
#include "base/memory.h"

/* A timer knows its place, and a heap its own timers: one that stands in another loop's fails here. */
static void place_check(const struct timers *timers, const struct timer *timer) {
    CHECKF(timer->place >= 1 && timer->place <= timers->count && timers->heap[timer->place] == timer,
           "place=%zu count=%zu", timer->place, timers->count);
}

/* Nobody is due before his parent. */
static void heap_check(const struct timers *timers) {
    for (size_t place = 2; place <= timers->count; place++)
        CHECKF(timers->heap[place / 2]->deadline_ns <= timers->heap[place]->deadline_ns, "place=%zu", place);
    for (size_t place = 1; place <= timers->count; place++) place_check(timers, timers->heap[place]);
}

static void put(struct timers *timers, size_t place, struct timer *timer) {
    CHECKF(place >= 1 && place < timers->size, "place=%zu size=%zu", place, timers->size);
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct timers *timers, struct timer *timer, size_t place) {
    while (place > 1 && timers->heap[place / 2]->deadline_ns > timer->deadline_ns) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct timers *timers, struct timer *timer, size_t place) {
    for (;;) {
        size_t child = place * 2;
        if (child > timers->count) break;
        if (child < timers->count && timers->heap[child + 1]->deadline_ns < timers->heap[child]->deadline_ns) child++;
        if (timers->heap[child]->deadline_ns >= timer->deadline_ns) break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

bool timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns) {
    if (timer->place) {
        uint64_t before = timer->deadline_ns;
        place_check(timers, timer);
        timer->deadline_ns = deadline_ns;
        if (deadline_ns < before)
            sift_up(timers, timer, timer->place);
        else
            sift_down(timers, timer, timer->place);
        return true;
    }
    if (timers->count + 1 >= timers->size) {
        size_t size = timers->size ? timers->size * 2 : 64, bytes;
        struct timer **heap = size_mul(size, sizeof *heap, &bytes) ? memory_resize(timers->heap, bytes) : NULL;
        if (!heap) return false;
        timers->heap = heap;
        timers->size = size;
    }
    timer->deadline_ns = deadline_ns;
    timers->count++;
    sift_up(timers, timer, timers->count);
    return true;
}

void timers_cancel(struct timers *timers, struct timer *timer) {
    size_t place = timer->place;
    if (!place) return;
    place_check(timers, timer);
    timer->place = 0;
    struct timer *last = timers->heap[timers->count--];
    if (last == timer) return;
    if (place > 1 && timers->heap[place / 2]->deadline_ns > last->deadline_ns)
        sift_up(timers, last, place);
    else
        sift_down(timers, last, place);
}

uint64_t timers_next(const struct timers *timers) { return timers->count ? timers->heap[1]->deadline_ns : UINT64_MAX; }

struct timer *timers_due(struct timers *timers, uint64_t now_ns) {
    if (timers_next(timers) > now_ns) return NULL;
    if (check_walks && timers->count <= 64) heap_check(timers);
    struct timer *timer = timers->heap[1];
    timers_cancel(timers, timer);
    CHECKF(timer->deadline_ns <= timers_next(timers), "deadline=%llu", (unsigned long long)timer->deadline_ns);
    return timer;
}

void timers_free(struct timers *timers) {
    CHECKF(timers->count == 0, "count=%zu", timers->count); /* each lies in an owner that would be called */
    memory_give(timers->heap);
    *timers = (struct timers){NULL, 0, 0};
}
