/* latch.h - one thread waits until others have counted down. Thread-safe; lives on the waiter's stack. */
#ifndef WEIR_RUNTIME_LATCH_H
#define WEIR_RUNTIME_LATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct latch {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned count;
};

void latch_init(struct latch *latch, unsigned count);
void latch_down(struct latch *latch);
void latch_wait(struct latch *latch);
/* false: the time passed first. */
bool latch_wait_for(struct latch *latch, uint64_t timeout_ns);
void latch_free(struct latch *latch);

#endif
