/* latch.c - a counter under a mutex. The last touch of latch_down is under it, so that the waiter may free at once. */
#include "runtime/latch.h"

#include "base/check.h"
#include "net/loop.h"

void latch_init(struct latch *latch, unsigned count) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&latch->mutex, NULL);
    pthread_cond_init(&latch->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    latch->count = count;
}

void latch_down(struct latch *latch) {
    pthread_mutex_lock(&latch->mutex);
    CHECK(latch->count > 0); /* nobody counts down twice */
    if (--latch->count == 0) pthread_cond_broadcast(&latch->changed);
    pthread_mutex_unlock(&latch->mutex);
}

void latch_wait(struct latch *latch) {
    pthread_mutex_lock(&latch->mutex);
    while (latch->count) pthread_cond_wait(&latch->changed, &latch->mutex);
    pthread_mutex_unlock(&latch->mutex);
}

bool latch_wait_for(struct latch *latch, uint64_t timeout_ns) {
    uint64_t deadline_ns = clock_read().mono_ns + timeout_ns;
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    pthread_mutex_lock(&latch->mutex);
    int waited = 0;
    while (latch->count && waited == 0) waited = pthread_cond_timedwait(&latch->changed, &latch->mutex, &until);
    bool down = latch->count == 0;
    pthread_mutex_unlock(&latch->mutex);
    return down;
}

void latch_free(struct latch *latch) {
    pthread_mutex_destroy(&latch->mutex);
    pthread_cond_destroy(&latch->changed);
}
