/* Owners and budgets as a file says them: who pays for what, what is the same budget, and what is refused. */
#include "config_world.h"

#include "base/hash.h"
#include "snapshot/rights.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define K "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char tree[] =
    P "budgets:\n  research: {usd: 500, window: month}\n"
      "owners:\n"
      "  - {name: search, kind: team, in: acme, rate_limit_rpm: 600, models: ['gpt*', 'o3'],\n"
      "     budgets: [{usd: 5, window: hour}, {usd: 20, window: day, models: ['gpt-6*']}, research]}\n"
      "  - {name: acme, kind: organization, budgets: [{usd: 1000, window: month}]}\n"
      "templates:\n  intern: {budgets: [{usd: 2, window: day, over: free}], rate_limit_rpm: 7, daily_budget: 3}\n"
      "clients:\n"
      "  - {name: app, in: search, template: intern, key_hash: \"" H
      "\", budgets: [{usd: 0.50, window: day, name: own}]}\n"
      "  - {name: other, in: search, key_hash: \"" K "\", daily_budget: 0.1}\n";

static const struct client *client_at(const struct config *config, size_t i) { return &config->snapshot->clients[i]; }

static const struct money_budget *budget_of(const struct client *client, const char *owner, const char *name) {
    for (size_t i = 0; i < client->money.count; i++)
        if (str_eq(client->money.list[i]->owner, str_from(owner)) &&
            str_eq(client->money.list[i]->name, str_from(name)))
            return client->money.list[i];
    fail_msg("no budget %s of %s", name, owner);
    return NULL;
}

static void all_on_the_way_up_have_a_say(void **state) {
    (void)state;
    struct config config;
    assert_true(load(tree, NULL, &config));
    const struct client *app = client_at(&config, 0), *other = client_at(&config, 1);
    assert_int_equal(app->money.count, 7); /* own, short, template's, three of the team, one above */
    assert_int_equal(budget_of(app, "client app", "own")->limit_nano_usd, 500000000);
    assert_int_equal(budget_of(app, "team search", "hour")->limit_nano_usd, 5000000000);
    assert_int_equal(budget_of(app, "organization acme", "month")->limit_nano_usd, 1000000000000);
    assert_int_equal(budget_of(app, "", "research")->limit_nano_usd, 500000000000);
    assert_int_equal(app->rates.requests_minute.limit, 7); /* its template's, where it says none */
    assert_int_equal(other->money.count, 5);
    assert_int_equal(budget_of(other, "client other", "day")->limit_nano_usd, 100000000);
    assert_ptr_equal(budget_of(app, "team search", "hour")->spend, budget_of(other, "team search", "hour")->spend);
    assert_true(client_may_ask(app, STR("gpt-5")) && !client_may_ask(app, STR("claude")));
    assert_int_equal(config.snapshot->budget_count, 8);
    config_free(&config);
}

static void what_was_spent_outlives_a_reload_that_changes_the_sum(void **state) {
    (void)state;
    static const char *const files[] = {
        P "clients: [{name: app, key_hash: \"" H "\", daily_budget: 1}]\n",
        P "clients: [{name: other, key_hash: \"" K "\"}, {name: app, key_hash: \"" H
          "\", budgets: [{usd: 9, window: month}, {usd: 2, window: day, mode: soft, timezone: UTC}]}]\n",
        P "clients: [{name: app, key_hash: \"" H "\", budgets: [{usd: 2, window: day, name: mine}]}]\n"};
    struct cells cells = {.chains = NULL};
    uint64_t identity = 0;
    for (size_t i = 0; i < 3; i++) {
        struct config config;
        struct config_input input = {.path = STR("w.yaml"),
                                     .text = str_from(files[i]),
                                     .environment = environment,
                                     .ids = &ids,
                                     .cells = &cells};
        assert_true(config_load(&input, &config));
        const struct client *app = client_at(&config, i == 1);
        const struct money_budget *day = budget_of(app, "client app", i == 2 ? "mine" : "day");
        struct money_row row = {.budget = day->identity, .window_s = 86400, .nano_usd = 70};
        if (i == 0) {
            identity = day->identity;
            assert_true(money_restore(config.snapshot, &row, 0));
        }
        assert_int_equal(day->identity == identity, i < 2);
        assert_int_equal(money_budget_look(day, INT64_C(86400000000000)).spent, i < 2 ? 70 : 0);
        row.budget ^= 1;
        assert_false(money_restore(config.snapshot, &row, 0));
        config_free(&config);
    }
    cells_free(&cells);
}

static void row_add(void *user, const struct money_row *row) { *(struct money_row *)user = *row; }

static void what_is_written_down_is_put_back(void **state) {
    (void)state;
    struct config config, later;
    struct money_row row = {.nano_usd = 0};
    const int64_t now_ns = INT64_C(1774746000000000000);
    assert_true(load(tree, NULL, &config) && load(tree, NULL, &later));
    const struct money_budget *month = budget_of(client_at(&config, 0), "organization acme", "month");
    spend_settle(month->spend, spend_enter(month->spend, 1772323200), 0, 123);
    money_rows(config.snapshot, now_ns, row_add, &row);
    assert_int_equal(row.nano_usd, 123);
    assert_int_equal(row.window_s, 1772323200); /* March in UTC */
    assert_true(money_restore(later.snapshot, &row, 0));
    assert_int_equal(money_budget_look(budget_of(client_at(&later, 1), "organization acme", "month"), now_ns).committed,
                     123);
    config_free(&config);
    config_free(&later);
}

static void a_providers_day_may_end_now(void **state) {
    (void)state;
    struct config config;
    assert_true(load("providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', daily_budget: 1,\n"
                     "  monthly_budget: 9, budget_window: rolling}}\n",
                     NULL, &config));
    const struct money_budgets *money = &config.snapshot->providers[0].money;
    assert_int_equal(money->count, 2);
    assert_true(str_eq(money->list[0]->length, STR("24h")) && money->list[0]->bucket_s == 2880);
    assert_true(str_eq(money->list[1]->length, STR("30d")) && money->list[1]->rolling);
    config_free(&config);
}

static void rows_add(void *user, const struct money_row *row) { assert_true(money_restore(user, row, 0)); }

static void a_window_that_ends_now_is_written_down_by_its_buckets(void **state) {
    (void)state;
    static const char file[] =
        P "clients: [{name: app, key_hash: \"" H "\", budgets: [{usd: 1, window: 24h, rolling: true}]}]\n";
    struct config config, later;
    const int64_t now_ns = INT64_C(1774746000000000000), hour_ns = INT64_C(3600000000000);
    assert_true(load(file, NULL, &config) && load(file, NULL, &later));
    const struct money_budget *budget = budget_of(client_at(&config, 0), "client app", "24h");
    for (int h = 0; h < 30; h += 6)
        money_budget_settle(budget, money_budget_enter(budget, now_ns - h * hour_ns), 0, 10);
    money_rows(config.snapshot, now_ns, rows_add, later.snapshot);
    const struct money_budget *again = budget_of(client_at(&later, 0), "client app", "24h");
    assert_int_equal(money_budget_look(again, now_ns).spent, money_budget_look(budget, now_ns).spent);
    assert_int_equal(money_budget_look(again, now_ns + 48 * hour_ns).committed, 0);
    config_free(&config);
    config_free(&later);
}

static void what_cannot_hold_is_refused_where_it_stands(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"owners: [{name: a, in: b}]\n", "w.yaml:2:24: there is no owner `b`"},
        {"owners: [{name: a, in: b}, {name: b, in: a}]\n", "`b` is in itself"},
        {"owners: [{name: a}, {name: a}]\n", "two owners are named `a`"},
        {"owners: [{budgets: []}]\n", "an owner needs a `name`"},
        {"owners: [{name: a, budgets: [{usd: 1}]}]\n", "a budget needs `usd`, and a `window`"},
        {"owners: [{name: a, budgets: [{window: day}]}]\n", "a budget needs `usd`, and a `window`"},
        {"owners: [{name: a, budgets: [{usd: 1, window: year}]}]\n", "a budget needs `usd`, and a `window`"},
        {"owners: [{name: a, budgets: [{usd: 1, window: day}, {usd: 2, window: day}]}]\n", "give one of them a `name`"},
        {"owners: [{name: a, daily_budget: 1, budgets: [{usd: 2, window: day}]}]\n", "give one of them a `name`"},
        {"owners: [{name: a, budgets: [none]}]\n", "there is no budget `none` among `budgets`"},
        {"owners: [{name: a, budgets: [{usd: 1, window: day, timezone: Mars/North}]}]\n",
         "`Mars/North` is no time zone"},
        {"owners: [{name: a, budgets: [{usd: 1, window: day, timezone: ../passwd}]}]\n", "`../passwd` is no time zone"},
        {"owners: [{name: a, budgets: [{usd: 1, window: day, rolling: true}]}]\n", "such as 90m, 24h or 7d"},
        {"owners: [{name: a, budgets: [{usd: 1, window: 29s, rolling: true}]}]\n", "such as 90m, 24h or 7d"},
        {"owners: [{name: a, budgets: [{usd: 1, window: 367d, rolling: true}]}]\n", "such as 90m, 24h or 7d"},
        {"owners: [{name: a, budgets: [{usd: 1, window: 99999999999999d, rolling: true}]}]\n", "such as 90m"},
        {"owners: [{name: a, budgets: [{usd: 1, window: 24h}]}]\n", "such as 90m, 24h or 7d"},
        {"owners: [{name: a, budgets: [{usd: 1, window: day, to: [a/m]}]}]\n", "`to` says what serves"},
        {"owners: [{name: a, budgets: [{usd: 1, window: day, at: 0.5}]}]\n", "`at` is the share"},
        {"owners: [{name: a, budgets: [{usd: 1, window: day, over: downgrade, to: [cheapest, a/m]}]}]\n",
         "or `cheapest` alone"},
        {"clients: [{name: a, in: b, key_hash: \"" H "\"}]\n", "there is no owner `b`"},
        {"clients: [{name: a, template: b, key_hash: \"" H "\"}]\n", "there is no template `b`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        struct text text;
        char buffer[1024], said[1024] = "";
        text = text_in_buffer(buffer, sizeof buffer);
        text_printf(&text, "%s%s", P, cases[i].text);
        buffer[text.len] = 0;
        assert_false(load(buffer, NULL, &config));
        first_problem(&config, said, sizeof said);
        if (!strstr(said, cases[i].said)) fail_msg("%s: %s", cases[i].text, said);
        config_free(&config);
    }
}

static struct money_budget only_of(const char *budget) {
    struct config config;
    char buffer[1024];
    struct text text = text_in_buffer(buffer, sizeof buffer - 1);
    text_printf(&text, "%sclients: [{name: app, key_hash: \"%s\", budgets: [%s]}]\n", P, H, budget);
    buffer[text.len] = 0;
    if (!load(buffer, NULL, &config)) fail_msg("%s", budget);
    assert_int_equal(client_at(&config, 0)->money.count, 1);
    struct money_budget only = *client_at(&config, 0)->money.list[0];
    config_free(&config);
    return only;
}

static void each_setting_of_a_budget_is_its_own(void **state) {
    (void)state;
    static const struct {
        const char *length;
        uint64_t bucket_s;
    } lengths[] = {{"30s", 1},    {"31s", 2},        {"90m", 180},       {"24h", 2880},
                   {"7d", 20160}, {"366d", 1054080}, {"8784h", 1054080}, {"1m", 2}};
    static const struct {
        const char *budget;
        int64_t limit;
        enum money_mode mode;
        enum money_over over;
        enum window_kind kind;
        size_t models, routes;
        bool unbounded;
    } rows[] = {
        {"{usd: 1, window: hour}", 1000000000, money_hard, over_block, window_hour, 0, 0, false},
        {"{usd: 0, window: day, mode: soft}", 0, money_soft, over_block, window_day, 0, 0, false},
        {"{usd: 0.000000001, window: week, mode: warn}", 1, money_warn, over_block, window_week, 0, 0, false},
        {"{usd: 1, window: month, over: free}", 1000000000, money_hard, over_free, window_month, 0, 0, false},
        {"{usd: 1, window: lifetime, unbounded: allow}", 1000000000, money_hard, over_block, window_lifetime, 0, 0,
         true},
        {"{usd: 1, window: day, models: [a, b*]}", 1000000000, money_hard, over_block, window_day, 2, 0, false},
        {"{usd: 1, window: day, models: ['*'], routes: [c]}", 1000000000, money_hard, over_block, window_day, 0, 1,
         false},
        {"{usd: 1, window: day, models: ['*', a], routes: ['*']}", 1000000000, money_hard, over_block, window_day, 2, 0,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct money_budget is = only_of(rows[i].budget);
        if (is.limit_nano_usd != rows[i].limit || is.mode != rows[i].mode || is.over != rows[i].over ||
            is.window.kind != rows[i].kind || is.model_count != rows[i].models || is.route_count != rows[i].routes ||
            is.unbounded != rows[i].unbounded || is.rolling || is.bucket_s || !is.spend)
            fail_msg("%s", rows[i].budget);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char budget[96];
        snprintf(budget, sizeof budget, "{usd: 1, window: %s, rolling: true}", lengths[i].length);
        struct money_budget is = only_of(budget);
        if (is.bucket_s != lengths[i].bucket_s || !is.rolling || is.spend || is.window.kind != window_lifetime)
            fail_msg("%s: %llu", lengths[i].length, (unsigned long long)is.bucket_s);
    }
}

/* What makes it another budget, and what does not: its sum, mode and what is over may change while it is spent. */
static void what_a_budget_counts_makes_it_another(void **state) {
    (void)state;
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"{usd: 1, window: day}", "{usd: 2, window: day, mode: warn, over: free, unbounded: allow}", true},
        {"{usd: 1, window: day}", "{usd: 1, window: hour}", false},
        {"{usd: 1, window: day}", "{usd: 1, window: day, models: ['*']}", true},
        {"{usd: 1, window: day}", "{usd: 1, window: day, models: [a]}", false},
        {"{usd: 1, window: day, models: [a]}", "{usd: 1, window: day, routes: [a]}", false},
        {"{usd: 1, window: day, models: [a]}", "{usd: 1, window: day, models: [a, b]}", false},
        {"{usd: 1, window: day, name: x}", "{usd: 1, window: hour, models: [a], name: x}", true},
        {"{usd: 1, window: day, name: x}", "{usd: 1, window: day, name: y}", false},
        {"{usd: 1, window: 24h, rolling: true}", "{usd: 1, window: 1d, rolling: true}", true},
        {"{usd: 1, window: 24h, rolling: true}", "{usd: 1, window: 25h, rolling: true}", false},
        {"{usd: 1, window: 24h, rolling: true}", "{usd: 1, window: day}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((only_of(rows[i].one).identity == only_of(rows[i].other).identity) != rows[i].same)
            fail_msg("%s and %s", rows[i].one, rows[i].other);
}

/* As deep as owners may stand in each other, and one more; names as long as they may be. */
static void owners_have_their_bounds(void **state) {
    (void)state;
    for (int depth = limit_owners - 2; depth <= limit_owners + 2; depth++) {
        static char buffer[4096];
        struct config config;
        struct text text = text_in_buffer(buffer, sizeof buffer - 1);
        text_printf(&text, "%sowners:\n  - {name: o0}\n", P);
        for (int i = 1; i < depth; i++) text_printf(&text, "  - {name: o%d, in: o%d}\n", i, i - 1);
        buffer[text.len] = 0;
        if (load(buffer, NULL, &config) != (depth <= limit_owners)) fail_msg("%d", depth);
        config_free(&config);
    }
    for (int len = limit_name - 1; len <= limit_name + 1; len++) {
        char buffer[1024], name[512];
        struct config config;
        memset(name, 'n', (size_t)len);
        name[len] = 0;
        snprintf(buffer, sizeof buffer, "%sowners: [{name: %s}]\n", P, name);
        assert_true(load(buffer, NULL, &config) == (len <= limit_name));
        config_free(&config);
    }
    struct config config;
    assert_false(load(P "owners: [{name: 'a|b'}]\n", NULL, &config));
    config_free(&config);
    assert_true(
        load(P "owners: [{name: a, rate_limit_rpm: 1}, {name: b, rate_limit_rph: 1}, {name: c, rate_limit_tpm: 1}, "
               "{name: d, max_concurrent: 1}, {name: e}, {name: f, in: ''}]\n",
             NULL, &config));
    for (size_t i = 0; i < 6; i++) assert_true(config.snapshot->owners[i].has_limits == (i < 4));
    config_free(&config);
}

static void more_than_32_on_a_way_are_refused(void **state) {
    (void)state;
    for (int count = 31; count <= 32; count++) {
        struct config config;
        static char buffer[8192];
        char said[1024] = "";
        struct text text = text_in_buffer(buffer, sizeof buffer - 1);
        text_printf(&text, "%sclients:\n  - {name: a, rate_limit_rpm: 5, key_hash: \"%s\", budgets: [", P, H);
        for (int i = 0; i < count; i++) text_printf(&text, "%s{usd: 1, window: day, name: b%d}", i ? ", " : "", i);
        text_put(&text, STR("]}\n"));
        buffer[text.len] = 0;
        assert_int_equal(load(buffer, NULL, &config), count == 31);
        first_problem(&config, said, sizeof said);
        if (count == 32) assert_non_null(strstr(said, "33 budgets and limits"));
        config_free(&config);
    }
}

/* Of the providers the one that has most: its budgets and its quotas. */
static void a_providers_budgets_and_quotas_count_on_a_way(void **state) {
    (void)state;
    for (int count = 27; count <= 28; count++) {
        struct config config;
        static char buffer[8192];
        char said[1024] = "";
        struct text text = text_in_buffer(buffer, sizeof buffer - 1);
        text_printf(&text,
                    "providers:\n  a: {type: openai, api_key: k, daily_budget: 1}\n"
                    "  b: {type: openai, api_key: k, monthly_budget: 1, daily_budget: 1, quota: {requests_per_hour: 3, "
                    "tokens_per_day: 4, tokens_per_month: 50}}\n"
                    "clients:\n  - {name: a, key_hash: \"%s\", budgets: [",
                    H);
        for (int i = 0; i < count; i++) text_printf(&text, "%s{usd: 1, window: day, name: b%d}", i ? ", " : "", i);
        text_put(&text, STR("]}\n"));
        buffer[text.len] = 0;
        assert_int_equal(load(buffer, NULL, &config), count == 27);
        first_problem(&config, said, sizeof said);
        if (count == 28) assert_non_null(strstr(said, "33 budgets and limits"));
        config_free(&config);
    }
}

static void quotas_are_one_for_each_unit_and_window_and_keep_their_counts(void **state) {
    (void)state;
    static const char file[] =
        "providers:\n  a: {type: openai, api_key: k, quota_limit: 9, quota: {requests_per_hour: 3, "
        "tokens_per_day: 0, tokens_per_month: 50, characters_per_day: 7, timezone: UTC}}\n"
        "  b: {type: openai, api_key: k, quota: {requests_per_hour: 3}}\n"
        "  c: {type: openai, api_key: k}\n";
    static const struct {
        const char *name;
        int64_t limit;
        enum quota_unit unit;
        enum window_kind kind;
    } rows[] = {{"requests_per_hour", 3, quota_requests, window_hour},
                {"requests_per_day", 9, quota_requests, window_day},
                {"tokens_per_month", 50, quota_tokens, window_month},
                {"characters_per_day", 7, quota_characters, window_day}};
    struct config config;
    assert_true(load(file, NULL, &config));
    const struct provider *a = map_find(&config.snapshot->providers_by_name, STR("a")),
                          *b = map_find(&config.snapshot->providers_by_name, STR("b")),
                          *c = map_find(&config.snapshot->providers_by_name, STR("c"));
    assert_int_equal(a->quota_count, 4);
    assert_true(a->counts_characters && !b->counts_characters && c->quota_count == 0);
    for (size_t i = 0; i < 4; i++) {
        const struct quota *quota = &a->quotas[i];
        assert_true(str_eq(quota->name, str_from(rows[i].name)) && str_eq(quota->zone, STR("UTC")));
        assert_true(quota->limit == rows[i].limit && quota->unit == rows[i].unit && quota->window.kind == rows[i].kind);
    }
    assert_true(a->quotas[0].identity != b->quotas[0].identity && a->quotas[0].spend != b->quotas[0].spend);
    const int64_t now_s = 1774746000;
    struct money_row row = {
        .budget = b->quotas[0].identity, .window_s = quota_look(&b->quotas[0], now_s).span.start_s, .nano_usd = 2};
    assert_true(money_restore(config.snapshot, &row, 0));
    assert_int_equal(quota_look(&b->quotas[0], now_s).counted, 2);
    assert_int_equal(quota_look(&a->quotas[0], now_s).counted, 0);
    row.budget++;
    assert_false(money_restore(config.snapshot, &row, 0));
    config_free(&config);
}

static void what_an_operator_adds_holds_until_then_and_over_reloads(void **state) {
    (void)state;
    static const char file[] = P "clients: [{name: app, key_hash: \"" H "\", daily_budget: 1}]\n";
    struct cells cells = {.chains = NULL};
    for (int i = 0; i < 2; i++) {
        struct config config;
        struct config_input input = {
            .path = STR("w.yaml"), .text = str_from(file), .environment = environment, .ids = &ids, .cells = &cells};
        assert_true(config_load(&input, &config));
        const struct money_budget *day = budget_of(client_at(&config, 0), "client app", "day");
        const int64_t now_ns = INT64_C(1774746000000000000), now_s = now_ns / 1000000000;
        uint64_t window;
        if (i == 0) {
            assert_int_equal(money_budget_limit(day, now_ns), 1000000000);
            assert_false(money_purse_reserve(&(struct money_purse){day, day->spend, day->rolling, day->limit_nano_usd},
                                             now_ns, 1500000000, &window));
            money_extra_set(day, money_raise, 1000000000, now_s + 10);
            money_extra_set(day, money_credit, 5, INT64_MAX);
        }
        assert_int_equal(money_budget_limit(day, now_ns), 2000000005);
        assert_int_equal(money_budget_limit(day, now_ns + INT64_C(10000000000)), 1000000005);
        assert_int_equal(money_extra_look(day, money_raise, now_s).until_s, now_s + 10);
        assert_int_equal(money_extra_look(day, money_raise, now_s + 10).until_s, 0);
        if (i == 0)
            assert_true(money_purse_reserve(&(struct money_purse){day, day->spend, day->rolling, day->limit_nano_usd},
                                            now_ns, 1500000000, &window));
        if (i == 1) money_extra_set(day, money_credit, 0, 0);
        assert_int_equal(money_budget_limit(day, now_ns), i ? 2000000000 : 2000000005);
        config_free(&config);
    }
    cells_free(&cells);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_operator_adds_holds_until_then_and_over_reloads),
        cmocka_unit_test(quotas_are_one_for_each_unit_and_window_and_keep_their_counts),
        cmocka_unit_test(all_on_the_way_up_have_a_say),
        cmocka_unit_test(what_was_spent_outlives_a_reload_that_changes_the_sum),
        cmocka_unit_test(what_is_written_down_is_put_back),
        cmocka_unit_test(a_providers_day_may_end_now),
        cmocka_unit_test(a_window_that_ends_now_is_written_down_by_its_buckets),
        cmocka_unit_test(what_cannot_hold_is_refused_where_it_stands),
        cmocka_unit_test(each_setting_of_a_budget_is_its_own),
        cmocka_unit_test(what_a_budget_counts_makes_it_another),
        cmocka_unit_test(owners_have_their_bounds),
        cmocka_unit_test(more_than_32_on_a_way_are_refused),
        cmocka_unit_test(a_providers_budgets_and_quotas_count_on_a_way),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
