/* Whose word marks a prompt for its provider's cache, and that what is learnt of it lasts as long as the marks say. */
#include "flight_world.h"

#include <stdio.h>

#include "flight/flight_mark.h"

#define PROVIDERS                                                                                                 \
    "state_dir: ./state\nproviders:\n"                                                                            \
    "  a: {type: anthropic, api_key: k, models: [m], prompt_cache: 5m, facts: {m: {cache_least: 1}}}\n"           \
    "  b: {type: anthropic, api_key: k, models: [m], prices: {m: {input: 1, output: 1, cached_input: 1}}, facts:" \
    " {m: {cache_least: 1}}}\n"                                                                                   \
    "  c: {type: openai, api_key: k, models: [m], prompt_cache: 1h}\n"                                            \
    "routes:\n"                                                                                                   \
    "  - {model: plain, targets: [a/m]}\n  - {model: hour, targets: [a/m], prompt_cache: 1h}\n"                   \
    "  - {model: none, targets: [a/m], prompt_cache: off}\n  - {model: dear, targets: [b/m], prompt_cache: 1h}\n" \
    "  - {model: alike, targets: [c/m]}\n"

static void the_routes_word_counts_before_its_providers(void **state) {
    static const struct {
        const char *model, *changed, *dropped;
        uint32_t marked_s;
    } rows[] = {{"plain", "cache_control", "", 300},
                {"hour", "cache_control", "", 3600},
                {"none", "", "prompt_cache_key", 0},
                {"dear", "", "prompt_cache_key", 0}, /* what is read again costs no less there */
                {"alike", "", "", 0}};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, PROVIDERS);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"prompt_cache_key\":\"k\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
                 "kind\"},{\"role\":\"user\",\"content\":\"b\"}]}",
                 rows[i].model);
        struct flight *flight = flight_world_ask(&world, body);
        assert_non_null(flight->live);
        const struct attempt_dialect *dialect = &flight->live->dialect;
        assert_int_equal(dialect->marked_s, rows[i].marked_s);
        assert_int_equal(mark_lifetime_s(flight, flight->live->target), rows[i].marked_s);
        assert_true(str_eq(dialect->changed, str_from(rows[i].changed)));
        assert_true(str_eq(dialect->dropped, str_from(rows[i].dropped)));
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_routes_word_counts_before_its_providers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
