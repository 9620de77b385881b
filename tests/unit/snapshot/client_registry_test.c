/* client_registry_test.c - clients made at run time: found among a million by as few words as among ten, changed by one
 * store, each under each configuration what that says. */
#include "snapshot/client_registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/memory.h"

struct world {
    struct client_registry registry;
    unsigned bound; /* how often something was */
    bool unfit;     /* nothing fits */
    int64_t expires_s;
    struct client_cells cells;
};

static bool bind(void *context, const struct snapshot *snapshot, const struct client_record *record,
                 struct client_bound *bound) {
    struct world *world = context;
    (void)snapshot;
    world->bound++;
    arena_init(&bound->arena, 512, 4096);
    struct client *client = arena_take_zeroed(&bound->arena, sizeof *client);
    assert_non_null(client);
    client->name = arena_copy(&bound->arena, record->name);
    client->expires_s = world->expires_s;
    client->disabled = str_eq(record->settings, STR("off"));
    client->cells = &world->cells;
    bound->client = world->unfit ? NULL : client;
    str_copy(bound->problem, sizeof bound->problem, STR("it does not fit"));
    return !world->unfit;
}

static int begin(void **state) {
    struct world *world = memory_take_zeroed(sizeof *world);
    assert_non_null(world);
    assert_true(hash_start());
    assert_true(client_registry_init(&world->registry, bind, world));
    *state = world;
    return 0;
}

static int end(void **state) {
    struct world *world = *state;
    client_registry_free(&world->registry);
    memory_give(world);
    return 0;
}

static void replaced_give(struct client_replaced *replaced) {
    for (size_t i = 0; i < sizeof replaced->memory / sizeof *replaced->memory; i++) memory_give(replaced->memory[i]);
    *replaced = (struct client_replaced){{NULL}};
}

/* SHA-256 of what is presented; any bytes do. */
static struct sha256 key_of(uint32_t number) {
    struct sha256 key = {{0}};
    memcpy(key.bytes, &number, sizeof number);
    return key;
}

static struct client_record *record_for(struct world *world, uint32_t number, struct str settings) {
    char name[16];
    struct sha256 key = key_of(number);
    snprintf(name, sizeof name, "c%u", number);
    struct client_record *record = client_record_new(str_from(name), settings);
    assert_non_null(record);
    record->digest = client_registry_digest(&world->registry, &key);
    return record;
}

static void add(struct world *world, uint32_t number) {
    struct client_replaced replaced = {{NULL}};
    assert_true(client_registry_reserve(&world->registry, &replaced));
    assert_int_equal(client_registry_add(&world->registry, record_for(world, number, STR("{}"))), number);
    replaced_give(&replaced);
}

static enum client_answer ask(struct world *world, struct snapshot *snapshot, uint32_t number, int64_t now_s,
                              struct client_found *found) {
    struct sha256 key = key_of(number);
    return client_registry_ask(&world->registry, snapshot, &key, now_s, found);
}

static void change(struct world *world, uint32_t number, struct client_record *record) {
    struct client_replaced replaced = {{NULL}};
    assert_true(client_registry_reserve(&world->registry, &replaced));
    client_registry_replace(&world->registry, number, record, &replaced);
    assert_non_null(replaced.memory[2]);
    replaced_give(&replaced);
}

static void snapshot_end(struct snapshot *snapshot) { client_bounds_free(atomic_load(&snapshot->bounds)); }

static void each_is_found_by_its_key_and_nobody_else(void **state) {
    struct world *world = *state;
    struct snapshot snapshot = {.generation = 1};
    struct client_found found;
    char name[16];
    for (uint32_t i = 0; i < 3000; i++) add(world, i);
    for (uint32_t i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "c%u", i);
        assert_int_equal(ask(world, &snapshot, i, 0, &found), i < 3000 ? client_known : client_unknown);
        if (i < 3000) assert_true(found.number == i && str_eq(found.client->name, str_from(name)));
        assert_int_equal(client_registry_number(&world->registry, str_from(name)), i < 3000 ? i : registry_none);
    }
    assert_int_equal(world->bound, 3000);
    assert_int_equal(ask(world, &snapshot, 7, 0, &found), client_known); /* not bound again */
    assert_int_equal(world->bound, 3000);
    snapshot_end(&snapshot);
}

/* The words that a request looks at, over a thousand keys of theirs. */
static double words_looked_at(struct world *world, uint32_t count) {
    enum { asked = 1000 };
    struct snapshot snapshot = {.generation = 1};
    struct client_found found;
    uint64_t before = atomic_load(&world->registry.probes);
    for (uint32_t i = 0; i < asked; i++) assert_int_equal(ask(world, &snapshot, i % count, 0, &found), client_known);
    snapshot_end(&snapshot);
    return (double)(atomic_load(&world->registry.probes) - before) / asked;
}

static void a_million_keys_cost_a_request_no_more_than_ten(void **state) {
    struct world *world = *state;
    struct client_found found;
    struct snapshot snapshot = {.generation = 1};
    for (uint32_t i = 0; i < 10; i++) add(world, i);
    double few = words_looked_at(world, 10);
    for (uint32_t i = 10; i < 1000000; i++) add(world, i);
    double many = words_looked_at(world, 1000000);
    assert_true(few >= 1 && few < 2.5 && many >= 1 && many < 2.5);
    uint64_t before = atomic_load(&world->registry.probes);
    for (uint32_t i = 0; i < 1000; i++) assert_int_equal(ask(world, &snapshot, 2000000 + i, 0, &found), client_unknown);
    assert_true(atomic_load(&world->registry.probes) - before < 3500); /* strangers neither */
    /* A change looks at no other: one record is made, and one is given back. */
    unsigned bound = world->bound;
    change(world, 777777, record_for(world, 777777, STR("off")));
    assert_int_equal(ask(world, &snapshot, 777777, 0, &found), client_is_disabled);
    assert_int_equal(world->bound, bound + 1);
    snapshot_end(&snapshot);
}

static void memory_for_a_key_is_bounded(void **state) {
    (void)state;
    size_t words = 2 * 8 * sizeof(uint64_t); /* two tables, at most eight words a client just after they have grown */
    assert_true(sizeof(struct client_record) + sizeof(struct client_slot) + words <= 360);
}

static void a_rotated_key_holds_for_its_grace(void **state) {
    struct world *world = *state;
    struct snapshot snapshot = {.generation = 1};
    struct client_found found;
    add(world, 0);
    struct client_record *next = record_for(world, 0, STR("{}"));
    struct sha256 key = key_of(99);
    next->previous = next->digest;
    next->previous_until_s = 100;
    next->digest = client_registry_digest(&world->registry, &key);
    uint32_t version = atomic_load(&client_registry_slot(&world->registry, 0)->version);
    change(world, 0, next);
    assert_int_not_equal(atomic_load(&client_registry_slot(&world->registry, 0)->version), version);
    assert_int_equal(ask(world, &snapshot, 0, 99, &found), client_known);
    assert_int_equal(found.until_s, 100);
    assert_int_equal(ask(world, &snapshot, 0, 100, &found), client_unknown);
    assert_int_equal(ask(world, &snapshot, 99, 100, &found), client_known);
    assert_int_equal(found.until_s, INT64_MAX);
    snapshot_end(&snapshot);
}

static void many_rotations_leave_nothing_behind(void **state) {
    struct world *world = *state;
    struct snapshot snapshot = {.generation = 1};
    struct client_found found;
    add(world, 0);
    for (uint32_t i = 1; i <= 5000; i++) {
        struct client_record *next = record_for(world, 0, STR("{}"));
        struct sha256 key = key_of(i), before = key_of(i - 1);
        next->digest = client_registry_digest(&world->registry, &key);
        next->previous = client_registry_digest(&world->registry, &before);
        next->previous_until_s = 10;
        change(world, 0, next);
        assert_int_equal(ask(world, &snapshot, i, 0, &found), client_known);
        assert_int_equal(ask(world, &snapshot, i - 1, 0, &found), client_known);
        if (i > 1) assert_int_equal(ask(world, &snapshot, i - 2, 0, &found), client_unknown);
    }
    assert_true(atomic_load(&world->registry.keys)->size <= 64);
    snapshot_end(&snapshot);
}

static void who_is_revoked_disabled_expired_or_unfit_is_told_so(void **state) {
    struct world *world = *state;
    struct snapshot first = {.generation = 1}, second = {.generation = 2};
    struct client_found found;
    for (uint32_t i = 0; i < 3; i++) add(world, i);
    assert_int_equal(atomic_load(&world->registry.live), 3);
    struct client_record *revoked = record_for(world, 0, STR("{}"));
    revoked->revoked = true;
    change(world, 0, revoked);
    assert_int_equal(ask(world, &first, 0, 0, &found), client_is_revoked);
    assert_int_equal(atomic_load(&world->registry.live), 2);
    world->expires_s = 50;
    assert_int_equal(ask(world, &first, 1, 49, &found), client_known);
    assert_int_equal(found.until_s, 50);
    assert_int_equal(ask(world, &first, 1, 50, &found), client_is_expired);
    world->unfit = true;
    assert_int_equal(ask(world, &second, 2, 0, &found), client_unfit);
    assert_string_equal(found.problem, "it does not fit");
    assert_null(client_registry_named(&world->registry, &second, STR("c2")));
    assert_non_null(client_registry_named(&world->registry, &first, STR("c1"))); /* as it was bound before */
    snapshot_end(&first);
    snapshot_end(&second);
}

static void what_changes_have_outdated_is_counted(void **state) {
    struct world *world = *state;
    struct snapshot snapshot = {.generation = 1};
    struct client_found found;
    add(world, 0);
    assert_int_equal(client_bounds_outdated(&snapshot), 0);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(ask(world, &snapshot, 0, 0, &found), client_known);
        assert_int_equal(client_bounds_outdated(&snapshot), i);
        change(world, 0, record_for(world, 0, STR("{}")));
    }
    snapshot_end(&snapshot);
}

static void two_snapshots_at_once_have_each_its_own(void **state) {
    struct world *world = *state;
    struct snapshot older = {.generation = 1}, newer = {.generation = 2};
    struct client_found one, other, again;
    add(world, 0);
    assert_int_equal(ask(world, &older, 0, 0, &one), client_known);
    assert_int_equal(ask(world, &newer, 0, 0, &other), client_known);
    assert_int_equal(ask(world, &older, 0, 0, &again), client_known);
    assert_true(one.client != other.client && one.client == again.client);
    assert_int_equal(world->bound, 2);
    snapshot_end(&older);
    assert_int_equal(ask(world, &newer, 0, 0, &again), client_known);
    assert_true(again.client == other.client);
    snapshot_end(&newer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_is_found_by_its_key_and_nobody_else),
        TEST(a_million_keys_cost_a_request_no_more_than_ten),
        TEST(memory_for_a_key_is_bounded),
        TEST(a_rotated_key_holds_for_its_grace),
        TEST(many_rotations_leave_nothing_behind),
        TEST(who_is_revoked_disabled_expired_or_unfit_is_told_so),
        TEST(what_changes_have_outdated_is_counted),
        TEST(two_snapshots_at_once_have_each_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
