/* admin_budgets.c - /admin/v1/budgets, and a client's own: /v1/key. A change waits for the disk, so it runs on the
 * control loop; the answer comes back by mailbox. */
#include "base/decimal.h"
#include "dialect/date.h"
#include "dialect/json.h"
#include "gateway/errand.h"
#include "gateway/inference.h"

enum { budget_word_max = 300 };

/* Of clients made at run time some are read first: not on a loop that serves. */
struct budgets_listing {
    struct errand errand;
    struct arena arena;
    struct text text;
};

static void budgets_list(void *own) {
    struct budgets_listing *listing = own;
    arena_init(&listing->arena, 16 * 1024, 256 * 1024 * 1024);
    listing->text = text_in_arena(&listing->arena, 16 * 1024);
    library_budgets_write(listing->errand.gateway->weir, listing->errand.visit->deployment->snapshot, &listing->text);
    errand_done(listing);
}

static void budgets_listed(void *own) {
    struct budgets_listing *listing = own;
    visit_answer_text(listing->errand.visit, &listing->text);
}

static void budgets_listing_release(void *own) { arena_free(&((struct budgets_listing *)own)->arena); }

static const struct errand_kind budgets_listing_kind = {sizeof(struct budgets_listing), budgets_list, budgets_listed,
                                                        budgets_listing_release};

void answer_budgets(struct visit *visit) {
    struct budgets_listing *listing = errand_new(visit, &budgets_listing_kind);
    if (listing) errand_start(listing, listing->errand.gateway->options.control);
}

void answer_key(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 4 * 1024);
    library_key_write(visit->client, &text);
    visit_answer_text(visit, &text);
}

/* -- changes -- */

struct budgeting {
    struct errand errand;
    struct budget_edit edit;
    char name[budget_word_max], owner[budget_word_max];
    char view[2048];
    struct text text;
    struct error error;
    bool good;
};

static void budgeted(void *own) {
    struct budgeting *budgeting = own;
    struct visit *visit = budgeting->errand.visit;
    if (budgeting->good)
        visit_answer(visit, 200, STR("application/json"), text_str(&budgeting->text));
    else
        visit_error(visit, budgeting->error.code, str_from(budgeting->error.message));
}

static void budgeting_run(void *own) {
    struct budgeting *budgeting = own;
    budgeting->text = text_in_buffer(budgeting->view, sizeof budgeting->view);
    budgeting->good =
        library_budget_edit(budgeting->errand.gateway->weir, &budgeting->edit, &budgeting->text, &budgeting->error);
    errand_done(budgeting);
}

static const struct errand_kind budgeting_kind = {sizeof(struct budgeting), budgeting_run, budgeted, NULL};

/* "2.50", or a number. */
static bool budget_usd_read(const struct json_value *root, int64_t *nano_usd, struct error *error) {
    enum { digits = 9 };
    const struct json_value *member = json_member(root, "usd");
    struct str text = json_str(member, STR(""));
    double number = json_double(member, -1);
    bool good = text.len ? decimal_to_i64(text, digits, false, nano_usd) : number >= 0 && number <= 1e9;
    if (good && !text.len) *nano_usd = (int64_t)(number * 1e9 + 0.5);
    return (good && *nano_usd <= spend_most) ||
           error_set(error, error_invalid_request, "`usd` must be an amount from 0 on, such as \"2.50\".");
}

/* A moment, or a time from now. */
static bool budget_until_read(const struct json_value *root, int64_t now_s, int64_t *until_s, struct error *error) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    struct str text = json_str(json_member(root, "until"), STR(""));
    uint64_t count;
    int64_t ms;
    *until_s = 0;
    if (!json_member(root, "until")) return true;
    if (date_read_rfc3339(text, &ms)) *until_s = ms / 1000;
    for (size_t i = 0; text.len > 1 && i < sizeof units / sizeof *units; i++)
        if (text.at[text.len - 1] == units[i].unit && str_to_u64(str_slice(text, 0, text.len - 1), &count) &&
            count <= 100000)
            *until_s = now_s + (int64_t)count * units[i].seconds;
    return *until_s > now_s ||
           error_set(error, error_invalid_request,
                     "`until` must be a moment to come, such as 2026-12-24T18:00:00Z, or a time from now such as 90m, "
                     "24h or 7d.");
}

static bool budget_words_are_known(const struct json_value *root, enum budget_edit_kind kind, struct error *error) {
    struct str name;
    size_t place = 0;
    while (json_each(root, &place, &name)) {
        bool usd = str_eq(name, STR("usd")) && kind != budget_reset_spent,
             until = str_eq(name, STR("until")) && kind == budget_raise;
        if (usd || until || str_eq(name, STR("budget")) || str_eq(name, STR("owner"))) continue;
        return error_set(error, error_invalid_request, "`%.*s` is not understood here.",
                         STR_ARG(str_slice(name, 0, 64)));
    }
    return true;
}

static bool budget_body_read(struct budgeting *budgeting, const struct json_value *root, int64_t now_s) {
    struct budget_edit *edit = &budgeting->edit;
    struct error *error = &budgeting->error;
    struct str name = json_str(json_member(root, "budget"), STR("")),
               owner = json_str(json_member(root, "owner"), STR(""));
    if (!root || !name.len || name.len >= budget_word_max || owner.len >= budget_word_max)
        return error_set(error, error_invalid_request,
                         "The body must be a JSON object: {\"budget\": \"day\", \"owner\": \"client app\", ...}.");
    str_copy(budgeting->name, sizeof budgeting->name, name);
    str_copy(budgeting->owner, sizeof budgeting->owner, owner);
    edit->name = str_from(budgeting->name);
    edit->owner = json_member(root, "owner") ? str_from(budgeting->owner) : STR_NONE;
    return budget_words_are_known(root, edit->kind, error) &&
           (edit->kind == budget_reset_spent || budget_usd_read(root, &edit->nano_usd, error)) &&
           budget_until_read(root, now_s, &edit->until_s, error);
}

static bool budgeting_read(struct budgeting *budgeting) {
    static const struct str actions[] = {
        [budget_raise] = STR("raise"), [budget_credit_give] = STR("credit"), [budget_reset_spent] = STR("reset")};
    struct visit *visit = budgeting->errand.visit;
    size_t kind = 0, at = 0;
    const char *problem = "";
    while (kind < 3 && !str_eq(actions[kind], visit_id(visit))) kind++;
    if (kind == 3)
        return error_set(&budgeting->error, error_unknown_path,
                         "POST /admin/v1/budgets/ takes raise, credit and reset.");
    budgeting->edit.kind = (enum budget_edit_kind)kind;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    bool good = budget_body_read(budgeting, json ? json_root(json) : NULL,
                                 loop_now(budgeting->errand.loop).wall_ns / (int64_t)NS_PER_S);
    json_free(json);
    return good;
}

void answer_budget_change(struct visit *visit) {
    if (str_find_byte(visit_id(visit), '/') != SIZE_MAX) { /* NAME/revert: of the one that `budgets` has */
        answer_entry_action(visit);
        return;
    }
    struct budgeting *budgeting = errand_new(visit, &budgeting_kind);
    if (!budgeting) return;
    budgeting->edit.who = visit_who_told(&budgeting->errand.who);
    budgeting->edit.request_id = str_from(visit->request_id);
    if (budgeting_read(budgeting)) {
        errand_start(budgeting, budgeting->errand.gateway->options.control);
        return;
    }
    struct error error = budgeting->error;
    errand_drop(budgeting);
    visit_error(visit, error.code, str_from(error.message));
}
