/* probes.c - the row of bad probes. Invariant: no good probe and no answered request stands behind its first one. */
#include "core/probes.h"

#include "base/check.h"

enum { demoting = 2, row_most = 65535 };

enum probe_verdict probe_verdict_of(int status, bool unreachable) {
    if (status == 0) return unreachable ? probe_bad : probe_says_nothing;
    if (status >= 500) return probe_bad;
    return status == 401 || status == 403 ? probe_says_nothing : probe_good;
}

static uint64_t row_after(uint64_t row, enum probe_verdict verdict) {
    CHECKF(row <= row_most, "row=%llu", (unsigned long long)row);
    switch (verdict) {
    case probe_good: return 0;
    case probe_bad: return row < row_most ? row + 1 : row;
    case probe_says_nothing: return row < demoting ? 0 : row;
    }
    CHECKF(false, "verdict=%d", (int)verdict);
    return row;
}

void probes_note(struct cell *cell, enum probe_verdict verdict) {
    uint64_t seen = cell_load(cell), next;
    do next = row_after(seen, verdict);
    while (next != seen && !cell_swap(cell, &seen, next));
}

void probes_answered(struct cell *cell) {
    if (cell_load(cell)) cell_store(cell, 0);
}

bool probes_demote(const struct cell *cell) { return cell_load(cell) >= demoting; }
unsigned probes_failed(const struct cell *cell) { return (unsigned)cell_load(cell); }
