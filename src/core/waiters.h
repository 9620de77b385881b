/* waiters.h - how many of a line's places each client has, for all loops: so that none takes those that are left.
 *
 * A client may wait with no more requests than places are free: one alone fills half of a line, two a third each, and
 * who comes last always finds some left (dynamic thresholds, Choudhury and Hahne 1998). Counted by hash, in two rows of
 * words; a client's count is the lesser of its two (a count-min sketch, Cormode and Muthukrishnan 2005), so that it is
 * never too small, and too large only where both are another's too. Any thread. */
#ifndef WEIR_CORE_WAITERS_H
#define WEIR_CORE_WAITERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { waiters_rows = 2, waiters_columns = 64 };

/* All zero: nobody waits. */
struct waiters {
    _Atomic uint32_t counts[waiters_rows][waiters_columns];
};

/* One more of this client's (any hash), where `free` places are left. false: it has its share; nothing was counted. */
bool waiters_join(struct waiters *waiters, uint64_t client, uint32_t free) __attribute__((warn_unused_result));
/* One that joined waits no more. */
void waiters_leave(struct waiters *waiters, uint64_t client);

#endif
