/* blame.h - failures, and how many of them count for everybody, in one word:
 *
 *   63..48 a tag of its owner's | 47..32 the hash of one client | 31..16 its surplus | 15..0 for all
 *
 * A caller who can make a provider fail (a poisoned prompt, an endless one) must not be able to take it from the
 * others. So a client's failures count for all only as far as others have failed too: two failures of different clients
 * cancel each other out and count, what is left is one client's surplus (Boyer and Moore's vote, 1981). Nobody counts
 * for more than all the others together and one more. Example, a = alice, b = bob:
 *
 *   a a a a a   surplus 5 of alice's, for all 0         a a a b b   surplus 1, for all 4 + 1
 *
 * What no caller can bring about (a refused connection) is nobody's and counts in full. suspicion.h asks another
 * question, of a key: only whether there were two, not how many. Pure. All zero: no failures. */
#ifndef WEIR_CORE_BLAME_H
#define WEIR_CORE_BLAME_H

#include "core/cell.h"

#define blame_nobody UINT64_MAX /* in a client's place */

/* The word after one more failure that this client (any hash; callers without a key are one) met. Keeps the tag; counts
 * stop at their top. */
uint64_t blame_noted(uint64_t word, uint64_t client);
/* Notes one more of the window that the tag names, in a word that many share: how many more count for all by it (those
 * that were one client's alone so far come with the first one of another's). */
unsigned blame_count(struct cell *cell, uint16_t tag, uint64_t client);
/* All failures, whoever's. */
unsigned blame_total(uint64_t word);
/* Those that count for all; 0 while they are one client's alone. */
unsigned blame_for_all(uint64_t word);
/* This client's surplus; 0: it has none. */
unsigned blame_surplus(uint64_t word, uint64_t client);
/* No failures, with this tag. */
uint64_t blame_tagged(uint16_t tag);
uint16_t blame_tag(uint64_t word);

#endif
