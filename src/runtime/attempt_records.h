/* attempt_records.h - what a worker's journal is told of an attempt: before its first byte goes out, as its answer is
 * delivered, and when it is settled. A process that dies between any two of them leaves the attempt on the disk once:
 * settled, or lost. On the worker's own thread; each flight's attempts are told to one journal. */
#ifndef WEIR_RUNTIME_ATTEMPT_RECORDS_H
#define WEIR_RUNTIME_ATTEMPT_RECORDS_H

#include "flight/flight.h"
#include "store/journal.h"

/* It is about to be sent. Once; false: there is no place for it, and it is told when it is settled alone. */
bool attempt_record_sent(struct journal *journal, unsigned worker, struct flight *flight, unsigned attempt);
/* More of it may have reached the caller. */
void attempt_record_delivered(struct flight *flight, unsigned attempt);
/* It is settled, and nothing that its flight answers with that has left yet. false: there is no room, and it is
 * nowhere. */
bool attempt_record_settled(struct journal *journal, unsigned worker, struct flight *flight, unsigned attempt);

/* It is given an answer without a provider, or a part of one, and nothing of it has left yet. false: as above. */
bool given_record_add(struct journal *journal, unsigned worker, const struct flight *flight, struct now now);

#endif
