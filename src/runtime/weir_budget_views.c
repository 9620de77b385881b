/* weir_budget_views.c - what may be spent and what was: of everybody, for operators; of a client's own way, for itself.
 */
#include "net/loop.h"
#include "runtime/run_clients.h"

static void moment_json(struct text *text, struct str name, int64_t moment_s) {
    char buffer[32];
    struct text moment = text_in_buffer(buffer, sizeof buffer);
    window_moment_put(&moment, moment_s);
    text_json_str(text, name, text_str(&moment));
}

static void extra_put(struct money_extra_view extra, struct str name, struct str until, struct text *text) {
    if (!extra.until_s) return;
    text_json_money(text, name, extra.nano_usd);
    if (extra.until_s != INT64_MAX) moment_json(text, until, extra.until_s);
}

static void forecast_put(const struct money_budget *budget, struct window_span span, int64_t spent, int64_t now_s,
                         struct text *text) {
    struct window_forecast forecast;
    if (!window_forecast(span, now_s, spent, budget->limit_nano_usd, &forecast)) return;
    text_json_money(text, STR("forecast_usd"), forecast.total);
    if (forecast.reached_s != INT64_MAX) moment_json(text, STR("spent_at"), forecast.reached_s);
}

/* Those of the values that have the least left of their sums. */
static void budget_value_put(const struct value_near *near, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("value"), str_from(near->said));
    text_json_money(text, STR("spent_usd"), near->view.spent);
    text_json_money(text, STR("reserved_usd"), near->view.committed - near->view.spent);
    text_json_money(text, STR("limit_usd"), near->limit);
    text_json_money(text, STR("left_usd"), near->limit > near->view.committed ? near->limit - near->view.committed : 0);
    text_put_byte(text, '}');
}

static void values_put(const struct money_budget *budget, struct now now, struct text *text) {
    struct values_near near;
    money_values_near(budget, now.wall_ns, 0, &near);
    text_json_str(text, STR("per"), budget->per_word);
    text_json_u64(text, STR("value_count"), near.spent_count);
    text_json_key(text, STR("values"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < near.count; i++) budget_value_put(&near.list[i], text);
    text_put_byte(text, ']');
}

static void budget_put(const struct money_budget *budget, bool values, struct now now, struct text *text) {
    static const struct str modes[] = {
        [money_hard] = STR("hard"), [money_soft] = STR("soft"), [money_warn] = STR("warn")};
    struct window_span span = money_budget_window(budget, now.wall_ns);
    struct spend_view view = money_budget_look(budget, now.wall_ns);
    int64_t limit = money_budget_limit(budget, now.wall_ns), now_s = now.wall_ns / (int64_t)NS_PER_S;
    int64_t left = limit > view.committed ? limit - view.committed : 0;
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("owner"), budget->owner);
    text_json_str(text, STR("name"), budget->name);
    text_json_str(text, STR("window"), budget->rolling ? budget->length : window_word(budget->window.kind));
    if (budget->rolling) text_json_bool(text, STR("rolling"), true);
    text_json_str(text, STR("timezone"), budget->zone);
    text_json_str(text, STR("mode"), modes[budget->mode]);
    text_json_money(text, STR("spent_usd"), view.spent);
    text_json_money(text, STR("reserved_usd"), view.committed - view.spent);
    text_json_money(text, STR("limit_usd"), limit);
    if (!budget->per) text_json_money(text, STR("left_usd"), left);
    extra_put(money_extra_look(budget, money_raise, now_s), STR("raised_usd"), STR("raised_until"), text);
    extra_put(money_extra_look(budget, money_credit, now_s), STR("credited_usd"), STR("credited_until"), text);
    if (span.end_s != INT64_MAX) {
        moment_json(text, STR("started_at"), span.start_s);
        moment_json(text, STR("resets_at"), span.end_s);
        if (!budget->per) forecast_put(budget, span, view.spent, now.wall_ns / (int64_t)NS_PER_S, text);
    }
    if (budget->per && values) values_put(budget, now, text);
    text_put_byte(text, '}');
}

void library_budget_write(const struct money_budget *budget, struct text *text) {
    budget_put(budget, true, clock_read(), text);
}

void library_quotas_put(const struct provider *provider, struct text *text) {
    int64_t now_s = clock_read().wall_ns / (int64_t)NS_PER_S;
    if (!provider->quota_count) return;
    text_put(text, STR(",\"quotas\":["));
    for (size_t i = 0; i < provider->quota_count; i++) {
        const struct quota *quota = &provider->quotas[i];
        struct quota_view view = quota_look(quota, now_s);
        int64_t used = view.counted + view.reserved;
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("quota"), quota->name);
        text_json_i64(text, STR("limit"), quota->limit);
        text_json_i64(text, STR("counted"), view.counted);
        text_json_i64(text, STR("reserved"), view.reserved);
        text_json_i64(text, STR("left"), used < quota->limit ? quota->limit - used : 0);
        text_json_str(text, STR("timezone"), quota->zone);
        moment_json(text, STR("started_at"), view.span.start_s);
        moment_json(text, STR("resets_at"), view.span.end_s);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

/* As they are written: the list has the last one first. */
static void budgets_put(const struct money_budget *budget, struct now now, struct text *text) {
    enum { told_most = 10000 };
    const struct money_budget *told[64];
    size_t total = 0, count = 0;
    for (const struct money_budget *at = budget; at; at = at->next) total++;
    if (total > told_most) total = told_most;
    while (total) { /* by pieces from the end, so that a long list costs no memory and little time */
        size_t from = total > sizeof told / sizeof *told ? total - sizeof told / sizeof *told : 0, at = 0;
        count = 0;
        for (const struct money_budget *one = budget; one && at < total; one = one->next, at++)
            if (at >= from) told[count++] = one;
        while (count) budget_put(told[--count], true, now, text);
        total = from;
    }
}

static void run_budget_put(void *context, const struct money_budget *budget) {
    budget_put(budget, true, clock_read(), context);
}

/* Those of one that shows tokens, which stand in no file and no list else. */
static void identity_budgets_put(void *context, const struct client *client) {
    struct text *text = context;
    for (size_t i = 0; i < client->money.count; i++) {
        if (!client->money.list[i]->own) continue;
        budget_put(client->money.list[i], true, clock_read(), text);
        text->len--; /* the closing brace */
        text_json_bool(text, STR("identity"), true);
        text_put_byte(text, '}');
    }
}

void library_budgets_write(struct weir *weir, struct snapshot *snapshot, struct text *text) {
    text_put(text, STR("{\"budgets\":["));
    budgets_put(snapshot->first_budget, clock_read(), text);
    if (weir->clients) run_clients_budgets(weir->clients, snapshot, run_budget_put, text);
    if (weir->identities) identities_each(weir->identities, snapshot, identities_told_most, identity_budgets_put, text);
    text_put_byte(text, ']');
    if (weir->identities && identities_count(weir->identities) > identities_told_most)
        text_json_u64(text, STR("identities_left_out"), identities_count(weir->identities) - identities_told_most);
    text_put_byte(text, '}');
}

static void caps_put(const struct session_caps *caps, struct text *text) {
    text_put(text, STR(",\"sessions\":{"));
    if (caps->nano_usd.most) {
        text_json_key(text, STR("usd"));
        text_put_byte(text, '"');
        text_put_money(text, caps->nano_usd.most);
        text_put_byte(text, '"');
    }
    if (caps->calls.most) text_json_i64(text, STR("calls"), caps->calls.most);
    if (caps->lasts.most) text_json_i64(text, STR("minutes"), caps->lasts.most / 60);
    text_put_byte(text, '}');
}

void library_key_write(const struct client *client, struct text *text) {
    struct now now = clock_read();
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), client ? client->name : STR(""));
    text_json_str(text, STR("role"), client ? role_word(client->role) : role_word(role_admin));
    text_put(text, STR(",\"owners\":["));
    for (const struct owner *owner = client ? client->in : NULL; owner; owner = owner->in) {
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("name"), owner->name);
        text_json_str(text, STR("kind"), owner->kind);
        library_owner_limits_put(owner, now, text);
        text_put_byte(text, '}');
    }
    text_put(text, STR("],\"budgets\":["));
    for (size_t i = 0; client && i < client->money.count; i++)
        budget_put(client->money.list[i], client->money.list[i]->own, now, text); /* others' values are others' */
    text_put_byte(text, ']');
    if (client) library_client_limits_put(client, now, text);
    if (client && client->sessions) caps_put(&client->caps, text);
    text_put_byte(text, '}');
}
