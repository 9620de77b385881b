/* ledger_sums.h - what the attempts of a transaction add to the sums of their hours, days, sessions and models,
 * gathered in memory and added at its end. For who writes. */
#ifndef WEIR_STORE_LEDGER_SUMS_H
#define WEIR_STORE_LEDGER_SUMS_H

#include "store/ledger_internal.h"

struct ledger_sums;

/* NULL: no memory, or the database's problem. */
struct ledger_sums *ledger_sums_open(struct database *database);
void ledger_sums_close(struct ledger_sums *sums);
bool ledger_sums_are_empty(const struct ledger_sums *sums);
/* Of an attempt; `names` as they stand in its row. false: there was no place, and making one failed. */
bool ledger_sums_note(struct ledger_sums *sums, const int64_t numbers[record_numbers],
                      const int64_t names[usage_names]);
/* The same of what was given without a provider in the hour of that time. */
bool ledger_sums_give(struct ledger_sums *sums, int64_t time_ms, const int64_t given[record_givens],
                      const int64_t names[usage_names]);
/* Of a database without rows of usage_of_any_session: makes them of those of each session, inside a transaction. */
bool ledger_sums_fill(struct database *database);
/* Into the database, inside the transaction. */
bool ledger_sums_write(struct ledger_sums *sums);
void ledger_sums_clear(struct ledger_sums *sums);

#endif
