/* prefix.h - what a request's body says of its provider's prompt cache, and by what its beginning is known again: in
 * every dialect, read where it lies, without building it.
 *
 * The beginning is what stays as a conversation grows: tools, system prompt, and the turns up to the first one of a
 * user. It is known by the strings in it, so that a mark for the cache that moves on to a later turn, or a text that is
 * said as a list of one, makes no other beginning. Pure. */
#ifndef WEIR_DIALECT_PREFIX_H
#define WEIR_DIALECT_PREFIX_H

#include <stdbool.h>

#include "base/str.h"

enum { prefix_lifetime_most_s = 24 * 3600 };

struct prompt_prefix {
    uint64_t hash;       /* of its beginning; 0: it has none */
    uint32_t lifetime_s; /* the longest that it asks its provider to keep it; 0: it says none */
    bool marked;         /* it says up to where it is to be kept */
};

/* "5m", "1h", "24h", "300s"; 0: it is none of these. */
uint32_t prompt_lifetime_s(struct str text);
/* Of what is no JSON object, or breaks off, what could be read. */
struct prompt_prefix prompt_prefix_read(struct str body);

#endif
