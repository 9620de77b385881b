/* owners.c - what stands in a budget's words, and how it is written down and put back. */
#include "snapshot/owners.h"

#include "base/clock.h"
#include "snapshot/snapshot.h"

static int64_t wall_s(int64_t wall_ns) { return wall_ns > 0 ? wall_ns / (int64_t)NS_PER_S : 0; }

struct window_span money_budget_window(const struct money_budget *budget, int64_t wall_ns) {
    struct window_span span = {wall_s(wall_ns) - (int64_t)budget->bucket_s * rolling_parts, INT64_MAX};
    if (budget->rolling) span.start_s = (int64_t)money_budget_look(budget, wall_ns).start_s;
    if (!budget->bucket_s) span = window_now(&budget->window, wall_s(wall_ns));
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

int64_t money_purse_limit(const struct money_purse *purse, int64_t wall_ns) {
    const struct money_budget *budget = purse->budget;
    int64_t limit = purse->limit_nano_usd;
    for (unsigned kind = 0; kind < money_extra_kinds; kind++) {
        int64_t more = money_extra_look(budget, (enum money_extra_kind)kind, wall_s(wall_ns)).nano_usd;
        limit = more > spend_most - limit ? spend_most : limit + more;
    }
    return limit;
}

static uint64_t window_start(const struct money_budget *budget, int64_t wall_ns) {
    int64_t start_s = window_now(&budget->window, wall_s(wall_ns)).start_s;
    return start_s > 0 ? (uint64_t)start_s : 0;
}

/* -- what is reserved of and spent -- */

struct money_purse money_purse_of(const struct money_budget *budget) {
    return (struct money_purse){budget, budget->spend, budget->rolling, budget->limit_nano_usd};
}

struct money_purse money_purse_of_value(const struct money_budget *budget, struct money_value *value,
                                        int64_t limit_nano_usd) {
    return (struct money_purse){.budget = budget,
                                .spend = budget->bucket_s ? NULL : value_spend(value),
                                .rolling = budget->bucket_s ? value_rolling(value) : NULL,
                                .limit_nano_usd = limit_nano_usd};
}

void money_purse_forget(const struct money_purse *purse, uint64_t window_s, int64_t spent) {
    if (purse->rolling)
        rolling_forget(purse->rolling, window_s, spent);
    else
        spend_forget(purse->spend, window_s, spent);
}

struct spend_view money_purse_look(const struct money_purse *purse, int64_t wall_ns) {
    if (purse->rolling) return rolling_look(purse->rolling, purse->budget->bucket_s, (uint64_t)wall_s(wall_ns));
    return spend_look(purse->spend, window_start(purse->budget, wall_ns));
}

bool money_purse_reserve(const struct money_purse *purse, int64_t wall_ns, int64_t nano_usd, uint64_t *window_s) {
    int64_t limit = money_purse_limit(purse, wall_ns);
    if (purse->rolling)
        return rolling_reserve(purse->rolling, purse->budget->bucket_s, (uint64_t)wall_s(wall_ns), nano_usd, limit,
                               window_s);
    return spend_reserve(purse->spend, window_start(purse->budget, wall_ns), nano_usd, limit, window_s);
}

bool money_purse_reserve_more(const struct money_purse *purse, int64_t wall_ns, uint64_t window_s, int64_t nano_usd) {
    int64_t limit = money_purse_limit(purse, wall_ns);
    if (!purse->rolling) return spend_reserve_more(purse->spend, window_s, nano_usd, limit);
    return rolling_reserve_more(purse->rolling, purse->budget->bucket_s, (uint64_t)wall_s(wall_ns), window_s, nano_usd,
                                limit);
}

uint64_t money_purse_enter(const struct money_purse *purse, int64_t wall_ns) {
    if (purse->rolling) return rolling_enter(purse->rolling, purse->budget->bucket_s, (uint64_t)wall_s(wall_ns));
    return spend_enter(purse->spend, window_start(purse->budget, wall_ns));
}

void money_purse_settle(const struct money_purse *purse, uint64_t window_s, int64_t reserved, int64_t spent) {
    if (purse->rolling)
        rolling_settle(purse->rolling, window_s, reserved, spent);
    else
        spend_settle(purse->spend, window_s, reserved, spent);
}

/* -- a budget as a whole -- */

int64_t money_budget_limit(const struct money_budget *budget, int64_t wall_ns) {
    struct money_purse purse = money_purse_of(budget);
    return money_purse_limit(&purse, wall_ns);
}

uint64_t money_budget_enter(const struct money_budget *budget, int64_t wall_ns) {
    struct money_purse purse = money_purse_of(budget);
    return money_purse_enter(&purse, wall_ns);
}

void money_budget_settle(const struct money_budget *budget, uint64_t window_s, int64_t reserved, int64_t spent) {
    struct money_purse purse = money_purse_of(budget);
    money_purse_settle(&purse, window_s, reserved, spent);
}

struct hash_secret *value_secret_find(struct cells *cells, struct arena *arena) {
    return cells_find(cells, arena, "value secret", STR(""), sizeof(struct hash_secret));
}

struct values_window money_values_window(const struct money_budget *budget, int64_t wall_ns) {
    return (struct values_window){.most = budget->value_most,
                                  .of = budget->bucket_s ? values_of_rolling : values_of_spend,
                                  .start_s = budget->bucket_s ? 0 : window_start(budget, wall_ns),
                                  .bucket_s = budget->bucket_s,
                                  .now_s = (uint64_t)wall_s(wall_ns)};
}

struct money_value *money_value_hold(const struct money_budget *budget, const struct hash_tag *tag, struct str said,
                                     int64_t wall_ns, bool adds) {
    struct values_window window = money_values_window(budget, wall_ns);
    return values_hold(budget->values, tag, said, &window, adds);
}

int64_t money_limit_of(const struct money_budget *budget, struct str value) {
    const struct money_limit *limit = budget->limits.count ? map_find(&budget->limits, value) : NULL;
    return limit ? limit->nano_usd : budget->limit_nano_usd;
}

/* What is looked at of each of its values. */
struct values_looking {
    const struct money_budget *budget;
    int64_t wall_ns;
    struct spend_view sum;
    void (*row)(void *user, const struct money_row *row);
    void *user;
};

static void value_look(void *context, struct money_value *value) {
    struct values_looking *looking = context;
    struct money_purse purse = money_purse_of_value(looking->budget, value, 0);
    struct spend_view view = money_purse_look(&purse, looking->wall_ns);
    if (!purse.rolling && view.start_s > looking->sum.start_s) /* a clock was set back: of the newest window */
        looking->sum = (struct spend_view){.start_s = view.start_s};
    if (!purse.rolling && view.start_s < looking->sum.start_s) return;
    looking->sum.committed += view.committed;
    looking->sum.spent += view.spent;
}

struct spend_view money_budget_look(const struct money_budget *budget, int64_t wall_ns) {
    struct money_purse purse = money_purse_of(budget);
    struct values_looking looking = {.budget = budget, .wall_ns = wall_ns};
    if (!budget->values) return money_purse_look(&purse, wall_ns);
    looking.sum.start_s =
        budget->bucket_s ? (uint64_t)wall_s(wall_ns) - budget->bucket_s * rolling_parts : window_start(budget, wall_ns);
    values_each(budget->values, budget->bucket_s ? values_of_rolling : values_of_spend, value_look, &looking);
    return looking.sum;
}

/* By the share of its sum. */
static void near_add(struct values_near *near, const struct value_near *one) {
    size_t at = near->count;
    while (at && (__int128)near->list[at - 1].view.committed * one->limit <
                     (__int128)one->view.committed * near->list[at - 1].limit)
        at--;
    if (at == values_near_most) return;
    if (near->count < values_near_most) near->count++;
    for (size_t i = near->count - 1; i > at; i--) near->list[i] = near->list[i - 1];
    near->list[at] = *one;
}

struct values_nearing {
    const struct money_budget *budget;
    int64_t wall_ns;
    uint32_t permille;
    struct values_near *near;
};

static void value_near_look(void *context, struct money_value *value) {
    const struct values_nearing *of = context;
    struct value_near one = {.said = ""};
    struct text said = TEXT_IN_STRING(one.said);
    text_put(&said, str_from(value->said));
    if (!value->said[0]) text_printf(&said, "#%016llx", (unsigned long long)value->tag.words[0]);
    bool is_word = !tag_is(&value->tag, &value_other) && !tag_is(&value->tag, &value_none);
    int64_t limit =
        is_word && value->said[0] == '(' ? of->budget->limit_nano_usd : money_limit_of(of->budget, text_str(&said));
    struct money_purse purse = money_purse_of_value(of->budget, value, limit);
    one.view = money_purse_look(&purse, of->wall_ns);
    one.limit = money_purse_limit(&purse, of->wall_ns);
    of->near->spent_count += one.view.spent > 0;
    if (one.view.committed > 0 && (__int128)one.view.committed * 1000 >= (__int128)one.limit * of->permille)
        near_add(of->near, &one);
}

void money_values_near(const struct money_budget *budget, int64_t wall_ns, uint32_t permille,
                       struct values_near *near) {
    struct values_nearing of = {budget, wall_ns, permille, near};
    *near = (struct values_near){.count = 0};
    values_each(budget->values, budget->bucket_s ? values_of_rolling : values_of_spend, value_near_look, &of);
}

static void purse_rows(const struct money_purse *purse, const struct hash_tag *value, int64_t wall_ns,
                       void (*row)(void *user, const struct money_row *row), void *user) {
    struct spend_view view = money_purse_look(purse, wall_ns);
    for (unsigned place = 0; purse->rolling && place < rolling_buckets; place++) {
        struct money_row bucket = {.budget = purse->budget->identity, .value = *value};
        uint64_t start_s;
        if (!rolling_bucket(purse->rolling, place, &start_s, &bucket.nano_usd) || start_s < view.start_s) continue;
        bucket.window_s = (int64_t)start_s;
        row(user, &bucket);
    }
    if (view.spent && !purse->rolling)
        row(user, &(struct money_row){.budget = purse->budget->identity,
                                      .value = *value,
                                      .window_s = (int64_t)view.start_s,
                                      .nano_usd = view.spent});
}

static void value_rows(void *context, struct money_value *value) {
    struct values_looking *looking = context;
    struct money_purse purse = money_purse_of_value(looking->budget, value, 0);
    purse_rows(&purse, &value->tag, looking->wall_ns, looking->row, looking->user);
}

void money_budget_rows(const struct money_budget *budget, int64_t wall_ns,
                       void (*row)(void *user, const struct money_row *row), void *user) {
    struct values_looking looking = {.budget = budget, .wall_ns = wall_ns, .row = row, .user = user};
    struct money_purse purse = money_purse_of(budget);
    if (budget->values)
        values_each(budget->values, budget->bucket_s ? values_of_rolling : values_of_spend, value_rows, &looking);
    else
        purse_rows(&purse, &(struct hash_tag){{0, 0}}, wall_ns, row, user);
}

void money_rows(const struct snapshot *snapshot, int64_t wall_ns, void (*row)(void *user, const struct money_row *row),
                void *user) {
    for (size_t i = 0; i < snapshot->budget_count; i++) money_budget_rows(snapshot->budgets[i], wall_ns, row, user);
}

/* Before anybody uses it, or on top of what was counted since. */
static void words_restore(struct spend *spend, const struct money_row *row, bool late) {
    const uint64_t window_s = (uint64_t)row->window_s;
    if (!late)
        spend_restore(spend, window_s, row->nano_usd);
    else if (spend_enter(spend, window_s) == window_s)
        spend_settle(spend, window_s, 0, row->nano_usd);
}

static bool quota_restore(const struct snapshot *snapshot, const struct money_row *row, bool late) {
    for (size_t i = 0; i < snapshot->provider_count; i++)
        for (size_t k = 0; k < snapshot->providers[i].quota_count; k++) {
            const struct quota *quota = &snapshot->providers[i].quotas[k];
            if (quota->identity != row->budget || tag_is_some(&row->value) || row->window_s < 0) continue;
            words_restore(quota->spend, row, late);
            return true;
        }
    return false;
}

static void purse_restore(const struct money_purse *purse, const struct money_row *row, bool late) {
    if (purse->rolling)
        (late ? rolling_restore_late : rolling_restore)(purse->rolling, purse->budget->bucket_s,
                                                        (uint64_t)row->window_s, row->nano_usd);
    else
        words_restore(purse->spend, row, late);
}

/* Of a window that is over nobody needs a place. */
static void value_restore(const struct money_budget *budget, const struct money_row *row, int64_t wall_ns, bool late) {
    struct values_window window = money_values_window(budget, wall_ns);
    int64_t since_s =
        budget->bucket_s ? wall_s(wall_ns) - (int64_t)budget->bucket_s * (rolling_parts + 1) : (int64_t)window.start_s;
    if (row->window_s < since_s) return;
    window.most = UINT32_MAX; /* they had their places */
    struct money_value *value = values_hold(budget->values, &row->value, STR(""), &window, true);
    struct money_purse purse = money_purse_of_value(budget, value, 0);
    if (tag_is(&value->tag, &row->value)) purse_restore(&purse, row, late);
    values_release(budget->values, value);
}

static void budget_row_restore(const struct money_budget *budget, const struct money_row *row, int64_t wall_ns,
                               bool late) {
    bool split = tag_is_some(&row->value);
    if (row->window_s < 0 || split != (budget->values != NULL)) return;
    struct money_purse purse = money_purse_of(budget);
    if (split)
        value_restore(budget, row, wall_ns, late);
    else
        purse_restore(&purse, row, late);
}

void money_budget_restore(const struct money_budget *budget, const struct money_row *row, int64_t wall_ns) {
    budget_row_restore(budget, row, wall_ns, false);
}

void money_budget_restore_late(const struct money_budget *budget, const struct money_row *row, int64_t wall_ns) {
    budget_row_restore(budget, row, wall_ns, true);
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

static bool row_restore(const struct snapshot *snapshot, const struct money_row *row, int64_t wall_ns, bool late) {
    const struct money_budget *budget = money_budget_find(snapshot, row->budget);
    if (!budget) return quota_restore(snapshot, row, late);
    if (tag_is_some(&row->value) != (budget->values != NULL) || row->window_s < 0) return false;
    budget_row_restore(budget, row, wall_ns, late);
    return true;
}

bool money_restore(const struct snapshot *snapshot, const struct money_row *row, int64_t wall_ns) {
    return row_restore(snapshot, row, wall_ns, false);
}

bool money_restore_late(const struct snapshot *snapshot, const struct money_row *row, int64_t wall_ns) {
    return row_restore(snapshot, row, wall_ns, true);
}
