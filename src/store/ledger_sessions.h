/* ledger_sessions.h - what capped sessions have used stands among the rows of budgets, in windows that begin behind a
 * mark: here it goes, once no cap can ask for it any more. */
#ifndef WEIR_STORE_LEDGER_SESSIONS_H
#define WEIR_STORE_LEDGER_SESSIONS_H

#include "store/ledger.h"

/* Longer than any session is remembered without being used. */
enum { ledger_sessions_keep_s = 8 * 24 * 3600 };
struct ledger_sessions {
    int64_t mark;    /* a session's window begins so much later than the session */
    int64_t seconds; /* bits of the row that says how long after that it was used last */
};
/* The rows of sessions that were used last before that. false: a failure (ledger_problem). */
bool ledger_sessions_forget(struct ledger *ledger, const struct ledger_sessions *sessions, int64_t before_s);

#endif
