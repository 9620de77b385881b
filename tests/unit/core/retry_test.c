/* Backoff, and extra work as a share of the work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/retry.h"

#define S 1000000000ull

static void backoff_doubles_to_its_top_with_full_jitter(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 1);
    for (unsigned tries = 0; tries < 80; tries++) {
        uint64_t top = tries < 6 ? 200ull << tries : 10000, least = UINT64_MAX, greatest = 0;
        if (top > 10000) top = 10000;
        for (int i = 0; i < 2000; i++) {
            uint64_t ms = retry_backoff_ms(tries, 200, 10000, prng_next(&prng));
            if (ms < least) least = ms;
            if (ms > greatest) greatest = ms;
        }
        assert_true(greatest <= top && greatest > top * 9 / 10 && least < top / 10 + 1);
    }
}

/* To its last bit; where doubling goes past what a word holds, it is at its top. */
static void doubling_ends_where_words_do(void **state) {
    const uint64_t random = UINT64_C(0xfedcba9876543210);
    (void)state;
    assert_true(retry_backoff_ms(0, 1, UINT64_MAX, random) == random % 2);
    assert_true(retry_backoff_ms(31, 1, UINT64_MAX, random) == random % ((UINT64_C(1) << 31) + 1));
    assert_true(retry_backoff_ms(32, 1, UINT64_MAX, random) == random);
    assert_true(retry_backoff_ms(31, UINT64_C(1) << 40, UINT64_MAX, random) == random);
    assert_true(retry_backoff_ms(3, UINT64_C(1) << 61, UINT64_MAX - 1, random) == random % UINT64_MAX);
    assert_true(retry_backoff_ms(5, 10, 319, random) == random % 320);
    assert_true(retry_backoff_ms(5, 10, 320, random) == random % 321);
    assert_true(retry_backoff_ms(5, 10, 321, random) == random % 321);
    assert_true(retry_backoff_ms(0, 10, 5, random) == random % 6);
    assert_true(retry_backoff_ms(9, 0, 5, random) == 0);
}

static unsigned taken(struct share *share, unsigned permille, unsigned floor, uint64_t now) {
    unsigned count = 0;
    while (count < 100000 && share_take(share, permille, floor, now)) count++;
    return count;
}

static void the_floor_is_there_without_requests(void **state) {
    struct share share = {0};
    (void)state;
    assert_true(share_would_take(&share, 200, 10, 100 * S));
    assert_int_equal(taken(&share, 200, 10, 100 * S), 10);
    assert_false(share_would_take(&share, 200, 10, 104 * S));
    assert_int_equal(taken(&share, 200, 10, 104 * S), 0);
    assert_int_equal(taken(&share, 200, 10, 111 * S), 10);
}

static void a_fifth_of_the_requests_may_be_tried_again(void **state) {
    struct share share = {0};
    (void)state;
    for (int i = 0; i < 1000; i++) share_count(&share, 100 * S);
    assert_int_equal(taken(&share, 200, 10, 101 * S), 200);
    for (int i = 0; i < 500; i++) share_count(&share, 106 * S); /* the half before counts on both sides */
    assert_int_equal(taken(&share, 200, 10, 106 * S), 100);
    assert_int_equal(taken(&share, 200, 10, 131 * S), 10);
}

static void in_no_ten_seconds_are_there_more_than_the_floor(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed < 100; seed++) {
        struct share share = {0};
        uint64_t now = 1000 * S, times[512];
        unsigned count = 0;
        prng_seed(&prng, seed);
        for (int i = 0; i < 2000 && count < 512; i++) {
            now += prng_below(&prng, S);
            if (share_take(&share, 0, 10, now)) times[count++] = now;
        }
        for (unsigned i = 10; i < count; i++) assert_true(times[i] - times[i - 10] >= share_window_ns / 2);
    }
}

static void counts_stop_at_their_top(void **state) {
    struct share share = {0};
    (void)state;
    for (int i = 0; i < 1100000; i++) share_count(&share, 5 * S);
    assert_int_equal(cell_load(&share.now) >> 20 & 0xfffff, 0xfffff);
    assert_int_equal(cell_load(&share.now) >> 40, 1);
}

static void the_pause_reaches_its_edges_and_never_wraps(void **state) {
    (void)state;
    assert_int_equal(retry_backoff_ms(0, 200, 10000, 200), 200);
    assert_int_equal(retry_backoff_ms(0, 200, 10000, 201), 0);
    assert_int_equal(retry_backoff_ms(31, 1, UINT64_MAX - 1, 1ull << 31), 1ull << 31);
    assert_int_equal(retry_backoff_ms(31, 1, UINT64_MAX - 1, (1ull << 31) + 1), 0);
    assert_int_equal(retry_backoff_ms(60, 1ull << 40, 5000, 5000), 5000);
    assert_int_equal(retry_backoff_ms(5, 1ull << 62, 5000, 5000), 5000); /* base x 2^5 does not fit */
    assert_true(retry_backoff_ms(40, 200, UINT64_MAX, UINT64_MAX - 7) == UINT64_MAX - 7);
    assert_int_equal(retry_backoff_ms(3, 0, 5000, 12345), 0);
}

/* What share_would_take says is what share_take does, at every moment. */
static void a_look_says_what_taking_would_do(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct share share = {0};
        uint64_t now = seed * S;
        prng_seed(&prng, seed);
        for (int i = 0; i < 400; i++) {
            now += prng_below(&prng, 8) == 0 ? prng_below(&prng, 12 * S) : prng_below(&prng, S / 4);
            if (prng_below(&prng, 2)) share_count(&share, now);
            struct share looked_at = share;
            bool would = share_would_take(&looked_at, 300, 2, now);
            assert_true(cell_load(&looked_at.now) == cell_load(&share.now)); /* and changes nothing */
            assert_int_equal(share_take(&share, 300, 2, now), would);
        }
    }
}

static void all_of_the_requests_may_be_tried_again_and_not_one_more(void **state) {
    struct share share = {0};
    (void)state;
    for (int i = 0; i < 999; i++) share_count(&share, 100 * S);
    assert_int_equal(taken(&share, 1000, 0, 100 * S), 999);
    share = (struct share){0};
    for (int i = 0; i < 14; i++) share_count(&share, 100 * S);
    assert_int_equal(taken(&share, 200, 0, 100 * S), 2); /* of 2.8 */
}

/* Requests are counted once, wherever what is taken of them stands: it is as if each share had counted them itself. */
static void a_share_of_what_another_one_counts_is_as_large(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct share counted = {0}, other = {0}, naive = {0};
        uint64_t now = seed * S;
        prng_seed(&prng, seed);
        for (int i = 0; i < 400; i++) {
            now += prng_below(&prng, 8) == 0 ? prng_below(&prng, 12 * S) : prng_below(&prng, S / 4);
            if (prng_below(&prng, 2)) {
                share_count(&counted, now);
                share_count(&naive, now);
            }
            if (prng_below(&prng, 3) == 0 && share_take(&counted, 200, 10, now)) continue; /* from itself alone */
            bool would = share_would_take_of(&other, &counted, 300, 2, now), may = share_take(&naive, 300, 2, now);
            assert_int_equal(would, may);
            assert_int_equal(share_take_of(&other, &counted, 300, 2, now), may);
        }
    }
}

/* A thread whose clock is behind counts into the half that is there, and takes nothing back. */
static void a_clock_that_is_behind_begins_no_new_half(void **state) {
    struct share share = {0};
    (void)state;
    for (int i = 0; i < 10; i++) share_count(&share, 105 * S);
    uint64_t before = cell_load(&share.now);
    share_count(&share, 104 * S);
    assert_int_equal(cell_load(&share.now), before + (1ull << 20));
    assert_int_equal(taken(&share, 1000, 0, 104 * S), 11);
    assert_int_equal(cell_load(&share.before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff_doubles_to_its_top_with_full_jitter),
        cmocka_unit_test(doubling_ends_where_words_do),
        cmocka_unit_test(the_floor_is_there_without_requests),
        cmocka_unit_test(a_fifth_of_the_requests_may_be_tried_again),
        cmocka_unit_test(in_no_ten_seconds_are_there_more_than_the_floor),
        cmocka_unit_test(counts_stop_at_their_top),
        cmocka_unit_test(the_pause_reaches_its_edges_and_never_wraps),
        cmocka_unit_test(a_look_says_what_taking_would_do),
        cmocka_unit_test(all_of_the_requests_may_be_tried_again_and_not_one_more),
        cmocka_unit_test(a_share_of_what_another_one_counts_is_as_large),
        cmocka_unit_test(a_clock_that_is_behind_begins_no_new_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
