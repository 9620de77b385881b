/* redact.h - what must never be read in a log or an explain record: what looks like a credential, an e-mail address or
 * a card's number, in words that others wrote. Pure. */
#ifndef WEIR_BASE_REDACT_H
#define WEIR_BASE_REDACT_H

#include "base/text.h"

/* Does a header of this name carry a credential, or may it? */
bool redact_header_name(struct str name);
/* Copies, with "***" in place of what looks like a credential: words that begin like a vendor's key, what follows
 * Bearer or Basic, the value of a query parameter or JSON member whose name is one of a credential's; of e-mail
 * addresses; of the numbers of payment cards (13 to 19 digits whose check digit is right); and of telephones (+49 30
 * 901820, (555) 123-4567, 555-123-4567: with their country's number in front, or as North America writes them). */
void redact_put(struct text *text, struct str said);

/* The same, found one after the other. All zero to begin with; `at` is where it goes on. In time that no text makes
 * grow faster than its length. */
enum redact_kind { redact_email, redact_phone, redact_card, redact_key, redact_kinds };
struct redact_finder {
    size_t at;
    size_t from, to;
    enum redact_kind kind;
    size_t no_address; /* up to here no address begins */
};
/* The next one is [from, to). false: there is none. */
bool redact_next(struct redact_finder *finder, struct str said);

/* What an operator does not want to read beside that (pattern.h). NULL: nothing. */
struct pattern;
enum { redact_looked_most = 16 * 1024 }; /* of one text; the rest is hidden */
/* The same, and first of all what `own` finds. */
void redact_put_by(const struct pattern *own, struct text *text, struct str said);
/* `own` alone; text without it is left as it is. */
void redact_own(const struct pattern *own, struct text *text, struct str said);

#endif
