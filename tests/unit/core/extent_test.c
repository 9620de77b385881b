/* Streams that reserve as they go: in every order of small steps all that can be billed is reserved, or the stream is
 * ended while it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/extent.h"

static void it_begins_with_what_is_usual_and_the_margin(void **state) {
    (void)state;
    struct extent extent = extent_of(1000, 200, 50);
    assert_int_equal(extent.covered, 250);
    assert_int_equal(extent.slice, 200);
    assert_true(extent_is_open(&extent));
    assert_int_equal(extent_needs(&extent), 50);
    extent = extent_of(1000, 1, 0);
    assert_int_equal(extent.covered, 1);
    assert_int_equal(extent.slice, 64); /* not at each token anew */
    extent = extent_of(100, 80, 50);
    assert_int_equal(extent.covered, 100); /* the whole: nothing is left to extend */
    assert_false(extent_is_open(&extent));
    extent = extent_of(INT64_MAX, INT64_MAX, INT64_MAX);
    assert_int_equal(extent.covered, INT64_MAX);
    struct extent none = {0};
    assert_false(extent_is_open(&none));
}

static void a_byte_is_a_token_until_its_provider_counts(void **state) {
    (void)state;
    struct extent extent = extent_of(1000, 100, 50);
    extent_saw(&extent, 30, -1);
    extent_saw(&extent, 20, -1);
    assert_int_equal(extent_bound(&extent), 50);
    assert_int_equal(extent_needs(&extent), 100);
    assert_int_equal(extent_wants(&extent), 200);
    extent_saw(&extent, 20, 12); /* these bytes may stand in the count or behind it */
    assert_int_equal(extent_bound(&extent), 32);
    extent_saw(&extent, 8, 12); /* no new count */
    assert_int_equal(extent_bound(&extent), 40);
    extent_saw(&extent, 8, 3);
    assert_int_equal(extent_bound(&extent), 48);
    assert_int_equal(extent_came(&extent), 12 + 9); /* about: 36 bytes behind the count */
    extent_saw(&extent, 0, 700);                    /* what it counts and nobody saw counts too */
    assert_int_equal(extent_bound(&extent), 700);
    extent_saw(&extent, UINT64_MAX, -1);
    extent_saw(&extent, UINT64_MAX, INT64_MAX);
    assert_int_equal(extent_bound(&extent), 1000); /* what goes up as the cap is the most */
    assert_int_equal(extent_wants(&extent), 1000);
}

static void who_is_ended_is_charged_what_came_and_the_margin(void **state) {
    (void)state;
    struct extent extent = extent_of(1000, 100, 50);
    extent_saw(&extent, 40, -1);
    assert_int_equal(extent_charge(&extent, 10), 60);
    assert_int_equal(extent_charge(&extent, 90), 90); /* never more than can have come */
    assert_int_equal(extent_charge(&extent, -1), 50);
    extent_saw(&extent, 100, -1);
    assert_int_equal(extent_charge(&extent, 120), 150); /* never more than is reserved */
    extent_covers(&extent, 400);
    assert_int_equal(extent_charge(&extent, 120), 170);
}

/* What a provider bills is played: it makes tokens of one to three bytes, is ahead of what comes by up to its margin,
 * and stops when it is hung up on. Whatever it does, with whatever money there is, what it bills is reserved. */
struct played {
    int64_t money, made, came;
    struct extent extent;
};

/* false: ended. */
static bool played_follow(struct played *played) {
    const struct extent *extent = &played->extent;
    if (extent_needs(extent) <= extent->covered) return true;
    int64_t tries[] = {extent_wants(extent), extent_needs(extent)};
    for (int i = 0; i < 2; i++) {
        if (tries[i] > played->money) continue;
        extent_covers(&played->extent, tries[i]);
        return true;
    }
    return false;
}

static void play(struct played played, unsigned depth, unsigned *ends, unsigned *wholes) {
    const int64_t whole = played.extent.whole;
    assert_true(played.made <= played.extent.covered); /* at every moment all that it bills */
    assert_true(played.extent.covered <= played.money);
    if (depth == 0 || played.came == whole) {
        *wholes += played.came == whole;
        return;
    }
    for (int64_t ahead = 0; ahead <= played.extent.margin; ahead++)
        for (unsigned bytes = 1; bytes <= 3; bytes++) {
            struct played next = played;
            next.came++;
            int64_t made = next.came + ahead > whole ? whole : next.came + ahead;
            if (made > next.made) next.made = made;
            if (next.made > next.came + played.extent.margin) continue;
            /* all this is made before it comes: it is covered by what was covered then */
            assert_true(next.came <= played.extent.covered);
            if (next.made > played.came + played.extent.margin) continue; /* more than it was said to be ahead */
            extent_saw(&next.extent, bytes, -1);
            if (played_follow(&next)) {
                play(next, depth - 1, ends, wholes);
            } else {
                (*ends)++;
                assert_true(next.made <= next.extent.covered);
                assert_true(extent_charge(&next.extent, next.came) <= next.extent.covered);
            }
        }
}

static void whatever_a_provider_does_what_it_bills_is_reserved(void **state) {
    unsigned ends = 0, wholes = 0;
    (void)state;
    for (int64_t whole = 1; whole <= 6; whole++)
        for (int64_t usual = 0; usual <= 3; usual++)
            for (int64_t margin = 1; margin <= 3; margin++)
                for (int64_t money = 1; money <= whole + 1; money++) {
                    struct played played = {.money = money, .extent = extent_of(whole, usual, margin)};
                    played.extent.slice = 1;
                    if (played.extent.covered > money) continue; /* it is not let in */
                    play(played, 6, &ends, &wholes);
                }
    assert_true(ends > 100 && wholes > 100);
}

static void what_is_covered_never_falls_and_is_never_past_the_whole(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 5);
    for (unsigned turn = 0; turn < 3000; turn++) {
        struct extent extent = extent_of((int64_t)prng_below(&prng, 5000), (int64_t)prng_below(&prng, 900),
                                         (int64_t)prng_below(&prng, 900));
        for (unsigned i = 0; i < 40; i++) {
            int64_t was = extent.covered, bound = extent_bound(&extent);
            extent_saw(&extent, prng_below(&prng, 300), (int64_t)prng_below(&prng, 6000) - 3000);
            assert_true(extent_bound(&extent) <= extent.whole && bound <= extent.whole);
            assert_true(extent_needs(&extent) >= extent_bound(&extent));
            assert_true(extent_wants(&extent) >= extent_needs(&extent) && extent_wants(&extent) <= extent.whole);
            if (extent_needs(&extent) > extent.covered) extent_covers(&extent, extent_wants(&extent));
            assert_true(extent.covered >= was && extent.covered <= extent.whole);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_what_is_usual_and_the_margin),
        cmocka_unit_test(a_byte_is_a_token_until_its_provider_counts),
        cmocka_unit_test(who_is_ended_is_charged_what_came_and_the_margin),
        cmocka_unit_test(whatever_a_provider_does_what_it_bills_is_reserved),
        cmocka_unit_test(what_is_covered_never_falls_and_is_never_past_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
