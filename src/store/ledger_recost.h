/* ledger_recost.h - attempts that were priced anew: what they would have cost stands beside what they did cost, never
 * in its place, with the price that says so; and what that changes in each sum. Budgets are not touched. */
#ifndef WEIR_STORE_LEDGER_RECOST_H
#define WEIR_STORE_LEDGER_RECOST_H

#include "store/ledger.h"

struct recosted {
    int64_t attempt, nano_usd; /* its id in the ledger; its cost by the price */
    struct str price;          /* which: the day of its catalogue, a hash of it; borrowed */
};
enum { recosted_rows_max = 1000, recosted_price_most = 64 };

/* Keeps them, all or none, in one transaction. One whose cost is as it was loses what was kept of another; one that is
 * not there (any more) is passed over. *changed: those that now have another cost than before this call. At most
 * recosted_rows_max. false: a failure. */
bool ledger_recost(struct ledger *ledger, const struct recosted *rows, size_t count, size_t *changed);

#endif
