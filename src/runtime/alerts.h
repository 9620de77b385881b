/* alerts.h - what somebody should know of (observe/alert.h): looked for twice a second, by a thread of its own with a
 * loop of its own, which may wait for the disk and for the webhook's receiver. No request waits for it, and it reads
 * words only. What it finds goes to the log, the ledger's database, the metrics and the webhook; what lasted at a
 * restart still does. */
#ifndef WEIR_RUNTIME_ALERTS_H
#define WEIR_RUNTIME_ALERTS_H

#include "base/text.h"

struct alerts;
struct weir;

/* Of a weir whose state folder is its own, with its books and its deployment. NULL: no memory, descriptors or thread.
 */
struct alerts *alerts_open(struct weir *weir);
/* NULL is fine. What was not posted yet is, after the next start. */
void alerts_close(struct alerts *alerts);

/* -- any thread; NULL alerts have none -- */

/* {"alerts":[...],"dropped":0,"webhook":{...}}, the newest first; only those that last, where so asked. */
void alerts_write(struct alerts *alerts, bool active_only, struct text *text);
/* A client's name goes from the alerts of its budgets, as the ledger's rows have it. */
void alerts_erase(struct alerts *alerts, struct str client, const char *tombstone);
/* A credential is older than it should be: to be said again at least each minute, while it is. */
void alerts_credential_old(struct alerts *alerts, struct str credential, int64_t age_days, int64_t most_days);

#endif
