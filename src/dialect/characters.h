/* characters.h - how many characters of text a request or a reply says, in any dialect, as its bytes come: the code
 * points of the strings that stand under a name for text ("content", "text", "input", ...), whole or as an event
 * stream. In streams that say each piece as a "delta" and all of it again at the end, the pieces count alone.
 *
 * It never fails: of what is no JSON it counts what looks like it. Pure; no allocation. */
#ifndef WEIR_DIALECT_CHARACTERS_H
#define WEIR_DIALECT_CHARACTERS_H

#include "base/str.h"

/* All zero: nothing was read. */
struct characters {
    uint64_t texts, deltas;
    uint64_t string; /* code points of the string that is read, or was read last */
    char name[24];   /* its first bytes: it may be a name */
    uint8_t name_len;
    uint8_t escape; /* 0: none; 1: behind a backslash; 2 to 5: digits of \u that are missing, + 1 */
    uint16_t digits;
    bool inside, ended; /* in a string; behind one, of which is not known yet what it is */
    bool high;          /* the last character was the first half of a pair */
    enum { characters_of_none, characters_of_text, characters_of_delta } under;
};

void characters_feed(struct characters *characters, struct str bytes);
/* Of all that was read. */
int64_t characters_count(const struct characters *characters);

#endif
