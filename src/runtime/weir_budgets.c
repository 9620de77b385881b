/* weir_budgets.c - what an operator changes of a budget at run time: it is raised for a while, gets a credit in its
 * window, or begins at nothing again. On the disk first, and then in the words that every loop decides by: at once, and
 * with what is in flight as it was. Under `control`; blocks. */
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "runtime/run_clients.h"
#include "store/ledger_budgets.h"
#include "store/ledger_values.h"

struct budget_edited {
    struct weir *weir;
    const struct snapshot *snapshot;
    const struct money_budget *budget;
    struct identity_bound *identity; /* whose it is, where a token says who that is; held, or NULL */
    struct now now;
};

static int64_t budgets_now_s(struct now now) { return now.wall_ns > 0 ? now.wall_ns / (int64_t)NS_PER_S : 0; }

/* The one of this name, and of this owner where one is said. */
static const struct money_budget *budget_named(struct weir *weir, struct snapshot *snapshot,
                                               const struct budget_edit *edit, struct identity_bound **identity,
                                               struct error *error) {
    const struct money_budget *found = NULL;
    size_t count = 0;
    for (const struct money_budget *at = snapshot->first_budget; at; at = at->next) {
        if (!str_eq(at->name, edit->name) || (edit->owner.at && !str_eq(at->owner, edit->owner))) continue;
        found = at;
        count++;
    }
    if (count == 1) return found;
    if (!count && edit->owner.at &&
        ((found = run_clients_budget(weir->clients, snapshot, edit->owner, edit->name)) != NULL ||
         (found = identities_budget(weir->identities, snapshot, edit->owner, edit->name, identity)) != NULL))
        return found;
    struct str name = str_slice(edit->name, 0, limit_name);
    if (count)
        error_set(error, error_invalid_request,
                  "%zu budgets are called `%.*s`: say whose by `owner`, such as `client app` (weir budget list).",
                  count, STR_ARG(name));
    else
        error_set(error, error_invalid_request, "There is no budget `%.*s`%s (weir budget list).", STR_ARG(name),
                  edit->owner.at ? " of that owner" : "");
    return NULL;
}

static struct ledger *budget_ledger(struct weir *weir, struct error *error) {
    char problem[256] = "";
    struct ledger *ledger = weir->books ? ledger_open_beside(weir->ledger_place, problem, sizeof problem) : NULL;
    if (!weir->books)
        error_set(error, error_unsupported, "This gateway keeps no ledger: it has no state folder of its own.");
    else if (!ledger)
        error_set(error, error_storage_failed, "Nothing was changed: %.200s", problem);
    return ledger;
}

static bool budget_kept(struct ledger *ledger, bool good, struct error *error) {
    return good || error_set(error, error_storage_failed, "Nothing was changed: %.200s", ledger_problem(ledger));
}

static bool budget_extend(struct budget_edited *of, struct ledger *ledger, enum money_extra_kind kind, int64_t nano_usd,
                          int64_t until_s, struct error *error) {
    const struct ledger_extra extra = {
        .budget = of->budget->identity, .kind = kind, .nano_usd = nano_usd, .until_s = until_s};
    if (!budget_kept(ledger, ledger_extra_keep(ledger, &extra), error)) return false;
    money_extra_set(of->budget, kind, nano_usd, until_s);
    return true;
}

/* In its window; in one that ends now, for that long. Credits of one window add up. */
static bool budget_credit(struct budget_edited *of, struct ledger *ledger, int64_t nano_usd, struct error *error) {
    int64_t now_s = budgets_now_s(of->now), until_s = money_budget_window(of->budget, of->now.wall_ns).end_s;
    struct money_extra_view had = money_extra_look(of->budget, money_credit, now_s);
    if (of->budget->rolling) until_s = now_s + (int64_t)of->budget->bucket_s * rolling_parts;
    if (had.nano_usd > spend_most - nano_usd) nano_usd = spend_most - had.nano_usd;
    return budget_extend(of, ledger, money_credit, had.nano_usd + nano_usd, until_s, error);
}

/* What was spent of it, of one that is split of each value. */
struct forgetting {
    struct ledger_value *rows;
    size_t count, room;
    bool lacks; /* memory */
};

static void forgetting_add(void *user, const struct money_row *row) {
    struct forgetting *forgetting = user;
    if (forgetting->count == forgetting->room) {
        size_t room = forgetting->room ? forgetting->room * 2 : rolling_buckets, bytes;
        struct ledger_value *rows =
            size_mul(room, sizeof *rows, &bytes) ? memory_resize(forgetting->rows, bytes) : NULL;
        forgetting->lacks = forgetting->lacks || !rows;
        if (!rows) return;
        forgetting->rows = rows;
        forgetting->room = room;
    }
    forgetting->rows[forgetting->count++] =
        (struct ledger_value){.of = {row->budget, row->window_s}, .value = row->value, .nano_usd = row->nano_usd};
}

static bool forgetting_keep(const struct budget_edited *of, struct ledger *ledger,
                            const struct forgetting *forgetting) {
    struct record_charge windows[rolling_buckets];
    int64_t nano_usd[rolling_buckets];
    if (of->budget->values) return ledger_values_take_off(ledger, forgetting->rows, forgetting->count);
    CHECKF(forgetting->count <= rolling_buckets, "count=%zu", forgetting->count);
    for (size_t i = 0; i < forgetting->count; i++) windows[i] = forgetting->rows[i].of;
    for (size_t i = 0; i < forgetting->count; i++) nano_usd[i] = forgetting->rows[i].nano_usd;
    return ledger_budget_forget(ledger, windows, nano_usd, forgetting->count);
}

static void row_forget(const struct budget_edited *of, const struct ledger_value *row) {
    const struct money_budget *budget = of->budget;
    struct money_value *value =
        budget->values ? money_value_hold(budget, &row->value, STR(""), of->now.wall_ns, false) : NULL;
    if (budget->values && !value) return;
    const struct money_purse purse = value ? money_purse_of_value(budget, value, 0) : money_purse_of(budget);
    money_purse_forget(&purse, (uint64_t)row->of.window_s, row->nano_usd);
    if (value) values_release(budget->values, value);
}

/* What is in flight stays reserved, and is spent when it has ended. */
static bool budget_reset(struct budget_edited *of, struct ledger *ledger, struct error *error) {
    struct forgetting forgetting = {.rows = NULL};
    money_budget_rows(of->budget, of->now.wall_ns, forgetting_add, &forgetting);
    bool good = !forgetting.lacks || error_set(error, error_out_of_memory, "No memory for its values.");
    good = good && budget_kept(ledger, forgetting_keep(of, ledger, &forgetting), error);
    for (size_t i = 0; i < forgetting.count && good; i++) row_forget(of, &forgetting.rows[i]);
    memory_give(forgetting.rows);
    return good;
}

/* Which row of the audit it is. */
static struct audit_entry budget_entry_of(const struct budget_edited *of, const struct budget_edit *edit,
                                          struct text *subject, struct text *detail) {
    static const enum audit_action kinds[] = {[budget_raise] = audit_budget_raise,
                                              [budget_credit_give] = audit_budget_credit,
                                              [budget_reset_spent] = audit_budget_reset};
    if (of->budget->owner.len) text_printf(subject, "%.*s: ", STR_ARG(of->budget->owner));
    text_put(subject, of->budget->name);
    if (edit->kind != budget_reset_spent) text_put_money(detail, edit->nano_usd);
    if (edit->kind != budget_reset_spent) text_put(detail, STR(" USD"));
    if (edit->until_s) text_put(detail, STR(" until "));
    if (edit->until_s) window_moment_put(detail, edit->until_s);
    return (struct audit_entry){
        .action = kinds[edit->kind], .who = edit->who, .subject = text_str(subject), .detail = text_str(detail)};
}

static bool budget_change(struct budget_edited *of, const struct budget_edit *edit, struct error *error) {
    char subject_said[audit_word_most], detail_said[128];
    struct text subject = text_in_buffer(subject_said, sizeof subject_said),
                detail = text_in_buffer(detail_said, sizeof detail_said);
    const struct audit_entry entry = budget_entry_of(of, edit, &subject, &detail);
    struct ledger *ledger = budget_ledger(of->weir, error);
    bool audited = ledger && library_audit(of->weir, &entry, error), good = audited;
    int64_t until_s = edit->until_s ? edit->until_s : INT64_MAX;
    if (good && edit->kind == budget_raise)
        good = budget_extend(of, ledger, money_raise, edit->nano_usd, edit->nano_usd ? until_s : 0, error);
    if (good && edit->kind == budget_credit_give) good = budget_credit(of, ledger, edit->nano_usd, error);
    if (good && edit->kind == budget_reset_spent) good = budget_reset(of, ledger, error);
    ledger_close(ledger);
    if (audited && !good) library_audit_failed(of->weir, &entry);
    return good;
}

bool library_budget_edit(struct weir *weir, const struct budget_edit *edit, struct text *view, struct error *error) {
    static const struct str kinds[] = {
        [budget_raise] = STR("raise"), [budget_credit_give] = STR("credit"), [budget_reset_spent] = STR("reset")};
    pthread_mutex_lock(&weir->control);
    struct deployment *deployment = library_deployment(weir);
    struct budget_edited of = {.weir = weir, .snapshot = deployment->snapshot, .now = clock_read()};
    of.budget = budget_named(weir, deployment->snapshot, edit, &of.identity, error);
    bool good = of.budget && budget_change(&of, edit, error);
    if (good) {
        library_budget_write(of.budget, view);
        log_info(weir->reports.log ? log_shared(weir->reports.log) : NULL, of.now, "budget_changed",
                 f_str("change", kinds[edit->kind]), f_str("owner", of.budget->owner), f_str("budget", of.budget->name),
                 f_money("usd", edit->kind == budget_reset_spent ? -1 : edit->nano_usd), f_str("by", edit->who.actor),
                 f_str("request_id", edit->request_id));
    }
    if (of.identity) identity_release(of.identity);
    deployment_release(deployment);
    pthread_mutex_unlock(&weir->control);
    return good;
}

/* Of a budget that is not there now it is kept for when it is. */
static void extra_restore(void *context, const struct ledger_extra *extra) {
    const struct budget_edited *of = context;
    const struct money_budget *budget = money_budget_find(of->snapshot, extra->budget);
    if (!budget) (void)!run_clients_extra(of->weir->clients, extra);
    if (budget && extra->kind < money_extra_kinds)
        money_extra_set(budget, (enum money_extra_kind)extra->kind, extra->nano_usd, extra->until_s);
}

bool library_budgets_restore(struct weir *weir, const struct snapshot *snapshot, struct error *error) {
    struct ledger *ledger = budget_ledger(weir, error);
    struct budget_edited of = {.weir = weir, .snapshot = snapshot};
    bool good = ledger && budget_kept(ledger, ledger_extras(ledger, extra_restore, &of), error);
    ledger_close(ledger);
    return good;
}
