/* gate.h - how many at once, and how many wait: one word.
 *
 *   63..32 waiting, less the places on their way (signed) | 31..0 in use
 *
 * Whoever wants in passes only when a place is free and nobody waits. A place that is left while someone waits is
 * handed over: it stays in use, one fewer waits, and the one who left must wake a waiter (who holds the place from then
 * on). Who waits where is not the word's business. Any thread. */
#ifndef WEIR_CORE_GATE_H
#define WEIR_CORE_GATE_H

#include "core/cell.h"

/* max 0: no limit, but still counted. */
bool gate_would_enter(const struct cell *cell, uint32_t max);
bool gate_enter(struct cell *cell, uint32_t max) __attribute__((warn_unused_result));
/* Begins to wait; false: as many wait as may. Only after gate_enter said no; a place that came free in between is taken
 * at once: *entered. */
bool gate_wait(struct cell *cell, uint32_t max, uint32_t waiting_max, bool *entered)
    __attribute__((warn_unused_result));
/* Leaves. true: the place was handed over, and one waiter must be woken. With max lowered below what is in use, places
 * go until it fits. */
bool gate_leave(struct cell *cell, uint32_t max) __attribute__((warn_unused_result));
/* A waiter gives up. A place may be on its way to it: then waiting is below zero until whoever waits next gets it, or
 * nobody does. */
void gate_stop_waiting(struct cell *cell);
/* A place arrived where nobody waits any more. true: it is handed on, to somebody who waits elsewhere. */
bool gate_unwanted(struct cell *cell) __attribute__((warn_unused_result));
uint32_t gate_in_use(const struct cell *cell);
int32_t gate_waiting(const struct cell *cell);

#endif
