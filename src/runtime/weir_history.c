/* weir_history.c - budgets that say `start: history` begin, once, with what the ledger knows of their window. Before
 * anything is asked under the configuration that they come with; under `control`, or before any thread runs. Blocks. */
#include "base/memory.h"
#include "runtime/run_clients.h"
#include "store/ledger_history.h"

struct history {
    const struct snapshot *snapshot;
    int64_t wall_ns;
    const struct money_budget **fresh; /* that are given theirs */
    size_t fresh_count;
    int64_t since_s; /* of those with this window, the pass of now */
    uint64_t bucket_s;
    struct record_charge *windows;
    int64_t *nano_usd;
    size_t count, room;
    bool lacks; /* memory */
};

static int64_t history_since(const struct history *history, const struct money_budget *budget) {
    return money_budget_window(budget, history->wall_ns).start_s;
}

static void history_add(struct history *history, const struct money_budget *budget, int64_t window_s,
                        int64_t nano_usd) {
    for (size_t i = 0; i < history->count; i++)
        if (history->windows[i].budget == budget->identity && history->windows[i].window_s == window_s) {
            bool fits = nano_usd <= spend_most - history->nano_usd[i];
            history->nano_usd[i] = fits ? history->nano_usd[i] + nano_usd : spend_most;
            return;
        }
    if (history->count == history->room) {
        size_t room = history->room ? history->room * 2 : 64, bytes;
        struct record_charge *windows =
            size_mul(room, sizeof *windows, &bytes) ? memory_resize(history->windows, bytes) : NULL;
        if (windows) history->windows = windows;
        int64_t *sums = windows ? memory_resize(history->nano_usd, room * sizeof *sums) : NULL;
        if (sums) history->nano_usd = sums;
        history->lacks = history->lacks || !sums;
        if (!sums) return;
        history->room = room;
    }
    history->windows[history->count] = (struct record_charge){budget->identity, window_s};
    history->nano_usd[history->count++] = nano_usd;
}

static bool history_counts(const struct money_budget *budget, const struct ledger_past *past) {
    char name[2 * limit_name + 2];
    struct text text = text_in_buffer(name, sizeof name);
    text_printf(&text, "%.*s/%.*s", STR_ARG(past->provider), STR_ARG(past->model));
    if (budget->route_count && !str_glob_any(budget->routes, budget->route_count, past->route)) return false;
    return !budget->model_count || str_glob_any(budget->models, budget->model_count, past->asked) ||
           str_glob_any(budget->models, budget->model_count, past->model) ||
           (!text.failed && str_glob_any(budget->models, budget->model_count, text_str(&text)));
}

static void history_list(struct history *history, const struct money_budgets *money, const struct ledger_past *past) {
    for (size_t i = 0; i < money->count; i++) {
        const struct money_budget *budget = money->list[i];
        bool is_fresh = false;
        for (size_t k = 0; k < history->fresh_count && budget->from_history; k++)
            is_fresh = is_fresh || history->fresh[k] == budget;
        if (is_fresh && budget->bucket_s == history->bucket_s && history_since(history, budget) == history->since_s &&
            history_counts(budget, past))
            history_add(history, budget, past->window_s, past->nano_usd);
    }
}

/* By today's configuration: on whose way it would be now. Of a client that is not there any more, of those who owned it
 * then. */
static void history_note(void *context, const struct ledger_past *past) {
    struct history *history = context;
    const struct snapshot *snapshot = history->snapshot;
    const struct provider *provider = map_find(&snapshot->providers_by_name, past->provider);
    const struct client *client = past->client.len ? map_find(&snapshot->clients_by_name, past->client) : NULL;
    struct str rest = client ? STR("") : past->owner, name;
    if (provider && provider->unbilled) return;
    if (provider) history_list(history, &provider->money, past);
    if (client) history_list(history, &client->money, past);
    while (rest.len && str_split_next(&rest, '|', &name)) {
        const struct owner *owner = map_find(&snapshot->owners_by_name, name);
        if (owner) history_list(history, &owner->money, past);
    }
}

/* Each window is read once, however many budgets have it. */
static bool history_read(struct history *history, struct ledger *ledger) {
    for (size_t i = 0; i < history->fresh_count; i++) {
        bool seen = false;
        history->since_s = history_since(history, history->fresh[i]);
        history->bucket_s = history->fresh[i]->bucket_s;
        for (size_t k = 0; k < i && !seen; k++)
            seen = history->fresh[k]->bucket_s == history->bucket_s &&
                   history_since(history, history->fresh[k]) == history->since_s;
        if (!seen && !ledger_history(ledger, history->since_s, history->bucket_s, history_note, history)) return false;
    }
    return !history->lacks;
}

static bool history_give(struct history *history, struct ledger *ledger) {
    uint64_t *fresh = memory_take(history->fresh_count * sizeof *fresh);
    for (size_t i = 0; fresh && i < history->fresh_count; i++) fresh[i] = history->fresh[i]->identity;
    bool good = fresh && ledger_history_give(ledger, history->windows, history->nano_usd, history->count, fresh,
                                             history->fresh_count);
    memory_give(fresh);
    for (size_t i = 0; i < history->count && good; i++) {
        const struct money_row row = {.budget = history->windows[i].budget,
                                      .window_s = history->windows[i].window_s,
                                      .nano_usd = history->nano_usd[i]};
        const struct money_budget *budget = money_budget_find(history->snapshot, row.budget);
        if (budget && budget->rolling)
            money_budget_restore(budget, &row, history->wall_ns);
        else if (budget && money_budget_enter(budget, history->wall_ns) == (uint64_t)row.window_s)
            money_budget_settle(budget, (uint64_t)row.window_s, 0, row.nano_usd);
    }
    return good;
}

static bool history_find(struct history *history, struct ledger *ledger) {
    const struct snapshot *snapshot = history->snapshot;
    for (size_t i = 0; i < snapshot->budget_count; i++) {
        bool known = true;
        if (!snapshot->budgets[i]->from_history) continue;
        if (!ledger_budget_is_known(ledger, snapshot->budgets[i]->identity, &known)) return false;
        if (!known) history->fresh[history->fresh_count++] = snapshot->budgets[i];
    }
    return true;
}

bool library_history_begin(struct weir *weir, const struct snapshot *snapshot, struct error *error) {
    struct history history = {.snapshot = snapshot, .wall_ns = clock_read().wall_ns};
    char problem[256] = "";
    size_t wanted = 0;
    if (!weir->books) return true;
    for (size_t i = 0; i < snapshot->budget_count; i++) wanted += snapshot->budgets[i]->from_history;
    if (!wanted) return true;
    books_flush(weir->books);
    struct ledger *ledger = ledger_open_beside(weir->ledger_place, problem, sizeof problem);
    history.fresh = memory_take(wanted * sizeof *history.fresh);
    bool good = ledger && history.fresh && history_find(&history, ledger) &&
                (!history.fresh_count || (history_read(&history, ledger) && history_give(&history, ledger)));
    if (!good)
        error_set(error, error_storage_failed, "What was spent before cannot be counted (`start: history`): %.200s",
                  ledger ? ledger_problem(ledger) : problem);
    if (!good && !weir->config.process.ledger_refuses) { /* it is served whatever the ledger does */
        log_error(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "budget_history_unread",
                  f_text("why", error->message));
        good = true;
    }
    ledger_close(ledger);
    memory_give(history.fresh);
    memory_give(history.windows);
    memory_give(history.nano_usd);
    return good;
}
