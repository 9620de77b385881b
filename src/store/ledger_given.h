/* ledger_given.h - what was given without a provider, by the place of the journal that counts it: so many as it was
 * told of last. A place is told again and again, all that it has counted; what is more than before is added to the
 * sums, in the same transaction, so that each counts once, whatever ends in between. For who writes. */
#ifndef WEIR_STORE_LEDGER_GIVEN_H
#define WEIR_STORE_LEDGER_GIVEN_H

#include "store/ledger_internal.h"

struct ledger_given;

/* NULL: no memory, or the database's problem. */
struct ledger_given *ledger_given_open(struct database *database);
void ledger_given_close(struct ledger_given *given);
/* Inside the transaction. more: what has not been counted yet, of which there is `any`. false: a failure. */
bool ledger_given_note(struct ledger_given *given, int64_t id, int64_t time_ms, const int64_t counts[record_givens],
                       int64_t more[record_givens], bool *any);
/* What this process counted before `until_ms` will not be told again, and any process's before `before_ms` (0: none) is
 * forgotten with its attempts. false: a failure. */
bool ledger_given_forget(struct ledger *ledger, uint64_t instance, int64_t until_ms, int64_t before_ms);

#endif
