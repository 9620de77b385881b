/* suspicion.h - is a credential bad, or has only one caller, or one model, met its refusal? In one word:
 *
 *   63..48 the first client's hash | 47..32 the first model's | 31 other clients too | 30 other models too | 29..0
 * since, in seconds of the monotonic clock, from 1 on; all zero: nothing was refused
 *
 * A provider's 403 or 402 may be about the key, or about what one caller asked for. It is believed to be the key's when
 * several clients and several models have met it within a window and no request was answered in between; or when a
 * probe, in which no caller has a word, is refused too. Pure but for the word. Any thread. */
#ifndef WEIR_CORE_SUSPICION_H
#define WEIR_CORE_SUSPICION_H

#include "core/cell.h"

/* One more refusal, met by this client for this model (any hashes; callers that are not known are one). true: by now
 * the key is to blame, and the word is cleared, so that one of many threads is told. */
bool suspicion_note(struct cell *cell, uint64_t client, uint64_t model, uint64_t window_ns, uint64_t now_ns)
    __attribute__((warn_unused_result));
/* One more refusal, met for this model, whoever asked. true: by now others were met too, and the word is cleared. */
bool suspicion_note_model(struct cell *cell, uint64_t model, uint64_t window_ns, uint64_t now_ns)
    __attribute__((warn_unused_result));
/* Was a request refused within the window, and none answered since? */
bool suspicion_stands(const struct cell *cell, uint64_t window_ns, uint64_t now_ns);
/* A request was answered. Writes only where something is to be cleared. */
void suspicion_clear(struct cell *cell);

#endif
