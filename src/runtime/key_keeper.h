/* key_keeper.h - the thread that looks after the vault's credentials while weir runs: writes down their uses, ends what
 * was valid only for a while after a rotation, and warns of old ones once a day. There is none before the vault is in
 * use. */
#ifndef WEIR_RUNTIME_KEY_KEEPER_H
#define WEIR_RUNTIME_KEY_KEEPER_H

#include <pthread.h>
#include <stdbool.h>

struct weir;

struct key_keeper {
    struct weir *weir;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool made, running, ends, woken;
};

void key_keeper_make(struct key_keeper *keeper, struct weir *weir);
/* Under the weir's `control`: there is a vault, or it has changed. Begins the thread; without one (no memory) old
 * secrets end, and uses are written, with the next change. */
void key_keeper_wake(struct key_keeper *keeper);
/* Waits for it. Not under `control`. */
void key_keeper_end(struct key_keeper *keeper);
/* Uses, onto the disk: under `control`, or when nothing runs any more. */
void key_keeper_write(struct weir *weir);

#endif
