/* media.h - of what kind bytes are, by how they begin: what servers say of files is often wrong, and a provider refuses
 * an image under another's name. Pure. */
#ifndef WEIR_DIALECT_MEDIA_H
#define WEIR_DIALECT_MEDIA_H

#include "base/str.h"

/* "image/png"; where the beginning tells nothing, what was said, without its parameters. Empty: neither tells. Static
 * or part of `said`. */
struct str media_type(struct str bytes, struct str said);

#endif
