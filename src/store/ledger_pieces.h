/* ledger_pieces.h - what is changed of a whole ledger, in pieces: each is a transaction of its own with at most so many
 * rows, and what is looked at before is read in statements of at most so many. So nobody who writes attempts waits for
 * more than a piece, however many there are. What was cut off goes on where it is begun again. Blocks. */
#ifndef WEIR_STORE_LEDGER_PIECES_H
#define WEIR_STORE_LEDGER_PIECES_H

#include "store/ledger_internal.h"

enum {
    piece_rows = 1000,   /* that one transaction changes */
    piece_looks = 20000, /* attempts that one statement looks at; of sums it is an hour's */
};

/* Whose rows: in which column its number stands, and the number in its place. */
struct ledger_moving {
    const char *column; /* "client" or "owner" */
    int64_t from, to;
};

/* Attempts that began up to until_ms; `more` is set beside it (" , request_id = ''"). *count: so many more. All of
 * these: false is a failure, after which it may be begun again. */
bool pieces_attempts(struct database *database, const struct ledger_moving *moving, int64_t until_ms, const char *more,
                     int64_t *count);
/* Sums, and by what they were priced anew. *hours: so many more rows of hours. */
bool pieces_sums(struct database *database, const struct ledger_moving *moving, int64_t *hours);
/* What this client alone has said becomes a tombstone each. While its sums are its own. */
bool pieces_words(struct database *database, int64_t client);
/* The name of this number goes, unless something has it: a provider of that name, or what was done since. */
bool pieces_name(struct database *database, int64_t name);

/* The last of the next piece_looks attempts behind `from`; 0: there is none. */
bool pieces_window(struct database *database, int64_t from, int64_t *end);
/* The next hour or day behind *at of which there are sums; *found. */
bool pieces_next_at(struct database *database, enum usage_grain grain, int64_t *at, bool *found);

#endif
