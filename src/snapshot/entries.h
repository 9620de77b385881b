/* entries.h - the entries of the configuration that may be changed at run time, as they are told: a list for each kind,
 * in the order of the configuration, those made at run time behind. In the snapshot's arena; decisions do not read it.
 */
#ifndef WEIR_SNAPSHOT_ENTRIES_H
#define WEIR_SNAPSHOT_ENTRIES_H

#include "base/str.h"

enum entry_kind { entry_route, entry_rule, entry_owner, entry_template, entry_budget, entry_kinds };

struct entry {
    struct str name, settings; /* a JSON object, all of it as it is in force; what a reference stood for is "..." */
    struct str changed;        /* its keys that were given at run time, "strategy, targets"; empty: none */
    struct str problem;        /* what was changed does not fit and is left out, and why; empty: it fits */
    bool of_file, removed;     /* removed at run time, whatever the file says */
};

struct entries {
    struct entry *list;
    size_t count;
};

#endif
