/* budget.h - bytes that are held for strangers outside of chunks, counted in the same process-wide budget. Thread-safe.
 * A NULL budget takes everything. */
#ifndef WEIR_BASE_BUDGET_H
#define WEIR_BASE_BUDGET_H

#include "base/chunks.h"

/* false: it is used up, and nothing was taken. */
static inline bool budget_take(struct chunks_budget *budget, size_t size) {
    if (!budget) return true;
    if (atomic_fetch_add_explicit(&budget->taken, size, memory_order_relaxed) + size <= budget->limit) return true;
    atomic_fetch_sub_explicit(&budget->taken, size, memory_order_relaxed);
    return false;
}

static inline void budget_give(struct chunks_budget *budget, size_t size) {
    if (budget) atomic_fetch_sub_explicit(&budget->taken, size, memory_order_relaxed);
}

#endif
