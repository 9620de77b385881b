/* limited.h - until when a limit is reached, for one client or for all, in one word:
 *
 *   63..48 the hash of the client that alone has met it; 0: it holds for all | 47..0 until, in whole us of the clock
 *
 * A provider's 429 may be about what one caller asked for ("request too large"), and not about how much was asked: it
 * holds that caller alone until a second one meets it while it stands, and then all, for the shorter of the two times.
 * How long one client is held never says how long the others are. Pure but for the word. Any thread. All zero: no limit
 * was met. */
#ifndef WEIR_CORE_LIMITED_H
#define WEIR_CORE_LIMITED_H

#include "core/blame.h"

/* Reached until then, says what this client (any hash; blame_nobody: all) met. Never makes it earlier for who is held
 * by the same: what is all's replaces one client's. */
void limited_note(struct cell *cell, uint64_t client, uint64_t until_ns, uint64_t now_ns);
/* Until when this client is held; blame_nobody: until when all are. 0: not at all. It may be over. */
uint64_t limited_until_ns(const struct cell *cell, uint64_t client);

#endif
