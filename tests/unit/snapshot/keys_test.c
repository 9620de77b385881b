/* Which keys rest: one caller alone takes none from the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "snapshot/keys.h"

struct world {
    struct key_cells cells[2], *list[2];
    struct provider provider;
};

static void begin(struct world *world) {
    *world = (struct world){.provider = {.key_count = 2}};
    for (size_t i = 0; i < 2; i++) world->list[i] = &world->cells[i];
    world->provider.key_cells = world->list;
}

static bool rests(const struct world *world, size_t key, uint64_t now_ns) {
    return cooldown_until_ns(&world->cells[key].cooldown) > now_ns;
}

static void a_rest_is_as_long_as_its_reason(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    key_rest(&world.provider, 0, key_rest_rate, 0, 0);
    assert_true(rests(&world, 0, NS_PER_S - 1) && !rests(&world, 0, NS_PER_S));
    key_rest(&world.provider, 0, key_rest_rate, 5000, 0);
    assert_true(rests(&world, 0, 5 * NS_PER_S - 1) && !rests(&world, 0, 5 * NS_PER_S));
    key_rest(&world.provider, 0, key_rest_quota, 5000, 0); /* whatever Retry-After says of it */
    assert_true(rests(&world, 0, 3600 * NS_PER_S - 1) && !rests(&world, 0, 3600 * NS_PER_S));
    key_rest(&world.provider, 0, key_rest_rate, 1000, 0); /* of a request that was on its way */
    assert_int_equal(key_rest_why(&world.provider, 0), key_rest_quota);
    key_rest(&world.provider, 1, key_rest_rate, INT64_MAX, 0);
    assert_false(rests(&world, 1, 3600 * NS_PER_S));
}

static void a_probe_confirms_what_a_request_met(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    assert_false(key_probed(&world.provider, 0, 401, 0)); /* no request was refused */
    assert_false(key_suspect(&world.provider, 1, 7, 8, 0));
    assert_int_equal(key_to_probe(&world.provider, 0), 1);
    assert_false(key_probed(&world.provider, 0, 401, 0)); /* of another key */
    assert_false(key_probed(&world.provider, 1, 500, 0));
    assert_false(key_probed(&world.provider, 1, 0, 0));
    assert_false(rests(&world, 1, 0));
    assert_true(key_probed(&world.provider, 1, 401, 0));
    assert_true(rests(&world, 1, 59 * NS_PER_S) && key_rest_why(&world.provider, 1) == key_rest_refused);
    assert_int_equal(key_to_probe(&world.provider, 0), 0);
    assert_false(key_probed(&world.provider, 5, 401, 0));
}

/* Such a key never lists models: its 403 at a probe says nothing. */
static void a_key_that_may_never_probe_is_not_taken_by_one_caller(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    assert_false(key_suspect(&world.provider, 0, 7, 8, 0));
    assert_false(key_probed(&world.provider, 0, 403, 0));
    assert_false(rests(&world, 0, 0));
    assert_false(key_probed(&world.provider, 0, 200, 0)); /* it may: from now on a 403 tells */
    assert_true(key_probed(&world.provider, 0, 403, 0));
}

/* Two targets of the world's provider, each with its limits. */
struct limited {
    struct cell cells[2][2], *lists[2][2];
    struct target targets[2];
};

static void limits_begin(struct limited *limited, const struct world *world) {
    *limited = (struct limited){.cells = {{{0}}}};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < 2; i++) limited->lists[t][i] = &limited->cells[t][i];
        limited->targets[t] =
            (struct target){.provider = &world->provider, .name_hash = 77 + t, .limited = limited->lists[t]};
    }
}

static void a_models_limit_rests_the_key_for_that_model_alone(void **state) {
    struct world world;
    struct limited limited;
    (void)state;
    begin(&world);
    limits_begin(&limited, &world);
    const struct target *one = &limited.targets[0], *other = &limited.targets[1];
    for (int i = 0; i < 50; i++) assert_false(key_limited(one, 0, blame_nobody, 5000, 0));
    assert_int_equal(key_until_ns(one, 0, blame_nobody), 5 * NS_PER_S);
    assert_true(key_until_ns(other, 0, blame_nobody) == 0 && key_until_ns(one, 1, blame_nobody) == 0 &&
                !rests(&world, 0, 0));
    assert_true(keys_resting(one, 0) == 1 && keys_resting(other, 0) == 0 && keys_resting(one, 5 * NS_PER_S) == 0);
    assert_false(key_limited(one, 1, blame_nobody, 0, 0));
    assert_int_equal(key_until_ns(one, 1, blame_nobody), NS_PER_S);
    assert_false(key_limited(one, 1, blame_nobody, INT64_MAX, 0));
    assert_int_equal(key_until_ns(one, 1, blame_nobody), 60 * NS_PER_S); /* and then it is tried */
}

static void when_two_models_meet_it_and_nothing_is_answered_it_is_the_keys(void **state) {
    struct world world;
    struct limited limited;
    (void)state;
    begin(&world);
    limits_begin(&limited, &world);
    const struct target *one = &limited.targets[0], *other = &limited.targets[1];
    assert_false(key_limited(one, 0, blame_nobody, 3000, 0));
    assert_false(key_limited(other, 1, blame_nobody, 3000, 0)); /* another key's */
    key_answered(&world.provider, 0);
    assert_false(key_limited(other, 0, blame_nobody, 3000, 0));           /* something was answered in between */
    assert_false(key_limited(one, 0, blame_nobody, 3000, 62 * NS_PER_S)); /* too long ago */
    assert_true(key_limited(other, 0, blame_nobody, 3600000, 63 * NS_PER_S));
    assert_true(rests(&world, 0, (63 + 59) * NS_PER_S) &&
                !rests(&world, 0, (63 + 60) * NS_PER_S)); /* then it is tried */
    assert_int_equal(key_rest_why(&world.provider, 0), key_rest_rate);
    assert_false(rests(&world, 1, 0));
}

/* "Request too large": what one caller asks for must not hold the others. */
static void what_one_client_meets_holds_that_client_alone(void **state) {
    struct world world;
    struct limited limited;
    enum { alice = 0x1111, bob = 0x2222 };
    (void)state;
    begin(&world);
    limits_begin(&limited, &world);
    const struct target *one = &limited.targets[0], *other = &limited.targets[1];
    for (int i = 0; i < 50; i++) assert_false(key_limited(i % 2 ? one : other, 0, alice, 5000, 0));
    assert_int_equal(key_until_ns(one, 0, alice), 5 * NS_PER_S);
    assert_int_equal(key_until_ns(one, 0, bob), 0);
    assert_true(!rests(&world, 0, 0) && keys_resting(one, 0) == 0);
    assert_true(key_limited(one, 0, bob, 3000, NS_PER_S));        /* both models, both clients */
    assert_int_equal(key_until_ns(one, 0, 0x3333), 4 * NS_PER_S); /* bob was told 3 s */
    assert_true(keys_resting(one, NS_PER_S) == 1 && rests(&world, 0, 2 * NS_PER_S - 1));
    assert_false(rests(&world, 0, 2 * NS_PER_S)); /* what one of them was told is not the others' time */
}

static void a_target_made_for_one_request_remembers_nothing(void **state) {
    struct world world;
    (void)state;
    begin(&world);
    struct target target = {.provider = &world.provider, .name_hash = 5};
    assert_false(key_limited(&target, 0, blame_nobody, 5000, 0));
    key_limit_until(&target, 0, NS_PER_S, 0);
    assert_true(key_until_ns(&target, 0, blame_nobody) == 0 && keys_resting(&target, 0) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rest_is_as_long_as_its_reason),
        cmocka_unit_test(a_probe_confirms_what_a_request_met),
        cmocka_unit_test(a_key_that_may_never_probe_is_not_taken_by_one_caller),
        cmocka_unit_test(a_models_limit_rests_the_key_for_that_model_alone),
        cmocka_unit_test(when_two_models_meet_it_and_nothing_is_answered_it_is_the_keys),
        cmocka_unit_test(what_one_client_meets_holds_that_client_alone),
        cmocka_unit_test(a_target_made_for_one_request_remembers_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
