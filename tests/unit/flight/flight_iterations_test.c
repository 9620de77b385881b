/* flight_iterations_test.c - an answer of several goes: every one is counted, each at its own model's price. */
#include <stdio.h>

#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  a:\n"
                           "    type: anthropic\n"
                           "    api_key: sk-secret-secret-secret\n"
                           "    models: [n, advisor]\n"
                           "    prices: {n: {input: 1, output: 10}, advisor: {input: 100, output: 1000}}\n";

#define GO(type, more, input, output)                                                                              \
    "{\"type\":\"" type "\"," more "\"input_tokens\":" #input ",\"output_tokens\":" #output ",\"cache_read_input_" \
    "tokens\":0,\"cache_creation_input_tokens\":0}"
#define OF(model) "\"model\":\"" model "\","

/* The usage and cost of an answer whose top says 10 and 2, with these goes. */
static void answered(const char *goes, int64_t input, int64_t output, int64_t cost_nano_usd) {
    struct flight_world world;
    flight_world_begin(&world, yaml);
    char body[2048];
    snprintf(
        body, sizeof body,
        "{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"n\",\"content\":[{\"type\":\"text\","
        "\"text\":\"fine\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":10,\"output_tokens\":2,"
        "\"iterations\":%s}}",
        goes);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("n", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, body);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->usage.input_tokens, input);
    assert_int_equal(flight->attempts[0]->usage.output_tokens, output);
    assert_int_equal(flight->attempts[0]->cost_nano_usd, cost_nano_usd);
    bool caches = strstr(goes, "\"cache_read_input_tokens\":20") != NULL;
    assert_int_equal(flight->attempts[0]->usage.cached_input_tokens, caches ? 20 : -1);
    assert_int_equal(flight->attempts[0]->usage.cache_write_tokens, caches ? 30 : -1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void without_a_list_the_counts_above_it_are_all(void **state) {
    (void)state;
    answered("null", 10, 2, 10 * 1000 + 2 * 10000);
    answered("[]", 10, 2, 10 * 1000 + 2 * 10000);
    answered("\"nonsense\"", 10, 2, 10 * 1000 + 2 * 10000);
}

static void a_compaction_stands_nowhere_else(void **state) {
    (void)state;
    answered("[" GO("message", "", 10, 2) "," GO("compaction", "", 1000, 100) "]", 1010, 102,
             1010 * 1000 + 102 * 10000);
}

static void an_advisor_is_charged_at_its_own_price(void **state) {
    (void)state;
    answered("[" GO("message", "", 10, 2) "," GO("advisor_message", OF("advisor"), 30, 3) "]", 40, 5,
             10 * 1000 + 2 * 10000 + 30 * 100000 + 3 * 1000000);
}

static void what_a_fallback_served_is_not_counted_twice(void **state) {
    (void)state;
    answered("[" GO("message", OF("n"), 10, 1) "," GO("fallback_message", OF("advisor"), 10, 2) "]", 20, 3,
             10 * 1000 + 1 * 10000 + 10 * 100000 + 2 * 1000000);
}

/* What was read from a cache and written to one is input too, at the price of input where it has none. */
static void what_the_cache_gave_and_took_is_counted(void **state) {
    (void)state;
    answered("[{\"type\":\"message\",\"input_tokens\":10,\"output_tokens\":2},{\"type\":\"advisor_message\",\"model\":"
             "\"advisor\",\"input_tokens\":7,\"output_tokens\":3,\"cache_read_input_tokens\":20,"
             "\"cache_creation_input_tokens\":30}]",
             10 + 7 + 20 + 30, 2 + 3, 10 * 1000 + 2 * 10000 + 57 * 100000 + 3 * 1000000);
}

static void a_model_of_which_no_price_is_known_costs_as_the_target(void **state) {
    (void)state;
    answered("[" GO("message", "", 10, 2) "," GO("advisor_message", OF("nobodys"), 30, 3) "]", 40, 5,
             40 * 1000 + 5 * 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_list_the_counts_above_it_are_all),
        cmocka_unit_test(a_compaction_stands_nowhere_else),
        cmocka_unit_test(an_advisor_is_charged_at_its_own_price),
        cmocka_unit_test(what_a_fallback_served_is_not_counted_twice),
        cmocka_unit_test(what_the_cache_gave_and_took_is_counted),
        cmocka_unit_test(a_model_of_which_no_price_is_known_costs_as_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
