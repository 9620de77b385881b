/* ledger_alerts.h - alerts in the ledger's database, beside what they tell of. Through a connection of its own
 * (ledger_open_beside); one thread at a time for each. */
#ifndef WEIR_STORE_LEDGER_ALERTS_H
#define WEIR_STORE_LEDGER_ALERTS_H

#include "store/ledger.h"

enum { ledger_alerts_kept = 10000 };

struct ledger_alert {
    uint64_t id;
    struct str kind, subject, said;
    int64_t permille, window_s, raised_ms, ended_ms; /* ended 0: it lasts */
    int64_t value_micro, threshold_micro;
    int64_t owed; /* a bit for each post that nobody has taken or given up yet */
};

/* All of them, or none; in the place of those of the same ids. The oldest beyond ledger_alerts_kept go. false: a
 * failure (ledger_problem). */
bool ledger_alerts_keep(struct ledger *ledger, const struct ledger_alert *alerts, size_t count);
/* What of it is owed now. */
bool ledger_alert_owes(struct ledger *ledger, uint64_t id, int64_t owed);
/* Those that last, and the newest `most` of the others; by id. false: a failure. */
bool ledger_alerts(struct ledger *ledger, size_t most, void (*tell)(void *context, const struct ledger_alert *alert),
                   void *context);

#endif
