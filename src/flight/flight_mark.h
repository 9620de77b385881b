/* flight_mark.h - up to where a provider is asked to keep a translated prompt: what flight_mark.c offers the other
 * files of a flight. */
#ifndef WEIR_FLIGHT_FLIGHT_MARK_H
#define WEIR_FLIGHT_FLIGHT_MARK_H

#include "dialect/prompt_marks.h"
#include "flight/flight_parts.h"

/* How long this target would be asked to keep the prompt by marks of weir's own; 0: it would not. The prompt may turn
 * out to be too short for them. */
uint32_t mark_lifetime_s(const struct flight *flight, const struct target *target);
/* What the caller asks for of a cache, and could not be said there: bits of enum feature. */
uint64_t mark_lost(const struct flight *flight, const struct target *target);
/* The marks of what is written for this attempt, in `marks`, which the answer points to; NULL: its dialect has none, or
 * its caller speaks it. What is changed or left out for it is noted in `fit`. */
const struct prompt_marks *mark_prompt(const struct flight *flight, struct attempt *attempt,
                                       const struct message_request *fitted, struct prompt_marks *marks,
                                       struct fit *fit);

#endif
