/* config_nested_test.c - routes that are targets of routes: flattened, in their places, within limits. */
#include "config_world.h"

/* r0 has a target, and each other one the route before it, in this order or the other way round. */
static void chain_write(char *text, size_t size, unsigned length, bool backwards) {
    struct text into = text_in_buffer(text, size - 1);
    text_put(&into, STR(P "routes:\n"));
    for (unsigned i = 0; i <= length; i++) {
        unsigned at = backwards ? length - i : i;
        if (at)
            text_printf(&into, "  - {model: r%u, targets: [{route: r%u}]}\n", at, at - 1);
        else
            text_put(&into, STR("  - {model: r0, targets: [a/x]}\n"));
    }
    assert_false(into.failed);
    text[into.len] = 0;
}

static void routes_stand_eight_below_one_another_at_most(void **state) {
    (void)state;
    static char text[4096];
    for (unsigned length = 7; length <= 30; length++)
        for (unsigned backwards = 0; backwards < 2; backwards++) {
            struct config config;
            char said[512];
            chain_write(text, sizeof text, length, backwards);
            assert_int_equal(load(text, NULL, &config), length <= 8);
            first_problem(&config, said, sizeof said);
            if (length > 8 && !strstr(said, "has more than 8 routes below it")) fail_msg("%u: %s", length, said);
            config_free(&config);
        }
}

static void routes_of_routes_are_flattened_and_keep_their_places(void **state) {
    (void)state;
    struct config config;
    assert_true(load("providers:\n  a: {type: openai, api_key: k, priority: 2}\n"
                     "  b: {type: openai, api_key: k, priority: 1}\n"
                     "routes:\n  - {model: outer, targets: [a/x, {route: mid, weight: 3}, {route: \"g*\"}]}\n"
                     "  - {model: mid, strategy: sticky, targets: [{route: low}, a/y]}\n"
                     "  - {model: low, strategy: lock, targets: [a/z, b/z]}\n  - {model: \"g*\", targets: [a/g]}\n",
                     NULL, &config));
    const struct route *outer = map_find(&config.snapshot->exact_routes, STR("outer"));
    static const struct {
        const char *target, *level;
    } flat[] = {{"b/z", "low"}, {"a/z", "low"}, {"a/y", "mid"}, {"a/x", "outer"}, {"a/g", "g*"}};
    assert_int_equal(outer->target_count, 5);
    assert_int_equal(outer->level_count, 4);
    assert_int_equal(outer->height, 2);
    for (size_t i = 0; i < 5; i++) {
        const struct route_level *level = &outer->levels[outer->level_of[i]];
        assert_true(str_eq(outer->targets[i]->name, str_from(flat[i].target)));
        assert_true(str_eq(level->route->model, str_from(flat[i].level)));
        assert_true(i >= level->first && i < level->end);
        assert_non_null(outer->places[i].cells);
    }
    const struct route_level *mid = &outer->levels[1], *low = &outer->levels[2];
    assert_true(mid->around == 0 && mid->first == 0 && mid->end == 3 && mid->place.weight == 3);
    assert_true(low->around == 1 && low->first == 0 && low->end == 2 && low->route->strategy == strategy_exclusive);
    assert_int_equal(mid->priority, 1);
    config_free(&config);
}

/* Fan-out below fan-out: what a small file says must not become what no memory holds. */
static void routes_of_routes_have_a_limit_in_all(void **state) {
    (void)state;
    static char text[256 * 1024];
    struct text into = text_in_buffer(text, sizeof text - 1);
    struct config config;
    char said[512];
    text_put(&into, STR(P "routes:\n"));
    for (unsigned i = 0; i < 40; i++) text_printf(&into, "  - {model: l%u, targets: [a/x]}\n", i);
    for (unsigned level = 0; level < 4; level++)
        for (unsigned i = 0; i < 40; i++) {
            text_printf(&into, "  - {model: %c%u, targets: [", 'm' + level, i);
            for (unsigned k = 0; k < 40; k++) text_printf(&into, "%s{route: %c%u}", k ? ", " : "", 'l' + level, k);
            text_put(&into, STR("]}\n"));
        }
    assert_false(into.failed);
    text[into.len] = 0;
    assert_false(load(text, NULL, &config));
    first_problem(&config, said, sizeof said);
    assert_non_null(strstr(said, "more than 4096 targets in a route"));
    config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_stand_eight_below_one_another_at_most),
        cmocka_unit_test(routes_of_routes_are_flattened_and_keep_their_places),
        cmocka_unit_test(routes_of_routes_have_a_limit_in_all),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
