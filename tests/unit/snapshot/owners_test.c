/* owners_test.c - what stands in budgets' words is written down, and put back in the same words. */
#include "../config/config_world.h"
#include "snapshot/owners.h"

static const int64_t now_ns = INT64_C(1795348834) * 1000000000;

#define BUDGETS                                                                                                      \
    P "budgets: {a: {usd: 9, window: day}, b: {usd: 9, window: hour}, c: {usd: 9, window: lifetime}, d: {usd: 9, "   \
      "window: 1h, rolling: true}, e: {usd: 9, window: month}, f: {usd: 9, window: week}, g: {usd: 9, window: 90m, " \
      "rolling: true}}\n"

static struct money_row rows[64];
static size_t row_count;

static void row_keep(void *user, const struct money_row *row) {
    (void)user;
    rows[row_count++] = *row;
}

static void what_was_spent_is_written_down_and_put_back_in_its_own_budget(void **state) {
    struct config before, after;
    struct cells first = {.chains = NULL}, second = {.chains = NULL};
    (void)state;
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = STR(BUDGETS),
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ids = &ids,
                                 .cells = &first};
    assert_true(config_load(&input, &before));
    input.cells = &second;
    assert_true(config_load(&input, &after));
    const struct snapshot *snapshot = before.snapshot, *again = after.snapshot;
    assert_int_equal(snapshot->budget_count, 7);
    for (size_t i = 0; i < 7; i++) {
        const struct money_budget *budget = snapshot->budgets[i];
        if (i) assert_true(budget->identity > snapshot->budgets[i - 1]->identity); /* they rise */
        money_budget_settle(budget, money_budget_enter(budget, now_ns), 0, 100 + (int64_t)i);
        if (budget->rolling) /* and in an earlier bucket */
            rolling_settle(budget->rolling, rolling_enter(budget->rolling, budget->bucket_s, 1795348834 + 600), 0, 7);
    }
    money_rows(snapshot, now_ns, row_keep, NULL);
    assert_int_equal(row_count, 7 + 2);
    for (size_t i = 0; i < row_count; i++) assert_true(money_restore(again, &rows[i], now_ns));
    for (size_t i = 0; i < 7; i++) {
        struct spend_view was = money_budget_look(snapshot->budgets[i], now_ns + INT64_C(600000000000)),
                          is = money_budget_look(again->budgets[i], now_ns + INT64_C(600000000000));
        assert_int_equal(is.spent, was.spent);
        assert_int_equal(is.committed, was.committed);
    }
    struct money_row row = rows[0];
    row.value.words[0] = 1; /* of a split budget: not this one */
    assert_false(money_restore(again, &row, now_ns));
    row = rows[0];
    row.window_s = -1;
    assert_false(money_restore(again, &row, now_ns));
    row = rows[0];
    row.budget ^= 1; /* nobody's, whether before, between or behind the others */
    assert_false(money_restore(again, &row, now_ns));
    row.budget = 0;
    assert_false(money_restore(again, &row, now_ns));
    row.budget = UINT64_MAX;
    assert_false(money_restore(again, &row, now_ns));
    config_free(&before);
    config_free(&after);
    cells_free(&first);
    cells_free(&second);
}

#define LATE                                                                                                         \
    "providers: {a: {type: openai, base_url: 'http://h/v1', api_key: k, models: [m], quota: {tokens_per_day: 1000, " \
    "requests_per_hour: 50}}}\n"                                                                                     \
    "budgets: {day: {usd: 9, window: day}, hours: {usd: 9, window: 2h, rolling: true}, users: {usd: 9, window: "     \
    "day, per: end_user}, sessions: {usd: 9, window: 3h, rolling: true, per: session}}\n"

static const struct hash_tag told = {{7, 9}};

/* A configuration in which so much was spent of each, of the split ones by one value, at this time. */
static void late_spend(const struct snapshot *snapshot, int64_t wall_ns, int64_t nano_usd) {
    for (size_t i = 0; i < snapshot->budget_count; i++) {
        const struct money_budget *budget = snapshot->budgets[i];
        if (!budget->values) {
            money_budget_settle(budget, money_budget_enter(budget, wall_ns), 0, nano_usd);
            continue;
        }
        struct money_value *value = money_value_hold(budget, &told, STR("ann"), wall_ns, true);
        struct money_purse purse = money_purse_of_value(budget, value, 9);
        money_purse_settle(&purse, money_purse_enter(&purse, wall_ns), 0, nano_usd);
        values_release(budget->values, value);
    }
    for (size_t i = 0; i < snapshot->providers[0].quota_count; i++) {
        const struct quota *quota = &snapshot->providers[0].quotas[i];
        uint64_t window_s;
        assert_true(quota_take(quota, wall_ns / 1000000000, nano_usd, &window_s) == nano_usd);
        quota_settle(quota, window_s, nano_usd, nano_usd);
    }
}

/* What an earlier process left comes after this one has served for a while: it counts on top, whatever a budget is
 * split by and whatever its window is, and a provider's quotas too. */
static void what_is_known_late_counts_on_top(void **state) {
    enum { later_s = 1800 };
    struct config before, after;
    struct cells first = {.chains = NULL}, second = {.chains = NULL};
    (void)state;
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = STR(LATE),
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ids = &ids,
                                 .cells = &first};
    assert_true(config_load(&input, &before));
    input.cells = &second;
    assert_true(config_load(&input, &after));
    const int64_t later_ns = now_ns + later_s * INT64_C(1000000000), last_ns = now_ns + INT64_C(9000000000000);
    late_spend(before.snapshot, now_ns, 30);
    late_spend(after.snapshot, later_ns, 5);
    row_count = 0;
    money_rows(before.snapshot, now_ns, row_keep, NULL);
    assert_int_equal(row_count, 4);
    uint64_t held_s[4];
    for (size_t i = 0; i < 4; i++) { /* while something is reserved, which stays so */
        const struct money_budget *budget = after.snapshot->budgets[i];
        struct money_purse purse = money_purse_of(budget);
        if (!budget->values) assert_true(money_purse_reserve(&purse, later_ns, 1000, &held_s[i]));
    }
    for (size_t i = 0; i < row_count; i++) assert_true(money_restore_late(after.snapshot, &rows[i], later_ns));
    for (size_t i = 0; i < 4; i++) {
        const struct money_budget *budget = after.snapshot->budgets[i];
        struct money_purse purse = money_purse_of(budget);
        if (budget->values) continue;
        assert_int_equal(money_budget_look(budget, later_ns).committed, 1035);
        assert_int_equal(money_budget_look(budget, later_ns).spent, 35);
        money_purse_settle(&purse, held_s[i], 1000, 0);
    }
    for (size_t i = 0; i < 2; i++) {
        const struct quota *quota = &before.snapshot->providers[0].quotas[i];
        struct quota_view view = quota_look(quota, now_ns / 1000000000);
        struct money_row row = {.budget = quota->identity, .window_s = view.span.start_s, .nano_usd = view.counted};
        assert_true(money_restore_late(after.snapshot, &row, later_ns));
        assert_int_equal(quota_look(&after.snapshot->providers[0].quotas[i], later_ns / 1000000000).counted, 35);
        row.value.words[0] = 1; /* no quota is split */
        assert_false(money_restore_late(after.snapshot, &row, later_ns));
    }
    for (size_t i = 0; i < 4; i++) {
        const struct money_budget *budget = after.snapshot->budgets[i];
        struct spend_view view = money_budget_look(budget, later_ns);
        if (view.spent != 35 || view.committed != 35)
            fail_msg("%.*s: %lld", STR_ARG(budget->name), (long long)view.spent);
        if (budget->values) { /* the same value's, and not another's */
            struct money_value *value = money_value_hold(budget, &told, STR("ann"), later_ns, false);
            struct money_purse purse = money_purse_of_value(budget, value, 9);
            assert_int_equal(money_purse_look(&purse, later_ns).spent, 35);
            values_release(budget->values, value);
        }
        struct spend_view after_all = money_budget_look(budget, last_ns);
        if (str_eq(budget->name, STR("hours"))) assert_int_equal(after_all.committed, 5); /* the older of it is over */
    }
    rows[0].budget ^= 1;
    assert_false(money_restore_late(after.snapshot, &rows[0], later_ns));
    config_free(&before);
    config_free(&after);
    cells_free(&first);
    cells_free(&second);
}

/* Those that have least left are told, the one with the least first, whatever the order is that they came in. */
static void values_that_are_near_their_sum_are_told_by_what_is_left(void **state) {
    enum { values = 25 };
    struct config config;
    struct values_near near;
    char said[8];
    (void)state;
    struct cells cells = {.chains = NULL};
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = STR(LATE),
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ids = &ids,
                                 .cells = &cells};
    assert_true(config_load(&input, &config));
    for (size_t i = 0; i < config.snapshot->budget_count; i++) {
        const struct money_budget *budget = config.snapshot->budgets[i];
        if (!budget->values || budget->bucket_s) continue;
        for (int64_t n = 0; n < values; n++) {
            const int64_t rank = 1 + n * 7 % values; /* each once */
            snprintf(said, sizeof said, "u%02d", (int)rank);
            struct money_value *value =
                money_value_hold(budget, &(struct hash_tag){{(uint64_t)rank + 1, 1}}, str_from(said), now_ns, true);
            struct money_purse purse = money_purse_of_value(budget, value, budget->limit_nano_usd);
            money_purse_settle(&purse, money_purse_enter(&purse, now_ns), 0, rank * budget->limit_nano_usd / 50);
            values_release(budget->values, value);
            money_values_near(budget, now_ns, 0, &near); /* after each, as the list grows */
            assert_int_equal(near.count, n < values_near_most ? n + 1 : values_near_most);
            for (size_t k = 1; k < near.count; k++)
                assert_true(near.list[k - 1].view.committed > near.list[k].view.committed);
        }
        assert_int_equal(near.spent_count, values);
        for (size_t k = 0; k < near.count; k++) {
            snprintf(said, sizeof said, "u%02d", (int)(values - k));
            assert_string_equal(near.list[k].said, said);
        }
        money_values_near(budget, now_ns, 400, &near); /* 20 of 50 and more */
        assert_int_equal(near.count, 6);
        assert_string_equal(near.list[5].said, "u20");
        money_values_near(budget, now_ns, 401, &near);
        assert_int_equal(near.count, 5);
    }
    config_free(&config);
    cells_free(&cells);
}

/* What a budget's span is told as: its window, a time that ends now, and never a moment before 1970. */
static void a_span_begins_at_nothing_at_least(void **state) {
    struct config config;
    (void)state;
    assert_true(load(BUDGETS, NULL, &config));
    for (size_t i = 0; i < config.snapshot->budget_count; i++) {
        const struct money_budget *budget = config.snapshot->budgets[i];
        struct window_span span = money_budget_window(budget, now_ns), early = money_budget_window(budget, -5);
        assert_true(early.start_s == 0 && early.end_s > 0);
        if (budget->rolling) {
            assert_int_equal(span.end_s, INT64_MAX);
            assert_int_equal(span.start_s, money_budget_look(budget, now_ns).start_s);
        } else {
            struct window_span wanted = window_span(budget->window.kind, NULL, now_ns / 1000000000);
            assert_int_equal(span.start_s, wanted.start_s);
            assert_int_equal(span.end_s, wanted.end_s);
        }
    }
    config_free(&config);
}

/* With a sum for each value: the time that is looked at, or the window's. */
static void the_largest_of_many_is_told_since_when_it_counts(void **state) {
    const int64_t now_s = now_ns / 1000000000;
    struct config config;
    size_t rolls = 0, split = 0;
    (void)state;
    assert_true(load(LATE, NULL, &config));
    for (size_t i = 0; i < config.snapshot->budget_count; i++) {
        const struct money_budget *budget = config.snapshot->budgets[i];
        if (!budget->values) continue;
        split++, rolls += budget->bucket_s > 0;
        const int64_t since_s =
            budget->bucket_s ? now_s - 3 * 3600 : window_span(budget->window.kind, NULL, now_s).start_s;
        assert_int_equal(money_budget_look(budget, now_ns).start_s, since_s);
        assert_int_equal(money_budget_window(budget, now_ns).start_s, since_s);
    }
    assert_true(split == 2 && rolls == 1);
    config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_of_many_is_told_since_when_it_counts),
        cmocka_unit_test(what_was_spent_is_written_down_and_put_back_in_its_own_budget),
        cmocka_unit_test(what_is_known_late_counts_on_top),
        cmocka_unit_test(values_that_are_near_their_sum_are_told_by_what_is_left),
        cmocka_unit_test(a_span_begins_at_nothing_at_least),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
