/* A loop guard: what it warns of is served and told, what it refuses is not sent. */
#include "flight_world.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_TEXT                                                                                  \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m]}}\n" \
    "clients: [{name: app, key_hash: '" H "', loop_guard: {warn: 2, refuse: 3}}]\n"
#define CALL "{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"ls\",\"arguments\":\"{}\"}}]},"
#define BODY(calls) "{\"model\":\"m\",\"messages\":[" calls "{\"role\":\"tool\",\"content\":\"x\"}]}"

static void what_it_warns_of_is_served_and_what_it_refuses_is_not_sent(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t told;
        bool refused, of_client;
    } rows[] = {{BODY(CALL), 0, false, true},
                {BODY(CALL CALL), 2, false, true},
                {BODY(CALL CALL CALL), 3, true, true},
                {BODY(CALL CALL CALL), 0, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, FILE_TEXT);
        const struct client *client = rows[i].of_client ? &world.config.snapshot->clients[0] : NULL;
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_chat, .client = client}, rows[i].body);
        struct flight_facts facts = flight_facts(flight);
        assert_int_equal(facts.loop_calls, rows[i].told);
        assert_int_equal(facts.error == error_tool_loop, rows[i].refused);
        assert_int_equal(flight_world_asked(&world, action_call), !rows[i].refused);
        if (rows[i].told) assert_true(str_eq(facts.loop_tool, STR("ls")));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_it_warns_of_is_served_and_what_it_refuses_is_not_sent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
