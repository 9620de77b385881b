/* ledger_sessions.c - see ledger_sessions.h. */
#include "store/ledger_sessions.h"

#include "store/ledger_internal.h"

bool ledger_sessions_forget(struct ledger *ledger, const struct ledger_sessions *sessions, int64_t before_s) {
    const int64_t numbers[] = {sessions->mark, sessions->mark + before_s, sessions->seconds};
    struct statement *forget = statement_make(
        ledger_database(ledger),
        "DELETE FROM budgets WHERE window_s >= ?1 AND window_s < ?2 AND window_s + coalesce((SELECT used.nano_usd FROM "
        "budgets AS used WHERE used.budget = (budgets.budget | ?3) AND used.window_s = budgets.window_s), 0) < ?2");
    if (forget) param_numbers(forget, 1, numbers, sizeof numbers / sizeof *numbers);
    return statement_run_once(forget);
}
