/* base64.h - RFC 4648: section 4, with padding; section 5, for URLs, without. Pure. */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include "base/text.h"

void base64_put(struct text *text, struct str bytes);
/* Padding may be missing. {NULL,0}: it is no base64, or there is no memory. */
struct str base64_read(struct str text, struct arena *arena);
/* As RFC 7515 has it: `-` and `_`, no padding, the spare bits of the last digit zero, so that bytes have one text
 * alone. {NULL,0}: it is none, or there is no memory. Empty text is no bytes. */
struct str base64url_read(struct str text, struct arena *arena);

#endif
