/* ledger_values.h - what the values of split budgets spent, in the ledger's database: a row of each value's window,
 * which is changed in the transaction of its attempts (ledger.c). A value stands there as a hash by a secret of this
 * database: who cannot read it can make no two words that are one. */
#ifndef WEIR_STORE_LEDGER_VALUES_H
#define WEIR_STORE_LEDGER_VALUES_H

#include "store/ledger.h"

struct ledger_value {
    struct record_charge of;
    struct hash_tag value;
    int64_t nano_usd;
};
/* The secret: what stands there, else this one from now on. false: a failure (ledger_problem), as of the others. */
bool ledger_value_secret(struct ledger *ledger, struct hash_secret *secret);
/* Of each window of each value, the older windows first. */
bool ledger_values(struct ledger *ledger, void (*tell)(void *context, const struct ledger_value *value), void *context);
/* So much less counts of each, of all or of none. What the journal still holds of them is added later. */
bool ledger_values_take_off(struct ledger *ledger, const struct ledger_value *values, size_t count);
/* Windows that began before that go; those of a lifetime stay. */
bool ledger_values_forget(struct ledger *ledger, int64_t before_s);

#endif
