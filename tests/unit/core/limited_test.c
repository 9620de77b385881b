/* Until when a limit is reached, and for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/limited.h"

static const uint64_t ms = 1000000;
enum { alice = 0x1111, bob = 0x2222 };

static void it_holds_the_one_who_met_it_until_a_second_one_does(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_int_equal(limited_until_ns(&cell, alice), 0);
    limited_note(&cell, alice, 5 * ms, 0);
    limited_note(&cell, alice, 4 * ms, 0);
    assert_true(limited_until_ns(&cell, alice) == 5 * ms && limited_until_ns(&cell, bob) == 0);
    assert_int_equal(limited_until_ns(&cell, blame_nobody), 0);
    limited_note(&cell, bob, 3 * ms, 2 * ms); /* until then both have met it */
    assert_true(limited_until_ns(&cell, bob) == 3 * ms && limited_until_ns(&cell, blame_nobody) == 3 * ms);
    limited_note(&cell, blame_nobody, 9 * ms, 2 * ms);
    assert_int_equal(limited_until_ns(&cell, alice), 9 * ms);
}

static void how_long_one_is_held_never_says_how_long_all_are(void **state) {
    struct cell cell = {0};
    (void)state;
    limited_note(&cell, alice, 60 * ms, 0);
    limited_note(&cell, blame_nobody, 2 * ms, 0);
    assert_true(limited_until_ns(&cell, bob) == 2 * ms && limited_until_ns(&cell, blame_nobody) == 2 * ms);
    limited_note(&cell, alice, 60 * ms, 1 * ms); /* one of hers that was under way */
    assert_true(limited_until_ns(&cell, bob) == 2 * ms && limited_until_ns(&cell, blame_nobody) == 2 * ms);
    limited_note(&cell, alice, 60 * ms, 3 * ms);
    limited_note(&cell, bob, 4 * ms, 3 * ms);
    assert_int_equal(limited_until_ns(&cell, blame_nobody), 4 * ms);
    limited_note(&cell, alice, 60 * ms, 5 * ms);
    assert_int_equal(limited_until_ns(&cell, bob), 0);
}

static void once_it_is_over_the_next_one_begins_anew(void **state) {
    struct cell cell = {0};
    (void)state;
    limited_note(&cell, alice, 5 * ms, 0);
    limited_note(&cell, bob, 8 * ms, 5 * ms);
    assert_true(limited_until_ns(&cell, bob) == 8 * ms && limited_until_ns(&cell, alice) == 0);
    limited_note(&cell, blame_nobody, 9 * ms, 6 * ms);
    assert_int_equal(limited_until_ns(&cell, alice), 9 * ms);
}

static void what_a_provider_says_of_all_holds_all_and_a_hash_of_zero_is_somebody(void **state) {
    struct cell cell = {0};
    (void)state;
    limited_note(&cell, 0, 5 * ms, 0);
    assert_true(limited_until_ns(&cell, 0) == 5 * ms && limited_until_ns(&cell, bob) == 0);
    limited_note(&cell, blame_nobody, 4 * ms, 0);
    assert_int_equal(limited_until_ns(&cell, bob), 4 * ms);
    limited_note(&cell, blame_nobody, UINT64_MAX, 0);
    assert_true(limited_until_ns(&cell, bob) > 1ull << 57);
}

/* Against a plain record of who met what: nobody is held by what it alone did not meet, nor let go before its time. */
static void drawn_notes_hold_as_a_plain_record_does(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct prng prng;
        prng_seed(&prng, seed);
        struct cell cell = {0};
        uint64_t now = 1, until = 0, owner = 0;
        for (unsigned i = 0; i < 200; i++) {
            uint64_t client = prng_next(&prng) % 3 ? 1 + prng_next(&prng) % 3 : blame_nobody;
            uint64_t next = now + (1 + prng_next(&prng) % 50) * ms;
            limited_note(&cell, client, next, now);
            next = next / 1000 * 1000;
            if (until <= now)
                until = next, owner = client;
            else if (owner == client)
                until = until > next ? until : next;
            else if (owner != blame_nobody)
                until = client == blame_nobody || next < until ? next : until, owner = blame_nobody;
            for (uint64_t one = 1; one <= 4; one++)
                assert_int_equal(limited_until_ns(&cell, one), owner == blame_nobody || owner == one ? until : 0);
            now += prng_next(&prng) % (40 * ms);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_the_one_who_met_it_until_a_second_one_does),
        cmocka_unit_test(how_long_one_is_held_never_says_how_long_all_are),
        cmocka_unit_test(once_it_is_over_the_next_one_begins_anew),
        cmocka_unit_test(what_a_provider_says_of_all_holds_all_and_a_hash_of_zero_is_somebody),
        cmocka_unit_test(drawn_notes_hold_as_a_plain_record_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
