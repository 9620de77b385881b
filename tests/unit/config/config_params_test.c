/* config_params_test.c - params of targets as a file says them, and what is refused of them. */
#include "config_world.h"

#include "dialect/params.h"

#define PROVIDERS                                                                                                   \
    "providers: {a: {type: openai, api_key: k}, c: {type: anthropic, api_key: k}, m: {type: mistral, api_key: k}, " \
    "r: {type: openai, api_key: k, api: responses}}\n"
#define ROUTE(target, params) PROVIDERS "routes: [{model: r, targets: [{target: " target ", params: " params "}]}]\n"

static void each_is_read_as_what_it_is(void **state) {
    (void)state;
    struct config config;
    assert_true(load(ROUTE("a/x", "{temperature: 0.5, max_completion_tokens: 9, defaults: {stop: END, user: u}, "
                                  "overrides: {reasoning_effort: none, parallel_tool_calls: no, seed: 4}}"),
                     NULL, &config));
    const struct route *route = map_find(&config.snapshot->exact_routes, STR("r"));
    const struct params *defaults = &route->places[0].params->defaults,
                        *overrides = &route->places[0].params->overrides;
    assert_int_equal(defaults->says,
                     FEATURE_BIT(temperature) | FEATURE_BIT(max_tokens) | FEATURE_BIT(stop) | FEATURE_BIT(user));
    assert_true(defaults->request.temperature == 0.5 && defaults->request.max_tokens == 9);
    assert_true(defaults->request.stop_count == 1 && str_eq(defaults->request.stop[0], STR("END")));
    assert_int_equal(overrides->says,
                     FEATURE_BIT(reasoning_effort) | FEATURE_BIT(parallel_tool_calls) | FEATURE_BIT(seed));
    assert_true(overrides->request.effort == effort_none && overrides->request.parallel_tool_calls == flag_false);
    config_free(&config);
    assert_true(load(ROUTE("a/x", "{}"), NULL, &config));
    assert_null(((const struct route *)map_find(&config.snapshot->exact_routes, STR("r")))->places[0].params);
    config_free(&config);
}

static bool is_said(const struct config *config, const char *words) {
    for (const struct config_problem *at = config->problems; at; at = at->next)
        if (str_find(at->message, str_from(words)) != SIZE_MAX) return true;
    return false;
}

static void what_cannot_be_said_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {ROUTE("c/claude-sonnet-4-5", "{seed: 1}"), "`seed` has no word in the API"},
        {ROUTE("c/claude-sonnet-4-5", "{overrides: {verbosity: low}}"), "`verbosity` has no word in the API"},
        {ROUTE("m/mistral-large-latest", "{user: me}"), "`user` is refused by this target's vendor"},
        {ROUTE("r/gpt-4o", "{stop: x}"), "`stop` has no word in the API"},
        {ROUTE("a/x", "{seed: 1, overrides: {seed: 2}}"), "`seed` is a default and an override"},
        {ROUTE("a/x", "{stop: a, defaults: {stop: b}}"), "`stop` stands beside `defaults` and in it"},
        {ROUTE("a/x", "{stop: []}"), "`stop` holds 1 to 4 strings"},
        {ROUTE("a/x", "{metadata: 1}"), "unknown key `metadata`"},
        {ROUTE("a/x", "{defaults: {overrides: {seed: 1}}}"), "`overrides` stands in `params` alone"},
        {PROVIDERS "routes: [{model: r, targets: [a/x]}, {model: q, targets: [{route: r, params: {seed: 1}}]}]\n",
         "`params` is for a target, and `route` names a route"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        assert_false(load(cases[i].text, NULL, &config));
        if (!is_said(&config, cases[i].said)) fail_msg("%s: not `%s`", cases[i].text, cases[i].said);
        config_free(&config);
    }
}

static void what_a_model_does_not_take_is_a_warning(void **state) {
    (void)state;
    struct config config;
    char said[512];
    assert_true(load(ROUTE("a/gpt-5", "{temperature: 1, max_tokens: 5}"), NULL, &config));
    first_problem(&config, said, sizeof said);
    assert_non_null(strstr(said, "warning: `temperature` is not taken by this model: leave it out at `a/gpt-5`"));
    assert_null(config.problems->next);
    config_free(&config);
}

/* Of its name so much as fits into a line. */
static void a_target_with_a_long_name_is_told_by_its_beginning(void **state) {
    (void)state;
    struct config config;
    assert_false(
        load(ROUTE("m/1234567890123456789012345678901234567890123456789012345678901234567890123456789", "{user: me}"),
             NULL, &config));
    assert_true(is_said(&config, "leave it out at `m/"
                                 "123456789012345678901234567890123456789012345678901234567890123456789012345678`"));
    config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_read_as_what_it_is),
                                       cmocka_unit_test(what_cannot_be_said_is_refused),
                                       cmocka_unit_test(what_a_model_does_not_take_is_a_warning),
                                       cmocka_unit_test(a_target_with_a_long_name_is_told_by_its_beginning)};
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
