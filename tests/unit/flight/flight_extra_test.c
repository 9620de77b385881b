/* flight_extra_test.c - repeats, hedges and far failovers: a route's share of its requests, of which one client takes
 * half. */
#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "clients:\n"
    "  - {name: alice, key_hash: 2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90}\n"
    "  - {name: bob, key_hash: 81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9}\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
    "routes: [{model: m, targets: [o/m]}]\n";

static const struct {
    enum extra kind;
    unsigned floor, half;
} kinds[] = {{extra_repeat, 10, 5}, {extra_hedge, 1, 1}, {extra_failover, 50, 25}};

/* How many more it may take. */
static unsigned taken_by(const struct flight_world *world, const struct flight *flight, enum extra kind) {
    unsigned taken = 0;
    while (taken < 1000 && extra_would_take(flight, kind, world->now)) {
        assert_true(extra_take(flight, kind, world->now));
        taken++;
    }
    assert_false(extra_take(flight, kind, world->now));
    return taken;
}

static struct flight *asked_by(struct flight_world *world, const char *name) {
    const struct snapshot *snapshot = world->config.snapshot;
    for (size_t i = 0; i < snapshot->client_count; i++)
        if (str_eq(snapshot->clients[i].name, str_from(name)))
            return flight_world_ask_of(
                world, (struct flight_request){.endpoint = endpoint_chat, .client = &snapshot->clients[i]},
                FLIGHT_CHAT("m", "false"));
    fail_msg("no client %s", name);
    return NULL;
}

static void one_client_of_several_takes_half_and_leaves_the_others_theirs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *alices = asked_by(&world, "alice"), *bobs = asked_by(&world, "bob");
        assert_int_equal(taken_by(&world, alices, kinds[i].kind), kinds[i].half);
        assert_int_equal(taken_by(&world, bobs, kinds[i].kind), kinds[i].floor - kinds[i].half);
        world.now.mono_ns += 2 * share_window_ns; /* another window, and all of it again */
        assert_int_equal(taken_by(&world, bobs, kinds[i].kind), kinds[i].half);
        flight_world_drop(&world, alices);
        flight_world_drop(&world, bobs);
        flight_world_end(&world);
    }
}

static void who_is_alone_takes_all_of_it(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        assert_int_equal(taken_by(&world, flight, kinds[i].kind), kinds[i].floor);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_client_of_several_takes_half_and_leaves_the_others_theirs),
        cmocka_unit_test(who_is_alone_takes_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
