/* ledger_hours.h - what each provider has cost in each hour, as summed. Through a connection of its own
 * (ledger_open_beside). */
#ifndef WEIR_STORE_LEDGER_HOURS_H
#define WEIR_STORE_LEDGER_HOURS_H

#include "store/ledger.h"

/* Of the hours (since 1970) from this one on, by provider; those in which nothing was spent are left out. false: a
 * failure (ledger_problem). */
bool ledger_hours(struct ledger *ledger, int64_t since_hour,
                  void (*tell)(void *context, struct str provider, int64_t hour, int64_t nano_usd), void *context);

#endif
