/* flight_prefix.h - where a prompt's beginning lies, and what that means for the choice: what flight_prefix.c offers
 * the other files of a flight. */
#ifndef WEIR_FLIGHT_FLIGHT_PREFIX_H
#define WEIR_FLIGHT_FLIGHT_PREFIX_H

#include "flight/flight_parts.h"

struct level_member;

/* Once its levels are made. false: no memory. */
bool prefix_admit(struct flight *flight, struct now now) MUST_USE;
/* Does this level choose by it? */
bool prefix_sticks(const struct flight *flight, const struct level *level);
/* In the place of pick(), of a level that does: of those that are open, with their facts, which are changed. */
size_t prefix_pick(struct flight *flight, const struct level *level, const struct level_member *open,
                   struct pick_candidate *facts, struct pick_input *input, double *scores);
/* What this request would cost there, by estimate, where its prompt has at least so many tokens and of these so many
 * are read from its provider's cache, and so many written; -1: not known. */
int64_t prefix_cost_at(const struct flight *flight, const struct candidate *candidate, int64_t tokens, int64_t cached,
                       int64_t written);
/* The first attempt is sent: others that begin alike, and come meanwhile, go there too. */
void prefix_begun(struct flight *flight, const struct attempt *attempt, struct now now);
/* An attempt's facts are final. */
void prefix_settle(struct flight *flight, struct attempt *attempt, struct now now);
/* "session", ... */
struct str prefix_by_name(enum prefix_by by);

#endif
