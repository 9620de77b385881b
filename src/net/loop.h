/* loop.h - an event loop on one thread, its mailbox and its timers. The only place that reads the system's clocks. */
#ifndef WEIR_NET_LOOP_H
#define WEIR_NET_LOOP_H

#include "base/arena.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"

struct loop; /* opaque; all functions on the loop's own thread unless they say otherwise */

/* NULL when the system gives no more descriptors or memory. May be made on any thread; belongs to the one that runs it.
 */
struct loop *loop_new(void);
/* Runs until loop_stop; then closes what is left. Blocks SIGPIPE's effect by MSG_NOSIGNAL or a blocked mask, never by a
 * handler. */
void loop_run(struct loop *loop);
/* Starts a thread with all signals blocked that runs the loop; joined by loop_join. */
bool loop_start_thread(struct loop *loop, const char *name);
void loop_join(struct loop *loop);
/* From any thread; behind the letters that were posted before. */
void loop_stop(struct loop *loop);
/* After loop_run has returned. Everything on it must have been closed: CHECKed. */
void loop_free(struct loop *loop);

/* Read once a turn and passed by value. */
struct now loop_now(const struct loop *loop);
/* Reads the clocks again: for what takes its time within a turn, nothing else. */
struct now loop_now_fresh(struct loop *loop);
/* Nanoseconds since loop_now, by one clock that is read again: for measuring overhead at write time. */
uint64_t loop_elapsed_ns(const struct loop *loop);
/* For code that has no loop (the control thread, the command line). */
struct now clock_read(void);

/* Runs `run(context)` on the loop's thread, in order of posting. From any thread; false when the loop has stopped or
 * there is no memory. */
bool loop_post(struct loop *loop, void (*run)(void *context), void *context);
/* The same in two steps, for what must happen on several loops or on none: letters are made first, and sending one
 * fails only when its loop has stopped. NULL: no memory. A letter that is not sent is thrown away. */
struct letter;
struct letter *loop_letter_new(void);
void loop_letter_throw(struct letter *letter); /* NULL is fine */
bool loop_letter_post(struct loop *loop, struct letter *letter, void (*run)(void *context), void *context);
/* What the connections of this loop hold is counted there, where nobody says otherwise (streams_hold_within); NULL:
 * nowhere. */
struct budget *loop_budget(struct loop *loop);
/* Blocks that the heads of HTTP leave for the next ones on this loop: http1_hold_within. */
struct spares *loop_head_spares(struct loop *loop);
/* The loop that runs on this thread, or NULL. */
struct loop *loop_current(void);
/* Runs `run(context)` at the end of this turn, before the next wait; same thread only. `deferred` is the caller's and
 * must stay until it ran; adding one that waits already does nothing. */
struct loop_deferred {
    struct list node;
    void (*run)(void *context);
    void *context;
};
void loop_defer(struct loop *loop, struct loop_deferred *deferred);
void loop_defer_cancel(struct loop_deferred *deferred);

/* A timer lives inside its owner and is zeroed before its first use. */
struct timer {
    uint64_t deadline_ns;                /* monotonic */
    struct timer *child, *next, *before; /* in the loop's heap: timers.h */
    bool set;
    void (*run)(void *context);
    void *context;
};
/* Sets or moves. Fires once, at the deadline or up to 1 ms after it. */
void timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ns, void (*run)(void *context), void *context);
void timer_cancel(struct loop *loop, struct timer *timer); /* fine on one that is not set */

/* SIGTERM, SIGINT, SIGHUP, ... for programs, never for the library. NULL-ended list by sigaction semantics of libuv. */
bool loop_on_signal(struct loop *loop, int signal_number, void (*run)(void *context, int signal_number), void *context);

#endif
