/* ledger_search.h - the ledger's attempts one by one, the newest first, those that somebody searches for.
 *
 * No index by time is written for it: attempts stand by their numbers, which are those of each worker of each process
 * in their order (ledger.c). So it goes from the newest process back to the oldest, and reads the workers of one side
 * by side, from each the newest first. Blocks; one thread at a time for each ledger. */
#ifndef WEIR_STORE_LEDGER_SEARCH_H
#define WEIR_STORE_LEDGER_SEARCH_H

#include "base/limits.h"
#include "store/ledger.h"

enum {
    search_rows_usual = 100,
    search_rows_max = 1000,
    search_looked_max = 100000, /* attempts that one question looks at: the next one goes on behind them */
    search_place_bytes = limit_loops * 17
};

/* What names are searched for. */
#define SEARCH_NAMES(X) X(client) X(provider) X(model) X(route) X(asked) X(session) X(outcome)
enum search_name {
#define X(name) search_##name,
    SEARCH_NAMES(X)
#undef X
        search_names
};
struct str search_name_of(enum search_name name);

/* Where a question goes on: what stands before these numbers, a worker each, of one process; then those before it. */
struct search_place {
    int64_t before[limit_loops];
    size_t count; /* 0: at the newest */
};
/* As a word of a URL, and back. false: it is none that search_place_put wrote. */
void search_place_put(const struct search_place *place, struct text *text);
bool search_place_read(struct str word, struct search_place *place);

struct search_question {
    int64_t since_ms, until_ms;        /* began in between; until 0: up to now */
    char names[search_names][520];     /* empty: any */
    char id[80];                       /* of a request, weir's own or its caller's; empty: any */
    int64_t status_least, status_most; /* of the provider's; 0 and INT64_MAX: any */
    int64_t cost_nano_usd;             /* at least; 0: any, and what has no cost */
    bool failed;                       /* failures alone */
    bool csv;
    size_t rows_most; /* up to search_rows_max */
    struct search_place from;
};

/* {"rows":[{...}],"looked":N,"next":"..."}, without `next` where nothing is left; or a table of commas with a head.
 * false: a failure (ledger_problem). */
bool ledger_search(struct ledger *ledger, const struct search_question *question, struct text *text);

#endif
