/* company.h - is a client alone, or were others served lately? In one word, the two clients that were served last:
 *
 *   63..48 one's hash | 47..32 when | 31..16 another's hash | 15..0 when
 *
 * When: 0 never, else bit 15 and the moment in steps of 4 s, modulo 2^15 (36 hours). Pure but for the word. Any thread.
 */
#ifndef WEIR_CORE_COMPANY_H
#define WEIR_CORE_COMPANY_H

#include "core/cell.h"

/* This client (any hash; callers without a key are one) was served. Writes only where the word says something else. */
void company_note(struct cell *cell, uint64_t client, uint64_t now_ns);
/* Was another one served within the window, which is exact to 4 s? */
bool company_has_other(const struct cell *cell, uint64_t client, uint64_t window_ns, uint64_t now_ns);

#endif
