/* `limits` as a file says them: whose, which is the same one, what single values may, and what is refused. */
#include "config_world.h"

#include "base/hash.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CLIENT(limits) P "clients: [{name: app, key_hash: '" H "1', limits: [" limits "]}]\n"

static const char tree[] =
    P "owners:\n"
      "  - {name: search, in: acme, limits: [{tpm: 1000, models: ['gpt-6*', 'o3'], per: end_user}]}\n"
      "  - {name: acme, kind: organization, limits: [{rph: 9, name: all}]}\n"
      "templates: {intern: {limits: [{concurrent: 2}]}}\n"
      "clients:\n"
      "  - {name: app, in: search, template: intern, key_hash: '" H "1', limits: [{rpm: 60, burst: 5, concurrent: 4, "
      "per: 'tag:job', values: {night: {rpm: 600}, day: {concurrent: 0}}, max_values: 7}]}\n"
      "  - {name: web, template: intern, key_hash: '" H "2'}\n"
      "  - {name: bare, key_hash: '" H "3'}\n";

static void each_has_those_on_its_way(void **state) {
    (void)state;
    struct config config;
    assert_true(load(tree, NULL, &config));
    static const struct {
        const char *owner, *name;
    } rows[] = {{"client app", "per tag:job"},
                {"client app", "all"},
                {"team search", "models gpt-6*,o3 per end_user"},
                {"organization acme", "all"}};
    const struct client *app = &config.snapshot->clients[0];
    assert_int_equal(app->limits.count, 4);
    assert_int_equal(app->own_limits, 2);
    for (size_t i = 0; i < 4; i++) {
        assert_true(str_eq(app->limits.list[i]->owner, str_from(rows[i].owner)));
        if (!str_eq(app->limits.list[i]->name, str_from(rows[i].name)))
            fail_msg("%.*s", STR_ARG(app->limits.list[i]->name));
    }
    const struct rate_limit *first = app->limits.list[0];
    assert_int_equal(first->rules.rates.requests_minute.burst, 5);
    assert_int_equal(first->value_most, 7);
    const struct limit_rules *night = limit_rules_of(first, STR("night")), *day = limit_rules_of(first, STR("day"));
    assert_int_equal(night->rates.requests_minute.limit, 600); /* what is not written for one is as for all */
    assert_int_equal(night->max_concurrent, 4);
    assert_int_equal(day->rates.requests_minute.limit, 60);
    assert_int_equal(day->max_concurrent, 0);
    assert_ptr_equal(limit_rules_of(first, STR("noon")), &first->rules);
    assert_int_equal(config.snapshot->clients[1].limits.count, 1);
    assert_int_equal(config.snapshot->clients[2].limits.count, 0);
    config_free(&config);
}

/* Its numbers may change; its owner, name, filters and `per` may not. */
static void the_same_limit_keeps_its_words(void **state) {
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {{"{rpm: 1}", "{rpm: 9, concurrent: 3}", true},
                {"{rpm: 1, name: x}", "{tpm: 1, name: x, models: [m]}", true},
                {"{rpm: 1}", "{rpm: 1, name: x}", false},
                {"{rpm: 1}", "{rpm: 1, models: [m]}", false},
                {"{rpm: 1}", "{rpm: 1, routes: [m]}", false},
                {"{rpm: 1, per: model}", "{rpm: 2, per: model, max_values: 3, values: {m: {rpm: 3}}}", true},
                {"{rpm: 1, per: model}", "{rpm: 1, per: route}", false},
                {"{rpm: 1, per: model, name: x}", "{rpm: 1, per: route, name: x}", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cells cells = {.chains = NULL};
        const void *words[2];
        uint64_t identity[2];
        for (int k = 0; k < 2; k++) {
            struct config config;
            char yaml[512];
            snprintf(yaml, sizeof yaml, CLIENT("%s"), k ? rows[i].other : rows[i].one);
            struct config_input input = {.path = STR("w.yaml"),
                                         .text = str_from(yaml),
                                         .environment = environment,
                                         .ids = &ids,
                                         .cells = &cells};
            assert_true(config_load(&input, &config));
            const struct rate_limit *limit = config.snapshot->clients[0].limits.list[0];
            words[k] = limit->per ? (const void *)limit->values : limit->words;
            identity[k] = limit->identity;
            config_free(&config);
        }
        if ((words[0] == words[1]) != rows[i].same || (identity[0] == identity[1]) != rows[i].same) fail_msg("%zu", i);
        cells_free(&cells);
    }
}

static void what_is_wrong_with_one_is_said(void **state) {
    static const struct {
        const char *limits, *told;
    } rows[] = {
        {"{}", "a limit needs `rpm`, `rph`, `tpm` or `concurrent`"},
        {"{per: model}", "a limit needs `rpm`"},
        {"{rpm: 1, per: colour}", "`per` is model, route, tag:NAME, end_user or session"},
        {"{rpm: 1, per: 'tag:'}", "`per` is model, route, tag:NAME, end_user or session"},
        {"{rpm: 1, values: {a: {rpm: 2}}}", "`values` is for a limit that is split"},
        {"{rpm: 1, max_values: 3}", "`max_values` is for a limit that is split"},
        {"{rpm: 1, per: model, values: {a: 5}}", "`values`"},
        {"{rpm: 1, per: model, values: {a: {rmp: 5}}}", "did you mean `rpm`"},
        {"{rpm: 0.5}", "`rpm`"},
        {"{rpm: 1, rpn: 5}", "did you mean `rpm`"},
        {"7", "every entry of `limits` must be a map"},
        {"{rpm: 1}, {tpm: 5}", "client app has two limits of the same models, routes and `per`"},
        {"{rpm: 1, per: model, values: {aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd: {rpm: 1}}}", "at most 39 bytes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        char yaml[512], problem[512];
        snprintf(yaml, sizeof yaml, CLIENT("%s"), rows[i].limits);
        if (load(yaml, NULL, &config)) fail_msg("%s", rows[i].limits);
        first_problem(&config, problem, sizeof problem);
        if (!strstr(problem, rows[i].told)) fail_msg("%s: %s", rows[i].limits, problem);
        if (strncmp(problem, "w.yaml:2:", 9) != 0) fail_msg("%s", problem);
        config_free(&config);
    }
}

/* Each rate counts, and those of single values. */
static void a_path_has_at_most_32_of_budgets_and_limits(void **state) {
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct config config;
        char yaml[4096], problem[512];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_put(&text, STR(P "clients: [{name: app, rate_limit_rpm: 3, key_hash: '" H "1', limits: ["));
        for (int i = 0; i < 7; i++) text_printf(&text, "{rpm: 1, rph: 1, tpm: 1, concurrent: 1, name: l%d}, ", i);
        text_printf(&text, "{rpm: 1, per: model, values: {m: {tpm: 5%s}}}, {rpm: 1, name: x}]}]\n",
                    more ? ", concurrent: 1" : "");
        yaml[text.len] = 0;
        assert_int_equal(load(yaml, NULL, &config), !more);
        first_problem(&config, problem, sizeof problem);
        assert_int_equal(strstr(problem, "33 budgets and limits") != NULL, more);
        config_free(&config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_those_on_its_way),
        cmocka_unit_test(the_same_limit_keeps_its_words),
        cmocka_unit_test(what_is_wrong_with_one_is_said),
        cmocka_unit_test(a_path_has_at_most_32_of_budgets_and_limits),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
