/* flight_names_test.c - what a body names beside its model, and whether its client may. */
#include "flight_world.h"

#include <stdio.h>

#define KEY_HASH "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char yaml[] = "state_dir: ./state\n"
                           "providers: {o: {type: openai, api_key: sk-secret-secret-secret, models: [m, small-1]}}\n"
                           "clients:\n"
                           "  - {name: kept, key_hash: a" KEY_HASH ", models: [m, \"small-*\", \"o/large\"]}\n"
                           "  - {name: free, key_hash: b" KEY_HASH "}\n"
                           "  - {name: raw, key_hash: c" KEY_HASH ", raw: true}\n";
enum { kept, without_raw, with_raw, host };

/* Of this client (host: of none), its body not sent yet. */
static struct flight *begun(struct flight_world *world, unsigned client) {
    flight_world_begin(world, yaml);
    return flight_world_new_of(
        world, (struct flight_request){.endpoint = endpoint_chat,
                                       .client = client == host ? NULL : &world->config.snapshot->clients[client]});
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void a_client_is_kept_where_it_may_not_use_every_model(void **state) {
    static const bool is_kept[] = {true, false, false, false}, may_stored[] = {false, false, true, true};
    (void)state;
    for (unsigned client = kept; client <= host; client++) {
        struct flight_world world;
        struct flight *flight = begun(&world, client);
        assert_int_equal(client_is_kept(flight), is_kept[client]);
        assert_int_equal(client_may_name_stored(flight), may_stored[client]);
        end(&world, flight);
    }
}

static void a_model_is_allowed_by_its_name_or_by_its_providers_too(void **state) {
    static const struct {
        const char *provider, *model;
        bool may;
    } rows[] = {{"", "m", true},      {"", "small-7", true}, {"", "large", false},
                {"o", "large", true}, {"p", "large", false}, {"p", "small-7", true},
                {"", "M", false},     {"", "", false},       {"", "o/large", true}};
    struct flight_world world;
    (void)state;
    struct flight *flight = begun(&world, kept);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (client_may_model(flight, str_from(rows[i].provider), str_from(rows[i].model)) != rows[i].may)
            fail_msg("row %zu", i);
    end(&world, flight);
    flight = begun(&world, host);
    assert_true(client_may_model(flight, STR(""), STR("anything")));
    end(&world, flight);
}

static void a_name_counts_as_it_is_read_and_not_as_it_is_spelt(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = begun(&world, kept);
    assert_str_equal(name_of_model(flight, STR("small-1")), "small-1");
    assert_str_equal(name_of_model(flight, STR("sm\\u0061ll-1")), "small-1");
    assert_str_equal(name_of_model(flight, STR("models/m")), "m"); /* Google's own way to say it */
    assert_str_equal(name_of_model(flight, STR("models/models/m")), "models/m");
    assert_str_equal(name_of_model(flight, STR("mymodels/m")), "mymodels/m");
    assert_null(name_of_model(flight, STR("\\ud800")).at); /* half a character */
    end(&world, flight);
}

/* Of this client, with this beside model and messages. */
static void assert_admits(unsigned client, const char *more, enum error_code code, const char *member) {
    struct flight_world world;
    char body[256] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";
    strcat(strcat(strcat(body, *more ? "," : ""), more), "}");
    struct flight *flight = begun(&world, client);
    flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = str_from(body)});
    flight_world_tell(&world, flight, (struct event){.kind = event_body_end});
    assert_int_equal(flight->answer.error, code);
    assert_int_equal(flight->attempt_count, code ? 0 : 1);
    if (code) {
        char param[64];
        snprintf(param, sizeof param, "\"param\":\"%s\"", member);
        assert_true(flight_world_wrote(&world, param));
    }
    end(&world, flight);
}

static void a_kept_client_may_fall_back_on_its_own_models_alone(void **state) {
    (void)state;
    assert_admits(kept, "\"models\":[\"small-2\",\"m\"]", error_none, "");
    assert_admits(kept, "\"models\":[\"small-2\",\"large\"]", error_not_allowed, "models");
    assert_admits(kept, "\"models\":[\"\\ud800\"]", error_not_allowed, "models"); /* nobody knows what that is */
    assert_admits(kept, "\"extra_body\":{\"fallback_model\":\"large\"}", error_not_allowed, "extra_body");
    assert_admits(without_raw, "\"models\":[\"large\"]", error_none, "");
    assert_admits(host, "\"models\":[\"large\"]", error_none, "");
}

static void what_is_stored_at_a_provider_is_for_those_who_may_use_it_raw(void **state) {
    (void)state;
    assert_admits(without_raw, "\"conversation\":\"conv_1\"", error_not_allowed, "conversation");
    assert_admits(kept, "\"conversation\":\"conv_1\"", error_not_allowed, "conversation");
    assert_admits(with_raw, "\"conversation\":\"conv_1\"", error_none, "");
    assert_admits(host, "\"conversation\":\"conv_1\"", error_none, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_kept_where_it_may_not_use_every_model),
        cmocka_unit_test(a_model_is_allowed_by_its_name_or_by_its_providers_too),
        cmocka_unit_test(a_name_counts_as_it_is_read_and_not_as_it_is_spelt),
        cmocka_unit_test(a_kept_client_may_fall_back_on_its_own_models_alone),
        cmocka_unit_test(what_is_stored_at_a_provider_is_for_those_who_may_use_it_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
