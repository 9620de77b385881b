/* owners.c - what stands in a budget's words, and how it is written down and put back. */
#include "snapshot/owners.h"

#include "base/clock.h"
#include "snapshot/snapshot.h"

static int64_t wall_s(int64_t wall_ns) { return wall_ns > 0 ? wall_ns / (int64_t)NS_PER_S : 0; }

struct window_span money_budget_window(const struct money_budget *budget, int64_t wall_ns) {
    struct window_span span = window_now(&budget->window, wall_s(wall_ns));
    if (span.start_s < 0) span.start_s = 0;
    return span;
}

struct spend_view money_budget_look(const struct money_budget *budget, int64_t wall_ns) {
    return spend_look(budget->spend, (uint64_t)money_budget_window(budget, wall_ns).start_s);
}

void money_rows(const struct snapshot *snapshot, int64_t wall_ns, void (*row)(void *user, const struct money_row *row),
                void *user) {
    for (size_t i = 0; i < snapshot->budget_count; i++) {
        const struct money_budget *budget = snapshot->budgets[i];
        struct spend_view view = money_budget_look(budget, wall_ns);
        if (view.spent)
            row(user, &(struct money_row){
                          .budget = budget->identity, .window_s = (int64_t)view.start_s, .nano_usd = view.spent});
    }
}

bool money_restore(const struct snapshot *snapshot, const struct money_row *row) {
    size_t low = 0, high = snapshot->budget_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snapshot->budgets[middle]->identity < row->budget)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == snapshot->budget_count || snapshot->budgets[low]->identity != row->budget) return false;
    if (row->value || row->window_s < 0) return false;
    spend_restore(snapshot->budgets[low]->spend, (uint64_t)row->window_s, row->nano_usd);
    return true;
}
