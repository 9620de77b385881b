/* ledger_budgets.h - what operators have changed of budgets, in the ledger's database beside what was spent. Through a
 * connection of its own (ledger_open_beside), on a thread that may block. */
#ifndef WEIR_STORE_LEDGER_BUDGETS_H
#define WEIR_STORE_LEDGER_BUDGETS_H

#include "store/ledger.h"

/* What is added to its sum until then; one of each kind for a budget. */
struct ledger_extra {
    uint64_t budget;
    unsigned kind;
    int64_t nano_usd, until_s; /* INT64_MAX: for good; 0: no more, and the row goes */
};
bool ledger_extra_keep(struct ledger *ledger, const struct ledger_extra *extra);
/* false: a failure (ledger_problem), as of the others. */
bool ledger_extras(struct ledger *ledger, void (*tell)(void *context, const struct ledger_extra *extra), void *context);
/* So much less counts in these windows, of all or of none. What the journal still holds of them is added later. */
bool ledger_budget_forget(struct ledger *ledger, const struct record_charge *windows, const int64_t *nano_usd,
                          size_t count);

#endif
