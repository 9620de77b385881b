/* Clients that take turns in a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/turns.h"

/* "a1": the first request of client a. */
struct waiter {
    struct turns_place place;
    char name[3];
};

static struct list line;
static struct waiter waiters[64];
static size_t waiter_count;
static const char here, there;

static void join(const char *names, const void *of) {
    for (; *names; names += 2) {
        struct waiter *waiter = &waiters[waiter_count++];
        memcpy(waiter->name, names, 2);
        turns_join(&line, &waiter->place, of, (uint64_t)names[0]);
    }
}

static void leave(const char *name) {
    for (size_t i = 0; i < waiter_count; i++)
        if (strcmp(waiters[i].name, name) == 0) turns_leave(&line, &waiters[i].place);
}

static void expect(const char *names, const void *of) {
    for (; *names; names += 2) {
        struct turns_place *place = turns_take(&line, of);
        assert_non_null(place);
        assert_memory_equal(LIST_OWNER(place, struct waiter, place)->name, names, 2);
    }
}

static int anew(void **state) {
    (void)state;
    list_init(&line);
    memset(waiters, 0, sizeof waiters);
    waiter_count = 0;
    return 0;
}

static void one_client_is_first_come_first_served(void **state) {
    (void)state;
    join("a1a2a3a4", &here);
    expect("a1a2a3a4", &here);
    assert_null(turns_take(&line, &here));
}

static void clients_take_turns_whoever_came_with_how_many(void **state) {
    (void)state;
    join("a1a2a3a4a5b1b2c1", &here);
    expect("a1b1c1a2b2a3", &here);
    join("c2", &here);
    expect("a4c2a5", &here);
    assert_true(list_empty(&line));
}

static void what_is_waited_for_has_its_own_turns(void **state) {
    (void)state;
    join("a1a2b1", &here);
    join("a3b2", &there);
    expect("a3", &there);
    expect("a1b1a2", &here);
    expect("b2", &there);
    assert_null(turns_take(&line, &there));
}

static void who_leaves_leaves_its_turn_to_its_clients_next(void **state) {
    (void)state;
    join("a1a2a3b1b2", &here);
    leave("a1");
    leave("a1");
    leave("b2");
    assert_int_equal(turns_waiting(&line, &here, 'a'), 2);
    assert_int_equal(turns_waiting(&line, &here, 'b'), 1);
    expect("a2b1a3", &here);
    assert_true(list_empty(&line));
    assert_int_equal(turns_waiting(&line, &here, 'a'), 0);
    join("a4a5a6a7", &here);
    leave("a6");
    leave("a4");
    assert_int_equal(turns_waiting(&line, &here, 'a'), 2);
    expect("a5a7", &here);
}

/* Any order of coming, going and being served: nobody is lost, and each client is in its order. */
static void nobody_is_lost(void **state) {
    struct prng prng;
    prng_seed(&prng, 3);
    for (int round = 0; round < 2000; round++) {
        anew(state);
        unsigned order[64] = {0}, at[4] = {0}, stands = 0;
        size_t waiting = 0;
        for (int step = 0; step < 60; step++) {
            unsigned who = (unsigned)prng_below(&prng, 4);
            size_t any = waiter_count ? (size_t)prng_below(&prng, waiter_count) : 0;
            switch (prng_below(&prng, 3)) {
            case 0:
                order[waiter_count] = (unsigned)waiter_count + 1;
                turns_join(&line, &waiters[waiter_count++].place, &here, who);
                stands++;
                break;
            case 1:
                if (waiter_count && waiters[any].place.of) stands--, turns_leave(&line, &waiters[any].place);
                break;
            default: {
                struct turns_place *place = turns_take(&line, &here);
                assert_int_equal(place != NULL, stands > 0);
                if (!place) break;
                size_t taken = (size_t)(LIST_OWNER(place, struct waiter, place) - waiters);
                assert_true(order[taken] > at[place->client]);
                at[place->client] = order[taken];
                stands--;
            }
            }
        }
        for (uint64_t who = 0; who < 4; who++) waiting += turns_waiting(&line, &here, who);
        assert_int_equal(waiting, stands);
        while (turns_take(&line, &here)) stands--;
        assert_int_equal(stands, 0);
        assert_true(list_empty(&line));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_client_is_first_come_first_served, anew),
        cmocka_unit_test_setup(clients_take_turns_whoever_came_with_how_many, anew),
        cmocka_unit_test_setup(what_is_waited_for_has_its_own_turns, anew),
        cmocka_unit_test_setup(who_leaves_leaves_its_turn_to_its_clients_next, anew),
        cmocka_unit_test(nobody_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
