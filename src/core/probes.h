/* probes.h - what a provider's active health checks say of it, in one word: how many in a row have failed in a way that
 * no request may mend.
 *
 * Two in a row demote the provider's targets: they are asked after all others. A probe that is answered, or a request
 * that is, lifts that: a vendor's model list may fail while its models answer. Only what shows that the provider cannot
 * be reached or fails by itself counts; a refused credential says nothing here (suspicion.h). Pure but for the word.
 * Any thread. All zero: nothing stands against it. */
#ifndef WEIR_CORE_PROBES_H
#define WEIR_CORE_PROBES_H

#include "core/cell.h"

enum probe_verdict {
    probe_good,
    probe_bad,          /* no name, no connection, no TLS, no answer in time, a status of 5xx */
    probe_says_nothing, /* a refused credential, a reply that broke off */
};

/* By the reply's status, or 0 and whether it could not be reached (nor answered in time). */
enum probe_verdict probe_verdict_of(int status, bool unreachable);
/* One more probe. One that says nothing ends a row that is not long enough yet, and lifts nothing. */
void probes_note(struct cell *cell, enum probe_verdict verdict);
/* A request was answered. Writes only where something stands. */
void probes_answered(struct cell *cell);
bool probes_demote(const struct cell *cell);
/* Bad ones in a row, up to 65535. */
unsigned probes_failed(const struct cell *cell);

#endif
