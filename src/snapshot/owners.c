/* owners.c - what stands in a budget's words, and how it is written down and put back. */
#include "snapshot/owners.h"

#include "base/clock.h"
#include "snapshot/snapshot.h"

static int64_t wall_s(int64_t wall_ns) { return wall_ns > 0 ? wall_ns / (int64_t)NS_PER_S : 0; }

struct window_span money_budget_window(const struct money_budget *budget, int64_t wall_ns) {
    struct window_span span = {(int64_t)money_budget_look(budget, wall_ns).start_s, INT64_MAX};
    if (!budget->rolling) span = window_now(&budget->window, wall_s(wall_ns));
    if (span.start_s < 0) span.start_s = 0;
    return span;
}

/* Both words of one setting: whoever sets them makes it end first, and begin last. */
struct money_extra_view money_extra_look(const struct money_budget *budget, enum money_extra_kind kind, int64_t now_s) {
    const struct money_extra *extra = budget->extras ? &budget->extras[kind] : NULL;
    uint64_t until = extra ? cell_load(&extra->until_s) : 0;
    for (uint64_t before = until + 1; until && before != until;) {
        before = until;
        int64_t nano_usd = (int64_t)cell_load(&extra->nano_usd);
        until = cell_load(&extra->until_s);
        if (before == until)
            return (int64_t)until > now_s ? (struct money_extra_view){nano_usd, (int64_t)until}
                                          : (struct money_extra_view){0, 0};
    }
    return (struct money_extra_view){0, 0};
}

void money_extra_set(const struct money_budget *budget, enum money_extra_kind kind, int64_t nano_usd, int64_t until_s) {
    struct money_extra *extra = &budget->extras[kind];
    cell_store(&extra->until_s, 0);
    cell_store(&extra->nano_usd, (uint64_t)(nano_usd > 0 ? nano_usd : 0));
    cell_store(&extra->until_s, (uint64_t)(until_s > 0 ? until_s : 0));
}

int64_t money_budget_limit(const struct money_budget *budget, int64_t wall_ns) {
    int64_t limit = budget->limit_nano_usd;
    for (unsigned kind = 0; kind < money_extra_kinds; kind++) {
        int64_t more = money_extra_look(budget, (enum money_extra_kind)kind, wall_s(wall_ns)).nano_usd;
        limit = more > spend_most - limit ? spend_most : limit + more;
    }
    return limit;
}

void money_budget_forget(const struct money_budget *budget, uint64_t window_s, int64_t spent) {
    if (budget->rolling)
        rolling_forget(budget->rolling, window_s, spent);
    else
        spend_forget(budget->spend, window_s, spent);
}

static uint64_t window_start(const struct money_budget *budget, int64_t wall_ns) {
    int64_t start_s = window_now(&budget->window, wall_s(wall_ns)).start_s;
    return start_s > 0 ? (uint64_t)start_s : 0;
}

struct spend_view money_budget_look(const struct money_budget *budget, int64_t wall_ns) {
    if (budget->rolling) return rolling_look(budget->rolling, budget->bucket_s, (uint64_t)wall_s(wall_ns));
    return spend_look(budget->spend, window_start(budget, wall_ns));
}

bool money_budget_reserve(const struct money_budget *budget, int64_t wall_ns, int64_t nano_usd, uint64_t *window_s) {
    int64_t limit = money_budget_limit(budget, wall_ns);
    if (budget->rolling)
        return rolling_reserve(budget->rolling, budget->bucket_s, (uint64_t)wall_s(wall_ns), nano_usd, limit, window_s);
    return spend_reserve(budget->spend, window_start(budget, wall_ns), nano_usd, limit, window_s);
}

uint64_t money_budget_enter(const struct money_budget *budget, int64_t wall_ns) {
    if (budget->rolling) return rolling_enter(budget->rolling, budget->bucket_s, (uint64_t)wall_s(wall_ns));
    return spend_enter(budget->spend, window_start(budget, wall_ns));
}

void money_budget_settle(const struct money_budget *budget, uint64_t window_s, int64_t reserved, int64_t spent) {
    if (budget->rolling)
        rolling_settle(budget->rolling, window_s, reserved, spent);
    else
        spend_settle(budget->spend, window_s, reserved, spent);
}

void money_budget_rows(const struct money_budget *budget, int64_t wall_ns,
                       void (*row)(void *user, const struct money_row *row), void *user) {
    struct spend_view view = money_budget_look(budget, wall_ns);
    for (unsigned place = 0; budget->rolling && place < rolling_buckets; place++) {
        struct money_row bucket = {.budget = budget->identity};
        uint64_t start_s;
        if (!rolling_bucket(budget->rolling, place, &start_s, &bucket.nano_usd) || start_s < view.start_s) continue;
        bucket.window_s = (int64_t)start_s;
        row(user, &bucket);
    }
    if (view.spent && !budget->rolling)
        row(user,
            &(struct money_row){.budget = budget->identity, .window_s = (int64_t)view.start_s, .nano_usd = view.spent});
}

void money_rows(const struct snapshot *snapshot, int64_t wall_ns, void (*row)(void *user, const struct money_row *row),
                void *user) {
    for (size_t i = 0; i < snapshot->budget_count; i++) money_budget_rows(snapshot->budgets[i], wall_ns, row, user);
}

static bool quota_restore(const struct snapshot *snapshot, const struct money_row *row) {
    for (size_t i = 0; i < snapshot->provider_count; i++)
        for (size_t k = 0; k < snapshot->providers[i].quota_count; k++) {
            const struct quota *quota = &snapshot->providers[i].quotas[k];
            if (quota->identity != row->budget || row->value || row->window_s < 0) continue;
            spend_restore(quota->spend, (uint64_t)row->window_s, row->nano_usd);
            return true;
        }
    return false;
}

void money_budget_restore(const struct money_budget *budget, const struct money_row *row) {
    if (row->window_s < 0) return;
    if (budget->rolling)
        rolling_restore(budget->rolling, budget->bucket_s, (uint64_t)row->window_s, row->nano_usd);
    else
        spend_restore(budget->spend, (uint64_t)row->window_s, row->nano_usd);
}

const struct money_budget *money_budget_find(const struct snapshot *snapshot, uint64_t identity) {
    size_t low = 0, high = snapshot->budget_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snapshot->budgets[middle]->identity < identity)
            low = middle + 1;
        else
            high = middle;
    }
    return low < snapshot->budget_count && snapshot->budgets[low]->identity == identity ? snapshot->budgets[low] : NULL;
}

bool money_restore(const struct snapshot *snapshot, const struct money_row *row) {
    const struct money_budget *budget = money_budget_find(snapshot, row->budget);
    if (!budget) return quota_restore(snapshot, row);
    if (row->value || row->window_s < 0) return false;
    money_budget_restore(budget, row);
    return true;
}
