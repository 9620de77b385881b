/* ledger_search_row.h - an attempt as a search compares it, by numbers, and as it is told, by names. */
#ifndef WEIR_STORE_LEDGER_SEARCH_ROW_H
#define WEIR_STORE_LEDGER_SEARCH_ROW_H

#include "store/ledger_internal.h"
#include "store/ledger_search.h"

enum search_row_number {
    search_row_time_ms,
    search_row_status,
    search_row_flags,
    search_row_cost_nano_usd, /* -1: none is known */
    search_row_numbers
};
struct search_row {
    int64_t id, numbers[search_row_numbers], names[search_names];
};

/* Up to ?3 attempts with a number before ?1 and not before ?2, the last first; numbers of attempts of the request ?1.
 */
extern const char search_rows_sql[], search_by_id_sql[];
void search_row_read(struct statement *row, struct search_row *read);

/* What stands before all rows. */
void search_head_put(bool csv, struct text *text);
/* The attempt of that number; one that has gone meanwhile is not told. false: a failure. */
bool search_row_tell(struct ledger *ledger, int64_t id, bool csv, struct text *text);

#endif
