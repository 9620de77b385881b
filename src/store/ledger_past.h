/* ledger_past.h - attempts as the ledger has them, one by one, for who prices or routes them anew. Read in pieces of
 * their own, so that a long reading never keeps SQLite's log from being taken into the file. Blocks. */
#ifndef WEIR_STORE_LEDGER_PAST_H
#define WEIR_STORE_LEDGER_PAST_H

#include "store/ledger.h"
#include "store/metered.h"

struct past_attempt {
    int64_t id, numbers[record_numbers];                 /* of a number, -1: not known */
    struct str texts[record_texts], words[record_words]; /* empty: none; they stand until the next one is told */
    struct metered metered;
    bool metered_known;        /* false: it is of a version that did not keep it */
    int64_t recosted_nano_usd; /* by a price that came later (ledger_recost.h); -1: as it did cost */
};

struct past_question {
    int64_t since_ms, until_ms; /* that began from then on, and before; until 0: up to now */
    bool whole;                 /* else its provider and model are all the texts that are told, and no words */
};

enum { past_piece = 5000 }; /* attempts at most that are told between two pauses */

/* Tells each attempt in the order in which they were sent, by worker; `pause` between pieces, when nothing of the
 * ledger is held: it may be written to. false: a failure, or one of them ended it. */
bool ledger_past(struct ledger *ledger, const struct past_question *question,
                 bool (*tell)(void *context, const struct past_attempt *attempt), bool (*pause)(void *context),
                 void *context);

#endif
