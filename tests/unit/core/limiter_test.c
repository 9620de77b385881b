/* Rates: what passes, what waits, what is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/limiter.h"

#define S 1000000000ull
static const struct limiter_rules sixty = {.limit = 60, .period_ns = 60 * S, .burst = 5};

static unsigned taken_at_once(struct cell *cell, const struct limiter_rules *rules, uint64_t now) {
    struct limiter_ticket ticket;
    unsigned count = 0;
    while (count < 1000 && limiter_take(cell, rules, 1, now, &ticket)) count++;
    return count;
}

static void the_burst_passes_at_once_then_one_a_second(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_int_equal(taken_at_once(&cell, &sixty, 100 * S), 5);
    assert_int_equal(limiter_wait_ns(&cell, &sixty, 1, 100 * S), S);
    assert_int_equal(taken_at_once(&cell, &sixty, 101 * S), 1);
    assert_int_equal(taken_at_once(&cell, &sixty, 104 * S), 3);
    assert_int_equal(taken_at_once(&cell, &sixty, 500 * S), 5); /* idle time does not add up */
    assert_int_equal(limiter_left(&cell, &sixty, 502 * S), 2);
}

/* By the same sums in 128 bits, whatever fits in fewer: limits of all sizes, with bursts that are the limit and others.
 */
static void what_is_left_is_what_the_burst_has_beside_what_is_owed(void **state) {
    static const uint64_t periods[] = {1, S, 60 * S, 3600 * S};
    struct prng prng;
    (void)state;
    prng_seed(&prng, 5);
    for (unsigned round = 0; round < 20000; round++) {
        const uint64_t now = 100 * S, limit = 1 + prng_below(&prng, UINT64_C(1) << prng_below(&prng, 45));
        const uint64_t other = prng_below(&prng, 2 * limit), period = periods[prng_below(&prng, 4)];
        const struct limiter_rules rules = {
            .limit = limit, .period_ns = period, .burst = prng_below(&prng, 2) ? limit : other};
        const uint64_t units = rules.burst ? rules.burst : 1;
        const uint64_t burst = (uint64_t)(((unsigned __int128)units * period + limit - 1) / limit);
        const uint64_t owed = prng_below(&prng, 3) ? prng_below(&prng, burst + 2) : prng_below(&prng, 100);
        struct cell cell = {0};
        cell_store(&cell, now + owed);
        uint64_t left = owed >= burst ? 0 : (uint64_t)((unsigned __int128)(burst - owed) * limit / period);
        assert_true(limiter_left(&cell, &rules, now) == left);
    }
}

static void no_limit_takes_nothing(void **state) {
    const struct limiter_rules none = {.limit = 0};
    struct cell cell = {0};
    (void)state;
    assert_int_equal(taken_at_once(&cell, &none, S), 1000);
    assert_int_equal(cell_load(&cell), 0);
    assert_true(limiter_left(&cell, &none, S) == UINT64_MAX);
}

static void more_than_the_burst_passes_alone_when_nothing_is_owed(void **state) {
    struct cell cell = {0};
    struct limiter_ticket ticket;
    (void)state;
    assert_true(limiter_take(&cell, &sixty, 50, 100 * S, &ticket));
    assert_false(limiter_take(&cell, &sixty, 1, 101 * S, &ticket));
    assert_int_equal(limiter_wait_ns(&cell, &sixty, 50, 101 * S), 49 * S);
    assert_true(limiter_take(&cell, &sixty, 50, 150 * S, &ticket));
}

static void a_refund_gives_back_what_time_has_not(void **state) {
    struct cell cell = {0};
    struct limiter_ticket ticket, other;
    (void)state;
    assert_true(limiter_take(&cell, &sixty, 4, 100 * S, &ticket));
    limiter_refund(&cell, &sixty, ticket, 100 * S);
    assert_int_equal(taken_at_once(&cell, &sixty, 100 * S), 5);
    cell_store(&cell, 0);
    assert_true(limiter_take(&cell, &sixty, 4, 100 * S, &ticket));
    assert_true(limiter_take(&cell, &sixty, 5, 103 * S, &other) == false);
    assert_true(limiter_take(&cell, &sixty, 4, 103 * S, &other)); /* owes 1 + 4 */
    limiter_refund(&cell, &sixty, ticket, 103 * S);               /* 3 of its 4 have drained */
    assert_int_equal(limiter_left(&cell, &sixty, 103 * S), 1);
    limiter_refund(&cell, &sixty, ticket, 200 * S);
    assert_int_equal(limiter_left(&cell, &sixty, 200 * S), 5);
}

static void the_truth_is_settled_up_and_down(void **state) {
    struct cell cell = {0};
    struct limiter_ticket ticket;
    (void)state;
    assert_true(limiter_take(&cell, &sixty, 4, 100 * S, &ticket));
    limiter_settle(&cell, &sixty, ticket, 1, 100 * S);
    assert_int_equal(limiter_left(&cell, &sixty, 100 * S), 4);
    cell_store(&cell, 0);
    assert_true(limiter_take(&cell, &sixty, 2, 100 * S, &ticket));
    limiter_settle(&cell, &sixty, ticket, 30, 100 * S);
    assert_int_equal(limiter_wait_ns(&cell, &sixty, 1, 100 * S), 26 * S);
}

static void a_hold_only_moves_later(void **state) {
    struct cell cell = {0};
    (void)state;
    limiter_hold_until(&cell, &sixty, 200 * S);
    limiter_hold_until(&cell, &sixty, 150 * S);
    assert_int_equal(limiter_wait_ns(&cell, &sixty, 1, 100 * S), 101 * S);
    cooldown_set(&cell, 900 * S);
    cooldown_set(&cell, 800 * S);
    assert_int_equal(cooldown_until_ns(&cell), 900 * S);
    cooldown_clear(&cell);
    assert_int_equal(cooldown_until_ns(&cell), 0);
}

/* Providers say how much was used, and one of them may lie for many callers at once. */
static void what_is_owed_after_many_impossible_reports_does_not_wrap(void **state) {
    const struct limiter_rules one = {.limit = 1, .period_ns = 60 * S, .burst = 1};
    const uint64_t tokens_max = 1000000000000;
    struct cell cell = {0};
    (void)state;
    for (int i = 0; i < 20; i++) {
        limiter_settle(&cell, &one, (struct limiter_ticket){.units = 0}, tokens_max, 100 * S);
        assert_true(limiter_wait_ns(&cell, &one, tokens_max, 100 * S) > 1000000 * S);
        assert_true(limiter_wait_ns(&cell, &one, 1, 100 * S) > 1000000 * S);
        assert_int_equal(limiter_left(&cell, &one, 100 * S), 0);
    }
    limiter_hold_until(&cell, &one, UINT64_MAX - S);
    assert_true(limiter_wait_ns(&cell, &one, 1, 100 * S) > 1000000 * S);
}

static void huge_numbers_do_not_wrap(void **state) {
    const struct limiter_rules odd = {.limit = 1, .period_ns = UINT64_MAX / 8, .burst = 1u << 30};
    struct cell cell = {0};
    struct limiter_ticket ticket;
    (void)state;
    assert_true(limiter_take(&cell, &odd, UINT64_MAX, S, &ticket));
    assert_false(limiter_take(&cell, &odd, 1, S, &ticket));
}

/* Random arrivals: in no stretch more than the burst and what the rate gives. */
static void no_stretch_of_time_gets_more_than_its_due(void **state) {
    enum { most = 600 };
    static uint64_t passed[most];
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        prng_seed(&prng, seed);
        struct limiter_rules rules = {.limit = 1 + prng_below(&prng, 100), .period_ns = S + prng_below(&prng, 100 * S)};
        rules.burst = 1 + prng_below(&prng, rules.limit);
        struct cell cell = {0};
        uint64_t now = S, tat = 0;
        unsigned count = 0;
        for (int i = 0; i < 1000 && count < most; i++) {
            struct limiter_ticket ticket;
            now += prng_below(&prng, 2 * rules.period_ns / rules.limit);
            if (!limiter_take(&cell, &rules, 1, now, &ticket)) continue;
            assert_true(cell_load(&cell) > tat); /* arrival times only move on */
            tat = cell_load(&cell);
            passed[count++] = now;
            for (unsigned from = 0; from < count; from++) {
                double due =
                    (double)rules.burst + (double)(now - passed[from]) * (double)rules.limit / (double)rules.period_ns;
                if (count - from > due + 1e-6)
                    fail_msg("seed %lu: %u in a stretch that is due %f", (unsigned long)seed, count - from, due);
            }
        }
    }
}

static void without_a_limit_nothing_waits_is_settled_or_held(void **state) {
    const struct limiter_rules none = {.limit = 0, .period_ns = S};
    const struct limiter_ticket ticket = {.tat_ns = 9 * S, .units = 3};
    struct cell cell = {0};
    (void)state;
    assert_int_equal(limiter_wait_ns(&cell, &none, 1000, S), 0);
    limiter_settle(&cell, &none, ticket, 7, S);
    limiter_hold_until(&cell, &none, 50 * S);
    assert_int_equal(cell_load(&cell), 0);
    cell_store(&cell, 9 * S);
    limiter_refund(&cell, &none, ticket, S);
    assert_int_equal(cell_load(&cell), 9 * S);
}

static void one_an_hour_is_a_limit(void **state) {
    const struct limiter_rules one = {.limit = 1, .period_ns = 3600 * S}; /* no burst said: one at once */
    struct cell cell = {0};
    struct limiter_ticket ticket;
    (void)state;
    assert_int_equal(limiter_left(&cell, &one, S), 1);
    assert_int_equal(taken_at_once(&cell, &one, S), 1);
    assert_int_equal(limiter_left(&cell, &one, S), 0);
    assert_int_equal(limiter_wait_ns(&cell, &one, 1, S), 3600 * S);
    assert_int_equal(taken_at_once(&cell, &one, 3600 * S), 0);
    assert_true(limiter_take(&cell, &one, 1, 3601 * S, &ticket));
    limiter_refund(&cell, &one, ticket, 3601 * S);
    assert_int_equal(limiter_left(&cell, &one, 3601 * S), 1);
    limiter_hold_until(&cell, &one, 9000 * S);
    assert_int_equal(limiter_wait_ns(&cell, &one, 1, 8000 * S), 1000 * S + 3600 * S);
}

/* A unit costs the period's part, rounded up: no more pass than the limit says. */
static void what_does_not_divide_is_rounded_up(void **state) {
    const struct limiter_rules three = {.limit = 3, .period_ns = 10, .burst = 1};
    struct cell cell = {0};
    struct limiter_ticket ticket;
    (void)state;
    assert_true(limiter_take(&cell, &three, 1, 100, &ticket));
    assert_int_equal(ticket.tat_ns, 104);
    assert_int_equal(ticket.units, 1);
    cell_store(&cell, 0);
    assert_true(limiter_take(&cell, &three, 3, 100, &ticket));
    assert_int_equal(ticket.tat_ns, 110); /* and what divides is not */
}

/* Where products pass 64 bits as where they do not: what is taken on an empty bucket is owed, to the nanosecond. */
static void a_cost_is_the_same_in_numbers_of_any_size(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 7);
    for (int i = 0; i < 100000; i++) {
        struct limiter_rules rules = {.limit = 1 + (prng_next(&prng) >> prng_next(&prng) % 64) / 2,
                                      .period_ns = prng_next(&prng) >> prng_next(&prng) % 64,
                                      .burst = 1};
        uint64_t units = prng_next(&prng) >> prng_next(&prng) % 64;
        unsigned __int128 cost = ((unsigned __int128)units * rules.period_ns + rules.limit - 1) / rules.limit;
        struct cell cell = {0};
        struct limiter_ticket ticket;
        assert_true(limiter_take(&cell, &rules, units, S, &ticket));
        assert_true(ticket.tat_ns == S + (uint64_t)(cost > UINT64_MAX / 4 ? UINT64_MAX / 4 : cost));
    }
}

static void a_settlement_that_is_right_or_has_no_ticket_moves_only_the_difference(void **state) {
    struct cell cell = {0};
    struct limiter_ticket ticket;
    (void)state;
    assert_true(limiter_take(&cell, &sixty, 4, 100 * S, &ticket));
    limiter_settle(&cell, &sixty, ticket, 4, 100 * S);
    assert_int_equal(cell_load(&cell), 104 * S);
    limiter_settle(&cell, &sixty, (struct limiter_ticket){.units = 0}, 3, 100 * S); /* nothing was reserved */
    assert_int_equal(cell_load(&cell), 107 * S);
    limiter_refund(&cell, &sixty, (struct limiter_ticket){.units = 0}, 100 * S);
    assert_int_equal(cell_load(&cell), 107 * S);
}

/* Whatever is taken, given back and settled, in any order: nothing is gained beyond a full bucket. */
static void giving_back_never_makes_more_than_a_full_bucket(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct cell cell = {0};
        struct limiter_ticket tickets[8] = {{0}};
        uint64_t now = 100 * S;
        prng_seed(&prng, seed);
        for (int i = 0; i < 200; i++) {
            struct limiter_ticket *ticket = &tickets[prng_below(&prng, 8)];
            uint64_t before = cell_load(&cell);
            now += prng_below(&prng, 3) * prng_below(&prng, S);
            if (ticket->units == 0 && !limiter_take(&cell, &sixty, 1 + prng_below(&prng, 4), now, ticket)) {
                assert_int_equal(cell_load(&cell), before);
            } else if (prng_below(&prng, 3) == 0) {
                before = cell_load(&cell);
                limiter_refund(&cell, &sixty, *ticket, now);
                uint64_t after = cell_load(&cell), most = ticket->tat_ns > now ? ticket->tat_ns - now : 0;
                assert_true(after <= before && before - after <= most && before - after <= ticket->units * S);
                assert_true(after == before || after >= now);
                *ticket = (struct limiter_ticket){.units = 0};
            }
            assert_true(limiter_left(&cell, &sixty, now) <= sixty.burst);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_burst_passes_at_once_then_one_a_second),
        cmocka_unit_test(no_limit_takes_nothing),
        cmocka_unit_test(what_is_left_is_what_the_burst_has_beside_what_is_owed),
        cmocka_unit_test(more_than_the_burst_passes_alone_when_nothing_is_owed),
        cmocka_unit_test(a_refund_gives_back_what_time_has_not),
        cmocka_unit_test(the_truth_is_settled_up_and_down),
        cmocka_unit_test(a_hold_only_moves_later),
        cmocka_unit_test(huge_numbers_do_not_wrap),
        cmocka_unit_test(what_is_owed_after_many_impossible_reports_does_not_wrap),
        cmocka_unit_test(no_stretch_of_time_gets_more_than_its_due),
        cmocka_unit_test(without_a_limit_nothing_waits_is_settled_or_held),
        cmocka_unit_test(one_an_hour_is_a_limit),
        cmocka_unit_test(what_does_not_divide_is_rounded_up),
        cmocka_unit_test(a_cost_is_the_same_in_numbers_of_any_size),
        cmocka_unit_test(a_settlement_that_is_right_or_has_no_ticket_moves_only_the_difference),
        cmocka_unit_test(giving_back_never_makes_more_than_a_full_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
