/* spend.h - money against a limit: what a budget's window has committed, in one word that is decided on.
 *
 *   number     63..4 when the window began, s since 1970 (0: it has no beginning) | 3..0 its turn
 *   committed  63..60 the turn | 59..0 nano-dollars: what is reserved, and what was spent
 *   spent      63..60 the turn | 59..0 nano-dollars of what was settled; never decides a reservation
 *
 * Two windows are kept, the newest and the one before: whoever comes first in a new one takes the older's place by one
 * swap of its number, so that it begins once, at nothing. A word of another turn than its window's counts as nothing,
 * and what is settled late finds its own window or none at all: the money of one window is never moved into another. A
 * clock that was set back stays in the newest window.
 *
 * A reservation passes while committed + it is at most the limit, decided by one swap of one word: whatever many
 * threads do, what they were let through with is at most the limit. What an attempt took beyond what it reserved is
 * committed in full, past the limit too. Pure but for the words. Any thread. All zero: nothing was spent. */
#ifndef WEIR_CORE_SPEND_H
#define WEIR_CORE_SPEND_H

#include "core/cell.h"

struct spend_window {
    struct cell number, committed, spent;
};

struct spend {
    struct spend_window windows[2];
};

/* More than that no word tells, in nano-dollars: 1.15 billion dollars. */
#define spend_most ((int64_t)((UINT64_C(1) << 60) - 1))

struct spend_view {
    uint64_t start_s;         /* of the window that it is in: the one asked for, or a newer one */
    int64_t committed, spent; /* nano-dollars; what is reserved is the difference */
};

/* As it stands in the window that began at start_s. */
struct spend_view spend_look(const struct spend *spend, uint64_t start_s);
/* Would so much pass? What costs nothing passes while the limit is not reached. */
bool spend_would_reserve(const struct spend *spend, uint64_t start_s, int64_t nano_usd, int64_t limit);
/* true: it is committed in the window *window_s, where the caller owes one spend_settle of it. */
bool spend_reserve(struct spend *spend, uint64_t start_s, int64_t nano_usd, int64_t limit, uint64_t *window_s)
    __attribute__((warn_unused_result));
/* As much of it as is left, of which the caller owes one spend_settle; -1: nothing is left, and nothing is taken. */
int64_t spend_reserve_left(struct spend *spend, uint64_t start_s, int64_t most, int64_t limit, uint64_t *window_s)
    __attribute__((warn_unused_result));
/* So much more for what was reserved in that window, whatever window is now; it is settled with it. In a window that is
 * gone it counts nowhere, as its settling does. */
bool spend_reserve_more(struct spend *spend, uint64_t window_s, int64_t nano_usd, int64_t limit)
    __attribute__((warn_unused_result));
/* The window in which something that reserves nothing will be settled. */
uint64_t spend_enter(struct spend *spend, uint64_t start_s);
/* The truth is known: `reserved` (what was reserved there; 0: nothing) becomes `spent`. In a window that is gone it
 * changes nothing. */
void spend_settle(struct spend *spend, uint64_t window_s, int64_t reserved, int64_t spent);
/* Nothing came of it: it was never spent. */
static inline void spend_give_back(struct spend *spend, uint64_t window_s, int64_t reserved) {
    spend_settle(spend, window_s, reserved, 0);
}
/* So much of what was spent in that window counts no more: at most what spend_look says of it. What is reserved stays.
 * In a window that is gone it changes nothing. One thread at a time. */
void spend_forget(struct spend *spend, uint64_t window_s, int64_t spent);
/* As it was when it was written down; only before anybody uses it. What is older than what stands there changes
 * nothing. */
void spend_restore(struct spend *spend, uint64_t start_s, int64_t spent);

#endif
