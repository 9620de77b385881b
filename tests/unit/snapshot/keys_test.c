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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rest_is_as_long_as_its_reason),
        cmocka_unit_test(a_probe_confirms_what_a_request_met),
        cmocka_unit_test(a_key_that_may_never_probe_is_not_taken_by_one_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
