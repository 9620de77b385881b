/* metered.h - what a price depends on beside an attempt's plain tokens, in few bytes: what a record and the ledger keep
 * of it, so that it can be priced anew later. Nothing said takes no byte. Pure. */
#ifndef WEIR_STORE_METERED_H
#define WEIR_STORE_METERED_H

#include <stdbool.h>

#include "base/meter.h"

/* Of an attempt's tokens: those of other models than the one that was asked, and what they cost then. */
struct metered_others {
    int64_t input, output, cached_input, cache_write, cache_write_1h, nano_usd;
};

struct metered {
    struct meter meter;
    struct metered_others others; /* all 0: there were none */
};

enum { metered_bytes_max = 224 };
/* In the buffer; nothing that is said: empty, not {NULL,0}. Counts below 1 are left out. */
struct str metered_put(const struct meter *meter, const struct metered_others *others, char bytes[metered_bytes_max]);
/* What metered_put wrote. What a later version adds is passed over; false: it is no such bytes. */
bool metered_read(struct str bytes, struct metered *metered);

#endif
