/* ledger_history.h - what was spent before a budget was there, for one that counts it: which have been given theirs,
 * and the sums that it is made of. Through a connection of its own (ledger_open_beside), on a thread that may block. */
#ifndef WEIR_STORE_LEDGER_HISTORY_H
#define WEIR_STORE_LEDGER_HISTORY_H

#include "store/ledger.h"

/* What one way has cost in one window, or bucket. Borrowed until the call returns. */
struct ledger_past {
    struct str client, owner, provider, model, route, asked; /* as of a record */
    int64_t window_s;                                        /* its start */
    int64_t nano_usd;
};
/* From since_s on: of one window by the sums of hours, which outlive attempts, and by attempts in the hour that it
 * begins in; with a bucket_s by attempts, each bucket apart. false: a failure (ledger_problem), as of the others. */
bool ledger_history(struct ledger *ledger, int64_t since_s, uint64_t bucket_s,
                    void (*tell)(void *context, const struct ledger_past *past), void *context);
/* Has it counted anything, or been given its history? */
bool ledger_budget_is_known(struct ledger *ledger, uint64_t budget, bool *known);
/* These windows (of any budgets) have spent so much more, and these budgets have been given their history: all of it or
 * nothing. */
bool ledger_history_give(struct ledger *ledger, const struct record_charge *windows, const int64_t *nano_usd,
                         size_t count, const uint64_t *budgets, size_t budget_count);

#endif
