/* first_link.h - the link that a first start prints: whoever opens it within the hour is given the admin key, once.
 * What it holds is a hash: the code itself is on the terminal alone. On the control thread. */
#ifndef WEIR_CLI_FIRST_LINK_H
#define WEIR_CLI_FIRST_LINK_H

#include "base/hash.h"
#include "base/str.h"

enum { first_link_code_len = 32, first_link_lasts_s = 3600 };

struct first_link {
    struct sha256 hash;
    uint64_t until_ns; /* monotonic; 0: there is none, or it was used */
};

/* Draws a code, 32 hexadecimal digits and a NUL. */
void first_link_make(struct first_link *link, uint64_t now_ns, char code[first_link_code_len + 1]);
/* Is it the code, in time? Then it is no more. */
bool first_link_use(struct first_link *link, struct str code, uint64_t now_ns);

#endif
