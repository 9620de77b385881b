/* quirks.h - in what the vendors of one dialect differ from its inventor, and models of one vendor from each other:
 * rows of a table. */
#ifndef WEIR_DIALECT_QUIRKS_H
#define WEIR_DIALECT_QUIRKS_H

#include "dialect/codec.h"

/* Those of a provider's kind (its type, "mistral", or what its row in the catalogue names) and model. Never NULL;
 * static. The first row that fits counts. */
const struct codec_quirks *quirks_of(struct str type, struct str model);

#endif
