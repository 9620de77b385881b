/* alerts_health.c - the history of health goes into the ledger, at each look what is new, and leaves it by age. On the
 * alerts' loop, through their connection. Invariant: what is in the ledger is never written again, and what is not
 * stays pending. */
#include "base/memory.h"
#include "runtime/alerts_internal.h"

enum { health_batch = 128, forget_piece_rows = 1000, forget_every_s = 600 };

/* A ledger without any history takes what the file had of an earlier process; one that has some had it from there. */
static bool health_begin(struct alerts *alerts) {
    bool empty;
    if (alerts->health_begun) return true;
    if (!ledger_health_is_empty(alerts->ledger, &empty)) return false;
    if (!empty) health_log_restored_is_kept(&alerts->weir->health);
    return alerts->health_begun = true;
}

static bool health_batch_keep(struct alerts *alerts, struct health_record *copies, struct ledger_health *rows,
                              size_t *count) {
    *count = health_log_pending(&alerts->weir->health, copies, rows, health_batch);
    if (*count == 0) return true;
    if (!ledger_health_keep(alerts->ledger, rows, *count)) return false;
    health_log_kept(&alerts->weir->health, (uint64_t)rows[*count - 1].id);
    return true;
}

/* A piece at a time: who writes attempts waits for none. What is left is looked for at the next look. */
static bool health_forget(struct alerts *alerts, int64_t keep_days, struct now now) {
    const int64_t day_ms = 86400000;
    int64_t gone = 0, before_ms = keep_days ? now.wall_ns / (int64_t)NS_PER_MS - keep_days * day_ms : INT64_MIN;
    if (now.mono_ns < alerts->health_forget_ns) return true;
    if (!ledger_health_forget(alerts->ledger, before_ms, forget_piece_rows, &gone)) return false;
    if (gone < forget_piece_rows) alerts->health_forget_ns = now.mono_ns + forget_every_s * NS_PER_S;
    return true;
}

void alerts_health_keep(struct alerts *alerts, int64_t keep_days, struct now now) {
    struct health_record *copies = memory_take(health_batch * sizeof *copies);
    struct ledger_health *rows = memory_take(health_batch * sizeof *rows);
    size_t count = health_batch;
    bool good = copies && rows && alerts_ledger_ready(alerts, now);
    const bool opened = good;
    good = good && health_begin(alerts);
    while (good && count == health_batch) good = health_batch_keep(alerts, copies, rows, &count);
    good = good && health_forget(alerts, keep_days, now);
    if (opened && !good) alerts_troubled(alerts, ledger_problem(alerts->ledger), now);
    memory_give(copies);
    memory_give(rows);
}
