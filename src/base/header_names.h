/* header_names.h - what weir knows of a header by its name, as one table: who sees to it, and whom it reaches. Who
 * decides about a header asks for its uses once and looks at the bits; a name that is not in the table has none. */
#ifndef WEIR_BASE_HEADER_NAMES_H
#define WEIR_BASE_HEADER_NAMES_H

#include "base/str.h"

enum header_use {
    header_of_hop = 1 << 0,    /* of one connection or of a message's framing (RFC 9110, 7.6.1): weir writes its own */
    header_of_caller = 1 << 1, /* raw requests: what is between caller and weir, or makes another request of it */
    header_of_provider = 1 << 2, /* raw replies: what is between weir and provider */
    header_fixed =
        1 << 3, /* credentials, cookies and what weir sends of its own accord: no `forward_headers` names it */
    header_returns = 1 << 4,      /* goes back to the caller, of every provider */
    header_of_openai = 1 << 5,    /* goes up to providers of that dialect */
    header_of_anthropic = 1 << 6, /* the same */
    header_harmless = 1 << 7,     /* its value is no secret */
    header_steers = 1 << 8,       /* the flight keeps its value */
    header_asks = 1 << 9,         /* weir's own, of a request: docs/http.md lists them */
    header_tells = 1 << 10,       /* weir's own, of an answer: the same */
};

/* The uses of a name, in any case. Fast: for each header of each request and reply. */
unsigned header_uses(struct str name);
/* May it hold a credential, by what it is called? Any word of it counts: gateways before providers read others than the
 * dialect's own. For what is sent; what is shown has base/redact.h. */
bool header_may_be_credential(struct str name);
/* Does it say whose account it is? A provider tells in its replies, and a caller could choose another one that the key
 * opens. */
bool header_is_account(struct str name);

/* The table's rows, from place 0, for tests and pages: false behind the last. `whole`: else it is how names begin. */
bool header_names_row(size_t place, struct str *name, unsigned *uses, bool *whole);

#endif
