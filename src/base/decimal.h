/* decimal.h - money as it is written to money as it is counted: never through floating point. Pure. */
#ifndef WEIR_BASE_DECIMAL_H
#define WEIR_BASE_DECIMAL_H

#include "base/str.h"

/* A decimal such as 2.50 or 1e-5 times 10^digits, as a whole number. `up`: what is left
 * of it counts as one more, else from a half on. false: it is no decimal, is below 0, or does not fit. */
bool decimal_to_i64(struct str text, unsigned digits, bool up, int64_t *value);

#endif
