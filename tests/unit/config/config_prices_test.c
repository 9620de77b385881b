/* config_prices_test.c - what a provider's models cost: rows, units, discounts, and what is told of wrong ones. */
#include "config_world.h"

#define M(prices) "providers: {a: {type: openai, api_key: k, models: [gpt-4o], prices: {" prices "}}}\n"
#define D(discount) "providers: {a: {type: openai, api_key: k, models: [gpt-4o], discount: " discount "}}\n"

static const struct {
    const char *text, *problem;
} bad[] = {
    {M("m: {input: -1}"), "w.yaml:1:81: `input` must be a number from 0 to 1000000, not `-1`"},
    {M("m: {inputs: 1}"), "w.yaml:1:74: unknown key `inputs`: did you mean `input`?"},
    {M("m: {search: 1001}"), "w.yaml:1:82: `search` must be a number from 0 to 1000"},
    {M("m: {rows: {}}"), "w.yaml:1:80: `rows` must be a list, not a map"},
    {M("m: {rows: [{when: {tier: flexible}, times: 2}]}"), "w.yaml:1:95: `tier` cannot be `flexible`"},
    {M("m: {rows: [{when: {since: 2026-02-30}, times: 2}]}"), "w.yaml:1:96: `since` is a day such as 2026-10-14"},
    {M("m: {rows: [{when: {hours: 6-10}, times: 2}]}"), "w.yaml:1:96: `hours` are two times of the UTC day"},
    {M("m: {rows: [{when: {since: 2026-02-03, until: 2026-02-03}, times: 2}]}"), "`until` is no day behind `since`"},
    {M("m: {rows: [{when: {}}]}"), "w.yaml:1:81: a row of prices has `set`, or `times`"},
    {M("m: {rows: [{set: {input: 1}, times: 2}]}"), "w.yaml:1:81: a row of prices has `set`, or `times`"},
    {M("m: {rows: [{set: {}}]}"), "`set` names no price"},
    {M("m: {rows: [{times: 1.0001}]}"), "w.yaml:1:89: `times` is a number from 0 to 1000000 with at most 3 decimals"},
    {M("m: {rows: [{times: 1.001}, {times: 1.001}, {times: 1.001}]}"), "more than 8 decimals"},
    {M("other: {rows: [{when: {until: soon}, times: 2}]}"), "`until` is a day"}, /* of a model that no target has */
    {D("0.15"), "`discount` must be a list"},
    {D("[{since: 2026-01-01}]"), "a discount has a `share`"},
    {D("[{share: 0.1234}]"), "a discount has a `share` from 0 to 1 with at most 3 decimals"},
    {D("[{share: 1.2}]"), "`share` must be a number from 0 to 1"},
    {D("[{share: 0.1, since: 2026-01-02}, {share: 0.2, since: 2026-01-02}]"), "the days must rise"},
    {D("[{share: 0.1, since: someday}]"), "`since` is a day"},
};

static void what_is_wrong_is_told_once_with_its_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config config;
        char said[512];
        load(bad[i].text, NULL, &config);
        first_problem(&config, said, sizeof said);
        if (!strstr(said, bad[i].problem) || config.error_count != 1)
            fail_msg("%s\n  said   %s (%zu)\n  wanted %s", bad[i].text, said, (size_t)config.error_count,
                     bad[i].problem);
        config_free(&config);
    }
}

static void so_many_discounts_a_provider_has_and_no_more(void **state) {
    (void)state;
    for (int count = price_rows_max; count <= price_rows_max + 1; count++) {
        char list[8192], whole[9000];
        struct text text = text_in_buffer(list, sizeof list - 1);
        for (int i = 0; i < count; i++)
            text_printf(&text, "%s{share: 0.5, since: 20%02d-01-01}", i ? ", " : "", 10 + i);
        list[text.len] = 0;
        snprintf(whole, sizeof whole, "providers: {a: {type: openai, api_key: k, models: [gpt-4o], discount: [%s]}}\n",
                 list);
        struct config config;
        char said[512] = "";
        bool read = load(whole, NULL, &config);
        assert_int_equal(read, count == price_rows_max);
        if (!read) first_problem(&config, said, sizeof said);
        if (!read && !strstr(said, "`discount` has at most 64 entries")) fail_msg("%s", said);
        config_free(&config);
    }
}

static int64_t cost(const struct target *target, struct meter meter, int64_t started_s) {
    meter.said = true;
    struct price_use use = {.tokens = {.input = 1000000, .output = 1000000}, .meter = &meter, .started_s = started_s};
    return price_bill(&target->prices, &use).total;
}

static const struct target *target(const struct config *config, const char *name) {
    const struct target *found = map_find(&config->snapshot->targets_by_name, str_from(name));
    if (!found) fail_msg("no target %s", name);
    return found;
}

static void rows_units_and_bases_are_read_to_the_digit(void **state) {
    struct config config;
    (void)state;
    assert_true(load(M("gpt-4o: {input: 0.000000001, output: 1, search: 0.01, rows: [{when: {tier: flex}, times: 0.5}, "
                       "{when: {batch: true, since: 1970-01-02, until: 1970-01-03}, set: {output: 0.3}}]}"),
                     NULL, &config));
    const struct target *gpt = target(&config, "a/gpt-4o");
    assert_int_equal(gpt->prices.input, 1);
    assert_int_equal(gpt->prices.cached_input, -1); /* the catalogue's is not mixed with ours */
    assert_int_equal(gpt->prices.rows.count, 3);
    assert_int_equal(cost(gpt, (struct meter){.tier = 0}, 0), 1000000001);
    assert_int_equal(cost(gpt, (struct meter){.tier = tier_flex}, 0), 500000001);
    assert_int_equal(cost(gpt, (struct meter){.batch = true}, 86400), 300000001);
    assert_int_equal(cost(gpt, (struct meter){.batch = true}, 2 * 86400), 1000000001);
    assert_int_equal(cost(gpt, (struct meter){.count[meter_searches] = 2}, 0), 1020000001);
    config_free(&config);
}

/* Each condition of a row that is written is the row's, and no other. */
static void each_condition_is_the_rows(void **state) {
    static const struct {
        const char *when;
        struct meter met, other;
        int64_t met_s, other_s;
    } rows[] = {
        {"tier: priority", {.tier = tier_priority}, {.tier = tier_flex}, 0, 0},
        {"speed: fast", {.speed = meter_speed_fast}, {.speed = meter_speed_standard}, 0, 0},
        {"region: us", {.region = region_us}, {.region = region_eu}, 0, 0},
        {"batch: true", {.batch = true}, {.batch = false}, 0, 0},
        {"batch: false", {.batch = false}, {.batch = true}, 0, 0},
        {"since: 1970-01-03", {.tier = 0}, {.tier = 0}, 2 * 86400, 2 * 86400 - 1},
        {"until: 1970-01-03", {.tier = 0}, {.tier = 0}, 2 * 86400 - 1, 2 * 86400},
        {"hours: '06:00-10:30'", {.tier = 0}, {.tier = 0}, 10 * 3600, 11 * 3600},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        char text[512];
        snprintf(text, sizeof text, M("gpt-4o: {input: 1, output: 1, rows: [{when: {%s}, times: 3}]}"), rows[i].when);
        if (!load(text, NULL, &config)) fail_msg("%s", rows[i].when);
        const struct target *gpt = target(&config, "a/gpt-4o");
        if (cost(gpt, rows[i].met, rows[i].met_s) != 6000000000 ||
            cost(gpt, rows[i].other, rows[i].other_s) != 2000000000)
            fail_msg("%s: %lld %lld", rows[i].when, (long long)cost(gpt, rows[i].met, rows[i].met_s),
                     (long long)cost(gpt, rows[i].other, rows[i].other_s));
        config_free(&config);
    }
    struct config config;
    assert_true(load(M("gpt-4o: {input: 1, output: 1, rows: [{when: {above: 999999}, times: 3}, {when: {modality: "
                       "audio, cache_ttl: 1h}, times: 7}]}"),
                     NULL, &config));
    const struct target *gpt = target(&config, "a/gpt-4o");
    assert_int_equal(cost(gpt, (struct meter){.tier = 0}, 0), 6000000000);
    assert_int_equal(gpt->prices.rows.at[0].above, 999999);
    assert_int_equal(gpt->prices.rows.at[1].modality, modality_audio);
    assert_int_equal(gpt->prices.rows.at[1].lifetime, kept_1h);
    config_free(&config);
}

static void rows_alone_go_on_from_the_catalogues_prices(void **state) {
    struct config config;
    (void)state;
    assert_true(load("providers: {a: {type: openai, api_key: k, models: [gpt-4o, mine], prices: {gpt-4o: {rows: "
                     "[{when: {region: eu}, times: 1.1}]}, mine: {rows: [{set: {page: 0.5}}]}}}}\n",
                     NULL, &config));
    const struct target *gpt = target(&config, "a/gpt-4o");
    assert_int_equal(gpt->prices.input, 2500000000);
    assert_int_equal(cost(gpt, (struct meter){.tier = 0}, 1800000000), 12500000000);
    assert_int_equal(cost(gpt, (struct meter){.region = region_eu}, 1800000000), 13750000000);
    assert_int_equal(cost(target(&config, "a/mine"), (struct meter){.count[meter_pages] = 1}, 0), 500000000);
    config_free(&config);
}

static void a_discount_holds_from_its_day_until_the_next_ones(void **state) {
    struct config config;
    (void)state;
    assert_true(
        load("providers: {a: {type: openai, api_key: k, models: [m], prices: {m: {input: 1, output: 1}}, request_fee: "
             "0.5, discount: [{share: 0.1, since: 1970-01-02}, {share: 0.25, since: 1970-01-03}]}}\n",
             NULL, &config));
    const struct target *m = target(&config, "a/m");
    assert_int_equal(cost(m, (struct meter){.tier = 0}, 0), 2500000000);
    assert_int_equal(cost(m, (struct meter){.tier = 0}, 86400), 2300000000);
    assert_int_equal(cost(m, (struct meter){.tier = 0}, 2 * 86400), 2000000000);
    config_free(&config);
    assert_true(load(D("[{share: 1}]"), NULL, &config));
    config_free(&config);
}

static void what_stands_in_for_a_price_does_so_only_without_one(void **state) {
    static const char form[] = "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', models: [m], "
                               "cost_per_token: %s, cost_per_request: %s%s}}\n";
    struct config config;
    char text[512];
    (void)state;
    snprintf(text, sizeof text, form, "0.000002", "3", "");
    assert_true(load(text, NULL, &config));
    assert_int_equal(cost(target(&config, "a/m"), (struct meter){.tier = 0}, 0), 4000000000);
    config_free(&config);
    snprintf(text, sizeof text, form, "0.000002", "3", ", prices: {m: {search: 1}}");
    assert_true(load(text, NULL, &config));
    assert_int_equal(cost(target(&config, "a/m"), (struct meter){.tier = 0}, 0), 0);
    config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_told_once_with_its_place),
        cmocka_unit_test(rows_units_and_bases_are_read_to_the_digit),
        cmocka_unit_test(each_condition_is_the_rows),
        cmocka_unit_test(rows_alone_go_on_from_the_catalogues_prices),
        cmocka_unit_test(a_discount_holds_from_its_day_until_the_next_ones),
        cmocka_unit_test(so_many_discounts_a_provider_has_and_no_more),
        cmocka_unit_test(what_stands_in_for_a_price_does_so_only_without_one),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
