/* The circuit breaker: its states, its tickets, its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/breaker.h"

#define S 1000000000ull
static const struct breaker_rules rules = {.failure_threshold = 5,
                                           .half_open_max_calls = 3,
                                           .success_threshold = 2,
                                           .window_ns = 60 * S,
                                           .open_ns = 60 * S,
                                           .ramp_ns = 10 * S};

static struct breaker_ticket admit(struct breaker *breaker, uint64_t now) {
    struct breaker_ticket ticket = {0};
    assert_true(breaker_admit(breaker, &rules, now, &ticket));
    return ticket;
}

static void fail_times(struct breaker *breaker, unsigned times, uint64_t now) {
    for (unsigned i = 0; i < times; i++) breaker_report(breaker, &rules, now, admit(breaker, now), false, 0);
}

static void opens_after_five_failures_in_a_row(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 4, S);
    breaker_report(&breaker, &rules, S, admit(&breaker, S), true, 0);
    fail_times(&breaker, 4, S);
    assert_int_equal(breaker_view(&breaker, &rules, S).state, breaker_closed);
    assert_int_equal(breaker_report(&breaker, &rules, S, admit(&breaker, S), false, 0), breaker_opened);
    assert_false(breaker_would_admit(&breaker, &rules, S));
    assert_int_equal(breaker_view(&breaker, &rules, S).until_ns / S, 61);
    assert_false(breaker_would_admit(&breaker, &rules, 60 * S));
    assert_true(breaker_would_admit(&breaker, &rules, 61 * S));
}

static void half_open_lets_out_its_calls_and_closes_after_its_successes(void **state) {
    struct breaker breaker = {0};
    struct breaker_ticket probes[3], more;
    (void)state;
    fail_times(&breaker, 5, S);
    for (int i = 0; i < 3; i++) probes[i] = admit(&breaker, 62 * S);
    assert_true(probes[0].probe);
    assert_false(breaker_admit(&breaker, &rules, 62 * S, &more));
    assert_int_equal(breaker_report(&breaker, &rules, 63 * S, probes[0], true, 0), breaker_unchanged);
    assert_int_equal(breaker_report(&breaker, &rules, 63 * S, probes[1], true, 0), breaker_closed_again);
    assert_int_equal(breaker_report(&breaker, &rules, 63 * S, probes[2], false, 0), breaker_unchanged); /* too late */
    assert_int_equal(breaker_view(&breaker, &rules, 63 * S).state, breaker_closed);
}

static void a_failing_probe_opens_it_again_for_the_whole_time(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 5, S);
    assert_int_equal(breaker_report(&breaker, &rules, 70 * S, admit(&breaker, 62 * S), false, 0), breaker_opened);
    assert_false(breaker_would_admit(&breaker, &rules, 129 * S));
    assert_true(breaker_would_admit(&breaker, &rules, 131 * S));
}

static void what_the_provider_said_makes_it_later_never_sooner(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 4, S);
    breaker_report(&breaker, &rules, S, admit(&breaker, S), false, 200 * S);
    assert_false(breaker_would_admit(&breaker, &rules, 199 * S));
    breaker = (struct breaker){0};
    fail_times(&breaker, 4, S);
    breaker_report(&breaker, &rules, S, admit(&breaker, S), false, 2 * S);
    assert_false(breaker_would_admit(&breaker, &rules, 60 * S));
}

static void a_ticket_of_another_round_changes_nothing(void **state) {
    struct breaker breaker = {0};
    (void)state;
    struct breaker_ticket old = admit(&breaker, S);
    fail_times(&breaker, 5, S);
    assert_int_equal(breaker_report(&breaker, &rules, 2 * S, old, false, 500 * S), breaker_unchanged);
    struct breaker_ticket probe = admit(&breaker, 62 * S);
    breaker_report(&breaker, &rules, 62 * S, old, true, 0);
    breaker_release(&breaker, old);
    assert_int_equal(breaker_view(&breaker, &rules, 62 * S).calls_out, 1);
    breaker_release(&breaker, probe);
    breaker_release(&breaker, probe);
    assert_int_equal(breaker_view(&breaker, &rules, 62 * S).calls_out, 0);
}

static void a_probe_that_never_reports_loses_its_place(void **state) {
    struct breaker breaker = {0};
    struct breaker_ticket more;
    (void)state;
    fail_times(&breaker, 5, S);
    struct breaker_ticket lost = admit(&breaker, 62 * S);
    admit(&breaker, 62 * S);
    admit(&breaker, 100 * S);
    assert_false(breaker_admit(&breaker, &rules, 159 * S, &more)); /* 60 s from the last one */
    assert_true(breaker_admit(&breaker, &rules, 161 * S, &more));
    assert_int_equal(breaker_report(&breaker, &rules, 161 * S, lost, false, 0), breaker_unchanged);
}

static void the_round_and_the_clock_come_round(void **state) {
    uint64_t now = (1ull << 30) * 10000000ull - 30 * S; /* the ticks pass their top while it is open */
    struct breaker breaker = {0};
    (void)state;
    cell_store(&breaker.decision, 0xffffull << 46); /* and so does the round */
    fail_times(&breaker, 5, now);
    assert_int_equal(breaker_view(&breaker, &rules, now).round, 0);
    assert_false(breaker_would_admit(&breaker, &rules, now + 59 * S));
    assert_true(breaker_would_admit(&breaker, &rules, now + 61 * S));
}

static void counts_stop_at_their_top(void **state) {
    struct breaker_rules high = rules;
    struct breaker breaker = {0};
    (void)state;
    high.failure_threshold = UINT16_MAX;
    struct breaker_ticket ticket;
    for (int i = 0; i < 70000; i++) {
        if (!breaker_admit(&breaker, &high, S, &ticket)) break;
        breaker_report(&breaker, &high, S, ticket, i % 3 != 0, 0);
    }
    assert_int_equal(breaker_view(&breaker, &high, S).state, breaker_closed);
}

static void a_share_of_failures_opens_it_once_there_are_enough_calls(void **state) {
    struct breaker_rules share = rules;
    struct breaker breaker = {0};
    struct breaker_ticket ticket;
    unsigned calls = 0;
    (void)state;
    share.failure_share = 50;
    share.window_calls_min = 20;
    while (breaker_admit(&breaker, &share, S, &ticket))
        breaker_report(&breaker, &share, S, ticket, calls++ % 2 == 0, 0);
    assert_int_equal(calls, 20);
}

static void traffic_comes_back_slowly(void **state) {
    struct breaker breaker = {0};
    (void)state;
    assert_true(breaker_ramp(&breaker, &rules, S) == 1);
    fail_times(&breaker, 5, S);
    for (int i = 0; i < 2; i++) breaker_report(&breaker, &rules, 62 * S, admit(&breaker, 62 * S), true, 0);
    assert_true(breaker_ramp(&breaker, &rules, 62 * S) <= 0.11);
    assert_true(breaker_ramp(&breaker, &rules, 67 * S) > 0.45 && breaker_ramp(&breaker, &rules, 67 * S) < 0.55);
    assert_true(breaker_ramp(&breaker, &rules, 73 * S) == 1);
}

/* Every sequence of eight events of three callers, against plain numbers. */
struct naive {
    enum breaker_state state;
    unsigned in_a_row, out, good, epoch;
    uint64_t until;
};

static void every_short_sequence_is_as_plain_numbers_say(void **state) {
    const struct breaker_rules small = {.failure_threshold = 2,
                                        .half_open_max_calls = 2,
                                        .success_threshold = 2,
                                        .window_ns = 1000 * S,
                                        .open_ns = 10 * S};
    enum { length = 8, kinds = 8 };
    (void)state;
    for (uint32_t sequence = 0; sequence < 1u << (3 * length); sequence++) {
        struct breaker breaker = {0};
        struct naive naive = {.state = breaker_closed};
        struct breaker_ticket tickets[2] = {{0}};
        bool held[2] = {false}, probe[2];
        unsigned epoch[2];
        uint64_t now = S;
        for (unsigned step = 0; step < length; step++) {
            unsigned kind = sequence >> (3 * step) & 7, who = kind & 1;
            if (kind >= 6) { /* time passes: a little, or as long as it stays open */
                now += kind == 6 ? S : 10 * S;
                continue;
            }
            if (kind < 2) { /* one wants to be let out */
                if (held[who]) break;
                bool admits = naive.state == breaker_closed || (naive.state == breaker_open && now >= naive.until) ||
                              (naive.state == breaker_half_open && (naive.out < 2 || now >= naive.until));
                if (breaker_admit(&breaker, &small, now, &tickets[who]) != admits)
                    fail_msg("sequence %x step %u", sequence, step);
                if (!admits) continue;
                if (naive.state == breaker_open) naive.state = breaker_half_open, naive.out = naive.good = 0;
                if (naive.state == breaker_half_open && naive.out == 2) naive.out = naive.good = 0, naive.epoch++;
                held[who] = true;
                probe[who] = naive.state == breaker_half_open;
                epoch[who] = naive.epoch;
                if (probe[who]) naive.out++, naive.until = now + 10 * S;
                continue;
            }
            if (!held[who]) break;
            held[who] = false;
            bool good = kind < 4;
            breaker_report(&breaker, &small, now, tickets[who], good, 0);
            if (epoch[who] != naive.epoch || probe[who] != (naive.state == breaker_half_open)) continue;
            if (naive.state == breaker_open) continue;
            if (good) naive.in_a_row = 0;
            if (probe[who] && good && --naive.out + 1 && ++naive.good == 2) naive.state = breaker_closed, naive.epoch++;
            if (!good && (probe[who] || ++naive.in_a_row == 2))
                naive.state = breaker_open, naive.until = now + 10 * S, naive.epoch++, naive.in_a_row = 0;
        }
        struct breaker_view view = breaker_view(&breaker, &small, now);
        if (naive.state == breaker_open && now >= naive.until) naive.state = breaker_half_open;
        if (view.state != naive.state) fail_msg("sequence %x: %d, not %d", sequence, (int)view.state, (int)naive.state);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_five_failures_in_a_row),
        cmocka_unit_test(half_open_lets_out_its_calls_and_closes_after_its_successes),
        cmocka_unit_test(a_failing_probe_opens_it_again_for_the_whole_time),
        cmocka_unit_test(what_the_provider_said_makes_it_later_never_sooner),
        cmocka_unit_test(a_ticket_of_another_round_changes_nothing),
        cmocka_unit_test(a_probe_that_never_reports_loses_its_place),
        cmocka_unit_test(the_round_and_the_clock_come_round),
        cmocka_unit_test(counts_stop_at_their_top),
        cmocka_unit_test(a_share_of_failures_opens_it_once_there_are_enough_calls),
        cmocka_unit_test(traffic_comes_back_slowly),
        cmocka_unit_test(every_short_sequence_is_as_plain_numbers_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
