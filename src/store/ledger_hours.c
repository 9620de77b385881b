/* ledger_hours.c - see ledger_hours.h. The rows of models are few, however many clients there are. */
#include "store/ledger_hours.h"

#include "store/ledger_internal.h"

bool ledger_hours(struct ledger *ledger, int64_t since_hour,
                  void (*tell)(void *context, struct str provider, int64_t hour, int64_t nano_usd), void *context) {
    const int64_t numbers[] = {usage_of_models, since_hour};
    enum database_step step = database_failed;
    struct statement *row =
        statement_make(ledger_database(ledger),
                       "SELECT p.name, f.at, numbers_all(f.cost_nano_usd) FROM usage f JOIN names p ON p.id = "
                       "f.provider WHERE f.grain = ?1 AND f.at >= ?2 AND f.cost_nano_usd > 0 GROUP BY p.name, f.at "
                       "ORDER BY p.name, f.at");
    if (row) param_numbers(row, 1, numbers, 2);
    while (row && (step = statement_step(row)) == database_row)
        tell(context, row_text(row, 0), row_number(row, 1), row_number(row, 2));
    statement_end(row);
    return step == database_done;
}
