/* flight_usage_test.c - what a reply that is passed on tells of itself in its end, in each dialect. */
#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m, whisper-1], prices: {unlisted: {input: 3}, m: "
    "{input: 1, "
    "output: 10, search: 0.001, rows: [{when: {tier: flex}, times: 0.5}]}}}\n"
    "  a: {type: anthropic, api_key: sk-other-other-other, models: [n], prices: {n: {input: 1, output: 10, "
    "cached_input: 0.1, cache_write: 2, search: 0.001, rows: [{when: {cache_ttl: 1h}, set: "
    "{cache_write: 3}}, {when: {speed: fast}, times: 2}, {when: {region: us}, times: 1.1}]}}}\n";

static struct flight *told(struct flight_world *world, enum endpoint endpoint, const char *asked, const char *type,
                           const char *body) {
    flight_world_begin(world, yaml);
    struct flight *flight = flight_world_ask_of(world, (struct flight_request){.endpoint = endpoint}, asked);
    flight_world_head(world, flight, 0, 200, type);
    flight_world_body(world, flight, 0, body);
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end});
    return flight;
}

static void a_message_tells_how_it_was_served(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = told(
        &world, endpoint_messages,
        "{\"model\":\"n\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "application/json",
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}],"
        "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":100,"
        "\"cache_creation_input_tokens\":30,\"cache_creation\":{\"ephemeral_5m_input_tokens\":20,"
        "\"ephemeral_1h_input_tokens\":10},\"output_tokens\":2,\"service_tier\":\"standard\",\"speed\":\"fast\","
        "\"inference_geo\":\"us\",\"server_tool_use\":{\"web_search_requests\":3}}}");
    const struct attempt *attempt = flight->attempts[0];
    assert_int_equal(attempt->usage.input_tokens, 140);
    assert_int_equal(attempt->meter.count[meter_cache_write_1h], 10);
    /* 2.2 x (10 x 1 + 100 x 0.1 + 20 x 2 + 10 x 3 + 2 x 10) millionths of a dollar, and three searches */
    assert_int_equal(attempt->cost_nano_usd, 242000 + 3000000);
    assert_int_equal(attempt->cost_shares[price_share_tools], 3000000);
    assert_int_equal(attempt->cost_shares[price_share_cache_writes], 154000);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_chat_tells_its_tier_and_its_cost_is_kept_beside_ours(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = told(&world, endpoint_chat, FLIGHT_CHAT("o/m", "false"), "application/json",
                                 "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
                                 "\"service_tier\":\"flex\",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,"
                                 "\"cost\":0.5}}");
    assert_int_equal(flight->attempts[0]->cost_nano_usd, 15000);
    assert_int_equal(flight->attempts[0]->usage.cost_nano_usd, 500000000);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_cost_that_only_the_provider_knows_is_the_cost(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = told(&world, endpoint_chat, FLIGHT_CHAT("o/unheard-of", "false"), "application/json",
                                 "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
                                 "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"cost\":0.5}}");
    assert_int_equal(flight->attempts[0]->cost_nano_usd, 500000000);
    assert_int_equal(flight->attempts[0]->cost_shares[price_share_fees], 500000000);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* As if it were listed: its name is enough. */
static void a_price_that_is_written_holds_for_a_model_that_is_in_no_list(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = told(&world, endpoint_chat, FLIGHT_CHAT("o/unlisted", "false"), "application/json",
                                 "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
                                 "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2}}");
    assert_int_equal(flight->attempts[0]->cost_nano_usd, 30000);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_tells_how_it_was_served),
        cmocka_unit_test(a_chat_tells_its_tier_and_its_cost_is_kept_beside_ours),
        cmocka_unit_test(a_price_that_is_written_holds_for_a_model_that_is_in_no_list),
        cmocka_unit_test(a_cost_that_only_the_provider_knows_is_the_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
