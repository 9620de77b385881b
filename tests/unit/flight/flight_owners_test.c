/* A request passes when its client and each owner above it pass; whom one refuses costs the others nothing. */
#include "flight_world.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define FILE_OF(top, team)                                                                              \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m]}}\n"      \
    "owners: [{name: team, in: top, kind: team, " team "}, {name: top, kind: organization, " top "}]\n" \
    "clients: [{name: one, in: team, key_hash: '" A "'}, {name: two, in: top, key_hash: '" B            \
    "', rate_limit_rpm: 100}]\n"

static struct flight *ask(struct flight_world *world, size_t client) {
    return flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint_chat, .client = &world->config.snapshot->clients[client]},
        FLIGHT_CHAT("m", "false"));
}

static bool passes(struct flight_world *world, size_t client) {
    struct flight *flight = ask(world, client);
    bool passed = flight_world_asked(world, action_call) == 1;
    flight_world_drop(world, flight);
    return passed;
}

static void an_owners_rate_is_one_for_all_below_it(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("rate_limit_rpm: 3", "rate_limit_rpm: 2"));
    assert_true(passes(&world, 0) && passes(&world, 0));
    struct flight *refused = ask(&world, 0);
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_true(flight_world_wrote(&world, "The rate limit of team team"));
    assert_true(flight_world_wrote(&world, "\"scope\":\"client\""));
    flight_world_drop(&world, refused);
    assert_true(passes(&world, 1)); /* the third of the top's: what the team refused took nothing of it */
    assert_false(passes(&world, 1));
    assert_int_equal(limiter_left(&world.config.snapshot->clients[1].cells->requests_minute,
                                  &world.config.snapshot->clients[1].rates.requests_minute, world.now.mono_ns),
                     99); /* nor did what the top refused take of its client's */
    world.now.mono_ns += 60 * NS_PER_S;
    assert_true(passes(&world, 0));
    flight_world_end(&world);
}

static void an_owners_places_are_given_back(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("max_concurrent: 2", "max_concurrent: 1"));
    struct flight *first = ask(&world, 0);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_false(passes(&world, 0)); /* the team has one */
    struct flight *second = ask(&world, 1);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_false(passes(&world, 1)); /* the top two */
    flight_world_drop(&world, first);
    assert_true(passes(&world, 0));
    flight_world_drop(&world, second);
    for (size_t i = 0; i < world.config.snapshot->owner_count; i++)
        assert_int_equal(gate_in_use(&world.config.snapshot->owners[i].cells->gate), 0);
    flight_world_end(&world);
}

static void an_owners_tokens_settle_to_what_was_used(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("rate_limit_tpm: 1000", "rate_limit_tpm: 900"));
    struct flight *flight = ask(&world, 0);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    flight_world_drop(&world, flight);
    const struct owner *owners = world.config.snapshot->owners;
    assert_int_equal(limiter_left(&owners[0].cells->tokens_minute, &owners[0].rates.tokens_minute, world.now.mono_ns),
                     900 - 9);
    assert_int_equal(limiter_left(&owners[1].cells->tokens_minute, &owners[1].rates.tokens_minute, world.now.mono_ns),
                     1000 - 9);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owners_rate_is_one_for_all_below_it),
        cmocka_unit_test(an_owners_places_are_given_back),
        cmocka_unit_test(an_owners_tokens_settle_to_what_was_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
