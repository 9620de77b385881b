/* value_secret.h - the ledger's secret by which the values of split budgets are told apart, a copy in the state folder:
 * STATE_DIR/value.secret. So a process whose ledger is away when it starts tells them apart as the ledger does, and
 * what it knows of them counts when it comes. Who has the copy can do no more than who has the ledger. */
#ifndef WEIR_RUNTIME_VALUE_SECRET_H
#define WEIR_RUNTIME_VALUE_SECRET_H

#include "base/hash.h"

/* As it was kept the last time; where it was not, *secret stays. Blocks. */
void value_secret_read(const char *state_dir, struct hash_secret *secret);
/* This one from now on, where another is kept, or none. false: it could not be written. Blocks. */
bool value_secret_keep(const char *state_dir, const struct hash_secret *secret);

#endif
