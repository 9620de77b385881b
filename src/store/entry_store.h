/* entry_store.h - what was changed at run time of the configuration's entries (routes, rules, owners, templates,
 * budgets), in the ledger's database: a row for each entry, by kind and name. What the words mean is the
 * configuration's matter. Blocks; one thread at a time. */
#ifndef WEIR_STORE_ENTRY_STORE_H
#define WEIR_STORE_ENTRY_STORE_H

#include "base/arena.h"

struct stored_entry {
    struct str kind, name, how, settings; /* settings: JSON */
    int64_t changed_s;                    /* since 1970 */
};

struct entry_store;
/* Of a ledger beside its owner. One of an earlier form has no entries. NULL: *problem. */
struct entry_store *entry_store_open(const char *path, char *problem, size_t size);
void entry_store_close(struct entry_store *store);
/* On the last thing that failed. */
const char *entry_store_problem(struct entry_store *store);

/* Each row, the one that was changed last at the end, until `tell` says false. false: a failure, or that. */
bool entry_store_each(struct entry_store *store, bool (*tell)(void *context, const struct stored_entry *entry),
                      void *context);
/* In place of the row of that kind and name; behind all others. On the disk when it returns. */
bool entry_store_put(struct entry_store *store, const struct stored_entry *entry) __attribute__((warn_unused_result));
bool entry_store_remove(struct entry_store *store, struct str kind, struct str name)
    __attribute__((warn_unused_result));

#endif
