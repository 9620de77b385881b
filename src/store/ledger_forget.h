/* ledger_forget.h - what is older than it is kept goes: attempts, what is summed of sessions, and the words that nobody
 * says any more; all other sums stay. In small pieces, each in a transaction of its own, so that who writes attempts in
 * between waits for none of them, however much there is. */
#ifndef WEIR_STORE_LEDGER_FORGET_H
#define WEIR_STORE_LEDGER_FORGET_H

#include "store/ledger.h"

enum ledger_forgets { forgets_nothing, forgets_attempts, forgets_sessions, forgets_words };
struct ledger_forgetting {
    enum ledger_forgets what; /* forgets_nothing: it is over, or has not begun */
    int64_t before_ms, from;
    int64_t attempts; /* that are gone */
};
enum { forget_piece = 1000 }; /* rows at most, but for an hour's sessions */

/* Whatever began before that. */
void ledger_forget_begin(struct ledger_forgetting *forgetting, int64_t before_ms);
/* The next piece of it; not within a transaction. false: a failure (ledger_problem); it may be tried again. */
bool ledger_forget_some(struct ledger *ledger, struct ledger_forgetting *forgetting);

#endif
