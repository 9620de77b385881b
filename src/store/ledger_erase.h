/* ledger_erase.h - one client's records out of the ledger: given to whom they are about, or taken from the name.
 *
 * Purged, amounts and times stay: attempts and sums are a tombstone's from then on, "(erased 5f2a...)". What the
 * journal still holds of the time before, or a process that was killed left in one, comes to the tombstone too, as the
 * ledger keeps a salted hash of the name with that time. Whoever writes to it at the same moment finds that names have
 * changed. Blocks. */
#ifndef WEIR_STORE_LEDGER_ERASE_H
#define WEIR_STORE_LEDGER_ERASE_H

#include "base/hash.h"
#include "store/ledger_internal.h"

enum { erased_name_max = 32, erased_path_max = 1024 };

/* What has been purged so far, for who writes. */
struct ledger_erasures {
    struct ledger_erasure {
        unsigned char salt[16];
        struct sha256 hash;
        int64_t until_ms;
        char tombstone[erased_name_max];
    } * list;
    size_t count;
    int64_t until_ms; /* the latest */
};
/* In place of what it held. false: a failure. */
bool erasures_read(struct database *database, struct ledger_erasures *erasures);
/* The tombstone of a client's attempt that began at that time; empty: it was not purged. */
struct str erasures_name(const struct ledger_erasures *erasures, struct str client, int64_t time_ms);
/* A path of owners, with tombstones for those that were purged. Of the path itself, or in the buffer. */
struct str erasures_path(const struct ledger_erasures *erasures, struct str path, int64_t time_ms,
                         char buffer[erased_path_max]);
void erasures_free(struct ledger_erasures *erasures);

struct erased_told {
    int64_t attempts, sums; /* rows */
    int64_t audit_names;    /* of an owner */
    char tombstone[erased_name_max];
};
/* Whatever began up to `until_ms`, and all sums of its hours. May be called again after a failure: *problem. */
bool ledger_erase(struct ledger *ledger, struct str client, int64_t until_ms, struct erased_told *told, char *problem,
                  size_t size);

/* Every client that the ledger has records of which were the owner's, or those of one in it; `alone`: all of them were.
 * false: a failure, or `tell` ended it. */
bool ledger_owner_clients(struct ledger *ledger, struct str owner,
                          bool (*tell)(void *context, struct str client, bool alone), void *context);
/* The owner's own name, wherever the ledger, its alerts and the audit have it: also in what comes late. Its clients are
 * purged for themselves. The same. */
bool ledger_erase_owner(struct ledger *ledger, struct str owner, int64_t until_ms, struct erased_told *told,
                        char *problem, size_t size);

/* Each attempt and each hour's sums of the client as JSON, a line each. false: a failure, or `put` ended it. */
bool ledger_export(struct ledger *ledger, struct str client, bool (*put)(void *context, struct str line),
                   void *context);

#endif
