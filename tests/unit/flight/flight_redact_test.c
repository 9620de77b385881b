/* What a client's providers are not to read: it is taken out before anything is sent, or nothing is. */
#include "dialect/placeholders.h"
#include "flight_world.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_OF(word)                                                                              \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m]}}\n" \
    "clients: [{name: app, key_hash: '" H "', redact_to_providers: " word "}]\n"
#define BODY(words) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" words "\"}]}"

static void what_is_found_is_put_back_where_that_is_wanted_and_what_is_no_json_is_not_sent(void **state) {
    (void)state;
    static const struct {
        const char *file, *body;
        bool sent, put_back;
    } rows[] = {{FILE_OF("restore"), BODY("ada@example.com"), true, true},
                {FILE_OF("hide"), BODY("ada@example.com"), true, false},
                {FILE_OF("restore"), BODY("nothing"), true, false},
                {FILE_OF("'off'"), BODY("ada@example.com"), true, false},
                {FILE_OF("hide"), "ada@example.com", false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, rows[i].file);
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_chat, .client = &world.config.snapshot->clients[0]},
            rows[i].body);
        assert_int_equal(flight_world_asked(&world, action_call), rows[i].sent);
        assert_int_equal(flight_put_back(flight) != NULL, rows[i].put_back);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_is_put_back_where_that_is_wanted_and_what_is_no_json_is_not_sent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
